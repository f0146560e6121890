"""Questions and their answers, few and many; batches and their parts are the same in the journal."""

from time import process_time

import numpy as np
import pytest

from environment.channels import Channel, Delay
from environment.messages.activation import SignalReceipt
from environment.messages.base import Batch, columns_of
from environment.messages.procurement import AvailabilityRequest, BidReceipt
from environment.party import Party, handles
from environment.world import World
from tests.environment.kernel_cases import (
    SECOND,
    Answering,
    Scripted,
    Stage,
    batch_of,
    bus_of,
    directory,
    question,
    receipt,
    reply,
    sending,
)

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
