"""Attacks: with authentication they change nothing at all, without it the same attack moves devices.

One small day is lived three times from one history: without attacker, with it, and with it but without authentication.
"""

from dataclasses import replace

import numpy as np
import pytest

from experiments.covers import covers
from experiments.results.schema import conform

TRIED = [
    {"forge": "ActivationSignal", "as": "fsp-sol", "at": "13:00"},
    {"forge": "ActivationRequest", "as": "dso-1", "at": "16:10", "kw": 6.0},
    {"forge": "ActivationRequest", "as": "attacker-1", "at": "16:20"},
    {"replay": "ActivationSignal", "as": "fsp-sol", "from": "16:00", "to": "22:00"},
    {"alter": "ActivationRequest", "field": "ordered_kw", "by": "300%", "as": "dso-1", "from": "16:00", "to": "22:00", "every_s": 120},
    {"replay": "Bid", "as": "fsp-sol", "at": "09:00"},
]  # fmt: skip
NATURE = ("devices", "meters", "grid_branches", "grid_buses", "scada", "unserved", "comfort", "departures")


@pytest.fixture(scope="module")
def days(small):
    """(plain, attacked, open): tables of the day without attacker, with it, and with it but without authentication."""
    common = {
        "clock__history_days": 3,
        "grid__transformer_rating_factor": 0.25,
        "people__0__served_by": {"fsp-sol": 1.0},
    }
    begun = small.site(small.scenario(**common))
    found = []
    for faults, authenticate in (([], True), (TRIED, True), (TRIED, False)):
        scenario = small.scenario(**common, faults=faults, platforms__authenticate=authenticate)
        site = replace(begun.twin(), scenario=scenario)
        found.append(small.tables(site, small.live(site)))
    return found


def tried(tables):
    """(kind, record, outcome, reason) -> number of messages."""
    found = {}
    attacks = tables["attacks"]
    for row in zip(*(attacks[name] for name in ("kind", "record", "outcome", "reason")), strict=True):
        found[row] = found.get(row, 0) + 1
    return found


def columns_of(table):
    return {
        name: column.to_pylist() if hasattr(column, "to_pylist") else list(column) for name, column in table.items()
    }


def without(table, rows):
    """A table less some rows."""
    return {name: [value for place, value in enumerate(column) if place not in rows] for name, column in table.items()}


@covers("SUC06.2/SEC-1", "SUC06.3/SEC-1", "SUC05.1/SEC-1", "SUC06.1/SI-1")
def test_each_attack_is_refused_for_its_own_reason(days):
    _, attacked, _ = days
    reasons = {key[:3]: key[3] for key in tried(attacked) if key[2] != "not tried"}
    assert reasons == {
        ("forge", "ActivationSignal", "refused"): "signature",
        ("forge", "ActivationRequest", "refused"): reasons["forge", "ActivationRequest", "refused"],
        ("replay", "ActivationSignal", "refused"): "already submitted",
        ("alter", "ActivationRequest", "refused"): "altered: the signature is that of other content",
    }
    forged = {key[3] for key in tried(attacked) if key[:2] == ("forge", "ActivationRequest")}
    assert forged == {"signature", "role: ActivationRequest may not come from this sender"}
    assert not any(attacked["attacks"]["moved_kw"])


def test_with_authentication_an_attacked_day_is_the_same_day_bit_for_bit(days):
    plain, attacked, _ = days
    for name in (*NATURE, "conversations", "acts", "activations", "bids", "settlements", "deliveries"):
        assert columns_of(attacked[name]) == columns_of(plain[name]), name


def test_what_was_said_differs_by_the_attack_alone(days):
    plain, attacked, _ = days
    said = columns_of(attacked["messages"])
    refused = {place for place, status in enumerate(said["status"]) if status == "refused"}
    assert len(refused) == sum(outcome == "refused" for outcome in attacked["attacks"]["outcome"])
    left, before = without(said, refused), columns_of(plain["messages"])
    for name in before:
        if name not in ("row", "duplicates"):
            assert left[name] == before[name], name
    repeated = sum(left["duplicates"]) - sum(before["duplicates"])
    assert repeated == sum(reason == "already submitted" for reason in attacked["attacks"]["reason"])


def test_every_message_of_the_attacker_is_in_the_journal(days):
    for tables in days[1:]:
        attacks, said = tables["attacks"], columns_of(tables["messages"])
        journal = {
            (word, t_ms): row for row, (word, t_ms) in enumerate(zip(said["message_id"], said["sent_ms"], strict=True))
        }
        for word, t_ms, outcome in zip(attacks["message_id"], attacks["t_ms"], attacks["outcome"], strict=True):
            if outcome != "not tried":
                status = said["status"][journal[int(word), int(t_ms)]]
                assert (status == "refused") == (outcome == "refused")


