"""What each fault does at each stage of the day: before the gate, over it, during activation, during settlement (docs/faults.md).

All days begin from one history; the fixture ``day_with`` lives one with the given changes.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from experiments.covers import covers

COMMON = {"clock__history_days": 3, "grid__transformer_rating_factor": 0.25, "people__0__served_by": {"fsp-sol": 1.0}}


@pytest.fixture(scope="module")
def day_with(small):
    """Tables of the day with some changes of the scenario, each lived once."""
    begun, kept = small.site(small.scenario(**COMMON)), {}

    def lived(**changes):
        key = repr(sorted(changes.items()))
        if key not in kept:
            site = replace(begun.twin(), scenario=small.scenario(**COMMON, **changes))
            kept[key] = small.tables(site, small.live(site))
        return kept[key]

    return lived


def ended(tables, suc):
    """(outcome, reason up to a colon) -> number of conversations of a use case."""
    columns = (tables["conversations"][name] for name in ("suc", "outcome", "reason"))
    return Counter(
        (str(outcome), str(reason or "").split(":")[0])
        for one, outcome, reason in zip(*columns, strict=True)
        if str(one) == suc
    )


def total(tables, table, column):
    return float(np.sum(tables[table][column])) if table in tables else 0.0


def paid(tables):
    """Euro that changed hands for flexibility."""
    ledger = tables["ledger"]
    return sum(
        float(eur)
        for eur, what in zip(ledger["eur"], ledger["purpose"], strict=True)
        if what in ("flexibility", "penalty")
    )


def down(platform, start, end=None):
    return {"events": [{"from": start, "platform_down": platform} | ({"to": end} if end else {})]}


def silent(start, end=None):
    return {"faults": [{"party": "fsp-sol", "silent": {"from": start} | ({"to": end} if end else {})}]}


NOTHING_BOUGHT = [
    (down("market", "day 0 12:55", "day 0 14:00"), "the market operator did not acknowledge the session request"),
    (down("direct", "day 0 12:50", "day 0 15:30"), "the market operator did not acknowledge the session request"),
    (silent("day 0 12:50", "day 0 14:59"), "no flexibility was cleared, the need stays unmet"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason"),
    NOTHING_BOUGHT,
    ids=["market before the gate", "direct before the gate", "provider silent when bids are due"],
)
def test_what_fails_before_the_gate_leaves_the_need_unmet(day_with, changes, reason):
    tables = day_with(**changes)
    assert ended(tables, "SUC06.1") == {("failed", reason): 1}
    assert not ended(tables, "SUC06.2")
    assert tables["unmet"]["quantity_kw"].max() == pytest.approx(tables["needs"]["quantity_kw"].max())
    assert paid(tables) == 0.0


def test_a_cycle_whose_provider_falls_silent_is_not_completed(day_with):
    """It has told that it falls short, and hears neither what is needed once more nor what its members stream."""
    slow = {"platforms__direct": {"delay_s": {"constant": 28}}}
    short = [{"party": "fsp-sol", "offers": "20%"}, *silent("day 0 13:02", "day 0 13:30")["faults"]]
    cycles = tables_of_cycles(day_with(**slow, faults=short))
    assert cycles["2"] == ("failed", "fsp-sol did not acknowledge what is needed of it")
    assert cycles["1"] == ("failed", "no aggregator shared its flexibility")
    assert tables_of_cycles(day_with(**slow, faults=short[:1])) == {"1": ("completed", ""), "2": ("completed", "")}


def tables_of_cycles(tables):
    """Scenario of SUC05.1 -> (outcome, reason)."""
    columns = (tables["conversations"][name] for name in ("suc", "scenario", "outcome", "reason"))
    return {
        str(scenario): (str(outcome), str(reason or ""))
        for suc, scenario, outcome, reason in zip(*columns, strict=True)
        if str(suc) == "SUC05.1"
    }


def test_the_gdbn_down_over_the_gate_has_no_engagement_and_withholds_the_calls(day_with):
    """It keeps no baseline and knows of no engagement: rule 5 of SUC06.2 forbids to pass a notice on."""
    tables = day_with(**down("gdbn", "day 0 12:50", "day 0 15:30"))
    assert ended(tables, "SUC06.1") == {("completed", ""): 1}
    calls = ended(tables, "SUC06.2")
    assert set(calls) == {("failed", "the FSP did not confirm")}
    assert len(tables["refused_requests"]["reason"]) == sum(calls.values())
    assert all("was not engaged" in reason for reason in tables["refused_requests"]["reason"])
    assert paid(tables) == 0.0


def test_a_baseline_that_is_lost_cannot_be_settled_though_homes_delivered(day_with):
    tables = day_with(**down("gdbn", "day 0 12:50", "day 0 14:30"))
    assert ("completed", "") in ended(tables, "SUC06.2")
    assert {reason[:14] for _, reason in ended(tables, "SUC06.3")} == {"no baseline of"}
    assert paid(tables) == 0.0


def test_the_gdbn_down_during_activation_fails_every_call_after_three_transmissions(day_with):
    tables = day_with(**down("gdbn", "15:00", "23:30"))
    assert set(ended(tables, "SUC06.2")) == {("failed", "the dispatch notice was not acknowledged")}
    assert "content/ActivationSignal" not in tables
    assert not ended(tables, "SUC06.3")
    assert total(tables, "unmet", "quantity_kw") > total(day_with(), "unmet", "quantity_kw")


def test_homes_that_cannot_be_signalled_are_not_counted_on(day_with):
    """The provider hears of no member that follows, and says so: the calls count as refused."""
    tables = day_with(**down("meters", "15:00", "23:30"))
    assert set(ended(tables, "SUC06.2")) == {("failed", "the FSP refused")}
    messages = tables["messages"]
    assert {
        str(status)
        for record, status in zip(messages["record"], messages["status"], strict=True)
        if record == "ActivationSignal"
    } == {"lost"}
    assert "content/DeliveryMeasurement" not in tables


def test_a_provider_silent_at_settlement_is_not_paid_and_the_reason_is_kept(day_with):
    tables = day_with(**silent("day 2 09:30"))
    ends = ended(tables, "SUC06.3")
    due = sum(1 for eur in tables["settlements"]["net_eur"] if eur)
    assert ends["failed", "not acknowledged"] == due > 0
    flexible = [what for what in tables["ledger"]["purpose"] if what == "flexibility share"]
    assert not flexible


def test_a_notice_that_arrives_after_its_first_ordered_interval_delivers_nothing_in_time(day_with):
    """A call may ask for nothing at its begin: only those already due when their notice arrives fail."""
    tables = day_with(platforms__gdbn={"delay_s": {"constant": 1300}, "acknowledge_within_s": 4000})
    messages, calls, ends = tables["messages"], tables["activations"], tables["conversations"]
    notified = {
        str(conversation): int(t_ms)
        for conversation, record, t_ms in zip(
            messages["conversation"], messages["record"], messages["delivered_ms"], strict=True
        )
        if record == "ActivationRequest"
    }
    due: dict[str, int] = {}
    for conversation, t_ms, ordered_kw in zip(calls["conversation"], calls["t_ms"], calls["ordered_kw"], strict=True):
        if ordered_kw > 0.0:
            due[str(conversation)] = min(int(t_ms), due.get(str(conversation), int(t_ms)))
    late = {one for one, t_ms in due.items() if t_ms < notified[one]}
    assert len(late) > 3
    outcomes = {
        str(one): (str(outcome), str(reason or ""))
        for one, outcome, reason in zip(ends["conversation"], ends["outcome"], ends["reason"], strict=True)
    }
    assert {outcomes[one] for one in late} == {("failed", "no delivery shows in SCADA")}
    assert ("completed", "") in {outcomes[one] for one in due.keys() - late}
    assert set(ended(tables, "SUC06.3")) == {("failed", "no meter data")}
    assert paid(tables) == 0.0


@covers("SUC06.2/SEC-3", "SUC06.3/SEC-3", "SUC05.1/SEC-3")
def test_messages_that_arrive_twice_change_nothing(day_with):
    twice = day_with(platforms={name: {"duplication": "50%"} for name in ("gdbn", "market", "direct", "meters")})
    once = day_with()
    assert sum(twice["messages"]["duplicates"]) > 0.3 * len(twice["messages"]["duplicates"])
    for table in ("devices", "meters", "activations", "settlements", "deliveries", "bids", "ledger"):
        for name, column in once[table].items():
            values = [
                one.to_pylist() if hasattr(one, "to_pylist") else list(one) for one in (column, twice[table][name])
            ]
            assert values[0] == values[1], (table, name)


def test_what_is_lost_is_sent_again_and_either_arrives_or_is_given_up(day_with):
    messages = day_with(platforms={name: {"loss": "30%"} for name in ("gdbn", "market", "direct", "meters")})[
        "messages"
    ]
    status, attempts = np.array(messages["status"], str), np.asarray(messages["attempts"])
    between = np.array(
        [
            one.split("/")[0] != other.split("/")[0]
            for one, other in zip(messages["sender"], messages["receiver"], strict=True)
        ]
    )
    assert set(status) <= {"acknowledged", "delivered", "lost", "late"}
    assert (attempts[status == "lost"] == 3).all()
    n = int(between.sum())
    assert (status[between] == "lost").sum() == pytest.approx(0.3**3 * n, abs=5 * np.sqrt(0.3**3 * n))


@covers("SUC06.3/r04", "SUC06.3/r05")
def test_a_provider_that_over_promises_sells_more_delivers_the_same_and_is_paid_for_less(day_with):
    honest, boastful = day_with(), day_with(faults=[{"party": "fsp-sol", "offers": "300%"}])
    sold = [total(tables, "bids", "accepted_kw") for tables in (honest, boastful)]
    assert sold[1] > 1.5 * sold[0]
    shares = [
        total(tables, "settlements", "delivered_kwh") / total(tables, "settlements", "ordered_kwh")
        for tables in (honest, boastful)
    ]
    assert shares[1] < 0.7 * shares[0]
    per_kwh = [
        total(tables, "settlements", "remuneration_eur") / total(tables, "settlements", "ordered_kwh")
        for tables in (honest, boastful)
    ]
    assert per_kwh[1] < per_kwh[0]
    fined = day_with(faults=[{"party": "fsp-sol", "offers": "300%"}], rules__settlement__penalty_eur_per_kwh=0.5)
    missing = total(fined, "settlements", "ordered_kwh") - total(fined, "settlements", "delivered_kwh")
    assert total(fined, "settlements", "penalty_eur") == pytest.approx(0.5 * missing, rel=0.1)
    assert total(fined, "settlements", "net_eur") < 0.0


def test_a_provider_that_passes_on_half_moves_less(day_with):
    whole, half = day_with(), day_with(faults=[{"party": "fsp-sol", "delivers": "50%"}])
    asked = [
        float(np.sum(np.concatenate([np.atleast_1d(row) for row in tables["content/ActivationSignal"]["change_kw"]])))
        for tables in (whole, half)
    ]
    assert asked[1] < asked[0]
    assert total(half, "settlements", "delivered_kwh") < total(whole, "settlements", "delivered_kwh")
