"""Verification finds every violation that was put in and accuses nobody else (SUC10.4, SUC08.4)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.covers import covers
from markets.verification import agreed_kwh, compliance, discrepancies, perimeter_compliance, set_points_over_kw


def test_one_perimeter_over_its_limit_by_plan_one_by_meter_one_within() -> None:
    found = compliance(
        [[10.0], [10.0], [10.0]], [[5.0], [2.0], [2.0]], [[12.0], [12.0], [12.0]], [[12.0], [13.0], [12.0]]
    )
    assert found.is_positive.tolist() == [False, False, True]
    assert found.planned_over_kw[0] == pytest.approx([3.0])
    assert found.metered_over_kw[1] == pytest.approx([1.0])


def test_a_reading_that_is_missing_accuses_nobody() -> None:
    assert compliance([[1.0]], [[0.0]], [[2.0]], [[np.nan]]).is_positive.tolist() == [True]


@given(st.integers(1, 6), st.integers(1, 24), st.data())
def test_it_finds_all_injected_violations_and_no_other(perimeters: int, hours: int, data) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    baseline, limit = rng.uniform(-50, 50, (perimeters, hours)), rng.uniform(0, 20, (perimeters, hours))
    accepted = limit * rng.uniform(0, 1, (perimeters, hours))
    guilty = rng.random((perimeters, hours)) < 0.2
    metered = baseline + accepted + np.where(guilty, limit - accepted + rng.uniform(0.5, 5, (perimeters, hours)), 0.0)
    found = compliance(baseline, accepted, baseline + limit, metered)
    assert ((found.metered_over_kw > 0) == guilty).all()
    assert (found.is_positive == ~guilty.any(axis=1)).all()


def test_reports_are_held_against_measurements() -> None:
    found = discrepancies(
        [10.0, 10.0, 10.0, 0.0, 5.0], [10.0, 9.8, 8.0, np.nan, np.nan], tolerance_share=0.05, tolerance_kwh=0.1
    )
    assert found.is_open.tolist() == [False, False, True, False, True]


@covers("SUC10.4/r01", "SUC10.4/r10", "SUC10.4/r11", "SUC10.4/r12")
@given(st.integers(2, 8), st.integers(1, 24), st.data())
def test_who_ignores_a_limit_is_found_and_nobody_else_is_accused(rows: int, hours: int, data) -> None:  # type: ignore[no-untyped-def]
    """Providers in any perimeters and directions, a few of which deliver what they bid although less was admitted."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    is_up = rng.random(rows) < 0.5
    baseline, bid = rng.uniform(-50, 50, (rows, hours)), rng.uniform(0, 20, (rows, hours))
    limited = rng.random((rows, hours)) < 0.5
    limit = np.where(limited, bid * rng.uniform(0, 1, (rows, hours)), bid)
    accepted = limit * rng.uniform(0, 1, (rows, hours))
    ignores = rng.random(rows) < 0.4
    delivered = np.where(ignores[:, None], np.maximum(bid, accepted), accepted)
    tolerance = 0.25
    metered = (
        baseline - np.where(is_up, 1.0, -1.0)[:, None] * delivered + rng.uniform(-tolerance, tolerance, (rows, hours))
    )
    found = perimeter_compliance(baseline, accepted, limited, limit, metered, is_up, tolerance_kw=tolerance)
    over = limited & (delivered > limit + 2 * tolerance)
    assert (~found.is_positive[over.any(axis=1)]).all()
    assert found.is_positive[~ignores].all()
    assert (found.planned_over_kw <= 1e-9).all()


def test_a_limit_downward_is_the_same_with_both_signs_turned() -> None:
    up = perimeter_compliance([[10.0]], [[4.0]], [[True]], [[4.0]], [[5.0]], [True])
    down = perimeter_compliance([[10.0]], [[4.0]], [[True]], [[4.0]], [[15.0]], [False])
    assert up.metered_over_kw.tolist() == down.metered_over_kw.tolist() == [[1.0]]


def test_a_plan_above_the_limit_is_found_without_any_measurement() -> None:
    found = perimeter_compliance([[10.0]], [[4.0]], [[True]], [[3.0]], [[np.nan]], [True])
    assert found.planned_over_kw.tolist() == [[1.0]]
    assert not found.is_positive[0]


def test_what_counts_after_the_dialogue() -> None:
    """Agreed, accepted, disputed, not measured, changed after nobody had asked, and no final report."""
    nan = np.nan
    found = agreed_kwh(
        [False, True, True, True, False, False],
        [False, True, False, False, False, False],
        [5.0, 5.0, 5.0, 5.0, 5.0, 5.0],
        [5.0, 4.0, 5.0, 5.0, 9.0, nan],
        [5.1, 4.0, 4.0, nan, 5.1, 5.1],
    )
    assert found.tolist() == [5.0, 4.0, 4.0, 0.0, 5.1, 5.1]


@covers("SUC10.4/r01", "SUC10.4/r14")
@given(st.integers(1, 6), st.integers(1, 24), st.floats(0.11, 50.0), st.data())
def test_set_points_beyond_limit_and_reserve_are_found_and_no_others(
    rows: int, hours: int, excess_kw: float, data
) -> None:  # type: ignore[no-untyped-def]
    """From any excess on: what is asked in reserve, a tenth of what was admitted, accuses nobody; hours without a limit or a reading neither."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    shape = (rows, hours)
    limit, limited, read = rng.uniform(0, 20, shape), rng.random(shape) < 0.7, rng.random(shape) < 0.9
    guilty = rng.random(shape) < 0.2
    most = np.maximum(1.15 * limit, limit + 0.1)
    set_kw = np.where(guilty, most + excess_kw, 1.1 * limit * rng.uniform(0, 1, shape))
    over = set_points_over_kw(np.where(read, set_kw, np.nan), limited, limit, share=0.15, least_kw=0.1)
    assert ((over > 0) == (guilty & limited & read)).all()
    assert over[over > 0] == pytest.approx(excess_kw)
