"""Sensitivities of a large radial network, feeder by feeder: what is moved in a feeder changes the feeder and what lies upstream.

The dense table of a hundred thousand homes (64 000 buses, 5 000 areas) would take 2.6 GB, and solving for it minutes. What hangs at a
busbar acts on its neighbours only through the voltage of the busbar, so each feeder is solved by itself with the buses between it and the
slack, all else eliminated (``environment.grid.tree``): within the feeder and upstream the results are those of the whole network. What a
feeder does to its neighbours is left out: through a substation transformer of 40 MVA a kW moves a voltage by 1e-7.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from data.arrays import C128, F64, I64
from environment.grid.areas import areas_of
from environment.grid.flow import Flow
from environment.grid.model import BASE_KW
from environment.grid.newton import Jacobian, factor, solve_complex
from environment.grid.power_flow import PowerFlow
from environment.grid.sensitivity import Sensitivities, sensitivities_to_moves
from environment.grid.tree import Tree, tree_of

WHOLE = 2_000
"""Networks up to so many buses are solved as a whole."""


class WholeEffects:
    """What moves of net load change in a network that is solved as a whole, one column a move, per kW of consumption."""

    def __init__(self, power_flow: PowerFlow, flow: Flow, step: int, moves: sparse.csc_matrix) -> None:
        self._found: Sensitivities = sensitivities_to_moves(power_flow, flow, step, moves.toarray())

    @cached_property
    def v_pu_per_kw(self) -> sparse.csr_matrix:
        """Of the voltage magnitude of every bus, (n, k)."""
        return sparse.csr_matrix(self._found.v_pu_per_kw)

    @cached_property
    def p_from_kw_per_kw(self) -> sparse.csr_matrix:
        """Of the active power into the from side of every branch, (m, k)."""
        return sparse.csr_matrix(self._found.p_from_kw_per_kw)

    def of_branch(self, branch: int) -> F64:
        """Of the active power into the from side of one branch, (k,)."""
        return np.asarray(self._found.p_from_kw_per_kw[branch])

    def of_bus(self, bus: int) -> F64:
        """Of the voltage magnitude of one bus, (k,)."""
        return np.asarray(self._found.v_pu_per_kw[bus])


@dataclass(frozen=True, eq=False)
class Feeders:
    """The live buses of a radial network by feeder, rows as in its admittance matrix.

    Attributes:
        tree: the network.
        of_row: number of each row's feeder, 0 for what lies before any, (n,).
        count: number of feeders, that before any included.
    """

    tree: Tree
    of_row: I64
    count: int

    @cached_property
    def rows(self) -> list[I64]:
        """Rows of each feeder, ascending."""
        order = np.argsort(self.of_row, kind="stable")
        return np.split(order, np.searchsorted(self.of_row[order], np.arange(1, self.count)))

    def upstream(self, feeder: int) -> list[int]:
        """Rows between a feeder and the slack, the nearest first."""
        rows, parent = self.rows[feeder], self.tree.parent
        outside = np.flatnonzero((parent[rows] >= 0) & (self.of_row[parent[rows]] != feeder))
        above = int(parent[rows[outside[0]]]) if len(outside) else -1
        found = []
        while above >= 0:
            found.append(above)
            above = int(parent[above])
        return found


def feeders_of(power_flow: PowerFlow) -> Feeders | None:
    """The feeders of a radial network in a switching state; None for one that is not radial."""
    tree = tree_of(power_flow)
    if tree is None:
        return None
    areas = areas_of(power_flow.network, power_flow.closed)
    outermost = np.asarray(areas.outermost)[np.asarray(areas.of_bus)[power_flow.live]]
    numbers, of_row = np.unique(np.append(0, outermost), return_inverse=True)
    return Feeders(tree, of_row[1:].astype(np.int64), len(numbers))


@dataclass(frozen=True)
class _Block:
    """What the moves in one feeder change: the buses, branches and moves concerned, tables (buses, moves) and (branches, moves)."""

    buses: I64
    moves: I64
    v_pu_per_kw: F64
    branches: I64
    p_from_kw_per_kw: F64


class FeederEffects:
    """What moves of net load change within their feeder and upstream, one column a move; worked out feeder by feeder when looked at."""

    def __init__(
        self, power_flow: PowerFlow, flow: Flow, step: int, moves: sparse.csc_matrix, feeders: Feeders
    ) -> None:
        """Around one solved step; arguments as of ``sensitivities_to_moves``."""
        live = power_flow.live
        self._power_flow, self._feeders, self._moves = power_flow, feeders, moves.tocsr()
        self._v = flow.v[step]
        s = (flow.p_kw[step, live] + 1j * flow.q_kvar[step, live]) / BASE_KW
        self._d: C128 = np.conj(s) / np.conj(self._v[live]) ** 2
        self._left, self._taken = feeders.tree.eliminated(self._d)
        self._blocks: dict[int, _Block] = {}

    @cached_property
    def v_pu_per_kw(self) -> sparse.csr_matrix:
        """Of the voltage magnitude of every bus, (n, k)."""
        blocks = [(block.buses, block.moves, block.v_pu_per_kw) for block in self._all]
        return _put(blocks, (self._power_flow.network.n_bus, self._moves.shape[1]))

    @cached_property
    def p_from_kw_per_kw(self) -> sparse.csr_matrix:
        """Of the active power into the from side of every branch, (m, k)."""
        blocks = [(block.branches, block.moves, block.p_from_kw_per_kw) for block in self._all]
        return _put(blocks, (len(self._power_flow.branches), self._moves.shape[1]))

    def of_branch(self, branch: int) -> F64:
        """Of the active power into the from side of one branch, (k,)."""
        branches = self._power_flow.network.branches
        found = np.zeros(self._moves.shape[1])
        for block in self._about(int(branches.from_bus[branch]), int(branches.to_bus[branch])):
            found[block.moves] += block.p_from_kw_per_kw[block.branches == branch].sum(axis=0)
        return found

    def of_bus(self, bus: int) -> F64:
        """Of the voltage magnitude of one bus, (k,)."""
        found = np.zeros(self._moves.shape[1])
        for block in self._about(bus):
            found[block.moves] += block.v_pu_per_kw[block.buses == bus].sum(axis=0)
        return found

    @property
    def _all(self) -> list[_Block]:
        return [self._block(feeder) for feeder in range(self._feeders.count)]

    def _about(self, *buses: int) -> list[_Block]:
        """The blocks of the feeder in which buses lie; all where they lie before any."""
        place = self._power_flow.place[list(buses)]
        inside = {int(self._feeders.of_row[row]) for row in place if row >= 0} - {0}
        return [self._block(feeder) for feeder in sorted(inside)] if inside else self._all

    def _block(self, feeder: int) -> _Block:
        if feeder not in self._blocks:
            self._blocks[feeder] = self._worked_out(feeder)
        return self._blocks[feeder]

    def _worked_out(self, feeder: int) -> _Block:
        own, live = self._feeders.rows[feeder], self._power_flow.live
        rows = np.concatenate([own, np.array(self._feeders.upstream(feeder), np.int64)])
        moved = self._moves[live[own]]
        columns = np.unique(moved.indices)
        right = np.zeros((len(rows), len(columns)), np.complex128)
        right[: len(own)] = moved[:, columns].toarray() / BASE_KW / self._v[live[own], None]
        incomplete = slice(len(own) if feeder else 0, None)
        dv = solve_complex(factor(self._jacobian(rows, incomplete)), -np.conj(right))
        v = self._v[live[rows], None]
        change = (np.conj(v) * dv).real / np.abs(v)
        return _Block(live[rows], columns, change, *self._through(live[rows], dv))

    def _jacobian(self, rows: I64, incomplete: slice) -> sparse.csc_matrix:
        """The Jacobian of some rows and those above them; of the incomplete ones all that hangs below and is not among them is eliminated."""
        place = np.full(len(self._d), -1)
        place[rows] = np.arange(len(rows))
        above = place[self._feeders.tree.parent[rows]]
        inner = (self._feeders.tree.parent[rows] >= 0) & (above >= 0)
        blocks = self._left[rows]
        np.add.at(blocks, above[inner], self._taken[rows[inner]])
        blocks = blocks[incomplete]
        y, d = self._power_flow.y[rows][:, rows], self._d[rows]
        shift = np.zeros(len(rows), np.complex128)
        real, imaginary = blocks[:, 0, 0] + blocks[:, 1, 1], blocks[:, 1, 0] - blocks[:, 0, 1]
        shift[incomplete] = (real + 1j * imaginary) / 2.0 - y.diagonal()[incomplete]
        d[incomplete] = (blocks[:, 1, 1] - blocks[:, 0, 0] - 1j * (blocks[:, 1, 0] + blocks[:, 0, 1])) / 2.0
        return Jacobian((y + sparse.diags(shift)).tocsr()).less(d)

    def _through(self, buses: I64, dv: C128) -> tuple[I64, F64]:
        """The branches between some buses and the slack, and the change of the active power into their from sides."""
        network, ports = self._power_flow.network, self._power_flow.ports
        place = np.full(network.n_bus, -1)
        place[buses] = np.arange(len(buses))
        place[network.slack] = len(buses)
        dv = np.concatenate([dv, np.zeros((1, dv.shape[1]))])
        start, end = place[network.branches.from_bus], place[network.branches.to_bus]
        here = np.flatnonzero((start >= 0) & (end >= 0))
        ff, ft = ports.ff[here], ports.ft[here]
        v = self._v[network.branches.from_bus[here]]
        current = ff * v + ft * self._v[network.branches.to_bus[here]]
        dv_from = dv[start[here]]
        change = ff[:, None] * dv_from + ft[:, None] * dv[end[here]]
        return here, (dv_from * np.conj(current)[:, None] + v[:, None] * np.conj(change)).real * BASE_KW


Effects = WholeEffects | FeederEffects


def effects(power_flow: PowerFlow, flow: Flow, step: int, moves: sparse.csc_matrix) -> Effects:
    """What moves of net load change around a solved step: of a large radial network feeder by feeder.

    Arguments and errors as of ``sensitivities_to_moves``, the moves as a sparse table.
    """
    feeders = feeders_of(power_flow) if len(power_flow.live) > WHOLE else None
    if feeders is None:
        return WholeEffects(power_flow, flow, step, moves)
    return FeederEffects(power_flow, flow, step, moves, feeders)


def _put(blocks: Iterable[tuple[I64, I64, F64]], shape: tuple[int, int]) -> sparse.csr_matrix:
    """Tables by rows and columns in one; what several have in one place is added up."""
    parts = [
        (np.repeat(rows, len(columns)), np.tile(columns, len(rows)), table.ravel()) for rows, columns, table in blocks
    ]
    rows, columns, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    return sparse.coo_matrix((values, (rows, columns)), shape).tocsr()
