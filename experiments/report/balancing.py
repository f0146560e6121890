"""The section of balancing services: what sellers held, owed, delivered and earned, how they followed, and what came back."""

import numpy as np

from data.arrays import F64, I64
from experiments import colours
from experiments.kpis.balancing import FLEXIBLE, accuracy_percent, delivered_kw, of_pools, result_eur, shortage
from experiments.kpis.facts import Facts, summed
from experiments.plots import View, chart, sums_at, svg
from experiments.report.page import Section, figure, table
from experiments.results.frame import Frame

_WAYS = {"up": " up", "down": " down", "": ""}
TITLE = "Balancing: offered, called, delivered, settled"
SERVICES = {"fcr": "FCR", "afrr": "aFRR", "mfrr": "mFRR"}


def balancing(view: View) -> Section | None:
    """Auction, delivery and money by seller, how the pools followed, signals, and rebound; None where nobody balances."""
    facts = view.facts
    deliveries, reports = facts.all("reserve_deliveries"), facts.all("reserve_reports")
    if deliveries is None or reports is None:
        return None
    parts = [_auction(facts), _delivered(facts, deliveries), _imbalances(facts)]
    parts.append(figure(following_chart(view, deliveries, reports), "Change that was due of each seller, product by product (areas, up above zero), and what "
                        "was metered at its assets against its baseline (line). Where the line leaves the areas a baseline was wrong or assets gave less."))  # fmt: skip
    signals = signals_chart(view)
    if signals:
        parts.append(figure(signals, "Above: lowest and highest deviation of the frequency in each quarter of an hour and its mean; between the dashed lines droops do "
                            "nothing. Below: imbalance of the area without reserves (its negative, what has to be given), and reserves called for it."))  # fmt: skip
    rebound = rebound_chart(view)
    if rebound:
        parts.append(figure(rebound, "Energy that the assets took less than in the twin, since the day began (lines, by kind), and what devices gave in the same "
                            "time by physics' own account (dashed). What lies between the dashed line and all assets together has been taken back."))  # fmt: skip
    return Section("balancing", TITLE, "".join(parts))


def _named(product: str) -> str:
    """A product as people write it: aFRR up."""
    service, _, way = product.partition("-")
    return f"{SERVICES.get(service, service)}{_WAYS.get(way, way)}"


def _auction(facts: Facts) -> str:
    frame = facts.all("reserve_auctions")
    if frame is None:
        return ""
    product, seller = frame.names("product"), frame.names("seller")
    rows = []
    for name in sorted(set(product.tolist())):
        for who in sorted(set(seller.tolist())):
            mine = (product == name) & (seller == who)
            if mine.any():
                accepted = frame.floats("accepted_kw")[mine]
                price = frame.floats("price_eur_per_kw_h")[mine]
                paid = float((accepted * price).sum() / accepted.sum()) if accepted.sum() else 0.0
                rows.append((_named(name), who, str(int(mine.sum())), f"{frame.floats('need_kw')[mine].mean():,.0f}",
                             f"{frame.floats('offered_kw')[mine].mean():,.1f}", f"{accepted.mean():,.1f}", f"{1000.0 * paid:,.1f}"))  # fmt: skip
    head = ("product", "seller", "blocks", "needed (kW)", "offered (kW)", "bought (kW)", "price (EUR/MW/h)")
    text = "<p>FCR (frequency containment reserve) stops a deviation of the frequency within seconds; aFRR and mFRR (automatic and manual frequency restoration reserve) bring it back. Offers at the gate, means over the blocks for which a seller offered. Small pools offer through the aggregator's platform; conventional units compete.</p>"
    return text + table(head, rows, numbers=range(2, 7)) + _short(frame)


def _short(frame: Frame) -> str:
    """Why less was bought than needed, where it was."""
    found = {
        name: shortage(frame.where(frame.names("product") == name))
        for name in sorted(set(frame.names("product").tolist()))
    }
    rows = [
        (_named(name), *(f"{value:,.0f}" for value in one)) for name, one in found.items() if one.missing_kw_h > 0.5
    ]
    if not rows:
        return "<p>All that was needed was bought.</p>"
    head = (
        "product",
        "needed (kW h)",
        "bought",
        "missing",
        "of it offered by nobody",
        "offered above the price cap",
        "offered in quantities that are not bought",
    )
    text = "<p>Less was bought than needed, over the blocks for which anybody offered. No more is paid than the price cap:</p>"
    return text + table(head, rows, numbers=range(1, 7))


