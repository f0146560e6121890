"""Laws of communities: internal prices between opportunity costs, payments that sum to zero, identities of allocation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.covers import covers
from experiments.scenario.library import rule
from markets.allocation import hierarchical, proportional, static, transactions
from markets.internal_prices.offers import Offers
from markets.internal_prices.pool import pool

quantity = st.floats(0.001, 1e3)
cents = st.integers(0, 60).map(lambda price: price / 100)
offer = st.tuples(st.booleans(), quantity, cents)
SINGLE = {
    "mid-market-rate": {},
    "intermediate-rate": {"weight": 0.3},
    "supply-demand-ratio": {},
    "supply-demand-ratio ": {"compensation": 0.5},
    "post-delivery-pool": {},
    "post-delivery-pool ": {"pick": "lower"},
    "post-delivery-pool  ": {"pick": "upper"},
}
MANAGED = {"mid-market-rate": {}, "intermediate-rate": {"weight": 0.7}, "supply-demand-ratio": {}}


def offers_of(rows):
    buys, kwh, price = zip(*rows, strict=True)
    return Offers(np.array(buys), np.array(kwh, float), np.array(price, float))


def trade(name, offers, **parameters):
    return rule("internal-price", name.strip())(offers, **parameters)


@covers("SUC01.1/r23", "SUC01.1/r25", "SUC01.1/r26", "SUC01.1/r27", "SUC01.1/r28", "SUC01.1/r29")
@pytest.mark.parametrize("name", SINGLE)
@given(rows=st.lists(offer, min_size=1, max_size=12))
def test_inside_payments_sum_to_zero_and_nobody_trades_at_a_loss(name, rows):
    """Buyers pay no more than their retailers ask, sellers get no less than theirs pay; nobody trades more than it offers."""
    offers = offers_of(rows)
    found = trade(name, offers, **SINGLE[name])
    traded, scale = found.traded_kwh, max(offers.quantity_kwh.sum(), 1.0)
    assert (traded >= 0).all()
    assert (traded <= offers.quantity_kwh + 1e-9 * scale).all()
    assert abs(traded[offers.buys].sum() - traded[~offers.buys].sum()) <= 1e-9 * scale
    assert abs(found.paid_eur.sum()) <= 1e-9 * scale
    assert found.buy_eur_per_kwh == found.sell_eur_per_kwh or np.isnan(found.buy_eur_per_kwh)
    active = traded > 1e-9 * scale
    if active.any():
        assert (offers.price_eur_per_kwh[offers.buys & active] >= found.buy_eur_per_kwh - 1e-9).all()
        assert (offers.price_eur_per_kwh[~offers.buys & active] <= found.sell_eur_per_kwh + 1e-9).all()


@pytest.mark.parametrize("name", MANAGED)
@given(rows=st.lists(st.tuples(st.booleans(), quantity), min_size=1, max_size=12), low=cents, spread=cents)
def test_the_managers_account_balances_and_prices_stay_between_the_retailers(name, rows, low, spread):
    """One retailer: everybody asks and pays the same; every member is at least as well off as alone."""
    offers = offers_of([(buys, kwh, low + spread if buys else low) for buys, kwh in rows])
    found = trade(name, offers, residual="manager", **MANAGED[name])
    scale = max(offers.quantity_kwh.sum(), 1.0)
    assert abs(found.manager_eur) <= 1e-9 * scale
    if offers.buys.any() and not offers.buys.all():
        assert low - 1e-9 <= found.sell_eur_per_kwh <= found.buy_eur_per_kwh + 1e-9
        assert found.buy_eur_per_kwh <= low + spread + 1e-9


@pytest.mark.parametrize("name", SINGLE)
@given(rows=st.lists(offer, min_size=1, max_size=8), order=st.randoms(), factor=st.sampled_from([0.25, 2.0, 8.0]))
def test_prices_know_neither_order_nor_scale(name, rows, order, factor):
    shuffled = list(rows)
    order.shuffle(shuffled)
    scaled = [(buys, kwh * factor, price) for buys, kwh, price in rows]
    price = trade(name, offers_of(rows), **SINGLE[name]).buy_eur_per_kwh
    for other in (shuffled, scaled):
        np.testing.assert_allclose(trade(name, offers_of(other), **SINGLE[name]).buy_eur_per_kwh, price, rtol=1e-9)


@given(rows=st.lists(offer, min_size=1, max_size=10))
def test_the_pool_maximises_welfare(rows):
    """No other volume gives more: welfare by the curves at every price is at most that of the trades."""
    offers = offers_of(rows)
    found = pool(offers)
    sign = np.where(offers.buys, 1.0, -1.0)
    reached = float((sign * offers.price_eur_per_kwh * found.traded_kwh).sum())

    def value(kwh, side, best_first):
        order = np.argsort(best_first * offers.price_eur_per_kwh[side], kind="stable")
        quantities, prices = offers.quantity_kwh[side][order], offers.price_eur_per_kwh[side][order]
        taken = np.clip(kwh - np.concatenate([[0.0], np.cumsum(quantities)[:-1]]), 0.0, quantities)
        return float((taken * prices).sum())

    most = min(offers.demand_kwh, offers.supply_kwh)
    for kwh in np.linspace(0.0, most, 21):
        welfare = value(kwh, offers.buys, -1.0) - value(kwh, ~offers.buys, 1.0)
        assert welfare <= reached + 1e-9 * max(offers.quantity_kwh.sum(), 1.0)


kwh = st.integers(0, 20_000_000).map(lambda mwh: mwh / 1e6)
members = st.lists(kwh, min_size=1, max_size=10)


def every_way(generation, consumption, data):
    n = len(consumption)
    weights = np.array(data.draw(st.lists(st.floats(0.01, 1), min_size=n, max_size=n)))
    levels = data.draw(st.lists(st.integers(1, 3), min_size=n, max_size=n))
    yield static.static(generation, consumption, share=weights / weights.sum())
    yield proportional.proportional(generation, consumption)
    yield hierarchical.hierarchical(generation, consumption, level=levels)


@given(generation=kwh, consumption=members, data=st.data())
def test_identities_of_allocation_hold_exactly(generation, consumption, data):
    for one in every_way(generation, consumption, data):
        assert one.allocated.sum() == round(generation * 1e6)
        assert (one.allocated >= 0).all()
        np.testing.assert_array_equal(one.self_consumed + one.supplied, one.consumption)
        np.testing.assert_array_equal(one.self_consumed + one.surplus, one.allocated)
        balance = one.allocated.sum() + one.supplied.sum()
        assert balance == one.consumption.sum() + one.surplus.sum()
        assert round(one.coefficients().sum() * 1e6) == (1_000_000 if generation else 0)


@given(generation=kwh, consumption=members, data=st.data())
def test_no_coefficients_lead_to_more_self_consumption_than_proportional_ones(generation, consumption, data):
    *others, _ = every_way(generation, consumption, data)
    most = min(round(generation * 1e6), int(others[1].consumption.sum()))
    assert others[1].self_consumed.sum() == most
    for one in every_way(generation, consumption, data):
        assert one.self_consumed.sum() <= most


@given(generation=kwh, consumption=members, data=st.data())
def test_a_higher_level_is_full_before_a_lower_one_has_anything(generation, consumption, data):
    n = len(consumption)
    levels = np.array(data.draw(st.lists(st.integers(1, 3), min_size=n, max_size=n)))
    found = hierarchical.hierarchical(generation, consumption, level=levels)
    short = found.supplied > 0
    for level in np.unique(levels):
        if short[levels == level].any():
            assert not found.allocated[levels > level].any()


def test_what_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match=r"sum to 0\.9"):
        static.static(1.0, [1.0, 1.0], share=[0.5, 0.4])
    with pytest.raises(ValueError, match="bought 1 kWh from each other and sold 2"):
        transactions.transactions([3.0, 0.0], [1.0, 1.0], bought_kwh=[0.0, 1.0], sold_kwh=[2.0, 0.0])
    with pytest.raises(ValueError, match="member 0 sold 2 kWh and had 1"):
        transactions.transactions([1.0, 0.0], [1.0, 1.0], bought_kwh=[0.0, 2.0], sold_kwh=[2.0, 0.0])
    with pytest.raises(ValueError, match="balances without compensation"):
        trade("supply-demand-ratio", offers_of([(True, 1.0, 0.3)]), compensation=0.5, residual="manager")
