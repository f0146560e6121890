"""A party: whoever has addresses. It lives by requests; it holds no reference to the world.

A process is a generator. It yields requests (``sleep``, ``until``, ``receive``, ``ask``, ``confirm``, ``join``) and is resumed with
their results; what it sends, opens, starts or writes is left in its outbox, which the world empties at the same instant. So the only
things a party can touch are its own: its addresses and keys, its clock, its inbox, its instruments, its registers and its strategy.

    def life(self) -> Process:
        yield self.until(self.gate_ms)
        bids = yield self.receive(Bid, conversation=session)
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from operator import attrgetter
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from data.arrays import I64
from environment.addresses import Directory
from environment.bus import KeyRing
from environment.messages.base import Batch, MessageError, Record, columns_of, typed
from environment.register import Register
from environment.requests import Acted, Await, Child, Confirm, Ended, Join, Opened, Receive, Sent, Sleep
from environment.requests import Process as Process
from environment.units import ms

Rec = TypeVar("Rec", bound=Record)


@dataclass
class Clock:
    """The time, as everybody may read it."""

    now_ms: int = 0


@dataclass(frozen=True)
class Seat:
    """A party's place in the world: its name, the public directory, its own keys and addresses, and the clock."""

    name: str
    directory: Directory
    ring: KeyRing
    clock: Clock
    systems: Mapping[str, str]
    """Actor id -> the own address that plays it."""


@dataclass(frozen=True)
class Work:
    """What a method decorated with ``act`` returns: its result, and the rows that it read and wrote (``table/key``).

    ``conversation`` and ``actors`` (address numbers, default: the system named in the decorator) say for whom it was done.
    """

    result: Any
    conversation: str
    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    actors: I64 | None = None


def act(name: str, system: str = "") -> Callable[[Callable[..., Work]], Callable[..., Any]]:
    """Decorate the method that really does the work of a step; it is journalled with what it read and wrote (law 8)."""

    def decorate(method: Callable[..., Work]) -> Callable[..., Any]:
        @wraps(method)
        def done(self: "Party", *args: Any, **kwargs: Any) -> Any:
            work = method(self, *args, **kwargs)
            actors = self.numbers([self.at(system)]) if work.actors is None else work.actors
            if len(actors):
                self.outbox.append(Acted(name, actors, work.conversation, tuple(work.reads), tuple(work.writes)))
            return work.result

        return done

    return decorate


