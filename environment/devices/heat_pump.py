"""Heat pump with its building: one resistance, one capacity, a coefficient of performance, an optional backup heater.

    C dT/dt = Q - H (T - T_out) + g                                exact exponential step (``thermal``)
    Q = COP min(P, P_hp) + max(P - P_hp, 0)                        the second term: backup, only below the bivalence point
    COP = f (6.81 - 0.121 d + 0.000630 d^2)                        air source   } d = T_flow - T_source, clipped to [15, 60] K
    COP = f (8.77 - 0.150 d + 0.000734 d^2)                        ground source}
    T_flow = T_flow,0 - s T_out                                    heating curve of the building's emitters

COP: Staffell, Brett, Brandon, Hawkes, "A review of domestic heat pumps", Energy Environ. Sci. 5 (2012) 9291, doi
10.1039/c2ee22653g; conservative for today's units, so a fleet factor f of 1.0 to 1.25 spans to measured ones (hplib). Building
constants: H 0.1 to 0.4 kW/K, C 5 to 20 kWh/K. The compressor modulates, and below its smallest speed it
cycles, so any mean power between nothing and full can be had.

Own control (no set-point): a modulating thermostat that holds the set temperature. A set-point is respected between the comfort bounds;
below the lower one the guard heats with all there is, above the upper one it stops, with exact crossing times.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, Bool
from environment.devices import thermal
from environment.devices.kind import Account

KIND: str = "heat_pump"
STATE_UNIT: str = "degC"

LIFT_K = (15.0, 60.0)
"""Range of the temperature lift over which the regressions hold [K]."""


ABSOLUTE_ZERO_C = -273.15
"""No building is colder than this [degC]."""


class Ratings(NamedTuple):
    """Heat pump and building, each (n,).

    Attributes:
        compressor_kw: greatest electric power of the compressor.
        backup_kw: electric backup heater; 0 for none.
        bivalence_c: outdoor temperature below which the backup may run.
        fleet_factor: factor on the published COP.
        ground_share: 1 for a ground source, 0 for air.
        ground_c: temperature of the ground loop (unused for air).
        flow_c: flow temperature at 0 degC outside.
        flow_slope: rise of the flow temperature per K that it is colder outside.
        capacity_kwh_per_k: heat capacity C of the building.
        loss_kw_per_k: heat loss coefficient H of the building, positive.
    """

    compressor_kw: F64
    backup_kw: F64
    bivalence_c: F64
    fleet_factor: F64
    ground_share: F64
    ground_c: F64
    flow_c: F64
    flow_slope: F64
    capacity_kwh_per_k: F64
    loss_kw_per_k: F64


class State(NamedTuple):
    """Attributes: indoor_c: temperature of the building, (n,) [degC]."""

    indoor_c: F64


class Inputs(NamedTuple):
    """Weather and wishes of the step, each (n,) or scalar.

    Attributes:
        temp_out_c: outdoor air [degC].
        gains_kw: solar and internal gains [kW].
        comfort_low_c: the guard heats below [degC].
        comfort_high_c: the guard stops above [degC], at least ``comfort_low_c``.
        set_c: temperature the thermostat holds without a set-point [degC], cut to the comfort bounds.
    """

    temp_out_c: F64 | float
    gains_kw: F64 | float
    comfort_low_c: F64 | float
    comfort_high_c: F64 | float
    set_c: F64 | float


class _Unit(NamedTuple):
    """The heat pump in this step's weather: its COP, its powers [kW], and the building as a store, each (n,)."""

    cop: F64
    compressor_kw: F64
    full_kw: F64
    store: thermal.Store


def cop_air(lift_k: F64) -> F64:
    """COP of an air source heat pump at a temperature lift [K] (Staffell 2012)."""
    return np.asarray(6.81 + lift_k * (-0.121 + 0.000630 * lift_k))


def cop_ground(lift_k: F64) -> F64:
    """COP of a ground source heat pump at a temperature lift [K] (Staffell 2012)."""
    return np.asarray(8.77 + lift_k * (-0.150 + 0.000734 * lift_k))


