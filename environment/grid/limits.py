"""Limits of operation, and what a flow violates: which element, when, by how much, and how many kW would relieve it.

Definitions (also those of the figures)::

    overload_kw    = (loading - limit) / loading * |P|   P: active power into the from side. That share of what flows through
                                                         the element must go elsewhere for its loading to meet the limit
    voltage_kw     = |v - limit| * |V0| / Re(Z)          Z: impedance of the grid seen from the bus, V0 its voltage without load.
                                                         That much less load (or generation) at the bus itself mends its voltage
    overload_kwh   = sum over the steps of overload_kw * hours of a step, for each element
    hours          = steps in which any element violates a limit (or the flow has no solution) * hours of a step

An overload that passes a line and then a transformer counts at both: sums over elements are sums of needs of elements, not of
flexibility. What an overload at one place needs is ``overload_kw`` there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from data.arrays import C128, F64, I64, Bool
from environment.grid.flow import Flow
from environment.grid.model import BASE_KW, Network
from environment.grid.power_flow import PowerFlow
from environment.grid.tree import tree_of

MANY = 256
"""So many columns are sooner solved for than a recursion along the whole network is walked."""

What = Literal["line", "trafo", "low voltage", "high voltage"]


@dataclass(frozen=True)
class Limits:
    """Limits of operation; voltages by EN 50160 leave 10 %, planners keep half of it."""

    transformer_percent: float = 100.0
    line_percent: float = 100.0
    voltage_pu: tuple[float, float] = (0.95, 1.05)

    def __post_init__(self) -> None:
        low, high = self.voltage_pu
        problems = []
        if not (self.transformer_percent > 0 and self.line_percent > 0):
            problems.append(f"loading limits must be positive: {self.transformer_percent} %, {self.line_percent} %")
        if not 0 < low < high:
            problems.append(f"the voltage band must rise from low to high: {low} to {high} pu")
        if problems:
            raise ValueError("; ".join(problems))

    def percent(self, network: Network) -> F64:
        """The loading limit of every branch, shape (m,)."""
        return np.where(network.branches.is_line, self.line_percent, self.transformer_percent)


class Violation(NamedTuple):
    """One element in one step: ``by`` is in percent of rating or per unit (positive), ``relieve_kw`` what would mend it."""

    step: int
    element: str
    what: What
    by: float
    relieve_kw: float


@dataclass(frozen=True, eq=False)
class Violations:
    """All violations of T steps; zero where there is none.

    Attributes:
        network: whose elements the columns are.
        overload_percent: loading above the limit, shape (T, m).
        overload_kw: kW to relieve it, shape (T, m).
        voltage_pu: deviation beyond the band, positive above, negative below, shape (T, n).
        unsolved: steps without solution, shape (T,).
    """

    network: Network
    overload_percent: F64
    overload_kw: F64
    voltage_pu: F64
    unsolved: Bool
    _solved_by: tuple[PowerFlow, ...]
    _counts: tuple[int, ...]

    @cached_property
    def voltage_kw(self) -> F64:
        """KW at that bus to relieve it, shape (T, n); worked out when it is looked at, for it takes the impedances of the buses."""
        parts = np.split(self.voltage_pu, np.cumsum(self._counts)[:-1])
        return np.concatenate([_relieving_kw(one, beyond) for one, beyond in zip(self._solved_by, parts, strict=True)])

    @cached_property
    def steps(self) -> Bool:
        """Steps in which any limit is violated or the flow has no solution, shape (T,)."""
        return np.asarray((self.overload_percent > 0).any(axis=1) | (self.voltage_pu != 0).any(axis=1) | self.unsolved)

    def hours(self, step_h: float) -> float:
        """Hours with any violation."""
        return float(self.steps.sum()) * step_h

    def overload_hours(self, step_h: float) -> F64:
        """Hours of overload of every branch, shape (m,)."""
        return np.asarray((self.overload_percent > 0).sum(axis=0) * step_h)

    def overload_kwh(self, step_h: float) -> F64:
        """Energy beyond the limit of every branch, shape (m,)."""
        return np.asarray(self.overload_kw.sum(axis=0) * step_h)

    def voltage_hours(self, step_h: float) -> F64:
        """Hours out of the band of every bus, shape (n,)."""
        return np.asarray((self.voltage_pu != 0).sum(axis=0) * step_h)

    @cached_property
    def severity_kw(self) -> F64:
        """The largest need of any one element in a step, shape (T,); infinite where the flow has no solution.

        The largest, not the sum: elements in a row and neighbouring buses are mended by the same kW.
        """
        return np.asarray(np.maximum(self.overload_severity_kw, self.voltage_kw.max(axis=1, initial=0.0)))

    @cached_property
    def overload_severity_kw(self) -> F64:
        """As ``severity_kw``, of the branches alone: at most that."""
        return np.where(self.unsolved, np.inf, self.overload_kw.max(axis=1, initial=0.0))

    def rows(self) -> list[Violation]:
        """Every violation, by step, branches before buses."""
        found = []
        kinds = self.network.branches.kind
        for step, branch in np.argwhere(self.overload_percent > 0).tolist():
            by, kw = self.overload_percent[step, branch], self.overload_kw[step, branch]
            what: What = "line" if kinds[branch] == "line" else "trafo"
            found.append(Violation(step, self.network.branches.names[branch], what, float(by), float(kw)))
        for step, bus in np.argwhere(self.voltage_pu != 0).tolist():
            by, kw = self.voltage_pu[step, bus], self.voltage_kw[step, bus]
            what = "high voltage" if by > 0 else "low voltage"
            found.append(Violation(step, self.network.bus_names[bus], what, float(abs(by)), float(kw)))
        return sorted(found, key=lambda row: row.step)


def find_violations(power_flow: PowerFlow, flow: Flow, limits: Limits) -> Violations:
    """What a flow violates. De-energised buses violate no voltage limit (their load is unserved instead).

    Args:
        power_flow: the one that made the flow (for the impedances seen from the buses).
        flow: T steps.
        limits: the limits.
    """
    solved = flow.converged[:, None]
    loading = np.where(solved, flow.loading_percent, 0.0)
    over = np.maximum(loading - limits.percent(flow.network), 0.0)
    overload_kw, branches = np.zeros_like(over), np.flatnonzero((over > 0).any(axis=0)).tolist()
    if len(branches):  # power is looked at where something is wrong alone
        some = over[:, branches]
        through = np.abs(np.where(solved, flow.p_from_kw_of(branches), 0.0))
        overload_kw[:, branches] = some / np.where(some > 0, loading[:, branches], 1.0) * through
    return Violations(
        network=flow.network,
        overload_percent=over,
        overload_kw=overload_kw,
        voltage_pu=_beyond(flow, limits),
        unsolved=~flow.converged,
        _solved_by=(power_flow,),
        _counts=(len(flow),),
    )


def joined_violations(found: Sequence[Violations]) -> Violations:
    """The violations of consecutive steps one after the other."""
    if len(found) == 1:
        return found[0]
    return Violations(
        network=found[0].network,
        overload_percent=np.concatenate([one.overload_percent for one in found]),
        overload_kw=np.concatenate([one.overload_kw for one in found]),
        voltage_pu=np.concatenate([one.voltage_pu for one in found]),
        unsolved=np.concatenate([one.unsolved for one in found]),
        _solved_by=tuple(solver for one in found for solver in one._solved_by),
        _counts=tuple(count for one in found for count in one._counts),
    )


def _relieving_kw(power_flow: PowerFlow, beyond_pu: F64) -> F64:
    """Load at each bus that mends its own deviation, shape (T, n)."""
    moved = np.asarray((beyond_pu != 0).any(axis=0))
    return np.asarray(np.abs(beyond_pu) * stiffness_kw_per_pu(power_flow, moved))


def _beyond(flow: Flow, limits: Limits) -> F64:
    """Signed deviation from the band, shape (T, n); zero at the slack, whose voltage is not the operator's."""
    low, high = limits.voltage_pu
    valid = flow.converged[:, None] & flow.energised & (np.arange(flow.network.n_bus) != flow.network.slack)
    v = np.where(valid, flow.v_pu, low)
    return np.maximum(v - high, 0.0) - np.maximum(low - v, 0.0)


def _seen_from(power_flow: PowerFlow, buses: I64) -> C128:
    """Impedances seen from buses without load; of many in a radial network by one recursion along the tree."""
    tree = tree_of(power_flow) if len(buses) > MANY else None
    if tree is None:
        return power_flow.thevenin(buses)
    n = len(power_flow.live)
    own = np.append(tree.own_answers(np.zeros(n, np.complex128), np.ones(n, np.complex128)), 0.0)
    return np.asarray(own[power_flow.place[buses]])


def stiffness_kw_per_pu(power_flow: PowerFlow, wanted: Bool) -> F64:
    """Load at a bus that moves its own voltage by one per unit, linear around no load, shape (n,); zero where not wanted."""
    result = np.zeros(power_flow.network.n_bus)
    buses = np.flatnonzero(wanted)
    no_load = np.ones(power_flow.network.n_bus)
    no_load[power_flow.live] = np.abs(power_flow.no_load)
    resistance = _seen_from(power_flow, buses).real
    result[buses] = np.divide(BASE_KW * no_load[buses], resistance, out=np.zeros(len(buses)), where=resistance > 0)
    return result
