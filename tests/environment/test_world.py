"""Time: who acts when within an instant, and who is woken by what."""

import gc
import weakref

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.channels import Channel, Delay
from environment.life import WorldError
from environment.messages.activation import SignalReceipt
from environment.messages.base import columns_of
from environment.messages.settlement import MeterData
from environment.party import Work, act, handles
from tests.environment.kernel_cases import (
    Counter,
    Scripted,
    Stage,
    Ticking,
    receipt,
    sending,
)

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


def test_a_world_that_nobody_holds_is_gone_with_all_it_held():
    """Mesa counts actors by world in a table of its own, which would keep every world that a worker ever lived."""
    stage = Stage("a", "b")
    stage.add("a", lambda self: (yield self.until(1000)))
    stage.add("b")
    stage.run(1.0)
    assert [actor.unique_id for actor in stage.world.agents] == [1, 2]
    world = weakref.ref(stage.world)
    del stage
    gc.collect()
    assert world() is None


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
