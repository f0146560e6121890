"""Laws of coordination schemes: who can be cheaper than whom, limits that are kept, order that does not matter."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.scenario.library import RULES, rule
from markets.coordination.common import shares_eur
from markets.coordination.situation import Activations, Situation
from tests.markets.coordination.cases import OPERATORS, WIDE, offer, situation, situations

UNMET = 3.0
SCHEMES = {name: rule("coordination", name) for name in RULES["coordination"]}
SCHEMES |= {
    f"{name}, not counted": partial(SCHEMES[name], counts=False)
    for name in ("multi-level", "multi-level-prequalified", "fragmented")
}
common, central, fragmented = (SCHEMES[name] for name in ("common", "central", "fragmented"))
multi_level, prequalified = SCHEMES["multi-level"], SCHEMES["multi-level-prequalified"]


def every(case: Situation) -> dict[str, Activations]:
    return {name: scheme(case, unmet_eur_per_kwh=UNMET) for name, scheme in SCHEMES.items()}


@settings(max_examples=30)
@given(situations())
def test_common_is_the_cheapest_of_all_that_keep_the_grid_and_meet_the_needs(case: Situation) -> None:
    found = every(case)
    for name, outcome in found.items():
        if outcome.is_feasible:
            assert found["common"].cost_eur() <= outcome.cost_eur() + 1e-4, name


@settings(max_examples=30)
@given(situations(needy=False))
def test_central_without_a_grid_is_a_bound_from_below(case: Situation) -> None:
    wide = replace(case, low_kw=np.full_like(case.low_kw, -WIDE), high_kw=np.full_like(case.high_kw, WIDE))
    bound = central(wide, unmet_eur_per_kwh=UNMET)
    for name, outcome in every(case).items():
        if outcome.is_feasible:
            assert bound.cost_eur() <= outcome.cost_eur() + 1e-4, name


@settings(max_examples=30)
@given(situations())
def test_no_scheme_takes_more_than_is_offered_and_accounts_add_up(case: Situation) -> None:
    for name, outcome in every(case).items():
        assert (outcome.accepted_kw <= case.bids.quantity_kw + 1e-9).all(), name
        assert (outcome.accepted_kw >= 0).all(), name
        bought = sum(outcome.cost_eur(buyer) for buyer in outcome.taken_kw)
        assert bought == pytest.approx(outcome.cost_eur(), abs=1e-9), name


@settings(max_examples=30)
@given(situations())
def test_prequalified_and_common_markets_never_break_a_limit_of_the_distribution_grid(case: Situation) -> None:
    theirs = case.operator_of_constraint > 0
    for scheme in (prequalified, common):
        outcome = scheme(case, unmet_eur_per_kwh=UNMET)
        over = (np.maximum(outcome.outside_kw, 0.0) * (case.high_kw >= 0))[theirs]
        made_worse = np.minimum(outcome.relief_kw - np.minimum(case.low_kw, 0.0), 0.0)[theirs]
        assert over.max() <= 1e-4
        assert made_worse.min() >= -1e-4


@settings(max_examples=25)
@given(situations(needy=False))
def test_multi_level_is_common_where_no_limit_binds_and_nobody_else_needs_anything(case: Situation) -> None:
    wide = replace(case, low_kw=np.full_like(case.low_kw, -WIDE), high_kw=np.full_like(case.high_kw, WIDE))
    one = common(wide, unmet_eur_per_kwh=UNMET)
    for scheme in (multi_level, prequalified):
        other = scheme(wide, unmet_eur_per_kwh=UNMET)
        assert other.accepted_kw == pytest.approx(one.accepted_kw, abs=1e-5)


@settings(max_examples=25)
@given(situations(), st.integers(0, 4), st.floats(0.0, 100.0))
def test_relaxing_a_limit_never_raises_the_cost_of_the_common_market(case: Situation, which: int, by_kw: float) -> None:
    low = case.low_kw.copy()
    low[which] -= by_kw
    eased = replace(case, low_kw=low)
    assert _worth(common(eased, unmet_eur_per_kwh=UNMET)) <= _worth(common(case, unmet_eur_per_kwh=UNMET)) + 1e-4


def _worth(outcome: Activations) -> float:
    left = np.abs(outcome.outside_kw).sum() + np.abs(outcome.imbalance_left_kw).sum()
    return outcome.cost_eur() + UNMET * outcome.situation.hours * float(left)


@settings(max_examples=25)
@given(situations(), st.randoms(use_true_random=False))
def test_the_order_in_which_bids_are_written_does_not_matter(case: Situation, chance) -> None:  # type: ignore[no-untyped-def]
    order = np.array(chance.sample(range(len(case.bids)), len(case.bids)))
    shuffled = replace(case, bids=case.bids.take(order))
    for name, scheme in SCHEMES.items():
        one, other = (scheme(each, unmet_eur_per_kwh=UNMET) for each in (case, shuffled))
        assert other.accepted_kw == pytest.approx(one.accepted_kw[order], abs=1e-5), name


@settings(max_examples=25)
@given(situations())
def test_shares_of_the_common_market_sum_to_its_cost(case: Situation) -> None:
    assert shares_eur(case, unmet_eur_per_kwh=UNMET).sum() == pytest.approx(
        _worth(common(case, unmet_eur_per_kwh=UNMET)), abs=1e-4
    )


@settings(max_examples=25)
@given(situations())
def test_activations_that_do_not_count_are_what_is_left_of_the_balance(case: Situation) -> None:
    outcome = fragmented(case, unmet_eur_per_kwh=UNMET, counts=False)
    by_tso = (case.sign_of_bid * outcome.taken_kw["tso"]).sum()
    by_dso = (case.sign_of_bid * (outcome.accepted_kw - outcome.taken_kw["tso"])).sum()
    assert outcome.imbalance_left_kw[0] == pytest.approx(case.need_kw[0] - by_tso - by_dso, abs=1e-5)


# --- edges ----------------------------------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(situations(needy=False))
def test_where_nobody_needs_anything_nothing_is_bought(case: Situation) -> None:
    calm = replace(case, imbalance_kw=np.zeros_like(case.imbalance_kw))
    for name, outcome in every(calm).items():
        assert not outcome.accepted_kw.any(), name
        assert outcome.is_feasible, name


def _short(bids, **given):
    """The system is 50 kW short."""
    return situation(bids, imbalance_kw=np.array([[50.0], [0.0], [0.0]]), **given)


def test_without_any_bid_all_needs_stay_open_and_nothing_breaks() -> None:
    for name, outcome in every(_short([])).items():
        assert outcome.imbalance_left_kw == pytest.approx([50.0]), name
        assert outcome.cost_eur() == 0.0, name
        assert not outcome.is_feasible, name
    assert shares_eur(_short([]), unmet_eur_per_kwh=UNMET) == pytest.approx([150.0, 0.0, 0.0])


def test_operators_without_limits_buy_nothing_and_hinder_nobody() -> None:
    """No constraint at all: distribution operators have no reason to buy, and everything is forwarded."""
    none = {
        "constraints": (), "operator_of_constraint": np.zeros(0, np.int64), "relief": np.zeros((0, 6)), "low_kw": np.zeros((0, 1)), "high_kw": np.zeros((0, 1)),
    }  # fmt: skip
    case = _short([offer("a", "a", 30.0, 0.1), offer("n", "north", 40.0, 0.3)], **none)
    for name, outcome in every(case).items():
        local = {operator: kw.sum() for operator, kw in outcome.taken_kw.items() if operator in OPERATORS[1:]}
        assert not any(local.values()), name
        if name.split(",")[0] in {"central", "common", "integrated", "multi-level", "multi-level-prequalified"}:
            assert outcome.accepted_kw == pytest.approx([30.0, 20.0]), name


def test_a_capability_of_nothing_lets_nothing_through_and_the_other_direction_is_free() -> None:
    red = np.full((2, 6, 1), np.inf)
    red[0, 2] = 0.0
    case = _short([offer("a", "a", 30.0, 0.1), offer("n", "north", 40.0, 0.3)], capability_kw=red)
    lit = SCHEMES["central-with-traffic-light"](case, unmet_eur_per_kwh=UNMET)
    assert lit.accepted_kw == pytest.approx([0.0, 40.0])
    down = replace(
        case,
        bids=situation([offer("d", "a", 30.0, 0.1, up=False)]).bids,
        imbalance_kw=np.array([[-20.0], [0.0], [0.0]]),
    )
    assert SCHEMES["central-with-traffic-light"](down, unmet_eur_per_kwh=UNMET).accepted_kw == pytest.approx([20.0])


@settings(max_examples=20)
@given(situations())
def test_nothing_is_activated_above_a_light(case: Situation) -> None:
    """No accepted component above its limit: of each area and direction together."""
    caps = np.full((2, 6, 1), 25.0)
    lit = SCHEMES["central-with-traffic-light"](replace(case, capability_kw=caps), unmet_eur_per_kwh=UNMET)
    for way in (0, 1):
        mine = case.bids.up == (way == 0)
        assert np.bincount(case.area_of_bid[mine], lit.accepted_kw[mine], 6).max() <= 25.0 + 1e-6


def test_bids_are_divisible_priced_from_zero_up_and_named_once() -> None:
    """Blocks, negative prices, and one id twice are no bids for these schemes, and it is said."""
    case = _short([offer("a", "a", 30.0, 0.1), offer("b", "b", 30.0, 0.1)])
    for change, reason in (
        ({"price_eur_per_kwh": np.array([-0.1, 0.1])}, "prices must be at least 0"),
        ({"min_acceptance_kw": np.array([5.0, 0.0])}, "divisible"),
        ({"divisible": np.array([False, True])}, "divisible"),
        ({"bid": np.array(["a", "a"])}, "unique"),
        ({"quantity_kw": np.array([0.0, 30.0])}, "above 0"),
    ):
        with pytest.raises(ValueError, match=reason):
            replace(case, bids=replace(case.bids, **change))
