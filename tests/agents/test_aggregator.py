"""An FSP alone: whom it calls and in what order, what it refuses, what it bids and reports."""

from functools import partial

import numpy as np
import pytest

from agents.strategies.bidding import DeliveryRecord, offered_share
from environment.messages.activation import ActivationRequest, ActivationSignal, SignalReceipt
from environment.messages.aggregation import (
    AggregationCycle,
    CongestionRequirements,
    FlexibilityPotential,
)
from environment.messages.procurement import (
    PAPERS,
    AvailabilityRequest,
    BaselineDeclaration,
    Bid,
    FlexibilityAvailability,
    QualificationRequest,
)
from environment.messages.settlement import MemberStatement
from experiments.covers import covers
from markets.baselines.declared import canonical_bytes, freeze
from tests.agents.aggregator_cases import (
    FROM,
    HOMES,
    HOUR,
    PLATFORM,
    READ,
    STEP,
    STEPS,
    UP,
    N,
    engagement,
    invoice,
    order,
    pooled,
    publication,
    signals,
    withdraw,
)
from tests.environment.kernel_cases import plain


@pytest.fixture
def pool(stage):
    """Lives an FSP with four homes (``pooled``)."""
    return partial(pooled, stage)


@pytest.mark.parametrize(("hour", "asked"), [(1.5, False), (2.5, True)], ids=["before the call", "after it"])
def test_who_withdraws_after_bidding_is_not_called(pool, hour, asked):
    """Others do what it would have done; the cheapest member, home-1, was part of the bid."""
    there = pool(READ, (1, engagement(), "fsp-a"), (2, order(3.0), PLATFORM), withdraws=[withdraw(hour, "home-1")])
    assert ("home-1" in signals(there)) == asked
    assert sum(kw.mean() for kw in signals(there).values()) >= 3.0


def test_who_withdraws_while_others_are_asked_is_not_called_any_more(pool):
    """home-1 cannot do its part; home-3 would be next, but withdraws between the rounds of asking."""
    there = pool(
        READ, (1, engagement(), "fsp-a"), (2, order(3.0), PLATFORM), share={"home-1": 0.0},
        withdraws=[withdraw(2 + 8 / 3600, "home-3")],
    )  # fmt: skip
    assert set(signals(there)) == {"home-1", "home-2", "home-0"}


def called(there):
    return [messages_at for messages_at, _, one in there.homes.got if isinstance(one, ActivationSignal)]


def test_the_cheapest_members_are_called_first(pool):
    there = pool(READ, (1, engagement(), "fsp-a"), (2, order(3.0), PLATFORM))
    asked = signals(there)
    assert set(asked) == {"home-1", "home-2"}
    assert sum(kw.mean() for kw in asked.values()) >= 3.0
    (receipt,) = there.dso.of(SignalReceipt)
    assert receipt.accepted
    assert receipt.expected_kw >= 3.0 * 0.98


def test_what_members_cannot_do_is_asked_of_the_next(pool):
    there = pool(READ, (1, engagement(), "fsp-a"), (2, order(3.0), PLATFORM), share={"home-1": 0.0})
    asked = signals(there)
    assert {"home-1", "home-2", "home-3"} <= set(asked)
    rounds = sorted(set(called(there)))
    assert len(rounds) >= 2
    (receipt,) = there.dso.of(SignalReceipt)
    assert receipt.expected_kw == pytest.approx(sum(kw.mean() for name, kw in asked.items() if name != "home-1"))


def test_nobody_is_asked_twice_nor_for_more_than_it_offered(pool):
    there = pool(READ, (1, engagement(20), "fsp-a"), (2, order(20.0), PLATFORM), share=dict.fromkeys(HOMES, 0.1))
    receivers = [one for one in there.bus.journal.messages()["record"] if one == "ActivationSignal"]
    assert len(receivers) == len(signals(there)) == N
    assert all((kw <= UP + 1e-9).all() for kw in signals(there).values())
    (receipt,) = there.dso.of(SignalReceipt)
    assert receipt.expected_kw == pytest.approx(0.1 * N * UP)


def test_members_without_consent_are_not_called(pool):
    there = pool(READ, (1, engagement(20), "fsp-a"), (2, order(20.0), PLATFORM), consent=(True, False, True, False))
    assert set(signals(there)) == {"home-0", "home-2"}


