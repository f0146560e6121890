"""The world: time, the order within an instant, and who is woken by what.

``World`` is a ``mesa.Model`` (the census of actors) that owns one ``simpy.Environment`` (time). It alone schedules. Within an instant the
order is: 0 physics, 1 arrivals, 2 agents, 9 observation; inside a rank by the name of the party. Plain SimPy orders equal times by
insertion, which would let an agent that fell asleep early act before the physics of its instant.
"""

import gc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from types import GeneratorType
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import mesa
import numpy as np
import simpy
from numpy.typing import NDArray

from environment.addresses import Directory
from environment.bus import Bus
from environment.journal import LATE, NEVER, REFUSED, STATUS, Act, Conversation, Traffic
from environment.messages.base import Batch, Record
from environment.party import (
    Acted,
    Answers,
    Await,
    Child,
    Clock,
    Confirm,
    Ended,
    Join,
    Opened,
    Outcome,
    Party,
    Process,
    Receive,
    Seat,
    Sent,
    Sleep,
)

PHYSICS, ARRIVAL, AGENT, OBSERVATION = 0, 1, 2, 9
_RANK = 1 << 24
"""Room for names inside a rank; SimPy's own priorities 0 and 1 (start and end of processes) stay below rank 0."""


class WorldError(RuntimeError):
    """A party asked for something that a world cannot do: a mistake in its code."""


class Physics(Protocol):
    """What the world needs of the physical side."""

    step_ms: int
    snapshot_ms: int

    def close_step(self, now_ms: int) -> None:
        """Bring everything to ``now_ms``, the end of a step: integrate, meter, solve the grid."""

    def snapshot(self, now_ms: int) -> None:
        """Refresh the real-time measurements."""


class Actor(mesa.Agent):  # type: ignore[misc]
    """Census entry of a party."""

    def __init__(self, world: "World", party: Party) -> None:
        super().__init__(world)
        self.party = party
        self.role = type(party).__name__


@dataclass
class _Asking:
    """A question under way: message id -> place, and what has come."""

    place: dict[int, int]
    status: list[str]
    event: simpy.Event
    batches: list[Batch[Any]] = field(default_factory=list)
    open: int = 0


@dataclass
class _Desk:
    """The world's side of a party: what waits for it, and what it waits for."""

    party: Party
    rank: int
    handlers: dict[type[Record], str]
    drains: list[Callable[[], None]]
    arrivals: dict[int, list[tuple[Traffic, NDArray[np.int64]]]] = field(default_factory=dict)
    mail: list[Batch[Any]] = field(default_factory=list)
    kept: list[tuple[int, Traffic, NDArray[np.int64]]] = field(default_factory=list)
    waiting: list[tuple[Receive, simpy.Event]] = field(default_factory=list)
    asking: dict[int, _Asking] = field(default_factory=dict)
    children: WeakKeyDictionary[Child, simpy.Process] = field(default_factory=WeakKeyDictionary)
    fates: WeakKeyDictionary[Sent, Traffic] = field(default_factory=WeakKeyDictionary)


class _At(simpy.Event):
    """An event at an instant with a rank."""

    def __init__(self, env: simpy.Environment, at_ms: int, priority: int, value: Any = None) -> None:
        super().__init__(env)
        self._ok = True
        self._value = value
        env.schedule(self, priority, at_ms - env.now)  # type: ignore[arg-type]


