"""How a provider shares what it earned: whole cents, and never more than there is."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.aggregator_pool import _Members, member_shares


@settings(deadline=None)
@given(
    kwh=st.lists(st.floats(0.0, 50.0), min_size=1, max_size=8), revenue=st.integers(0, 10_000), share=st.floats(0.0, 1.0),
    price=st.floats(0.0, 1.0),
)  # fmt: skip
def test_shares_are_whole_cents_and_never_more_than_was_earned(kwh, revenue, share, price):
    n = len(kwh)
    members = _Members(np.array([f"home-{k}" for k in range(n)]), np.zeros(n, np.int64), np.full(n, price))
    eur = member_shares(members, np.array(kwh), revenue / 100, share)
    cents = eur * 100
    np.testing.assert_allclose(cents, np.rint(cents), rtol=0, atol=1e-6)
    assert (eur >= 0).all()
    assert round(cents.sum()) <= revenue
    assert not eur[np.array(kwh) == 0].any()
