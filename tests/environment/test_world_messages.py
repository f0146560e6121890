"""What reaches a party, and what its sender learns of it: receive, confirm, refusals, stored post."""

import numpy as np
import pytest

from environment.channels import Channel, Delay, DroppedAcknowledgements, Outage
from environment.messages.activation import SignalReceipt
from environment.messages.base import columns_of
from environment.wire import sign
from tests.environment.kernel_cases import (
    EVER,
    Counter,
    Scripted,
    Stage,
    Ticking,
    receipt,
    sending,
)

# --- receive --------------------------------------------------------------------------------------------------------------------


def gate(at_s, conversation=None, record=SignalReceipt):
    def life(self):
        batch = yield self.receive(record, conversation, round(at_s * 1000))
        self.note(None if batch is None else batch["activation"].tolist())

    return life


@pytest.mark.parametrize(
    ("sent_s", "expected"), [(8.999, (9999, ["a"])), (9.0, (10_000, ["a"])), (9.001, (10_000, None))]
)
def test_what_is_received_exactly_at_the_gate_counts(sent_s, expected):
    stage = Stage("a", "hub")
    hub = stage.add("hub", gate(10.0))
    stage.add("a", sending("hub", sent_s))
    stage.run(20.0)
    assert hub.notes == [expected]


def test_a_gate_compares_the_time_of_receipt_even_when_it_is_read_later():
    """The mailbox was not read until after the gate: what came in time counts, what came later does not."""

    def life(self):
        yield self.until(15_000)
        for _ in range(2):
            batch = yield self.receive(SignalReceipt, None, 10_000)
            self.note(None if batch is None else batch["activation"].tolist())
        batch = yield self.receive(SignalReceipt)
        self.note(batch["activation"].tolist())

    stage = Stage("a", "hub")
    hub = stage.add("hub", life)
    stage.add("a", sending("hub", 9.0, "in time"), sending("hub", 9.001, "late"))
    stage.run(20.0)
    assert hub.notes == [(15_000, ["in time"]), (15_000, None), (15_000, ["late"])]


def test_receive_waits_for_its_conversation_and_leaves_the_others_in_the_mail():
    def life(self):
        for conversation in ("y", "x", None):
            batch = yield self.receive(SignalReceipt, conversation, 30_000)
            self.note(batch.conversation, batch["activation"].tolist())

    stage = Stage("a", "hub")
    hub = stage.add("hub", life)
    stage.add(
        "a",
        sending("hub", 1.0, "1", conversation="x"),
        sending("hub", 2.0, "2", conversation="z"),
        sending("hub", 3.0, "3", conversation="y"),
    )
    stage.run(40.0)
    assert hub.notes == [(4000, "y", ["3"]), (4000, "x", ["1"]), (4000, "z", ["2"])]


def test_who_waited_first_receives_first_and_mail_is_read_in_order_of_arrival():
    def waiting(name, conversation, after_s=0.0):
        def life(self):
            yield self.sleep(after_s)
            batch = yield self.receive(SignalReceipt, conversation)
            self.note(name, batch["activation"].tolist())

        return life

    stage = Stage("a", "hub")
    hub = stage.add(
        "hub", waiting("any", None), waiting("x", "x", 0.1), waiting("late", "x", 9.0), waiting("last", None, 9.5)
    )
    stage.add(
        "a", *(sending("hub", at, text, conversation="x") for at, text in ((1, "1"), (2, "2"), (3, "3"), (4, "4")))
    )
    stage.run(40.0)
    assert hub.notes == [(2000, "any", ["1"]), (3000, "x", ["2"]), (9000, "late", ["3"]), (9500, "last", ["4"])]


# --- confirm ----------------------------------------------------------------------------------------------------------------------------


def confirming(to, *texts):
    def life(self):
        sent = self.send([receipt(text) for text in texts] if texts else receipt(), to, "c")
        for _ in range(2):
            outcome = yield self.confirm(sent)
            self.note(outcome.status, outcome.acknowledged)

    return life


def test_confirm_waits_for_the_last_acknowledgement_and_may_be_asked_again():
    stage = Stage("a", "a/x", "b")
    party = stage.add("a", confirming(["a/x", "b"]))
    stage.run(10.0)
    assert party.notes == [(2000, ("acknowledged",) * 2, True)] * 2


def test_when_every_acknowledgement_is_dropped_the_timeout_comes_after_60_s_and_the_receiver_acted_once():
    there = np.array([name == "b" for name in ("a", "b")])
    stage = Stage("a", "b", disturbances=(DroppedAcknowledgements(there, 0, EVER),))
    party, other = stage.add("a", confirming("b")), stage.add("b", kind=Counter)
    stage.run()
    assert other.notes == [(1000, "a", "a")]
    assert party.notes[0][0] == 120_000 + 60_000
    assert party.notes[0][2] is False
    assert stage.table()["attempts"].tolist() == [3]
    assert stage.table()["duplicates"].tolist() == [2]


def test_a_sender_cannot_tell_what_was_lost_on_the_way_from_what_was_lost_on_the_way_back():
    there = np.array([name == "b" for name in ("a", "b")])
    notes = []
    for disturbance in (DroppedAcknowledgements(there, 0, EVER), Outage(there, 0, EVER)):
        stage = Stage("a", "b", disturbances=(disturbance,))
        notes.append(stage.add("a", confirming("b")).notes)
        stage.run()
    assert notes[0] == notes[1]
    assert notes[0][0] == (180_000, ("lost",), False)


