import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.strategies.home_control import heat_ahead, needs_replan, set_points, splice
from agents.strategies.home_model import simulate
from agents.strategies.home_plan import plan, replan
from agents.strategies.home_view import HomePlan, homes, take, take_plan


def later(view, states, step, **measured):
    """The view at a later step, as forecast except for what was measured."""
    moved = {name: getattr(view, name)[:, step:].copy() for name in view._fields[2:] if getattr(view, name).ndim == 2}
    content = {
        "ev_kwh": states.ev_kwh[:, step], "battery_soc_kwh": states.battery_kwh[:, step], "heater_c": states.heater_c[:, step],
        "house_c": states.house_c[:, step],
    }  # fmt: skip
    return view._replace(start_step=view.start_step + step, **(moved | content | measured))


def measured(columns, values):
    """A forecast whose first step is replaced by the measured present."""
    changed = columns.copy()
    changed[:, 0] = values
    return changed


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), step=st.integers(0, 94))
def test_when_all_is_as_foreseen_the_set_points_are_the_plan(population, seed, step):
    view = population(20, 96, seed)
    planned = plan(view)
    now = later(view, simulate(view, planned), step)
    points = set_points(now, planned, step, ordered=np.ones(20, bool))
    for name in ("ev_kw", "battery_kw"):
        np.testing.assert_allclose(getattr(points, name), getattr(planned, name)[:, step], atol=1e-6)
    for name in ("heater_kw", "heat_pump_kw"):
        assert (getattr(points, name) >= getattr(planned, name)[:, step] - 1e-6).all()
    assert not needs_replan(now, view, simulate(view, planned), step).any()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_set_points_stay_in_ratings_energies_and_contract(population, seed):
    chance = np.random.default_rng(seed)
    view = population(40, 16, seed, contracted_kw=4.0)
    planned = plan(view)
    surprise = chance.uniform(0, 3, 40)
    now = later(view, simulate(view, planned), 8)
    now = now._replace(
        load_kw=measured(now.load_kw, surprise),
        battery_soc_kwh=chance.uniform(now.battery_min_kwh, now.battery_max_kwh),
    )
    points = set_points(now, planned, 8)
    net = surprise - now.pv_kw[:, 0] + points.ev_kw + points.battery_kw + points.heater_kw + points.heat_pump_kw
    lone = surprise - now.pv_kw[:, 0] + points.heat_pump_kw
    assert (net <= np.maximum(4.0, lone) + 1e-9).all()
    assert (points.ev_kw >= 0).all()
    assert (points.heater_kw >= 0).all()
    assert (np.abs(points.battery_kw) <= now.battery_kw + 1e-9).all()
    stored = np.where(points.battery_kw > 0, points.battery_kw * 0.95, points.battery_kw / 0.94) * view.hours
    held = now.battery_soc_kwh + stored
    assert (held >= now.battery_min_kwh - 1e-9).all()
    assert (held <= now.battery_max_kwh + 1e-9).all()


def sunny(**columns):
    base = {
        "buy_eur_per_kwh": 0.3, "sell_eur_per_kwh": 0.05, "contracted_kw": 5.0, "battery_kw": 3.0, "battery_kwh": 10.0,
        "battery_max_kwh": 10.0, "battery_soc_kwh": 5.0,
    }  # fmt: skip
    return homes(1, 2, 1.0, **(base | columns))


def column(ev=0.0, battery=0.0, heater=0.0, heat_pump=0.0, net=0.0) -> HomePlan:
    return HomePlan(*(np.full((1, 2), value) for value in (ev, battery, heater, heat_pump, net)))


def test_the_battery_takes_the_surplus_that_is_there():
    planned = column(battery=1.0, net=0.0)
    assert set_points(sunny(pv_kw=2.5, load_kw=0.5), planned, 0).battery_kw == pytest.approx(2.0)
    assert set_points(sunny(pv_kw=0.8, load_kw=0.5), planned, 0).battery_kw == pytest.approx(0.3)
    assert set_points(sunny(pv_kw=0.0, load_kw=0.5), planned, 0).battery_kw == pytest.approx(0.0)


