r"""The common optimum of a large community by price coordination: members answer prices, their answers are mixed.

Coupled are only, in each period, what members buy and sell inside (price :math:`\lambda_t`) and the net load that the grid limits or pays
for (:math:`\mu_t`). At given prices a member stands alone: it imports at the cheaper of its retailer and :math:`\lambda` plus the grid tariff,
and exports at the dearer. A round is

1. all members answer the prices; their costs, less what prices say of the other side, sum to a lower bound (Lagrange);
2. the master, a small programme, mixes the answers so far - each member's set is convex, so a mixture is a schedule - at least
   cost: an upper bound, and new prices;
3. the next prices lie near those of the best bound so far (smoothing), by a tenth of the way to the master's.

The first prices are those of a sample of the members, scaled up: they are close to the optimum already, so that rounds serve to find
answers which fit together: the more finely they are mixed, the fewer. What is left between the bounds is told.

Members of the same kind of home have programmes of one structure, so that the first solution of one is where the others begin.

Sources: Dantzig, Wolfe: "Decomposition principle for linear programs", Operations Research 8 (1960) 101-111; smoothing: Wentges,
"Weighted Dantzig-Wolfe decomposition for linear mixed-integer programming", Int. Trans. Oper. Res. 4 (1997) 151-162.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from agents.strategies.community_lp import (
    Answer,
    Members,
    Monolith,
    Sold,
    add_grid,
    add_members,
    answer_of,
    mixture,
    put_sides,
    stacked,
    undercut,
)
from agents.strategies.community_view import SHORT_EUR_PER_KWH, Coefficients, Community, Need, members, of_rows
from agents.strategies.home_lp import BEYOND_EUR_PER_KWH
from data.arrays import F64
from environment.chance import name_hashes
from markets.programme import Found, Programme, Solver

SAMPLE = 40
"""Members whose common optimum gives the first prices."""
SCALED = ("low_kw", "high_kw", "baseline_kw", "up_kw", "down_kw", "up_least_kw", "down_least_kw")
"""What of a need a sample is asked its share of."""
NEAR = 0.9
"""How far the next prices stay with the best ones so far."""
WORKERS = 2
"""Threads: the solver works without the interpreter's lock."""
UNMET = 1e4
"""Cost of a member without answer, before it has given its first."""


class Prices(NamedTuple):
    """Of a kWh inside and of the community's net load, (m,) each."""

    inside: F64
    net: F64


class Coordinated(NamedTuple):
    """A schedule for all, its prices, and what is known of the optimum.

    Attributes:
        answer: mixture of the answers, rows as in the community.
        prices: of the best bound.
        sold: flexibility sold, limits passed.
        bound: no schedule counts less, what the grid pays included.
        rounds: how many were needed.
    """

    answer: Answer
    prices: Prices
    sold: Sold
    bound: float
    rounds: int


class _Member:
    """The programme of one member, solved again at other prices; keeps its answers."""

    def __init__(self, of: Community, count: Coefficients, row: int, *, guarded: bool) -> None:
        rows = slice(row, row + 1)
        self._of, self._count = members(of, rows), of_rows(count, rows)
        programme = Programme()
        self._columns: Members = add_members(programme, self._of, self._count, guarded=guarded)
        self._solver = Solver(programme, reprices=True)
        self.kind: tuple[int | str, ...] = (programme.n_rows, *self._columns.taken)
        self._answers: list[Answer] = []

    def answer(self, prices: Prices) -> tuple[float, float, F64, F64]:
        """Cost at the prices; cost without them, energy bought less sold inside and net load (m,) [kW] of this answer."""
        found, hours, count, own = self.solve(prices), self._of.view.hours, self._count, self._columns
        answer = answer_of(self._of, own, found.columns)
        self._answers.append(answer)
        bought = np.where(count.bought + prices.inside <= count.supply, found.columns[own.imported], 0.0)
        sold = np.where(count.sold - prices.inside <= count.surplus, answer.exported_kw, 0.0)
        inside, net = (bought - sold)[0], answer.plan.net_kw[0]
        said = hours * float((prices.inside * inside + prices.net * net).sum())
        return found.cost, found.cost - said, inside, net

    def solve(self, prices: Prices) -> Found:
        """The own optimum at the prices."""
        hours, count, own = self._of.view.hours, self._count, self._columns
        buying, selling = count.bought + prices.inside, count.sold - prices.inside
        self._solver.costs(own.imported, (np.minimum(count.supply, buying) + prices.net) * hours)
        self._solver.costs(own.exported, (np.minimum(count.surplus, selling) - prices.net) * hours)
        self._solver.costs(own.beyond, (count.supply + BEYOND_EUR_PER_KWH + prices.net) * hours)
        return self._solver.solve()

    def like(self, other: "_Member") -> None:
        """Begin where another member of the same kind of home stands."""
        self._solver.start(other._solver.basis())

    def fix_sides(self, net_kw: F64) -> None:
        """Only import where the net load (1, m) is above 0, only export elsewhere."""
        put_sides(self._solver, self._columns, self._of.view, net_kw > 0.0, net_kw <= 0.0)

    def mixture(self, weights: F64) -> Answer:
        """The answers mixed; weights sum to 1."""
        return mixture(self._answers, weights / weights.sum())


def _alike(each: list[_Member], prices: Prices) -> None:
    """The first of each kind of home is solved; the others of its kind, whose programmes differ in numbers alone, begin there."""
    models: dict[tuple[int | str, ...], _Member] = {}
    for one in each:
        if one.kind in models:
            one.like(models[one.kind])
        else:
            models[one.kind] = one
            one.solve(prices)


