import numpy as np
import pytest
from hypothesis import settings

from markets.bids import Bid, BidColumns, NeedColumns, Sensitivities
from markets.clearing import merit_order
from markets.clearing.outcome import DEARER_THAN_UNMET, INDIVISIBLE, OUTBID

FEW = settings(max_examples=30, deadline=None)


def one(prices, need, least=0.0, divisible=True, quantity=4.0):
    rows = [
        Bid(bid=f"b{k}", fsp="f", area="a", direction="up", t_ms=0, quantity_kw=quantity, price_eur_per_kwh=p,
            received_ms=0, min_acceptance_kw=least, divisible=divisible)
        for k, p in enumerate(prices)
    ]  # fmt: skip
    network = Sensitivities(("trafo",), ("a",), np.ones((1, 1)))
    return merit_order.clear(
        BidColumns.of(rows), NeedColumns.of([("trafo", "up", 0, need)]), network, hours=1.0, unmet_eur_per_kwh=3.0
    )


def test_the_last_bid_taken_sets_the_shadow_price():
    outcome = one([0.3, 0.1, 0.2], 6.0)
    assert outcome.accepted_kw.tolist() == [0, 4, 2]
    assert outcome.shadow_eur_per_kwh.tolist() == [0.2]
    assert outcome.reason[0] == OUTBID
    assert outcome.cost_eur == pytest.approx(0.8)


def test_a_bid_that_may_not_be_cut_so_far_is_passed_over():
    outcome = one([0.1, 0.2], 2.0, least=3.0)
    assert outcome.accepted_kw.tolist() == [0, 0]
    assert outcome.unmet_kw.tolist() == [2]
    assert outcome.reason.tolist() == [INDIVISIBLE] * 2


def test_a_bid_above_the_price_of_an_unmet_need_is_not_bought():
    outcome = one([0.1, 3.1], 6.0)
    assert outcome.accepted_kw.tolist() == [4, 0]
    assert outcome.reason[1] == DEARER_THAN_UNMET
    assert outcome.unmet_kw.tolist() == [2]


def test_what_relieves_one_constraint_counts_for_the_next():
    rows = [Bid(bid="b", fsp="f", area="a", direction="up", t_ms=0, quantity_kw=9, price_eur_per_kwh=1, received_ms=0)]
    network = Sensitivities(("root", "branch"), ("a",), np.ones((2, 1)))
    needs = NeedColumns.of([("branch", "up", 0, 3.0), ("root", "up", 0, 5.0)])
    outcome = merit_order.clear(BidColumns.of(rows), needs, network, hours=1.0, unmet_eur_per_kwh=3.0)
    assert outcome.accepted_kw.tolist() == [5]
    assert outcome.cleared_kw.tolist() == [3, 5]
