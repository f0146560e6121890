"""Radial networks as trees: the diagonal of the inverse Jacobian without solving for every bus.

With the slack taken out, the Jacobian of a radial network (``environment.grid.newton``: real 2 x 2 blocks, one row for each bus) has blocks
between a bus c and its parent p only. Eliminated from the leaves, and read back from the root (Takahashi, Fagan, Chin 1973, "Formation
of a sparse bus impedance matrix"),

    S_p = J_pp - sum over children c of J_pc S_c^-1 J_cp,       Z_cc = S_c^-1 + (S_c^-1 J_cp) Z_pp (J_pc S_c^-1),

Z the inverse. All buses at one distance from the slack go together.
"""

from dataclasses import dataclass

import numpy as np

from data.arrays import C128, F64, I64
from environment.grid.layout import breadth_first, neighbours
from environment.grid.power_flow import PowerFlow


@dataclass(frozen=True)
class Tree:
    """The live buses of a radial network, rows as in its admittance matrix.

    Attributes:
        parent: row of the parent, -1 where it is the slack, (n,).
        levels: rows at each distance from the slack, nearest first.
        own: diagonal of the admittance matrix, (n,).
        up: entry (bus, parent), (n,).
        down: entry (parent, bus), (n,).
    """

    parent: I64
    levels: tuple[I64, ...]
    own: C128
    up: C128
    down: C128

    def own_answers(self, d: C128, right: C128) -> C128:
        """Component b of the solution of ``Y dV - D conj(dV) = right_b`` at b alone, for every bus b, (n,).

        Args:
            d: diagonal of D, (n,).
            right: right side at each bus, (n,).
        """
        inverse = self._inverse_blocks(d)
        vector = np.stack([right.real, right.imag], axis=1)
        answer = np.einsum("nij,nj->ni", inverse, vector)
        return np.asarray(answer[:, 0] + 1j * answer[:, 1])

    def eliminated(self, d: C128) -> tuple[F64, F64]:
        """Diagonal blocks once all that hangs below is eliminated, and what each takes off its parent's, (n, 2, 2) each."""
        left, inverse, up, down = self._eliminated(d)
        return left, down @ inverse @ up

    def _eliminated(self, d: C128) -> tuple[F64, F64, F64, F64]:
        """S, its inverse, and the blocks to and from the parent, (n, 2, 2) each."""
        up, down = _blocks(self.up, 0.0 * self.up), _blocks(self.down, 0.0 * self.down)
        left = _blocks(self.own, d)
        inverse = np.empty_like(left)
        for rows in reversed(self.levels):
            inverse[rows] = np.linalg.inv(left[rows])
            inner = rows[self.parent[rows] >= 0]
            np.subtract.at(left, self.parent[inner], down[inner] @ inverse[inner] @ up[inner])
        return left, inverse, up, down

    def _inverse_blocks(self, d: C128) -> F64:
        """Diagonal blocks of the inverse, (n, 2, 2)."""
        _, inverse, up, down = self._eliminated(d)
        for rows in self.levels[1:]:
            over = inverse[rows]
            inverse[rows] = over + over @ up[rows] @ inverse[self.parent[rows]] @ down[rows] @ over
        return inverse


def _blocks(y: C128, d: C128) -> F64:
    """Real blocks of ``x -> y x - d conj(x)``, (n, 2, 2)."""
    rows = np.stack([y.real - d.real, -y.imag - d.imag, y.imag - d.imag, y.real + d.real], axis=1)
    return rows.reshape(-1, 2, 2)


def tree_of(power_flow: PowerFlow) -> Tree | None:
    """The tree of a radial network; None where the admittance matrix has an entry besides those between bus and parent."""
    network, live = power_flow.network, power_flow.live
    around = neighbours(network.n_bus, network.branches.from_bus, network.branches.to_bus, power_flow.closed)
    order, above, _ = breadth_first(around, network.slack)
    depth = np.zeros(network.n_bus, np.int64)
    for bus in order[1:]:
        depth[bus] = depth[above[bus]] + 1
    place = np.append(power_flow.place, -1)
    parent = place[np.asarray(above, np.int64)[live]]
    entries = power_flow.y.tocoo()
    row, column, value = entries.row, entries.col, entries.data
    rising, falling, same = parent[row] == column, parent[column] == row, row == column
    if not (rising | falling | same).all():
        return None
    up, down, own = (np.zeros(len(live), np.complex128) for _ in range(3))
    up[row[rising]], down[column[falling]], own[row[same]] = value[rising], value[falling], value[same]
    levels = tuple(np.flatnonzero(depth[live] == k) for k in range(1, int(depth.max(initial=0)) + 1))
    return Tree(parent, levels, own, up, down)
