"""The journal of a run as arrays, ready to be matched with the catalogue: one event a message or act.

Reading tables are ``addresses``, ``conversations``, ``messages``, ``content/<Record>`` and ``acts`` (pyarrow tables by name).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.arrays import I32, I64, Bool

Tables = Mapping[str, pa.Table]
DigestRows = Callable[[str, Mapping[str, NDArray[Any]]], NDArray[Any]]
"""``digest_rows(record, columns)`` -> 64 bits of content for every row, as ``environment.messages.digest_rows``."""

NEVER = np.iinfo(np.int64).max
"""Instant of what did not happen."""

ACT = "act:"
"""Before the name of an act, so that acts and records share one list of names."""


class JournalError(ValueError):
    """The tables of a run do not form a journal."""


@dataclass(frozen=True)
class Coded:
    """A column of names as numbers.

    Attributes:
        codes: position in ``names`` of every row, -1 for null, shape (rows,).
        names: the distinct names.
    """

    codes: I32
    names: tuple[str, ...]

    def positions(self, names: Mapping[str, int]) -> I32:
        """The column recoded to the positions of ``names``; -1 for what is not in it."""
        table = np.array([names.get(name, -1) for name in self.names] + [-1], np.int32)
        return table[self.codes]


@dataclass(frozen=True)
class Conversations:
    """Conversations in table order; arrays have shape (conversations,)."""

    names: tuple[str, ...]
    suc: tuple[str, ...]
    scenario: tuple[str, ...]
    outcome: tuple[str, ...]
    reason: tuple[str, ...]
    opened_ms: I64
    ended_ms: I64


@dataclass(frozen=True)
class Addresses:
    """Who answers where.

    Attributes:
        names: address names.
        actors: actor ids that each plays.
        party: for each address a number of who knows what it is told: the business party that operates it. (One population may read the
            post of many homes, but each home is told by itself.)
        plays: for an actor id the addresses that play it, shape (addresses,).
    """

    names: tuple[str, ...]
    actors: tuple[tuple[str, ...], ...]
    party: I32
    parties: tuple[str, ...]
    plays: dict[str, Bool]

    def playing(self, actors: frozenset[str]) -> Bool:
        """Which addresses play any of the actors; one row more, False, for an unknown address."""
        found = np.zeros(len(self.names) + 1, bool)
        for actor in actors & self.plays.keys():
            found[:-1] |= self.plays[actor]
        return found


@dataclass(frozen=True)
class Events:
    """Messages, then acts; arrays of shape (events,).

    An act is sent and received by its actor at one instant. ``arrived_ms`` is ``NEVER`` where nothing arrived or the message was refused.
    """

    conversation: I32
    name: I32
    names: tuple[str, ...]
    sender: I32
    receiver: I32
    sent_ms: I64
    arrived_ms: I64
    acknowledged_ms: I64
    answer_to: I64
    forged: Bool
    hollow: Bool
    undone: dict[int, str]
    messages: int

    def __len__(self) -> int:
        return len(self.sent_ms)


@dataclass(frozen=True)
class Journal:
    """Everything the check reads."""

    conversations: Conversations
    addresses: Addresses
    events: Events


class ContentDigests:
    """Recomputes the digests of content tables; of ``known`` tables, which many readings share, that and the addresses are read once."""

    def __init__(self, digest_rows: DigestRows, known: Tables | None = None) -> None:
        self._digest_rows = digest_rows
        self._known = known or {}
        self._found = {
            name: self._compute(name, table) for name, table in self._known.items() if name.startswith("content/")
        }
        self._addresses = _addresses(self._known["addresses"]) if "addresses" in self._known else None

    def of(self, name: str, content: pa.Table) -> tuple[I64, I64]:
        """Number of the message and digest of every row of the table ``content/<Record>``, shape (rows,) each."""
        return self._found[name] if content is self._known.get(name) else self._compute(name, content)

    def addresses(self, table: pa.Table) -> "Addresses":
        """The addresses of a table."""
        if self._addresses is not None and table is self._known.get("addresses"):
            return self._addresses
        return _addresses(table)

    def _compute(self, name: str, content: pa.Table) -> tuple[I64, I64]:
        found = np.zeros(content.num_rows, np.int64)
        for rows in _alike(content) if content.num_rows else ():
            part = content.take(pa.array(rows))
            columns = {one: numpy_column(part, one) for one in part.column_names if one != "row"}
            digests = self._digest_rows(name.removeprefix("content/"), columns)
            found[rows] = np.asarray(digests).astype(np.uint64).view(np.int64)
        return instants(content, "row"), found


def read_journal(tables: Tables, digests: ContentDigests | None = None) -> Journal:
    """The journal of a run.

    Args:
        tables: the tables of the run by name.
        digests: recomputes the digest of content; None leaves the content unchecked.

    Raises:
        JournalError: a table or column is missing.
    """
    known = _table(tables, "addresses")
    addresses = digests.addresses(known) if digests else _addresses(known)
    conversations = _conversations(_table(tables, "conversations"))
    place = {name: number for number, name in enumerate(conversations.names)}
    where = {name: number for number, name in enumerate(addresses.names)}
    return Journal(conversations, addresses, _events(tables, place, where, digests))


def _table(tables: Tables, name: str) -> pa.Table:
    if name not in tables:
        text = f"the run has no table {name!r}; it has {', '.join(sorted(tables)) or 'none'}"
        raise JournalError(text)
    return tables[name]


def column(table: pa.Table, name: str) -> pa.Array:
    """One column in one piece, dictionaries unified; ``JournalError`` if the table does not have it."""
    if name not in table.column_names:
        text = f"there is no column {name!r}; there are {', '.join(table.column_names)}"
        raise JournalError(text)
    whole = table.column(name).unify_dictionaries().combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) and whole.num_chunks else whole


def coded(table: pa.Table, name: str) -> Coded:
    """A column of names as numbers."""
    values = column(table, name)
    if not pa.types.is_dictionary(values.type):
        values = pc.dictionary_encode(values.cast(pa.string()))
    codes = pc.fill_null(values.indices.cast(pa.int32()), -1).to_numpy(zero_copy_only=False)
    return Coded(np.asarray(codes, np.int32), tuple(values.dictionary.cast(pa.string()).to_pylist()))


def texts(table: pa.Table, name: str) -> tuple[str, ...]:
    """A column of texts, null as empty."""
    if name not in table.column_names:
        return ("",) * int(table.num_rows)
    values: list[str | None] = column(table, name).to_pylist()
    return tuple(value or "" for value in values)


def instants(table: pa.Table, name: str) -> I64:
    """A column of instants [ms], null as ``NEVER``."""
    values = pc.fill_null(column(table, name).cast(pa.int64()), int(NEVER))
    return np.asarray(values.to_numpy(zero_copy_only=False), np.int64)


def _conversations(table: pa.Table) -> Conversations:
    return Conversations(
        names=texts(table, "conversation"),
        suc=texts(table, "suc"),
        scenario=texts(table, "scenario"),
        outcome=texts(table, "outcome"),
        reason=texts(table, "reason"),
        opened_ms=instants(table, "opened_ms"),
        ended_ms=instants(table, "ended_ms"),
    )


def _addresses(table: pa.Table) -> Addresses:
    names = texts(table, "address")
    actors = tuple(tuple(row or ()) for row in column(table, "actors").to_pylist())
    pairs = zip(texts(table, "operator"), texts(table, "party"), strict=True)
    owners = [operator or party for operator, party in pairs]
    parties = tuple(sorted(set(owners)))
    rank = {name: number for number, name in enumerate(parties)}
    plays: dict[str, Bool] = {}
    for place, row in enumerate(actors):
        for actor in row:
            plays.setdefault(actor, np.zeros(len(names), bool))[place] = True
    return Addresses(names, actors, np.array([rank[owner] for owner in owners] + [-1], np.int32), parties, plays)


def _events(
    tables: Tables, place: Mapping[str, int], where: Mapping[str, int], digests: ContentDigests | None
) -> Events:
    messages, acts = _table(tables, "messages"), tables.get("acts")
    record, act = coded(messages, "record"), None if acts is None else coded(acts, "act")
    names = (*record.names, *(() if act is None else tuple(ACT + name for name in act.names)))
    forged = np.zeros(messages.num_rows, bool) if digests is None else _forged(tables, digests)
    first = _message_columns(messages, place, where, record.codes)
    if acts is None or act is None:
        return _joined(first, None, names, forged, _no_acts())
    second = _act_columns(acts, place, where, act.codes + np.int32(len(record.names)))
    return _joined(first, second, names, forged, _examined(tables, acts))


_Columns = dict[str, NDArray[Any]]


def _message_columns(table: pa.Table, place: Mapping[str, int], where: Mapping[str, int], name: I32) -> _Columns:
    arrived = instants(table, "delivered_ms")
    status = coded(table, "status")
    refused = status.codes == (status.names.index("refused") if "refused" in status.names else -2)
    return {
        "conversation": coded(table, "conversation").positions(place),
        "name": name,
        "sender": coded(table, "sender").positions(where),
        "receiver": coded(table, "receiver").positions(where),
        "sent_ms": instants(table, "sent_ms"),
        "arrived_ms": np.where(refused, NEVER, arrived),
        "acknowledged_ms": instants(table, "acknowledged_ms"),
        "answer_to": _answers(table),
    }


def _answers(table: pa.Table) -> I64:
    """Row position of the message that each one answers, -1 for none, shape (messages,)."""
    found = np.full(table.num_rows, -1, np.int64)
    cited = column(table, "answer_to").cast(pa.string())
    rows = np.flatnonzero(pc.fill_null(pc.greater(pc.utf8_length(cited), 0), False).to_numpy(zero_copy_only=False))
    if len(rows):
        ids = column(table, "message_id").cast(pa.string())
        found[rows] = pc.fill_null(pc.index_in(cited.take(pa.array(rows)), ids), -1).to_numpy(zero_copy_only=False)
    return found


def _act_columns(table: pa.Table, place: Mapping[str, int], where: Mapping[str, int], name: I32) -> _Columns:
    actor, t_ms = coded(table, "actor").positions(where), instants(table, "t_ms")
    return {
        "conversation": coded(table, "conversation").positions(place),
        "name": name,
        "sender": actor,
        "receiver": actor,
        "sent_ms": t_ms,
        "arrived_ms": t_ms,
        "acknowledged_ms": t_ms,
        "answer_to": np.full(table.num_rows, -1, np.int64),
    }


def _joined(first: _Columns, second: _Columns | None, names: tuple[str, ...], forged: Bool, acts: Any) -> Events:
    both = {key: first[key] if second is None else np.concatenate([first[key], second[key]]) for key in first}
    hollow, undone = acts
    count = len(forged)
    none = np.zeros(len(hollow), bool)
    return Events(
        **both,
        names=names,
        forged=np.concatenate([forged, none]),
        hollow=np.concatenate([np.zeros(count, bool), hollow]),
        undone={count + row: why for row, why in undone.items()},
        messages=count,
    )


def _forged(tables: Tables, digests: ContentDigests) -> Bool:
    """Which messages have content that does not give their digest, or no content at all, shape (messages,)."""
    messages = tables["messages"]
    stated = np.asarray(column(messages, "digest").to_numpy(zero_copy_only=False)).astype(np.int64)
    found = np.full(len(stated), 0, np.int64)
    seen = np.zeros(len(stated), bool)
    order = instants(messages, "row")
    place = np.argsort(order, kind="stable")
    for name in sorted(tables):
        if name.startswith("content/"):
            numbers, computed = digests.of(name, tables[name])
            if not len(numbers):
                continue
            rows = place[np.searchsorted(order, numbers, sorter=place)]
            found[rows] = computed
            seen[rows] = True
    return np.asarray(~seen | (found != stated))


def _alike(content: pa.Table) -> list[I64]:
    """Row positions by the lengths of profiles, so that each part has arrays of one shape."""
    lists = [name for name in content.column_names if pa.types.is_list(content.schema.field(name).type)]
    lengths = [pc.list_value_length(column(content, name)).to_numpy(zero_copy_only=False) for name in lists]
    if not lengths:
        return [np.arange(content.num_rows)]
    number = np.unique(np.column_stack(lengths), axis=0, return_inverse=True)[1].ravel()
    return [np.flatnonzero(number == one) for one in range(int(number.max()) + 1)]


def numpy_column(table: pa.Table, name: str) -> NDArray[Any]:
    """A content column as the messages had it: numbers, texts (object), or profiles of shape (rows, steps)."""
    values = column(table, name)
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return _profiles(values)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _profiles(values: pa.Array) -> NDArray[Any]:
    lengths = np.unique(pc.list_value_length(values).to_numpy(zero_copy_only=False))
    numeric = pa.types.is_floating(values.type.value_type) or pa.types.is_integer(values.type.value_type)
    if numeric and len(lengths) == 1:
        flat = np.asarray(values.flatten().to_numpy(zero_copy_only=False))
        return flat.reshape(len(values), int(lengths[0]))
    rows = np.empty(len(values), object)
    rows[:] = [np.array(row, float) if numeric else tuple(row) for row in values.to_pylist()]
    return rows


def _no_acts() -> tuple[Bool, dict[int, str]]:
    return np.zeros(0, bool), {}


def _examined(tables: Tables, acts: pa.Table) -> tuple[Bool, dict[int, str]]:
    from experiments.conformance.acts import lost_references

    reads, writes = column(acts, "reads"), column(acts, "writes")
    lengths = [pc.fill_null(pc.list_value_length(one), 0).to_numpy(zero_copy_only=False) for one in (reads, writes)]
    hollow = np.asarray((lengths[0] + lengths[1]) == 0)
    return hollow, lost_references(tables, {"read": reads, "wrote": writes})
