"""Hosting capacity: how far all flows may grow together before the first branch or bus meets its limit, with coordination and without.

Loading grows as the flow does. The square of a voltage leaves that of the idle network as the flows grow, but for what losses add to them (DistFlow:
Baran and Wu 1989, IEEE Trans. Power Deliv. 4(1)); so both limits are met where a straight line meets them. Taps and switches stay where they are.
"""

from collections.abc import Callable

import numpy as np

from data.arrays import F64
from experiments.kpis.facts import Facts, difference, ratio
from experiments.kpis.grid import branch_limits, voltage_limits
from experiments.results.frame import Frame

STILL_PU = 1e-6
"""A bus whose squared voltage moves less does not follow the flows: that of the supplying grid."""
Growth = Callable[[Facts], float | None]


def growth_to_loading(facts: Facts) -> float | None:
    """Factor on all flows with which the first branch is loaded to its limit; below 1 where one is above it already."""
    frame = facts.days("grid_branches")
    if frame is None:
        return None
    stress = frame.floats("loading_percent") / branch_limits(facts, frame)
    return None if np.isnan(stress).all() else ratio(1.0, float(np.nanmax(stress)))


def growth_to_voltage(facts: Facts) -> float | None:
    """Factor on all flows with which the first bus reaches the limit it moves towards; None where no voltage moves, or limits are unknown."""
    frame = facts.days("grid_buses")
    limits, idle = (voltage_limits(facts, frame), idle_voltages(facts, frame)) if frame else (None, None)
    if frame is None or limits is None or idle is None:
        return None
    moved = frame.floats("v_pu") ** 2 - idle**2
    room = np.where(moved > 0.0, limits[1], limits[0]) ** 2 - idle**2
    follows = np.abs(moved) > STILL_PU  # unknown is not greater
    return float(np.maximum(room[follows] / moved[follows], 0.0).min()) if follows.any() else None


def idle_voltages(facts: Facts, frame: Frame) -> F64 | None:
    """Voltage [p.u.] of each row of ``grid_buses`` were nothing connected, in the switching state of its time; NaN where unknown."""
    known = facts.all("idle_voltages")
    if known is None:
        return None
    begins, state = np.unique(known.ints("from_ms"), return_inverse=True)
    codes, buses = frame.codes("bus")
    rank = {bus: number for number, bus in enumerate(buses)}
    own, labels = known.codes("bus")
    column = np.array([rank.get(label, len(buses)) for label in labels])[own]
    table = np.full((len(begins), len(buses) + 1), np.nan)
    table[state, column] = known.floats("v_pu")
    told = np.zeros(table.shape, np.int64)  # networks beside each other are switched at times of their own
    told[state, column] = state
    table = np.take_along_axis(table, np.maximum.accumulate(told, axis=0), axis=0)
    at = np.searchsorted(begins, frame.ints("t_ms"), side="right") - 1
    return np.asarray(np.where(at < 0, np.nan, table[np.maximum(at, 0), codes]))


def growth(facts: Facts) -> float | None:
    """Factor on all flows with which the first limit of any kind is met; None where either kind is unknown."""
    both = growth_to_loading(facts), growth_to_voltage(facts)
    return None if both[0] is None or both[1] is None else min(both[0], both[1])


def voltage_binds(facts: Facts) -> float | None:
    """1 where a voltage limit is met before any limit of loading, else 0."""
    ahead = difference(growth_to_loading(facts), growth_to_voltage(facts))
    return None if ahead is None else float(ahead > 0.0)


def hosting_capacity_percent(facts: Facts) -> float | None:
    """Growth of all flows that the network bears with coordination, over that without, less one [%]."""
    share = ratio(growth(facts), growth(facts.twin)) if facts.twin else None
    return None if share is None else 100.0 * (share - 1.0)


def _percent(factor: Growth) -> Growth:
    """The factor as growth [%]."""

    def more(facts: Facts) -> float | None:
        found = factor(facts)
        return None if found is None else 100.0 * (found - 1.0)

    return more


FIGURES: dict[str, Growth] = {
    "growth_loading_percent": _percent(growth_to_loading),
    "growth_voltage_percent": _percent(growth_to_voltage),
    "voltage_binds": voltage_binds,
    "hosting_capacity_percent": hosting_capacity_percent,
}