def test_a_call_on_a_contract_that_it_does_not_hold_is_refused(pool):
    there = pool(READ, (1, engagement(), "fsp-a"), (2, order(3.0, "another"), PLATFORM))
    (receipt,) = there.dso.of(SignalReceipt)
    assert not receipt.accepted
    assert not signals(there)


def test_an_fsp_that_passes_on_a_part_only_delivers_a_part(pool):
    whole, half = (
        pool(READ, (1, engagement(), "fsp-a"), (2, order(3.0), PLATFORM), delivers_share=part, rounds=1)
        for part in (1.0, 0.5)
    )
    assert signals(whole)
    for name, kw in signals(whole).items():
        np.testing.assert_allclose(signals(half)[name], kw / 2)


def test_an_fsp_that_over_promises_offers_what_it_does_not_have(pool):
    honest, boastful = (pool((1, publication(), "fsp-a"), offers_times=times) for times in (1.0, 1.5))
    offered, promised = (
        np.sum([bid.quantity_kw for bid in one.market.of(Bid)], axis=0).sum() for one in (honest, boastful)
    )
    assert promised == pytest.approx(1.5 * offered, rel=0.1)
    reports = [
        pool((1, plain(AvailabilityRequest), "fsp-a"), offers_times=times).dso.of(FlexibilityAvailability)
        for times in (1.0, 1.5)
    ]
    np.testing.assert_allclose(reports[1][0].up_kw, 1.5 * reports[0][0].up_kw)


def test_what_was_promised_and_not_there_lowers_what_the_fsp_offers_next(pool):
    """12 kW are ordered of four homes that can do 2 kW each: all are asked, all deliver, a third is missing."""
    there = pool(
        READ,
        (1, engagement(12.0), "fsp-a"),
        (2, order(12.0), PLATFORM),
        (11, invoice(1.0), PLATFORM),
        metered_kw=[3.0] * N,
    )
    assert sum(kw.mean() for kw in signals(there).values()) == pytest.approx(N * UP)
    record = there.fsp._pool.record
    assert (record.ordered_kwh, record.delivered_kwh) == ((pytest.approx(12.0),), (pytest.approx(8.0),))
    assert offered_share(record) < offered_share(DeliveryRecord())


def test_bids_offer_no_more_than_homes_can_and_only_where_something_is_needed(pool):
    there = pool((1, publication(), "fsp-a"))
    bids = there.market.of(Bid)
    total = np.sum([bid.quantity_kw for bid in bids], axis=0)
    assert bids
    assert (total <= N * UP + 1e-9).all()
    assert total[2] == 0
    assert (total[[0, 1, 3]] > 0).all()
    assert [bid.price_eur_per_kwh for bid in bids] == sorted(bid.price_eur_per_kwh for bid in bids)


def test_the_baseline_is_what_homes_planned_with_its_hash(pool):
    there = pool((1, publication(), "fsp-a"))
    (declared,) = there.gdbn.of(BaselineDeclaration)
    np.testing.assert_allclose(declared.power_kw, N * 5.0)
    t_ms = FROM + STEP * np.arange(4, dtype=np.int64)
    assert declared.sha256 == freeze(declared.baseline, "fsp-a", "A", t_ms, declared.power_kw, 0).sha256
    assert canonical_bytes(declared.baseline, "fsp-a", "A", t_ms, declared.power_kw)


@pytest.mark.parametrize(
    "changes", [{"direction": "down"}, {"areas": ("B",)}, {"from_ms": FROM + 48 * HOUR}], ids=["down", "area", "day"]
)
def test_it_does_not_bid_for_what_its_homes_cannot_do(pool, changes):
    assert not pool((1, publication(**changes), "fsp-a")).market.of(Bid)


STORES_AND_GENERATION = {
    "down_kw": np.full(STEPS, 1.0), "down_eur_per_kwh": 0.05, "curtail_kw": np.full(STEPS, 3.0), "curtail_eur_per_kwh": 0.2,
}  # fmt: skip
"""A home charges up to 1 kW more for 0.05 and gives up to 3 kW of its generation for 0.2."""


