"""An FSP alone: how it shares what it earns, and who pays a penalty."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.aggregator_shares import Members, member_shares
from environment.messages.settlement import MemberStatement
from tests.agents.aggregator_cases import PLATFORM, READ, engagement, invoice, order, pooled


@pytest.fixture
def pool(stage):
    """Lives an FSP with four homes (``pooled``)."""
    return partial(pooled, stage)


def test_what_is_earned_is_shared_with_those_who_delivered(pool):
    """Home 1 left out 2 kW, home 2 nothing; the others were not called."""
    there = pool(
        READ,
        (1, engagement(), "fsp-a"),
        (2, order(3.0), PLATFORM),
        (11, invoice(1.0), PLATFORM),
        metered_kw=[3.0, 3.0, 5.0, 5.0],
    )
    columns = there.fsp.registers["ledger"].columns()
    assert set(columns["creditor"]) == {"home-1"}
    assert 0 < columns["eur"].sum() <= 1.0
    (statement,) = there.homes.of(MemberStatement)
    assert statement.eur == pytest.approx(columns["eur"].sum())
    assert statement.delivered_kwh == pytest.approx(2.0)


def test_a_penalty_is_paid_by_the_fsp(pool):
    there = pool((1, invoice(2.5, "fsp-a", "dso-1"), PLATFORM))
    columns = there.fsp.registers["ledger"].columns()
    assert (columns["debtor"].tolist(), columns["creditor"].tolist(), columns["eur"].tolist()) == (
        ["fsp-a"],
        ["dso-1"],
        [2.5],
    )


def test_money_for_an_activation_that_never_came_is_shared_with_nobody(pool):
    there = pool((1, invoice(2.5), PLATFORM))
    assert "ledger" not in there.fsp.registers
    assert not there.homes.of(MemberStatement)


@settings(deadline=None)
@given(
    kwh=st.lists(st.floats(0.0, 50.0), min_size=1, max_size=8), revenue=st.integers(0, 10_000), share=st.floats(0.0, 1.0),
    price=st.floats(0.0, 1.0),
)  # fmt: skip
def test_shares_are_whole_cents_and_never_more_than_was_earned(kwh, revenue, share, price):
    n = len(kwh)
    members = Members(np.array([f"home-{k}" for k in range(n)]), np.zeros(n, np.int64), np.full(n, price))
    eur = member_shares(members, np.array(kwh), revenue / 100, share)
    cents = eur * 100
    np.testing.assert_allclose(cents, np.rint(cents), rtol=0, atol=1e-6)
    assert (eur >= 0).all()
    assert round(cents.sum()) <= revenue
    assert not eur[np.array(kwh) == 0].any()
