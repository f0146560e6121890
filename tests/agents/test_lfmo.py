"""The market operator alone: who is let in, which bids count, what it tells whom."""

import numpy as np
import pytest

from agents.lfmo import PLATFORM, Lfmo, LfmoTerms
from environment.messages.procurement import (
    PAPERS,
    Award,
    Bid,
    BidReceipt,
    ClearingResult,
    NothingCleared,
    ParticipantFile,
    QualificationDecision,
    SessionPublication,
    SessionRequest,
)
from markets.clearing.merit_order import clear
from markets.pricing.pay_as_bid import prices
from tests.environment.kernel_cases import plain

GATE_MS = 3_600_000
FROM_MS = 2 * GATE_MS
SYSTEM = f"lfmo-1/{PLATFORM}"


def request(**changes):
    given = {
        "session": "s", "dso": "dso-1", "product": "p", "negotiation": "auction", "violation": "overload", "constraint": "trafo",
        "direction": "up", "areas": ("A",), "sensitivity": np.array([1.0]), "from_ms": FROM_MS, "step_s": 900.0,
        "need_kw": np.array([10.0, 4.0]), "gate_ms": GATE_MS, "price_cap_eur_per_kwh": 1.0, "announcement_s": 0.0,
        "full_activation_s": 300.0, "granularity_kw": 0.0, "min_quantity_kw": 0.1, "max_quantity_kw": 1000.0,
        "min_acceptance_kw": 0.0, "divisible": True, "max_duration_s": 86_400.0, "exclusive": True, "remuneration": "activation",
        "baseline": "declared-schedule", "constraints": 1,
    }  # fmt: skip
    need = given["need_kw"] = np.array(changes.get("need_kw", given["need_kw"]), float)
    given |= {
        "headroom_up_kw": np.full(len(need), 1000.0), "headroom_down_kw": np.zeros(len(need)),
        "estimated_activation_h": 0.25 * float((need > 0).sum()),
        "activation_from_ms": np.array([FROM_MS], float), "activation_to_ms": np.array([FROM_MS + 900_000 * len(need)], float),
    }  # fmt: skip
    return plain(SessionRequest, **(given | changes))


def bid(name, fsp, quantity, price_eur_per_kwh, **changes):
    given = {
        "bid": name, "session": "s", "fsp": fsp, "area": "A", "direction": "up", "from_ms": FROM_MS, "step_s": 900.0,
        "quantity_kw": np.array(quantity, float), "price_eur_per_kwh": price_eur_per_kwh, "min_acceptance_kw": 0.0,
        "availability_eur_per_kw_h": 0.0,
    }  # fmt: skip
    return plain(Bid, **(given | changes))


def papers(fsp, given=PAPERS, until_ms=10 * GATE_MS, areas=("A",)):
    return lambda puppet, batch: plain(ParticipantFile, fsp=fsp, areas=areas, papers=given, valid_until_ms=until_ms)


def offer(at_ms, *bids):
    return at_ms, lambda puppet: [puppet.send(one, SYSTEM, "c") for one in bids]


@pytest.fixture
def market(stage):
    """A session asked for at once; FSPs as given: name -> (answer to the question for papers, script)."""

    def run(participants=None, until_s=4000.0, requests=None, **fsps):
        there = stage(
            "dso-1", "dso-1/derms", "lfmo-1", SYSTEM, *fsps, actors={"dso-1/derms": ("derms",), SYSTEM: (PLATFORM,)}
        )
        wanted = requests or [request()]
        there.dso = there.puppet("dso-1", (0, lambda one: one.send(wanted, [SYSTEM] * len(wanted), "c")))
        there.fsps = {
            name: there.puppet(name, *script, QualificationRequest=answer) for name, (answer, script) in fsps.items()
        }
        terms = LfmoTerms(tuple(fsps) if participants is None else participants, clear, prices)
        there.lfmo = there.agent(Lfmo, "lfmo-1", terms)
        return there.run(until_s)

    return run


def book(there):
    return there.lfmo.registers["bids"].columns()


