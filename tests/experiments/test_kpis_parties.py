"""Figures of money, messages, people and steps, by hand and on the synthetic run."""

import pytest

from experiments.kpis import figures
from experiments.kpis.conformance import conformance_columns
from experiments.results.schema import conform
from tests.experiments.figure_cases import META, value


def test_money_by_kind_of_party_sums_to_zero():
    addresses = {
        "address": ["dso-1", "dso-1/derms", "f", "h1", "retailer-1", "state", "gdbn-1"],
        "party": ["dso-1", "dso-1", "f", "h1", "retailer-1", "state", "dpp-1"],
        "actors": [["dso"], ["derms"], ["fsp", "aggregator"], ["prosumer"], ["retailer"], [], ["gdbn"]],
        "operator": ["dso-1", "dso-1", "f", "h1", "retailer-1", "state", "dpp-1"], "device": [False] * 7,
    }  # fmt: skip
    debtors, creditors = ["dso-1", "f", "h1", "retailer-1", "f"], ["f", "h1", "retailer-1", "state", "dpp-1"]
    ledger = {"entry": range(5), "t_ms": [0] * 5, "debtor": debtors, "creditor": creditors, "eur": [10.0, 4.0, 7.0, 2.0, 1.0],
              "purpose": ["x"] * 5, "message_id": [None] * 5}  # fmt: skip
    found = figures({"ledger": ledger, "addresses": addresses}, META)
    money = {key: v for key, v in found.items() if key.startswith("money_")}
    assert money == {
        "money_dso_eur": -10, "money_fsps_eur": 5, "money_homes_eur": -3, "money_retailer_eur": 5, "money_state_eur": 2,
        "money_others_eur": 1,
    }  # fmt: skip
    assert sum(money.values()) == 0


def test_messages_of_the_synthetic_run(synthetic):
    found = figures(synthetic.tables(), synthetic.meta())
    parts = [found[f"messages_{name}"] for name in ("gdbn", "market_platform", "fsp_platform", "direct")]
    assert parts == [3, 3, 8, 0]
    assert found["messages_total"] == sum(parts)
    assert found["messages_per_kwh"] * found["flexibility_delivered_kwh"] == pytest.approx(sum(parts))
    assert found["message_parity_eur"] * sum(parts) == pytest.approx(found["flexibility_cost_eur"])
    assert (found["messages_lost"], found["messages_retried"], found["messages_refused"]) == (1, 2, 0)
    waits = [2000 + 100 * row + (60_000 if row == 12 else 0) for row in range(13)]
    assert found["acknowledgement_p50_ms"] == sorted(waits)[6]  # the 7th of 13
    assert found["acknowledgement_p95_ms"] == sorted(waits)[12]  # the 13th: 12 of 13 are fewer than 95 %


def test_orders_are_timed_by_themselves():
    """Three orders of which one never arrived, and a slow message that is none."""
    record = ["ActivationSignal", "ActivationRequest", "ActivationSignal", "Invoice"]
    messages = {
        "row": range(4), "message_id": range(4), "conversation": ["c"] * 4, "record": record, "sender": ["a"] * 4, "receiver": ["b"] * 4,
        "sent_ms": [1000] * 4, "delivered_ms": [1200, 1900, -1, 99_000], "acknowledged_ms": [-1] * 4, "attempts": [1] * 4, "duplicates": [0] * 4,
        "status": ["delivered"] * 4, "reason": [""] * 4, "digest": range(4), "answer_to": [0] * 4,
    }  # fmt: skip
    found = figures({"messages": messages}, META)
    assert (found["order_arrival_p95_ms"], found["order_arrival_max_ms"]) == (900, 900)


def test_people_of_the_synthetic_run(synthetic):
    found = figures(synthetic.tables(), synthetic.meta(), synthetic.twin_tables())
    assert (found["homes_enrolled"], found["homes_active"]) == (7, 7)
    assert found["participation_percent"] == 100
    assert found["distinct_home_schedules"] == len(set(synthetic.shifts(True)))
    assert found["comfort_violation_degree_h"] == pytest.approx(0.8 * 0.25)
    assert found["ev_missing_kwh"] == 1.5


def test_steps_are_counted_once(synthetic):
    found = figures(synthetic.tables(), synthetic.meta())
    verdicts = ("made", "late", "broken", "excused", "not_reached")
    assert [found[f"steps_{name}"] for name in verdicts] == [3, 1, 1, 1, 1]


def test_a_conformance_report_becomes_a_table():
    finding = {"step": "1.4", "conversation": "c-2", "why": "missing"}
    case = {
        "made_steps": ["1.1", "1.2"], "not_reached": ["1.5"], "late": [], "broken": [finding, finding],
        "excused": [{"step": "1.6", "kind": "impossible", "reason": "no meter"}],
    }  # fmt: skip
    tables = {"conformance": conformance_columns({"SUC06.2": case, "SUC06.3": case})}
    assert value("steps_made", tables) == 4
    assert value("steps_broken", tables) == 2
    assert conform(tables)["conformance"].num_rows == 10
