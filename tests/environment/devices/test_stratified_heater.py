"""Tanks with layers: plug flow, mixing, holding, the thermostat below, and agreement with small steps of the same equations."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from environment.devices import stratified_heater as heater
from environment.devices import water_heater

RATINGS = {
    "volume_l": 100.0, "upper_share": 0.5, "heater_kw": 1.5, "loss_kw_per_k": 1.5e-3, "exchange_kw_per_k": 1e-3, "set_c": 60.0,
    "dead_band_k": 5.0, "max_c": 70.0,
}  # fmt: skip
HALF = 50.0 * water_heater.WATER_KWH_PER_L_K
COLD, ROOM = 10.0, 20.0


def _ratings(**changed):
    return heater.Ratings(**{name: np.array([value]) for name, value in (RATINGS | changed).items()})


def _step(upper, lower, kw, hours, relay=0.0, draw=0.0, factor=1.0, **changed):
    state = heater.at_rest(np.array([upper]), np.array([lower]))._replace(relay=np.array([relay]))
    inputs = heater.Inputs(draw, ROOM, COLD, factor)
    state, power = heater.step(_ratings(**changed), state, np.array([kw]), inputs, hours)
    return state.upper_c[0], state.lower_c[0], power[0]


def test_a_draw_cools_the_lower_node_first():
    upper, lower, _ = _step(60.0, 60.0, 0.0, 0.25, draw=4.0)
    assert lower < 46.5 < 51.3 < 56.5 < upper  # a mixed tank would be at 51.3
    gone = HALF * (120.0 - upper - lower)
    assert gone == pytest.approx(1.0, abs=0.02)  # one kWh drawn, and what the jacket lost in a quarter of an hour


def test_free_layers_follow_their_two_equations():
    flow = 4.0 / (60.0 - COLD)

    def rates(_t, z):
        up = (flow * (z[1] - COLD) - 4.0 + 1e-3 * (z[1] - z[0]) - 0.75e-3 * (z[0] - ROOM)) / HALF
        low = (1.5 - flow * (z[1] - COLD) + 1e-3 * (z[0] - z[1]) - 0.75e-3 * (z[1] - ROOM)) / HALF
        return [up, low]

    path = solve_ivp(rates, (0, 0.25), [60.0, 50.0], rtol=1e-12, atol=1e-12)
    upper, lower, power = _step(60.0, 50.0, 1.5, 0.25, draw=4.0)
    assert (upper, lower) == pytest.approx(tuple(path.y[:, -1]), abs=1e-8)
    assert power == 1.5


def test_heating_reaches_the_outlet_only_when_the_lower_node_has_caught_up():
    upper, lower, _ = _step(50.0, 20.0, 1.5, 0.5)
    assert upper == pytest.approx(50.0, abs=0.6)
    assert lower == pytest.approx(20.0 + 0.75 / HALF, abs=0.8)
    upper, lower, _ = _step(50.0, 20.0, 1.5, 2.0)
    assert upper == lower > 50.0


def test_level_layers_without_draw_are_one_node():
    upper, lower, _ = _step(60.0, 60.0, 0.0, 24.0)
    assert upper == lower == pytest.approx(49.3495, abs=1e-4)


def test_a_set_power_is_held_at_the_safety_thermostat():
    upper, lower, power = _step(69.9, 69.9, 1.5, 10.0)
    assert upper == lower == 70.0
    assert power == pytest.approx((1.5e-3 * 50.0 * 10 + 2 * HALF * 0.1) / 10, abs=1e-3)


def test_a_set_point_of_nothing_leaves_the_tank_to_go_cold():
    upper, lower, power = _step(30.0, 20.0, 0.0, 24.0, draw=0.5)
    assert power == 0.0
    assert upper == lower == COLD


def test_people_cannot_draw_what_is_not_there():
    arguments = (
        _ratings(),
        heater.at_rest(np.array([12.0]), np.array([12.0])),
        np.zeros(1),
        heater.Inputs(3.0, ROOM, COLD, 1.0),
        1.0,
    )
    account = heater.account(*arguments)
    inside, from_room = 2 * HALF * 2.0, 1.5e-3 * 10.0
    assert account.used_kwh[0] == pytest.approx(inside + from_room, abs=2e-3)


def test_the_thermostat_feels_the_lower_node():
    _, _, power = _step(62.0, 54.0, np.nan, 0.1)
    assert power == pytest.approx(1.5)
    _, _, power = _step(54.0, 56.0, np.nan, 0.1)
    assert power == pytest.approx(1.5)  # warmer water below mixes at once
    _, _, power = _step(57.0, 56.0, np.nan, 0.1)
    assert power == 0.0


def test_without_insulation_the_loss_is_a_multiple():
    full, double = (_step(60.0, 60.0, 0.0, 0.01, factor=factor)[0] for factor in (1.0, 2.0))
    assert (60.0 - double) / (60.0 - full) == pytest.approx(2.0, abs=1e-3)


def test_the_flow_is_set_when_the_draw_begins_and_stays():
    ratings, inputs = _ratings(), heater.Inputs(6.0, ROOM, COLD, 1.0)
    state = heater.at_rest(np.array([60.0]), np.array([20.0]))
    first, _ = heater.step(ratings, state, np.zeros(1), inputs, 0.125)
    second, _ = heater.step(ratings, first, np.zeros(1), inputs, 0.125)
    assert second.flow_kw_per_k[0] == first.flow_kw_per_k[0] == 6.0 / 50.0
    other, _ = heater.step(ratings, first, np.zeros(1), inputs._replace(draw_kw=5.0), 0.125)
    assert other.flow_kw_per_k[0] == pytest.approx(5.0 / (first.upper_c[0] - COLD))


def test_what_cannot_be_is_named():
    wrong = heater.implausible(_ratings(upper_share=1.0, exchange_kw_per_k=0.0, max_c=50.0))
    assert [what for what, rows in wrong.items() if rows.any()] == [
        "upper_share is not between 0 and 1", "exchange_kw_per_k is not positive", "max_c is below set_c",
    ]  # fmt: skip
