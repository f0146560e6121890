"""Charts of the grid: its map before and after, the loading of the worst branch, the voltages."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from data.arrays import F64, I64
from experiments import colours
from experiments.kpis.facts import Facts
from experiments.kpis.grid import branch_limits, voltage_limits, voltage_rows, worst_branch
from experiments.plots import View, chart, svg, with_style

_COLOURS: Final = "YlOrRd"
_FULL_SCALE: Final = 130.0
_LOW_VOLTAGE_KV: Final = 1.0


@dataclass(frozen=True)
class Geometry:
    """Where buses and branches are: bus name -> (x, y), branch ends, zone and nominal voltage of buses."""

    place: dict[str, tuple[float, float]]
    ends: dict[str, tuple[str, str]]
    trafos: frozenset[str]
    zone: dict[str, str]
    vn_kv: dict[str, float]


def geometry(facts: Facts) -> Geometry | None:
    """The network of a run, as far as its places are known; None without."""
    buses, branches = facts.all("network_buses"), facts.all("network_branches")
    if buses is None or branches is None:
        return None
    known = ~(np.isnan(buses.floats("x")) | np.isnan(buses.floats("y")))
    buses = buses.where(known)
    if not len(buses):
        return None
    names = buses.names("bus").tolist()
    ends = zip(branches.names("from_bus").tolist(), branches.names("to_bus").tolist(), strict=True)
    found = dict(zip(branches.names("branch").tolist(), ends, strict=True))
    places = zip(buses.floats("x").tolist(), buses.floats("y").tolist(), strict=True)
    return Geometry(
        place=dict(zip(names, places, strict=True)),
        ends={branch: ends for branch, ends in found.items() if set(ends) <= set(names)},
        trafos=frozenset(branches.names("branch")[branches.names("kind") == "trafo"].tolist()) & found.keys(),
        zone=dict(zip(names, buses.names("zone").tolist(), strict=True)),
        vn_kv=dict(zip(names, buses.floats("vn_kv").tolist(), strict=True)),
    )


def worst_instant(facts: Facts) -> tuple[str, int] | None:
    """Branch and instant [ms] of the largest loading in its limit, without coordination where there is a twin."""
    before, branch = facts.twin or facts, worst_branch(facts)
    frame = before.days("grid_branches")
    if frame is None or branch is None:
        return None
    stress = frame.floats("loading_percent") / branch_limits(before, frame)
    return branch, int(frame.ints("t_ms")[int(np.nanargmax(stress))])


def network_map(view: View) -> tuple[str, int] | None:
    """Map coloured by loading at the worst instant, without and with coordination; its SVG and the instant."""
    net, worst = geometry(view.facts), worst_instant(view.facts)
    if net is None or worst is None:
        return None
    branch, t_ms = worst
    sides = [("without coordination", view.facts.twin), ("with coordination", view.facts)]
    there = [(title, facts) for title, facts in sides if facts is not None]
    parts = _parts(net, branch)
    shapes = [_shape(np.array([net.place[bus] for bus in buses])) for _, buses in parts]
    heights = [4.6 * min(max(height, 0.4), 1.1) for height, _ in shapes]
    with chart(4.8 * len(there), sum(heights) + 0.3, len(parts), len(there), squeeze=False, height_ratios=heights) as (
        figure,
        axes,
    ):
        shown = None
        for row, (what, buses) in enumerate(parts):
            for column, (title, facts) in enumerate(there):
                shown = _draw(axes[row, column], net, facts, t_ms, buses)
                axes[row, column].set_title(f"{what}, {title}", fontsize=9)
        figure.colorbar(shown, ax=axes, shrink=0.5, aspect=40, extend="max", label="loading, % of the limit")
        return svg(figure, "map"), t_ms


def _parts(net: Geometry, branch: str) -> list[tuple[str, frozenset[str]]]:
    """The whole network, and the LV grid of the worst branch by itself where the network has several levels."""
    everything = frozenset(net.place)
    low = {bus for bus in everything if net.vn_kv[bus] < _LOW_VOLTAGE_KV}
    end = next((bus for bus in reversed(net.ends.get(branch, ())) if bus in low), None)
    zone = frozenset(bus for bus in low if end is not None and net.zone[bus] == net.zone[end])
    if not zone or len(zone) > 0.8 * len(everything):
        return [("network", everything)]
    return [("network", everything), (f"LV grid {net.zone[next(iter(zone))]}".rstrip(), zone)]


def _draw(axes: Axes, net: Geometry, facts: Facts, t_ms: int, buses: frozenset[str]) -> Any:
    """One map: branches coloured by loading (wider when over the limit), transformers as squares, bad voltages ringed."""
    stress = _stress_at(facts, t_ms)
    drawn = [b for b, ends in net.ends.items() if buses.issuperset(ends)]
    lines = [[net.place[bus] for bus in net.ends[b]] for b in drawn]
    level = np.array([stress.get(b, np.nan) for b in drawn])
    norm, over = Normalize(0, _FULL_SCALE), level > 100
    wide = np.where(over, 4.0, 2.0)
    dense = len(lines) > 3000
    axes.add_collection(
        LineCollection(lines, colors=colours.GREY, linewidths=wide + 1.0, rasterized=dense, capstyle="round")
    )
    coloured = LineCollection(lines, array=level, cmap=_COLOURS, norm=norm, linewidths=wide, rasterized=dense)
    coloured.set_capstyle("round")
    axes.add_collection(coloured)
    _draw_trafos(axes, net, [b for b in net.trafos if buses & set(net.ends[b])], stress, norm, buses)
    _draw_buses(axes, net, facts, t_ms, buses)
    _frame(axes, np.array([net.place[bus] for bus in buses]))
    return coloured


def _draw_trafos(
    axes: Axes, net: Geometry, trafos: list[str], stress: dict[str, float], norm: Normalize, buses: frozenset[str]
) -> None:
    if not trafos:
        return
    inside = [[net.place[bus] for bus in net.ends[b] if bus in buses] for b in sorted(trafos)]
    middle = np.array([np.mean(points, axis=0) for points in inside])
    level = [stress.get(b, np.nan) for b in sorted(trafos)]
    style: dict[str, Any] = {"marker": "s", "s": 46, "edgecolors": colours.BLACK, "linewidths": 0.9, "zorder": 4}
    axes.scatter(middle[:, 0], middle[:, 1], c=level, cmap=_COLOURS, norm=norm, **style)


def _draw_buses(axes: Axes, net: Geometry, facts: Facts, t_ms: int, buses: frozenset[str]) -> None:
    places = np.array([net.place[bus] for bus in sorted(buses)])
    axes.scatter(
        places[:, 0], places[:, 1], s=5 if len(buses) < 400 else 1.5, color=colours.BLACK, zorder=3, linewidths=0
    )
    bad = [net.place[bus] for bus in sorted(_bad_voltage_at(facts, t_ms) & buses)]
    if bad:
        x, y = np.array(bad).T
        size = 60 if len(buses) < 60 else 22 if len(buses) < 200 else 9
        axes.scatter(x, y, s=size, facecolors="none", edgecolors=colours.PURPLE, linewidths=1.2, zorder=5)


def _frame(axes: Axes, places: F64) -> None:
    """No axes around a map, and the aspect of the ground."""
    low, high = places.min(axis=0), places.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    axes.set_aspect(_shape(places)[1], adjustable="box")
    axes.set_xlim(low[0] - 0.05 * span[0], high[0] + 0.05 * span[0])
    axes.set_ylim(low[1] - 0.05 * span[1], high[1] + 0.05 * span[1])
    axes.set_axis_off()


def _shape(places: F64) -> tuple[float, Any]:
    """Height of a map per width, and the aspect of its axes.

    Degrees of longitude are shortened as on the ground; drawings (spans of more than 5) and bands fill what they get.
    """
    span = places.max(axis=0) - places.min(axis=0)
    degrees = bool((np.abs(places).max(axis=0) <= (180, 90)).all())
    ground = 1 / np.cos(np.radians(places[:, 1].mean())) if degrees else 1.0
    if span.min() <= 0 or span.max() / span.min() > 12 or (degrees and span.max() > 5):
        return 0.6, "auto"
    return float(ground * span[1] / span[0]), float(ground)


def _stress_at(facts: Facts, t_ms: int) -> dict[str, float]:
    """Loading of each branch at an instant, in percent of its limit."""
    frame = facts.days("grid_branches")
    if frame is None:
        return {}
    now = frame.ints("t_ms") == t_ms
    stress = 100.0 * frame.floats("loading_percent") / branch_limits(facts, frame)
    return dict(zip(frame.names("branch")[now].tolist(), stress[now].tolist(), strict=True))


def _bad_voltage_at(facts: Facts, t_ms: int) -> set[str]:
    frame = facts.days("grid_buses")
    rows = voltage_rows(facts, frame) if frame else None
    if frame is None or rows is None:
        return set()
    return set(frame.names("bus")[rows & (frame.ints("t_ms") == t_ms)].tolist())


def loading_chart(view: View) -> str | None:
    """Loading of the worst branch over the delivery days, with its limit."""
    branch = worst_branch(view.facts)
    if branch is None:
        return None
    with chart() as (figure, axes):
        limit = 100.0
        for facts in (view.facts.twin, view.facts):
            frame = facts.days("grid_branches") if facts else None
            if facts is None or frame is None:
                continue
            own = frame.where(frame.names("branch") == branch)
            limit = float(branch_limits(facts, own)[0])
            t_ms, percent = own.ints("t_ms"), own.floats("loading_percent")
            view.step_line(axes, t_ms, percent, **with_style(without=facts is view.facts.twin))
            over = np.append(percent, percent[-1]) > limit
            if facts is view.facts:
                t_end = np.append(t_ms, t_ms[-1] + facts.step_ms)
                top = np.append(percent, percent[-1])
                axes.fill_between(
                    view.clock(t_end), limit, top, over, step="post", color=colours.WITH, alpha=0.25, linewidth=0
                )
        axes.axhline(limit, color=colours.BLACK, linewidth=1, linestyle=":", label=f"limit {limit:g} %")
        axes.set(title=f"Loading of {branch}", ylabel="loading (%)", ylim=(0, None))
        view.time_axis(axes)
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3)
        return svg(figure, "loading")


def voltage_chart(view: View) -> str | None:
    """Range of the voltages of all buses over the delivery days, with limits; with and without coordination."""
    frame = view.facts.days("grid_buses")
    if frame is None:
        return None
    with chart() as (figure, axes):
        limits = voltage_limits(view.facts, frame)
        for facts in (view.facts.twin, view.facts):
            own = facts.days("grid_buses") if facts else None
            if own is not None:
                _voltage_range(view, axes, own.ints("t_ms"), own.floats("v_pu"), without=facts is view.facts.twin)
        for bound in () if limits is None else (limits[0].max(), limits[1].min()):
            axes.axhline(float(bound), color=colours.BLACK, linewidth=1, linestyle=":")
            axes.annotate(
                f"limit {bound:g}", (0.002, bound), xycoords=("axes fraction", "data"), va="bottom", fontsize=8
            )
        axes.set(title="Lowest and highest voltage of all buses", ylabel="voltage (p.u.)")
        view.time_axis(axes)
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
        return svg(figure, "voltage")


def _voltage_range(view: View, axes: Axes, t_ms: I64, volts: F64, without: bool) -> None:
    instants, place = np.unique(t_ms, return_inverse=True)
    low, high = np.full(len(instants), np.inf), np.full(len(instants), -np.inf)
    known = ~np.isnan(volts)
    np.minimum.at(low, place[known], volts[known])
    np.maximum.at(high, place[known], volts[known])
    style = with_style(without)
    view.step_line(axes, instants, low, **style)
    view.step_line(axes, instants, high, **{**style, "label": None})
    ends = np.append(instants, instants[-1] + view.facts.step_ms)
    colour = colours.WITHOUT if without else colours.WITH
    bottom, top = np.append(low, low[-1]), np.append(high, high[-1])
    axes.fill_between(view.clock(ends), bottom, top, step="post", color=colour, alpha=0.08, linewidth=0)