def test_the_battery_covers_the_load_that_is_there():
    planned = column(battery=-1.0, net=0.0)
    assert set_points(sunny(load_kw=1.6), planned, 0).battery_kw == pytest.approx(-1.6)
    assert set_points(sunny(load_kw=0.2), planned, 0).battery_kw == pytest.approx(-0.2)
    assert set_points(sunny(load_kw=9.0, contracted_kw=50.0), planned, 0).battery_kw == pytest.approx(-3.0)


def test_charging_planned_from_the_grid_stays_as_planned():
    assert set_points(sunny(load_kw=1.0), column(battery=2.0, net=2.5), 0).battery_kw == pytest.approx(2.0)


def test_under_an_order_the_battery_keeps_the_planned_net_load():
    planned = column(battery=-1.0, net=0.5)
    points = set_points(sunny(load_kw=2.5), planned, 0, ordered=np.array([True]))
    assert points.battery_kw == pytest.approx(-2.0)


def test_an_empty_battery_gives_nothing():
    assert set_points(sunny(load_kw=2.0, battery_soc_kwh=0.0), column(battery=-2.0), 0).battery_kw == 0.0


def test_the_car_is_shed_first_then_charging_then_hot_water():
    view = sunny(
        load_kw=1.0, ev_kw=4.0, ev_kwh_capacity=50.0, ev_plugged=True, heater_kw=2.0, heater_kwh_per_k=0.2, heater_c=50.0,
        heater_low_c=45.0,
    )  # fmt: skip
    planned = column(ev=4.0, battery=2.0, heater=1.5, net=8.5)

    def powers(contracted):
        points = set_points(view._replace(contracted_kw=np.array([contracted])), planned, 0)
        return [float(points.ev_kw[0]), float(points.battery_kw[0]), float(points.heater_kw[0])]

    assert powers(8.5) == pytest.approx([4.0, 2.0, 1.5])
    assert powers(5.0) == pytest.approx([0.5, 2.0, 1.5])
    assert powers(3.0) == pytest.approx([0.0, 0.5, 1.5])
    assert powers(2.0) == pytest.approx([0.0, 0.0, 1.0])


def test_comfort_guards_come_before_the_plan():
    cold = homes(
        1, 2, 1.0, hp_kw=2.0, hp_cop=3.0, house_kwh_per_k=10.0, house_c=19.0, house_low_c=20.0, house_high_c=22.0
    )
    assert set_points(cold, column(), 0).heat_pump_kw == 2.0  # 10 kWh are missing, 6 can be had
    warm = cold._replace(house_c=np.array([21.9]))
    assert set_points(warm, column(heat_pump=2.0), 0).heat_pump_kw == pytest.approx(1.0 / 3.0)


def test_a_car_that_is_away_or_full_is_not_charged():
    view = sunny(ev_kw=4.0, ev_kwh_capacity=50.0, ev_kwh=49.0, ev_plugged=[[True, False]])
    assert set_points(view, column(ev=4.0), 0).ev_kw == pytest.approx(1.0)
    assert set_points(view._replace(ev_plugged=np.array([[False, True]])), column(ev=4.0), 0).ev_kw == 0.0


def test_homes_on_manual_control_get_no_set_points(population):
    view = population(6, 8, 1, automatic=np.arange(6) < 2)
    points = set_points(view, plan(view), 0)
    for power in points:
        assert np.isnan(power[2:]).all()
        assert not np.isnan(power[:2]).any()


