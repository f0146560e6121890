"""A provider's day among those who bought of it: nothing is lost, everybody pays for what it bought."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.balancing.buyers import Sale, balances, bills, sale_bills
from markets.balancing.delivery import Component, Delivery, account

HOURS = 4
KWH = st.lists(st.floats(0.0, 50.0), min_size=HOURS, max_size=HOURS).map(np.array)
SHARE = st.lists(st.floats(0.0, 1.0), min_size=HOURS, max_size=HOURS).map(np.array)


def component(kwh, share, price=0.2, direction="up", perimeter="P1"):
    """Bought by two operators, the first's share given."""
    none, never = np.zeros(HOURS), np.zeros(HOURS, bool)
    bought = {"tso": kwh * share, "dso": kwh * (1.0 - share)}
    return Component("bsp", perimeter, direction, price, kwh, kwh, never, none, kwh, bought)


def settled(components, delivered, energy="tso", value=0.1, price=0.25):
    of = {way: [one for one in components if one.direction == way] for way in ("up", "down")}
    kwh = {way: sum((one.accepted_kw for one in ones), np.zeros(HOURS)) for way, ones in of.items()}
    eur = {
        way: sum((one.accepted_kw * one.price_eur_per_kwh for one in ones), np.zeros(HOURS)) for way, ones in of.items()
    }
    day = [Delivery("P1", kwh["up"], kwh["down"], eur["up"], eur["down"], delivered)]
    whole = account(day, value, price)
    return whole, bills(
        components, day, whole, tso="tso", energy=energy, day_ahead_eur_per_kwh=value, imbalance_eur_per_kwh=price
    )


@given(KWH, KWH, SHARE, SHARE, st.lists(st.floats(-60.0, 60.0), min_size=HOURS, max_size=HOURS).map(np.array),
       st.sampled_from(["tso", "buyer", "imbalance"]))  # fmt: skip
def test_money_sums_to_zero_and_all_of_the_account_is_paid(up, down, first, second, delivered, energy):
    components = [component(up, first), component(down, second, 0.3, "down")]
    whole, owed = settled(components, delivered, energy)
    assert sum(balances(whole, owed, "tso").values()) == 0
    assert sum(one.service_cents for one in owed) == whole.service_cents
    assert sum(one.energy_cents for one in owed) == whole.energy_cents
    assert sum(one.ordered_kwh for one in owed) == pytest.approx(whole.ordered_kwh)
    assert sum(one.delivered_kwh for one in owed) == pytest.approx(whole.credited_kwh)
    for one in owed[1:]:
        assert (one.energy_cents == 0) or energy != "tso"
        assert (one.imbalance_cents == 0) or energy == "imbalance"


def test_each_pays_the_price_of_what_was_delivered_of_its_own_part():
    """10 kWh an hour, 4 of them the DSO's; half is delivered."""
    kwh = np.full(HOURS, 10.0)
    _, owed = settled([component(kwh, np.full(HOURS, 0.6))], kwh / 2)
    assert [(one.buyer, one.service_cents, one.energy_cents) for one in owed] == [("tso", 240, 200), ("dso", 160, 0)]
    assert [one.delivered_kwh for one in owed] == pytest.approx([12.0, 8.0])


def test_energy_that_does_not_count_is_bought_and_is_an_imbalance_of_its_buyer():
    kwh = np.full(HOURS, 10.0)
    whole, owed = settled([component(kwh, np.zeros(HOURS))], kwh, "imbalance")
    dso = owed[1]
    assert (dso.service_cents, dso.energy_cents, dso.imbalance_cents) == (800, 400, 1000)
    assert balances(whole, owed, "tso")["dso"] == 1000 - 1200


def test_downward_energy_that_a_buyer_takes_back_is_paid_by_the_provider():
    """The service costs 20 cents a kWh; at a day-ahead price of 30 the provider owes the difference."""
    kwh = np.full(HOURS, 10.0)
    _, owed = settled([component(kwh, np.zeros(HOURS), direction="down")], -kwh, "buyer", value=0.3)
    assert owed[1].to_provider_cents == 800 - 1200


def test_a_component_of_which_no_buyer_is_named_is_the_tsos():
    one = component(np.full(HOURS, 10.0), np.ones(HOURS))
    plain = Component(*(getattr(one, name) for name in list(one.__dataclass_fields__)[:-1]))
    _, owed = settled([plain], np.full(HOURS, 10.0))
    assert [bill.buyer for bill in owed] == ["tso"]
    assert owed[0].service_cents == 800


def test_what_is_delivered_as_sold_is_paid_by_its_buyers_and_its_energy_by_the_tso():
    sales = [Sale("up", 0.2, {"tso": 30.0, "dso": 10.0}), Sale("down", 0.1, {"tso": 20.0})]
    tso, dso = sale_bills(sales, "tso", 0.1)
    assert (tso.service_cents, tso.energy_cents, tso.ordered_kwh) == (800, 200, 50.0)
    assert (dso.service_cents, dso.energy_cents, dso.ordered_kwh) == (200, 0, 10.0)
    assert sale_bills([], "tso", 0.1) == []
