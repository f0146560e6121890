"""The market: flexibility needed, bid, cleared and delivered, a session's supply curve, and activations against their baseline."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import streamlit as st

from dashboard import charts, look
from dashboard.reading import has, rows
from dashboard.shown import Shown
from experiments import colours
from experiments.kpis.facts import Facts
from experiments.kpis.market import portfolios
from experiments.results import Run

if TYPE_CHECKING:
    import pandas as pd

_NEEDED: Final = """(select t_ms, max(quantity_kw) quantity_kw from {needs} group by t_ms, regexp_extract("constraint", '^copy-[0-9]+'))"""
"""The largest need of any constraint; copies of a district have each their own."""
_SERIES: Final = {
    "needed": ("needs", "sum(quantity_kw)", colours.BLACK),
    "offered": ("bids", "sum(quantity_kw)", "#b9b9b9"),
    "cleared": ("bids", "sum(accepted_kw)", colours.ORANGE),
    "activated": ("activations", "sum(ordered_kw)", colours.SKY),
    "delivered (paid)": ("deliveries", "sum(delivered_kw)", colours.WITH),
    "delivered (true)": ("deliveries", "sum(true_kw)", colours.GREEN),
}
"""What the day's chart shows: table, sum of an interval, colour."""
_OF_COMMUNITIES: Final = {
    "needed": ("community_flexibility", "sum(needed_kw)", colours.BLACK),
    "offered": ("community_flexibility", "sum(offered_kw)", "#b9b9b9"),
    "activated": ("community_flexibility", "sum(ordered_kw)", colours.SKY),
    "delivered (paid)": ("community_flexibility", "sum(delivered_kw)", colours.WITH),
}
_AGAINST: Final = {
    "metered": (colours.WITH, [1, 0]), "frozen baseline": (colours.BLACK, [1, 0]), "baseline less order": (colours.ORANGE, [2, 2]),
    "twin (no activation)": (colours.WITHOUT, [5, 3]),
}  # fmt: skip
"""Net loads of a portfolio: colour and dash."""
_TRADED: Final = ("bids", "activations", "community_flexibility")


def show(shown: Sequence[Shown]) -> None:
    """Flexibility over the day, the curve of a session, activation of a provider."""
    there = charts.of_those(shown, lambda run: any(has(run, table) for table in _TRADED), why_nothing)
    if not there:
        return
    span = charts.day_of(there)
    st.header("Flexibility over the day")
    _day(there, span)
    selling = [one for one in there if has(one.run, "bids")]
    if selling:
        st.header("A session and its curve")
        _session(selling, span)
    if any(has(one.run, "deliveries") or has(one.run, "community_flexibility") for one in there):
        st.header("Activation against the baseline")
        _activation(there, span)


def why_nothing(run: Run) -> str:
    """Why nobody traded: in the DSO's own words where it looked at the day."""
    if has(run, "conversations"):
        frame = rows(
            run,
            "select distinct reason from {conversations} where suc = 'SUC06.1' and reason is not null and reason <> '' order by 1",
        )
        if len(frame):
            return f"nothing was bought: {'; '.join(map(str, frame['reason']))}."
    return "nothing was traded on a local market or called on standing contracts: the run had no need, no such market, or no coordination."


def _series(run: Run) -> dict[str, tuple[str, str, str]]:
    return _SERIES if has(run, "bids") or has(run, "activations") else _OF_COMMUNITIES


