from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import data
from environment.calendar import Calendar, Timeline
from environment.weather.records import Site, Weather, WeatherError
from environment.weather.sources import cities, data_files, nodes_15_min, shipped, weather_for, year_rows


def test_the_year_2019_is_the_mean_of_the_two_ends_of_each_step(rome, chance):
    calendar = Calendar(datetime(2019, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))
    weather = weather_for(rome, calendar, Timeline(0, 900_000, 35_000), chance)
    raw = data.read_parquet_columns("profiles/weather/rome_2019.parquet").values
    for name, got in weather._asdict().items():
        np.testing.assert_allclose(got, 0.5 * (raw[name][:35_000] + raw[name][1:35_001]), atol=1e-12)


def test_dates_are_mapped_by_month_and_day_whatever_the_year(rome, chance, timeline):
    def of(year):
        zone = ZoneInfo("Europe/Rome")
        return weather_for(rome, Calendar(datetime(year, 1, 18, 12, tzinfo=zone), zone), timeline, chance)

    assert all((a == b).all() for a, b in zip(of(2016), of(2023), strict=True))


def test_29_february_is_28_february():
    days = [
        datetime(2016, 2, 28, 6, tzinfo=UTC),
        datetime(2016, 2, 29, 6, tzinfo=UTC),
        datetime(2016, 3, 1, tzinfo=UTC),
    ]
    unix = np.array([round(d.timestamp() * 1000) for d in days])
    assert year_rows(unix, 900_000).tolist() == [58 * 96 + 24, 58 * 96 + 24, 59 * 96]


def test_the_last_quarter_of_a_year_is_the_last_row():
    unix = np.array([round(datetime(2020, 12, 31, 23, 45, tzinfo=UTC).timestamp() * 1000)])
    assert year_rows(unix, 900_000).tolist() == [35_039]


def test_nodes_enclose_a_crooked_timeline(calendar):
    first, nodes = nodes_15_min(calendar, Timeline(-1, 700_000, 3))
    assert first == -900_000
    assert len(nodes) == 5  # -15 min to 45 min cover -1 ms to 34 min 59.999 s


@pytest.mark.parametrize("step_ms", [60_000, 300_000, 3_600_000])
def test_other_steps_have_the_same_daily_means(rome, calendar, chance, step_ms):
    fine = weather_for(rome, calendar, Timeline(0, 900_000, 96), chance)
    other = weather_for(rome, calendar, Timeline(0, step_ms, 86_400_000 // step_ms), chance)
    for a, b in zip(fine, other, strict=True):
        assert a.mean() == pytest.approx(b.mean(), rel=1e-9, abs=1e-9)


def test_irradiance_scale_touches_irradiance_only(rome, calendar, timeline, chance):
    plain = weather_for(rome, calendar, timeline, chance)
    more = weather_for(Site("Rome", 41.89, 12.5, 49.0, irradiance_scale=1.1), calendar, timeline, chance)
    np.testing.assert_allclose(more.ghi_wm2, 1.1 * plain.ghi_wm2)
    np.testing.assert_allclose(more.dni_wm2, 1.1 * plain.dni_wm2)
    assert (more.temp_c == plain.temp_c).all()
    assert (more.wind_ms == plain.wind_ms).all()


def test_all_fields_have_the_length_of_the_timeline(calendar, timeline):
    for city in cities():
        weather = shipped(city, calendar, timeline)
        assert [len(column) for column in weather] == [timeline.n] * len(Weather._fields)
        assert np.isfinite(np.stack(weather)).all()


def test_an_unknown_city_names_the_near_one(calendar, timeline, chance):
    with pytest.raises(WeatherError, match=r"'Rom'.*did you mean Rome\? there is Malaga, Paris, Rome, Stockholm"):
        weather_for(Site("Rom", 41.9, 12.5), calendar, timeline, chance)


def test_an_unknown_source_names_the_known_ones(calendar, timeline, chance):
    with pytest.raises(WeatherError, match=r"'tmy'.*nsrdb-2019, generated"):
        weather_for(Site("Rome", 41.9, 12.5, weather="tmy"), calendar, timeline, chance)


def test_the_files_read_carry_a_notice(rome):
    assert "National Solar Radiation Database" in data.notices(data_files(rome))[0]
    assert data_files(Site("Rome", 41.9, 12.5, weather="generated")) == ()
