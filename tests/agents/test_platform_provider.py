"""The provider's settlement service alone: what it keeps, what it computes, and each way in which a settlement ends."""

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from msgspec import structs

from agents.platform_provider import PlatformProvider, ProviderTerms
from agents.settlement import Service
from environment.calendar import Calendar
from environment.messages.activation import ActivationReport, ActivationRequest
from environment.messages.procurement import BaselineDeclaration, EngagementRequest
from environment.messages.settlement import (
    Invoice,
    MeterData,
    RemunerationAndPenalty,
    SettlementDecision,
)
from experiments.covers import covers
from markets.baselines import x_of_y
from markets.baselines.declared import freeze
from markets.baselines.method import Method, hashed
from markets.settlement import linear_with_grace
from tests.environment.kernel_cases import plain

DAY_MS = 86_400_000
FROM_MS = 72_000_000
GATE_MS = 36_000_000
STEP_MS = 900_000
ORDERED = np.array([4.0, 8.0])
BASELINE = np.array([10.0, 12.0])
PRICE = 0.5
ROME = ZoneInfo("Europe/Rome")
CALENDAR = Calendar(datetime(2016, 1, 18, 12, tzinfo=ROME), ROME)
GDBN, DESK, METERS, FSP = "gdbn-1", "dso-1/dso-settlement-service", "dso-1/dso-database", "fsp-a"


def declaration(power_kw=BASELINE, **changes):
    t_ms = FROM_MS + STEP_MS * np.arange(len(power_kw), dtype=np.int64)
    frozen = freeze("base", FSP, "A", t_ms, power_kw, 0)
    given = {
        "baseline": "base", "session": "s", "fsp": FSP, "area": "A", "from_ms": FROM_MS, "step_s": 900.0, "power_kw": power_kw,
        "method": "declared-schedule", "parameters": (), "eligible": (), "meters": ("m1", "m2"), "sha256": frozen.sha256,
    }  # fmt: skip
    return plain(BaselineDeclaration, **(given | changes))


def engagement():
    return plain(
        EngagementRequest, session="s", contract="contract", bid="b", fsp=FSP, area="A", direction="up", from_ms=FROM_MS,
        step_s=900.0, engaged_kw=np.array([10.0, 10.0]), price_eur_per_kwh=PRICE, availability_eur_per_kw_h=0.0,
    )  # fmt: skip


def order(ordered_kw=ORDERED, activation="act"):
    return plain(
        ActivationRequest, activation=activation, contract="contract", dso="dso-1", fsp=FSP, area="A", direction="up", from_ms=FROM_MS,
        to_ms=FROM_MS + 2 * STEP_MS, step_s=900.0, ordered_kw=ordered_kw,
    )  # fmt: skip


def readings(metered_kw, missing=0):
    return lambda puppet, batch: [
        plain(
            MeterData,
            meters=one.meters,
            from_ms=one.from_ms,
            step_s=900.0,
            metered_kw=np.array(metered_kw),
            missing=missing,
        )
        for one in batch.records()
    ]


def decide(approved=True):
    def reply(puppet, batch):
        for record in batch.records():
            decision = plain(
                SettlementDecision, settlement=record.settlement, approved=approved, reason="" if approved else "no"
            )
            puppet.send(decision, f"{GDBN}/settlement", batch.conversation, system="desk")

    return reply


def service(platforms, penalty=0.0):
    return Service(
        "gdbn", "dso-1", METERS, METERS, DESK, platforms, partial(linear_with_grace.settle, penalty_eur_per_kwh=penalty)
    )


FULL = readings([6.0, 4.0])
APPROVED = decide()


