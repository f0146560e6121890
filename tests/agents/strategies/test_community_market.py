"""Members who plan for themselves: the pool of their plans beside the common optimum, and bids by opportunity cost."""

import numpy as np
import pytest

from agents.strategies.community_market import bid_prices, iterated_market, own_plans
from agents.strategies.community_schedule import alone, schedule
from agents.strategies.community_view import community
from agents.strategies.home_view import homes
from experiments.covers import covers


@pytest.fixture(scope="module")
def village(population):
    """Ten members over half a day, from noon on."""
    view = population(
        10, 48, 4, buy_eur_per_kwh=np.where(np.arange(48) >= 24, 0.30, 0.18), sell_eur_per_kwh=0.05, ev_end_kwh=0.0
    )
    return community(tuple(f"member-{k}" for k in range(10)), view._replace(load_kw=view.load_kw + 0.4), 0.02)


@covers("SUC02.1/r01", "SUC02.1/r16")
def test_the_iterated_market_comes_near_the_common_optimum_and_says_so(village):
    found, best = iterated_market(village), schedule(village)
    assert found.converged or found.reason
    assert found.cost_eur >= best.bound - 0.01 * abs(best.value)
    assert found.cost_eur <= alone(village).cost_eur.sum() * 1.01
    assert found.cost_eur <= 1.04 * best.value


def test_an_announced_price_moves_plans(village):
    low, high = (
        own_plans(village.view, village.share_eur_per_kwh, np.where(np.arange(48) < 24, price, 0.15))
        .net_kw[:, :24]
        .sum()
        for price in (0.05, 0.16)
    )
    assert low > high


@covers("SUC02.1/r22")
def test_bids_are_what_members_give_up():
    """One buys at 0.20 less the tariff; one sells sun at what its retailer pays; one sells from a store that would save 0.30 later."""
    view = homes(3, 2, 1.0, buy_eur_per_kwh=[[0.20, 0.30]] * 3, sell_eur_per_kwh=0.05)
    of = community(("a", "b", "c"), view, 0.02)
    net = np.array([[1.0, 0.0], [-1.0, 0.0], [-1.0, 1.0]])
    battery = np.array([[0.0, 0.0], [0.0, 0.0], [-1.0, 0.0]])
    np.testing.assert_allclose(bid_prices(of, net, battery)[:, 0], [0.18, 0.05, 0.18])
