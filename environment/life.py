"""A life: a party in its world. It is woken when its time has come, and what it asks and leaves is carried out.

Whenever a party acts, three things happen at one instant: its instruments are brought up to date and the stored post that has arrived is
handed over; it acts; what it has left in its outbox and on its instruments is carried out.
"""

from collections.abc import Callable, Iterable
from functools import partial
from operator import attrgetter
from types import GeneratorType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import simpy

from data.arrays import I64
from environment.agenda import AGENT, ARRIVAL, Agenda
from environment.bus import KeyRing
from environment.desk import Arrivals, Asking, Desk, gathered, known_ms, mark_late, merged, outcome_of, parts_of
from environment.journal import NEVER, Act, Conversation, Journal, Traffic
from environment.messages.base import Batch
from environment.party import Party
from environment.post import Post
from environment.requests import (
    Acted,
    Answers,
    Await,
    Child,
    Confirm,
    Ended,
    Join,
    Opened,
    Outcome,
    Process,
    Receive,
    Sent,
    Sleep,
)


class WorldError(RuntimeError):
    """A party asked for something that a world cannot do: a mistake in its code."""


class Life:
    """A party in its world.

    Args:
        party: whose life.
        place: its place among the parties that act at one instant.
        fills: bring what its instruments show up to date before it acts.
        drains: empty its writable instruments after it has acted.
    """

    def __init__(
        self,
        party: Party,
        place: int,
        agenda: Agenda,
        post: Post,
        journal: Journal,
        fills: Iterable[Callable[[], None]] = (),
        drains: Iterable[Callable[[], None]] = (),
    ) -> None:
        self.party = party
        self.place = place
        self._agenda = agenda
        self._post = post
        self._journal = journal
        self._fills = list(fills)
        self._drains = list(drains)
        self._handlers = type(party).handlers()
        self._gathers_ms = party.periods_ms()
        self._periods_ms = {**party.looks, **self._gathers_ms}
        self._desk = Desk()
        self._children: WeakKeyDictionary[Child, simpy.Process] = WeakKeyDictionary()

    @property
    def ring(self) -> KeyRing:
        """The keys that the party signs with."""
        return self.party.ring

    def begin(self) -> None:
        """Start the processes that a party begins with, as an agent of this instant."""
        for process in self.party.processes():
            self._call(self._agenda.now_ms, AGENT, partial(self._start, process))

    # --- acting ------------------------------------------------------------------------------------------------------

    def drive(self, process: Process) -> Process:
        """Live a process of the party: resume it, carry out what it left, wait for what it asked."""
        value = None
        while True:
            self._wake()
            try:
                request = process.send(value)
            except StopIteration as stop:
                self._carry_out()
                return stop.value
            self._carry_out()
            value = yield self._event(request)

    def _wake(self) -> None:
        now_ms = self._agenda.set_clock()
        for fill in self._fills:
            fill()
        self._desk.take_stored(now_ms, self.party.post)

    def _carry_out(self) -> None:
        outbox, self.party.outbox = self.party.outbox, []
        for command in outbox:
            match command:
                case Sent():
                    self._post.leave(command, self)
                case Child():
                    self._children[command] = self._agenda.start(self.drive(command.process))
                case Opened():
                    self._open(command)
                case Ended():
                    self._end(command)
                case Acted():
                    self._note(command)
        for drain in self._drains:
            drain()

    def _open(self, command: Opened) -> None:
        self._journal.conversations[command.name] = Conversation(
            command.name, command.suc, command.scenario, command.parent, command.subject, command.opener,
            self._agenda.now_ms,
        )  # fmt: skip

    def _end(self, command: Ended) -> None:
        one = self._journal.conversations[command.name]
        if one.ended_ms == NEVER:
            one.ended_ms, one.outcome, one.reason = self._agenda.now_ms, command.outcome, command.reason

    def _note(self, command: Acted) -> None:
        self._journal.acts.append(
            Act(
                command.act, command.actors, command.conversation, self._agenda.now_ms, command.reads, command.writes
            )
        )  # fmt: skip

    # --- requests ----------------------------------------------------------------------------------------------------

    def _event(self, request: Any) -> simpy.Event:
        match request:
            case Sleep():
                return self._agenda.at(max(request.until_ms, self._agenda.now_ms), AGENT, self.place)
            case Receive():
                return self._receive(request)
            case Confirm():
                return self._confirm(request)
            case Await():
                return self._await(request)
            case Join():
                return self._join(request)
        text = (
            f"{self.party.name}: a process cannot yield {request!r}; yield sleep, until, receive, ask, confirm or join"
        )
        raise WorldError(text)

    def _receive(self, request: Receive) -> simpy.Event:
        batch = self._desk.fitting_mail(request)
        if batch is not None:
            return self._agenda.at(self._agenda.now_ms, AGENT, self.place, batch)
        event = self._agenda.open()
        queue = self._desk.wait(request, event)

        def give_up(_: simpy.Event) -> None:
            if not event.triggered:
                del queue[event]
                self._resume(event, None)

        if request.until_ms is not None:
            self._call(max(request.until_ms, self._agenda.now_ms), AGENT, give_up)
        return event

    def _confirm(self, request: Confirm) -> simpy.Event:
        event = self._agenda.open()

        def tell(traffic: Traffic) -> None:
            self._resume(event, outcome_of(traffic), int(known_ms(traffic).max()))

        if not self._post.when_sent(request.sent, tell):
            self._resume(event, Outcome((), ()))
        return event

    def _await(self, request: Await) -> simpy.Event:
        event = self._agenda.open()

        def ask(traffic: Traffic) -> None:
            asking = self._desk.ask(traffic, event)

            def stop(_: simpy.Event) -> None:
                if not event.triggered:
                    self._settle(asking.here(self._agenda.now_ms))
                if not event.triggered:
                    self._resume(event, asking.answers())

            over_ms = request.until_ms if asking.open else int(known_ms(traffic).max())
            self._call(max(over_ms, self._agenda.now_ms), AGENT, stop)

        if not self._post.when_sent(request.sent, ask):
            self._resume(event, Answers([], []))
        return event

    def _join(self, request: Join) -> simpy.Event:
        done = self._agenda.open()
        processes = [self._children[child] for child in request.children]
        self._agenda.after_all(processes, partial(self._resume, done))
        return done

    # --- arrivals ----------------------------------------------------------------------------------------------------

    def expect(self, traffic: Traffic, rows: I64) -> None:
        """Enter when the party has to do with rows that will arrive: at their arrival, when it next looks, or never."""
        party, record, at_ms = self.party, traffic.batch.record, traffic.delivered_ms[rows]
        if record in party.filed:
            return
        is_answer = traffic.batch.answer_to is not None
        if record in party.stored or record in party.looks or (record in self._gathers_ms and not is_answer):
            self._desk.store(traffic, rows)
            if record in self._periods_ms:
                self._look_at(at_ms, self._periods_ms[record])
            return
        if is_answer:
            self._expect_answers(traffic, rows)
            return
        if len(rows) == 1:
            self._arrive(int(at_ms[0]), traffic, rows)
            return
        order = np.argsort(at_ms, kind="stable")
        instants, first = np.unique(at_ms[order], return_index=True)
        for instant, part in zip(instants.tolist(), np.split(rows[order], first[1:]), strict=True):
            self._arrive(instant, traffic, part)

    def _expect_answers(self, traffic: Traffic, rows: I64) -> None:
        """Whoever asked goes on when all has come or the time is over, so answers are looked at when the last of what was sent together has come."""
        for asking, part in self._desk.by_question(traffic, rows):
            last_ms = int(traffic.delivered_ms[part].max())
            if asking is None:
                self._arrive(last_ms, traffic, part)
                continue
            asking.expect(traffic, part)
            self._call(last_ms, ARRIVAL, partial(self._settle_part, asking, traffic))

    def _settle_part(self, asking: Asking, traffic: Traffic, _: simpy.Event) -> None:
        self._settle([asking.coming.pop(id(traffic))])

    def _settle(self, here: Arrivals) -> None:
        """Take answers that have come."""
        for batch in gathered(parts_of(here)):
            late, complete = self._desk.settle_answers(batch)
            mark_late(here, late)
            for one in complete:
                self._resume(one.event, one.answers())

    def expect_back(self, traffic: Traffic, rows: I64) -> None:
        """Tell the party of refusals of what it sent, each when it is known."""

        def tell(some: I64, _: simpy.Event) -> None:
            self._wake()
            self.party.on_refusal(traffic.batch.take(some), [traffic.reason.get(row, "") for row in some.tolist()])
            self._carry_out()

        told_ms = np.maximum(known_ms(traffic)[rows], self._agenda.now_ms + 1)
        for at_ms in np.unique(told_ms).tolist():
            self._call(at_ms, ARRIVAL, partial(tell, rows[told_ms == at_ms]))

    def _look_at(self, delivered_ms: I64, period_ms: int) -> None:
        """Let the party look at its post at the first full period not before each arrival."""

        def look(at_ms: int, _: simpy.Event) -> None:
            self._desk.looks.discard(at_ms)
            self._wake()
            due = [record for record, period in self._gathers_ms.items() if at_ms % period == 0]
            for batch in gathered([batch for record in due for batch in self.party.stored_rows(record)]):
                self._hand_over(batch)
            self.party.look()
            self._carry_out()

        for at_ms in np.unique(-(-delivered_ms // period_ms) * period_ms).tolist():
            if at_ms not in self._desk.looks:
                self._desk.looks.add(at_ms)
                self._call(at_ms, AGENT, partial(look, at_ms))

    def _arrive(self, at_ms: int, traffic: Traffic, rows: I64) -> None:
        if at_ms not in self._desk.arrivals:
            self._desk.arrivals[at_ms] = []
            self._call(at_ms, ARRIVAL, self._arrived)
        self._desk.arrivals[at_ms].append((traffic, rows))

    def _arrived(self, _: simpy.Event) -> None:
        """Hand over what arrives at this instant, by record, sender and id."""
        self._wake()
        arrivals = self._desk.arrivals.pop(self._agenda.now_ms)
        for batch in merged(arrivals):
            if batch.answer_to is None:
                self._hand_over(batch)
            else:
                mark_late(arrivals, batch.ids)

    def _hand_over(self, batch: Batch[Any]) -> None:
        method = self._handlers.get(batch.record)
        if method is not None:
            result = attrgetter(method)(self.party)(batch)
            if isinstance(result, GeneratorType):
                self._start(result)
            self._carry_out()
            return
        event = self._desk.next_waiting(batch)
        if event is None:
            self._desk.mail.append(batch)
        else:
            self._resume(event, batch)

    # --- entries in the agenda ---------------------------------------------------------------------------------------

    def _start(self, process: Process, _: simpy.Event | None = None) -> None:
        self._agenda.start(self.drive(process))

    def _call(self, at_ms: int, rank: int, action: Callable[[simpy.Event], Any]) -> None:
        self._agenda.call(at_ms, rank, self.place, action)

    def _resume(self, event: simpy.Event, value: Any, at_ms: int = 0) -> None:
        self._agenda.resume(event, self.place, value, at_ms)
