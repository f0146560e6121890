"""Households: who lives in a home, what they prefer, and the load of their appliances. Synthetic.

The load of a home is what runs on (stand-by, cold appliances), what runs while somebody is awake at home (screens, light by
daylight) and cycles of appliances that people start. Presence is ``environment.people.presence``; parameters and acceptance
targets are in data/profiles/household.yaml. Electric heating, hot water and vehicles are devices of their own, not part of this load.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64, U64, Bool
from environment.calendar import Calendar, Timeline
from environment.chance import Chance, name_hashes
from environment.people import presence
from environment.people.quarters import HOURS, Quarters, quarters_for
from environment.weather.records import Weather

_WARM_UP_DAYS = 2
_BLOCK = 64
_FIELD_BITS = 21  # three uniform numbers from the 64 bits of one draw


class Homes(NamedTuple):
    """What distinguishes homes before any device: all arrays of shape (n,). Made, not measured.

    Attributes:
        names: names of the homes.
        persons: how many live there.
        floor_m2: heated floor area [m2].
        annual_kwh: electricity of appliances and light in a year [kWh].
        shift_h: hours by which they live later than the common day.
        level: 0 mostly out, 1 ordinary, 2 mostly at home on workdays.
        comfort_c: indoor temperature they want [degC].
        comfort_width_k: half width of the band they tolerate [K].
        reservation_eur_per_kwh: least reward for which they change their use.
        price_sensitivity: share of the cost gap they need before they act, 0 (acts at once) to 1 (never).
        willingness: probability to accept a contract for flexibility.
    """

    names: tuple[str, ...]
    persons: I64
    floor_m2: F64
    annual_kwh: F64
    shift_h: F64
    level: I64
    comfort_c: F64
    comfort_width_k: F64
    reservation_eur_per_kwh: F64
    price_sensitivity: F64
    willingness: F64


def homes(chance: Chance, names: Sequence[str], country: str = "IT") -> Homes:
    """Draws homes of a country; each home's draw depends on the seed and its name only.

    Raises:
        ValueError: a country without parameters.
    """
    given = _country(country)
    owners = name_hashes(names)
    normal = {
        key: chance.stream(f"people.{key}").normal(owners)
        for key in ("floor", "kwh", "shift", "comfort", "reservation")
    }
    uniform = {key: chance.stream(f"people.{key}").uniform(owners) for key in ("width", "sensitivity", "willingness")}
    persons = chance.stream("people.persons").choice(owners, given["persons"]) + 1
    levels = presence.parameters()["presence"]["shares"]
    return Homes(
        names=tuple(names),
        persons=persons,
        floor_m2=np.array(given["floor_m2_per_person"])[persons - 1] * np.exp(0.25 * normal["floor"]),
        annual_kwh=_mean_kwh(given, persons) * np.exp(given["sigma"] * normal["kwh"] - 0.5 * given["sigma"] ** 2),
        shift_h=given["evening_shift_h"] + np.clip(0.7 * normal["shift"], -1.5, 1.5),
        level=chance.stream("people.level").choice(owners, levels),
        comfort_c=np.clip(20.5 + 1.0 * normal["comfort"], 18.0, 23.0),
        comfort_width_k=0.5 + 1.0 * uniform["width"],
        reservation_eur_per_kwh=0.04 * np.exp(0.6 * normal["reservation"]),
        price_sensitivity=uniform["sensitivity"],
        willingness=uniform["willingness"],
    )


def _country(name: str) -> dict[str, Any]:
    known: dict[str, dict[str, Any]] = presence.parameters()["countries"]
    if name not in known:
        message = f"no household parameters for country {name!r}; there is {', '.join(known)}"
        raise ValueError(message)
    return known[name]


def _mean_kwh(given: dict[str, Any], persons: I64) -> F64:
    """Mean annual energy by number of persons, so that the mean over all homes is the country's."""
    weight = np.arange(1, 6, dtype=float) ** presence.parameters()["persons_exponent"]
    shares = np.array(given["persons"])
    return np.asarray(given["mean_kwh"] * weight[persons - 1] / (weight @ (shares / shares.sum())))