def test_the_cheapest_bids_are_taken_first_and_paid_as_bid(market):
    there = market(
        fa=(papers("fa"), [offer(1_000_000, bid("a", "fa", [8, 2], 0.2))]),
        fb=(papers("fb"), [offer(1_000_000, bid("b", "fb", [8, 0], 0.3))]),
    )
    (first,), (second,) = (there.fsps[name].of(Award) for name in ("fa", "fb"))
    np.testing.assert_allclose(first.cleared_kw, [8, 2])
    np.testing.assert_allclose(second.cleared_kw, [2, 0])
    assert (first.price_eur_per_kwh, second.price_eur_per_kwh) == pytest.approx((0.2, 0.3))
    results = {one.bid: one for one in there.dso.of(ClearingResult)}
    assert set(results) == {"a", "b"}
    np.testing.assert_allclose(results["a"].unmet_kw, [0, 2])
    columns = book(there)
    np.testing.assert_allclose(columns["accepted_kw"], [8, 2, 2])
    assert "clear_market" in there.acts()


@pytest.mark.parametrize("price", [0.25, 0.24])
def test_the_order_of_arrival_decides_between_equal_prices_alone(market, price):
    outcomes = []
    for one, two in ((1_000_000, 2_000_000), (2_000_000, 1_000_000)):
        there = market(
            fa=(papers("fa"), [offer(one, bid("a", "fa", [8, 3], price))]),
            fb=(papers("fb"), [offer(two, bid("b", "fb", [8, 3], 0.25))]),
        )
        outcomes.append([there.fsps[name].of(Award)[0].cleared_kw.tolist() for name in ("fa", "fb")])
    first_served = [[8.0, 3.0], [2.0, 1.0]]
    assert outcomes[0] == first_served
    assert outcomes[1] == (first_served[::-1] if price == 0.25 else first_served)


def test_a_bid_received_after_the_gate_is_refused_whenever_it_was_sent(market):
    """It is sent half a second before the gate and takes one second."""
    there = market(fa=(papers("fa"), [offer(GATE_MS - 500, bid("late", "fa", [8, 2], 0.2))]))
    (receipt,) = there.fsps["fa"].of(BidReceipt)
    assert not receipt.taken
    assert receipt.reason
    assert not there.fsps["fa"].of(Award)
    assert (book(there)["accepted_kw"] == 0).all()


def test_a_bid_in_the_name_of_another_is_refused(market):
    there = market(
        fa=(papers("fa"), [offer(1_000_000, bid("a", "fb", [8, 2], 0.01))]),
        fb=(papers("fb"), []),
    )
    (receipt,) = there.fsps["fa"].of(BidReceipt)
    assert not receipt.taken
    assert "fb" in receipt.reason
    assert not there.fsps["fb"].of(Award)


@pytest.mark.parametrize("until_ms", [10 * GATE_MS, 1])
def test_who_lacks_a_paper_or_whose_papers_expired_cannot_bid(market, until_ms):
    given = PAPERS[1:] if until_ms > GATE_MS else PAPERS
    there = market(
        fa=(papers("fa", given, until_ms), [offer(1_000_000, bid("a", "fa", [8, 2], 0.2))]),
        fb=(papers("fb"), [offer(1_000_000, bid("b", "fb", [8, 2], 0.9))]),
    )
    (decision,) = there.fsps["fa"].of(QualificationDecision)
    assert not decision.admitted
    assert decision.missing == ((PAPERS[0],) if until_ms > GATE_MS else PAPERS)
    assert not there.fsps["fa"].of(SessionPublication)
    assert [one.taken for one in there.fsps["fa"].of(BidReceipt)] == [False]
    assert there.fsps["fb"].of(Award)[0].cleared_kw.sum() > 0


def test_who_does_not_answer_is_not_admitted_and_the_session_goes_on(market):
    there = market(
        fa=(lambda puppet, batch: None, []), fb=(papers("fb"), [offer(1_000_000, bid("b", "fb", [3, 3], 0.4))])
    )
    assert not there.fsps["fa"].of(SessionPublication)
    (publication,) = there.fsps["fb"].of(SessionPublication)
    assert publication.able == ("fb",)
    np.testing.assert_allclose(there.fsps["fb"].of(Award)[0].cleared_kw, [3, 3])


