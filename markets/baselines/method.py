"""A baseline by method: what is frozen at bidding time is the rule, its parameters and the days that it may look at.

The values come afterwards, from meter readings of those days and from before the notice. The days are the last of the event day's type on
which the portfolio was not called; whoever keeps a declaration works them out too, so that nobody can choose days that suit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from data.arrays import F64
from markets.baselines.occasion import Occasion

DECLARED = "declared-schedule"
"""The rule by which what is declared stands as it is."""


@dataclass(frozen=True)
class Method:
    """A baseline rule as a market agreed on it.

    Attributes:
        rule: its name.
        parameters: its parameters, as ``name=value``.
        compute: the rule with its parameters.
        days: how many eligible days it looks at.
        before: how many intervals before the notice it looks at.
        like: start of a day of delivery [ms] -> local date -> start of an earlier day of the same type that was over before the gate,
            oldest first.
    """

    rule: str = DECLARED
    parameters: tuple[str, ...] = ()
    compute: Callable[[Occasion], F64] | None = None
    days: int = 0
    before: int = 1
    like: Mapping[int, Mapping[str, int]] = field(default_factory=dict)

    def eligible(self, from_ms: int, length_ms: int, called_ms: Iterable[int]) -> tuple[str, ...]:
        """Dates of the days that count for a window, oldest first.

        Args:
            from_ms: start of the window.
            length_ms: its length.
            called_ms: starts of all calls of the portfolio so far.
        """
        calls = list(called_ms)
        windows = self.windows(from_ms).items()
        dates = [date for date, at_ms in windows if not any(at_ms <= one < at_ms + length_ms for one in calls)]
        return tuple(dates[-self.days :] if self.days else ())

    def windows(self, from_ms: int) -> dict[str, int]:
        """Local date -> start of the same window on that day."""
        day = max((start for start in self.like if start <= from_ms), default=from_ms)
        return {date: start + from_ms - day for date, start in self.like.get(day, {}).items()}


def hashed(rule: str, parameters: tuple[str, ...], eligible: tuple[str, ...]) -> tuple[str, ...]:
    """The terms of a declaration that its hash covers beside its powers; none for a declared schedule."""
    return () if rule == DECLARED else (rule, *parameters, *eligible)


Span = tuple[int, int]
"""[from_ms, to_ms)."""


@dataclass(frozen=True)
class MethodEvent:
    """All calls of a portfolio in one service window, and what has to be read to compute its baseline.

    Attributes:
        window_ms: start of the service window.
        from_ms: start of the first call.
        to_ms: end of the last.
        notice_ms: when the first was announced.
        step_ms: length of an interval.
        before: intervals looked at before the notice.
        days_ms: start of the same window on each eligible day, oldest first.
    """

    window_ms: int
    from_ms: int
    to_ms: int
    notice_ms: int
    step_ms: int
    before: int
    days_ms: Sequence[int]

    @property
    def notice(self) -> int:
        """Start of the interval in which it was announced [ms]: those before had ended."""
        since = min(self.notice_ms, self.from_ms) - self.window_ms
        return self.window_ms + since // self.step_ms * self.step_ms

    @property
    def span(self) -> Span:
        """What is read of the day: from the intervals before the notice to the one after the event."""
        return self.notice - self.before * self.step_ms, self.to_ms + self.step_ms

    @property
    def spans(self) -> list[Span]:
        """What is read of all days, the event's first."""
        first, last = self.span
        return [self.span, *((first + day - self.window_ms, last + day - self.window_ms) for day in self.days_ms)]

    def occasion(self, readings: Mapping[int, F64]) -> Occasion:
        """What the rule looks at.

        Args:
            readings: start of a span -> mean net load per interval; empty where it could not be read.
        """
        first = self.span[0]
        intervals = (self.span[1] - first) // self.step_ms
        rows = [readings.get(start, np.zeros(0)) for start, _ in self.spans]
        table = np.array([row if len(row) == intervals else np.full(intervals, np.nan) for row in rows])
        start, stop, notice = ((at - first) // self.step_ms for at in (self.from_ms, self.to_ms, self.notice))
        return Occasion(table[0], table[1:], start, stop, notice)

    def at(self, values: F64, t_ms: np.ndarray[tuple[int], np.dtype[np.int64]]) -> F64:
        """The values of some intervals of the event, from those of all."""
        return np.asarray(values[(t_ms - self.from_ms) // self.step_ms], np.float64)
