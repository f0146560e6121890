"""Records of every class at random, and small worlds to put parties into."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from environment.addresses import Address, Directory
from environment.bus import Bus
from environment.chance import Chance
from environment.channels import Channel, Delay
from environment.messages.activation import SignalReceipt
from environment.messages.base import Batch, Field, Record, columns_of, fields
from environment.messages.procurement import AvailabilityRequest, BidReceipt
from environment.party import Party, Process, Seat, handles
from environment.world import World

STEPS = 3
SECOND = Channel("second", Delay("constant", 1.0))
TEXTS = st.text("abc/ 0\x1f:,", max_size=5)


# --- records ---------------------------------------------------------------------------------------------------------


def _numbers(field: Field) -> st.SearchStrategy[float]:
    low = -1e6 if field.item.ge is None else field.item.ge
    high = 1e6 if field.item.le is None else field.item.le
    return st.floats(low, high, allow_nan=False)


def values(field: Field, steps: int = STEPS) -> st.SearchStrategy[Any]:
    """Values that a field of a record may take."""
    if field.item.one_of:
        return st.sampled_from(field.item.one_of)
    match field.kind:
        case "float":
            return _numbers(field)
        case "int":
            return st.integers(0 if field.item.ge is None else int(field.item.ge), 10**9)
        case "bool":
            return st.booleans()
        case "profile":
            return st.lists(_numbers(field), min_size=steps, max_size=steps).map(np.array)
        case "names":
            return st.lists(TEXTS, max_size=3).map(tuple)
    return TEXTS


def instances(record: type[Record], steps: int = STEPS) -> st.SearchStrategy[Record]:
    """Records of a class that satisfy its definition."""
    return st.fixed_dictionaries({field.name: values(field, steps) for field in fields(record)}).map(
        lambda chosen: record(**chosen)
    )


def plain(record: type[Record], **changed: Any) -> Record:
    """The plainest record of a class."""
    given = {"float": 1.0, "int": 1, "bool": True, "profile": np.ones(STEPS), "names": ("a",), "str": "a"}
    given_at = {field.name: (field.item.one_of or (given[field.kind],))[0] for field in fields(record)}
    most = {
        field.name: field.item.le for field in fields(record) if field.kind == "float" and field.item.le is not None
    }
    chosen = given_at | {name: min(given_at[name], float(bound)) for name, bound in most.items()}
    return record(**(chosen | changed))


def receipt(activation: str = "a", expected_kw: float = 1.0) -> SignalReceipt:
    """A message that says little."""
    return SignalReceipt(activation=activation, accepted=True, expected_kw=expected_kw)


def question(from_ms: int = 0) -> AvailabilityRequest:
    """A question."""
    return AvailabilityRequest(from_ms=from_ms, to_ms=from_ms + 1)


def reply(bid: str = "b") -> BidReceipt:
    """An answer."""
    return BidReceipt(bid=bid, taken=True, reason="")


# --- worlds ------------------------------------------------------------------------------------------------------------


class Scripted(Party):
    """A party that lives the given lives; what they note is found in ``notes``."""

    def __init__(self, seat: Seat, *lives: Callable[["Scripted"], Process]) -> None:
        super().__init__(seat)
        self.lives = lives
        self.notes: list[Any] = []

    def processes(self) -> Iterable[Process]:
        return [life(self) for life in self.lives]

    def note(self, *what: Any) -> None:
        self.notes.append((self.now_ms, *what))


class Counter(Scripted):
    """Handles receipts: notes each with its instant, sender and content, in the order in which it is given them."""

    @handles(SignalReceipt)
    def take(self, batch: Batch[SignalReceipt]) -> None:
        for row, record in enumerate(batch.records()):
            self.note(self.directory.names[batch.sender[row]], record.activation)


class Answering(Scripted):
    """Answers every question at once, row by row."""

    @handles(AvailabilityRequest)
    def reply(self, batch: Batch[AvailabilityRequest]) -> None:
        self.note(len(batch))
        self.answer(batch, [reply(str(record.from_ms)) for record in batch.records()])


def directory(*names: str, actors: Mapping[str, tuple[str, ...]] | None = None) -> Directory:
    """Addresses; the party is what stands before the slash."""
    playing = actors or {}
    return Directory(
        Address(name, name.split("/", maxsplit=1)[0], playing.get(name, ()), name.split("/", maxsplit=1)[0])
        for name in names
    )


def bus_of(there: Directory, seed: int = 1, **given: Any) -> Bus:
    """A bus on which a message takes one second, unless told otherwise."""
    chosen: dict[str, Any] = {"permissions": {}, "default": SECOND} | given
    return Bus(there, Chance(seed), **chosen)


class Stage:
    """A world being set up: parties by name, then ``run``."""

    def __init__(self, *names: str, physics: Any = None, actors: Any = None, seed: int = 1, **bus: Any) -> None:
        self.directory = directory(*names, actors=actors)
        self.bus = bus_of(self.directory, seed, **bus)
        self.world = World(self.directory, self.bus, physics)
        self.journal = self.bus.journal

    def add(self, name: str, *lives: Callable[..., Process], kind: type[Scripted] = Scripted) -> Any:
        """Let a scripted party live here."""
        party = kind(self.world.seat(name), *lives)
        self.world.add(party)
        return party

    def run(self, until_s: float = 1000.0) -> "Stage":
        """Run the world."""
        self.world.run(round(until_s * 1000))
        return self

    def table(self) -> dict[str, Any]:
        """The journal's messages."""
        return self.journal.messages()


def batch_of(bus: Bus, records: list[Record], senders: list[str], receivers: list[str], conversation: str = "c") -> Any:
    """A batch as a party would leave it."""
    there = bus.directory
    return Batch(type(records[0]), there.numbers(senders), there.numbers(receivers), columns_of(records), conversation)


def post(bus: Bus, batch: Any, now_ms: int = 0) -> Any:
    """Post a batch, each row signed with its sender's own key."""
    everybody = type(bus.key_ring(0))(np.arange(len(bus.directory.names)), _all_keys(bus))
    return bus.post(batch, everybody, now_ms)


def _all_keys(bus: Bus) -> Any:
    keys = np.zeros(len(bus.directory.names), np.uint64)
    for party in range(len(bus.directory.parties)):
        ring = bus.key_ring(party)
        keys[ring.numbers] = ring.keys
    return keys


# --- lives ---------------------------------------------------------------------------------------------------------

EVER = 10**15
"""Later than any world ends [ms]."""


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
