"""The bus: what happens to a message between two addresses.

Delay, loss, duplication, outage and partition act on every transmission and every acknowledgement; an unacknowledged message is sent again
60 s later (SUC06.2/SEC-3), up to the channel's number of attempts. All draws are addressed by message id and attempt, and all disturbances are known
by the clock, so the whole fate of a batch is computed when it is posted, as columns: the world schedules only what somebody reacts to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from data.arrays import F64, I64, U64, Bool
from environment.addresses import Directory
from environment.chance import FEW, Chance, name_hash, philox, philox_word
from environment.channels import INTERNAL, Channel, Disturbance, DroppedAcknowledgements, Outage, Partition
from environment.door import Door
from environment.journal import ACKNOWLEDGED, DELIVERED, NEVER, Journal, Traffic
from environment.message_ids import MessageIds
from environment.messages.base import Batch
from environment.messages.digest import digest_rows, digest_words, mix
from environment.quotas import Quotas
from environment.sealing import Seals
from environment.wire import Wire, chained, digests_of, sign, traffic_of, wire_of
from environment.wiretap import Wiretap

_TWO53 = 1.0 / (1 << 53)


@dataclass(frozen=True)
class KeyRing:
    """The signing keys of the addresses of one party."""

    numbers: I64
    keys: U64

    def of(self, addresses: I64) -> U64:
        """The key of each address; 0 where the ring has none."""
        if len(addresses) <= FEW:
            return np.array([self.key(number) for number in addresses.tolist()], np.uint64)
        if not len(self.numbers):
            return np.zeros(len(addresses), np.uint64)
        place = np.minimum(np.searchsorted(self.numbers, addresses), len(self.numbers) - 1)
        return np.where(self.numbers[place] == addresses, self.keys[place], np.uint64(0))

    def key(self, address: int) -> int:
        """``of`` of one address."""
        return self._of_one.get(address, 0)

    @cached_property
    def _of_one(self) -> dict[int, int]:
        return dict(zip(self.numbers.tolist(), self.keys.tolist(), strict=True))


class Bus:
    """Carries batches between addresses and keeps the journal.

    Attributes:
        journal: everything that was sent, acknowledged, lost or refused.
    """

    def __init__(
        self,
        directory: Directory,
        chance: Chance,
        permissions: Mapping[str, frozenset[str]],
        channels: Mapping[str, Channel] | None = None,
        channel_of: Mapping[str, str] | None = None,
        default: Channel | None = None,
        inside: Channel = INTERNAL,
        disturbances: tuple[Disturbance, ...] = (),
        authenticate: bool = True,
    ) -> None:
        """Wire up.

        Args:
            directory: all addresses.
            chance: source of the draws.
            permissions: for each record the actors that may send it; a record that is not listed may be sent by anybody.
            channels: channels by name.
            channel_of: address -> name of the channel that it is reached by.
            default: channel of all others.
            inside: channel between systems of one party.
            disturbances: outages, partitions, dropped acknowledgements.
            authenticate: whether signatures, roles and repeated ids are checked on receipt.
        """
        self.directory = directory
        self.journal = Journal(directory)
        self._taps: list[Wiretap] = []
        self._disturbances = disturbances
        self._channels = [inside, default or Channel(), *(channels or {}).values()]
        self._within_ms = np.array([one.acknowledge_within_ms for one in self._channels])
        self._attempts = np.array([one.attempts for one in self._channels])
        self._loss_share = np.array([one.loss_share for one in self._channels])
        self._duplication_share = np.array([one.duplication_share for one in self._channels])
        self._quotas = Quotas([one.messages_per_s for one in self._channels])
        self._calm = not (disturbances or self._loss_share.any() or self._duplication_share.any())
        self._channel_of = self._assign(list(channels or {}), channel_of or {})
        permitted = {
            record: np.any([np.zeros(len(directory.names), bool), *map(directory.playing, sorted(actors))], axis=0)
            for record, actors in permissions.items()
        }
        self._door = Door(permitted, authenticate)
        self._ids = MessageIds(directory.hashes, directory.copy)
        self._marks = self._ids.marks_of(np.arange(len(directory.names)))
        names = directory.hashes if self._marks is None else directory.hashes ^ self._marks
        self._keys = mix(names ^ np.uint64(name_hash(f"{chance.seed}/signing key")))
        self._delay_key = name_hash(f"{chance.seed}/bus.delay")
        self._loss = chance.stream("bus.loss")
        self._acknowledgement_loss = chance.stream("bus.acknowledgement-loss")
        self._duplication = chance.stream("bus.duplication")
        self._fault = chance.stream("bus.dropped-acknowledgement")
        self._seals = Seals(directory, chance.seed)

    def _assign(self, named: list[str], channel_of: Mapping[str, str]) -> I64:
        place = {name: 2 + number for number, name in enumerate(named)}
        channel = (place[channel_of[name]] if name in channel_of else 1 for name in self.directory.names)
        return np.fromiter(channel, np.int64, len(self.directory.names))

    def key_ring(self, party: int) -> KeyRing:
        """The keys of a party's own addresses, handed to it when the world is built."""
        numbers = np.flatnonzero(self.directory.party == party)
        return KeyRing(numbers, self._keys[numbers])

    # --- posting ---------------------------------------------------------------------------------------------------

    def post(self, batch: Batch[Any], ring: KeyRing, now_ms: int, unknown: dict[int, str] | None = None) -> Traffic:
        """Send a batch at ``now_ms``, signed with the sender's keys; returns its fate and writes it into the journal.

        ``unknown`` names the receivers that are no address (their number is -1): refused, journalled.
        """
        return self.post_all([(batch, unknown or {}, ring)], now_ms)[0]

    def post_all(self, sent: Sequence[tuple[Batch[Any], dict[int, str], KeyRing]], now_ms: int) -> list[Traffic]:
        """Send batches, with their unknown receivers and their senders' keys, one after the other at ``now_ms``, in one calculation."""
        batches = [batch for batch, _, _ in sent]
        for batch in batches:
            batch.sent_ms = now_ms
        few = self._posted_at_once(sent, now_ms) if sum(map(len, batches)) <= FEW else None
        if few is not None:
            return few
        self._ids.give(batches, now_ms)
        wire = wire_of(batches, digests_of(batches), now_ms)
        if self._marks is not None:
            wire.drawn = wire.ids ^ self._marks[wire.sender]
        wire.signature = sign(chained([ring.of(batch.sender) for batch, _, ring in sent]), wire.digest, wire.ids)
        return self._carry(wire, batches, [unknown for _, unknown, _ in sent])

    def _posted_at_once(
        self, sent: Sequence[tuple[Batch[Any], dict[int, str], KeyRing]], now_ms: int
    ) -> list[Traffic] | None:
        """Send a few rows in plain integers, where nothing can be lost, nobody listens and nothing is to be refused.

        What is signed with the key of its sender is genuine, so no signature is written out.

        Returns:
            their fates; None, and nothing done, if one row is not as usual or not acknowledged at its first transmission.
        """
        if not self._calm or self._taps or self._quotas.limits or not self._ids.none_at(now_ms):
            return None
        found = []
        for batch, unknown, ring in sent:
            record, n = batch.record.__name__, len(batch)
            what = self._ids.what_of(batch, now_ms)
            ids, arrivals, acknowledgements = [], [], []
            for sender, receiver in zip(batch.sender.tolist(), batch.receiver.tolist(), strict=True):
                if unknown or receiver < 0 or not self._door.admits(record, sender) or not self._owns(ring, sender):
                    return None
                word = self._ids.one(sender, receiver, what)
                one = self._channels[self._channel_between(sender, receiver)]
                out_word, back_word = philox_word(self._delay_key, 0, word)
                arrival_ms = now_ms + one.delay.one_ms((out_word >> 11) * _TWO53)
                back_ms = arrival_ms + one.delay.one_ms((back_word >> 11) * _TWO53)
                if back_ms >= now_ms + one.acknowledge_within_ms:
                    return None
                ids.append(word if self._marks is None else word ^ self._marks.item(sender))
                arrivals.append(arrival_ms)
                acknowledgements.append(back_ms)
            never, none = [NEVER] * n, [0] * n
            fates = np.array([arrivals, acknowledgements, never, [1] * n, none, [ACKNOWLEDGED] * n], np.int64)
            digest = np.array(digest_words(record, batch.columns, n), np.uint64)
            found.append((what, ids, traffic_of(batch, digest, fates, unknown)))
        words = [word for _, ids, _ in found for word in ids]
        if len(set(words)) < len(words):
            return None
        for _, ids, traffic in found:
            traffic.batch.ids = np.array(ids, np.uint64)
        traffics = [traffic for _, _, traffic in found]
        self._ids.keep([self._of_kind(what, traffic.batch) for what, _, traffic in found], now_ms)
        self.journal.traffic += traffics
        return traffics

    def _of_kind(self, what: int, batch: Batch[Any]) -> tuple[tuple[int, int], U64]:
        """Kind and ids without mark of a batch, for ``MessageIds.keep``."""
        copy = self._ids.copy_of(batch.sender.item(0)) if len(batch) else 1
        return (what, copy), batch.ids if self._marks is None else batch.ids ^ self._marks[batch.sender]

    def _owns(self, ring: KeyRing, sender: int) -> bool:
        return ring.key(sender) == self._keys.item(sender)

    def _channel_between(self, sender: int, receiver: int) -> int:
        """Channel number of one message, as ``_channel``."""
        party, of = self.directory.party, self._channel_of
        if party.item(sender) == party.item(receiver):
            return 0
        named = of.item(receiver)
        return named if named > 1 else of.item(sender)

    def unsealed(self, batch: Batch[Any], signature: U64) -> list[tuple[Batch[Any], U64]]:
        """What receivers make of a batch from a wiretap, with the signatures: sealed messages opened, those that do not open as what they are."""
        return [(part, signature[rows]) for part, rows in self._seals.opened(batch)]

    def listen(self, tap: Wiretap) -> None:
        """Let a tap hear from now on what passes between parties."""
        self._taps.append(tap)

    def inject(self, batch: Batch[Any], signature: U64, now_ms: int, origin: int | None = None) -> Traffic:
        """Put a batch on the wire as it is, with ids, sender and signature of somebody's making (an attack, or a repetition).

        It leaves from the address number ``origin``, by default from the stated sender, and draws fates of its own.
        """
        batch.sent_ms = now_ms
        wire = wire_of([batch], [digest_rows(batch.record.__name__, batch.columns)], now_ms)
        wire.signature = signature
        wire.drawn = mix(wire.ids + np.uint64(name_hash(f"injected/{now_ms}")))
        if origin is not None:
            wire.origin = np.full(len(batch), origin, np.int64)
        return self._carry(wire, [batch], [{}], self.journal)[0]

    def _carry(
        self,
        wire: Wire,
        batches: Sequence[Batch[Any]],
        unknown: Sequence[dict[int, str]],
        before: Journal | None = None,
    ) -> list[Traffic]:
        """Transmit, check at the door, journal; ``before`` where the ids are not new, with what they may repeat."""
        self._transmit(wire)
        genuine = sign(self._keys[wire.sender], wire.digest, wire.ids) == wire.signature
        found, first = [], 0
        for batch, names in zip(batches, unknown, strict=True):
            rows = slice(first, first + len(batch))
            traffic = wire.traffic(batch, rows, names)
            self._door.check(traffic, genuine[rows], wire.sent_ms, before)
            for tap in self._taps if before is None else ():
                tap.overhear(batch, wire.signature[rows], self.directory.party, self._seals)
            found.append(traffic)
            first = rows.stop
        self.journal.traffic += found
        return found

    # --- transmission ----------------------------------------------------------------------------------------------

    def _transmit(self, wire: Wire) -> None:
        channel = self._channel(wire)
        if self._quotas.limits:
            party = self.directory.party[wire.origin]
            wire.waits_ms = self._quotas.waits_ms(channel, party, wire.receiver, wire.drawn, wire.sent_ms)
        if self._calm and self._all_at_once(wire, channel):
            return
        waiting = np.arange(len(wire.ids))
        within_ms, attempts = self._within_ms[channel], self._attempts[channel]
        for attempt in range(int(attempts.max())):
            waiting = self._attempt(wire, channel, within_ms, waiting[attempts[waiting] > attempt], attempt)
            if not len(waiting):
                break
        given_up = (wire.acknowledged_ms == NEVER) & (wire.receiver >= 0)
        wire.given_up_ms[given_up] = (wire.leaves_ms + wire.attempts * within_ms)[given_up]
        wire.status[wire.delivered_ms != NEVER] = DELIVERED
        wire.status[wire.acknowledged_ms != NEVER] = ACKNOWLEDGED

    def _all_at_once(self, wire: Wire, channel: I64) -> bool:
        """Send where nothing can be lost; False, and nothing done, if a row is not acknowledged at its first transmission."""
        out_word, back_word = philox(self._delay_key, np.uint64(0), wire.drawn)
        arrival_ms = wire.leaves_ms + self._delays(channel, out_word)
        back_ms = arrival_ms + self._delays(channel, back_word)
        if (wire.receiver < 0).any() or (back_ms >= wire.leaves_ms + self._within_ms[channel]).any():
            return False
        wire.delivered_ms[:], wire.acknowledged_ms[:] = arrival_ms, back_ms
        wire.attempts[:], wire.status[:] = 1, ACKNOWLEDGED
        return True

    def _channel(self, wire: Wire) -> I64:
        """Channel number of every message: internal within a party, else the receiver's, else the sender's."""
        party, of = self.directory.party, self._channel_of
        named = np.where(of[wire.receiver] > 1, of[wire.receiver], of[wire.origin])
        return np.where(party[wire.receiver] == party[wire.origin], 0, named)

    def _attempt(self, wire: Wire, channel: I64, within_ms: I64, rows: I64, attempt: int) -> I64:
        """Transmit ``rows`` once; returns those still unacknowledged when the timeout ends."""
        ids, sender, receiver, channel = wire.drawn[rows], wire.origin[rows], wire.receiver[rows], channel[rows]
        start_ms = wire.leaves_ms[rows] + attempt * within_ms[rows]
        out_word, back_word = philox(self._delay_key, np.uint64(attempt), ids)
        arrival_ms = start_ms + self._delays(channel, out_word)
        back_ms = arrival_ms + self._delays(channel, back_word)
        loss = self._loss_share[channel]
        arrives = ~self._happens(self._loss, loss, ids, attempt) & (receiver >= 0)
        arrives &= self._passes(sender, receiver, start_ms, arrival_ms)
        returns = arrives & ~self._happens(self._acknowledgement_loss, loss, ids, attempt)
        returns &= self._passes(receiver, sender, arrival_ms, back_ms) & ~self._dropped(
            receiver, arrival_ms, ids, attempt
        )
        wire.attempts[rows] += 1
        before_ms = wire.delivered_ms[rows]
        wire.duplicates[rows] += arrives & (before_ms != NEVER)
        twice = self._happens(self._duplication, self._duplication_share[channel], ids, attempt)
        wire.duplicates[rows] += arrives & twice
        earliest = arrives & ((before_ms == NEVER) | (arrival_ms < before_ms))  # a repetition may overtake
        wire.delivered_ms[rows[earliest]] = arrival_ms[earliest]
        in_time = returns & (back_ms < start_ms + within_ms[rows])
        wire.acknowledged_ms[rows[in_time]] = back_ms[in_time]
        return rows[~in_time & (receiver >= 0)]

    def _delays(self, channel: I64, word: U64) -> I64:
        u = (word >> np.uint64(11)).astype(np.float64) * _TWO53
        if (channel == channel[:1]).all():  # the usual case
            return self._channels[int(channel[0])].delay.ms(u) if len(channel) else np.empty(0, np.int64)
        delay = np.empty(len(channel), np.int64)
        for number in np.unique(channel):
            rows = channel == number
            delay[rows] = self._channels[number].delay.ms(u[rows])
        return delay

    @staticmethod
    def _happens(stream: Any, share: F64, ids: U64, attempt: int) -> Bool:
        # A draw that cannot matter is not made: draws have addresses, so leaving one out shifts no other.
        if not share.any():
            return np.zeros(len(ids), bool)
        return np.asarray(stream.uniform(ids, attempt) < share)

    def _passes(self, source: I64, target: I64, leaves_ms: Any, arrives_ms: I64) -> Bool:
        """Whether no outage holds the source when it sends or the target on arrival, and no partition lies between."""
        passes = np.ones(len(source), bool)
        for one in self._disturbances:
            if isinstance(one, Outage):
                passes &= ~(one.addresses[source] & _during(one, leaves_ms))
                passes &= ~(one.addresses[target] & _during(one, arrives_ms))
            elif isinstance(one, Partition):
                across = (one.one[source] & one.other[target]) | (one.other[source] & one.one[target])
                passes &= ~(across & _during(one, arrives_ms))
        return passes

    def _dropped(self, receiver: I64, at_ms: I64, ids: U64, attempt: int) -> Bool:
        dropped = np.zeros(len(receiver), bool)
        for one in self._disturbances:
            if isinstance(one, DroppedAcknowledgements):
                share = np.where(one.receivers[receiver] & _during(one, at_ms), one.share, 0.0)
                dropped |= self._happens(self._fault, share, ids, attempt)
        return dropped


def _during(window: Outage | Partition | DroppedAcknowledgements, at_ms: Any) -> Any:
    return (at_ms >= window.from_ms) & (at_ms < window.to_ms)
