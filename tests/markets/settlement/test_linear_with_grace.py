"""Settlement is bounded, monotone in delivery, and pays nothing for more than was ordered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.covers import covers
from markets.settlement.linear_with_grace import settle

ordered = st.floats(0.1, 1000)
delivered = st.floats(-2000, 2000)
price = st.floats(0, 3)
terms = st.fixed_dictionaries(
    {
        "hours": st.sampled_from([0.25, 1.0]),
        "grace_share": st.floats(0.1, 1.0),
        "grace_slope": st.floats(0, 10),
        "penalty_eur_per_kwh": st.none() | st.floats(0, 5),
    }
)


@covers("SUC06.3/r05", "SUC06.3/r06")
@given(ordered, delivered, delivered, price, terms)
def test_more_delivery_never_earns_less(o, first, second, p, rule):
    low, high = sorted((first, second))
    settled = settle([o, o], [low, high], p, **rule)
    assert settled.net_eur[1] >= settled.net_eur[0] - 1e-9
    assert settled.remuneration_eur[1] >= settled.remuneration_eur[0] - 1e-9
    assert settled.penalty_eur[1] <= settled.penalty_eur[0] + 1e-9


@covers("SUC06.3/r05")
@given(ordered, delivered, price, terms)
def test_money_is_bounded_by_the_order(o, d, p, rule):
    settled = settle([o], [d], p, **rule)
    worth = o * p * rule["hours"]
    worst = o * (rule["penalty_eur_per_kwh"] or 0.0) * rule["hours"]
    assert 0 <= settled.remuneration_eur[0] <= worth * (1 + 1e-12)
    assert 0 <= settled.penalty_eur[0] <= worst * (1 + 1e-12)
    assert settled.net_eur[0] == settled.remuneration_eur[0] - settled.penalty_eur[0]
    assert 0 <= settled.credited_kw[0] <= o


@given(ordered, price, terms)
def test_full_delivery_earns_the_full_price_without_penalty(o, p, rule):
    settled = settle([o], [o], p, **rule)
    assert settled.net_eur[0] == pytest.approx(o * p * rule["hours"])


@covers("SUC06.3/r04")
@given(ordered, delivered, price, terms)
def test_a_product_without_penalty_takes_nothing(o, d, p, rule):
    assert settle([o], [d], p, **(rule | {"penalty_eur_per_kwh": None})).penalty_eur[0] == 0


@covers("SUC06.3/r04")
def test_a_penalty_needs_missing_delivery_below_the_grace():
    settled = settle([100.0, 100.0, 100.0], [100.0, 95.0, 45.0], 0.0, hours=1.0, penalty_eur_per_kwh=0.2)
    assert settled.penalty_eur.tolist() == pytest.approx([0, 0, 10])


@covers("SUC06.3/r03")
def test_the_wrong_way_counts_as_nothing_and_more_than_ordered_as_ordered():
    settled = settle([10.0, 10.0], [-5.0, 25.0], 1.0, hours=1.0)
    assert settled.credited_kw.tolist() == [0, 10]
    assert settled.remuneration_eur.tolist() == [0, 10]
    assert (settled.ordered_kwh, settled.delivered_kwh) == (20, 10)


def test_nothing_ordered_is_nothing_paid():
    settled = settle([0.0], [5.0], 1.0, hours=0.25, penalty_eur_per_kwh=1.0)
    assert settled.net_eur.tolist() == [0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ordered_kw": [-1.0]}, "ordered_kw"),
        ({"delivered_kw": [np.nan]}, "delivered_kw"),
        ({"price_eur_per_kwh": [-1.0]}, "price_eur_per_kwh"),
        ({"hours": 0.0}, "hours"),
        ({"grace_share": 0.0}, "grace_share"),
        ({"penalty_eur_per_kwh": -1.0}, "penalty_eur_per_kwh"),
    ],
)
def test_senseless_input_is_named(changes, said):
    given_ = {"ordered_kw": [1.0], "delivered_kw": [1.0], "price_eur_per_kwh": [1.0], "hours": 1.0} | changes
    money = [given_.pop(name) for name in ("ordered_kw", "delivered_kw", "price_eur_per_kwh")]
    with pytest.raises(ValueError, match=said):
        settle(*money, **given_)
