"""What a clearing says: one row a bid, one row a need, and why each bid was not taken in full."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, vstack
from scipy.sparse.csgraph import connected_components

from data.arrays import F64, I64, Bool, Names
from markets.bids import BidColumns, NeedColumns, Sensitivities

ACCEPTED = ""
NO_NEED = "no need in this interval and direction"
NO_RELIEF = "relieves no constraint in need"
DEARER_THAN_UNMET = "effective price above the stated price of an unmet need"
OUTBID = "need met at a lower cost by other bids"
PARTLY = "only a part was needed"
INDIVISIBLE = "smallest acceptable quantity exceeds what is worth taking"
NO_HEADROOM = "would break the limit of another constraint"

ZERO_EFFECT = 1e-5  # kW per kW: a bid that acts so little on a constraint does not act on it
ZERO_KW = 1e-7  # quantities below are solver noise; a bid is never smaller than a watt


@dataclass(frozen=True, eq=False)
class Clearing:
    """Outcome of one clearing.

    Attributes:
        bids: the offered bids, as given.
        accepted_kw: accepted part of each bid, shape (bids,).
        reason: why the rest was rejected, empty if nothing was, shape (bids,).
        needs: the needs, as given.
        cleared_kw: relief reached at the constraint, at most the need, shape (needs,); negative where bids taken for another
            need make this one worse (meshed grids), 0 where nothing is needed (a row of 0 kW does not say what room is left;
            headrooms do).
        shadow_eur_per_kwh: what one more kWh of that need would cost, shape (needs,).
        hours: length of an interval.
    """

    bids: BidColumns
    accepted_kw: F64
    reason: Names
    needs: NeedColumns
    cleared_kw: F64
    shadow_eur_per_kwh: F64
    hours: float

    @property
    def rejected_kw(self) -> F64:
        """Rejected part of each bid; accepted + rejected = offered."""
        return np.asarray(self.bids.quantity_kw - self.accepted_kw)

    @property
    def unmet_kw(self) -> F64:
        """Need at each constraint that no accepted bid covers."""
        return np.asarray(self.needs.quantity_kw - self.cleared_kw)

    @property
    def bid_cost_eur(self) -> F64:
        """Each accepted quantity at its own bid price, shape (bids,)."""
        return np.asarray(self.accepted_kw * self.bids.price_eur_per_kwh * self.hours)

    @property
    def cost_eur(self) -> float:
        """What the accepted bids cost at their own prices, summed in order of precedence whatever the order given."""
        return float(self.bid_cost_eur[self.bids.precedence()].sum())


@dataclass(frozen=True, eq=False)
class Problem:
    """Bids and needs of one interval and direction that belong together; bids in order of precedence, needs and headrooms by name.

    Attributes:
        bid_rows: rows of the clearing's bids, shape (n,).
        need_rows: rows of the clearing's needs, shape (k,).
        cost: price of each bid [EUR/kWh], shape (n,).
        quantity_kw: largest quantity, shape (n,).
        least_kw: smallest quantity if accepted at all, shape (n,).
        need_kw: shape (k,).
        relief: kW at the need per kW of the bid, shape (k, n).
        guard: the same for the constraints with headroom, shape (h, n); sparse: a large district has tens of thousands of them.
        guard_low_kw: least change allowed there, at most 0, shape (h,).
        guard_high_kw: largest change allowed there, at least 0, shape (h,).
    """

    bid_rows: I64
    need_rows: I64
    cost: F64
    quantity_kw: F64
    least_kw: F64
    need_kw: F64
    relief: F64
    guard: csr_matrix
    guard_low_kw: F64
    guard_high_kw: F64


@dataclass(frozen=True, eq=False)
class Solution:
    """Accepted quantity of each bid (n,), shadow price of each need (k,) and of each guard (h,)."""

    accepted_kw: F64
    shadow: F64
    guard_shadow: F64


def check(bids: BidColumns, needs: NeedColumns, headrooms: NeedColumns, hours: float, unmet_eur_per_kwh: float) -> None:
    """Refuse what no clearing can make sense of, naming all of it.

    Raises:
        ValueError: negative or not finite numbers, double ids, a constraint named twice for one interval.
    """
    wrong = [text for holds, text in _checks(bids, needs, headrooms) if not holds]
    if not (hours > 0 and unmet_eur_per_kwh > 0 and np.isfinite(unmet_eur_per_kwh)):
        wrong.append("hours and the price of an unmet need must be above 0 and finite")
    if wrong:
        msg = "clearing: " + "; ".join(wrong)
        raise ValueError(msg)


def _checks(bids: BidColumns, needs: NeedColumns, headrooms: NeedColumns) -> Iterator[tuple[bool, str]]:
    yield _sound(bids.quantity_kw) and bool((bids.quantity_kw > 0).all()), "bid quantities must be above 0 and finite"
    yield _sound(bids.price_eur_per_kwh), "bid prices must be at least 0 and finite"
    least = bids.least_kw
    yield _sound(least) and bool((least <= bids.quantity_kw).all()), "min_acceptance_kw must lie in [0, quantity_kw]"
    yield len(np.unique(bids.bid)) == len(bids), "bid ids must be unique"
    yield _sound(needs.quantity_kw), "needs must be at least 0 and finite"
    yield _sound(headrooms.quantity_kw), "headrooms must be at least 0 and finite"
    yield _once(needs), "a constraint has two needs for one interval and direction"
    yield _once(headrooms), "a constraint has two headrooms for one interval and direction"


def _sound(values: F64) -> bool:
    return bool((np.isfinite(values) & (values >= 0)).all())


def _once(rows: NeedColumns) -> bool:
    return len(set(zip(rows.constraint.tolist(), rows.up.tolist(), rows.t_ms.tolist(), strict=True))) == len(rows)


def problems(bids: BidColumns, needs: NeedColumns, network: Sensitivities, headrooms: NeedColumns) -> Iterator[Problem]:
    """One problem for each direction and interval that has a need, in order of direction and time.

    Constraints that no bid acts on together are cleared apart: what is taken for one says nothing about the other, and a district of
    many low-voltage grids is many small problems. Directions are separate: flexibility up is never bought to undo flexibility down. The relief in direction up at a
    constraint is limited by its headroom up, and by its headroom down where an area acts on it the other way round.
    """
    ordered = bids.precedence()
    wanted = needs.take(needs.quantity_kw > 0.0)
    for up, t_ms in sorted(set(zip(wanted.up.tolist(), wanted.t_ms.tolist(), strict=True))):
        mine = ordered[(bids.up[ordered] == up) & (bids.t_ms[ordered] == t_ms)]
        active = np.flatnonzero((needs.up == up) & (needs.t_ms == t_ms) & (needs.quantity_kw > 0.0))
        active = active[np.argsort(needs.constraint[active], kind="stable")]
        guards, low, high = _guards(headrooms, up, t_ms)
        areas, area = np.unique(bids.area[mine], return_inverse=True)
        relief = _effect(network.acting(needs.constraint[active], areas))
        guard = _effect(network.acting(guards, areas))
        for needy, guarded, inside in _apart(relief, guard):
            columns = np.flatnonzero(inside[area])
            rows = mine[columns]
            yield Problem(
                bid_rows=rows,
                need_rows=active[needy],
                cost=bids.price_eur_per_kwh[rows],
                quantity_kw=bids.quantity_kw[rows],
                least_kw=bids.least_kw[rows],
                need_kw=needs.quantity_kw[active[needy]],
                relief=relief[needy][:, area[columns]].toarray(),
                guard=guard[guarded][:, area[columns]],
                guard_low_kw=low[guarded],
                guard_high_kw=high[guarded],
            )


def _apart(relief: csr_matrix, guard: csr_matrix) -> Iterator[tuple[Bool, Bool, Bool]]:
    """Which needs, guarded constraints and areas belong together, as masks; areas that act on no need come with the first."""
    k, h = relief.shape[0], guard.shape[0]
    constraint, area = vstack([relief, guard]).nonzero()
    nodes = k + h + relief.shape[1]
    graph = coo_matrix((np.ones(len(area), np.int8), (constraint, k + h + area)), (nodes, nodes))
    _, part = connected_components(graph, directed=False)
    needy = np.unique(part[:k])
    if len(needy) <= 1:
        yield np.ones(k, bool), np.ones(h, bool), np.ones(relief.shape[1], bool)
        return
    idle = ~np.isin(part, needy)
    for number, first in zip(needy.tolist(), [True, *[False] * (len(needy) - 1)], strict=True):
        inside = part == number
        yield inside[:k], inside[k : k + h], (inside | (idle & first))[k + h :]


def _effect(kw_per_kw: csr_matrix) -> csr_matrix:
    """Sensitivities without what is below any measurement and would only trouble a solver."""
    kw_per_kw.data[np.abs(kw_per_kw.data) < ZERO_EFFECT] = 0.0
    kw_per_kw.eliminate_zeros()
    return kw_per_kw


def _guards(headrooms: NeedColumns, up: bool, t_ms: int) -> tuple[list[str], F64, F64]:
    here = np.flatnonzero(headrooms.t_ms == t_ms)
    same = {str(headrooms.constraint[k]): headrooms.quantity_kw[k] for k in here if headrooms.up[k] == up}
    opposite = {str(headrooms.constraint[k]): headrooms.quantity_kw[k] for k in here if headrooms.up[k] != up}
    guards = sorted(same.keys() | opposite.keys())
    low = np.array([-opposite.get(name, np.inf) for name in guards], np.float64)
    high = np.array([same.get(name, np.inf) for name in guards], np.float64)
    return guards, low, high


def assemble(
    bids: BidColumns,
    needs: NeedColumns,
    network: Sensitivities,
    headrooms: NeedColumns,
    hours: float,
    unmet_eur_per_kwh: float,
    solve: Callable[[Problem], Solution],
) -> Clearing:
    """Solve each problem and put the parts together; every bid gets its quantity and its reason.

    Args:
        bids: the order book, any order.
        needs: what must be relieved.
        network: how areas act on constraints.
        headrooms: change that other constraints can bear before they are violated themselves.
        hours: length of an interval [h].
        unmet_eur_per_kwh: price from which a need is rather left unmet.
        solve: the rule for one interval and direction.
    """
    check(bids, needs, headrooms, hours, unmet_eur_per_kwh)
    accepted = np.zeros(len(bids))
    reason = np.full(len(bids), NO_NEED, dtype="U80")
    cleared, shadow = np.zeros(len(needs)), np.zeros(len(needs))
    for problem in problems(bids, needs, network, headrooms):
        solution = solve(problem)
        accepted[problem.bid_rows] = solution.accepted_kw
        reason[problem.bid_rows] = reasons(problem, solution, unmet_eur_per_kwh)
        reached = (problem.relief * solution.accepted_kw).sum(axis=1)
        cleared[problem.need_rows] = _snap(np.minimum(reached, problem.need_kw), problem.need_kw)
        shadow[problem.need_rows] = solution.shadow
    return Clearing(bids, accepted, reason, needs, cleared, shadow, hours)


def snap(problem: Problem, accepted_kw: F64) -> F64:
    """Accepted quantities without solver noise: exactly 0, the whole bid, or at least the smallest acceptable part."""
    lifted = np.where(np.abs(accepted_kw - problem.least_kw) < ZERO_KW, problem.least_kw, accepted_kw)
    taken = np.where(lifted < ZERO_KW, 0.0, lifted)
    return _snap(np.clip(taken, 0.0, problem.quantity_kw), problem.quantity_kw)


def _snap(values: F64, bound: F64) -> F64:
    return np.where(bound - values < ZERO_KW, bound, values)


def reasons(problem: Problem, solution: Solution, unmet_eur_per_kwh: float) -> Names:
    """Why each bid of a problem was not accepted in full, shape (n,), from the most to the least basic reason."""
    accepted = solution.accepted_kw
    helpful = np.maximum(problem.relief, 0.0).sum(axis=0)
    worth = (solution.shadow[:, None] * problem.relief).sum(axis=0)
    after_guards = worth - problem.guard.T @ solution.guard_shadow
    tolerance = 1e-6 * unmet_eur_per_kwh
    table = [
        (problem.quantity_kw - accepted <= 0.0, ACCEPTED),
        (accepted > 0.0, PARTLY),
        (helpful <= 0.0, NO_RELIEF),
        (problem.cost > unmet_eur_per_kwh * helpful, DEARER_THAN_UNMET),
        ((worth > problem.cost + tolerance) & (after_guards <= problem.cost + tolerance), NO_HEADROOM),
        ((problem.least_kw > 0.0) & (worth >= problem.cost - tolerance), INDIVISIBLE),
    ]
    return np.asarray(np.select([t[0] for t in table], [t[1] for t in table], OUTBID), dtype="U80")


def no_headrooms() -> NeedColumns:
    """No constraint besides those in need."""
    return NeedColumns.of([])