class _Master:
    """Mixes the answers of members at least cost; what finds no partner inside goes to retailers at the best price of any member."""

    def __init__(self, count: Coefficients, n: int, need: Need, hours: float) -> None:
        self._hours, m = hours, count.supply.shape[1]
        self.most, self.least = (count.supply - count.bought).max(axis=0), (count.sold - count.surplus).min(axis=0)
        programme = Programme()
        self._grid = add_grid(programme, m, hours)
        self._convex = programme.rows((n,), 1.0, 1.0)
        self._inside = programme.rows((m,), 0.0, 0.0)
        lacking = programme.columns((m,), 0.0, np.inf, self.most * hours)
        left = programme.columns((m,), 0.0, np.inf, -self.least * hours)
        programme.put(self._inside, lacking, -1.0)
        programme.put(self._inside, left, 1.0)
        programme.put(self._convex, programme.columns((n,), 0.0, np.inf, UNMET), 1.0)
        self._first = programme.n_columns
        self._solver = Solver(programme, reprices=True)
        self._grid.ask(self._solver, need, hours, count.money)
        self._rows = np.concatenate([self._inside, self._grid.balance])

    def add(self, member: int, cost: float, inside: F64, net: F64) -> None:
        """Another answer of a member."""
        rows, values = (
            np.concatenate([self._convex[member : member + 1], self._rows]),
            np.concatenate([[1.0], inside, net]),
        )
        self._solver.add_column(cost, rows, values)

    def solve(self) -> tuple[float, Prices, F64, Sold]:
        """Cost, prices, weight of each answer in the order added, and flexibility and limits passed."""
        found, grid = self._solver.solve(), self._grid
        inside, net = (-found.rows[rows] / self._hours for rows in (self._inside, grid.balance))
        return found.cost, Prices(inside, _clean(net)), found.columns[self._first :], grid.read(found.columns)


def _clean(prices: F64) -> F64:
    """Prices without the dust of the solver, which an unbounded net load would pick up."""
    return np.where(np.abs(prices) < 1e-9, 0.0, prices)


class _GridSide:
    """What the grid's part of the bound is at prices."""

    def __init__(self, count: Coefficients, need: Need, hours: float) -> None:
        self._hours = hours
        programme = Programme()
        self._grid = add_grid(programme, count.supply.shape[1], hours)
        self._solver = Solver(programme)
        self._grid.ask(self._solver, need, hours, count.money)
        self._solver.row_bounds(self._grid.balance, -np.inf, np.inf)

    def bound(self, net: F64) -> float:
        """Least of what the grid counts less what it pays for net load."""
        penalty = SHORT_EUR_PER_KWH
        self._solver.costs(self._grid.net, -net * self._hours)
        self._solver.costs(self._grid.over, (penalty - net) * self._hours)
        self._solver.costs(self._grid.under, (penalty + net) * self._hours)
        return self._solver.solve().cost


class Limits(NamedTuple):
    """When coordination stops: at a relative difference of the bounds, or after some rounds in any case."""

    gap: float
    rounds: int


def coordinate(
    of: Community,
    count: Coefficients,
    need: Need,
    limits: Limits,
    first: Prices | None = None,
    sides: F64 | None = None,
) -> Coordinated:
    """The common optimum up to a relative gap.

    Args:
        of: the community, in the order of names.
        count: what a kWh counts.
        need: what the grid asks.
        limits: when it stops.
        first: prices to start from; none: those of a sample.
        sides: net loads (n, m) whose signs say who may import and who may export when; none: both.
    """
    hours = of.view.hours
    guarded = undercut(of, count)
    each = [_Member(of, count, row, guarded=guarded) for row in range(of.n)]
    if sides is not None:
        for row, one in enumerate(each):
            one.fix_sides(sides[row : row + 1])
    master, grid = _Master(count, of.n, need, hours), _GridSide(count, need, hours)
    best, bound = first or _sampled(of, count, need), -np.inf
    _alike(each, best)
    order: list[int] = []
    prices, rounds = best, 0
    with ThreadPoolExecutor(WORKERS) as pool:
        for rounds in range(1, limits.rounds + 1):  # noqa: B007
            answers = list(pool.map(lambda one, at=prices: one.answer(at), each))
            reached = sum(lagrange for lagrange, *_ in answers) + grid.bound(prices.net)
            if reached > bound:
                bound, best = reached, prices
            for number, (_, cost, inside, net) in enumerate(answers):
                master.add(number, cost, inside, net)
                order.append(number)
            upper, wanted, weights, sold = master.solve()
            if upper - bound <= limits.gap * abs(upper):
                break
            prices = Prices(*(NEAR * old + (1.0 - NEAR) * new for old, new in zip(best, wanted, strict=True)))
    which = np.array(order)
    parts = [one.mixture(weights[which == number]) for number, one in enumerate(each)]
    return Coordinated(stacked(parts), best, sold, bound, rounds)


def _sampled(of: Community, count: Coefficients, need: Need) -> Prices:
    """Prices of the common optimum of a sample, chosen by name, that is asked its share of the need."""
    rows = np.sort(np.argsort(name_hashes(of.names), kind="stable")[:SAMPLE])
    share = len(rows) / of.n
    asked = need._replace(**{name: getattr(need, name) * share for name in SCALED})
    found = Monolith(members(of, rows), of_rows(count, rows)).solve(asked)
    return Prices(found.inside, _clean(found.net))
