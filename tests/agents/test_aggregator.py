"""An FSP alone: whom it calls and in what order, what it refuses, how it shares what it earns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.aggregator import Aggregator
from agents.aggregator_pool import _Members, member_shares
from agents.aggregator_terms import FspTerms, Portfolio
from agents.strategies.bidding import DeliveryRecord, offered_share
from environment.calendar import Timeline
from environment.instruments import MeterStore
from environment.messages.activation import ActivationRequest, ActivationSignal, SignalReceipt
from environment.messages.aggregation import (
    ActivationFeedback,
    AggregationCycle,
    CongestionRequirements,
    FlexibilityPotential,
    HomePlanReport,
    OnboardingFile,
)
from environment.messages.procurement import (
    PAPERS,
    AvailabilityRequest,
    BaselineDeclaration,
    Bid,
    EngagementRequest,
    FlexibilityAvailability,
    QualificationRequest,
    SessionPublication,
)
from environment.messages.settlement import Invoice, MemberStatement
from experiments.covers import covers
from markets.baselines.declared import canonical_bytes, freeze
from tests.environment.kernel_cases import plain

HOUR = 3_600_000
STEP = 900_000
N, STEPS = 4, 96
HOMES = tuple(f"home-{k}" for k in range(N))
DERS = tuple(f"{home}/der" for home in HOMES)
FROM = 10 * HOUR
UP = 2.0
PRICE = np.array([0.4, 0.1, 0.2, 0.3])
PLATFORM = "fsp-a/fsp-technical-platform"


def withdraw(hour, home):
    """A member takes its consent back."""
    file = plain(OnboardingFile, consent=False)
    return round(hour * HOUR), lambda puppet: puppet.send(file, "fsp-a", "cycle", system=home)


def tell_plans(consent=(True,) * N, down=None):
    """Each device hands in its file and its plan: 5 kW all day, of which it can leave out 2 kW; ``down`` adds what else."""

    def line(puppet):
        for row, home in enumerate(HOMES):
            file = plain(OnboardingFile, consent=consent[row])
            plan = plain(
                HomePlanReport, from_ms=0, step_s=900.0, net_kw=np.full(STEPS, 5.0), up_kw=np.full(STEPS, UP),
                up_eur_per_kwh=PRICE[row], **({"down_kw": np.zeros(0), "curtail_kw": np.zeros(0)} | (down or {})),
            )  # fmt: skip
            for record in (file, plan):
                puppet.send(record, "fsp-a", "cycle", system=home)

    return 0, line


def follow(share):
    """Answers to a signal: each device can do its share of what it is asked for."""

    def reply(puppet, batch):
        for row, record in enumerate(batch.records()):
            name = puppet.directory.names[batch.receiver[row]].split("/")[0]
            ordered = float(record.change_kw.mean())
            answer = plain(
                ActivationFeedback, activation=record.activation, ordered_kw=ordered, expected_kw=ordered * share[name]
            )
            puppet.send(answer, "fsp-a", "cycle", system=name)

    return reply


def engagement(kw=8.0):
    return plain(EngagementRequest, contract="contract", area="A", fsp="fsp-a", direction="up", from_ms=FROM, step_s=900.0,
                 engaged_kw=np.full(4, kw), price_eur_per_kwh=0.5)  # fmt: skip


def order(kw, contract="contract"):
    return plain(ActivationRequest, activation="act", contract=contract, dso="dso-1", fsp="fsp-a", area="A", direction="up",
                 from_ms=FROM, to_ms=FROM + 4 * STEP, step_s=900.0, ordered_kw=np.full(4, float(kw)))  # fmt: skip


def publication(**changes):
    given = {"session": "s", "direction": "up", "areas": ("A",), "from_ms": FROM, "step_s": 900.0,
             "need_kw": np.array([3.0, 5.0, 0.0, 9.0]), "gate_ms": 5 * HOUR, "price_cap_eur_per_kwh": 1.0, "granularity_kw": 0.1,
             "min_quantity_kw": 0.1}  # fmt: skip
    return plain(SessionPublication, **(given | changes))


@pytest.fixture
def pool(stage):
    """An FSP with four homes in one area; ``lines`` are what the DSO says: (hour, record, receiver)."""

    def run(*lines, share=None, consent=(True,) * N, metered_kw=None, until_h=12, withdraws=(), down=None, **terms):
        timeline = Timeline(0, STEP, STEPS)
        store = MeterStore([f"{home}/meter" for home in HOMES], timeline)
        for step in range(STEPS):
            store.record(step, np.full(N, 5.0) if metered_kw is None else np.asarray(metered_kw, float))
        actors = {PLATFORM: ("fsp-technical-platform",), "fsp-a/vpp": ("vpp",)} | {
            der: (der.split("/")[0],) for der in DERS
        }
        there = stage(
            "fsp-a", PLATFORM, "fsp-a/vpp", "dso-1", "dso-1/derms", "lfmo-1", "gdbn-1", *HOMES, *DERS,
            actors=actors, parties=dict.fromkeys((*HOMES, *DERS), "homes"),
        )  # fmt: skip
        portfolio = Portfolio(
            HOMES, there.directory.numbers(HOMES), there.directory.numbers(DERS), store.names, ("A",) * N
        )
        given = FspTerms(
            "dso-1", "dso-1/derms", "lfmo-1", "gdbn-1", PAPERS, 99 * HOUR, **({"margin_share": 0.0} | terms)
        )
        there.fsp = there.agent(Aggregator, "fsp-a", portfolio, store, given)
        answer = follow(dict.fromkeys(HOMES, 1.0) | (share or {}))
        there.homes = there.puppet("homes", tell_plans(consent, down), *withdraws, ActivationSignal=answer)
        script = [(round(h * HOUR), lambda one, what=what, to=to: one.send(what, to, "c")) for h, what, to in lines]
        there.dso = there.puppet("dso-1", *script)
        there.market, there.gdbn = there.puppet("lfmo-1"), there.puppet("gdbn-1")
        return there.run(until_h * 3600)

    return run


def signals(there):
    messages = there.bus.journal.messages()
    rows = np.flatnonzero(messages["record"] == "ActivationSignal")
    content = there.bus.journal.contents().get("ActivationSignal", {"change_kw": []})
    return {
        messages["receiver"][row].split("/")[0]: np.asarray(kw)
        for row, kw in zip(rows, content["change_kw"], strict=True)
    }


READ = (0.5, publication(), "fsp-a")
"""It reads its members' post when it bids."""


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


