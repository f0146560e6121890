"""A wiretap: the instrument of whoever listens on the wire between parties and can put something on it.

It is what a public network allows and no more (law 6): copies of what passes between parties, as it was signed, and a place to leave
messages with ids, senders and signatures of one's own making. What stays inside a party is not heard. The world hands over what was
heard and puts on the wire what was left, at the same instant, like the requests on any other writable instrument. Personal messages are sealed
(``environment.sealing``): of them it has envelopes and boxes that it cannot open.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data.arrays import I64, U64
from environment.messages.base import Batch
from environment.sealing import Seals


@dataclass(frozen=True)
class Heard:
    """True messages of one instant, as they passed: content, ids, and signatures of shape (n,)."""

    batch: Batch[Any]
    signature: U64


@dataclass
class Wiretap:
    """What one listener hears, and what it puts on the wire.

    Attributes:
        origin: number of the address at which it is connected.
        records: names of the records that it keeps; others pass unheard.
        heard: what passed so far by record, oldest first.
        pending: batches left for the wire, with a signature for each message.
    """

    origin: int
    records: frozenset[str]
    heard: dict[str, list[Heard]] = field(default_factory=dict)
    pending: list[tuple[Batch[Any], U64]] = field(default_factory=list)

    def overhear(self, batch: Batch[Any], signature: U64, party: I64, seals: Seals) -> None:
        """Keep copies of the messages of a batch that pass between two parties; ``party`` is the party of every address."""
        if batch.record.__name__ in self.records:
            rows = np.flatnonzero((batch.receiver >= 0) & (party[batch.sender] != party[batch.receiver]))
            if len(rows):
                part = batch.take(rows)
                passed = seals.sealed(part) if batch.record.personal else part
                self.heard.setdefault(batch.record.__name__, []).append(Heard(passed, signature[rows]))

    def between(self, record: str, from_ms: int, to_ms: int) -> list[Heard]:
        """What was sent of a record in [from_ms, to_ms), by instant and id: not by who acted first within an instant."""
        known = self.heard.get(record, [])
        first, last = (bisect_left(known, at_ms, key=lambda one: one.batch.sent_ms) for at_ms in (from_ms, to_ms))
        return sorted(known[first:last], key=lambda one: (one.batch.sent_ms, int(one.batch.ids.min())))

    def put(self, batch: Batch[Any], signature: U64) -> None:
        """Leave messages for the wire; ids and senders are those that the batch states."""
        self.pending.append((batch, signature))

    def empty(self) -> list[tuple[Batch[Any], U64]]:
        """What was left for the wire, which is taken."""
        left, self.pending = self.pending, []
        return left
