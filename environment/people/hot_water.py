"""Hot water that homes draw: events by kind for people (synthetic), and the load profiles of the European Union (facts).

A home draws ``litres_at_60_per_person x persons^growth`` a day on average; events of each kind begin at random by the hour of the
day, with an energy that varies. Parameters and sources: data/profiles/hot_water.yaml.
"""

from collections.abc import Mapping, Sequence
from datetime import time
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

import data
from data.arrays import F64, I64, U64
from environment.calendar import Calendar, Timeline
from environment.chance import Chance, name_hashes
from environment.people.presence import bells, own_hour_bin
from environment.people.quarters import Quarters, quarters_for

WATER_KWH_PER_L_K = 1.1628e-3  # 4.186 kJ/(kg K), 1 kg/l
_HOT_C = 60.0
_REFERENCE_COLD_C = 10.0
_FIELD_BITS = 16
_BLOCK = 64


class Draws(NamedTuple):
    """Hot water of each home in each step: thermal energy above the cold water, shape (n, T)."""

    kwh: F64

    @property
    def litres(self) -> F64:
        """The volume of water at 60 degC that carries it, shape (n, T)."""
        return np.asarray(self.kwh / (WATER_KWH_PER_L_K * (_HOT_C - parameters()["cold_c"])))


class EuDraw(NamedTuple):
    """One draw-off of an EU load profile; its useful energy is counted above 10 degC."""

    at: time
    kwh: float
    flow_l_min: float
    useful_c: float
    peak_c: float | None

    @property
    def litres(self) -> float:
        """Volume at the useful (or peak) temperature."""
        temperature = self.useful_c if self.peak_c is None else self.peak_c
        return self.kwh / (WATER_KWH_PER_L_K * (temperature - _REFERENCE_COLD_C))


@cache
def parameters() -> Mapping[str, Any]:
    """The parameters of hot water."""
    content: Mapping[str, Any] = data.read_yaml("profiles", "hot_water.yaml")
    return content


def hot_water(
    chance: Chance,
    names: Sequence[str],
    persons: ArrayLike,
    calendar: Calendar,
    timeline: Timeline,
    shift_h: ArrayLike = 0.0,
) -> Draws:
    """What each home draws in each step.

    Args:
        chance: source of draws, by home and quarter hour.
        names: names of the homes.
        persons: how many live there, (n,).
        calendar: when.
        timeline: steps.
        shift_h: hours by which they live later, (n,).
    """
    owners = name_hashes(names)
    daily = daily_kwh(chance, names, persons)
    shift = np.broadcast_to(np.asarray(shift_h, float), len(owners))
    quarters = quarters_for(calendar, timeline)
    kwh = np.empty((len(owners), timeline.n))
    for start in range(0, len(owners), _BLOCK):
        part = slice(start, start + _BLOCK)
        events = _events_kwh(chance, owners[part], daily[part], shift[part], quarters)
        kwh[part] = quarters.on_timeline(events, timeline) * (timeline.step_ms / 900_000)
    return Draws(kwh)


def daily_kwh(chance: Chance, names: Sequence[str], persons: ArrayLike) -> F64:
    """Expected thermal energy of a day of each home, shape (n,): litres at 60 degC above the cold water."""
    given = parameters()
    low, high = given["litres_at_60_per_person"]
    each = low + (high - low) * chance.stream("hot_water.litres").uniform(name_hashes(names))
    litres = each * np.asarray(persons, float) ** given["growth"]
    return np.asarray(litres * WATER_KWH_PER_L_K * (_HOT_C - given["cold_c"]))


def _events_kwh(chance: Chance, owners: U64, daily: F64, shift_h: F64, quarters: Quarters) -> F64:
    """Energy drawn in each quarter hour, shape (n, m)."""
    bins = own_hour_bin(quarters.local.hour, shift_h)
    index = quarters.number[None, :]
    begins = chance.stream("hot_water.begins").bits(owners[:, None], index)
    size = chance.stream("hot_water.size")
    total = np.zeros(bins.shape)
    for i, kind in enumerate(parameters()["kinds"].values()):
        when = bells(kind["when"], "weight") + kind["floor"]
        probability = (daily * kind["share"] / kind["kwh"])[:, None] * (when / when.sum())[bins]
        field = (begins >> np.uint64(_FIELD_BITS * i)) & np.uint64((1 << _FIELD_BITS) - 1)
        home, quarter = np.nonzero(field * (1.0 / (1 << _FIELD_BITS)) < 1.0 - np.exp(-probability))
        # 1 - exp(-p) events of (p / (1 - exp(-p))) times the energy: several draws within a quarter hour keep the mean
        several = probability[home, quarter] / (1.0 - np.exp(-probability[home, quarter]))
        varied = np.exp(
            kind["sigma"] * size.normal(owners[home], 4 * quarters.number[quarter] + i) - 0.5 * kind["sigma"] ** 2
        )
        total[home, quarter] += kind["kwh"] * several * varied
    return total


@cache
def eu_profile(name: str) -> tuple[EuDraw, ...]:
    """The draws of EU load profile S, M or L over 24 hours.

    Raises:
        ValueError: another name.
    """
    profiles = parameters()["eu_profiles"]
    if name not in profiles or name == "cold_c":
        message = f"no EU load profile {name!r}; there is S, M, L"
        raise ValueError(message)
    return tuple(EuDraw(time.fromisoformat(at), *values) for at, *values in profiles[name]["draws"])


def eu_profile_kwh(name: str, calendar: Calendar, timeline: Timeline) -> F64:
    """The same day of an EU profile on every local day of a timeline, each draw in the step in which it begins, shape (T,)."""
    draws = eu_profile(name)
    out = np.zeros(timeline.n)
    local = calendar.local_columns(np.array([timeline.start_ms, timeline.end_ms - 1])).day
    for day in np.arange(local[0], local[1] + 1).astype("datetime64[D]").tolist():
        steps: I64 = np.array([timeline.index(calendar.on(day, draw.at)) for draw in draws])
        inside = (steps >= 0) & (steps < timeline.n)
        np.add.at(out, steps[inside], np.array([draw.kwh for draw in draws])[inside])
    return out
