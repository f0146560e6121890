"""Settlement rules beside the linear one: their ends, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.settlement import availability_and_activation, linear_with_grace, price_less_penalty, sliding_scale

RULES = [price_less_penalty, sliding_scale, availability_and_activation]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ordered_kw": [-1.0]}, "ordered_kw must be at least 0"),
        ({"delivered_kw": [np.nan]}, "delivered_kw has missing values"),
        ({"price_eur_per_kwh": [-0.1]}, "price_eur_per_kwh must be at least 0"),
        ({"hours": 0.0}, "hours must be above 0"),
        ({"penalty_eur_per_kwh": -1.0}, "penalty_eur_per_kwh must be at least 0"),
    ],
)
def test_senseless_input_is_refused(rule, changed, said):
    given_ = {"ordered_kw": [1.0], "delivered_kw": [1.0], "price_eur_per_kwh": [0.1], "hours": 0.25} | changed
    with pytest.raises(ValueError, match=said):
        rule.settle(**given_)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"floor_share": 1.0}, r"floor_share must lie in \[0, 1\)"),
        ({"floor_pay_share": 1.1}, "floor_pay_share must lie in"),
    ],
)
def test_a_scale_that_cannot_be_is_refused(terms, said):
    with pytest.raises(ValueError, match=said):
        sliding_scale.settle([1.0], [1.0], 0.1, hours=1.0, **terms)


@given(st.floats(0.1, 100), st.floats(0, 100), st.floats(0, 0.9))
def test_a_scale_whose_floor_pays_itself_pays_each_kwh_above_it(ordered, delivered, floor):
    scale = sliding_scale.settle([ordered], [delivered], 0.5, hours=1.0, floor_share=floor, floor_pay_share=floor)
    each = price_less_penalty.settle([ordered], [delivered], 0.5, hours=1.0)
    above = min(delivered, ordered) / ordered >= floor
    assert scale.remuneration_eur[0] == pytest.approx(each.remuneration_eur[0] if above else 0.0, abs=1e-9)


@given(st.floats(0, 100), st.floats(-100, 200), st.floats(0, 1))
def test_availability_comes_on_top_and_only_for_what_was_there(ordered, delivered, price):
    both = availability_and_activation.settle(
        [ordered], [delivered], 0.5, hours=0.25, contracted_kw=[100.0], availability_eur_per_kw_h=[price]
    )
    energy = linear_with_grace.settle([ordered], [delivered], 0.5, hours=0.25)
    assert 0.0 <= both.availability_eur[0] <= 100.0 * price * 0.25
    assert both.remuneration_eur[0] == energy.remuneration_eur[0] + both.availability_eur[0]
    assert both.penalty_eur[0] == energy.penalty_eur[0]


def test_more_cannot_be_ordered_than_is_held_ready():
    with pytest.raises(ValueError, match="contracted_kw must be at least what was ordered"):
        availability_and_activation.settle(
            [5.0], [5.0], 0.1, hours=1.0, contracted_kw=[4.0], availability_eur_per_kw_h=[0.1]
        )
