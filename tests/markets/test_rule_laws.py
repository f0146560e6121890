"""Laws that every registered clearing, pricing and settlement rule must keep: a new rule is tested by its line in the registry."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.covers import covers
from experiments.scenario.library import RULES, rule
from markets.bids import BidColumns
from tests.markets.market_cases import HOURS, UNMET, markets

FEW = settings(max_examples=30, deadline=None)


def named(kind):
    """The rules of a kind, for parametrize."""
    return pytest.mark.parametrize(kind, sorted(RULES[kind]))


def load(kind, name):
    return rule(kind, name)


def clearing_rule(name):
    return SimpleNamespace(clear=load("clearing", name))


@covers("SUC06.1/r19")
@named("clearing")
@given(market=markets(divisible=False))
@FEW
def test_every_bid_is_accounted_for_with_a_reason(clearing, market):
    outcome = market.cleared_by(clearing_rule(clearing))
    assert outcome.bids is market.bids
    assert (outcome.accepted_kw >= 0).all()
    assert (outcome.accepted_kw + outcome.rejected_kw == market.bids.quantity_kw).all()
    assert ((outcome.reason != "") == (outcome.rejected_kw > 0)).all()


@named("clearing")
@given(market=markets(divisible=False), random=st.randoms(use_true_random=False))
@FEW
def test_order_of_arrival_changes_nothing(clearing, market, random):
    bids, needs = (random.sample(range(len(columns)), len(columns)) for columns in (market.bids, market.needs))
    first = market.cleared_by(clearing_rule(clearing))
    bids, needs = np.array(bids, np.int64), np.array(needs, np.int64)
    second = market.cleared_by(clearing_rule(clearing), bids=market.bids.take(bids), needs=market.needs.take(needs))
    assert (second.accepted_kw == first.accepted_kw[bids]).all()
    assert (second.reason == first.reason[bids]).all()
    assert (second.cleared_kw == first.cleared_kw[needs]).all()
    assert second.cost_eur == first.cost_eur


@named("clearing")
@given(market=markets(divisible=False))
@FEW
def test_needs_are_what_was_cleared_and_what_is_unmet(clearing, market):
    outcome = market.cleared_by(clearing_rule(clearing))
    relief = market.network.between(market.needs.constraint, market.bids.area)
    same = (market.needs.t_ms[:, None] == market.bids.t_ms) & (market.needs.up[:, None] == market.bids.up)
    reached = (relief * same * outcome.accepted_kw).sum(axis=1)
    needed = market.needs.quantity_kw
    np.testing.assert_allclose(outcome.cleared_kw, np.where(needed > 0, np.minimum(reached, needed), 0.0), atol=1e-6)
    assert (outcome.unmet_kw >= 0).all()


@named("clearing")
@given(market=markets(divisible=False))
@FEW
def test_no_smallest_part_is_undercut(clearing, market):
    outcome = market.cleared_by(clearing_rule(clearing))
    taken = outcome.accepted_kw > 0
    assert (outcome.accepted_kw[taken] >= market.bids.least_kw[taken]).all()


@named("clearing")
@given(market=markets(divisible=False))
@FEW
def test_doubled_prices_double_the_cost_and_change_no_bid(clearing, market):
    doubled = BidColumns(**{**vars(market.bids), "price_eur_per_kwh": 2 * market.bids.price_eur_per_kwh})
    first = market.cleared_by(clearing_rule(clearing))
    second = market.cleared_by(clearing_rule(clearing), bids=doubled, unmet_eur_per_kwh=2 * UNMET)
    assert (first.accepted_kw == second.accepted_kw).all()
    assert second.cost_eur == pytest.approx(2 * first.cost_eur, abs=1e-12)


@named("clearing")
def test_an_empty_book_leaves_every_need_unmet(clearing, empty_market):
    outcome = empty_market.cleared_by(clearing_rule(clearing))
    assert (outcome.unmet_kw == empty_market.needs.quantity_kw).all()
    assert outcome.cost_eur == 0


@named("clearing")
@named("pricing")
@given(market=markets(divisible=False))
@FEW
def test_accepted_bids_get_at_least_their_price_and_others_nothing(clearing, pricing, market):
    outcome = market.cleared_by(clearing_rule(clearing))
    paid = load("pricing", pricing)(outcome, market.network)
    taken = outcome.accepted_kw > 0
    assert (paid[taken] >= market.bids.price_eur_per_kwh[taken]).all()
    assert (paid[~taken] == 0).all()


@covers("SUC06.3/r05", "SUC06.3/r06")
@named("settlement")
@given(ordered=st.floats(0.1, 1e3), first=st.floats(-2e3, 2e3), second=st.floats(-2e3, 2e3), price=st.floats(0, 3))
def test_more_delivery_never_earns_less_and_money_is_bounded(settlement, ordered, first, second, price):
    low, high = sorted((first, second))
    settled = load("settlement", settlement)(
        [ordered, ordered], [low, high], price, hours=HOURS, penalty_eur_per_kwh=0.5
    )
    assert settled.net_eur[1] >= settled.net_eur[0] - 1e-9
    assert (settled.remuneration_eur <= ordered * price * HOURS * (1 + 1e-12)).all()
    assert (settled.penalty_eur <= ordered * 0.5 * HOURS * (1 + 1e-12)).all()
    assert (settled.remuneration_eur >= 0).all()
    assert (settled.penalty_eur >= 0).all()
