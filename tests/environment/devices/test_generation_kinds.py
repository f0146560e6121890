"""PV, plants at medium voltage, and load."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from environment.devices import load, mv_plant, pv


def _one(value):
    return np.array([float(value)])


@pytest.mark.parametrize(
    ("available", "setpoint", "power"),
    [(3.0, np.nan, -3.0), (3.0, -1.0, -1.0), (3.0, -9.0, -3.0), (3.0, 2.0, 0.0), (7.0, np.nan, -5.0), (0.0, -1.0, 0.0)],
    ids=["follows the sun", "curtailed", "no more than available", "never consumes", "inverter", "night"],
)
def test_pv_delivers_what_is_available_asked_for_and_rated(available, setpoint, power):
    _, found = pv.step(pv.Ratings(_one(5.0)), pv.State(), _one(setpoint), pv.Inputs(_one(available)), 0.25)
    assert found[0] == power


def test_what_pv_does_not_deliver_is_lost_to_curtailment_and_the_inverter():
    account = pv.account(pv.Ratings(_one(5.0)), pv.State(), _one(-1.0), pv.Inputs(7.0), 0.5)
    assert [column[0] for column in account] == [3.5, 0.0, 0.5, 3.0]


def test_a_load_ignores_every_set_point():
    ratings, inputs = load.Ratings(np.array([1.0, 2.0])), load.Inputs(1.5)
    for setpoint in (np.nan, 0.0, 99.0):
        _, power = load.step(ratings, load.State(), np.full(2, setpoint), inputs, 0.25)
        assert power.tolist() == [1.5, 3.0]
    low, high = load.feasible_kw(ratings, load.State(), inputs, 0.25)
    assert low.tolist() == high.tolist() == [1.5, 3.0]


def _plant(generation, setpoint, available=1000.0, ramp=np.inf, hours=0.25):
    ratings = mv_plant.Ratings(_one(1200.0), _one(ramp))
    state, power = mv_plant.step(
        ratings, mv_plant.State(_one(generation)), _one(setpoint), mv_plant.Inputs(available), hours
    )
    return state.generation_kw[0], power[0]


def test_a_plant_without_ramp_limit_follows_at_once():
    assert _plant(1000.0, -300.0) == (300.0, -300.0)
    assert _plant(0.0, np.nan, available=1500.0) == (1200.0, -1200.0)
    assert _plant(500.0, 50.0) == (0.0, 0.0)


def test_a_lull_needs_no_ramp_but_recovery_does():
    assert _plant(1000.0, np.nan, available=100.0, ramp=400.0) == (100.0, -100.0)
    assert _plant(100.0, np.nan, available=1000.0, ramp=400.0) == (200.0, -150.0)


@settings(max_examples=50)
@given(start=st.floats(0, 1000), goal=st.floats(0, 1000), ramp=st.floats(100, 1e4), hours=st.floats(0.01, 3.0))
def test_the_mean_of_a_ramp_is_its_integral(start, goal, ramp, hours):
    reached = abs(goal - start) / ramp
    output = lambda t: start + np.sign(goal - start) * min(t, reached) * ramp  # noqa: E731
    mean = quad(output, 0.0, hours, points=[min(reached, hours)])[0] / hours
    end, power = _plant(start, -goal, ramp=ramp, hours=hours)
    assert power == pytest.approx(-mean, abs=1e-6)
    assert end == pytest.approx(output(hours), abs=1e-6)


def test_a_ramped_plant_promises_what_ramping_up_and_down_reach():
    ratings, inputs = mv_plant.Ratings(_one(1200.0), _one(400.0)), mv_plant.Inputs(_one(1000.0))
    low, high = mv_plant.feasible_kw(ratings, mv_plant.State(_one(600.0)), inputs, 0.5)
    assert (low[0], high[0]) == (-700.0, -500.0)
