"""What a message is: a frozen record of one information object, alone or as a batch of columns.

A record class has typed fields with the unit in the name. ``Annotated[..., Item(...)]`` states what a field means, its bounds and its
counterpart in other vocabularies (the catalogue, UMEI, UFTP). One table of column checks and one digest serve single records
and batches alike: a single record is a batch of one.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
from msgspec.structs import force_setattr
from numpy.typing import NDArray

from data.arrays import F64, I64, U64, Bool

Profile = F64
"""A series of equal steps in one message, shape (steps,)."""

Columns = Mapping[str, NDArray[Any]]


class MessageError(ValueError):
    """A record or a batch that does not satisfy its own definition."""


@dataclass(frozen=True)
class Item:
    """What a field of a record is.

    Attributes:
        meaning: one line, for people.
        ge: lowest allowed value.
        le: highest allowed value.
        one_of: allowed texts.
        catalogue: the field's name in the use-case catalogue.
        umei: its counterpart in the Universal Market Enabling Interface.
        uftp: its counterpart in the USEF Flexibility Trading Protocol.
    """

    meaning: str
    ge: float | None = None
    le: float | None = None
    one_of: tuple[str, ...] = ()
    catalogue: str = ""
    umei: str = ""
    uftp: str = ""


class Record(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Base of all messages. Construction checks every field; a wrong one raises ``MessageError``.

    Attributes:
        source: the information objects that this record carries, (use case, information id).
        personal: whether it says something about people that only its receiver may read (``environment.sealing``).
    """

    source: ClassVar[tuple[tuple[str, str], ...]] = ()
    personal: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the fields against the definition."""
        record = type(self)
        if not all(_is_plain(field, getattr(self, field.name)) for field in fields(record)):
            check_columns(record, columns_of([self]))


class Unreadable(Record, frozen=True, kw_only=True):
    """What nobody can read: a sealed message that its receiver cannot open, since it was altered on the way or put to another (``environment.sealing``)."""

    source: ClassVar[tuple[tuple[str, str], ...]] = ()
    box: Annotated[str, Item("the box as it came, in hexadecimal digits")]


@dataclass(frozen=True)
class Field:
    """One field of a record class: its name, kind (float, int, bool, str, profile, names) and definition."""

    name: str
    kind: str
    item: Item


_KINDS: dict[Any, str] = {
    float: "float",
    int: "int",
    bool: "bool",
    str: "str",
    Profile: "profile",
    tuple[str, ...]: "names",
}
_DTYPES: dict[str, Any] = {"float": np.float64, "int": np.int64, "bool": np.bool_, "profile": np.float64}
_INT64 = 1 << 63
_ALLOWED = {
    "float": ("fiu", "a number"),
    "profile": ("fiu", "a series of numbers"),
    "int": ("iu", "a whole number"),
    "bool": ("b", "true or false"),
    "str": ("OU", "a text"),
    "names": ("O", "a tuple of texts"),
}


@cache
def fields(record: type[Record]) -> tuple[Field, ...]:
    """The fields of a record class, in order of definition."""
    hints = get_type_hints(record, include_extras=True)
    return tuple(_field(record, name, hints[name]) for name in record.__struct_fields__)


def _field(record: type[Record], name: str, hint: Any) -> Field:
    item = Item(meaning="")
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        item = next((extra for extra in extras if isinstance(extra, Item)), item)
    kind = _KINDS.get(hint)
    if kind is None:
        text = f"{record.__name__}.{name}: a message field cannot be {hint}"
        raise TypeError(text)
    return Field(name, kind, item)


def _is_plain(field: Field, value: Any) -> bool:
    """Whether a value is evidently right; what is not is looked at by ``check_columns``, which knows all that is allowed."""
    kind, item = field.kind, field.item
    if kind == "str":
        return type(value) is str and (not item.one_of or value in item.one_of)
    if kind == "names":
        return type(value) is tuple and all(type(one) is str for one in value)
    if kind == "bool":
        return type(value) is bool
    if kind == "profile":
        if type(value) is not np.ndarray or value.dtype != np.float64 or value.ndim != 1 or not len(value):
            return False
        least, most = float(value.min()), float(value.max())  # a NaN makes both one
    elif (kind == "float" and type(value) is float) or (
        kind == "int" and type(value) is int and -_INT64 <= value < _INT64
    ):
        least = most = value
    else:
        return False
    bounded = (item.ge is None or least >= item.ge) and (item.le is None or most <= item.le)
    return bounded and isfinite(least) and isfinite(most) and not item.one_of


def columns_of(records: Sequence[Record]) -> dict[str, NDArray[Any]]:
    """The columns of records of one class; profiles become arrays of shape (n, steps)."""
    record = type(records[0])
    if len({type(one) for one in records}) > 1:
        text = f"one batch cannot carry {', '.join(dict.fromkeys(type(one).__name__ for one in records))}"
        raise MessageError(text)
    return {
        field.name: _column(record, field, [getattr(one, field.name) for one in records]) for field in fields(record)
    }


def _column(record: type[Record], field: Field, values: list[Any]) -> NDArray[Any]:
    if field.kind in ("str", "names"):
        column = np.empty(len(values), object)
        column[:] = values
        return column
    if len(values) > 1 and len({np.shape(value) for value in values}) > 1:
        text = f"{record.__name__}.{field.name}: values of different lengths do not make one batch"
        raise MessageError(text)
    raw = np.array(values)
    wanted = _DTYPES[field.kind]
    return raw.astype(wanted, copy=False) if raw.dtype.kind in _ALLOWED[field.kind][0] else raw


def typed(record: type[Record], columns: Columns) -> dict[str, NDArray[Any]]:
    """Checked columns as copies in the types of the fields: what their owner does to his arrays later changes no message."""
    check_columns(record, columns)
    return {field.name: np.array(columns[field.name], _DTYPES.get(field.kind, object)) for field in fields(record)}


def check_columns(record: type[Record], columns: Columns) -> None:
    """Raise ``MessageError`` unless the columns are those of the record, equally long, and every value is within its bounds."""
    expected = [field.name for field in fields(record)]
    if sorted(columns) != sorted(expected):
        text = f"{record.__name__}: the columns are {sorted(columns)}, expected {sorted(expected)}"
        raise MessageError(text)
    for field in fields(record):
        _check_type(record, field, columns[field.name])
        _check_column(record, field, columns[field.name])
    if len({len(column) for column in columns.values()}) > 1:
        text = f"{record.__name__}: the columns have different lengths, { ({n: len(c) for n, c in columns.items()}) }"
        raise MessageError(text)


def _check_type(record: type[Record], field: Field, column: NDArray[Any]) -> None:
    kinds, allowed = _ALLOWED[field.kind]
    wrong = column.dtype.kind not in kinds or column.ndim != (2 if field.kind == "profile" else 1)
    if not wrong and field.kind == "str":
        wrong = not all(isinstance(value, str) for value in column)
    if not wrong and field.kind == "names":
        wrong = not all(isinstance(value, tuple) and all(isinstance(one, str) for one in value) for value in column)
    if wrong:
        text = f"{record.__name__}.{field.name}: {column.tolist()!r:.80} is not {allowed}"
        raise MessageError(text)


def _check_column(record: type[Record], field: Field, column: NDArray[Any]) -> None:
    item = field.item
    if field.kind in ("float", "profile"):
        _refuse(record, field, column, ~np.isfinite(column), "a finite number")
    if item.ge is not None:
        _refuse(record, field, column, column < item.ge, f"at least {item.ge:g}")
    if item.le is not None:
        _refuse(record, field, column, column > item.le, f"at most {item.le:g}")
    if item.one_of:
        wrong = np.array([value not in item.one_of for value in column], bool)
        _refuse(record, field, column, wrong, "one of " + ", ".join(item.one_of))


def _refuse(record: type[Record], field: Field, column: NDArray[Any], wrong: Bool, allowed: str) -> None:
    if wrong.any():
        value = column[wrong].flat[0]
        text = f"{record.__name__}.{field.name}: {value!r} is not {allowed}"
        raise MessageError(text)


R = TypeVar("R", bound=Record)


class Batch(Generic[R]):
    """n messages of one record class, as columns.

    Attributes:
        record: the record class.
        sender: address numbers, shape (n,).
        receiver: address numbers, shape (n,).
        columns: the fields, each of shape (n,) or (n, steps).
        conversation: the conversation that all belong to.
        ids: message ids given by the bus, shape (n,).
        answer_to: ids of the questions answered, or None.
        sent_ms: the instant of sending, one for all.
        received_ms: the instants of receipt, shape (n,); given on delivery.
    """

    __slots__ = (
        "answer_to",
        "columns",
        "conversation",
        "ids",
        "received_ms",
        "receiver",
        "record",
        "sender",
        "sent_ms",
    )

    def __init__(
        self,
        record: type[R],
        sender: I64,
        receiver: I64,
        columns: Columns,
        conversation: str,
        answer_to: U64 | None = None,
    ) -> None:
        self.record = record
        self.sender = sender
        self.receiver = receiver
        self.columns = columns
        self.conversation = conversation
        self.answer_to = answer_to
        self.ids: U64 = np.zeros(len(sender), np.uint64)
        self.sent_ms = 0
        self.received_ms: I64 = np.zeros(len(sender), np.int64)

    def __len__(self) -> int:
        return len(self.sender)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def one(self, row: int = 0) -> R:
        """Row ``row`` as a record."""
        values = {field.name: _scalar(field, self.columns[field.name][row]) for field in fields(self.record)}
        return self.record(**values)

    def records(self) -> Iterator[R]:
        """All rows as records; a batch was checked when it was sent, so that only the first is checked once more."""
        if not len(self):
            return
        first = self.one()
        yield first
        names = tuple(field.name for field in fields(self.record))
        columns = [_scalars(field, self.columns[field.name][1:]) for field in fields(self.record)]
        for values in zip(*columns, strict=True):
            record = copy(first)
            for name, value in zip(names, values, strict=True):
                force_setattr(record, name, value)
            yield record

    def take(self, rows: NDArray[Any]) -> "Batch[R]":
        """The rows (positions or mask) as a batch of their own, with ids and times."""
        part = Batch(
            self.record,
            self.sender[rows],
            self.receiver[rows],
            {name: column[rows] for name, column in self.columns.items()},
            self.conversation,
            None if self.answer_to is None else self.answer_to[rows],
        )
        part.ids, part.sent_ms, part.received_ms = self.ids[rows], self.sent_ms, self.received_ms[rows]
        return part


def joined(parts: Sequence[Batch[R]]) -> Batch[R]:
    """Batches of one record, conversation and instant of sending as one, in the order given."""
    first = parts[0]
    if len(parts) == 1:
        return first
    answers = [part.answer_to for part in parts if part.answer_to is not None]
    whole = Batch(
        first.record,
        np.concatenate([part.sender for part in parts]),
        np.concatenate([part.receiver for part in parts]),
        {name: np.concatenate([part.columns[name] for part in parts]) for name in first.columns},
        first.conversation,
        np.concatenate(answers) if answers else None,
    )
    whole.ids, whole.sent_ms = np.concatenate([part.ids for part in parts]), first.sent_ms
    whole.received_ms = np.concatenate([part.received_ms for part in parts])
    return whole


def _scalars(field: Field, column: NDArray[Any]) -> Sequence[Any]:
    """A column as the values of records, one by one."""
    return list(np.asarray(column, np.float64)) if field.kind == "profile" else column.tolist()


def _scalar(field: Field, value: Any) -> Any:
    if field.kind == "profile":
        return np.asarray(value, np.float64)
    return value.item() if isinstance(value, np.generic) else value
