"""A desk: what has arrived for a party and waits, and what it waits for.

Within an instant post is handed over by record, conversation, sender and receiver, so that it does not show in which batches it was
sent (law 11); what a party stores is handed over when it next acts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy

from data.arrays import I64, U64
from environment.journal import LATE, NEVER, REFUSED, Traffic
from environment.messages.base import Batch, Record, joined
from environment.requests import Answers, Outcome, Receive

Arrivals = list[tuple[Traffic, I64]]
"""Rows of what was sent that arrive together."""


@dataclass
class Asking:
    """A question under way: message id -> place, what has come, and what is on its way."""

    place: dict[int, int]
    status: list[str]
    event: simpy.Event
    asked: I64
    batches: list[Batch[Any]] = field(default_factory=list)
    open: int = 0
    coming: dict[int, tuple[Traffic, I64]] = field(default_factory=dict)

    def expect(self, traffic: Traffic, rows: I64) -> None:
        """Note answers on their way."""
        self.coming[id(traffic)] = traffic, rows

    def here(self, now_ms: int) -> Arrivals:
        """What of the answers on their way has come by now, taken from them."""
        here = []
        for name, (traffic, rows) in list(self.coming.items()):
            come = traffic.delivered_ms[rows] <= now_ms
            here += [(traffic, rows[come])] if come.any() else []
            self.coming[name] = traffic, rows[~come]
        return here

    def answers(self) -> Answers:
        """What has come so far."""
        return Answers(self.status, self.batches)


@dataclass
class Desk:
    """What waits for a party, and what it waits for.

    Attributes:
        arrivals: what arrives at future instants.
        mail: what arrived and nobody has asked for yet.
        stored: bulk post on its way: earliest arrival, traffic, rows.
        looks: instants at which it will look at its post.
        waiting: processes that wait for a record, each with its turn.
        asking: open questions by message id.
    """

    arrivals: dict[int, Arrivals] = field(default_factory=dict)
    mail: list[Batch[Any]] = field(default_factory=list)
    stored: list[tuple[int, Traffic, I64]] = field(default_factory=list)
    looks: set[int] = field(default_factory=set)
    waiting: dict[tuple[type[Record], str | None], dict[simpy.Event, int]] = field(default_factory=dict)
    asking: dict[int, Asking] = field(default_factory=dict)
    _turn: int = 0

    # --- stored post -------------------------------------------------------------------------------------------------

    def store(self, traffic: Traffic, rows: I64) -> None:
        """Keep rows of bulk post until they have arrived and the party acts."""
        self.stored.append((int(traffic.delivered_ms[rows].min()), traffic, rows))

    def take_stored(self, now_ms: int, post: dict[type[Record], list[Batch[Any]]]) -> None:
        """Move the stored post that has arrived into a party's own."""
        if not self.stored:
            return
        left = []
        for earliest, traffic, rows in self.stored:
            if earliest > now_ms:
                left.append((earliest, traffic, rows))
                continue
            here = traffic.delivered_ms[rows] <= now_ms
            post.setdefault(traffic.batch.record, []).append(_part(traffic, rows[here]))
            if not here.all():
                rest = rows[~here]
                left.append((int(traffic.delivered_ms[rest].min()), traffic, rest))
        self.stored = left

    # --- mail and who waits for it -------------------------------------------------------------------------------------

    def fitting_mail(self, request: Receive) -> Batch[Any] | None:
        """The oldest mail that fits a request, which is taken; or None."""
        for place, batch in enumerate(self.mail):
            if _fits(request, batch):
                return self.mail.pop(place)
        return None

    def wait(self, request: Receive, event: simpy.Event) -> dict[simpy.Event, int]:
        """Let an event wait for what is requested; returns the queue it waits in."""
        queue = self.waiting.setdefault((request.record, request.conversation), {})
        queue[event] = self._turn = self._turn + 1
        return queue

    def next_waiting(self, batch: Batch[Any]) -> simpy.Event | None:
        """The event that has waited longest for a batch, taken from its queue; or None."""
        queues = [queue for key in _keys(batch) if (queue := self.waiting.get(key))]
        if not queues:
            return None
        first = min(queues, key=lambda queue: next(iter(queue.values())))
        event = next(iter(first))
        del first[event]
        return event

    # --- questions -----------------------------------------------------------------------------------------------------

    def ask(self, traffic: Traffic, event: simpy.Event) -> Asking:
        """Wait for the answers to what was sent; nobody answers what was refused."""
        refused = traffic.status == REFUSED
        place = {word: row for row, word in enumerate(traffic.batch.ids.tolist()) if not refused[row]}
        status = ["refused" if one else "lost" for one in refused]
        asking = Asking(place, status, event, traffic.batch.receiver, open=len(place))
        self.asking.update(dict.fromkeys(place, asking))
        return asking

    def by_question(self, traffic: Traffic, rows: I64) -> list[tuple[Asking | None, I64]]:
        """The rows of some answers by the question that they answer; None are those to a question that nobody waits for any more."""
        found: dict[int, tuple[Asking | None, list[int]]] = {}
        assert traffic.batch.answer_to is not None
        for row, word in zip(rows.tolist(), traffic.batch.answer_to[rows].tolist(), strict=True):
            asking = self.asking.get(word)
            found.setdefault(id(asking), (asking, []))[1].append(row)
        return [(asking, np.array(part, np.int64)) for asking, part in found.values()]

    def settle_answers(self, batch: Batch[Any]) -> tuple[U64, list[Asking]]:
        """Give answers to who asked.

        Returns:
            the ids of those that come too late, or from somebody who was not asked, and the questions that are now complete.
        """
        assert batch.answer_to is not None
        groups: dict[int, tuple[Asking, list[int]]] = {}
        late = np.zeros(len(batch), bool)
        for row, word in enumerate(batch.answer_to.tolist()):
            asking = self.asking.get(word)
            if asking is None or asking.asked[asking.place[word]] != batch.sender[row]:
                late[row] = True
                continue
            del self.asking[word]
            late[row] = asking.event.triggered
            asking.status[asking.place[word]] = "late" if late[row] else "answered"
            if not late[row]:
                groups.setdefault(id(asking), (asking, []))[1].append(row)
        complete = []
        for asking, rows in groups.values():
            asking.batches.append(batch.take(np.array(rows)))
            asking.open -= len(rows)
            if not asking.open:
                complete.append(asking)
        return batch.ids[late], complete


