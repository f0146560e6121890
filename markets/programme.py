"""A linear programme that grows block by block in arrays, and one HiGHS that solves it again with other vectors.

Blocks of columns and rows are index arrays of any shape; coefficients are put by broadcasting. The solver is built once; a new price or
limit changes costs and bounds in place, and the last basis is the start.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64

DUAL_TOLERANCE = 1e-9
"""Below the tie cost of a step of a day, so that ties are decided by it."""

PRIMAL = 4
"""HiGHS's number of the primal simplex among its strategies."""


class InfeasibleError(RuntimeError):
    """No columns fulfil all conditions."""


class Programme:
    """Minimise cost subject to bounds of columns and rows. The tie cost picks one of equal optima and is no cost."""

    def __init__(self) -> None:
        self._cost: list[F64] = []
        self._tie: list[F64] = []
        self._column_bounds: list[tuple[F64, F64]] = []
        self._row_bounds: list[tuple[F64, F64]] = []
        self._entries: list[tuple[I64, I64, F64]] = []
        self._shifts: list[tuple[I64, F64]] = []
        self.n_columns = 0
        self.n_rows = 0

    def columns(
        self,
        shape: tuple[int, ...],
        low: ArrayLike = 0.0,
        high: ArrayLike = np.inf,
        cost: ArrayLike = 0.0,
        tie: ArrayLike = 0.0,
    ) -> I64:
        """A block of columns; returns their numbers."""
        size = int(np.prod(shape))
        self._cost.append(_flat(cost, shape))
        self._tie.append(_flat(tie, shape))
        self._column_bounds.append((_flat(low, shape), _flat(high, shape)))
        self.n_columns += size
        return np.arange(self.n_columns - size, self.n_columns).reshape(shape)

    def rows(self, shape: tuple[int, ...], low: ArrayLike, high: ArrayLike) -> I64:
        """A block of rows; returns their numbers."""
        size = int(np.prod(shape))
        self._row_bounds.append((_flat(low, shape), _flat(high, shape)))
        self.n_rows += size
        return np.arange(self.n_rows - size, self.n_rows).reshape(shape)

    def put(self, rows: ArrayLike, columns: ArrayLike, values: ArrayLike) -> None:
        """Coefficients of columns in rows, broadcast against each other; equal places add up."""
        row, column, value = np.broadcast_arrays(
            np.asarray(rows, np.int64), np.asarray(columns, np.int64), np.asarray(values, np.float64)
        )
        self._entries.append((row.ravel(), column.ravel(), value.ravel()))

    def shift(self, rows: I64, given: ArrayLike) -> None:
        """Add a constant to the left side of some rows."""
        self._shifts.append((rows.ravel(), _flat(given, rows.shape)))

    @property
    def cost(self) -> F64:
        """Cost of each column."""
        return np.concatenate(self._cost)

    @property
    def tied_cost(self) -> F64:
        """Cost and tie cost of each column."""
        return np.concatenate(self._cost) + np.concatenate(self._tie)

    @property
    def column_bounds(self) -> tuple[F64, F64]:
        """Bounds of each column."""
        low, high = (np.concatenate(part) for part in zip(*self._column_bounds, strict=True))
        return low, high

    @property
    def row_bounds(self) -> tuple[F64, F64]:
        """Bounds of each row, constants taken to the right side."""
        low, high = (np.concatenate(part) for part in zip(*self._row_bounds, strict=True))
        for rows, given in self._shifts:
            np.subtract.at(low, rows, given)
            np.subtract.at(high, rows, given)
        return low, high

    def matrix(self) -> Any:
        """Coefficients, sparse by column."""
        from scipy.sparse import coo_matrix

        rows, columns, values = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        return coo_matrix((values, (rows, columns)), shape=(self.n_rows, self.n_columns)).tocsc()


def _flat(values: ArrayLike, shape: tuple[int, ...]) -> F64:
    return np.array(np.broadcast_to(np.asarray(values, np.float64), shape)).ravel()


class Found(NamedTuple):
    """An optimum: value of each column, price of each row (what one more on its right side adds to the cost), the cost."""

    columns: F64
    rows: F64
    cost: float


