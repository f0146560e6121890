"""The year of a study: steps by the clock, and the same as days of 24 hours on the wall."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from data.arrays import F64, I64, Bool
from environment.calendar import Calendar, LocalTime, Timeline


@dataclass(frozen=True, eq=False)
class StudyYear:
    """A year in steps of an hour.

    Attributes:
        calendar: whose instant 0 is the first local midnight of the year.
        timeline: the steps of the year, in order.
    """

    calendar: Calendar
    timeline: Timeline

    @cached_property
    def local(self) -> LocalTime:
        """Local calendar columns of each step."""
        return self.calendar.local_columns(self.timeline.starts_ms)

    @cached_property
    def day(self) -> I64:
        """Number of the day of each step, shape (T,)."""
        return np.asarray(self.local.day - self.local.day[0])

    @property
    def days(self) -> int:
        """Number of days."""
        return int(self.day[-1]) + 1

    @property
    def steps(self) -> int:
        """Steps of a day."""
        return round(24.0 / self.timeline.hours)

    @cached_property
    def usable(self) -> Bool:
        """Days of 24 hours, shape (days,): those on which the clock changes have 23 or 25."""
        return np.asarray(np.bincount(self.day, minlength=self.days) == self.steps)

    def dates(self) -> list[date]:
        """The date of each day."""
        first = int(self.local.day[0])
        return [day.item() for day in np.arange(first, first + self.days).astype("datetime64[D]")]

    def on_days(self, series: F64) -> F64:
        """A series by the wall clock: (n, T) -> (n, days, steps); an hour that comes twice is its mean, one that is left out the one before."""
        place = self.day * self.steps + np.floor(self.local.hour / self.timeline.hours + 1e-9).astype(np.int64)
        count = np.bincount(place, minlength=self.days * self.steps)
        summed = np.zeros((len(series), self.days * self.steps))
        np.add.at(summed.T, place, series.T)
        mean = summed / np.maximum(count, 1)
        for gap in np.flatnonzero(count == 0):
            mean[:, gap] = mean[:, gap - 1]
        return mean.reshape(len(series), self.days, self.steps)
