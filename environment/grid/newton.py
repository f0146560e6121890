"""Newton's method in rectangular coordinates: the way out where the fixed point does not converge, and the linear model.

With L the buses other than the slack, f(V) = Y V + y0 + conj(s / V) = 0 and df = Y dV - D conj(dV), D = conj(s) / conj(V)^2. Real and
imaginary parts of dV = a + jb give the real matrix ``[[G - Re D, -B - Im D], [B - Im D, G + Re D]]``.
"""

from typing import Any, Final

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from environment.grid.model import C128

_STEPS: Final = 40
_SMALLEST_DAMPING: Final = 1 / 64
# Solutions on the lower branch of the nose curve are no operating points: at the nose of a two-bus system the voltage is at least
# half of the no-load voltage, whatever the power factor.
_LOWEST_SHARE: Final = 0.5


def jacobian(y: sparse.csr_matrix, s: C128, v: C128) -> sparse.csc_matrix:
    """Real Jacobian of the mismatch at v, shape (2n, 2n); s and v of shape (n,), per unit."""
    d = sparse.diags(np.conj(s) / np.conj(v) ** 2).tocsr()
    return sparse.bmat([[y.real - d.real, -y.imag - d.imag], [y.imag - d.imag, y.real + d.real]], format="csc")


def factor(matrix: sparse.csc_matrix) -> Any:
    """Sparse LU of a real matrix; raises RuntimeError if it is singular."""
    return splu(matrix)


def solve_complex(lu: Any, right: C128) -> C128:
    """The complex ``dV`` of ``J dV = right`` for one or several columns: (n,) or (n, k)."""
    real = lu.solve(np.concatenate([right.real, right.imag]))
    n = len(right)
    return np.asarray(real[:n] + 1j * real[n:])


def newton(y: sparse.csr_matrix, y0: C128, s: C128, no_load: C128, tolerance: float) -> C128 | None:
    """Voltages of one step, shape (n,), or None where there is no operating point (or none is found).

    Args:
        y: admittance matrix without the slack.
        y0: current the slack drives, ``Y_L0 V_0``, shape (n,).
        s: net loads, per unit, shape (n,).
        no_load: voltages without load, the start.
        tolerance: largest last step of a voltage.
    """
    v = no_load.copy()
    with np.errstate(all="ignore"):
        mismatch = y @ v + y0 + np.conj(s / v)
        for _ in range(_STEPS):
            try:
                step = solve_complex(factor(jacobian(y, s, v)), -mismatch)
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
