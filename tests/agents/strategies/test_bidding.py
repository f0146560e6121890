"""A provider's bids never exceed what its homes can do, and its orders add up to what was called."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.strategies import bidding
from agents.strategies.bidding import DeliveryRecord, Homes


@st.composite
def populations(draw):
    n, t = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    homes = Homes(
        np.array([f"home-{k:04d}" for k in range(n)]),
        np.array([draw(st.integers(0, 2)) for _ in range(n)], np.int64),
        np.array([draw(st.integers(1, 4)) / 10 for _ in range(n)]),
        np.array([draw(st.sampled_from([0.0, 0.5, 1.0])) for _ in range(n)]),
    )
    potential = np.array([[draw(st.integers(0, 20)) / 4 for _ in range(t)] for _ in range(n)])
    return homes, potential


def turned(homes, order):
    return Homes(homes.name[order], homes.area[order], homes.price_eur_per_kwh[order], homes.revenue_share[order])


def area_sums(homes, potential):
    return np.array([potential[homes.area == a].sum(axis=0) for a in range(3)])


@given(populations(), st.floats(0, 1), st.integers(1, 5))
def test_offers_never_exceed_the_potential(population, share, count):
    homes, potential = population
    made = bidding.offers(homes, potential, share=share, count=count)
    offered = np.zeros((3, potential.shape[1]))
    np.add.at(offered, (made.area, made.interval), made.quantity_kw)
    assert (offered <= area_sums(homes, potential) * share + 1e-9).all()
    assert (made.quantity_kw > 0).all()


@given(populations(), st.integers(1, 5))
def test_every_home_of_a_block_asks_at_most_the_price_of_its_block(population, count):
    homes, potential = population
    block = bidding.blocks(homes, potential, count)
    made = bidding.offers(homes, potential, share=1.0, count=count, granularity_kw=0.25)
    for k in range(len(made.area)):
        members = (homes.area == made.area[k]) & (block == made.block[k])
        assert homes.price_eur_per_kwh[members].max() == made.price_eur_per_kwh[k]
        assert made.quantity_kw[k] == pytest.approx(potential[members, made.interval[k]].sum())


@given(populations(), st.integers(1, 5), st.randoms(use_true_random=False))
def test_order_of_homes_changes_nothing(population, count, random):
    homes, potential = population
    order = np.array(random.sample(range(len(homes.name)), len(homes.name)))
    first = bidding.offers(homes, potential, share=0.77, count=count)
    second = bidding.offers(turned(homes, order), potential[order], share=0.77, count=count)
    for name in ("area", "block", "interval", "quantity_kw", "price_eur_per_kwh"):
        assert (getattr(first, name) == getattr(second, name)).all()
    call = area_sums(homes, potential) * 0.6
    orders = bidding.disaggregate(homes, potential, call)
    assert (bidding.disaggregate(turned(homes, order), potential[order], call) == orders[order]).all()


def test_cheaper_blocks_come_first_and_equal_prices_stay_together():
    homes = Homes(np.array(["d", "c", "b", "a"]), np.zeros(4, np.int64), np.array([0.3, 0.1, 0.2, 0.2]), np.zeros(4))
    assert bidding.blocks(homes, np.ones((4, 1)), 4).tolist() == [3, 0, 1, 1]
    made = bidding.offers(homes, np.ones((4, 1)), share=1.0, count=4)
    assert made.price_eur_per_kwh.tolist() == [0.1, 0.2, 0.3]
    np.testing.assert_allclose(made.quantity_kw, [1, 2, 1])


def test_small_quantities_are_cut_down_or_left_out():
    homes = Homes(np.array(["a", "b"]), np.array([0, 1]), np.full(2, 0.1), np.zeros(2))
    made = bidding.offers(homes, np.array([[1.27], [0.4]]), share=1.0, granularity_kw=0.5, least_kw=1.0)
    assert made.quantity_kw.tolist() == [1.0]
    assert made.area.tolist() == [0]


def test_no_homes_make_no_offer_and_missing_potential_counts_as_none():
    nobody = Homes(np.empty(0, "U1"), np.empty(0, np.int64), np.empty(0), np.empty(0))
    assert len(bidding.offers(nobody, np.empty((0, 3)), share=1.0).area) == 0
    one = Homes(np.array(["a"]), np.zeros(1, np.int64), np.ones(1), np.zeros(1))
    assert bidding.offers(one, np.array([[np.nan, 2.0, -1.0]]), share=1.0).interval.tolist() == [1]


def test_senseless_input_is_refused():
    one = Homes(np.array(["a"]), np.zeros(1, np.int64), np.ones(1), np.zeros(1))
    with pytest.raises(ValueError, match="share"):
        bidding.offers(one, np.ones((1, 1)), share=1.1)
    with pytest.raises(ValueError, match="1 homes"):
        bidding.offers(one, np.ones((2, 1)), share=1.0)


@given(populations(), st.floats(0, 1.5))
def test_orders_add_up_to_the_call_within_each_homes_potential(population, part):
    homes, potential = population
    call = area_sums(homes, potential) * part
    orders = bidding.disaggregate(homes, potential, call)
    assert (orders >= 0).all()
    assert (orders <= potential).all()
    np.testing.assert_allclose(area_sums(homes, orders), np.minimum(call, area_sums(homes, potential)), atol=1e-9)


def test_cheapest_homes_are_ordered_first_then_by_name():
    homes = Homes(np.array(["c", "b", "a"]), np.zeros(3, np.int64), np.array([0.1, 0.2, 0.2]), np.zeros(3))
    orders = bidding.disaggregate(homes, np.full((3, 1), 2.0), np.array([[3.0]]))
    assert orders[:, 0].tolist() == [2, 0, 1]
    more = bidding.disaggregate(homes, np.full((3, 1), 2.0), np.array([[3.0]]), reserve_share=0.5)
    assert more[:, 0].tolist() == [2, 0.5, 2]


@given(populations(), st.floats(-5, 50))
def test_earnings_are_the_revenue_and_no_home_gets_less_than_it_asked_for(population, revenue):
    homes, potential = population
    delivered = potential[:, 0]
    home_eur, rest = bidding.earnings_eur(homes, delivered, revenue)
    assert home_eur.sum() + rest == pytest.approx(revenue, abs=1e-9)
    assert (home_eur >= delivered * homes.price_eur_per_kwh).all()


def test_the_margin_is_shared_as_contracted():
    homes = Homes(np.array(["a", "b"]), np.zeros(2, np.int64), np.array([0.1, 0.1]), np.array([0.5, 0.0]))
    home_eur, rest = bidding.earnings_eur(homes, [10.0, 10.0], 6.0)
    assert home_eur.tolist() == pytest.approx([2.0, 1.0])
    assert rest == pytest.approx(3.0)


def test_the_share_offered_is_learned():
    prior = DeliveryRecord(prior_share=0.9, prior_kwh=100, prior_spread=0.1)
    assert bidding.offered_share(prior, caution=0.0) == pytest.approx(0.9)
    assert bidding.offered_share(prior, caution=1.0) == pytest.approx(0.8)
    bad = prior.after(900, 450)
    assert bidding.offered_share(bad, caution=0.0) == pytest.approx((90 + 450) / 1000)
    good = prior.after(10_000, 12_000)
    assert bidding.offered_share(good, caution=0.0) == pytest.approx((90 + 10_000) / 10_100)


@given(st.lists(st.tuples(st.floats(0.1, 500), st.floats(0, 1)), max_size=10), st.floats(0, 3))
def test_the_share_is_a_share_and_better_delivery_never_lowers_it(calls, caution):
    record = DeliveryRecord(tuple(o for o, _ in calls), tuple(o * d for o, d in calls))
    share = bidding.offered_share(record, caution)
    assert 0 <= share <= 1
    assert bidding.offered_share(record.after(1e6, 1e6), 0.0) >= bidding.offered_share(record, 0.0) - 1e-12


def test_a_record_without_any_weight_is_refused():
    with pytest.raises(ValueError, match="neither"):
        bidding.offered_share(DeliveryRecord(prior_kwh=0.0))
    with pytest.raises(ValueError, match="1 ordered, 0 delivered"):
        bidding.offered_share(DeliveryRecord((1.0,), ()))


def test_orders_to_a_hundred_thousand_homes_in_fifty_areas_add_up():
    n = 100_000
    rng = np.random.default_rng(1)
    homes = Homes(
        np.char.add("home-", np.arange(n).astype("U6")),
        rng.integers(0, 50, n),
        rng.choice([0.1, 0.2, 0.3], n),
        np.zeros(n),
    )
    potential = rng.uniform(0, 3, (n, 4))
    call = np.full((50, 4), 1000.0)
    orders = bidding.disaggregate(homes, potential, call)
    np.testing.assert_allclose([orders[homes.area == a].sum(axis=0) for a in range(50)], call)