def household_load_kw(
    chance: Chance,
    names: Sequence[str],
    persons: ArrayLike,
    annual_kwh: ArrayLike,
    calendar: Calendar,
    timeline: Timeline,
    weather: Weather,
    shift_h: ArrayLike = 0.0,
    level: ArrayLike = 1,
) -> F64:
    """Mean load of appliances and light of each home in each step [kW], shape (n, T), >= 0.

    Args:
        chance: source of draws; each home has its own, so that homes do not influence each other.
        names: names of the homes.
        persons: how many live there, (n,).
        annual_kwh: expected energy of a year [kWh], (n,).
        calendar: when.
        timeline: steps.
        weather: the light outside decides over the light inside.
        shift_h: hours by which they live later, (n,).
        level: 0 mostly out, 1 ordinary, 2 mostly at home, (n,).
    """
    n = len(names)
    rows = _Rows(
        owners=name_hashes(names),
        persons=np.broadcast_to(np.asarray(persons, np.int64), n),
        annual_kwh=np.broadcast_to(np.asarray(annual_kwh, np.float64), n),
        shift_h=np.broadcast_to(np.asarray(shift_h, np.float64), n),
        level=np.broadcast_to(np.asarray(level, np.int64), n),
    )
    quarters = quarters_for(calendar, timeline, _WARM_UP_DAYS)
    dark = _darkness(quarters.from_timeline(weather.ghi_wm2, timeline))
    out = np.empty((len(names), timeline.n))
    for start in range(0, len(names), _BLOCK):
        block = rows.part(slice(start, start + _BLOCK))
        out[start : start + _BLOCK] = quarters.on_timeline(_load_kw(chance, block, quarters, dark), timeline)
    return out


class _Rows(NamedTuple):
    """The homes of a block, (n,)."""

    owners: U64
    persons: I64
    annual_kwh: F64
    shift_h: F64
    level: I64

    def part(self, rows: slice) -> "_Rows":
        return _Rows(self.owners[rows], self.persons[rows], self.annual_kwh[rows], self.shift_h[rows], self.level[rows])


class _Uses(NamedTuple):
    """What a home would use before it is scaled to its annual energy: rates of cycles and powers, (kinds, n) or (n,)."""

    per_week: F64
    standby_kw: F64
    cold_kw: F64
    screens_kw: F64
    light_kw: F64


def _load_kw(chance: Chance, rows: _Rows, quarters: Quarters, dark: F64) -> F64:
    """Load per quarter hour, shape (n, m), warm-up included."""
    bins = presence.own_hour_bin(quarters.local.hour, rows.shift_h)
    size = presence.size_class(rows.persons)
    state = presence.states(chance.stream("people.presence"), rows.owners, size, rows.level, bins, quarters)
    active = state == presence.ACTIVE
    uses = _scaled(_uses(chance, rows), rows, size)
    winter = _winter(quarters.local.day_of_year)
    screens = _screens()[bins] * winter
    steady = uses.screens_kw[:, None] * screens + uses.light_kw[:, None] * dark[None, :]
    base: F64 = uses.standby_kw[:, None] + uses.cold_kw[:, None] * _cold(chance, rows.owners, quarters)
    cycles = _cycles_kw(chance, rows, size, uses.per_week, bins, active, quarters, winter)
    return np.asarray(base + active * steady + cycles)


def _uses(chance: Chance, rows: _Rows) -> _Uses:
    """Ownership, habits and powers of each home, unscaled."""
    given = presence.parameters()
    spread = chance.stream("people.usage")
    couples = rows.persons / 2.0

    def varied(index: int, growth: float) -> F64:
        return np.asarray(np.exp(given["usage_sigma"] * spread.normal(rows.owners, index)) * couples**growth)

    owned = chance.stream("people.appliances")
    per_week = [
        kind["per_week"] * varied(i, kind["growth"]) * (owned.uniform(rows.owners, i) < kind["owned"])
        for i, kind in enumerate(given["cycles"].values())
    ]
    steady = [kind["kw"] * varied(100 + i, kind["growth"]) for i, kind in enumerate(given["steady"].values())]
    return _Uses(np.array(per_week), *steady)


def _scaled(uses: _Uses, rows: _Rows, size: I64) -> _Uses:
    """The same uses, scaled so that the expected energy of a year is the home's."""
    given = presence.parameters()
    screen_h, light_h = (table[size, rows.level] for table in _steady_hours())
    weekly = 168.0 * (uses.standby_kw + uses.cold_kw) + screen_h * uses.screens_kw + light_h * uses.light_kw
    for kind, per_week in zip(given["cycles"].values(), uses.per_week, strict=True):
        weekly = weekly + per_week * (sum(kind["kw"]) * HOURS)
    factor = rows.annual_kwh / (weekly * (365.0 / 7.0))
    return _Uses(*(part * factor for part in uses))


