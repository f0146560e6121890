from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from pvlib import location

from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.weather.pv_yield import sun_for
from environment.weather.records import Site
from environment.weather.sources import weather_for

YEAR = Timeline(0, 900_000, 365 * 96)
CALENDAR = Calendar(datetime(2019, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))
PLACES = [("Rome", 41.89, 12.5), ("Stockholm", 59.33, 18.06), ("Paris", 48.85, 2.34), ("Malaga", 36.73, -4.42)]


def seasons(site, weather):
    """Clearness of each season: energy over clear-sky energy."""
    times = pd.to_datetime(1_546_300_800_000 + YEAR.starts_ms + 450_000, unit="ms", utc=True)
    clear = (
        location.Location(site.latitude, site.longitude, "UTC", site.altitude_m).get_clearsky(times)["ghi"].to_numpy()
    )
    season = np.array([0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0])[times.month - 1]
    return np.array([weather.ghi_wm2[season == s].sum() / clear[season == s].sum() for s in range(4)])


@pytest.mark.parametrize(("city", "latitude", "longitude"), PLACES)
def test_generated_years_resemble_the_measured_one(city, latitude, longitude):
    measured_at = Site(city, latitude, longitude, 40.0)
    site = Site(city, latitude, longitude, 40.0, weather="generated")
    measured = weather_for(measured_at, CALENDAR, YEAR, Chance(0))
    years = [weather_for(site, CALENDAR, YEAR, Chance(seed)) for seed in range(6)]
    wanted = seasons(site, measured)
    got = np.mean([seasons(site, year) for year in years], axis=0)
    np.testing.assert_allclose(got, wanted, atol=0.09)
    assert np.mean([y.temp_c.mean() for y in years]) == pytest.approx(measured.temp_c.mean(), abs=0.8)
    assert np.mean([y.temp_c.std() for y in years]) == pytest.approx(measured.temp_c.std(), rel=0.12)
    assert np.mean([y.wind_ms.mean() for y in years]) == pytest.approx(measured.wind_ms.mean(), rel=0.12)
    assert np.mean([y.dhi_wm2.sum() for y in years]) == pytest.approx(measured.dhi_wm2.sum(), rel=0.2)


def test_the_parts_of_irradiance_add_up_and_stay_physical():
    site = Site("Paris", 48.85, 2.34, 40.0, weather="generated")
    weather = weather_for(site, CALENDAR, YEAR, Chance(1))
    cosine = np.maximum(np.cos(np.radians(sun_for(site, CALENDAR, YEAR).zenith)), 0.0)
    lack = weather.ghi_wm2 - weather.dhi_wm2 - weather.dni_wm2 * cosine
    assert abs(lack.mean()) < 0.5
    assert (weather.dhi_wm2 >= 0.0).all()
    assert (weather.dni_wm2 >= 0.0).all()
    assert weather.dni_wm2.max() <= 1100.0
    assert weather.ghi_wm2.max() < 1300.0
    assert np.isfinite(np.stack(weather)).all()


def test_the_weather_of_an_instant_does_not_depend_on_how_the_timeline_is_cut():
    site = Site("Rome", 41.89, 12.5, 40.0, weather="generated")
    long = weather_for(site, CALENDAR, Timeline(0, 900_000, 96 * 6), Chance(1))
    short = weather_for(site, CALENDAR, Timeline(2 * 86_400_000, 900_000, 96), Chance(1))
    for a, b in zip(long, short, strict=True):
        np.testing.assert_allclose(a[192:288], b, atol=1e-9)


def test_seeds_and_places_differ_and_repeat():
    timeline = Timeline(150 * 86_400_000, 900_000, 96)

    def temp(city, seed):
        return weather_for(Site(city, 41.89, 12.5, weather="generated"), CALENDAR, timeline, Chance(seed)).temp_c

    assert (temp("Rome", 1) == temp("Rome", 1)).all()
    assert not (temp("Rome", 1) == temp("Rome", 2)).any()
    assert not (temp("Rome", 1) == temp("Frascati", 1)).any()


def test_an_unknown_place_takes_the_climate_of_the_nearest():
    malmo = Site("Malmo", 55.6, 13.0, 10.0, weather="generated")
    weather = weather_for(malmo, CALENDAR, YEAR, Chance(1))
    assert 5.0 < weather.temp_c.mean() < 10.0
