"""What is on its way between addresses: rows of one batch or several, sent at one instant, with their digests and signatures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.arrays import I64, U64
from environment.chance import FEW
from environment.journal import BULK, LOST, NEVER, Traffic
from environment.messages.base import Batch
from environment.messages.digest import GOLDEN, digest_rows, mix, mix_word

_GOLDEN = np.uint64(GOLDEN)


@dataclass
class Wire:
    """Rows on their way, of one batch or several, sent at one instant; arrays of shape (rows,).

    ``origin`` is where they really leave, ``drawn`` what their draws are addressed by: sender and id, but for what is injected.
    """

    origin: I64
    sender: I64
    receiver: I64
    ids: U64
    drawn: U64
    digest: U64
    signature: U64
    sent_ms: int
    delivered_ms: I64
    acknowledged_ms: I64
    given_up_ms: I64
    attempts: I64
    duplicates: I64
    status: I64
    waits_ms: I64 | None = None
    """How long each waits at its sender before it leaves; None: nothing does."""

    @property
    def leaves_ms(self) -> I64:
        """When each is transmitted first."""
        return np.full(len(self.ids), self.sent_ms) if self.waits_ms is None else self.sent_ms + self.waits_ms

    def traffic(self, batch: Batch[Any], rows: slice, unknown: dict[int, str]) -> Traffic:
        """The fate of the batch in these rows; a small part of much is copied, so that the journal does not keep all for its sake."""
        alone = len(batch) < BULK <= len(self.ids)

        def own(column: NDArray[Any]) -> NDArray[Any]:
            return column[rows].copy() if alone else column[rows]

        return Traffic(
            batch, own(self.digest), own(self.delivered_ms), own(self.acknowledged_ms), own(self.given_up_ms), own(self.attempts),
            own(self.duplicates), own(self.status), {}, unknown,
        )  # fmt: skip


def wire_of(batches: Sequence[Batch[Any]], digests: Sequence[U64], now_ms: int) -> Wire:
    """The rows of batches one after the other; nothing has happened to them yet."""
    sender, receiver, ids = (
        chained([getattr(batch, name) for batch in batches]) for name in ("sender", "receiver", "ids")
    )
    digest, n = chained(digests), len(sender)
    columns = np.empty((6, n), np.int64)
    columns[:3], columns[3:5], columns[5] = NEVER, 0, LOST
    delivered_ms, acknowledged_ms, given_up_ms, attempts, duplicates, status = columns
    return Wire(
        sender, sender, receiver, ids, ids, digest, digest, now_ms, delivered_ms, acknowledged_ms, given_up_ms, attempts, duplicates, status
    )  # fmt: skip


def traffic_of(batch: Batch[Any], digest: U64, fates: I64, unknown: dict[int, str]) -> Traffic:
    """Rows of what became of a batch, (6, n), in the order of ``Traffic``."""
    delivered_ms, acknowledged_ms, given_up_ms, attempts, duplicates, status = fates
    return Traffic(
        batch, digest, delivered_ms, acknowledged_ms, given_up_ms, attempts, duplicates, status, {}, unknown
    )  # fmt: skip


def digests_of(batches: Sequence[Batch[Any]]) -> list[U64]:
    """The digests of batches; those of one record and form are worked out together."""
    if len(batches) == 1:
        return [digest_rows(batches[0].record.__name__, batches[0].columns)]
    alike: dict[tuple[Any, ...], list[int]] = {}
    for place, batch in enumerate(batches):
        form = (batch.record.__name__, *(column.shape[1:] for column in batch.columns.values()))
        alike.setdefault(form, []).append(place)
    found: dict[int, U64] = {}
    for (name, *_), places in alike.items():
        columns = [batches[place].columns for place in places]
        whole = digest_rows(name, {key: chained([one[key] for one in columns]) for key in columns[0]})
        ends = np.cumsum([len(batches[place]) for place in places])
        found.update(zip(places, np.split(whole, ends[:-1]), strict=True))
    return [found[place] for place in range(len(batches))]


def chained(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays one after the other."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def sign(keys: U64, digest: U64, ids: U64) -> U64:
    """The signature of each message: 64 bits that only the holder of the key can make (a model of a MAC, not a cipher)."""
    if len(ids) <= FEW:
        rows = zip(keys.tolist(), digest.tolist(), ids.tolist(), strict=True)
        return np.array([mix_word(mix_word(what ^ key) + word * GOLDEN ^ key) for key, what, word in rows], np.uint64)
    return mix(mix(digest ^ keys) + ids * _GOLDEN ^ keys)
