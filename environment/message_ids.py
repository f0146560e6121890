"""The ids of messages: from what a message is, not from a counter, so that nobody's messages change those of others (law 4).

Where a district is copied (``data.copies``), the id of a clone's message is that of its original's with the mark of the copy on it, and its draws go by
the id without mark: what happens to a message of the original happens to that of each clone.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from data.arrays import I64, U64
from data.copies import original
from environment.chance import FEW, name_hash
from environment.journal import NEVER
from environment.messages.base import Batch
from environment.messages.digest import GOLDEN, mix, mix_word
from environment.wire import chained

_GOLDEN = np.uint64(GOLDEN)
_NO_MARK = np.uint64(0)

Kind = tuple[int, int]
"""What messages that may get equal ids have in common: bits of what they are (``what_of``), and the number of their copy."""


class MessageIds:
    """Gives ids by sender, receiver, record, conversation, instant and the ordinal among equals of that instant.

    Args:
        hashes: 64 stable bits of the name of every address, a clone's those of its original.
        copy: number of the copy of every address; None where nothing is copied.
    """

    def __init__(self, hashes: U64, copy: I64 | None = None) -> None:
        self._hashes = hashes
        self._copy = copy if copy is not None and (copy > 1).any() else None
        self._instant = NEVER
        self._posted: list[tuple[Kind, U64]] = []

    def none_at(self, now_ms: int) -> bool:
        """Whether no id was given at an instant yet."""
        return now_ms != self._instant or not self._posted

    def keep(self, posted: list[tuple[Kind, U64]], now_ms: int) -> None:
        """Remember the first ids of an instant, which somebody else has made: kind and ids without mark of each batch."""
        self._instant, self._posted = now_ms, posted

    def copy_of(self, sender: int) -> int:
        """The number of the copy that a sender belongs to."""
        return 1 if self._copy is None else self._copy.item(sender)

    def marks_of(self, sender: I64) -> U64 | None:
        """The marks on the ids of messages of these senders, shape (rows,); None where nothing is copied."""
        if self._copy is None:
            return None
        each, place = np.unique(self._copy[sender], return_inverse=True)
        return np.array([_mark(number) for number in each.tolist()], np.uint64)[place]

    @staticmethod
    def what_of(batch: Batch[Any], now_ms: int) -> int:
        """64 bits of record, conversation and instant."""
        return name_hash(f"{batch.record.__name__}/{original(batch.conversation)}/{now_ms}")

    def one(self, sender: int, receiver: int, what: int) -> int:
        """The id of one message without mark, the first of its kind at its instant."""
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
        copies = [self.copy_of(batch.sender.item(0)) if len(batch) else 1 for batch in batches]
        self._posted = [*earlier, *zip(zip(whats, copies, strict=True), parts, strict=True)]
        if _repeats(np.sort(chained([part ^ _mark(copy) if copy > 1 else part for (_, copy), part in self._posted]))):
            parts = self._told_apart(len(earlier))
        for batch, own, copy in zip(batches, parts, copies, strict=True):
            batch.ids = own ^ _mark(copy) if copy > 1 else own

    def _told_apart(self, first: int) -> list[U64]:
        """Equal messages of one instant get ids of their own, by their ordinal among those posted of their kind; of the batches from ``first``."""
        alike: dict[Kind, list[int]] = {}
        for place, (kind, _) in enumerate(self._posted):
            alike.setdefault(kind, []).append(place)
        found = [ids for _, ids in self._posted]
        for places in alike.values():
            ids = chained([self._posted[place][1] for place in places])
            ordinals = _ordinals(ids)
            apart = np.where(ordinals > 0, mix(ids + ordinals * _GOLDEN), ids)
            ends = np.cumsum([len(found[place]) for place in places])
            for place, own in zip(places, np.split(apart, ends[:-1]), strict=True):
                found[place] = own
        return found[first:]


@cache
def _mark(copy: int) -> np.uint64:
    """What is on the ids of a copy: 64 bits, of the original none."""
    return np.uint64(name_hash(f"copy {copy}")) if copy > 1 else _NO_MARK


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
