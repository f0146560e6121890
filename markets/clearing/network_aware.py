r"""Network-aware clearing: the bids that meet all needs at least cost and violate no other limit, by sensitivities.

For each interval and each direction, with bids :math:`j`, constraints in need :math:`l` and guarded constraints
:math:`g`:

.. math::
    \min \sum_j c_j x_j + \pi \sum_l u_l \quad
    \text{s.t.}\ \sum_j s_{lj} x_j + u_l \ge n_l,\quad
    \underline h_g \le \sum_j s_{gj} x_j \le \overline h_g,\quad
    x_j \in \{0\} \cup [m_j, q_j],\ u_l \ge 0

The slack :math:`u` at the stated price :math:`\pi` makes too little flexibility an *unmet need*, never an infeasible
market; a bid whose effective price exceeds :math:`\pi` is not bought. Minimum acceptance and indivisible bids make
:math:`x_j` semi-continuous (a mixed-integer programme); shadow prices are then those of the linear programme with the
chosen bids fixed.

*One optimum.* Among equal costs the earlier bid wins: each bid carries a tie cost of at most 1e-8 of :math:`\pi` per
unit of relief, strictly increasing with its precedence (time of receipt, then id). Tie costs are proportional to
square roots of primes, which are linearly independent over the rationals (Besicovitch 1940, "On the linear
independence of fractional powers of integers", J. London Math. Soc. 15), so no two different vertices tie. They are
not part of the reported cost.

Sources: SUC06.1 scenario 2; DSO single-buyer form of a local flexibility auction (Prat, Dukovska, Nellikkath, Thoma,
Herre, Chatzivasileiadis: "Network-aware flexibility requests for distribution-level flexibility markets", IEEE Trans.
Power Syst. 2024).
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Any

import highspy
import numpy as np
from scipy.sparse import csr_matrix, eye, hstack, vstack

from data.arrays import F64, Bool
from markets.bids import BidColumns, NeedColumns, Sensitivities
from markets.clearing.outcome import Clearing, Problem, Solution, assemble, no_headrooms, snap

PENALTY_SCALE = 1e3  # the price of an unmet need inside the solver, so that tie costs stay above its tolerances
TIE_SHARE = 1e-8  # largest tie cost as a share of that price
UNMET_SCALE = PENALTY_SCALE * (
    1.0 + 2.0 * TIE_SHARE
)  # so that a bid at exactly that price is bought whatever its tie cost
LARGEST = (
    100.0  # the largest bid inside the solver: quantities are in a power of two of a kW, so that scaling rounds nothing
)


def clear(
    bids: BidColumns,
    needs: NeedColumns,
    network: Sensitivities,
    *,
    hours: float,
    unmet_eur_per_kwh: float,
    headrooms: NeedColumns | None = None,
) -> Clearing:
    """Clear a session at least cost.

    Args:
        bids: the order book, any order.
        needs: relief needed at each constraint, interval and direction.
        network: how areas act on constraints; must name every constraint and area used.
        hours: length of an interval [h].
        unmet_eur_per_kwh: what the buyer would rather pay than see a need unmet.
        headrooms: change in each direction that constraints can bear; none named: not limited.

    Raises:
        ValueError: input that makes no sense, or a name the network does not know.
        RuntimeError: the solver gave up.
    """
    models: dict[bytes, ReliefModel] = {}

    def solve(problem: Problem) -> Solution:
        relief, guard = problem.relief, problem.guard
        key = _fingerprint(relief, guard)
        if key not in models:
            models[key] = ReliefModel(relief, guard)
        return models[key].solve(problem, unmet_eur_per_kwh)

    return assemble(bids, needs, network, headrooms or no_headrooms(), hours, unmet_eur_per_kwh, solve)


def _fingerprint(relief: F64, guard: csr_matrix) -> bytes:
    """Equal for equal matrices, and for these alone."""
    found = blake2b(f"{relief.shape}/{guard.shape}".encode())
    for part in (relief, guard.indptr, guard.indices, guard.data):
        found.update(part.tobytes())
    return found.digest()


class ReliefModel:
    """The optimisation model of one constraint matrix, built once and solved for many intervals.

    Args:
        relief: kW at each need per kW of each bid, shape (k, n).
        guard: kW at each guarded constraint per kW of each bid, shape (h, n).
    """

    def __init__(self, relief: F64, guard: csr_matrix) -> None:
        self._k, self._n = relief.shape
        self._h = guard.shape[0]
        acts = vstack([csr_matrix(relief), guard])
        self._highs = _load(csr_matrix(hstack([acts, eye(self._k + self._h, self._k)])))
        self._columns = np.arange(self._n + self._k, dtype=np.int32)
        self._rows = np.arange(self._k + self._h, dtype=np.int32)

    def solve(self, problem: Problem, unmet_eur_per_kwh: float) -> Solution:
        """The unique optimum for the costs, quantities and needs of one problem with this matrix."""
        if self._n == 0:
            return Solution(np.zeros(0), np.full(self._k, unmet_eur_per_kwh), np.zeros(self._h))
        unit_kw = 2.0 ** np.ceil(np.log2(problem.quantity_kw.max() / LARGEST))
        self._set_costs(problem, unmet_eur_per_kwh)
        self._set_rows(problem, unit_kw)
        low, high = self._chosen(problem.least_kw / unit_kw, problem.quantity_kw / unit_kw)
        self._set_bounds(low, high, np.zeros(self._n, bool))
        return self._read(problem, unit_kw, unmet_eur_per_kwh)

    def _chosen(self, least: F64, largest: F64) -> tuple[F64, F64]:
        """Bounds of each bid once it is settled which of the bids with a smallest part are taken."""
        blocks = least > 0.0
        if not blocks.any():
            return least, largest
        self._set_bounds(least, largest, blocks)
        found = np.asarray(self._run(("choose",)).col_value[: self._n])
        out = blocks & (found < 0.5 * least)
        return np.where(out, 0.0, least), np.where(out, 0.0, largest)

    def _set_costs(self, problem: Problem, unmet_eur_per_kwh: float) -> None:
        weight = np.maximum(np.maximum(problem.relief, 0.0).sum(axis=0), 1e-3)
        tie = TIE_SHARE * weight * tie_order(self._n)
        bids = (problem.cost / unmet_eur_per_kwh + tie) * PENALTY_SCALE
        costs = np.concatenate([bids, np.full(self._k, UNMET_SCALE)])
        self._highs.changeColsCost(len(costs), self._columns, costs)

    def _set_rows(self, problem: Problem, unit_kw: float) -> None:
        low = np.concatenate([problem.need_kw, problem.guard_low_kw]) / unit_kw
        high = np.concatenate([np.full(self._k, highspy.kHighsInf), problem.guard_high_kw / unit_kw])
        self._highs.changeRowsBounds(len(low), self._rows, low, high)

    def _set_bounds(self, low: F64, high: F64, semi: Bool) -> None:
        kinds = np.where(semi, _SEMI_CONTINUOUS, _CONTINUOUS).astype(np.uint8)
        self._highs.changeColsIntegrality(self._n, self._columns[: self._n], kinds)
        self._highs.changeColsBounds(self._n, self._columns[: self._n], low, high)

    def _run(self, solvers: tuple[str, ...]) -> Any:
        """The solution of the first solver that reaches the optimum; they are asked in a fixed order."""
        for solver in solvers:
            self._highs.setOptionValue("solver", solver)
            self._highs.clearSolver()  # a cold start: the answer depends on this problem alone, not on the one before
            status, outcome = self._highs.run(), self._highs.getModelStatus()
            if status != highspy.HighsStatus.kError and outcome == highspy.HighsModelStatus.kOptimal:
                return self._highs.getSolution()
        msg = f"network-aware clearing: the solver ended with {self._highs.modelStatusToString(outcome)}"
        raise RuntimeError(msg)

    def _read(self, problem: Problem, unit_kw: float, unmet_eur_per_kwh: float) -> Solution:
        found = self._run(("simplex", "ipm"))
        accepted = snap(problem, np.asarray(found.col_value[: self._n], np.float64) * unit_kw)
        duals = np.asarray(found.row_dual, np.float64) * unmet_eur_per_kwh / PENALTY_SCALE
        return Solution(accepted, np.clip(duals[: self._k], 0.0, unmet_eur_per_kwh), -duals[self._k :])


_CONTINUOUS = int(highspy.HighsVarType.kContinuous)
_SEMI_CONTINUOUS = int(highspy.HighsVarType.kSemiContinuous)


def _load(matrix: csr_matrix) -> highspy.Highs:
    rows, columns = matrix.shape
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = rows, columns
    lp.col_cost_ = np.zeros(columns)
    lp.col_lower_, lp.col_upper_ = np.zeros(columns), np.full(columns, highspy.kHighsInf)
    lp.row_lower_, lp.row_upper_ = np.zeros(rows), np.full(rows, highspy.kHighsInf)
    matrix.sort_indices()
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = matrix.indptr.astype(np.int32)
    lp.a_matrix_.index_ = matrix.indices.astype(np.int32)
    lp.a_matrix_.value_ = np.asarray(matrix.data, np.float64)
    highs = highspy.Highs()
    for option, value in _OPTIONS.items():
        highs.setOptionValue(option, value)
    highs.passModel(lp)
    return highs


_OPTIONS = {
    "output_flag": False,
    "presolve": "off",
    "dual_feasibility_tolerance": 1e-10,
    "primal_feasibility_tolerance": 1e-9,
    "mip_feasibility_tolerance": 1e-9,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.0,
}


@lru_cache(maxsize=64)
def tie_order(n: int) -> F64:
    """Strictly increasing tie costs in (0, 1], linearly independent over the rationals up to one common factor."""
    size = 16 if n < 6 else int(n * (np.log(n) + np.log(np.log(n)))) + 1  # Rosser's bound on the n-th prime
    sieve = np.ones(size + 1, bool)
    sieve[:2] = False
    for k in range(2, int(size**0.5) + 1):
        sieve[k * k :: k] &= not sieve[k]
    roots = np.sqrt(np.flatnonzero(sieve)[:n].astype(np.float64))
    return np.asarray(roots / roots[-1])
