r"""Conventional units at the transmission network: output that follows what their operator sets, and the frequency, as fast as their ramp allows.

.. math:: P^* = S + O - R \operatorname{clip}(\Delta f / 0.2, -1, 1), \qquad P \to \operatorname{clip}(P^*, 0, K), \quad |\Delta P| \le r \, \Delta t

with schedule S, offset O and droop R; nothing of the droop within the dead band. Stepped at the ticks of the frequency, metered by interval. Before its operator sets
anything a unit does not run, and what it sets first it is taken to have done before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from environment.devices.reserve import FULL_HZ, Frequency
from environment.instruments import MeterStore
from environment.units import MS_PER_H


@dataclass
class UnitSetting:
    """What the operator of a unit sets: schedule, droop at full deviation and offset, all generation above 0 [kW]."""

    schedule_kw: float = 0.0
    droop_kw: float = 0.0
    offset_kw: float = 0.0


class GeneratingUnits:
    """The truth about some units.

    Args:
        names: of the units, (n,).
        capacity_kw: greatest output of each.
        ramp_kw_per_min: greatest change of each.
        settings: what their operators set.
        frequency: of the area.
        dead_band_hz: up to this deviation a droop does nothing.
        meters: a metering point of each, in the same order; net load, so that generation is below 0.
    """

    def __init__(
        self, names: Sequence[str], capacity_kw: Sequence[float], ramp_kw_per_min: Sequence[float], settings: Sequence[UnitSetting],
        frequency: Frequency, dead_band_hz: float, meters: MeterStore,
    ) -> None:  # fmt: skip
        self.names = tuple(names)
        self._capacity, self._settings = tuple(capacity_kw), tuple(settings)
        tick_h = frequency.tick_ms / MS_PER_H
        self._most = tuple(60.0 * ramp * tick_h for ramp in ramp_kw_per_min)
        deviation = frequency.deviation_hz
        self._share = np.where(np.abs(deviation) <= dead_band_hz, 0.0, np.clip(deviation / FULL_HZ, -1.0, 1.0))
        self._tick_ms, self._meters = frequency.tick_ms, meters
        self._now = [(one.schedule_kw, one.droop_kw, one.offset_kw) for one in settings]
        self.power_kw = [0.0] * len(self.names)
        self._begun = [False] * len(self.names)
        self._sum = [0.0] * len(self.names)
        self._tick = 0

    def carry_out(self, now_ms: int) -> None:
        """Let what has been set count from the next tick on."""
        self.advance(now_ms)
        for row, one in enumerate(self._settings):
            self._now[row] = one.schedule_kw, one.droop_kw, one.offset_kw
            if not self._begun[row] and one.schedule_kw > 0.0:
                self._begun[row], self.power_kw[row] = True, one.schedule_kw

    def advance(self, now_ms: int) -> None:
        """Live the ticks that began before an instant, and meter intervals that are over."""
        timeline = self._meters.timeline
        per_step = timeline.step_ms // self._tick_ms
        last = min(-(-now_ms // self._tick_ms), len(self._share))
        while self._tick < last:
            end = min(last, (self._tick // per_step + 1) * per_step)
            shares = self._share[self._tick : end].tolist()
            for row in range(len(self.names)):
                self._live(row, shares)
            self._tick = end
            if end % per_step == 0:
                step = timeline.index((end - per_step) * self._tick_ms)
                self._meters.record(step, -np.array(self._sum) / per_step)
                self._sum = [0.0] * len(self.names)

    def _live(self, row: int, shares: list[float]) -> None:
        (schedule, droop, offset), most, top = self._now[row], self._most[row], self._capacity[row]
        power, total = self.power_kw[row], 0.0
        for share in shares:
            wanted = min(max(schedule + offset - droop * share, 0.0), top)
            after = power + min(max(wanted - power, -most), most)
            total += (power + after) / 2.0
            power = after
        self.power_kw[row] = power
        self._sum[row] += total
