"""Switching states over time: planned outages, the operator's own measures, and power flows through all of them.

What happens in a stretch of time is solved in the state of that stretch: an outage that ends at noon is none in the evening.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from data.arrays import F64, I64, Bool
from environment.grid.feeders import Effects, effects
from environment.grid.flow import Flow, in_blocks, joined
from environment.grid.limits import Limits, Violations, find_violations, joined_violations
from environment.grid.model import Network
from environment.grid.power_flow import PowerFlow
from environment.grid.sensitivity import own_v_pu_per_kw


@dataclass(frozen=True)
class State:
    """What differs from the network as it is drawn.

    Attributes:
        opened: branches out of service.
        tied: open branches (ties) that are closed.
        taps: (transformer, position).
    """

    opened: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()
    taps: tuple[tuple[str, int], ...] = ()

    def power_flow(self, network: Network) -> PowerFlow:
        """The power flow in this state."""
        return PowerFlow(network, self.opened, dict(self.taps), self.tied)

    def changed(self, taps: Mapping[str, int], close: Sequence[str], opened: Sequence[str]) -> "State":
        """This state with taps set, ties closed and branches opened."""
        moved = tuple(sorted({**dict(self.taps), **taps}.items()))
        return State((*self.opened, *opened), (*self.tied, *close), moved)


@dataclass(frozen=True)
class SwitchingPlan:
    """States by time, ascending: (from_ms, state from then on)."""

    states: tuple[tuple[int, State], ...]

    def at(self, t_ms: int) -> State:
        """The state at an instant."""
        return next(state for start, state in reversed(self.states) if start <= t_ms)

    def changed(
        self, from_ms: int, to_ms: int | None, taps: Mapping[str, int], close: Sequence[str], opened: Sequence[str]
    ) -> "SwitchingPlan":
        """This plan with a measure in force from one instant to another, None for good."""
        edges = {start for start, _ in self.states} | {from_ms} | ({to_ms} if to_ms is not None else set())
        states = []
        for start in sorted(edges):
            state = self.at(start)
            within = from_ms <= start and (to_ms is None or start < to_ms)
            states.append((start, state.changed(taps, close, opened) if within else state))
        return SwitchingPlan(tuple(states))

    def over(self, network: Network, starts_ms: I64) -> "SwitchedGrid":
        """The grid through the states of some steps, by the instants at which they start."""
        edges = [int(np.searchsorted(starts_ms, start)) for start, _ in self.states]
        bounds = sorted({0, *(edge for edge in edges if 0 < edge < len(starts_ms)), len(starts_ms)})
        stretches = [slice(begin, end) for begin, end in pairwise(bounds)]
        states = [self.at(int(starts_ms[one.start])) for one in stretches]
        solvers = [state.power_flow(network) for state in states]
        return SwitchedGrid(network, tuple(zip(stretches, states, solvers, strict=True)))

    def window_ms(self, t_ms: int) -> tuple[int, int | None]:
        """Begin and end of the state in force at an instant; no end where it is the last."""
        begin = max(start for start, _ in self.states if start <= t_ms)
        return begin, min((start for start, _ in self.states if start > t_ms), default=None)


@dataclass(frozen=True, eq=False)
class SwitchedGrid:
    """A network through the switching states of a horizon: (steps, state, its power flow), one after the other."""

    network: Network
    stretches: tuple[tuple[slice, State, PowerFlow], ...]

    def solve(self, p_kw: ArrayLike, q_kvar: ArrayLike, first: int = 0, stubborn: bool = True) -> Flow:
        """Power flow of consecutive steps from ``first`` on, each in its state; arguments as of ``PowerFlow.solve``."""
        p = np.atleast_2d(np.asarray(p_kw, np.float64))
        q = np.array(np.broadcast_to(np.asarray(q_kvar, np.float64), p.shape))
        parts = [solver.solve(p[rows], q[rows], stubborn) for rows, solver in self._parts(first, len(p))]
        return joined(parts)

    def violations(self, flow: Flow, limits: Limits) -> Violations:
        """What a flow of the whole horizon violates; of a large network some steps at a time, which bounds the memory."""
        found = [
            find_violations(solver, flow.rows(few), limits)
            for rows, solver in self._parts(0, len(flow))
            for few in in_blocks(rows, self.network.n_bus)
        ]
        return joined_violations(found)

    def only(self, wanted: Bool) -> "SwitchedGrid":
        """The wanted steps alone, (steps,), one after the other."""
        first, parts = 0, []
        for rows, state, solver in self.stretches:
            count = int(wanted[rows].sum())
            if count:
                parts.append((slice(first, first + count), state, solver))
                first += count
        return SwitchedGrid(self.network, tuple(parts))

    def at(self, step: int) -> PowerFlow:
        """The power flow in the state of a step."""
        return next(solver for rows, _, solver in self.stretches if rows.start <= step < rows.stop)

    def effects(self, flow: Flow, step: int, moves: sparse.csc_matrix) -> Effects:
        """What moves of net load, (buses, moves), change around a step of a flow of the whole horizon."""
        solver = self.at(step)
        return effects(solver, solver.solve(flow.p_kw[step], flow.q_kvar[step]), 0, moves)

    def own_v_pu_per_kw(self, flow: Flow, step: int) -> F64:
        """What one kW more at each bus changes of its own voltage, around a step of a flow of the whole horizon, (buses,)."""
        solver = self.at(step)
        return own_v_pu_per_kw(solver, solver.solve(flow.p_kw[step], flow.q_kvar[step]), 0)

    def _parts(self, first: int, count: int) -> list[tuple[slice, PowerFlow]]:
        """Rows of each state among ``count`` steps from ``first`` on."""
        found = []
        for rows, _, solver in self.stretches:
            begin, end = max(rows.start - first, 0), min(rows.stop - first, count)
            if begin < end:
                found.append((slice(begin, end), solver))
        return found


@dataclass(frozen=True)
class Planned:
    """What is switched from one instant to another: branches opened and ties closed."""

    begin_ms: int
    end_ms: int
    opened: tuple[str, ...]
    closed: tuple[str, ...] = ()


def planned(outages: Sequence[Planned], start_ms: int) -> SwitchingPlan:
    """The plan of some outages, from an instant on."""
    edges = {start_ms} | {one.begin_ms for one in outages} | {one.end_ms for one in outages}
    states = []
    for at_ms in sorted(edges):
        within = [one for one in outages if one.begin_ms <= at_ms < one.end_ms]
        opened = sorted({name for one in within for name in one.opened})
        closed = sorted({name for one in within for name in one.closed})
        states.append((at_ms, State(tuple(opened), tuple(closed))))
    return SwitchingPlan(tuple(states))
