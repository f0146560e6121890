"""Balancing services: capacity bought, frequency and imbalance, what sellers were called for and gave, and what they earned."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard import charts, look
from dashboard.reading import has, rows
from dashboard.shown import Shown
from experiments import colours
from experiments.results import Run

if TYPE_CHECKING:
    import pandas as pd

PRODUCTS: Final = {
    "fcr": "FCR: follows the frequency", "afrr-up": "aFRR up: automatic, set-points", "afrr-down": "aFRR down: automatic, set-points",
    "mfrr-up": "mFRR up: called in blocks", "mfrr-down": "mFRR down: called in blocks",
}  # fmt: skip
"""Products in words: reserves that contain the frequency (FCR), and that restore it automatically (aFRR) or by hand (mFRR)."""
_SHADES: Final = {
    "fcr": colours.SKY, "afrr-up": colours.GREEN, "afrr-down": "#7cc4aa", "mfrr-up": colours.ORANGE, "mfrr-down": "#f0c77a"
}  # fmt: skip
_SELLERS: Final = (colours.WITH, colours.ORANGE, colours.GREEN, colours.PURPLE, colours.SKY)
_SIGNALS: Final = {
    "has to be given": "#9a9a9a",
    "called, automatic (aFRR)": colours.GREEN,
    "called, blocks (mFRR)": colours.ORANGE,
}
_MOST_POINTS: Final = 1500


def show(shown: Sequence[Shown]) -> None:
    """Auction, signals, activation and money."""
    there = charts.of_those(
        shown,
        lambda run: has(run, "reserve_auctions") or has(run, "reserve_deliveries"),
        lambda _: "nobody sold balancing services in this run.",
    )
    if not there:
        return
    span = charts.day_of(there)
    st.html(look.soft("FCR (frequency containment reserve) stops a deviation of the frequency within seconds; the restoration reserves bring it back: aFRR, automatic, by set-points "
                      "every few seconds, mFRR, manual, by blocks of a quarter of an hour. Up means that the grid sees less net load."))  # fmt: skip
    st.header("Capacity bought")
    _auction([one for one in there if has(one.run, "reserve_auctions")], span)
    st.header("Frequency")
    _frequency([one for one in there if has(one.run, "frequency")], span)
    st.header("Imbalance, and what was called for it")
    _area([one for one in there if has(one.run, "area_signals")], span)
    if all_reports := [one for one in there if has(one.run, "reserve_deliveries", "reserve_reports")]:
        st.header("Called and given")
        _following(all_reports, span)
        st.header("What sellers held, gave and earned")
        for one in charts.panels(all_reports):
            st.html(_earned(one.run))
        st.html(look.soft("Delivery is metered for all products of a seller together; what differs from all that was due is shared by the power held. Missing is what "
                          "exceeds the tolerance."))  # fmt: skip


def _auction(shown: Sequence[Shown], span: Any) -> None:
    import altair as alt
    import pandas as pd

    known = {
        str(name)
        for one in shown
        for name in rows(one.run, "select distinct product from {reserve_auctions}")["product"]
    }
    options = [name for name in PRODUCTS if name in known] + sorted(known - set(PRODUCTS))
    product = st.selectbox(
        "Product",
        options,
        format_func=lambda name: PRODUCTS.get(name, name),
        key="reserve_product",
        persist_state="session",
        width=320,
    )
    for one in charts.panels(shown):
        frame = rows(
            one.run,
            "select t_ms, to_ms, seller, need_kw, offered_kw, accepted_kw, price_eur_per_kw_h, reason from {reserve_auctions} "
            "where product = ? and t_ms >= ? and t_ms < ? order by t_ms, seller",
            [product, *span(one.run)],
        )
        if frame.empty:
            charts.nothing(f"Nobody offered {PRODUCTS.get(product, product)}.")
            continue
        sellers = sorted(set(map(str, frame["seller"])))
        frame = charts.piled(frame, "seller", sellers, "accepted_kw")
        data = frame.assign(
            when=charts.clock(one.run, frame["t_ms"]),
            end=charts.clock(one.run, frame["to_ms"]),
            price=1000.0 * frame["price_eur_per_kw_h"],
        )
        ends = charts.clock(one.run, pd.Series(span(one.run)))
        whole = alt.Scale(domain=[end.isoformat() for end in ends])
        told = [alt.Tooltip("when:T", format="%d %b %H:%M", title="from"), alt.Tooltip("seller:N"), alt.Tooltip("offered_kw:Q", title="offered (kW)"),
                alt.Tooltip("accepted_kw:Q", title="bought (kW)"), alt.Tooltip("price:Q", format=".1f", title="EUR/MW/h"), alt.Tooltip("reason:N", title="why not more")]  # fmt: skip
        bars = (
            alt.Chart(data)
            .mark_rect(stroke="#ffffff")
            .encode(
                charts.dated_axis(data, scale=whole), alt.X2("end:T"), alt.Y("low:Q", title="bought (kW)"), alt.Y2("high:Q"),
                alt.Color("seller:N", scale=alt.Scale(domain=sellers, range=list(_SELLERS)), legend=alt.Legend(title=None)), tooltip=told,
            )
        )  # fmt: skip
        need = data.drop_duplicates(["t_ms", "need_kw"])
        line = (
            alt.Chart(need)
            .mark_rule(color=colours.BLACK, strokeWidth=2, strokeDash=[4, 3])
            .encode(alt.X("when:T"), alt.X2("end:T"), alt.Y("need_kw:Q"))
        )
        charts.draw(alt.layer(bars, line), f"auction-{one.name}", 240)
    st.html(
        look.soft(
            "Bars: bought of each seller, block by block. Dashed: needed. Small pools offer through the aggregator's platform. Point at a bar for its price."
        )
    )


def _frequency(shown: Sequence[Shown], span: Any) -> None:
    import altair as alt

    for one in charts.panels(shown):
        frame = rows(
            one.run,
            "select t_ms, mean_mhz, least_mhz, most_mhz from {frequency} where t_ms >= ? and t_ms < ? order by t_ms",
            span(one.run),
        )
        data = charts.to_its_end(frame, charts.step_ms(one.run))
        data = data.assign(when=charts.clock(one.run, data["t_ms"]))
        x = charts.dated_axis(data)
        band = (
            alt.Chart(data)
            .mark_area(interpolate="step-after", color=colours.SKY, opacity=0.5)
            .encode(x, alt.Y("least_mhz:Q", title="deviation (mHz)"), alt.Y2("most_mhz:Q"))
        )
        told = [
            alt.Tooltip("when:T", format="%d %b %H:%M", title="time"),
            *(alt.Tooltip(f"{key}_mhz:Q", format=".1f", title=f"{key} (mHz)") for key in ("mean", "least", "most")),
        ]
        mean = (
            alt.Chart(data)
            .mark_line(interpolate="step-after", color=colours.WITH)
            .encode(x, alt.Y("mean_mhz:Q"), tooltip=told)
        )
        dead = float(
            ((one.run.meta["scenario"].get("balancing") or {}).get("signals") or {}).get("dead_band_mhz", 10.0)
        )
        charts.draw(
            alt.layer(band, mean, *charts.rule(dead, "droops begin"), *charts.rule(-dead, "")),
            f"frequency-{one.name}",
            220,
        )
    st.html(
        look.soft(
            "Line: mean of each quarter of an hour, from the nominal frequency; band: lowest and highest. Between the dotted lines batteries that follow it do nothing."
        )
    )


def _area(shown: Sequence[Shown], span: Any) -> None:
    for one in charts.panels(shown):
        frame = signals(one.run, span(one.run))
        charts.draw(_lines(one, frame, _SIGNALS, "up (kW)"), f"area-{one.name}", 260)
    st.html(
        look.soft(
            "Has to be given is the imbalance of the area without reserves, with the opposite sign: above zero more injection is needed."
        )
    )


def signals(run: Run, span: tuple[int, int]) -> "pd.DataFrame":
    """Columns t_ms, what, kw: what has to be given and what was called, as means of so many cycles that a chart bears them."""
    length = max(60_000, (span[1] - span[0]) // _MOST_POINTS)
    frame = rows(
        run,
        """select t_ms // ? * ? t_ms, avg(-imbalance_kw) a, avg(afrr_kw) b, avg(mfrr_kw) c from {area_signals}
        where t_ms >= ? and t_ms < ? group by 1 order by 1""",
        [length, length, *span],
    )
    names = dict(zip("abc", _SIGNALS, strict=True))
    return frame.rename(columns=names).melt("t_ms", list(_SIGNALS), "what", "kw")


def _lines(one: Shown, frame: "pd.DataFrame", shades: Any, title: str) -> Any:
    import altair as alt

    data = frame.assign(when=charts.clock(one.run, frame["t_ms"]))
    return (
        alt.Chart(data)
        .mark_line(interpolate="step-after", strokeWidth=1.4)
        .encode(
            charts.dated_axis(data), alt.Y("kw:Q", title=title),
            alt.Color("what:N", scale=alt.Scale(domain=list(shades), range=list(shades.values())), legend=alt.Legend(title=None, columns=2)),
            tooltip=[alt.Tooltip("when:T", format="%d %b %H:%M", title="time"), alt.Tooltip("what:N"), alt.Tooltip("kw:Q", format=",.1f", title="kW")],
        )
    )  # fmt: skip


def _following(shown: Sequence[Shown], span: Any) -> None:
    """What was due of a seller by product, and the change metered at its assets; then its set-points and blocks as they were sent."""
    import altair as alt

    sellers = sorted(
        {
            str(name)
            for one in shown
            for name in rows(one.run, "select distinct seller from {reserve_reports}")["seller"]
        }
    )
    seller = st.selectbox("Seller", sellers, key="reserve_seller", persist_state="session", width=240)
    for one in charts.panels(shown):
        due = rows(
            one.run,
            "select t_ms, product, due_kw kw from {reserve_deliveries} where seller = ? and t_ms >= ? and t_ms < ? and due_kw <> 0 order by t_ms",
            [seller, *span(one.run)],
        )
        given = rows(
            one.run,
            "select t_ms, measured_kw from {reserve_reports} where seller = ? and t_ms >= ? and t_ms < ? order by t_ms",
            [seller, *span(one.run)],
        )
        if given.empty:
            charts.nothing(f"{seller} sold nothing on this day.")
            continue
        step = charts.step_ms(one.run)
        due = charts.piled(due, "product", list(PRODUCTS))
        bars = due.assign(
            product=due["product"].map(_short),
            when=charts.clock(one.run, due["t_ms"]),
            end=charts.clock(one.run, due["t_ms"] + step),
        )
        line = charts.to_its_end(given, step)
        line = line.assign(when=charts.clock(one.run, line["t_ms"]), what="metered")
        there = [name for name in PRODUCTS if name in set(due["product"])]
        domain, shades = [*map(_short, there), "metered"], [*(_SHADES[name] for name in there), colours.BLACK]
        scale = alt.Scale(domain=domain, range=shades)
        bar = (
            alt.Chart(bars)
            .mark_rect()
            .encode(
                charts.dated_axis(line), alt.X2("end:T"), alt.Y("low:Q", title="change, up (kW)"), alt.Y2("high:Q"), alt.Color("product:N", scale=scale, legend=alt.Legend(title=None, columns=3)),
                tooltip=[alt.Tooltip("when:T", format="%d %b %H:%M", title="time"), alt.Tooltip("product:N"), alt.Tooltip("kw:Q", format=",.1f", title="due (kW)")],
            )
        )  # fmt: skip
        metered = (
            alt.Chart(line)
            .mark_line(interpolate="step-after", strokeWidth=1.6)
            .encode(
                alt.X("when:T"), alt.Y("measured_kw:Q"), alt.Color("what:N", scale=scale),
                tooltip=[alt.Tooltip("when:T", format="%d %b %H:%M", title="time"), alt.Tooltip("measured_kw:Q", format=",.1f", title="metered (kW)")],
            )
        )  # fmt: skip
        charts.draw(alt.layer(bar, metered), f"following-{one.name}", 280)
        _orders(one, seller, span)
    st.html(look.soft("Bars: the change that was due, product by product. Line: the change metered at its assets against its baseline. Where the line leaves the bars a baseline "
                      "was wrong or assets gave less. Below: set-points and blocks as they were sent."))  # fmt: skip


def _orders(one: Shown, seller: str, span: Any) -> None:
    """Set-points and blocks that a seller was sent; down below zero."""
    if not has(one.run, "reserve_orders"):
        return
    frame = rows(
        one.run,
        """select t_ms, product what, case when ends_with(product, 'down') then -abs(power_kw) else power_kw end kw from {reserve_orders}
        where seller = ? and t_ms >= ? and t_ms < ? order by t_ms""",
        [seller, *span(one.run)],
    )
    if len(frame):
        shades = {_short(name): _SHADES[name] for name in PRODUCTS if name in set(frame["what"])}
        frame = frame.assign(what=frame["what"].map(_short))
        charts.draw(_lines(one, frame, shades, "sent (kW), up"), f"orders-{one.name}", 220)


def _short(product: str) -> str:
    """A product as people call it, without what it is."""
    return PRODUCTS.get(product, product).partition(":")[0]


def _earned(run: Run) -> str:
    """By seller and product: power held, energy due and given, and money."""
    hours = charts.step_ms(run) / 3_600_000
    frame = rows(
        run,
        """select seller, product, avg(held_kw) filter (held_kw > 0), ? * sum(abs(due_kw)), ? * sum(missing_kw),
        sum(capacity_eur), sum(energy_eur), sum(penalty_eur) from {reserve_deliveries} group by 1, 2 having max(held_kw) > 0 order by 1, 2""",
        [hours] * 2,
    )
    lines = [[str(seller), _short(str(product)), *(f"{value:,.1f}" for value in (held, due)), f"{missing:,.2f}", *(f"{eur:,.2f}" for eur in money)]
             for seller, product, held, due, missing, *money in frame.itertuples(index=False)]  # fmt: skip
    head = (
        "seller",
        "product",
        "held (kW)",
        "due (kWh)",
        "missing (kWh)",
        "for capacity (EUR)",
        "for energy (EUR)",
        "penalty (EUR)",
    )
    return look.table(head, lines, range(2, 8))
