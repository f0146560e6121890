"""Newton's method in rectangular coordinates: the way out where the fixed point does not converge, and the linear model.

With L the buses other than the slack, f(V) = Y V + y0 + conj(s / V) = 0 and df = Y dV - D conj(dV), D = conj(s) / conj(V)^2. Real and
imaginary parts of dV = a + jb give the real matrix ``[[G - Re D, -B - Im D], [B - Im D, G + Re D]]``.
"""

from typing import Any, Final

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from data.arrays import C128, I64

_STEPS: Final = 40
_SMALLEST_DAMPING: Final = 1 / 64
# Solutions on the lower branch of the nose curve are no operating points: at the nose of a two-bus system the voltage is at least
# half of the no-load voltage, whatever the power factor.
_LOWEST_SHARE: Final = 0.5


class Jacobian:
    """The real Jacobian of one admittance matrix, assembled once: a change of loads or voltages moves only four diagonals.

    Args:
        y: admittance matrix without the slack, shape (n, n).
    """

    def __init__(self, y: sparse.csr_matrix) -> None:
        n = y.shape[0]
        full = y.tocoo()
        every = np.arange(n)
        rows, columns = np.r_[full.row, every], np.r_[full.col, every]
        data = np.r_[full.data, np.zeros(n)]  # explicit zeros keep every diagonal in the pattern
        matrix = sparse.coo_matrix(
            (
                np.r_[data.real, -data.imag, data.imag, data.real],
                (np.r_[rows, rows, rows + n, rows + n], np.r_[columns, columns + n, columns, columns + n]),
            ),
            (2 * n, 2 * n),
        ).tocsc()
        matrix.sort_indices()
        self._matrix = matrix
        blocks = ((0, 0), (0, n), (n, 0), (n, n))
        self._diagonals = [_positions(matrix, every + down, every + right) for down, right in blocks]

    def at(self, s: C128, v: C128) -> sparse.csc_matrix:
        """The Jacobian at loads s and voltages v, shape (n,) each, per unit."""
        return self.less(np.conj(s) / np.conj(v) ** 2)

    def less(self, d: C128) -> sparse.csc_matrix:
        """The matrix of ``x -> Y x - D conj(x)`` with D the diagonal d, shape (n,)."""
        matrix = self._matrix.copy()
        for place, change in zip(self._diagonals, (-d.real, -d.imag, -d.imag, d.real), strict=True):
            matrix.data[place] += change
        return matrix


def _positions(matrix: sparse.csc_matrix, rows: I64, columns: I64) -> I64:
    """Where the entries (row, column) stand in the data of a sorted CSC matrix."""
    size = matrix.shape[0]
    column_of = np.repeat(np.arange(size), np.diff(matrix.indptr))
    return np.asarray(np.searchsorted(column_of * size + matrix.indices, columns * size + rows), np.int64)


def factor(matrix: sparse.csc_matrix) -> Any:
    """Sparse LU of a real matrix; raises RuntimeError if it is singular."""
    return splu(matrix)


def solve_complex(lu: Any, right: C128) -> C128:
    """The complex ``dV`` of ``J dV = right`` for one or several columns: (n,) or (n, k)."""
    real = lu.solve(np.concatenate([right.real, right.imag]))
    n = len(right)
    return np.asarray(real[:n] + 1j * real[n:])


def newton(y: sparse.csr_matrix, y0: C128, jacobian: Jacobian, s: C128, no_load: C128, tolerance: float) -> C128 | None:
    """Voltages of one step, shape (n,), or None where there is no operating point (or none is found).

    Args:
        y: admittance matrix without the slack.
        y0: current the slack drives, ``Y_L0 V_0``, shape (n,).
        jacobian: that of y.
        s: net loads, per unit, shape (n,).
        no_load: voltages without load, the start.
        tolerance: largest last step of a voltage.
    """
    v = no_load.copy()
    with np.errstate(all="ignore"):
        mismatch = y @ v + y0 + np.conj(s / v)
        for _ in range(_STEPS):
            try:
                step = solve_complex(factor(jacobian.at(s, v)), -mismatch)
            except RuntimeError:  # singular: at the nose
                return None
            v, mismatch, damping = _damped(y, y0, s, v, step, mismatch)
            if damping == 0.0 or not np.isfinite(v).all():
                return None
            if np.abs(step).max() < tolerance:
                return v if (np.abs(v) > _LOWEST_SHARE * np.abs(no_load)).all() else None
    return None


def _damped(y: sparse.csr_matrix, y0: C128, s: C128, v: C128, step: C128, mismatch: C128) -> tuple[C128, C128, float]:
    """The longest of the halved steps that does not enlarge the mismatch; damping 0 if none."""
    before = np.linalg.norm(mismatch)
    damping = 1.0
    while damping >= _SMALLEST_DAMPING:
        new = v + damping * step
        f = y @ new + y0 + np.conj(s / new)
        if np.linalg.norm(f) <= before * (1 + 1e-9) or np.abs(step).max() < 1e-8:
            return new, f, damping
        damping /= 2
    return v, mismatch, 0.0
