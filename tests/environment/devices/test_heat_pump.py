"""Heat pump and building: guards, thermostat, COP, and the path against an integrator with events."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from environment.devices import heat_pump

RATINGS = {
    "compressor_kw": 3.0, "backup_kw": 0.0, "bivalence_c": -5.0, "fleet_factor": 1.1, "ground_share": 0.0, "ground_c": 10.0,
    "flow_c": 40.0, "flow_slope": 1.0, "capacity_kwh_per_k": 8.0, "loss_kw_per_k": 0.2,
}  # fmt: skip
COMFORT = {"temp_out_c": 2.0, "gains_kw": 0.3, "comfort_low_c": 19.0, "comfort_high_c": 23.0, "set_c": 21.0}


def _ratings(**changed):
    return heat_pump.Ratings(**{name: np.array([value]) for name, value in (RATINGS | changed).items()})


def _step(start, kw, hours, ratings=None, **changed):
    ratings = ratings or _ratings()
    inputs = heat_pump.Inputs(**(COMFORT | changed))
    state, power = heat_pump.step(ratings, heat_pump.State(np.array([start])), np.array([kw]), inputs, hours)
    return state.indoor_c[0], power[0]


def _integrated(start, law, hours, **changed):
    """Indoor temperature and mean power with ``law(temperature) -> electric kW``, by small tolerances."""
    given = COMFORT | changed
    cop = heat_pump.cop(_ratings(), given["temp_out_c"])[0]

    def slope(_t, y):
        kw = law(y[0])
        heat = cop * kw + given["gains_kw"]
        return [(heat - 0.2 * (y[0] - given["temp_out_c"])) / 8.0, kw]

    found = solve_ivp(slope, (0.0, hours), [start, 0.0], rtol=1e-9, atol=1e-10, max_step=hours / 400)
    return found.y[0, -1], found.y[1, -1] / hours


@settings(max_examples=25, deadline=None)
@given(start=st.floats(20.0, 21.5), kw=st.floats(0.0, 3.0), out=st.floats(-10.0, 15.0))
def test_within_comfort_the_path_is_the_integrated_one(start, kw, out):
    found, power = _step(start, kw, 0.5, temp_out_c=out)
    expected, _ = _integrated(start, lambda _t: kw, 0.5, temp_out_c=out)
    assert found == pytest.approx(expected, abs=1e-6)
    assert power == pytest.approx(kw)


def test_below_comfort_the_guard_heats_fully_whatever_the_set_point():
    for kw in (0.0, 1.0, -4.0):
        assert _step(17.0, kw, 0.25)[1] == 3.0


def test_above_comfort_the_guard_stops():
    assert _step(24.0, 3.0, 0.25)[1] == 0.0


def test_the_guard_releases_the_set_point_at_the_exact_crossing():
    found, power = _step(18.5, 2.0, 1.0)
    expected, mean = _integrated(18.5, lambda t: 3.0 if t < 19.0 else 2.0, 1.0)
    assert 2.2 < mean < 2.8
    assert power == pytest.approx(mean, abs=5e-3)
    assert found == pytest.approx(expected, abs=2e-3)


def test_a_cooling_house_is_held_at_the_lower_bound():
    found, power = _step(19.5, 0.0, 48.0)
    hold = (0.2 * (19.0 - 2.0) - 0.3) / heat_pump.cop(_ratings(), 2.0)[0]
    assert found == pytest.approx(19.0)
    assert 0.9 * hold < power < hold
    assert _step(19.0, 0.0, 5.0)[1] == pytest.approx(hold)


def test_a_heated_house_is_held_at_the_upper_bound():
    found, power = _step(22.9, 3.0, 24.0)
    hold = (0.2 * (23.0 - 2.0) - 0.3) / heat_pump.cop(_ratings(), 2.0)[0]
    assert found == pytest.approx(23.0)
    assert hold < power < 1.1 * hold


def test_gains_may_lift_the_house_above_comfort():
    found, power = _step(23.0, 3.0, 5.0, temp_out_c=25.0, gains_kw=3.0)
    assert found > 24.0
    assert power == 0.0


def test_the_thermostat_moves_to_its_set_temperature_and_holds_it():
    hold = (0.2 * (21.0 - 2.0) - 0.3) / heat_pump.cop(_ratings(), 2.0)[0]
    assert _step(20.9, np.nan, 6.0)[0] == pytest.approx(21.0)
    assert _step(21.0, np.nan, 6.0)[1] == pytest.approx(hold)
    assert _step(21.5, np.nan, 0.1)[1] == 0.0
    assert _step(20.0, np.nan, 0.1)[1] == 3.0


def test_a_set_temperature_outside_comfort_is_cut_to_it():
    assert _step(23.0, np.nan, 6.0, set_c=30.0)[0] == pytest.approx(23.0)


def test_lifts_are_cut_to_the_range_of_the_regression():
    warm, hot = heat_pump.cop(_ratings(flow_c=30.0, flow_slope=0.0), 18.0), heat_pump.cop(_ratings(flow_c=30.0), 29.0)
    assert warm[0] == hot[0] == pytest.approx(1.1 * (6.81 - 0.121 * 15 + 0.00063 * 225))
    coldest = heat_pump.cop(_ratings(), -15.0)[0]
    assert coldest == pytest.approx(1.1 * (6.81 - 0.121 * 60 + 0.00063 * 3600)) == heat_pump.cop(_ratings(), -20.0)[0]


def test_a_ground_source_knows_no_frost():
    ground = _ratings(ground_share=1.0, flow_slope=0.0)
    assert (
        heat_pump.cop(ground, -15.0)[0]
        == heat_pump.cop(ground, 10.0)[0]
        == pytest.approx(1.1 * heat_pump.cop_ground(np.array([30.0]))[0])
    )


def test_the_backup_runs_below_the_bivalence_point_only():
    ratings = _ratings(backup_kw=6.0)
    assert _step(15.0, 0.0, 0.1, ratings=ratings, temp_out_c=-6.0)[1] == 9.0
    assert _step(15.0, 0.0, 0.1, ratings=ratings, temp_out_c=-4.0)[1] == 3.0


def test_a_house_heated_steadily_takes_less_than_one_that_needs_its_backup_later():
    """Why ``proportional`` is false there: asking for less takes more."""
    ratings = _ratings(backup_kw=6.0, compressor_kw=1.0, loss_kw_per_k=0.16, capacity_kwh_per_k=4.0)
    (cold, lazy), (as_cold, steady) = (_step(20.0, kw, 10.0, ratings=ratings, temp_out_c=-8.0) for kw in (0.0, 1.0))
    assert not heat_pump.proportional(ratings, heat_pump.Inputs(**(COMFORT | {"temp_out_c": -8.0})))[0]
    assert cold == as_cold == pytest.approx(19.0)
    assert steady < lazy - 0.05


def test_feasible_power_keeps_comfort_to_the_end_of_the_hours():
    ratings, state, inputs = heat_pump.examples(np.random.default_rng(8), 500)
    low, high = heat_pump.feasible_kw(ratings, state, inputs, 4.0)
    free = ~heat_pump.forced(ratings, state, inputs)
    for asked in (low, high):
        after, _ = heat_pump.step(ratings, state, asked, inputs, 4.0)
        unit_full = (asked >= ratings.compressor_kw) | (asked <= 0.0)
        inside = (after.indoor_c >= inputs.comfort_low_c - 1e-9) & (after.indoor_c <= inputs.comfort_high_c + 1e-9)
        assert (inside | ~free | unit_full).all()
    assert (high - low)[free].max() > 1.0
