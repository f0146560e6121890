r"""What a provider of balancing services does: droop on the frequency (FCR), following a set-point (aFRR), a block (mFRR).

Up is above 0: more injection or less consumption.

Sources: Commission Regulation (EU) 2017/1485 (SO GL), annexes III and V: FCR fully activated at 200 mHz within 30 s; ENTSO-E "Explanatory document to
all TSOs' proposal for aFRR" and "... for mFRR": full activation times of 5 min and 12.5 min; regelleistung.net: prequalification conditions.
"""

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64

FCR_FULL_HZ = 0.2
"""Deviation at which all FCR is activated (SO GL annex V)."""
FCR_DEAD_BAND_HZ = 0.01
"""Largest insensitivity of the response (SO GL annex V)."""
FCR_FULL_S = 30.0
"""By then all FCR is activated (SO GL annex V)."""
AFRR_FULL_S = 300.0
"""Full activation time of the standard aFRR product."""
MFRR_FULL_S = 750.0
"""Full activation time of the standard mFRR product."""


def fcr_kw(reserve_kw: ArrayLike, deviation_hz: ArrayLike, *, dead_band_hz: float = FCR_DEAD_BAND_HZ) -> F64:
    r"""Steady response to a frequency deviation: :math:`-P \operatorname{clip}(\Delta f / 0.2, -1, 1)`, 0 inside the dead band.

    Args:
        reserve_kw: symmetric reserve, at least 0, broadcast against ``deviation_hz``.
        deviation_hz: frequency less its nominal value.
        dead_band_hz: up to this deviation nothing happens; at least 0, at most 10 mHz are admitted.
    """
    deviation = np.asarray(deviation_hz, np.float64)
    share = np.where(np.abs(deviation) <= dead_band_hz, 0.0, np.clip(deviation / FCR_FULL_HZ, -1.0, 1.0))
    return np.asarray(-np.asarray(reserve_kw, np.float64) * share) + 0.0


def ramped_kw(
    wanted_kw: ArrayLike, reserve_kw: ArrayLike, step_s: float, full_s: float, start_kw: ArrayLike = 0.0
) -> F64:
    """The fastest way along a wanted power that a product's full activation time admits, (..., T).

    From one step to the next power changes by at most ``reserve_kw * step_s / full_s``. It is the least a provider owes (aFRR follows its set-point at
    least so fast, FCR its droop) and what is expected of it when delivery is checked.

    Args:
        wanted_kw: at the end of each step, (..., T).
        reserve_kw: contracted power, broadcast to (...).
        step_s: length of a step.
        full_s: full activation time of the product.
        start_kw: power before the first step, broadcast to (...).
    """
    wanted = np.asarray(wanted_kw, np.float64)
    most = np.broadcast_to(np.asarray(reserve_kw, np.float64) * (step_s / full_s), wanted.shape[:-1])
    found = np.empty_like(wanted)
    now = np.broadcast_to(np.asarray(start_kw, np.float64), wanted.shape[:-1])
    for step in range(wanted.shape[-1]):
        now = now + np.clip(wanted[..., step] - now, -most, most)
        found[..., step] = now
    return found


def block_kw(
    quantity_kw: float, t_s: ArrayLike, called_s: float, start_s: float, end_s: float, full_s: float = MFRR_FULL_S
) -> F64:
    """A called block: a ramp that is complete at ``start_s`` at the earliest ``full_s`` after the call, and one of the same length after ``end_s``.

    Args:
        quantity_kw: of the block.
        t_s: times to evaluate, any shape.
        called_s: when the call was received.
        start_s: when the block is due in full; later if the call left less than the full activation time.
        end_s: when it ends.
        full_s: full activation time.
    """
    t = np.asarray(t_s, np.float64)
    due = max(start_s, called_s + full_s)
    return np.asarray(quantity_kw * np.clip(np.minimum((t - due) / full_s + 1.0, (end_s - t) / full_s + 1.0), 0.0, 1.0))
