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
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

TIE_EUR_PER_KWH = 1e-7


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


class _Columns:
    """A small linear programme in blocks."""

    def __init__(self) -> None:
        self.cost: list[F64] = []
        self.high: list[F64] = []
        self.rows: list[tuple[I64, I64, F64]] = []
        self.right: list[F64] = []
        self.n = self.m = 0

    def add(self, shape: tuple[int, ...], cost: F64 | float, high: F64 | float) -> I64:
        self.cost.append(np.broadcast_to(cost, shape).ravel())
        self.high.append(np.broadcast_to(high, shape).ravel())
        self.n += int(np.prod(shape))
        return np.arange(self.n - int(np.prod(shape)), self.n).reshape(shape)

    def equal(self, shape: tuple[int, ...], right: F64 | float) -> I64:
        self.right.append(np.broadcast_to(right, shape).ravel())
        self.m += int(np.prod(shape))
        return np.arange(self.m - int(np.prod(shape)), self.m).reshape(shape)

    def put(self, rows: I64, columns: I64, value: F64 | float) -> None:
        row, column, values = np.broadcast_arrays(rows, columns, np.asarray(value, np.float64))
        self.rows.append((row.ravel(), column.ravel(), values.ravel()))

    def solve(self) -> tuple[F64, F64]:
        row, column, value = (np.concatenate(part) for part in zip(*self.rows, strict=True))
        matrix = coo_matrix((value, (row, column)), shape=(self.m, self.n)).tocsr()
        bounds = np.stack([np.zeros(self.n), np.concatenate(self.high)], axis=1)
        found = linprog(
            np.concatenate(self.cost), A_eq=matrix, b_eq=np.concatenate(self.right), bounds=bounds, method="highs"
        )
        if found.status != 0:
            msg = f"flexible resources cannot be scheduled: {found.message}"
            raise ValueError(msg)
        return np.asarray(found.x), np.asarray(found.eqlin.marginals)


def respond(net_kwh: F64, resources: Resources, prices: Prices, announced: F64) -> Response:
    """Every member's cheapest schedule at announced prices (T,), each for itself.

    Args:
        net_kwh: net load without the resources, (n, T).
        resources: of the members.
        prices: of retailers and grid.
        announced: internal prices.
    """
    programme = _Columns()
    imported = programme.add(net_kwh.shape, np.minimum(prices.buy, announced + prices.share), np.inf)
    exported = programme.add(
        net_kwh.shape,
        -np.minimum(np.maximum(prices.sell, announced), np.minimum(prices.buy, announced + prices.share)),
        np.inf,
    )
    _members(programme, net_kwh, resources, imported, exported)
    found, _ = programme.solve()
    return Response(found[imported] - found[exported], np.zeros(len(net_kwh)))


def welfare_optimum(net_kwh: F64, resources: Resources, prices: Prices) -> Optimum:
    """The cheapest schedules and exchange of all; arguments as for :func:`respond`."""
    n, periods = net_kwh.shape
    programme = _Columns()
    supplied, bought = (
        programme.add((n, periods), prices.buy, np.inf),
        programme.add((n, periods), prices.share, np.inf),
    )
    left, sold = programme.add((n, periods), -prices.sell, np.inf), programme.add((n, periods), 0.0, np.inf)
    balance = _members(programme, net_kwh, resources, supplied, left)
    programme.put(balance, bought, 1.0)
    programme.put(balance, sold, -1.0)
    inside = programme.equal((periods,), 0.0)
    programme.put(np.broadcast_to(inside, bought.shape), sold, 1.0)
    programme.put(np.broadcast_to(inside, bought.shape), bought, -1.0)
    found, marginal = programme.solve()
    cost = (prices.buy * found[supplied] + prices.share * found[bought] - prices.sell * found[left]).sum()
    net = found[supplied] + found[bought] - found[left] - found[sold]
    return Optimum(net, marginal[inside], float(cost))


def _members(programme: _Columns, net_kwh: F64, of: Resources, imported: I64, exported: I64) -> I64:
    """Balance of every member with its resources; returns its rows."""
    periods = net_kwh.shape[1]
    balance = programme.equal(net_kwh.shape, net_kwh)
    programme.put(balance, imported, 1.0)
    programme.put(balance, exported, -1.0)
    steps = np.arange(periods)
    tie: F64 = np.asarray(TIE_EUR_PER_KWH * steps, np.float64)
    if len(of.owner):
        inside = (steps >= of.first[:, None]) & (steps <= of.last[:, None])
        taken = programme.add((len(of.owner), periods), tie, np.where(inside, of.most_kwh[:, None], 0.0))
        programme.put(balance[of.owner], taken, -1.0)
        whole = programme.equal((len(of.owner),), of.energy_kwh)
        programme.put(np.broadcast_to(whole[:, None], taken.shape), taken, 1.0)
    if len(of.store_owner):
        shape = (len(of.store_owner), periods)
        charged = programme.add(shape, np.asarray(tie + TIE_EUR_PER_KWH, np.float64), of.store_most_kwh[:, None])
        given = programme.add(shape, np.asarray(tie + TIE_EUR_PER_KWH, np.float64), of.store_most_kwh[:, None])
        content = programme.add((shape[0], periods - 1), 0.0, of.capacity_kwh[:, None])
        programme.put(balance[of.store_owner], charged, -1.0)
        programme.put(balance[of.store_owner], given, 1.0)
        begins, ends = np.zeros(shape), np.zeros(shape)
        begins[:, 0], ends[:, -1] = of.start_kwh, of.start_kwh
        rows = programme.equal(shape, ends - begins)
        programme.put(rows, charged, of.efficiency[:, None])
        programme.put(rows, given, -1.0)
        programme.put(rows[:, :-1], content, -1.0)
        programme.put(rows[:, 1:], content, 1.0)
    return balance
