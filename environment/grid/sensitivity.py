"""How voltages and loadings answer to a little more load at a bus: the linear model around an operating point.

Implicit differentiation of the power flow, ``J dV = -conj(ds / V)`` with the Jacobian of ``environment.grid.newton``; exact in the limit of small
changes (the power flow itself, perturbed, agrees: tests). Beside it the lossless picture: which branch carries the load of which bus.
"""

from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from data.arrays import C128, F64, I64
from environment.grid.flow import Flow, ka_per_pu
from environment.grid.model import BASE_KW
from environment.grid.newton import factor, solve_complex
from environment.grid.power_flow import PowerFlow
from environment.grid.tree import Tree, tree_of

_TOGETHER = 256
"""Right sides solved at once where only the diagonal is wanted: bounds the memory."""

_NO_CURRENT_PU = 1e-9  # below, the direction of a current has no meaning


class Sensitivities:
    """Derivatives by the net load of the buses asked for (columns, k), per kW of consumption; each worked out when it is looked at."""

    def __init__(self, flow: Flow, step: int, dv: C128) -> None:
        """Around one step of a flow, from the complex voltages of all buses per kW, shape (n, k)."""
        branches, ports = flow.network.branches, flow.ports
        self._flow, self._step = flow, step
        v = flow.v[step]
        self._v, self._dv = v, dv
        self._v_ends = v[branches.from_bus], v[branches.to_bus]
        start, end = self._v_ends
        self._i = ports.ff * start + ports.ft * end, ports.tf * start + ports.tt * end

    @cached_property
    def v_pu_per_kw(self) -> F64:
        """Of the voltage magnitude of every bus, shape (n, k)."""
        return _magnitude_change(self._v, self._dv)

    @cached_property
    def p_from_kw_per_kw(self) -> F64:
        """Of the active power into the from side of every branch, shape (m, k)."""
        return self._power_change(0)

    @cached_property
    def losses_kw_per_kw(self) -> F64:
        """Of all losses, shape (k,)."""
        return np.asarray((self.p_from_kw_per_kw + self._power_change(1)).sum(axis=0))

    @cached_property
    def loading_percent_per_kw(self) -> F64:
        """Of the loading of every branch, at the end that is loaded more, (m, k); negative where generation exceeds load."""
        branches = self._flow.network.branches
        per_pu_from = 100.0 * ka_per_pu(self._flow.network, branches.from_bus) / branches.limit_from_ka
        per_pu_to = 100.0 * ka_per_pu(self._flow.network, branches.to_bus) / branches.limit_to_ka
        one, other = self._i
        from_end = (np.abs(one) * per_pu_from >= np.abs(other) * per_pu_to)[:, None]
        changes = (
            _magnitude_change(one, self._di[0]) * per_pu_from[:, None],
            _magnitude_change(other, self._di[1]) * per_pu_to[:, None],
        )
        return np.where(from_end, *changes)

    @cached_property
    def _dv_ends(self) -> tuple[C128, C128]:
        branches = self._flow.network.branches
        return self._dv[branches.from_bus], self._dv[branches.to_bus]

    @cached_property
    def _di(self) -> tuple[C128, C128]:
        ports, (start, end) = self._flow.ports, self._dv_ends
        return (
            ports.ff[:, None] * start + ports.ft[:, None] * end,
            ports.tf[:, None] * start + ports.tt[:, None] * end,
        )

    def _power_change(self, side: int) -> F64:
        v, dv, i, di = self._v_ends[side], self._dv_ends[side], self._i[side], self._di[side]
        return np.asarray((dv * np.conj(i)[:, None] + v[:, None] * np.conj(di)).real * BASE_KW)


def sensitivities(
    power_flow: PowerFlow, flow: Flow, step: int = 0, buses: I64 | None = None, kvar_per_kw: float = 0.0
) -> Sensitivities:
    """Sensitivities at one solved step.

    Args:
        power_flow: the one that made the flow.
        flow: solved steps.
        step: which of them is the operating point.
        buses: whose net load is moved; all buses if None. The slack and de-energised buses move nothing.
        kvar_per_kw: reactive load that comes with a kW (tan phi).

    Raises:
        ValueError: the flow is another power flow's, or the step has no solution.
    """
    point = _Point(power_flow, flow, step)
    wanted = np.arange(power_flow.network.n_bus) if buses is None else np.asarray(buses)
    movable = np.flatnonzero(power_flow.place[wanted] >= 0)
    per_kw = np.zeros((len(power_flow.live), len(movable)), np.complex128)
    per_kw[power_flow.place[wanted[movable]], np.arange(len(movable))] = 1.0 + 1j * kvar_per_kw
    dv = np.zeros((power_flow.network.n_bus, len(wanted)), np.complex128)
    dv[np.ix_(power_flow.live, movable)] = point.voltage_change(per_kw)
    return Sensitivities(flow, step, dv)