class Solver:
    """One HiGHS with the structure of a programme.

    Args:
        programme: what is minimised, tie costs included.
        dual_tolerance: by how much a reduced cost may be on the wrong side; below the tie costs.
        reprices: after the first solution only costs change. It then stays feasible, and the primal simplex goes on from it.
    """

    def __init__(self, programme: Programme, *, dual_tolerance: float = DUAL_TOLERANCE, reprices: bool = False) -> None:
        import highspy

        self._highspy = highspy
        self._highs = highspy.Highs()
        self._highs.silent()
        self._highs.setOptionValue("threads", 1)
        self._highs.setOptionValue("dual_feasibility_tolerance", dual_tolerance)
        self._highs.passModel(_model(highspy, programme))
        self._reprices = reprices

    def costs(self, columns: I64, cost: ArrayLike) -> None:
        """Other costs of some columns."""
        where = columns.ravel().astype(np.int32)
        self._highs.changeColsCost(len(where), where, _flat(cost, columns.shape))

    def column_bounds(self, columns: I64, low: ArrayLike, high: ArrayLike) -> None:
        """Other bounds of some columns."""
        where = columns.ravel().astype(np.int32)
        self._highs.changeColsBounds(len(where), where, _flat(low, columns.shape), _flat(high, columns.shape))

    def row_bounds(self, rows: I64, low: ArrayLike, high: ArrayLike) -> None:
        """Other bounds of some rows."""
        where = rows.ravel().astype(np.int32)
        self._highs.changeRowsBounds(len(where), where, _flat(low, rows.shape), _flat(high, rows.shape))

    def coefficients(self, rows: I64, columns: I64, values: F64) -> None:
        """Other coefficients, one for each pair of a row and a column."""
        for row, column, value in zip(rows.tolist(), columns.tolist(), values.tolist(), strict=True):
            self._highs.changeCoeff(row, column, value)

    def basis(self) -> Any:
        """Where the last solution stands, for ``start``."""
        return self._highs.getBasis()

    def start(self, basis: Any) -> None:
        """Begin the next solution at an earlier one."""
        self._highs.setBasis(basis)

    def add_column(self, cost: float, rows: I64, values: F64) -> None:
        """One more column, at least 0."""
        self._highs.addCol(cost, 0.0, np.inf, len(rows), rows.astype(np.int32), values)

    def whole(self, columns: I64) -> None:
        """Make some columns whole numbers."""
        where = columns.ravel().astype(np.int32)
        kinds = np.full(len(where), self._highspy.HighsVarType.kInteger.value, np.uint8)
        self._highs.changeColsIntegrality(len(where), where, kinds)

    def solve(self) -> Found:
        """The optimum.

        Raises:
            InfeasibleError: nothing fulfils all conditions.
            RuntimeError: there is no optimum, or it was not found.
        """
        if not self._optimal():
            self._highs.clearSolver()  # a start that misleads is rare; from nothing it is found
            if not self._optimal():
                self._give_up()
        if self._reprices:
            self._highs.setOptionValue("simplex_strategy", PRIMAL)
        solution = self._highs.getSolution()
        return Found(
            np.asarray(solution.col_value), np.asarray(solution.row_dual), float(self._highs.getObjectiveValue())
        )

    def _optimal(self) -> bool:
        done = self._highs.run() == self._highspy.HighsStatus.kOk
        return bool(done and self._highs.getModelStatus() == self._highspy.HighsModelStatus.kOptimal)

    def _give_up(self) -> None:
        found, kinds = self._highs.getModelStatus(), self._highspy.HighsModelStatus
        if found in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible):
            msg = "nothing fulfils all conditions"
            raise InfeasibleError(msg)
        msg = f"programme not solved: {found}"
        raise RuntimeError(msg)


def _model(highspy: Any, programme: Programme) -> Any:
    matrix = programme.matrix()
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = programme.n_columns, programme.n_rows
    model.col_cost_ = programme.tied_cost
    model.col_lower_, model.col_upper_ = programme.column_bounds
    model.row_lower_, model.row_upper_ = programme.row_bounds
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data
    return model
