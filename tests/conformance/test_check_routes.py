"""What the check says about conversations that go another way, nowhere, or make several steps with one row."""

import pyarrow as pa
import pytest

from environment.messages import digest_rows
from experiments.conformance import check
from experiments.conformance.mutations import check_law, made_steps, restricted
from experiments.conformance.verdicts import Finding
from experiments.covers import covers
from tests.conformance.check_cases import drop, last_dropped, only, set_all

# --- another way, or nowhere -----------------------------------------------------------------------------------------


@covers("SUC06.2/r02")
def test_direct_route_excuses_the_relay(scribe, write_tables, talks):
    talks["SUC06.2"](scribe, 1, 0, direct=True)
    case = only(write_tables(scribe), "SUC06.2")
    assert not case.broken
    assert [(one.step, one.kind) for one in case.excused] == [("1.3", "alternative")]
    assert "1.3" not in case.made


def test_without_any_dispatch_notice_only_the_notice_is_missing(scribe, write_tables, talks):
    """Whether it would have gone through the relay nobody can say."""
    talks["SUC06.2"](scribe, 1, 0, direct=True)
    drop(scribe, "ActivationRequest")
    assert [one.step for one in only(write_tables(scribe), "SUC06.2").broken] == ["1.2"]


def test_mutation_law_holds_on_the_direct_route(scribe, write_tables, talks):
    talks["SUC06.2"](scribe, 1, 0, direct=True)
    assert check_law(write_tables(scribe), digest_rows) == {}


def test_both_routes_in_one_conversation_are_broken(scribe, write_tables, talks):
    talks["SUC06.2"](scribe, 1, 0)
    sent = next(row for row in scribe.messages if row["record"] == "ActivationRequest")
    scribe.messages.append(sent | {"row": 999, "message_id": "999", "receiver": "fsp-sol/fsp-technical-platform"})
    scribe.contents["ActivationRequest"].append(scribe.contents["ActivationRequest"][0] | {"row": 999})
    (finding,) = only(write_tables(scribe), "SUC06.2").broken
    assert (finding.step, finding.why) == ("1.3", "made although the alternative was made")


def test_made_once_by_the_relay_is_no_excuse_any_more(scribe, write_tables, talks):
    talks["SUC06.2"](scribe, 1, 0, direct=True)
    talks["SUC06.2"](scribe, 2, 10_000_000)
    case = only(write_tables(scribe), "SUC06.2")
    assert "1.3" in case.made
    assert not case.excused


@pytest.mark.parametrize("outcome", ["failed", "refused", "open"])
def test_steps_after_a_failure_are_not_reached(scribe, write_tables, outcome):
    scribe.open("SUC06.2/1", "SUC06.2", "1", "dso-1", 0)
    scribe.send("ActivationNeed", "dso-1/dso-scada", "dso-1/dso-activation-system")
    scribe.send("ActivationRequest", "dso-1/dso-activation-system", "gdbn-1")
    last_dropped(scribe, delivered_ms=None, acknowledged_ms=None, status="lost")
    scribe.close(outcome, "no acknowledgement")
    case = only(write_tables(scribe), "SUC06.2")
    assert case.made == ("1.1",)
    assert not case.broken
    assert case.not_reached == tuple(f"1.{n}" for n in range(2, 9))
    assert case.conversations[outcome] == 1


def test_gap_in_a_failed_conversation_is_broken(activation, write_tables):
    drop(activation, "DeliveryMeasurement")
    activation.close("failed", "no report")
    drop(activation, "ActivationReport")
    case = only(write_tables(activation), "SUC06.2")
    assert case.broken == (Finding("1.6", "SUC06.2/1", "missing, though 1.7 was made after it"),)
    assert case.not_reached == ("1.8",)


def test_scenario_without_its_trigger_is_excused(journal_day):
    no_needs = {**journal_day, "needs": journal_day["needs"].slice(0, 0)}
    excused = check(no_needs).usecases["SUC06.1"].excused
    assert [(one.step, one.kind) for one in excused] == [(f"1.{n}", "no trigger") for n in range(1, 10)]
    assert not check(journal_day).usecases["SUC06.1"].excused