def sensitivities_to_moves(power_flow: PowerFlow, flow: Flow, step: int, moves: F64) -> Sensitivities:
    """Sensitivities at one solved step to moves of the net load of many buses at once, one column a move.

    The work grows with the moves, not with the buses squared.

    Args:
        power_flow: the one that made the flow.
        flow: solved steps.
        step: which of them is the operating point.
        moves: kW of net load at each bus per unit of each move, shape (n, k). What moves at the slack or cut off moves nothing.

    Raises:
        ValueError: the flow is another power flow's, or the step has no solution.
    """
    dv = np.zeros(moves.shape, np.complex128)
    dv[power_flow.live] = _Point(power_flow, flow, step).voltage_change(moves[power_flow.live].astype(np.complex128))
    return Sensitivities(flow, step, dv)


def own_v_pu_per_kw(power_flow: PowerFlow, flow: Flow, step: int) -> F64:
    """How the voltage magnitude of each bus answers to a kW of its own net load at one solved step, shape (n,); 0 where none can move it.

    In a radial network the Jacobian is a tree of blocks and the diagonal of its inverse a recursion along it; elsewhere every
    column is solved.

    Raises:
        ValueError: the flow is another power flow's, or the step has no solution.
    """
    point, live = _Point(power_flow, flow, step), power_flow.live
    tree = tree_of(power_flow)
    own = _diagonal(point, len(live)) if tree is None else point.own_change(tree)
    result = np.zeros(power_flow.network.n_bus)
    result[live] = _magnitude_change(flow.v[step, live], own[:, None])[:, 0]
    return result


def _diagonal(point: "_Point", n: int) -> C128:
    """Complex change of each voltage by a kW at its own bus, column by column, (n,)."""
    own = np.zeros(n, np.complex128)
    for first in range(0, n, _TOGETHER):
        block = np.arange(first, min(first + _TOGETHER, n))
        per_kw = np.zeros((n, len(block)), np.complex128)
        per_kw[block, block - first] = 1.0
        own[block] = point.voltage_change(per_kw)[block, block - first]
    return own


class _Point:
    """The linear model around one solved step: the factors of its Jacobian."""

    def __init__(self, power_flow: PowerFlow, flow: Flow, step: int) -> None:
        if flow.ports is not power_flow.ports:
            msg = "the flow was solved in another switching state or for another network"
            raise ValueError(msg)
        if not flow.converged[step]:
            text = f"step {step} has no solution, so it has no sensitivities"
            raise ValueError(text)
        live = power_flow.live
        self._power_flow = power_flow
        self._v = flow.v[step, live]
        self._s = (flow.p_kw[step, live] + 1j * flow.q_kvar[step, live]) / BASE_KW

    @cached_property
    def _factors(self) -> Any:
        return factor(self._power_flow.jacobian.at(self._s, self._v))

    def voltage_change(self, kva: C128) -> C128:
        """Complex change of the voltages of the live buses by complex net loads at them [kVA], shape (live, k) both."""
        if not kva.shape[1]:
            return kva
        return solve_complex(self._factors, -np.conj(kva / BASE_KW / self._v[:, None]))

    def own_change(self, tree: Tree) -> C128:
        """Complex change of the voltage of each live bus by a kW at itself, (live,)."""
        d = np.conj(self._s) / np.conj(self._v) ** 2
        return tree.own_answers(d, -np.conj(1.0 / BASE_KW / self._v))


def _magnitude_change(z: C128, dz: C128) -> F64:
    """Of |z|; where z is zero, of a change in the direction of dz itself."""
    size = np.abs(z)[:, None]
    along = (np.conj(z)[:, None] * dz).real / np.maximum(size, _NO_CURRENT_PU)
    return np.where(size > _NO_CURRENT_PU, along, np.abs(dz))


def transfer_factors(power_flow: PowerFlow, buses: I64 | None = None) -> F64:
    """Share of the load of a bus that flows through a branch from its from to its to side, without losses, shape (m, k).

    In a radial network +1 or -1 (by the direction in which the branch was entered) for the branches between slack and bus and 0
    elsewhere; parallel branches share by their admittances.
    """
    network = power_flow.network
    wanted = np.arange(network.n_bus) if buses is None else np.asarray(buses)
    closed = np.flatnonzero(power_flow.closed)
    start, end = network.branches.from_bus[closed], network.branches.to_bus[closed]
    weight = np.abs(power_flow.branches.series[closed])
    shape = (len(closed), network.n_bus)
    every = np.arange(len(closed))
    incidence = sparse.coo_matrix(
        (np.r_[np.ones(len(closed)), -np.ones(len(closed))], (np.r_[every, every], np.r_[start, end])), shape
    )
    incidence = incidence.tocsr()[:, power_flow.live]
    laplacian = (incidence.T @ sparse.diags(weight) @ incidence).tocsc()
    movable = np.flatnonzero(power_flow.place[wanted] >= 0)
    right = np.zeros((len(power_flow.live), len(movable)))
    right[power_flow.place[wanted[movable]], np.arange(len(movable))] = -1.0
    factors = np.zeros((len(network.branches), len(wanted)))
    if len(movable):
        flows = weight[:, None] * (incidence @ splu(laplacian).solve(right))
        factors[np.ix_(closed, movable)] = np.round(flows, 9) + 0.0
    return factors


def downstream(power_flow: PowerFlow, buses: I64 | None = None) -> F64:
    """Which branches feed which bus, shape (m, k): 0 or 1 in a radial network, shares where branches are parallel."""
    return np.abs(transfer_factors(power_flow, buses))
