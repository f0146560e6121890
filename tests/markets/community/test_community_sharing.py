"""Laws of sharing: nobody worse off where that is promised, nothing won or lost on the way, values that add up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.covers import covers
from markets.allocation.proportional import proportional
from markets.allocation.static import static
from markets.community.bill_sharing import bill_sharing
from markets.community.exchange import cost_eur
from markets.community.settlement import Flexibility, Terms, corrected, settle, whole_cents
from markets.community.shapley import of_net_loads, shapley
from markets.community.two_stage import two_stage
from markets.ledger import cents

eur = st.integers(-5000, 5000).map(lambda amount: amount / 100)
net_loads = st.lists(st.lists(st.integers(-40, 40).map(float), min_size=3, max_size=3), min_size=1, max_size=5).map(
    np.array
)
prices = st.tuples(st.floats(0.0, 0.1), st.floats(0.0, 0.3)).map(lambda pair: (pair[0] + pair[1], pair[0]))


@covers("SUC02.1/r36")
@given(alone=st.lists(eur, min_size=1, max_size=8), data=st.data())
def test_after_the_second_stage_nobody_pays_more_than_alone(alone, data):
    inside = np.array(data.draw(st.lists(eur, min_size=len(alone), max_size=len(alone))))
    inside -= max(float((inside - alone).sum()), 0.0) / len(alone)
    paid = two_stage(alone, inside)
    assert (paid <= np.array(alone) + 1e-9).all()
    assert paid.sum() == pytest.approx(inside.sum(), abs=1e-9)


def test_where_nothing_is_saved_nothing_can_be_given():
    with pytest.raises(ValueError, match="pay 1 EUR more inside than alone"):
        two_stage([3.0, 3.0], [4.0, 3.0])


@given(net=net_loads, price=prices)
def test_shapley_values_sum_to_the_saving_and_nobody_loses(net, price):
    buy, sell = price
    value = of_net_loads(net, buy, sell)
    apart = sum(cost_eur(row[None], buy, sell) for row in net)
    assert value.sum() == pytest.approx(apart - cost_eur(net, buy, sell), abs=1e-9)
    assert (value >= -1e-9).all()


@given(net=net_loads, price=prices)
def test_equal_members_have_equal_values(net, price):
    twins = np.concatenate([net[:1], net[:1], net[1:4]])
    value = of_net_loads(twins, *price)
    assert value[0] == pytest.approx(value[1], abs=1e-12)


def test_more_members_than_can_be_worked_out_are_refused():
    with pytest.raises(ValueError, match="30 members needs 1073741824 coalitions"):
        shapley(lambda _: 0.0, 30)


@given(net=net_loads, price=prices)
def test_bill_sharing_collects_the_bill(net, price):
    buy, sell = price
    whole = net.sum(axis=0)
    bill = (buy * np.maximum(whole, 0.0) - sell * np.maximum(-whole, 0.0)).sum()
    assert bill_sharing(net, buy, sell).sum() == pytest.approx(bill, abs=1e-9)


@given(net=net_loads, price=prices)
def test_the_exchange_costs_no_more_than_apart_and_the_bill_of_all_where_sharing_is_free(net, price):
    buy, sell = price
    apart = sum(cost_eur(row[None], buy, sell) for row in net)
    assert cost_eur(net, buy, sell, 0.02) <= apart + 1e-9
    whole = net.sum(axis=0)
    bill = (buy * np.maximum(whole, 0.0) - sell * np.maximum(-whole, 0.0)).sum()
    assert cost_eur(net, buy, sell) == pytest.approx(bill, abs=1e-9)


mwh = st.lists(st.integers(0, 4_000_000), min_size=4, max_size=4)


def energies(given_mwh, consumption, rule):
    """Allocated mWh, (n, T), by a rule in every period."""
    columns = []
    for t in range(given_mwh.shape[1]):
        total, taken = given_mwh[:, t].sum() / 1e6, consumption[:, t] / 1e6
        equal = np.full(len(taken), 1.0 / len(taken))
        columns.append(proportional(total, taken) if rule == "proportional" else static(total, taken, share=equal))
    return np.array([one.allocated for one in columns]).T


@covers("SUC02.1/r36", "SUC02.1/r37")
@given(made=st.lists(mwh, min_size=2, max_size=5), data=st.data(), rule=st.sampled_from(["proportional", "static"]))
def test_settlement_is_personal_and_internal_payments_sum_to_zero(made, data, rule):
    given_mwh = np.array(made)
    consumption = np.array([data.draw(mwh) for _ in made])
    allocated = energies(given_mwh, consumption, rule)
    terms = Terms(np.full(given_mwh.shape, 0.2), np.full(given_mwh.shape, 0.05), 0.02, np.array([0.1, 0.12, 0.08, 0.1]))
    found = settle(given_mwh, consumption, allocated, terms)
    assert found.internal.sum() == 0
    used = np.minimum(allocated, consumption)
    supplied, left = (consumption - used).sum(axis=1) / 1e6, (allocated - used).sum(axis=1) / 1e6
    assert np.abs(found.supply - supplied * 20.0).max() <= 1.0
    assert np.abs(found.surplus - left * 5.0).max() <= 1.0
    assert (
        found.supply.sum() == cents(round(float(supplied.sum()) * 0.2, 9))
        or abs(found.supply.sum() - supplied.sum() * 20.0) <= 0.5 + 1e-6
    )
    np.testing.assert_array_equal(found.net, found.by_community + found.supply - found.surplus)


@covers("SUC02.1/r36")
@given(made=st.lists(mwh, min_size=2, max_size=5), data=st.data())
def test_the_second_stage_holds_to_the_cent(made, data):
    """Shares that are not anybody's: some pay more than alone, and are made whole by those who gain."""
    given_mwh = np.array(made)
    consumption = np.array([data.draw(mwh) for _ in made])
    allocated = energies(given_mwh, consumption, "proportional")
    terms = Terms(np.full(given_mwh.shape, 0.2), np.full(given_mwh.shape, 0.05), 0.0, np.full(4, 0.19))
    found = settle(given_mwh, consumption, allocated, terms)
    alone = whole_cents((consumption * 0.2 - given_mwh * 0.05).sum(axis=1) / 1e6)
    if (found.net - alone).sum() > 0:
        with pytest.raises(ValueError, match="more inside than alone"):
            corrected(found, alone)
        return
    kept = corrected(found, alone)
    assert kept.correction.sum() == 0
    assert (kept.net <= alone).all()


