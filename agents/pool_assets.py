"""The assets of homes in pools: which there are, what is planned of them, and how far they can be moved (SUC05.2 steps 1.1 and 1.5).

Row k of every array is asset k; assets are in the order of their names. Nothing here mixes assets, so that a home alone says the same.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from agents.prosumer_book import TANK_LOW_C, TANK_RESERVE_K, HomeBook, cop
from agents.prosumer_hems import Hems
from agents.strategies.home_control import heat_ahead
from data.arrays import F64, I64, Bool, Names
from environment.instruments import Readings
from environment.messages.balancing import KINDS

BATTERY, EV, HEAT_PUMP, WATER_HEATER = range(4)
PLANS = {"battery": "battery_kw", "ev": "ev_kw", "heat_pump": "heat_pump_kw", "water_heater": "heater_kw"}
"""Kind of asset -> column of a home's plan."""
STORED_H = 1.0
"""An asset that heats or charges promises no more than it could go without, or take, for so long (judgement)."""


RESTORE_H = 1.0
"""A battery outside what it must keep ready is brought back within so long (judgement)."""
MARGIN_KW = 1e-9


@dataclass(frozen=True)
class Assets:
    """Assets that homes have.

    Attributes:
        names: ``home-0001/battery``, ascending.
        home: row of the home of each, (assets,).
        kind: position in ``KINDS``, (assets,).
        rated_kw: power of each, (assets,).
        battery_share: share of a battery that may be reserved.
    """

    names: Names
    home: I64
    kind: I64
    rated_kw: F64
    battery_share: float

    def of(self, kind: int) -> I64:
        """The assets of a kind."""
        return np.flatnonzero(self.kind == kind)

    def each(self) -> list[tuple[int, I64, I64]]:
        """(kind, assets, homes) of every kind that there is."""
        return [(kind, rows, self.home[rows]) for kind in range(len(KINDS)) if len(rows := self.of(kind))]


def assets_of(book: HomeBook, members: Bool, battery_share: float) -> Assets:
    """The assets of the homes that are in a pool, (homes,)."""
    rated = {
        "battery": book.battery["kw"],
        "ev": book.ev["kw"],
        "heat_pump": book.house["hp_kw"],
        "water_heater": book.heater["kw"],
    }
    found = sorted(
        (f"{book.names[home]}/{kind}", home, number, float(kw[home]))
        for number, (kind, kw) in enumerate(rated.items())
        for home in np.flatnonzero(members & (kw > 0.0)).tolist()
    )
    names, home, kind, kw = zip(*found, strict=True) if found else ((), (), (), ())
    return Assets(
        np.array(names, object), np.array(home, np.int64), np.array(kind, np.int64), np.array(kw), battery_share
    )


class Limits(NamedTuple):
    """How far assets can be moved, (assets,) or (assets, steps)."""

    low_kw: F64
    high_kw: F64
    up_kw: F64
    down_kw: F64
    up_kwh: F64
    down_kwh: F64


def planned_kw(assets: Assets, hems: Hems, step: int, end: int) -> F64:
    """Net load that the homes plan for their assets in the steps from one to another, (assets, steps)."""
    found = np.zeros((len(assets.names), end - step))
    for plan in (hems.current, hems.next):
        if plan is None or plan.end <= step or plan.first >= end:
            continue
        first, last = max(step, plan.first), min(end, plan.end)
        for kind, rows, homes in assets.each():
            column = getattr(plan.plan, PLANS[KINDS[kind]])
            found[rows, first - step : last - step] = column[homes, first - plan.first : last - plan.first]
    return found


def restoring_kw(book: HomeBook, homes: I64, stored_kwh: F64) -> F64:
    """Power that brings batteries back within an hour which hold less, or more, than what is to be kept ready leaves, (homes,); 0 elsewhere."""
    battery = {name: column[homes] for name, column in book.battery.items()}
    lacks = np.maximum(battery["min_kwh"] - stored_kwh, 0.0) / battery["eta_charge"]
    above = np.maximum(stored_kwh - battery["max_kwh"], 0.0) * battery["eta_discharge"]
    return np.asarray(np.clip((lacks - above) / RESTORE_H, -battery["kw"], battery["kw"]))


