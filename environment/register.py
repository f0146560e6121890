"""A table of a party's own (law 6)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Register:
    """A table of a party's own that grows (law 6: its registers); found again in the results of the run."""

    def __init__(self) -> None:
        self._parts: list[dict[str, Any]] = []
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def add(self, **columns: Any) -> None:
        """Append rows, as copies: every column a scalar or an array of one common length, the same columns every time."""
        lengths = {name: len(value) for name, value in columns.items() if _is_column(value)}
        if len(set(lengths.values())) > 1:
            text = f"the columns of new rows have one length, not {lengths}"
            raise ValueError(text)
        if self._parts and columns.keys() != self._parts[0].keys():
            text = f"the register has the columns {sorted(self._parts[0])}, not {sorted(columns)}"
            raise ValueError(text)
        n = max(lengths.values(), default=1)
        if n:
            self._parts.append({name: _spread(value, n) for name, value in columns.items()})
            self._n += n

    def drop(self, column: str, values: Sequence[str]) -> None:
        """Take out the rows that have one of some values in a column: what must be kept no longer, as of people who had their data erased."""
        parts = [(part, ~np.isin(part[column].astype(str), list(values))) for part in self._parts]
        self._parts = [{name: rows[keep] for name, rows in part.items()} for part, keep in parts if keep.any()]
        self._n = sum(int(keep.sum()) for _, keep in parts)

    def columns(self) -> dict[str, NDArray[Any]]:
        """The whole table."""
        if not self._parts:
            return {}
        return {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}


def _is_column(value: Any) -> bool:
    return isinstance(value, list | np.ndarray)


def _spread(value: Any, n: int) -> NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value.copy()
    texts = isinstance(value, str) or (isinstance(value, list) and bool(value) and isinstance(value[0], str))
    if isinstance(value, list) or texts:
        column = np.empty(n, object) if texts else np.array(value)
        column[:] = value
        return column
    return np.full(n, value)