class World(mesa.Model):  # type: ignore[misc]
    """Parties, a bus and physics in time.

    Attributes:
        bus: carries messages; ``bus.journal`` is what happened.
        clock: the time, as everybody may read it.
    """

    def __init__(self, directory: Directory, bus: Bus, physics: Physics | None = None) -> None:
        super().__init__(rng=0)  # the census needs a generator; no draw is ever made from it (law 4)
        self.directory = directory
        self.bus = bus
        self.physics = physics
        self.clock = Clock()
        self.env = simpy.Environment()
        self._desks: dict[str, _Desk] = {}
        self._observers: list[Callable[[int], None]] = []

    @property
    def now_ms(self) -> int:
        """The time [ms]; SimPy's clock holds nothing but integers here."""
        return int(self.env.now)

    # --- building ----------------------------------------------------------------------------------------------------

    def seat(self, name: str) -> Seat:
        """The seat of a party of the directory: its addresses, keys and clock."""
        number = self.directory.parties.index(name)
        systems = {
            actor: address.name
            for address in self.directory.addresses
            if address.party == name
            for actor in address.actors
        }
        return Seat(name, self.directory, self.bus.key_ring(number), self.clock, systems)

    def add(self, party: Party, drains: Iterable[Callable[[], None]] = ()) -> None:
        """Let a party live here; ``drains`` empty its writable instruments after it has acted."""
        Actor(self, party)
        rank = self.directory.parties.index(party.name)
        self._desks[party.name] = _Desk(party, rank, type(party).handlers(), list(drains))

    def observe(self, observer: Callable[[int], None]) -> None:
        """Call ``observer(now_ms)`` at the end of every physics step, after everybody else."""
        self._observers.append(observer)

    # --- running -----------------------------------------------------------------------------------------------------

    def run(self, until_ms: int) -> None:
        """Run to ``until_ms``, the instant included."""
        for name in sorted(self._desks):
            desk = self._desks[name]
            for process in desk.party.processes():
                self._after(self._at(self.now_ms, AGENT, desk), desk, process)
        if self.physics is not None:
            self._repeat(self.physics.step_ms, self.physics.close_step)
            self._repeat(self.physics.snapshot_ms, self.physics.snapshot, first_ms=0, sub_rank=1)
            self._repeat(self.physics.step_ms, self._observe, rank=OBSERVATION)
        threshold = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        try:
            self.env.run(until=until_ms + 1)
        finally:
            gc.unfreeze()
            gc.set_threshold(*threshold)
        self.clock.now_ms = until_ms

    def _observe(self, now_ms: int) -> None:
        self.step()
        for observer in self._observers:
            observer(now_ms)

    def _repeat(
        self,
        period_ms: int,
        action: Callable[[int], None],
        first_ms: int | None = None,
        rank: int = PHYSICS,
        sub_rank: int = 0,
    ) -> None:
        def fire(event: simpy.Event) -> None:
            self.clock.now_ms = self.now_ms
            action(self.now_ms)
            schedule(self.now_ms + period_ms)

        def schedule(at_ms: int) -> None:
            _callback(_At(self.env, at_ms, rank * _RANK + 2 + sub_rank), fire)

        schedule(period_ms if first_ms is None else first_ms)

    def _at(self, at_ms: int, rank: int, desk: _Desk, value: Any = None) -> _At:
        return _At(self.env, at_ms, rank * _RANK + 2 + desk.rank, value)

    # --- processes ---------------------------------------------------------------------------------------------------

    def _after(self, event: simpy.Event, desk: _Desk, process: Process) -> None:
        _callback(event, lambda _: self.env.process(self._drive(desk, process)))

    def _drive(self, desk: _Desk, process: Process) -> Process:
        """Live a party's process: resume it, empty its outbox, wait for what it asked."""
        value = None
        while True:
            self._wake(desk)
            try:
                request = process.send(value)
            except StopIteration as stop:
                self._flush(desk)
                return stop.value
            self._flush(desk)
            value = yield self._event(desk, request)

    def _event(self, desk: _Desk, request: Any) -> simpy.Event:
        match request:
            case Sleep():
                return self._at(max(request.until_ms, self.now_ms), AGENT, desk)
            case Receive():
                return self._receive(desk, request)
            case Confirm():
                return self._confirm(desk, request)
            case Await():
                return self._await(desk, request)
            case Join():
                return self._join(desk, request)
        text = (
            f"{desk.party.name}: a process cannot yield {request!r}; yield sleep, until, receive, ask, confirm or join"
        )
        raise WorldError(text)

    def _wake(self, desk: _Desk) -> None:
        """Set the clock and hand over the stored post that has arrived."""
        now = self.clock.now_ms = self.now_ms
        if not desk.kept:
            return
        left = []
        for earliest, traffic, rows in desk.kept:
            if earliest > now:
                left.append((earliest, traffic, rows))
                continue
            here = traffic.delivered_ms[rows] <= now
            self._keep(desk, traffic, rows[here])
            if not here.all():
                rest = rows[~here]
                left.append((int(traffic.delivered_ms[rest].min()), traffic, rest))
        desk.kept = left

    @staticmethod
    def _keep(desk: _Desk, traffic: Traffic, rows: NDArray[np.int64]) -> None:
        desk.party.post.setdefault(traffic.batch.record, []).append(_part(traffic, rows))

    def _join(self, desk: _Desk, request: Join) -> simpy.Event:
        processes = [desk.children[child] for child in request.children]
        done = simpy.Event(self.env)
        _callback(
            self.env.all_of(processes), lambda _: self._resume(done, desk, [process.value for process in processes])
        )
        return done

    # --- the outbox --------------------------------------------------------------------------------------------------

    def _flush(self, desk: _Desk) -> None:
        """Carry out, at this instant, everything that a party left in its outbox and on its instruments."""
        outbox, desk.party.outbox = desk.party.outbox, []
        for command in outbox:
            match command:
                case Sent():
                    self._post(desk, command)
                case Child():
                    desk.children[command] = self.env.process(self._drive(desk, command.process))
                case Opened():
                    self._open(command)
                case Ended():
                    self._end(command)
                case Acted():
                    journal = self.bus.journal
                    journal.acts.append(
                        Act(
                            command.act,
                            command.actors,
                            command.conversation,
                            self.now_ms,
                            command.reads,
                            command.writes,
                        )
                    )
        for drain in desk.drains:
            drain()

    def _open(self, command: Opened) -> None:
        self.bus.journal.conversations[command.name] = Conversation(
            command.name, command.suc, command.scenario, command.parent, command.subject, command.opener, self.now_ms
        )

    def _end(self, command: Ended) -> None:
        conversation = self.bus.journal.conversations[command.name]
        if conversation.ended_ms == NEVER:
            conversation.ended_ms, conversation.outcome, conversation.reason = (
                self.now_ms,
                command.outcome,
                command.reason,
            )

    def _post(self, desk: _Desk, sent: Sent) -> None:
        traffic = self.bus.post(sent.batch, desk.party.ring, self.now_ms, sent.unknown)
        desk.fates[sent] = traffic
        self.carry(traffic, desk)

    def carry(self, traffic: Traffic, sender: _Desk | None = None) -> None:
        """Schedule what somebody reacts to: arrivals at their receivers, refusals at the sender."""
        arrives = (traffic.delivered_ms != NEVER) & (traffic.status != REFUSED)
        parties = self.directory.party[traffic.batch.receiver]
        for number in np.unique(parties[arrives]):
            desk = self._desks.get(self.directory.parties[number])
            if desk is not None:
                self._schedule(desk, traffic, np.flatnonzero(arrives & (parties == number)))
        refused = np.flatnonzero(traffic.status == REFUSED)
        if len(refused) and sender is not None:
            self._tell(sender, traffic, refused)

    def _tell(self, desk: _Desk, traffic: Traffic, rows: NDArray[np.int64]) -> None:
        def tell(_: simpy.Event) -> None:
            self._wake(desk)
            desk.party.on_refusal(traffic.batch.take(rows), [traffic.reason[row] for row in rows])
            self._flush(desk)

        at_ms = max(int(_known_ms(traffic)[rows].max()), self.now_ms + 1)
        _callback(self._at(at_ms, ARRIVAL, desk), tell)

    def _schedule(self, desk: _Desk, traffic: Traffic, rows: NDArray[np.int64]) -> None:
        if traffic.batch.record in desk.party.stored:
            desk.kept.append((int(traffic.delivered_ms[rows].min()), traffic, rows))
            return
        at_ms = traffic.delivered_ms[rows]
        order = np.argsort(at_ms, kind="stable")
        instants, first = np.unique(at_ms[order], return_index=True)
        for instant, part in zip(instants.tolist(), np.split(rows[order], first[1:]), strict=True):
            if instant not in desk.arrivals:
                desk.arrivals[instant] = []
                _callback(self._at(instant, ARRIVAL, desk), partial(self._arrived, desk))
            desk.arrivals[instant].append((traffic, part))

    # --- arrivals ----------------------------------------------------------------------------------------------------

    def _arrived(self, desk: _Desk, _: simpy.Event) -> None:
        """Hand over what arrived at this instant, by record, sender and id."""
        self._wake(desk)
        for batch in _merged(desk.arrivals.pop(self.now_ms)):
            self._settle_answers(desk, batch) if batch.answer_to is not None else self._hand_over(desk, batch)

    def _hand_over(self, desk: _Desk, batch: Batch[Any]) -> None:
        method = desk.handlers.get(batch.record)
        if method is not None:
            result = getattr(desk.party, method)(batch)
            if isinstance(result, GeneratorType):
                self.env.process(self._drive(desk, result))
            self._flush(desk)
            return
        for place, (request, event) in enumerate(desk.waiting):
            if _fits(request, batch) and not event.triggered:
                del desk.waiting[place]
                self._resume(event, desk, batch)
                return
        desk.mail.append(batch)

    def _resume(self, event: simpy.Event, desk: _Desk, value: Any) -> None:
        """Trigger an event as an agent of this instant."""
        event._ok, event._value = True, value
        self.env.schedule(event, AGENT * _RANK + 2 + desk.rank)  # type: ignore[arg-type]

    def _receive(self, desk: _Desk, request: Receive) -> simpy.Event:
        for place, batch in enumerate(desk.mail):
            if _fits(request, batch):
                del desk.mail[place]
                return self._at(self.now_ms, AGENT, desk, batch)
        event = simpy.Event(self.env)
        desk.waiting.append((request, event))
        if request.until_ms is not None:
            _callback(
                self._at(max(request.until_ms, self.now_ms), AGENT, desk),
                lambda _: self._give_up(desk, request, event),
            )
        return event

    def _give_up(self, desk: _Desk, request: Receive, event: simpy.Event) -> None:
        if not event.triggered:
            desk.waiting = [one for one in desk.waiting if one[1] is not event]
            self._resume(event, desk, None)

    # --- confirmations and answers -------------------------------------------------------------------------------------

    def _confirm(self, desk: _Desk, request: Confirm) -> simpy.Event:
        traffic = desk.fates.pop(request.sent)
        outcome = Outcome(tuple(STATUS[status] for status in traffic.status), tuple(traffic.reason))
        return self._at(max(int(_known_ms(traffic).max()), self.now_ms), AGENT, desk, outcome)

    def _await(self, desk: _Desk, request: Await) -> simpy.Event:
        traffic = desk.fates.pop(request.sent)
        refused = traffic.status == REFUSED
        place = {word: row for row, word in enumerate(traffic.batch.ids.tolist()) if not refused[row]}
        status = ["refused" if one else "lost" for one in refused]
        asking = _Asking(place, status, simpy.Event(self.env), open=len(place))
        desk.asking.update(dict.fromkeys(place, asking))
        at_ms = max(request.until_ms, self.now_ms)
        _callback(self._at(at_ms, AGENT, desk), lambda _: self._stop_asking(desk, asking))
        return asking.event

    def _stop_asking(self, desk: _Desk, asking: _Asking) -> None:
        if not asking.event.triggered:
            self._resume(asking.event, desk, Answers(asking.status, asking.batches))

    def _settle_answers(self, desk: _Desk, batch: Batch[Any]) -> None:
        """Give answers to who asked; one that comes too late is journalled as late."""
        assert batch.answer_to is not None
        groups: dict[int, tuple[_Asking, list[int]]] = {}
        for row, word in enumerate(batch.answer_to.tolist()):
            asking = desk.asking.pop(word, None)
            if asking is not None:
                asking.status[asking.place[word]] = "late" if asking.event.triggered else "answered"
            if asking is None or asking.event.triggered:
                self._mark_late(batch.ids[row])
            else:
                groups.setdefault(id(asking), (asking, []))[1].append(row)
        for asking, rows in groups.values():
            asking.batches.append(batch.take(np.array(rows)))
            asking.open -= len(rows)
            if not asking.open:
                self._resume(asking.event, desk, Answers(asking.status, asking.batches))

    def _mark_late(self, word: np.uint64) -> None:
        for traffic in reversed(self.bus.journal.traffic):
            rows = np.flatnonzero(traffic.batch.ids == word)
            if len(rows):
                traffic.status[rows] = LATE
                return


