"""Time: who acts when within an instant, and who is woken by what."""

from time import process_time

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.channels import Channel, Delay, DroppedAcknowledgements, Outage
from environment.messages.activation import SignalReceipt
from environment.messages.base import Batch, columns_of
from environment.messages.procurement import AvailabilityRequest, BidReceipt
from environment.messages.settlement import MeterData
from environment.party import Party, Work, act, handles
from environment.wire import sign
from environment.world import World, WorldError
from tests.environment.kernel_cases import (
    SECOND,
    Answering,
    Counter,
    Scripted,
    Stage,
    batch_of,
    bus_of,
    directory,
    question,
    receipt,
    reply,
)

EVER = 10**15


class Ticking:
    """Physics that writes down when it was called."""

    step_ms = 900_000
    snapshot_ms = 300_000

    def __init__(self, log):
        self.log = log

    def close_step(self, now_ms):
        self.log.append((now_ms, "step"))

    def snapshot(self, now_ms):
        self.log.append((now_ms, "snapshot"))


def sending(to, at_s=0.0, *texts, conversation="c"):
    """A life that sends receipts at a time."""

    def life(self):
        yield self.until(round(at_s * 1000))
        for text in texts or ("a",):
            self.send(receipt(text), to, conversation)

    return life


# --- order within an instant ------------------------------------------------------------------------------------------------


def test_physics_comes_before_arrivals_before_agents_before_observers():
    log = []

    class Watcher(Scripted):
        @handles(SignalReceipt)
        def take(self, batch):
            log.append((self.now_ms, "arrival"))

    def early(self):  # falls asleep at 0: its timer is the first that is set for 900 s
        yield self.sleep(900.0)
        log.append((self.now_ms, "agent"))

    stage = Stage("a", "b", physics=Ticking(log))
    stage.add("b", early, kind=Watcher)
    stage.add("a", sending("b", 899.0))
    stage.world.observe(lambda now_ms: log.append((now_ms, "observer")))
    stage.run(900.0)
    at = [what for now_ms, what in log if now_ms == 900_000]
    assert at == ["step", "snapshot", "arrival", "agent", "observer"]
    assert [now for now, what in log if what == "snapshot"] == [0, 300_000, 600_000, 900_000]


def test_plain_simpy_would_let_the_sleeper_act_before_the_physics_of_its_instant():
    """The reason for ranks: SimPy orders equal times by the order in which the timeouts were made."""
    env, log = simpy.Environment(), []

    def agent():
        yield env.timeout(900)
        log.append("agent")

    def physics():
        while True:
            yield env.timeout(300)
            log.append(f"physics {env.now}")

    env.process(agent())
    env.process(physics())
    env.run(901)
    assert log == ["physics 300", "physics 600", "agent", "physics 900"]


@settings(max_examples=12, deadline=None)
@given(st.permutations(["a", "b", "c", "d"]), st.permutations([0, 1, 2, 3]))
def test_within_a_rank_the_order_is_by_name_and_never_by_insertion(order, sleeps):
    """Whoever entered the world first, or fell asleep first, agents and arrivals of one instant come by name."""
    log = []
    stage = Stage(*"abcd", "z")

    class Watcher(Scripted):
        @handles(SignalReceipt)
        def take(self, batch):
            log.append(("arrival", self.name))

    def life_after(nap):
        def life(self):
            yield self.sleep(nap)
            yield self.until(10_000)
            log.append(("agent", self.name))

        return life

    for name in order:
        stage.add(name, life_after(sleeps["abcd".index(name)]), kind=Watcher)
    stage.add("z", *(sending(name, 9.0) for name in order))
    stage.run(20.0)
    assert log == [(kind, name) for kind in ("arrival", "agent") for name in "abcd"]


def test_arrivals_of_one_instant_are_given_by_sender_and_in_the_senders_own_order():
    """Equal delay, three senders that send in different orders: receiver, sender, sender's sequence."""
    stage = Stage("a", "b", "c", "hub")
    hub = stage.add("hub", kind=Counter)
    texts = {"c": "321", "a": "132", "b": "213"}
    for name, order in texts.items():
        stage.add(name, sending("hub", 0.0, *order))
    stage.run(5.0)
    assert hub.notes == [(1000, name, text) for name in "abc" for text in texts[name]]


