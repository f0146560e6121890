"""Traffic lights and the market within them: what operators let be activated where and when, what was bid, taken and delivered."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard import charts, look
from dashboard.reading import columns, has, rows
from dashboard.shown import Shown
from experiments import colours
from experiments.results import Run

if TYPE_CHECKING:
    import pandas as pd

_TABLES: Final = ("dynamic_lights", "perimeter_limits")
"""Tables of lights over time, the better first: columns ``perimeter``, ``t_ms``, ``direction``, ``colour``, ``capability_kw``."""
_STATIC: Final = "static_lights"
_SHADES: Final = {"green": "#2e9e6b", "yellow": "#f2c230", "red": "#d1495b"}
_BY_NUMBER: Final = {"0": "green", "1": "yellow", "2": "red"}
_KINDS: Final = {"_CS": "substation", "_AG": "aggregate"}
_CODE: Final = 29
"""Characters of a grid element id code: EIC code (16), municipality (6), number (4), type (3)."""
_SERIES: Final = {
    "static lights admit": ("dynamic_lights", "any_value(static_kw)", "#b9b9b9"), "may be used (light)": ("dynamic_lights", "any_value(capability_kw)", colours.BLACK),
    "bid": ("perimeter_evaluations", "sum(cumulative_kw)", colours.ORANGE), "left of bids": ("bid_components", "sum(limited_kw)", colours.PURPLE),
    "taken": ("global_bids", "sum(accepted_kw)", colours.SKY), "ordered": ("bsp_orders", "sum(ordered_kw)", colours.WITH),
}  # fmt: skip
"""What the chart of a perimeter shows: table, quantity of an hour, colour."""
_DASHED: Final = {"left of bids": [5, 3], "ordered": [2, 2]}
"""Lines that often lie on others."""
_MOST_POINTS: Final = 2000


def show(shown: Sequence[Shown]) -> None:
    """Lights of perimeters over the day, what was bid and taken in one of them, the session, delivery, and lights of connection points."""
    there = charts.of_those(
        shown,
        lambda run: bool(light_table(run)) or has(run, _STATIC),
        lambda _: "no operator gave traffic lights in this run.",
    )
    if not there:
        return
    span = charts.day_of(there)
    lit = [one for one in there if light_table(one.run)]
    if lit:
        st.header("Lights over the day")
        direction = st.radio("Direction", ["up", "down"], horizontal=True, key="light_direction", persist_state="session",
                             help="up: the grid sees less net load; down: more")  # fmt: skip
        _strips(lit, span, direction)
        _perimeter(lit, span, direction)
    sold = [one for one in there if has(one.run, "global_clearings", "global_bids")]
    if sold:
        st.header("The session of the market")
        _session(sold, span)
    delivered = [one for one in there if has(one.run, "delivered_services")]
    if delivered:
        st.header("Accepted and delivered")
        _delivery(delivered, span)
    static = [one for one in there if has(one.run, _STATIC)]
    if static:
        st.header("Connection points")
        for one in charts.panels(static):
            _points(one)
        st.html(
            look.soft(
                "Validated is what the network bears of a point's power by power flow studies, for good; the light of a point is green where that is all of it."
            )
        )


def light_table(run: Run) -> str | None:
    """The table of lights over time that a run has; None for none."""
    needed = {"perimeter", "t_ms", "direction", "colour"}
    for table in _TABLES:
        if has(run, table) and needed <= {column.name for column in columns(run, table)}:
            return table
    return None


def place_names(run: Run) -> Mapping[str, str]:
    """Perimeters by id code in words: operator, substation or aggregate, number."""
    table = light_table(run)
    if table is None:
        return {}
    frame = rows(
        run,
        f"select distinct perimeter, {_known(run, table, 'dso', text=True)} dso from {{{table}}} order by perimeter",
    )
    return {
        str(code): place_name(str(code), "" if dso is None else str(dso)) for code, dso in frame.itertuples(index=False)
    }


def place_name(code: str, dso: str) -> str:
    """``dso-nord, substation 0001`` of a grid element id code; anything else as it is."""
    kind = _KINDS.get(code[26:])
    return f"{dso or code[:16].rstrip('-')}, {kind} {code[22:26]}" if len(code) == _CODE and kind else code


def lights(run: Run, span: tuple[int, int], direction: str) -> "pd.DataFrame":
    """The light in force of each perimeter and interval: the one worked out last."""
    table = light_table(run) or ""
    query = f"""select perimeter, t_ms, cast(colour as varchar) colour, {_known(run, table, "capability_kw")} capability_kw
        from ({_latest(run, table)}) where direction = ? and t_ms >= ? and t_ms < ? order by perimeter, t_ms"""
    frame = rows(run, query, [direction, *span])
    return frame.assign(colour=frame["colour"].replace(_BY_NUMBER))


def _latest(run: Run, table: str) -> str:
    """A query for the rows of a table, of those that were worked out again the last."""
    again = any(column.name == "made_ms" for column in columns(run, table))
    last = (
        " qualify row_number() over (partition by perimeter, direction, t_ms order by made_ms desc) = 1"
        if again
        else ""
    )
    return f"select * from {{{table}}}{last}"


def _known(run: Run, table: str, column: str, text: bool = False) -> str:
    if any(one.name == column for one in columns(run, table)):
        return column
    return f"null::{'varchar' if text else 'double'}"


def _strips(shown: Sequence[Shown], span: Any, direction: str) -> None:
    for one in charts.panels(shown):
        frame = lights(one.run, span(one.run), direction)
        if frame.empty:
            charts.nothing(f"No lights {direction} on this day.")
        else:
            charts.draw(_strip(one, frame), f"lights-{one.name}", 60 + 30 * frame["perimeter"].nunique())
    st.html(look.soft("Green: all of what static lights admit may be activated; yellow: up to a capability; red: nothing. A perimeter is the part of a network "
                      "whose points an operator looks at together. Shown is the light that was worked out last."))  # fmt: skip


def _strip(one: Shown, frame: "pd.DataFrame") -> Any:
    import altair as alt

    step = frame.groupby("perimeter")["t_ms"].diff().dropna()
    length = int(step.min()) if len(step) else 3_600_000
    names = place_names(one.run)
    data = frame.assign(
        when=charts.clock(one.run, frame["t_ms"]), end=charts.clock(one.run, frame["t_ms"] + length),
        place=frame["perimeter"].map(lambda code: names.get(str(code), str(code))),
    )  # fmt: skip
    return (
        alt.Chart(data)
        .mark_rect(stroke="#ffffff", strokeWidth=1)
        .encode(
            charts.dated_axis(data), alt.X2("end:T"), alt.Y("place:N", title=None),
            alt.Color("colour:N", scale=alt.Scale(domain=list(_SHADES), range=list(_SHADES.values())), legend=alt.Legend(title=None)),
            tooltip=[alt.Tooltip("place:N", title="perimeter"), alt.Tooltip("perimeter:N", title="code"), alt.Tooltip("when:T", format="%d %b %H:%M", title="from"),
                     alt.Tooltip("colour:N", title="light"), alt.Tooltip("capability_kw:Q", format=",.1f", title="may be used (kW)")],
        )
    )  # fmt: skip


def _perimeter(shown: Sequence[Shown], span: Any, direction: str) -> None:
    """Of one perimeter: what may be used, what was bid, taken and ordered."""
    names = {code: name for one in shown for code, name in place_names(one.run).items()}
    worst = [code for code in names if any("yellow" in _colours(one, code, span, direction) for one in shown)]
    code = st.selectbox("Perimeter", list(names), list(names).index(worst[0]) if worst else 0, format_func=names.__getitem__, key="perimeter", persist_state="session",
                        width=420, help="It begins with one whose light was not always green")  # fmt: skip
    for one in charts.panels(shown):
        frame = within(one.run, code, direction, span(one.run))
        if frame.empty or not frame["kw"].any():
            charts.nothing(f"Nothing could be used, was bid or taken {direction} in {names[code]}.")
            continue
        charts.draw(
            _lines(one, frame, list(_SERIES), [shade for *_, shade in _SERIES.values()]), f"perimeter-{one.name}", 260
        )


def _colours(one: Shown, code: str, span: Any, direction: str) -> set[str]:
    frame = lights(one.run, span(one.run), direction)
    return set(frame["colour"][frame["perimeter"] == code])


def within(run: Run, code: str, direction: str, span: tuple[int, int]) -> "pd.DataFrame":
    """Columns t_ms, what, kw of a perimeter, hour by hour, in the size of the direction."""
    import pandas as pd

    found = []
    for what, (table, quantity, _) in _SERIES.items():
        if has(run, table) and (table != "dynamic_lights" or light_table(run) == table):
            place = "area" if table == "global_bids" else "perimeter"
            source = _latest(run, table) if table == "dynamic_lights" else f"select * from {{{table}}}"
            query = f"select t_ms, abs({quantity}) kw from ({source}) where {place} = ? and direction = ? and t_ms >= ? and t_ms < ? group by 1 order by 1"
            found.append(rows(run, query, [code, direction, *span]).assign(what=what))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame({"t_ms": [], "kw": [], "what": []})


def _lines(
    one: Shown, frame: "pd.DataFrame", domain: Sequence[str], shades: Sequence[str], title: str = "power (kW)"
) -> Any:
    """Lines by ``what``, each to the end of its last hour."""
    import altair as alt
    import pandas as pd

    parts = [charts.to_its_end(own, 3_600_000) for _, own in frame.groupby("what", sort=False)]
    data = pd.concat(parts, ignore_index=True)
    data = data.assign(when=charts.clock(one.run, data["t_ms"]))
    return (
        alt.Chart(data)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            charts.dated_axis(data), alt.Y("kw:Q", title=title),
            alt.Color("what:N", scale=alt.Scale(domain=list(domain), range=list(shades)), legend=alt.Legend(title=None, columns=3)),
            alt.StrokeDash("what:N", scale=alt.Scale(domain=list(domain), range=[_DASHED.get(name, [1, 0]) for name in domain]), legend=None),
            tooltip=[alt.Tooltip("when:T", format="%d %b %H:%M", title="from"), alt.Tooltip("what:N"), alt.Tooltip("kw:Q", format=",.1f", title=title)],
        )
    )  # fmt: skip


def _session(shown: Sequence[Shown], span: Any) -> None:
    for one in charts.panels(shown):
        taken, cleared = session(one.run, span(one.run))
        if cleared.empty:
            charts.nothing("No session was cleared for this day.")
            continue
        charts.draw(_bars(one, taken, cleared), f"session-{one.name}", 300)
        scheme = str(cleared["scheme"].iloc[0])
        st.html(look.soft(f"Scheme {scheme}: {taken['kw'].abs().sum():,.0f} kWh taken for {cleared['cost_eur'].sum():,.2f} EUR; "
                          f"{cleared['imbalance_left_kw'].abs().sum():,.1f} kWh of the need stay open, limits are broken by {cleared['violated_kw'].sum():,.1f} kWh."))  # fmt: skip
    st.html(look.soft("Bars: what was taken hour by hour, up above zero, of power plants of the transmission side and of homes and plants behind each DSO. "
                      "Line: what the transmission system operator had to activate."))  # fmt: skip


def session(run: Run, span: tuple[int, int]) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """What was taken by side of the market (t_ms, side, kw; up above 0), and the outcome hour by hour."""
    side = "coalesce(n.dso, 'transmission')" if has(run, "perimeter_nodes") else "'transmission'"
    join = (
        "left join {perimeter_nodes} n on n.perimeter = b.area and n.session = b.session"
        if has(run, "perimeter_nodes")
        else ""
    )
    taken = rows(
        run,
        f"""select b.t_ms, {side} side, b.direction, sum(case when b.direction = 'up' then b.accepted_kw else -b.accepted_kw end) kw
        from {{global_bids}} b {join} where b.t_ms >= ? and b.t_ms < ? group by 1, 2, 3 having abs(kw) > 0.001 order by 1, 2""",
        span,
    )
    return taken, rows(run, "select * from {global_clearings} where t_ms >= ? and t_ms < ? order by t_ms", span)


def _bars(one: Shown, taken: "pd.DataFrame", cleared: "pd.DataFrame") -> Any:
    import altair as alt

    sides = sorted(set(map(str, taken["side"])), key=lambda name: (name == "transmission", name))
    shades = [
        "#b9b9b9" if name == "transmission" else shade
        for name, shade in zip(sides, (colours.WITH, colours.ORANGE, colours.GREEN, colours.PURPLE) * 8, strict=False)
    ]
    bars = charts.piled(taken, "side", sides)
    bars = bars.assign(when=charts.clock(one.run, bars["t_ms"]), end=charts.clock(one.run, bars["t_ms"] + 3_600_000))
    need = charts.to_its_end(cleared[["t_ms", "needed_kw"]], 3_600_000)
    need = need.assign(when=charts.clock(one.run, need["t_ms"]))
    taken_bars = (
        alt.Chart(bars)
        .mark_rect()
        .encode(
            charts.dated_axis(need), alt.X2("end:T"), alt.Y("low:Q", title="activated, up (kW)"), alt.Y2("high:Q"),
            alt.Color("side:N", scale=alt.Scale(domain=sides, range=shades), legend=alt.Legend(title=None)),
            tooltip=[alt.Tooltip("when:T", format="%d %b %H:%M", title="from"), alt.Tooltip("side:N"), alt.Tooltip("kw:Q", format=",.1f", title="kW")],
        )
    )  # fmt: skip
    line = (
        alt.Chart(need)
        .mark_line(interpolate="step-after", color=colours.BLACK, strokeWidth=1.5)
        .encode(alt.X("when:T"), alt.Y("needed_kw:Q"))
    )
    return alt.layer(taken_bars, line)


def _delivery(shown: Sequence[Shown], span: Any) -> None:
    who = sorted(
        {str(name) for one in shown for name in rows(one.run, "select distinct bsp from {delivered_services}")["bsp"]}
    )
    bsp = st.selectbox("Balancing service provider", who, key="bsp", persist_state="session", width=240)
    for one in charts.panels(shown):
        frame = rows(
            one.run,
            """select t_ms, sum(up_kwh) - sum(abs(down_kwh)) accepted, sum(delivered_kwh) delivered from {delivered_services}
            where bsp = ? and t_ms >= ? and t_ms < ? group by 1 order by 1""",
            [bsp, *span(one.run)],
        )
        if frame.empty:
            charts.nothing(f"{bsp} had nothing to deliver on this day.")
            continue
        long = frame.melt("t_ms", ["accepted", "delivered"], "what", "kw")
        charts.draw(
            _lines(
                one, long, ["accepted", "delivered"], [colours.ORANGE, colours.WITH], "energy of the hour, up (kWh)"
            ),
            f"delivered-{one.name}",
            240,
        )
    st.html(
        look.soft(
            "Delivered is the distance of the meters from the baseline that the provider filed; of hours in which nothing was accepted it is an imbalance."
        )
    )


def _points(one: Shown) -> None:
    """Connection points by operator and provider, and each of them folded up."""
    frame = rows(one.run, """select dso, bsp, count(*) n, sum(up_kw) up, sum(validated_up_kw) ok_up, sum(-down_kw) down, sum(-validated_down_kw) ok_down,
        count(*) filter (light_up <> 'green' or light_down <> 'green') not_green from {static_lights} group by 1, 2 order by 1, 2""")  # fmt: skip
    lines = [
        [str(dso), str(bsp), f"{n:,}", *(f"{kw:,.0f}" for kw in powers), f"{bad:,}"]
        for dso, bsp, n, *powers, bad in frame.itertuples(index=False)
    ]
    head = ("operator", "provider", "points", "up (kW)", "validated (kW)", "down (kW)", "validated (kW)", "not green")
    st.html(look.table(head, lines, range(2, 8)))
    with st.expander("Point by point"):
        points = rows(one.run, f"""select gcp "connection point", dso operator, bsp provider, round(up_kw, 2) "up (kW)", round(validated_up_kw, 2) "validated up (kW)", light_up "light up",
            round(-down_kw, 2) "down (kW)", round(-validated_down_kw, 2) "validated down (kW)", light_down "light down" from {{static_lights}} order by gcp limit {_MOST_POINTS}""")  # fmt: skip
        st.dataframe(points, hide_index=True, key=f"static-{one.name}", height=320)
        if len(points) == _MOST_POINTS:
            charts.nothing(f"The first {_MOST_POINTS:,}; Files has all of them.")
