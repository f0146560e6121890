"""Alternating-current power flow of many steps at once: fixed-point current injection on one sparse factorisation.

With the slack fixed, ``V = W - Y_LL^-1 conj(s / V)``, W the voltages without load (the Z-bus method; convergence and uniqueness: Bernstein,
Wang, Dall'Anese, Le Boudec, Zhao 2018, "Load flow in multiphase distribution networks", doi 10.1109/TPWRS.2018.2823277). The factors
serve all steps and all iterations. Steps leave the iteration one by one, so that a step's result does not depend on its company. What does
not converge is tried with Newton's method; what has no solution is marked, and ``diagnose`` says why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from data.arrays import C128, F64, I64, Bool
from environment.grid.admittance import bus_admittance, ports
from environment.grid.elements import transformer_pi
from environment.grid.flow import Flow
from environment.grid.model import BASE_KW, Branches, Network, NetworkError
from environment.grid.newton import Jacobian, newton

_ITERATIONS: Final = 60
_TOLERANCE_PU: Final = 1e-11
_DECIDING_PU: Final = 1e-9  # enough to tell on which side of a limit a step is
_BLOCK: Final = 32_768  # complex numbers worked on at once: their arrays stay in the cache


class PowerFlow:
    """Power flow of a network in one switching state; factorised once, then solved for any number of steps.

    Args:
        network: the network.
        open_branches: names of branches out of service beside those open already.
        tap_positions: positions by transformer name; the others keep theirs.
        closed_branches: names of open branches (ties) to close.

    Raises:
        NetworkError: a name does not exist (with what is near), or a tap position is outside its range.
    """

    def __init__(
        self,
        network: Network,
        open_branches: Iterable[str] = (),
        tap_positions: Mapping[str, int] | None = None,
        closed_branches: Iterable[str] = (),
    ) -> None:
        self.network = network
        self.opened: tuple[str, ...] = tuple(open_branches)
        self.tied: tuple[str, ...] = tuple(closed_branches)
        self.taps: dict[str, int] = dict(tap_positions or {})
        self.branches = with_taps(network, self.taps)
        open_from, open_to = _switched(network, self.opened, self.tied)
        self.closed: Bool = ~(open_from | open_to)
        self.ports = ports(self.branches, open_from, open_to)
        self.energised = energised(network, self.closed)
        self.live: I64 = np.flatnonzero(self.energised & (np.arange(network.n_bus) != network.slack))
        self._rows = max(8, _BLOCK // max(len(self.live), 1))
        self.place: I64 = np.full(network.n_bus, -1)  # of a bus among the live ones
        self.place[self.live] = np.arange(len(self.live))
        matrix = bus_admittance(network, self.ports)
        self.y = matrix[self.live][:, self.live].tocsr()
        self.y0: C128 = np.asarray(matrix[self.live][:, [network.slack]].toarray()[:, 0] * network.slack_pu)
        self._lu = splu(
            self.y.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
        self.no_load: C128 = -self._lu.solve(self.y0)

    @cached_property
    def jacobian(self) -> Jacobian:
        """The Jacobian of the live buses, for Newton's method and for sensitivities."""
        return Jacobian(self.y)

    @property
    def cut_off(self) -> tuple[str, ...]:
        """Names of the buses that the slack does not reach."""
        return tuple(np.array(self.network.bus_names, object)[~self.energised])

    def solve(self, p_kw: ArrayLike, q_kvar: ArrayLike = 0.0, stubborn: bool = True) -> Flow:
        """Power flow of T steps.

        Args:
            p_kw: net load of every bus (positive consumes), shape (T, n_bus), or (n_bus,) for one step.
            q_kvar: reactive net load, same shape or one that broadcasts to it.
            stubborn: try Newton's method where the fixed point fails, that is near and beyond collapse; it costs a factorisation an
                iteration. False leaves such steps unsolved, and ends at 1e-9 per unit instead of 1e-11: for questions of yes or no.

        Returns:
            The flow; steps without solution are marked in ``converged``, not raised.

        Raises:
            ValueError: the shape does not fit the network.
        """
        p, q = self._powers(p_kw, q_kvar)
        s: C128 = np.asarray((p + 1j * q)[:, self.live] / BASE_KW, np.complex128)
        v = np.zeros((len(s), self.network.n_bus), np.complex128)
        v[:, self.network.slack] = self.network.slack_pu
        converged = np.zeros(len(s), bool)
        blocks = max(1, -(-len(s) // self._rows))
        even = max(1, -(-len(s) // blocks))  # rows at a time, so that no block is a small rest
        for first in range(0, len(s), even):
            rows = slice(first, first + even)
            v[rows, self.live], converged[rows] = self._solve_block(s[rows], stubborn)
        v[~converged] = np.nan
        return Flow(self.network, self.ports, v, p, q, converged, self.energised)

    def thevenin(self, buses: I64) -> C128:
        """Impedance seen from buses without load, per unit, shape (k,); zero at the slack and at de-energised buses."""
        place = self.place[buses]
        result = np.zeros(len(buses), np.complex128)
        for wanted in np.array_split(np.flatnonzero(place >= 0), 1 + len(buses) // self._rows):
            unit = np.zeros((len(self.live), len(wanted)), np.complex128, order="F")
            unit[place[wanted], np.arange(len(wanted))] = 1.0
            result[wanted] = self._lu.solve(unit)[place[wanted], np.arange(len(wanted))]
        return result

    def _powers(self, p_kw: ArrayLike, q_kvar: ArrayLike) -> tuple[F64, F64]:
        p = np.atleast_2d(np.asarray(p_kw, np.float64))
        if p.ndim != 2 or p.shape[1] != self.network.n_bus:
            text = f"p_kw has shape {np.shape(p_kw)}, expected (T, {self.network.n_bus}): a column per bus of {self.network.name}"
            raise ValueError(text)
        return p, np.array(np.broadcast_to(np.asarray(q_kvar, np.float64), p.shape))

    def _solve_block(self, s: C128, stubborn: bool = True) -> tuple[C128, Bool]:
        v, converged = self._fixed_point(s, _TOLERANCE_PU if stubborn else _DECIDING_PU)
        if not stubborn:
            return v, converged
        for row in np.flatnonzero(~converged & np.isfinite(s).all(axis=1)):
            found = newton(self.y, self.y0, self.jacobian, s[row], self.no_load, _TOLERANCE_PU)
            if found is not None:
                v[row], converged[row] = found, True
        return v, converged

    def _fixed_point(self, s: C128, tolerance_pu: float = _TOLERANCE_PU) -> tuple[C128, Bool]:
        """Voltages (R, n_live) and which rows converged; converged rows leave the iteration."""
        v = np.tile(self.no_load, (len(s), 1))
        converged = np.zeros(len(s), bool)
        todo = np.arange(len(s))
        load, now = np.conj(s), v.copy()
        with np.errstate(all="ignore"):
            for _ in range(_ITERATIONS):
                new = self.no_load - self._lu.solve((load / np.conj(now)).T).T
                step = np.abs((new - now).view(np.float64)).max(axis=1, initial=0.0)
                done, hopeful = step < tolerance_pu, np.isfinite(step)
                v[todo[done]] = new[done]
                converged[todo[done]] = True
                keep = ~done & hopeful
                if not keep.any():
                    break
                now = new
                if not keep.all():
                    todo, load, now = todo[keep], load[keep], new[keep]
        return v, converged


def energised(network: Network, closed: Bool) -> Bool:
    """Which buses closed branches connect to the slack, shape (n,)."""
    ends = network.branches.from_bus[closed], network.branches.to_bus[closed]
    graph = coo_matrix((np.ones(len(ends[0]), np.int8), ends), (network.n_bus, network.n_bus))
    _, island = connected_components(graph, directed=False)
    return np.asarray(island == island[network.slack])


def with_taps(network: Network, positions: Mapping[str, int]) -> Branches:
    """The branches with the transformers' taps at the positions given (those not named stay)."""
    if not positions:
        return network.branches
    plate, branches = network.transformers, network.branches
    position = plate.tap_position.copy()
    problems = []
    for name, wanted in positions.items():
        row = network.transformer_index(name)
        if not plate.tap_min[row] <= wanted <= plate.tap_max[row]:
            problems.append(
                f"transformer {name!r}: tap {wanted} is outside {plate.tap_min[row]} to {plate.tap_max[row]}"
            )
        position[row] = wanted
    if problems:
        raise NetworkError(problems)
    hv, lv = branches.from_bus[plate.branch], branches.to_bus[plate.branch]
    changed = transformer_pi(plate, network.bus_kv[hv], network.bus_kv[lv], position)
    columns = {}
    for column, values in zip(("series", "shunt_from", "shunt_to", "tap"), changed, strict=True):
        columns[column] = getattr(branches, column).copy()
        columns[column][plate.branch] = values
    return replace(branches, **columns)


def _switched(network: Network, opened: tuple[str, ...], closed: tuple[str, ...]) -> tuple[Bool, Bool]:
    """Which ends are open after switching. Naming a branch in both lists is an error."""
    both = sorted(set(opened) & set(closed))
    if both:
        msg = f"branches to be opened and closed at once: {', '.join(both)}"
        raise NetworkError(msg)
    open_from, open_to = network.branches.open_from.copy(), network.branches.open_to.copy()
    for names, state in ((opened, True), (closed, False)):
        rows = [network.branch_index(name) for name in names]
        open_from[rows] = state
        open_to[rows] = state
    return open_from, open_to
