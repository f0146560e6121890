"""The world: time, the order within an instant, and who is woken by what.

``World`` is a ``mesa.Model`` (the census of actors) that owns one ``simpy.Environment`` (time). It alone schedules. Within an instant the
order is: 0 physics, 1 arrivals, 2 agents, 3 the post, 9 observation; inside a rank by the name of the party. Plain SimPy orders equal times by
insertion, which would let an agent that fell asleep early act before the physics of its instant. Nothing sent at an instant arrives at it, so
all that parties send at one goes to the bus together.
"""

import gc
from collections.abc import Callable, Iterable
from functools import partial
from types import GeneratorType
from typing import Any, Protocol

import mesa
import numpy as np
import simpy
from numpy.typing import NDArray

from environment.addresses import Directory
from environment.bus import Bus
from environment.desk import Asking, Desk, known_ms, mark_late, merged
from environment.journal import NEVER, REFUSED, Act, Conversation, Traffic
from environment.messages.base import Batch
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
from environment.wiretap import Wiretap

PHYSICS, ARRIVAL, AGENT, POST, OBSERVATION = 0, 1, 2, 3, 9
_RANK = 1 << 24
"""Room for names inside a rank; SimPy's own priorities 0 and 1 (start and end of processes) stay below rank 0."""


_FIRST = np.zeros(1, np.int64)
"""The row of a batch of one."""


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
        self._desks: dict[str, Desk] = {}
        self._observers: list[Callable[[int], None]] = []
        self._outgoing: dict[Sent, tuple[Desk, list[Callable[[Traffic], None]]]] = {}
        self._posting_ms = NEVER

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

    def add(
        self, party: Party, drains: Iterable[Callable[[], None]] = (), fills: Iterable[Callable[[], None]] = ()
    ) -> None:
        """Let a party live here.

        Args:
            party: the party.
            drains: empty its writable instruments after it has acted.
            fills: bring what its instruments show up to date before it acts.
        """
        Actor(self, party)
        rank = self.directory.parties.index(party.name)
        self._desks[party.name] = Desk(party, rank, type(party).handlers(), list(fills), list(drains))

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
        self.bus.journal.compact(now_ms)
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

    def _at(self, at_ms: int, rank: int, desk: Desk, value: Any = None) -> _At:
        return _At(self.env, at_ms, rank * _RANK + 2 + desk.rank, value)

    # --- processes ---------------------------------------------------------------------------------------------------

    def _after(self, event: simpy.Event, desk: Desk, process: Process) -> None:
        _callback(event, lambda _: self.env.process(self._drive(desk, process)))

    def _drive(self, desk: Desk, process: Process) -> Process:
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

    def _event(self, desk: Desk, request: Any) -> simpy.Event:
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

    def _wake(self, desk: Desk) -> None:
        """Set the clock, bring the instruments up to date and hand over the stored post that has arrived."""
        now = self.clock.now_ms = self.now_ms
        for fill in desk.fills:
            fill()
        desk.take_stored(now)

    def _join(self, desk: Desk, request: Join) -> simpy.Event:
        processes = [desk.children[child] for child in request.children]
        done = simpy.Event(self.env)

        def go_on(every: simpy.Event) -> None:
            if every.ok:  # else the failure surfaces by itself
                self._resume(done, desk, [process.value for process in processes])

        _callback(self.env.all_of(processes), go_on)
        return done

    # --- the outbox --------------------------------------------------------------------------------------------------

    def _flush(self, desk: Desk) -> None:
        """Carry out, at this instant, everything that a party left in its outbox and on its instruments."""
        outbox, desk.party.outbox = desk.party.outbox, []
        for command in outbox:
            match command:
                case Sent():
                    self._outgoing[command] = desk, []
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
        if self._outgoing and self._posting_ms != self.now_ms:
            self._posting_ms = self.now_ms
            _callback(_At(self.env, self.now_ms, POST * _RANK + 2), lambda _: self._post())
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

    def _post(self) -> None:
        """Send what parties have left at this instant, in the order in which they left it."""
        outgoing, self._outgoing, self._posting_ms = self._outgoing, {}, NEVER
        if not outgoing:
            return
        sent = [(one.batch, one.unknown, desk.party.ring) for one, (desk, _) in outgoing.items()]
        fates = self.bus.post_all(sent, self.now_ms)
        for (one, (desk, waiting)), traffic in zip(outgoing.items(), fates, strict=True):
            desk.fates[one] = traffic
            self.carry(traffic, desk)
            for go_on in waiting:
                go_on(traffic)

    def _when_posted(self, desk: Desk, sent: Sent, go_on: Callable[[Traffic], None]) -> bool:
        """Go on with the fate of what was sent as soon as it is known; false if nothing was sent."""
        traffic = desk.fates.get(sent)
        if traffic is not None:
            go_on(traffic)
        elif sent in self._outgoing:
            self._outgoing[sent][1].append(go_on)
        return traffic is not None or sent in self._outgoing

    def put_on_wire(self, name: str, tap: Wiretap) -> None:
        """Send what a party has left on its wiretap, after what was sent before; it learns of refusals like any sender."""
        left = tap.empty()
        if left:
            self._post()
        for batch, signature in left:
            self.carry(self.bus.inject(batch, signature, self.now_ms, tap.origin), self._desks[name])

    def carry(self, traffic: Traffic, sender: Desk | None = None) -> None:
        """Schedule what somebody reacts to: arrivals at their receivers, refusals at the sender."""
        if len(traffic.batch) == 1 and traffic.status[0] != REFUSED:  # the usual case
            if traffic.delivered_ms[0] != NEVER:
                desk = self._desks.get(self.directory.parties[self.directory.party[traffic.batch.receiver[0]]])
                if desk is not None:
                    self._schedule(desk, traffic, _FIRST)
            return
        refused = np.flatnonzero(traffic.status == REFUSED)
        arriving = np.flatnonzero(traffic.delivered_ms != NEVER)
        if len(refused):
            arriving = np.setdiff1d(arriving, refused)
        parties = self.directory.party[traffic.batch.receiver[arriving]]
        numbers = sorted(set(parties.tolist()))
        for number in numbers:
            desk = self._desks.get(self.directory.parties[number])
            if desk is not None:
                self._schedule(desk, traffic, arriving if len(numbers) == 1 else arriving[parties == number])
        if len(refused) and sender is not None:
            self._tell(sender, traffic, refused)

    def _tell(self, desk: Desk, traffic: Traffic, refused: NDArray[np.int64]) -> None:
        """Tell the sender of each refusal when it is known."""

        def tell(rows: NDArray[np.int64], _: simpy.Event) -> None:
            self._wake(desk)
            desk.party.on_refusal(traffic.batch.take(rows), [traffic.reason.get(row, "") for row in rows.tolist()])
            self._flush(desk)

        told_ms = np.maximum(known_ms(traffic)[refused], self.now_ms + 1)
        for at_ms in np.unique(told_ms).tolist():
            _callback(self._at(at_ms, ARRIVAL, desk), partial(tell, refused[told_ms == at_ms]))

    def _schedule(self, desk: Desk, traffic: Traffic, rows: NDArray[np.int64]) -> None:
        party, record, at_ms = desk.party, traffic.batch.record, traffic.delivered_ms[rows]
        if record in party.filed:
            return
        if record in party.stored or record in party.looks:
            desk.store(traffic, rows)
            if record in party.looks:
                self._look_at(desk, at_ms, party.looks[record])
            return
        if len(rows) == 1:
            self._expect(desk, int(at_ms[0]), traffic, rows)
            return
        order = np.argsort(at_ms, kind="stable")
        instants, first = np.unique(at_ms[order], return_index=True)
        for instant, part in zip(instants.tolist(), np.split(rows[order], first[1:]), strict=True):
            self._expect(desk, instant, traffic, part)

    def _look_at(self, desk: Desk, delivered_ms: NDArray[np.int64], period_ms: int) -> None:
        """Let a party look at its post at the first full period not before each arrival."""

        def look(at_ms: int, _: simpy.Event) -> None:
            desk.looks.discard(at_ms)
            self._wake(desk)
            desk.party.look()
            self._flush(desk)

        for at_ms in np.unique(-(-delivered_ms // period_ms) * period_ms).tolist():
            if at_ms not in desk.looks:
                desk.looks.add(at_ms)
                _callback(self._at(at_ms, AGENT, desk), partial(look, at_ms))

    def _expect(self, desk: Desk, at_ms: int, traffic: Traffic, rows: NDArray[np.int64]) -> None:
        if at_ms not in desk.arrivals:
            desk.arrivals[at_ms] = []
            _callback(self._at(at_ms, ARRIVAL, desk), partial(self._arrived, desk))
        desk.arrivals[at_ms].append((traffic, rows))

    # --- arrivals ----------------------------------------------------------------------------------------------------

    def _arrived(self, desk: Desk, _: simpy.Event) -> None:
        """Hand over what arrived at this instant, by record, sender and id."""
        self._wake(desk)
        arrivals = desk.arrivals.pop(self.now_ms)
        for batch in merged(arrivals):
            if batch.answer_to is None:
                self._hand_over(desk, batch)
            else:
                late, complete = desk.settle_answers(batch)
                mark_late(arrivals, late)
                for asking in complete:
                    self._resume(asking.event, desk, Answers(asking.status, asking.batches))

    def _hand_over(self, desk: Desk, batch: Batch[Any]) -> None:
        method = desk.handlers.get(batch.record)
        if method is not None:
            result = getattr(desk.party, method)(batch)
            if isinstance(result, GeneratorType):
                self.env.process(self._drive(desk, result))
            self._flush(desk)
            return
        event = desk.next_waiting(batch)
        if event is None:
            desk.mail.append(batch)
        else:
            self._resume(event, desk, batch)

    def _resume(self, event: simpy.Event, desk: Desk, value: Any, at_ms: int = 0) -> None:
        """Trigger an event as an agent of this instant, or of a later one."""
        event._ok, event._value = True, value
        later_ms = max(at_ms - self.now_ms, 0)
        self.env.schedule(event, AGENT * _RANK + 2 + desk.rank, later_ms)  # type: ignore[arg-type]

    def _receive(self, desk: Desk, request: Receive) -> simpy.Event:
        batch = desk.fitting_mail(request)
        if batch is not None:
            return self._at(self.now_ms, AGENT, desk, batch)
        event = simpy.Event(self.env)
        queue = desk.wait(request, event)
        if request.until_ms is not None:
            _callback(
                self._at(max(request.until_ms, self.now_ms), AGENT, desk),
                lambda _: self._give_up(desk, queue, event),
            )
        return event

    def _give_up(self, desk: Desk, queue: dict[simpy.Event, int], event: simpy.Event) -> None:
        if not event.triggered:
            del queue[event]
            self._resume(event, desk, None)

    # --- confirmations and answers -------------------------------------------------------------------------------------

    def _confirm(self, desk: Desk, request: Confirm) -> simpy.Event:
        event = simpy.Event(self.env)

        def tell(traffic: Traffic) -> None:
            fates = zip(traffic.status.tolist(), traffic.acknowledged_ms.tolist(), strict=True)
            known = tuple(
                "refused" if status == REFUSED else "lost" if at_ms == NEVER else "acknowledged"
                for status, at_ms in fates
            )
            reasons = tuple(traffic.reason.get(row, "") for row in range(len(known)))
            self._resume(event, desk, Outcome(known, reasons), int(known_ms(traffic).max()))

        if not self._when_posted(desk, request.sent, tell):
            self._resume(event, desk, Outcome((), ()))
        return event

    def _await(self, desk: Desk, request: Await) -> simpy.Event:
        event = simpy.Event(self.env)

        def ask(traffic: Traffic) -> None:
            refused = traffic.status == REFUSED
            place = {word: row for row, word in enumerate(traffic.batch.ids.tolist()) if not refused[row]}
            status = ["refused" if one else "lost" for one in refused]
            asking = Asking(place, status, event, traffic.batch.receiver, open=len(place))
            desk.asking.update(dict.fromkeys(place, asking))
            at_ms = max(request.until_ms if place else int(known_ms(traffic).max()), self.now_ms)
            _callback(self._at(at_ms, AGENT, desk), lambda _: self._stop_asking(desk, asking))

        if not self._when_posted(desk, request.sent, ask):
            self._resume(event, desk, Answers([], []))
        return event

    def _stop_asking(self, desk: Desk, asking: Asking) -> None:
        if not asking.event.triggered:
            self._resume(asking.event, desk, Answers(asking.status, asking.batches))


def _callback(event: simpy.Event, action: Callable[[simpy.Event], Any]) -> None:
    assert event.callbacks is not None
    event.callbacks.append(action)
