import numpy as np
import pytest

from agents.strategies.home_view import HomePlan, charged_at_end, homes, keep_start, problems, put_plan, take, take_plan


def test_a_home_without_columns_has_no_device():
    view = homes(3, 4, 0.25)
    assert (view.n, view.m) == (3, 4)
    assert not any(getattr(view, name).any() for name in ("battery_kw", "ev_kw", "heater_kw", "hp_kw", "load_kw"))
    assert problems(view) == []


def test_columns_are_broadcast_and_terminal_states_are_the_present_ones():
    view = homes(2, 3, 1.0, load_kw=np.arange(3.0), heater_c=[50.0, 60.0])
    np.testing.assert_array_equal(view.load_kw, [[0, 1, 2], [0, 1, 2]])
    np.testing.assert_array_equal(view.heater_end_c, [50.0, 60.0])
    later = view._replace(heater_c=np.array([55.0, 40.0]))
    np.testing.assert_array_equal(keep_start(later).heater_end_c, [55.0, 40.0])


def test_unknown_columns_and_wrong_shapes_are_refused_by_name():
    with pytest.raises(ValueError, match="no column ev_power, pv;"):
        homes(2, 3, 0.25, ev_power=1.0, pv=0.0)
    with pytest.raises(ValueError, match=r"load_kw: shape \(4,\) does not fit \(2, 3\)"):
        homes(2, 3, 0.25, load_kw=np.zeros(4))


def test_all_problems_are_named_at_once():
    view = homes(2, 3, 0.25, pv_kw=-1.0, load_kw=np.nan, battery_eta_charge=0.0, heater_low_c=99.0)
    text = " | ".join(problems(view))
    for name in ("pv_kw", "load_kw", "battery_eta_charge", "heater_low_c is above heater_high_c"):
        assert name in text


def test_rows_of_views_and_plans_are_taken_and_put_back(population):
    view = population(5, 8)
    part = take(view, np.array([3, 1]))
    np.testing.assert_array_equal(part.pv_kw, view.pv_kw[[3, 1]])
    old = HomePlan(*(np.zeros((5, 8)) for _ in range(5)))
    new = put_plan(old, np.array([3, 1]), HomePlan(*(np.full((2, 8), k) for k in range(1, 6))))
    assert not old.net_kw.any()
    np.testing.assert_array_equal(new.net_kw[:, 0], [0, 5, 0, 5, 0])
    np.testing.assert_array_equal(take_plan(new, slice(3, 4)).ev_kw, np.ones((1, 8)))


def test_cars_at_the_charger_at_the_end_must_be_ready():
    view = homes(2, 3, 1.0, ev_kwh_capacity=50.0, ev_target_share=0.8, ev_kwh=20.0, ev_plugged=[[0, 1, 1], [1, 1, 0]])
    np.testing.assert_array_equal(charged_at_end(view).ev_end_kwh, [40.0, 20.0])
