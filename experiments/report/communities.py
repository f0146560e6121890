"""The section of a report about energy communities: energy and prices over the day, members, coefficients, and a member's bill."""

from html import escape
from typing import Any, Final

import numpy as np

from data.arrays import F64, I64
from experiments import colours
from experiments.kpis.facts import summed
from experiments.plots import View, chart, svg, with_style
from experiments.report.page import Section, figure, table
from experiments.results.frame import Frame

_HEAD: Final = (
    "member", "bought", "sold", "self-consumed", "from retailer", "to retailer", "inside", "alone", "saved", "flexibility",
)  # fmt: skip
_ABOUT: Final = (
    "Energies at the metering points, period by period: what members took, what of it came from other members, and what their retailers supplied. "
    "Inside is what a member pays for energy to its retailer, the grid and other members, less what it earns; alone is what the same "
    "energies would have cost with its retailer. Fixed charges are left out of both. In the table energies are in kWh, amounts in EUR."
)
_COSTS: Final = ("supply_eur", "grid_eur", "internal_eur", "shortfall_eur")


def communities(view: View) -> Section | None:
    """Everything about the communities of a run; None where there is none."""
    title, energies = "Energy communities", view.facts.all("community_energies")
    asked = view.facts.all("community_members")
    if asked is None:
        return None
    if energies is None:
        return Section("communities", title, None, "No community was settled.")
    parts = [
        f"<p>{escape(_ABOUT)}</p>",
        figure(_day(view, energies), _CAPTION),
        _agreed(view),
        _members(view),
        _declined(asked),
        _bill(view),
    ]
    return Section("communities", title, "".join(parts))


_CAPTION: Final = (
    "Above: consumption at the metering points by where it came from, below the line what the community gave to retailers. Below: the internal "
    "price where something was traded, between the ends of the prices at which the trades stand."
)


def _day(view: View, energies: Frame) -> str:
    """Energy flows and internal prices over time."""
    times, group = np.unique(energies.ints("t_ms"), return_inverse=True)
    sums = {
        name: summed(np.asarray(group, np.int64), energies.floats(name))
        for name in ("self_consumed_kwh", "supplied_kwh", "surplus_kwh")
    }
    with chart(9.0, 5.0, rows=2) as (drawing, (top, bottom)):
        top.stackplot(
            view.clock(times), sums["self_consumed_kwh"], sums["supplied_kwh"], step="post", labels=("from members", "from retailers"),
            colors=(colours.WITH, colours.WITHOUT), alpha=0.8,
        )  # fmt: skip
        top.fill_between(
            view.clock(times), -sums["surplus_kwh"], step="post", color=colours.PALE, alpha=0.6, label="to retailers"
        )
        top.set_ylabel("kWh per period")
        top.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)
        _prices(view, bottom)
        for axes in (top, bottom):
            view.time_axis(axes)
        return svg(drawing, "community-day")


def _prices(view: View, axes: Any) -> None:
    """A line for each community, with the prices at which its trades stand."""
    everybody = view.facts.all("community_prices")
    if everybody is None:
        return
    names = everybody.names("community")
    for number, name in enumerate(np.unique(names).tolist()):
        frame = everybody.where(names == name)
        order = np.argsort(frame.ints("t_ms"), kind="stable")
        t_ms: I64 = frame.ints("t_ms")[order]
        columns: dict[str, F64] = {
            name: frame.floats(f"{name}_eur_per_kwh")[order] for name in ("price", "lowest", "highest")
        }
        traded = frame.floats("traded_kwh")[order] > 0.0
        low, high, price = (np.where(traded, columns[name], np.nan) for name in ("lowest", "highest", "price"))
        axes.fill_between(view.clock(t_ms), low, high, step="post", color=colours.PALE, alpha=0.4)
        style = with_style() | {"linestyle": _LINES[number % len(_LINES)], "label": name}
        view.step_line(axes, t_ms, price, **style)
    axes.set_ylabel("EUR/kWh")
    if len(np.unique(names)) > 1:
        axes.legend(loc="upper left", ncols=3)


_LINES: Final = ("-", "--", ":", "-.")


def _members(view: View) -> str:
    frame = view.facts.all("community_settlements")
    if frame is None:
        return ""
    names = frame.names("member")
    who, group = np.unique(names, return_inverse=True)
    sums = {
        name: summed(np.asarray(group, np.int64), frame.floats(name))
        for name in (*_COSTS, "surplus_eur", "flexibility_eur", "alone_eur", "bought_kwh", "sold_kwh", "self_consumed_kwh", "supplied_kwh", "surplus_kwh")
    }  # fmt: skip
    inside = sum(sums[name] for name in _COSTS) - sums["surplus_eur"] - sums["flexibility_eur"]
    columns = [sums[name] for name in ("bought_kwh", "sold_kwh", "self_consumed_kwh", "supplied_kwh", "surplus_kwh")]
    columns += [inside, sums["alone_eur"], sums["alone_eur"] - inside, sums["flexibility_eur"]]
    rows = [(str(name), *(f"{column[row]:,.2f}" for column in columns)) for row, name in enumerate(who)]
    rows.append(("all", *(f"{column.sum():,.2f}" for column in columns)))
    return table(_HEAD, rows, numbers=tuple(range(1, len(_HEAD))))


def _agreed(view: View) -> str:
    """What the internal market came to before delivery, day by day."""
    frame = view.facts.all("community_markets")
    if frame is None:
        return ""
    rows = [
        (
            row["community"], f"{view.run.local(row['day_ms']):%Y-%m-%d}", str(row["rounds"]), f"{row['cost_eur']:,.2f}", f"{row['bound_eur']:,.2f}",
            "-" if row["optimum_eur"] is None else f"{row['optimum_eur']:,.2f}", "yes" if row["converged"] else f"no: {row['reason']}",
        )
        for row in frame.table.to_pylist()
    ]  # fmt: skip
    return f"<p>{_MARKET}</p>" + table(_MARKET_HEAD, rows, numbers=(2, 3, 4, 5))


_MARKET: Final = (
    "What members agreed on before delivery. Cost is what all would pay by it to retailers and grid; no schedules at the last prices cost less than the bound; "
    "the optimum is what one step with everybody's data comes to."
)
_MARKET_HEAD: Final = ("community", "day", "rounds", "cost (EUR)", "bound (EUR)", "optimum (EUR)", "converged")


def _declined(asked: Frame | None) -> str:
    """Who did not approve the rules."""
    if asked is None:
        return ""
    rows = [row for row in asked.table.to_pylist() if not row["approved"]]
    if not rows:
        return ""
    listed = "; ".join(f"{row['member']} ({row['reason']})" for row in rows)
    return f"<p>Asked and not joined: {escape(listed)}.</p>"


def _bill(view: View) -> str:
    """The bill of the member with the most varied trade, as it can read it."""
    from experiments.bills import bill_of  # whoever reads a report need not load the markets
    from markets.community.bill import bill_text

    name = "content/CommunityBill"
    if name not in view.run.tables:
        return ""
    rows = {row["member"]: row for row in view.run.tables[name].to_pylist()}
    member = max(sorted(rows), key=lambda one: min(rows[one]["bought_kwh"], rows[one]["sold_kwh"]))
    return f"<h3>A member's bill</h3><pre>{escape(bill_text(bill_of(view.run, rows[member])))}</pre>"
