"""Uncontrollable load (household appliances, light, shops, an MV customer): the power people take, whatever the set-point.

    P = scale * P_input

Sources of the profiles are with the people model; here is nothing but the connection to the grid.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, Bool
from environment.devices.kind import Account

KIND: str = "load"
STATE_UNIT: str = ""


class Ratings(NamedTuple):
    """Attributes: scale: factor on the input's power, for example the peak [kW] of a profile per unit, (n,)."""

    scale: F64


class State(NamedTuple):
    """A load remembers nothing."""


class Inputs(NamedTuple):
    """Attributes: power_kw: net load before scaling, (n,) or scalar [kW]."""

    power_kw: F64 | float


def feasible_kw(ratings: Ratings, state: State, inputs: Inputs, hours: F64 | float) -> tuple[F64, F64]:
    """The power taken, twice: there is no choice."""
    power = ratings.scale * inputs.power_kw
    return power, power


def forced(ratings: Ratings, state: State, inputs: Inputs) -> Bool:
    """Nothing hinders a set-point that equals the power taken."""
    return np.zeros(ratings.scale.shape, np.bool_)


def step(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> tuple[State, F64]:
    """The power taken [kW], (n,)."""
    return state, ratings.scale * inputs.power_kw


def account(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> Account:
    """All that the grid supplies is used."""
    used = ratings.scale * inputs.power_kw * hours
    nothing = np.zeros_like(used)
    return Account(used, nothing, used, nothing)


def implausible(ratings: Ratings) -> dict[str, Bool]:
    """What must not be -> the rows where it is, (n,)."""
    return {"scale is not finite": ~np.isfinite(ratings.scale)}


def state_value(ratings: Ratings, state: State) -> F64:
    """NaN: a load has no state."""
    return np.full(ratings.scale.shape, np.nan)


def examples(rng: np.random.Generator, n: int = 1) -> tuple[Ratings, State, Inputs]:
    """Homes between idle and a 10 kW peak."""
    return Ratings(rng.uniform(0.5, 2.0, n)), State(), Inputs(rng.uniform(0.0, 5.0, n))
