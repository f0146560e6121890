"""The grid: a map with a slider for the time, loading of branches and voltages over the day."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard import charts, look
from dashboard.charts import WITH, WITHOUT
from dashboard.maps import network_map, zones
from dashboard.reading import has, rows
from dashboard.shown import Shown
from experiments.results import Run

if TYPE_CHECKING:
    import pandas as pd

Span = Callable[[Run], tuple[int, int]]
_MOST_BRANCHES: Final = 25
_BRANCHES: Final = ("grid_branches", "twin/grid_branches")
_ANY: Final = "the branch loaded most at each time"
_OF_ANY: Final = """select f.t_ms // ? * ? t_ms, max(100 * f.loading_percent / n."limit") loading_percent from {TABLE} f join {network_branches} n using (branch)
where f.t_ms >= ? and f.t_ms < ? group by 1 order by 1"""
_BUSES: Final = ("grid_buses", "twin/grid_buses")


def show(shown: Sequence[Shown]) -> None:
    """Map, loading, voltage."""
    span = charts.day_of(shown)
    with_flows = [one for one in shown if has(one.run, "grid_branches", "network_branches")]
    if not with_flows:
        charts.nothing("These runs hold no flows in a network.")
        return
    branches = worst_branches(with_flows, span)
    st.header("Network")
    _maps(with_flows, span)
    st.header("Loading")
    _loading(with_flows, span, branches)
    st.header("Voltage")
    _voltage(with_flows, span)


def worst_branches(shown: Sequence[Shown], span: Span) -> list[tuple[str, float]]:
    """The branches loaded most in any run or its twin, with their largest loading [% of their limit], the worst first."""
    found: dict[str, float] = {}
    for one in shown:
        for table in _BRANCHES:
            if table in one.run.tables:
                frame = rows(one.run, _WORST.replace("TABLE", table), span(one.run))
                for branch, worst in zip(frame["branch"], frame["worst"], strict=True):
                    found[str(branch)] = max(found.get(str(branch), 0.0), float(worst))
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_BRANCHES]


_WORST: Final = """
select f.branch, max(100 * f.loading_percent / n.limit) worst from {TABLE} f join {network_branches} n using (branch)
where f.t_ms >= ? and f.t_ms < ? and f.loading_percent is not null group by 1 order by 2 desc limit 25"""


_WORST_INSTANT: Final = """
select f.t_ms, 100 * f.loading_percent / n.limit worst from {TABLE} f join {network_branches} n using (branch)
where f.t_ms >= ? and f.t_ms < ? and f.loading_percent is not null order by 2 desc, 1 limit 1"""


def _maps(shown: Sequence[Shown], span: Span) -> None:
    first = shown[0].run
    begin, end = span(first)
    step = charts.step_ms(first)
    worst = worst_instant(shown[0], span)
    offsets = list(range(0, end - begin, step))
    left, right = st.columns([5, 2], gap="large", vertical_alignment="bottom")
    days = (end - begin) > charts.MS_PER_DAY + step

    def name(offset: int) -> str:
        return first.local(begin + offset).strftime("%d %b %H:%M" if days else "%H:%M")

    offset = left.select_slider(
        "Time", offsets, worst - begin if worst - begin in offsets else offsets[len(offsets) // 2], format_func=name, key=f"map_time|{begin}|{end}",
        persist_state="session", help="It begins at the instant of the largest loading",
    )  # fmt: skip
    places = zones(first)
    zone = None
    if len(places) > 1:
        names = ["whole network", *places]
        zone = right.selectbox(
            "Part of the network",
            names,
            index=names.index(_zone_of_worst(shown[0], span, places)),
            key="zone",
            persist_state="session",
        )
    part = None if zone in (None, "whole network") else zone
    if len(shown) == 1:
        one = shown[0]
        sides = [(WITH, ""), *([("without coordination", "twin/")] if "twin/grid_branches" in one.run.tables else [])]
        for column, (text, prefix) in zip(st.columns(len(sides), gap="large"), reversed(sides), strict=True):
            with column:
                st.html(f"<b>{text}</b>")
                network_map(one, begin + offset, prefix, part, f"map-{prefix}")
    else:
        twin = st.toggle("Without coordination", key="map_twin", persist_state="session")
        for one in charts.panels(shown):
            prefix = "twin/" if twin and "twin/grid_branches" in one.run.tables else ""
            network_map(one, span(one.run)[0] + offset, prefix, _part_of(one, part, span), f"map-{one.name}")
    st.html(look.soft("Lines by loading, in percent of their limit, wide above it; squares are transformers, rings are buses outside the voltage limits. "
                      "Point at them for numbers; zoom with the wheel, move by dragging."))  # fmt: skip


def _part_of(one: Shown, part: str | None, span: Span) -> str | None:
    """The part of the network that is looked at; of a network that has no such part its own that is loaded most."""
    own = zones(one.run)
    if part is None or part in own:
        return part
    found = _zone_of_worst(one, span, own)
    return found if found in own else None


def worst_instant(one: Shown, span: Span) -> int:
    """The instant of the largest loading [ms], without coordination where there is a twin."""
    table = next(name for name in reversed(_BRANCHES) if name in one.run.tables)
    frame = rows(one.run, _WORST_INSTANT.replace("TABLE", table), span(one.run))
    return int(frame["t_ms"].iloc[0]) if len(frame) else span(one.run)[0]


def _zone_of_worst(one: Shown, span: Span, places: Sequence[str]) -> str:
    found = worst_branches([one], span)
    if not found:
        return "whole network"
    frame = rows(
        one.run,
        "select b.zone from {network_branches} n join {network_buses} b on b.bus = n.to_bus where n.branch = ? and b.vn_kv < 1",
        [found[0][0]],
    )
    zone = str(frame["zone"].iloc[0]) if len(frame) else ""
    return zone if zone in places else "whole network"


def _loading(shown: Sequence[Shown], span: Span, branches: Sequence[tuple[str, float]]) -> None:
    if not branches:
        charts.nothing("Nothing flows in these runs.")
        return
    worst = dict(branches)
    nets = {tuple(sorted(zones(one.run))) for one in shown}
    names = [_ANY, *worst] if len(nets) > 1 else [*worst, _ANY]  # networks that differ have no branch in common
    branch = st.selectbox(
        "Branch",
        names,
        format_func=lambda name: name if name == _ANY else f"{name}  (up to {worst[name]:.0f} % of its limit)",
        key="branch",
        persist_state="session",
        width=420,
    )
    if branch == _ANY:
        charts.draw(_layered([charts.lines(over_time(shown, span, _BRANCHES, _OF_ANY), shown, "loading_percent", "loading, % of the limit", ",.1f"),
                              *charts.rule(100.0, "limit")]), "loading")  # fmt: skip
        return
    query = "select t_ms // ? * ? t_ms, max(loading_percent) loading_percent from {TABLE} where branch = ? and t_ms >= ? and t_ms < ? group by 1 order by 1"
    frame = over_time(shown, span, _BRANCHES, query, [branch])
    if frame.empty:
        charts.nothing(f"{branch} is in none of these runs.")
        return
    lacking = [one.name for one in shown if one.name not in set(frame["run"])]
    if lacking:
        charts.nothing(f"{', '.join(lacking)}: no such branch.")
    limit = rows(shown[0].run, 'select "limit" from {network_branches} where branch = ?', [branch])
    layers: list[Any] = [charts.lines(frame, shown, "loading_percent", "loading (%)", ",.1f")]
    if len(limit):
        value = float(limit["limit"].iloc[0])
        layers += charts.rule(value, f"limit {value:g} %")
    charts.draw(_layered(layers), "loading")


def over_time(
    shown: Sequence[Shown], span: Span, tables: Sequence[str], query: str, parameters: Sequence[Any] = ()
) -> "pd.DataFrame":
    """A series of each run and its twin, with ``when``, ``run`` and ``what``; parameters come between bucket and span."""
    import pandas as pd

    found = []
    for one in shown:
        bucket = charts.bucket_ms(one.run, span(one.run))
        for table in tables:
            if table in one.run.tables:
                frame = charts.to_its_end(
                    rows(one.run, query.replace("TABLE", table), [bucket, bucket, *parameters, *span(one.run)]), bucket
                )
                when = charts.clock(one.run, frame["t_ms"], shown[0].run)
                found.append(frame.assign(when=when, run=one.name, what=WITHOUT if table.startswith("twin/") else WITH))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _voltage(shown: Sequence[Shown], span: Span) -> None:
    import altair as alt

    query = "select t_ms // ? * ? t_ms, min(v_pu) low, max(v_pu) high from {TABLE} where t_ms >= ? and t_ms < ? group by 1 order by 1"
    frame = over_time(shown, span, _BUSES, query)
    if frame.empty:
        charts.nothing("These runs hold no voltages.")
        return
    band = shown[0].run.meta["scenario"]["grid"].get("limits", {}).get("voltage_pu") or []
    low = charts.lines(frame, shown, "low", "voltage (p.u.)", ".4f", zero=False)
    high = charts.lines(frame, shown, "high", "voltage (p.u.)", ".4f", zero=False)
    area = (
        alt.Chart(frame[frame["what"] == WITH])
        .mark_area(interpolate="step-after", opacity=0.10)
        .encode(
            charts.dated_axis(frame),
            alt.Y("low:Q", scale=alt.Scale(zero=False)),
            alt.Y2("high:Q"),
            charts.run_colour(shown),
        )
    )
    shaded = [area] if len(shown) == 1 else []  # several would only grey each other
    charts.draw(
        _layered([*shaded, low, high, *(part for one in band for part in charts.rule(float(one), f"limit {one:g}"))]),
        "voltage",
    )
    st.html(look.soft("The lowest and the highest voltage of any bus."))


def _layered(layers: Sequence[Any]) -> Any:
    import altair as alt

    return alt.layer(*layers)
