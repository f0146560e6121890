"""The operator's own means: moving taps and reconfiguring the network, tried by power flow and priced.

SUC06.1 lets a DSO buy flexibility only where reconfiguration does not suffice, so the candidates are enumerated:

- every position of every tap changer (transformers in parallel move together);
- every tie closed, with each branch of the loop it makes opened in turn; a tie that resupplies buses cut off needs no opening.

A reconfiguration must leave the network as radial as it was and cut nobody off, and its loop must hold a branch that is overloaded or feeds a bus out of
its band: any other moves load past the trouble. All candidates are judged at the worst step, the best of them over all
steps. Combinations of a tap and a reconfiguration are not enumerated.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, Bool
from environment.grid.flow import Flow, in_blocks
from environment.grid.layout import breadth_first, neighbours
from environment.grid.limits import Limits, Violations, find_violations
from environment.grid.model import Network
from environment.grid.power_flow import PowerFlow, energised
from environment.grid.switching import State

_KEPT: Final = 12  # candidates judged over all steps
_BETTER_KW: Final = 1e-6


@dataclass(frozen=True)
class MeansCosts:
    """What a measure costs the operator: wear and crew, figures of the scenario.

    ``on_load_tap_eur`` per position moved; ``off_load_tap_eur`` per transformer (it must be switched off for it); ``switch_eur`` per switch
    operated; a reconfiguration is undone later, so each of its switches is operated twice.
    """

    on_load_tap_eur: float
    off_load_tap_eur: float
    switch_eur: float


@dataclass(frozen=True)
class Measure:
    """One measure and what it leaves.

    Attributes:
        kind: ``tap`` or ``switching``.
        text: what to do, in a sentence.
        cost_eur: price by ``MeansCosts``.
        taps: positions to set, by transformer.
        close: ties to close.
        open: branches to open.
        residual_kwh: what remains: sum over the steps of the largest need of any element (``Violations.severity_kw``), and of what is unserved.
        residual_hours: hours in which something remains.
        peak_loading_percent: the highest loading of any branch over the steps with the measure taken.
        interrupts: whether customers are off for a moment.
    """

    kind: Literal["tap", "switching"]
    text: str
    cost_eur: float
    taps: Mapping[str, int] = field(default_factory=dict)
    close: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    residual_kwh: float = float("inf")
    residual_hours: float = float("inf")
    peak_loading_percent: float = float("inf")
    interrupts: bool = False

    @property
    def relieves(self) -> bool:
        """Whether nothing is violated any more."""
        return self.residual_hours == 0.0

    def power_flow(self, network: Network, state: State | None = None) -> PowerFlow:
        """The power flow with this measure taken in a switching state."""
        return (state or State()).changed(self.taps, self.close, self.open).power_flow(network)


def conventional_measures(
    network: Network,
    p_kw: ArrayLike,
    q_kvar: ArrayLike,
    limits: Limits,
    costs: MeansCosts,
    step_h: float = 0.25,
    state: State | None = None,
) -> list[Measure]:
    """Measures that lessen the violations, best first.

    First those that relieve everything, by cost, then the others by what remains; of equals the one with the lower peak loading.

    Args:
        network: the network as it is drawn.
        p_kw: net loads of the steps foreseen, shape (T, n_bus).
        q_kvar: reactive net loads, same shape.
        limits: what must be kept.
        costs: prices.
        step_h: hours of a step.
        state: what differs from it: outages and measures in force; nothing if None.

    Returns:
        The measures that help; an empty list where none does or nothing is violated.
    """
    present = state or State()
    now = present.power_flow(network)
    p = np.atleast_2d(np.asarray(p_kw, np.float64))
    q = np.array(np.broadcast_to(np.asarray(q_kvar, np.float64), p.shape))
    before = needs_kw(now, p, q, limits)
    worst = int(np.argmax(before))
    if before[worst] <= _BETTER_KW:
        return []
    concerned = _concerned(now, find_violations(now, now.solve(p[worst], q[worst]), limits))
    candidates = [
        *_tap_moves(network, present, concerned.feeding, costs),
        *_reconfigurations(network, now, present.opened, concerned.elements, costs),
    ]
    screened = []
    for measure in candidates:
        need = _need_below(measure.power_flow(network, present), p[worst], q[worst], limits, before[worst])
        if need < before[worst] - _BETTER_KW:
            screened.append((need > _BETTER_KW, round(need, 6), measure.cost_eur, measure.text, measure))
    best = [row[-1] for row in sorted(screened, key=_rank)[:_KEPT]]
    judged = [_judged(measure, network, present, p, q, limits, step_h) for measure in best]
    helping = [measure for measure in judged if measure.residual_kwh < float(before.sum()) * step_h - _BETTER_KW]
    return sorted(helping, key=_order)


def _order(measure: Measure) -> tuple[bool, float, float, float, str]:
    residual, peak = round(measure.residual_kwh, 6), round(measure.peak_loading_percent, 6)
    return not measure.relieves, residual, measure.cost_eur, peak, measure.text


def _rank(row: tuple[bool, float, float, str, Measure]) -> tuple[bool, float, float, str]:
    return row[:4]


def needs_kw(power_flow: PowerFlow, p_kw: ArrayLike, q_kvar: ArrayLike, limits: Limits) -> F64:
    """What is wrong in each step as one number, shape (T,): the largest need of an element, and the load unserved."""
    p = np.atleast_2d(np.asarray(p_kw, np.float64))
    q = np.broadcast_to(np.asarray(q_kvar, np.float64), p.shape)
    return np.concatenate([_needs(power_flow, flow, limits) for flow in _flows(power_flow, p, q)])


def _flows(power_flow: PowerFlow, p_kw: F64, q_kvar: F64) -> Iterator[Flow]:
    """The power flow of some steps, of a large network a few at a time."""
    blocks = in_blocks(slice(0, len(p_kw)), power_flow.network.n_bus)
    return (power_flow.solve(p_kw[rows], q_kvar[rows]) for rows in blocks)


def _need_below(power_flow: PowerFlow, p_kw: F64, q_kvar: F64, limits: Limits, most_kw: float) -> float:
    """``needs_kw`` of one step; where overloads alone come to ``most_kw``, these: voltages, which take longer, are not looked at."""
    flow = power_flow.solve(p_kw, q_kvar)
    found = find_violations(power_flow, flow, limits)
    overloads = found.overload_severity_kw + flow.unserved_kw
    return float(overloads[0] if overloads[0] >= most_kw else (found.severity_kw + flow.unserved_kw)[0])


def _needs(power_flow: PowerFlow, flow: Flow, limits: Limits) -> F64:
    return find_violations(power_flow, flow, limits).severity_kw + flow.unserved_kw


def _judged(
    measure: Measure,
    network: Network,
    state: State,
    p: F64,
    q: F64,
    limits: Limits,
    step_h: float,
) -> Measure:
    power_flow = measure.power_flow(network, state)
    needs, peaks = [], []
    for flow in _flows(power_flow, p, q):
        needs.append(_needs(power_flow, flow, limits))
        peaks += [float(np.nanmax(flow.loading_percent))] if flow.converged.any() else []
    need, peak = np.concatenate(needs), max(peaks, default=float("inf"))
    kwh, hours = float(need.sum()) * step_h, float((need > _BETTER_KW).sum()) * step_h
    return replace(measure, residual_kwh=kwh, residual_hours=hours, peak_loading_percent=peak)


def _tap_moves(network: Network, state: State, feeding: set[int], costs: MeansCosts) -> Iterator[Measure]:
    plate, present = network.transformers, dict(state.taps)
    for rows in _parallel(network):
        if feeding.isdisjoint(plate.branch[rows].tolist()):
            continue  # it moves the voltage of others
        names = [network.branches.names[plate.branch[row]] for row in rows]
        lead = rows[0]
        on_load = bool(plate.on_load[lead])
        for position in range(int(plate.tap_min[lead]), int(plate.tap_max[lead]) + 1):
            moved = abs(position - present.get(names[0], int(plate.tap_position[lead])))
            if moved:
                each = costs.on_load_tap_eur * moved if on_load else costs.off_load_tap_eur
                yield Measure(
                    kind="tap",
                    text=f"{'on-load' if on_load else 'off-load'} tap of {' and '.join(names)} to {position:+d}",
                    cost_eur=each * len(rows),
                    taps=dict.fromkeys(names, position),
                    interrupts=not on_load,
                )


def _parallel(network: Network) -> list[list[int]]:
    """Transformers with a tap changer, those between the same two buses together."""
    groups: dict[tuple[int, int], list[int]] = {}
    plate, branches = network.transformers, network.branches
    for row, branch in enumerate(plate.branch.tolist()):
        if plate.tap_max[row] > plate.tap_min[row] and branches.closed[branch]:
            groups.setdefault((int(branches.from_bus[branch]), int(branches.to_bus[branch])), []).append(row)
    return list(groups.values())


@dataclass(frozen=True)
class _Concerned:
    """Branches that matter to the elements with the largest need: a measure that leaves these as they are does not lessen it.

    Attributes:
        elements: whose flow matters: the overloaded ones, and those that feed a bus out of its band.
        feeding: these, and all between them and the slack: whose voltage matters.
    """

    elements: set[int]
    feeding: set[int]


def _concerned(now: PowerFlow, violations: Violations) -> _Concerned:
    """The branches that matter in the one step judged; all if there is no solution, or where loops leave it open who feeds whom."""
    branches = now.network.branches
    every = set(range(len(branches)))
    if violations.unsolved[0]:
        return _Concerned(every, every)
    around = neighbours(now.network.n_bus, branches.from_bus, branches.to_bus, now.closed)
    _, parent, via = breadth_first(around, now.network.slack)

    def feeders(buses: Iterable[int]) -> set[int]:
        found: set[int] = set()
        for bus in buses:
            while parent[bus] >= 0 and via[bus] not in found:
                found.add(via[bus])
                bus = parent[bus]
        return found

    least = violations.severity_kw[0] - _BETTER_KW
    overloaded = np.flatnonzero((violations.overload_percent[0] > 0) & (violations.overload_kw[0] >= least))
    buses = np.flatnonzero((violations.voltage_pu[0] != 0) & (violations.voltage_kw[0] >= least)).tolist()
    elements = set(overloaded.tolist()) | feeders(buses)
    if independent_loops(now.network, now.closed):
        return _Concerned(elements, every)
    ends = [*branches.from_bus[overloaded].tolist(), *branches.to_bus[overloaded].tolist()]
    return _Concerned(elements, elements | feeders([*ends, *buses]))


def _reconfigurations(
    network: Network, now: PowerFlow, open_branches: Iterable[str], concerned: set[int], costs: MeansCosts
) -> Iterator[Measure]:
    branches, faulty = network.branches, set(open_branches)
    around = neighbours(network.n_bus, branches.from_bus, branches.to_bus, now.closed)
    _, parent, via = breadth_first(around, network.slack)
    loops = independent_loops(network, now.closed)
    for tie in np.flatnonzero(~now.closed & branches.switchable).tolist():
        name = branches.names[tie]
        ends = int(branches.from_bus[tie]), int(branches.to_bus[tie])
        live = [bool(now.energised[end]) for end in ends]
        if name in faulty or not any(live):
            continue
        loop = _loop(parent, via, *ends) if all(live) else []
        if all(live) and not concerned.intersection(loop):
            continue  # what it moves passes none of the elements in trouble
        for branch in [b for b in loop if branches.switchable[b]] if all(live) else [None]:
            closed = now.closed.copy()
            closed[tie] = True
            if branch is not None:
                closed[branch] = False
            if independent_loops(network, closed) <= loops and not (now.energised & ~energised(network, closed)).any():
                yield _reconfiguration(name, None if branch is None else branches.names[branch], costs)


def _reconfiguration(tie: str, opened: str | None, costs: MeansCosts) -> Measure:
    operations = 1 if opened is None else 2
    return Measure(
        kind="switching",
        text=f"close {tie}" + (f", open {opened}" if opened else ""),
        cost_eur=2 * operations * costs.switch_eur,
        close=(tie,),
        open=(opened,) if opened else (),
    )


def _loop(parent: Sequence[int], via: Sequence[int], start: int, end: int) -> list[int]:
    """Branches of the tree between two buses."""
    above: dict[int, list[int]] = {}
    path: list[int] = []
    bus = start
    while bus >= 0:
        above[bus] = list(path)
        path.append(via[bus])
        bus = parent[bus]
    other: list[int] = []
    bus = end
    while bus not in above:
        other.append(via[bus])
        bus = parent[bus]
    return above[bus] + other[::-1]


def independent_loops(network: Network, closed: Bool) -> int:
    """Loops among the energised buses; parallel branches between two buses count as one, so a radial network has none."""
    live = energised(network, closed)
    ends = np.sort(np.column_stack([network.branches.from_bus, network.branches.to_bus])[closed], axis=1)
    edges = np.unique(ends[live[ends[:, 0]]], axis=0)
    return len(edges) - (int(live.sum()) - 1)
