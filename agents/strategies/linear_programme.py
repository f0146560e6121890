"""A linear programme written in blocks of columns and rows, and solved by HiGHS again and again from the last basis."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


_SMALL = 5000
"""Below so many columns the simplex method is faster from nothing too."""


class ProgrammeError(ValueError):
    """A programme without solution."""


class Programme:
    """Columns with cost, tie cost and bounds; rows with bounds; entries. The tie cost picks one of equal optima."""

    def __init__(self) -> None:
        self._columns: dict[str, list[F64]] = {"cost": [], "tie": [], "low": [], "high": []}
        self._bounds: dict[str, list[F64]] = {"low": [], "high": []}
        self._entries: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        self._shifts: list[tuple[I64, F64]] = []
        self.n_columns = 0
        self.n_rows = 0

    def columns(
        self,
        shape: tuple[int, ...],
        cost: ArrayLike = 0.0,
        tie: ArrayLike = 0.0,
        low: ArrayLike = 0.0,
        high: ArrayLike = np.inf,
    ) -> I64:
        """New columns; their numbers in that shape."""
        count = int(np.prod(shape))
        for name, value in (("cost", cost), ("tie", tie), ("low", low), ("high", high)):
            self._columns[name].append(np.broadcast_to(np.asarray(value, np.float64), shape).ravel())
        self.n_columns += count
        return np.arange(self.n_columns - count, self.n_columns).reshape(shape)

    def rows(self, shape: tuple[int, ...], low: ArrayLike, high: ArrayLike) -> I64:
        """New rows between two bounds; their numbers in that shape."""
        count = int(np.prod(shape))
        for name, value in (("low", low), ("high", high)):
            self._bounds[name].append(np.broadcast_to(np.asarray(value, np.float64), shape).ravel())
        self.n_rows += count
        return np.arange(self.n_rows - count, self.n_rows).reshape(shape)

    def put(self, rows: ArrayLike, columns: ArrayLike, values: ArrayLike) -> None:
        """Entries, broadcast against each other; equal places add up."""
        parts = np.broadcast_arrays(np.asarray(rows), np.asarray(columns), np.asarray(values, np.float64))
        for target, part in zip(self._entries, parts, strict=True):
            target.append(part.ravel())

    def shift(self, rows: I64, given: F64) -> None:
        """Add a constant to the left side of some rows."""
        self._shifts.append((rows.ravel(), np.broadcast_to(given, rows.shape).ravel()))

    @property
    def cost(self) -> F64:
        """Cost of each column, without tie cost."""
        return np.concatenate(self._columns["cost"])

    def solver(self) -> "Solver":
        """The programme in HiGHS."""
        rows, columns, values = (np.concatenate(part) for part in self._entries)
        low, high = (np.concatenate(self._bounds[name]).copy() for name in ("low", "high"))
        for which, given in self._shifts:
            np.subtract.at(low, which, given)
            np.subtract.at(high, which, given)
        from scipy import sparse

        shape = (self.n_rows, self.n_columns)
        matrix = sparse.coo_matrix((values, (rows.astype(np.int64), columns.astype(np.int64))), shape=shape).tocsc()
        return Solver(matrix, {name: np.concatenate(parts) for name, parts in self._columns.items()}, low, high)


class Solver:
    """One programme in HiGHS: objective and bounds may change, the basis of the last solution is the start of the next."""

    def __init__(self, matrix: Any, columns: Mapping[str, F64], low: F64, high: F64) -> None:
        import highspy

        self._highspy = highspy
        self._matrix = matrix.tocsr()
        self._columns = dict(columns)
        self._row_low, self._row_high = low, high
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = matrix.shape[1], matrix.shape[0]
        model.col_cost_ = columns["cost"] + columns["tie"]
        model.col_lower_, model.col_upper_ = columns["low"], columns["high"]
        model.row_lower_, model.row_upper_ = low, high
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = (
            matrix.indptr,
            matrix.indices,
            matrix.data,
        )
        self.highs = highspy.Highs()
        self.highs.silent()
        self.highs.setOptionValue("threads", 1)
        self._ok(self.highs.passModel(model))
        self._has_basis = matrix.shape[1] < _SMALL

    def _ok(self, status: Any) -> None:
        if status == self._highspy.HighsStatus.kError:
            msg = "the solver refused the programme"
            raise RuntimeError(msg)

    def row(self, number: int) -> F64:
        """Coefficients of a row as a vector over all columns."""
        return np.asarray(self._matrix[[number]].toarray()[0])

    @property
    def tied_cost(self) -> F64:
        """Cost and tie cost of each column."""
        return self._columns["cost"] + self._columns["tie"]

    def aim(self, cost: F64 | None = None) -> None:
        """Minimise a vector; None for cost and tie cost."""
        wanted = self.tied_cost if cost is None else cost
        self._ok(self.highs.changeColsCost(len(wanted), np.arange(len(wanted), dtype=np.int32), wanted))

    def bound_row(self, number: int, low: float = -np.inf, high: float = np.inf) -> None:
        """Change the bounds of a row."""
        self._ok(self.highs.changeRowBounds(int(number), float(low), float(high)))

    def bound_columns(self, numbers: I64, low: ArrayLike, high: ArrayLike) -> None:
        """Change the bounds of columns."""
        which = numbers.ravel().astype(np.int32)
        values = (np.broadcast_to(np.asarray(one, np.float64), numbers.shape).ravel().copy() for one in (low, high))
        self._ok(self.highs.changeColsBounds(len(which), which, *values))

    def bounds_of(self, numbers: I64) -> tuple[F64, F64]:
        """The bounds that columns were made with."""
        return self._columns["low"][numbers], self._columns["high"][numbers]

    def whole(self, numbers: I64) -> None:
        """Make columns whole numbers."""
        which = numbers.ravel().astype(np.int32)
        kinds = np.full(len(which), self._highspy.HighsVarType.kInteger.value, np.uint8)
        self._ok(self.highs.changeColsIntegrality(len(which), which, kinds))

    def solve(self) -> F64:
        """Values of the columns at the optimum.

        Raises:
            ProgrammeError: there is none.
        """
        # From nothing interior points are faster, from a basis the simplex method is; both end at a vertex.
        self.highs.setOptionValue("solver", "simplex" if self._has_basis else "ipm")
        status = self.highs.run()
        self._has_basis = True
        found = self.highs.getModelStatus()
        kinds = self._highspy.HighsModelStatus
        if status == self._highspy.HighsStatus.kOk and found == kinds.kOptimal:
            return np.asarray(self.highs.getSolution().col_value)
        if found in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible):
            msg = "nothing fulfils all conditions"
            raise ProgrammeError(msg)
        msg = f"linear programme not solved: {status}, {found}"
        raise RuntimeError(msg)

    def duals(self, rows: I64) -> F64:
        """Marginal cost of each row at the last optimum."""
        return np.asarray(self.highs.getSolution().row_dual)[rows]
