"""Retrofitted water heaters as physics: tanks with layers, what changes around them, and what their probes show."""

from dataclasses import dataclass

import numpy as np

import data
from data.arrays import F64, Bool
from environment.calendar import Timeline
from environment.chance import Chance, name_hashes
from environment.devices import device_kind, stratified_heater
from environment.devices.fleet import Fleet
from environment.physics import Installed, Physics
from experiments.assembly.people import COLD_WATER_C, TANK_ABOVE_SET_K, TANK_ROOM_C, People
from experiments.scenario import Scenario

KIND = stratified_heater.KIND


@dataclass(frozen=True)
class Around:
    """What happens around the tanks of all homes, each (homes, steps): heat drawn, heat loss as a multiple, modules without network."""

    draw_kw: F64
    loss_factor: F64
    offline: Bool


def around(scenario: Scenario, people: People, timeline: Timeline, chance: Chance) -> Around:
    """Draws, losses and network of the run, with the changes that the scenario names."""
    assert scenario.heaters is not None
    draw, factor = people.draw_kw.copy(), np.ones((people.n, timeline.n))
    offline = np.zeros((people.n, timeline.n), bool)
    hashes, first = name_hashes(people.names), timeline.index(0)
    per_day = 86_400_000 // timeline.step_ms
    for number, change in enumerate(scenario.heaters.changes):
        rows = np.flatnonzero(chance.stream("heaters.changes").uniform(hashes, number) < change.share)
        begin = first + (change.day - 1) * per_day
        span = slice(begin, min(begin + change.days * per_day, timeline.n))
        draw[rows, span] *= change.needs
        factor[rows, span] *= change.losses
        offline[rows, span] |= change.offline
    return Around(draw, factor, offline)


def tanks(scenario: Scenario, people: People, timeline: Timeline, chance: Chance) -> Installed:
    """The fleet of tanks, at rest at their thermostats."""
    rows = np.flatnonzero(people.owns["water_heater"])
    of = {name: column[rows] for name, column in people.ratings["water_heater"].items()}
    layers = data.read_yaml("profiles", "device_ratings.yaml")["water_heater"]["layers"]
    hashes = name_hashes([people.names[row] for row in rows])

    def between(key: str) -> F64:
        low, high = layers[key]["low"], layers[key]["high"]
        return np.asarray(low + (high - low) * chance.stream(f"heaters.{key}").uniform(hashes))

    ratings = stratified_heater.Ratings(
        of["litres"], between("upper_share"), of["kw"], of["loss_kw_per_k"], between("exchange_kw_per_k"), of["set_c"],
        of["dead_band_k"], of["set_c"] + TANK_ABOVE_SET_K,
    )  # fmt: skip
    begin = of["set_c"] - 0.5 * of["dead_band_k"]
    outside = around(scenario, people, timeline, chance)

    def inputs(step: int) -> stratified_heater.Inputs:
        return stratified_heater.Inputs(
            outside.draw_kw[rows, step], TANK_ROOM_C, COLD_WATER_C, outside.loss_factor[rows, step]
        )

    fleet = Fleet(
        device_kind(KIND),
        [people.names[row] for row in rows],
        ratings,
        stratified_heater.at_rest(begin, begin),
        inputs,
        timeline,
    )
    return Installed(fleet, rows, rows)


@dataclass(frozen=True)
class Probes:
    """What probes, meters and the mode switch of the modules show."""

    people: People
    timeline: Timeline
    chance: Chance
    noise_k: float

    def __call__(self, physics: Physics, step: int) -> dict[str, F64]:
        """Columns over homes at the start of ``step``; energies of the step that ended, NaN where there is no tank."""
        one, before = physics.installed[KIND], step - 1
        state = one.fleet.state
        owners = name_hashes(one.fleet.owners)
        wobble = [self.noise_k * self.chance.stream(f"heaters.probe-{k}").normal(owners, step) for k in (0, 1)]
        upper, lower = state.upper_c + wobble[0], state.lower_c + wobble[1]
        none = np.full(one.fleet.n, np.nan)
        known = before >= physics.first
        kwh = physics.record.power_kw[KIND][:, before - physics.first] * self.timeline.hours if known else none
        household = physics.meters.kw[: self.people.n, before] if known else np.full(self.people.n, np.nan)
        return {
            "probe_mean_c": physics.dense(KIND, 0.5 * (upper + lower)),
            "probe_outlet_c": physics.dense(KIND, upper),
            "heater_kwh": physics.dense(KIND, kwh),
            "household_kw": household.copy(),
            "automatic": physics.dense(KIND, one.fleet.set_points.automatic.astype(np.float64)),
        }
