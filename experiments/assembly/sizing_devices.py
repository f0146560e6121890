"""Study -> flexible devices: heat pumps, water heaters and cars at its sites, as scenario preparation takes them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from agents.strategies.sizing_devices import Charging, Device, Thermal
from agents.strategies.study_year import StudyYear
from data.arrays import F64
from environment.chance import Chance
from environment.devices.water_heater import loss_kw_per_k
from environment.people.hot_water import WATER_KWH_PER_L_K, hot_water
from experiments.sizing import parts
from experiments.sizing.study import Asset, Member, Study

_ROOM_C = 20.0
"""Around a tank, as in Regulation (EU) 814/2013."""
_TANK_CLASS = "C"


class Control(NamedTuple):
    """What may be installed to control devices of a site.

    Attributes:
        name: of the plant.
        site: where.
        technology: its technology.
        existing: pieces that stand.
        most: pieces that may be added.
    """

    name: str
    site: str
    technology: str
    existing: float
    most: float


def controls(one: Member | Asset) -> Iterator[Control]:
    """The controls of a site."""
    heated: list[tuple[str, parts.Heated | None]] = [("heat-pump-control", one.heat_pump)]
    if isinstance(one, Member):
        heated.append(("water-heater-control", one.water_heater))
    for kind, device in heated:
        if device is not None:
            stands = float(device.controlled)
            yield Control(f"{one.name}/{kind}", one.name, kind, stands, 1.0 - stands)
    if one.charging is not None:
        name = f"{one.name}/charger"
        yield Control(name, one.name, "charger", float(one.charging.existing), float(one.charging.room))


def devices(study: Study, year: StudyYear, chance: Chance) -> tuple[Device, ...]:
    """The devices of a study."""
    draws = _draws(study, year, chance)
    found = []
    for one in study.sites:
        member = one.name if isinstance(one, Member) else ""
        if one.heat_pump is not None:
            heating = _building(one.heat_pump, year.timeline.n)
            found.append(Device(f"{one.name}/heat-pump-control", member, 1, heating))
        if isinstance(one, Member) and one.water_heater is not None:
            found.append(
                Device(f"{one.name}/water-heater-control", member, 1, _tank(one.water_heater, draws[one.name]))
            )
        if one.charging is not None:
            found.append(Device(f"{one.name}/charger", member, one.charging.cars, car(one.charging)))
    return tuple(found)


def car(of: parts.Charging) -> Charging:
    """One of the cars."""
    return Charging(of.socket_kw, of.charger_kw, of.kwh_per_day, of.arrives_h, of.leaves_h)


def _building(of: parts.HeatPump, steps: int) -> Thermal:
    return Thermal(
        of.kw, of.sink_c, of.kwh_per_k, of.loss_kw_per_k, None, of.set_c, of.low_c, of.high_c,
        np.full(steps, of.gains_kw),
    )  # fmt: skip


def _tank(of: parts.WaterHeater, drawn_kw: F64) -> Thermal:
    return Thermal(
        of.kw, of.set_c if of.heat_pump else None, of.litres * WATER_KWH_PER_L_K, loss_kw_per_k(of.litres, _TANK_CLASS), _ROOM_C,
        of.set_c, of.low_c, of.high_c, -drawn_kw,
    )  # fmt: skip


def _draws(study: Study, year: StudyYear, chance: Chance) -> dict[str, F64]:
    """Heat that each member with a water heater draws, its mean day on every day of the year, shape (T,) [kW]."""
    who = [member for member in study.members if member.water_heater is not None]
    if not who:
        return {}
    kwh = hot_water(chance, [one.name for one in who], [one.persons for one in who], year.calendar, year.timeline).kwh
    day = year.on_days(kwh / year.timeline.hours).mean(axis=1)
    hour = np.floor(year.local.hour / year.timeline.hours + 1e-9).astype(np.int64)
    return {one.name: row[hour] for one, row in zip(who, day, strict=True)}
