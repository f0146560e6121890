"""Annuities, present values and payback: laws beside the worked cases of tests/reference/sizing_*."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.investment import (
    annuity_eur,
    capital_recovery_factor,
    granted_eur,
    investments_eur,
    net_present_value_eur,
    payback_years,
    present_value_eur,
)

rates = st.floats(0.001, 0.15)
years = st.integers(1, 40)


@given(rates, years)
def test_annuities_of_a_life_are_worth_the_investment(interest, life):
    yearly = annuity_eur(1000.0, interest, life)
    assert present_value_eur(np.full(life, yearly), interest) == pytest.approx(1000.0)
    assert net_present_value_eur(1000.0, np.full(life, yearly), interest) == pytest.approx(0.0, abs=1e-7)


@given(years)
def test_without_interest_the_investment_is_spread_evenly(life):
    assert capital_recovery_factor(0.0, life) == pytest.approx(1.0 / life)
    assert capital_recovery_factor(1e-9, life) == pytest.approx(1.0 / life, rel=1e-6)


@given(rates, st.floats(100.0, 5000.0))
def test_at_the_discounted_payback_the_savings_have_paid(interest, saving):
    life = payback_years(10_000.0, saving, interest)
    if np.isinf(life):
        assert saving <= 10_000.0 * interest * (1.0 + 1e-9)
    else:
        assert 10_000.0 * capital_recovery_factor(interest, life) == pytest.approx(saving)
        assert life >= payback_years(10_000.0, saving)


def test_payback_of_nothing_and_of_no_saving():
    assert payback_years(0.0, 0.0) == 0.0
    assert payback_years(100.0, 0.0) == payback_years(100.0, -1.0) == float("inf")
    assert payback_years(100.0, 4.0, 0.05) == float("inf")


@given(st.floats(3.0, 30.0), st.integers(1, 40))
def test_a_plant_is_paid_for_the_years_that_it_serves(life, horizon):
    flows = investments_eur(900.0, life, horizon)
    assert flows.sum() == pytest.approx(900.0 * horizon / life)
    assert flows[0] > 0.0


def test_grants_have_a_ceiling():
    assert granted_eur(1000.0, 0.4) == 400.0
    assert granted_eur(1000.0, 0.4, 250.0) == 250.0
