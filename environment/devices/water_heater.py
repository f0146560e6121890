"""Electric water heater: one well mixed node, an ON/OFF thermostat with dead band.

    C dT/dt = P - UA (T - T_ambient) - q_draw,    C = V * 1.16278e-3 kWh/(l K)     exact exponential step (``thermal``)

``draw_kw`` is the heat that people take above the cold water's temperature, constant within the step. The tank never gets
colder than the cold water that refills it: what cannot be drawn any more is missing in ``account`` and for the people.

Own control (no set-point): a relay that closes at ``set_c - dead_band_k`` and opens at ``set_c``; its position is part of the state and all
its switchings within a step are solved exactly. A set-point drives the element at any mean power (a triac or pulse packets) between
``min_c`` and ``max_c``: below, the guard heats fully whatever the set-point, above it stops. While a set-point acts, the relay stays as
it was.

Standing loss by energy class: S = a + b V^0.4 [W] at 45 K, Regulations (EU) 812/2013 and 814/2013.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, Bool
from environment.devices import thermal
from environment.devices.kind import Account, put, take

KIND: str = "water_heater"
STATE_UNIT: str = "degC"

WATER_KWH_PER_L_K = 4.186 / 3600.0
"""Heat capacity of a litre of water [kWh/K]."""

STANDING_LOSS_W = {
    "A+": (5.5, 3.16),
    "A": (8.5, 4.25),
    "B": (12.0, 5.93),
    "C": (16.66, 8.33),
    "D": (21.0, 10.33),
    "E": (26.0, 13.66),
    "F": (31.0, 16.66),
}
"""Limits a, b of the energy classes; C is the ecodesign ceiling."""

FEW = 2048
"""Up to so many tanks all take both controls and keep one: to part them would take longer. A matter of speed only."""

STANDING_LOSS_K = 45.0
"""Temperature difference at which the standing loss is stated [K] (65 degC in a room of 20 degC)."""


class Ratings(NamedTuple):
    """Each (n,).

    Attributes:
        volume_l: water in the tank.
        heater_kw: electric power of the element.
        loss_kw_per_k: heat loss coefficient UA, positive.
        set_c: the thermostat opens here.
        dead_band_k: it closes this much below, positive.
        min_c: the guard heats below, under ``set_c - dead_band_k`` and above the cold water.
        max_c: the guard stops above, over ``set_c``.
    """

    volume_l: F64
    heater_kw: F64
    loss_kw_per_k: F64
    set_c: F64
    dead_band_k: F64
    min_c: F64
    max_c: F64


class State(NamedTuple):
    """Attributes: tank_c: temperature, (n,) [degC]; relay: 1 closed, 0 open, (n,)."""

    tank_c: F64
    relay: F64


class Inputs(NamedTuple):
    """Each (n,) or scalar.

    Attributes:
        draw_kw: heat drawn above the cold water [kW].
        ambient_c: room of the tank [degC], at least ``cold_c``.
        cold_c: cold water [degC].
    """

    draw_kw: F64 | float
    ambient_c: F64 | float
    cold_c: F64 | float


def standing_loss_w(volume_l: float, energy_class: str) -> float:
    """Upper limit of the standing loss [W] of an energy class (``STANDING_LOSS_W``)."""
    fixed, per_volume = STANDING_LOSS_W[energy_class]
    return float(fixed + per_volume * volume_l**0.4)


def loss_kw_per_k(volume_l: float, energy_class: str) -> float:
    """Heat loss coefficient [kW/K] of a tank that just meets an energy class."""
    return standing_loss_w(volume_l, energy_class) / STANDING_LOSS_K / 1000.0


def feasible_kw(ratings: Ratings, state: State, inputs: Inputs, hours: F64 | float) -> tuple[F64, F64]:
    """Constant power [kW] that keeps the guards' band over the hours; outside, what least and most power come to."""
    store = _store(ratings, inputs)
    low, high = thermal.holdable_kw(store, state.tank_c, ratings.min_c, ratings.max_c, hours)
    late = forced(ratings, state, inputs)
    if late.any():
        least, _ = _driven(ratings, store, state.tank_c, np.zeros_like(low), hours)
        most, _ = _driven(ratings, store, state.tank_c, ratings.heater_kw, hours)
        return np.where(late, least, low), np.where(late, most, high)
    return low, high


def forced(ratings: Ratings, state: State, inputs: Inputs) -> Bool:
    """Tanks outside of the guards' band are led back first."""
    return (state.tank_c < ratings.min_c) | (state.tank_c > ratings.max_c)


