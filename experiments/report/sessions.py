"""The section of the global market's sessions: what was bid, limited and taken, hour by hour, and what constraints changed."""

import numpy as np
from matplotlib.axes import Axes

from data.arrays import I64, Names
from experiments import colours
from experiments.kpis.facts import Facts
from experiments.plots import View, chart, svg
from experiments.report.page import Section, figure, table
from experiments.results.frame import Frame

TITLE = "Global market: bids, limits, clearing"


def sessions(view: View) -> Section | None:
    """Bids, clearing and notices; None where there was no session."""
    facts = view.facts
    bids, hours, limits = (facts.all(name) for name in ("global_bids", "global_clearings", "perimeter_limits"))
    if bids is None or hours is None or limits is None or not len(hours):
        return None
    scheme = ", ".join(sorted(set(hours.names("scheme").tolist())))
    cost, left, broken = (
        float(np.abs(hours.floats(name)).sum()) for name in ("cost_eur", "imbalance_left_kw", "violated_kw")
    )
    text = (
        f"<p>Cleared by the scheme <b>{scheme}</b> for {cost:,.2f} EUR at the bids' own prices; {left:,.1f} kWh of imbalance were left, and {broken:,.1f} kWh "
        "broke limits that lines or perimeters had. <code>coflex schemes</code> with the run's folder shows the other schemes on the same bids.</p>"
    )
    picture = figure(clearing_chart(hours, bids, np.unique(limits.names("perimeter"))), "What was needed to balance (line), and what was activated: up above "
                     "zero, down below; dark in distribution networks, pale at the transmission network. Both directions in one hour relieve a line.")  # fmt: skip
    return Section("sessions", TITLE, text + picture + _bidders(facts, bids) + _changes(facts))


def clearing_chart(hours: Frame, bids: Frame, perimeters: Names) -> str:
    """Needs and activations of every hour as an SVG element."""
    t_ms = np.unique(hours.ints("t_ms"))
    place, taken = np.searchsorted(t_ms, bids.ints("t_ms")), bids.floats("accepted_kw")
    local, up = np.isin(bids.names("area"), perimeters), bids.names("direction") == "up"
    with chart() as (drawn, axes):
        for sign, way in ((1.0, up), (-1.0, ~up)):
            inner = sign * np.bincount(place[way & local], taken[way & local], len(t_ms))
            outer = sign * np.bincount(place[way & ~local], taken[way & ~local], len(t_ms))
            axes.bar(range(len(t_ms)), inner, color=colours.WITH, label="distribution networks" if sign > 0 else None)
            axes.bar(
                range(len(t_ms)),
                outer,
                bottom=inner,
                color=colours.PALE,
                label="conventional units" if sign > 0 else None,
            )
        _needs(axes, hours, t_ms)
        return svg(drawn, "sessions-clearing")


def _needs(axes: Axes, hours: Frame, t_ms: I64) -> None:
    order = np.argsort(hours.ints("t_ms"), kind="stable")
    axes.step(range(len(t_ms)), hours.floats("needed_kw")[order], where="mid", color=colours.BLACK, label="needed")
    axes.set_xlabel("hour of delivery")
    axes.set_ylabel("kW")
    axes.legend(ncols=3)


def _bidders(facts: Facts, bids: Frame) -> str:
    """What each bidder offered first, had at the gate, was left, and sold."""
    components = facts.all("bid_components")
    rows = []
    for bsp in sorted(set(bids.names("bsp").tolist())):
        for way in ("up", "down"):
            sold = bids.where((bids.names("bsp") == bsp) & (bids.names("direction") == way))
            if not len(sold):
                continue
            mine = (
                None
                if components is None
                else components.where((components.names("bsp") == bsp) & (components.names("direction") == way))
            )
            own = ("first_kw", "offered_kw", "limited_kw")
            sizes = [f"{mine.floats(name).sum():,.1f}" if mine is not None and len(mine) else "-" for name in own]
            taken, price = sold.floats("accepted_kw"), sold.floats("price_eur_per_kwh")
            rows.append(
                (
                    bsp,
                    way,
                    *sizes,
                    f"{sold.floats('validated_kw').sum():,.1f}",
                    f"{taken.sum():,.1f}",
                    f"{(taken * price).sum():,.2f}",
                )
            )
    head = (
        "bidder",
        "direction",
        "bid first (kWh)",
        "at the gate",
        "within lights",
        "cleared over",
        "sold (kWh)",
        "paid (EUR)",
    )
    return table(head, rows, numbers=range(2, 8))


def _changes(facts: Facts) -> str:
    """Notices and constraints that came after their deadline."""
    notices, late = facts.all("limitation_notices"), facts.all("late_constraints")
    told = 0 if notices is None else len(notices)
    in_time = 0 if notices is None else int((notices.ints("t_ms") <= notices.ints("due_ms")).sum())
    after = 0 if late is None else len(late)
    return (
        f"<p>{told} notices of limits went to bidders, {in_time} of them an hour or more ahead. {after} constraints came or changed after the deadline of "
        "their session; they limit hours that begin an hour later.</p>"
    )
