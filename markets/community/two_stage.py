r"""Two-stage sharing: what members pay inside, corrected so that nobody pays more than it would alone.

First internal prices say what each member pays. Then those who would pay more than alone are given the difference by those who gain, in
proportion to what they gain:

.. math:: p_i = c_i - \max(c_i - a_i, 0) + \frac{\max(a_i - c_i, 0)}{\sum_j \max(a_j - c_j, 0)} \sum_j \max(c_j - a_j, 0)

with cost :math:`a_i` alone and :math:`c_i` inside. It is possible whenever all together pay no more inside than alone; then nobody's gain
turns into a loss.

Source: individual rationality as the second stage of settlement (energy-community literature; SUC02.1 "fairly to each member").
"""

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64

TOLERANCE_EUR = 1e-9


def two_stage(alone_eur: ArrayLike, inside_eur: ArrayLike) -> F64:
    """What each member pays, (n,) [EUR]; the sum is that of ``inside_eur``.

    Args:
        alone_eur: what each would pay without the community, (n,).
        inside_eur: what each pays by internal prices, (n,).

    Raises:
        ValueError: together they pay more inside than alone, so that nothing can be given.
    """
    alone, inside = np.asarray(alone_eur, np.float64), np.asarray(inside_eur, np.float64)
    lacking = float((inside - alone).sum())
    if lacking > TOLERANCE_EUR * max(1.0, float(np.abs(alone).sum())):
        msg = f"together members pay {lacking:.6g} EUR more inside than alone; no sharing keeps everybody from paying more"
        raise ValueError(msg)
    gain, loss = np.maximum(alone - inside, 0.0), np.maximum(inside - alone, 0.0)
    if not gain.any():
        return inside  # nobody gains, so nobody loses more than rounding
    return np.asarray(inside - loss + gain * min(loss.sum() / gain.sum(), 1.0))
