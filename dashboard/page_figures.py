"""What came out: key figures as cards, and the table of all figures, run beside run."""

from collections.abc import Iterator, Mapping, Sequence

import streamlit as st

from dashboard import look
from dashboard.shown import Shown
from experiments.figures import Figures, FigureSpec, catalogue, stored_figures

KEY: tuple[str, ...] = (
    "peak_loading_percent", "overload_hours", "overload_kwh", "voltage_violation_hours", "flexibility_needed_kwh",
    "flexibility_delivered_kwh", "flexibility_true_kwh", "flexibility_cost_eur", "community_members",
    "community_self_sufficiency_percent", "community_saved_percent", "service_delivered_kwh", "heaters_controlled",
    "heater_saved_percent", "comfort_violation_degree_h", "messages_total",
)  # fmt: skip
_MOST_CARDS = 8


def show(shown: Sequence[Shown]) -> None:
    """Cards of each run, then all figures."""
    values = {one.name: stored_figures(one.run) for one in shown}
    twins = {one.name: stored_figures(one.run, twin=True) for one in shown if "twin/figures" in one.run.tables}
    for one in shown:
        st.html(
            look.run_head(one.name, one.colour, one.title)
            + _cards(_keys(one, shown, values), values[one.name], twins.get(one.name, {}))
        )
    st.header("All figures")
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="center")
    wanted = left.text_input(
        "Find a figure",
        key="find_figure",
        placeholder="for example overload, cost, messages",
        label_visibility="collapsed",
    )
    only = middle.toggle("Only what differs", key="only_differing", disabled=len(shown) < 2)
    with_twin = right.toggle("Also without coordination", key="with_twin", disabled=not twins)
    specs = [
        spec
        for spec in catalogue().values()
        if any(run.get(spec.id) is not None for run in values.values())
        and wanted.lower() in f"{spec.title} {spec.theme} {spec.id}".lower()
        and (not only or len(shown) < 2 or len({run.get(spec.id) for run in values.values()}) > 1)
    ]
    if not specs:
        st.info("No figure is called so, or none differs.")
        return
    if len(shown) > 1:
        st.html(look.soft("Point at the name of a figure to read what it is."))
    st.html(_table(shown, specs, values, twins if with_twin else {}))
    st.download_button("Download as CSV", _csv(shown, values, twins), "figures.csv", "text/csv", on_click="ignore")


def _keys(one: Shown, shown: Sequence[Shown], values: Mapping[str, Figures]) -> list[str]:
    """The figures of the cards of a run: the same ones for all runs of a scenario, since they are compared."""
    own = one.run.meta["scenario"].get("name")
    alike = [values[other.name] for other in shown if other.run.meta["scenario"].get("name") == own]
    return [key for key in KEY if any(run.get(key) is not None for run in alike)][:_MOST_CARDS]


def _cards(keys: Sequence[str], values: Figures, twin: Figures) -> str:
    specs = [catalogue()[key] for key in keys]
    return look.cards(
        (spec.title, spec.text(values.get(spec.id)), "" if values.get(spec.id) is None else spec.unit.removeprefix("-"),
         f"without coordination: {spec.text(twin[spec.id])}" if twin.get(spec.id) is not None else "")
        for spec in specs
    )  # fmt: skip


def _table(
    shown: Sequence[Shown], specs: Sequence[FigureSpec], values: Mapping[str, Figures], twins: Mapping[str, Figures]
) -> str:
    """Figures by theme; of one run what each is, of several the difference from the first beside each value and what it is under the mouse."""
    head, explained = ["figure"], len(shown) == 1
    for number, one in enumerate(shown):
        head += [one.name, *(["without"] if one.name in twins else []), *(["difference"] if number else [])]
    lines: list[Sequence[str]] = []
    marks: list[Sequence[str]] = []
    hints: list[str] = []
    theme = ""
    for spec in specs:
        if spec.theme != theme:
            theme = spec.theme
            lines.append([theme.capitalize()])
            marks.append([""])
            hints.append("")
        cells = list(_cells(shown, spec, values, twins))
        meaning = [spec.formula] if explained else []
        lines.append([spec.title, *(text for text, _ in cells), spec.unit.removeprefix("-"), *meaning])
        marks.append(["", *(mark for _, mark in cells), "", *("what" for _ in meaning)])
        hints.append("" if explained else spec.formula)
    return look.table([*head, "unit", *(["what it is"] if explained else [])], lines, range(1, len(head)), marks, hints)


def _cells(
    shown: Sequence[Shown], spec: FigureSpec, values: Mapping[str, Figures], twins: Mapping[str, Figures]
) -> Iterator[tuple[str, str]]:
    first = values[shown[0].name].get(spec.id)
    for number, one in enumerate(shown):
        value = values[one.name].get(spec.id)
        yield spec.text(value), ""
        if one.name in twins:
            yield spec.text(twins[one.name].get(spec.id)), ""
        if number:
            change = None if value is None or first is None else value - first
            yield spec.text(change, "+"), _mark(spec, change)


def _mark(spec: FigureSpec, change: float | None) -> str:
    if not change or spec.direction == "neutral":
        return ""
    return "better" if (change > 0) == (spec.direction == "more") else "worse"


def _csv(shown: Sequence[Shown], values: Mapping[str, Figures], twins: Mapping[str, Figures]) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)
    names = [one.name for one in shown]
    beside = [name for name in names if name in twins]
    writer.writerow(["figure", "title", "unit", *names, *(f"{name} without coordination" for name in beside)])
    for spec in catalogue().values():
        row = [values[name].get(spec.id) for name in names] + [twins[name].get(spec.id) for name in beside]
        writer.writerow([spec.id, spec.title, spec.unit, *("" if value is None else value for value in row)])
    return out.getvalue()
