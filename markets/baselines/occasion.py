"""What a baseline rule may look at: metered power around an activation, on its day and on eligible earlier days.

All calls of a portfolio on one day are one event, announced with the first of them. What was metered after that notice says what the seller
wanted the baseline to be, or what it delivered; a rule that adjusts to the day reads what was metered before.
"""

from dataclasses import dataclass

import numpy as np

from data.arrays import F64, Bool


@dataclass(frozen=True, eq=False)
class Occasion:
    """An event on a grid of T equal intervals, the same clock times on every day.

    Attributes:
        metered_kw: net load on the day of the event, NaN where nothing was metered, shape (T,).
        days_kw: net load on earlier eligible days, oldest first, shape (D, T).
        first: first interval of the event.
        stop: the interval after its last.
        notice: intervals [0, notice) had ended when the event was announced; at most ``first``.

    Raises:
        ValueError: the event does not lie on the grid, or begins before it was announced.
    """

    metered_kw: F64
    days_kw: F64
    first: int
    stop: int
    notice: int

    def __post_init__(self) -> None:
        intervals = self.metered_kw.shape[0]
        checks = [
            (self.days_kw.ndim == 2 and self.days_kw.shape[1] == intervals, "its days differ in length"),
            (0 <= self.first < self.stop <= intervals, f"it does not lie in [0, {intervals})"),
            (0 <= self.notice <= self.first, "it begins before it was announced"),
        ]
        wrong = [text for holds, text in checks if not holds]
        if wrong:
            msg = f"event of intervals [{self.first}, {self.stop}): " + "; ".join(wrong)
            raise ValueError(msg)

    @property
    def event(self) -> Bool:
        """True in the event, shape (T,)."""
        steps = np.arange(len(self.metered_kw))
        return np.asarray((steps >= self.first) & (steps < self.stop))

    def before(self, intervals: int) -> slice:
        """The last intervals that had ended at the notice; fewer where the grid begins later."""
        return slice(max(self.notice - intervals, 0), self.notice)
