"""Comfort under control: no combination of services has more cold draws than the same tanks under their thermostats."""

from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from agents.strategies import tank_control, tank_model, tank_services
from agents.strategies.retrofit import Services
from agents.strategies.tank_model import HOURS, QUARTERS, Learning, Measured
from agents.strategies.tank_services import Comfort, Outlook
from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.devices import stratified_heater as heater
from environment.people import sampling
from environment.people.hot_water import hot_water

HOMES, TRAINED, DAYS, PLANS_EVERY = 40, 14, 5, 24
COMBINATIONS = list(product((False, True), repeat=3))
BEGIN, END = TRAINED * QUARTERS, (TRAINED + DAYS) * QUARTERS
DAY = np.arange(QUARTERS)


def _wide(record, times):
    return type(record)(*(np.tile(column, times) for column in record))


class Town:
    """Two-node tanks for two weeks under thermostats; then for six days under thermostats and under control with every combination."""

    def __init__(self):
        zone = ZoneInfo("Europe/Rome")
        calendar = Calendar(datetime(2016, 1, 4, tzinfo=zone), zone, frozenset())
        names, persons = [f"home-{k:04d}" for k in range(HOMES)], np.arange(HOMES) % 4 + 1
        drawn = sampling.water_heater_ratings(Chance(1), names, persons)
        self.draw_kw = hot_water(Chance(1), names, persons, calendar, Timeline(0, 900_000, END)).kwh / HOURS
        zero = np.zeros(HOMES)
        self.ratings = heater.Ratings(
            drawn["litres"], zero + 0.5, drawn["kw"], drawn["loss_kw_per_k"], zero + 1e-3, drawn["set_c"], drawn["dead_band_k"],
            drawn["set_c"] + 10.0,
        )  # fmt: skip
        state = heater.at_rest(drawn["set_c"], drawn["set_c"])
        self.log = {name: np.full((HOMES, END), np.nan) for name in ("tank", "outlet", "kwh")}
        for step in range(BEGIN):
            state = self.live(step, state, np.full(HOMES, np.nan), self.ratings, self.log)
        self.begun = state
        self.free, self.begun_missing = {name: log.copy() for name, log in self.log.items()}, state.missing_kwh
        for step in range(BEGIN, END):
            state = self.live(step, state, np.full(HOMES, np.nan), self.ratings, self.free)
        self.free_missing = state.missing_kwh - self.begun_missing
        self.controlled()

    def live(self, step, state, setpoint_kw, ratings, log):
        times = len(setpoint_kw) // HOMES
        inputs = heater.Inputs(np.tile(self.draw_kw[:, step], times), 18.0, 12.0, 1.0)
        state, power = heater.step(ratings, state, setpoint_kw, inputs, HOURS)
        log["tank"][:, step], log["outlet"][:, step] = 0.5 * (state.upper_c + state.lower_c), state.upper_c
        log["kwh"][:, step] = power * HOURS
        return state

    def controlled(self):
        """Every combination of services at once: home h with combination c is row c x homes + h."""
        times = len(COMBINATIONS)
        ratings, state = _wide(self.ratings, times), _wide(self.begun, times)
        log = self.under = {name: np.tile(one, (times, 1)) for name, one in self.log.items()}
        services = Services(*(np.repeat([one[k] for one in COMBINATIONS], HOMES) for k in range(3)))
        usual = tank_model.usual_c(log["tank"][:, :BEGIN])
        for step in range(BEGIN, END):
            if step % QUARTERS == 0:
                past = Measured(*(log[name][:, step - BEGIN : step] for name in ("tank", "outlet", "kwh")))
                model = tank_model.learn(ratings.volume_l, ratings.heater_kw, past, Learning())
            if step % PLANS_EVERY == 0:
                policy, first = self.planned(model, services, usual, ratings.max_c, step), step
            on = tank_control.commands(policy, step - first, log["tank"][:, step - 1])
            state = self.live(step, state, np.where(on, ratings.heater_kw, 0.0), ratings, log)
        self.under_missing = (state.missing_kwh - np.tile(self.begun_missing, times)).reshape(times, HOMES)

    @staticmethod
    def planned(model, services, usual_c, ceiling_c, step):
        """Cheap nights, sun at noon, crowded evenings."""
        quarters = (step + DAY) % QUARTERS
        shape = (len(usual_c), QUARTERS)
        when = (np.where((quarters >= 44) & (quarters < 56), 1.0, 0.0), np.where((quarters >= 72) & (quarters < 84), 0.5, 0.0),
                np.where(quarters < 28, 0.2, 0.3), np.full(QUARTERS, 0.08))  # fmt: skip
        outlook = Outlook(*(np.broadcast_to(one, shape) for one in when))
        floor = tank_services.floors(model, Comfort(), usual_c, ceiling_c, quarters)
        return tank_control.plan(
            model, tank_services.task(model, services, outlook, quarters, floor, ceiling_c, Learning().room_c)
        )

    def cold(self, log):
        """Intervals with a draw whose outlet ends below the comfort temperature, a home, (homes,) or (combinations x homes,)."""
        drawn = np.tile(self.draw_kw[:, BEGIN:] > 0.0, (len(log["outlet"]) // HOMES, 1))
        return (drawn & (log["outlet"][:, BEGIN:] < Comfort().least_c)).sum(axis=1)


@pytest.fixture(scope="module")
def town():
    """Lived once for all combinations."""
    return Town()


def test_people_have_cold_water_at_times_under_thermostats(town):
    assert town.cold(town.free).sum() > 50


@pytest.mark.parametrize("number", range(len(COMBINATIONS)))
def test_no_combination_has_more_cold_draws_than_the_thermostats(town, number):
    """By home, as many more as less; what is beyond twice the deviation of such a count is no chance."""
    more = town.cold(town.under).reshape(-1, HOMES)[number] - town.cold(town.free)
    assert more.sum() <= 2.0 * np.sqrt(np.abs(more).sum())
    assert town.under_missing[number].sum() <= 1.05 * town.free_missing.sum()


def test_efficiency_takes_no_more_than_the_thermostats(town):
    stored = town.ratings.volume_l * heater.WATER_KWH_PER_L_K
    used = [
        (
            log["kwh"][:HOMES, BEGIN:].sum(axis=1) - stored * (log["tank"][:HOMES, -1] - log["tank"][:HOMES, BEGIN - 1])
        ).sum()
        for log in (town.under, town.free)
    ]
    assert used[0] <= used[1]
