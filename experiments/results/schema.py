"""What a table of a run may hold (data/tables.yaml), and the form in which it is kept: typed, documented, sorted.

A table in this form is *canonical*: columns in the order of the catalogue, names dictionary-encoded with a sorted
dictionary, unknown floats null and never NaN, rows in the order of the key. Digests and figures rest on it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import pyarrow as pa

import data
from experiments.errors import CoflexError, did_you_mean
from experiments.results.columns import TYPES, ColumnSpec, MisfitError, conform_column, sorted_names

Columns = Mapping[str, Any]
"""Columns of a table by name: numpy arrays, lists or arrow arrays of one length."""

CONTENT = "content/"


class ResultsError(CoflexError):
    """Tables that do not fit data/tables.yaml, or a run folder that cannot be written or read."""


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
        {c.name: pa.array([], TYPES[c.type]) for c in spec.columns.values()}, schema=_schema(spec, spec.columns)
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


_MADE: WeakValueDictionary[tuple[str, int], Any] = WeakValueDictionary()
"""Tables that ``conform`` has made and that still exist, by name and identity: they do not change, so they stay canonical."""


def _conform_table(name: str, columns: Columns | Any, twin: bool) -> Any:
    spec = spec_of(name)
    if twin and not spec.twin:
        text = f"table '{name}' is not kept of a twin"
        raise ResultsError(text)
    if isinstance(columns, pa.Table) and _MADE.get((name, id(columns))) is columns:
        return columns
    made = _made(spec, name, columns)
    _MADE[name, id(made)] = made
    return made


def _made(spec: TableSpec, name: str, columns: Columns | Any) -> Any:
    if not isinstance(columns, pa.Table) and not columns:
        return empty_table(name)
    given = {c: columns.column(c) for c in columns.column_names} if isinstance(columns, pa.Table) else dict(columns)
    errors = _column_errors(spec, name, given)
    arrays: dict[str, Any] = {}
    for column in _order(spec, given):
        try:
            arrays[column] = conform_column(spec.columns.get(column), given[column])
        except (MisfitError, pa.ArrowException, OverflowError) as error:
            errors.append(f"{name}.{column}: {error}")
    lengths = {column: len(array) for column, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        errors.append(f"table '{name}': columns of different length: {lengths}")
    if errors:
        raise ResultsError("\n  ".join(errors))
    arrays = _with_left_out(spec, arrays, next(iter(lengths.values())))
    table = pa.table(list(arrays.values()), schema=_schema(spec, arrays, arrays))
    return _sorted(table, spec, name)


def _with_left_out(spec: TableSpec, arrays: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """The columns in the order of the catalogue, with nulls for the nullable ones that were left out."""
    left_out = [c for c in spec.columns.values() if c.nullable and c.name not in arrays]
    whole = {**arrays, **{c.name: pa.nulls(rows, TYPES[c.type]) for c in left_out}}
    return {name: whole[name] for name in _order(spec, whole)}


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
    encoded = array if pa.types.is_dictionary(array.type) else sorted_names(array)
    return encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