def _delivered(facts: Facts, frame: Frame) -> str:
    """By seller and product: power held, energy due and delivered, accuracy, and money."""
    rows, hours = [], facts.hours
    seller, product = frame.names("seller"), frame.names("product")
    for who in sorted(set(seller.tolist())):
        for name in [
            one
            for one in sorted(set(product.tolist()))
            if frame.floats("held_kw")[(seller == who) & (product == one)].any()
        ]:
            mine = frame.where((seller == who) & (product == name))
            held, due = mine.floats("held_kw"), mine.floats("due_kw")
            off = np.abs(mine.floats("delivered_kw") - due)[held > 0.0].sum() / held.sum()
            rows.append((
                who, _named(name), f"{held[held > 0.0].mean():,.1f}", f"{np.abs(due).sum() * hours:,.1f}", f"{delivered_kw(mine).sum() * hours:,.1f}",
                f"{mine.floats('missing_kw').sum() * hours:,.2f}", f"{100.0 * (1.0 - off):,.1f}",
                *(f"{mine.floats(column).sum() + 0.0:z,.2f}" for column in ("capacity_eur", "energy_eur", "penalty_eur", "value_eur")),
            ))  # fmt: skip
    head = (
        "seller",
        "product",
        "held (kW)",
        "due (kWh)",
        "given (kWh)",
        "missing (kWh)",
        "accuracy (%)",
        "capacity",
        "changes",
        "penalty",
        "value",
    )
    text = (
        "<p>Assets serve several products at once: delivery is metered for all of them together, and what it differs from all that was due is shared by the power "
        "held. Missing is what exceeds the tolerance; accuracy is 100&nbsp;% less the mean deviation over the power held. Money is in EUR: for capacity, for changes, penalties, and the day-ahead value of the energy, which is handed on.</p>"
    )
    exact = ", ".join(
        f"{label} {value:.1f}&nbsp;%"
        for key, label in SERVICES.items()
        if (value := accuracy_percent(facts, key)) is not None
    )
    return (
        text
        + table(head, rows, numbers=range(2, 11))
        + (f"<p>Accuracy of pools by service: {exact}.</p>" if exact else "")
    )


def _imbalances(facts: Facts) -> str:
    """What balance responsible parties are adjusted by, what is left to them, and what the operator is left with."""
    frame = facts.all("reserve_imbalances")
    if frame is None:
        return ""
    rows, party = [], frame.names("party")
    for name in sorted(set(party.tolist())):
        mine = frame.where(party == name)
        left = mine.floats("imbalance_kwh")
        sums = [
            mine.floats("adjustment_kwh").sum(),
            np.maximum(left, 0.0).sum(),
            np.minimum(left, 0.0).sum(),
            mine.floats("paid_eur").sum(),
        ]
        rows.append((name, *(f"{value:,.1f}" for value in sums[:3]), f"{sums[3]:z,.2f}"))
    result, price = result_eur(facts), 1000.0 * frame.floats("price_eur_per_kwh")
    head = ("balance responsible party", "adjusted (kWh)", "surplus (kWh)", "shortage (kWh)", "pays (EUR)")
    text = (
        "<p>What was due of a seller is adjusted and nobody's imbalance; how its assets strayed otherwise is settled with the balance responsible party behind them, at one "
        f"price a quarter of an hour, {price.min():,.0f} to {price.max():,.0f} EUR/MWh. Below zero the operator pays. "
        + (f"Of all balancing energy {result:,.2f} EUR are left to the operator." if result is not None else "") + "</p>"
    )  # fmt: skip
    return text + table(head, rows, numbers=range(1, 5))


