"""Meter-before baselines: what was measured around a short activation says what would have been within it.

*Meter before*: the last reading before the activation, held flat (fast reserves). *Meter before, meter after*: the
mean of the last reading before and the first one after. Both need readings, not a history, and suit activations of up
to about an hour.

Source: meter-before/meter-after performance evaluation of NAESB (REQ.13) and of the aFRR baselines of European
operators.
"""

import numpy as np
from numpy.typing import ArrayLike

from markets.bids import F64


def meter_before(metered_kw: ArrayLike, first: int, stop: int) -> F64:
    """Flat baseline of the intervals [first, stop) from the reading before them, shape (..., stop - first).

    Args:
        metered_kw: net load, shape (..., T).
        first: first interval of the activation.
        stop: the interval after the last.

    Raises:
        ValueError: there is no reading before.
    """
    return _flat(_reading(metered_kw, first - 1, "before"), stop - first)


def meter_before_after(metered_kw: ArrayLike, first: int, stop: int) -> F64:
    """Flat baseline from the mean of the readings before and after, shape (..., stop - first).

    Raises:
        ValueError: one of the two readings is missing.
    """
    before, after = _reading(metered_kw, first - 1, "before"), _reading(metered_kw, stop, "after")
    return _flat((before + after) / 2.0, stop - first)


def _reading(metered_kw: ArrayLike, position: int, when: str) -> F64:
    metered = np.asarray(metered_kw, np.float64)
    if not 0 <= position < metered.shape[-1] or not np.isfinite(metered[..., position]).all():
        msg = f"no meter reading {when} the activation (interval {position} of {metered.shape[-1]})"
        raise ValueError(msg)
    return np.asarray(metered[..., position])


def _flat(level: F64, count: int) -> F64:
    return np.repeat(level[..., None], count, axis=-1)
