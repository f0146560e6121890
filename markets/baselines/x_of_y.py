"""X of Y: the average of X days chosen among the last Y eligible ones, moved or scaled to the day by what was metered before the notice.

Eligible are days of the event day's type that were neither event days nor holidays; a day with a gap in the event
window is passed over for an earlier one. Of the last Y the X with the highest (or middle, or lowest) average *over
the event window* are taken; equal averages go to the later day. The adjustment compares measurement and baseline in a
window before the event; it must end before the notification, or the seller could raise its own baseline.

Sources: NYISO high 5 of 10 with a factor within [0.8, 1.2]; CAISO and AEMO 10 of 10; UK ENA baselining tool mid 8 of
10. The measures RRMSE and ARE are those of the AEMO baseline eligibility test.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64, Bool
from markets.baselines.occasion import Occasion

Pick = Literal["high", "middle", "low"]
Adjustment = Literal["none", "additive", "multiplicative"]


def baseline(
    occasion: Occasion,
    *,
    x: int = 10,
    y: int = 10,
    pick: Pick = "high",
    adjustment: Adjustment = "none",
    adjustment_intervals: int = 12,
    floor: float = 0.8,
    cap: float = 1.2,
) -> F64:
    """The baseline of an event, shape (stop - first,).

    Args:
        occasion: what was metered.
        x: number of days averaged.
        y: number of days looked at.
        pick: which of the Y days.
        adjustment: to what was metered before the notice: none, the mean difference added, or the ratio of means as a factor.
        adjustment_intervals: how many intervals before the notice it looks at.
        floor: smallest factor.
        cap: largest factor.

    Raises:
        ValueError: too few days are eligible, or what the adjustment needs was not metered.
    """
    whole = baseline_kw(occasion.days_kw, occasion.event, np.ones(len(occasion.days_kw), bool), x=x, y=y, pick=pick)
    base = whole[occasion.event]
    if adjustment == "none":
        return base
    window = occasion.before(adjustment_intervals)
    measured, usual = occasion.metered_kw[window], whole[window]
    both = np.isfinite(measured) & np.isfinite(usual)
    if not both.any():
        msg = f"baseline {x} of {y}: nothing was metered in the {adjustment_intervals} intervals before the notice to adjust to"
        raise ValueError(msg)
    if adjustment == "additive":
        return additive(base, measured[both], usual[both])
    return multiplicative(base, measured[both], usual[both], floor, cap)


def baseline_kw(days_kw: ArrayLike, event: Bool, eligible: Bool, *, x: int, y: int, pick: Pick = "high") -> F64:
    """The baseline of the event day.

    Args:
        days_kw: net load of earlier days, oldest first, NaN where nothing was metered, shape (days, intervals).
        event: True in the event window, shape (intervals,).
        eligible: True for days that count, shape (days,); see ``eligible_days``.
        x: number of days averaged.
        y: number of days looked at.
        pick: which of the Y days.

    Returns:
        Net load of each interval of the day, shape (intervals,); NaN where none of the chosen days was metered.

    Raises:
        ValueError: x and y do not fit, or fewer than x days are eligible.
    """
    history = np.asarray(days_kw, np.float64)
    return _mean(history[chosen_days(history, event, eligible, x, y, pick)])


def chosen_days(days_kw: F64, event: Bool, eligible: Bool, x: int, y: int, pick: Pick) -> I64:
    """The days that are averaged, ascending, shape (x,); arguments and errors as in ``baseline_kw``."""
    if not 0 < x <= y:
        msg = f"baseline {x} of {y}: x must lie in [1, y]"
        raise ValueError(msg)
    recent = np.flatnonzero(np.asarray(eligible) & whole_days(days_kw, event))[-y:]
    if len(recent) < x:
        msg = f"baseline {x} of {y}: only {len(recent)} eligible days in the history"
        raise ValueError(msg)
    return _chosen(days_kw[recent][:, event].mean(axis=1), recent, x, pick)


def whole_days(days_kw: F64, event: Bool) -> Bool:
    """Days without a gap in the event window, shape (days,)."""
    return np.asarray(np.isfinite(days_kw[:, event]).all(axis=1))


def eligible_days(workday: Bool, holiday: Bool, event_day: Bool, like_workday: bool) -> Bool:
    """Days of the same type as the event day, without holidays and without earlier event days, shape (days,)."""
    return np.asarray((workday == like_workday) & ~holiday & ~event_day)


def additive(base_kw: ArrayLike, measured_kw: ArrayLike, baseline_before_kw: ArrayLike) -> F64:
    """The baseline moved by the mean difference in the adjustment window."""
    shift = float(np.mean(np.asarray(measured_kw, np.float64) - np.asarray(baseline_before_kw, np.float64)))
    return np.asarray(np.asarray(base_kw, np.float64) + shift)


def multiplicative(
    base_kw: ArrayLike, measured_kw: ArrayLike, baseline_before_kw: ArrayLike, floor: float = 0.8, cap: float = 1.2
) -> F64:
    """The baseline scaled by the ratio of means in the adjustment window, kept within [floor, cap].

    A ratio with a baseline mean that is not above 0 says nothing: the baseline stays as it is.
    """
    before = float(np.mean(np.asarray(baseline_before_kw, np.float64)))
    ratio = float(np.mean(np.asarray(measured_kw, np.float64))) / before if before > 0.0 else 1.0
    return np.asarray(np.asarray(base_kw, np.float64) * min(max(ratio, floor), cap))


def rrmse(base_kw: ArrayLike, actual_kw: ArrayLike) -> float:
    """Root mean square error relative to the mean of the actual values (AEMO: at most 20 %)."""
    actual = np.asarray(actual_kw, np.float64)
    return float(np.sqrt(np.mean((np.asarray(base_kw, np.float64) - actual) ** 2)) / np.mean(actual))


def are(base_kw: ArrayLike, actual_kw: ArrayLike) -> float:
    """Bias relative to the sum of the actual values: sum(B - A) / sum(A)."""
    actual = np.asarray(actual_kw, np.float64)
    return float((np.asarray(base_kw, np.float64) - actual).sum() / actual.sum())


def _chosen(average: F64, days: I64, x: int, pick: Pick) -> I64:
    """Days by average, highest first and the later of equals first; then the wanted x of them."""
    order = days[np.lexsort((-days, -average))]
    first = {"high": 0, "middle": (len(order) - x) // 2, "low": len(order) - x}[pick]
    return np.sort(order[first : first + x])


def _mean(rows: F64) -> F64:
    seen = np.isfinite(rows)
    count = seen.sum(axis=0)
    total = np.where(seen, rows, 0.0).sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(rows.shape[1], np.nan), where=count > 0), np.float64)
