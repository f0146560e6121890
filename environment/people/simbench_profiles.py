"""Measured shapes of SimBench: loads that are not simulated homes (shops, farms, whole grids behind a substation) and plants.

The profiles are quarter-hour means of the year 2016, per unit of the peak; other years are paired by weekday. Source: Meinecke et al. 2020, doi 10.3390/en13123290; ODbL 1.0.
"""

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np

import data
from data.arrays import F64
from environment.calendar import Calendar, Timeline
from environment.people.measured_year import MeasuredYear, paired_rows
from environment.weather.records import STEP_15_MIN_MS
from environment.weather.resample import means_of_means

FILE = "profiles/simbench_2016.parquet"
_YEAR = MeasuredYear(first_unix_ms=1_451_602_800_000, step_ms=STEP_15_MIN_MS, rows=35_136, new_year_day=16_801)


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
    first_ms, rows = paired_rows(_YEAR, calendar, timeline)
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
