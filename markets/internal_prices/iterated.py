r"""Iterated pool: members with flexible resources answer the pool's prices with new schedules, until nobody gains by another.

A round: at the announced prices :math:`p` every member schedules its resources for itself, importing at the cheaper of its retailer and
:math:`p` plus the grid tariff, exporting at the dearer. Schedules are not thrown over but moved towards the new ones, by :math:`2 / (k + 1)`
of the way in round :math:`k` (what is allowed is convex, so the mean of schedules is one). The pool clears what they now offer in every
interval, and the announced prices move :math:`2 / (k + 2)` of the way to it.

It has **converged** when schedules and prices fit: what all pay with these schedules, :math:`C`, is at most a tolerance above what they would pay
if each did its best at the announced prices, :math:`L(p)`. By duality no schedules at all cost less than :math:`L(p)`, so the pool is then
as good as the one-step welfare optimum, up to the tolerance. If not, it says where prices still swing. Without flexible resources the first round
is the last.

Sources: SUC01.1, SUC02.1 (post-delivery pool; iterated where resources are flexible); fictitious play and averaging of convex programmes: Nesterov,
"Primal-dual subgradient methods for convex problems", Mathematical Programming 120 (2009) 221-259.
"""

from collections.abc import Callable, Generator
from typing import NamedTuple

import numpy as np

from data.arrays import F64
from markets.community.exchange import cost_eur
from markets.internal_prices.flexible import Prices, Resources, Response, respond
from markets.internal_prices.offers import Offers, Trade
from markets.internal_prices.pool import Pick, pool

SWING_EUR_PER_KWH = 0.005
"""By which a price must swing over the last rounds to be named as a reason."""
LAST_ROUNDS = 5


class Iterated(NamedTuple):
    """What the iteration came to.

    Attributes:
        net_kwh: schedules of the members, (n, T).
        announced_eur_per_kwh: the last prices, (T,).
        trades: the pool of every interval at these schedules; None where nothing is traded.
        cost_eur: what all pay to retailers and grid, and wear.
        bound_eur: no schedules cost less.
        rounds: how many.
        converged: whether the two are within the tolerance.
        reason: why not; empty if so.
    """

    net_kwh: F64
    announced_eur_per_kwh: F64
    trades: tuple[Trade | None, ...]
    cost_eur: float
    bound_eur: float
    rounds: int
    converged: bool
    reason: str

    @property
    def gap(self) -> float:
        """Cost above the bound, relative."""
        return max(self.cost_eur - self.bound_eur, 0.0) / max(abs(self.cost_eur), 1e-9)


def iterated_pool(
    net_kwh: F64,
    resources: Resources,
    prices: Prices,
    *,
    pick: Pick = "middle",
    most_rounds: int = 200,
    tolerance: float = 0.005,
) -> Iterated:
    """The iterated pool of members whose resources are plain numbers.

    Args:
        net_kwh: net load without the resources, (n, T).
        resources: of the members.
        prices: of retailers and grid.
        pick: which price of the equilibrium interval the pool takes.
        most_rounds: after which it stops in any case.
        tolerance: relative difference of cost and bound.
    """
    return iterate(
        lambda announced: respond(net_kwh, resources, prices, announced), prices, pick=pick, most_rounds=most_rounds,
        tolerance=tolerance,
    )  # fmt: skip


def iterate(
    respond: Callable[[F64], Response],
    prices: Prices,
    *,
    pick: Pick = "middle",
    most_rounds: int = 100,
    tolerance: float = 0.005,
) -> Iterated:
    """Let members answer the pool until nobody gains.

    Args:
        respond: members' schedules at announced prices (T,).
        prices: of retailers and grid.
        pick: which price of the equilibrium interval the pool takes.
        most_rounds: after which it stops in any case.
        tolerance: relative difference of cost and bound.
    """
    talk = negotiation(prices, pick=pick, most_rounds=most_rounds, tolerance=tolerance)
    announced = next(talk)
    while True:
        try:
            announced = talk.send(respond(announced))
        except StopIteration as done:
            found: Iterated = done.value
            return found


