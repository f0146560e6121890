"""Photovoltaic generator behind an inverter.

    P = max(set-point, -min(P_available, P_inverter)),  P <= 0         (net load: generation is negative)

``available_kw`` is the AC power that weather and modules allow (computed with pvlib by the weather side); a set-point is a net-load
power in [-available, 0] and curtails; without one the maximum power point is followed. An inverter follows a set-point within
seconds, which is instant here.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, Bool
from environment.devices.kind import Account

KIND: str = "pv"
STATE_UNIT: str = ""


class Ratings(NamedTuple):
    """Attributes: inverter_kw: greatest AC power, (n,) [kW]."""

    inverter_kw: F64


class State(NamedTuple):
    """A generator remembers nothing."""


class Inputs(NamedTuple):
    """Attributes: available_kw: AC power at the maximum power point, not negative, (n,) or scalar [kW]."""

    available_kw: F64 | float


def feasible_kw(ratings: Ratings, state: State, inputs: Inputs, hours: F64 | float) -> tuple[F64, F64]:
    """All that the sun gives (negative) up to nothing."""
    most = np.minimum(inputs.available_kw, ratings.inverter_kw)
    return -most, np.zeros_like(most)


def forced(ratings: Ratings, state: State, inputs: Inputs) -> Bool:
    """An inverter follows at once."""
    return np.zeros(ratings.inverter_kw.shape, np.bool_)


def step(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> tuple[State, F64]:
    """Net load [kW], (n,): what is available, or as much of it as is asked for."""
    most = np.minimum(inputs.available_kw, ratings.inverter_kw)
    asked = np.where(np.isnan(setpoint_kw), -most, setpoint_kw)
    return state, np.minimum(np.maximum(asked, -most), 0.0)


def account(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> Account:
    """The sun supplies what is available; the grid gets (uses) the injection, the rest is lost by curtailment."""
    available = inputs.available_kw * np.ones_like(ratings.inverter_kw) * hours
    injected = -step(ratings, state, setpoint_kw, inputs, hours)[1] * hours
    return Account(available, np.zeros_like(available), injected, available - injected)


def implausible(ratings: Ratings) -> dict[str, Bool]:
    """What must not be -> the rows where it is, (n,)."""
    return {"inverter_kw is negative or not finite": ~((ratings.inverter_kw >= 0.0) & np.isfinite(ratings.inverter_kw))}


def state_value(ratings: Ratings, state: State) -> F64:
    """NaN: a generator has no state."""
    return np.full(ratings.inverter_kw.shape, np.nan)


def examples(rng: np.random.Generator, n: int = 1) -> tuple[Ratings, State, Inputs]:
    """Roofs of 1 to 10 kW between night and noon; some arrays are bigger than their inverters."""
    rated = rng.uniform(1.0, 10.0, n)
    return Ratings(rated), State(), Inputs(rated * np.maximum(rng.uniform(-0.3, 1.2, n), 0.0))
