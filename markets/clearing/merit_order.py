"""Merit order: bids by effective price (price per kW of relief), cheapest first, until each need is met.

The rule looks at one constraint at a time, the largest need first (ties by name), and counts what earlier choices
already relieve. It knows no headroom of other constraints: that is the difference to the network-aware rule, which it
equals where one constraint is in need, all bids are divisible and no other limit binds.

Source: effective price of a locational bid, c / s (SUC06.1 scenario 2, DSO single buyer).
"""

import numpy as np

from data.arrays import F64, I64
from markets.bids import BidColumns, NeedColumns, Sensitivities
from markets.clearing.outcome import ZERO_KW, Clearing, Problem, Solution, assemble, no_headrooms, snap

ROUNDING = 1e-9
"""Relative: an effective price that is the stated price but for its last digits is bought."""


def clear(
    bids: BidColumns,
    needs: NeedColumns,
    network: Sensitivities,
    *,
    hours: float,
    unmet_eur_per_kwh: float,
    headrooms: NeedColumns | None = None,
) -> Clearing:
    """Clear a session by merit order; arguments as in ``network_aware.clear``, headrooms are not looked at.

    Raises:
        ValueError: input that makes no sense, or a name the network does not know.
    """
    del headrooms  # this rule does not see the rest of the network

    def solve(problem: Problem) -> Solution:
        return _solve(problem, unmet_eur_per_kwh)

    return assemble(bids, needs, network, no_headrooms(), hours, unmet_eur_per_kwh, solve)


def _solve(problem: Problem, unmet_eur_per_kwh: float) -> Solution:
    accepted = np.zeros(len(problem.cost))
    shadow = np.zeros(len(problem.need_kw))
    for k in np.argsort(-problem.need_kw, kind="stable"):
        accepted, shadow[k] = _relieve(problem, int(k), accepted, unmet_eur_per_kwh)
    return Solution(snap(problem, accepted), shadow, np.zeros(0))


def _relieve(problem: Problem, k: int, accepted: F64, unmet_eur_per_kwh: float) -> tuple[F64, float]:
    """Accept what constraint k still needs; gives the quantities and the effective price of the last bid taken."""
    taken = accepted.copy()
    relief = problem.relief[k]
    missing = problem.need_kw[k] - float((relief * taken).sum())
    last = 0.0
    for j in _by_effective_price(problem.cost, relief):
        price = problem.cost[j] / relief[j]
        if missing <= ZERO_KW or price > unmet_eur_per_kwh * (1.0 + ROUNDING):
            break
        quantity = min(problem.quantity_kw[j] - taken[j], missing / relief[j])
        if taken[j] + quantity < problem.least_kw[j] - ZERO_KW or quantity <= 0.0:
            continue
        taken[j] += quantity
        missing -= relief[j] * quantity
        last = price
    return taken, float(unmet_eur_per_kwh if missing > ZERO_KW else last)


def _by_effective_price(cost: F64, relief: F64) -> I64:
    useful = np.flatnonzero(relief > 0.0)
    return np.asarray(useful[np.argsort(cost[useful] / relief[useful], kind="stable")], np.int64)
