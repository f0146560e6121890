"""Requests that contradict themselves, or name what does not exist: refused on record, answered, and the run goes on."""

import numpy as np
import pytest

from agents.dso_settlement import unreadable
from agents.lfmo import PLATFORM, Lfmo, LfmoTerms
from environment.calendar import Timeline
from environment.instruments import MeterStore
from environment.messages.activation import ActivationRequest, SignalReceipt
from environment.messages.procurement import (
    ClearingResult,
    EngagementRequest,
    NothingCleared,
    SessionRefusal,
)
from environment.messages.settlement import MeterDataRequest
from markets.clearing.network_aware import clear
from markets.pricing.pay_as_bid import prices
from tests.agents.conftest import stage  # noqa: F401  (the fixture of small worlds)
from tests.agents.test_lfmo import GATE_MS, bid, offer, papers, request
from tests.environment.kernel_cases import plain

SYSTEM = f"lfmo-1/{PLATFORM}"


@pytest.fixture
def market(stage):  # noqa: F811
    """Session requests sent to a market with one FSP that bids in time: [(at_ms, sender, requests)] -> the world after it."""

    def run(*asked):
        there = stage(
            "dso-1", "dso-1/derms", "dso-2", "lfmo-1", SYSTEM, "fa",
            actors={"dso-1/derms": ("derms",), SYSTEM: (PLATFORM,)},
        )  # fmt: skip
        for name in ("dso-1", "dso-2"):
            lines = [
                (at_ms, lambda one, rows=rows: one.send(rows, [SYSTEM] * len(rows), "c"))
                for at_ms, sender, rows in asked
                if sender == name
            ]
            setattr(there, name[:3] + name[-1], there.puppet(name, *lines))
        there.puppet("fa", offer(1_000_000, bid("a", "fa", [8, 2], 0.2)), QualificationRequest=papers("fa"))
        there.lfmo = there.agent(Lfmo, "lfmo-1", LfmoTerms(("fa",), clear, prices))
        return there.run(4000.0)

    return run


def refused(there):
    register = there.lfmo.registers.get("refused_requests")
    return register.columns() if register else {"reason": np.zeros(0)}


BROKEN = {
    "fewer headrooms than needs": {"headroom_up_kw": np.ones(1)},
    "no interval": {name: np.zeros(0) for name in ("need_kw", "headroom_up_kw", "headroom_down_kw")},
    "one sensitivity too many": {"sensitivity": np.ones(2)},
    "no area": {"areas": (), "sensitivity": np.zeros(0)},
    "an area twice": {"areas": ("A", "A"), "sensitivity": np.ones(2)},
    "a window that does not end": {"activation_to_ms": np.zeros(0)},
    "a window outside the service": {"activation_to_ms": np.array([1e12])},
    "a gate that is closed": {"gate_ms": 1},
    "a gate after the service": {"gate_ms": 100 * GATE_MS},
    "no price": {"price_cap_eur_per_kwh": 0.0},
    "smallest above largest": {"min_quantity_kw": 5.0, "max_quantity_kw": 1.0},
    "activation longer than the service": {"estimated_activation_h": 50.0},
    "another's name": {"dso": "dso-2"},
    "nobody's name": {"dso": "dso-9"},
}


@pytest.mark.parametrize("changes", BROKEN.values(), ids=BROKEN)
def test_a_session_request_that_makes_no_sense_is_refused_with_the_reason(market, changes):
    there = market((0, "dso-1", [request(**changes)]))
    (refusal,) = there.dso1.of(SessionRefusal)
    assert refusal.reason
    assert not refusal.held
    columns = refused(there)
    assert columns["reason"].tolist() == [refusal.reason]
    assert columns["subject"].tolist() == ["s"]
    assert not there.dso1.of(ClearingResult)
    assert not there.dso1.of(NothingCleared)


def test_one_wrong_constraint_voids_the_whole_session(market):
    """Half a session would relieve one element and not know of the other."""
    rows = [request(constraints=2), request(constraints=2, constraint="line", price_cap_eur_per_kwh=2.0)]
    for wanted in (rows, rows[::-1], [rows[0], request(constraints=2)]):
        there = market((0, "dso-1", wanted))
        assert there.dso1.of(SessionRefusal)
        assert not any(one.held for one in there.dso1.of(SessionRefusal))
        assert not there.dso1.of(ClearingResult)


def test_a_wrong_first_row_voids_what_follows_of_its_session(market):
    there = market(
        (0, "dso-1", [request(constraints=2, gate_ms=1)]), (5000, "dso-1", [request(constraints=2, constraint="line")])
    )
    assert len(there.dso1.of(SessionRefusal)) == 2
    assert not there.dso1.of(ClearingResult)


def test_a_stranger_stops_no_session(market):
    good, bad = request(constraints=2), request(constraints=2, constraint="line")
    there = market((0, "dso-1", [good, bad]), (10, "dso-2", [request(gate_ms=1), request(dso="dso-2", constraint="x")]))
    assert len(there.dso2.of(SessionRefusal)) == 2
    assert not there.dso1.of(SessionRefusal)
    assert there.dso1.of(ClearingResult)


def test_what_comes_after_the_publication_changes_nothing_and_is_told(market):
    there = market((0, "dso-1", [request()]), (500_000, "dso-1", [request(constraint="line")]))
    (refusal,) = there.dso1.of(SessionRefusal)
    assert refusal.held
    assert there.dso1.of(ClearingResult)


