r"""What devices add to their set-points for the transmission system: a droop on the frequency they measure, and an offset asked for.

    P = P_0 + R clip(df / 0.2 Hz, -1, 1) - O,     the droop only outside the dead band          (net load positive; O > 0: flexibility up)

:math:`P_0` is what the device would do otherwise, by set-point or own control. The droop is followed tick by tick within a step, so that
what it does to a store is seen; the offset acts at once and until it is changed. The device keeps its own bounds: what it cannot do it
does not do, and the account says how much that was.

Source of the droop: Commission Regulation (EU) 2017/1485, annex V (full activation at 200 mHz, insensitivity of at most 10 mHz).
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, I64
from environment.units import MS_PER_H

FULL_HZ = 0.2
"""Deviation at which all of a droop's power is activated."""


class Frequency(NamedTuple):
    """The deviation of the frequency that every device can measure.

    Attributes:
        from_ms: instant of the first tick.
        tick_ms: length of a tick.
        deviation_hz: in each tick, (ticks,); 0 outside.
    """

    from_ms: int
    tick_ms: int
    deviation_hz: F64

    def at(self, now_ms: int) -> float:
        """The deviation [Hz] in the tick of an instant."""
        place = (now_ms - self.from_ms) // self.tick_ms
        return float(self.deviation_hz[place]) if 0 <= place < len(self.deviation_hz) else 0.0

    def next_ms(self, now_ms: int) -> int:
        """The instant at which the next tick begins."""
        return now_ms + self.tick_ms - (now_ms - self.from_ms) % self.tick_ms


class Account(NamedTuple):
    """What was asked of reserves and given in a step, by device, (n,) [kWh]; up is above 0.

    Attributes:
        asked_kwh: net.
        given_kwh: net.
        moved_kwh: asked in whichever direction.
        missed_kwh: asked and not given, in whichever direction.
    """

    asked_kwh: F64
    given_kwh: F64
    moved_kwh: F64
    missed_kwh: F64


class Reserve:
    """Droop and offset of the n rows of a fleet.

    Attributes:
        droop_kw: power at full deviation, both directions, (n,), at least 0.
        offset_kw: asked change, up above 0, (n,).
        dead_band_hz: up to this deviation a droop does nothing.
        frequency: what the devices measure; None where they do not.
    """

    def __init__(self, n: int, frequency: Frequency | None = None, dead_band_hz: float = 0.01) -> None:
        self.droop_kw: F64 = np.zeros(n)
        self.offset_kw: F64 = np.zeros(n)
        self.dead_band_hz = dead_band_hz
        self.frequency = frequency
        self._steps: dict[int, Account] = {}
        self._n = n
        self.active = False

    def set(self, rows: I64, droop_kw: F64, offset_kw: F64) -> None:
        """What some rows do from now on."""
        self.droop_kw[rows], self.offset_kw[rows] = droop_kw, offset_kw
        self.active = bool(self.droop_kw.any() or self.offset_kw.any())

    def until_ms(self, now_ms: int, to_ms: int) -> int:
        """How long what is added stays as it is: to the next tick where a droop is set."""
        if self.frequency is None or not self.droop_kw.any():
            return to_ms
        return min(to_ms, self.frequency.next_ms(now_ms))

    def up_kw(self, now_ms: int) -> F64:
        """What is asked of each row now, up above 0, (n,) [kW]."""
        if self.frequency is None:
            return self.offset_kw
        deviation = self.frequency.at(now_ms)
        if abs(deviation) <= self.dead_band_hz:
            return self.offset_kw
        return np.asarray(self.offset_kw - self.droop_kw * min(max(deviation / FULL_HZ, -1.0), 1.0))

    def book(self, step: int, asked_kw: F64, given_kw: F64, ms: int) -> None:
        """Enter what was asked and given over some milliseconds of a step."""
        hours = ms / MS_PER_H
        if step not in self._steps:
            self._steps[step] = Account(*np.zeros((4, self._n)))
        sums = self._steps[step]
        sums.asked_kwh[:] += asked_kw * hours
        sums.given_kwh[:] += given_kw * hours
        sums.moved_kwh[:] += np.abs(asked_kw) * hours
        sums.missed_kwh[:] += np.abs(asked_kw - given_kw) * hours

    def account(self, step: int) -> Account | None:
        """Hand over the account of a finished step, once; None where nothing was asked."""
        return self._steps.pop(step, None)