def test_an_fsp_without_homes_in_the_areas_is_not_told(market):
    there = market(fa=(papers("fa", areas=("B",)), []), fb=(papers("fb"), []))
    assert there.fsps["fa"].of(QualificationDecision)[0].admitted
    assert not there.fsps["fa"].of(SessionPublication)
    assert there.fsps["fb"].of(SessionPublication)


def test_without_participants_the_dso_hears_that_nothing_was_cleared(market):
    there = market(participants=())
    (result,) = there.dso.of(NothingCleared)
    assert not there.dso.of(ClearingResult)
    assert result.bids == 0
    np.testing.assert_allclose(result.unmet_kw, [10.0, 4.0])


def test_an_empty_book_clears_to_nothing(market):
    there = market(fa=(papers("fa"), []))
    assert len(there.dso.of(NothingCleared)) == 1
    columns = there.lfmo.registers["clearings"].columns()
    assert not columns["cleared_kw"].any()
    np.testing.assert_allclose(columns["needed_kw"], [10.0, 4.0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"session": "other"},
        {"area": "Z"},
        {"direction": "down"},
        {"price_eur_per_kwh": 1.5},
        {"from_ms": FROM_MS + 450_000},
    ],
    ids=lambda one: next(iter(one)),
)
def test_a_bid_that_does_not_fit_the_session_is_refused_with_the_reason(market, wrong):
    one = bid("a", "fa", [8, 2], **({"price_eur_per_kwh": 0.2} | wrong))
    there = market(fa=(papers("fa"), [offer(1_000_000, one)]))
    (receipt,) = there.fsps["fa"].of(BidReceipt)
    assert not receipt.taken
    assert receipt.reason
    assert not any(one.cleared_kw.any() for one in there.fsps["fa"].of(Award))


@pytest.mark.parametrize("again", [[3, 3], [4, 4]], ids=["the same", "changed"])
def test_a_bid_counts_once_under_its_name_as_first_received(market, again):
    """What comes under the name again is the same bid if it says the same, and refused if it does not; the book has it once."""
    lines = [
        offer(at_ms, bid("a", "fa", kw, 0.2))
        for at_ms, kw in ((1_000_000, [3, 3]), (1_100_000, again), (1_200_000, again))
    ]
    there = market(fa=(papers("fa"), lines))
    same = again == [3, 3]
    assert [one.taken for one in there.fsps["fa"].of(BidReceipt)] == [True, same, same]
    np.testing.assert_allclose(there.fsps["fa"].of(Award)[0].cleared_kw, [3, 3])
    columns = book(there)
    assert columns["accepted_kw"].sum() == pytest.approx(6.0)
    assert len(set(zip(columns["bid"], columns["t_ms"], strict=True))) == len(columns["bid"])


def test_constraints_of_one_session_are_cleared_together(market):
    two = [request(constraints=2), request(constraints=2, constraint="line", need_kw=np.array([2.0, 6.0]))]
    there = market(requests=two, fa=(papers("fa"), [offer(1_000_000, bid("a", "fa", [20, 20], 0.2))]))
    (publication,) = there.fsps["fa"].of(SessionPublication)
    np.testing.assert_allclose(publication.need_kw, [10.0, 6.0])
    np.testing.assert_allclose(there.fsps["fa"].of(Award)[0].cleared_kw, [10.0, 6.0])


def test_each_constraint_names_the_areas_that_act_on_it_and_the_session_has_them_all(market):
    line = {
        "constraint": "line",
        "areas": ("B",),
        "sensitivity": np.array([0.5]),
        "need_kw": np.array([0.0, 3.0]),
        "estimated_activation_h": 0.5,
    }
    bids = [bid("a", "fa", [20, 20], 0.2), bid("b", "fa", [20, 20], 0.1, area="B")]
    there = market(
        requests=[request(constraints=2), request(constraints=2, **line)],
        fa=(papers("fa", areas=("A", "B")), [offer(1_000_000, *bids)]),
    )
    (publication,) = there.fsps["fa"].of(SessionPublication)
    assert publication.areas == ("A", "B")
    awarded = {one.bid: one.cleared_kw.tolist() for one in there.fsps["fa"].of(Award)}
    assert awarded == {"a": [10.0, 4.0], "b": [0.0, 6.0]}
