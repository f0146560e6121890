"""Whatever record of the catalogue is made up, repeated or altered: with authentication each is refused for its own reason, without it is believed.

One small day, in which an attacker tries all records every six hours: under the name of somebody who may send them, and under its own.
"""

from dataclasses import replace

import numpy as np
import pytest

from environment.messages import records
from environment.messages.base import fields
from experiments.covers import covers
from experiments.results.schema import conform
from experiments.usecases import permissions_of_records

WHEN = {"from": "day 0 13:45", "to": "day 2 11:50", "every_s": 21_600}
FALSE_BILL = {
    "forge": "Invoice", "as": "gdbn-1", "target": "dso-1", "at": "day 2 11:00",
    "fields": {"invoice": "invoice/false", "debtor": "dso-1", "creditor": "attacker-1", "eur": 1000},
}  # fmt: skip
COMMON = {"clock__history_days": 1, "grid__transformer_rating_factor": 0.25, "people__0__served_by": {"fsp-sol": 1.0}}


def may_send(directory):
    """Record -> a party that may send it by the catalogue."""
    found = {}
    for record, actors in permissions_of_records().items():
        parties = [one.name.partition("/")[0] for one in directory.addresses if actors & set(one.actors)]
        if parties:
            found[record] = parties[0]
    return found


def number_of(record):
    """The first field with a number in it, or none."""
    return next((one.name for one in fields(record) if one.kind in ("float", "profile")), None)


def tried(senders):
    """Everything that can be tried."""
    found = [FALSE_BILL]
    for name, sender in senders.items():
        found += [{"forge": name, "as": one} | WHEN for one in (sender, "attacker-1")]
        found.append({"replay": name, "as": sender} | WHEN)
        number = number_of(records()[name])
        if number:
            found.append({"alter": name, "field": number, "by": 3, "as": sender} | WHEN)
    return found


@pytest.fixture(scope="module")
def days(small):
    """(attacked, open): tables with and without authentication."""
    begun = small.site(small.scenario(**COMMON))
    senders = may_send(small.live(replace(begun.twin(), scenario=begun.scenario), 0).directory)
    found = []
    for authenticate in (True, False):
        scenario = small.scenario(**COMMON, faults=tried(senders), platforms__authenticate=authenticate)
        site = replace(begun.twin(), scenario=scenario)
        found.append(small.tables(site, small.live(site)))
    return found


def outcomes(tables):
    """(kind, record, claimed party) -> {(outcome, reason)} of what was put on the wire."""
    attacks, found = tables["attacks"], {}
    columns = (attacks[name] for name in ("kind", "record", "claimed", "outcome", "reason"))
    for kind, record, claimed, outcome, reason in zip(*columns, strict=True):
        if outcome != "not tried":
            found.setdefault((kind, record, str(claimed).partition("/")[0]), set()).add((outcome, reason))
    return found


def paid_to_attacker(tables):
    ledger = tables["ledger"]
    return sum(eur for eur, creditor in zip(ledger["eur"], ledger["creditor"], strict=True) if creditor == "attacker-1")


@covers("SUC06.2/SEC-1", "SUC06.3/SEC-1", "SUC05.1/SEC-1")
def test_every_record_that_is_made_up_is_refused_for_its_own_reason(days):
    made_up = {key: what for key, what in outcomes(days[0]).items() if key[0] == "forge"}
    assert len({record for _, record, _ in made_up}) >= 25
    for (_, record, claimed), found in made_up.items():
        own = claimed == "attacker-1"
        assert found == {("refused", f"role: {record} may not come from this sender" if own else "signature")}, record


@covers("SUC06.2/SEC-1", "SUC06.3/SEC-1", "SUC05.1/SEC-1")
def test_every_record_that_is_repeated_or_altered_is_refused_for_its_own_reason(days):
    repeated = {key: what for key, what in outcomes(days[0]).items() if key[0] != "forge"}
    assert len({record for _, record, _ in repeated}) >= 10
    again, changed = ("refused", "already submitted"), ("refused", "altered: the signature is that of other content")
    for (kind, record, _), found in repeated.items():
        assert found <= ({again} if kind == "replay" else {changed, again}), record  # three times nought is what it was
    assert sum(changed in found for found in repeated.values()) >= 10


def test_without_authentication_all_is_believed_and_stops_no_run(days):
    found = outcomes(days[1])
    assert {outcome for what in found.values() for outcome, _ in what} == {"accepted"}
    assert len({record for _, record, _ in found}) >= 25
    conform(days[1])


def test_a_false_bill_is_paid_where_nobody_checks(days):
    attacked, opened = days
    assert paid_to_attacker(attacked) == 0.0
    assert paid_to_attacker(opened) == 1000.0


def test_a_message_that_imitates_another_says_what_it_was_told_to(days):
    _, opened = days
    bills = opened["content/Invoice"]
    (row,) = np.flatnonzero(np.asarray(bills["invoice"]) == "invoice/false")
    assert (bills["debtor"][row], bills["creditor"][row], bills["eur"][row]) == ("dso-1", "attacker-1", 1000.0)
