"""The provider's settlement service alone: what it keeps, what it computes, and each way in which a settlement ends."""

from functools import partial

import numpy as np
import pytest

from agents.platform_provider import PlatformProvider, ProviderTerms
from environment.messages.settlement import (
    Invoice,
    RemunerationAndPenalty,
    SettlementDecision,
)
from tests.agents.settlement_cases import (
    APPROVED,
    BASELINE,
    CALENDAR,
    DAY_MS,
    FROM_MS,
    FSP,
    FULL,
    GATE_MS,
    GDBN,
    STEP_MS,
    decide,
    declaration,
    engagement,
    order,
    readings,
    service,
    settled,
    table,
)
from tests.environment.kernel_cases import plain


@pytest.fixture
def settle(stage):
    """A settlement of which the given is unusual (``settled``)."""
    return partial(settled, stage)


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
