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
from markets.community.settlement import Flexibility, Settled, Terms, billed_cents, corrected, settle, whole_cents
from markets.community.shapley import of_net_loads, shapley
from markets.community.two_stage import two_stage

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
    assert found.internal_eur.sum() == pytest.approx(0.0, abs=1e-9)
    used = np.minimum(allocated, consumption)
    supplied, left = (consumption - used).sum(axis=1) / 1e6, (allocated - used).sum(axis=1) / 1e6
    np.testing.assert_allclose(found.supply_eur, supplied * 0.2, atol=1e-9)
    np.testing.assert_allclose(found.surplus_eur, left * 0.05, atol=1e-9)
    np.testing.assert_allclose(found.bought_kwh.sum(), found.sold_kwh.sum(), atol=1e-9)
    sold_eur = found.bought_eur - found.internal_eur
    assert (found.bought_eur >= 0.0).all()
    assert (sold_eur >= -1e-9).all()


@covers("SUC02.1/r36", "SUC02.1/r39")
@given(made=st.lists(mwh, min_size=2, max_size=5), data=st.data())
def test_bills_in_whole_cents_keep_internal_payments_at_zero(made, data):
    given_mwh = np.array(made)
    consumption = np.array([data.draw(mwh) for _ in made])
    shape = given_mwh.shape
    found = settle(
        given_mwh, consumption, energies(given_mwh, consumption, "proportional"),
        Terms(np.full(shape, 0.2), np.full(shape, 0.05), 0.02, np.array([0.1, 0.12, 0.08, 0.1])),
    )  # fmt: skip
    parts, net = billed_cents(vars(found))
    assert parts["internal_eur"].sum() == 0
    np.testing.assert_array_equal(net, parts["grid_eur"] + parts["internal_eur"])
    by_community = found.inside_eur - found.supply_eur + found.surplus_eur
    assert np.abs(net - 100.0 * by_community).max() <= 2.0 + 1e-6


@covers("SUC02.1/r36")
@given(made=st.lists(mwh, min_size=2, max_size=5), data=st.data())
def test_the_second_stage_holds_in_a_settlement(made, data):
    """Shares that are not anybody's: some pay more than alone, and are made whole by those who gain, if there is something to give."""
    given_mwh = np.array(made)
    consumption = np.array([data.draw(mwh) for _ in made])
    allocated = energies(given_mwh, consumption, "proportional")
    terms = Terms(np.full(given_mwh.shape, 0.2), np.full(given_mwh.shape, 0.05), 0.0, np.full(4, 0.19))
    found = settle(given_mwh, consumption, allocated, terms)
    kept = corrected(found)
    if found.energy_eur.sum() > found.alone_eur.sum():
        assert kept is found
        return
    assert kept.internal_eur.sum() == pytest.approx(0.0, abs=1e-9)
    assert (kept.energy_eur <= kept.alone_eur + 1e-9).all()


def settlement(**columns):
    """Amounts of three members, 0 where nothing is said."""
    return Settled(**{name: np.array(columns.get(name, [0.0] * 3)) for name in Settled.__dataclass_fields__})


@covers("SUC02.1/r36")
def test_gains_bear_losses_in_proportion():
    """Gains of 3 and 1, a loss of 1: it is borne 3/4 and 1/4, and internal transactions still sum to what they did."""
    made = settlement(supply_eur=[5.0, 8.0, 7.0], internal_eur=[2.0, -1.0, -1.0], alone_eur=[10.0, 8.0, 5.0])
    kept = corrected(made)
    np.testing.assert_allclose(kept.energy_eur, [7.75, 7.25, 5.0])
    assert kept.internal_eur.sum() == pytest.approx(0.0)


@covers("SUC02.1/r32", "SUC02.1/r38")
def test_flexibility_is_paid_by_delivery_and_what_is_missing_is_compensated():
    """12 EUR earned; 3 and 1 kWh delivered, 2 kWh missing of the second at 0.5 EUR/kWh; a penalty is borne by who misses."""
    none = np.zeros((3, 1), np.int64)
    terms = Terms(np.full((3, 1), 0.2), np.full((3, 1), 0.05), 0.0, np.zeros(1), missing_eur_per_kwh=0.5)
    gave, committed = np.array([[3.0], [-1.0], [4.0]]), np.array([[3.0], [-3.0], [0.0]])
    found = settle(none, none, none, terms, Flexibility.of(12.0, gave, committed))
    assert found.flexibility_eur.tolist() == [9.0, 3.0, 0.0]
    assert found.shortfall_eur.tolist() == [0.0, 1.0, 0.0]
    assert found.inside_eur.tolist() == [-9.0, -2.0, 0.0]
    penalty = settle(none, none, none, terms, Flexibility.of(-3.0, gave, committed))
    assert penalty.flexibility_eur.tolist() == [0.0, -3.0, 0.0]
    nobody = settle(none, none, none, terms, Flexibility(-3.0, np.zeros(3), np.array([1.0, 2.0, 0.0])))
    assert nobody.flexibility_eur.tolist() == [-1.0, -2.0, 0.0]


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