def handles(record: type[Record]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate the method that reacts to a record class; it is called with a ``Batch`` of what arrived at one instant."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        method.handled = (*getattr(method, "handled", ()), record)  # type: ignore[attr-defined]
        return method

    return decorate


def gathers(every_s: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a method that ``handles`` records: it looks at them at every full period only, at all of a conversation that has come by then.

    Messages that were sent as one arrive one after the other, each by its own delay; who does not have to react to each by itself works them off together.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        method.gathers_ms = ms(every_s)  # type: ignore[attr-defined]
        return method

    return decorate


class Party:
    """Base of all agents."""

    stored: ClassVar[tuple[type[Record], ...]] = ()
    """Record classes that are only kept until read (``stored_rows``): bulk traffic that wakes nobody."""
    looks: ClassVar[Mapping[type[Record], int]] = {}
    """Record classes that are kept like stored ones, and the period [ms] at which the party looks at them: at the first full period not
    before an arrival ``look`` is called, once for all that has come."""
    filed: ClassVar[tuple[type[Record], ...]] = ()
    """Record classes that nobody here reads: that they have come stands in the journal, and no more is done."""

    def __init__(self, seat: Seat) -> None:
        self.name = seat.name
        self.directory = seat.directory
        self.clock = seat.clock
        self.outbox: list[Any] = []
        self.post: dict[type[Record], list[Batch[Any]]] = {}
        self.refusals: list[tuple[Batch[Any], list[str]]] = []
        self.registers: dict[str, Register] = {}
        self._seat = seat
        self._names: dict[str, int] = {}

    @classmethod
    def handlers(cls) -> dict[type[Record], str]:
        """Record class -> name of the method that reacts to it."""
        found: dict[type[Record], str] = {}
        for name in dir(cls):
            for record in getattr(getattr(cls, name, None), "handled", ()):
                found[record] = name
        return found

    def periods_ms(self) -> dict[type[Record], int]:
        """Record class -> the period at which its method looks at what has come (``gathers``)."""
        found = {record: getattr(attrgetter(name)(self), "gathers_ms", 0) for record, name in self.handlers().items()}
        return {record: period for record, period in found.items() if period}

    def processes(self) -> Iterable[Process]:
        """The lives that begin with the world."""
        return ()

    def look(self) -> None:
        """Look at the post of the classes in ``looks`` (``stored_rows``)."""

    # --- who and when ------------------------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        """The time."""
        return self.clock.now_ms

    @property
    def ring(self) -> KeyRing:
        """The keys of the own addresses."""
        return self._seat.ring

    def at(self, system: str = "") -> str:
        """The own address that plays an actor ("derms"); the party's own without argument."""
        return self._seat.systems[system] if system else self.name

    def numbers(self, names: Sequence[str]) -> I64:
        """Address numbers of names."""
        return self.directory.numbers(names)

    def register(self, table: str) -> Register:
        """The party's own register of that name."""
        return self.registers.setdefault(table, Register())

    # --- verbs ---------------------------------------------------------------------------------------------------------

    def send(
        self, message: Record | Sequence[Record], to: str | Sequence[str], conversation: str, system: str = ""
    ) -> Sent:
        """Send a record (or one record to each of several) from the own ``system``.

        A receiver that nobody has is refused and journalled, not raised.
        """
        records = [message] if isinstance(message, Record) else list(message)
        receivers = [to] if isinstance(to, str) else list(to)
        if len(records) == 1:
            records = records * len(receivers)
        if len(records) != len(receivers):
            text = f"{len(records)} messages to {len(receivers)} receivers"
            raise MessageError(text)
        if not records:
            return Sent(Batch(Record, self.numbers([]), self.numbers([]), {}, conversation), {})
        unknown = {row: name for row, name in enumerate(receivers) if name not in self.directory}
        number = [-1 if name in unknown.values() else self.directory.number(name) for name in receivers]
        sender = np.full(len(receivers), self.directory.number(self.at(system)), np.int64)
        batch = Batch(type(records[0]), sender, np.array(number, np.int64), columns_of(records), conversation)
        return self._leave(batch, unknown)

    def send_batch(
        self,
        record: type[Rec],
        columns: Mapping[str, NDArray[Any]],
        sender: I64,
        receiver: I64,
        conversation: str,
    ) -> Sent:
        """Send n messages as columns; ``sender`` and ``receiver`` are address numbers of shape (n,) or single ones."""
        own = typed(record, columns)
        n = max(np.size(sender), np.size(receiver))
        if any(len(column) != n for column in own.values()):
            text = (
                f"{record.__name__}: columns of {len(next(iter(own.values())))} messages between {n} pairs of addresses"
            )
            raise MessageError(text)
        source, target = (np.broadcast_to(np.asarray(side, np.int64), (n,)).copy() for side in (sender, receiver))
        return self._leave(Batch(record, source, target, own, conversation), {})

    def answer(self, question: Batch[Any], message: Record | Sequence[Record]) -> Sent:
        """Answer every message of a batch, from the address that was asked to the one that asked."""
        records = [message] if isinstance(message, Record) else list(message)
        if len(records) == 1:
            records = records * len(question)
        if len(records) != len(question):
            text = f"{len(records)} answers to {len(question)} questions"
            raise MessageError(text)
        return self._reply(question, type(records[0]), columns_of(records))

    def answer_batch(self, question: Batch[Any], record: type[Rec], columns: Mapping[str, NDArray[Any]]) -> Sent:
        """As ``answer``, with the n answers as columns."""
        own = typed(record, columns)
        if any(len(column) != len(question) for column in own.values()):
            text = f"{record.__name__}: columns of {len(next(iter(own.values())))} answers to {len(question)} questions"
            raise MessageError(text)
        return self._reply(question, record, own)

    def _reply(self, question: Batch[Any], record: type[Rec], columns: Mapping[str, NDArray[Any]]) -> Sent:
        batch = Batch(record, question.receiver, question.sender, columns, question.conversation, question.ids)
        return self._leave(batch, {})

    def _leave(self, batch: Batch[Any], unknown: dict[int, str]) -> Sent:
        sent = Sent(batch, unknown)
        if len(batch):
            self.outbox.append(sent)
        return sent

    def open(self, suc: str, scenario: str, subject: str, parent: str = "", system: str = "") -> str:
        """Open a conversation (C3) and return its name, unique by what it is about."""
        name = f"{suc}/{scenario}:{self.at(system)}:{subject}"
        self._names[name] = self._names.get(name, 0) + 1
        if self._names[name] > 1:
            name = f"{name}#{self._names[name]}"
        self.outbox.append(Opened(name, suc, scenario, parent, subject, self.at(system)))
        return name

    def end(self, conversation: str, outcome: str = "completed", reason: str = "") -> None:
        """End a conversation: completed, refused or failed(reason)."""
        self.outbox.append(Ended(conversation, outcome, reason))

    def start(self, process: Process) -> Child:
        """Start a process beside this one."""
        child = Child(process)
        self.outbox.append(child)
        return child

    # --- requests ------------------------------------------------------------------------------------------------------

    def sleep(self, duration_s: float) -> Sleep:
        """Request: resume after a time [s]."""
        return Sleep(self.now_ms + ms(duration_s))

    def until(self, instant_ms: int) -> Sleep:
        """Request: resume at an instant (at once if it is past)."""
        return Sleep(max(instant_ms, self.now_ms))

    def receive(self, record: type[Record], conversation: str | None = None, until_ms: int | None = None) -> Receive:
        """Request: the next batch of a record class."""
        return Receive(record, conversation, until_ms)

    def confirm(self, sent: Sent) -> Confirm:
        """Request: wait until every member of what was sent is acknowledged, refused or given up."""
        return Confirm(sent)

    def ask(
        self,
        message: Record | Sequence[Record],
        to: str | Sequence[str],
        conversation: str,
        system: str = "",
        timeout_s: float = 60.0,
    ) -> Await:
        """Request: send a question and wait for the answers, at most ``timeout_s``."""
        return Await(self.send(message, to, conversation, system), self.now_ms + ms(timeout_s))

    def join(self, children: Iterable[Child]) -> Join:
        """Request: wait for started processes."""
        return Join(tuple(children))

    def stored_rows(self, record: type[Rec]) -> list[Batch[Rec]]:
        """The stored messages of a class that have arrived since the last reading, oldest sending first."""
        return self.post.pop(record, [])

    def on_refusal(self, batch: Batch[Any], reasons: list[str]) -> None:
        """Called when receivers refused messages of this party; by default they are remembered."""
        self.refusals.append((batch, reasons))