def test_nothing_sent_is_confirmed_and_answered_at_once():
    def life(self):
        empty = self.send([], [], "c")
        outcome = yield self.confirm(empty)
        self.note(outcome.status)
        answers = yield self.ask([], [], "c")
        self.note(answers.status, answers.complete)

    stage = Stage("a")
    party = stage.add("a", life)
    stage.run(100.0)
    assert party.notes == [(0, ()), (0, [], True)]


# --- refusals ------------------------------------------------------------------------------------------------------------------------------


class Told(Scripted):
    def on_refusal(self, batch, reasons):
        self.note(batch["activation"].tolist(), reasons)


def test_an_unknown_address_is_refused_journalled_and_told_to_the_sender_next():
    stage = Stage("a", "b")
    party = stage.add("a", lambda self: (yield self.until(5000)) or self.send(receipt(), ["b", "c"], "k"), kind=Told)
    stage.run(100.0)
    assert party.notes == [(5001, ["a"], ["unknown address 'c'"])]
    assert stage.table()["status"].tolist() == ["acknowledged", "refused"]
    assert stage.table()["receiver"].tolist() == ["b", "c"]


def test_a_refusal_is_told_when_the_answer_of_the_door_is_back():
    stage = Stage("a", "b", actors={"a": ("dso",)}, permissions={"SignalReceipt": frozenset({"fsp"})})
    party, other = stage.add("a", sending("b", 5.0), kind=Told), stage.add("b", kind=Counter)
    stage.run(100.0)
    assert party.notes == [(7000, ["a"], ["role: SignalReceipt may not come from this sender"])]
    assert other.notes == []


def test_refusals_of_a_batch_are_told_as_those_of_its_messages():
    """Each when its own refusal is known, however the messages were put together."""
    names = [f"b{number}" for number in range(5)]
    notes = []
    for together in (True, False):
        stage = Stage(
            "a", *names, permissions={"SignalReceipt": frozenset()}, default=Channel(delay=Delay("uniform", 1.0, 9.0))
        )

        def life(self, together=together):
            for part in [names] if together else [[name] for name in names]:
                self.send([receipt(name) for name in part], part, "k")
            yield self.sleep(0.0)

        party = stage.add("a", life, kind=Told)
        notes.append(party.notes)
        stage.run(100.0)
    assert notes[0] == notes[1]
    assert len(notes[0]) == 5


def test_a_forger_is_refused_and_the_true_party_is_not_troubled():
    def forge(self):
        columns = columns_of([receipt("forged")])
        self.send_batch(SignalReceipt, columns, self.numbers(["a"]), self.numbers(["b"]), "k")
        yield self.sleep(0.0)

    for authenticate in (True, False):
        stage = Stage("a", "b", "evil", authenticate=authenticate)
        victim, evil, truth = (
            stage.add("b", kind=Counter),
            stage.add("evil", forge, kind=Told),
            stage.add("a", kind=Told),
        )
        stage.run(100.0)
        assert victim.notes == ([] if authenticate else [(1000, "a", "forged")])
        assert evil.notes == ([(2000, ["forged"], ["signature"])] if authenticate else [])
        assert truth.notes == []
        assert stage.table()["status"].tolist() == ["refused" if authenticate else "acknowledged"]


def test_a_replayed_message_changes_its_receiver_once():
    stage = Stage("a", "b")
    hub = stage.add("b", kind=Counter)
    stage.add("a", sending("b", 1.0))
    stage.world.observe(lambda now_ms: None)

    class Attack(Ticking):
        step_ms = 5000
        snapshot_ms = 10**9

        def close_step(self, now_ms):
            original = stage.journal.traffic[0]
            batch = original.batch.take(np.arange(1))
            ring = stage.bus.key_ring(0)
            stage.world.post.carry(
                stage.bus.inject(batch, sign(ring.of(batch.sender), original.digest, batch.ids), now_ms)
            )

    stage.world.physics = Attack([])
    stage.run(12.0)
    assert hub.notes == [(2000, "a", "a")]
    assert stage.table()["status"].tolist() == ["acknowledged", "refused", "refused"]
    assert set(stage.table()["reason"].tolist()) == {"", "already submitted"}


# --- stored post ---------------------------------------------------------------------------------------------------------------------------------


class Reader(Scripted):
    stored = (SignalReceipt,)


def test_stored_post_wakes_nobody_and_is_there_from_its_instant_on():
    def life(self):
        for at_ms in (999, 1000, 1001, 3999, 4000, 5000):
            yield self.until(at_ms)
            rows = [text for batch in self.stored_rows(SignalReceipt) for text in batch["activation"].tolist()]
            self.note(rows)

    stage = Stage("a", "hub")
    hub = stage.add("hub", life, kind=Reader)
    stage.add("a", sending("hub", 0.0, "first"), sending("hub", 3.0, "second", "third"))
    stage.run(10.0)
    assert hub.notes == [
        (999, []), (1000, ["first"]), (1001, []), (3999, []), (4000, ["second", "third"]), (5000, []),
    ]  # fmt: skip


def test_stored_post_of_one_batch_becomes_visible_row_by_row():
    stage = Stage("hub", *"abcdef", default=Channel(delay=Delay("uniform", 1.0, 60.0)))
    seen = []

    def life(self):
        while True:
            yield self.sleep(1.0)
            for batch in self.stored_rows(SignalReceipt):
                seen.extend((self.now_ms, int(at)) for at in batch.received_ms)

    def send(self):
        yield self.sleep(0.0)
        self.send(receipt(), "hub", "k")

    stage.add("hub", life, kind=Reader)
    for name in "abcdef":
        stage.add(name, send)
    stage.run(100.0)
    assert len(seen) == 6
    assert all(now - 1000 < at <= now for now, at in seen)
