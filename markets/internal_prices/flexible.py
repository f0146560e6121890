"""Flexible resources of community members on plain numbers: energy that can be shifted, and stores; their best answer to prices, and the welfare optimum.

A *shiftable* takes its energy within a window of intervals, at most so much in each (a car, a heater). A *store* charges and discharges with a
round-trip efficiency, lost on charging, and ends as full as it began. Schedules are linear programmes; a tie cost of 1e-7 EUR/kWh and interval prefers
what is earlier.

The **welfare optimum** is the cheapest schedule and exchange of all members in one step: what the iterated pool is measured by. Its price of an
interval is the value of one more kWh inside.

Sources: SUC01.1, SUC02.1 (pool with flexible resources); welfare optimum as the competitive benchmark of a pool.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, I64
from markets.programme import Found, InfeasibleError, Programme, Solver

TIE_EUR_PER_KWH = 1e-7
_DUAL_TOLERANCE = 1e-7


class Prices(NamedTuple):
    """What members pay and are paid outside, and the grid tariff inside, (n, T) each [EUR/kWh]."""

    buy: F64
    sell: F64
    share: F64


class Response(NamedTuple):
    """Schedules at prices: net load (n, T) [kWh], and what they cost beside energy (wear), (n,) [EUR]."""

    net_kwh: F64
    own_eur: F64


class Resources(NamedTuple):
    """Of all members: shiftable energies, (s,) each, and stores, (k,) each; ``owner`` is the member's row.

    Attributes:
        owner: of a shiftable.
        energy_kwh: to be taken.
        most_kwh: in an interval.
        first: interval of the window.
        last: likewise, included.
        store_owner: of a store.
        capacity_kwh: of a store.
        store_most_kwh: charged or discharged in an interval.
        efficiency: stored per charged kWh.
        start_kwh: content before and after.
    """

    owner: I64
    energy_kwh: F64
    most_kwh: F64
    first: I64
    last: I64
    store_owner: I64
    capacity_kwh: F64
    store_most_kwh: F64
    efficiency: F64
    start_kwh: F64


class Optimum(NamedTuple):
    """The welfare optimum: net loads (n, T) [kWh], value of one more kWh inside (T,) [EUR/kWh], what all pay."""

    net_kwh: F64
    price_eur_per_kwh: F64
    cost_eur: float


def _solve(programme: Programme) -> Found:
    try:
        return Solver(programme, dual_tolerance=_DUAL_TOLERANCE).solve()
    except InfeasibleError as error:
        msg = f"flexible resources cannot be scheduled: {error}"
        raise ValueError(msg) from error


def respond(net_kwh: F64, resources: Resources, prices: Prices, announced: F64) -> Response:
    """Every member's cheapest schedule at announced prices (T,), each for itself.

    Args:
        net_kwh: net load without the resources, (n, T).
        resources: of the members.
        prices: of retailers and grid.
        announced: internal prices.
    """
    programme = Programme()
    dear = np.minimum(prices.buy, announced + prices.share)
    imported = programme.columns(net_kwh.shape, cost=dear)
    exported = programme.columns(net_kwh.shape, cost=-np.minimum(np.maximum(prices.sell, announced), dear))
    _members(programme, net_kwh, resources, imported, exported)
    found = _solve(programme).columns
    return Response(found[imported] - found[exported], np.zeros(len(net_kwh)))


def welfare_optimum(net_kwh: F64, resources: Resources, prices: Prices) -> Optimum:
    """The cheapest schedules and exchange of all; arguments as for :func:`respond`."""
    n, periods = net_kwh.shape
    programme = Programme()
    supplied, bought, left, sold = (
        programme.columns((n, periods), cost=cost) for cost in (prices.buy, prices.share, -prices.sell, 0.0)
    )
    balance = _members(programme, net_kwh, resources, supplied, left)
    programme.put(balance, bought, 1.0)
    programme.put(balance, sold, -1.0)
    inside = programme.rows((periods,), 0.0, 0.0)
    programme.put(inside, sold, 1.0)
    programme.put(inside, bought, -1.0)
    found, marginal, _ = _solve(programme)
    cost = (prices.buy * found[supplied] + prices.share * found[bought] - prices.sell * found[left]).sum()
    net = found[supplied] + found[bought] - found[left] - found[sold]
    return Optimum(net, marginal[inside], float(cost))


def _members(programme: Programme, net_kwh: F64, of: Resources, imported: I64, exported: I64) -> I64:
    """Balance of every member with its resources; returns its rows."""
    periods = net_kwh.shape[1]
    balance = programme.rows(net_kwh.shape, net_kwh, net_kwh)
    programme.put(balance, imported, 1.0)
    programme.put(balance, exported, -1.0)
    steps = np.arange(periods)
    tie: F64 = np.asarray(TIE_EUR_PER_KWH * steps, np.float64)
    if len(of.owner):
        inside = (steps >= of.first[:, None]) & (steps <= of.last[:, None])
        taken = programme.columns((len(of.owner), periods), 0.0, np.where(inside, of.most_kwh[:, None], 0.0), tie)
        programme.put(balance[of.owner], taken, -1.0)
        whole = programme.rows(of.owner.shape, of.energy_kwh, of.energy_kwh)
        programme.put(whole[:, None], taken, 1.0)
    if len(of.store_owner):
        shape = (len(of.store_owner), periods)
        charged, given = (
            programme.columns(shape, 0.0, of.store_most_kwh[:, None], tie + TIE_EUR_PER_KWH) for _ in range(2)
        )
        content = programme.columns((shape[0], periods - 1), 0.0, of.capacity_kwh[:, None])
        programme.put(balance[of.store_owner], charged, -1.0)
        programme.put(balance[of.store_owner], given, 1.0)
        begins, ends = np.zeros(shape), np.zeros(shape)
        begins[:, 0], ends[:, -1] = of.start_kwh, of.start_kwh
        rows = programme.rows(shape, ends - begins, ends - begins)
        programme.put(rows, charged, of.efficiency[:, None])
        programme.put(rows, given, -1.0)
        programme.put(rows[:, :-1], content, -1.0)
        programme.put(rows[:, 1:], content, 1.0)
    return balance