@pytest.fixture
def settle(stage):
    """One activation through the settlement of the day after it: what the others send and answer is given."""

    def run(kept=None, metered=FULL, decision=APPROVED, penalty=0.0, first_ms=0, settles=True, method=Method()):  # noqa: B008
        names = ["dpp-1", GDBN, f"{GDBN}/settlement", "dso-1", METERS, DESK, FSP, f"{FSP}/platform"]
        there = stage(*names, actors={f"{GDBN}/settlement": ("gdbn",), DESK: ("desk",)}, parties={
            f"{GDBN}/settlement": "dpp-1", METERS: "database", DESK: "desk",
        })  # fmt: skip
        records = [declaration(), engagement(), order()] if kept is None else kept
        lines = [
            (first_ms + 1000 * row, lambda puppet, one=one: puppet.send(one, f"{GDBN}/settlement", "call"))
            for row, one in enumerate(records)
        ]
        there.puppet(GDBN, *lines)
        there.database = there.puppet("database", MeterDataRequest=metered)
        there.desk = there.puppet("desk", RemunerationAndPenalty=decision)
        there.fsp = there.puppet(FSP)
        terms = ProviderTerms(
            days_ms=[(0, DAY_MS)], gates_ms=[GATE_MS], cycle_before_ms=0, settle_after_ms=3_600_000, settles=settles, dso="dso-1",
            settlement_desk=DESK, aggregators=[], service=service({FSP: f"{FSP}/platform"}, penalty), method=method,
        )  # fmt: skip
        there.provider = there.agent(PlatformProvider, "dpp-1", CALENDAR, terms)
        return there.run(2 * 86_400)

    return run


def table(there, name):
    return there.provider.registers[name].columns() if name in there.provider.registers else {}


def test_what_was_delivered_in_full_is_paid_in_full(settle):
    there = settle()
    (result,) = there.desk.of(RemunerationAndPenalty)
    assert result.ordered_kwh == pytest.approx(3.0)
    assert result.delivered_kwh == pytest.approx(3.0)
    assert (result.remuneration_eur, result.penalty_eur, result.net_eur) == pytest.approx((1.5, 0.0, 1.5))
    (invoice,) = there.fsp.of(Invoice)
    assert (invoice.debtor, invoice.creditor, invoice.eur, invoice.purpose) == ("dso-1", FSP, 1.5, "flexibility")
    assert [one.invoice for one in there.desk.of(Invoice)] == [invoice.invoice]
    assert there.outcomes() == [("SUC06.3", "completed", "")]
    assert there.acts() == ["read_baselines", "calculate_delivery", "verify_delivery", "calculate_remuneration"]


def test_delivered_is_baseline_less_meter(settle):
    columns = table(settle(metered=readings([7.5, 2.0])), "deliveries")
    np.testing.assert_allclose(columns["delivered_kw"], BASELINE - [7.5, 2.0])
    np.testing.assert_allclose(columns["baseline_kw"], BASELINE)
    assert columns["t_ms"].tolist() == [FROM_MS, FROM_MS + STEP_MS]


def test_the_settlement_waits_for_the_night_of_readings(settle):
    there = settle()
    ((at_ms, _, _),) = there.database.got
    assert at_ms > DAY_MS + 3_600_000


def test_a_shortfall_is_paid_less(settle):
    full, part = (settle(metered=readings(kw)).desk.of(RemunerationAndPenalty)[0].net_eur for kw in ([6, 4], [8, 8]))
    assert part < full


def test_a_penalty_above_the_remuneration_is_invoiced_the_other_way_round(settle):
    there = settle(metered=readings([10.0, 12.0]), penalty=2.0)
    (result,) = there.desk.of(RemunerationAndPenalty)
    assert result.net_eur < 0
    (invoice,) = there.fsp.of(Invoice)
    assert (invoice.debtor, invoice.creditor, invoice.purpose) == (FSP, "dso-1", "penalty")
    assert invoice.eur == pytest.approx(-result.net_eur)


def test_a_dispute_stops_payment_and_is_kept(settle):
    there = settle(decision=decide(approved=False))
    assert not there.fsp.of(Invoice)
    assert not there.desk.of(Invoice)
    assert table(there, "settlements")["status"].tolist() == ["disputed"]
    ((_, outcome, reason),) = there.outcomes()
    assert outcome == "completed"
    assert "disputed" in reason