def test_a_batch_and_its_parts_are_the_same_delivery():
    """However the messages of one instant were put together, the receiver gets the same rows in the same order."""
    names = [f"h{number}" for number in range(6)]
    groups = {
        "whole": [[0, 1, 2, 3, 4, 5]],
        "parts": [[4, 1], [5], [0, 3, 2]],
        "single": [[row] for row in (5, 3, 1, 0, 2, 4)],
    }
    seen = {}
    for how, parts in groups.items():
        stage = Stage("homes", "hub", *(f"homes/{name}" for name in names))
        hub = stage.add("hub", kind=Batches)

        def life(self, parts=parts):
            for part in parts:
                columns = columns_of([receipt(names[row]) for row in part])
                sender = self.numbers([f"homes/{names[row]}" for row in part])
                self.send_batch(SignalReceipt, columns, sender, self.numbers(["hub"]), "c")
            yield self.sleep(1.0)

        stage.add("homes", life)
        seen[how] = hub.notes
        stage.run(5.0)
    assert seen["whole"] == [(1000, [(f"homes/{name}", name) for name in names])]
    assert seen["parts"] == seen["single"] == seen["whole"]


class Batches(Scripted):
    """Notes the rows of each batch that it is given."""

    @handles(SignalReceipt)
    def take(self, batch):
        senders = [self.directory.names[number] for number in batch.sender]
        self.note(list(zip(senders, batch["activation"].tolist(), strict=True)))
        assert (batch.received_ms == self.now_ms).all()


def test_what_belongs_to_different_conversations_or_cannot_be_one_table_stays_apart():
    stage = Stage("a", "b", "hub")
    notes = []

    class Hub(Scripted):
        @handles(MeterData)
        def take(self, batch):
            notes.append((batch.conversation, len(batch), batch["metered_kw"].shape))

    def life(self):
        def data(n):
            return MeterData(meters=("m",), from_ms=0, step_s=900.0, metered_kw=np.ones(n), missing=0)

        self.send(data(3), "hub", "x")
        self.send(data(3), "hub", "y")
        self.send(data(3), "hub", "x")
        self.send(data(5), "hub", "x")
        yield self.sleep(0.0)

    stage.add("hub", kind=Hub)
    stage.add("a", life)
    stage.run(5.0)
    assert sorted(notes) == [("x", 1, (1, 5)), ("x", 2, (2, 3)), ("y", 1, (1, 3))]


def test_nothing_that_is_sent_at_an_instant_arrives_at_it():
    stage = Stage("a", "b", "a/x", default=Channel(delay=Delay("constant", 0.0)))
    party = stage.add("a", sending(["b", "a/x", "a"]), kind=Counter)
    other = stage.add("b", kind=Counter)
    stage.run(1.0)
    assert [note[0] for note in party.notes + other.notes] == [1, 1, 1]
    table = stage.table()
    assert (table["delivered_ms"] > table["sent_ms"]).all()


def test_the_end_of_the_world_is_part_of_it():
    stage = Stage("a")
    party = stage.add("a", lambda self: (yield self.until(5000)) or self.note("at the end"))
    stage.run(5.0)
    assert party.notes == [(5000, "at the end")]
    assert stage.world.clock.now_ms == 5000


def test_the_census_knows_every_party():
    stage = Stage("a", "b")
    stage.add("b")
    stage.add("a", kind=Counter)
    assert sorted((actor.party.name, actor.role) for actor in stage.world.agents) == [
        ("a", "Counter"),
        ("b", "Scripted"),
    ]


# --- timers ------------------------------------------------------------------------------------------------------------------


