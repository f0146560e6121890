import numpy as np
import pytest

from markets.baselines.meter_before_meter_after import meter_before, meter_before_after

METER = np.array([[4.0, 6.0, 1.0, 1.0, 8.0], [2.0, 2.0, 0.0, 0.0, 4.0]])


def test_the_reading_before_is_held():
    assert meter_before(METER, 2, 4).tolist() == [[6, 6], [2, 2]]


def test_before_and_after_are_averaged():
    assert meter_before_after(METER, 2, 4).tolist() == [[7, 7], [3, 3]]
    assert meter_before_after(METER[0], 2, 4).tolist() == [7, 7]


def test_constant_load_delivers_nothing():
    flat = np.full(6, 3.3)
    assert (meter_before(flat, 2, 4) == flat[2:4]).all()
    assert (meter_before_after(flat, 2, 4) == flat[2:4]).all()


@pytest.mark.parametrize(("first", "stop", "when"), [(0, 2, "before"), (2, 5, "after")])
def test_a_missing_reading_is_named(first, stop, when):
    with pytest.raises(ValueError, match=f"no meter reading {when}"):
        meter_before_after(METER, first, stop)


def test_a_gap_is_a_missing_reading():
    with pytest.raises(ValueError, match="before"):
        meter_before(np.array([1.0, np.nan, 1.0]), 2, 3)
