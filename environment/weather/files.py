"""Weather from a user's file over a run: periods matched, intervals averaged. The formats are in ``file_formats``."""

from datetime import UTC, timedelta
from pathlib import Path

import numpy as np

from data.arrays import F64, I64
from environment.calendar import Calendar, Timeline
from environment.weather.file_formats import Series, read
from environment.weather.records import Place, Weather, WeatherError
from environment.weather.resample import means_of_instants, means_of_means
from environment.weather.sources import year_rows


def from_file(place: Place, calendar: Calendar, timeline: Timeline) -> Weather:
    """Means per step from the file that ``place.weather`` names.

    Raises:
        WeatherError: the file is missing, unreadable, incomplete, implausible, of another place or another time.
    """
    series = read(Path(place.weather), place)
    return _cover(Path(place.weather), series, calendar, timeline)


def _cover(path: Path, series: Series, calendar: Calendar, timeline: Timeline) -> Weather:
    """Step means of a file over a timeline."""
    begins = round(calendar.begins.timestamp() * 1000)
    origin = round(series.first.timestamp() * 1000)
    if not series.typical:
        _check_cover(path, series, calendar, timeline)
        return _means(series, series.columns, origin - begins, timeline)
    # A typical year on the clock of its own standard time: rows by month and day, from one interval before to one after the run.
    offset = series.first.utcoffset() or timedelta(0)
    offset_ms = round(offset / timedelta(milliseconds=1))
    low = (begins + timeline.start_ms + offset_ms) // series.step_ms - 1
    high = -((-begins - timeline.end_ms - offset_ms) // series.step_ms) + 1
    local_ms = np.arange(low, high, dtype=np.int64) * series.step_ms
    rows: I64 = year_rows(local_ms, series.step_ms)
    columns = {name: values[rows] for name, values in series.columns.items()}
    return _means(series, columns, int(local_ms[0]) - offset_ms - begins, timeline)


def _check_cover(path: Path, series: Series, calendar: Calendar, timeline: Timeline) -> None:
    end = series.first + timedelta(milliseconds=series.step_ms * len(series.columns["temp_c"]))
    wanted = [calendar.local(t) for t in (timeline.start_ms, timeline.end_ms)]
    if series.first > wanted[0] or end < wanted[1]:
        message = (
            f"{path}: covers {series.first.astimezone(UTC):%Y-%m-%d %H:%M}Z to {end.astimezone(UTC):%Y-%m-%d %H:%M}Z, the run with its "
            f"history needs {wanted[0].astimezone(UTC):%Y-%m-%d %H:%M}Z to {wanted[1].astimezone(UTC):%Y-%m-%d %H:%M}Z"
        )
        raise WeatherError(message)


def _means(series: Series, columns: dict[str, F64], first_ms: int, timeline: Timeline) -> Weather:
    step_ms = series.step_ms
    point_ms = first_ms if series.at_end else first_ms - step_ms // 2
    light = {
        name: means_of_means(columns[name], first_ms, step_ms, timeline) for name in ("ghi_wm2", "dni_wm2", "dhi_wm2")
    }
    smooth = {}
    for name in ("temp_c", "wind_ms"):
        # Points stand at the end or in the middle of their interval; the outermost values are held.
        nodes = np.concatenate([columns[name][:1], columns[name], columns[name][-1:]])
        smooth[name] = means_of_instants(nodes, point_ms, step_ms, timeline)
    return Weather(**light, **smooth)
