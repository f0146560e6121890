import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agents.strategies.home_forecast import Steps, generation, load, median, similar_days, trips

SLOTS = 24


def calendar(first_day: int, days: int) -> Steps:
    """Whole days of 24 steps; days 5 and 6 of each week are of another type."""
    day = np.repeat(np.arange(first_day, first_day + days), SLOTS)
    return Steps(day, np.tile(np.arange(SLOTS), days), (day % 7 >= 5).astype(np.int64))


def test_what_repeats_every_day_of_its_type_is_forecast_exactly():
    past, future = calendar(0, 21), calendar(21, 7)
    shape = lambda steps: np.stack([steps.slot * (1.0 + steps.kind), 5.0 - 3.0 * steps.kind + 0.0 * steps.slot])  # noqa: E731
    np.testing.assert_allclose(similar_days(shape(past), past, future), shape(future))
    np.testing.assert_allclose(load(shape(past), past, future), shape(future))


def test_only_the_most_recent_days_count():
    past, future = calendar(0, 21), calendar(21, 1)
    values = np.where(past.day >= 17, 2.0, 100.0)[None, :]
    np.testing.assert_allclose(similar_days(values, past, future, days=2), 2.0)


def test_a_type_of_day_never_seen_is_forecast_from_the_others():
    past, future = calendar(0, 4), calendar(5, 1)
    assert past.kind.max() == 0
    np.testing.assert_allclose(similar_days(past.slot[None, :] * 1.0, past, future)[0], np.arange(SLOTS))


def test_the_load_forecast_follows_an_unusual_day_and_forgets_it():
    past, future = calendar(0, 8), calendar(8, 2)
    values = np.where(past.day == 7, 3.0, 1.0)[None, :]
    ahead = load(values, past, future, days=3)[0]
    usual = similar_days(values, past, future, days=3)[0]
    assert ahead[0] > usual[0] + 0.5
    assert abs(ahead[-1] - usual[-1]) < 0.1


def test_a_load_forecast_is_never_negative_and_works_from_the_first_steps_on():
    past, future = calendar(0, 1), calendar(1, 1)
    short = Steps(*(column[:4] for column in past))
    assert (load(np.full((2, 4), 0.3), short, future) >= 0).all()
    fallen = np.where(past.slot >= 20, 0.0, 5.0)[None, :]
    assert (load(fallen, past, calendar(1, 1)) >= 0).all()


def test_the_load_forecast_beats_persistence_and_the_same_hour_last_week():
    chance = np.random.default_rng(7)
    past, future = calendar(0, 28), calendar(28, 1)
    steps = Steps(*(np.concatenate(pair) for pair in zip(past, future, strict=True)))
    habit = 0.3 + np.exp(-(((steps.slot - 20) / 2) ** 2)) * (1.0 + 0.5 * steps.kind)
    seen = habit * chance.uniform(0.6, 1.4, (50, len(habit)))
    truth, history = seen[:, -SLOTS:], seen[:, :-SLOTS]

    def error(forecast):
        return float(np.abs(forecast - truth).mean())

    ours = error(load(history, past, future))
    assert ours < error(np.repeat(history[:, -1:], SLOTS, axis=1))
    assert ours < error(history[:, -7 * SLOTS : -6 * SLOTS])


def test_generation_learns_which_way_a_roof_faces():
    chance = np.random.default_rng(3)
    past, future = calendar(0, 28), calendar(28, 1)
    sky = lambda steps: np.maximum(np.sin((steps.slot - 6) / 12 * np.pi), 0.0) * 800  # noqa: E731
    weather, ahead = sky(past) * chance.uniform(0.2, 1.0, len(past.slot)), sky(future) * 0.5
    facing = lambda steps: np.stack([0.004 - 0.0001 * steps.slot, 0.001 + 0.0001 * steps.slot])  # noqa: E731
    forecast = generation(facing(past) * weather, weather, past, ahead, future, SLOTS, prior=0.01)
    np.testing.assert_allclose(forecast, facing(future) * ahead, rtol=0.02, atol=1e-3)


def test_without_sun_in_the_history_nothing_is_generated():
    past, future = calendar(0, 2), calendar(2, 1)
    dark = np.zeros(len(past.slot))
    assert not generation(np.zeros((3, len(dark))), dark, past, np.full(SLOTS, 500.0), future, SLOTS).any()


