"""Absolute bounds: what a store may hold, whatever is asked of it, over many steps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.devices import battery, ev, heat_pump, water_heater

SEEDS = st.integers(0, 2**32 - 1)


def _live(kind, seed, ratings, state, inputs_of, steps=40):
    """States of n devices under set-points that change at every step, own control among them."""
    rng = np.random.default_rng(seed)
    n = len(ratings[0])
    for k in range(steps):
        kw = np.where(rng.uniform(size=n) < 0.3, np.nan, rng.normal(0.0, 8.0, n))
        inputs = inputs_of(k)
        state, power = kind.step(ratings, state, kw, inputs, float(rng.choice([0.01, 0.25, 3.0])))
        yield state, power, inputs


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_a_battery_stays_between_its_states_of_charge_and_within_its_power(seed):
    ratings, state, inputs = battery.examples(np.random.default_rng(seed), 20)
    low, high = ratings.capacity_kwh * ratings.min_soc_share, ratings.capacity_kwh * ratings.max_soc_share
    for after, power, _ in _live(battery, seed, ratings, state, lambda _k: inputs):
        assert (after.energy_kwh >= low - 1e-9).all()
        assert (after.energy_kwh <= high + 1e-9).all()
        assert (np.abs(power - ratings.standby_kw) <= ratings.power_kw + 1e-12).all()


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_a_car_is_never_emptier_than_empty_nor_fuller_than_full(seed):
    ratings, state, _ = ev.examples(np.random.default_rng(seed), 20)
    inputs_of = lambda k: ev.examples(np.random.default_rng(seed + k), 20)[2]  # noqa: E731
    for after, power, inputs in _live(ev, seed, ratings, state, inputs_of):
        assert (after.energy_kwh >= 0.0).all()
        assert (after.energy_kwh <= ratings.capacity_kwh + 1e-9).all()
        assert (power[inputs.plugged < 0.5] == 0.0).all()
        assert ((power >= -ratings.discharge_kw) & (power <= ratings.charger_kw)).all()


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_a_tank_without_excessive_draws_stays_within_its_guards(seed):
    ratings, state, _ = water_heater.examples(np.random.default_rng(seed), 20)
    state = state._replace(tank_c=np.clip(state.tank_c, ratings.min_c, ratings.max_c))
    inputs = water_heater.Inputs(0.9 * ratings.heater_kw - ratings.loss_kw_per_k * 90.0, 20.0, 10.0)
    for after, power, _ in _live(water_heater, seed, ratings, state, lambda _k: inputs):
        assert (after.tank_c >= ratings.min_c - 1e-9).all()
        assert (after.tank_c <= ratings.max_c + 1e-9).all()
        assert ((power >= 0.0) & (power <= ratings.heater_kw * (1 + 1e-12))).all()


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_a_tank_is_never_colder_than_what_refills_it(seed):
    ratings, state, _ = water_heater.examples(np.random.default_rng(seed), 20)
    inputs_of = lambda k: water_heater.Inputs(15.0 * (k % 3), 20.0, 10.0)  # noqa: E731
    for after, _, _ in _live(water_heater, seed, ratings, state, inputs_of):
        assert (after.tank_c >= 10.0).all()


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_a_house_that_can_be_heated_stays_comfortable(seed):
    ratings, _, inputs = heat_pump.examples(np.random.default_rng(seed), 20)
    inputs = inputs._replace(temp_out_c=np.full(20, 0.0), gains_kw=np.full(20, 0.2))
    enough = heat_pump.cop(ratings, 0.0) * ratings.compressor_kw > ratings.loss_kw_per_k * inputs.comfort_high_c
    state = heat_pump.State(0.5 * (inputs.comfort_low_c + inputs.comfort_high_c))
    assert enough.any()
    for after, power, _ in _live(heat_pump, seed, ratings, state, lambda _k: inputs):
        assert (after.indoor_c >= inputs.comfort_low_c - 1e-9)[enough].all()
        assert (after.indoor_c <= inputs.comfort_high_c + 1e-9).all()
        assert ((power >= 0.0) & (power <= ratings.compressor_kw * (1 + 1e-12))).all()


@pytest.mark.parametrize("kind", [heat_pump, water_heater])
def test_own_control_alone_keeps_its_set_temperature(kind):
    ratings, state, inputs = kind.examples(np.random.default_rng(4), 200)
    if kind is heat_pump:
        inputs = inputs._replace(temp_out_c=np.full(200, 5.0), gains_kw=np.full(200, 0.1))
        low = high = inputs.set_c
    else:
        inputs = inputs._replace(draw_kw=np.zeros(200))
        low, high = ratings.set_c - ratings.dead_band_k, ratings.set_c
    for _ in range(2 * 96):
        state, _ = kind.step(ratings, state, np.full(200, np.nan), inputs, 2.0)
    shown = kind.state_value(ratings, state)
    assert ((shown >= low - 1e-9) & (shown <= high + 1e-9)).all()
