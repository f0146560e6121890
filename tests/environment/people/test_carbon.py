from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from environment.calendar import Calendar, Timeline
from environment.people.carbon import COUNTRIES, carbon_g_per_kwh

ZONE = ZoneInfo("Europe/Rome")
CALENDAR = Calendar(datetime(2016, 1, 1, tzinfo=ZONE), ZONE)
YEAR = Timeline(0, 900_000, 366 * 96)
MEANS = {"IT": 357, "SE": 29, "ES": 216, "FR": 55}


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_mean_of_a_year_is_the_country_s(country):
    got = carbon_g_per_kwh(country, CALENDAR, YEAR)
    assert got.shape == (YEAR.n,)
    assert got.mean() == pytest.approx(MEANS[country], rel=0.03)


def test_the_same_local_hour_of_a_month_has_the_same_value():
    got = carbon_g_per_kwh("IT", CALENDAR, YEAR)
    local = CALENDAR.local_columns(YEAR.starts_ms)
    july_noon = (local.month == 7) & (np.floor(local.hour) == 12)
    assert len(np.unique(got[july_noon])) == 1
    assert len(np.unique(got)) > 200


def test_an_unknown_country_is_refused():
    with pytest.raises(ValueError, match="country 'DE'; there is IT, SE, ES, FR"):
        carbon_g_per_kwh("DE", CALENDAR, YEAR)