def test_step_that_nothing_called_for_is_excused(journal_day):
    """Nobody was activated and nobody overrode within the cycle: feedback (8) and override (7) are not demanded of it."""
    calm = restricted(journal_day, frozenset({"SUC05.1/1"}))
    calm["overrides"] = calm["overrides"].slice(0, 0)
    calm["acts"] = calm["acts"].slice(0, 0)
    keep = pa.compute.not_equal(calm["messages"]["record"], "ActivationFeedback")
    calm["messages"] = calm["messages"].filter(keep)
    case = check(calm).usecases["SUC05.1"]
    assert not case.broken
    assert {(one.step, one.reason) for one in case.excused if len(one.step) == 1} == {
        ("7", "nobody overrode by hand"),
        ("8", "no asset was activated"),
    }
    called = {
        **calm,
        "overrides": journal_day["overrides"],
        "content/ActivationSignal": journal_day["content/ActivationSignal"],
    }
    assert [one.step for one in check(called).usecases["SUC05.1"].broken] == ["7", "8"]


def test_shortfall_is_the_trigger_of_the_second_scenario_of_aggregation(journal_day):
    steps = ["2.1", "2.2", "2.3", "2.4"]
    one = {"need": ["c"], "aggregator": ["fsp-sol"], "t_ms": [0], "needed_kwh": [2.0], "missing_kwh": [1.0]}
    none = pa.table(one).slice(0, 0)
    assert [one.step for one in check({**journal_day, "shortfalls": none}).usecases["SUC05.1"].excused] == steps
    assert check({**journal_day, "shortfalls": pa.table(one)}).usecases["SUC05.1"].not_reached == tuple(steps)


def test_invoice_is_demanded_of_what_was_approved_only(scribe, talks, write_tables):
    talks["SUC06.3"](scribe, 1, 0)
    drop(scribe, "Invoice")
    assert [one.step for one in only(write_tables(scribe), "SUC06.3").broken] == ["extra Invoice"]
    for row in scribe.contents["SettlementDecision"]:
        row["approved"] = False
    assert not only(write_tables(scribe), "SUC06.3").broken


def test_rows_that_nothing_expects_are_counted(activation, write_tables):
    activation.send("RetailBill", "lfmo-1", "home-0001")
    activation.act("think_hard", "dso-1")
    assert only(write_tables(activation), "SUC06.2").unmatched == 2


# --- one row, several steps ------------------------------------------------------------------------------------------


def test_second_report_is_the_sharing_and_not_a_repeat_of_the_aggregation(scribe, talks, write_tables):
    """SUC05.1/5 and 6 have the same sender, receiver and information."""
    talks["SUC05.1"](scribe, 1, 0)
    alone = {
        row["row"] for row in scribe.messages if row["record"] == "FlexibilityPotential" and row["receiver"] == "dso-1"
    }
    with_members = {
        row["row"] for row in scribe.messages if row["record"] == "FlexibilityPotential" and row["receiver"] != "dso-1"
    }
    second = {row for row in alone if row - 1 in with_members}
    scribe.messages = [row for row in scribe.messages if row["row"] not in second]
    assert [one.step for one in only(write_tables(scribe), "SUC05.1").broken] == ["6"]


def test_both_reports_at_one_instant_are_told_apart(scribe, talks, write_tables):
    talks["SUC05.1"](scribe, 1, 0)
    for sender in ("fsp-mar", "fsp-sol"):
        rows = [row for row in scribe.messages if (row["record"], row["sender"]) == ("FlexibilityPotential", sender)]
        for row in rows:
            row.update({name: rows[0][name] for name in ("sent_ms", "delivered_ms", "acknowledged_ms")})
    assert not only(write_tables(scribe), "SUC05.1").broken


