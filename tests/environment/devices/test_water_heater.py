"""Electric water heater: relay, guards, draws, and the energy of a day."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from environment.devices import water_heater

RATINGS = {
    "volume_l": 100.0, "heater_kw": 1.5, "loss_kw_per_k": 1.5e-3, "set_c": 60.0, "dead_band_k": 5.0, "min_c": 42.0, "max_c": 75.0,
}  # fmt: skip
C = 100.0 * water_heater.WATER_KWH_PER_L_K


def _ratings(n=1, **changed):
    return water_heater.Ratings(**{name: np.full(n, value) for name, value in (RATINGS | changed).items()})


def _step(start, kw, hours, relay=0.0, draw=0.0, **changed):
    state = water_heater.State(np.array([start]), np.array([relay]))
    inputs = water_heater.Inputs(draw, 20.0, 10.0)
    state, power = water_heater.step(_ratings(**changed), state, np.array([kw]), inputs, hours)
    return state.tank_c[0], state.relay[0], power[0]


@pytest.mark.parametrize(
    ("start", "relay", "power", "after"),
    [(54.9, 0.0, 1.5, 1.0), (57.0, 0.0, 0.0, 0.0), (57.0, 1.0, 1.5, 1.0), (60.1, 1.0, 0.0, 0.0)],
    ids=["cold: closes", "between: stays open", "between: stays closed", "hot: opens"],
)
def test_the_relay_remembers_within_its_dead_band(start, relay, power, after):
    _, found_relay, found = _step(start, np.nan, 0.01, relay)
    assert found == pytest.approx(power)
    assert found_relay == after


def test_the_relay_opens_at_the_exact_instant():
    temp, relay, power = _step(59.0, np.nan, 1.0, relay=1.0)
    event = lambda _t, y: y[0] - 60.0  # noqa: E731
    event.terminal = True
    rise = solve_ivp(
        lambda _t, y: [(1.5 - 1.5e-3 * (y[0] - 20)) / C], (0, 1), [59.0], events=event, rtol=1e-11, atol=1e-11
    )
    hours = rise.t_events[0][0]
    assert power == pytest.approx(1.5 * hours, abs=1e-8)
    assert temp == pytest.approx(20 + 40 * np.exp(-(1 - hours) * 1.5e-3 / C), abs=1e-7)
    assert relay == 0.0


def test_many_switchings_in_one_step_are_the_same_as_in_many_steps():
    state = water_heater.State(np.array([57.0]), np.array([0.0]))
    energy, switchings, before = 0.0, 0, 0.0
    for _ in range(24 * 60):
        state, power = water_heater.step(
            _ratings(dead_band_k=3.0), state, np.array([np.nan]), water_heater.Inputs(0.3, 20.0, 10.0), 1 / 60
        )
        energy += power[0] / 60
        switchings += state.relay[0] != before
        before = state.relay[0]
    temp, relay, power = _step(57.0, np.nan, 24.0, draw=0.3, dead_band_k=3.0)
    assert switchings >= 30
    assert power * 24 == pytest.approx(energy, abs=1e-9)
    assert (temp, relay) == (pytest.approx(state.tank_c[0], abs=1e-9), state.relay[0])


def test_below_the_minimum_the_guard_heats_and_above_the_maximum_it_stops():
    assert _step(35.0, 0.0, 0.1)[2] == 1.5
    assert _step(80.0, 1.5, 0.1)[2] == 0.0


def test_a_set_point_leaves_the_relay_as_it_was():
    for relay in (0.0, 1.0):
        assert _step(50.0, 0.7, 1.0, relay)[1] == relay


def test_a_mixed_fleet_is_set_points_and_thermostats_row_by_row():
    ratings, state, inputs = water_heater.examples(np.random.default_rng(3), 50)
    kw = np.where(np.arange(50) % 2 == 0, np.nan, 0.8)
    mixed, power = water_heater.step(ratings, state, kw, inputs, 0.25)
    own, own_power = water_heater.step(ratings, state, np.full(50, np.nan), inputs, 0.25)
    driven, driven_power = water_heater.step(ratings, state, np.full(50, 0.8), inputs, 0.25)
    even = np.arange(50) % 2 == 0
    assert power.tolist() == np.where(even, own_power, driven_power).tolist()
    assert mixed.tank_c.tolist() == np.where(even, own.tank_c, driven.tank_c).tolist()


def test_a_bath_too_many_ends_at_the_cold_waters_temperature_and_is_missing():
    temp, _, power = _step(45.0, np.nan, 1.0, draw=20.0)
    assert temp == 10.0
    state = water_heater.State(np.array([45.0]), np.array([0.0]))
    account = water_heater.account(_ratings(), state, np.array([np.nan]), water_heater.Inputs(20.0, 20.0, 10.0), 1.0)
    assert power == 1.5
    assert 35.0 * C < account.used_kwh[0] < 35.0 * C + 1.5 + 0.02
    assert account.used_kwh[0] < 20.0


def test_a_day_of_profile_m_takes_what_is_drawn_and_lost():
    """Profile M of Regulation (EU) 814/2013 draws 5.845 kWh; a class C tank of 100 l loses 69 W at 45 K."""
    ratings = _ratings(loss_kw_per_k=water_heater.loss_kw_per_k(100, "C"))
    draws = {28: 1.505, 32: 0.21, 33: 0.21, 34: 0.21, 36: 0.21, 38: 0.105, 42: 0.105, 46: 0.105, 47: 0.105, 51: 0.315,
             58: 0.105, 62: 0.105, 66: 0.105, 72: 0.105, 73: 0.105, 74: 0.105, 76: 0.105, 82: 0.735, 85: 0.105, 86: 1.4}  # fmt: skip
    assert sum(draws.values()) == pytest.approx(5.845 + 0.21)
    state, energy = water_heater.State(np.array([58.0]), np.array([0.0])), 0.0
    lost = 0.0
    for step in range(96):
        inputs = water_heater.Inputs(4 * draws.get(step, 0.0), 20.0, 10.0)
        lost += water_heater.account(ratings, state, np.array([np.nan]), inputs, 0.25).lost_kwh[0]
        state, power = water_heater.step(ratings, state, np.array([np.nan]), inputs, 0.25)
        energy += power[0] / 4
    stored = C * (state.tank_c[0] - 58.0)
    assert energy == pytest.approx(sum(draws.values()) + lost + stored, abs=1e-9)
    assert 1.2 < lost < 1.66


def test_the_mean_of_a_day_does_not_depend_on_the_relay_at_its_start_beyond_what_is_stored():
    warm, cold = _step(57.0, np.nan, 24.0 * 60, relay=1.0), _step(57.0, np.nan, 24.0 * 60, relay=0.0)
    assert warm[2] == pytest.approx(cold[2], rel=0.01)


def test_rebound_is_the_energy_not_delivered_less_the_losses_saved():
    """A fleet of tanks is switched off for an hour and then left to its thermostats."""
    n, hours, off = 400, 0.25, slice(40, 44)
    rng = np.random.default_rng(11)
    ratings, _, _ = water_heater.examples(rng, n)
    start = water_heater.State(rng.uniform(ratings.set_c - ratings.dead_band_k, ratings.set_c), np.zeros(n))
    draws = rng.uniform(size=(96 * 2, n)) < 0.12
    runs = {}
    for name in ("free", "interrupted"):
        state, power, lost = start, np.zeros((96 * 2, n)), np.zeros(n)
        for step in range(96 * 2):
            kw = np.full(n, 0.0 if name == "interrupted" and off.start <= step < off.stop else np.nan)
            inputs = water_heater.Inputs(1.6 * draws[step], 20.0, 10.0)
            lost += water_heater.account(ratings, state, kw, inputs, hours).lost_kwh
            state, power[step] = water_heater.step(ratings, state, kw, inputs, hours)
        runs[name] = (
            power.sum(axis=1) * hours,
            lost.sum(),
            (ratings.volume_l * water_heater.WATER_KWH_PER_L_K * state.tank_c).sum(),
        )
    (free, free_lost, free_held), (interrupted, lost, held) = runs["free"], runs["interrupted"]
    avoided = (free - interrupted)[off].sum()
    rebound = (interrupted - free)[off.stop :].sum()
    assert avoided > 0.5 * free[off].sum()
    assert rebound == pytest.approx(avoided - (free_lost - lost) + (held - free_held), abs=1e-9)
    assert free_lost - lost > 0.0
    assert rebound > 0.8 * avoided
    assert (interrupted - free)[off.stop : off.stop + 4].sum() > 0.0
    assert interrupted.sum() == pytest.approx(free.sum(), rel=0.01)
