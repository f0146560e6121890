"""Services as prices, surplus, limits and floors: each does what it says, alone and together."""

from itertools import product

import numpy as np
import pytest

from agents.strategies import tank_control, tank_services
from agents.strategies.retrofit import Services
from agents.strategies.tank_model import QUARTERS, WATER_KWH_PER_L_K, TankModel
from agents.strategies.tank_services import PEAK_EUR_PER_KWH, Comfort, Outlook

DAY = np.arange(QUARTERS)
NOON, EVENING, NIGHT = (DAY >= 44) & (DAY < 56), (DAY >= 72) & (DAY < 84), DAY < 24
DEAR, CHEAP, FED_IN = 0.35, 0.15, 0.05


def _model():
    need = np.where((DAY == 30) | (DAY == 86), 1.0, 0.01)[None, :]
    one = np.ones(1)
    return TankModel(one * 100.0 * WATER_KWH_PER_L_K, one * 1.5, one * 1.5e-3, need, 0.0 * need, one, one, one)


def _task(*, self_consumption=False, peak_shaving=False, tariff=False, floor=42.0):
    services = Services(*(np.array([one]) for one in (self_consumption, peak_shaving, tariff)))
    rows = (np.where(NOON, 2.0, 0.0), np.where(EVENING, 0.8, 0.0), np.where(NIGHT, CHEAP, DEAR), np.full(96, FED_IN))
    outlook = Outlook(*(one[None, :] for one in rows))
    return tank_services.task(_model(), services, outlook, DAY, np.full((1, 96), floor), np.array([70.0]), 20.0)


def _kwh(task):
    return tank_control.foresee(_model(), task, tank_control.plan(_model(), task), np.array([45.0]))[1][0]


@pytest.mark.parametrize(("sun", "limit", "prices"), list(product((False, True), repeat=3)))
def test_services_combine_as_the_sum_of_what_each_says(sun, limit, prices):
    task = _task(self_consumption=sun, peak_shaving=limit, tariff=prices)
    buy = np.where(NIGHT, CHEAP, DEAR) if prices else np.full(96, 0.25 * CHEAP + 0.75 * DEAR)
    penalty = np.where(EVENING, 0.8 * PEAK_EUR_PER_KWH, 0.0) if limit else np.zeros(96)
    assert task.dear_eur_per_kwh[0] == pytest.approx(buy + penalty)
    assert task.price_eur_per_kwh[0] == pytest.approx(np.minimum(FED_IN, buy) + penalty)
    assert (task.cheap_kw[0] == (np.where(NOON, 2.0, 0.0) if sun else 0.0)).all()


def test_each_service_moves_the_heat_to_its_hours():
    plain = _kwh(_task())
    assert _kwh(_task(self_consumption=True))[NOON].sum() > plain[NOON].sum() + 1.0
    assert _kwh(_task(tariff=True))[NIGHT].sum() > plain[NIGHT].sum() + 0.3
    assert plain[EVENING].sum() > 0.3
    assert _kwh(_task(peak_shaving=True))[EVENING].sum() == 0.0


def test_surplus_and_crowding_are_those_of_days_and_not_of_a_mean_day():
    base = np.full((1, 4 * QUARTERS), 0.5)
    base[0, 80] = base[0, QUARTERS + 80] = 3.0  # an oven on two evenings of four
    base[0, 50], base[0, QUARTERS + 50] = -2.0, 2.0  # sun on one day, washing on another: no surplus in the mean
    crowded = tank_services.crowded(base, np.array([1.5]), np.array([2.7]), 1e9)
    assert crowded[0, 80] == pytest.approx(0.5)
    assert crowded[0, 50] == pytest.approx(0.25 * 0.8 / 1.5)
    assert crowded[0, 10] == 0.0
    assert tank_services.surplus_kw(base, 1e9)[0, 50] == pytest.approx(0.5)


def test_what_is_not_known_of_a_household_is_neither_surplus_nor_crowd():
    nothing = np.full((1, QUARTERS), np.nan)
    assert (tank_services.surplus_kw(nothing, 7.0) == 0.0).all()
    assert (tank_services.crowded(nothing, np.array([1.5]), np.array([2.7]), 7.0) == 0.0).all()


def test_recent_days_count_more():
    base = np.concatenate([np.full((1, QUARTERS), -1.0), np.full((1, QUARTERS), -3.0)], axis=1)
    old, new = np.exp(-0.5), 1.0
    assert tank_services.surplus_kw(base, 2.0)[0, 0] == pytest.approx((old * 1.0 + new * 3.0) / (old + new))


def test_the_meter_stops_heat_above_the_limit_while_the_water_is_warm():
    on, shaving = np.ones(4, bool), np.array([True, True, True, False])
    services = Services(~shaving, shaving, shaving)
    base, warm = np.array([2.0, 0.5, 2.0, 2.0]), np.array([True, True, False, True])
    kept = tank_services.limited(on, services, base, np.full(4, 1.5), np.full(4, 2.7), warm)
    assert kept.tolist() == [False, True, True, True]
    unknown = tank_services.limited(on, services, np.full(4, np.nan), np.full(4, 1.5), np.full(4, 2.7), warm)
    assert unknown.all()


def test_hygiene_asks_once_for_the_hygiene_temperature_where_it_is_due():
    model = _model()._replace(reserve_kwh=np.where(DAY == 85, 2.0, 0.0)[None, :])
    both = TankModel(*(np.repeat(column, 2, axis=0) for column in model))
    floor = np.full((2, 96), 42.0)
    asked = tank_services.hygiene(floor, both, Comfort(), np.array([True, False]), np.array([70.0, 70.0]), DAY)
    assert (asked[0] >= Comfort().hygiene_c).nonzero()[0].tolist() == [85, 86, 87, 88]
    assert (asked[1] == 42.0).all()
    limited = tank_services.hygiene(floor, both, Comfort(), np.array([True, False]), np.array([60.5, 70.0]), DAY)
    assert limited[0].max() == 60.0  # half a kelvin below the safety thermostat
