"""Water heaters of a town: two-node tanks for days, learned every day, planned every few hours, switched every quarter of an hour."""

import time
from typing import Any, NamedTuple

import numpy as np

from agents.strategies import tank_control, tank_model, tank_services
from agents.strategies.retrofit import Services
from agents.strategies.tank_model import HOURS, QUARTERS, Learning, Measured
from agents.strategies.tank_services import Comfort, Outlook
from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.devices import stratified_heater
from environment.devices.fleet import BLOCK
from environment.devices.kind import put, take
from environment.people import sampling
from environment.people.hot_water import hot_water

ROOM_C, COLD_C = 18.0, 12.0
PLANS_EVERY = 24
"""Intervals between two optimisations: six hours."""


class Week(NamedTuple):
    """Seconds of processor time by what was done, and how many water heaters and days."""

    heaters: int
    days: int
    physics_s: float
    learning_s: float
    planning_s: float
    commands_s: float

    @property
    def control_s(self) -> float:
        """All of it."""
        return self.physics_s + self.learning_s + self.planning_s + self.commands_s


def controlled_days(heaters: int, days: int = 7, training_days: int = 2) -> Week:
    """Control a town's water heaters for some days, after a training under their thermostats that is not counted.

    Args:
        heaters: how many.
        days: of control.
        training_days: before.
    """
    from datetime import datetime
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Rome")
    total = training_days + days
    calendar, timeline = (
        Calendar(datetime(2016, 1, 11, tzinfo=zone), zone, frozenset()),
        Timeline(0, 900_000, total * QUARTERS),
    )
    names, chance = [f"home-{k:06d}" for k in range(heaters)], Chance(1)
    persons = np.arange(heaters) % 4 + 1
    draw = hot_water(chance, names, persons, calendar, timeline).kwh / HOURS
    drawn = sampling.water_heater_ratings(chance, names, persons)
    zero = np.zeros(heaters)
    ratings = stratified_heater.Ratings(
        drawn["litres"], zero + 0.5, drawn["kw"], drawn["loss_kw_per_k"], zero + 1e-3, drawn["set_c"], drawn["dead_band_k"],
        drawn["set_c"] + 10.0,
    )  # fmt: skip
    state = stratified_heater.at_rest(drawn["set_c"], drawn["set_c"])
    tank, outlet, kwh = (np.full((heaters, timeline.n), np.nan) for _ in range(3))
    services = Services(*(np.arange(heaters) % k == 0 for k in (2, 3, 4)))
    seconds = dict.fromkeys(("physics", "learning", "planning", "commands"), 0.0)
    usual = np.full(heaters, 60.0)
    for step in range(timeline.n):
        setpoint = np.full(heaters, np.nan)
        if step >= training_days * QUARTERS:
            begun = time.process_time()
            if step % QUARTERS == 0:
                past = Measured(tank[:, :step], outlet[:, :step], kwh[:, :step])
                model = tank_model.learn(ratings.volume_l, ratings.heater_kw, past, Learning())
                usual = usual if step > training_days * QUARTERS else tank_model.usual_c(tank[:, :step])
                seconds["learning"] += time.process_time() - begun
                begun = time.process_time()
            if step % PLANS_EVERY == 0:
                policy, first = _planned(model, services, usual, ratings.max_c, step), step
                seconds["planning"] += time.process_time() - begun
                begun = time.process_time()
            on = tank_control.commands(policy, step - first, tank[:, step - 1])
            setpoint = np.where(on, ratings.heater_kw, 0.0)
            seconds["commands"] += time.process_time() - begun
        begun = time.process_time()
        state, power = _step(ratings, state, setpoint, draw[:, step])
        if step >= training_days * QUARTERS:
            seconds["physics"] += time.process_time() - begun
        tank[:, step] = 0.5 * (state.upper_c + state.lower_c)
        outlet[:, step], kwh[:, step] = state.upper_c, power * HOURS
    return Week(heaters, days, seconds["physics"], seconds["learning"], seconds["planning"], seconds["commands"])


def _planned(model: Any, services: Services, usual_c: Any, ceiling_c: Any, step: int) -> tank_control.Policy:
    n = len(usual_c)
    quarters = (step + np.arange(QUARTERS)) % QUARTERS
    floor = tank_services.floors(model, Comfort(), usual_c, ceiling_c, quarters)
    price = np.broadcast_to(np.where(quarters < 28, 0.2, 0.3), (n, QUARTERS))
    noon, evening = abs(quarters - 50) < 12, abs(quarters - 80) < 8
    surplus, crowded = (np.broadcast_to(np.where(when, 1.0, 0.0), (n, QUARTERS)) for when in (noon, evening))
    outlook = Outlook(surplus, crowded, price, np.full((n, QUARTERS), 0.08))
    task = tank_services.task(model, services, outlook, quarters, floor, ceiling_c, 20.0)
    return tank_control.plan(model, task)


def _step(ratings: Any, state: Any, setpoint: Any, draw: Any) -> tuple[Any, Any]:
    """A step in blocks, as a fleet does it."""
    after, power = type(state)(*map(np.empty_like, state)), np.empty(len(draw))
    for start in range(0, len(draw), BLOCK):
        rows = slice(start, start + BLOCK)
        inputs = stratified_heater.Inputs(draw[rows], ROOM_C, COLD_C, 1.0)
        part, power[rows] = stratified_heater.step(
            take(ratings, rows), take(state, rows), setpoint[rows], inputs, HOURS
        )
        put(after, rows, part)
    return after, power