def _callback(event: simpy.Event, action: Callable[[simpy.Event], Any]) -> None:
    assert event.callbacks is not None
    event.callbacks.append(action)


def _fits(request: Receive, batch: Batch[Any]) -> bool:
    return batch.record is request.record and request.conversation in (None, batch.conversation)


def _known_ms(traffic: Traffic) -> NDArray[np.int64]:
    """When the sender knows what became of each message."""
    known = np.where(traffic.acknowledged_ms != NEVER, traffic.acknowledged_ms, traffic.given_up_ms)
    return np.where((known == NEVER) & (traffic.status == REFUSED), traffic.batch.sent_ms + 1, known)


def _part(traffic: Traffic, rows: NDArray[np.int64]) -> Batch[Any]:
    part = traffic.batch.take(rows)
    part.received_ms = traffic.delivered_ms[rows]
    return part


def _merged(arrivals: list[tuple[Traffic, NDArray[np.int64]]]) -> list[Batch[Any]]:
    """What arrived at one instant, in batches of one record and conversation, rows sorted by sender, receiver and id."""
    parts = [_part(traffic, rows) for traffic, rows in arrivals]
    parts.sort(key=lambda part: (part.record.__name__, part.conversation, int(part.sender.min()), int(part.ids.min())))
    for number, part in enumerate(parts):
        if len(part) > 1:
            parts[number] = part.take(np.lexsort((part.ids, part.receiver, part.sender)))
    return parts
