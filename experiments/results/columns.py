"""One column of a run's table: what its documentation says, and the arrow array that fits it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NAME_TYPE = pa.dictionary(pa.int32(), pa.string())
TYPES: dict[str, Any] = {
    "int64": pa.int64(),
    "uint64": pa.uint64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "name": NAME_TYPE,
    "text": pa.string(),
    "list<text>": pa.list_(pa.string()),
    "list<float64>": pa.list_(pa.float64()),
}


class MisfitError(ValueError):
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
        return pa.field(self.name, TYPES[self.type], self.nullable, {"unit": self.unit, "about": self.about})


def conform_column(spec: ColumnSpec | None, values: Any) -> Any:
    """One column as an arrow array of its documented type (or, without documentation, of the nearest allowed one)."""
    raw = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    array = raw if isinstance(raw, pa.Array) else _arrow(raw)
    wanted = TYPES[spec.type] if spec else _nearest(array.type)
    array = sorted_names(array) if wanted == NAME_TYPE else _cast(array, wanted, nullable=spec is None or spec.nullable)
    if spec and spec.nullable:
        array = _without_missing(array, spec)
    if pa.types.is_floating(array.type):
        array = _finite(array, nullable=spec is None or spec.nullable)
    if spec and not spec.nullable and array.null_count:
        text = f"row {pc.index(array.is_null(), True).as_py()} is null, which is not allowed here"
        raise MisfitError(text)
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
    return sorted_names(known) if spec.type == "name" else known


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
        texts = _is_text(kind.value_type) or pa.types.is_null(kind.value_type)
        return pa.list_(pa.string() if texts else _nearest(kind.value_type))
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
    raise MisfitError(text)


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
        or (pa.types.is_integer(kind) and pa.types.is_string(wanted))  # numbered ids
        or (pa.types.is_nested(kind) and pa.types.is_nested(wanted))
    )
    if not allowed:
        text = f"holds {kind}, {wanted} is wanted"
        raise MisfitError(text)
    return array.cast(wanted)


def _finite(array: Any, nullable: bool) -> Any:
    values = array.to_numpy(zero_copy_only=False)
    bad = np.isinf(values)
    if not nullable:
        bad |= np.isnan(values)
    if bad.any():
        row = int(np.argmax(bad))
        text = f"row {row} is {values[row]}, which is not allowed here"
        raise MisfitError(text)
    return pc.if_else(pc.is_nan(array), pa.scalar(None, pa.float64()), array) if np.isnan(values).any() else array


def sorted_names(array: Any) -> Any:
    """Dictionary-encoded names whose dictionary is sorted and holds only what occurs."""
    kind = array.type
    if not (_is_text(kind) or pa.types.is_null(kind)):
        text = f"holds {kind}, names are wanted"
        raise MisfitError(text)
    encoded = array if pa.types.is_dictionary(kind) else array.cast(pa.string()).dictionary_encode()
    if not _is_text(encoded.dictionary.type):
        text = f"holds {encoded.dictionary.type}, names are wanted"
        raise MisfitError(text)
    labels = np.array(encoded.dictionary.to_pylist(), dtype=object)
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    used = np.unique(codes[codes >= 0])
    kept, rank = np.unique(labels[used].astype(str), return_inverse=True) if len(used) else (np.array([], str), used)
    table = np.full(len(labels) + 1, -1, np.int64)
    table[used] = rank
    fresh = table[codes]
    indices = pa.array(fresh, pa.int32(), mask=fresh < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(kept.tolist(), pa.string()))