def negotiation(
    prices: Prices, *, pick: Pick = "middle", most_rounds: int = 100, tolerance: float = 0.005
) -> Generator[F64, Response, Iterated]:
    """``iterate`` for members who answer in their own time: yields the prices of a round, is sent the answers, and returns what came of it."""
    announced = _middle(prices)
    mean, bound, history = None, -np.inf, [announced]
    cost, number = np.inf, 0
    for number in range(1, most_rounds + 1):
        answer = yield announced
        bound = max(bound, _at_prices(answer, prices, announced))
        mean = answer if mean is None else _towards(mean, answer, towards(number))
        cost = paid_eur(mean, prices)
        if cost - bound <= tolerance * abs(cost) + 1e-9:
            break
        announced = announced + 2.0 / (number + 2) * (_cleared(mean.net_kwh, prices, pick) - announced)
        history.append(announced)
    assert mean is not None
    converged = cost - bound <= tolerance * abs(cost) + 1e-9
    trades = tuple(_pool(mean.net_kwh[:, t], prices, t, pick) for t in range(mean.net_kwh.shape[1]))
    reason = "" if converged else _reason(np.array(history[-LAST_ROUNDS:]), cost, bound, number)
    return Iterated(mean.net_kwh, announced, trades, cost, bound, number, converged, reason)


def towards(number: int) -> float:
    """How far schedules are moved towards the answers of a round; the first are taken as they are."""
    return 2.0 / (number + 1)


def paid_eur(answer: Response, prices: Prices) -> float:
    """What all pay to retailers and grid with these schedules, and wear."""
    return cost_eur(answer.net_kwh, prices.buy, prices.sell, prices.share) + float(answer.own_eur.sum())


def _middle(prices: Prices) -> F64:
    return np.asarray(((prices.buy - prices.share).min(axis=0) + prices.sell.max(axis=0)) / 2.0)


def _towards(old: Response, new: Response, share: float) -> Response:
    return Response(*(was + share * (becomes - was) for was, becomes in zip(old, new, strict=True)))


def _at_prices(answer: Response, prices: Prices, announced: F64) -> float:
    """What members pay at announced prices, each for itself."""
    taken, fed = np.maximum(answer.net_kwh, 0.0), np.maximum(-answer.net_kwh, 0.0)
    paid = taken * np.minimum(prices.buy, announced + prices.share) - fed * np.maximum(prices.sell, announced)
    return float(paid.sum() + answer.own_eur.sum())


def _pool(net_kwh: F64, prices: Prices, t: int, pick: Pick) -> Trade | None:
    """The pool of an interval: buyers offer what a kWh inside saves them, sellers ask what it would earn outside."""
    rows = np.flatnonzero(np.abs(net_kwh) > 1e-9)
    buys = net_kwh[rows] > 0.0
    if not buys.any() or buys.all():
        return None
    worth = np.where(buys, (prices.buy - prices.share)[rows, t], prices.sell[rows, t])
    found = pool(Offers(buys, np.abs(net_kwh[rows]), worth), pick)
    if np.isnan(found.buy_eur_per_kwh):
        return None
    traded, paid = np.zeros(len(net_kwh)), np.zeros(len(net_kwh))
    traded[rows], paid[rows] = found.traded_kwh, found.paid_eur
    return Trade(found.buy_eur_per_kwh, found.sell_eur_per_kwh, traded, paid, found.manager_eur, found.interval)


def _cleared(net_kwh: F64, prices: Prices, pick: Pick) -> F64:
    """Price of every interval; where nothing is traded, what one more kWh of the missing side would be traded at."""
    found = np.empty(net_kwh.shape[1])
    for t in range(len(found)):
        trade = _pool(net_kwh[:, t], prices, t, pick)
        if trade is not None:
            found[t] = trade.buy_eur_per_kwh
        elif net_kwh[:, t].sum() > 0.0:
            found[t] = float((prices.buy - prices.share)[net_kwh[:, t] > 0.0, t].max())
        else:
            found[t] = float(prices.sell[:, t][net_kwh[:, t] <= 0.0].min())
    return found


def _reason(history: F64, cost: float, bound: float, rounds: int) -> str:
    swing = np.ptp(history, axis=0)
    worst = int(np.argmax(swing))
    text = f"after {rounds} rounds members would still pay {cost - bound:.4g} EUR less by other schedules at the announced prices"
    if swing[worst] < SWING_EUR_PER_KWH:
        return f"{text}; prices hardly move any more, more rounds or a larger tolerance would do"
    low, high = history[:, worst].min(), history[:, worst].max()
    return f"{text}; the price of interval {worst} swings between {low:.4g} and {high:.4g} EUR/kWh, where schedules all move at once"
