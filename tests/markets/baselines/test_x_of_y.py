import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.baselines import x_of_y
from tests.markets.market_cases import occasion

EVENT = np.array([False, True, True, False])


def days(*means):
    """Days of four intervals, each with its mean in the event window and 1 kW outside."""
    return np.array([[1.0, m, m, 1.0] for m in means])


def base(history, eligible=None, **choice):
    everyone = np.ones(len(history), bool) if eligible is None else np.asarray(eligible)
    return x_of_y.baseline_kw(history, EVENT, everyone, **choice)


@given(st.floats(-50, 50), st.integers(1, 10), st.integers(0, 5), st.sampled_from(["high", "middle", "low"]))
def test_constant_load_is_its_own_baseline(level, x, more, pick):
    found = base(np.full((15, 4), level), x=x, y=x + more, pick=pick)
    np.testing.assert_allclose(found, level, rtol=1e-12, atol=1e-12)


def test_a_second_event_does_not_lower_the_baseline():
    history = days(5, 5, 5, 1)
    event_day = np.array([False, False, False, True])
    none = np.zeros(4, bool)
    eligible = x_of_y.eligible_days(~none, none, event_day, like_workday=True)
    assert base(history, eligible, x=2, y=3)[1] == 5
    assert base(history, x=2, y=2)[1] == 3


def test_only_days_of_the_same_type_count_and_no_holidays():
    workday = np.array([True, True, False, True])
    holiday = np.array([False, True, False, False])
    none = np.zeros(4, bool)
    assert x_of_y.eligible_days(workday, holiday, none, like_workday=True).tolist() == [True, False, False, True]
    assert x_of_y.eligible_days(workday, holiday, none, like_workday=False).tolist() == [False, False, True, False]


def test_ranking_looks_at_the_event_window_only():
    history = days(2, 3)
    history[0, 0] = 100.0
    assert base(history, x=1, y=2)[1] == 3


def test_of_equal_days_the_later_counts():
    history = days(3, 3)
    history[1, 0] = 7.0
    assert base(history, x=1, y=2)[0] == 7


def test_a_day_with_a_gap_in_the_window_is_passed_over_and_a_gap_elsewhere_is_left_out():
    history = days(1, 2, 9)
    history[2, 1] = np.nan
    history[1, 0] = np.nan
    assert base(history, x=2, y=2).tolist() == [1.0, 1.5, 1.5, 1.0]


@pytest.mark.parametrize(("x", "y", "said"), [(3, 2, "x must lie"), (0, 2, "x must lie"), (5, 5, "only 2 eligible")])
def test_what_cannot_be_averaged_is_refused(x, y, said):
    with pytest.raises(ValueError, match=said):
        base(days(1, 2), x=x, y=y)


def test_the_factor_is_clipped_and_a_baseline_of_zero_says_nothing():
    assert x_of_y.multiplicative([10.0], [50.0], [100.0]).tolist() == [8.0]
    assert x_of_y.multiplicative([10.0], [110.0], [100.0]) == pytest.approx([11.0])
    assert x_of_y.multiplicative([10.0], [5.0], [0.0]).tolist() == [10.0]


def test_a_perfect_baseline_has_no_error():
    assert x_of_y.rrmse([1, 2], [1, 2]) == 0
    assert x_of_y.are([1, 2], [1, 2]) == 0
    assert x_of_y.are([2, 4], [1, 2]) == 1


@pytest.mark.parametrize("adjustment", ["none", "additive", "multiplicative"])
@given(later=st.lists(st.floats(-100, 100), min_size=3, max_size=3))
def test_nothing_metered_after_the_notice_moves_the_baseline(adjustment, later):
    days = [[10.0, 11.0, 12.0, 13.0, 14.0], [9.0, 9.0, 9.0, 9.0, 9.0]]
    terms = {"x": 1, "y": 2, "adjustment": adjustment, "adjustment_intervals": 4}
    first = x_of_y.baseline(occasion([8.0, 9.0, 0.0, 0.0, 0.0], 3, 5, notice=2, days_kw=days), **terms)
    second = x_of_y.baseline(occasion([8.0, 9.0, *later], 3, 5, notice=2, days_kw=days), **terms)
    assert first.tolist() == second.tolist()


def test_the_adjustment_reads_the_intervals_before_the_notice():
    days = [[10.0, 20.0, 30.0, 40.0]]
    seen = occasion([15.0, 26.0, 99.0, 0.0], 3, 4, notice=2, days_kw=days)
    terms = {"x": 1, "y": 1, "adjustment_intervals": 2}
    assert x_of_y.baseline(seen, adjustment="additive", **terms).tolist() == [45.5]
    assert x_of_y.baseline(seen, adjustment="multiplicative", **terms).tolist() == [40 * 1.2]
    assert x_of_y.baseline(seen, adjustment="multiplicative", cap=2.0, **terms).tolist() == [
        pytest.approx(40 * 41 / 30)
    ]


def test_an_adjustment_without_readings_is_refused():
    with pytest.raises(ValueError, match="nothing was metered"):
        x_of_y.baseline(occasion([1.0, 1.0], 1, 2, notice=0, days_kw=[[1.0, 1.0]]), x=1, y=1, adjustment="additive")
