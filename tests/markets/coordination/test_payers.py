"""Who pays for what: alone by purchase, together by Shapley shares of what was met."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from experiments.scenario.library import RULES, rule
from markets.coordination.common import hourly_shares_eur, shares_eur
from markets.coordination.payers import allotted_kw, joint_parts
from markets.coordination.situation import JOINT, Situation
from tests.markets.coordination.cases import WIDE, column, offer, situation, situations

UNMET = 3.0
common = rule("coordination", "common")


@settings(max_examples=20)
@given(situations())
def test_under_every_scheme_what_operators_pay_for_is_what_is_activated(case: Situation) -> None:
    for name in RULES["coordination"]:
        found = rule("coordination", name)(case, unmet_eur_per_kwh=UNMET)
        paid = allotted_kw(found, unmet_eur_per_kwh=UNMET)
        assert set(paid) == set(case.operators), name
        assert all((kw >= 0).all() for kw in paid.values()), name
        assert sum(paid.values()) == pytest.approx(found.accepted_kw, abs=1e-6), name
        if JOINT not in found.taken_kw:
            for buyer, kw in found.taken_kw.items():
                assert paid[buyer] == pytest.approx(kw), name


def two_needs(dso_kw, tso_kw, *, bid_kw=100.0):
    """A feeder of the first DSO needs so much upward, the system is so much short; one cheap local bid, one dear one outside."""
    bids = [offer("local", "a", bid_kw, 0.1), offer("outside", "north", 500.0, 0.3)]
    return situation(
        bids,
        low_kw=column({1: dso_kw}, -WIDE, 5),
        high_kw=np.full((5, 1), WIDE),
        imbalance_kw=column({0: tso_kw}, 0.0, 3),
    )


def test_who_needs_nothing_pays_nothing_and_a_need_that_serves_both_is_shared_alike() -> None:
    case = two_needs(40.0, 40.0)
    parts = joint_parts(common(case, unmet_eur_per_kwh=UNMET), unmet_eur_per_kwh=UNMET)
    assert parts[:, 0] == pytest.approx([0.5, 0.5, 0.0], abs=1e-6)
    alone = joint_parts(common(two_needs(0.0, 40.0), unmet_eur_per_kwh=UNMET), unmet_eur_per_kwh=UNMET)
    assert alone[:, 0] == pytest.approx([1.0, 0.0, 0.0], abs=1e-6)


def test_nobody_pays_for_a_need_that_was_left_open() -> None:
    """The DSO needs 300 kW and its feeder has 100: it pays its part of what there is, not of what is missing."""
    case = two_needs(300.0, 0.0)
    case = replace(case, imbalance_kw=column({0: 100.0}, 0.0, 3))
    found = common(case, unmet_eur_per_kwh=UNMET)
    assert found.unmet_kw.sum() == pytest.approx(200.0)
    parts = joint_parts(found, unmet_eur_per_kwh=UNMET)
    assert parts.sum() == pytest.approx(1.0)
    assert parts[1, 0] == pytest.approx(0.5, abs=1e-6)


def test_what_costs_nothing_is_the_transmission_operators() -> None:
    found = common(two_needs(0.0, 0.0), unmet_eur_per_kwh=UNMET)
    assert joint_parts(found, unmet_eur_per_kwh=UNMET)[:, 0] == pytest.approx([1.0, 0.0, 0.0])


@settings(max_examples=10)
@given(situations())
def test_shares_of_intervals_sum_to_those_of_the_day(case: Situation) -> None:
    """The same interval twice costs twice."""
    twice = _twice(case)
    hourly = hourly_shares_eur(twice, unmet_eur_per_kwh=UNMET)
    assert hourly[:, 0] == pytest.approx(hourly[:, 1], abs=1e-5)
    assert hourly.sum(axis=1) == pytest.approx(2 * shares_eur(case, unmet_eur_per_kwh=UNMET), abs=1e-4)


def _twice(case: Situation) -> Situation:
    bids = case.bids
    again = replace(bids, bid=np.array([f"{name}'" for name in bids.bid.tolist()]), t_ms=bids.t_ms + 3_600_000)
    both = type(bids)(
        *(np.concatenate([getattr(one, name) for one in (bids, again)]) for name in type(bids).__dataclass_fields__)
    )
    double = {
        name: np.concatenate([getattr(case, name)] * 2, axis=-1)
        for name in ("low_kw", "high_kw", "imbalance_kw", "capability_kw")
    }
    return replace(case, bids=both, t_ms=np.array([0, 3_600_000]), **double)
