"""When water heaters are best on: dynamic programming over temperature, backwards from the end, for blocks of homes at once.

    T' = T_room + (T - T_room) a + (P u - q / h) (1 - a) / U,     a = exp(-U h / C),  u in {0, 1}
    V_t(T) = min over u of  price_t E(u) + w C max(floor_t - T', 0) + V_{t+1}(T')

The state is the one node of ``tank_model``, on a grid that all homes share; between grid points V is linear. The result is a *policy*, on or
off for every interval and temperature, so that a tank that did not do what was expected is still controlled well without solving again.
Comfort and hygiene are floors whose shortfall costs more than any electricity; the last floor is the energy that must be left. Ties go to
off, which is the unique optimum under a cost of switching on that is smaller than rounding (law 14).
Source: textbook dynamic programming (Bellman 1957); binary control by a relay: SUC03.2 rule 15.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.strategies.tank_model import HOURS, TankModel

F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

COLDEST_C, GRID_K, LEVELS = 20.0, 1.0, 66
"""The grid: 20 to 85 degC in steps of 1 K."""
BLOCK = 128
"""Homes solved at once; a matter of speed only."""
SHORTFALL_EUR_PER_KWH = 5.0
"""Cost of each kWh below a floor in each interval: some twenty times the price of electricity."""


class Task(NamedTuple):
    """What is asked of n tanks over T intervals.

    Attributes:
        price_eur_per_kwh: of the first kWh of the element in each interval, (n, T).
        dear_eur_per_kwh: of what goes beyond ``cheap_kw``, (n, T).
        cheap_kw: power that is had at the first price (surplus of own generation), (n, T).
        need_kwh: heating needs, (n, T).
        floor_c: temperature to have at the end of each interval, (n, T).
        ceiling_c: the safety thermostat, (n,).
        room_c: of all tanks.
    """

    price_eur_per_kwh: F64
    dear_eur_per_kwh: F64
    cheap_kw: F64
    need_kwh: F64
    floor_c: F64
    ceiling_c: F64
    room_c: float


class Policy(NamedTuple):
    """What to do.

    Attributes:
        on: for every home, interval and grid temperature, (n, T, levels).
        cost_eur: expected cost of the plan from every grid temperature, shortfalls included, (n, levels).
    """

    on: Bool
    cost_eur: F64


def plan(model: TankModel, task: Task) -> Policy:
    """The best policy of every home by itself."""
    n, steps = task.need_kwh.shape
    on, cost = np.zeros((n, steps, LEVELS), np.bool_), np.zeros((n, LEVELS))
    for start in range(0, n, BLOCK):
        rows = slice(start, start + BLOCK)
        on[rows], cost[rows] = _solve(TankModel(*(column[rows] for column in model)), _rows(task, rows))
    return Policy(on, cost)


def commands(policy: Policy, interval: int, tank_c: F64) -> Bool:
    """On or off in an interval at the temperatures measured, (n,)."""
    return np.asarray(policy.on[np.arange(len(tank_c)), interval, nearest(tank_c)])


def nearest(tank_c: F64) -> NDArray[np.int64]:
    """Number of the grid temperature next to each, (n,)."""
    return np.clip(np.rint((tank_c - COLDEST_C) / GRID_K), 0, LEVELS - 1).astype(np.int64)


def foresee(model: TankModel, task: Task, policy: Policy, tank_c: F64) -> tuple[F64, F64, Bool]:
    """What is expected to happen under a policy: temperatures (n, T), electricity [kWh] (n, T), on (n, T)."""
    n, steps = task.need_kwh.shape
    path, kwh, on = np.empty((n, steps)), np.empty((n, steps)), np.empty((n, steps), np.bool_)
    now = tank_c
    for step in range(steps):
        on[:, step] = commands(policy, step, now)
        heated, cool = moved(model, task, step, now[:, None])
        path[:, step] = now = np.where(on[:, step], heated.tank_c[:, 0], cool.tank_c[:, 0])
        kwh[:, step] = np.where(on[:, step], heated.kwh[:, 0], 0.0)
    return path, kwh, on


class Moved(NamedTuple):
    """Temperature after an interval and electricity taken, each (n, levels)."""

    tank_c: F64
    kwh: F64


def moved(model: TankModel, task: Task, step: int, tank_c: F64) -> tuple[Moved, Moved]:
    """Where tanks at some temperatures, (n, levels), come to in an interval, on and off.

    The safety thermostat cuts what would go above the ceiling.
    """
    loss, capacity = model.loss_kw_per_k[:, None], model.capacity_kwh_per_k[:, None]
    keep = np.exp(-loss * HOURS / capacity)
    gain = (1.0 - keep) / loss
    room, ceiling = task.room_c, task.ceiling_c[:, None]
    cool = room + (tank_c - room) * keep - (task.need_kwh[:, step, None] / HOURS) * gain
    full = model.heater_kw[:, None]
    hot = cool + full * gain
    reached = np.minimum(hot, np.maximum(cool, ceiling))
    kwh = np.where(hot > reached, (reached - cool) / gain, full) * HOURS
    return Moved(reached, kwh), Moved(cool, np.zeros_like(cool))


def _rows(task: Task, rows: slice) -> Task:
    columns = {name: column[rows] for name, column in task._asdict().items() if name != "room_c"}
    return task._replace(**columns)


def _solve(model: TankModel, task: Task) -> tuple[Bool, F64]:
    n, steps = task.need_kwh.shape
    grid = COLDEST_C + GRID_K * np.arange(LEVELS)
    tank = np.broadcast_to(grid, (n, LEVELS))
    on = np.empty((n, steps, LEVELS), np.bool_)
    ahead = np.zeros((n, LEVELS))
    weight = SHORTFALL_EUR_PER_KWH * model.capacity_kwh_per_k[:, None]
    for step in range(steps - 1, -1, -1):
        floor = task.floor_c[:, step, None]
        heated, cool = moved(model, task, step, tank)
        cheap = np.minimum(heated.kwh, task.cheap_kw[:, step, None] * HOURS)
        price, dear = task.price_eur_per_kwh[:, step, None], task.dear_eur_per_kwh[:, step, None]
        stay = weight * np.maximum(floor - cool.tank_c, 0.0) + _between(ahead, cool.tank_c)
        heat = weight * np.maximum(floor - heated.tank_c, 0.0) + _between(ahead, heated.tank_c)
        heat += price * cheap + dear * (heated.kwh - cheap)
        on[:, step] = heat < stay
        ahead = np.minimum(heat, stay)
    return on, ahead


def _between(values: F64, tank_c: F64) -> F64:
    """Values of the grid, linear in between, (n, levels)."""
    place = np.clip((tank_c - COLDEST_C) / GRID_K, 0.0, LEVELS - 1.0)
    low = np.minimum(place.astype(np.int64), LEVELS - 2)
    share = place - low
    one = np.take_along_axis(values, low, axis=1)
    return np.asarray(one + share * (np.take_along_axis(values, low + 1, axis=1) - one))
