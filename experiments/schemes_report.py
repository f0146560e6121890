"""The page of a comparison of coordination schemes: cost by party, what is open or broken, whose flexibility, who is paid, what is told."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from experiments import colours
from experiments.report.page import Section, figure, page, table

_COLOURS = (colours.WITH, colours.ORANGE, colours.GREEN, colours.PURPLE, colours.SKY, colours.BLACK)


def write_schemes_page(path: Path, title: str, comparisons: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Write a page of comparisons.

    Args:
        path: the file.
        title: what was compared.
        comparisons: (session, what ``compared_situation`` found).
    """
    sections = [section for session, said in comparisons for section in _sections(session, said)]
    head = (
        f"<h1>{escape(title)}</h1><p>The same bids, needs and limits under every coordination scheme. Cost is that of activated bids at their own "
        "prices. A scheme that is not feasible breaks a limit, leaves a need open or the system unbalanced; its cost is not to be held against the "
        "others'.</p>"
    )
    path.write_text(page(title, head, sections), encoding="utf-8")


def _sections(session: str, said: Mapping[str, Any]) -> list[Section]:
    rows, name = said["schemes"], session or "situation"
    payers = list(dict.fromkeys(payer for row in rows for payer in row["by_operator"]))
    operators = list(dict.fromkeys(one for row in rows for one in row["flexibility_kwh"]))
    sellers = list(dict.fromkeys(seller for row in rows for seller in row["by_seller"]))
    kinds = list(dict.fromkeys(kind for row in rows for kind in row["messages"]))
    shares = ", ".join(f"{escape(one)} {eur:.2f} EUR" for one, eur in said["shares"].items())
    cost = (
        figure(
            cost_chart(rows, payers, f"cost-{_slug(name)}"),
            "Cost of activated bids by who pays; hatched: not feasible.",
        )
        + _columns(
            rows,
            [*payers, "all"],
            [*(lambda row, p=payer: row["by_operator"].get(p) for payer in payers), lambda row: row["cost_eur"]],
            "EUR",
        )
        + "<p>Each operator pays what it buys; of a joint market in proportion to its Shapley share of each hour, without what open needs are worth. Shares of the "
        f"common market with open needs at their price: {shares}.</p>"
    )
    broken = table(
        ("scheme", "feasible", "open needs (kWh)", "broken limits (kWh)", "where", "left imbalance (kWh)"),
        [
            (
                row["scheme"], "yes" if row["feasible"] else "no", f"{row['unmet_kwh']:.2f}", f"{row['violated_kwh']:.2f}",
                ", ".join(row["violated"]), f"{row['imbalance_left_kwh']:.2f}",
            )
            for row in rows
        ],
        numbers=(2, 3, 5),
    )  # fmt: skip
    used = _columns(rows, [*operators, "all"], [*(lambda row, o=one: row["flexibility_kwh"].get(o) for one in operators), lambda row: row["activated_kwh"]], "kWh")  # fmt: skip
    paid = _columns(rows, sellers, [lambda row, s=seller: row["by_seller"].get(s) for seller in sellers], "EUR")
    told = _columns(rows, [*kinds, "all"], [*(lambda row, k=kind: row["messages"].get(k) for kind in kinds), lambda row: sum(row["messages"].values())], "")  # fmt: skip
    ending = f": {session}" if session else ""
    parts = (("cost", "Cost by party", cost), ("limits", "What is open or broken", broken), ("use", "Flexibility used, by network", used),
             ("paid", "Who is paid", paid), ("told", "Messages", told))  # fmt: skip
    return [Section(f"{key}-{_slug(name)}", f"{title}{ending}", html) for key, title, html in parts]


def _columns(rows: Sequence[Mapping[str, Any]], heads: Sequence[str], values: Sequence[Any], unit: str) -> str:
    cells = [(row["scheme"], *(_number(value(row), unit) for value in values)) for row in rows]
    return table(
        ("scheme", *(f"{head} ({unit})" if unit else head for head in heads)), cells, numbers=range(1, len(heads) + 1)
    )


def _number(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:,.2f}" if unit else f"{value:d}"


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)


def cost_chart(rows: Sequence[Mapping[str, Any]], payers: Sequence[str], name: str) -> str:
    """Stacked cost of every scheme as an SVG element."""
    from experiments.plots import chart, svg

    with chart(height=0.5 + 0.34 * len(rows)) as (drawn, axes):
        for place, row in enumerate(rows):
            left = 0.0
            for number, payer in enumerate(payers):
                width = row["by_operator"].get(payer, 0.0)
                bars = axes.barh(
                    place,
                    width,
                    left=left,
                    color=_COLOURS[number % len(_COLOURS)],
                    label=payer if place == 0 else None,
                )
                if not row["feasible"]:
                    bars[0].set_hatch("///")
                    bars[0].set_edgecolor("white")
                left += width
        axes.set_yticks(range(len(rows)), [row["scheme"] for row in rows])
        axes.invert_yaxis()
        axes.set_xlabel("EUR")
        handles = [axes.barh(0, 0, color=_COLOURS[k % len(_COLOURS)])[0] for k in range(len(payers))]
        axes.legend(handles, payers, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return svg(drawn, name)
