"""What a few runs say about many: intervals of means, paired differences, and how many seeds a wanted precision takes.

Sources: Student's t for means of independent runs, paired differences under common random numbers, and the number of replications for a
wanted half width, as in A. M. Law, "Simulation Modeling and Analysis" (chapters on output analysis and on comparing systems). Runs
with different seeds are independent; those with one seed at different points are not, which is what pairing uses.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from data.arrays import F64

MOST_SEEDS = 1_000_000_000


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval.

    Attributes:
        mean: of the values.
        low: lower end; NaN with fewer than two values.
        high: upper end; NaN with fewer than two values.
        sd: standard deviation of the values (n - 1); NaN with fewer than two.
        n: number of values.
    """

    mean: float
    low: float
    high: float
    sd: float
    n: int

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2.0

    @property
    def excludes_zero(self) -> bool:
        """Whether the mean differs from 0 at this confidence."""
        return self.low > 0.0 or self.high < 0.0 or (self.sd == 0.0 and self.mean != 0.0)


@cache
def t_quantile(confidence: float, degrees: int) -> float:
    """The two-sided quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + confidence / 2.0))


def interval(values: F64, confidence: float = 0.95) -> Interval:
    """The mean of independent runs with its interval; unknown values (NaN) are left out.

    Args:
        values: shape (runs,).
        confidence: level, as a share.
    """
    known = values[~np.isnan(values)]
    n = len(known)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, np.nan, 0)
    mean = float(known.mean())
    if n == 1:
        return Interval(mean, np.nan, np.nan, np.nan, 1)
    sd = float(known.std(ddof=1))
    half = t_quantile(confidence, n - 1) * sd / np.sqrt(n)
    return Interval(mean, mean - half, mean + half, sd, n)


def difference(values: F64, reference: F64, confidence: float = 0.95) -> Interval:
    """The mean difference of runs from reference runs of the same seeds; pairs with an unknown value are left out.

    Args:
        values: shape (seeds,).
        reference: shape (seeds,), of the same seeds in the same order.
        confidence: level, as a share.
    """
    return interval(values - reference, confidence)


def seeds_needed(values: F64, half_width: float, confidence: float = 0.95) -> int | None:
    """How many seeds make an interval of this half width, if the values scatter as those given; None where that is unknown.

    The smallest n with t(n - 1) sd / sqrt(n) <= half width.

    Args:
        values: shape (runs,), at least two of them known.
        half_width: wanted, in the unit of the values, above 0.
        confidence: level, as a share.
    """
    sd = interval(values, confidence).sd
    if np.isnan(sd) or not half_width > 0.0:
        return None

    def enough(n: int) -> bool:
        return bool(t_quantile(confidence, n - 1) * sd / np.sqrt(n) <= half_width)

    if enough(2):
        return 2
    few, many = 2, 4
    while not enough(many):
        few, many = many, 2 * many
        if many > MOST_SEEDS:
            return None
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many
