import numpy as np
import pytest

from markets.baselines import meter_before, meter_before_meter_after
from tests.markets.market_cases import occasion

METER = [4.0, 6.0, 1.0, 1.0, 8.0]


def test_the_reading_before_is_held():
    assert meter_before.baseline(occasion(METER, 2, 4)).tolist() == [6, 6]


def test_a_reading_between_notice_and_activation_is_not_used():
    assert meter_before.baseline(occasion(METER, 2, 4, notice=1)).tolist() == [4, 4]
    assert meter_before_meter_after.baseline(occasion(METER, 2, 4, notice=1)).tolist() == [6, 6]


def test_before_and_after_are_averaged():
    assert meter_before_meter_after.baseline(occasion(METER, 2, 4)).tolist() == [7, 7]


@pytest.mark.parametrize("rule", [meter_before, meter_before_meter_after])
def test_constant_load_delivers_nothing(rule):
    assert (rule.baseline(occasion(np.full(6, 3.3), 2, 4)) == 3.3).all()


@pytest.mark.parametrize(("first", "stop", "when"), [(0, 2, "before the notice"), (2, 5, "after the event")])
def test_a_missing_reading_is_named(first, stop, when):
    with pytest.raises(ValueError, match=f"no meter reading {when}"):
        meter_before_meter_after.baseline(occasion(METER, first, stop))


def test_a_gap_is_a_missing_reading():
    with pytest.raises(ValueError, match="before"):
        meter_before.baseline(occasion([1.0, np.nan, 1.0], 2, 3))


@pytest.mark.parametrize(("first", "stop", "notice"), [(2, 2, 1), (2, 6, 1), (2, 4, 3), (2, 4, -1)])
def test_an_event_that_cannot_be_is_refused(first, stop, notice):
    with pytest.raises(ValueError, match="event of intervals"):
        occasion(METER, first, stop, notice=notice)
