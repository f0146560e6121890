"""Traffic lights: what operators let be activated where and when; only runs with a coordination of operators have them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard import charts, look
from dashboard.reading import columns, has, rows
from dashboard.shown import Shown
from experiments.results import Run

if TYPE_CHECKING:
    import pandas as pd

_TABLES: Final = ("dynamic_lights", "perimeter_limits")
"""Tables of lights over time, the better first: columns ``perimeter``, ``t_ms``, ``direction``, ``colour``, ``capability_kw``."""
_STATIC: Final = "static_lights"
_SHADES: Final = {"green": "#2e9e6b", "yellow": "#f2c230", "red": "#d1495b"}
_BY_NUMBER: Final = {"0": "green", "1": "yellow", "2": "red"}


def show(shown: Sequence[Shown]) -> None:
    """Lights of perimeters over the day, and those of connection points."""
    there = [one for one in shown if light_table(one.run) or has(one.run, _STATIC)]
    for one in shown:
        if one not in there:
            charts.nothing(f"{one.name}: no operator gave traffic lights in this run.")
    if not there:
        return
    lit = [one for one in there if light_table(one.run)]
    if lit:
        st.header("Lights over the day")
        span = charts.day_of(lit)
        direction = st.radio(
            "Direction",
            ["up", "down"],
            horizontal=True,
            key="light_direction",
            persist_state="session",
            help="up: the grid sees less net load",
        )
        for one in charts.panels(lit):
            frame = lights(one.run, span(one.run), direction)
            if frame.empty:
                charts.nothing(f"No lights {direction} on this day.")
            else:
                charts.draw(_strip(one, frame), f"lights-{one.name}", 90 + 34 * frame["perimeter"].nunique())
    static = [one for one in there if has(one.run, _STATIC)]
    if static:
        st.header("Lights of connection points, from power flow studies")
        for one in charts.panels(static):
            frame = rows(one.run, "select * from {static_lights} order by t_ms, gcp limit 2000")
            st.dataframe(frame.drop(columns="t_ms"), hide_index=True, key=f"static-{one.name}", height=320)
    st.html(look.soft("Green: all may be activated; yellow: up to a capability; red: nothing."))


def light_table(run: Run) -> str | None:
    """The table of lights over time that a run has; None for none."""
    needed = {"perimeter", "t_ms", "direction", "colour"}
    for table in _TABLES:
        if has(run, table) and needed <= {column.name for column in columns(run, table)}:
            return table
    return None


def lights(run: Run, span: tuple[int, int], direction: str) -> "pd.DataFrame":
    """The light in force of each perimeter and interval: the one worked out last."""
    table = light_table(run)
    known = {column.name for column in columns(run, table or "")}
    latest = (
        " qualify row_number() over (partition by perimeter, t_ms order by made_ms desc) = 1"
        if "made_ms" in known
        else ""
    )
    capability = "capability_kw" if "capability_kw" in known else "null capability_kw"
    frame = rows(
        run,
        f"select perimeter, t_ms, cast(colour as varchar) colour, {capability} from {{{table}}} where direction = ? and t_ms >= ? and t_ms < ?{latest} order by perimeter, t_ms",
        [direction, *span],
    )
    return frame.assign(colour=frame["colour"].replace(_BY_NUMBER))


def _strip(one: Shown, frame: "pd.DataFrame") -> Any:
    import altair as alt

    step = frame.groupby("perimeter")["t_ms"].diff().dropna()
    length = int(step.min()) if len(step) else 3_600_000
    data = frame.assign(when=charts.clock(one.run, frame["t_ms"]), end=charts.clock(one.run, frame["t_ms"] + length))
    return (
        alt.Chart(data)
        .mark_rect(stroke="#ffffff", strokeWidth=1)
        .encode(
            charts.dated_axis(data), alt.X2("end:T"), alt.Y("perimeter:N", title=None),
            alt.Color("colour:N", scale=alt.Scale(domain=list(_SHADES), range=list(_SHADES.values())), legend=alt.Legend(title=None)),
            tooltip=[alt.Tooltip("perimeter:N"), alt.Tooltip("when:T", format="%d %b %H:%M", title="from"), alt.Tooltip("colour:N"), alt.Tooltip("capability_kw:Q", format=",.1f", title="capability (kW)")],
        )
    )  # fmt: skip
