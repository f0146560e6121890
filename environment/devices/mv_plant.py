"""PV or wind plant at medium voltage, with an optional limit on how fast its control may change the output.

    dG/dt = +-r until G = G*,   G* = min(P_available, -set-point),   P = -G         (net load: generation is negative)

``ramp_kw_per_h`` limits what the plant's control does, up and down; a lull or a cloud needs no leave, so output falls with the
available power at once. Infinite (the usual case) means that set-points act at once. Output moves linearly to its target
and stays, so means are exact. Without a set-point the plant delivers what is available.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, Bool
from environment.devices.kind import Account

KIND: str = "mv_plant"
STATE_UNIT: str = ""


class Ratings(NamedTuple):
    """Each (n,).

    Attributes:
        capacity_kw: greatest output at the connection point.
        ramp_kw_per_h: greatest change of output by control, positive; infinite where there is no limit.
    """

    capacity_kw: F64
    ramp_kw_per_h: F64


class State(NamedTuple):
    """Attributes: generation_kw: output now, (n,) [kW], not negative."""

    generation_kw: F64


class Inputs(NamedTuple):
    """Attributes: available_kw: output that wind or sun allow, not negative, (n,) or scalar [kW]."""

    available_kw: F64 | float


def feasible_kw(ratings: Ratings, state: State, inputs: Inputs, hours: F64 | float) -> tuple[F64, F64]:
    """Mean net load [kW] when ramping up to all that is available, and when ramping down to nothing."""
    most = _available_kw(ratings, inputs)
    start = np.minimum(state.generation_kw, most)
    highest, lowest = _ramp(ratings, start, most, hours), _ramp(ratings, start, np.zeros_like(most), hours)
    return -highest[1], -lowest[1]


def forced(ratings: Ratings, state: State, inputs: Inputs) -> Bool:
    """Plants with a ramp limit meet their set-point late."""
    return np.isfinite(ratings.ramp_kw_per_h)


def step(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> tuple[State, F64]:
    """Move towards the set-point, or to all that is available, within the ramp."""
    most = _available_kw(ratings, inputs)
    asked = np.where(np.isnan(setpoint_kw), most, -setpoint_kw)
    target = np.maximum(np.minimum(asked, most), 0.0)
    end, mean = _ramp(ratings, np.minimum(state.generation_kw, most), target, hours)
    return State(end), -mean


def account(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> Account:
    """Wind or sun supply what is available; the grid gets (uses) the injection, the rest is lost by curtailment."""
    available = inputs.available_kw * np.ones_like(ratings.capacity_kw) * hours
    injected = -step(ratings, state, setpoint_kw, inputs, hours)[1] * hours
    return Account(available, np.zeros_like(available), injected, available - injected)


def implausible(ratings: Ratings) -> dict[str, Bool]:
    """What must not be -> the rows where it is, (n,)."""
    return {
        "capacity_kw is negative or not finite": ~((ratings.capacity_kw >= 0.0) & np.isfinite(ratings.capacity_kw)),
        "ramp_kw_per_h is not positive (infinite: no limit)": ratings.ramp_kw_per_h <= 0.0,
    }


def state_value(ratings: Ratings, state: State) -> F64:
    """NaN: a plant stores nothing, and its output is its power."""
    return np.full(ratings.capacity_kw.shape, np.nan)


def examples(rng: np.random.Generator, n: int = 1) -> tuple[Ratings, State, Inputs]:
    """Plants of 0.2 to 5 MW, half of them with a ramp limit of 2 to 20 times their capacity per hour."""
    capacity = rng.uniform(200.0, 5000.0, n)
    ramp = np.where(rng.uniform(size=n) < 0.5, capacity * rng.uniform(2.0, 20.0, n), np.inf)
    available = capacity * rng.uniform(0.0, 1.1, n)
    generation = np.minimum(available, capacity) * np.clip(rng.uniform(-0.2, 1.2, n), 0.0, 1.0)
    return Ratings(capacity, ramp), State(generation), Inputs(available)


def _available_kw(ratings: Ratings, inputs: Inputs) -> F64:
    return np.minimum(inputs.available_kw, ratings.capacity_kw)


def _ramp(ratings: Ratings, start_kw: F64, target_kw: F64, hours: F64 | float) -> tuple[F64, F64]:
    """Output at the end and its mean [kW]."""
    reach = ratings.ramp_kw_per_h * hours
    end = start_kw + np.minimum(np.maximum(target_kw - start_kw, -reach), reach)
    moving_share = np.minimum(np.abs(target_kw - start_kw) / reach, 1.0)
    return end, end - 0.5 * (end - start_kw) * moving_share
