"""Day-ahead prices of 2018 in four zones, lived again in any year by weekday. Source: Bundesnetzagentur | SMARD.de, CC BY 4.0.

Calm prices from before the crisis. The weather of the shipped years is 2019: results about how price and weather move together
cannot be had from these files.
"""

import data
from data.arrays import F64
from environment.calendar import Calendar, Timeline
from environment.people.measured_year import MeasuredYear, paired_rows
from environment.units import MS_PER_H
from environment.weather.resample import means_of_means

FILE = "profiles/prices/dayahead_2018.parquet"
ZONES = ("fr", "it_north", "se4", "de")
_YEAR = MeasuredYear(first_unix_ms=1_514_761_200_000, step_ms=MS_PER_H, rows=8_760, new_year_day=17_532)


def day_ahead_eur_per_kwh(zone: str, calendar: Calendar, timeline: Timeline) -> F64:
    """Price of each step [EUR/kWh], shape (T,).

    Raises:
        ValueError: a zone that is not shipped (there is none for Spain).
    """
    if zone not in ZONES:
        message = f"no day-ahead prices of zone {zone!r}; there is {', '.join(ZONES)}"
        raise ValueError(message)
    first_ms, rows = paired_rows(_YEAR, calendar, timeline)
    series = data.read_parquet_columns(FILE, [zone]).values[zone][rows]
    return means_of_means(series, first_ms, MS_PER_H, timeline) / 1000.0
