"""Figures of the grid: loading, overload, voltage, losses, supply, and what coordination avoided of them."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from data.arrays import F64, Bool
from experiments.kpis.facts import Facts, difference, paired, ratio, total
from experiments.results.frame import Frame

Figure = Callable[[Facts], float | None]


def peak_loading_percent(facts: Facts) -> float | None:
    """Largest loading of any branch [%]."""
    frame = facts.days("grid_branches")
    return _largest(frame.floats("loading_percent")) if frame else None


def branch_limits(facts: Facts, frame: Frame) -> F64:
    """Loading limit [%] of each row: of the network table, else of the scenario by kind, else 100."""
    limits = facts.scenario.get("grid", {}).get("limits", {}) or {}
    by_kind = {"trafo": limits.get("transformer_percent"), "line": limits.get("line_percent")}
    codes, branches = frame.codes("branch")
    kinds = frame.names("kind")
    first = np.full(len(branches), "", kinds.dtype)
    first[codes] = kinds
    own = {}
    if (network := facts.all("network_branches")) is not None:
        own = dict(zip(network.names("branch"), network.floats("limit"), strict=True))
    values = [own.get(b, by_kind.get(str(k)) or 100.0) for b, k in zip(branches, first, strict=True)]
    return np.array(values, float)[codes]


def overload_rows(facts: Facts, frame: Frame) -> Bool:
    """Rows of ``grid_branches`` above their limit."""
    return np.asarray(frame.floats("loading_percent") > branch_limits(facts, frame))


def overload_hours(facts: Facts) -> float | None:
    """Hours in which at least one branch is above its limit."""
    frame = facts.days("grid_branches")
    return _hours_with(facts, frame, overload_rows(facts, frame)) if frame else None


def overload_branch_hours(facts: Facts) -> float | None:
    """Hours above the limit, summed over branches."""
    frame = facts.days("grid_branches")
    return float(overload_rows(facts, frame).sum()) * facts.hours if frame else None


def overload_kwh(facts: Facts) -> float | None:
    """Active energy above the limit, ``|p| (1 - limit / loading)``, summed over branches [kWh]."""
    frame = facts.days("grid_branches")
    if frame is None:
        return None
    rows = overload_rows(facts, frame)
    share = 1.0 - branch_limits(facts, frame)[rows] / frame.floats("loading_percent")[rows]
    return total(np.abs(frame.floats("p_kw")[rows]) * share * facts.hours)


def voltage_limits(facts: Facts, frame: Frame) -> tuple[F64, F64] | None:
    """Lower and upper limit [p.u.] of each row of ``grid_buses``: of the network table, else of the scenario."""
    band = (facts.scenario.get("grid", {}).get("limits", {}) or {}).get("voltage_pu") or (np.nan, np.nan)
    codes, buses = frame.codes("bus")
    low, high = np.full(len(buses), band[0], float), np.full(len(buses), band[1], float)
    network = facts.all("network_buses")
    if network is not None and network.has("v_min_pu", "v_max_pu"):
        rank = {bus: number for number, bus in enumerate(buses)}
        for bus, least, most in zip(*(f(c) for f, c in _bus_columns(network)), strict=True):
            if bus in rank:
                low[rank[bus]] = low[rank[bus]] if np.isnan(least) else least
                high[rank[bus]] = high[rank[bus]] if np.isnan(most) else most
    return None if np.isnan(low).any() or np.isnan(high).any() else (low[codes], high[codes])


def _bus_columns(network: Frame) -> list[tuple[Callable[[str], NDArray[np.generic]], str]]:
    return [(network.names, "bus"), (network.floats, "v_min_pu"), (network.floats, "v_max_pu")]


def voltage_rows(facts: Facts, frame: Frame) -> Bool | None:
    """Rows of ``grid_buses`` outside their limits; None without limits."""
    limits = voltage_limits(facts, frame)
    volts = frame.floats("v_pu")
    return None if limits is None else np.asarray((volts < limits[0]) | (volts > limits[1]))


def voltage_violation_hours(facts: Facts) -> float | None:
    """Hours in which at least one bus is outside its voltage limits."""
    frame = facts.days("grid_buses")
    rows = voltage_rows(facts, frame) if frame else None
    return None if frame is None or rows is None else _hours_with(facts, frame, rows)


def voltage_violation_pu_h(facts: Facts) -> float | None:
    """How far the worst bus of each step is outside its limits, over time [p.u. h]."""
    frame = facts.days("grid_buses")
    limits = voltage_limits(facts, frame) if frame else None
    if frame is None or limits is None:
        return None
    volts = frame.floats("v_pu")
    beyond = np.nan_to_num(np.fmax(np.fmax(volts - limits[1], limits[0] - volts), 0.0))
    _, step = np.unique(frame.ints("t_ms"), return_inverse=True)
    worst = np.zeros(int(step.max()) + 1)
    np.maximum.at(worst, step, beyond)
    return float(worst.sum()) * facts.hours


def voltage_violation_kwh(facts: Facts) -> float | None:
    """Energy exchanged by homes at buses outside their voltage limits [kWh]."""
    buses = facts.days("grid_buses")
    rows = voltage_rows(facts, buses) if buses else None
    return None if buses is None or rows is None else energy_at(facts, buses, rows, ("import_kwh", "export_kwh"))


def feed_in_above_limit_kwh(facts: Facts) -> float | None:
    """Energy that homes feed in at buses above their upper voltage limit [kWh]."""
    buses = facts.days("grid_buses")
    limits = voltage_limits(facts, buses) if buses else None
    if buses is None or limits is None:
        return None
    return energy_at(facts, buses, np.asarray(buses.floats("v_pu") > limits[1]), ("export_kwh",))


def energy_at(facts: Facts, buses: Frame, rows: Bool, columns: Sequence[str]) -> float | None:
    """Energy of the meters of homes at some buses and steps [kWh].

    Args:
        facts: the run.
        buses: rows of ``grid_buses``, (rows,).
        rows: those that count, (rows,).
        columns: of ``meters``, summed.
    """
    meters, homes = facts.days("meters"), facts.all("homes")
    if meters is None or homes is None:
        return None
    bus_of = dict(zip(homes.names("meter"), homes.names("bus"), strict=True))
    codes, labels = meters.codes("meter")
    rank = {bus: number for number, bus in enumerate(buses.codes("bus")[1])}
    meter_bus = np.array([rank.get(bus_of.get(label, ""), -1) for label in labels])[codes]
    bad = paired(buses.codes("bus")[0][rows], buses.ints("t_ms")[rows])
    start_ms = meters.ints("t_ms") // facts.step_ms * facts.step_ms
    energy = sum((meters.floats(name) for name in columns), np.zeros(len(meters)))
    return float(energy[np.isin(paired(meter_bus, start_ms), bad)].sum())


def min_voltage_pu(facts: Facts) -> float | None:
    """Lowest voltage of any energised bus [p.u.]."""
    frame = facts.days("grid_buses")
    lowest = _largest(-frame.floats("v_pu")) if frame else None
    return None if lowest is None else -lowest


def max_voltage_pu(facts: Facts) -> float | None:
    """Highest voltage of any energised bus [p.u.]."""
    frame = facts.days("grid_buses")
    return _largest(frame.floats("v_pu")) if frame else None


def losses_kwh(facts: Facts) -> float | None:
    """Active energy lost in the branches [kWh]; losses of branches out of service are none."""
    frame = facts.days("grid_branches")
    if frame is None or not frame.has("loss_kw"):
        return None
    loss = frame.floats("loss_kw")
    return None if np.isnan(loss).all() else float(np.nansum(loss)) * facts.hours


def energy_not_served_kwh(facts: Facts) -> float | None:
    """Demand that was not supplied [kWh]."""
    frame = facts.days("unserved")
    return total(frame.floats("power_kw") * facts.hours) if frame else None


def avoided(figure: Figure) -> Figure:
    """The figure without coordination less the figure with it; None without twin."""
    return lambda facts: difference(figure(facts.twin), figure(facts)) if facts.twin else None


def congestions_avoided_percent(facts: Facts) -> float | None:
    """Share of the branch-intervals in overload that coordination removed [%] (CoordiNet and EUniversal lists)."""
    if facts.twin is None:
        return None
    before, after = overload_branch_hours(facts.twin), overload_branch_hours(facts)
    share = ratio(difference(before, after), before)
    return None if share is None else 100.0 * share


def worst_branch(facts: Facts) -> str | None:
    """The branch with the largest loading without coordination (with it, where there is no twin), in its limit."""
    before = facts.twin or facts
    frame = before.days("grid_branches")
    if frame is None:
        return None
    stress = frame.floats("loading_percent") / branch_limits(before, frame)
    if np.isnan(stress).all():
        return None
    return str(frame.names("branch")[int(np.nanargmax(stress))])


def peak_reduction_percent(facts: Facts) -> float | None:
    """Reduction of the peak active power at the worst branch [%]."""
    branch = worst_branch(facts) if facts.twin else None
    if branch is None or facts.twin is None:
        return None
    before, after = _peak_kw(facts.twin, branch), _peak_kw(facts, branch)
    share = ratio(difference(before, after), before)
    return None if share is None else 100.0 * share


def _peak_kw(facts: Facts, branch: str) -> float | None:
    frame = facts.days("grid_branches")
    power = frame.floats("p_kw")[frame.names("branch") == branch] if frame else np.array([])
    return _largest(np.abs(power))


def _hours_with(facts: Facts, frame: Frame, rows: Bool) -> float:
    return len(np.unique(frame.ints("t_ms")[rows])) * facts.hours


def _largest(values: F64) -> float | None:
    return None if not len(values) or np.isnan(values).all() else float(np.nanmax(values))


FIGURES: dict[str, Figure] = {
    "peak_loading_percent": peak_loading_percent,
    "overload_hours": overload_hours,
    "overload_branch_hours": overload_branch_hours,
    "overload_kwh": overload_kwh,
    "voltage_violation_hours": voltage_violation_hours,
    "voltage_violation_pu_h": voltage_violation_pu_h,
    "voltage_violation_kwh": voltage_violation_kwh,
    "min_voltage_pu": min_voltage_pu,
    "max_voltage_pu": max_voltage_pu,
    "losses_kwh": losses_kwh,
    "energy_not_served_kwh": energy_not_served_kwh,
    "avoided_overload_hours": avoided(overload_hours),
    "avoided_overload_kwh": avoided(overload_kwh),
    "avoided_voltage_violation_hours": avoided(voltage_violation_hours),
    "avoided_voltage_violation_kwh": avoided(voltage_violation_kwh),
    "avoided_losses_kwh": avoided(losses_kwh),
    "congestions_avoided_percent": congestions_avoided_percent,
    "peak_reduction_percent": peak_reduction_percent,
}
