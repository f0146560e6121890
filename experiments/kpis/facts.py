"""What figures are computed from: the tables of a run as columns of numpy arrays, cut to the delivery days."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from data.arrays import F64, I64, Bool, Names

MS_PER_H = 3_600_000


class Frame:
    """Columns of one table: floats with NaN for null, integers, names as codes with their labels."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __len__(self) -> int:
        """Number of rows."""
        return int(self.table.num_rows)

    def has(self, *columns: str) -> bool:
        """Whether the table has these columns."""
        return all(column in self.table.column_names for column in columns)

    def floats(self, column: str) -> F64:
        """A column of numbers, shape (rows,); null becomes NaN."""
        array = self._array(column).cast(pa.float64())
        return np.asarray(array.fill_null(np.nan).to_numpy(zero_copy_only=False))

    def ints(self, column: str) -> I64:
        """A column of whole numbers without nulls, shape (rows,)."""
        return np.asarray(self._array(column).to_numpy(zero_copy_only=False), np.int64)

    def bools(self, column: str) -> Bool:
        """A column of truth values, shape (rows,); null becomes False."""
        return np.asarray(self._array(column).fill_null(False).to_numpy(zero_copy_only=False), bool)

    def codes(self, column: str) -> tuple[I64, list[str]]:
        """A column of names as codes (-1 for null) and the labels they number."""
        array = self._array(column)
        encoded = array if pa.types.is_dictionary(array.type) else array.cast(pa.string()).dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return codes.astype(np.int64), list(encoded.dictionary.to_pylist())

    def names(self, column: str) -> Names:
        """A column of names, shape (rows,); null becomes the empty name."""
        codes, labels = self.codes(column)
        return np.array([*labels, ""], dtype=str)[codes]

    def where(self, mask: Bool) -> "Frame":
        """The rows of the mask."""
        return self if mask.all() else Frame(self.table.filter(pa.array(mask)))

    def grouped(self, *columns: str) -> I64:
        """One number a row for the combination of these columns, dense from 0."""
        key = np.zeros(len(self), np.int64)
        for column in columns:
            values = self.ints(column) if column.endswith("_ms") else self.codes(column)[0]
            _, dense = np.unique(values, return_inverse=True)
            key = key * (int(dense.max(initial=0)) + 1) + dense
        return np.asarray(np.unique(key, return_inverse=True)[1], np.int64)

    def _array(self, column: str) -> Any:
        chunked = self.table.column(column)
        return chunked.combine_chunks() if isinstance(chunked, pa.ChunkedArray) else chunked


@dataclass(frozen=True)
class Facts:
    """The canonical tables of a run, those of its twin (or None) and run.json; ``memo`` keeps what figures share."""

    tables: Mapping[str, Any]
    twin_tables: Mapping[str, Any] | None
    meta: Mapping[str, Any]
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def start_ms(self) -> int:
        """Start of the delivery days."""
        return int(self.meta["delivery_start_ms"])

    @property
    def end_ms(self) -> int:
        """End of the delivery days."""
        return int(self.meta["delivery_end_ms"])

    @cached_property
    def step_ms(self) -> int:
        """Length of a physics step: meta ``step_s``, else the scenario's ``clock.physics_step_s``, else 900 s."""
        clock = self.scenario.get("clock") or {}
        return round(float(self.meta.get("step_s") or clock.get("physics_step_s") or 900) * 1000)

    @property
    def hours(self) -> float:
        """Length of a physics step [h]."""
        return self.step_ms / MS_PER_H

    @property
    def market_hours(self) -> float:
        """Length of a market interval [h]: meta ``market_step_s``, else 900 s."""
        return float(self.meta.get("market_step_s") or 900) / 3600

    @property
    def scenario(self) -> Mapping[str, Any]:
        """The scenario as run.json holds it."""
        found = self.meta.get("scenario")
        return found if isinstance(found, Mapping) else {}

    @cached_property
    def twin(self) -> "Facts | None":
        """The twin as a run of its own; homes, network and addresses are those of the run. None without twin."""
        if not self.twin_tables:
            return None
        shared = {name: self.tables[name] for name in ("homes", "network_buses", "network_branches", "addresses")
                  if name in self.tables}  # fmt: skip
        return Facts({**shared, **self.twin_tables}, None, self.meta)

    @cached_property
    def nothing(self) -> float | None:
        """Energy of what did not happen: 0 where an operator looked ahead and could have bought, None where nobody does."""
        return 0.0 if self.all("forecasts") else None

    def all(self, table: str) -> Frame | None:
        """All rows of a table; None when it is absent or empty."""
        found = self.tables.get(table)
        return Frame(found) if found is not None and found.num_rows else None

    def days(self, table: str) -> Frame | None:
        """The rows of the delivery days; None when the table is absent or has none."""
        frame = self.all(table)
        if frame is None:
            return None
        t_ms = frame.ints("t_ms")
        kept = frame.where((t_ms >= self.start_ms) & (t_ms < self.end_ms))
        return kept if len(kept) else None


def paired(number: I64, t_ms: I64) -> I64:
    """One key for a small number (>= -1) and an instant [ms] (of some 270 years either way), to look pairs up by."""
    return (number << 44) + (t_ms + (1 << 43))


def unpaired(key: I64) -> tuple[I64, I64]:
    """Number and instant of keys made by ``paired``."""
    return key >> 44, (key & ((1 << 44) - 1)) - (1 << 43)


def summed(group: I64, values: F64) -> F64:
    """Sums of the values of each group, numbered from 0."""
    return np.bincount(group, values).astype(np.float64)


def total(values: F64) -> float | None:
    """The sum; None when a value is unknown."""
    return None if np.isnan(values).any() else float(values.sum())


def ratio(part: float | None, whole: float | None) -> float | None:
    """``part / whole``; None when either is unknown or the whole is nothing."""
    return None if part is None or whole is None or whole == 0 else part / whole


def difference(first: float | None, second: float | None) -> float | None:
    """``first - second``; None when either is unknown."""
    return None if first is None or second is None else first - second
