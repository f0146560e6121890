"""Measured shapes of SimBench: loads that are not simulated homes (shops, farms, whole grids behind a substation) and plants.

The profiles are quarter-hour means of the year 2016, per unit of the peak. Other years pair by weekday: each local day takes the
day of 2016 with the same weekday that is nearest in the calendar. Source: Meinecke et al. 2020, doi 10.3390/en13123290; ODbL 1.0.
"""

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

import data
from environment.calendar import Calendar, Timeline
from environment.units import MS_PER_DAY
from environment.weather.records import F64, STEP_15_MIN_MS
from environment.weather.resample import means_of_means

FILE = "profiles/simbench_2016.parquet"
_FIRST_UNIX_MS = 1_451_602_800_000  # 2015-12-31T23:00Z
_ROWS = 35_136


def profiles(columns: Sequence[str], calendar: Calendar, timeline: Timeline) -> F64:
    """Step means of named columns, per unit of the peak, shape (len(columns), T).

    Args:
        columns: as ``H0-A_pload``, ``G4-M_qload`` (loads) or ``PV5_pres``, ``WP4_pres`` (plants).
        calendar: when.
        timeline: steps.

    Raises:
        ValueError: unknown column, with the nearest known one.
    """
    _refuse_unknown(columns)
    values = data.read_parquet_columns(FILE, dict.fromkeys(columns)).values
    first_ms, rows = _rows(calendar, timeline)
    series = np.stack([values[name][rows] for name in columns]) if len(columns) else np.empty((0, len(rows)))
    return means_of_means(series, first_ms, STEP_15_MIN_MS, timeline)


def load_names() -> tuple[str, ...]:
    """Names of the load profiles; each has the columns ``<name>_pload`` and ``<name>_qload``."""
    return tuple(c.removesuffix("_pload") for c in data.column_names(FILE) if c.endswith("_pload"))


def plant_names() -> tuple[str, ...]:
    """Names of the plant profiles; each has the column ``<name>_pres``."""
    return tuple(c.removesuffix("_pres") for c in data.column_names(FILE) if c.endswith("_pres"))


def _refuse_unknown(columns: Sequence[str]) -> None:
    known = data.column_names(FILE)
    for column in columns:
        if column not in known:
            close = get_close_matches(column, known, n=3)
            message = f"no SimBench profile {column!r} is shipped; " + (
                f"did you mean {', '.join(close)}?" if close else ""
            )
            raise ValueError(message)


def _rows(calendar: Calendar, timeline: Timeline) -> tuple[int, NDArray[np.int64]]:
    """Instant of the first quarter hour that is needed, and the row of each one: same weekday, nearest day, same clock."""
    begins = round(calendar.begins.timestamp() * 1000)
    low = (begins + timeline.start_ms) // STEP_15_MIN_MS
    high = -((-begins - timeline.end_ms) // STEP_15_MIN_MS)
    unix_ms = np.arange(low, high, dtype=np.int64) * STEP_15_MIN_MS
    shifted = unix_ms + _days_to_2016(calendar, unix_ms - begins) * MS_PER_DAY
    rows = (shifted - _FIRST_UNIX_MS) // STEP_15_MIN_MS
    return int(unix_ms[0]) - begins, np.where(rows < 0, rows + 7 * 96, np.where(rows >= _ROWS, rows - 7 * 96, rows))


def _days_to_2016(calendar: Calendar, times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole days to add to each instant: a multiple of seven, to the nearest day of year within 2016."""
    local = calendar.local_columns(times_ms)
    new_year_2016 = 16_801  # days from 1970-01-01
    off = new_year_2016 + local.day_of_year - 1 - local.day
    return 7 * np.round(off / 7.0).astype(np.int64)