def _day(shown: Sequence[Shown], span: Any) -> None:
    import altair as alt
    import pandas as pd

    frames = []
    for one in shown:
        for name, (table, total, _) in _series(one.run).items():
            if has(one.run, table):
                only = (
                    " and accepted"
                    if table == "activations" and any(c == "accepted" for c in _names(one.run, table))
                    else ""
                )
                frame = rows(
                    one.run,
                    f"select t_ms, {total} kw from {_NEEDED if table == 'needs' else f'{{{table}}}'} where t_ms >= ? and t_ms < ?{only} group by 1 order by 1",
                    span(one.run),
                )
                own = charts.in_stretches(frame.dropna(), charts.step_ms(one.run))
                frames.append(
                    own.assign(what=name, run=one.name, when=charts.clock(one.run, own["t_ms"], shown[0].run))
                )
    data = pd.concat(frames, ignore_index=True)
    if data.empty or not data["kw"].any():
        charts.nothing("Nothing was needed, offered or activated on these days.")
        return
    margin = pd.Timedelta(hours=1)
    ends = [data["when"].min() - margin, data["when"].max() + margin]
    top = [min(0.0, 1.05 * float(data["kw"].min())), 1.08 * float(data["kw"].max()) or 1.0]
    for one in charts.panels(shown):
        own = data[data["run"] == one.name]
        there = set(own["what"])
        series = {name: entry for name, entry in _series(one.run).items() if name in there}
        chart = (
            alt.Chart(own)
            .mark_line(interpolate="step-after", strokeWidth=2)
            .encode(
                charts.dated_axis(data, scale=alt.Scale(domain=[end.isoformat() for end in ends])),
                alt.Y("kw:Q", title="power (kW)", scale=alt.Scale(domain=top)),
                alt.Color("what:N", scale=alt.Scale(domain=list(series), range=[shade for *_, shade in series.values()]), legend=alt.Legend(title=None, columns=3)),
                alt.Detail("stretch:N"),
                tooltip=[alt.Tooltip("when:T", format="%d %b %H:%M", title="time"), alt.Tooltip("what:N"), alt.Tooltip("kw:Q", format=",.1f", title="kW")],
            )
        )  # fmt: skip
        charts.draw(chart, f"flexibility-{one.name}")
    st.html(
        look.soft(
            "Needed is the largest need of any constraint (of copies of a district, of each). Paid is what meters show against the baseline, true what they show against the same day without activation; "
            "both are shown as measured: below zero where homes took more."
        )
    )


def _names(run: Run, table: str) -> list[str]:
    from dashboard.reading import columns

    return [column.name for column in columns(run, table)]


def _session(shown: Sequence[Shown], span: Any) -> None:
    """Bids in order of price at one interval, of every run."""
    first = shown[0]
    directions = sorted(
        {str(name) for one in shown for name in rows(one.run, "select distinct direction from {bids}")["direction"]}
    )
    begin = span(first.run)[0]
    offsets = sorted(
        {
            int(t) - span(one.run)[0]
            for one in shown
            for t in rows(one.run, "select distinct t_ms from {bids} where t_ms >= ? and t_ms < ?", span(one.run))[
                "t_ms"
            ]
        }
    )
    if not offsets:
        charts.nothing("Nobody bid for this day.")
        return
    left, right = st.columns([5, 2], gap="large", vertical_alignment="bottom")
    largest = largest_need(first.run, span(first.run)) - begin
    offset = offsets[0]
    if len(offsets) > 1:
        offset = left.select_slider(
            "Interval", offsets, largest if largest in offsets else offsets[0], key=f"interval|{begin}",
            format_func=lambda one: first.run.local(begin + one).strftime("%d %b %H:%M"), persist_state="session",
            help="It begins at the interval of the largest need",
        )  # fmt: skip
    direction = right.radio(
        "Direction",
        directions,
        horizontal=True,
        key="direction",
        persist_state="session",
        help="up: the grid sees less net load",
    )
    books = {one.name: _book(one.run, span(one.run)[0] + offset, direction) for one in shown}
    prices = [float(book["price"].max()) for book in books.values() if len(book)]
    widths = [float(book["right"].max()) for book in books.values() if len(book)]
    for one in charts.panels(shown):
        book = books[one.name]
        if book.empty:
            charts.nothing("No bid in this direction at this interval.")
            continue
        need = _need(one.run, span(one.run)[0] + offset, direction)
        charts.draw(_curve(book, need, max(prices), max([*widths, need or 0.0])), f"curve-{one.name}")
        taken, offered = float(book["accepted_kw"].sum()), float(book["quantity_kw"].sum())
        st.html(
            look.soft(
                f"{len(book)} bids, {offered:,.1f} kW offered, {taken:,.1f} kW accepted{'' if need is None else f', {need:,.1f} kW needed'}."
            )
        )
        refused = book[book["reason"].notna() & (book["reason"] != "")]
        if len(refused):
            with st.expander(f"{len(refused)} bids were not accepted in full, with the reason"):
                st.dataframe(
                    refused[["bid", "fsp", "quantity_kw", "accepted_kw", "price", "reason"]],
                    hide_index=True,
                    key=f"refused-{one.name}",
                )
    st.html(look.soft("The cheapest first; the width is the power offered. A kilowatt relieves a constraint by more or less than one, depending on where it is, and "
                      "several constraints at once, so what is accepted need not end at what is needed."))  # fmt: skip