@covers("SUC02.1/r32", "SUC02.1/r38")
def test_flexibility_is_paid_by_delivery_and_what_is_missing_is_compensated():
    """12 EUR earned; 3 and 1 kWh delivered, 2 kWh missing of the second at 0.5 EUR/kWh."""
    none = np.zeros((3, 1), np.int64)
    terms = Terms(np.full((3, 1), 0.2), np.full((3, 1), 0.05), 0.0, np.zeros(1), missing_eur_per_kwh=0.5)
    found = settle(none, none, none, terms, Flexibility(12.0, np.array([3.0, 1.0, 0.0]), np.array([0.0, 2.0, 0.0])))
    assert found.flexibility.tolist() == [900, 300, 0]
    assert found.shortfall.tolist() == [0, 100, 0]
    assert found.net.tolist() == [-900, -200, 0]
    only_penalty = settle(none, none, none, terms, Flexibility(-3.0, np.zeros(3), np.array([1.0, 2.0, 0.0])))
    assert only_penalty.flexibility.tolist() == [-100, -200, 0]


def test_what_is_allocated_was_given():
    one = np.array([[1_000_000], [0]])
    terms = Terms(np.full((2, 1), 0.2), np.full((2, 1), 0.05), 0.0, np.zeros(1))
    with pytest.raises(ValueError, match=r"period 0: 2 kWh are allocated, 1 were given"):
        settle(one, one, 2 * one, terms)


@given(amounts=st.lists(st.floats(-100, 100), min_size=1, max_size=9))
def test_cents_are_off_by_less_than_one_and_sum_to_the_rounded_sum(amounts):
    found = whole_cents(amounts)
    assert np.abs(found - np.array(amounts) * 100.0).max() <= 1.0 + 1e-6
    assert abs(found.sum() - sum(amounts) * 100.0) <= 0.5 + 1e-6
