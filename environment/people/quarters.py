"""The grid on which people live: quarter hours of UTC, numbered since 1970.

Draws are indexed by the number of the quarter hour (or local day), so that the same person does the same at the same time
however a timeline is cut; a timeline with other steps receives exact means.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, I64
from environment.calendar import Calendar, LocalTime, Timeline
from environment.weather.records import STEP_15_MIN_MS
from environment.weather.resample import means_of_means

PER_DAY = 96
HOURS = 0.25


class Quarters(NamedTuple):
    """Quarter hours that enclose a timeline, after a warm-up.

    Attributes:
        first_ms: instant of the first one (warm-up included).
        number: index for draws, shape (m,).
        local: calendar columns, shape (m,).
        warm_up: how many come before the timeline.
    """

    first_ms: int
    number: I64
    local: LocalTime
    warm_up: int

    def on_timeline(self, values: F64, timeline: Timeline) -> F64:
        """Means per step of a timeline, shape (..., T), of means per quarter hour, shape (..., m)."""
        return means_of_means(values, self.first_ms, STEP_15_MIN_MS, timeline)

    def from_timeline(self, values: F64, timeline: Timeline) -> F64:
        """The value of the step in which each quarter hour begins, shape (m,); outside the timeline that of its end."""
        starts = self.first_ms + STEP_15_MIN_MS * np.arange(len(self.number))
        return values[np.clip((starts - timeline.start_ms) // timeline.step_ms, 0, timeline.n - 1)]


def quarters_for(calendar: Calendar, timeline: Timeline, warm_up_days: int = 0) -> Quarters:
    """The quarter hours that enclose a timeline, with whole days before it."""
    begins = round(calendar.begins.timestamp() * 1000)
    first = (begins + timeline.start_ms) // STEP_15_MIN_MS - warm_up_days * PER_DAY
    end = -((-begins - timeline.end_ms) // STEP_15_MIN_MS)
    number = np.arange(first, end, dtype=np.int64)
    first_ms = int(first) * STEP_15_MIN_MS - begins
    times = first_ms + STEP_15_MIN_MS * np.arange(len(number), dtype=np.int64)
    return Quarters(first_ms, number, calendar.local_columns(times), warm_up_days * PER_DAY)
