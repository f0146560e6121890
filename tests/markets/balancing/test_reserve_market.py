"""Auction, merit order, joined offers and settlement of balancing reserves: by hand, and their laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.covers import covers
from markets.balancing.auction import Offer, Terms, call, clear, whole_kw
from markets.balancing.joining import join, shares_kw
from markets.balancing.reserve_delivery import Tolerance, delivery, pay

TERMS = Terms(100.0, 10.0, 0.05, pays_as_cleared=True)


def _offer(name: str, kw: float, eur: float, received_ms: int = 0, energy: float = 0.1) -> Offer:
    return Offer(name, name.split("/")[0], "fcr", 0, kw, eur, energy, received_ms)


offers = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60), st.integers(0, 3)), min_size=1, max_size=8).map(
    lambda rows: [_offer(f"s{k}/x", 10.0 * lots, eur / 1000.0, at) for k, (lots, eur, at) in enumerate(rows)]
)


def test_an_auction_by_hand():
    found = clear(
        [_offer("a", 200, 0.01), _offer("b", 150, 0.02), _offer("c", 90, 0.001), _offer("d", 100, 0.06)], 300, TERMS
    )
    told = {one.offer.offer: (one.accepted_kw, one.price_eur_per_kw_h, one.reason) for one in found}
    assert told == {
        "c": (0.0, 0.0, "below the minimum bid of 100 kW"), "a": (200.0, 0.02, ""), "b": (100.0, 0.02, "the need is covered"),
        "d": (0.0, 0.0, "above the price cap of 0.05 EUR/kW/h"),
    }  # fmt: skip
    assert clear([_offer("e", 105, 0.01)], 300, TERMS)[0].reason == "not a multiple of 10 kW"
    paid_as_bid = clear([_offer("a", 200, 0.01), _offer("b", 150, 0.02)], 300, TERMS._replace(pays_as_cleared=False))
    assert [one.price_eur_per_kw_h for one in paid_as_bid] == [0.01, 0.02]


@given(offers, st.floats(0, 1000), st.randoms(use_true_random=False))
def test_every_offer_is_accounted_for_whatever_the_order(book, need_kw, random):
    found = clear(book, need_kw, TERMS)
    assert sorted(one.offer for one in found) == sorted(book)
    assert sum(one.accepted_kw for one in found) <= need_kw + 1e-6
    for one in found:
        assert 0.0 <= one.accepted_kw <= one.offer.kw
        assert bool(one.reason) == (one.accepted_kw < one.offer.kw - 1e-6 or one.offer.kw < TERMS.min_bid_kw)
        if one.accepted_kw:
            assert one.price_eur_per_kw_h >= one.offer.capacity_eur_per_kw_h
    shuffled = list(book)
    random.shuffle(shuffled)
    assert clear(shuffled, need_kw, TERMS) == found


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), min_size=1, max_size=6), st.floats(0, 400))
def test_energy_is_called_cheapest_first_and_paid_the_dearest(book, wanted_kw):
    held, prices = zip(*book, strict=True)
    found = call(held, prices, wanted_kw)
    assert sum(one.kw for one in found) == pytest.approx(min(wanted_kw, sum(held)), abs=1e-6)
    called = [price for one, price in zip(found, prices, strict=True) if one.kw > 1e-6]
    assert all(one.price_eur_per_kwh == max(called) for one in found if one.kw > 1e-6)
    for one, kw, price in zip(found, held, prices, strict=True):
        if one.kw < kw - 1e-6:  # who is not used in full is not cheaper than anybody who is used
            assert all(price >= other for other in called) or one.kw > 1e-6


@covers("SUC05.2/r10")
def test_small_pools_sell_together_what_none_could_sell_alone():
    parts = [_offer("a/1", 64, 0.01, energy=0.2), _offer("b/1", 58, 0.03), _offer("c/1", 9, 0.02)]
    assert all(whole_kw(one.kw, TERMS) == 0.0 for one in parts)
    (whole,) = join(parts, "together", TERMS)
    assert (whole.offer.kw, whole.offer.capacity_eur_per_kw_h, whole.offer.energy_eur_per_kwh) == (130.0, 0.03, 0.2)
    assert shares_kw(whole, 100.0) == pytest.approx([100 * 64 / 131, 100 * 58 / 131, 100 * 9 / 131])
    assert join(parts[1:], "together", TERMS) == []


@given(offers, st.floats(0, 1))
def test_a_joined_offer_is_worth_each_of_its_parts(book, share):
    for whole in join(book, "together", TERMS):
        assert TERMS.min_bid_kw <= whole.offer.kw <= sum(one.kw for one in whole.parts) + 1e-6
        assert all(one.capacity_eur_per_kw_h <= whole.offer.capacity_eur_per_kw_h for one in whole.parts)
        parts = shares_kw(whole, share * whole.offer.kw)
        assert sum(parts) == pytest.approx(share * whole.offer.kw)
        assert all(kw <= one.kw + 1e-6 for kw, one in zip(parts, whole.parts, strict=True))


def test_delivery_and_its_money_by_hand():
    """100 kW held at 0.02 EUR/kW/h, tolerance 10 kW, for an hour: exact, short within and beyond, beyond what was due, in the wrong direction."""
    due = np.array([50.0, 50.0, 50.0, 50.0, -50.0])
    found = delivery([0.0] * 5, -np.array([50.0, 45.0, 20.0, 80.0, 10.0]), due, [100.0] * 5, 0.1)
    assert found.missing_kw == pytest.approx([0, 0, 20, 0, 50])
    assert found.accuracy == pytest.approx([1, 0.95, 0.7, 0.7, 0.4])
    money = pay(found, [100.0] * 5, 1.0, 0.02, 0.1, Tolerance(0.1, 2.0))
    assert money.capacity_eur == pytest.approx([2, 2, 1.6, 2, 1])
    assert money.energy_eur == pytest.approx([5, 4.5, 2, 5, 0])
    assert money.penalty_eur == pytest.approx([0, 0, 0.8, 0, 2])


@given(
    st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100), st.floats(0, 100)), min_size=1, max_size=5),
    st.floats(0, 3),
)
def test_nobody_is_paid_for_more_than_was_due_and_held(rows, penalty):
    due, change, held = (np.array(column) for column in zip(*rows, strict=True))
    found = delivery(np.zeros(len(due)), -change, due, held, 0.1)
    money = pay(found, held, 0.25, 0.02, 0.1, Tolerance(0.1, penalty))
    assert (found.missing_kw <= held + 1e-9).all()
    assert (money.capacity_eur <= 0.25 * 0.02 * held + 1e-9).all()
    assert (money.energy_eur <= 0.25 * 0.1 * np.abs(due) + 1e-9).all()
    assert (money.capacity_eur >= -1e-9).all()
    exact = delivery(np.zeros(len(due)), -due, due, held, 0.1)
    best = pay(exact, held, 0.25, 0.02, 0.1, Tolerance(0.1, penalty))
    sold = pay(found, held, 0.25, 0.02, 0.1, Tolerance(0.1, penalty), 0.3)
    assert sold.value_eur == pytest.approx(0.25 * 0.3 * found.given_kw)
    assert sold.net_eur - sold.value_eur == pytest.approx(money.net_eur)
    assert (best.net_eur >= money.net_eur - 1e-9).all()
