from collections.abc import Callable

import numpy as np
import pytest

from agents.strategies.home_view import HomeView, homes

HOURS = 0.25


@pytest.fixture(scope="session")
def population() -> Callable[..., HomeView]:
    """Random homes over a horizon that begins at noon: `population(n, m, seed, **columns)`; columns replace what was drawn."""
    return _population


def _population(n: int, m: int = 96, seed: int = 0, share: float = 0.7, **columns: object) -> HomeView:
    chance = np.random.default_rng(seed)
    hour = (12 + np.arange(m) * HOURS) % 24
    drawn = (
        _tariff(chance, n, m, hour)
        | _battery(chance, n, share)
        | _car(chance, n, m, share)
        | _heat(chance, n, m, hour, share)
    )
    drawn["load_kw"] = 0.2 + np.exp(-(((hour - 20.5) / 1.8) ** 2)) * chance.uniform(0.3, 1.2, (n, 1))
    drawn["load_kw"] = drawn["load_kw"] + chance.gamma(0.5, 0.3, (n, m))
    sun = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0) * chance.uniform(0.6, 1.0, (n, m))
    drawn["pv_kw"] = sun * chance.choice([0.0, 2.0, 4.0], (n, 1))
    drawn["contracted_kw"] = 20.0
    drawn["reservation_eur_per_kwh"] = chance.uniform(0.0, 0.1, n)
    return homes(n, m, HOURS, 0, **(drawn | columns))


def _tariff(chance: np.random.Generator, n: int, m: int, hour: np.ndarray) -> dict[str, object]:
    three = np.where((hour >= 10) & (hour < 14) | (hour >= 18) & (hour < 22), 0.25, np.where(hour < 8, 0.10, 0.16))
    hourly = three * chance.uniform(0.7, 1.3, (n, m))
    buy = np.where(chance.random((n, 1)) < 0.5, three, hourly)
    return {"buy_eur_per_kwh": buy, "sell_eur_per_kwh": np.minimum(0.06, 0.8 * buy)}


def _battery(chance: np.random.Generator, n: int, share: float) -> dict[str, object]:
    capacity = chance.choice([5.0, 10.0], n) * (chance.random(n) < share)
    return {
        "battery_kwh": capacity,
        "battery_kw": 0.4 * capacity,
        "battery_eta_charge": 0.95,
        "battery_eta_discharge": 0.94,
        "battery_soc_kwh": capacity * chance.uniform(0.1, 0.9, n),
        "battery_min_kwh": 0.1 * capacity,
        "battery_max_kwh": 0.95 * capacity,
        "battery_wear_eur_per_kwh": 0.03,
    }


def _car(chance: np.random.Generator, n: int, m: int, share: float) -> dict[str, object]:
    capacity, step = chance.choice([40.0, 60.0], n), np.arange(m)
    arrival, departure = chance.integers(12, 36, (n, 1)), chance.integers(72, 88, (n, 1))
    away = (step < arrival) | (step >= departure)
    return {
        "ev_kw": chance.choice([3.7, 7.4], n) * (chance.random(n) < share),
        "ev_kwh_capacity": capacity,
        "ev_eta_charge": 0.92,
        "ev_kwh": capacity * chance.uniform(0.6, 0.9, n),
        "ev_target_share": chance.choice([0.8, 0.9], n),
        "ev_plugged": ~away,
        "ev_drive_kwh": away * chance.uniform(0.0, 0.3, (n, 1)),
    }


def _heat(chance: np.random.Generator, n: int, m: int, hour: np.ndarray, share: float) -> dict[str, object]:
    loss = chance.uniform(0.1, 0.2, n)
    out = 5 + 3 * np.sin((hour - 9) / 12 * np.pi) + chance.uniform(-2, 2, (n, 1))
    low = np.where((hour >= 6.5) & (hour < 23), 20.0, 18.0) + 0.0 * out
    draws = (np.isin(hour, (7.0, 20.5)) * 0.6 + np.isin(hour, (8.0, 13.0, 21.5)) * 0.3) * chance.uniform(
        0.5, 1.5, (n, 1)
    )
    return {
        "heater_kw": 2.0 * (chance.random(n) < share),
        "heater_kwh_per_k": chance.choice([0.116, 0.174], n),
        "heater_ua_kw_per_k": 0.0015,
        "heater_c": chance.uniform(52.0, 60.0, n),
        "heater_low_c": 45.0,
        "heater_high_c": 70.0,
        "heater_set_c": 60.0,
        "heater_ambient_c": 18.0,
        "heater_draw_kwh": draws,
        "hp_kw": 3.0 * (chance.random(n) < share),
        "hp_cop": 2.5 + 0.08 * out,
        "house_kwh_per_k": loss * chance.uniform(50, 110, n),
        "house_loss_kw_per_k": loss,
        "house_c": chance.uniform(20.2, 21.0, n),
        "house_low_c": low,
        "house_high_c": low + 4.0,
        "house_set_c": low + 1.0,
        "temp_out_c": out,
        "gains_kw": 0.3,
    }
