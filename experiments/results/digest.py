"""Digests of the tables of a run, and the first difference between two runs.

The digest covers results, not timings: canonical tables (sorted rows and columns, independent of the order of columns,
row groups and dictionaries) with floats rounded to 1e-6 of their unit. The exact digest takes their raw bits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.arrays import F64, I64, Bool
from experiments.results.schema import spec_of

TWIN = "twin/"
RESOLUTION = 1e-6
_LARGEST_ROUNDED = 9e12  # beyond, a step of 1e-6 is finer than the float itself
_SIZE = 16


@dataclass(frozen=True)
class Digests:
    """Digests of a run: of everything, exactly of everything, and by table."""

    digest: str
    exact_digest: str
    tables: Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """The first difference between two runs; ``row`` is the position in the sorted table."""

    table: str
    row: int | None
    column: str | None
    first: Any
    second: Any

    def __str__(self) -> str:
        """As people read it: ``table grid_buses, row 12, column v_pu: 0.95 against 0.96``."""
        where = [f"table {self.table}"]
        where += [] if self.row is None else [f"row {self.row}"]
        where += [] if self.column is None else [f"column {self.column}"]
        return f"{', '.join(where)}: {self.first!r} against {self.second!r}"


def digest_tables(tables: Mapping[str, Any]) -> Digests:
    """Digests of canonical tables by name; tables of a twin are named ``twin/...``."""
    both = {name: _both_digests(tables[name]) for name in sorted(tables)}
    rounded = {name: first for name, (first, _) in both.items()}
    return Digests(_joined(rounded), _joined({name: second for name, (_, second) in both.items()}), rounded)


def table_digest(table: Any, exact: bool = False) -> str:
    """Digest of one canonical table."""
    return _both_digests(table)[exact]


def _both_digests(table: Any) -> tuple[str, str]:
    """Digest of the rounded values of one canonical table, and of the exact ones."""
    rough, exact = blake2b(digest_size=_SIZE), blake2b(digest_size=_SIZE)
    for name in sorted(table.column_names):
        column = table.column(name)
        parts = [f"{name}:{table.num_rows};".encode(), *_parts(column, exact=False)]
        for part in parts:
            rough.update(part)
        for part in [parts[0], *_parts(column, exact=True)] if _has_fractions(column.type) else parts:
            exact.update(part)
    return rough.hexdigest(), exact.hexdigest()


def _has_fractions(kind: Any) -> bool:
    """Whether values of a type are rounded."""
    return _has_fractions(kind.value_type) if pa.types.is_list(kind) else bool(pa.types.is_floating(kind))


def _joined(digests: Mapping[str, str]) -> str:
    return blake2b("\n".join(f"{n} {d}" for n, d in digests.items()).encode(), digest_size=_SIZE).hexdigest()


def _parts(column: Any, exact: bool) -> list[bytes]:
    """The bytes that stand for a column: nulls, then values; lists as lengths and flat values."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    head = np.packbits(_missing(array)).tobytes()
    if pa.types.is_dictionary(array.type):
        labels = "\0".join(array.dictionary.to_pylist())
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return [head, labels.encode(), codes.astype("<i8").tobytes()]
    if pa.types.is_string(array.type):
        texts = [text or "" for text in array.to_pylist()]
        lengths = np.fromiter(map(len, texts), "<i8", len(texts))
        return [head, lengths.tobytes(), "".join(texts).encode()]
    if pa.types.is_list(array.type):
        lengths = array.value_lengths().fill_null(-1).to_numpy(zero_copy_only=False)
        return [head, lengths.astype("<i8").tobytes(), *_parts(array.flatten(), exact)]
    return [head, _numbers(array, exact).tobytes()]


def _numbers(array: Any, exact: bool) -> I64:
    if pa.types.is_floating(array.type):
        values = array.fill_null(0.0).to_numpy(zero_copy_only=False)
        return np.ascontiguousarray(values, "<f8").view("<i8") if exact else rounded(values)
    filled = array.fill_null(False) if pa.types.is_boolean(array.type) else array.fill_null(0)
    return np.asarray(filled.to_numpy(zero_copy_only=False).astype("<u8" if array.type == pa.uint64() else "<i8")).view(
        "<i8"
    )


def rounded(values: F64) -> I64:
    """Floats as integers of 1e-6 (so that -0.0 is 0.0); what is too large for that as its bits."""
    large = ~(np.abs(values) < _LARGEST_ROUNDED)
    steps = np.rint(np.where(large, 0.0, values) / RESOLUTION).astype("<i8")
    return np.where(large, np.ascontiguousarray(values, "<f8").view("<i8"), steps)


def first_table_difference(name: str, first: Any, second: Any, exact: bool = False) -> Difference | None:
    """The first difference between two canonical tables of one name: columns, then rows, then values row by row."""
    if table_digest(first, exact) == table_digest(second, exact):
        return None
    columns = sorted(first.column_names)
    if columns != sorted(second.column_names):
        return Difference(name, None, None, columns, sorted(second.column_names))
    rows = min(first.num_rows, second.num_rows)
    found: Difference | None = None
    for column in _key_first(name, columns):
        row = _first_unequal(first.column(column)[:rows], second.column(column)[:rows], exact)
        if row is not None and (found is None or found.row is None or row < found.row):
            found = Difference(name, row, column, first.column(column)[row].as_py(), second.column(column)[row].as_py())
    if found is None and first.num_rows != second.num_rows:
        return Difference(name, rows, None, f"{first.num_rows} rows", f"{second.num_rows} rows")
    return found


def _key_first(name: str, columns: list[str]) -> list[str]:
    key = [column for column in spec_of(name.removeprefix(TWIN)).key if column in columns]
    return key + [column for column in columns if column not in key]


def _first_unequal(first: Any, second: Any, exact: bool) -> int | None:
    """The first row at which two columns of one length differ."""
    a, b = (_plain(x) for x in (first, second))
    if a.equals(b):
        return None
    if pa.types.is_nested(a.type) or a.type != b.type:
        pairs = enumerate(zip(a, b, strict=True))
        return next((row for row, (x, y) in pairs if _differ(x.as_py(), y.as_py(), exact)), None)
    unequal = _missing(a) != _missing(b)
    if pa.types.is_string(a.type):
        unequal |= pc.fill_null(pc.not_equal(a, b), False).to_numpy(zero_copy_only=False)
    else:
        unequal |= _numbers(a, exact) != _numbers(b, exact)
    return int(np.argmax(unequal)) if unequal.any() else None


def _plain(column: Any) -> Any:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.cast(pa.string()) if pa.types.is_dictionary(array.type) else array


def _missing(array: Any) -> Bool:
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False), bool)


def _differ(a: Any, b: Any, exact: bool) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) != len(b) or any(_differ(x, y, exact) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float) and not exact:
        return bool(np.any(rounded(np.array([a])) != rounded(np.array([b]))))
    return bool(a != b)
