"""Wind plants: available power from measured shapes. The wind of the shipped weather is too near the ground for turbines."""

from data.arrays import F64
from environment.calendar import Calendar, Timeline
from environment.people.simbench_profiles import profiles

SITES = ("WP4", "WP7", "WP10")


def wind_available_kw_per_kw(site: str, calendar: Calendar, timeline: Timeline) -> F64:
    """Available power per kW installed at a SimBench wind site (``SITES``), shape (T,), in [0, 1].

    2 500 to 2 900 full-load hours a year (Germany). The shape follows the calendar, not the weather of the place.
    """
    available: F64 = profiles([f"{site}_pres"], calendar, timeline)[0]
    return available
