"""Laws of the kernel as a whole, on a small world of all its verbs: what a party can reach, and what others change for it."""

import types
from collections import deque
from functools import partial

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.bus import Bus
from environment.calendar import Timeline
from environment.channels import Channel, Delay
from environment.instruments import MeterStore
from environment.journal import Journal, Traffic
from environment.life import Life
from environment.messages.activation import SignalReceipt
from environment.messages.procurement import AvailabilityRequest
from environment.party import Party, handles
from environment.world import World
from tests.environment.kernel_cases import Scripted, Stage, question, receipt, reply

NOISY = Channel(delay=Delay("lognormal", 1.0, 30.0), loss_share=0.25, duplication_share=0.2)


# --- law 6: what a party can reach -------------------------------------------------------------------------------------------


class Meters:
    """Physics with a truth behind the meters."""

    step_ms = 60_000
    snapshot_ms = 20_000

    def __init__(self):
        self.truth = np.arange(10.0)
        self.meters = MeterStore(["m1", "m2"], Timeline(0, 60_000, 100))

    def close_step(self, now_ms):
        self.meters.record(now_ms // 60_000 - 1, self.truth[:2])

    def snapshot(self, now_ms):
        self.truth += 1.0


class Busy(Scripted):
    """Uses every verb and request, and is in the middle of all of them when it is looked at."""

    stored = (SignalReceipt,)

    def __init__(self, seat, others, meters):
        super().__init__(seat)
        self.others, self.meters = others, meters

    def processes(self):
        return [self.life(), self.waiting()]

    def life(self):
        name = self.open("SUC06.1", "2", "subject")
        sent = self.send(receipt(), [*self.others, "nobody"], name)
        yield self.confirm(sent)
        children = [self.start(self.asking(other, name)) for other in self.others]
        yield self.join(children)

    def asking(self, other, name):
        answers = yield self.ask(question(), [other] * 3, name, timeout_s=5000.0)
        self.note(answers.status)

    def waiting(self):
        while True:
            batch = yield self.receive(AvailabilityRequest, "never", 4000_000)
            self.note(batch)

    @handles(AvailabilityRequest)
    def reply(self, batch):
        yield self.sleep(200.0)
        self.answer(batch, reply())


def busy_stage():
    physics = Meters()
    stage = Stage("a", "b", "c", physics=physics)
    parties = {}
    for name in "abc":
        others = [other for other in "abc" if other != name]
        parties[name] = Busy(stage.world.seat(name), others, physics.meters.share(["m1"]))
        stage.world.add(parties[name], [lambda: None])
    return stage, physics, parties


def parts_of(thing):
    """What can be reached from a thing in one step: attributes, slots, items, closures, defaults, suspended frames."""
    match thing:
        case types.GeneratorType():
            frame = [] if thing.gi_frame is None else list(thing.gi_frame.f_locals.values())
            return [*frame, thing.gi_yieldfrom]
        case types.FunctionType():
            closure = [cell.cell_contents for cell in thing.__closure__ or ()]
            return [*closure, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values(), thing.__dict__]
        case types.MethodType():
            return [thing.__self__, thing.__func__]
        case partial():
            return [thing.func, thing.args, thing.keywords]
        case dict():
            return [*thing.keys(), *thing.values()]
        case list() | tuple() | set() | frozenset() | deque():
            return list(thing)
        case np.ndarray():
            return [thing.base, *(thing.ravel().tolist() if thing.dtype == object else [])]
        case type() | types.ModuleType():
            return []
    slots = [name for kind in type(thing).__mro__ for name in _names(getattr(kind, "__slots__", ()))]
    return [*getattr(thing, "__dict__", {}).values(), *(getattr(thing, name, None) for name in slots)]


def _names(slots):
    return (slots,) if isinstance(slots, str) else tuple(slots)


def reached(start):
    """Everything within reach of a thing."""
    seen, todo = {}, [start]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, str | int | float | bool | np.generic | type(None)):
            continue
        seen[id(thing)] = thing
        todo.extend(parts_of(thing))
    return list(seen.values())