def test_a_session_whose_gate_closes_while_its_requests_are_waited_for_is_refused(market):
    """Two constraints were announced, one came; the gate closes before the time in which the other may come is over."""
    there = market((0, "dso-1", [request(constraints=2, gate_ms=100_000)]))
    (refusal,) = there.dso1.of(SessionRefusal)
    assert "gate" in refusal.reason
    assert not there.dso1.of(NothingCleared)


# --- meter data --------------------------------------------------------------------------------------------------------

STORE = MeterStore(("m1", "m2"), Timeline(0, 900_000, 8))
FINE = MeterDataRequest(meters=("m1", "m2"), from_ms=0, to_ms=1_800_000)
UNREADABLE = {
    "an unknown meter": {"meters": ("m1", "m9")},
    "no meter": {"meters": ()},
    "before the first interval": {"from_ms": -900_000},
    "after the last": {"to_ms": 9 * 900_000},
    "backwards": {"from_ms": 1_800_000, "to_ms": 900_000},
    "nothing": {"to_ms": 0},
    "half an interval": {"from_ms": 450_000},
    "an interval and a half": {"to_ms": 1_350_000},
}


def changed(record, **changes):
    return type(record)(**({name: getattr(record, name) for name in record.__struct_fields__} | changes))


@pytest.mark.parametrize("changes", UNREADABLE.values(), ids=UNREADABLE)
def test_meter_data_that_cannot_be_read_are_named(changes):
    assert not unreadable(FINE, STORE)
    assert unreadable(changed(FINE, **changes), STORE)


@pytest.fixture(scope="module")
def asked(small):
    """A small world in which the provider's settlement asks the DSO for meter data as given, before anything else happens."""

    def run(*requests):
        from experiments.assembly.world import build_world

        site = small.site(small.scenario(clock__history_days=1))
        world = build_world(site)
        parties = {actor.party.name: actor.party for actor in world.agents}
        provider, answers = parties["dpp-1"], []
        meters = site.living.physics.meters.names

        def life():
            wanted = [changed(one, meters=tuple(meters[:2])) if one.meters == ("two",) else one for one in requests]
            got = yield provider.ask(wanted, ["dso-1/dso-database"] * len(wanted), "k", system="gdbn", timeout_s=600.0)
            answers.append(got)

        provider.processes = lambda: [life()]
        world.run(3_600_000)
        return answers[0], parties["dso-1"].registers

    return run


def test_each_question_for_meter_data_is_answered_whatever_the_others_ask(asked):
    """Rows of one batch may ask for periods of different lengths, or for what cannot be read."""
    two = ("two",)
    answers, registers = asked(
        MeterDataRequest(meters=two, from_ms=-86_400_000, to_ms=-82_800_000),
        MeterDataRequest(meters=two, from_ms=-86_400_000, to_ms=-79_200_000),
        MeterDataRequest(meters=("nobody's",), from_ms=-86_400_000, to_ms=-82_800_000),
        MeterDataRequest(meters=two, from_ms=5, to_ms=3),
    )
    assert answers.complete
    records = sorted((one for batch in answers.batches for one in batch.records()), key=lambda one: len(one.metered_kw))
    assert [len(one.metered_kw) for one in records] == [0, 0, 4, 8]
    assert [one.missing > 0 for one in records] == [True, True, False, False]
    columns = registers["refused_requests"].columns()
    assert set(columns["record"]) == {"MeterDataRequest"}
    assert len(columns["reason"]) == 2


# --- calls -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"area": "elsewhere"}, {"contract": "other"}, {"ordered_kw": np.zeros(0)}],
                         ids=["area", "contract", "no interval"])  # fmt: skip
def test_a_call_that_fits_no_contract_is_refused_by_its_fsp(small, changes):
    from experiments.assembly.world import build_world

    site = small.site(small.scenario(clock__history_days=1, people__0__served_by={"fsp-sol": 1.0}))
    world = build_world(site)
    parties = {actor.party.name: actor.party for actor in world.agents}
    dso, fsp = parties["dso-1"], parties["fsp-sol"]
    area = fsp._pool.areas[0]
    day_ms = site.days_ms[0][0]
    given = {"fsp": "fsp-sol", "area": area, "contract": "k", "direction": "up", "from_ms": day_ms, "step_s": 900.0}
    call = plain(ActivationRequest, **(given | {"activation": "act", "ordered_kw": np.ones(2)} | changes))

    def life():
        yield dso.until(day_ms - 3_600_000)
        dso.send(plain(EngagementRequest, **given, engaged_kw=np.ones(96)), "fsp-sol", "k", system="derms")
        yield dso.sleep(60.0)
        dso.send(call, "fsp-sol/fsp-technical-platform", "k", system="dso-activation-system")

    dso.processes = lambda: [life()]
    world.run(day_ms)
    assert [one.accepted for one in receipts(world)] == [False]


def receipts(world):
    columns = world.bus.journal.contents().get("SignalReceipt", {})
    rows = range(len(columns.get("activation", ())))
    return [
        SignalReceipt(**{name: columns[name][row] for name in ("activation", "accepted", "expected_kw")})
        for row in rows
    ]
