"""Money of delivered flexibility: it sums to zero, nobody but the provider bears what was not delivered, and ordered energy is nobody's imbalance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.covers import covers
from markets.balancing.delivery import (
    Component,
    Delivery,
    account,
    credited,
    imbalance_prices,
    shared_limits,
    tolerance_kw,
)

HOURS = 4
kwh = st.floats(0, 100, allow_nan=False)
vectors = st.lists(kwh, min_size=HOURS, max_size=HOURS).map(np.array)
signed = st.lists(st.floats(-150, 150, allow_nan=False), min_size=HOURS, max_size=HOURS).map(np.array)
prices = st.lists(st.floats(-0.5, 1.0, allow_nan=False), min_size=HOURS, max_size=HOURS).map(np.array)


def delivery(up, delivered, down=0.0, price=0.3, perimeter="A"):
    up, down = np.full(HOURS, float(up)), np.full(HOURS, float(down))
    return Delivery(perimeter, up, down, up * price, down * price, np.full(HOURS, float(delivered)))


deliveries = st.builds(
    lambda up, down, price, delivered: Delivery("A", up, down, up * price, down * price, delivered),
    vectors, vectors, st.floats(0, 1), signed,
)  # fmt: skip


def component(direction, accepted, price):
    none = np.zeros(1)
    return Component("b", "A", direction, price, none, none, none > 0, none, np.array([float(accepted)]))


@covers("SUC08.4/r09", "SUC08.4/r11")
@given(st.lists(deliveries, min_size=1, max_size=3), st.floats(0, 0.5), prices)
def test_money_sums_to_zero(parts, value, price):
    one = account(parts, value, price)
    assert sum(one.balances().values()) == 0
    assert one.final_cents == one.service_cents + one.energy_cents
    assert one.exposure_cents == one.neutralised_cents + one.imbalance_cents


@covers("SUC08.4/r10")
@given(vectors, st.floats(0, 1), st.booleans(), prices)
def test_whoever_delivers_what_was_ordered_is_neutral_whatever_imbalances_cost(ordered, price, up, imbalance):
    """What was ordered is adjusted: the price of imbalances touches nobody, and the party behind keeps the value of its energy alone."""
    none = np.zeros(HOURS)
    one = (
        Delivery("A", ordered, none, ordered * price, none, ordered)
        if up
        else Delivery("A", none, ordered, none, ordered * price, -ordered)
    )
    found = account([one], 0.1, imbalance)
    assert (found.imbalance_cents, found.undelivered_cents) == (0, 0)
    assert found.credited_kwh == pytest.approx(ordered.sum())
    assert found.service_cents == pytest.approx(100 * (ordered * price).sum(), abs=1)
    assert found.balances()["bsp"] == found.service_cents
    assert found.balances()["balance responsible party"] == found.energy_cents


@covers("SUC08.4/r10")
@given(vectors, st.floats(0, 1), st.floats(0, 1), st.booleans(), prices)
def test_the_party_behind_bears_nothing_of_what_was_not_delivered(ordered, price, share, up, imbalance):
    """A provider that delivers a part of what was ordered, from points that keep to their baseline otherwise."""
    none, got = np.zeros(HOURS), share * ordered
    one = (
        Delivery("A", ordered, none, ordered * price, none, got)
        if up
        else Delivery("A", none, ordered, none, ordered * price, -got)
    )
    found = account([one], 0.1, imbalance)
    assert found.undelivered_cents == found.imbalance_cents
    assert found.balances()["balance responsible party"] == found.energy_cents


@covers("SUC08.4/r10")
@given(signed, prices)
def test_what_points_stray_by_themselves_is_no_business_of_the_provider(strayed, price):
    none = np.zeros(HOURS)
    found = account([Delivery("A", none, none, none, none, strayed)], 0.1, price)
    assert (found.balances()["bsp"], found.undelivered_cents) == (0, 0)
    assert found.imbalance_cents == found.exposure_cents


@given(vectors, vectors, st.floats(0.01, 1))
def test_who_delivers_more_than_was_ordered_bears_nothing_and_earns_nothing_more(ordered, more, price):
    none = np.zeros(HOURS)
    exact, beyond = (
        account([Delivery("A", ordered, none, ordered, none, ordered + k)], 0.1, price) for k in (none, more)
    )
    assert (beyond.undelivered_cents, beyond.final_cents) == (0, exact.final_cents)


def test_a_day_by_hand():
    """10 kWh up at 0.30 in each of 4 hours, 7 delivered, energy at 0.10, imbalances at 0.40: 28 x 0.30, 28 x 0.10, 12 x 0.40."""
    one = account([delivery(10, 7)], 0.10, 0.40)
    assert (one.ordered_kwh, one.credited_kwh) == (40.0, 28.0)
    assert (one.service_cents, one.energy_cents, one.final_cents) == (840, 280, 1120)
    assert (one.exposure_cents, one.neutralised_cents, one.imbalance_cents, one.undelivered_cents) == (
        -1120,
        -1600,
        480,
        480,
    )
    assert one.balances() == {"tso": -640, "bsp": 360, "balance responsible party": 280}


def test_downward_energy_is_bought_by_the_provider():
    one = account([delivery(0, -10, down=10)], 0.10, 0.40)
    assert (one.service_cents, one.energy_cents, one.final_cents) == (1200, -400, 800)


def test_what_is_delivered_in_another_perimeter_earns_nothing_there():
    """The whole is balanced and nothing is imbalance, but each perimeter is paid by itself, and what was ordered there is lacking."""
    one = account([delivery(10, 0), delivery(0, 10, perimeter="B")], 0.1, 0.4)
    assert (one.credited_kwh, one.service_cents, one.imbalance_cents, one.undelivered_cents) == (0.0, 0, 0, 1600)


@given(vectors, vectors, signed)
def test_no_more_is_credited_than_was_accepted_and_no_more_than_the_meter_shows(up, down, delivered):
    found = credited(up, down, delivered)
    assert ((found.up_kwh >= 0) & (found.up_kwh <= up)).all()
    assert ((found.down_kwh >= 0) & (found.down_kwh <= down)).all()
    alone = credited(up, np.zeros(HOURS), delivered).up_kwh
    np.testing.assert_allclose(alone, np.clip(np.minimum(delivered, up), 0.0, None), atol=1e-12)


@given(vectors, signed, st.floats(0, 10))
def test_more_delivery_credits_no_less(up, delivered, more):
    none = np.zeros(HOURS)
    assert (credited(up, none, delivered + more).up_kwh >= credited(up, none, delivered).up_kwh - 1e-9).all()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([], 0.1),
        ([component("up", 10, 0.2)], 0.3),
        ([component("up", 10, 0.2), component("up", 30, 0.4)], 0.45),
        ([component("down", 10, 0.2)], -0.1),
        ([component("up", 10, 0.2), component("down", 20, 0.05)], 0.05),
        ([component("up", 10, 0.2), component("down", 10, 0.05)], 0.1),
    ],
)
def test_the_price_of_an_imbalance_is_that_of_the_direction_that_prevailed(parts, expected):
    assert imbalance_prices(parts, 1, 0.1) == pytest.approx([expected])


def test_the_tolerance_is_learned_where_nothing_was_to_be_delivered():
    deviation = np.array([[3.0, -4.0, 50.0, np.nan], [0.0, 0.0, 0.0, 0.0]])
    active = np.array([[False, False, True, False], [False] * 4])
    found = tolerance_kw(deviation, active, times=2.0, least_kw=0.5)
    np.testing.assert_allclose(found[:, 0], [2 * np.sqrt(12.5), 0.5])


def test_without_an_hour_to_learn_from_the_least_tolerance_holds():
    assert tolerance_kw([[5.0]], [[True]], times=3.0, least_kw=0.5) == pytest.approx(0.5)


@given(st.lists(vectors, min_size=1, max_size=4).map(np.array), vectors)
def test_limits_of_providers_are_the_capability_of_their_perimeter(left, capability):
    """Whoever keeps his limit does no harm, and if the perimeter is over its limit somebody is over his."""
    found = shared_limits(left, capability)
    np.testing.assert_allclose(found.sum(axis=0), capability, atol=1e-9)
    fits = left.sum(axis=0) <= capability
    assert (found[:, fits] >= left[:, fits] - 1e-9).all()
