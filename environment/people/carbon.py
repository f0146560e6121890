"""Carbon intensity of a country's generation: means of 2019 by month and local hour.

Average, not marginal; production-based, life cycle (IPCC AR5 medians), without imports. Say so where the figure is shown.
"""

import numpy as np

import data
from data.arrays import F64
from environment.calendar import Calendar, Timeline

FILE = "profiles/co2_month_hour.parquet"
COUNTRIES = ("IT", "SE", "ES", "FR")


def carbon_g_per_kwh(country: str, calendar: Calendar, timeline: Timeline) -> F64:
    """Average carbon intensity of each step [g/kWh], shape (T,); a step has the value of the hour it starts in.

    Raises:
        ValueError: a country without a table.
    """
    if country not in COUNTRIES:
        message = f"no carbon intensity of country {country!r}; there is {', '.join(COUNTRIES)}"
        raise ValueError(message)
    table = data.read_parquet_columns(FILE, [country.lower()]).values[country.lower()].reshape(12, 24)
    local = calendar.local_columns(timeline.starts_ms)
    return np.asarray(table[local.month - 1, np.floor(local.hour).astype(np.int64)])
