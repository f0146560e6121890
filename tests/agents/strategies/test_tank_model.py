"""What is learned of tanks: parameters recovered from measurements alone, and followed when they change."""

from functools import cache

import numpy as np
import pytest

from agents.strategies import tank_model
from agents.strategies.tank_model import QUARTERS, Learning, Measured, learn
from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.devices import stratified_heater as heater
from environment.people import sampling
from environment.people.hot_water import hot_water

N, DAYS = 24, 28
LOSS_ERROR, NEED_ERROR = 0.20, 0.15
"""Errors that are stated for nine tanks in ten: the room is assumed, the layers are unknown, probes err by a tenth of a degree."""


@cache
def _plant():
    """Two-node tanks under their thermostats for four weeks; after two the insulation of some is gone, others draw half as much again."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Rome")
    calendar, timeline = (
        Calendar(datetime(2016, 1, 4, tzinfo=zone), zone, frozenset()),
        Timeline(0, 900_000, DAYS * QUARTERS),
    )
    names, chance, persons = [f"home-{k:04d}" for k in range(N)], Chance(1), np.arange(N) % 4 + 1
    draw = hot_water(chance, names, persons, calendar, timeline).kwh / 0.25
    drawn = sampling.water_heater_ratings(chance, names, persons)
    zero = np.zeros(N)
    ratings = heater.Ratings(
        drawn["litres"], zero + 0.55, drawn["kw"], drawn["loss_kw_per_k"], zero + 1e-3, drawn["set_c"], drawn["dead_band_k"],
        drawn["set_c"] + 10.0,
    )  # fmt: skip
    change = DAYS // 2 * QUARTERS
    draw[N // 2 :, change:] *= 1.5
    factor = np.where(np.arange(N) < N // 2, 1.8, 1.0)
    noise = (
        Chance(2)
        .stream("probe")
        .normal(np.arange(N, dtype=np.uint64)[:, None], np.arange(timeline.n, dtype=np.uint64)[None, :])
    )
    state = heater.at_rest(drawn["set_c"], drawn["set_c"])
    tank, outlet, kwh = (np.empty((N, timeline.n)) for _ in range(3))
    for step in range(timeline.n):
        inputs = heater.Inputs(draw[:, step], 18.0, 12.0, factor if step >= change else 1.0)
        state, power = heater.step(ratings, state, np.full(N, np.nan), inputs, 0.25)
        tank[:, step] = 0.5 * (state.upper_c + state.lower_c) + 0.1 * noise[:, step]
        outlet[:, step] = state.upper_c - 0.1 * noise[:, step]
        kwh[:, step] = power * 0.25
    return ratings, draw, Measured(tank, outlet, kwh)


def _learned(days, first=0, rows=slice(None)):
    ratings, _, measured = _plant()
    part = Measured(*(column[rows, first * QUARTERS : (first + days) * QUARTERS] for column in measured))
    return learn(ratings.volume_l[rows], ratings.heater_kw[rows], part, Learning())


def _within(found, true, error):
    return np.mean(np.abs(found / true - 1.0) <= error)


def test_losses_and_needs_are_recovered_within_the_stated_error():
    ratings, draw, _ = _plant()
    model = _learned(14)
    assert _within(model.loss_kw_per_k, ratings.loss_kw_per_k, LOSS_ERROR) >= 0.9
    true = draw[:, : 14 * QUARTERS].sum(axis=1) * 0.25 / 14
    age = np.exp(-np.arange(13, -1, -1) / 7.0)
    weighted = (draw[:, : 14 * QUARTERS].reshape(N, 14, QUARTERS).sum(axis=2) * 0.25 * age).sum(axis=1) / age.sum()
    assert _within(model.need_kwh.sum(axis=1), weighted, NEED_ERROR) >= 0.9
    assert np.abs(model.need_kwh.sum() / true.sum() - 1.0) < 0.1


def test_the_learner_follows_when_insulation_goes_and_habits_change():
    ratings, _, _ = _plant()
    before, after = _learned(14), _learned(14, first=14)
    bare, busy = slice(0, N // 2), slice(N // 2, N)
    assert np.median(after.loss_kw_per_k[bare] / ratings.loss_kw_per_k[bare]) == pytest.approx(1.8, rel=0.15)
    assert np.median(after.loss_kw_per_k[busy] / ratings.loss_kw_per_k[busy]) == pytest.approx(1.0, rel=0.15)
    assert np.median(after.need_kwh[busy].sum(axis=1) / before.need_kwh[busy].sum(axis=1)) == pytest.approx(
        1.5, rel=0.25
    )


def test_a_tank_without_layers_is_recovered_almost_exactly():
    loss, capacity, room = np.array([1.5e-3]), np.array([100.0]) * tank_model.WATER_KWH_PER_L_K, 20.0
    keep = np.exp(-loss * 0.25 / capacity)
    need = np.where((np.arange(QUARTERS) // 4 == 7) | (np.arange(QUARTERS) // 4 == 20), 0.5, 0.0)
    tank, kwh, now, on = np.empty((1, 14 * QUARTERS)), np.empty((1, 14 * QUARTERS)), np.array([60.0]), False
    for step in range(14 * QUARTERS):
        on = now[0] < 55.0 or (on and now[0] < 60.0)
        power = 1.5 * on
        now = room + (now - room) * keep + (power - need[step % QUARTERS] / 0.25) * (1 - keep) / loss
        tank[:, step], kwh[:, step] = now, power * 0.25
    model = learn(np.array([100.0]), np.array([1.5]), Measured(tank, np.full_like(tank, np.nan), kwh), Learning())
    assert model.loss_kw_per_k == pytest.approx(loss, rel=0.01)
    assert model.need_kwh.sum() == pytest.approx(need.sum(), rel=0.01)
    assert model.need_kwh[0, 30] == pytest.approx(0.5 * 8 / 9, rel=0.02)  # smoothed over its neighbours
    assert model.layering[0] == 1.0


def test_the_reserve_covers_the_largest_draws_that_the_element_cannot_follow():
    model = _learned(14)
    _, draw, _ = _plant()
    hourly = np.add.reduceat(draw[:, : 14 * QUARTERS] * 0.25, np.arange(0, 14 * QUARTERS, 4), axis=1)
    assert (model.reserve_kwh.max(axis=1) >= np.quantile(hourly, 0.97, axis=1) - 0.5).all()
    assert (model.reserve_kwh >= 0.0).all()


def test_layers_are_seen_where_there_are_two_probes():
    model = _learned(14)
    assert 0.4 < np.median(model.layering) < 0.97
    ratings, _, measured = _plant()
    blind = learn(
        ratings.volume_l,
        ratings.heater_kw,
        measured._replace(outlet_c=np.full_like(measured.tank_c, np.nan)),
        Learning(),
    )
    assert (blind.layering == 1.0).all()


def test_n_homes_are_n_times_one_home_bit_for_bit():
    whole = _learned(14)
    for row in (0, 7, N - 1):
        single = _learned(14, rows=slice(row, row + 1))
        assert all((one[row] == other[0]).all() for one, other in zip(whole, single, strict=True))


def test_gaps_in_what_was_received_are_not_taken_for_measurements():
    ratings, _, measured = _plant()
    tank, outlet, kwh = (column[:, : 14 * QUARTERS].copy() for column in measured)
    for column in (tank, outlet, kwh):
        column[:, 5 * QUARTERS : 7 * QUARTERS + 11] = np.nan
    whole, gappy = _learned(14), learn(ratings.volume_l, ratings.heater_kw, Measured(tank, outlet, kwh), Learning())
    assert (gappy.days == whole.days - 2).all()
    assert np.median(np.abs(gappy.need_kwh.sum(axis=1) / whole.need_kwh.sum(axis=1) - 1.0)) < 0.1


def test_of_a_tank_that_said_nothing_the_usual_is_assumed():
    nothing = np.full((1, QUARTERS), np.nan)
    model = learn(np.array([80.0]), np.array([1.5]), Measured(nothing, nothing, nothing), Learning())
    assert model.loss_kw_per_k[0] == Learning().default_loss_kw_per_k
    assert model.days[0] == model.windows[0] == 0.0
    assert model.need_kwh.sum() == 0.0
