r"""Sizing a community: the optimum under an objective, whole units, the front of cost against emissions, members alone.

Other objectives than cost are preferred to it at a weight that no technology comes near (``PREFERENCE``), so that of several ways to the
best value the cheapest is taken and the solution is unique.

A meter does not take and feed in at once. The programme could gain by it where members have different tariffs (it would resell a
cheap retailer's energy inside); such steps are then bound to the direction of their net energy and the programme is solved again, until
none is left. The first solution bounds the cost from below (``Solution.bound_eur``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from agents.strategies.sizing_model import Model, yield_of
from agents.strategies.sizing_problem import Accounts, Problem, as_it_stands, only
from data.arrays import F64
from markets.programme import Found, InfeasibleError, Solver

Objective = Literal["total-cost", "self-consumption", "emissions", "profit"]
_AT_ONCE_KW = 1e-6
_DUAL_TOLERANCE = 1e-7
"""Below the tie cost of a step, which stands for days of the year."""
_GENTLE_ROUNDS = 3
"""So many times only the steps at fault are bound to a direction, then all."""
PREFERENCE = {"emissions": 10.0, "self-consumption": -10.0, "profit": 100.0}
"""What a unit of another objective is worth, beside cost: EUR/kg (10 000 EUR a tonne), EUR/kWh used oneself, EUR/EUR of the chosen."""


class SizingError(ValueError):
    """A sizing without solution."""


@dataclass(frozen=True, eq=False)
class Solution:
    """Capacities and operation.

    Attributes:
        units: built of each plant, shape (plants,).
        extra_kw: contracted power added at each node, shape (n,).
        taken_kw: from the grid at each meter, shape (n, T).
        fed_kw: into the grid at each meter, shape (n, T).
        plant_kw: what each plant gives (positive) or takes; of a control its deviation (positive: less load); shape (plants, T).
        content_kwh: of each battery, and deviation of each store, at the end of each step, shape (plants, T); NaN for pv.
        curtailed_kw: at each node, shape (n, T).
        bought_kw: of each group at retailers, shape (G, T).
        sold_kw: of each group to retailers, shape (G, T).
        inside_kw: bought inside by each group, shape (G, T).
        inside_eur_per_kwh: marginal value of a kWh inside, shape (T,); NaN without sharing.
        cost_eur: of a year, capital and operation, without fixed charges.
        emissions_kg: of a year.
        bound_eur: no solution of the same task costs less.
    """

    units: F64
    extra_kw: F64
    taken_kw: F64
    fed_kw: F64
    plant_kw: F64
    content_kwh: F64
    curtailed_kw: F64
    bought_kw: F64
    sold_kw: F64
    inside_kw: F64
    inside_eur_per_kwh: F64
    cost_eur: float
    emissions_kg: float
    bound_eur: float

    @property
    def net_kw(self) -> F64:
        """Net load at each meter, shape (n, T)."""
        return self.taken_kw - self.fed_kw


class Sizing:
    """One problem, solved under several objectives and conditions."""

    def __init__(self, problem: Problem, accounts: Accounts | None = None) -> None:
        self.problem = problem
        self.model = Model(problem, accounts)
        programme = self.model.programme
        self.solver = Solver(programme, dual_tolerance=_DUAL_TOLERANCE)
        self._starts: dict[tuple[Objective, bool], Any] = {}
        self._all = np.arange(programme.n_columns)
        self._tied_cost = programme.tied_cost
        self._matrix = programme.matrix().tocsr()
        self._cost = self._sum(self.model.cost_row)

    def _sum(self, row: int) -> F64:
        """What a row adds up: its coefficients, over all columns."""
        return np.asarray(self._matrix[[row]].toarray()[0])

    def solve(
        self,
        objective: Objective = "total-cost",
        most_eur: float = np.inf,
        most_kg: float = np.inf,
        units: F64 | None = None,
    ) -> Solution:
        """The optimum.

        Args:
            objective: what is best.
            most_eur: what a year may cost at most.
            most_kg: what a year may emit at most.
            units: numbers of units that are given; None where they are to be found.

        Raises:
            SizingError: no operation fulfils the conditions.
        """
        model, solver = self.model, self.solver
        low, high = (0.0, model.most_units) if units is None else (units, units)
        solver.column_bounds(model.units, low, high)
        for columns in (model.taken, model.fed):
            solver.column_bounds(columns, 0.0, model.most_kw)
        for row, most in ((model.cost_row, most_eur), (model.carbon_row, most_kg)):
            solver.row_bounds(np.array([row]), -np.inf, most)
        self._aim(objective)
        # Each kind of question begins at its own last answer, which is nearer than that of another kind.
        kind = (objective, units is not None)
        if kind in self._starts:
            solver.start(self._starts[kind])
        try:
            found = self._one_way()
        except InfeasibleError as error:
            raise SizingError(_unreachable(most_eur, most_kg)) from error
        self._starts[kind] = solver.basis()
        return found

    def price(self, price: F64) -> None:
        """Reckon the money of accounts with another internal price, shape (T,)."""
        self.solver.coefficients(*self.model.priced(price))

    def _one_way(self) -> Solution:
        """Solve until no meter takes and feeds in at once."""
        model, solver = self.model, self.solver
        bound = None
        for number in range(_GENTLE_ROUNDS + 2):
            found = solver.solve()
            values = found.columns
            bound = float(self._cost @ values) if bound is None else bound
            taken, fed = values[model.taken], values[model.fed]
            at_once = np.minimum(taken, fed) > _AT_ONCE_KW
            if not at_once.any():
                return self._read(found, bound)
            nodes, steps = np.nonzero(at_once | (number >= _GENTLE_ROUNDS))
            takes = taken[nodes, steps] >= fed[nodes, steps]
            for columns, stop in ((model.fed, takes), (model.taken, ~takes)):
                solver.column_bounds(columns[nodes[stop], steps[stop]], 0.0, 0.0)
        msg = "meters that are bound to one direction take and feed in at once"
        raise RuntimeError(msg)

    def _aim(self, objective: Objective) -> None:
        """Set the objective: cost, and what is preferred to it at its weight."""
        model = self.model
        row = {"emissions": model.carbon_row, "self-consumption": model.use_row, "profit": model.chosen_row}.get(
            objective, -1
        )
        if row is None:
            msg = "profit of whom? the objective profit needs accounts that are chosen"
            raise SizingError(msg)
        wanted = self._tied_cost if row < 0 else self._tied_cost + PREFERENCE[objective] * self._sum(row)
        self.solver.costs(self._all, wanted)

    def _read(self, found: Found, bound: float) -> Solution:
        model, problem, values = self.model, self.problem, found.columns
        units = values[model.units]
        plant_kw = np.zeros((len(problem.plants), problem.days.n))
        content = np.full_like(plant_kw, np.nan)
        for number, plant in enumerate(problem.plants):
            if plant.kind == "pv":
                plant_kw[number] = yield_of(plant) * (plant.existing + plant.unit * units[number])
            elif number in model.operation:
                first, second, third = (values[columns] for columns in model.operation[number])
                plant_kw[number], content[number] = second - first, third
        curtailed = np.zeros(problem.load_kw.shape)
        for node, columns in model.curtailed.items():
            curtailed[node] = values[columns]
        hours = problem.days.step_hours
        inside = found.rows[model.market] / hours if problem.sharing else np.full(problem.days.n, np.nan)
        return Solution(
            units=units, extra_kw=values[model.extra], taken_kw=values[model.taken], fed_kw=values[model.fed], plant_kw=plant_kw,
            content_kwh=content, curtailed_kw=curtailed, bought_kw=values[model.bought], sold_kw=values[model.sold],
            inside_kw=values[model.inside_bought], inside_eur_per_kwh=inside, cost_eur=float(self._cost @ values),
            emissions_kg=float(self._sum(model.carbon_row) @ values), bound_eur=bound,
        )  # fmt: skip


def _unreachable(most_eur: float, most_kg: float) -> str:
    limits = [f"{most_eur:.2f} EUR a year"] * bool(np.isfinite(most_eur)) + [f"{most_kg:.1f} kg of CO2 a year"] * bool(
        np.isfinite(most_kg)
    )
    what = (
        f"nothing that may be built leads to at most {' and '.join(limits)}"
        if limits
        else "no operation fulfils the conditions"
    )
    return f"{what}; allow more, or give technologies more room"


def in_whole_units(
    sizing: Sizing, solution: Solution, objective: Objective = "total-cost", **limits: float
) -> Solution:
    """The solution with units rounded to whole numbers and operation found again; ``bound_eur`` stays that of the parts.

    Rounding to the nearest can break a condition (a budget); units are then rounded down.
    """
    for rounded in (np.floor(solution.units + 0.5), np.floor(solution.units + 1e-6)):
        try:
            found = sizing.solve("total-cost", units=rounded, **limits)
        except SizingError:
            continue
        return Solution(**{**vars(found), "bound_eur": solution.bound_eur})
    msg = f"with whole units {objective} cannot be had within its limits; give the technologies smaller units (unit)"
    raise SizingError(msg)


def alone(problem: Problem) -> list[Solution]:
    """Each node by itself: what it would build at least cost without trading; shape (n,)."""
    return [Sizing(only(problem, [node])).solve() for node in range(problem.n)]


def today(problem: Problem) -> Solution:
    """The community as it stands: nothing built, nothing traded; every meter by itself at least cost."""
    return Sizing(as_it_stands(problem)).solve()


def front(sizing: Sizing, points: int, told: Callable[[int], None] = lambda done: None) -> Sequence[Solution]:
    """The front of cost against emissions, from least cost to least emissions, by bounding emissions (epsilon-constraint).

    Args:
        sizing: the problem.
        points: how many, at least 2; emissions are spaced evenly.
        told: called with the number of points found.
    """
    cheapest = sizing.solve("total-cost")
    told(1)
    cleanest = sizing.solve("emissions")
    told(2)
    found = [cheapest]
    for number, most_kg in enumerate(np.linspace(cheapest.emissions_kg, cleanest.emissions_kg, points)[1:-1]):
        found.append(sizing.solve("total-cost", most_kg=float(most_kg)))
        told(3 + number)
    return [*found, cleanest]
