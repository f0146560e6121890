"""Households: laws of chance, and the acceptance targets of data/profiles/household.yaml."""

from itertools import pairwise

import numpy as np
import pytest

from environment.calendar import Timeline
from environment.chance import Chance
from environment.people import presence
from environment.people.household import Homes, homes, household_load_kw
from environment.people.simbench_profiles import profiles

HOUR_EDGES = np.arange(0, 24.25, 0.25)


def load(chance, given, calendar, timeline, weather):
    return household_load_kw(
        chance, given.names, given.persons, given.annual_kwh, calendar, timeline, weather, given.shift_h, given.level
    )


@pytest.fixture(scope="module")
def population(chance, names):
    return homes(chance, names)


@pytest.fixture(scope="module")
def year_load(chance, population, calendar, year, year_weather):
    return load(chance, population, calendar, year, year_weather)


@pytest.fixture(scope="module")
def month_load(chance, population, calendar, month, month_weather):
    return load(chance, population, calendar, month, month_weather)


def rows_of(given, rows):
    return Homes(tuple(np.array(given.names)[rows]), *(column[rows] for column in given[1:]))


# Laws


def test_a_vector_equals_a_loop_over_homes_bit_for_bit(chance, population, calendar, month, month_weather, month_load):
    for i in (0, 7, 59):
        alone = load(chance, rows_of(population, [i]), calendar, month, month_weather)
        assert (alone[0] == month_load[i]).all()


def test_permuting_homes_permutes_rows(chance, population, calendar, month, month_weather, month_load):
    order = np.random.default_rng(1).permutation(60)
    permuted = load(chance, rows_of(population, order), calendar, month, month_weather)
    assert (permuted == month_load[order]).all()


def test_adding_a_home_changes_no_other(chance, names, population):
    more = homes(chance, ["new", *names])
    for before, after in zip(population[1:], more[1:], strict=True):
        assert (before == after[1:]).all()


def test_the_same_seed_repeats_and_another_does_not(population, calendar, month_weather, month, month_load, names):
    again = load(Chance(7), homes(Chance(7), names), calendar, month, month_weather)
    assert (again == month_load).all()
    other = load(Chance(8), population, calendar, month, month_weather)
    assert (other != month_load).mean() > 0.9


def test_people_do_the_same_at_the_same_time_however_the_timeline_is_cut(
    chance, population, calendar, month, month_weather, month_load
):
    cut = Timeline(month.start_ms + 10 * 86_400_000, 900_000, 96 * 5)
    weather = type(month_weather)(*(a[960:1440] for a in month_weather))
    part = load(chance, population, calendar, cut, weather)
    assert (
        part == month_load[:, 960:1440]
    ).mean() > 0.995  # a home not asleep at midnight two days before may differ at first
    assert (part[:, 96:] == month_load[:, 1056:1440]).all()


