import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.strategies import procurement
from agents.strategies.procurement import ServiceWindow
from experiments.covers import covers

flows = st.lists(st.floats(-300, 300), min_size=1, max_size=12)


@covers("SUC06.1/r10")
def test_the_need_is_what_the_forecast_with_margin_exceeds_the_limit_by():
    found = procurement.needs([[90.0, 100.0, 120.0]], [100.0], margin_share=0.05, granularity_kw=0.1)
    np.testing.assert_allclose(found.up_kw, [[0, 5, 26]])
    assert (found.down_kw == 0).all()


@covers("SUC06.1/r08")
def test_reverse_flow_asks_for_more_net_load():
    found = procurement.needs([[-120.0]], [100.0])
    np.testing.assert_allclose((found.up_kw, found.down_kw), [[[0.0]], [[20.0]]])


def test_needs_are_rounded_up_to_the_granularity_but_not_for_rounding_noise():
    found = procurement.needs([[100.01, 101.0, 100.0 + 1e-12]], [100.0], granularity_kw=0.5)
    np.testing.assert_allclose(found.up_kw, [[0.5, 1.0, 0.0]])


def test_margins_by_horizon_add_up():
    found = procurement.needs([[100.0, 100.0]], [100.0], margin_kw=[[1.0, 2.0]])
    np.testing.assert_allclose(found.up_kw, [[1, 2]])


@given(flows, st.floats(0, 200), st.floats(0, 50), st.floats(0, 0.5))
def test_a_tighter_limit_never_asks_for_less(row, limit, tighter, margin):
    loose = procurement.needs([row], [limit + tighter], margin_share=margin)
    tight = procurement.needs([row], [limit], margin_share=margin)
    assert (tight.up_kw >= loose.up_kw).all()
    assert (tight.down_kw >= loose.down_kw).all()


@given(flows, st.floats(0, 200))
def test_a_flow_has_a_need_or_headroom_never_both(row, limit):
    need, room = procurement.needs([row], [limit], granularity_kw=1e-6), procurement.headrooms([row], [limit])
    assert (np.minimum(need.up_kw, room.down_kw) <= 1e-6).all()
    assert (np.minimum(need.down_kw, room.up_kw) <= 1e-6).all()
    np.testing.assert_allclose(np.maximum(limit - np.array([row]), 0), room.down_kw)


@pytest.mark.parametrize("bad", [{"limit_kw": [-1.0]}, {"margin_share": -0.1}, {"forecast_kw": [[np.nan]]}])
def test_senseless_input_is_refused(bad):
    given_ = {"forecast_kw": [[1.0]], "limit_kw": [1.0], "margin_share": 0.0} | bad
    with pytest.raises(ValueError, match="needs"):
        procurement.needs(given_.pop("forecast_kw"), given_.pop("limit_kw"), **given_)


@covers("SUC06.1/r10")
def test_windows_are_runs_by_constraint_and_direction():
    found = procurement.Needs(
        np.array([[0, 2, 3, 0, 0, 1], [0, 0, 0, 0, 0, 0.0]]), np.array([[0, 0, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0.0]])
    )
    assert procurement.service_windows(found, 0.25) == [
        ServiceWindow(0, "up", 1, 3, 3.0, 1.25),
        ServiceWindow(0, "up", 5, 6, 1.0, 0.25),
        ServiceWindow(1, "down", 0, 1, 4.0, 1.0),
    ]


def test_short_breaks_are_bridged():
    found = procurement.Needs(np.array([[1, 0, 0, 1, 0, 0, 0, 1.0]]), np.zeros((1, 8)))
    windows = procurement.service_windows(found, 1.0, bridge=2)
    assert [(w.first, w.stop, w.energy_kwh) for w in windows] == [(0, 4, 2.0), (7, 8, 1.0)]


@given(flows)
def test_windows_hold_the_whole_need(row):
    found = procurement.needs([row], [100.0])
    energy = sum(w.energy_kwh for w in procurement.service_windows(found, 0.25))
    assert energy == pytest.approx((found.up_kw.sum() + found.down_kw.sum()) * 0.25)


def test_an_active_call_does_not_hide_the_need_it_covers():
    assert procurement.flow_without_call([95.0, -95.0, 0.0], [10.0, 10.0, 3.0]).tolist() == [105.0, -105.0, 3.0]


def test_the_present_error_fades_over_the_next_intervals():
    ahead = procurement.near_flow([110.0], [[100.0, 90.0]], [100.0], memory=0.5)
    np.testing.assert_allclose(ahead, [[105.0, 92.5]])
    with pytest.raises(ValueError, match="memory"):
        procurement.near_flow([1.0], [[1.0]], [1.0], memory=1.5)


def test_calls_are_made_cheapest_per_relief_first():
    called = procurement.call_kw([6.0], [[1.0, 0.5, 1.0]], [4.0, 10.0, 5.0], [0.3, 0.1, 0.4])
    np.testing.assert_allclose(called, [1.0, 10.0, 0.0])


def test_what_is_called_for_one_constraint_counts_for_the_next():
    called = procurement.call_kw([5.0, 3.0], [[1.0, 1.0], [0.0, 1.0]], [9.0, 9.0], [0.1, 0.2])
    np.testing.assert_allclose(called, [5.0, 3.0])
    called = procurement.call_kw([3.0, 5.0], [[1.0, 1.0], [0.0, 1.0]], [9.0, 9.0], [0.1, 0.2])
    np.testing.assert_allclose(called, [0.0, 5.0])


@given(
    st.floats(0, 50),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 20), st.floats(0, 1)), min_size=1, max_size=8),
)
def test_calls_stay_within_contracts_and_reach_the_need_if_they_can(need, contracts):
    relief, contracted, price = np.array(contracts).T
    relief = np.round(relief, 2)
    called = procurement.call_kw([need], relief[None], contracted, price)
    assert (called >= 0).all()
    assert (called <= contracted).all()
    assert called @ relief == pytest.approx(min(need, contracted @ relief), abs=1e-6)
