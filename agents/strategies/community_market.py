"""Decentralised operation of a community: members schedule their own devices for internal prices, and bid what they then have (SUC02.1 scenario 2).

A member plans for itself (``home_plan``): a kWh costs it the less of what its retailer asks and of the internal price with the grid tariff,
and earns the more of what its retailer pays and of the internal price. What it bids follows from what it gives up otherwise: as a buyer its
retailer's price less the grid tariff, as a seller what its retailer pays, or what its store could save it later, if that is more.

The pool is iterated with these members (``markets.internal_prices.iterated``) and stands beside the common optimum. Plans of members are
within about one per cent of their optimum, so that much is the finest tolerance that makes sense.

Source: SUC02.1 (market-based operation), SUC01.1 (post-delivery pool; iteration with flexible resources).
"""

import numpy as np

from agents.strategies.community_view import Community
from agents.strategies.home_plan import plan
from agents.strategies.home_view import HomePlan, HomeView
from data.arrays import F64
from markets.internal_prices.flexible import Prices, Response
from markets.internal_prices.iterated import Iterated, iterate
from markets.internal_prices.pool import Pick

TOLERANCE = 0.02
"""Relative: twice what plans may miss."""
ROUNDS = 40


def own_plans(view: HomeView, share_eur_per_kwh: F64, announced_eur_per_kwh: F64) -> HomePlan:
    """Every member's own plan at announced internal prices, (m,) or (n, m), with the grid tariff of sharing."""
    buy = np.minimum(view.buy_eur_per_kwh, announced_eur_per_kwh + share_eur_per_kwh)
    sell = np.maximum(view.sell_eur_per_kwh, announced_eur_per_kwh)
    return plan(view._replace(buy_eur_per_kwh=buy, sell_eur_per_kwh=np.minimum(sell, buy)))


def wear_eur(view: HomeView, made: HomePlan) -> F64:
    """Wear of each member's battery under a plan, (n,)."""
    return np.asarray((np.maximum(-made.battery_kw, 0.0) * view.hours).sum(axis=1) * view.battery_wear_eur_per_kwh)


def iterated_market(
    of: Community, *, pick: Pick = "middle", most_rounds: int = ROUNDS, tolerance: float = TOLERANCE
) -> Iterated:
    """The pool iterated with members who plan for themselves; energies in kWh."""
    view = of.view

    def respond(announced: F64) -> Response:
        made = own_plans(view, of.share_eur_per_kwh, announced)
        return Response(made.net_kw * view.hours, wear_eur(view, made))

    prices = Prices(view.buy_eur_per_kwh, view.sell_eur_per_kwh, of.share_eur_per_kwh)
    return iterate(respond, prices, pick=pick, most_rounds=most_rounds, tolerance=tolerance)


def bid_prices(of: Community, net_kw: F64, battery_kw: F64) -> F64:
    """What members ask or offer for a kWh inside at net loads (n, m): the opportunity costs of each, (n, m) [EUR/kWh].

    Args:
        of: the community.
        net_kw: planned or metered net load.
        battery_kw: of it the battery, positive when charging; what it delivers is worth what it could still save.
    """
    view = of.view
    outside = view.buy_eur_per_kwh - of.share_eur_per_kwh
    stored = np.where(
        battery_kw < 0.0, np.maximum(view.sell_eur_per_kwh, _later(view.buy_eur_per_kwh, net_kw)), view.sell_eur_per_kwh
    )
    return np.where(net_kw > 0.0, outside, np.minimum(stored, outside))


def _later(buy_eur_per_kwh: F64, net_kw: F64) -> F64:
    """The dearest kWh that a member still has to buy after each period, (n, m); 0 where it buys no more."""
    price = np.where(net_kw > 0.0, buy_eur_per_kwh, 0.0)
    after = np.flip(np.maximum.accumulate(np.flip(price, axis=1), axis=1), axis=1)
    return np.concatenate([after[:, 1:], np.zeros((len(price), 1))], axis=1)