def test_sleep_until_and_start():
    def child(self, name):
        self.note(name, "begins")
        yield self.sleep(1.5)
        self.note(name, "ends")
        return name

    def life(self):
        yield self.sleep(2.0)
        self.start(child(self, "x"))
        self.note("goes on")
        yield self.until(1000)  # past: at once
        self.note("still")
        yield self.until(6000)
        self.note("later")

    stage = Stage("a")
    party = stage.add("a", life)
    stage.run(10.0)
    assert [note for note in party.notes if len(note) == 2] == [(2000, "goes on"), (2000, "still"), (6000, "later")]
    assert [note for note in party.notes if len(note) == 3] == [(2000, "x", "begins"), (3500, "x", "ends")]


def test_join_waits_for_all_and_gives_their_results_in_the_order_asked():
    def child(self, duration):
        yield self.sleep(duration)
        return duration

    def life(self):
        children = [self.start(child(self, duration)) for duration in (3.0, 1.0, 2.0)]
        yield self.sleep(1.5)  # one has ended by now
        self.note((yield self.join(children)))
        self.note((yield self.join(children)))  # all have
        self.note((yield self.join([])))

    stage = Stage("a")
    party = stage.add("a", life)
    stage.run(10.0)
    assert party.notes == [(3000, [3.0, 1.0, 2.0]), (3000, [3.0, 1.0, 2.0]), (3000, [])]


def test_joined_parties_go_on_by_name():
    def child(self):
        yield self.sleep(1.0)

    def life(self):
        yield self.join([self.start(child(self))])
        log.append(self.name)

    log = []
    stage = Stage(*"abc")
    for name in "cab":
        stage.add(name, life)
    stage.run(10.0)
    assert log == ["a", "b", "c"]


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
            stage.world.carry(stage.bus.inject(batch, sign(ring.of(batch.sender), original.digest, batch.ids), now_ms))

    stage.world.physics = Attack([])
    stage.run(12.0)
    assert hub.notes == [(2000, "a", "a")]
    assert stage.table()["status"].tolist() == ["acknowledged", "refused", "refused"]
    assert set(stage.table()["reason"].tolist()) == {"", "already submitted"}


# --- ask and answer ----------------------------------------------------------------------------------------------------------------------------


def asking(to, timeout_s=60.0, n=None):
    def life(self):
        answers = yield self.ask([question(row) for row in range(n or len(to))], to, "k", timeout_s=timeout_s)
        self.answers = answers
        self.note(list(answers.status), sorted(record.bid for record in answers.records()), answers.complete)

    return life


def answering_after(seconds):
    class Slow(Scripted):
        @handles(AvailabilityRequest)
        def reply(self, batch):
            yield self.sleep(seconds)
            self.answer(batch, reply(self.name))

    return Slow


def test_ask_gives_an_answer_to_every_question():
    stage = Stage("a", "b", "c")
    party = stage.add("a", asking(["b", "c", "b"]))
    for name in "bc":
        stage.add(name, kind=Answering)
    stage.run(100.0)
    assert party.notes == [(2000, ["answered"] * 3, ["0", "1", "2"], True)]


def test_answers_are_answered_late_lost_or_refused():
    """b answers in time, c exactly at the deadline, d a millisecond later, e never, f is nobody."""
    stage = Stage(*"abcde")
    party = stage.add("a", asking(["b", "c", "d", "e", "f"], timeout_s=10.0))
    for name, seconds in (("b", 1.0), ("c", 8.0), ("d", 8.001)):
        stage.add(name, kind=answering_after(seconds))
    stage.add("e")
    stage.run(100.0)
    assert party.notes == [(10_000, ["answered", "answered", "lost", "lost", "refused"], ["b", "c"], False)]
    assert party.answers.status == ["answered", "answered", "late", "lost", "refused"]  # known when it came
    table = stage.table()
    answers = {
        sender: status
        for sender, status, record in zip(table["sender"], table["status"], table["record"], strict=True)
        if record == "BidReceipt"
    }
    assert answers == {"b": "acknowledged", "c": "acknowledged", "d": "late"}
    asked = {
        int(word)
        for word, record in zip(table["message_id"], table["record"], strict=True)
        if record == "AvailabilityRequest"
    }
    assert {
        int(word) for word, record in zip(table["answer_to"], table["record"], strict=True) if record == "BidReceipt"
    } <= asked