@cache
def _steady_hours() -> tuple[F64, F64]:
    """Expected hours a week of all screens and of all lamps, by size and level, each of shape (3, 3)."""
    week = presence.expected_active() * np.array([5.0, 2.0])[:, None, None, None] * HOURS
    dark_share = presence.parameters()["steady"]["light"]["dark_share"]
    return (week * _screens()).sum(axis=(0, 3)), week.sum(axis=(0, 3)) * dark_share


@cache
def _starting(kind: str) -> tuple[F64, F64]:
    """When people start an appliance, (day kind 2, 96), and the expected sum of it over the active quarters of a week, (3, 3)."""
    given = presence.parameters()["cycles"][kind]
    when = (presence.bells(given["when"], "weight") + given["floor"]) * np.array([1.0, given["free_days"]])[:, None]
    active = presence.expected_active() * np.array([5.0, 2.0])[:, None, None, None]
    return when, (active * when[:, None, None, :]).sum(axis=(0, 3))


def _cycles_kw(
    chance: Chance,
    rows: _Rows,
    size: I64,
    per_week: F64,
    bins: I64,
    active: Bool,
    quarters: Quarters,
    winter: F64,
) -> F64:
    """Power of the cycles that people start while they are active, shape (n, m)."""
    given = presence.parameters()
    free = (~quarters.local.workday).astype(np.int64)
    power = np.zeros(bins.shape)
    words: dict[int, U64] = {}
    for i, (name, kind) in enumerate(given["cycles"].items()):
        when, expected = _starting(name)
        season = 1.0 + kind.get("winter", given["winter_factor"]) / given["winter_factor"] * (winter - 1.0)
        chance_of_start = (per_week[i] / expected[size, rows.level])[:, None] * when[free[None, :], bins] * season
        drawn = _third(chance, rows.owners, quarters, i, words)
        _add_cycles(power, active & (drawn < chance_of_start), kind["kw"])
    return power


def _third(chance: Chance, owners: U64, quarters: Quarters, index: int, words: dict[int, U64]) -> F64:
    """Uniform numbers for the index-th appliance: a third of the 64 bits that it shares with two others, shape (n, m)."""
    word = index // 3
    if word not in words:
        words.clear()
        words[word] = chance.stream(f"people.cycles.{word}").bits(owners[:, None], quarters.number[None, :])
    field = (words[word] >> np.uint64(_FIELD_BITS * (index % 3))) & np.uint64((1 << _FIELD_BITS) - 1)
    return np.asarray(field * (1.0 / (1 << _FIELD_BITS)))


def _add_cycles(power: F64, starts: Bool, kw: Sequence[float]) -> None:
    home, quarter = np.nonzero(starts)
    for later, value in enumerate(kw):
        inside = quarter + later < power.shape[1]
        power[home[inside], quarter[inside] + later] += value  # one start per cell: no index repeats


def _cold(chance: Chance, owners: U64, quarters: Quarters) -> F64:
    """Refrigerators: twice the mean half of the time, each with its own period and phase; shape (n, m), mean 1."""
    low, high = presence.parameters()["steady"]["cold"]["period_h"]
    stream = chance.stream("people.cold")
    period = low + (high - low) * stream.uniform(owners, 0)
    phase = stream.uniform(owners, 1)
    turn = (quarters.number[None, :] * HOURS / period[:, None] + phase[:, None]) % 1.0
    return np.where(turn < 0.5, 2.0, 0.0)


def _screens() -> F64:
    """How many screens run while somebody is active, by quarter of the day, shape (96,)."""
    given = presence.parameters()["steady"]["screens"]
    return np.asarray(given["floor"] + presence.bells(given["when"], "weight"))


def _darkness(ghi_wm2: F64) -> F64:
    """Share of the lamps needed: 1 at night, falling with daylight, shape (m,)."""
    return np.asarray(np.exp(-ghi_wm2 / presence.parameters()["steady"]["light"]["dark_wm2"]))


def _winter(day_of_year: I64) -> F64:
    factor = presence.parameters()["winter_factor"]
    return np.asarray(1.0 + factor * np.cos(2.0 * np.pi * (day_of_year - 15) / 365.25))
