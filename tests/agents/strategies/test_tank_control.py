"""The best policy of a tank: against every sequence, against the linear relaxation, and the invariants of DOMAIN.md 2.6."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from agents.strategies import tank_control
from agents.strategies.tank_control import Task, commands, foresee, moved, plan
from agents.strategies.tank_model import HOURS, WATER_KWH_PER_L_K, TankModel

DAY = 96


def _model(n=1, litres=100.0, loss=1.5e-3, kw=1.5):
    one, table = np.ones(n), np.zeros((n, DAY))
    return TankModel(one * litres * WATER_KWH_PER_L_K, one * kw, one * loss, table, table, one, one, one)


def _task(steps, price=0.25, need=0.0, floor=40.0, end_c=None, n=1):
    def wide(value):
        return np.array(np.broadcast_to(np.asarray(value, float), (n, steps)))

    floor = wide(floor)
    if end_c is not None:
        floor[:, -1] = np.maximum(floor[:, -1], end_c)
    return Task(wide(price), wide(price), np.zeros((n, steps)), wide(need), floor, np.full(n, 70.0), 20.0)


def _needs():
    need = np.full(DAY, 0.01)
    need[[28, 29, 72, 82, 83]] = (0.7, 0.7, 0.3, 0.7, 0.7)
    return need


def _cost(task, kwh, path, model):
    short = np.maximum(task.floor_c - path, 0.0) * model.capacity_kwh_per_k[:, None]
    return (task.price_eur_per_kwh * kwh).sum() + tank_control.SHORTFALL_EUR_PER_KWH * short.sum()


def test_no_sequence_of_on_and_off_is_better_by_more_than_the_grid():
    model, price = _model(litres=30.0), np.array([0.3, 0.1, 0.3, 0.1, 0.3, 0.3, 0.05, 0.3, 0.3, 0.3])
    task = _task(10, price=price, need=[0.1, 0, 0, 0.3, 0, 0, 0.2, 0, 0.3, 0], end_c=45.0)
    best = np.inf
    for sequence in product((False, True), repeat=10):
        now, kwh, path = np.array([[46.0]]), np.zeros((1, 10)), np.zeros((1, 10))
        for step, on in enumerate(sequence):
            heated, cool = moved(model, task, step, now)
            now = heated.tank_c if on else cool.tank_c
            path[:, step], kwh[:, step] = now[:, 0], heated.kwh[:, 0] * on
        best = min(best, _cost(task, kwh, path, model))
    path, kwh, _ = foresee(model, task, plan(model, task), np.array([46.0]))
    assert best <= _cost(task, kwh, path, model) <= best + 0.02


def test_the_linear_relaxation_is_a_bound_and_near():
    model, task = _model(), _task(DAY, price=np.where(np.arange(DAY) % 96 < 28, 0.15, 0.3), need=_needs(), end_c=55.0)
    keep = np.exp(-model.loss_kw_per_k * HOURS / model.capacity_kwh_per_k)[0]
    gain = ((1 - keep) / model.loss_kw_per_k)[0]
    start, room = 55.0, 20.0
    drift, matrix = np.zeros(DAY), np.zeros((DAY, DAY))
    now = start
    for step in range(DAY):
        now = room + (now - room) * keep - task.need_kwh[0, step] / HOURS * gain
        drift[step] = now
        matrix[step, : step + 1] = gain * 1.5 * keep ** np.arange(step, -1, -1)
    limits = np.concatenate([drift - task.floor_c[0], 70.0 - drift])
    energy = 1.5 * HOURS
    relaxed = linprog(task.price_eur_per_kwh[0] * energy, np.vstack([-matrix, matrix]), limits, bounds=(0, 1))
    path, kwh, _ = foresee(model, task, plan(model, task), np.array([start]))
    assert (
        relaxed.fun - 1e-9 <= _cost(task, kwh, path, model) <= relaxed.fun + energy * 0.3
    )  # a relay knows no half interval
    assert path[0, -1] >= 55.0 - 0.5  # no less is left than there was, but for the grid


def _thermostat(model, task, start, set_c=60.0, band=5.0):
    now, on, kwh = np.array([[start]]), False, 0.0
    for step in range(task.need_kwh.shape[1]):
        on = now[0, 0] < set_c - band or (on and now[0, 0] < set_c)
        heated, cool = moved(model, task, step, now)
        kwh += heated.kwh[0, 0] if on else 0.0
        now = heated.tank_c if on else cool.tank_c
    return kwh, now[0, 0]


def test_at_a_flat_price_it_never_costs_more_than_the_thermostat_that_leaves_as_much():
    model, task = _model(), _task(2 * DAY, need=np.tile(_needs(), 2))
    thermostat, left = _thermostat(model, task, 58.0)
    task = _task(2 * DAY, need=np.tile(_needs(), 2), end_c=left)
    path, kwh, _ = foresee(model, task, plan(model, task), np.array([58.0]))
    lost = thermostat - 2 * _needs().sum() - model.capacity_kwh_per_k[0] * (left - 58.0)
    saved = thermostat - kwh.sum() + model.capacity_kwh_per_k[0] * (path[0, -1] - left)
    assert 0.0 < saved < lost  # the physical bound: control cannot save more than the jacket lost


def test_cost_grows_with_comfort_and_with_need():
    costs = [
        plan(_model(), _task(DAY, need=_needs(), floor=floor)).cost_eur[0, 40] for floor in (40.0, 45.0, 50.0, 55.0)
    ]
    assert costs == sorted(costs)
    assert costs[-1] > costs[0]
    more = plan(_model(), _task(DAY, need=1.2 * _needs(), floor=40.0)).cost_eur[0, 40]
    assert more > costs[0]


def test_a_dear_hour_is_avoided_and_surplus_is_used():
    price = np.where((np.arange(DAY) >= 68) & (np.arange(DAY) < 84), 0.5, 0.2)
    _, kwh, _ = foresee(
        _model(), task := _task(DAY, price=price, need=_needs()), plan(_model(), task), np.array([45.0])
    )
    assert kwh[0, 68:84].sum() == 0.0
    surplus = np.zeros((1, DAY))
    surplus[0, 44:56] = 2.0
    task = _task(DAY, need=_needs(), end_c=50.0)._replace(price_eur_per_kwh=np.full((1, DAY), 0.05), cheap_kw=surplus)
    _, kwh, _ = foresee(_model(), task, plan(_model(), task), np.array([50.0]))
    assert kwh[0, 44:56].sum() > 0.6 * kwh.sum()  # all that the tank holds


def test_the_safety_thermostat_limits_what_is_taken():
    heated, cool = moved(_model(), _task(1), 0, np.array([[69.5, 75.0, 60.0]]))
    assert heated.tank_c[0].tolist() == pytest.approx([70.0, cool.tank_c[0, 1], heated.tank_c[0, 2]])
    assert 0.0 < heated.kwh[0, 0] < 0.375
    assert heated.kwh[0, 1:].tolist() == pytest.approx([0.0, 0.375])


def test_n_homes_are_n_times_one_home_bit_for_bit():
    n = tank_control.BLOCK + 3
    rng = np.random.default_rng(4)
    model = _model(n)._replace(loss_kw_per_k=rng.uniform(1e-3, 2e-3, n))
    task = _task(24, price=rng.uniform(0.1, 0.3, (n, 24)), need=rng.uniform(0, 0.4, (n, 24)), floor=45.0, n=n)
    whole = plan(model, task)
    for row in (0, tank_control.BLOCK - 1, tank_control.BLOCK, n - 1):
        part = slice(row, row + 1)
        single = plan(
            TankModel(*(column[part] for column in model)),
            Task(*(p if isinstance(p, float) else p[part] for p in task)),
        )
        assert (single.on[0] == whole.on[row]).all()
        assert (single.cost_eur[0] == whole.cost_eur[row]).all()


def test_what_cannot_be_on_is_off_beyond_the_grid():
    policy = plan(_model(), task := _task(4, need=0.1))
    assert commands(policy, 0, np.array([5.0])) == commands(policy, 0, np.array([20.0]))
    assert task.need_kwh.shape == (1, 4)
