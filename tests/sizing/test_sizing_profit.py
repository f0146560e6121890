"""Profit of some members: price and schedules depend on each other and are found by iteration, with any of the internal prices."""

import numpy as np
import pytest

from agents.strategies.sizing_assessment import Sizings, reference, size
from agents.strategies.sizing_community import BusinessModel
from agents.strategies.sizing_economics import site_bills, trades
from experiments.covers import covers
from experiments.scenario.library import rule

MINE = BusinessModel("a-first", "profit", "individual", ("a",), 1.0)


@pytest.fixture(scope="module")
def today(three_sites):
    return reference(three_sites)


@covers("SUC01.1/r31", "SUC01.1/r14")
@pytest.mark.parametrize("pricing", ["post-delivery-pool", "mid-market-rate"])
def test_price_and_schedules_fit_each_other_and_nobody_else_pays_more(three_sites, today, pricing):
    price = rule("internal-price", pricing)
    found = size(Sizings(three_sites), MINE, today, price)
    assert found.settled
    trade = trades(three_sites, found.solution, price)
    assert np.isfinite(trade.price_eur_per_kwh).sum() > 3
    capital = np.zeros(3)
    for place, units in zip(three_sites.places, found.solution.units, strict=True):
        kind = three_sites.technologies[place.technology]
        capital[place.site] += units * kind.unit * kind.yearly_eur
    after = site_bills(three_sites, found.solution, trade) + capital
    assert after[0] < today.today_eur[0] - 1.0
    # Others bear their limit at the price that was reckoned with, which is the one that came out to a hundredth of a cent a kWh.
    assert (after[1:] <= today.today_eur[1:] + 0.01 + 1e-4 * np.abs(trade.traded_kwh).sum() * 365.0).all()


def test_business_models_of_the_same_builders_share_a_programme(three_sites, today):
    """And what one leaves behind does not change what the other finds."""
    price = rule("internal-price", "mid-market-rate")
    models = [BusinessModel(aim, aim, "individual", (), 1.0) for aim in ("total-cost", "self-consumption", "emissions")]
    shared = Sizings(three_sites)
    assert shared.of(models[0]) is shared.of(models[1])
    for model in (*models, models[0]):
        one, other = (size(given, model, today, price).solution for given in (shared, Sizings(three_sites)))
        np.testing.assert_allclose(one.units, other.units, atol=1e-6)
        np.testing.assert_allclose(one.plant_kw, other.plant_kw, atol=1e-5)
