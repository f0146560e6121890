"""Battery and electric vehicle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from environment.devices import battery, ev

NOTHING = np.array([np.nan])


def _column(record, *values):
    return record(*(np.array([float(value)]) for value in values))


def _battery(power=5.0, eta=0.95, low=0.1, high=0.9, standby=0.0):
    return _column(battery.Ratings, 10.0, power, eta, eta, low, high, standby)


def _charge(ratings, energy, kw, hours=1.0):
    state, power = battery.step(ratings, _column(battery.State, energy), np.array([kw]), battery.Inputs(), hours)
    return state.energy_kwh[0], power[0]


def test_a_battery_left_alone_idles_and_pays_its_standby():
    energy, power = _charge(_battery(standby=0.02), 5.0, np.nan)
    assert (energy, power) == (5.0, 0.02)


def test_a_full_battery_takes_no_more_and_an_empty_one_gives_no_more():
    assert _charge(_battery(), 9.0, 3.0) == (9.0, 0.0)
    assert _charge(_battery(), 1.0, -3.0) == (1.0, 0.0)


def test_a_battery_below_its_minimum_may_only_charge():
    assert _charge(_battery(), 0.5, -3.0) == (0.5, 0.0)
    assert _charge(_battery(), 0.5, 1.0) == (pytest.approx(1.45), 1.0)


def test_the_power_rating_binds_both_ways():
    assert _charge(_battery(power=2.0), 5.0, 9.0)[1] == 2.0
    assert _charge(_battery(power=2.0), 5.0, -9.0)[1] == -2.0


def test_the_set_point_is_what_the_grid_sees_standby_included():
    energy, power = _charge(_battery(eta=1.0, standby=0.1), 5.0, 1.0)
    assert power == 1.0
    assert energy == pytest.approx(5.9)


def test_a_step_that_meets_the_bound_has_the_mean_of_both_parts():
    """From 8 to 9 kWh at 0.95 takes 1/0.95 kWh, whatever power was asked for."""
    assert _charge(_battery(), 8.0, 4.0)[1] == pytest.approx(1 / 0.95)


@given(kwh=st.floats(0.01, 6.0), eta=st.floats(0.5, 1.0))
def test_a_round_trip_returns_the_product_of_the_efficiencies(kwh, eta):
    ratings = _column(battery.Ratings, 100.0, 10.0, eta, eta, 0.0, 1.0, 0.0)
    energy, _ = _charge(ratings, 0.0, kwh)
    empty, power = _charge(ratings, energy, -10.0)
    assert power == pytest.approx(-kwh * eta**2)
    assert empty == pytest.approx(0.0, abs=1e-12)


def _car(discharge=0.0):
    return _column(ev.Ratings, 50.0, 7.4, discharge, 0.9, 0.9, 0.2)


def _park(ratings, energy, kw, hours=1.0, plugged=1.0, away=0.0, driven=0.0, target=0.8):
    inputs = ev.Inputs(plugged, away, driven, target)
    state, power = ev.step(ratings, _column(ev.State, energy), np.array([kw]), inputs, hours)
    return state.energy_kwh[0], power[0]


def test_a_car_charges_at_once_to_its_target_and_stops():
    assert _park(_car(), 10.0, np.nan)[1] == 7.4
    energy, power = _park(_car(), 39.1, np.nan)
    assert energy == pytest.approx(40.0)
    assert power == pytest.approx(1.0)
    assert _park(_car(), 41.0, np.nan) == (41.0, 0.0)


def test_a_set_point_may_charge_beyond_the_target_but_not_beyond_full():
    energy, power = _park(_car(), 49.1, 7.4)
    assert energy == pytest.approx(50.0)
    assert power == pytest.approx(1.0)


@pytest.mark.parametrize("where", [{"plugged": 0.0}, {"plugged": 1.0, "away": 1.0}, {"plugged": 0.0, "away": 1.0}])
@pytest.mark.parametrize("kw", [np.nan, 5.0, -5.0])
def test_a_car_that_is_not_connected_takes_nothing(where, kw):
    assert _park(_car(discharge=5.0), 30.0, kw, **where) == (30.0, 0.0)


def test_driving_takes_energy_and_an_empty_car_charges_elsewhere():
    assert _park(_car(), 30.0, np.nan, away=1.0, plugged=0.0, driven=8.0) == (22.0, 0.0)
    assert _park(_car(), 5.0, np.nan, away=1.0, plugged=0.0, driven=8.0) == (0.0, 0.0)
    account = ev.account(_car(), _column(ev.State, 5.0), NOTHING, ev.Inputs(0.0, 1.0, 8.0, 0.8), 1.0)
    assert account.supplied_kwh[0] == pytest.approx(3.0)
    assert account.used_kwh[0] == pytest.approx(8.0)


def test_a_parked_car_drives_nowhere():
    assert _park(_car(), 30.0, 0.0, driven=8.0) == (30.0, 0.0)


def test_one_way_charging_never_discharges_and_two_way_stops_at_its_minimum():
    assert _park(_car(), 30.0, -5.0) == (30.0, 0.0)
    energy, power = _park(_car(discharge=7.0), 12.0, -5.0)
    assert energy == pytest.approx(10.0)
    assert power == pytest.approx(-1.8)
    assert _park(_car(discharge=7.0), 9.0, -5.0) == (9.0, 0.0)


def test_a_mean_power_below_the_minimum_current_is_met_by_pulsing():
    assert ev.min_charging_kw(1) > 0.5
    assert _park(_car(), 20.0, 0.5)[1] == 0.5
