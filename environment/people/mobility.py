"""Trips of electric vehicles that charge at home. Synthetic; numbers and their sources in data/profiles/mobility.yaml.

Each vehicle has its own usual times and distance. A day has a main trip or none, and sometimes an evening trip. Times are drawn
per vehicle and local day; trips of several days are left out. While away the vehicle consumes the road energy of that trip evenly.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import data
from data.arrays import F64, I32, I64, U64, Bool
from environment.calendar import Calendar, Timeline
from environment.chance import Chance, Stream, name_hashes
from environment.units import MS_PER_DAY, MS_PER_H

_DAYS_BEFORE = 2
_DAYS_AFTER = 4  # so that the next departure after the end of a timeline is known
_BLOCK = 1024  # vehicles worked out at once: bounds the memory
_PER_DAY = 16  # draws kept apart for one local day
_MIN_HOME_H = 0.75
_MIN_AWAY_H = 0.5


class Mobility(NamedTuple):
    """Use of each vehicle over a timeline, all of shape (n, T).

    Attributes:
        away: not at home during the step (a step belongs to a trip if its middle does).
        driven_kw: road consumption, mean over each step of a trip [kW at the battery]; 0 at home.
        departure_step: the first away step at or after this one; T or more if it lies beyond the timeline.
    """

    away: Bool
    driven_kw: F64
    departure_step: I32


class Trips(NamedTuple):
    """Trips in order of time, shape (n, trips): departure and arrival [ms], energy [kWh]; absent trips have no energy and no length."""

    leave_ms: I64
    arrive_ms: I64
    kwh: F64


@cache
def parameters() -> Mapping[str, Any]:
    """The parameters of trips."""
    content: Mapping[str, Any] = data.read_yaml("profiles", "mobility.yaml")
    return content


def mobility(
    chance: Chance,
    names: Sequence[str],
    calendar: Calendar,
    timeline: Timeline,
    shift_h: F64 | float = 0.0,
    capacity_kwh: F64 | float = np.inf,
) -> Mobility:
    """Where the vehicle of each home is, and what it consumes on the road.

    Args:
        chance: source of draws, by home and local day.
        names: names of the homes.
        calendar: when.
        timeline: steps.
        shift_h: hours by which the home lives later, (n,); acts on returning, a third on leaving.
        capacity_kwh: usable energy of the battery, (n,); a trip takes at most 90 % of it (the rest is charged on the way).
    """
    n, shape = len(names), (len(names), timeline.n)
    made = Mobility(np.empty(shape, np.bool_), np.empty(shape), np.empty(shape, np.int32))
    shift, capacity = (np.broadcast_to(np.asarray(values, float), n) for values in (shift_h, capacity_kwh))
    for first in range(0, n, _BLOCK):
        rows = slice(first, first + _BLOCK)
        trips = trips_for(chance, names[rows], calendar, timeline, shift[rows], capacity[rows])
        made.away[rows], made.driven_kw[rows] = _spread(trips, timeline)
        beyond = _first_step_after(trips, timeline)
        steps = np.where(made.away[rows], np.arange(timeline.n), timeline.n + 1)
        ahead = np.minimum.accumulate(steps[:, ::-1], axis=1)[:, ::-1]
        made.departure_step[rows] = np.where(ahead > timeline.n, beyond[:, None], ahead)
    return made


def trips_for(
    chance: Chance,
    names: Sequence[str],
    calendar: Calendar,
    timeline: Timeline,
    shift_h: F64 | float = 0.0,
    capacity_kwh: F64 | float = np.inf,
) -> Trips:
    """The trips of each vehicle from two days before a timeline until four days after it."""
    owners = name_hashes(names)
    days = _local_days(calendar, timeline)
    leave_h, arrive_h, kwh = _daily(chance, owners, days, np.broadcast_to(np.asarray(shift_h, float), len(owners)))
    midnight = np.array([calendar.at(_midnight(day)) for day in days], np.int64)
    leave = midnight[None, :, None] + np.round(leave_h * MS_PER_H).astype(np.int64)
    arrive = midnight[None, :, None] + np.round(arrive_h * MS_PER_H).astype(np.int64)
    kwh = np.minimum(kwh, 0.9 * np.broadcast_to(np.asarray(capacity_kwh, float), len(owners))[:, None, None])
    shape = (len(owners), -1)
    return Trips(leave.reshape(shape), arrive.reshape(shape), kwh.reshape(shape))


def _local_days(calendar: Calendar, timeline: Timeline) -> I64:
    ends = calendar.local_columns(np.array([timeline.start_ms, timeline.end_ms])).day
    return np.arange(ends[0] - _DAYS_BEFORE, ends[1] + _DAYS_AFTER + 1, dtype=np.int64)


def _midnight(day: int) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(str(np.datetime64(int(day), "D")))


def _daily(chance: Chance, owners: U64, days: I64, shift_h: F64) -> tuple[F64, F64, F64]:
    """Departure and arrival [h of the local day] and energy [kWh] of the main and the evening trip, shape (n, days, 2)."""
    given = parameters()
    own, day = chance.stream("mobility.habits"), chance.stream("mobility.days")
    work = ((days + 3) % 7 < 5)[None, :]
    index = days[None, :] * _PER_DAY
    person = owners[:, None]
    habit = given["habit_share"] * own.normal(person, 0)
    leave, arrive = _main_times(given, day, person, index, work, habit, shift_h[:, None])
    goes = day.uniform(person, index + 4) < np.where(work, given["main_trip"]["work"], given["main_trip"]["free"])
    out, back, again = _evening_times(given, day, person, index, arrive, shift_h[:, None])
    km = _kilometres(given["main_km"], own, day, owners, index, 5)
    km_again = _kilometres(given["evening_km"], own, day, owners, index, 6)
    per_km = given["kwh_per_km"][0] + (given["kwh_per_km"][1] - given["kwh_per_km"][0]) * own.uniform(person, 2)
    leave, arrive = np.where(goes, leave, 12.0), np.where(goes, arrive, 12.0)
    back = np.where(again, back, out)
    kwh = np.stack([np.where(goes, km, 0.0), np.where(again, km_again, 0.0)], axis=-1) * per_km[..., None]
    return np.stack([leave, out], axis=-1), np.stack([arrive, back], axis=-1), kwh


def _main_times(
    given: Mapping[str, Any],
    day: Stream,
    person: U64,
    index: I64,
    work: Bool,
    habit: F64,
    shift_h: F64,
) -> tuple[F64, F64]:
    leave_at, leave_sd = (np.where(work, given["leave"]["work"][i], given["leave"]["free"][i]) for i in (0, 1))
    varies = np.sqrt(1.0 - given["habit_share"] ** 2)
    leave = leave_at + leave_sd * (habit + varies * day.normal(person, index)) + 0.33 * shift_h
    ordinary = given["arrive"][0] + given["arrive"][1] * (habit + varies * day.normal(person, index + 1)) + shift_h
    anytime = 9.0 + 13.0 * day.uniform(person, index + 2)
    arrive = np.where(day.uniform(person, index + 3) < given["anytime_share"], anytime, ordinary)
    leave = np.clip(leave, 4.5, 14.0)
    early = arrive < leave + _MIN_AWAY_H
    leave = np.where(early & (arrive > 6.0), np.maximum(4.5, arrive - 1.5), leave)
    return leave, np.clip(arrive, leave + _MIN_AWAY_H, 23.5)


def _evening_times(
    given: Mapping[str, Any], day: Stream, person: U64, index: I64, arrive: F64, shift_h: F64
) -> tuple[F64, F64, Bool]:
    """Departure, arrival and whether there is a second trip; it needs some time at home before it."""
    back = given["late"][0] + given["late"][1] * day.normal(person, index + 7) + shift_h
    out = back - (1.0 + 1.5 * day.uniform(person, index + 8))
    again = (day.uniform(person, index + 9) < given["evening_trip"]) & (out > arrive + _MIN_HOME_H)
    out = np.maximum(out, arrive + _MIN_HOME_H)
    return out, np.clip(back, out + _MIN_AWAY_H, 26.0), again


def _kilometres(given: Mapping[str, float], own: Stream, day: Stream, owners: U64, index: I64, salt: int) -> F64:
    """Lognormal distances: a part of the spread is the vehicle's, the rest the day's."""
    person = owners[:, None]
    usual, daily = given["sigma"] * given["own_share"], given["sigma"] * np.sqrt(1.0 - given["own_share"] ** 2)
    return np.asarray(
        given["median"] * np.exp(usual * own.normal(person, salt) + daily * day.normal(person, index + salt))
    )


def _spread(trips: Trips, timeline: Timeline) -> tuple[Bool, F64]:
    """Away flags and road power: the energy of each trip over the steps whose middle it contains (at least one)."""
    first = -((timeline.start_ms + timeline.step_ms // 2 - trips.leave_ms) // timeline.step_ms)
    last = -((timeline.start_ms + timeline.step_ms // 2 - trips.arrive_ms) // timeline.step_ms)
    real = trips.kwh > 0.0
    last = np.maximum(last, first + 1)
    kw = np.where(real, trips.kwh / ((last - first) * timeline.hours), 0.0)
    change = np.zeros((len(first), timeline.n + 1))
    count = np.zeros((len(first), timeline.n + 1), np.int64)
    row = np.broadcast_to(np.arange(len(first))[:, None], first.shape)
    for at, sign in ((first, 1), (last, -1)):
        inside = real & (at < timeline.n)
        np.add.at(change, (row[inside], np.maximum(at, 0)[inside]), sign * kw[inside])
        np.add.at(count, (row[inside], np.maximum(at, 0)[inside]), sign)
    away = np.cumsum(count[:, :-1], axis=1) > 0
    return away, np.where(away, np.cumsum(change[:, :-1], axis=1), 0.0)


def _first_step_after(trips: Trips, timeline: Timeline) -> I64:
    """The step number (T or more) at which the first trip after the timeline begins, shape (n,)."""
    first = -((timeline.start_ms + timeline.step_ms // 2 - trips.leave_ms) // timeline.step_ms)
    far = np.iinfo(np.int64).max
    later = np.where((trips.kwh > 0.0) & (first >= timeline.n), first, far).min(axis=1)
    return np.where(later == far, timeline.n + _DAYS_AFTER * (MS_PER_DAY // timeline.step_ms), later)
