"""Within a quarter of an hour: which devices of a home give way when its power comes too high, or take what it would feed in.

Devices are asked in the order of how well they can wait (car, tank, battery, heat pump); each gives at most what its limits leave for the
rest of the quarter. Arrays are over kinds and homes, (4, n); row i of a result depends on row i alone. Not quantified by SUC13.1
("the more manageable devices"); the order is ours.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, Bool

ORDER = (0, 2, 1, 3)
"""Places of the kinds (ev, battery, water heater, heat pump), the most manageable first."""


class Room(NamedTuple):
    """Range of power of each device for the rest of the quarter, (4, n) [kW]; where it may not be moved both are its power."""

    least_kw: F64
    most_kw: F64


class Moved(NamedTuple):
    """New powers of the devices, (4, n), and what could not be moved, (n,) [kW]."""

    power_kw: F64
    left_kw: F64


def room(
    power_kw: F64,
    rated_kw: F64,
    manageable: Bool,
    battery: tuple[F64, F64, F64],
    states: F64,
    limits: F64,
    hours: float,
) -> Room:
    """How far each device may be moved.

    Args:
        power_kw: present power, (4, n).
        rated_kw: rated power, (4, n).
        manageable: devices that follow orders, (4, n).
        battery: stored energy, least and greatest [kWh], (n,) each.
        states: energy of the car [kWh], of the battery [kWh], temperature of tank and rooms [degC], (4, n).
        limits: lower and upper limit of the states, (2, 4, n).
        hours: rest of the quarter [h].
    """
    soc, least_kwh, most_kwh = battery
    low, high = limits
    least = np.zeros_like(power_kw)
    least[1] = -np.minimum(rated_kw[1], np.maximum(soc - least_kwh, 0.0) / hours)
    most = rated_kw.copy()
    most[1] = np.minimum(rated_kw[1], np.maximum(most_kwh - soc, 0.0) / hours)
    most[0] = np.minimum(rated_kw[0], np.maximum(high[0] - states[0], 0.0) / hours)
    for kind in (2, 3):
        least[kind] = np.where(states[kind] > low[kind], 0.0, power_kw[kind])
        most[kind] = np.where(states[kind] < high[kind], rated_kw[kind], power_kw[kind])
    free = manageable & (rated_kw > 0.0)
    return Room(
        np.where(free, np.minimum(least, power_kw), power_kw), np.where(free, np.maximum(most, power_kw), power_kw)
    )


def lower(power_kw: F64, limits: Room, by_kw: F64) -> Moved:
    """Lower the devices of each home by ``by_kw`` (n,) together, as far as they go."""
    return _move(power_kw, power_kw - limits.least_kw, by_kw, -1.0)


def lift(power_kw: F64, limits: Room, by_kw: F64) -> Moved:
    """Raise the devices of each home by ``by_kw`` (n,) together, as far as they go."""
    return _move(power_kw, limits.most_kw - power_kw, by_kw, 1.0)


def _move(power_kw: F64, room_kw: F64, by_kw: F64, sign: float) -> Moved:
    new, left = power_kw.copy(), np.maximum(by_kw, 0.0)
    for kind in ORDER:
        part = np.minimum(np.maximum(room_kw[kind], 0.0), left)
        new[kind] = power_kw[kind] + sign * part
        left = left - part
    return Moved(new, left)
