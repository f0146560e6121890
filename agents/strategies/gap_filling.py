r"""Completing a consumption history: gaps are filled from the member's own usual day or from a typical profile, whichever errs less.

*Own usual day*: the mean of the readings of the same hour of the day, kind of day (workday or not) within four weeks before and
after; where there is none, of the same hour and kind of day over all the year. *Typical profile*: of the kind of client, scaled to the
member's readings (or, without any, to its annual energy).

Which of them is taken is decided by hold-out: known readings are hidden in blocks as long as a day, one in ten days, filled by
both, and compared with what was hidden. The error told is the root mean square of the hold-out over the mean load, and the bias of its sum.

Sources: SUC01.1 (gap filling by typical profiles, public databases or an algorithm; a profile by client type, contracted power and
annual energy); the choice by hold-out is this project's.
"""

from typing import Literal, NamedTuple

import numpy as np

from data.arrays import F64, Bool

Method = Literal["complete", "own-usual-day", "typical-profile", "scaled-profile"]
_NEAR_DAYS = 28
_HOLD_EVERY = 10


class Completed(NamedTuple):
    """A completed history.

    Attributes:
        kw: mean load of each step, shape (T,).
        missing: steps that were filled.
        method: how: ``complete`` without gaps, ``scaled-profile`` without any reading.
        rms_share: hold-out error of the method taken, root mean square over mean load; NaN where nothing could be held out.
        bias_share: hold-out error of the energy; NaN likewise.
        other_rms_share: hold-out error of the method not taken; NaN likewise.
    """

    kw: F64
    missing: int
    method: Method
    rms_share: float
    bias_share: float
    other_rms_share: float


def complete(kw: F64, known: Bool, typical_kw: F64, workday: Bool, hours: float, annual_kwh: float) -> Completed:
    """Complete one history.

    Args:
        kw: mean load of each step of whole days, shape (T,); what is not known is ignored.
        known: which steps were metered, shape (T,).
        typical_kw: the typical profile in any scale, above 0 on average, shape (T,).
        workday: of each step, shape (T,).
        hours: length of a step [h].
        annual_kwh: energy of a year, used where nothing was metered.
    """
    nan = float("nan")
    if not known.any():
        return Completed(
            typical_kw * (annual_kwh / (typical_kw.sum() * hours)), len(kw), "scaled-profile", nan, nan, nan
        )
    if known.all():
        return Completed(kw.copy(), 0, "complete", 0.0, 0.0, nan)
    steps = round(24.0 / hours)
    hidden = known & ((np.arange(len(kw)) // steps) % _HOLD_EVERY == _HOLD_EVERY // 2)
    seen = known & ~hidden
    errors: dict[Method, tuple[float, float]] = {"own-usual-day": (nan, nan), "typical-profile": (nan, nan)}
    if hidden.any() and seen.any():
        for method in errors:
            guess = _fill(method, kw, seen, typical_kw, workday, steps)[hidden]
            errors[method] = _error(guess, kw[hidden])
    own, typical = errors["own-usual-day"], errors["typical-profile"]
    taken: Method = "own-usual-day" if not own[0] > typical[0] else "typical-profile"
    other = typical if taken == "own-usual-day" else own
    filled = np.where(known, kw, _fill(taken, kw, known, typical_kw, workday, steps))
    return Completed(filled, int((~known).sum()), taken, *errors[taken], other[0])


def _error(guess: F64, truth: F64) -> tuple[float, float]:
    mean = float(truth.mean())
    if mean <= 0.0:
        return float("nan"), float("nan")
    return float(np.sqrt(((guess - truth) ** 2).mean())) / mean, float(guess.mean()) / mean - 1.0


def _fill(method: Method, kw: F64, seen: Bool, typical_kw: F64, workday: Bool, steps: int) -> F64:
    scaled = typical_kw * (kw[seen].sum() / max(typical_kw[seen].sum(), 1e-12))
    return scaled if method == "typical-profile" else _usual_day(kw, seen, workday, steps, scaled)


def _usual_day(kw: F64, seen: Bool, workday: Bool, steps: int, otherwise: F64) -> F64:
    """The mean of the same hour on near days of the same kind; of the whole year, else what is given, where there is none."""
    days = len(kw) // steps
    values, there = (np.where(seen, kw, 0.0).reshape(days, steps), seen.reshape(days, steps).astype(float))
    kind = workday.reshape(days, steps)[:, steps // 2]
    alike = kind[:, None] == kind[None, :]
    near = np.abs(np.arange(days)[:, None] - np.arange(days)[None, :]) <= _NEAR_DAYS
    found = otherwise.reshape(days, steps).copy()
    for mask in (alike, alike & near):  # the nearer days go over the farther ones
        number = mask.astype(float) @ there
        mean = (mask.astype(float) @ values) / np.maximum(number, 1.0)
        found = np.where(number > 0.0, mean, found)
    return np.asarray(found.ravel())