def test_pools_of_many_areas_report_area_by_area(scribe, talks, write_tables):
    """Per area step 5 (with the members) and, when that is confirmed, 6 at the instant at which the next area's 5 goes out."""
    talks["SUC05.1"](scribe, 1, 0)
    drop(scribe, "FlexibilityPotential")
    scribe.now_ms = 40_000
    for area in range(9):
        for sender in ("fsp-mar", "fsp-sol"):
            instant = scribe.now_ms
            if area:
                scribe.send("FlexibilityPotential", sender, "dso-1")
            scribe.now_ms = instant
            scribe.send("FlexibilityPotential", sender, ["dso-1", "home-0001/der"])
    set_all(scribe, "ActivationFeedback", sent_ms=90_000, delivered_ms=91_000, acknowledged_ms=92_000)
    tables = write_tables(scribe)
    assert not only(tables, "SUC05.1").broken
    six = next(one for one in made_steps(tables) if one.step == "6")
    assert len(six.messages) == 16
    faults = check_law(tables, digest_rows)
    assert faults == {}


@pytest.fixture
def direct_procurement(scribe):
    """SUC06.1 scenario 1: the same FSP reports its availability first and last."""
    platform, der = "fsp-sol/fsp-technical-platform", ["home-0001/der", "home-0002/der"]
    scribe.open("SUC06.1/7", "SUC06.1", "1", "dso-1/derms", 0)
    scribe.send("AvailabilityRequest", "dso-1/derms", "fsp-sol")
    scribe.send("FlexibilityAvailability", "fsp-sol", "dso-1/derms")
    scribe.act("forecast_network", "dso-1/derms")
    scribe.send("FlexibilityAvailability", "fsp-sol", "dso-1/derms")
    scribe.act("detect_violation", "dso-1/derms")
    scribe.act("decide_dispatch", "dso-1/derms")
    scribe.send("ActivationRequest", "dso-1/derms", "fsp-sol")
    scribe.act("rearrange_schedule", "fsp-sol")
    scribe.send("ActivationSignal", platform, der)
    scribe.send("SignalReceipt", "fsp-sol", "dso-1/derms")
    scribe.act("start_delivery", der)
    scribe.send("FlexibilityAvailability", "fsp-sol", "dso-1/derms")
    scribe.close()
    return scribe


def test_route_without_a_market_is_made(direct_procurement, write_tables):
    case = only(write_tables(direct_procurement), "SUC06.1")
    assert not case.broken
    assert set(case.made) == {f"1.{n}" for n in range(1, 10)}


def test_reports_are_not_refreshed_ones_where_nobody_was_dispatched(scribe, write_tables):
    scribe.open("SUC06.1/7", "SUC06.1", "1", "dso-1/derms", 0)
    scribe.send("AvailabilityRequest", "dso-1/derms", "fsp-sol")
    scribe.send("FlexibilityAvailability", "fsp-sol", "dso-1/derms")
    for act in ("forecast_network", "detect_violation", "decide_dispatch"):
        scribe.act(act, "dso-1/derms")
    scribe.send("FlexibilityAvailability", "fsp-sol", "dso-1/derms")
    scribe.close("failed", "no FSP could be dispatched")
    case = only(write_tables(scribe), "SUC06.1")
    assert not case.broken
    assert case.made == ("1.1", "1.2", "1.3", "1.4")


def test_reports_that_go_on_after_the_dispatch_are_refreshed_ones(direct_procurement, write_tables):
    for _ in range(3):
        direct_procurement.send("FlexibilityAvailability", "fsp-sol", "dso-1/derms")
    tables = write_tables(direct_procurement)
    assert {one.step: len(one.messages) for one in made_steps(tables) if one.step in {"1.1", "1.9"}} == {
        "1.1": 2,
        "1.9": 4,
    }
    assert check_law(tables, digest_rows) == {}


@pytest.mark.parametrize(("gone", "step"), [((0, 1), "1.1"), ((2,), "1.9")])
def test_repeated_triple_goes_to_the_step_whose_time_it_is(direct_procurement, write_tables, gone, step):
    rows = [row for row in direct_procurement.messages if row["record"] == "FlexibilityAvailability"]
    for place in gone:
        direct_procurement.messages.remove(rows[place])
    case = only(write_tables(direct_procurement), "SUC06.1")
    assert step not in case.made
    assert [one.step for one in case.broken] == [step]