def carried_out(assets: Assets, hems: Hems, planned: F64, readings: Readings, step: int, by_hand: I64) -> F64:
    """The plans of the assets as they will be carried out, (assets, steps).

    Batteries keep ready what they must, cars and tanks that are full take no more, what is too cold is heated, and what people have switched on by hand runs:
    a car while it is plugged.

    Args:
        assets: which.
        hems: energy management of the homes, with the book that they plan with now: batteries without what is reserved of them.
        planned: (assets, steps) [kW], the first step is ``step``.
        readings: what the devices show now.
        step: the first step.
        by_hand: step until which people run cars and tanks themselves, (homes,).
    """
    found, book, hours = planned.copy(), hems.book, hems.timeline.hours
    end = step + planned.shape[1]
    hand = np.arange(step, end) < by_hand[assets.home, None]
    cars = assets.of(EV)
    hand[cars] &= _here(readings, assets.home[cars], step, end)
    for kind in (EV, WATER_HEATER):
        rows = assets.of(kind)
        found[rows] = np.where(hand[rows], assets.rated_kw[rows, None], planned[rows])
    lacks = np.nan_to_num(missing_kwh(book, assets.home[cars], readings))[:, None]
    room = np.nan_to_num(missing_kwh(book, assets.home[cars], readings, full=True))[:, None]
    before = np.cumsum(found[cars], axis=1) - found[cars]
    found[cars] = np.clip(np.where(hand[cars], room, lacks) / hours - before, 0.0, found[cars])
    _heat(assets, hems, found, readings, step)
    rows = assets.of(BATTERY)
    homes = assets.home[rows]
    battery = {name: column[homes] for name, column in book.battery.items()}
    stored = readings["battery_kwh"][homes]
    for step in range(planned.shape[1]):
        gives = np.maximum(stored - battery["min_kwh"], 0.0) * battery["eta_discharge"] / hours
        takes = np.maximum(battery["max_kwh"] - stored, 0.0) / (battery["eta_charge"] * hours)
        power = np.clip(planned[rows, step], -np.minimum(gives, battery["kw"]), np.minimum(takes, battery["kw"]))
        back = restoring_kw(book, homes, stored)
        power = np.where(np.abs(back) > MARGIN_KW, back, power)
        found[rows, step] = power
        stored = stored + hours * (
            battery["eta_charge"] * np.maximum(power, 0.0) + np.minimum(power, 0.0) / battery["eta_discharge"]
        )
    return found


def _here(readings: Readings, homes: I64, step: int, end: int) -> Bool:
    """Where cars that are plugged now still are, (homes, steps): what is switched on by hand charges no car that is away."""
    plugged, leaves = np.nan_to_num(readings["ev_plugged"][homes]) > 0.5, readings["ev_departure_step"][homes]
    return np.asarray(plugged[:, None] & (np.arange(step, end) < np.where(np.isnan(leaves), end, leaves)[:, None]))


def _heat(assets: Assets, hems: Hems, found: F64, readings: Readings, step: int) -> None:
    """Bring plans of tanks and houses to what their bounds leave of them."""
    end = step + found.shape[1]
    plans = {}
    for kind in (WATER_HEATER, HEAT_PUMP):
        rows = assets.of(kind)
        plans[kind] = np.zeros((hems.book.n, end - step))
        plans[kind][assets.home[rows]] = found[rows]
    now = hems.view(step, end, readings, np.arange(hems.book.n))
    heated = heat_ahead(now, plans[WATER_HEATER], plans[HEAT_PUMP])
    for kind, power in zip((WATER_HEATER, HEAT_PUMP), heated, strict=True):
        rows = assets.of(kind)
        found[rows] = power[assets.home[rows]]


def limits(
    assets: Assets,
    book: HomeBook,
    planned: F64,
    readings: Readings,
    step: int,
    hours: float,
    temp_c: float,
    ahead: bool,
) -> Limits:
    """How far assets can be moved from what is planned.

    Args:
        assets: which.
        book: what the homes have and want; the whole battery, without what is reserved.
        planned: (assets, steps) [kW], the first step is ``step``.
        readings: what the devices show now.
        step: the first step.
        hours: length of a step.
        temp_c: outdoor temperature now.
        ahead: whether this looks a day ahead: then a battery has half of what it lets be reserved on each side, whatever it holds now.
    """
    n = len(assets.names)
    low, high = np.zeros(n), assets.rated_kw.copy()
    up, down = np.maximum(planned, 0.0), np.maximum(assets.rated_kw[:, None] - planned, 0.0)
    up_kwh, down_kwh = assets.rated_kw * STORED_H, assets.rated_kw * STORED_H
    for kind, rows, homes in assets.each():
        if kind == BATTERY:
            low[rows] = -assets.rated_kw[rows]
            most = assets.battery_share * assets.rated_kw[rows, None]
            up[rows] = np.clip(planned[rows] + assets.rated_kw[rows, None], 0.0, most)
            down[rows] = np.clip(assets.rated_kw[rows, None] - planned[rows], 0.0, most)
            up_kwh[rows], down_kwh[rows] = _battery_kwh(
                book, homes, readings["battery_kwh"][homes], assets.battery_share, ahead=ahead
            )
        elif kind == EV:
            _car(book, homes, rows, readings, step, hours, up, down, up_kwh, down_kwh, ahead=ahead)
        elif not ahead:
            give, take = _heat_kwh(book, kind, homes, readings, temp_c)
            up_kwh[rows], down_kwh[rows] = np.minimum(up_kwh[rows], give), np.minimum(down_kwh[rows], take)
    return Limits(low, high, up, down, up_kwh, down_kwh)


