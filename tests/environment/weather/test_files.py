"""A user's weather file: what is read, and what is refused with which words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.weather.file_formats import read
from environment.weather.records import Site, WeatherError
from environment.weather.sources import weather_for

CALENDAR = Calendar(datetime(2016, 6, 20, 12, tzinfo=UTC), ZoneInfo("UTC"))
DAY = Timeline(0, 900_000, 96)
HEADER = "time,temp_c,ghi_wm2,dni_wm2,dhi_wm2,wind_ms"


def place(path):
    return Site("Rome", 41.89, 12.5, 49.0, weather=str(path))


def read_day(path, timeline=DAY):
    return weather_for(place(path), CALENDAR, timeline, Chance(0))


def plain(tmp_path, edit=lambda rows: rows, step_min=60, hours=30, header=HEADER):
    first = datetime(2016, 6, 20, 9, tzinfo=UTC)
    rows = []
    for k in range(hours * 60 // step_min):
        moment = first + timedelta(minutes=step_min * k)
        rows.append([moment.isoformat(), str(10 + k * step_min / 60), str(100 + k), "50", "60", "3"])
    path = tmp_path / "station.csv"
    path.write_text("\n".join([header, *(",".join(row) for row in edit(rows))]))
    return path


def epw(tmp_path, edit=lambda rows: rows, latitude="41.80", zone="1.0"):
    """An hour of the year in every column, so that the mapping shows."""
    head = [f"LOCATION,ROMA,-,ITA,IGDG,162420,{latitude},12.58,{zone},3.0", *["X"] * 7]
    rows = []
    moment = datetime(2001, 1, 1)  # noqa: DTZ001 the clock of a file without a year
    for hour in range(8760):
        now = moment + timedelta(hours=hour)
        row = ["1990", str(now.month), str(now.day), str(now.hour + 1), "60", "?", f"{hour / 400:.4f}", *["0"] * 28]
        row[13], row[14], row[15], row[21] = str(hour % 24), "5", "6", "7"
        rows.append(row)
    path = tmp_path / "station.epw"
    path.write_text("\n".join([*head, *(",".join(row) for row in edit(rows))]))
    return path


def tmy3(
    tmp_path,
    edit=lambda rows: rows,
    columns="Date (MM/DD/YYYY),Time (HH:MM),GHI (W/m^2),DNI (W/m^2),DHI (W/m^2),Dry-bulb (C),Wspd (m/s)",
):
    rows = [["01/01/1990", "01:00", str(hour % 24), "5", "6", f"{hour / 400:.4f}", "7"] for hour in range(8760)]
    path = tmp_path / "station.csv"
    head = ['722,"ROME",IT,1.0,41.8,12.6,3', columns]
    path.write_text("\n".join([*head, *(",".join(row) for row in edit(rows))]))
    return path


def replaced(row, column, value):
    def edit(rows):
        rows[row][column] = value
        return rows

    return edit


def test_plain_irradiance_is_a_staircase_and_temperature_a_line(tmp_path):
    weather = read_day(plain(tmp_path))
    assert weather.ghi_wm2[:5].tolist() == [103.0, 103.0, 103.0, 103.0, 104.0]
    # hour 12-13 has 13 degC at 12:30; 12:00-12:15 lies three eighths of an hour before
    assert weather.temp_c[0] == pytest.approx(13.0 - 0.375)
    assert np.diff(weather.temp_c) == pytest.approx(0.25)
    assert weather.wind_ms == pytest.approx(3.0)


def test_columns_in_any_order_and_other_offsets(tmp_path):
    def swap(rows):
        return [
            [r[5], r[1], r[2], r[3], r[4], datetime.fromisoformat(r[0]).astimezone(ZoneInfo("Europe/Rome")).isoformat()]
            for r in rows
        ]

    swapped = plain(tmp_path, swap, header="wind_ms,temp_c,ghi_wm2,dni_wm2,dhi_wm2,time")
    weather = read_day(swapped)
    assert weather.ghi_wm2[0] == 103.0
    assert weather.wind_ms[0] == pytest.approx(3.0)


def test_a_quarter_hour_file_is_taken_as_it_is(tmp_path):
    weather = read_day(plain(tmp_path, step_min=15))
    assert weather.ghi_wm2.tolist() == [112.0 + k for k in range(96)]


@pytest.mark.parametrize("make", [epw, tmy3])
def test_a_typical_year_is_mapped_by_month_and_day_on_its_own_clock(tmp_path, make):
    weather = read_day(make(tmp_path))
    hour_of_year = (31 + 28 + 31 + 30 + 31 + 19) * 24 + 13  # 20 June, 12:00 UTC is 13:00 at UTC+1
    assert weather.ghi_wm2[:5].tolist() == [13.0, 13.0, 13.0, 13.0, 14.0]
    # the temperature of the interval 13-14 was read at its end
    assert weather.temp_c[4] == pytest.approx((hour_of_year + 0.125) / 400.0, abs=1e-3)


def test_a_typical_year_wraps_at_new_year(tmp_path):
    calendar = Calendar(datetime(2016, 12, 31, 12, tzinfo=UTC), ZoneInfo("UTC"))
    weather = weather_for(place(epw(tmp_path)), calendar, DAY, Chance(0))
    assert weather.temp_c[0] > 21.0
    assert weather.temp_c[-1] < 1.0


def test_a_whole_year_of_plain_csv_is_typical(tmp_path):
    path = tmp_path / "year.csv"
    begin = datetime(2021, 1, 1, tzinfo=UTC)
    rows = [f"{(begin + timedelta(hours=h)).isoformat()},10,{h % 24},0,0,1" for h in range(8760)]
    path.write_text("\n".join([HEADER, *rows]))
    assert read_day(path).ghi_wm2[0] == 12.0


def test_the_leap_day_of_a_whole_year_is_left_out(tmp_path):
    path = tmp_path / "year.csv"
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    days = [(begin + timedelta(hours=h)) for h in range(8784)]
    path.write_text("\n".join([HEADER, *(f"{d.isoformat()},{d.month},0,0,{d.day},1" for d in days)]))
    series = read(path)
    assert len(series.columns["temp_c"]) == 8760
    assert series.columns["dhi_wm2"][59 * 24] == 1.0  # 1 March follows 28 February
    assert series.columns["temp_c"][59 * 24] == 3.0


REFUSED = [
    (lambda t: plain(t, replaced(3, 2, "nan")), r"station.csv: row 5, column 3 \(ghi_wm2\): 'nan' is no number"),
    (lambda t: plain(t, replaced(3, 1, "")), r"row 5, column 2 \(temp_c\): '' is no number"),
    (lambda t: plain(t, replaced(7, 5, "calm")), r"row 9, column 6 \(wind_ms\): 'calm' is no number"),
    (
        lambda t: plain(t, lambda r: r[:10] + r[11:]),
        r"row 12: the time is 2:00:00 after the row above, the step is 1:00:00: gap",
    ),
    (lambda t: plain(t, lambda r: r[:10] + r[9:]), r"row 12: the time is 0:00:00 after the row above"),
    (lambda t: plain(t, lambda r: r[::-1]), r"row 3: the time is -1 day"),
    (lambda t: plain(t, replaced(0, 0, "yesterday")), r"row 2: 'yesterday' is no time; write 2016-01-18T12:00"),
    (lambda t: plain(t, replaced(0, 0, "2016-06-20T09:00")), r"row 2: '2016-06-20T09:00' has no offset"),
    (lambda t: plain(t, replaced(2, 1, "285")), r"data row 3: temp_c = 285, expected -60 to 60 degC: wrong unit\?"),
    (lambda t: plain(t, replaced(2, 2, "-3")), r"data row 3: ghi_wm2 = -3, expected 0 to 1600 W/m2"),
    (
        lambda t: plain(t, lambda r: [[*x[:2], "0.6", *x[3:]] for x in r]),
        r"ghi_wm2 is at most 0.6: kW/m2 instead of W/m2\?",
    ),
    (
        lambda t: plain(t, header=HEADER.replace("temp_c", "temp_k")),
        r"no column 'temp_c' in degC; 'temp_k' must be converted and named 'temp_c'",
    ),
    (lambda t: plain(t, header=HEADER.replace("wind_ms", "gust")), r"no column 'wind_ms' in m/s; the columns are time"),
    (
        lambda t: plain(t, hours=20),
        r"covers 2016-06-20 09:00Z to 2016-06-21 05:00Z, the run with its history needs 2016-06-20 12:00Z to 2016-06-21 12:00Z",
    ),
    (lambda t: plain(t, lambda r: r[:1]), r"1 rows of data, at least two"),
    (
        lambda t: plain(t, replaced(4, 0, "2016-06-20T13:00:00+00:00,1") and (lambda r: [*r[:4], r[4][:3], *r[5:]])),
        r"row 6 has 3 columns, dni_wm2 is column 4",
    ),
    (lambda t: epw(t, lambda r: r[:-24]), r"station.epw: 8736 rows of data, an hourly year has 8760"),
    (lambda t: epw(t, replaced(99, 6, "99.9")), r"row 108, column 7 \(temp_c\): 99.9 marks a missing value"),
    (lambda t: epw(t, latitude="48.1"), r"is for 48.1 N 12.58 E, the place Rome lies at 41.89 N 12.5 E"),
    (lambda t: epw(t, latitude="north"), r"row 1, column 7: 'north' is no number"),
    (
        lambda t: tmy3(
            t, columns="Date (MM/DD/YYYY),Time (HH:MM),GHI (W/m^2),DNI (W/m^2),DHI (W/m^2),Dry-bulb (C),Gust"
        ),
        r"row 2 has no column 'Wspd \(m/s\)'",
    ),
    (lambda t: tmy3(t, replaced(5, 3, "-9900")), r"row 8, column 4 \(dni_wm2\): -9900 marks a missing value"),
]


@pytest.mark.parametrize(("make", "words"), REFUSED)
def test_what_is_wrong_is_named(tmp_path, make, words):
    with pytest.raises(WeatherError, match=words) as refusal:
        read_day(make(tmp_path))
    assert "station." in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_epw_without_header_an_empty_and_a_missing_file(tmp_path):
    bad = tmp_path / "x.epw"
    bad.write_text("1,2,3\n")
    with pytest.raises(WeatherError, match="row 1 is no EPW header"):
        read_day(bad)
    bad.write_text("")
    with pytest.raises(WeatherError, match="is empty"):
        read_day(bad)
    with pytest.raises(WeatherError, match=r"nowhere\.epw: cannot be read \(No such file"):
        read_day(tmp_path / "nowhere.epw")
    short = tmp_path / "short.csv"
    short.write_text("1,2\nDate (MM/DD/YYYY),Time (HH:MM),GHI (W/m^2)\n")
    with pytest.raises(WeatherError, match="row 1 is no TMY3 header"):
        read_day(short)


def test_an_hourly_leap_year_loses_its_leap_day(tmp_path):
    def leap(rows):
        day = [list(row) for row in rows[:24]]
        for row in day:
            row[13] = "999"
        return rows[: 59 * 24] + day + rows[59 * 24 :]

    path = epw(tmp_path, leap)
    assert read(path).columns["ghi_wm2"].max() == 23.0
    assert len(read(path).columns["ghi_wm2"]) == 8760
