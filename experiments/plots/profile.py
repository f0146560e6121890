"""The voltage along a feeder: every bus of a low-voltage grid by its distance from the transformer, at the worst instant."""

from collections import deque

import numpy as np

from experiments import colours
from experiments.kpis.facts import Facts
from experiments.kpis.grid import voltage_limits
from experiments.plots import View, chart, svg, with_style
from experiments.results.frame import Frame

LV_KV = 1.0
"""Below it a voltage is low."""


def worst_voltage(facts: Facts) -> tuple[str, int] | None:
    """Bus and instant [ms] of the voltage furthest beyond its limits, or nearest to them; without coordination where there is a twin."""
    frame = (facts.twin or facts).days("grid_buses")
    limits = voltage_limits(facts, frame) if frame else None
    if frame is None or limits is None:
        return None
    volts = frame.floats("v_pu")
    beyond = np.fmax(volts - limits[1], limits[0] - volts)
    if np.isnan(beyond).all():
        return None
    row = int(np.nanargmax(beyond))
    return str(frame.names("bus")[row]), int(frame.ints("t_ms")[row])


def distances_km(facts: Facts, bus: str) -> dict[str, float]:
    """Distance of every bus of the grid around ``bus`` from where it is fed, along its lines; without lengths each line counts 1.

    The grid is what lines connect; it is fed where a transformer ends in it.
    """
    branches = facts.all("network_branches")
    if branches is None:
        return {}
    rows = branches.table.to_pylist()
    lengths = [float(row.get("length_km") or 0.0) for row in rows]
    ways: dict[str, list[tuple[str, float]]] = {}
    for row, km in zip(rows, lengths if any(lengths) else [1.0] * len(rows), strict=True):
        if row["kind"] == "line":
            ways.setdefault(row["from_bus"], []).append((row["to_bus"], km))
            ways.setdefault(row["to_bus"], []).append((row["from_bus"], km))
    around = _reached({bus: 0.0}, ways)
    fed = {row["to_bus"]: 0.0 for row in rows if row["kind"] == "trafo" and row["to_bus"] in around}
    return _reached(fed, ways) if fed else around


def _reached(start: dict[str, float], ways: dict[str, list[tuple[str, float]]]) -> dict[str, float]:
    found, queue = dict(start), deque(start)
    while queue:
        bus = queue.popleft()
        for other, km in ways.get(bus, ()):
            if other not in found:
                found[other] = found[bus] + km
                queue.append(other)
    return found


def profile_chart(view: View) -> tuple[str, str, int] | None:
    """Voltage by distance at the worst instant, with and without coordination: SVG, the worst bus and the instant."""
    worst = worst_voltage(view.facts)
    if worst is None:
        return None
    bus, t_ms = worst
    km = distances_km(view.facts, bus)
    sides = [(facts, _volts(facts, t_ms)) for facts in (view.facts.twin, view.facts) if facts is not None]
    if len(km) < 2 or not any(set(volts) & set(km) for _, volts in sides):
        return None
    lines = _lines(view.facts, km)
    with chart() as (figure, axes):
        for facts, volts in sides:
            style = with_style(without=facts is view.facts.twin)
            known = [name for name in km if name in volts]
            axes.scatter(
                [km[n] for n in known],
                [volts[n] for n in known],
                s=12,
                color=style["color"],
                label=style["label"],
                zorder=3,
            )
            for one, other in lines:
                if one in volts and other in volts:
                    axes.plot(
                        [km[one], km[other]], [volts[one], volts[other]], color=style["color"], linewidth=0.8, alpha=0.6
                    )
        for bound in _bounds(view.facts):
            axes.axhline(bound, color=colours.BLACK, linewidth=1, linestyle=":")
        axes.set(title=f"Voltage along the feeders, {view.time_text(t_ms)}", ylabel="voltage (p.u.)")
        axes.set_xlabel("distance from the transformer (km)")
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
        return svg(figure, "profile"), bus, t_ms


def _lines(facts: Facts, km: dict[str, float]) -> list[tuple[str, str]]:
    branches: Frame | None = facts.all("network_branches")
    rows = branches.table.to_pylist() if branches else []
    return [
        (row["from_bus"], row["to_bus"])
        for row in rows
        if row["kind"] == "line" and row["from_bus"] in km and row["to_bus"] in km
    ]


def _volts(facts: Facts, t_ms: int) -> dict[str, float]:
    frame = facts.days("grid_buses")
    if frame is None:
        return {}
    now = (frame.ints("t_ms") == t_ms) & ~np.isnan(frame.floats("v_pu"))
    return dict(zip(frame.names("bus")[now].tolist(), frame.floats("v_pu")[now].tolist(), strict=True))


def _bounds(facts: Facts) -> tuple[float, ...]:
    frame = facts.days("grid_buses")
    limits = voltage_limits(facts, frame) if frame else None
    return () if limits is None else (float(limits[0].max()), float(limits[1].min()))