def step(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> tuple[State, F64]:
    """Heat at the set-point within the guards, or by the thermostat."""
    own = np.isnan(setpoint_kw)
    if own.all():
        return _thermostat_step(ratings, state, inputs, hours)
    if not own.any():
        return _driven_step(ratings, state, setpoint_kw, inputs, hours)
    if len(own) <= FEW:
        relayed, relayed_kw = _thermostat_step(ratings, state, inputs, hours)
        driven, driven_kw = _driven_step(ratings, state, np.where(own, 0.0, setpoint_kw), inputs, hours)
        after = State(*[np.where(own, one, other) for one, other in zip(relayed, driven, strict=True)])
        return after, np.where(own, relayed_kw, driven_kw)
    after, power = State(np.empty(own.shape), np.empty(own.shape)), np.empty(own.shape)
    for rows in (np.flatnonzero(own), np.flatnonzero(~own)):
        part_hours = hours[rows] if isinstance(hours, np.ndarray) else hours
        part = take(ratings, rows), take(state, rows), setpoint_kw[rows], take(inputs, rows), part_hours
        moved, power[rows] = step(*part)
        put(after, rows, moved)
    return after, power


def account(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> Account:
    """Electricity supplies; the tank stores; people use what they can draw; the jacket loses."""
    store = _store(ratings, inputs)
    after, power = step(ratings, state, setpoint_kw, inputs, hours)
    coldest = np.minimum(inputs.cold_c, state.tank_c)
    area, missing = np.empty_like(power), np.empty_like(power)
    own = np.isnan(setpoint_kw)
    for rows, legs in ((own, _thermostat_legs), (~own, _driven_legs)):
        path = legs(ratings, store, state, setpoint_kw, hours)
        area[rows] = thermal.degree_hours(store.tau_h, path, coldest)[rows]
        missing[rows] = thermal.missing_degree_hours(store.tau_h, path, coldest)[rows]
    stored = ratings.volume_l * WATER_KWH_PER_L_K * (after.tank_c - state.tank_c)
    lost = ratings.loss_kw_per_k * (area - inputs.ambient_c * hours)
    return Account(power * hours, stored, inputs.draw_kw * hours - ratings.loss_kw_per_k * missing, lost)


def implausible(ratings: Ratings) -> dict[str, Bool]:
    """What must not be -> the rows where it is, (n,)."""
    return {
        "volume_l is not positive": ratings.volume_l <= 0.0,
        "heater_kw is negative": ratings.heater_kw < 0.0,
        "loss_kw_per_k is not positive": ratings.loss_kw_per_k <= 0.0,
        "loss_kw_per_k is above 0.1 kW/K (is it in W/K?)": ratings.loss_kw_per_k > 0.1,
        "dead_band_k is not positive": ratings.dead_band_k <= 0.0,
        "min_c is above set_c - dead_band_k": ratings.min_c > ratings.set_c - ratings.dead_band_k,
        "max_c is below set_c": ratings.max_c < ratings.set_c,
    }


def state_value(ratings: Ratings, state: State) -> F64:
    """Tank temperature, (n,) [degC]."""
    return state.tank_c


def examples(rng: np.random.Generator, n: int = 1) -> tuple[Ratings, State, Inputs]:
    """Tanks of 50 to 200 l, mostly idle, some drawn from, some outside of their band."""
    volume = rng.choice([50.0, 80.0, 100.0, 150.0, 200.0], n)
    set_c = rng.uniform(55.0, 65.0, n)
    ratings = Ratings(
        volume, rng.uniform(1.2, 2.4, n), rng.uniform(0.6e-3, 1.9e-3, n), set_c, rng.uniform(3.0, 8.0, n),
        rng.uniform(38.0, 45.0, n), set_c + rng.uniform(1.0, 15.0, n),
    )  # fmt: skip
    tank = np.where(rng.uniform(size=n) < 0.8, rng.uniform(ratings.min_c, ratings.max_c), rng.uniform(12.0, 85.0, n))
    draw = np.where(rng.uniform(size=n) < 0.5, 0.0, rng.uniform(0.0, 8.0, n))
    relay = np.where(rng.uniform(size=n) < 0.5, 1.0, 0.0)
    return ratings, State(tank, relay), Inputs(draw, rng.uniform(12.0, 24.0, n), rng.uniform(6.0, 12.0, n))


def _store(ratings: Ratings, inputs: Inputs) -> thermal.Store:
    loss = ratings.loss_kw_per_k
    tau = ratings.volume_l * (WATER_KWH_PER_L_K / loss)
    return thermal.Store(tau, loss, inputs.ambient_c - inputs.draw_kw / loss, ratings.heater_kw)


def _driven(
    ratings: Ratings, store: thermal.Store, tank_c: F64, asked_kw: F64, hours: F64 | float
) -> tuple[F64, thermal.Path]:
    """Mean power [kW] and path at a set-point between the guards."""
    path = thermal.walk(store, tank_c, asked_kw, ratings.min_c, ratings.max_c, hours)
    return thermal.mean(path, hours, path.guard_kw, asked_kw, path.hold_kw), path


def _thermostat(ratings: Ratings, store: thermal.Store, state: State, hours: F64 | float) -> thermal.Cycling:
    closes = ratings.set_c - ratings.dead_band_k
    return thermal.cycle(store, state.tank_c, state.relay, closes, ratings.set_c, hours)


def _thermostat_step(ratings: Ratings, state: State, inputs: Inputs, hours: F64 | float) -> tuple[State, F64]:
    path = _thermostat(ratings, _store(ratings, inputs), state, hours)
    coldest = np.minimum(inputs.cold_c, state.tank_c)
    return State(np.maximum(path.end_c, coldest), path.relay), ratings.heater_kw * (path.on_h / hours)


def _asked_kw(ratings: Ratings, setpoint_kw: F64) -> F64:
    return np.minimum(np.maximum(setpoint_kw, 0.0), ratings.heater_kw)


def _driven_step(
    ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float
) -> tuple[State, F64]:
    asked = _asked_kw(ratings, setpoint_kw)
    power, path = _driven(ratings, _store(ratings, inputs), state.tank_c, asked, hours)
    coldest = np.minimum(inputs.cold_c, state.tank_c)
    return State(np.maximum(path.end_c, coldest), state.relay), power


def _driven_legs(
    ratings: Ratings, store: thermal.Store, state: State, setpoint_kw: F64, hours: F64 | float
) -> tuple[thermal.Leg, ...]:
    asked = np.nan_to_num(_asked_kw(ratings, setpoint_kw))
    _, path = _driven(ratings, store, state.tank_c, asked, hours)
    return thermal.legs(store, state.tank_c, asked, path)


def _thermostat_legs(
    ratings: Ratings, store: thermal.Store, state: State, setpoint_kw: F64, hours: F64 | float
) -> tuple[thermal.Leg, ...]:
    return _thermostat(ratings, store, state, hours).legs
