import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from agents.strategies.home_model import cost_eur, house, own_controls, simulate, tank, thermal, with_net
from agents.strategies.home_view import HomePlan, homes


def test_tank_cools_as_its_reference_case():
    """100 l, UA 1.5 W/K, 20 degC around, 60 degC, no draw for 24 h."""
    view = homes(1, 96, 0.25, heater_c=60.0, heater_kwh_per_k=0.11628, heater_ua_kw_per_k=0.0015, heater_ambient_c=20.0)
    states = simulate(view, HomePlan(*(np.zeros((1, 96)) for _ in range(5))))
    assert abs(states.heater_c[0, -1] - 49.3495) < 5e-4


@given(st.integers(0, 10**6))
def test_exact_steps_agree_with_an_integrator(seed):
    chance = np.random.default_rng(seed)
    capacity, loss, around, heat, start = chance.uniform([0.05, 0.001, -5, 0, 15], [8, 0.3, 20, 6, 60])
    keep, per_kw = thermal(np.array([capacity]), np.array([loss]), 0.25)
    end = keep * start + (1 - keep) * around + per_kw * heat
    flow = solve_ivp(lambda _, T: (heat - loss * (T - around)) / capacity, (0, 0.25), [start], rtol=1e-10, atol=1e-10)
    assert abs(end[0] - flow.y[0, -1]) < 1e-6


def test_a_store_without_losses_is_an_integrator():
    keep, per_kw = thermal(np.array([2.0]), np.array([0.0]), 0.5)
    assert keep[0] == 1.0
    assert per_kw[0] == 0.25


def test_tank_and_house_drift_by_what_the_view_expects(population):
    view = population(7, 12)
    still = simulate(view, HomePlan(*(np.zeros((7, 12)) for _ in range(5))))
    np.testing.assert_allclose(still.heater_c[:, 1], tank(view).keep * view.heater_c + tank(view).drift[:, 0])
    np.testing.assert_allclose(still.house_c[:, 1], house(view).keep * view.house_c + house(view).drift[:, 0])


def test_battery_loses_what_its_efficiencies_say():
    view = homes(1, 2, 1.0, battery_kw=2.0, battery_eta_charge=0.9, battery_eta_discharge=0.8, battery_soc_kwh=1.0)
    zero = np.zeros((1, 2))
    states = simulate(view, with_net(view, zero, np.array([[2.0, -0.8]]), zero, zero))
    np.testing.assert_allclose(states.battery_kwh, [[1.0, 2.8, 1.8]])


def test_a_car_cannot_drive_below_empty():
    view = homes(1, 2, 1.0, ev_kwh=3.0, ev_drive_kwh=[[5.0, 0.0]])
    assert simulate(view, HomePlan(*(np.zeros((1, 2)) for _ in range(5)))).ev_kwh.tolist() == [[3.0, 0.0, 0.0]]


def test_own_controls_charge_on_arrival_and_hold_temperatures(population):
    view = population(40)
    plan = own_controls(view)
    states = simulate(view, plan)
    assert not plan.battery_kw.any()
    wanted = (view.ev_target_share * view.ev_kwh_capacity)[:, None]
    charging = plan.ev_kw > 0
    assert not (charging & ~view.ev_plugged).any()
    waits = view.ev_plugged & (view.ev_kw[:, None] > 0) & (plan.ev_kw < view.ev_kw[:, None] - 1e-9)
    assert (states.ev_kwh[:, 1:] >= wanted - 1e-9)[waits].all()
    warm = (view.hp_kw[:, None] > 0) & (plan.heat_pump_kw < view.hp_kw[:, None] - 1e-9)
    assert (states.house_c[:, 1:] >= view.house_set_c - 1e-9)[warm].all()


def test_cost_is_purchase_less_sale_plus_wear():
    view = homes(
        1,
        3,
        0.5,
        buy_eur_per_kwh=0.3,
        sell_eur_per_kwh=[[0.1, 0.1, 0.9]],
        battery_wear_eur_per_kwh=0.05,
        load_kw=[[2.0, 0.0, 0.0]],
    )
    zero = np.zeros((1, 3))
    plan = with_net(view, zero, np.array([[0.0, -4.0, -1.0]]), zero, zero)
    # 1 kWh bought; 2 kWh sold at 0.10; 0.5 kWh at 0.30, because no one sells dearer than he buys; 2.5 kWh of wear
    np.testing.assert_allclose(cost_eur(view, plan), [0.3 - 0.2 - 0.15 + 0.125])
