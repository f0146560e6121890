"""Weather from a user's file: EPW, TMY3, or a plain CSV. Anything wrong is refused with the file, the row or column, and the way out.

A plain CSV has a header and these columns, in any order; values are means over the interval that begins at ``time``:

    time       ISO 8601 with offset or Z, regular, e.g. 2016-01-18T12:00+01:00
    temp_c     air temperature [degC]
    ghi_wm2    global horizontal irradiance [W/m2]
    dni_wm2    direct normal irradiance [W/m2]
    dhi_wm2    diffuse horizontal irradiance [W/m2]
    wind_ms    wind speed [m/s]

It covers the run, or exactly one year (365 or 366 days from 1 January, UTC or the file's offset), which is then mapped by month and
day, as EPW and TMY3 files are. Irradiance is kept as a staircase of means; temperature and wind are joined by straight lines.
"""

import csv
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from data.arrays import F64
from environment.units import MS_PER_DAY, MS_PER_H
from environment.weather.records import Place, WeatherError

_RANGES: Final = {
    "temp_c": (-60.0, 60.0, "degC"),
    "ghi_wm2": (0.0, 1600.0, "W/m2"),
    "dni_wm2": (0.0, 1400.0, "W/m2"),
    "dhi_wm2": (0.0, 900.0, "W/m2"),
    "wind_ms": (0.0, 60.0, "m/s"),
}
_EPW_HEADER_ROWS = 8
_EPW_COLUMNS = {"temp_c": 6, "ghi_wm2": 13, "dni_wm2": 14, "dhi_wm2": 15, "wind_ms": 21}
_EPW_MISSING = {"temp_c": 99.9, "ghi_wm2": 9999.0, "dni_wm2": 9999.0, "dhi_wm2": 9999.0, "wind_ms": 999.0}
_TMY3_COLUMNS = {
    "temp_c": "Dry-bulb (C)",
    "ghi_wm2": "GHI (W/m^2)",
    "dni_wm2": "DNI (W/m^2)",
    "dhi_wm2": "DHI (W/m^2)",
    "wind_ms": "Wspd (m/s)",
}
_HOURS_OF_YEAR = 8760
_FAR_DEG = 2.0


class Series(NamedTuple):
    """A file's content.

    Attributes:
        first: begin of the first interval.
        step_ms: length of an interval.
        columns: value of each interval by name.
        typical: a year without a year of its own, mapped by month and day.
        at_end: temperature and wind were read at the end of the interval (EPW, TMY3), not averaged over it.
    """

    first: datetime
    step_ms: int
    columns: dict[str, F64]
    typical: bool
    at_end: bool = False