def test_meter_readings_that_are_missing_stop_the_settlement(settle):
    there = settle(metered=readings([6.0, 4.0], missing=3))
    ((_, outcome, reason),) = there.outcomes()
    assert outcome == "failed"
    assert reason.startswith("3 ")
    assert not there.acts()
    assert not there.desk.got


def test_a_database_that_is_silent_stops_the_settlement(settle):
    there = settle(metered=lambda puppet, batch: None)
    ((_, outcome, reason),) = there.outcomes()
    assert outcome == "failed"
    assert "meter data" in reason


def test_a_desk_that_does_not_decide_stops_the_settlement(settle):
    there = settle(decision=lambda puppet, batch: None)
    ((_, outcome, reason),) = there.outcomes()
    assert (outcome, reason) == ("failed", "the DSO did not decide on the settlement")
    assert not there.fsp.of(Invoice)


def test_who_answers_later_is_asked_again_and_paid_once(settle):
    """The database answers the third question, the desk decides at the second request (and once on what nobody asked)."""
    asked = []

    def later(puppet, batch):
        asked.append(puppet.now_ms)
        return FULL(puppet, batch) if len(asked) == 3 else None

    def decides(puppet, batch):
        if len(puppet.got) == 1:
            stray = plain(SettlementDecision, settlement="another's", approved=True, reason="")
            puppet.send(stray, f"{GDBN}/settlement", batch.conversation, system="desk")
        else:
            APPROVED(puppet, batch)

    there = settle(metered=later, decision=decides)
    assert np.diff(asked).min() >= 900_000
    assert there.outcomes() == [("SUC06.3", "completed", "")]
    assert len(there.fsp.of(Invoice)) == len(there.desk.of(Invoice)) == 1
    assert len(table(there, "settlements")["status"]) == 1
    assert there.acts() == ["read_baselines", "calculate_delivery", "verify_delivery", "calculate_remuneration"]


@pytest.mark.parametrize("changes", [{"sha256": "0" * 64}, {"power_kw": BASELINE + 1.0}], ids=["hash", "content"])
def test_a_baseline_that_does_not_fit_its_hash_is_refused_and_nothing_is_settled_on_it(settle, changes):
    there = settle(kept=[declaration(**({"sha256": declaration().sha256} | changes)), engagement(), order()])
    assert table(there, "refused_baselines")["reason"].tolist() == ["hash"]
    assert not table(there, "baselines")
    ((_, outcome, reason),) = there.outcomes()
    assert outcome == "failed"
    assert "baseline" in reason
    assert not there.fsp.of(Invoice)


@pytest.mark.parametrize(("sent_ms", "stands"), [(GATE_MS - 1001, True), (GATE_MS - 1000, False), (GATE_MS, False)])
def test_a_baseline_counts_if_it_is_received_before_the_gate(settle, sent_ms, stands):
    """A message takes one second; what is received at the gate is late."""
    there = settle(first_ms=sent_ms)
    assert bool(table(there, "baselines")) == stands
    ((_, outcome, reason),) = there.outcomes()
    if stands:
        assert outcome == "completed"
    else:
        assert "after the gate" in table(there, "refused_baselines")["reason"][0]
        assert (outcome, reason) == ("failed", f"no baseline of {FSP} in A stands")
        assert not there.fsp.of(Invoice)


def test_a_baseline_for_no_day_of_delivery_is_refused(settle):
    there = settle(kept=[declaration(from_ms=5 * DAY_MS), engagement(), order()])
    assert table(there, "refused_baselines")["reason"].tolist() == ["it begins on no day of delivery"]


def test_a_frozen_baseline_is_not_changed_and_kept_once(settle):
    there = settle(kept=[declaration(), declaration(), declaration(BASELINE + 5.0), engagement(), order()])
    columns = table(there, "baselines")
    np.testing.assert_allclose(columns["power_kw"], BASELINE)
    assert len(table(there, "refused_baselines")["reason"]) == 1
    np.testing.assert_allclose(table(there, "deliveries")["baseline_kw"], BASELINE)