def test_it_bids_both_directions_the_stores_before_the_generation(pool):
    there = pool((1, publication(direction="down"), "fsp-a"), down=STORES_AND_GENERATION, blocks=4)
    bids = there.market.of(Bid)
    assert {bid.direction for bid in bids} == {"down"}
    assert [bid.price_eur_per_kwh for bid in bids] == [0.05, 0.2]
    stores, generation = (bid.quantity_kw.max() for bid in bids)
    assert generation == pytest.approx(3 * stores, rel=0.05)
    up = pool((1, publication(), "fsp-a"), down=STORES_AND_GENERATION)
    assert {bid.direction for bid in up.market.of(Bid)} == {"up"}


@pytest.mark.parametrize(("kw", "homes", "most"), [(2.0, 3, 1.0), (12.0, 4, 4.0)], ids=["stores", "generation too"])
def test_an_increase_is_asked_of_stores_first_and_once_of_each_member(pool, kw, homes, most):
    down = {"direction": "down"}
    call = plain(ActivationRequest, activation="act", contract="contract", dso="dso-1", fsp="fsp-a", area="A", from_ms=FROM,
                 to_ms=FROM + 4 * STEP, step_s=900.0, ordered_kw=np.full(4, kw), **down)  # fmt: skip
    there = pool(
        (0.5, publication(**down), "fsp-a"), (1, engagement(20), "fsp-a"), (2, call, PLATFORM), (11, invoice(2.0), PLATFORM),
        down=STORES_AND_GENERATION, metered_kw=np.full(N, 9.0),
    )  # fmt: skip
    asked = signals(there)
    assert len(asked) == homes
    assert sum(one.mean() for one in asked.values()) == pytest.approx(kw * 1.1)
    assert max(one.max() for one in asked.values()) <= most + 1e-9
    eur = {one.delivered_kwh: one.eur for one in there.homes.of(MemberStatement)}
    assert all(paid >= 0.05 * kwh - 0.01 for kwh, paid in eur.items())


def requirement(kw, cap=1.0):
    return plain(CongestionRequirements, need="need", area="trafo", direction="up", from_ms=FROM, duration_s=1800.0, volume_kw=kw,
                 step_s=900.0, needed_kw=np.full(2, kw), areas=("A",), sensitivity=np.ones(1), price_cap_eur_per_kwh=cap)  # fmt: skip


def told(there):
    return there.bus.journal.contents().get("FlexibilityShortfall", {"missing_kwh": []})


@covers("SUC05.1/r07")
@pytest.mark.parametrize(("kw", "cap", "missing_kwh"), [(6.0, 1.0, 0.0), (8.0, 1.0, 0.8), (6.0, 0.25, 1.4)],
                         ids=["enough", "too much", "too cheap"])  # fmt: skip
def test_what_can_be_sold_at_the_price_offered_is_compared_with_what_is_needed(pool, kw, cap, missing_kwh):
    """Four homes of 2 kW each, of which four in five are counted on; at 0.25 only two of them sell."""
    there = pool((0.5, requirement(kw, cap), "fsp-a"), until_h=2)
    missing = np.asarray(told(there)["missing_kwh"])
    assert missing.sum() == pytest.approx(missing_kwh)
    assert len(missing) == (missing_kwh > 0)


@covers("SUC05.1/r07")
def test_in_a_cycle_about_a_shortfall_it_reports_what_it_has_at_each_price(pool):
    opening = plain(AggregationCycle, shortfall="need", aggregator="fsp-a")
    there = pool(
        (0.4, opening, "fsp-a"), (0.5, requirement(8.0, 0.25), "fsp-a"), (0.6, requirement(8.0), "fsp-a"), until_h=2
    )
    first, second = there.dso.of(FlexibilityPotential)
    np.testing.assert_allclose(first.up_kw, 2 * UP * 0.8)
    np.testing.assert_allclose(second.up_kw, 4 * UP * 0.8)
    assert len(told(there)["missing_kwh"]) == 0  # the provider knows already
    compared = there.fsp.registers["comparisons"].columns()
    assert sorted(set(compared["price_cap_eur_per_kwh"].tolist())) == [0.25, 1.0]


def test_the_papers_are_those_it_has(pool):
    there = pool((1, plain(QualificationRequest, session="s", papers=PAPERS), "fsp-a"))
    file = there.bus.journal.contents()["ParticipantFile"]
    assert file["fsp"].tolist() == ["fsp-a"]
    assert [tuple(papers) for papers in file["papers"]] == [PAPERS]
    assert [tuple(areas) for areas in file["areas"]] == [("A",)]