def test_only_what_differs_beyond_tolerance_is_planned_again(population):
    view = population(12, 96, 3, share=1.0)
    planned = plan(view)
    expected = simulate(view, planned)
    step = 40  # all cars at home
    now = later(view, expected, step)
    assert not needs_replan(now, view, expected, step).any()
    changes = {
        "ev_kwh": -3.0, "battery_soc_kwh": 2.0, "heater_c": -4.0, "house_c": 1.0,
    }  # fmt: skip
    for row, (name, difference) in enumerate(changes.items()):
        moved = getattr(now, name).copy()
        moved[row] += difference
        surprised = now._replace(**{name: moved})
        assert np.flatnonzero(needs_replan(surprised, view, expected, step)).tolist() == [row]
    gone = now._replace(ev_plugged=measured(now.ev_plugged, np.arange(12) != 7))
    assert np.flatnonzero(needs_replan(gone, view, expected, step)).tolist() == [7]
    manual = gone._replace(automatic=np.zeros(12, bool))
    assert not needs_replan(manual, view, expected, step).any()


def test_a_car_that_comes_home_emptier_is_charged_by_its_departure_all_the_same(population):
    view = population(8, 96, 21, share=1.0)
    planned = plan(view)
    expected = simulate(view, planned)
    now = later(view, expected, 40, ev_kwh=expected.ev_kwh[:, 40] - np.where(np.arange(8) == 2, 6.0, 0.0))
    rows = needs_replan(now, view, expected, 40)
    assert np.flatnonzero(rows).tolist() == [2]
    rest = HomePlan(*(power[:, 40:] for power in planned))
    new = splice(planned, replan(now, rest, rows), rows, 40)
    for old_power, new_power in zip(planned, new, strict=True):
        np.testing.assert_array_equal(old_power[~rows], new_power[~rows])
        np.testing.assert_array_equal(old_power[:, :40], new_power[:, :40])
    energy = simulate(now, HomePlan(*(power[:, 40:] for power in new))).ev_kwh
    departs = np.flatnonzero(view.ev_plugged[2, :-1] & ~view.ev_plugged[2, 1:])[-1] + 1
    assert energy[2, departs - 40] >= view.ev_target_share[2] * view.ev_kwh_capacity[2] - 1e-6


def test_set_points_of_a_row_depend_on_it_alone_bit_for_bit(population):
    view = population(9, 16, 4, contracted_kw=5.0)
    planned = plan(view)
    together = set_points(view, planned, 0)
    for rows in (np.array([4]), np.array([8, 1, 5])):
        for one, all_ in zip(set_points(take(view, rows), take_plan(planned, rows), 0), together, strict=True):
            np.testing.assert_array_equal(one, all_[rows])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_heating_ahead_is_what_the_set_points_will_be_if_nothing_unforeseen_comes(population, seed):
    view = population(20, 8, seed)
    chance = np.random.default_rng(seed)
    view = view._replace(heater_c=chance.uniform(view.heater_low_c - 3.0, view.heater_high_c + 2.0))
    planned = plan(view)._replace(
        heater_kw=chance.uniform(0.0, 1.0, (20, 8)) * view.heater_kw[:, None],
        heat_pump_kw=chance.uniform(0.0, 1.0, (20, 8)) * view.hp_kw[:, None],
    )
    heater, heat_pump = heat_ahead(view, planned.heater_kw, planned.heat_pump_kw)
    states = simulate(view, planned._replace(heater_kw=heater, heat_pump_kw=heat_pump))
    quiet = view._replace(contracted_kw=np.full(20, 1e6))
    for step in range(8):
        points = set_points(later(quiet, states, step), planned, step)
        np.testing.assert_allclose(np.where(view.automatic, heater[:, step], np.nan), points.heater_kw, atol=1e-9)
        np.testing.assert_allclose(np.where(view.automatic, heat_pump[:, step], np.nan), points.heat_pump_kw, atol=1e-9)


def test_a_full_tank_is_not_planned_to_be_heated(population):
    view = population(20, 4, 3)
    view = view._replace(heater_c=view.heater_high_c.copy(), heater_draw_kwh=np.zeros((20, 4)))
    heater, _ = heat_ahead(view, np.repeat(view.heater_kw[:, None], 4, axis=1), np.zeros((20, 4)))
    lost_kw = view.heater_ua_kw_per_k * (view.heater_high_c - view.heater_ambient_c)
    np.testing.assert_allclose(heater, np.repeat(np.minimum(lost_kw, view.heater_kw)[:, None], 4, axis=1), atol=1e-9)