def mark_late(arrivals: Arrivals, words: U64) -> None:
    """Mark the messages with these ids as late."""
    if len(words):
        for traffic, rows in arrivals:
            traffic.status[rows[np.isin(traffic.batch.ids[rows], words)]] = LATE


def known_ms(traffic: Traffic) -> I64:
    """When the sender knows what became of each message."""
    if len(traffic.batch) == 1 and traffic.acknowledged_ms[0] != NEVER:  # the usual case
        return traffic.acknowledged_ms
    known = np.where(traffic.acknowledged_ms != NEVER, traffic.acknowledged_ms, traffic.given_up_ms)
    return np.where((known == NEVER) & (traffic.status == REFUSED), traffic.batch.sent_ms + 1, known)


def outcome_of(traffic: Traffic) -> Outcome:
    """What became of each message, as its sender knows it."""
    fates = zip(traffic.status.tolist(), traffic.acknowledged_ms.tolist(), strict=True)
    known = tuple(
        "refused" if status == REFUSED else "lost" if at_ms == NEVER else "acknowledged" for status, at_ms in fates
    )
    return Outcome(known, tuple(traffic.reason.get(row, "") for row in range(len(known))))


def merged(arrivals: Arrivals) -> list[Batch[Any]]:
    """What arrived at one instant: a batch for each record, conversation, instant of sending and form of profiles.

    Its rows are ordered by sender and receiver, those of one pair in the order of sending (law 3).
    """
    if len(arrivals) == 1:  # the usual case
        return [_ordered(_part(*arrivals[0]))]
    groups: dict[tuple[Any, ...], list[Batch[Any]]] = {}
    for traffic, rows in arrivals:
        part = _part(traffic, rows)
        form = tuple(part.columns[name].shape[1:] for name in sorted(part.columns))
        key = (part.record.__name__, part.conversation, part.sent_ms, part.answer_to is not None, form)
        groups.setdefault(key, []).append(part)
    return [_ordered(joined(groups[key])) for key in sorted(groups)]


def parts_of(arrivals: Arrivals) -> list[Batch[Any]]:
    """The rows of what arrived as batches, with their times of receipt."""
    return [_part(traffic, rows) for traffic, rows in arrivals]


def gathered(arrived: Sequence[Batch[Any]]) -> list[Batch[Any]]:
    """What arrived within a period: batches as in ``merged``, in the order in which the first of each came; rows by time of receipt, then as there."""
    groups: dict[tuple[Any, ...], list[Batch[Any]]] = {}
    for part in arrived:
        if len(part):
            form = tuple(part.columns[name].shape[1:] for name in sorted(part.columns))
            groups.setdefault((part.record.__name__, part.conversation, part.sent_ms, form), []).append(part)
    found = {}
    for key, parts in groups.items():
        whole = joined(parts)
        whole = whole.take(np.lexsort((whole.receiver, whole.sender, whole.received_ms)))
        found[int(whole.received_ms[0]), *key] = whole
    return [found[key] for key in sorted(found)]


def _ordered(batch: Batch[Any]) -> Batch[Any]:
    return batch.take(np.lexsort((batch.receiver, batch.sender))) if len(batch) > 1 else batch


def _part(traffic: Traffic, rows: I64) -> Batch[Any]:
    part = traffic.batch.take(rows)
    part.received_ms = traffic.delivered_ms[rows]
    return part


def _keys(batch: Batch[Any]) -> tuple[tuple[type[Record], str | None], ...]:
    return (batch.record, batch.conversation), (batch.record, None)


def _fits(request: Receive, batch: Batch[Any]) -> bool:
    """Whether mail is what is asked for, received in time (law 3: by its time of receipt, whenever it is read)."""
    in_time = request.until_ms is None or bool(batch.received_ms[0] <= request.until_ms)
    return in_time and (request.record, request.conversation) in _keys(batch)
