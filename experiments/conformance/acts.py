"""What an act says it read and wrote must exist: in a table, a message or a register (CONFORMANCE C11).

References are ``<prefix>/<name>``. ``data/usecases/references.yaml`` says for each prefix in which columns the name is found; the name may
go on after the part that the column holds (``bids/session-1/2`` is found as session ``session-1``).
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import data
from experiments.errors import did_you_mean


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column in which the name of a reference is found."""

    table: str
    column: str


@cache
def places() -> dict[str, tuple[Place, ...]]:
    """Prefix -> columns, from ``data/usecases/references.yaml``."""
    found: dict[str, tuple[Place, ...]] = msgspec.convert(
        data.read_yaml("usecases", "references.yaml"), dict[str, tuple[Place, ...]]
    )
    return found


def lost_references(tables: Mapping[str, pa.Table], columns: Mapping[str, pa.Array]) -> dict[int, str]:
    """Rows of acts whose references lead nowhere, with the reason.

    Args:
        tables: the tables of the run.
        columns: verb ("read", "wrote") -> list column of references, one list an act.
    """
    known: dict[tuple[str, str], frozenset[str]] = {}
    reasons: dict[int, str] = {}
    for verb, lists in columns.items():
        for reference, rows in _uses(lists):
            why = _missing(reference, tables, known)
            for row in rows if why else ():
                reasons.setdefault(int(row), f"{verb} {reference}: {why}")
    return reasons


def _uses(lists: pa.Array) -> Iterator[tuple[str, Any]]:
    """Every distinct reference with the rows that cite it."""
    flat = lists.flatten().cast(pa.string())
    if not len(flat):
        return
    rows = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    encoded = pc.dictionary_encode(flat)
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    yield from zip(encoded.dictionary.to_pylist(), np.split(rows[order], starts[1:]), strict=True)


def _missing(reference: str, tables: Mapping[str, pa.Table], known: dict[tuple[str, str], frozenset[str]]) -> str:
    prefix, _, name = reference.partition("/")
    if prefix not in places():
        return f"no table is known for {prefix!r}{did_you_mean(prefix, places())}"
    for place in places()[prefix]:
        values = _values(place, tables, known)
        if any(start in values for start in _starts(name)):
            return ""
    return "not found in " + " or ".join(f"{place.table}.{place.column}" for place in places()[prefix])


def _starts(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _values(
    place: Place, tables: Mapping[str, pa.Table], known: dict[tuple[str, str], frozenset[str]]
) -> frozenset[str]:
    key = (place.table, place.column)
    if key not in known:
        table = tables.get(place.table)
        values = (
            []
            if table is None or place.column not in table.column_names
            else pc.unique(table.column(place.column)).to_pylist()
        )
        known[key] = frozenset(map(str, values))
    return known[key]
