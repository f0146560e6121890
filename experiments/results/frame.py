"""Columns of a table as numpy arrays."""

from typing import Any

import numpy as np
import pyarrow as pa

from data.arrays import F64, I64, Bool, Names


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
