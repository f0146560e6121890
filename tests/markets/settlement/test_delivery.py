import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.covers import covers
from markets.settlement.delivery import delivered_kw, net_kw


@covers("SUC06.3/r01")
@pytest.mark.parametrize(
    ("baseline", "metered", "direction", "expected"),
    [
        (5.0, 3.0, "up", 2.0),  # a consumer that takes less
        (-1.0, -4.0, "up", 3.0),  # a generator that feeds in more
        (5.0, 8.0, "down", 3.0),  # a consumer that takes more
        (-4.0, -1.0, "down", 3.0),  # a generator that is curtailed
        (5.0, 6.0, "up", -1.0),  # moved the wrong way
    ],
)
def test_less_net_load_is_up_for_consumers_and_generators(baseline, metered, direction, expected):
    assert delivered_kw(np.array([baseline]), np.array([metered]), direction).tolist() == [expected]


@given(st.lists(st.floats(-1e3, 1e3), min_size=1))
def test_nothing_activated_is_nothing_delivered(values):
    load = np.array(values)
    assert (delivered_kw(load, load, "up") == 0).all()


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1))
def test_up_and_down_are_opposites(pairs):
    baseline, metered = np.array(pairs).T
    assert (delivered_kw(baseline, metered, "up") == -delivered_kw(baseline, metered, "down")).all()


@covers("SUC06.3/r13")
def test_missing_readings_and_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="missing"):
        delivered_kw(np.array([1.0]), np.array([np.nan]), "up")
    with pytest.raises(ValueError, match=r"shape \(1,\), meter \(2,\)"):
        delivered_kw(np.ones(1), np.ones(2), "up")


def test_two_registers_make_a_mean_power():
    assert net_kw(np.array([2.0]), np.array([0.5]), 0.25).tolist() == [6.0]