def cop(ratings: Ratings, temp_out_c: F64 | float) -> F64:
    """COP at an outdoor temperature, on the heating curve, (n,)."""
    ground = ratings.ground_share > 0.5
    flow = ratings.flow_c - ratings.flow_slope * temp_out_c
    lift = flow - np.where(ground, ratings.ground_c, temp_out_c)
    lift = np.minimum(np.maximum(lift, LIFT_K[0]), LIFT_K[1])
    return np.asarray(ratings.fleet_factor * np.where(ground, cop_ground(lift), cop_air(lift)))


def feasible_kw(ratings: Ratings, state: State, inputs: Inputs, hours: F64 | float) -> tuple[F64, F64]:
    """Constant power [kW] that keeps comfort over the hours; outside of comfort, what least and most power come to."""
    unit = _unit(ratings, inputs)
    low_c, high_c = inputs.comfort_low_c, inputs.comfort_high_c
    low_heat, high_heat = thermal.holdable_kw(unit.store, state.indoor_c, low_c, high_c, hours)
    low, high = _electric_kw(unit, low_heat), _electric_kw(unit, high_heat)
    late = forced(ratings, state, inputs)
    if late.any():
        least, _ = _run(unit, state.indoor_c, np.zeros_like(low), low_c, high_c, hours)
        most, _ = _run(unit, state.indoor_c, unit.full_kw, low_c, high_c, hours)
        return np.where(late, np.minimum(least, most), low), np.where(late, np.maximum(least, most), high)
    return low, high


def forced(ratings: Ratings, state: State, inputs: Inputs) -> Bool:
    """Buildings outside their comfort bounds are led back first."""
    return (state.indoor_c < inputs.comfort_low_c) | (state.indoor_c > inputs.comfort_high_c)


def proportional(ratings: Ratings, inputs: Inputs) -> Bool:
    """False where the backup may run: a house that coasts and then needs its backup takes more than one heated steadily."""
    return (ratings.backup_kw <= 0.0) | (inputs.temp_out_c >= ratings.bivalence_c)


