"""The forecast uses only what was seen, and beats persistence and the same hour of the last week."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from agents.strategies import forecast_errors, forecasting
from environment.calendar import Calendar
from experiments.covers import covers

DAYS, PER_DAY, HORIZON = 30, 96, 144
ZONE = ZoneInfo("Europe/Rome")


def calendar(holidays=()):
    return Calendar(datetime(2016, 1, 4, tzinfo=ZONE), ZONE, frozenset(holidays))


def world(seed=1, days=DAYS):
    """Local time and a winter's weather, days differing in warmth and cloud."""
    rng = np.random.default_rng(seed)
    local = calendar().local_columns(np.arange(days * PER_DAY, dtype=np.int64) * 900_000)
    day = np.arange(days * PER_DAY) // PER_DAY
    warmth, cloud = np.cumsum(rng.normal(0, 1.5, days)), rng.uniform(0.2, 1.0, days)
    temperature = 5 + warmth[day] + 3 * np.cos((local.hour - 15) / 24 * 2 * np.pi)
    sun = np.maximum(np.sin((local.hour - 7) / 10 * np.pi), 0) * ((local.hour > 7) & (local.hour < 17))
    return local, temperature, 450 * sun * cloud[day]


def households(local, temperature, irradiance, seed=2, n=3):
    """Feeders as SimBench homes make them: morning and evening, other weekends, heat pumps, PV, correlated noise."""
    rng = np.random.default_rng(seed)
    evening = np.exp(-(((local.hour - 19) / 2.0) ** 2)) + 0.5 * np.exp(-(((local.hour - 7.5) / 1.2) ** 2))
    noon = np.exp(-(((local.hour - 13) / 3.0) ** 2))
    shape = np.where(local.workday, evening, 0.8 * evening + 0.6 * noon)
    heating = np.maximum(15 - forecasting.smoothed(temperature, 60.0), 0)
    noise = rng.normal(0, 1.0, (n, len(shape)))
    for k in range(1, noise.shape[1]):
        noise[:, k] += 0.9 * noise[:, k - 1]
    mix = rng.uniform(0.5, 1.5, (n, 3))
    return 20 + mix[:, :1] * 40 * shape + mix[:, 1:2] * 3 * heating - mix[:, 2:] * 0.06 * irradiance + noise


@pytest.fixture(scope="module")
def case():
    local, temperature, irradiance = world()
    return households(local, temperature, irradiance), forecasting.features(local, temperature, irradiance)


def overall(error):
    return float(np.sqrt((error.rmse_kw**2).mean()))


def test_it_beats_persistence_and_last_week(case):
    load, table = case
    found = forecast_errors.backtest(load, table, origins=np.arange(16, 28) * PER_DAY + 48, horizon=HORIZON)
    assert overall(found.model) < 0.8 * overall(found.persistence)
    assert overall(found.model) < 0.8 * overall(found.last_week)


def test_the_next_hour_is_known_better_than_the_next_day(case):
    load, table = case
    error = forecast_errors.backtest(load, table, origins=np.arange(16 * 96, 28 * 96, 41), horizon=HORIZON).model
    assert error.rmse_kw[:2].mean() < 0.85 * error.rmse_kw[48:].mean()


def test_it_beats_both_on_simbench_profiles(simbench):
    load, table = simbench
    found = forecast_errors.backtest(load, table, origins=np.arange(16, 28) * PER_DAY + 48, horizon=HORIZON)
    assert overall(found.model) < overall(found.persistence)
    assert overall(found.model) < overall(found.last_week)


@pytest.fixture(scope="module")
def simbench():
    """Feeders of SimBench load profiles with weather-driven heat pumps on top."""
    from pathlib import Path

    import pyarrow.parquet as pq

    path = Path(__file__).parents[3] / "data/profiles/simbench_2016.parquet"
    stored = pq.read_table(path)
    homes = [name for name in stored.column_names if name.startswith(("H0", "G1")) and "qload" not in name]
    start = 3 * PER_DAY  # Monday 4 January 2016, the day on which the calendar here begins
    table = np.array([stored[name].to_numpy()[start : start + DAYS * PER_DAY] for name in homes], float)
    local, temperature, irradiance = world(seed=3)
    mix = np.random.default_rng(4).integers(1, 20, (4, len(homes)))
    load = mix @ (table / table.max()) + 0.4 * np.maximum(15 - forecasting.smoothed(temperature, 60.0), 0)
    return load, forecasting.features(local, temperature, irradiance)


@covers("SUC06.1/r03")
def test_nothing_after_the_origin_is_used(case):
    load, table = case
    origin = 20 * PER_DAY
    model = forecasting.fit(load[:, :origin], table[:origin])
    first = forecasting.predict(model, load[:, :origin], table[:origin], table[origin : origin + HORIZON])
    changed = load.copy()
    changed[:, origin:] = 1e6
    later = forecast_errors.backtest(changed, table, origins=[origin]).model
    np.testing.assert_allclose(later.bias_kw, (first - 1e6).mean(axis=0))


def test_many_series_at_once_equal_each_alone(case):
    load, table = case
    past, known, ahead = load[:, : 20 * PER_DAY], table[: 20 * PER_DAY], table[20 * PER_DAY :][:HORIZON]
    together = forecasting.predict(forecasting.fit(past, known), past, known, ahead)
    for k in range(len(load)):
        alone = forecasting.predict(forecasting.fit(past[k], known), past[k], known, ahead)
        np.testing.assert_allclose(together[k], alone[0], rtol=1e-8)