def invoice(eur, debtor="dso-1", creditor="fsp-a"):
    return plain(
        Invoice, invoice="invoice/settlement/act", debtor=debtor, creditor=creditor, purpose="flexibility", eur=eur
    )


def test_what_is_earned_is_shared_with_those_who_delivered(pool):
    """Home 1 left out 2 kW, home 2 nothing; the others were not called."""
    there = pool(
        READ,
        (1, engagement(), "fsp-a"),
        (2, order(3.0), PLATFORM),
        (11, invoice(1.0), PLATFORM),
        metered_kw=[3.0, 3.0, 5.0, 5.0],
    )
    columns = there.fsp.registers["ledger"].columns()
    assert set(columns["creditor"]) == {"home-1"}
    assert 0 < columns["eur"].sum() <= 1.0
    (statement,) = there.homes.of(MemberStatement)
    assert statement.eur == pytest.approx(columns["eur"].sum())
    assert statement.delivered_kwh == pytest.approx(2.0)


def test_a_penalty_is_paid_by_the_fsp(pool):
    there = pool((1, invoice(2.5, "fsp-a", "dso-1"), PLATFORM))
    columns = there.fsp.registers["ledger"].columns()
    assert (columns["debtor"].tolist(), columns["creditor"].tolist(), columns["eur"].tolist()) == (
        ["fsp-a"],
        ["dso-1"],
        [2.5],
    )


def test_money_for_an_activation_that_never_came_is_shared_with_nobody(pool):
    there = pool((1, invoice(2.5), PLATFORM))
    assert "ledger" not in there.fsp.registers
    assert not there.homes.of(MemberStatement)


@settings(deadline=None)
@given(
    kwh=st.lists(st.floats(0.0, 50.0), min_size=1, max_size=8), revenue=st.integers(0, 10_000), share=st.floats(0.0, 1.0),
    price=st.floats(0.0, 1.0),
)  # fmt: skip
def test_shares_are_whole_cents_and_never_more_than_was_earned(kwh, revenue, share, price):
    n = len(kwh)
    members = _Members(np.array([f"home-{k}" for k in range(n)]), np.zeros(n, np.int64), np.full(n, price))
    eur = member_shares(members, np.array(kwh), revenue / 100, share)
    cents = eur * 100
    np.testing.assert_allclose(cents, np.rint(cents), rtol=0, atol=1e-6)
    assert (eur >= 0).all()
    assert round(cents.sum()) <= revenue
    assert not eur[np.array(kwh) == 0].any()
