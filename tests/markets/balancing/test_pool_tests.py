"""Tests of pools: what was measured against what was ordered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.covers import covers
from markets.balancing.pool_tests import Trial, missed_kw, shortcomings

TESTS = {"least_kw": 1.0, "tolerance": 0.3}


@covers("SUC08.1/r24")
@pytest.mark.parametrize(
    ("measured_kw", "points", "passes"),
    [(10.0, 1, True), (7.0, 1, True), (6.9, 1, False), (6.9, 16, True), (5.9, 16, False), (25.0, 1, True), (-1.0, 1, False)],
)  # fmt: skip
def test_a_pool_passes_within_the_tolerance(measured_kw, points, passes):
    """30 % of 10 kW are 3 kW; sixteen homes miss 4 kW together."""
    misses = missed_kw([3.0] * points, point_kw=1.0, share=0.05)
    assert (shortcomings([Trial("up", 10.0, 10.0, measured_kw, 10.0, misses)], **TESTS) == []) == passes


def test_each_direction_counts_and_what_was_not_measured_proves_nothing():
    good, bad = Trial("up", 10.0, 10.0, 10.0, 10.0, 1), Trial("down", 10.0, 10.0, 2.0, 10.0, 1)
    assert shortcomings([good, bad], **TESTS) == ["down: 2.0 kW measured of 10.0 kW ordered"]
    unseen = Trial("down", 10.0, 10.0, np.nan, np.nan, 1)
    assert shortcomings([good, unseen], **TESTS) == ["down: the hour of its test was not measured"]
    assert "at least 1 kW are asked for" in shortcomings([], **TESTS)[0]
    assert "at least 1 kW are asked for" in shortcomings([Trial("up", 0.5, 0.5, 0.5, 0.5, 1)], **TESTS)[0]


@given(
    st.floats(1.0, 1000.0), st.floats(0.0, 2.0), st.floats(0.0, 1.0), st.integers(1, 100), st.floats(0.0, 100.0)
)  # fmt: skip
def test_more_measured_never_fails_what_less_has_passed(ordered_kw, share, tolerance, points, more_kw):
    less = Trial("up", ordered_kw, ordered_kw, share * ordered_kw, ordered_kw, 0.5 * points**0.5)
    if less.passed(tolerance):
        assert less._replace(measured_kw=less.measured_kw + more_kw).passed(tolerance)


@covers("SUC08.1/r24")
@given(st.floats(0.1, 1000.0), st.floats(0.0, 0.9), st.floats(0.0, 1.0), st.integers(1, 100), st.floats(0.0, 10.0))  # fmt: skip
def test_who_does_not_have_devices_move_passes_nothing_however_small(ordered_kw, tolerance, share, points, point_kw):
    """Below what baselines miss meters prove nothing; set-points do, to the tolerance."""
    set_kw = share * ordered_kw
    one = Trial("up", ordered_kw, ordered_kw, ordered_kw, set_kw, point_kw * points**0.5)
    if share < 1.0 - tolerance - 1e-3:
        assert not one.passed(tolerance)
        wrong = shortcomings([one], least_kw=0.1, tolerance=tolerance)
        assert wrong == [f"up: devices were set to {set_kw:.1f} kW of {ordered_kw:.1f} kW ordered"]
    if share > 1.0 - tolerance:
        assert one.passed(tolerance)
    assert not one._replace(measured_kw=np.nan).passed(tolerance)
    assert not one._replace(set_kw=np.nan).passed(tolerance)


def test_what_baselines_miss_grows_with_the_plant_and_adds_up_in_squares():
    assert missed_kw([3.0, 3.0, 3.0, 3.0], point_kw=1.0, share=0.05) == pytest.approx(2.0)
    assert missed_kw([1500.0], point_kw=1.0, share=0.05) == pytest.approx(75.0)
    assert missed_kw([60.0, 80.0], point_kw=1.0, share=0.05) == pytest.approx(5.0)
    assert missed_kw([], point_kw=1.0, share=0.05) == 0.0
