"""Where weather comes from: a shipped measured year, the generator, or a user's file."""

from difflib import get_close_matches

import numpy as np

import data
from data.arrays import I64
from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.units import MS_PER_DAY
from environment.weather.records import STEP_15_MIN_MS, Place, Weather, WeatherError
from environment.weather.resample import means_of_instants

_YEAR = 2019
_FILE_ENDINGS = (".epw", ".csv")


def weather_for(place: Place, calendar: Calendar, timeline: Timeline, chance: Chance) -> Weather:
    """The true weather of a place over a timeline.

    ``place.weather`` chooses: ``nsrdb-2019`` (measured in 2019, shipped for four cities, the date mapped by month and day),
    ``generated`` (``environment.weather.generated``), or a path to an .epw, TMY3 .csv or plain .csv file (``files``).

    Raises:
        WeatherError: unknown source, unknown city or a file that cannot be used.
    """
    if place.weather == "nsrdb-2019":
        weather = shipped(place.city, calendar, timeline)
    elif place.weather == "generated":
        from environment.weather.generated import generated

        weather = generated(place, calendar, timeline, chance)
    elif place.weather.lower().endswith(_FILE_ENDINGS):
        from environment.weather.files import from_file

        weather = from_file(place, calendar, timeline)
    else:
        message = (
            f"weather {place.weather!r} is unknown; write nsrdb-2019, generated, or the path of an .epw or .csv file"
        )
        raise WeatherError(message)
    return scaled(weather, place.irradiance_scale)


def scaled(weather: Weather, irradiance_scale: float) -> Weather:
    """The same weather with all irradiance multiplied (the shipped years are 8-17 % low)."""
    if irradiance_scale == 1.0:
        return weather
    return weather._replace(
        ghi_wm2=weather.ghi_wm2 * irradiance_scale,
        dni_wm2=weather.dni_wm2 * irradiance_scale,
        dhi_wm2=weather.dhi_wm2 * irradiance_scale,
    )


def cities() -> tuple[str, ...]:
    """Cities with a shipped year, in lower case."""
    return tuple(
        sorted(f.name.removesuffix("_2019.parquet") for f in data.path("profiles", "weather").glob("*.parquet"))
    )


def data_files(place: Place) -> tuple[str, ...]:
    """Names (below ``data/``) of the shipped files that ``weather_for`` reads, for their notices."""
    return (_file(place.city),) if place.weather == "nsrdb-2019" else ()


def shipped(city: str, calendar: Calendar, timeline: Timeline) -> Weather:
    """Means per step of the year measured in 2019 at a shipped city.

    The files hold instants every 15 minutes in UTC. An instant is mapped to 2019 by month and day in UTC, 29 February to 28.
    At new year the end of 2019 meets its beginning: a jump of a few kelvin at one midnight.
    """
    columns = data.read_parquet_columns(_file(city)).values
    first, nodes = nodes_15_min(calendar, timeline)
    rows = year_rows(nodes, STEP_15_MIN_MS)
    series = np.stack([columns[name][rows].astype(np.float64) for name in Weather._fields])
    return Weather(*means_of_instants(series, first, STEP_15_MIN_MS, timeline))


def nodes_15_min(calendar: Calendar, timeline: Timeline) -> tuple[int, I64]:
    """Quarter hours of UTC that enclose a timeline: (instant of the first [ms], all of them in Unix milliseconds)."""
    begins = round(calendar.begins.timestamp() * 1000)
    low = (begins + timeline.start_ms) // STEP_15_MIN_MS
    high = -((-begins - timeline.end_ms) // STEP_15_MIN_MS)
    nodes = np.arange(low, high + 1, dtype=np.int64) * STEP_15_MIN_MS
    return int(nodes[0]) - begins, nodes


def year_rows(unix_ms: I64, step_ms: int) -> I64:
    """Row of a 365-day series with the given step that begins 1 January 00:00, for each instant, by month and day."""
    days = unix_ms // MS_PER_DAY
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    month = months.astype(np.int64) % 12
    day = (dates - months.astype("datetime64[D]")).astype(np.int64)
    day = np.where((month == 1) & (day == 28), 27, day)
    firsts = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
    in_day = (unix_ms - days * MS_PER_DAY) // step_ms
    return np.asarray((firsts[month] + day) * (MS_PER_DAY // step_ms) + in_day, np.int64)


def _file(city: str) -> str:
    known = cities()
    name = city.lower()
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0].title()}? " if close else ""
        message = (
            f"no measured weather is shipped for {city!r}: {hint}there is {', '.join(c.title() for c in known)}; "
            "or write weather: generated, or name an .epw or .csv file"
        )
        raise WeatherError(message)
    return f"profiles/weather/{name}_{_YEAR}.parquet"
