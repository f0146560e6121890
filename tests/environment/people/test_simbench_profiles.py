from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import data
from environment.calendar import Calendar, Timeline
from environment.grid.network import available_networks, load_network
from environment.people.simbench_profiles import FILE, load_names, plant_names, profiles

BERLIN = ZoneInfo("Europe/Berlin")


def year_of(year):
    calendar = Calendar(datetime(year, 1, 1, tzinfo=BERLIN), BERLIN)
    days = (datetime(year + 1, 1, 1) - datetime(year, 1, 1)) // timedelta(days=1)  # noqa: DTZ001 a number of days
    return calendar, Timeline(0, 900_000, 96 * days)


def test_the_year_2016_is_the_file_itself():
    calendar, timeline = year_of(2016)
    raw = data.read_parquet_columns(FILE, ["H0-A_pload", "WP4_pres"]).values
    got = profiles(["H0-A_pload", "WP4_pres"], calendar, timeline)
    assert (got[0] == raw["H0-A_pload"]).all()
    assert (got[1] == raw["WP4_pres"]).all()


@pytest.mark.parametrize("year", [2015, 2019, 2024])
def test_other_years_pair_by_weekday(year):
    calendar, timeline = year_of(year)
    source_calendar, source = year_of(2016)
    got = profiles(["G0-A_pload"], calendar, timeline)[0]  # offices: weekends stand out
    of_2016 = profiles(["G0-A_pload"], source_calendar, source)[0]

    def by_weekday(series, cal, line):
        weekday = cal.local_columns(line.starts_ms).weekday
        return np.array([series[weekday == d].mean() for d in range(7)])

    np.testing.assert_allclose(
        by_weekday(got, calendar, timeline), by_weekday(of_2016, source_calendar, source), rtol=0.05
    )
    assert got.mean() == pytest.approx(of_2016.mean(), rel=0.02)


def test_seasons_stay_where_they_are():
    calendar, timeline = year_of(2019)
    pv = profiles(["PV5_pres"], calendar, timeline)[0]
    month = calendar.local_columns(timeline.starts_ms).month
    assert pv[month == 6].mean() > 4.0 * pv[month == 12].mean()


def test_steps_of_other_length_keep_the_energy():
    calendar, timeline = year_of(2016)
    hourly = Timeline(0, 3_600_000, 24 * 30)
    fine = profiles(["H0-B_pload"], calendar, Timeline(0, 900_000, 96 * 30))[0]
    np.testing.assert_allclose(profiles(["H0-B_pload"], calendar, hourly)[0], fine.reshape(-1, 4).mean(1), atol=1e-12)
    assert timeline.n == 35_136


@pytest.mark.parametrize("name", [name for name in available_networks() if name.startswith("simbench/")])
def test_all_names_of_the_shipped_networks_are_there(name):
    network = load_network(name)
    assert set(network.loads.profile) - {""} <= set(load_names())
    assert set(network.generators.profile) - {""} <= set(plant_names())


def test_loads_have_reactive_power_too():
    calendar, _ = year_of(2016)
    columns = [f"{name}_{kind}" for name in load_names() for kind in ("pload", "qload")]
    got = profiles(columns, calendar, Timeline(0, 900_000, 96))
    assert got.shape == (len(columns), 96)
    assert got[0::2].min() >= 0.0
    assert got[0::2].max() <= 1.0


def test_unknown_profiles_name_the_near_ones():
    calendar, timeline = year_of(2016)
    with pytest.raises(ValueError, match=r"'H0-Z_pload'.*did you mean H0-"):
        profiles(["H0-Z_pload"], calendar, timeline)


def test_no_profiles_are_an_empty_table():
    calendar, timeline = year_of(2016)
    assert profiles([], calendar, timeline).shape == (0, timeline.n)
