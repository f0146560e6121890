"""Home battery with its inverter.

    dE/dt = eta_c max(B, 0) + min(B, 0) / eta_d,   P = B + P_standby,   |B| <= P_max,   soc_min C <= E <= soc_max C

E stored energy [kWh], B power at the battery's AC terminals, P what the grid sees. The round trip is ``eta_c eta_d``; for home
systems 0.85 to 0.92. The set-point is the grid-side power, standby included. Without a set-point the battery idles:
self-consumption is a decision of the home's energy management, not of the device.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, Bool
from environment.devices import storage
from environment.devices.kind import Account

KIND: str = "battery"
STATE_UNIT: str = "kWh"


class Ratings(NamedTuple):
    """What was bought, each (n,).

    Attributes:
        capacity_kwh: nominal energy.
        power_kw: greatest AC power, charging and discharging.
        charge_share: efficiency from AC into the cells, in (0, 1].
        discharge_share: efficiency from the cells to AC, in (0, 1].
        min_soc_share: lowest state of charge used.
        max_soc_share: highest state of charge used.
        standby_kw: own consumption of the electronics, always.
    """

    capacity_kwh: F64
    power_kw: F64
    charge_share: F64
    discharge_share: F64
    min_soc_share: F64
    max_soc_share: F64
    standby_kw: F64


class State(NamedTuple):
    """Attributes: energy_kwh: energy in the cells, (n,)."""

    energy_kwh: F64


class Inputs(NamedTuple):
    """Nothing outside acts on a battery."""


def feasible_kw(ratings: Ratings, state: State, inputs: Inputs, hours: F64 | float) -> tuple[F64, F64]:
    """Grid-side power [kW] that power rating and energy allow, standby included."""
    empties, fills = _room_kw(ratings, state, hours)
    low = np.maximum(empties, -ratings.power_kw) + ratings.standby_kw
    return low, np.minimum(fills, ratings.power_kw) + ratings.standby_kw


def forced(ratings: Ratings, state: State, inputs: Inputs) -> Bool:
    """An inverter follows at once."""
    return np.zeros(ratings.capacity_kwh.shape, np.bool_)


def step(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> tuple[State, F64]:
    """Charge or discharge at the set-point until full or empty, then idle."""
    power = _terminal_kw(ratings, state, setpoint_kw, hours)
    gain = storage.stored_kwh(_converter(ratings), power, hours)
    return State(state.energy_kwh + gain), power + ratings.standby_kw


def account(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> Account:
    """Supplied by the grid (negative when it discharges), stored, and lost in conversion and standby."""
    power = _terminal_kw(ratings, state, setpoint_kw, hours)
    after, grid_kw = step(ratings, state, setpoint_kw, inputs, hours)
    charging = np.maximum(power, 0.0) * (1.0 - ratings.charge_share)
    discharging = -np.minimum(power, 0.0) * (1.0 / ratings.discharge_share - 1.0)
    lost = (charging + discharging + ratings.standby_kw) * hours
    return Account(grid_kw * hours, after.energy_kwh - state.energy_kwh, np.zeros_like(lost), lost)


def implausible(ratings: Ratings) -> dict[str, Bool]:
    """What must not be -> the rows where it is, (n,)."""
    low, high = ratings.min_soc_share, ratings.max_soc_share
    return {
        "capacity_kwh is negative": ratings.capacity_kwh < 0.0,
        "power_kw is negative": ratings.power_kw < 0.0,
        "charge_share is not in (0, 1]": ~((ratings.charge_share > 0.0) & (ratings.charge_share <= 1.0)),
        "discharge_share is not in (0, 1]": ~((ratings.discharge_share > 0.0) & (ratings.discharge_share <= 1.0)),
        "0 <= min_soc_share <= max_soc_share <= 1 does not hold": ~((low >= 0.0) & (low <= high) & (high <= 1.0)),
        "standby_kw is negative": ratings.standby_kw < 0.0,
    }


def state_value(ratings: Ratings, state: State) -> F64:
    """Energy in the cells, (n,) [kWh]."""
    return state.energy_kwh


def examples(rng: np.random.Generator, n: int = 1) -> tuple[Ratings, State, Inputs]:
    """Home batteries of 3 to 20 kWh at any state of charge, bounds included."""
    capacity = rng.uniform(3.0, 20.0, n)
    low, high = rng.uniform(0.0, 0.2, n), rng.uniform(0.8, 1.0, n)
    soc = np.clip(rng.uniform(low - 0.2, high + 0.2), low, high)
    ratings = Ratings(
        capacity, capacity * rng.uniform(0.3, 1.0, n), rng.uniform(0.9, 1.0, n), rng.uniform(0.9, 1.0, n), low, high,
        rng.uniform(0.0, 0.03, n),
    )  # fmt: skip
    return ratings, State(capacity * soc), Inputs()


def _converter(ratings: Ratings) -> storage.Converter:
    return storage.Converter(ratings.charge_share, ratings.discharge_share)


def _room_kw(ratings: Ratings, state: State, hours: F64 | float) -> tuple[F64, F64]:
    floor, ceiling = ratings.capacity_kwh * ratings.min_soc_share, ratings.capacity_kwh * ratings.max_soc_share
    return storage.room_kw(_converter(ratings), state.energy_kwh, floor, ceiling, hours)


def _terminal_kw(ratings: Ratings, state: State, setpoint_kw: F64, hours: F64 | float) -> F64:
    """Mean power at the battery's terminals; a NaN set-point asks for standby only, that is nothing there."""
    empties, fills = _room_kw(ratings, state, hours)
    asked = np.where(np.isnan(setpoint_kw), 0.0, setpoint_kw - ratings.standby_kw)
    asked = np.minimum(np.maximum(asked, -ratings.power_kw), ratings.power_kw)
    return np.minimum(np.maximum(asked, empties), fills)
