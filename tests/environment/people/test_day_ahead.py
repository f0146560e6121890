from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import data
from environment.calendar import Calendar, Timeline
from environment.people.day_ahead import FILE, ZONES, day_ahead_eur_per_kwh

ZONE = ZoneInfo("Europe/Rome")


@pytest.mark.parametrize("zone", ZONES)
def test_the_year_2018_is_the_file_itself(zone):
    calendar = Calendar(datetime(2018, 1, 1, tzinfo=ZONE), ZONE)
    got = day_ahead_eur_per_kwh(zone, calendar, Timeline(0, 3_600_000, 8760))
    np.testing.assert_allclose(got, data.read_parquet_columns(FILE, [zone]).values[zone] / 1000.0)


def test_2019_takes_the_next_day_of_2018():
    """2019 began on a Tuesday, 2018 on a Monday: day d takes day d + 1."""
    of_2018 = Calendar(datetime(2018, 1, 2, tzinfo=ZONE), ZONE)
    of_2019 = Calendar(datetime(2019, 1, 1, tzinfo=ZONE), ZONE)
    month = Timeline(0, 900_000, 31 * 96)
    assert (day_ahead_eur_per_kwh("fr", of_2019, month) == day_ahead_eur_per_kwh("fr", of_2018, month)).all()


def test_quarter_hours_share_their_hour():
    calendar = Calendar(datetime(2016, 1, 19, tzinfo=ZONE), ZONE)
    got = day_ahead_eur_per_kwh("it_north", calendar, Timeline(0, 900_000, 96)).reshape(24, 4)
    assert (got == got[:, :1]).all()
    assert 0.02 < got.mean() < 0.12


def test_spain_has_none():
    calendar = Calendar(datetime(2018, 1, 1, tzinfo=ZONE), ZONE)
    with pytest.raises(ValueError, match="zone 'es'; there is fr, it_north, se4, de"):
        day_ahead_eur_per_kwh("es", calendar, Timeline(0, 900_000, 4))
