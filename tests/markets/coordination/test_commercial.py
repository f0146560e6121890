"""Commercial parties in the integrated market: none, and it is the common one; what they get and pay; who stands behind."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.scenario.library import rule
from markets.coordination.commercial import commercial_kw, due_eur, prices_eur_per_kwh
from markets.coordination.payers import allotted_kw
from markets.coordination.situation import Activations, Situation, WantColumns
from tests.markets.coordination.cases import column, offer, situation, situations

UNMET = 3.0
common, integrated = rule("coordination", "common"), rule("coordination", "integrated")


def wants(*each: tuple[str, bool, float, float]) -> WantColumns:
    """(buyer, is short, kW, value) for the one interval."""
    buyer, up, kw, value = zip(*each, strict=True)
    number = np.zeros(len(each), np.int64)
    return WantColumns(np.array(buyer), np.array(up), number, np.array(kw), np.array(value))


@st.composite
def cases(draw: st.DrawFn) -> Situation:
    count = draw(st.integers(1, 3))
    each = [
        (f"t{k}", draw(st.booleans()), draw(st.integers(1, 150)) * 1.0, draw(st.integers(0, 80)) / 100)
        for k in range(count)
    ]
    return replace(draw(situations()), wants=wants(*each))


def operators_eur(found: Activations) -> float:
    """What operators pay for what they need."""
    paid = allotted_kw(found, unmet_eur_per_kwh=UNMET)
    price = found.situation.bids.price_eur_per_kwh
    return float(((sum(paid.values()) - commercial_kw(found)) * price).sum())


@settings(max_examples=30)
@given(situations())
def test_with_no_commercial_party_the_outcome_is_that_of_the_common_market(case: Situation) -> None:
    one, other = (scheme(case, unmet_eur_per_kwh=UNMET) for scheme in (common, integrated))
    assert one.accepted_kw == pytest.approx(other.accepted_kw, abs=1e-9)
    paid, also = (allotted_kw(found, unmet_eur_per_kwh=UNMET) for found in (one, other))
    assert all(paid[name] == pytest.approx(also[name], abs=1e-9) for name in paid)


@settings(max_examples=30)
@given(cases())
def test_nobody_pays_more_than_it_is_worth_to_him_and_every_kwh_has_one_payer(case: Situation) -> None:
    found = integrated(case, unmet_eur_per_kwh=UNMET)
    assert (prices_eur_per_kwh(found) <= case.wants.price_eur_per_kwh + 1e-9).all()
    mine, accepted = commercial_kw(found), found.accepted_kw
    assert ((mine >= 0) & (mine <= accepted + 1e-9)).all()
    for up in (True, False):
        served = found.served_kw[case.wants.up == up].sum()
        activated = accepted[case.bids.up == up].sum()
        assert mine[case.bids.up == up].sum() == pytest.approx(min(served, activated), abs=1e-6)
    paid = allotted_kw(found, unmet_eur_per_kwh=UNMET)
    assert all((kw >= -1e-9).all() for kw in paid.values())
    assert sum(paid.values()) == pytest.approx(accepted, abs=1e-6)
    cost = (mine * case.bids.price_eur_per_kwh).sum()
    assert (
        prices_eur_per_kwh(found) * found.served_kw
    ).sum() <= cost + 1e-6  # the rest the operator bears that stands between


def scarce(value: float, kw: float = 60.0) -> Situation:
    """The system is 100 kW short; 80 kW are cheap, 60 kW dear, and a party is short as well."""
    bids = [offer("cheap", "north", 80.0, 0.1), offer("dear", "north", 60.0, 0.5)]
    return situation(bids, imbalance_kw=column({0: 100.0}, 0.0, 3), wants=wants(("trader", True, kw, value)))


def test_a_party_whose_value_is_high_makes_operators_pay_more_and_above_the_cap_get_less() -> None:
    alone, low, high, above = (
        integrated(one, unmet_eur_per_kwh=UNMET) for one in (scarce(0.0), scarce(0.3), scarce(1.0), scarce(5.0))
    )
    assert low.served_kw.tolist() == [0.0]  # a dear kWh is not worth it
    assert operators_eur(low) == pytest.approx(operators_eur(alone)) == pytest.approx(80 * 0.1 + 20 * 0.5)
    assert high.served_kw == pytest.approx([40.0])
    mean = (80 * 0.1 + 60 * 0.5) / 140
    assert operators_eur(high) == pytest.approx(100 * mean)
    assert operators_eur(high) > operators_eur(alone)
    assert prices_eur_per_kwh(high) == pytest.approx([mean])
    assert high.imbalance_left_kw.tolist() == [0.0]
    assert above.served_kw == pytest.approx([60.0])  # it pays more than operators would for a need left open
    assert above.imbalance_left_kw == pytest.approx([20.0])


def test_what_the_system_has_too_much_of_costs_nobody_a_bid() -> None:
    case = situation(
        [offer("down", "north", 80.0, 0.2, up=False)], imbalance_kw=column({0: -50.0}, 0.0, 3),
        wants=wants(("trader", True, 30.0, 0.4)),
    )  # fmt: skip
    found = integrated(case, unmet_eur_per_kwh=UNMET)
    assert found.served_kw == pytest.approx([30.0])
    assert found.accepted_kw == pytest.approx([20.0])
    assert prices_eur_per_kwh(found).tolist() == [0.0]


def test_energy_is_bought_upward_and_sold_downward() -> None:
    assert due_eur(True, [10.0, 0.0], [0.2, 9.0], 0.1) == pytest.approx(3.0)
    assert due_eur(False, [10.0], [0.02], 0.1) == pytest.approx(-0.8)
