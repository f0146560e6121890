"""From services to a task for the control of tanks: prices, surplus, power limits and floors, for n homes over T intervals.

Energy efficiency has one price for every kWh. With the tariff service the prices are the tariff's; with self-consumption what own
generation leaves over is had at what it would earn when fed in; with peak shaving every kWh that would lift the household above its limit
costs more than any hour. They combine freely (SUC03.2 rules 8 to 13). Comfort and hygiene are floors, the same for all services.

Surplus and crowding are expected values over the days measured, not those of a mean day: the mean of many evenings has no peak, and an oven
that is on every third evening is a third of a kWh too much each time.
"""

from typing import NamedTuple

import numpy as np

from agents.strategies.retrofit import Services
from agents.strategies.tank_control import Task
from agents.strategies.tank_model import HOURS, QUARTERS, TankModel
from data.arrays import F64, I64, Bool

PEAK_EUR_PER_KWH = 2.0
"""Cost of a kWh above the household's limit: more than electricity ever costs, less than going without hot water (judgement)."""


class Comfort(NamedTuple):
    """What hot water must be.

    Attributes:
        least_c: at the outlet whenever people draw [degC].
        hygiene_c: to be reached by the whole tank [degC].
        hygiene_days: at least once in so many days.
        below_ceiling_k: distance that plans keep from the safety thermostat [K].
    """

    least_c: float = 40.0
    hygiene_c: float = 60.0
    hygiene_days: float = 7.0
    below_ceiling_k: float = 3.0


class Outlook(NamedTuple):
    """What is expected of households and prices over the T intervals, (n, T) each.

    Attributes:
        surplus_kw: what own generation leaves over.
        crowded: share of the element's power that would be above the household's limit, 0 to 1.
        buy_eur_per_kwh: price of the tariff.
        sell_eur_per_kwh: what a kWh fed in earns.
    """

    surplus_kw: F64
    crowded: F64
    buy_eur_per_kwh: F64
    sell_eur_per_kwh: F64


def usual(measured: F64, days: float) -> F64:
    """Mean of each quarter of the day over the days measured, recent ones counting more, 0 where nothing is known, (n, 96).

    Args:
        measured: whole days, NaN where nothing came, (n, m) with m a multiple of 96.
        days: after which a day counts 1/e.
    """
    by_day = np.ascontiguousarray(measured).reshape(len(measured), -1, QUARTERS)
    total, weight = np.zeros((len(measured), QUARTERS)), np.zeros((len(measured), QUARTERS))
    for age in range(by_day.shape[1]):
        day = by_day[:, -1 - age]
        known = np.isfinite(day)
        total += np.exp(-age / days) * np.where(known, day, 0.0)
        weight += np.exp(-age / days) * known
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0.0)


def surplus_kw(base_kw: F64, days: float) -> F64:
    """Surplus of own generation to be expected in each quarter of the day, (n, 96).

    Args:
        base_kw: net load without the water heater on whole days, NaN where nothing came, (n, m).
        days: after which a day counts 1/e.
    """
    return usual(np.maximum(-base_kw, 0.0), days)


def crowded(base_kw: F64, heater_kw: F64, limit_kw: F64, days: float) -> F64:
    """Share of the element's power that is expected above the household's limit in each quarter of the day, (n, 96).

    Args:
        base_kw: net load without the water heater on whole days, NaN where nothing came, (n, m).
        heater_kw: of the elements, (n,).
        limit_kw: of the households, (n,).
        days: after which a day counts 1/e.
    """
    kw = np.maximum(heater_kw, 1e-9)[:, None]
    return usual(np.clip((base_kw + kw - limit_kw[:, None]) / kw, 0.0, 1.0), days)


def task(
    model: TankModel, services: Services, outlook: Outlook, quarters: I64, floor_c: F64, ceiling_c: F64, room_c: float
) -> Task:
    """What each home's tank is asked for.

    Args:
        model: the tanks as they were learned.
        services: which home has which.
        outlook: of households and prices.
        quarters: quarter of the day of each interval, (T,).
        floor_c: temperatures to have at the ends of the intervals, (n, T).
        ceiling_c: the safety thermostats, (n,).
        room_c: assumed of all rooms.
    """
    mean = _row_mean(outlook.buy_eur_per_kwh)[:, None]
    buy = np.where(services.tariff[:, None], outlook.buy_eur_per_kwh, mean)
    surplus = np.where(services.self_consumption[:, None], outlook.surplus_kw, 0.0)
    earned = np.minimum(outlook.sell_eur_per_kwh, buy)
    penalty = np.where(services.peak_shaving[:, None], PEAK_EUR_PER_KWH * outlook.crowded, 0.0)
    return Task(earned + penalty, buy + penalty, surplus, model.need_kwh[:, quarters], floor_c, ceiling_c, room_c)


def floors(model: TankModel, comfort: Comfort, usual_c: F64, ceiling_c: F64, quarters: I64) -> F64:
    """Temperature to have at the end of each interval, (n, T): comfort, and the reserve of the quarter that begins then.

    Not more than people usually had under their thermostat, and not up to the safety thermostat. A thermostat heats while people draw and a
    command comes an interval later: what the element gives in an interval is held beforehand.
    """
    following = (quarters + 1) % QUARTERS
    margin = model.layering[:, None] * (model.reserve_kwh / model.capacity_kwh_per_k[:, None])[:, following]
    late = model.heater_kw * HOURS / model.capacity_kwh_per_k
    most = np.minimum(usual_c + late, ceiling_c - comfort.below_ceiling_k)
    return np.minimum(comfort.least_c + margin, np.maximum(most, comfort.least_c)[:, None])


def hygiene(floor_c: F64, model: TankModel, comfort: Comfort, due: Bool, ceiling_c: F64, quarters: I64) -> F64:
    """Floors with the hygiene temperature where it is due: once within a day, when the tank is wanted warmest anyhow.

    It is asked for over an hour, because a draw at its beginning would put it off by a day, and at the same hour again.
    """
    day = model.reserve_kwh[:, quarters[:QUARTERS]]
    at = np.argmax(day, axis=1)
    wanted = np.minimum(comfort.hygiene_c + HYGIENE_MARGIN_K, ceiling_c - 0.5)
    out = floor_c.copy()
    rows = np.flatnonzero(due)
    for later in range(HYGIENE_QUARTERS):
        then = np.minimum(at[rows] + later, floor_c.shape[1] - 1)
        out[rows, then] = np.maximum(out[rows, then], wanted[rows])
    return out


HYGIENE_QUARTERS = 4
"""Quarters of an hour for which plans ask for it (judgement)."""
HYGIENE_MARGIN_K = 1.5
"""Plans aim so much higher, because the model is no tank and a probe errs."""


def limited(on: Bool, services: Services, base_kw: F64, heater_kw: F64, limit_kw: F64, warm: Bool) -> Bool:
    """Commands after a look at the smart meter: nobody with peak shaving heats above the limit while the water is warm enough, (n,).

    Args:
        on: what the policy says.
        services: which home has which.
        base_kw: net load without the water heater just measured, NaN where unknown.
        heater_kw: of the elements.
        limit_kw: of the households.
        warm: tanks above the least temperature.
    """
    excess = np.nan_to_num(base_kw, nan=-np.inf) + heater_kw > limit_kw
    return on & ~(services.peak_shaving & excess & warm)


def _row_mean(values: F64) -> F64:
    return np.asarray(np.ascontiguousarray(values).mean(axis=1))
