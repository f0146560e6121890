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

from agents.strategies.tank_model import HOURS, TankModel
from data.arrays import F64, I64, Bool

COLDEST_C, GRID_K, LEVELS = 20.0, 1.0, 66
"""The grid: 20 to 85 degC in steps of 1 K."""
BLOCK = 256
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


def nearest(tank_c: F64) -> I64:
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
    keep, gain = _response(model)
    cool = task.room_c + (tank_c - task.room_c) * keep - (task.need_kwh[:, step, None] / HOURS) * gain
    hot = cool + model.heater_kw[:, None] * gain
    reached = np.minimum(hot, np.maximum(cool, task.ceiling_c[:, None]))
    kwh = np.where(hot > reached, (reached - cool) / gain, model.heater_kw[:, None]) * HOURS
    return Moved(reached, kwh), Moved(cool, np.zeros_like(cool))


def _response(model: TankModel) -> tuple[F64, F64]:
    """Share of the warmth above the room that an interval leaves, and its rise by a kW [K/kW], (n, 1) each."""
    loss, capacity = model.loss_kw_per_k[:, None], model.capacity_kwh_per_k[:, None]
    keep = np.exp(-loss * HOURS / capacity)
    return keep, (1.0 - keep) / loss


def _rows(task: Task, rows: slice) -> Task:
    columns = {name: column[rows] for name, column in task._asdict().items() if name != "room_c"}
    return task._replace(**columns)


def _solve(model: TankModel, task: Task) -> tuple[Bool, F64]:
    """``moved`` backwards over all grid temperatures; temperatures are counted in steps of the grid, which saves half of the work."""
    n, steps = task.need_kwh.shape
    keep, gain = _response(model)
    kept = _places(task.room_c + (COLDEST_C + GRID_K * np.arange(LEVELS) - task.room_c) * keep)
    drop = task.need_kwh * (gain / HOURS / GRID_K)
    rise, kwh_a_place = model.heater_kw[:, None] * gain / GRID_K, GRID_K * HOURS / gain
    ceiling, floors = np.minimum(_places(task.ceiling_c[:, None]), LEVELS - 1.0), _places(task.floor_c)
    weight = SHORTFALL_EUR_PER_KWH * GRID_K * model.capacity_kwh_per_k[:, None]
    on, ahead = np.empty((n, steps, LEVELS), np.bool_), _Ahead(n)
    for step in range(steps - 1, -1, -1):
        now = slice(step, step + 1)
        cool = kept - drop[:, now]
        heated = np.minimum(cool + rise, np.maximum(cool, ceiling))
        kwh = (heated - cool) * kwh_a_place
        price, dear = task.price_eur_per_kwh[:, now], task.dear_eur_per_kwh[:, now]
        heat = dear * kwh
        heat -= (dear - price) * np.minimum(kwh, task.cheap_kw[:, now] * HOURS)
        for cost, place in ((heat, heated), (stay := np.zeros_like(cool), cool)):
            cost += weight * np.maximum(floors[:, now] - place, 0.0)
            cost += ahead.at(place)
        on[:, step] = heat < stay
        np.minimum(heat, stay, out=ahead.cost_eur)
    return on, ahead.cost_eur.copy()


def _places(tank_c: F64) -> F64:
    return np.asarray((tank_c - COLDEST_C) / GRID_K)


class _Ahead:
    """Cost from some instant on, from every grid temperature, (n, levels), 0 in the end; one column more so that the last has a neighbour."""

    def __init__(self, n: int) -> None:
        self._wide = np.zeros((n, LEVELS + 1))
        self._rows = ((LEVELS + 1) * np.arange(n))[:, None]
        self.cost_eur = self._wide[:, :LEVELS]

    def at(self, place: F64) -> F64:
        """Cost between grid temperatures, linear, at places not above the grid, (n, levels)."""
        place = np.maximum(place, 0.0)
        low = place.astype(np.int64)
        place -= low
        low += self._rows
        flat = self._wide.reshape(-1)
        one = flat.take(low)
        low += 1
        place *= flat.take(low) - one
        place += one
        return place
