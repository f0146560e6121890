"""Figures of communities, by hand and as laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from markets import community_indicators as figures

NET = np.array([[2.0, -1.0, 3.0], [-3.0, -1.0, 1.0], [0.0, 1.0, -4.0]])
"""Three members, three intervals: deficits 2, 1, 4; surpluses 3, 2, 4."""


def test_by_hand():
    assert figures.self_consumption([4.0, 6.0], [1.0, 2.0]) == pytest.approx(0.7)
    assert figures.self_sufficiency([5.0, 5.0], [1.0, 4.0]) == pytest.approx(0.5)
    np.testing.assert_allclose(figures.shared_kwh(NET), [2.0, 1.0, 4.0])
    assert figures.sharing_ratio(NET) == pytest.approx(7.0 / 9.0)
    assert figures.sharing_ratio(NET, [1.0, 3.0, 0.0]) == pytest.approx((2.0 + 3.0) / (3.0 + 6.0))
    assert figures.cost_reduction(200.0, 150.0) == 0.25


def test_a_ratio_without_denominator_is_unknown():
    assert np.isnan(figures.self_consumption([0.0], [0.0]))
    assert np.isnan(figures.sharing_ratio(np.array([[1.0], [2.0]])))


@given(arrays(np.float64, (4, 6), elements=st.floats(-10, 10)))
def test_sharing_lies_between_nothing_and_all_and_knows_no_order(net):
    ratio = figures.sharing_ratio(net)
    assert np.isnan(ratio) or -1e-12 <= ratio <= 1.0 + 1e-12
    np.testing.assert_allclose(figures.shared_kwh(net[::-1]), figures.shared_kwh(net))
    within = np.minimum(np.maximum(net, 0.0).sum(0), np.maximum(-net, 0.0).sum(0))
    assert (figures.shared_kwh(net) <= within + 1e-12).all()


def test_the_average_rate_is_of_what_was_bought_alone_whatever_was_sold():
    day = figures.Standing(bought_kwh=2.0, bought_eur=0.3, shared_kwh=9.0).plus(
        figures.Standing(bought_kwh=1.0, bought_eur=0.06)
    )
    assert day.average_eur_per_kwh == pytest.approx(0.12)
    assert figures.Standing(shared_kwh=9.0).average_eur_per_kwh == 0.0