def largest_need(run: Run, span: tuple[int, int]) -> int:
    """The interval of the largest need [ms]; without any, that of the largest offer."""
    for table, column in (("clearings", "needed_kw"), ("bids", "quantity_kw")):
        if has(run, table):
            frame = rows(
                run,
                f"select t_ms, sum({column}) kw from {{{table}}} where t_ms >= ? and t_ms < ? group by 1 order by 2 desc, 1 limit 1",
                span,
            )
            if len(frame) and float(frame["kw"].iloc[0]) > 0:
                return int(frame["t_ms"].iloc[0])
    return span[0]


def _book(run: Run, t_ms: int, direction: str) -> "pd.DataFrame":
    frame = rows(
        run,
        "select bid, session, fsp, area, quantity_kw, price_eur_per_kwh price, accepted_kw, reason from {bids} "
        "where t_ms = ? and direction = ? and quantity_kw > 0 order by price_eur_per_kwh, bid",
        [t_ms, direction],
    )
    right = np.cumsum(frame["quantity_kw"].to_numpy(float))
    left = right - frame["quantity_kw"].to_numpy(float)
    return frame.assign(left=left, right=right, taken=left + frame["accepted_kw"].to_numpy(float), zero=0.0)


def _need(run: Run, t_ms: int, direction: str) -> float | None:
    if not has(run, "clearings"):
        return None
    frame = rows(run, "select sum(needed_kw) kw from {clearings} where t_ms = ? and direction = ?", [t_ms, direction])
    return None if frame["kw"].isna().all() else float(frame["kw"].iloc[0])


def _curve(book: "pd.DataFrame", need: float | None, top: float, wide: float) -> Any:
    import altair as alt
    import pandas as pd

    told = [alt.Tooltip("bid:N"), alt.Tooltip("fsp:N"), alt.Tooltip("area:N"), alt.Tooltip("quantity_kw:Q", format=",.2f", title="offered (kW)"),
            alt.Tooltip("accepted_kw:Q", format=",.2f", title="accepted (kW)"), alt.Tooltip("price:Q", format=".4f", title="EUR/kWh")]  # fmt: skip
    scale = alt.Scale(domain=["offered", "accepted"], range=["#d9d9d9", colours.ORANGE])
    shade = alt.Color("part:N", scale=scale, legend=alt.Legend(title=None))
    x = alt.X("left:Q", title="power, cheapest first (kW)", scale=alt.Scale(domain=[0, 1.03 * wide]))
    y = alt.Y(
        "price:Q",
        title="price (EUR/kWh)",
        scale=alt.Scale(domain=[min(0.0, float(book["price"].min())), 1.15 * max(top, 0.01)]),
    )
    edge = "#8a8a8a" if len(book) < 120 else None
    layers: list[Any] = [
        alt.Chart(book.assign(part="offered")).mark_rect(stroke=edge, strokeWidth=0.5).encode(x=x, x2=alt.X2("right:Q"), y=y, y2=alt.Y2("zero:Q"), color=shade, tooltip=told),
        alt.Chart(book[book["accepted_kw"] > 0].assign(part="accepted")).mark_rect(stroke=edge, strokeWidth=0.5)
        .encode(x=x, x2=alt.X2("taken:Q"), y=y, y2=alt.Y2("zero:Q"), color=shade, tooltip=told),
    ]  # fmt: skip
    if need is not None:
        data = pd.DataFrame({"need": [need], "text": [f"needed {need:,.1f} kW"]})
        layers.append(alt.Chart(data).mark_rule(strokeDash=[2, 3], color="#1a1a1a", size=1.5).encode(x=alt.X("need:Q")))
        layers.append(
            alt.Chart(data)
            .mark_text(align="left", dx=5, fontSize=12)
            .encode(x=alt.X("need:Q"), y=alt.value(8), text=alt.Text("text:N"))
        )
    return alt.layer(*layers)


