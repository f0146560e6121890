"""What a device kind is: three records of columns and a handful of pure functions, gathered in one module.

A kind is a module. Its ``Ratings`` (what was bought), ``State`` (what is remembered) and ``Inputs`` (what people and weather do
during one step) are NamedTuples of columns of shape (n,), one row per owner; a field of ``Inputs`` may also be a scalar that
holds for all. Nothing in a kind loops over owners or sums over them, so a fleet of n is n fleets of one, bit for bit.

Within a step the inputs are constant. A set-point is respected *in continuous time*: the device runs at it until a bound is
met and then holds the bound, by exact solutions, so that cutting a step anywhere changes no energy.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from data.arrays import F64, Bool

Record = TypeVar("Record", bound=Iterable[Any])

TICK_H = 1.0 / 3_600_000.0
"""The resolution of the clock, one millisecond, in hours."""


class Account(NamedTuple):
    """Where the energy of a step went, each (n,) [kWh]: ``supplied = stored + used + lost``.

    Attributes:
        supplied_kwh: from the grid, plus what the device takes from its surroundings (sun, ambient heat, gains).
        stored_kwh: increase of what the device holds.
        used_kwh: what people got out of it, or what it gave to its purpose.
        lost_kwh: conversion and standing losses.
    """

    supplied_kwh: F64
    stored_kwh: F64
    used_kwh: F64
    lost_kwh: F64


class DeviceKind(Protocol):
    """The functions every kind offers. Shapes: columns (n,), ``hours`` a float or (n,), always positive.

    A kind whose efficiency falls with its power (a heat pump with a backup heater) also offers ``proportional(ratings, inputs)``,
    false where heating later may take more energy than heating now, so that asking for less may take more.
    """

    KIND: str
    STATE_UNIT: str

    @property
    def Ratings(self) -> Any:  # noqa: N802 (it is a class)
        """The NamedTuple of what was bought."""

    @property
    def State(self) -> Any:  # noqa: N802
        """The NamedTuple of what is remembered."""

    @property
    def Inputs(self) -> Any:  # noqa: N802
        """The NamedTuple of what people and weather do during a step."""

    def feasible_kw(self, ratings: Any, state: Any, inputs: Any, hours: Any) -> tuple[F64, F64]:
        """Lowest and highest mean grid-side power [kW] reachable over the next hours.

        Where ``forced`` is false, each set-point between them is held exactly for the whole time.
        """

    def forced(self, ratings: Any, state: Any, inputs: Any) -> Bool:
        """Rows where a guard or a ramp acts first: their set-point is met late, but the mean stays within feasible_kw."""

    def step(self, ratings: Any, state: Any, setpoint_kw: F64, inputs: Any, hours: Any) -> tuple[Any, F64]:
        """State after the hours and mean power [kW] over them; a NaN set-point leaves the device to its own control."""

    def account(self, ratings: Any, state: Any, setpoint_kw: F64, inputs: Any, hours: Any) -> Account:
        """Where the energy of that step goes."""

    def implausible(self, ratings: Any) -> dict[str, Bool]:
        """What ratings must not be, in words -> the rows where they are, (n,); a fleet refuses them."""

    def state_value(self, ratings: Any, state: Any) -> F64:
        """What a results table shows as the state, in ``STATE_UNIT``; NaN where there is none."""

    def examples(self, rng: np.random.Generator, n: int = 1) -> tuple[Any, Any, Any]:
        """Plausible ratings, state and inputs of n devices, for tests and benchmarks."""


def take(record: Record, rows: Any) -> Record:
    """The rows of a record of columns; scalars stay."""
    return type(record)(*[a[rows] if isinstance(a, np.ndarray) and a.ndim else a for a in record])


def put(record: Iterable[Any], rows: Any, values: Iterable[Any]) -> None:
    """Write rows of a record of columns in place."""
    for column, new in zip(record, values, strict=True):
        column[rows] = new
