import numpy as np
import pytest

from environment.calendar import Timeline
from environment.people.hot_water import daily_kwh, eu_profile, eu_profile_kwh, hot_water, parameters

SUMS = [("S", 2.100, 11), ("M", 5.845, 23), ("L", 11.655, 24)]


@pytest.fixture(scope="module")
def many():
    return [f"home-{i:04d}" for i in range(200)]


@pytest.fixture(scope="module")
def persons(many):
    return 1 + np.arange(len(many)) % 5


@pytest.fixture(scope="module")
def draws(chance, many, persons, calendar, month):
    return hot_water(chance, many, persons, calendar, month)


@pytest.mark.parametrize(("name", "q_ref", "n"), SUMS)
def test_the_eu_profiles_add_up_to_their_reference(name, q_ref, n):
    profile = eu_profile(name)
    assert len(profile) == n
    assert round(sum(draw.kwh for draw in profile), 9) == q_ref == parameters()["eu_profiles"][name]["q_ref_kwh"]
    assert [d.at for d in profile] == sorted(d.at for d in profile)


def test_litres_of_an_eu_draw_are_above_ten_degrees():
    bath = next(d for d in eu_profile("L") if d.kwh == 3.605)
    assert bath.litres == pytest.approx(3.605 / (1.1628e-3 * 30.0))  # Tp 40
    sink = eu_profile("S")[0]
    assert sink.litres == pytest.approx(0.105 / (1.1628e-3 * 15.0))  # Tm 25


@pytest.mark.parametrize(("name", "q_ref", "n"), SUMS)
@pytest.mark.parametrize("step_ms", [300_000, 900_000])
def test_an_eu_day_repeats_on_every_local_day(calendar, name, q_ref, n, step_ms):
    timeline = Timeline(calendar.day_start(0), step_ms, 3 * 86_400_000 // step_ms)
    kwh = eu_profile_kwh(name, calendar, timeline)
    days = kwh.reshape(3, -1)
    np.testing.assert_allclose(days.sum(axis=1), q_ref)
    assert (days[0] == days[2]).all()
    assert days[0, : 7 * 3_600_000 // step_ms].sum() == 0.0  # nobody draws before seven


def test_an_unknown_eu_profile_is_refused():
    for name in ("XXL", "cold_c"):
        with pytest.raises(ValueError, match=f"{name}'; there is S, M, L"):
            eu_profile(name)


def test_a_home_draws_its_daily_energy(chance, many, persons, draws, month):
    days = month.n / 96
    expected = daily_kwh(chance, many, persons)
    assert draws.kwh.sum(axis=1).mean() / days == pytest.approx(expected.mean(), rel=0.03)
    np.testing.assert_allclose(draws.kwh.sum(axis=1) / days, expected, rtol=0.5)


def test_people_use_thirty_to_fifty_litres_at_sixty_degrees(chance, many):
    kwh = daily_kwh(chance, many, 1)
    litres = kwh / (1.1628e-3 * (60.0 - parameters()["cold_c"]))
    assert 30.0 <= litres.min() < 33.0
    assert 47.0 < litres.max() <= 50.0


def test_litres_carry_the_energy(draws):
    np.testing.assert_allclose(draws.kwh, draws.litres * 1.1628e-3 * (60.0 - parameters()["cold_c"]))


def test_draws_are_events_of_their_kinds(draws):
    """Most quarter hours are dry; where something runs it is between a hand wash and a few baths."""
    assert 0.02 < (draws.kwh > 0.0).mean() < 0.25
    wet = draws.kwh[draws.kwh > 0.0]
    assert wet.min() > 0.01
    assert 0.1 < np.median(wet) < 1.4
    assert wet.max() < 15.0
    assert len(np.unique(wet)) > 0.99 * len(wet)


def test_mornings_and_evenings_draw_most_and_nights_least(calendar, month, draws):
    local = calendar.local_columns(month.starts_ms)
    by_hour = np.array([draws.kwh[:, np.floor(local.hour) == h].mean() for h in range(24)])
    assert by_hour[1:5].max() < 0.25 * by_hour.mean()
    assert by_hour[6:9].max() > 1.5 * by_hour.mean()
    assert by_hour[19:22].max() > 1.5 * by_hour.mean()


def test_a_vector_equals_a_loop_and_homes_are_independent(chance, many, persons, calendar, month, draws):
    for i in (0, 63, 64, 199):
        alone = hot_water(chance, [many[i]], persons[i : i + 1], calendar, month)
        assert (alone.kwh[0] == draws.kwh[i]).all()
    order = np.random.default_rng(3).permutation(len(many))
    permuted = hot_water(chance, [many[i] for i in order], persons[order], calendar, month)
    assert (permuted.kwh == draws.kwh[order]).all()


def test_other_steps_draw_the_same_energy(chance, many, persons, calendar, month, draws):
    hourly = Timeline(month.start_ms, 3_600_000, month.n // 4)
    got = hot_water(chance, many, persons, calendar, hourly)
    np.testing.assert_allclose(got.kwh, draws.kwh.reshape(len(many), -1, 4).sum(axis=2), atol=1e-9)


def test_a_later_home_draws_later(chance, many, calendar, month):
    local = calendar.local_columns(month.starts_ms)
    late = local.hour >= 22

    def share(shift):
        kwh = hot_water(chance, many, 3, calendar, month, shift).kwh
        return kwh[:, late].sum() / kwh.sum()

    assert share(1.5) > 1.2 * share(0.0)
