"""What the check says about conversations that go right, wrong or late, and about bad input."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.messages import digest_rows
from experiments.conformance import check, report_json, report_text, union
from experiments.conformance.journal import JournalError
from experiments.conformance.verdicts import Finding
from experiments.covers import covers
from experiments.usecases import CatalogueError
from tests.conformance.check_cases import drop, only, set_all

# --- right -----------------------------------------------------------------------------------------------------------


@covers("SUC05.1/r08", "SUC05.1/r12", "SUC06.2/r08", "SUC06.2/r09", "SUC06.3/r11")
def test_day_makes_its_routes_and_nothing_else(journal_day):
    report = check(journal_day, digest_rows=digest_rows)
    assert report.is_clean
    made = {suc: case.made for suc, case in report.usecases.items()}
    assert made["SUC05.1"] == tuple("12345678")
    assert made["SUC06.1"] == tuple(f"2.{n}" for n in range(1, 10))
    assert made["SUC06.2"] == tuple(f"1.{n}" for n in range(1, 9))
    assert made["SUC06.3"] == tuple(f"1.{n}" for n in range(1, 8))


def test_json_shape(journal_day):
    shape = report_json(check(journal_day))["SUC06.1"]
    assert shape["scenarios"] == 2
    assert shape["steps"] == 18
    assert shape["made"] == 9
    assert shape["conversations"] == {"completed": 1, "refused": 0, "failed": 0, "open": 0}
    assert shape["not_reached"] == [f"1.{n}" for n in range(1, 10)]
    assert (shape["late"], shape["broken"], shape["excused"], shape["unmatched"]) == ([], [], [], 0)


def test_readings_stand_beside_what_the_table_says(journal_day):
    shown = {one["step"]: one for one in report_json(check(journal_day))["SUC06.2"]["readings"]}
    assert shown["1.2"]["written"] == "dso-activation-system -> gdbn  [I2]"
    assert shown["1.2"]["read"] == "dso-activation-system -> gdbn, fsp-technical-platform  [I2]; receivers any"
    assert all(one["reason"] for one in shown.values())


def test_message_ids_may_be_numbers(journal_day):
    table = journal_day["messages"]
    for name in ("message_id", "answer_to"):
        numbers = [None if one is None else 2**63 + int(one, 16) for one in table[name].to_pylist()]
        table = table.set_column(table.column_names.index(name), name, pa.array(numbers, pa.uint64()))
    assert report_json(check({**journal_day, "messages": table})) == report_json(check(journal_day))


def test_numbers_that_differ_from_their_table_break_their_step(journal_day, market_tables):
    bids = market_tables["bids"].set_column(3, "accepted_kw", pa.array([20.0, 14.0]))
    tables = {**journal_day, "content/Award": market_tables["content/Award"], "bids": bids}
    steps = {one.step for one in check(tables, provenance=True).usecases["SUC06.1"].broken}
    assert "2.8" in steps
    assert "2.8" not in {one.step for one in check(tables).usecases["SUC06.1"].broken}


def test_order_of_rows_in_the_tables_does_not_matter(journal_day):
    rng = np.random.default_rng(5)
    shuffled = {
        name: table.take(pa.array(rng.permutation(table.num_rows)))
        for name, table in journal_day.items()
        if name in ("messages", "acts", "conversations", "addresses") or name.startswith("content/")
    }
    assert report_json(check({**journal_day, **shuffled}, digest_rows=digest_rows)) == report_json(check(journal_day))


def test_dictionary_encoded_and_chunked_columns_are_read_alike(journal_day):
    table = journal_day["messages"]
    for name in ("record", "sender", "receiver", "conversation", "status"):
        table = table.set_column(table.column_names.index(name), name, table[name].dictionary_encode())
    parts = pa.concat_tables([table.slice(0, 40), table.slice(40)])
    assert report_json(check({**journal_day, "messages": parts})) == report_json(check(journal_day))


# --- wrong -----------------------------------------------------------------------------------------------------------


def test_missing_row_of_a_completed_conversation_is_broken_and_does_not_cascade(activation, write_tables):
    drop(activation, "ActivationSignal")
    case = only(write_tables(activation), "SUC06.2")
    assert case.broken == (Finding("1.4", "SUC06.2/1", "missing"),)
    assert len(case.made) == 7


def test_all_receivers_must_be_reached(scribe, talks, write_tables):
    talks["SUC05.1"](scribe, 1, 0)
    scribe.messages = [
        row for row in scribe.messages if (row["record"], row["receiver"]) != ("AssetTelemetry", "dso-1")
    ]
    case = only(write_tables(scribe), "SUC05.1")
    assert case.broken == (Finding("3", "SUC05.1/1", "incomplete, nothing for N1 from der to dso"),)


def test_lost_and_refused_messages_do_not_make_a_step(activation, write_tables):
    set_all(activation, "ActivationReport", delivered_ms=None, acknowledged_ms=None, status="lost")
    set_all(activation, "DeliveryDetected", status="refused", reason="role")
    broken = only(write_tables(activation), "SUC06.2").broken
    assert [one.step for one in broken] == ["1.7", "1.8"]
    assert all("never arrived, or was refused" in one.why for one in broken)


@covers("SUC05.1/SEC-1", "SUC06.2/SEC-1", "SUC06.3/SEC-1")
def test_wrong_sender_is_named(activation, write_tables):
    set_all(activation, "ActivationNeed", sender="lfmo-1")
    (finding,) = only(write_tables(activation), "SUC06.2").broken
    assert finding.step == "1.1"
    assert "ActivationNeed from lfmo-1 to dso-1/dso-activation-system" in finding.why


def test_step_before_its_cause_is_out_of_order(activation, write_tables):
    for row in activation.acts:
        row["t_ms"] = 0
    (finding,) = only(write_tables(activation), "SUC06.2").broken
    assert finding.step == "1.5"
    assert "out of order, before it knew of 1.4" in finding.why


def test_answer_without_its_question_is_broken(scribe, talks, write_tables):
    talks["SUC06.3"](scribe, 1, 0)
    drop(scribe, "MeterDataRequest")
    (finding,) = only(write_tables(scribe), "SUC06.3").broken
    assert finding.step == "1.1"
    assert "answers no question" in finding.why


def test_signal_of_an_fsp_that_was_never_asked_does_not_make_the_step(activation, write_tables):
    """Only fsp-mar is asked; what fsp-sol signals by itself is no activation."""
    activation.messages = [
        row
        for row in activation.messages
        if (row["record"], row["receiver"]) != ("ActivationRequest", "fsp-sol/fsp-technical-platform")
        and (row["record"], row["sender"]) != ("ActivationSignal", "fsp-mar/fsp-technical-platform")
    ]
    (finding,) = [one for one in only(write_tables(activation), "SUC06.2").broken if one.step == "1.4"]
    assert "without having been told of 1.2 or 1.3" in finding.why


@covers("SUC06.1/SI-4")
def test_tampered_content_is_broken(journal_day):
    table = journal_day["content/Bid"]
    values = [one + 1 for one in table["value"].to_pylist()]
    other = table.set_column(table.column_names.index("value"), "value", pa.array(values))
    case = check({**journal_day, "content/Bid": other}, digest_rows=digest_rows).usecases["SUC06.1"]
    assert [one.step for one in case.broken] == ["2.6"]
    assert "does not give the digest" in case.broken[0].why


def test_hollow_act_is_broken(scribe, talks, write_tables):
    talks["SUC06.3"](scribe, 1, 0)
    for row in scribe.acts:
        if row["act"] == "verify_delivery":
            row.update(reads=[], writes=[])
    (finding,) = only(write_tables(scribe), "SUC06.3").broken
    assert finding.step == "1.4"
    assert "hollow" in finding.why


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("deliveries/settle-9", "not found in deliveries.settlement or deliveries.activation"),
        ("delivery/settle-1", "no table is known for 'delivery'; did you mean 'deliveries'?"),
    ],
)
def test_act_that_wrote_what_is_not_there_is_broken(scribe, talks, write_tables, reference, why):
    talks["SUC06.3"](scribe, 1, 0)
    for row in scribe.acts:
        if row["act"] == "calculate_delivery":
            row["writes"] = [reference]
    (finding,) = only(write_tables(scribe), "SUC06.3").broken
    assert finding.step == "1.3"
    assert f"wrote {reference}: {why}" in finding.why


def test_taking_the_data_away_takes_the_step(journal_day):
    """C11: no meter table, no calculation of delivery."""
    rest = {name: table for name, table in journal_day.items() if name != "meters"}
    assert {one.step for one in check(rest).usecases["SUC06.3"].broken} == {"1.3"}


# --- late ------------------------------------------------------------------------------------------------------------


@covers("SUC05.1/r15", "SUC05.1/QoS-2", "SUC06.2/r11", "SUC06.2/QoS-2", "SUC06.3/r15", "SUC06.3/QoS-2")
@pytest.mark.parametrize(
    ("suc", "record", "step"), [("SUC05.1", "AssetBaseline", "4"), ("SUC06.2", "ActivationReport", "1.8"), ("SUC06.3", "SettlementDecision", "1.7")]
)  # fmt: skip
def test_conveyance_longer_than_two_seconds_is_late_and_stays_made(scribe, talks, write_tables, suc, record, step):
    talks[suc](scribe, 1, 0)
    for row in scribe.messages:
        if row["record"] == record:
            row["delivered_ms"] = row["sent_ms"] + 2_001
    case = only(write_tables(scribe), suc)
    assert {one.step for one in case.late} == {step}
    assert all("took longer than 2 s" in one.why for one in case.late)
    assert step in case.made
    assert not case.broken


def test_conveyance_of_exactly_two_seconds_is_in_time(activation, write_tables):
    row = activation.messages[-1]
    row["delivered_ms"] = row["sent_ms"] + 2_000
    assert not only(write_tables(activation), "SUC06.2").late


@covers("SUC05.1/SEC-3", "SUC06.2/SEC-3", "SUC06.3/SEC-3")
@pytest.mark.parametrize("after_ms", [60_001, None])
def test_missing_or_late_acknowledgement_is_late(activation, write_tables, after_ms):
    row = activation.messages[-1]
    row["acknowledged_ms"] = None if after_ms is None else row["sent_ms"] + after_ms
    (finding,) = only(write_tables(activation), "SUC06.2").late
    assert (finding.step, "not acknowledged within 60 s" in finding.why) == ("1.8", True)


def test_bid_after_gate_closure_is_late(scribe, talks, write_tables):
    talks["SUC06.1"](scribe, 1, 0)
    for row in scribe.contents["SessionPublication"]:
        row["gate_ms"] = 1
    case = only(write_tables(scribe), "SUC06.1")
    assert {(one.step, one.why.rpartition(": ")[2]) for one in case.late} == {
        ("2.6", "arrived after its deadline; the slowest took 1.200 s")
    }


@pytest.mark.parametrize("gate_ms", [1, 10**12])
def test_who_goes_by_the_clock_waits_for_nothing_that_is_overdue(scribe, talks, write_tables, gate_ms):
    """Bids that are sent when the market has cleared: after the gate they are late and nothing else; before it the clearing was out of order."""
    talks["SUC06.1"](scribe, 1, 0)
    for row in scribe.contents["SessionPublication"]:
        row["gate_ms"] = gate_ms
    for row in scribe.messages:
        if row["record"] == "Bid":
            for name in ("sent_ms", "delivered_ms", "acknowledged_ms"):
                row[name] += 3_600_000
    case = only(write_tables(scribe), "SUC06.1")
    assert ({one.step for one in case.late} == {"2.6"}) == (gate_ms == 1)
    assert (case.broken == ()) == (gate_ms == 1)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_missing_table_and_column_are_named(journal_day):
    with pytest.raises(JournalError, match="no table 'messages'"):
        check({name: table for name, table in journal_day.items() if name != "messages"})
    with pytest.raises(JournalError, match="no column 'sent_ms'"):
        check({**journal_day, "messages": journal_day["messages"].drop_columns("sent_ms")})


def test_unknown_use_case_or_scenario_is_refused_with_what_was_meant(scribe, write_tables):
    scribe.open("x", "SUC06.9", "1", "dso-1", 0)
    scribe.send("ActivationNeed", "dso-1/dso-scada", "dso-1/dso-activation-system")
    with pytest.raises(CatalogueError, match=r"did you mean 'SUC06\.\d'"):
        check(write_tables(scribe))
    scribe.conversations[0].update(suc="SUC06.2", scenario="3")
    with pytest.raises(CatalogueError, match=r"SUC06\.2 has no scenario '3'"):
        check(write_tables(scribe))


# --- union, text, speed ----------------------------------------------------------------------------------------------


def test_union_adds_up(journal_day, scribe, talks, write_tables):
    talks["SUC06.2"](scribe, 1, 0, direct=True)
    drop(scribe, "ActivationReport")
    first, second = check(journal_day), check(write_tables(scribe))
    whole = union([first, second]).usecases["SUC06.2"]
    assert set(whole.made) == set(first.usecases["SUC06.2"].made)
    assert whole.conversations["completed"] == 3
    assert [one.step for one in whole.broken] == ["1.8"]
    assert not whole.excused
    assert union([first]) == first


def test_text_shows_findings_with_the_reading_of_the_step(activation, write_tables):
    drop(activation, "DeliveryMeasurement")
    text = report_text(check(write_tables(activation)))
    assert "broken SUC06.2/1.6 in SUC06.2/1: missing" in text
    assert (
        "1.6 is written der -> dso-scada  [I4]; read der -> dso-scada  [I4]; one message, nobody asks; by DeliveryMeasurement"
        in text
    )


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 120)), st.integers(0, 3))
def test_checking_never_invents_steps(journal_day, gone, shift):
    """Law: without some rows no step is made that was not made with them."""
    whole = check(journal_day)
    keep = [row not in {one * (shift + 1) for one in gone} for row in range(journal_day["messages"].num_rows)]
    less = check({**journal_day, "messages": journal_day["messages"].filter(pa.array(keep))})
    for suc, case in less.usecases.items():
        assert set(case.made) <= set(whole.usecases[suc].made)
        steps = [*case.made, *(one.step for one in case.broken), *case.not_reached, *(one.step for one in case.excused)]
        assert set(case.steps) <= set(steps)


def test_what_is_no_step_is_passed_over_however_much_there_is(journal_day):
    """Telemetry of a large world, 400 000 messages beside the day's conversations."""
    messages = journal_day["messages"]
    telemetry = np.flatnonzero(np.array(messages["record"].to_pylist()) == "AssetTelemetry")
    copies = 400_000 // len(telemetry)
    more = messages.take(pa.array(np.tile(telemetry, copies)))
    rows = np.arange(len(more)) + 1_000_000
    more = more.set_column(0, "row", pa.array(rows)).set_column(1, "message_id", pa.array(rows.astype(str)))
    tables = {**journal_day, "messages": pa.concat_tables([messages, more])}
    assert check(tables).is_clean


def test_a_step_that_goes_to_all_at_once_is_not_made_by_two_sendings(scribe, talks, write_tables):
    """SUC05.1 step 5 is told to assets and DSO at once; what goes to the DSO alone is step 6, however often and whenever it comes."""
    talks["SUC05.1"](scribe, 1, 0)
    apart = [row for row in scribe.messages if row["record"] == "FlexibilityPotential" and row["receiver"] == "dso-1"]
    for row in apart[:1] + apart[2:3]:  # of both aggregators what is sent along with what their assets are told
        row["sent_ms"], row["delivered_ms"], row["acknowledged_ms"] = (
            row[name] - 100 for name in ("sent_ms", "delivered_ms", "acknowledged_ms")
        )
    case = check(write_tables(scribe)).usecases["SUC05.1"]
    assert [(one.step, one.why) for one in case.broken if one.step == "5"] == [
        ("5", "incomplete, nothing for INFO 3 from aggregator to dso")
    ]
    assert "6" in case.made
