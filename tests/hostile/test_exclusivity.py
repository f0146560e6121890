"""An FSP that serves one buyer in a window is refused by the next, until it turns out that it sold nothing (SUC06.1, conditions)."""

import numpy as np
import pytest

from agents.lfmo import PLATFORM, Lfmo, LfmoTerms
from environment.messages.procurement import (
    PAPERS,
    Award,
    Bid,
    BidReceipt,
    ParticipantFile,
    QualificationDecision,
    SessionRequest,
)
from markets.clearing.merit_order import clear
from markets.pricing.pay_as_bid import prices
from markets.products import Window
from markets.qualification import Contract, ContractRegister
from tests.agents.conftest import stage  # noqa: F401  (the fixture of small worlds)

GATE_MS, FROM_MS = 3_600_000, 7_200_000
SYSTEM = f"lfmo-1/{PLATFORM}"


def request(session, dso, exclusive=True, need=10.0, from_ms=FROM_MS, gate_ms=GATE_MS):
    return SessionRequest(
        session=session, dso=dso, product="p", negotiation="auction", violation="overload", constraint="trafo", constraints=1,
        direction="up", areas=("A",), sensitivity=np.array([1.0]), from_ms=from_ms, step_s=900.0, need_kw=np.array([need]),
        headroom_up_kw=np.array([1000.0]), headroom_down_kw=np.zeros(1),
        gate_ms=gate_ms, price_cap_eur_per_kwh=1.0, announcement_s=0.0, full_activation_s=300.0, granularity_kw=0.0,
        min_quantity_kw=0.1, max_quantity_kw=1000.0, min_acceptance_kw=0.0, divisible=True, max_duration_s=86_400.0,
        estimated_activation_h=0.25, activation_from_ms=np.array([from_ms], float),
        activation_to_ms=np.array([from_ms + 900_000], float), exclusive=exclusive, remuneration="activation",
        baseline="declared-schedule",
    )  # fmt: skip


def bid(session, name, price=0.2, from_ms=FROM_MS):
    return Bid(
        bid=name, session=session, fsp="fa", area="A", direction="up", from_ms=from_ms, step_s=900.0,
        quantity_kw=np.array([5.0]), price_eur_per_kwh=price, min_acceptance_kw=0.0,
    )  # fmt: skip


@pytest.fixture
def two_buyers(stage):  # noqa: F811
    """Two DSOs ask the same market; the FSP bids to both at the instants given: (requests, bids) -> the world after it."""

    def run(asked, bids):
        there = stage(
            "dso-1", "dso-1/derms", "dso-2", "dso-2/derms", "lfmo-1", SYSTEM, "fa",
            actors={"dso-1/derms": ("derms",), "dso-2/derms": ("derms",), SYSTEM: (PLATFORM,)},
        )  # fmt: skip
        for dso in ("dso-1", "dso-2"):
            script = [
                (at_ms, lambda one, record=record: one.send(record, SYSTEM, record.session))
                for at_ms, record in asked
                if record.dso == dso
            ]
            there.puppet(dso, *script)
        file = ParticipantFile(fsp="fa", areas=("A",), papers=PAPERS, valid_until_ms=10 * FROM_MS)
        script = [
            (at_ms, lambda one, record=record: one.send(record, SYSTEM, record.session)) for at_ms, record in bids
        ]
        there.fsp = there.puppet("fa", *script, QualificationRequest=lambda puppet, batch: file)
        there.agent(Lfmo, "lfmo-1", LfmoTerms(("fa",), clear, prices))
        return there.run(8000.0)

    return run


def test_who_sold_to_one_dso_is_not_admitted_by_the_next(two_buyers):
    later = request("s2", "dso-2", gate_ms=GATE_MS + 1_800_000)
    there = two_buyers([(0, request("s1", "dso-1")), (GATE_MS + 60_000, later)], [(1_000_000, bid("s1", "a"))])
    first, second = there.fsp.of(QualificationDecision)
    assert first.admitted
    assert not second.admitted
    assert "fa is bound to dso-1" in second.missing[0]


def test_a_standing_bid_binds_before_the_clearing(two_buyers):
    there = two_buyers(
        [(0, request("s1", "dso-1")), (0, request("s2", "dso-2"))],
        [(1_000_000, bid("s1", "a")), (2_000_000, bid("s2", "b"))],
    )
    receipts = {one.bid: one for one in there.fsp.of(BidReceipt)}
    assert receipts["a"].taken
    assert not receipts["b"].taken
    assert "bound to dso-1" in receipts["b"].reason
    assert [one.bid for one in there.fsp.of(Award)] == ["a"]


@pytest.mark.parametrize("free", ["another window", "not exclusive", "sold nothing"])
def test_it_may_serve_another_where_nothing_stands_against_it(two_buyers, free):
    first = request("s1", "dso-1", exclusive=free != "not exclusive", need=0.0 if free == "sold nothing" else 10.0)
    from_ms = FROM_MS + 900_000 if free == "another window" else FROM_MS
    second = request("s2", "dso-2", exclusive=free != "not exclusive", from_ms=from_ms, gate_ms=GATE_MS + 1_800_000)
    there = two_buyers(
        [(0, first), (GATE_MS + 60_000, second)],
        [(1_000_000, bid("s1", "a")), (GATE_MS + 600_000, bid("s2", "b", from_ms=from_ms))],
    )
    assert [one.admitted for one in there.fsp.of(QualificationDecision)] == [True, True]
    assert {one.bid: one.taken for one in there.fsp.of(BidReceipt)}["b"]


def test_a_contract_that_ends_frees_its_holder():
    one = Contract(contract="c1", holder="fa", counterpart="dso-1", window=Window(0, 10))
    other = Contract(contract="c2", holder="fa", counterpart="dso-2", window=Window(5, 6))
    register, _ = ContractRegister().sign(one)
    assert register.refusal(other)
    assert not register.end(one).refusal(other)
    assert register.refusal(other), "the register itself stays as it is"
