"""One business model after the other: its sizing, flexibility, trades, money and indicators; and today, and each member alone, to compare with."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from agents.strategies.sizing import Objective, Sizing, SizingError, Solution, front, in_whole_units, today
from agents.strategies.sizing_community import (
    BusinessModel,
    Community,
    accounts_of,
    node_shares,
    problem_of,
)
from agents.strategies.sizing_economics import site_bills, trades
from agents.strategies.sizing_problem import only
from data.arrays import F64
from markets.internal_prices.offers import InternalPrice

_PRICE_ROUNDS = 12
_PRICE_SETTLED_EUR_PER_KWH = 1e-4
_FREE_CHOICE = BusinessModel("alone", "total-cost", "individual", (), 1.0)


@dataclass(frozen=True, eq=False)
class Reference:
    """What business models are compared with.

    Attributes:
        today: as it stands, without trade.
        today_eur: bill of each site today, shape (n,).
        alone_eur: cost of each site by itself at its own optimum, fixed charges included, shape (n,).
    """

    today: Solution
    today_eur: F64
    alone_eur: F64


@dataclass(frozen=True, eq=False)
class Sized:
    """The sizing of one business model.

    Attributes:
        model: the business model.
        solution: sizes and operation.
        settled: whether the internal price that a profit was reckoned with is the one that came out.
        rounds: how often it was solved for that.
    """

    model: BusinessModel
    solution: Solution
    settled: bool = True
    rounds: int = 1


def reference(community: Community, whole_units: bool = False) -> Reference:
    """Today, and every member alone."""
    problem = problem_of(community, _FREE_CHOICE, whole_units=whole_units)
    stands_kw = today(problem)
    bills = site_bills(community, stands_kw, None)
    alone = bills.copy()
    for node in np.flatnonzero(~community.shared):
        mine = only(problem, [int(node)])
        sizing = Sizing(mine)
        best = sizing.solve()
        if whole_units:
            best = in_whole_units(sizing, best)
        # Wear is a cost of choosing, so that a member is as well off alone as today at least.
        alone[node] = min(best.cost_eur + community.fixed_eur[node], bills[node])
    return Reference(stands_kw, bills, alone)


class Sizings:
    """The programmes of a community by who builds; business models that differ in their aim alone share one, and its last solutions."""

    def __init__(self, community: Community, whole_units: bool = False) -> None:
        self.community = community
        self.whole_units = whole_units
        self._made: dict[str, Sizing] = {}

    def of(self, model: BusinessModel) -> Sizing:
        """The programme of a business model."""
        if model.ownership not in self._made:
            self._made[model.ownership] = Sizing(problem_of(self.community, model, whole_units=self.whole_units))
        return self._made[model.ownership]


def size(sizings: Sizings, model: BusinessModel, compared: Reference, rule: InternalPrice) -> Sized:
    """The optimal sizes of a business model.

    Raises:
        SizingError: its conditions cannot be met, named with the way out.
    """
    whole_units = sizings.whole_units
    if model.objective == "profit":
        return _profitable(sizings.community, model, compared, rule, whole_units)
    sizing = sizings.of(model)
    objective: Objective = model.objective  # type: ignore[assignment]
    limits: dict[str, float] = {}
    if objective != "total-cost":
        limits["most_eur"] = model.cost_limit * compared.today.cost_eur
    try:
        found = sizing.solve(objective, most_eur=limits.get("most_eur", np.inf))
        if whole_units:
            found = _rounded(sizing, found, objective, limits)
    except SizingError as error:
        msg = f"business model {model.name}: {error}"
        raise SizingError(msg) from error
    return Sized(model, found)


def _rounded(sizing: Sizing, found: Solution, objective: Objective, limits: dict[str, float]) -> Solution:
    rounded = in_whole_units(sizing, found, objective, **limits)
    return rounded if objective == "total-cost" else replace(rounded, bound_eur=rounded.cost_eur)


def _profitable(
    community: Community, model: BusinessModel, compared: Reference, rule: InternalPrice, whole_units: bool
) -> Sized:
    """Most profit of the chosen accounts, while nobody else pays more than today; the internal price is found by iteration.

    The price depends on who trades how much, and this on the price: it is solved with the price that came out the last time, until it
    stays as it is. Where a price swings it goes half as far as the time before.
    """
    problem = problem_of(community, model, by_site=True, whole_units=whole_units)
    prices, tariff = community.prices, community.tariff
    price = 0.5 * ((prices.buy - prices.inside)[tariff].min(axis=0) + prices.sell[tariff].max(axis=0))
    share = node_shares(community, model)
    most = share @ (compared.today_eur - np.where(community.shared, 0.0, community.fixed_eur))
    chosen = accounts_of(community, model, price, np.zeros(len(share))).chosen
    limit = np.where(chosen, np.inf, most + 0.01)
    sizing = Sizing(problem, accounts_of(community, model, price, limit))
    pace, last = np.ones(len(price)), np.zeros(len(price))
    for number in range(_PRICE_ROUNDS):
        sizing.price(price)
        found = sizing.solve("profit")
        if whole_units:
            found = _rounded(sizing, found, "profit", {})
        came = trades(community, found, rule).price_eur_per_kwh
        off = np.nan_to_num(came - price)
        if np.abs(off).max() <= _PRICE_SETTLED_EUR_PER_KWH:
            return Sized(model, found, settled=True, rounds=number + 1)
        pace = np.where(off * last < 0.0, 0.5 * pace, pace)
        price, last = price + pace * off, off
    return Sized(model, found, settled=False, rounds=_PRICE_ROUNDS)


def pareto(
    sizings: Sizings, model: BusinessModel, points: int, told: Callable[[int], None] = lambda done: None
) -> list[Solution]:
    """The front of cost against emissions of who builds in a business model, without rounding to whole units."""
    return list(front(sizings.of(model), points, told)) if points else []
