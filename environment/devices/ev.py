"""Electric vehicle at a home charger.

    plugged:  dE/dt = eta_c max(P, 0) + min(P, 0) / eta_d,   -P_discharge <= P <= P_charger,   E <= C
    away:     dE/dt = -P_driven, P = 0

IEC 61851 knows no charging current between nothing and 6 A. A set-point below that (1.38 kW on one phase) is met by pulsing,
so the *mean* over a step may be any value up to the charger's power, and that mean is what the model has. A car that drives its
battery empty charges elsewhere: the energy stops at nothing, and ``account`` shows it as supplied from outside. Charging one
way (V1G) is ``discharge_kw = 0``; with more, a set-point may discharge down to ``min_soc_share`` (V2G). Without a set-point the
car charges at full power when plugged, until its target.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, Bool
from environment.devices import storage
from environment.devices.kind import Account

KIND: str = "ev"
STATE_UNIT: str = "kWh"

MIN_CURRENT_A = 6.0
"""Smallest charging current of IEC 61851-1 [A]; below it a charger pauses."""


class Ratings(NamedTuple):
    """Car and charger, each (n,).

    Attributes:
        capacity_kwh: usable battery energy.
        charger_kw: greatest charging power, of charger, cable and car.
        discharge_kw: greatest discharging power; 0 means one way.
        charge_share: efficiency from the grid into the battery, in (0, 1].
        discharge_share: efficiency back, in (0, 1].
        min_soc_share: V2G stops here.
    """

    capacity_kwh: F64
    charger_kw: F64
    discharge_kw: F64
    charge_share: F64
    discharge_share: F64
    min_soc_share: F64


class State(NamedTuple):
    """Attributes: energy_kwh: energy in the battery, (n,)."""

    energy_kwh: F64


class Inputs(NamedTuple):
    """What the driver does during the step; at most one of plugged and away is true.

    Attributes:
        plugged: connected to the home's charger, (n,) or scalar [0 or 1].
        away: on the road or parked elsewhere, (n,) or scalar [0 or 1].
        driven_kw: mean power taken from the battery while away, (n,) or scalar [kW].
        target_share: state of charge at which charging on its own stops, (n,) or scalar.
    """

    plugged: F64 | float
    away: F64 | float
    driven_kw: F64 | float
    target_share: F64 | float


def min_charging_kw(phases: int, volt: float = 230.0) -> float:
    """Power [kW] at the smallest charging current: what a charger can hold without pulsing."""
    return phases * volt * MIN_CURRENT_A / 1000.0


def feasible_kw(ratings: Ratings, state: State, inputs: Inputs, hours: F64 | float) -> tuple[F64, F64]:
    """Power [kW] between discharging to the lowest state of charge and charging full; nothing when not plugged."""
    empties, fills = _room_kw(ratings, state, hours)
    connected = _connected(inputs)
    low = np.where(connected, np.maximum(empties, -ratings.discharge_kw), 0.0)
    return low, np.where(connected, np.minimum(fills, ratings.charger_kw), 0.0)


def forced(ratings: Ratings, state: State, inputs: Inputs) -> Bool:
    """A charger follows at once."""
    return np.zeros(ratings.capacity_kwh.shape, np.bool_)


def step(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> tuple[State, F64]:
    """Charge (or discharge) at the set-point until full (or low), drive when away."""
    low, high = feasible_kw(ratings, state, inputs, hours)
    power = np.minimum(np.maximum(_asked_kw(ratings, state, setpoint_kw, inputs, hours), low), high)
    gain = storage.stored_kwh(_converter(ratings), power, hours) - _driven_kwh(inputs, hours)
    return State(np.maximum(state.energy_kwh + gain, 0.0)), power


def account(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> Account:
    """Supplied at home, or elsewhere when the battery does not last; stored; used for driving; lost in conversion."""
    after, power = step(ratings, state, setpoint_kw, inputs, hours)
    driven = _driven_kwh(inputs, hours) * np.ones_like(power)
    elsewhere = np.maximum(driven - state.energy_kwh, 0.0)
    charging = np.maximum(power, 0.0) * (1.0 - ratings.charge_share)
    lost = (charging - np.minimum(power, 0.0) * (1.0 / ratings.discharge_share - 1.0)) * hours
    return Account(power * hours + elsewhere, after.energy_kwh - state.energy_kwh, driven, lost)


def implausible(ratings: Ratings) -> dict[str, Bool]:
    """What must not be -> the rows where it is, (n,)."""
    return {
        "capacity_kwh is negative": ratings.capacity_kwh < 0.0,
        "charger_kw is negative": ratings.charger_kw < 0.0,
        "discharge_kw is negative": ratings.discharge_kw < 0.0,
        "charge_share is not in (0, 1]": ~((ratings.charge_share > 0.0) & (ratings.charge_share <= 1.0)),
        "discharge_share is not in (0, 1]": ~((ratings.discharge_share > 0.0) & (ratings.discharge_share <= 1.0)),
        "min_soc_share is not in [0, 1]": ~((ratings.min_soc_share >= 0.0) & (ratings.min_soc_share <= 1.0)),
    }


def state_value(ratings: Ratings, state: State) -> F64:
    """Energy in the battery, (n,) [kWh]."""
    return state.energy_kwh


def examples(rng: np.random.Generator, n: int = 1) -> tuple[Ratings, State, Inputs]:
    """Cars of 40 to 75 kWh at 3.7 to 22 kW chargers, home or away, some of them V2G."""
    capacity = rng.uniform(40.0, 75.0, n)
    charger = rng.choice([3.7, 7.4, 11.0, 22.0], n)
    where = rng.integers(0, 3, n)
    discharge = charger * (rng.uniform(size=n) < 0.3)
    ratings = Ratings(
        capacity, charger, discharge, rng.uniform(0.85, 0.95, n), rng.uniform(0.85, 0.95, n), rng.uniform(0.1, 0.3, n)
    )
    away = np.where(where == 2, 1.0, 0.0)
    inputs = Inputs(np.where(where == 0, 1.0, 0.0), away, away * rng.uniform(0.0, 12.0, n), rng.uniform(0.6, 1.0, n))
    return ratings, State(capacity * np.clip(rng.uniform(-0.1, 1.1, n), 0.0, 1.0)), inputs


def _converter(ratings: Ratings) -> storage.Converter:
    return storage.Converter(ratings.charge_share, ratings.discharge_share)


def _room_kw(ratings: Ratings, state: State, hours: F64 | float) -> tuple[F64, F64]:
    floor = ratings.capacity_kwh * ratings.min_soc_share
    return storage.room_kw(_converter(ratings), state.energy_kwh, floor, ratings.capacity_kwh, hours)


def _connected(inputs: Inputs) -> Bool:
    return np.asarray(inputs.plugged, np.bool_) & ~np.asarray(inputs.away, np.bool_)


def _driven_kwh(inputs: Inputs, hours: F64 | float) -> F64:
    return np.where(np.asarray(inputs.away, np.bool_), inputs.driven_kw, 0.0) * hours


def _asked_kw(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> F64:
    """The set-point, or what charges to the target and no further."""
    missing = np.maximum(ratings.capacity_kwh * inputs.target_share - state.energy_kwh, 0.0)
    own = np.minimum(missing / (ratings.charge_share * hours), ratings.charger_kw)
    return np.where(np.isnan(setpoint_kw), own, setpoint_kw)
