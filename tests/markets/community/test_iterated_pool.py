"""Laws of the pool with flexible resources: between bound and welfare optimum, honest about convergence, no rounds where nothing is flexible."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.covers import covers
from experiments.rules import run_rule
from experiments.rules.internal_market import FlexibleFace
from experiments.scenario.read import ScenarioError
from markets.internal_prices.flexible import Prices, Resources, respond, welfare_optimum
from markets.internal_prices.iterated import iterated_pool

N, PERIODS = 5, 8
NONE = Resources(
    *(
        np.zeros(0, np.int64 if name in ("owner", "first", "last", "store_owner") else float)
        for name in Resources._fields
    )
)


def village(seed):
    """Members with sun in the first half, a car, and two stores."""
    rng = np.random.default_rng(seed)
    sun = np.where(np.arange(PERIODS) < 4, 1.0, 0.0)
    net = rng.uniform(0.3, 1.2, (N, PERIODS)) - sun * rng.choice([0.0, 2.0, 3.0], (N, 1))
    shape = (N, PERIODS)
    prices = Prices(np.full(shape, 0.2) + 0.1 * (np.arange(PERIODS) > 5), np.full(shape, 0.05), np.full(shape, 0.01))
    resources = Resources(
        np.array([0, 1]), rng.uniform(1.0, 3.0, 2), np.array([1.5, 1.5]), np.array([0, 2]), np.array([7, 7]),
        np.array([2, 3]), np.array([3.0, 2.0]), np.array([1.0, 1.0]), np.array([0.9, 0.9]), np.array([0.0, 0.5]),
    )  # fmt: skip
    return net, resources, prices


@covers("SUC02.1/r01", "SUC02.1/r33", "SUC01.1/r31")
@settings(max_examples=6)
@given(seed=st.integers(0, 10**6), pick=st.sampled_from(["lower", "middle", "upper"]))
def test_the_pool_lies_between_its_bound_and_ends_near_the_welfare_optimum(seed, pick):
    net, resources, prices = village(seed)
    best = welfare_optimum(net, resources, prices)
    found = iterated_pool(net, resources, prices, pick=pick, most_rounds=150, tolerance=0.01)
    assert found.bound_eur <= best.cost_eur + 1e-6
    assert found.cost_eur >= best.cost_eur - 1e-6
    assert found.converged == (found.cost_eur - found.bound_eur <= 0.01 * abs(found.cost_eur) + 1e-9)
    assert bool(found.reason) != found.converged
    if found.converged:
        assert found.cost_eur <= best.cost_eur + 0.01 * abs(found.cost_eur) + 1e-6


@settings(max_examples=6)
@given(seed=st.integers(0, 10**6))
def test_inside_payments_sum_to_zero_and_nobody_trades_at_a_loss(seed):
    net, resources, prices = village(seed)
    for t, trade in enumerate(iterated_pool(net, resources, prices, most_rounds=20).trades):
        if trade is None:
            continue
        assert abs(trade.paid_eur.sum()) < 1e-9
        buyers = trade.paid_eur > 1e-12
        assert (trade.buy_eur_per_kwh <= (prices.buy - prices.share)[buyers, t] + 1e-9).all()
        assert trade.sell_eur_per_kwh >= 0.05 - 1e-9


def test_without_flexible_resources_the_first_round_is_the_last():
    net, _, prices = village(3)
    found = iterated_pool(net, NONE, prices, tolerance=0.2)
    np.testing.assert_allclose(found.net_kwh, net)
    best = welfare_optimum(net, NONE, prices)
    assert found.cost_eur == pytest.approx(best.cost_eur)


def test_too_few_rounds_are_told_with_the_reason():
    found = iterated_pool(*village(5), most_rounds=2, tolerance=1e-4)
    assert not found.converged
    assert "after 2 rounds members would still pay" in found.reason


def test_a_car_follows_the_sun_by_hand():
    """4 kWh are left over in the first hour at 0.05, and cost 0.20 later: the car takes 2 of them from the neighbour.

    Nothing else is to be had for less, so 1 kWh of own load and 2 of the car come from inside, 1 is left over: 6 kWh are bought outside less
    than without.
    """
    content = dict(FlexibleFace.example) | {"share_eur_per_kwh": 0.0}
    best = run_rule("welfare-optimum", content)["result"]
    assert best["intervals"][0]["traded_kwh"] == pytest.approx(3.0)
    assert best["cost_eur"] == pytest.approx(4 * 0.20 - 1 * 0.05, abs=1e-5)
    pool = run_rule("iterated-pool", content)["result"]
    assert pool["converged"]
    assert pool["cost_eur"] == pytest.approx(best["cost_eur"], rel=0.006)
    assert pool["intervals"][0]["price_eur_per_kwh"] == pytest.approx(0.05, abs=1e-6)


def test_bad_records_are_named_together():
    content = dict(FlexibleFace.example)
    rows = [dict(row) for row in content["loads"]][:-1]
    rows[0]["sell_eur_per_kwh"] = 0.9
    bad = content | {"loads": rows, "shiftable": [{"member": "home-1", "energy_kwh": 20.0, "most_kwh": 1.0}]}
    with pytest.raises(ScenarioError) as told:
        run_rule("iterated-pool", bad)
    text = str(told.value)
    assert "1 of 2 x 3 rows are missing" in text
    assert "selling at 0.9 must not beat buying at 0.2" in text
    assert "20 kWh do not fit into its window, which takes 3" in text


def test_members_answer_prices_for_themselves():
    """A store that earns nothing rests; with a price difference it works."""
    net = np.full((1, 2), 1.0)
    prices = Prices(np.full((1, 2), 0.3), np.full((1, 2), 0.0), np.zeros((1, 2)))
    one = NONE._replace(
        store_owner=np.array([0]), capacity_kwh=np.array([1.0]), store_most_kwh=np.array([1.0]), efficiency=np.array([0.8]),
        start_kwh=np.array([0.0]),
    )  # fmt: skip
    np.testing.assert_allclose(respond(net, one, prices, np.array([0.2, 0.2])).net_kwh, [[1.0, 1.0]], atol=1e-9)
    np.testing.assert_allclose(respond(net, one, prices, np.array([0.1, 0.2])).net_kwh, [[2.0, 0.2]], atol=1e-9)