def test_a_question_that_nobody_can_answer_is_over_when_that_is_known():
    stage = Stage("a")
    party = stage.add("a", asking(["q", "r"]))
    stage.run(100.0)
    assert party.notes == [(1, ["refused", "refused"], [], False)]


def test_a_second_answer_is_late_and_not_another_answer():
    class Twice(Scripted):
        @handles(AvailabilityRequest)
        def reply(self, batch):
            self.answer(batch, reply("first"))
            self.answer(batch, reply("second"))

    stage = Stage("a", "b")
    party = stage.add("a", asking(["b"]))
    stage.add("b", kind=Twice)
    stage.run(100.0)
    assert party.notes == [(2000, ["answered"], ["first"], True)]
    assert sorted(stage.table()["status"].tolist()) == ["acknowledged", "acknowledged", "late"]


def test_an_answer_by_somebody_who_was_not_asked_is_none():
    """Ids can be guessed (they are made of what everybody knows), so an answer counts only from the address that was asked."""
    stage = Stage("a", "b", "evil")

    def guess(self):
        yield self.sleep(0.1)
        asked = stage.journal.traffic[0].batch
        batch = Batch(
            BidReceipt, self.numbers(["evil"]), self.numbers(["a"]), columns_of([reply("wrong")]), "k", asked.ids.copy()
        )
        self._leave(batch, {})

    party = stage.add("a", asking(["b"]))
    stage.add("b", kind=answering_after(5.0))
    stage.add("evil", guess)
    stage.run(100.0)
    assert party.notes == [(7000, ["answered"], ["b"], True)]


def test_answers_do_not_depend_on_how_the_questions_were_put_together():
    def life(parts):
        def asks(self):
            children = [self.start(one(self, part)) for part in parts]
            for status, records in (yield self.join(children)):
                for place in range(len(status)):
                    self.note(status[place], records[place])

        def one(self, part):
            answers = yield self.ask([question(row) for row in part], ["b"] * len(part), "k", timeout_s=5.0)
            return answers.status, [record.bid for record in answers.records()]

        return asks

    notes = []
    for parts in ([[0, 1, 2, 3]], [[0, 1], [2, 3]], [[0], [1], [2], [3]]):
        stage = Stage("a", "b")
        notes.append(stage.add("a", life(parts)).notes)
        stage.add("b", kind=Answering)
        stage.run(100.0)
    assert notes[0] == notes[1] == notes[2]
    assert len(notes[0]) == 4


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


# --- mistakes surface --------------------------------------------------------------------------------------------------------------------------------


def failing(after_s=1.0):
    def life(self):
        yield self.sleep(after_s)
        text = f"{self.name} broke"
        raise ZeroDivisionError(text)

    return life


def test_an_exception_of_a_life_ends_the_run():
    stage = Stage("a", "b")
    stage.add("a", failing())
    with pytest.raises(ZeroDivisionError, match="a broke"):
        stage.run()


def test_an_exception_of_a_started_process_ends_the_run_whether_or_not_it_is_joined():
    def patient(self):
        yield self.sleep(50.0)

    def life(joins):
        def parent(self):
            children = [self.start(patient(self)), self.start(failing()(self))]
            if joins:
                yield self.join(children)
            yield self.sleep(100.0)

        return parent

    for joins in (True, False):
        stage = Stage("a")
        stage.add("a", life(joins))
        with pytest.raises(ZeroDivisionError, match="a broke"):
            stage.run()


def test_an_exception_of_a_handler_ends_the_run():
    class Broken(Scripted):
        @handles(SignalReceipt)
        def take(self, batch):
            text = "no"
            raise KeyError(text)

    stage = Stage("a", "b")
    stage.add("a", sending("b"))
    stage.add("b", kind=Broken)
    with pytest.raises(KeyError, match="no"):
        stage.run()