def step(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> tuple[State, F64]:
    """Heat at the set-point between the comfort bounds, or hold the set temperature."""
    unit = _unit(ratings, inputs)
    asked, low, high = _control(unit, state, setpoint_kw, inputs)
    power, path = _run(unit, state.indoor_c, asked, low, high, hours)
    return State(path.end_c), power


def account(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> Account:
    """Electricity, ambient heat and gains supply; the building stores; what leaves through its envelope is lost."""
    unit = _unit(ratings, inputs)
    asked, low, high = _control(unit, state, setpoint_kw, inputs)
    _, path = _run(unit, state.indoor_c, asked, low, high, hours)
    heat_kw = _heat_kw(unit, asked)
    heat = path.guard_kw * path.guard_h + heat_kw * path.set_h + path.hold_kw * path.hold_h
    legs = thermal.legs(unit.store, state.indoor_c, heat_kw, path)
    floor = np.full_like(heat, ABSOLUTE_ZERO_C)
    lost = ratings.loss_kw_per_k * (thermal.degree_hours(unit.store.tau_h, legs, floor) - inputs.temp_out_c * hours)
    stored = ratings.capacity_kwh_per_k * (path.end_c - state.indoor_c)
    return Account(heat + inputs.gains_kw * hours, stored, np.zeros_like(lost), lost)


def implausible(ratings: Ratings) -> dict[str, Bool]:
    """What must not be -> the rows where it is, (n,)."""
    return {
        "compressor_kw is negative": ratings.compressor_kw < 0.0,
        "backup_kw is negative": ratings.backup_kw < 0.0,
        "fleet_factor is not in [0.3, 3]": ~((ratings.fleet_factor >= 0.3) & (ratings.fleet_factor <= 3.0)),
        "capacity_kwh_per_k is not positive": ratings.capacity_kwh_per_k <= 0.0,
        "loss_kw_per_k is not positive": ratings.loss_kw_per_k <= 0.0,
        "loss_kw_per_k is above 20 kW/K (is it in W/K?)": ratings.loss_kw_per_k > 20.0,
    }


def state_value(ratings: Ratings, state: State) -> F64:
    """Indoor temperature, (n,) [degC]."""
    return state.indoor_c


def examples(rng: np.random.Generator, n: int = 1) -> tuple[Ratings, State, Inputs]:
    """Houses from new to old, in any weather, some outside their comfort bounds."""
    loss = rng.uniform(0.08, 0.35, n)
    ground, radiators = rng.uniform(size=n) < 0.3, rng.uniform(size=n) < 0.5
    ratings = Ratings(
        loss * rng.uniform(8.0, 14.0, n), rng.choice([0.0, 3.0, 6.0], n), rng.uniform(-10.0, 0.0, n),
        rng.uniform(1.0, 1.25, n), np.where(ground, 1.0, 0.0), rng.uniform(5.0, 11.0, n), np.where(radiators, 40.0, 30.0),
        np.where(radiators, 1.0, 0.5), rng.uniform(5.0, 20.0, n), loss,
    )  # fmt: skip
    low = rng.uniform(18.0, 20.0, n)
    high = low + rng.uniform(1.0, 4.0, n)
    set_c = low + (high - low) * rng.uniform(0.0, 1.0, n)
    indoor = np.where(rng.uniform(size=n) < 0.7, rng.uniform(low, high), rng.uniform(low - 3.0, high + 3.0))
    inputs = Inputs(rng.uniform(-20.0, 30.0, n), rng.uniform(0.0, 3.0, n), low, high, set_c)
    return ratings, State(indoor), inputs


def _unit(ratings: Ratings, inputs: Inputs) -> _Unit:
    performance = cop(ratings, inputs.temp_out_c)
    backup = np.where(inputs.temp_out_c < ratings.bivalence_c, ratings.backup_kw, 0.0)
    store = thermal.Store(
        ratings.capacity_kwh_per_k / ratings.loss_kw_per_k,
        ratings.loss_kw_per_k,
        inputs.temp_out_c + inputs.gains_kw / ratings.loss_kw_per_k,
        performance * ratings.compressor_kw + backup,
    )
    return _Unit(performance, ratings.compressor_kw, ratings.compressor_kw + backup, store)


def _heat_kw(unit: _Unit, electric_kw: F64) -> F64:
    compressor = np.minimum(electric_kw, unit.compressor_kw)
    return np.asarray(unit.cop * compressor + (electric_kw - compressor))


def _electric_kw(unit: _Unit, heat_kw: F64) -> F64:
    compressor = np.minimum(heat_kw / unit.cop, unit.compressor_kw)
    return np.asarray(compressor + np.maximum(heat_kw - unit.cop * unit.compressor_kw, 0.0))


def _control(unit: _Unit, state: State, setpoint_kw: F64, inputs: Inputs) -> tuple[F64, F64, F64]:
    """Power asked for [kW] and the band [degC] it is asked for in: no width at all for the own thermostat."""
    low, high = inputs.comfort_low_c, inputs.comfort_high_c
    own = np.isnan(setpoint_kw)
    held = np.minimum(np.maximum(inputs.set_c, low), high)
    asked = np.minimum(np.maximum(np.where(own, 0.0, setpoint_kw), 0.0), unit.full_kw)
    return asked, np.where(own, held, low), np.where(own, held, high)


def _run(
    unit: _Unit, indoor_c: F64, asked_kw: F64, low_c: F64 | float, high_c: F64 | float, hours: F64 | float
) -> tuple[F64, thermal.Path]:
    """Mean electric power [kW] and the path of the building."""
    path = thermal.walk(unit.store, indoor_c, _heat_kw(unit, asked_kw), low_c, high_c, hours)
    guard = np.where(path.guard_kw > 0.0, unit.full_kw, 0.0)
    return thermal.mean(path, hours, guard, asked_kw, _electric_kw(unit, path.hold_kw)), path
