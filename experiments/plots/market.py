"""Charts of the market: need and what was found for it, clearing curves, activation against baseline, money."""

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from data.arrays import F64, I64
from experiments import colours
from experiments.kpis.facts import Facts, summed
from experiments.kpis.market import accepted_calls, portfolios, settled
from experiments.kpis.parties import party_kinds
from experiments.plots import View, chart, sums_at, svg
from experiments.results.frame import Frame

_MOST_SESSIONS: Final = 6
_MOST_FSPS: Final = 4
KIND_COLOURS: Final = {
    "dso": colours.WITH, "fsps": colours.ORANGE, "homes": colours.GREEN, "retailer": colours.PURPLE,
    "state": colours.GREY, "others": colours.SKY,
}  # fmt: skip
KIND_NAMES: Final = {
    "dso": "DSO", "fsps": "flexibility providers", "homes": "homes", "retailer": "retailer", "state": "state",
    "others": "platforms and others",
}  # fmt: skip


def flexibility_chart(view: View) -> str | None:
    """Needed, offered, cleared, activated and delivered power over the delivery days."""
    series: list[tuple[str, str, dict[str, Any]]] = [
        ("needs", "quantity_kw", {"label": "needed", "color": colours.BLACK, "linestyle": ":", "zorder": 5}),
        ("bids", "quantity_kw", {"label": "offered", "color": colours.PALE, "linewidth": 4}),
        ("bids", "accepted_kw", {"label": "cleared", "color": colours.ORANGE}),
        ("activations", "ordered_kw", {"label": "activated", "color": colours.SKY, "linestyle": "--"}),
        ("deliveries", "delivered_kw", {"label": "delivered, against the baseline", "color": colours.WITH}),
        ("deliveries", "true_kw", {"label": "delivered, against the twin", "color": colours.GREEN}),
    ]
    there = [(frame, column, style) for table, column, style in series if (frame := _frame(view.facts, table))]
    if not there:
        return None
    with chart() as (figure, axes):
        for frame, column, style in there:
            if not np.isnan(frame.floats(column)).any():
                view.step_line(axes, *sums_at(frame, frame.floats(column)), **style)
        axes.set(title="Flexibility over the day", ylabel="power (kW)")
        axes.set_ylim(min(0.0, axes.get_ylim()[0]), 1.08 * axes.get_ylim()[1])
        first, last = _span(frame for frame, _, _ in there)
        margin = 2 * 3_600_000
        low, high = view.clock(np.array([first - margin, last + margin]))
        view.time_axis(axes, span=False)
        axes.set_xlim(low, high)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return svg(figure, "flexibility")


def _frame(facts: Facts, table: str) -> Frame | None:
    if table == "deliveries":
        return settled(facts)
    return accepted_calls(facts.days(table)) if table == "activations" else facts.days(table)


def _span(frames: Any) -> tuple[int, int]:
    times = [frame.ints("t_ms") for frame in frames]
    return min(int(t.min()) for t in times), max(int(t.max()) for t in times)


