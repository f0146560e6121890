"""Verification finds every violation that was put in and accuses nobody else (SUC10.4, SUC08.4)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.verification import compliance, discrepancies


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
