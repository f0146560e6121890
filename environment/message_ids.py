"""The ids of messages: from what a message is, not from a counter, so that nobody's messages change those of others (law 4)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from data.arrays import U64
from environment.chance import FEW, name_hash
from environment.journal import NEVER
from environment.messages.base import Batch
from environment.messages.digest import GOLDEN, mix, mix_word
from environment.wire import chained

_GOLDEN = np.uint64(GOLDEN)


class MessageIds:
    """Gives ids by sender, receiver, record, conversation, instant and the ordinal among equals of that instant.

    Args:
        hashes: 64 stable bits of the name of every address.
    """

    def __init__(self, hashes: U64) -> None:
        self._hashes = hashes
        self._instant = NEVER
        self._posted: list[tuple[int, U64]] = []

    def none_at(self, now_ms: int) -> bool:
        """Whether no id was given at an instant yet."""
        return now_ms != self._instant or not self._posted

    def keep(self, posted: list[tuple[int, U64]], now_ms: int) -> None:
        """Remember the first ids of an instant, which somebody else has made: (``what_of``, ids) of each batch."""
        self._instant, self._posted = now_ms, posted

    @staticmethod
    def what_of(batch: Batch[Any], now_ms: int) -> int:
        """64 bits of record, conversation and instant."""
        return name_hash(f"{batch.record.__name__}/{batch.conversation}/{now_ms}")

    def one(self, sender: int, receiver: int, what: int) -> int:
        """The id of one message, the first of its kind at its instant."""
        return mix_word(self._hashes.item(sender) * GOLDEN ^ mix_word(self._hashes.item(receiver) + what))

    def give(self, batches: Sequence[Batch[Any]], now_ms: int) -> None:
        """Ids from what a message is (sender, receiver, record, conversation, instant, ordinal among equals), not from a counter."""
        if now_ms != self._instant:
            self._instant, self._posted = now_ms, []
        whats = [self.what_of(batch, now_ms) for batch in batches]
        hashes = self._hashes
        sender, receiver = (
            hashes[chained([getattr(batch, side) for batch in batches])] for side in ("sender", "receiver")
        )
        lengths = list(map(len, batches))
        if len(sender) > FEW:
            what = np.repeat(np.array(whats, np.uint64), lengths)
            ids = mix(sender * _GOLDEN ^ mix(receiver + what))
        else:
            pairs = zip(
                sender.tolist(), receiver.tolist(), np.repeat(np.arange(len(whats)), lengths).tolist(), strict=True
            )
            ids = np.array([mix_word(one * GOLDEN ^ mix_word(other + whats[k])) for one, other, k in pairs], np.uint64)
        parts = np.split(ids, np.cumsum(lengths[:-1])) if len(batches) > 1 else [ids]
        earlier = self._posted
        self._posted = [*earlier, *zip(whats, parts, strict=True)]
        if _repeats(np.sort(chained([ids, *(part for _, part in earlier)]))):
            parts = self._told_apart(len(earlier))
        for batch, own in zip(batches, parts, strict=True):
            batch.ids = own

    def _told_apart(self, first: int) -> list[U64]:
        """Equal messages of one instant get ids of their own, by their ordinal among those posted of their kind; of the batches from ``first``."""
        alike: dict[int, list[int]] = {}
        for place, (what, _) in enumerate(self._posted):
            alike.setdefault(what, []).append(place)
        found = [ids for _, ids in self._posted]
        for places in alike.values():
            ids = chained([self._posted[place][1] for place in places])
            ordinals = _ordinals(ids)
            apart = np.where(ordinals > 0, mix(ids + ordinals * _GOLDEN), ids)
            ends = np.cumsum([len(found[place]) for place in places])
            for place, own in zip(places, np.split(apart, ends[:-1]), strict=True):
                found[place] = own
        return found[first:]


def _repeats(ordered: U64) -> bool:
    return bool((ordered[1:] == ordered[:-1]).any())


def _ordinals(words: U64) -> U64:
    """How many equal words stand before each, shape (n,)."""
    order = np.argsort(words, kind="stable")
    ordered = words[order]
    fresh = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    begins = np.maximum.accumulate(np.where(fresh, np.arange(len(words)), 0))
    ordinals = np.empty(len(words), np.uint64)
    ordinals[order] = np.arange(len(words)) - begins
    return ordinals
