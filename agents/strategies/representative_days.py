r"""A year in a few days: k-medoids over days, extreme days kept as they are, weights that add up to the days of the year.

Each day is a vector of features (for example the community's load and the irradiance of each hour), every feature scaled by its
standard deviation over the year. Medoids are days that were really lived, so that hours stay consistent with each other. The
algorithm is PAM (build, then swaps while the sum of distances falls); it draws nothing and depends on no order: ties go to the earlier day.

Extreme days stand for themselves alone (weight 1): a mean day does not show what a connection or a battery must bear.

Sources: Kaufman, Rousseeuw: "Finding Groups in Data" (1990), chapter 2 (PAM); Kotzur, Markewitz, Robinius, Stolten: "Impact of different
time series aggregation methods on optimal energy system design", Renewable Energy 117 (2018) 474-487 (extreme periods, scaling to totals).
"""

from dataclasses import dataclass

import numpy as np

from data.arrays import F64, I64, Bool


@dataclass(frozen=True, eq=False)
class Representatives:
    """Days that stand for a year.

    Attributes:
        days: numbers of the days, ascending, shape (k,).
        weight: how many days each stands for, shape (k,); they add up to the days of the year.
        extreme: whether a day is kept for itself, shape (k,).
        of: position (in ``days``) of the day that stands for each day of the year, shape (days,).
    """

    days: I64
    weight: F64
    extreme: Bool
    of: I64


def representative_days(features: F64, count: int, extremes: I64, usable: Bool | None = None) -> Representatives:
    """Choose days.

    Args:
        features: of each day, shape (days, features).
        count: how many days in all, more than the extreme ones.
        extremes: days to be kept for themselves; doubles count once.
        usable: days that may stand for others (those of 24 hours), shape (days,); None for all.

    Raises:
        ValueError: fewer days than extremes and one medoid, or more than there are.
    """
    n = len(features)
    kept = np.unique(extremes)
    wanted = count - len(kept)
    rest = np.setdiff1d(np.arange(n), kept)
    may = rest if usable is None else rest[usable[rest]]
    if not 1 <= wanted <= len(may):
        msg = f"{count} representative days cannot be chosen with {len(kept)} extreme ones out of {n} days"
        raise ValueError(msg)
    spread = features.std(axis=0)
    scaled = features[rest] / np.where(spread > 0.0, spread, 1.0)
    square = (scaled**2).sum(axis=1)
    distance = np.sqrt(np.maximum(square[:, None] + square[None, :] - 2.0 * scaled @ scaled.T, 0.0))
    place = np.searchsorted(rest, may)
    medoids = rest[place[_pam(distance[:, place], wanted)]]
    days = np.sort(np.concatenate([kept, medoids]))
    nearest = medoids[np.argmin(distance[:, np.searchsorted(rest, medoids)], axis=1)]
    stands = np.arange(n)
    stands[rest] = nearest
    of = np.searchsorted(days, stands)
    weight = np.bincount(of, minlength=len(days)).astype(np.float64)
    return Representatives(days, weight, np.isin(days, kept), of)


def _pam(distance: F64, count: int) -> I64:
    """Columns whose nearest distances have the least sum (a local optimum under swaps), ascending; distance (points, candidates)."""
    chosen: list[int] = []
    nearest = np.full(len(distance), np.inf)
    for _ in range(count):
        gain = np.minimum(distance, nearest[:, None]).sum(axis=0)
        gain[chosen] = np.inf
        chosen.append(int(np.argmin(gain)))
        nearest = np.minimum(nearest, distance[:, chosen[-1]])
    improved = True
    while improved:
        improved = False
        for place in range(count):
            others = distance[:, [one for k, one in enumerate(chosen) if k != place]]
            base = others.min(axis=1) if others.shape[1] else np.full(len(distance), np.inf)
            sums = np.minimum(distance, base[:, None]).sum(axis=0)
            best = int(np.argmin(sums))
            if sums[best] < sums[chosen[place]] - 1e-9 and best not in chosen:
                chosen[place] = best
                improved = True
    return np.sort(np.array(chosen, np.int64))


def scaled_to_year(year: F64, representatives: Representatives, steps: int) -> tuple[F64, F64]:
    """Series on the representative days, scaled so that they add up to the year's sum.

    Args:
        year: shape (n, days, steps); sums may be 0.
        representatives: the days.
        steps: of a day.

    Returns:
        The series, shape (n, k * steps), and by how much the sum of each would have been off without scaling, as a share, shape (n,).
    """
    part = year[:, representatives.days, :]
    total = year.sum(axis=(1, 2))
    stands = (part.sum(axis=2) * representatives.weight).sum(axis=1)
    factor = np.where(stands > 0.0, total / np.where(stands > 0.0, stands, 1.0), 1.0)
    off = np.where(total > 0.0, stands / np.where(total > 0.0, total, 1.0) - 1.0, 0.0)
    return (part * factor[:, None, None]).reshape(len(year), len(representatives.days) * steps), off
