"""The post: what parties send, from the instant at which they leave it to those at which somebody reacts to it.

Nothing sent at an instant arrives at it, so all that parties send at one goes to the bus together, after the agents of that instant.
"""

from collections.abc import Callable
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np

from data.arrays import I64
from environment.agenda import POST, Agenda
from environment.bus import Bus, KeyRing
from environment.journal import NEVER, REFUSED, Traffic
from environment.requests import Sent
from environment.wiretap import Wiretap

_FIRST = np.zeros(1, np.int64)
"""The row of a batch of one."""


class Mailbox(Protocol):
    """What the post needs of a party's side."""

    @property
    def ring(self) -> KeyRing:
        """The keys that it signs with."""

    def expect(self, traffic: Traffic, rows: I64) -> None:
        """Rows of this traffic will arrive at it."""

    def expect_back(self, traffic: Traffic, rows: I64) -> None:
        """Rows of this traffic, which it sent, are refused."""


class Post:
    """The post between mailboxes.

    Attributes:
        mailboxes: party -> where it receives; a message to any other is carried and journalled, and nobody reacts.
    """

    def __init__(self, agenda: Agenda, bus: Bus) -> None:
        self.mailboxes: dict[str, Mailbox] = {}
        self._agenda = agenda
        self._bus = bus
        self._outgoing: dict[Sent, tuple[Mailbox, list[Callable[[Traffic], None]]]] = {}
        self._sending_ms = NEVER
        self._fates: WeakKeyDictionary[Sent, Traffic] = WeakKeyDictionary()

    def leave(self, sent: Sent, sender: Mailbox) -> None:
        """Send something at the end of this instant."""
        self._outgoing[sent] = sender, []
        now_ms = self._agenda.now_ms
        if self._sending_ms != now_ms:
            self._sending_ms = now_ms
            self._agenda.call(now_ms, POST, 0, lambda _: self._send())

    def when_sent(self, sent: Sent, go_on: Callable[[Traffic], None]) -> bool:
        """Call ``go_on`` with what becomes of something as soon as it is known; false if it was never left here."""
        traffic = self._fates.get(sent)
        if traffic is not None:
            go_on(traffic)
        elif sent in self._outgoing:
            self._outgoing[sent][1].append(go_on)
        return traffic is not None or sent in self._outgoing

    def put_on_wire(self, name: str, tap: Wiretap) -> None:
        """Send what a party has left on its wiretap, after what was sent before; it learns of refusals like any sender."""
        left = tap.empty()
        if left:
            self._send()
        for sealed, signatures in left:
            for batch, signature in self._bus.unsealed(sealed, signatures):
                traffic = self._bus.inject(batch, signature, self._agenda.now_ms, tap.origin)
                self.carry(traffic, self.mailboxes[name])

    def carry(self, traffic: Traffic, sender: Mailbox | None = None) -> None:
        """Tell mailboxes what somebody reacts to: arrivals their receivers, refusals the sender."""
        if len(traffic.batch) == 1 and traffic.status[0] != REFUSED:  # the usual case
            if traffic.delivered_ms[0] != NEVER:
                self._announce(int(self._bus.directory.party[traffic.batch.receiver[0]]), traffic, _FIRST)
            return
        refused = np.flatnonzero(traffic.status == REFUSED)
        arriving = np.flatnonzero(traffic.delivered_ms != NEVER)
        if len(refused):
            arriving = np.setdiff1d(arriving, refused)
        parties = self._bus.directory.party[traffic.batch.receiver[arriving]]
        numbers = sorted(set(parties.tolist()))
        for number in numbers:
            self._announce(number, traffic, arriving if len(numbers) == 1 else arriving[parties == number])
        if len(refused) and sender is not None:
            sender.expect_back(traffic, refused)

    def _announce(self, party: int, traffic: Traffic, rows: I64) -> None:
        mailbox = self.mailboxes.get(self._bus.directory.parties[party])
        if mailbox is not None:
            mailbox.expect(traffic, rows)

    def _send(self) -> None:
        """Send what has been left at this instant, in the order in which it was left."""
        outgoing, self._outgoing, self._sending_ms = self._outgoing, {}, NEVER
        if not outgoing:
            return
        left = [(one.batch, one.unknown, sender.ring) for one, (sender, _) in outgoing.items()]
        fates = self._bus.post_all(left, self._agenda.now_ms)
        for (one, (sender, waiting)), traffic in zip(outgoing.items(), fates, strict=True):
            self._fates[one] = traffic
            self.carry(traffic, sender)
            for go_on in waiting:
                go_on(traffic)