def clearing_charts(view: View) -> str | None:
    """For each session and direction the bids in order of price at the interval of the largest need."""
    bids = view.facts.days("bids")
    if bids is None:
        return None
    book = sorted(set(zip(bids.names("session").tolist(), bids.names("direction").tolist(), strict=True)))[
        :_MOST_SESSIONS
    ]
    columns = min(len(book), 2)
    rows = -(-len(book) // columns)
    with chart(4.6 * columns if columns > 1 else 6.0, 3.0 * rows, rows, columns, squeeze=False) as (figure, axes):
        for place, (session, direction) in enumerate(book):
            own = bids.where((bids.names("session") == session) & (bids.names("direction") == direction))
            _clearing(view, axes.flat[place], own, session, direction)
        for empty in axes.flat[len(book) :]:
            empty.set_axis_off()
        return svg(figure, "clearing")


def _clearing(view: View, axes: Axes, bids: Frame, session: str, direction: str) -> None:
    """Supply curve: width offered, the accepted part filled, height the price; the need as a line."""
    t_ms, needed = _largest_need(view.facts, bids, session, direction)
    bids = bids.where(bids.ints("t_ms") == t_ms)
    order = np.lexsort((bids.names("bid"), bids.floats("price_eur_per_kwh")))
    width, price = bids.floats("quantity_kw")[order], bids.floats("price_eur_per_kwh")[order]
    accepted = bids.floats("accepted_kw")[order]
    left = np.concatenate([[0.0], np.cumsum(width)[:-1]])
    edge: dict[str, Any] = {"edgecolor": colours.GREY, "linewidth": 0.5 if len(width) < 80 else 0.0, "align": "edge"}
    axes.bar(left, price, width, color=colours.PALE, label="offered", **edge)
    axes.bar(left, price, accepted, color=colours.ORANGE, label="accepted", **edge)
    if needed is not None:
        axes.axvline(needed, ymax=0.86, color=colours.BLACK, linestyle=":", label=f"needed {needed:.1f} kW")
    axes.set(title=f"{session}, {direction}, {view.time_text(t_ms)}", xlabel="power offered, cheapest first (kW)")
    axes.set_ylabel("price (EUR/kWh)")
    axes.set_xlim(0, 1.02 * max(float(width.sum()), needed or 0.0))
    axes.set_ylim(min(0.0, 1.1 * float(price.min())), 1.3 * max(float(price.max()), 0.01))
    axes.legend(loc="upper left", ncols=3)


def _largest_need(facts: Facts, bids: Frame, session: str, direction: str) -> tuple[int, float | None]:
    """Instant of the largest need of a session and direction, and that need [kW]; else of the largest offer."""
    clearings = facts.days("clearings")
    if clearings is not None:
        own = clearings.where((clearings.names("session") == session) & (clearings.names("direction") == direction))
        if len(own):
            t_ms, needed = sums_at(own, own.floats("needed_kw"))
            offered = np.isin(t_ms, bids.ints("t_ms"))
            if offered.any():
                best = int(np.argmax(np.where(offered, needed, -1.0)))
                return int(t_ms[best]), float(needed[best])
    t_ms, offer = sums_at(bids, bids.floats("quantity_kw"))
    return int(t_ms[int(np.argmax(offer))]), None


def biggest_fsps(facts: Facts) -> list[str]:
    """Providers by energy ordered, the biggest first."""
    frame = settled(facts)
    if frame is None:
        return []
    codes, labels = frame.codes("fsp")
    ordered = np.bincount(codes, frame.floats("ordered_kw"), minlength=len(labels))
    return [labels[i] for i in np.argsort(-ordered, kind="stable") if ordered[i] > 0][:_MOST_FSPS]


def activation_charts(view: View) -> str | None:
    """For the biggest providers: frozen baseline, meter and twin of the portfolio, and what was ordered."""
    fsps = biggest_fsps(view.facts)
    if not fsps:
        return None
    columns = min(len(fsps), 2)
    rows = -(-len(fsps) // columns)
    with chart(4.6 * columns if columns > 1 else 6.4, 3.1 * rows, rows, columns, squeeze=False) as (figure, axes):
        for place, fsp in enumerate(fsps):
            _activation(view, axes.flat[place], fsp)
        for empty in axes.flat[len(fsps) :]:
            empty.set_axis_off()
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5)
        return svg(figure, "activation")


def _activation(view: View, axes: Axes, fsp: str) -> None:
    found = portfolios(view.facts, fsp)
    if found is None:
        return
    t_ms, place = np.unique(found.t_ms, return_inverse=True)
    columns = (found.baseline_kw, found.metered_kw, found.ordered_kw, found.without_kw)
    baseline, metered, ordered, twin = (summed(place, column) for column in columns)
    whole = _agrees(portfolio(view.facts, fsp), t_ms, metered)
    for facts, colour in ((view.facts.twin, colours.WITHOUT), (view.facts, colours.WITH)):
        around = portfolio(facts, fsp) if facts and whole else None
        if around is not None:
            view.step_line(axes, *around, color=colour, alpha=0.45, linewidth=1.0)
    if not np.isnan(twin).any():
        view.step_line(axes, t_ms, twin, color=colours.WITHOUT, linestyle=(0, (4, 1.5)), label="twin (no activation)")
    view.step_line(axes, t_ms, baseline, color=colours.BLACK, label="frozen baseline")
    view.step_line(axes, t_ms, baseline - ordered, color=colours.ORANGE, linestyle=":", label="baseline less order")
    view.step_line(axes, t_ms, metered, color=colours.WITH, linewidth=2.2, label="metered")
    axes.set(title=fsp, ylabel="net load (kW)")
    margin = (3 if whole else 1) * 3_600_000
    view.time_axis(axes, span=False, most=6)
    low, high = view.clock(np.array([t_ms[0] - margin, t_ms[-1] + margin]))
    axes.set_xlim(low, high)


def portfolio(facts: Facts, fsp: str) -> tuple[I64, F64] | None:
    """Net load [kW] of all homes of a provider by instant."""
    meters, homes = facts.all("meters"), facts.all("homes")
    if meters is None or homes is None:
        return None
    own = meters.where(np.isin(meters.names("meter"), homes.names("meter")[homes.names("fsp") == fsp]))
    net = (own.floats("import_kwh") - own.floats("export_kwh")) / facts.market_hours
    return sums_at(own, net) if len(own) else None


def _agrees(around: tuple[I64, F64] | None, t_ms: I64, metered: F64) -> bool:
    """Whether the settled meters are those of the whole portfolio, so that the day around can be drawn with them."""
    if around is None or not np.isin(t_ms, around[0]).all():
        return False
    whole = around[1][np.searchsorted(around[0], t_ms)]
    return bool(np.allclose(whole, metered, rtol=0.01, atol=0.01))


def money_flows(facts: Facts) -> list[tuple[str, str, str, float]]:
    """Money [EUR] from kind of party to kind of party by purpose, the largest first."""
    ledger = facts.all("ledger")
    if ledger is None:
        return []
    kinds = party_kinds(facts)
    sums: dict[tuple[str, str, str], float] = {}
    columns = (ledger.names(name).tolist() for name in ("debtor", "creditor", "purpose"))
    for debtor, creditor, purpose, eur in zip(*columns, ledger.floats("eur").tolist(), strict=True):
        a, b = kinds.get(debtor, "others"), kinds.get(creditor, "others")
        key = (a, b, purpose) if eur >= 0 else (b, a, purpose)
        sums[key] = sums.get(key, 0.0) + abs(eur)
    return sorted(((*key, eur) for key, eur in sums.items()), key=lambda flow: -flow[3])


def money_chart(view: View) -> str | None:
    """Money from payers (left) to receivers (right), width in proportion to the amount."""
    flows: dict[tuple[str, str], float] = {}
    for payer, receiver, _, eur in money_flows(view.facts):
        flows[payer, receiver] = flows.get((payer, receiver), 0.0) + eur
    total = sum(flows.values())
    if not total:
        return None
    with chart(8.0, 3.6) as (figure, axes):
        out = _stack(
            axes, {k: sum(v for (a, _), v in flows.items() if a == k) for k in KIND_NAMES}, 0.0, "right", total
        )
        into = _stack(
            axes, {k: sum(v for (_, b), v in flows.items() if b == k) for k in KIND_NAMES}, 1.0, "left", total
        )
        for a in KIND_NAMES:
            for b in KIND_NAMES:
                if eur := flows.get((a, b), 0.0):
                    out[a] -= eur / total
                    into[b] -= eur / total
                    _ribbon(axes, out[a], into[b], eur / total, KIND_COLOURS[a])
        axes.set(xlim=(-0.55, 1.55), ylim=(-0.05, None), title="Money: who pays (left), who receives (right)")
        axes.set_axis_off()
        return svg(figure, "money")


def _stack(axes: Axes, sums: dict[str, float], x: float, side: str, total: float) -> dict[str, float]:
    """Bars of the parties on one side; the top of each, from which ribbons hang."""
    gap, least, height, tops = 0.03, 0.12, 0.0, {}
    for kind in reversed(list(sums)):
        if sums[kind]:
            size = sums[kind] / total
            slot = max(size, least)  # room for the label of a thin bar
            foot = height + (slot - size) / 2
            axes.bar(x, size, 0.03, foot, color=KIND_COLOURS[kind])
            text = f"{KIND_NAMES[kind]}\n{sums[kind]:,.2f} EUR"
            where = x - 0.03 if side == "right" else x + 0.03
            axes.text(where, height + slot / 2, text, ha=side, va="center", fontsize=8.5)
            height += slot + gap
            tops[kind] = foot + size
    return tops


def _ribbon(axes: Axes, left: float, right: float, size: float, colour: str) -> None:
    a, b = 0.015, 0.985
    points = [(a, left), (0.5, left), (0.5, right), (b, right), (b, right + size), (0.5, right + size), (0.5, left + size),
              (a, left + size), (a, left)]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    axes.add_patch(PathPatch(Path(points, codes), facecolor=colour, alpha=0.35, linewidth=0))
