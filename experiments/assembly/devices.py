"""People -> fleets behind meters, and what the devices show their homes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from data.arrays import F64, I64
from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.devices import battery, device_kind, ev, heat_pump, mv_plant, pv, stratified_heater, water_heater
from environment.devices.fleet import Fleet
from environment.grid.model import Network
from environment.people import simbench_profiles
from environment.physics import FLEXIBLE, Installed, Physics, Uncontrolled
from environment.weather.pv_yield import pv_available_kw_per_kwp
from environment.weather.records import Weather
from environment.weather.wind_plant import wind_available_kw_per_kw
from experiments.assembly.people import (
    BATTERY_MIN_SHARE,
    COLD_WATER_C,
    FLOW_AT_20_C,
    LV_KV,
    TANK_ABOVE_SET_K,
    TANK_ROOM_C,
    People,
    compressor_kw,
    home_points,
)
from experiments.assembly.tanks import Probes, tanks
from experiments.scenario import Scenario

HOME_KVAR_PER_KW = 0.33
"""Reactive power of household appliances and heat pumps: power factor 0.95 (usual planning value)."""
MIN_TANK_C = 38.0
"""Below this the tank's own guard heats, whatever it was told."""
WIND_SITE = "WP4"
SOLAR = ("PV", "lv_")
"""Beginnings of generator profiles that are solar: plants, and aggregated low-voltage grids."""


@dataclass(frozen=True)
class Meters:
    """Metering points: homes first, then plants, then the other points of the network.

    Attributes:
        names: all metering points.
        bus: bus of each.
        homes: number of homes.
    """

    names: tuple[str, ...]
    bus: I64
    homes: int


def build_meters(scenario: Scenario, people: People, network: Network) -> Meters:
    """All metering points of a scenario."""
    plants = scenario.plants
    loads, generators = other_points(network)
    names = [f"{name}/meter" for name in people.names]
    names += [f"{group.mv_plant.name}/meter" for group in plants]
    names += [f"{network.loads.names[k]}/meter" for k in loads] + [
        f"{network.generators.names[k]}/meter" for k in generators
    ]
    bus = [*people.bus.tolist(), *(network.bus_index(group.mv_plant.bus) for group in plants)]
    bus += [*network.loads.bus[loads].tolist(), *network.generators.bus[generators].tolist()]
    return Meters(tuple(names), np.array(bus, np.int64), people.n)


def other_points(network: Network) -> tuple[I64, I64]:
    """Loads and generators of the network that are not replaced by homes: homes bring their own PV to low voltage."""
    homes = set(home_points(network).tolist())
    loads = np.array([k for k in range(len(network.loads)) if k not in homes], np.int64)
    at_homes = {network.bus_zone[bus] for bus in network.loads.bus[sorted(homes)].tolist()}
    low = network.bus_kv[network.generators.bus] < LV_KV
    zone = np.array([network.bus_zone[bus] in at_homes for bus in network.generators.bus.tolist()], bool)
    return loads, np.flatnonzero(~(low & zone))


def uncontrolled(
    scenario: Scenario, people: People, network: Network, meters: Meters, calendar: Calendar, timeline: Timeline,
    weather: Weather,
) -> Uncontrolled:  # fmt: skip
    """Appliances of the homes, the network's own loads by their measured shapes, its solar plants under the sun of the place."""
    loads, generators = other_points(network)
    kw, kvar = np.zeros((2, len(meters.names) - people.n, timeline.n))
    first = len(kw) - len(loads) - len(generators)
    rows = slice(first, first + len(loads))
    points, factor = network.loads, scenario.grid.load_factor
    kw[rows] = (
        factor * points.p_kw[loads, None] * _shape([points.profile[k] for k in loads], "pload", calendar, timeline)
    )
    kvar[rows] = (
        factor * points.q_kvar[loads, None] * _shape([points.profile[k] for k in loads], "qload", calendar, timeline)
    )
    plants = network.generators
    shape = _shape([plants.profile[k] for k in generators], "pres", calendar, timeline)
    solar = np.array([plants.profile[k].startswith(SOLAR) for k in generators], bool)
    if solar.any():
        shape[solar] = pv_available_kw_per_kwp(scenario.place, calendar, timeline, weather, [30.0], [180.0])[0]
    kw[first + len(loads) :] = -plants.p_kw[generators, None] * shape
    return Uncontrolled(people.load_kw, HOME_KVAR_PER_KW, kw, kvar)


def _shape(profiles: Sequence[str], quantity: str, calendar: Calendar, timeline: Timeline) -> F64:
    """Measured shapes by name; a point without profile runs at its rated power."""
    table = np.ones((len(profiles), timeline.n))
    known = sorted({name for name in profiles if name})
    if known:
        series = simbench_profiles.profiles([f"{name}_{quantity}" for name in known], calendar, timeline)
        by_name = dict(zip(known, series, strict=True))
        for row, name in enumerate(profiles):
            if name:
                table[row] = by_name[name]
    return table


