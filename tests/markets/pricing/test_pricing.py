"""What accepted bids are paid."""

import numpy as np
import pytest
from hypothesis import given, settings

from markets.bids import Bid, BidColumns, NeedColumns, Sensitivities
from markets.clearing import merit_order, network_aware
from markets.pricing import pay_as_bid, uniform
from tests.markets.market_cases import markets

FEW = settings(max_examples=40, deadline=None)


@given(markets(divisible=False))
@FEW
def test_pay_as_bid_is_the_cost_of_the_clearing(market):
    outcome = market.cleared_by(network_aware)
    paid = pay_as_bid.prices(outcome, market.network) * outcome.accepted_kw * outcome.hours
    assert paid.sum() == pytest.approx(outcome.cost_eur, abs=1e-9)


@given(markets(guarded=False, constraints=("trafo",)))
@FEW
def test_one_effective_price_for_all_of_an_interval(market):
    outcome = market.cleared_by(merit_order)
    paid = uniform.prices(outcome, market.network)
    relief = market.network.between(["trafo"], market.bids.area)[0]
    for t in (0, 900_000):
        for up in (True, False):
            rows = (outcome.accepted_kw > 0) & (market.bids.t_ms == t) & (market.bids.up == up)
            assert np.ptp(paid[rows] / relief[rows]) < 1e-9 if rows.any() else True


def test_the_dearest_accepted_effective_price_rules_at_every_node():
    rows = [
        Bid(bid=n, fsp="f", area=n, direction="up", t_ms=0, quantity_kw=4, price_eur_per_kwh=p, received_ms=0)
        for n, p in (("near", 0.2), ("far", 0.15))
    ]
    network = Sensitivities(("line",), ("near", "far"), np.array([[1.0, 0.5]]))
    outcome = merit_order.clear(
        BidColumns.of(rows), NeedColumns.of([("line", "up", 0, 5.0)]), network, hours=1.0, unmet_eur_per_kwh=3.0
    )
    assert uniform.prices(outcome, network).tolist() == pytest.approx([0.3, 0.15])
    assert pay_as_bid.prices(outcome).tolist() == [0.2, 0.15]
