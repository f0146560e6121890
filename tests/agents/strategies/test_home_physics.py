"""The model a home has of itself against the devices of the world: a plan carried out there comes out as foreseen."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.strategies.home_model import simulate
from agents.strategies.home_plan import plan
from environment.devices import battery, ev, heat_pump, water_heater

WATER_KWH_PER_L_K = water_heater.WATER_KWH_PER_L_K


def full(view, value):
    return np.full(view.n, value)


def run(module, ratings, state, inputs_at, power_kw, hours):
    """Mean powers taken by the device under the planned set-points, and its states at the ends of the steps."""
    taken, states = [], []
    for t in range(power_kw.shape[1]):
        state, power = module.step(ratings, state, power_kw[:, t], inputs_at(t), hours)
        taken.append(power)
        states.append(module.state_value(ratings, state))
    return np.stack(taken, axis=1), np.stack(states, axis=1)


def assert_as_foreseen(has, planned, taken, expected, states, at_most_kw=1e-6):
    np.testing.assert_allclose(taken[has], planned[has], atol=at_most_kw)
    np.testing.assert_allclose(states[has], expected[has][:, 1:], atol=1e-6)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_battery_and_car_follow_the_plan(population, seed):
    view = population(20, 96, seed)
    planned = plan(view)
    expected = simulate(view, planned)
    capacity = np.maximum(view.battery_kwh, 1.0)
    ratings = battery.Ratings(
        capacity, view.battery_kw, view.battery_eta_charge, view.battery_eta_discharge, view.battery_min_kwh / capacity,
        view.battery_max_kwh / capacity, full(view, 0.0),
    )  # fmt: skip
    start = battery.State(view.battery_soc_kwh)
    taken, states = run(battery, ratings, start, lambda _: battery.Inputs(), planned.battery_kw, view.hours)
    assert_as_foreseen(view.battery_kw > 0, planned.battery_kw, taken, expected.battery_kwh, states)

    cars = ev.Ratings(
        view.ev_kwh_capacity, view.ev_kw, full(view, 0.0), view.ev_eta_charge, full(view, 0.9), full(view, 0.0)
    )

    def inputs(t):
        away = ~view.ev_plugged[:, t]
        return ev.Inputs(1.0 - away, 1.0 * away, view.ev_drive_kwh[:, t] / view.hours, view.ev_target_share)

    taken, states = run(ev, cars, ev.State(view.ev_kwh), inputs, planned.ev_kw, view.hours)
    assert_as_foreseen(view.ev_kw > 0, planned.ev_kw, taken, expected.ev_kwh, states)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_tank_follows_the_plan(population, seed):
    view = population(20, 96, seed)
    planned = plan(view)
    ratings = water_heater.Ratings(
        view.heater_kwh_per_k / WATER_KWH_PER_L_K, view.heater_kw, view.heater_ua_kw_per_k, full(view, 60.0), full(view, 5.0),
        full(view, 10.0), view.heater_high_c + 0.01,
    )  # fmt: skip

    def inputs(t):
        return water_heater.Inputs(view.heater_draw_kwh[:, t] / view.hours, view.heater_ambient_c, 5.0)

    start = water_heater.State(view.heater_c, full(view, 0.0))
    taken, states = run(water_heater, ratings, start, inputs, planned.heater_kw, view.hours)
    assert_as_foreseen(view.heater_kw > 0, planned.heater_kw, taken, simulate(view, planned).heater_c, states)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_building_follows_the_plan_inside_the_guards_of_the_real_heat_pump(population, seed):
    view = population(20, 96, seed)
    ratings = heat_pump.Ratings(
        np.maximum(view.hp_kw, 1.0), full(view, 0.0), full(view, -50.0), full(view, 1.1), full(view, 0.0), full(view, 0.0),
        full(view, 35.0), full(view, 0.5), view.house_kwh_per_k, view.house_loss_kw_per_k,
    )  # fmt: skip
    cop = np.stack([heat_pump.cop(ratings, view.temp_out_c[:, t]) for t in range(view.m)], axis=1)
    view = view._replace(hp_cop=cop)
    planned = plan(view)

    def inputs(t):
        low, high = view.house_low_c[:, t] - 1e-7, view.house_high_c[:, t] + 1e-7
        return heat_pump.Inputs(view.temp_out_c[:, t], view.gains_kw[:, t], low, high, view.house_set_c[:, t])

    taken, states = run(heat_pump, ratings, heat_pump.State(view.house_c), inputs, planned.heat_pump_kw, view.hours)
    assert_as_foreseen(view.hp_kw > 0, planned.heat_pump_kw, taken, simulate(view, planned).house_c, states, 1e-5)
