"""Autoregressive chance as a pure function of the instant: a moving average over draws, so that no history is needed."""

import numpy as np

from data.arrays import F64, I64
from environment.chance import Stream

_FORGOTTEN = 1e-4
_ORIGIN = 1 << 32  # keeps the index of instants before the origin non-negative


def autoregressive(stream: Stream, owner: str, index: I64, lag: float) -> F64:
    """Standard normal values with correlation ``lag`` between neighbouring integers, at consecutive indices, shape (m,).

    x_i = sum over k of lag^k e_(i-k), normalised, cut where the weight falls below 1e-4; the value at i depends on i alone.
    """
    reach = int(np.ceil(np.log(_FORGOTTEN) / np.log(lag)))
    weights = lag ** np.arange(reach)
    weights = weights / np.sqrt((weights**2).sum())
    drawn = stream.normal(owner, np.arange(index[0] - reach + 1, index[-1] + 1) + _ORIGIN)
    total = np.zeros(len(index))
    for k, weight in enumerate(weights):
        total += weight * drawn[reach - 1 - k : reach - 1 - k + len(index)]
    return total