def read(path: Path, place: Place | None = None) -> Series:
    """A weather file; where it says its coordinates they must be near the place's."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise WeatherError(message) from error
    rows = list(csv.reader(text.splitlines()))
    if not rows:
        message = f"{path}: is empty"
        raise WeatherError(message)
    if path.suffix.lower() == ".epw":
        series = _epw(path, rows, place)
    elif any(cell.startswith("GHI (") for cell in (rows[1] if len(rows) > 1 else [])):
        series = _tmy3(path, rows, place)
    else:
        series = _plain(path, rows)
    _check_values(path, series)
    return series


def _epw(path: Path, rows: list[list[str]], place: Place | None) -> Series:
    location = rows[0]
    if location[0] != "LOCATION" or len(location) < 10:
        message = f"{path}: row 1 is no EPW header (LOCATION, city, ..., latitude, longitude, time zone, elevation)"
        raise WeatherError(message)
    latitude, longitude, zone_h = (_number(path, 1, i + 1, location[i]) for i in (6, 7, 8))
    _check_place(path, latitude, longitude, place)
    body = _year_of(path, rows, _EPW_HEADER_ROWS)
    columns = {}
    for name, position in _EPW_COLUMNS.items():
        columns[name] = _column(path, body, position, _EPW_HEADER_ROWS, name, _EPW_MISSING[name])
    return _typical(columns, zone_h)


def _tmy3(path: Path, rows: list[list[str]], place: Place | None) -> Series:
    site, header = rows[0], rows[1]
    if len(site) < 7:
        message = f"{path}: row 1 is no TMY3 header (site, name, state, time zone, latitude, longitude, elevation)"
        raise WeatherError(message)
    zone_h, latitude, longitude = (_number(path, 1, i + 1, site[i]) for i in (3, 4, 5))
    _check_place(path, latitude, longitude, place)
    body = _year_of(path, rows, 2)
    columns = {}
    for name, title in _TMY3_COLUMNS.items():
        if title not in header:
            message = f"{path}: row 2 has no column {title!r}"
            raise WeatherError(message)
        columns[name] = _column(path, body, header.index(title), 2, name, -9900.0)
    return _typical(columns, zone_h)


def _typical(columns: dict[str, F64], zone_h: float) -> Series:
    return Series(
        datetime(2019, 1, 1, tzinfo=timezone(timedelta(hours=zone_h))), MS_PER_H, columns, typical=True, at_end=True
    )


def _year_of(path: Path, rows: list[list[str]], header: int) -> list[list[str]]:
    """Rows of 8760 hours; 29 February of a leap year is left out."""
    body = [row for row in rows[header:] if row]
    if len(body) == _HOURS_OF_YEAR + 24:
        leap_day = slice(24 * 59, 24 * 60)
        del body[leap_day]
    if len(body) != _HOURS_OF_YEAR:
        message = f"{path}: {len(body)} rows of data, an hourly year has {_HOURS_OF_YEAR}"
        raise WeatherError(message)
    return body


def _plain(path: Path, rows: list[list[str]]) -> Series:
    header = [cell.strip() for cell in rows[0]]
    _check_header(path, header)
    body = [row for row in rows[1:] if row]
    if len(body) < 2:
        message = f"{path}: {len(body)} rows of data, at least two are needed to know the step"
        raise WeatherError(message)
    times = [_time(path, number, row[header.index("time")]) for number, row in enumerate(body, start=2)]
    step_ms = _regular_step(path, times)
    columns = {name: _column(path, body, header.index(name), 1, name) for name in _RANGES}
    return _whole_year(Series(times[0], step_ms, columns, typical=False))


def _whole_year(series: Series) -> Series:
    """Series of exactly one year become typical years of 365 days; the leap day is left out."""
    first, per_day = series.first, MS_PER_DAY // series.step_ms
    days = len(series.columns["temp_c"]) / per_day
    leap = (first + timedelta(days=59)).day == 29
    if (first.month, first.day, first.hour, first.minute) != (1, 1, 0, 0) or days != (366 if leap else 365):
        return series
    leap_day = slice(59 * per_day, 60 * per_day) if leap else slice(0, 0)
    columns = {name: np.delete(values, leap_day) for name, values in series.columns.items()}
    return series._replace(columns=columns, typical=True)


def _check_header(path: Path, header: Sequence[str]) -> None:
    """Every needed column, under its name; a name with another unit says so."""
    for name in ("time", *_RANGES):
        if name in header:
            continue
        stem = name.split("_")[0]
        other = [cell for cell in header if cell.split("_")[0].lower() == stem]
        near = other or get_close_matches(name, header, n=1)
        unit = f" in {_RANGES[name][2]}" if name in _RANGES else ""
        hint = f"; {near[0]!r} must be converted and named {name!r}" if near else ""
        message = f"{path}: no column {name!r}{unit}{hint}; the columns are {', '.join(header)}"
        raise WeatherError(message)


def _time(path: Path, row: int, text: str) -> datetime:
    try:
        read_time = datetime.fromisoformat(text.strip())
    except ValueError as error:
        message = f"{path}: row {row}: {text!r} is no time; write 2016-01-18T12:00+01:00"
        raise WeatherError(message) from error
    if read_time.tzinfo is None:
        message = f"{path}: row {row}: {text!r} has no offset; write {text.strip()}Z or {text.strip()}+01:00"
        raise WeatherError(message)
    return read_time


def _regular_step(path: Path, times: Sequence[datetime]) -> int:
    unix_ms = np.array([round(t.timestamp() * 1000) for t in times], np.int64)
    steps = np.diff(unix_ms)
    odd = np.flatnonzero(steps != steps[0])
    if len(odd) or steps[0] <= 0:
        row = int(odd[0]) + 3 if len(odd) else 3
        wanted, found = timedelta(milliseconds=int(steps[0])), timedelta(milliseconds=int(steps[row - 3]))
        message = f"{path}: row {row}: the time is {found} after the row above, the step is {wanted}: gap, repetition or disorder"
        raise WeatherError(message)
    return int(steps[0])


def _column(
    path: Path, body: list[list[str]], position: int, above: int, name: str, missing: float | None = None
) -> F64:
    values = np.empty(len(body))
    for i, row in enumerate(body):
        if position >= len(row):
            message = f"{path}: row {i + above + 1} has {len(row)} columns, {name} is column {position + 1}"
            raise WeatherError(message)
        values[i] = _number(path, i + above + 1, position + 1, row[position], name)
    empty = np.flatnonzero(values == missing) if missing is not None else np.empty(0, np.int64)
    if len(empty):
        message = (
            f"{path}: row {empty[0] + above + 1}, column {position + 1} ({name}): {missing:g} marks a missing value"
        )
        raise WeatherError(message)
    return values


def _number(path: Path, row: int, column: int, text: str, name: str = "") -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        of = f" ({name})" if name else ""
        message = f"{path}: row {row}, column {column}{of}: {text!r} is no number"
        raise WeatherError(message)
    return value


def _check_place(path: Path, latitude: float, longitude: float, place: Place | None) -> None:
    if place is None:
        return
    if abs(latitude - place.latitude) > _FAR_DEG or abs(longitude - place.longitude) > _FAR_DEG:
        message = (
            f"{path}: is for {latitude:g} N {longitude:g} E, the place {place.city} lies at {place.latitude:g} N "
            f"{place.longitude:g} E; set latitude and longitude of the place or take another file"
        )
        raise WeatherError(message)


def _check_values(path: Path, series: Series) -> None:
    """Refuses what the unit cannot be."""
    for name, (low, high, unit) in _RANGES.items():
        values = series.columns[name]
        bad = np.flatnonzero((values < low) | (values > high))
        if len(bad):
            message = f"{path}: data row {bad[0] + 1}: {name} = {values[bad[0]]:g}, expected {low:g} to {high:g} {unit}: wrong unit?"
            raise WeatherError(message)
    ghi = series.columns["ghi_wm2"]
    if len(ghi) * series.step_ms >= MS_PER_DAY and 0.0 < ghi.max() < 5.0:
        message = f"{path}: ghi_wm2 is at most {ghi.max():g}: kW/m2 instead of W/m2?"
        raise WeatherError(message)