def following_chart(view: View, deliveries: Frame, reports: Frame) -> str:
    """Due and metered change of every seller."""
    pooled = set(reports.names("seller")[of_pools(view.facts, reports)].tolist())
    sellers = sorted(set(reports.names("seller").tolist()), key=lambda name: (name not in pooled, name))
    with chart(9.0, 2.6 * len(sellers), rows=len(sellers), squeeze=False) as (picture, panels):
        for axes, who in zip(panels[:, 0], sellers, strict=True):
            mine = deliveries.where(deliveries.names("seller") == who)
            t_ms = np.unique(mine.ints("t_ms"))
            up, down = np.zeros(len(t_ms)), np.zeros(len(t_ms))
            for (key, label), colour in zip(
                SERVICES.items(), (colours.SKY, colours.GREEN, colours.ORANGE), strict=True
            ):
                rows = mine.where(np.char.startswith(mine.names("product"), key))
                _, due = sums_at(rows, rows.floats("due_kw"))
                bottom = np.where(due >= 0.0, up, down)
                axes.bar(
                    view.clock(t_ms),
                    due,
                    width=np.timedelta64(view.facts.step_ms, "ms"),
                    bottom=bottom,
                    align="edge",
                    color=colour,
                    label=f"{label} due",
                )
                up, down = up + np.maximum(due, 0.0), down + np.minimum(due, 0.0)
            own = reports.where(reports.names("seller") == who)
            view.step_line(
                axes, own.ints("t_ms"), own.floats("measured_kw"), color=colours.BLACK, linewidth=1.2, label="metered"
            )
            axes.set(title=who, ylabel="change, up (kW)")
            view.time_axis(axes)
        panels[0, 0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return svg(picture, "balancing-following")


def signals_chart(view: View) -> str | None:
    """Frequency, and the imbalance with what was called for it."""
    facts = view.facts
    frequency, area = facts.days("frequency"), facts.days("area_signals")
    if frequency is None or area is None:
        return None
    band = float(((facts.scenario.get("balancing") or {}).get("signals") or {}).get("dead_band_mhz", 10.0))
    with chart(9.0, 4.6, rows=2) as (picture, panels):
        t_ms = frequency.ints("t_ms")
        ends = np.append(t_ms, t_ms[-1] + facts.step_ms)
        for edge in (-band, band):
            panels[0].axhline(edge, color=colours.GREY, linewidth=0.8, linestyle="--")
        panels[0].fill_between(
            view.clock(ends),
            *(np.append(edge, edge[-1]) for edge in (frequency.floats("least_mhz"), frequency.floats("most_mhz"))),
            step="post",
            color=colours.SKY,
            alpha=0.6,
        )
        view.step_line(panels[0], t_ms, frequency.floats("mean_mhz"), color=colours.WITH, linewidth=1.0)
        panels[0].set(title="frequency", ylabel="deviation (mHz)")
        at_ms = area.ints("t_ms")
        view.step_line(
            panels[1], at_ms, -area.floats("imbalance_kw"), color=colours.GREY, linewidth=0.8, label="has to be given"
        )
        view.step_line(
            panels[1],
            at_ms,
            area.floats("afrr_kw") + area.floats("mfrr_kw"),
            color=colours.WITH,
            linewidth=1.2,
            label="aFRR and mFRR called",
        )
        view.step_line(
            panels[1], at_ms, area.floats("mfrr_kw"), color=colours.ORANGE, linewidth=1.2, label="of these mFRR"
        )
        panels[1].set(title="area", ylabel="up (kW)")
        panels[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        for axes in panels:
            view.time_axis(axes)
        return svg(picture, "balancing-signals")


def rebound_chart(view: View) -> str | None:
    """Energy taken less than in the twin, by kind of asset, and what was given."""
    facts = view.facts
    own, other = facts.all("devices"), facts.twin.all("devices") if facts.twin else None
    given = facts.all("reserve_responses")
    if own is None or other is None or given is None:
        return None
    with chart(9.0, 3.4) as (picture, axes):
        total: F64 | None = None
        shades = (colours.SKY, colours.GREEN, colours.ORANGE, colours.PURPLE)
        for kind, colour in zip(FLEXIBLE, shades, strict=True):
            t_ms, less = _less(facts, own, other, kind)
            total = less if total is None else total + less
            axes.plot(
                view.clock(t_ms),
                less,
                color=colour,
                linewidth=1.0,
                label="EV" if kind == "ev" else kind.replace("_", " "),
            )
        axes.plot(view.clock(t_ms), total, color=colours.WITH, linewidth=2.0, label="all assets")
        place = (given.ints("t_ms") - int(t_ms[0])) // facts.step_ms
        inside = (place >= 0) & (place < len(t_ms))
        sums = np.zeros(len(t_ms))
        found = summed(place[inside], given.floats("given_kwh")[inside])
        sums[: len(found)] = found
        axes.plot(view.clock(t_ms), np.cumsum(sums), color=colours.BLACK, linestyle="--", linewidth=1.2, label="given")
        axes.axhline(0.0, color=colours.GREY, linewidth=0.8)
        axes.set(ylabel="taken less (kWh)")
        view.time_axis(axes, span=False)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return svg(picture, "balancing-rebound")


def _less(facts: Facts, own: Frame, other: Frame, kind: str) -> tuple[I64, F64]:
    """Energy of a kind of assets in the twin less in the run, summed up since the delivery days began [kWh]."""
    series = []
    for frame in (own, other):
        mine = frame.where((frame.names("kind") == kind) & (frame.ints("t_ms") >= facts.start_ms))
        t_ms, power = sums_at(mine, mine.floats("power_kw"))
        series.append((t_ms, power))
    return series[0][0], np.cumsum(series[1][1] - series[0][1]) * facts.hours
