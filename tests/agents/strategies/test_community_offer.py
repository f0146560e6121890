"""Offers of a community: quantities at prices from re-solved schedules, nested and worth their price."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.strategies.community_offer import LEAST_KW, Seller
from agents.strategies.community_schedule import Scheduler
from agents.strategies.community_view import community
from agents.strategies.home_view import homes
from experiments.covers import covers

STEPS = 24
PRICES = (0.02, 0.06, 0.15, 0.4)
WINDOW = np.where((np.arange(STEPS) >= 12) & (np.arange(STEPS) < 18), np.inf, 0.0)


def seller_of(view):
    of = community(tuple(f"member-{k:03d}" for k in range(view.n)), view, share_eur_per_kwh=0.02)
    scheduler = Scheduler(of)
    return Seller(scheduler, view, scheduler.schedule())


@pytest.fixture(scope="module")
def sellers(population):
    """`sellers(seed)`: six members with all kinds of devices."""

    def make(seed):
        peak = np.where(np.arange(STEPS) >= 12, 0.24, 0.18)
        drawn = {"buy_eur_per_kwh": peak, "sell_eur_per_kwh": 0.05, "ev_end_kwh": 0.0, "ev_target_share": 0.9}
        return seller_of(population(6, STEPS, seed, **drawn))

    return make


@covers("SUC02.1/r21", "SUC02.1/r22", "SUC02.1/r23")
@pytest.mark.parametrize("direction", ["up", "down"])
@settings(max_examples=4)
@given(seed=st.integers(0, 10**6))
def test_a_curve_rises_and_each_step_is_worth_its_price(sellers, direction, seed):
    """Quantities of every period never fall along the curve; what a step adds costs members no more than its price."""
    seller = sellers(seed)
    curve = seller.curve(direction, WINDOW, PRICES)
    assert (curve.added_kw() >= 0.0).all()
    assert (np.diff(curve.price_eur_per_kwh) >= 0.0).all()
    assert (curve.quantity_kw[:, WINDOW == 0.0] == 0.0).all()
    costs, given_kwh = 0.0, 0.0
    for offer in curve.offers:
        net = offer.schedule.net_kw
        moved = seller.baseline.net_kw - net if direction == "up" else net - seller.baseline.net_kw
        assert (moved[WINDOW > 0.0] >= offer.quantity_kw[WINDOW > 0.0] - LEAST_KW).all()
        added = offer.quantity_kw.sum() * 0.25 - given_kwh
        assert offer.cost_eur - costs <= offer.price_eur_per_kwh * added + 1e-3
        costs, given_kwh = offer.cost_eur, offer.quantity_kw.sum() * 0.25


@settings(max_examples=4)
@given(seed=st.integers(0, 10**6), cheap=st.floats(0.01, 0.3), more=st.floats(0.01, 0.3))
def test_a_higher_price_never_brings_less_energy(sellers, seed, cheap, more):
    seller = sellers(seed)
    low, high = (seller.at_price("up", WINDOW, price).quantity_kw.sum() for price in (cheap, cheap + more))
    assert high >= low - LEAST_KW * STEPS


def test_no_more_is_offered_than_is_needed_and_an_order_is_carried_out(sellers):
    seller = sellers(3)
    asked = np.where(WINDOW > 0.0, 1.5, 0.0)
    offer = seller.at_price("up", asked, 0.5)
    assert 0.0 < offer.quantity_kw.max() <= 1.5 + 1e-6
    ordered = 0.5 * offer.quantity_kw
    done = seller.committed("up", ordered)
    given_kw = seller.baseline.net_kw - done.net_kw
    assert (given_kw[ordered > 0.0] >= ordered[ordered > 0.0] - 1e-6).all()
    assert done.over_kw.sum() == pytest.approx(0.0, abs=1e-6)


def test_one_battery_worked_by_hand():
    """2 kWh stored and worth 0.20 EUR/kWh later, where they save a kWh each; losses none, wear 0.03.

    Given in the window (0.18 EUR/kWh) instead, a kWh saves 0.18 at once: moving one costs 0.02, the wear being paid either way. Above that
    price both kWh move, below nothing does.
    """
    view = homes(
        1, 4, 1.0, buy_eur_per_kwh=[[0.18, 0.18, 0.20, 0.20]], sell_eur_per_kwh=0.05, load_kw=1.0,
        battery_kwh=2.0, battery_kw=1.0, battery_soc_kwh=2.0, battery_max_kwh=2.0, battery_end_kwh=0.0,
        battery_wear_eur_per_kwh=0.03, reservation_eur_per_kwh=0.01,
    )  # fmt: skip
    seller = seller_of(view)
    np.testing.assert_allclose(seller.baseline.net_kw, [1.0, 1.0, 0.0, 0.0], atol=1e-6)
    curve = seller.curve("up", np.array([np.inf, np.inf, 0.0, 0.0]), [0.019, 0.021, 0.1])
    assert len(curve.offers) == 1
    np.testing.assert_allclose(curve.quantity_kw[0], [1.0, 1.0, 0.0, 0.0], atol=1e-6)
    assert curve.price_eur_per_kwh[0] == pytest.approx(0.021 + 0.01)
    assert curve.offers[0].cost_eur == pytest.approx(0.04, abs=1e-4)
    assert seller.at_price("up", np.array([np.inf, np.inf, 0.0, 0.0]), 0.029).quantity_kw.sum() == 0.0
    assert seller.at_price("up", np.array([np.inf, np.inf, 0.0, 0.0]), 0.031).quantity_kw.sum() == pytest.approx(2.0)