def _activation(shown: Sequence[Shown], span: Any) -> None:
    """Baseline, meter and twin of the portfolio of a provider, and what was ordered."""
    ordered: dict[str, tuple[int, float]] = {}
    for one in shown:
        for name, kw in _providers(one.run):
            runs, total = ordered.get(name, (0, 0.0))
            ordered[name] = (runs + 1, total + kw)
    names = sorted(ordered, key=lambda name: (-ordered[name][0], -ordered[name][1], name))
    if not names:
        charts.nothing("Nothing was activated and settled.")
        return
    who = st.selectbox("Provider", names, key="provider", persist_state="session", width=240)
    for one in charts.panels(shown):
        frame = _portfolio(one.run, who, span(one.run))
        if frame.empty:
            charts.nothing(f"{who} was not activated and settled on this day.")
            continue
        charts.draw(_against(one, frame), f"activation-{one.name}")
    st.html(
        look.soft(
            "The frozen baseline is the load foreseen without an order, which nobody may change any more; the twin is the same day on which nobody is activated. "
            "Paid is the distance from the frozen baseline to the meter, true the distance from the twin to the meter. Only intervals with an order are settled and shown."
        )
    )


def _providers(run: Run) -> list[tuple[str, float]]:
    """Who was activated and settled, with the power ordered, summed."""
    found: list[tuple[str, float]] = []
    for table, who in (("deliveries", "fsp"), ("community_flexibility", "community")):
        if has(run, table):
            frame = rows(
                run, f"select {who} name, sum(ordered_kw) kw from {{{table}}} group by 1 having sum(ordered_kw) > 0"
            )
            found += zip(map(str, frame["name"]), map(float, frame["kw"]), strict=True)
    return found


def _portfolio(run: Run, who: str, span: tuple[int, int]) -> "pd.DataFrame":
    """Series by interval: baseline, ordered, metered, twin [kW]."""
    import pandas as pd

    if has(run, "deliveries"):
        found = portfolios(Facts(run.tables, None, run.meta), who)
        if found is not None:
            whole = pd.DataFrame({"t_ms": found.t_ms, "frozen baseline": found.baseline_kw, "baseline less order": found.baseline_kw - found.ordered_kw,
                                  "metered": found.metered_kw, "twin (no activation)": found.without_kw})  # fmt: skip
            summed = whole.groupby("t_ms", as_index=False).sum(min_count=1)
            return summed[(summed["t_ms"] >= span[0]) & (summed["t_ms"] < span[1])]
    if has(run, "community_flexibility"):
        frame = rows(
            run,
            """select t_ms, sum(baseline_kw) "frozen baseline", sum(baseline_kw - case when direction = 'up' then ordered_kw else -ordered_kw end) "baseline less order",
            sum(metered_kw) metered from {community_flexibility} where community = ? and ordered_kw > 0 and t_ms >= ? and t_ms < ? group by 1 order by 1""",
            [who, *span],
        )
        return frame.assign(**{"twin (no activation)": np.nan})
    return pd.DataFrame()


def _against(one: Shown, frame: "pd.DataFrame") -> Any:
    import altair as alt

    long = frame.melt("t_ms", list(_AGAINST), "what", "kw").dropna()
    long = charts.in_stretches(long, charts.step_ms(one.run), ["what"])
    data = long.assign(when=charts.clock(one.run, long["t_ms"]))
    there = set(long["what"])
    domain = [what for what in _AGAINST if what in there]
    shades, dashes = zip(*(_AGAINST[what] for what in domain), strict=True)
    return (
        alt.Chart(data)
        .mark_line(interpolate="step-after", strokeWidth=2.2)
        .encode(
            charts.dated_axis(data), alt.Y("kw:Q", title="net load (kW)", scale=alt.Scale(zero=False)),
            alt.Color("what:N", scale=alt.Scale(domain=domain, range=list(shades)), legend=alt.Legend(title=None, columns=2)),
            alt.StrokeDash("what:N", scale=alt.Scale(domain=domain, range=list(dashes)), legend=None),
            alt.Detail("stretch:N"),
            tooltip=[alt.Tooltip("when:T", format="%d %b %H:%M", title="time"), alt.Tooltip("what:N"), alt.Tooltip("kw:Q", format=",.2f", title="kW")],
        )
    )  # fmt: skip