def _battery_kwh(book: HomeBook, homes: I64, stored: F64, share: float, *, ahead: bool) -> tuple[F64, F64]:
    low, high = book.battery["min_kwh"][homes], book.battery["max_kwh"][homes]
    if ahead:
        half = share * (high - low) / 2.0
        return half * book.battery["eta_discharge"][homes], half / book.battery["eta_charge"][homes]
    give = np.maximum(stored - low, 0.0) * book.battery["eta_discharge"][homes]
    return give, np.maximum(high - stored, 0.0) / book.battery["eta_charge"][homes]


def _car(
    book: HomeBook, homes: I64, rows: I64, readings: Readings, step: int, hours: float, up: F64, down: F64, up_kwh: F64, down_kwh: F64,
    *, ahead: bool,
) -> None:  # fmt: skip
    """A car gives what it was to charge, as far as it will still be ready, and takes what it lacks, while it is plugged."""
    if ahead:  # whether it is plugged is known where it is to charge
        down[rows] = np.where(up[rows] > 0.0, down[rows], 0.0)
        return
    plugged = np.nan_to_num(readings["ev_plugged"][homes]) > 0.5
    lacks = missing_kwh(book, homes, readings)
    up[rows] *= plugged[:, None]
    down[rows] *= (plugged & (lacks > 0.0))[:, None]
    up_kwh[rows] = np.where(plugged, np.minimum(slack_kwh(book, homes, readings, step, hours), up_kwh[rows]), 0.0)
    down_kwh[rows] = np.where(plugged, lacks, 0.0)


def missing_kwh(book: HomeBook, homes: I64, readings: Readings, *, full: bool = False) -> F64:
    """Energy from the grid that a car lacks to its target, or until it is full, (homes,)."""
    car = {name: column[homes] for name, column in book.ev.items()}
    share = 1.0 if full else car["target_share"]
    return np.asarray(np.maximum(share * car["kwh"] - readings["ev_kwh"][homes], 0.0) / car["eta"])


def slack_kwh(book: HomeBook, homes: I64, readings: Readings, step: int, hours: float) -> F64:
    """Energy that a car could charge until it leaves beyond what it lacks: what it can do without now, (homes,)."""
    leaves = readings["ev_departure_step"][homes]
    left_h = np.where(np.isnan(leaves), 8.0, (np.nan_to_num(leaves) - step) * hours)
    return np.asarray(np.maximum(left_h * book.ev["kw"][homes] - missing_kwh(book, homes, readings), 0.0))


def _heat_kwh(book: HomeBook, kind: int, homes: I64, readings: Readings, temp_c: float) -> tuple[F64, F64]:
    """Electricity that a building or a tank can do without before it gets too cold, and take before it gets too warm."""
    if kind == WATER_HEATER:
        now, per_k = readings["heater_c"][homes], book.heater["kwh_per_k"][homes]
        low, high = np.full(len(homes), TANK_LOW_C + TANK_RESERVE_K), book.heater["high_c"][homes]
    else:
        house = {name: column[homes] for name, column in book.house.items()}
        now, per_k = (
            readings["house_c"][homes],
            house["kwh_per_k"] / np.maximum(cop(house, np.array([temp_c]))[:, 0], 1.0),
        )
        low, high = (book.comfort_c[homes] + sign * book.comfort_width_k[homes] for sign in (-1.0, 1.0))
    return np.maximum(now - low, 0.0) * per_k, np.maximum(high - now, 0.0) * per_k