def build_fleets(
    scenario: Scenario, people: People, calendar: Calendar, timeline: Timeline, weather: Weather, chance: Chance
) -> dict[str, Installed]:
    """All fleets, by kind, in the order in which their power is added up."""
    makers: dict[str, Callable[[], Installed]] = {
        "pv": lambda: _pv(people, timeline),
        "battery": lambda: _battery(people, timeline),
        "ev": lambda: _ev(people, timeline),
        "water_heater": lambda: _water_heater(scenario, people, timeline),
        "heat_pump": lambda: _heat_pump(people, timeline, weather),
        "mv_plant": lambda: _plants(scenario, people, calendar, timeline, weather),
    }
    made = {kind: make() for kind, make in makers.items()}
    if scenario.heaters:
        made[stratified_heater.KIND] = tanks(scenario, people, timeline, chance)
    return {kind: one for kind, one in made.items() if one.fleet.n or kind not in ("mv_plant",)}


def _rows(people: People, kind: str) -> tuple[I64, list[str], dict[str, F64]]:
    rows = np.flatnonzero(people.owns[kind])
    ratings = {name: column[rows] for name, column in people.ratings[kind].items() if isinstance(column, np.ndarray)}
    return rows, [people.names[row] for row in rows], ratings


def _installed(fleet: Fleet, rows: I64, kvar_per_kw: float = 0.0) -> Installed:
    return Installed(fleet, rows, rows, kvar_per_kw)


def _pv(people: People, timeline: Timeline) -> Installed:
    rows, names, of = _rows(people, "pv")
    fleet = Fleet(
        device_kind("pv"), names, pv.Ratings(of["kwp"] / of["dc_ac_ratio"]), pv.State(),
        lambda k: pv.Inputs(people.pv_kw[rows, k]), timeline,
    )  # fmt: skip
    return _installed(fleet, rows)


def _battery(people: People, timeline: Timeline) -> Installed:
    rows, names, of = _rows(people, "battery")
    n = len(rows)
    ratings = battery.Ratings(
        of["kwh"],
        of["kw"],
        of["eta_charge"],
        of["eta_discharge"],
        np.full(n, BATTERY_MIN_SHARE),
        np.ones(n),
        np.zeros(n),
    )
    fleet = Fleet(
        device_kind("battery"), names, ratings, battery.State(0.5 * of["kwh"]), lambda _: battery.Inputs(), timeline
    )
    return _installed(fleet, rows)


def _ev(people: People, timeline: Timeline) -> Installed:
    rows, names, of = _rows(people, "ev")
    cars = people.cars
    target = of["target_share"]
    ratings = ev.Ratings(
        of["kwh"], of["charger_kw"], np.zeros(len(rows)), of["efficiency"], of["efficiency"], np.zeros(len(rows))
    )

    def inputs(step: int) -> ev.Inputs:
        gone = cars.away[rows, step].astype(np.float64)
        return ev.Inputs(1.0 - gone, gone, cars.driven_kw[rows, step], target)

    fleet = Fleet(device_kind("ev"), names, ratings, ev.State(target * of["kwh"]), inputs, timeline)
    return _installed(fleet, rows)


def _water_heater(scenario: Scenario, people: People, timeline: Timeline) -> Installed:
    rows, names, of = _rows(people, "water_heater")
    if scenario.heaters:  # tanks that are looked at closely have layers
        rows, names, of = rows[:0], [], {name: column[:0] for name, column in of.items()}
    ratings = water_heater.Ratings(
        of["litres"], of["kw"], of["loss_kw_per_k"], of["set_c"], of["dead_band_k"], np.full(len(rows), MIN_TANK_C),
        of["set_c"] + TANK_ABOVE_SET_K,
    )  # fmt: skip
    state = water_heater.State(of["set_c"] - 0.5 * of["dead_band_k"], np.zeros(len(rows)))
    fleet = Fleet(
        device_kind("water_heater"), names, ratings, state,
        lambda k: water_heater.Inputs(people.draw_kw[rows, k], TANK_ROOM_C, COLD_WATER_C), timeline,
    )  # fmt: skip
    return _installed(fleet, rows)