@pytest.mark.parametrize("power_kw", [[], [10.0]], ids=["empty", "too short"])
def test_an_order_beyond_its_baseline_is_not_settled(settle, power_kw):
    short = declaration(np.array([10.0])) if power_kw else declaration(power_kw=np.array([10.0]), sha256="0")
    if not power_kw:
        short = type(short)(**({k: getattr(short, k) for k in short.__struct_fields__} | {"power_kw": np.zeros(0)}))
    there = settle(kept=[short, engagement(), order()])
    ((_, outcome, reason),) = there.outcomes()
    assert outcome == "failed"
    assert "baseline" in reason


def test_an_order_on_a_contract_that_nobody_engaged_is_not_settled(settle):
    there = settle(kept=[declaration(), order()])
    ((_, outcome, reason),) = there.outcomes()
    assert outcome == "failed"
    assert "contract" in reason


def test_nothing_delivered_is_credited_to_two_orders(settle):
    """Two orders of 4 and 8 kW for the same intervals; 6 and 10 kW are delivered: the later order gets what the earlier leaves."""
    orders = [order(), order(np.array([3.0, 1.0]), "more")]
    there = settle(kept=[declaration(), engagement(), *orders], metered=readings(BASELINE - [6.0, 10.0]))
    first, second = there.desk.of(RemunerationAndPenalty)
    assert (first.delivered_kwh, second.delivered_kwh) == pytest.approx((3.0, 0.75))
    columns = table(there, "deliveries")
    np.testing.assert_allclose(columns["earlier_kw"], [0.0, 0.0, 4.0, 8.0])
    np.testing.assert_allclose(columns["delivered_kw"], [6.0, 10.0, 6.0, 10.0])


def test_a_platform_that_does_not_settle_only_keeps(settle):
    there = settle(settles=False)
    assert there.outcomes() == []
    assert table(there, "baselines")


def test_without_orders_nothing_is_settled(settle):
    there = settle(kept=[declaration(), engagement()])
    assert there.outcomes() == []


def test_a_cycle_that_nobody_acknowledges_fails(stage):
    there = stage("dpp-1", "dso-1", FSP)
    terms = ProviderTerms(
        days_ms=[(DAY_MS, 2 * DAY_MS)], gates_ms=[GATE_MS], cycle_before_ms=3_600_000, settle_after_ms=0, settles=True, dso="dso-1",
        settlement_desk="dso-1", aggregators=[FSP, "nobody"], service=service({}),
    )  # fmt: skip
    there.agent(PlatformProvider, "dpp-1", CALENDAR, terms)
    there.puppet("dso-1")
    there.puppet(FSP)
    there.run(3 * 86_400)
    assert there.outcomes() == [("SUC05.1", "failed", "the cycle's opening was not acknowledged")]


# --- baselines by method ---------------------------------------------------------------------------------------------

WEEK = {f"2016-01-{14 + k}": -(5 - k) * DAY_MS for k in range(4)}
"""Local date -> start of earlier days."""


def high_of(x=2, y=3):
    return Method(
        rule="x-of-y",
        parameters=(f"x={x}", f"y={y}"),
        compute=partial(x_of_y.baseline, x=x, y=y),
        days=y,
        like={0: WEEK},
    )


def by_method(**changes):
    given = {
        "method": "x-of-y",
        "parameters": ("x=2", "y=3"),
        "eligible": ("2016-01-15", "2016-01-16", "2016-01-17"),
    } | changes
    t_ms = FROM_MS + STEP_MS * np.arange(2, dtype=np.int64)
    terms = hashed(given["method"], given["parameters"], given["eligible"])
    return declaration(**({"sha256": freeze("base", FSP, "A", t_ms, BASELINE, 0, terms).sha256} | given))