@pytest.mark.parametrize("until_s", [0.0, 1.5, 3.0, 150.0, 250.0])
def test_no_party_reaches_the_world_the_bus_the_journal_the_physics_or_another_party(until_s):
    stage, physics, parties = busy_stage()
    stage.run(until_s)
    forbidden = (World, Bus, Journal, Traffic, simpy.Environment, simpy.Event, Meters)
    for name, party in parties.items():
        things = reached(party)
        assert any(thing is party.meters for thing in things)
        strays = [type(thing).__name__ for thing in things if isinstance(thing, forbidden)]
        assert not strays, (name, strays)
        assert [thing.name for thing in things if isinstance(thing, Party)] == [name]
        assert not any(thing is physics.meters or thing is physics.truth for thing in things)


def test_no_conversation_under_way_reaches_them_either(monkeypatch):
    """The suspended generators are held by the world; what they hold is the party's own."""
    stage, _, parties = busy_stage()
    held = []
    drive = Life.drive
    monkeypatch.setattr(Life, "drive", lambda life, process: held.append((life.party, process)) or drive(life, process))
    stage.run(150.0)
    running = [(party, process) for party, process in held if process.gi_frame is not None]
    assert len(running) > 3 * len(parties)  # lives, questions and answers are all under way
    forbidden = (World, Bus, Journal, Traffic, simpy.Environment, simpy.Event, Meters)
    for party, process in running:
        things = reached(process)
        assert not [thing for thing in things if isinstance(thing, forbidden)]
        assert [thing for thing in things if isinstance(thing, Party)] == [party]


def test_the_walk_would_find_a_way_through_anything():
    """The walk itself: a world behind each kind of container is found."""
    stage, _, parties = busy_stage()
    world = stage.world

    def suspended():
        hidden = world
        yield hidden

    generator = suspended()
    next(generator)
    ways = [
        [world], {1: world}, {"k": (world,)}, deque([world]), partial(print, world), lambda: world, world.add, generator,
        np.array([world, None], object),
    ]  # fmt: skip
    for way in ways:
        parties["a"].notes = [way]
        assert any(thing is world for thing in reached(parties["a"])), way


# --- law 4 and 11: what others change --------------------------------------------------------------------------------------------


class Echo(Scripted):
    """Answers receipts with a receipt, row by row, until a message has gone to and fro three times."""

    @handles(SignalReceipt)
    def echo(self, batch):
        columns = {name: column.copy() for name, column in batch.columns.items()}
        columns["expected_kw"] += 1.0
        rows = columns["expected_kw"] < 4.0
        if rows.any():
            columns = {name: column[rows] for name, column in columns.items()}
            self.send_batch(SignalReceipt, columns, batch.receiver[rows], batch.sender[rows], batch.conversation)


def echoes(cuts, rows, extra=()):
    """Rows (receiver, text) sent by one party in the given parts; everybody echoes. The journal's rows by message."""
    stage = Stage("a", "b", "c", "sender", *extra, default=NOISY)

    def life(self):
        yield self.until(1000)
        for part in np.split(np.arange(len(rows)), cuts):
            if len(part):
                self.send([receipt(rows[row][1], 0.0) for row in part], [rows[row][0] for row in part], "k")

    def noise(self):
        yield self.until(1000)
        self.send(receipt("noise"), ["a", "b", "sender"], "other")

    for name in "abc":
        stage.add(name, kind=Echo)
    stage.add("sender", life, kind=Echo)
    for name in extra:
        stage.add(name, noise)
    stage.run(2000.0)
    table = stage.table()
    keep = table["conversation"] == "k"
    order = np.argsort(table["message_id"][keep])
    return {name: column[keep][order].tolist() for name, column in table.items() if name != "row"}


PLAN = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=8)


@settings(max_examples=6, deadline=None)
@given(rows=PLAN, cuts=st.lists(st.integers(0, 8), max_size=4).map(sorted))
def test_a_batch_and_its_parts_live_the_same_life(rows, cuts):
    """Loss, delay, duplication, handlers, answers: any cutting of a batch leaves the same rows in the journal."""
    whole = echoes([], rows)
    assert len(whole["status"]) >= len(rows)
    assert echoes(cuts, rows) == whole


@settings(max_examples=4, deadline=None)
@given(rows=PLAN, extra=st.sets(st.sampled_from(["0", "aa", "zz"]), min_size=1))
def test_more_parties_change_nothing_for_the_others(rows, extra):
    assert echoes([], rows, sorted(extra)) == echoes([], rows)
