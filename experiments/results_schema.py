"""What a table of a run may hold (data/tables.yaml), and the form in which it is kept: typed, documented, sorted.

A table in this form is *canonical*: columns in the order of the catalogue, names dictionary-encoded with a sorted
dictionary, unknown floats null and never NaN, rows in the order of the key. Digests and figures rest on it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import data
from experiments.errors import CoflexError, did_you_mean

Columns = Mapping[str, Any]
"""Columns of a table by name: numpy arrays, lists or arrow arrays of one length."""

CONTENT = "content/"
NAME_TYPE = pa.dictionary(pa.int32(), pa.string())
_TYPES: dict[str, Any] = {
    "int64": pa.int64(),
    "uint64": pa.uint64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "name": NAME_TYPE,
    "text": pa.string(),
    "list<text>": pa.list_(pa.string()),
    "list<float64>": pa.list_(pa.float64()),
}


class ResultsError(CoflexError):
    """Tables that do not fit data/tables.yaml, or a run folder that cannot be written or read."""


class _MisfitError(ValueError):
    """One column that does not fit; collected into one ResultsError."""


@dataclass(frozen=True)
class ColumnSpec:
    """One column as documented.

    ``nullable``: null means unknown; ``missing``: what writers put for null; ``optional``: may be left out.
    """

    name: str
    type: str
    unit: str
    about: str
    nullable: bool = False
    optional: bool = False
    missing: Any = None

    @property
    def arrow(self) -> Any:
        """The arrow field with its documentation."""
        return pa.field(self.name, _TYPES[self.type], self.nullable, {"unit": self.unit, "about": self.about})


@dataclass(frozen=True)
class TableSpec:
    """One table as documented; ``key`` orders its rows, ``open`` tables may have columns of their own, ``repeats`` are left out."""

    name: str
    about: str
    key: tuple[str, ...]
    columns: Mapping[str, ColumnSpec]
    required: bool = False
    twin: bool = False
    open: bool = field(default=False)
    repeats: bool = False


@cache
def table_specs() -> Mapping[str, TableSpec]:
    """Every documented table by name; message contents share the entry ``content/*``."""
    raw = data.read_yaml("tables.yaml")["tables"]
    return {name: _spec(name, entry) for name, entry in raw.items()}


def _spec(name: str, entry: Mapping[str, Any]) -> TableSpec:
    columns = {column: ColumnSpec(name=column, **row) for column, row in entry["columns"].items()}
    flags = {flag: entry[flag] for flag in ("required", "twin", "open", "repeats") if flag in entry}
    return TableSpec(name, entry["about"], tuple(entry["key"]), columns, **flags)


def spec_of(name: str) -> TableSpec:
    """The documentation of a table.

    Raises:
        ResultsError: there is no such table; names the nearest.
    """
    specs = table_specs()
    found = specs.get("content/*" if name.startswith(CONTENT) else name)
    if found is None:
        text = f"unknown table '{name}'{did_you_mean(name, specs, most=40)}"
        raise ResultsError(text)
    return found


def empty_table(name: str) -> Any:
    """The canonical table of that name without rows, optional columns included."""
    spec = spec_of(name)
    return pa.table(
        {c.name: pa.array([], _TYPES[c.type]) for c in spec.columns.values()}, schema=_schema(spec, spec.columns)
    )


def conform(tables: Mapping[str, Columns | Any], required: bool = False, twin: bool = False) -> dict[str, Any]:
    """Canonical arrow tables of what a run collected.

    Args:
        tables: columns by table name, or arrow tables.
        required: refuse when a required table is missing.
        twin: the tables are those of a twin; only tables that a twin keeps are allowed.

    Raises:
        ResultsError: every misfit of every table at once: unknown table or column, wrong type, NaN or null where
            forbidden, lengths that differ, a key that occurs twice.
    """
    errors: list[str] = []
    done: dict[str, Any] = {}
    for name in sorted(tables):
        try:
            done[name] = _conform_table(name, tables[name], twin)
        except ResultsError as error:
            errors.append(str(error))
    if required:
        errors += [f"table '{n}' is missing" for n, s in table_specs().items() if s.required and n not in tables]
    if errors:
        raise ResultsError("the tables of the run do not fit data/tables.yaml:\n  " + "\n  ".join(errors))
    return done


def _conform_table(name: str, columns: Columns | Any, twin: bool) -> Any:
    spec = spec_of(name)
    if twin and not spec.twin:
        text = f"table '{name}' is not kept of a twin"
        raise ResultsError(text)
    if not isinstance(columns, pa.Table) and not columns:
        return empty_table(name)
    given = {c: columns.column(c) for c in columns.column_names} if isinstance(columns, pa.Table) else dict(columns)
    errors = _column_errors(spec, name, given)
    arrays: dict[str, Any] = {}
    for column in _order(spec, given):
        try:
            arrays[column] = _array(spec.columns.get(column), given[column])
        except (_MisfitError, pa.ArrowException, OverflowError) as error:
            errors.append(f"{name}.{column}: {error}")
    lengths = {column: len(array) for column, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        errors.append(f"table '{name}': columns of different length: {lengths}")
    if errors:
        raise ResultsError("\n  ".join(errors))
    table = pa.table(list(arrays.values()), schema=_schema(spec, arrays, arrays))
    return _sorted(table, spec, name)


def _column_errors(spec: TableSpec, name: str, given: Columns) -> list[str]:
    unknown = [] if spec.open else [c for c in given if c not in spec.columns]
    missing = [c.name for c in spec.columns.values() if not c.optional and c.name not in given]
    return [f"table '{name}': unknown column '{c}'{did_you_mean(c, spec.columns, 40)}" for c in unknown] + [
        f"table '{name}': column '{c}' is missing" for c in missing
    ]


def _order(spec: TableSpec, given: Iterable[str]) -> list[str]:
    there = set(given)
    known = [c for c in spec.columns if c in there]
    return known + (sorted(there - set(known)) if spec.open else [])


def _schema(spec: TableSpec, columns: Iterable[str], arrays: Mapping[str, Any] | None = None) -> Any:
    fields = []
    for name in columns:
        known = spec.columns.get(name)
        own = (
            None
            if known or arrays is None
            else pa.field(name, arrays[name].type, True, {"about": "field of the record"})
        )
        fields.append(known.arrow if known else own)
    return pa.schema(fields, {"about": spec.about, "key": ",".join(spec.key)})


def _array(spec: ColumnSpec | None, values: Any) -> Any:
    """One column as an arrow array of its documented type (or, without documentation, of the nearest allowed one)."""
    raw = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    array = raw if isinstance(raw, pa.Array) else _arrow(raw)
    wanted = _TYPES[spec.type] if spec else _nearest(array.type)
    array = _names(array) if wanted == NAME_TYPE else _cast(array, wanted, nullable=spec is None or spec.nullable)
    if spec and spec.nullable:
        array = _without_missing(array, spec)
    if pa.types.is_floating(array.type):
        array = _finite(array, nullable=spec is None or spec.nullable)
    if spec and not spec.nullable and array.null_count:
        text = f"row {pc.index(array.is_null(), True).as_py()} is null, which is not allowed here"
        raise _MisfitError(text)
    return array


def _without_missing(array: Any, spec: ColumnSpec) -> Any:
    """The column with null for the value that stands for it; names and texts have the empty one."""
    texts = spec.type in ("name", "text")
    missing = "" if texts else spec.missing
    if missing is None:
        return array
    plain = array.cast(pa.string()) if spec.type == "name" else array
    stands = pc.fill_null(pc.equal(plain, pa.scalar(missing, plain.type)), False)
    if not pc.any(stands, min_count=0).as_py():
        return array
    known = pc.if_else(stands, pa.scalar(None, plain.type), plain)
    return _names(known) if spec.type == "name" else known


def _arrow(values: Any) -> Any:
    """A sequence or numpy array as an arrow array; the rows of a matrix become lists."""
    if not isinstance(values, np.ndarray):
        return pa.array(list(values), from_pandas=False)
    if values.dtype.kind == "O":
        return pa.array(values.tolist(), from_pandas=False)
    if values.ndim == 2:
        ends = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
        return pa.ListArray.from_arrays(pa.array(ends), pa.array(np.ascontiguousarray(values).ravel()))
    return pa.array(values, from_pandas=False)


def _nearest(kind: Any) -> Any:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_nearest(kind.value_type) if not _is_text(kind.value_type) else pa.string())
    for test, wanted in (
        (pa.types.is_boolean, pa.bool_()),
        (pa.types.is_uint64, pa.uint64()),
        (pa.types.is_integer, pa.int64()),
        (pa.types.is_floating, pa.float64()),
    ):
        if test(kind):
            return wanted
    if _is_text(kind) or pa.types.is_null(kind):
        return NAME_TYPE
    text = f"a column of type {kind} cannot be kept"
    raise _MisfitError(text)


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))


def _cast(array: Any, wanted: Any, nullable: bool) -> Any:
    """Casts that lose nothing: no text to number, no truth value to number, no fraction to integer."""
    kind = array.type
    if kind == wanted or pa.types.is_null(kind):
        return array.cast(wanted)
    if pa.types.is_dictionary(kind):
        return _cast(array.cast(kind.value_type), wanted, nullable)
    if wanted == pa.uint64() and kind == pa.int64() and not array.null_count:
        return pa.array(array.to_numpy().view(np.uint64))  # 64 bits that were read as a signed number
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if pa.types.is_floating(kind) and pa.types.is_integer(wanted) and nullable:
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, kind), array)
    allowed = (
        (number and (pa.types.is_integer(wanted) or pa.types.is_floating(wanted)))
        or (_is_text(kind) and (pa.types.is_string(wanted) or wanted == pa.uint64()))
        or (pa.types.is_nested(kind) and pa.types.is_nested(wanted))
    )
    if not allowed:
        text = f"holds {kind}, {wanted} is wanted"
        raise _MisfitError(text)
    return array.cast(wanted)


def _finite(array: Any, nullable: bool) -> Any:
    values = array.to_numpy(zero_copy_only=False)
    bad = np.isinf(values)
    if not nullable:
        bad |= np.isnan(values)
    if bad.any():
        row = int(np.argmax(bad))
        text = f"row {row} is {values[row]}, which is not allowed here"
        raise _MisfitError(text)
    return pc.if_else(pc.is_nan(array), pa.scalar(None, pa.float64()), array) if np.isnan(values).any() else array


def _names(array: Any) -> Any:
    """Dictionary-encoded names whose dictionary is sorted and holds only what occurs."""
    kind = array.type
    if not (_is_text(kind) or pa.types.is_null(kind)):
        text = f"holds {kind}, names are wanted"
        raise _MisfitError(text)
    encoded = array if pa.types.is_dictionary(kind) else array.cast(pa.string()).dictionary_encode()
    if not _is_text(encoded.dictionary.type):
        text = f"holds {encoded.dictionary.type}, names are wanted"
        raise _MisfitError(text)
    labels = np.array(encoded.dictionary.to_pylist(), dtype=object)
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    used = np.unique(codes[codes >= 0])
    kept, rank = np.unique(labels[used].astype(str), return_inverse=True) if len(used) else (np.array([], str), used)
    table = np.full(len(labels) + 1, -1, np.int64)
    table[used] = rank
    fresh = table[codes]
    indices = pa.array(fresh, pa.int32(), mask=fresh < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(kept.tolist(), pa.string()))


def _sorted(table: Any, spec: TableSpec, name: str) -> Any:
    """The rows in the order of the key; a key that occurs twice is refused."""
    ranks = [_rank(table.column(column)) for column in spec.key]
    order = np.lexsort(ranks[::-1])
    same = np.ones(max(len(order) - 1, 0), bool)
    for rank in ranks:
        same &= rank[order[1:]] == rank[order[:-1]]
    if spec.repeats:
        order = order[np.concatenate([np.ones(min(len(order), 1), bool), ~same])]
    elif same.any():
        at = int(order[int(np.argmax(same))])
        key = ", ".join(f"{column}={table.column(column)[at].as_py()!r}" for column in spec.key)
        text = f"table '{name}': two rows have the key {key}"
        raise ResultsError(text)
    return table if np.array_equal(order, np.arange(table.num_rows)) else table.take(pa.array(order)).combine_chunks()


def _rank(column: Any) -> Any:
    """Integers in the order of the values of a key column."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_integer(array.type):
        return array.to_numpy(zero_copy_only=False)
    encoded = array if pa.types.is_dictionary(array.type) else _names(array)
    return encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