def by_day(puppet, batch, gaps_before_ms=None):
    """Readings of every day: 5 kW on the day of the event, 14, 10 and 9 kW on eligible ones, others else; spans are answered one by one."""
    for row, request in enumerate(batch.records()):
        level = {0: 5.0, 1: 99.0, 2: 14.0, 3: 10.0, 4: 9.0, 5: 20.0}[round((FROM_MS - request.to_ms) / DAY_MS)]
        kw = np.full((request.to_ms - request.from_ms) // STEP_MS, level)
        missing = int(gaps_before_ms is not None and request.to_ms < gaps_before_ms)
        data = plain(
            MeterData, meters=request.meters, from_ms=request.from_ms, step_s=900.0, metered_kw=kw, missing=missing
        )
        puppet.answer(batch.take(np.array([row])), data)


@covers("SUC06.3/r02")
def test_a_method_is_computed_from_the_eligible_days_that_the_database_has(settle):
    there = settle(kept=[by_method(), engagement(), order()], method=high_of(), metered=by_day)
    assert table(there, "deliveries")["baseline_kw"].tolist() == [12.0, 12.0], (
        "the mean of the two highest of 9, 10 and 14 kW"
    )
    assert table(there, "baselines")["method"].tolist() == ["x-of-y"] * 2
    assert table(there, "baselines")["power_kw"].tolist() == [12.0, 12.0]
    assert there.outcomes() == [("SUC06.3", "completed", "")]


@covers("SUC06.3/r02")
@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (by_method(parameters=("x=1", "y=3")), "the market's baseline is x-of-y, x=2, y=3, not x-of-y, x=1, y=3"),
        (
            by_method(eligible=("2016-01-14", "2016-01-15")),
            "its eligible days are not 2016-01-15, 2016-01-16, 2016-01-17",
        ),
        (declaration(), "the market's baseline is x-of-y, x=2, y=3, not declared-schedule"),
        (by_method(sha256="0" * 64), "hash"),
    ],
)
def test_a_declaration_that_is_not_what_was_agreed_is_refused(settle, record, reason):
    there = settle(kept=[record, engagement(), order()], method=high_of())
    assert table(there, "refused_baselines")["reason"].tolist() == [reason]
    assert there.outcomes() == [("SUC06.3", "failed", "no baseline of fsp-a in A stands")]


@pytest.mark.parametrize(
    ("heard", "eligible", "stands"),
    [
        (True, ("2016-01-14", "2016-01-15", "2016-01-16"), True),
        (True, ("2016-01-15", "2016-01-16", "2016-01-17"), False),
        (False, ("2016-01-14", "2016-01-15", "2016-01-16"), True),
        (False, ("2016-01-15", "2016-01-16", "2016-01-17"), True),
        (False, ("2016-01-14", "2016-01-15", "2016-01-17"), False),
    ],
    ids=["both know it", "left in", "heard, not delivered", "never heard", "another day left out"],
)
def test_a_call_that_nobody_knows_to_have_arrived_counts_as_the_provider_has_it(settle, heard, eligible, stands):
    """The provider was called on the 17th. Where delivery was reported the day does not count; where not, the call may be lost."""
    lost = structs.replace(
        order(activation="lost"), from_ms=WEEK["2016-01-17"] + FROM_MS, to_ms=WEEK["2016-01-17"] + FROM_MS + 2 * STEP_MS
    )
    report = plain(ActivationReport, activation="lost", node="A", volume_kw=3.0, verified=True)
    there = settle(
        kept=[lost, *([report] if heard else []), by_method(eligible=eligible), engagement(), order()],
        method=high_of(), metered=by_day,
    )  # fmt: skip
    assert ("refused_baselines" not in there.provider.registers) == stands
    reason = "" if stands else "no baseline of fsp-a in A stands"
    assert there.outcomes()[-1] == ("SUC06.3", "failed" if reason else "completed", reason)


def test_too_few_days_with_readings_stop_the_settlement(settle):
    gaps = partial(by_day, gaps_before_ms=FROM_MS - 2.5 * DAY_MS)
    there = settle(kept=[by_method(), engagement(), order()], method=high_of(), metered=gaps)
    (outcome,) = there.outcomes()
    assert outcome[:2] == ("SUC06.3", "failed")
    assert "only 1 eligible days in the history" in outcome[2]
