"""What measurements tell of a water heater: a tank of one node with its heating losses and heating needs.

    C (T' - T) = E - U (T - T_room) h - q        per interval of h hours: electricity E measured, need q what remains

C follows from the litres on the plate. The loss U comes from windows in which nothing heated: people only ever take heat out, so the hours of
the day at which the tank cools least are those in which they sleep, and the median of these windows is the jacket's. The need of every
quarter of the day is the mean of q over the days, recent days counting more. The reserve is what people draw more than the element can
give in time: the high quantile, over the days, of the largest drawdown in the hours that follow. Where a second probe sits at the outlet,
the layering says how much less than the mean the outlet falls in a draw.

The model is deliberately simpler than a tank: one node, one room temperature for all. Source: SUC03.2 rules 5 and 6 (parameters at least
heating needs and heating losses, updated daily); the energy balance is the textbook's.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64

WATER_KWH_PER_L_K = 4.186 / 3600.0
QUARTERS = 96
"""Intervals of a day: the model is one of quarters of an hour."""
HOURS = 0.25
WINDOW = 12
"""Intervals of a cooling window: three hours, in which a probe's noise is small against what is lost."""
QUIETEST = 16
"""Beginnings of windows (quarters of the day) that count as the quietest."""
LEAST_WINDOWS = 6
"""Fewer windows than these say nothing, neither about the jacket nor about layers."""
DRAW, DRAWN_K, LEVEL_K = 4, 15.0, 1.0
"""A draw that shows layers: within an hour the mean falls by 15 K, about from usual to cold, from a tank whose outlet was within 1 K of it.
In small draws the outlet hardly falls, but the reserve is for those that empty the tank."""


class Learning(NamedTuple):
    """How the learner works.

    Attributes:
        room_c: temperature that is assumed of every room with a tank [degC].
        memory_days: days after which a day counts 1/e.
        loss_days: latest days from which the losses are taken.
        reserve_days: latest days from which the reserve is taken.
        reserve_hours: how far ahead a drawdown is looked for.
        reserve_quantile: share of the days on which the reserve suffices.
        default_loss_kw_per_k: loss of a tank of which nothing is known yet.
    """

    room_c: float = 20.0
    memory_days: float = 7.0
    loss_days: int = 7
    reserve_days: int = 14
    reserve_hours: float = 3.0
    reserve_quantile: float = 0.97
    default_loss_kw_per_k: float = 1.5e-3


class Measured(NamedTuple):
    """What was received of n tanks in whole days, NaN where nothing came.

    Attributes:
        tank_c: mean of the probes at the end of each interval, (n, m) with m a multiple of 96.
        outlet_c: the upper probe where there are two, else NaN, (n, m).
        kwh: electricity of each interval, (n, m).
    """

    tank_c: F64
    outlet_c: F64
    kwh: F64


class TankModel(NamedTuple):
    """Tanks as they are believed to be.

    Attributes:
        capacity_kwh_per_k: heat capacity, (n,).
        heater_kw: power of the element, (n,).
        loss_kw_per_k: heating losses, (n,).
        need_kwh: heating needs of each quarter of the day, (n, 96).
        reserve_kwh: heat to have at the beginning of each quarter of the day, beyond what comfort needs, (n, 96).
        layering: fall of the outlet in a draw as a share of the fall of the mean, (n,); 1 where nobody knows.
        windows: cooling windows that the losses rest on, (n,).
        days: days of data that the needs rest on, (n,).
    """

    capacity_kwh_per_k: F64
    heater_kw: F64
    loss_kw_per_k: F64
    need_kwh: F64
    reserve_kwh: F64
    layering: F64
    windows: F64
    days: F64


def learn(litres: F64, heater_kw: F64, measured: Measured, settings: Learning) -> TankModel:
    """The models of n tanks from what was measured, the last column the latest.

    Args:
        litres: volume on the plate, (n,).
        heater_kw: power on the plate, (n,).
        measured: whole days, at least one.
        settings: how to learn.
    """
    capacity = litres * WATER_KWH_PER_L_K
    tank, kwh = np.ascontiguousarray(measured.tank_c), np.ascontiguousarray(measured.kwh)
    loss, windows = losses(capacity, tank, kwh, settings)
    before = np.concatenate([np.full((len(litres), 1), np.nan), tank[:, :-1]], axis=1)
    middle = 0.5 * (before + tank)
    need = kwh - capacity[:, None] * (tank - before) - loss[:, None] * (middle - settings.room_c) * HOURS
    days = need.reshape(len(litres), -1, QUARTERS)
    return TankModel(
        capacity, heater_kw, loss, _by_quarter(days, settings), _reserve(days, heater_kw, settings),
        _layering(tank, np.ascontiguousarray(measured.outlet_c)), windows,
        np.asarray(np.isfinite(days).any(axis=2).sum(axis=1), np.float64),
    )  # fmt: skip