def commuter(steps: Steps, leave: int = 8, back: int = 17) -> np.ndarray:
    return ((steps.slot < leave) | (steps.slot >= back) | (steps.kind == 1))[None, :]


def test_a_commuter_is_expected_to_leave_and_return_as_always():
    past, future = calendar(0, 21), calendar(21, 7)
    plugged = commuter(past)
    drive = np.where(plugged, 0.0, 6.0 / 9)
    ahead = trips(plugged, drive, past, future)
    np.testing.assert_array_equal(ahead.plugged, commuter(future))
    by_day = ahead.drive_kwh[0].reshape(7, SLOTS).sum(axis=1)
    np.testing.assert_allclose(by_day, np.where(np.arange(7) < 5, 6.0, 0.0))


def test_the_median_is_not_led_astray_by_one_journey():
    past, future = calendar(0, 5), calendar(7, 1)
    plugged = commuter(past)
    plugged[0, past.day == 2] = (past.slot >= 23)[past.day == 2]
    ahead = trips(plugged, np.zeros_like(plugged, float), past, future)
    np.testing.assert_array_equal(ahead.plugged, commuter(future))


def test_rare_trips_are_no_habit():
    past, future = calendar(0, 5), calendar(7, 1)
    plugged = np.ones((1, len(past.slot)), bool)
    plugged[0, (past.day == 1) & (past.slot >= 10) & (past.slot < 12)] = False
    assert trips(plugged, np.zeros_like(plugged, float), past, future).plugged.all()


def test_a_car_still_at_home_stays_and_an_overdue_one_is_expected_soon():
    past, whole = calendar(0, 21), calendar(21, 1)
    future = Steps(*(column[10:] for column in whole))  # the present is 10 o'clock on a workday
    at_home = commuter(past)
    stays = trips(at_home, np.where(at_home, 0.0, 1.0), past, future)
    assert stays.plugged.all()
    assert not stays.drive_kwh.any()
    evening = Steps(*(column[18:] for column in whole))
    away = at_home.copy()
    away[0, -1] = False
    overdue = trips(away, np.zeros_like(away, float), past, evening, late=2)
    np.testing.assert_array_equal(overdue.plugged[0], [False, False, True, True, True, True])


@given(
    hnp.arrays(
        np.float64, hnp.array_shapes(min_dims=2, max_dims=2), elements=st.one_of(st.floats(-9, 9), st.just(np.nan))
    )
)
def test_medians_are_those_of_the_known_values(values):
    found = median(values)
    for row, mid in zip(values, found, strict=True):
        known = row[~np.isnan(row)]
        assert np.isnan(mid) if not len(known) else mid == np.median(known)


def test_forecasts_of_a_home_depend_on_its_history_alone_bit_for_bit():
    chance = np.random.default_rng(5)
    past, future = calendar(0, 14), calendar(14, 2)
    values, weather = chance.gamma(1.0, 0.5, (9, len(past.slot))), chance.uniform(0, 900, len(past.slot))
    plugged = chance.random((9, len(past.slot))) < 0.7
    for rows in (np.array([4]), np.array([8, 0, 3]), slice(1, 9, 2)):
        part = values[rows]
        np.testing.assert_array_equal(load(part, past, future), load(values, past, future)[rows])
        some = generation(part, weather, past, weather[: 2 * SLOTS], future, SLOTS)
        np.testing.assert_array_equal(
            some, generation(values, weather, past, weather[: 2 * SLOTS], future, SLOTS)[rows]
        )
        np.testing.assert_array_equal(
            trips(plugged[rows], part, past, future).drive_kwh, trips(plugged, values, past, future).drive_kwh[rows]
        )


def test_forecasts_do_not_see_the_future():
    past, future = calendar(0, 14), calendar(14, 1)
    values = np.random.default_rng(2).gamma(1.0, 0.5, (3, len(past.slot) + SLOTS))
    seen = values[:, : len(past.slot)]
    before = load(seen.copy(), past, future)
    values[:, len(past.slot) :] = 99.0
    np.testing.assert_array_equal(load(seen, past, future), before)