def _heat_pump(people: People, timeline: Timeline, weather: Weather) -> Installed:
    rows, names, of = _rows(people, "heat_pump")
    building = {name: column[rows] for name, column in people.ratings["building"].items() if name != "era"}
    comfort, width = people.drawn.comfort_c[rows], people.drawn.comfort_width_k[rows]
    n = len(rows)
    ratings = heat_pump.Ratings(
        compressor_kw(people)[rows], of["backup_kw"], np.full(n, -2.0), of["fleet_factor"], np.zeros(n), np.full(n, 10.0),
        of["sink_c"], (of["sink_c"] - FLOW_AT_20_C) / 20.0, building["capacity_kwh_per_k"], building["loss_kw_per_k"],
    )  # fmt: skip
    inner, aperture = building["internal_gains_kw"], building["solar_aperture_m2"]

    def inputs(step: int) -> heat_pump.Inputs:
        gains = inner + aperture * weather.ghi_wm2[step] / 1000.0
        return heat_pump.Inputs(
            weather.temp_c[step], gains, comfort - width - GUARD_K, comfort + width + GUARD_K, comfort
        )

    fleet = Fleet(device_kind("heat_pump"), names, ratings, heat_pump.State(comfort.copy()), inputs, timeline)
    return _installed(fleet, rows, HOME_KVAR_PER_KW)


GUARD_K = 0.5
"""The device's own comfort guard lies this far outside the band that the HEMS keeps."""


def _plants(scenario: Scenario, people: People, calendar: Calendar, timeline: Timeline, weather: Weather) -> Installed:
    plants = [group.mv_plant for group in scenario.plants]
    available = np.zeros((len(plants), timeline.n))
    for row, plant in enumerate(plants):
        if plant.kind == "pv":
            per_kw = pv_available_kw_per_kwp(scenario.place, calendar, timeline, weather, [30.0], [180.0])[0]
        else:
            per_kw = wind_available_kw_per_kw(WIND_SITE, calendar, timeline)
        available[row] = np.minimum(plant.kw * per_kw, plant.kw)
    ratings = mv_plant.Ratings(np.array([plant.kw for plant in plants]), np.full(len(plants), np.inf))
    fleet = Fleet(
        device_kind("mv_plant"), [plant.name for plant in plants], ratings, mv_plant.State(available[:, 0].copy()),
        lambda k: mv_plant.Inputs(available[:, k]), timeline,
    )  # fmt: skip
    number = np.arange(len(plants))
    return Installed(fleet, number, people.n + number)


@dataclass(frozen=True)
class Displays:
    """What the devices show their homes, refreshed at every step."""

    people: People
    timeline: Timeline
    probes: Probes | None = None

    def __call__(self, physics: Physics, step: int) -> dict[str, F64]:
        """Columns of ``Readings`` at the start of ``step``: states now, and means of the step that ended."""
        people, before = self.people, max(step - 1, 0)
        shown = {kind: one.fleet.state for kind, one in physics.installed.items()}
        has_car = people.owns["ev"]
        plugged = np.where(has_car, ~people.cars.away[:, step], np.nan)
        leaves = people.cars.departure_step[:, step].astype(np.float64)
        known = has_car & ~people.cars.away[:, step] & (leaves < self.timeline.n)
        own = self.probes(physics, step) if self.probes else {}
        return own | {
            "load_kw": people.load_kw[:, before].copy(),
            "pv_kw": people.pv_kw[:, before].copy(),
            "draw_kw": np.where(people.owns["water_heater"], people.draw_kw[:, before], 0.0),
            "ev_was_plugged": np.where(has_car, ~people.cars.away[:, before], 1.0),
            "ev_plugged": plugged,
            "ev_departure_step": np.where(known, leaves, np.nan),
            "ev_kwh": physics.dense("ev", shown["ev"].energy_kwh),
            "battery_kwh": physics.dense("battery", shown["battery"].energy_kwh),
            "heater_c": physics.dense("water_heater", shown["water_heater"].tank_c),
            "house_c": physics.dense("heat_pump", shown["heat_pump"].indoor_c),
            "flexible_kw": physics.readings.columns.get("flexible_kw", np.zeros(people.n)),
            "generation_kw": physics.readings.columns.get("generation_kw", np.zeros(people.n)),
            "pv_mean_kw": -self._mean_kw(physics, "pv", before),
            **{f"{kind}_mean_kw": self._mean_kw(physics, kind, before) for kind in FLEXIBLE},
            "plant_kw": physics.readings.columns.get("plant_kw", physics.plants_now_kw()),
        }

    @staticmethod
    def _mean_kw(physics: Physics, kind: str, step: int) -> F64:
        """Mean power of each home's device in a step of the run, NaN where there is none and before."""
        past = step - physics.first
        return (
            physics.dense(kind, physics.record.power_kw[kind][:, past]) if past >= 0 else np.full(physics.homes, np.nan)
        )


def data_notices(scenario: Scenario, network: Network) -> list[str]:
    """Notices of the data that a scenario uses, as their licences ask for."""
    import data
    from environment.weather.sources import data_files

    files = [*data_files(scenario.place)]
    if any(network.loads.profile) or any(network.generators.profile):
        files.append("profiles/simbench_2016.parquet")
    return sorted({text for text in [network.notice, *data.notices(files)] if text})