def losses(capacity_kwh_per_k: F64, tank_c: F64, kwh: F64, settings: Learning) -> tuple[F64, F64]:
    """Heat loss coefficient [kW/K] and the number of cooling windows it rests on, each (n,).

    Args:
        capacity_kwh_per_k: of the tanks, (n,).
        tank_c: temperatures at the ends of intervals, (n, m).
        kwh: electricity of the intervals, (n, m).
        settings: ``loss_days`` and ``room_c``.
    """
    recent = min(tank_c.shape[1], settings.loss_days * QUARTERS)
    tank, idle = tank_c[:, -recent:], (kwh[:, -recent:] == 0.0)
    ends = np.cumsum(idle, axis=1)
    cooled = ends[:, WINDOW:] - ends[:, :-WINDOW] == WINDOW
    start, end = tank[:, :-WINDOW], tank[:, WINDOW:]
    warmer = 0.5 * (start + end) - settings.room_c
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = capacity_kwh_per_k[:, None] * (start - end) / (WINDOW * HOURS) / warmer
        rate = np.where(cooled & (warmer > 5.0), rate, np.nan)
    n, spare = len(tank), -rate.shape[1] % QUARTERS
    by_day = np.concatenate([rate, np.full((n, spare), np.nan)], axis=1).reshape(n, -1, QUARTERS)
    typical = _mean(by_day)
    order = np.argsort(np.where(np.isfinite(typical), typical, np.inf), axis=1, kind="stable")[:, :QUIETEST]
    quiet = np.take_along_axis(by_day, order[:, None, :], axis=2).reshape(n, -1)
    count = np.isfinite(quiet).sum(axis=1)
    found = _quantile(quiet, 0.5)
    known = (count >= LEAST_WINDOWS) & (found > 0.0)
    return np.where(known, found, settings.default_loss_kw_per_k), np.where(known, count, 0.0).astype(np.float64)


def usual_c(tank_c: F64) -> F64:
    """The temperature that people could count on three quarters of the time while the tank was its thermostat's, (n,) [degC].

    Comfort asks for no more than people had before: a household that draws its tank empty drew it empty before.
    """
    return _quantile(np.ascontiguousarray(tank_c), 0.25)


def _layering(tank_c: F64, outlet_c: F64) -> F64:
    """Slope of the outlet's fall over the mean's, through the origin, over draws from a tank without layers."""
    with np.errstate(invalid="ignore"):
        fall, outlet = tank_c[:, :-DRAW] - tank_c[:, DRAW:], outlet_c[:, :-DRAW] - outlet_c[:, DRAW:]
        use = (np.abs(outlet_c - tank_c)[:, :-DRAW] < LEVEL_K) & (fall > DRAWN_K) & np.isfinite(outlet)
    product = np.where(use, fall * outlet, 0.0).sum(axis=1)
    square = np.where(use, fall * fall, 0.0).sum(axis=1)
    enough = use.sum(axis=1) >= LEAST_WINDOWS
    return np.where(enough, np.clip(_ratio(product, square), 0.0, 1.0), 1.0)


def _by_quarter(days: F64, settings: Learning) -> F64:
    """Weighted mean of the days, smoothed over neighbouring quarters, never negative, with the day's sum kept."""
    count = days.shape[1]
    age = np.arange(count - 1, -1, -1) / settings.memory_days
    weight = np.exp(-age)[None, :, None] * np.isfinite(days)
    value = np.where(np.isfinite(days), days, 0.0) * weight
    mean = _ratio(_sum_days(value), _sum_days(weight))
    smooth = np.zeros_like(mean)
    for offset, share in ((-2, 1 / 9), (-1, 2 / 9), (0, 3 / 9), (1, 2 / 9), (2, 1 / 9)):
        smooth += share * np.roll(mean, offset, axis=1)
    positive = np.maximum(smooth, 0.0)
    total, wanted = positive.sum(axis=1), np.maximum(mean.sum(axis=1), 0.0)
    return np.asarray(positive * _ratio(wanted, total)[:, None])


def _reserve(days: F64, heater_kw: F64, settings: Learning) -> F64:
    """High quantile over recent days of the largest drawdown that begins in each quarter, less what the element gives meanwhile."""
    n = len(days)
    recent = days[:, -settings.reserve_days :]
    flat = np.where(np.isfinite(recent), recent, 0.0).reshape(n, -1)
    steps = round(settings.reserve_hours / HOURS)
    ahead = np.concatenate([flat, np.zeros((n, steps))], axis=1)
    total = np.concatenate([np.zeros((n, 1)), np.cumsum(ahead, axis=1)], axis=1)
    width = flat.shape[1]
    worst = np.zeros_like(flat)
    for taken in range(1, steps + 1):
        given = heater_kw * HOURS * max(taken - REACTION, 0)
        worst = np.maximum(worst, total[:, taken : taken + width] - total[:, :width] - given[:, None])
    by_day = worst.reshape(n, -1, QUARTERS)
    around = np.concatenate([np.roll(by_day, offset, axis=2) for offset in (-1, 0, 1)], axis=1)
    return np.maximum(_quantile(np.moveaxis(around, 1, 2), settings.reserve_quantile), 0.0)


REACTION = 2
"""Intervals until heat asked for is there: one until the next command, one until it has come through."""


def _sum_days(values: F64) -> F64:
    """Sum over axis 1 in a fixed order, whatever the layout."""
    total = np.zeros((values.shape[0], values.shape[2]))
    for day in range(values.shape[1]):
        total += values[:, day]
    return total


def _mean(by_day: F64) -> F64:
    """Mean over axis 1 of what is known; NaN where nothing is."""
    known = np.isfinite(by_day)
    count = _sum_days(known.astype(np.float64))
    total = _sum_days(np.where(known, by_day, 0.0))
    return np.where(count > 0.0, _ratio(total, count), np.nan)


def _ratio(one: F64, other: F64) -> F64:
    return np.divide(one, other, out=np.zeros_like(one), where=other > 0.0)


def _quantile(values: F64, share: float) -> F64:
    """Quantile over the last axis of what is known, NaN where nothing is, by linear interpolation."""
    ordered = np.sort(values, axis=-1)  # NaN last
    count = np.isfinite(ordered).sum(axis=-1)
    place = share * np.maximum(count - 1, 0)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    one = np.take_along_axis(ordered, low[..., None], axis=-1)[..., 0]
    other = np.take_along_axis(ordered, high[..., None], axis=-1)[..., 0]
    return np.asarray(one + (place - low) * (other - one))