def test_a_process_that_yields_something_else_is_told_what_it_may_yield():
    stage = Stage("a")

    def life(self):
        yield 5.0

    stage.add("a", life)
    with pytest.raises(WorldError, match=r"a: a process cannot yield 5\.0; yield sleep, until, receive"):
        stage.run()


# --- conversations and acts -------------------------------------------------------------------------------------------------------------------------------


def test_conversations_and_acts_are_journalled_at_their_instant():
    class Acting(Scripted):
        @act("clear_market")
        def clear(self, conversation):
            return Work(5, conversation, ["bids/1"], ["clearings/1"])

    def life(self):
        yield self.until(1000)
        name = self.open("SUC06.1", "2", "need-1")
        again = self.open("SUC06.1", "2", "need-1")
        self.note(name, again, self.clear(name))
        yield self.sleep(1.0)
        self.end(name)
        self.end(again, "failed", "no bids")
        self.end(again, "completed")  # an end is an end

    stage = Stage("a")
    party = stage.add("a", life, kind=Acting)
    stage.run(10.0)
    name = "SUC06.1/2:a:need-1"
    assert party.notes == [(1000, name, f"{name}#2", 5)]
    table = stage.journal.conversation_table()
    assert table["conversation"] == [name, f"{name}#2"]
    assert table["outcome"] == ["completed", "failed"]
    assert table["reason"] == ["", "no bids"]
    assert (table["opened_ms"], table["ended_ms"]) == ([1000, 1000], [2000, 2000])
    acts = stage.journal.act_table()
    assert (acts["act"].tolist(), acts["t_ms"].tolist(), acts["actor"].tolist()) == (["clear_market"], [1000], ["a"])


def test_writable_instruments_are_emptied_after_every_turn_of_their_party():
    stage, log = Stage("a", "b"), []

    def life(self):
        self.note("one")
        yield self.sleep(1.0)
        self.note("two")

    party = Scripted(stage.world.seat("a"), life)
    stage.world.add(party, [lambda: log.append((stage.world.clock.now_ms, len(party.notes)))])
    stage.run(10.0)
    assert log == [(0, 1), (1000, 2)]


def test_instruments_are_brought_up_to_date_before_every_turn_of_their_party():
    stage, shown, seen = Stage("a", "b"), [0], []

    def life(self):
        seen.append((self.now_ms, shown[0]))
        yield self.sleep(1.0)
        seen.append((self.now_ms, shown[0]))

    party = Scripted(stage.world.seat("a"), life)
    stage.world.add(party, fills=[lambda: shown.__setitem__(0, stage.world.clock.now_ms + 7)])
    stage.run(10.0)
    assert seen == [(0, 7), (1000, 1007)]


# --- many at once ---------------------------------------------------------------------------------------------------------------------------------------------


def cost_s(build, n):
    """CPU time of a run with n of something; growth is compared, not speed."""
    stage = build(n)
    begin = process_time()
    stage.run(100.0)
    return process_time() - begin


def growth(build, few, many):
    return min(cost_s(build, many) for _ in range(1)) / min(cost_s(build, few) for _ in range(2))


def test_twenty_thousand_open_questions_are_answered_one_by_one():
    n = 20_000
    stage = Stage("a", "b", default=Channel(delay=Delay("uniform", 1.0, 1.05)))
    party = stage.add("a", asking(["b"] * n, n=n))
    stage.add("b", kind=Answering)
    stage.run(100.0)
    assert party.notes[0][1] == ["answered"] * n
    assert party.notes[0][2] == sorted(map(str, range(n)))


def test_open_questions_do_not_slow_down():
    """Eight times as many questions open at once, each answered alone at its own instant, cost about eight times as much."""

    def build(n):
        stage = Stage("a", "b", default=Channel(delay=Delay("uniform", 1.0, 20.0)))
        stage.add("a", asking(["b"] * n, n=n))
        stage.add("b", kind=Answering)
        return stage

    assert growth(build, 100, 800) < 20


