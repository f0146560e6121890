"""A linear programme that grows block by block in arrays, and one HiGHS that solves it again with other vectors.

Blocks of columns and rows are index arrays of any shape; coefficients are put by broadcasting. The solver is built once; a new price or
limit changes costs and bounds in place, and the last basis is the start.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]
Index = NDArray[np.int64]

DUAL_TOLERANCE = 1e-9
"""Below the tie cost of a step, so that ties are decided by it."""


class Programme:
    """Minimise cost subject to bounds of columns and rows."""

    def __init__(self) -> None:
        self.cost: list[F64] = []
        self.column_bounds: list[tuple[F64, F64]] = []
        self.row_bounds: list[tuple[F64, F64]] = []
        self.entries: list[tuple[Index, Index, F64]] = []
        self.n_columns = 0
        self.n_rows = 0

    def columns(self, shape: tuple[int, ...], low: ArrayLike, high: ArrayLike, cost: ArrayLike = 0.0) -> Index:
        """A block of columns; returns their numbers."""
        size = int(np.prod(shape))
        self.cost.append(_flat(cost, shape))
        self.column_bounds.append((_flat(low, shape), _flat(high, shape)))
        self.n_columns += size
        return np.arange(self.n_columns - size, self.n_columns).reshape(shape)

    def rows(self, shape: tuple[int, ...], low: ArrayLike, high: ArrayLike) -> Index:
        """A block of rows; returns their numbers."""
        size = int(np.prod(shape))
        self.row_bounds.append((_flat(low, shape), _flat(high, shape)))
        self.n_rows += size
        return np.arange(self.n_rows - size, self.n_rows).reshape(shape)

    def put(self, rows: Index, columns: Index, values: ArrayLike) -> None:
        """Coefficients of columns in rows, broadcast against each other."""
        row, column, value = np.broadcast_arrays(rows, columns, np.asarray(values, np.float64))
        self.entries.append((row.ravel(), column.ravel(), value.ravel()))


def _flat(values: ArrayLike, shape: tuple[int, ...]) -> F64:
    return np.array(np.broadcast_to(np.asarray(values, np.float64), shape)).ravel()


class Found(NamedTuple):
    """An optimum: value of each column, price of each row (what one more on its right side adds to the cost), the cost."""

    columns: F64
    rows: F64
    cost: float


class Solver:
    """One HiGHS with the structure of a programme."""

    def __init__(self, programme: Programme) -> None:
        import highspy

        self._highspy = highspy
        self._highs = highspy.Highs()
        self._highs.silent()
        self._highs.setOptionValue("threads", 1)
        self._highs.setOptionValue("dual_feasibility_tolerance", DUAL_TOLERANCE)
        self._highs.passModel(_model(highspy, programme))

    def costs(self, columns: Index, cost: ArrayLike) -> None:
        """Other costs of some columns."""
        where = columns.ravel().astype(np.int32)
        self._highs.changeColsCost(len(where), where, _flat(cost, columns.shape))

    def column_bounds(self, columns: Index, low: ArrayLike, high: ArrayLike) -> None:
        """Other bounds of some columns."""
        where = columns.ravel().astype(np.int32)
        self._highs.changeColsBounds(len(where), where, _flat(low, columns.shape), _flat(high, columns.shape))

    def row_bounds(self, rows: Index, low: ArrayLike, high: ArrayLike) -> None:
        """Other bounds of some rows."""
        where = rows.ravel().astype(np.int32)
        self._highs.changeRowsBounds(len(where), where, _flat(low, rows.shape), _flat(high, rows.shape))

    def add_column(self, cost: float, rows: Index, values: F64) -> None:
        """One more column, at least 0."""
        self._highs.addCol(cost, 0.0, np.inf, len(rows), rows.astype(np.int32), values)

    def solve(self) -> Found:
        """The optimum.

        Raises:
            RuntimeError: there is none.
        """
        if not self._optimal():
            self._highs.clearSolver()  # a start that misleads is rare; from nothing it is found
            if not self._optimal():
                msg = f"programme not solved: {self._highs.getModelStatus()}"
                raise RuntimeError(msg)
        solution = self._highs.getSolution()
        return Found(
            np.asarray(solution.col_value), np.asarray(solution.row_dual), float(self._highs.getObjectiveValue())
        )

    def _optimal(self) -> bool:
        done = self._highs.run() == self._highspy.HighsStatus.kOk
        return bool(done and self._highs.getModelStatus() == self._highspy.HighsModelStatus.kOptimal)


def _model(highspy: Any, programme: Programme) -> Any:
    rows, columns, values = (np.concatenate(part) for part in zip(*programme.entries, strict=True))
    order = np.lexsort((rows, columns))
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = programme.n_columns, programme.n_rows
    model.col_cost_ = np.concatenate(programme.cost)
    model.col_lower_, model.col_upper_ = (np.concatenate(part) for part in zip(*programme.column_bounds, strict=True))
    model.row_lower_, model.row_upper_ = (np.concatenate(part) for part in zip(*programme.row_bounds, strict=True))
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.searchsorted(columns[order], np.arange(programme.n_columns + 1)).astype(np.int32)
    model.a_matrix_.index_ = rows[order].astype(np.int32)
    model.a_matrix_.value_ = values[order]
    return model