def test_an_attempt_that_heard_nothing_is_on_record(days):
    _, attacked, _ = days
    assert tried(attacked)["replay", "Bid", "not tried", "nothing of the kind was heard"] == 1


def test_without_authentication_the_same_attack_moves_devices(days):
    plain, attacked, opened = days
    assert not [key for key in tried(opened) if key[2] == "refused"]
    by_kind = {}
    for kind, record, kw in zip(*(opened["attacks"][name] for name in ("kind", "record", "moved_kw")), strict=True):
        by_kind[kind, record] = by_kind.get((kind, record), 0.0) + kw
    for key in [
        ("forge", "ActivationSignal"),
        ("forge", "ActivationRequest"),
        ("replay", "ActivationSignal"),
        ("alter", "ActivationRequest"),
    ]:
        assert by_kind[key] > 1.0, key
    moved = np.abs(np.asarray(opened["devices"]["power_kw"]) - np.asarray(attacked["devices"]["power_kw"]))
    assert (moved > 0.05).sum() > 100
    here, there = (np.array(one["grid_branches"]["loading_percent"], float) for one in (opened, plain))
    assert np.nanmax(np.abs(here - there)) > 5.0


def test_until_the_first_attack_both_days_are_the_same(days):
    """The first signal is forged at one o'clock for a quarter past; what happens before depends on nothing that comes after."""
    plain, _, opened = days
    here, there = (np.asarray(one["devices"]["power_kw"]) for one in (plain, opened))
    t_ms = np.asarray(plain["devices"]["t_ms"])
    first_ms = int(min(opened["attacks"]["t_ms"][opened["attacks"]["outcome"] == np.array("accepted", object)]))
    np.testing.assert_array_equal(here[t_ms < first_ms], there[t_ms < first_ms])
    assert (here[t_ms >= first_ms] != there[t_ms >= first_ms]).any()


def test_the_dso_pays_for_nothing_that_it_did_not_order(days):
    _, _, opened = days
    ordered = set(opened["activations"]["activation"])
    settled = dict(zip(opened["settlements"]["settlement"], opened["settlements"]["status"], strict=True))
    false = {name: status for name, status in settled.items() if name.removeprefix("settlement/") not in ordered}
    assert false
    assert set(false.values()) == {"disputed"}
    paid = {reason for reason in opened["conversations"]["reason"] if "did not decide" in reason}
    assert not paid, "an order that comes twice does not stop the settlement of the first"


def test_an_order_that_comes_twice_is_settled_once_and_the_second_is_on_record(days):
    _, _, opened = days
    names = list(opened["settlements"]["settlement"])
    assert len(names) == len(set(names))
    refused = opened["refused_requests"]
    assert {
        reason
        for record, reason in zip(refused["record"], refused["reason"], strict=True)
        if record == "ActivationRequest"
    } == {"it was ordered before"}


def test_the_table_of_attacks_is_what_the_catalogue_of_tables_says(days):
    for tables in days[1:]:
        conform(tables)


@pytest.mark.parametrize("by", [0.0, 3.0])
def test_whatever_is_altered_stops_no_run(small, by):
    """Without authentication every number of the messages that set something in motion is nought, or three times what it was."""
    from environment.messages import records
    from environment.messages.base import fields

    said = {
        "ActivationSignal": "fsp-sol", "ActivationRequest": "dso-1", "BaselineDeclaration": "fsp-sol", "Bid": "fsp-sol",
        "SessionRequest": "dso-1", "EngagementRequest": "dso-1", "Invoice": "gdbn-1", "HomePlanReport": "home-0001",
    }  # fmt: skip
    faults = [
        {
            "alter": name,
            "field": field.name,
            "by": by,
            "as": sender,
            "from": "day 0 12:05",
            "to": "day 2 11:00",
            "every_s": 3600,
        }
        for name, sender in said.items()
        for field in fields(records()[name])
        if field.kind in ("float", "int", "profile")
    ]
    site = small.site(
        small.scenario(
            clock__history_days=1, grid__transformer_rating_factor=0.25, people__0__served_by={"fsp-sol": 1.0},
            faults=faults, platforms__authenticate=False,
        )
    )  # fmt: skip
    tables = small.tables(site, small.live(site))
    conform(tables)
    outcomes = set(tables["attacks"]["outcome"])
    assert "accepted" in outcomes
    assert "refused" not in outcomes
