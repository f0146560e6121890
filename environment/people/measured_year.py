"""A measured year lived again in any year: each local day takes the day of the measured year with the same weekday, nearest in it."""

from typing import NamedTuple

import numpy as np

from data.arrays import I64
from environment.calendar import Calendar, Timeline
from environment.units import MS_PER_DAY


class MeasuredYear(NamedTuple):
    """A regular series over one year.

    Attributes:
        first_unix_ms: instant of its first row.
        step_ms: length of a row.
        rows: how many.
        new_year_day: local 1 January of the measured year, days since 1970.
    """

    first_unix_ms: int
    step_ms: int
    rows: int
    new_year_day: int


def paired_rows(year: MeasuredYear, calendar: Calendar, timeline: Timeline) -> tuple[int, I64]:
    """Rows that enclose a timeline: instant of the first [ms] and the row of each, same weekday, nearest day, same clock."""
    begins = round(calendar.begins.timestamp() * 1000)
    low = (begins + timeline.start_ms) // year.step_ms
    high = -((-begins - timeline.end_ms) // year.step_ms)
    unix_ms = np.arange(low, high, dtype=np.int64) * year.step_ms
    local = calendar.local_columns(unix_ms - begins)
    days = 7 * np.round((year.new_year_day + local.day_of_year - 1 - local.day) / 7.0).astype(np.int64)
    rows = (unix_ms + days * MS_PER_DAY - year.first_unix_ms) // year.step_ms
    week = 7 * (MS_PER_DAY // year.step_ms)
    return int(unix_ms[0]) - begins, np.where(rows < 0, rows + week, np.where(rows >= year.rows, rows - week, rows))