def test_hourly_steps_are_the_means_of_quarter_hours(chance, population, calendar, month, month_weather, month_load):
    hourly = Timeline(month.start_ms, 3_600_000, month.n // 4)
    weather = type(month_weather)(*(a.reshape(-1, 4).mean(1) for a in month_weather))
    got = load(chance, population, calendar, hourly, weather)
    np.testing.assert_allclose(got.mean(), month_load.mean(), rtol=0.01)
    night = got[:, 12:18] - month_load.reshape(60, -1, 4).mean(2)[:, 12:18]  # midnight to six: no daylight
    np.testing.assert_allclose(night, 0.0, atol=1e-12)


# Targets


def test_the_energy_of_a_year_is_the_home_s(population, year_load):
    kwh = year_load.sum(axis=1) / 4.0 * 365.0 / 366.0
    assert kwh.mean() == pytest.approx(population.annual_kwh.mean(), rel=0.03)
    np.testing.assert_allclose(kwh, population.annual_kwh, rtol=0.10)


def within(values, bounds, share):
    return np.mean((values >= bounds[0]) & (values <= bounds[1])) >= share


def target(name):
    return presence.parameters()["targets"][name]


def test_load_factor_and_peak_of_a_home(year_load):
    factor = year_load.mean(axis=1) / year_load.max(axis=1)
    assert within(factor, target("load_factor"), 0.85)
    assert target("load_factor")[0] < np.median(factor) < target("load_factor")[1]
    assert 2.0 < np.median(year_load.max(axis=1)) < 5.0
    assert year_load.min() > 0.0


def test_two_homes_correlate_as_measured_homes_do(year_load):
    pairs = np.corrcoef(year_load)[np.triu_indices(len(year_load), 1)]
    assert target("correlation_of_two_homes")[0] < np.median(pairs) < target("correlation_of_two_homes")[1]
    assert pairs.max() < 0.6


def test_night_over_evening_and_winter_over_summer(calendar, year, year_load):
    local = calendar.local_columns(year.starts_ms)
    night, evening = (local.hour >= 2) & (local.hour < 5), (local.hour >= 18) & (local.hour < 21)
    ratio = year_load[:, night].mean() / year_load[:, evening].mean()
    assert target("night_over_evening")[0] < ratio < target("night_over_evening")[1]
    winter, summer = np.isin(local.month, [12, 1, 2]), np.isin(local.month, [6, 7, 8])
    ratio = year_load[:, winter].mean() / year_load[:, summer].mean()
    assert target("winter_over_summer")[0] < ratio < target("winter_over_summer")[1]


def test_the_peak_per_home_falls_with_their_number(year_load):
    peaks = [
        np.mean([year_load[i : i + k].sum(0).max() / k for i in range(0, 61 - k, k)]) for k in (1, 2, 5, 10, 20, 60)
    ]
    assert all(a > b for a, b in pairwise(peaks))
    assert peaks[-1] < 0.35 * peaks[0]


def shape(series, local, days):
    quarter = np.floor(local.hour * 4).astype(int)
    profile = np.array([series[days & (quarter == q)].mean() for q in range(96)])
    return profile / profile.mean()


@pytest.mark.parametrize("workday", [True, False])
def test_the_mean_day_resembles_the_measured_homes_of_simbench(chance, calendar, year, year_weather, workday):
    german = homes(chance, [f"h{i}" for i in range(50)], "DE")
    mean = load(chance, german, calendar, year, year_weather).mean(axis=0)
    measured = profiles([f"H0-{kind}_pload" for kind in "BCGL"], calendar, year)  # H0-A heats with electricity
    measured = (measured / measured.mean(axis=1, keepdims=True)).mean(axis=0)
    local = calendar.local_columns(year.starts_ms)
    days = local.workday if workday else ~local.workday
    rms = np.sqrt(np.mean((shape(mean, local, days) - shape(measured, local, days)) ** 2))
    assert rms < 0.25  # of the mean; four homes are no population


def test_southern_evenings_are_later(chance, calendar, month, month_weather):
    def evening_h(country):
        given = homes(chance, [f"h{i}" for i in range(60)], country)
        local = calendar.local_columns(month.starts_ms)
        day = shape(load(chance, given, calendar, month, month_weather).mean(axis=0), local, local.weekday < 7)
        hours = HOUR_EDGES[:-1] + 0.125
        late = hours > 15
        return (day * hours)[late].sum() / day[late].sum()

    assert evening_h("SE") < evening_h("IT") < evening_h("ES")


# Homes


def test_homes_differ_from_each_other(chance):
    given = homes(chance, [f"home-{i:04d}" for i in range(200)])
    for column in (
        given.annual_kwh,
        given.floor_m2,
        given.shift_h,
        given.comfort_width_k,
        given.reservation_eur_per_kwh,
    ):
        assert len(np.unique(column)) > 190
    assert len(np.unique(given.persons)) == 5
    assert len(np.unique(given.level)) == 3


@pytest.mark.parametrize("country", ["IT", "ES", "FR", "SE", "DE", "PT"])
def test_a_country_s_mean_and_households(chance, country):
    given = homes(chance, [f"x{i}" for i in range(4000)], country)
    parameters = presence.parameters()["countries"][country]
    assert given.annual_kwh.mean() == pytest.approx(parameters["mean_kwh"], rel=0.03)
    shares = np.bincount(given.persons, minlength=6)[1:] / 4000
    np.testing.assert_allclose(shares, parameters["persons"], atol=0.03)
    assert given.annual_kwh[given.persons == 4].mean() > 1.5 * given.annual_kwh[given.persons == 1].mean()


def test_an_unknown_country_is_refused(chance):
    with pytest.raises(ValueError, match="country 'XX'; there is IT, ES"):
        homes(chance, ["a"], "XX")


def test_preferences_stay_in_their_ranges(chance):
    given = homes(chance, [f"x{i}" for i in range(2000)])
    assert 18.0 <= given.comfort_c.min() < given.comfort_c.max() <= 23.0
    assert 0.5 <= given.comfort_width_k.min() < given.comfort_width_k.max() < 1.5
    assert given.reservation_eur_per_kwh.min() > 0.0
    assert 0.0 <= given.willingness.min() < given.willingness.max() < 1.0