def test_gaps_in_the_history_are_bridged(case):
    load, table = case
    past, known, ahead = load[:, : 24 * PER_DAY].copy(), table[: 24 * PER_DAY], table[24 * PER_DAY :][:HORIZON]
    whole = forecasting.predict(forecasting.fit(past, known), past, known, ahead)
    holes = np.random.default_rng(5).random(past.shape) < 0.1
    past[holes] = np.nan
    past[0, 300:500] = np.nan
    past[1, -30:] = np.nan
    bridged = forecasting.predict(forecasting.fit(past, known), past, known, ahead)
    assert np.isfinite(bridged).all()
    assert np.sqrt(((bridged - whole) ** 2).mean()) < 0.1 * past[~np.isnan(past)].std()


def test_a_series_with_gaps_changes_no_other(case):
    load, table = case
    gappy = load.copy()
    gappy[0, 10:40] = np.nan
    first, second = forecasting.fit(load, table), forecasting.fit(gappy, table)
    assert (first.beta[1:] == second.beta[1:]).all()
    assert not np.array_equal(first.beta[0], second.beta[0])


def test_less_than_a_week_of_history_is_enough_for_the_regression(case):
    load, table = case
    past, known = load[:, : 3 * PER_DAY], table[: 3 * PER_DAY]
    made = forecasting.predict(forecasting.fit(past, known), past, known, table[3 * PER_DAY :][:HORIZON])
    error = forecast_errors.error_by_horizon(made, load[:, 3 * PER_DAY :][:, :HORIZON])
    naive = forecast_errors.error_by_horizon(np.full_like(made, past.mean()), load[:, 3 * PER_DAY :][:, :HORIZON])
    assert overall(error) < overall(naive)


@covers("SUC06.1/r03")
def test_upcoming_weather_matters(case):
    load, table = case
    local, temperature, irradiance = world()
    colder = forecasting.features(
        local, temperature - np.where(np.arange(len(temperature)) >= 20 * 96, 8, 0), irradiance
    )
    past, known = load[:, : 20 * PER_DAY], table[: 20 * PER_DAY]
    model = forecasting.fit(past, known)
    usual = forecasting.predict(model, past, known, table[20 * 96 :][:HORIZON])
    cold = forecasting.predict(model, past, known, colder[20 * 96 :][:HORIZON])
    assert (cold.mean(axis=1) > usual.mean(axis=1) + 1).all()


def test_linear_truth_is_found_again():
    local, temperature, irradiance = world()
    table = forecasting.features(local, temperature, irradiance)
    truth = 5 + table @ np.random.default_rng(1).normal(0, 1, table.shape[1])
    past = truth[None, : 25 * 96]
    model = forecasting.fit(past, table[: 25 * 96], ridge=1e-6)
    found = forecasting.predict(model, past, table[: 25 * 96], table[25 * 96 :][:HORIZON])
    np.testing.assert_allclose(found[0], truth[25 * 96 :][:HORIZON], rtol=1e-3, atol=0.05)


@covers("SUC06.1/r03")
def test_a_holiday_is_a_sunday():
    times = np.arange(7 * 96, dtype=np.int64) * 900_000
    plain = forecasting.calendar_features(calendar().local_columns(times))
    feast = forecasting.calendar_features(calendar([date(2016, 1, 6)]).local_columns(times))
    year = slice(0, plain.shape[1] - 4)  # the last columns: Monday, Friday and the year's harmonics
    assert (feast[2 * 96 : 3 * 96, year] == plain[6 * 96 :, year]).all()
    assert (feast[:96] == plain[:96]).all()


def test_baselines_repeat_what_was_seen():
    load = np.arange(14 * 96, dtype=float)[None]
    assert forecasting.persistence(load, 100)[0, [0, 95, 96]].tolist() == [1248, 1343, 1248]
    assert forecasting.same_hour_last_week(load, 3)[0].tolist() == [672, 673, 674]


def test_errors_by_horizon_leave_gaps_out():
    error = forecast_errors.error_by_horizon([[[1.0, 2.0]], [[3.0, 0.0]]], [[[0.0, np.nan]], [[0.0, 1.0]]])
    np.testing.assert_allclose(error.rmse_kw, [np.sqrt(5), 1])
    np.testing.assert_allclose(error.mae_kw, [2, 1])
    np.testing.assert_allclose(error.bias_kw, [2, -1])


def test_a_step_in_temperature_reaches_the_building_slowly():
    warm = np.concatenate([np.zeros(10), np.ones(96)])
    smooth = forecasting.smoothed(warm, 96.0)
    np.testing.assert_allclose(smooth[:10], 0, atol=1e-12)
    np.testing.assert_allclose(smooth[-1], 1 - np.exp(-1))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda load, table: (load[:, :-1], table), "history has"),
        (lambda load, table: (load[:, :100], table[:100]), "two days"),
        (lambda load, table: (load, np.where(np.arange(table.shape[1]) == 3, np.nan, table)), "feature is missing"),
        (lambda load, table: (load * np.nan, table), "no reading at all"),
    ],
)
def test_senseless_input_is_named(case, spoil, said):
    with pytest.raises(ValueError, match=said):
        forecasting.fit(*spoil(*case))


def test_a_longer_forecast_than_fitted_for_is_refused(case):
    load, table = case
    model = forecasting.fit(load, table, horizon=96)
    with pytest.raises(ValueError, match="fitted for 96"):
        forecasting.predict(model, load, table, table[:97])
