"""The control devices of households: each kind of device in one of four modes, with its own algorithm (SUC13.1).

An order is an *input* of the device's algorithm, which decides whether the device consumes:

- automatic: it follows the power reference while its temperature is within the limits; below it heats, above it stops;
- manual: hysteresis around the household's own temperature reference (with its schedule); orders are not looked at;
- on: it stays connected and uses its own intelligence;
- off: it is switched off.

A reference holds until the next one; one that is older than ``STALE_MS`` no longer counts, and the device is its own again.
Arrays are over kinds and homes, (4, n), in the order of ``environment.messages.homes.DEVICE_KINDS``.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from data.arrays import F64, I64, Bool
from environment.instruments import Controls, Readings
from environment.messages.homes import AUTOMATIC, DEVICE_KINDS, MANUAL, OFF, STATES, THERMAL

STALE_MS = 1_800_000
"""Two quarters of an hour without word from the service: the device goes its own way (judgement)."""


@dataclass
class Devices:
    """The control devices of n households.

    Attributes:
        rated_kw: rated power, 0 where a home has no such device, (4, n).
        hysteresis_k: half width of the manual mode's band, of tank and rooms.
        installed: homes with control devices, (n,).
        consent: homes that let the service control, (n,).
        mode: of each device, (4, n).
        reference_c: temperature that people want of tank and rooms, (2, n).
        schedule_c: offset of it by hour of the day in manual mode, (n, 24).
        power_kw: what the last order said, NaN where nothing, (4, n).
        said_ms: when it was said, (4, n).
        limits: lower and upper limit of the last order, (2, 4, n).
    """

    rated_kw: F64
    hysteresis_k: tuple[float, float]
    installed: Bool
    consent: Bool
    mode: NDArray[np.int8]
    reference_c: F64
    schedule_c: F64
    power_kw: F64 = field(init=False)
    said_ms: I64 = field(init=False)
    limits: F64 = field(init=False)
    _relay: Bool = field(init=False)
    _written: F64 = field(init=False)
    _step: int = -1

    def __post_init__(self) -> None:
        shape = self.rated_kw.shape
        self.power_kw = np.full(shape, np.nan)
        self.said_ms = np.full(shape, -STALE_MS, np.int64)
        self.limits = np.array([np.full(shape, -np.inf), np.full(shape, np.inf)])
        self._relay = np.zeros((2, shape[1]), bool)
        self._written = np.full(shape, np.nan)

    def obeys(self, kind: int, rows: I64) -> Bool:
        """Which devices of some homes follow an order now: installed, consented to, in automatic mode."""
        there = self.installed[rows] & self.consent[rows] & (self.rated_kw[kind, rows] > 0.0)
        return np.asarray(there & (self.mode[kind, rows] == AUTOMATIC))

    def take_order(self, kind: int, rows: I64, power_kw: F64, low: F64, high: F64, now_ms: int) -> Bool:
        """Take an order to devices of one kind; says which of them follow it. The others do not look at it."""
        follows = self.obeys(kind, rows)
        mine = rows[follows]
        self.power_kw[kind, mine], self.said_ms[kind, mine] = power_kw[follows], now_ms
        self.limits[:, kind, mine] = low[follows], high[follows]
        return follows

    def release(self, rows: I64) -> None:
        """Forget what was ordered of some homes: from now on their devices are their own."""
        self.power_kw[:, rows] = np.nan

    def set_points(self, readings: Readings, hour: int, now_ms: int) -> F64:
        """What each device does from now on by its mode, (4, n) [kW]; NaN: its own control."""
        own = np.full(self.rated_kw.shape, np.nan)
        ours = self.installed & np.ones_like(own, bool)
        fresh = (now_ms - self.said_ms < STALE_MS) & self.consent
        followed = np.where(ours & fresh & (self.mode == AUTOMATIC), self.power_kw, np.nan)
        for place, kind in enumerate(THERMAL):
            followed[kind] = self._within(kind, readings[STATES[kind]], followed[kind])
            by_hand = self._hysteresis(place, kind, readings[STATES[kind]], hour)
            followed[kind] = np.where(ours[kind] & (self.mode[kind] == MANUAL), by_hand, followed[kind])
        return np.where(ours & (self.mode == OFF), 0.0, followed)

    def _within(self, kind: int, state_c: F64, power_kw: F64) -> F64:
        low, high = self.limits[:, kind]
        guarded = np.where(state_c < low, self.rated_kw[kind], np.where(state_c > high, 0.0, power_kw))
        return np.where(np.isnan(power_kw), np.nan, guarded)

    def _hysteresis(self, place: int, kind: int, state_c: F64, hour: int) -> F64:
        wanted = self.reference_c[place] + self.schedule_c[:, hour]
        width = self.hysteresis_k[place]
        relay = np.where(
            state_c <= wanted - width, True, np.where(state_c >= wanted + width, False, self._relay[place])
        )
        self._relay[place] = relay
        return np.where(relay, self.rated_kw[kind], 0.0)

    def carry_out(self, controls: Controls, wanted_kw: F64, step: int) -> None:
        """Write what changes of the set-points from now on, into the next step too: a device holds what it was told until the next word."""
        for kind, name in enumerate(DEVICE_KINDS):
            new, old = wanted_kw[kind], self._written[kind]
            changed = ~((new == old) | (np.isnan(new) & np.isnan(old)))
            rows = np.flatnonzero(changed if step == self._step else changed | ~np.isnan(new))
            if len(rows):
                controls.schedule(name, rows, step, np.repeat(new[rows, None], 2, axis=1))
        self._step, self._written = step, wanted_kw.copy()
