"""The journal: every message, act and conversation of a run, as columns.

Bulk traffic is kept as the chunks in which it was sent; nothing is copied until the tables are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.arrays import I64, U64
from environment.addresses import Directory
from environment.messages.base import Batch

NEVER = -1
"""In a column of instants: it did not happen."""

BULK = 1_000
"""Batches of so many messages are compacted when they are over."""

OVER_MS = 3_600_000
"""After an hour nothing happens any more to bulk traffic: attempts end sooner (``Channel.attempts``)."""

STATUS = ("acknowledged", "delivered", "lost", "late", "refused")
ACKNOWLEDGED, DELIVERED, LOST, LATE, REFUSED = range(len(STATUS))


@dataclass
class Traffic:
    """One batch on its way, and what became of it; arrays of shape (n,). ``reason`` says of refused rows why."""

    batch: Batch[Any]
    digest: U64
    delivered_ms: I64
    acknowledged_ms: I64
    given_up_ms: I64
    attempts: NDArray[Any]
    duplicates: NDArray[Any]
    status: NDArray[Any]
    reason: dict[int, str] = field(default_factory=dict)
    unknown: dict[int, str] = field(default_factory=dict)

    def compact(self) -> None:
        """Keep the same in less room: numbers as wide as they need to be, a column of equal values once."""
        batch = self.batch
        batch.sender, batch.receiver = batch.sender.astype(np.int32), batch.receiver.astype(np.int32)
        batch.received_ms = _once(batch.received_ms)
        batch.columns = {name: _once(column) for name, column in batch.columns.items()}
        self.delivered_ms, self.acknowledged_ms = self.delivered_ms.copy(), self.acknowledged_ms.copy()
        self.given_up_ms = _once(self.given_up_ms)
        self.attempts, self.duplicates, self.status = (
            column.astype(np.int16) for column in (self.attempts, self.duplicates, self.status)
        )


@dataclass
class Conversation:
    """One instance of one scenario of one use case (CONFORMANCE C3)."""

    name: str
    suc: str
    scenario: str
    parent: str
    subject: str
    opener: str
    opened_ms: int
    ended_ms: int = NEVER
    outcome: str = "open"
    reason: str = ""


@dataclass(frozen=True)
class Act:
    """Work that a party did by itself, once for each actor (addresses, shape (n,))."""

    act: str
    actors: I64
    conversation: str
    t_ms: int
    reads: tuple[str, ...]
    writes: tuple[str, ...]


class Journal:
    """What happened between parties."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.traffic: list[Traffic] = []
        self.acts: list[Act] = []
        self.conversations: dict[str, Conversation] = {}
        self._compacted = 0

    def compact(self, now_ms: int) -> None:
        """Keep bulk traffic that is over in less room."""
        while self._compacted < len(self.traffic):
            one = self.traffic[self._compacted]
            if len(one.batch) >= BULK:
                if one.batch.sent_ms + OVER_MS > now_ms:
                    return
                one.compact()
            self._compacted += 1

    def messages(self) -> dict[str, NDArray[Any]]:
        """The table ``messages``: one row a logical message, in order of sending."""
        traffic = self.traffic
        names = np.array([*self._directory.names, ""], object)
        return {
            "row": np.arange(sum(len(one.batch) for one in traffic), dtype=np.int64),
            "message_id": _join([one.batch.ids for one in traffic], np.uint64),
            "conversation": _spread(traffic, [one.batch.conversation for one in traffic]),
            "record": _spread(traffic, [one.batch.record.__name__ for one in traffic]),
            "sender": names[_join([one.batch.sender for one in traffic], np.int64)],
            "receiver": self._receivers(names),
            "sent_ms": _spread(traffic, [one.batch.sent_ms for one in traffic], np.int64),
            "delivered_ms": _join([one.delivered_ms for one in traffic], np.int64),
            "acknowledged_ms": _join([one.acknowledged_ms for one in traffic], np.int64),
            "attempts": _join([one.attempts for one in traffic], np.int64),
            "duplicates": _join([one.duplicates for one in traffic], np.int64),
            "status": np.array(STATUS, object)[_join([one.status for one in traffic], np.int64)],
            "reason": self._reasons(),
            "digest": _join([one.digest for one in traffic], np.uint64),
            "answer_to": _join([_answers(one) for one in traffic], np.uint64),
        }

    def _reasons(self) -> NDArray[Any]:
        column = np.full(sum(len(one.batch) for one in self.traffic), "", object)
        row = 0
        for one in self.traffic:
            for place, reason in one.reason.items():
                column[row + place] = reason
            row += len(one.batch)
        return column

    def _receivers(self, names: NDArray[Any]) -> NDArray[Any]:
        column: NDArray[Any] = names[_join([one.batch.receiver for one in self.traffic], np.int64)]
        row = 0
        for one in self.traffic:
            for place, name in one.unknown.items():
                column[row + place] = name
            row += len(one.batch)
        return column

    def contents(self) -> dict[str, dict[str, NDArray[Any]]]:
        """For every record class the table ``content/<Record>``: ``row`` of the message and the record's fields."""
        rows: dict[str, list[I64]] = {}
        parts: dict[str, list[Batch[Any]]] = {}
        row = 0
        for one in self.traffic:
            name = one.batch.record.__name__
            rows.setdefault(name, []).append(np.arange(row, row + len(one.batch), dtype=np.int64))
            parts.setdefault(name, []).append(one.batch)
            row += len(one.batch)
        return {
            name: {"row": np.concatenate(rows[name])}
            | {field: _stack([batch.columns[field] for batch in batches]) for field in batches[0].columns}
            for name, batches in sorted(parts.items())
        }

    def act_table(self) -> dict[str, Any]:
        """The table ``acts``: one row for each actor of each act, in order of happening."""
        names = np.array(self._directory.names, object)
        counts = [len(act.actors) for act in self.acts]
        return {
            "row": np.arange(sum(counts), dtype=np.int64),
            "act": _repeat([act.act for act in self.acts], counts),
            "actor": names[_join([act.actors for act in self.acts], np.int64)],
            "conversation": _repeat([act.conversation for act in self.acts], counts),
            "t_ms": _repeat([act.t_ms for act in self.acts], counts, np.int64),
            "reads": [list(act.reads) for act in self.acts for _ in range(len(act.actors))],
            "writes": [list(act.writes) for act in self.acts for _ in range(len(act.actors))],
        }

    def conversation_table(self) -> dict[str, list[Any]]:
        """The table ``conversations``."""
        rows = sorted(self.conversations.values(), key=lambda one: (one.opened_ms, one.name))
        table: dict[str, list[Any]] = {"conversation": [one.name for one in rows]}
        for column in ("suc", "scenario", "parent", "subject", "opener", "opened_ms", "ended_ms", "outcome", "reason"):
            table[column] = [getattr(one, column) for one in rows]
        return table


def _once(column: NDArray[Any]) -> NDArray[Any]:
    """A column of equal values as one value seen many times (then read-only), any other as it is."""
    same = len(column) > 0 and column.dtype.kind != "O" and bool((column == column[:1]).all())
    return np.broadcast_to(column[:1].copy(), column.shape) if same else column


def _join(parts: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.array([], dtype)


def _repeat(values: list[Any], counts: list[int], dtype: Any = object) -> NDArray[Any]:
    column = np.empty(len(values), dtype)
    column[:] = values
    return np.repeat(column, counts)


def _spread(traffic: list[Traffic], values: list[Any], dtype: Any = object) -> NDArray[Any]:
    return _repeat(values, [len(one.batch) for one in traffic], dtype)


def _answers(one: Traffic) -> U64:
    return np.zeros(len(one.batch), np.uint64) if one.batch.answer_to is None else one.batch.answer_to


def _stack(columns: list[NDArray[Any]]) -> Any:
    """One column of a content table; profiles of different length stay rows of their own."""
    if columns[0].ndim == 1:
        return np.concatenate(columns)
    if len({column.shape[1] for column in columns}) == 1:
        return np.concatenate(columns)
    return [row for column in columns for row in column]