def test_late_answers_do_not_slow_down():
    def build(n):
        stage = Stage("a", "b", default=Channel(delay=Delay("uniform", 1.0, 20.0)))
        stage.add("a", asking(["b"] * n, n=n, timeout_s=0.5))
        stage.add("b", kind=Answering)
        return stage

    assert growth(build, 100, 800) < 20


def test_processes_that_wait_do_not_slow_each_other_down():
    """A thousand conversations wait for their own message: an arrival looks at the one that waits for it (counted)."""
    n, looks = 300, [0]

    class Looked(str):
        __slots__ = ()

        def __eq__(self, other):
            looks[0] += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    def wait(conversation):
        def life(self):
            batch = yield self.receive(SignalReceipt, Looked(conversation), 90_000)
            self.note(batch.conversation)

        return life

    stage = Stage("a", "b")
    names = [f"conversation-{number}" for number in range(n)]
    hub = stage.add("b", *(wait(name) for name in names))
    stage.add(
        "a", *(sending("b", 1.0 + number / 100, conversation=name) for number, name in reversed(list(enumerate(names))))
    )
    stage.run(100.0)
    assert sorted(note[1] for note in hub.notes) == sorted(names)
    assert looks[0] < 10 * n


# --- the whole: split-invariance on the journal --------------------------------------------------------------------------------------------------------------------


class Home(Party):
    """n homes that answer an offer each, row by row: a population whose handlers are split-invariant."""

    def __init__(self, seat, names, together):
        super().__init__(seat)
        self.homes, self.together = names, together

    def processes(self):
        return [self.life()]

    def life(self):
        yield self.until(1000)
        rows = np.arange(len(self.homes))
        for part in [rows] if self.together else np.split(rows, len(rows)):
            columns = columns_of([receipt(self.homes[row], float(row)) for row in part])
            self.send_batch(
                SignalReceipt, columns, self.numbers([self.homes[row] for row in part]), self.numbers(["hub"]), "k"
            )


class Hub(Party):
    @handles(SignalReceipt)
    def take(self, batch):
        columns = {"from_ms": batch.received_ms, "to_ms": batch.received_ms + 1}
        self.send_batch(AvailabilityRequest, columns, batch.receiver, batch.sender, batch.conversation)


@pytest.mark.parametrize("delay", [Delay("constant", 1.0), Delay("uniform", 1.0, 1.01), Delay("lognormal", 1.0, 70.0)])
def test_one_batch_and_its_parts_leave_the_same_rows_in_the_journal(delay):
    names = [f"homes/{number:02d}" for number in range(40)]
    tables = []
    for together in (True, False):
        there = directory("homes", "hub", *names)
        bus = bus_of(there, default=Channel(delay=delay, loss_share=0.2, duplication_share=0.2))
        world = World(there, bus)
        world.add(Home(world.seat("homes"), names, together))
        world.add(Hub(world.seat("hub")))
        world.run(1_000_000)
        table = bus.journal.messages()
        order = np.argsort(table["message_id"])
        tables.append({name: column[order].tolist() for name, column in table.items() if name != "row"})
    assert tables[0] == tables[1]
    assert len(tables[0]["status"]) > 60


def test_the_same_world_twice_is_the_same_journal_and_an_added_party_changes_no_row():
    def table(*more):
        stage = Stage("a", "b", *more, default=Channel(delay=Delay("lognormal", 1.0, 5.0), loss_share=0.2))
        stage.add("a", asking(["b"] * 5, n=5))
        stage.add("b", kind=Answering)
        for name in more:
            stage.add(name, sending(["b"], 0.0, "x", "y"))
        stage.run(400.0)
        table = stage.table()
        keep = ~np.isin(table["sender"], more)
        return {name: column[keep].tolist() for name, column in table.items() if name != "row"}

    assert table() == table() == table("aa", "0")


def test_batch_of_is_signed_by_its_own_sender():
    bus = bus_of(directory("a", "b"), default=SECOND)
    assert batch_of(bus, [receipt()], ["a"], ["b"]).sender.tolist() == [0]
