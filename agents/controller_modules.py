"""Controller modules of retrofitted water heaters, with the probes and meters that are wired to them (SUC03.1, SUC03.2). Row i is home i.

A module reads its probes and meters, cleans what it read, and sends it on; it closes or opens its relay as it is told, for as long as it is
told, and then hands the water heater back to its thermostat. So whatever happens to the radio, to the EMS or to the approval, people have
hot water: control is something that must go on being asked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from data.arrays import F64, I64, Bool
from environment.calendar import Timeline
from environment.instruments import Controls, Readings
from environment.messages.base import Batch, Record, columns_of
from environment.messages.retrofit import FirstValue, Fitting, ModuleHello
from environment.messages.thermal_loads import (
    HouseholdReading,
    LoadTelemetry,
    MonitoringOrder,
    SwitchCommand,
    TankReading,
)
from environment.party import Party, Process, Seat, handles

KIND = "stratified_heater"
PLAUSIBLE_C = (0.0, 99.0)
"""Water in an open tank; what a probe shows beyond is a fault."""
LOOKS_MS = 5_000
"""Modules act on what they are told at the next full five seconds."""
READS_S = 1.0
"""Time between reading and sending."""


@dataclass(frozen=True)
class Hardware:
    """What hangs on the walls of n homes.

    Attributes:
        homes: names, ascending.
        module: numbers of the modules' addresses, (n,).
        sensor: of the probes', (n,).
        tank: of the water heaters', (n,).
        meter: of the household meters', -1 where there is none, (n,).
        ems: number of the system that is reported to.
        heater_kw: power of the elements, (n,).
        two_probes: whether there is a probe at the outlet too, (n,).
        dead_radio: modules without network when fitted for the first time, the second and so on, (n, attempts).
        mute_probe: the same of probes that show nothing, (n, attempts).
        offline: intervals in which a module neither hears nor speaks, (n, steps).
    """

    homes: tuple[str, ...]
    module: I64
    sensor: I64
    tank: I64
    meter: I64
    ems: int
    heater_kw: F64
    two_probes: Bool
    dead_radio: Bool
    mute_probe: Bool
    offline: Bool


class ControllerModules(Party):
    """A population of modules.

    Args:
        seat: place in the world.
        hardware: what they are.
        timeline: the intervals.
        readings: what probes, meters and the mode switch show: ``probe_mean_c``, ``probe_outlet_c``, ``heater_kwh``, ``household_kw``,
            ``automatic`` of the interval that ended.
        controls: their relays.
    """

    stored = (TankReading, HouseholdReading)
    looks: ClassVar = {SwitchCommand: LOOKS_MS}

    def __init__(
        self, seat: Seat, hardware: Hardware, timeline: Timeline, readings: Readings, controls: Controls
    ) -> None:
        super().__init__(seat)
        self.hardware = hardware
        self._timeline = timeline
        self._readings = readings
        self._controls = controls
        n = len(hardware.homes)
        self._row = {number: row for numbers in (hardware.module, hardware.sensor, hardware.tank, hardware.meter)
                     for row, number in enumerate(numbers.tolist()) if number >= 0}  # fmt: skip
        self._fitted = np.zeros(n, bool)
        self._radio = np.zeros(n, bool)
        self._probe = np.zeros(n, bool)
        self._every = np.zeros(n, np.int64)
        self._until = np.zeros(n, np.int64)
        self._household = np.zeros(n, bool)
        self._talk: list[str] = [""] * n
        self._first = np.zeros(n, np.int64)
        self._log = {name: np.full((n, timeline.n), np.nan) for name in ("tank", "outlet", "kwh", "household")}

    def _rows(self, numbers: I64) -> I64:
        return np.array([self._row[number] for number in numbers.tolist()], np.int64)

    def processes(self) -> Iterable[Process]:
        """Measure and report."""
        yield self.measure()

    # --- installation ----------------------------------------------------------------------------------------------------

    @handles(Fitting)
    def be_fitted(self, batch: Batch[Fitting]) -> None:
        """Steps 2.1 and 3.2: what was fitted switches on, a module looks for the network, and first values go out."""
        own = self.hardware
        for number, device in zip(batch.receiver.tolist(), batch.records(), strict=True):
            row, attempt = self._row[number], min(device.attempt, own.dead_radio.shape[1] - 1)
            if number == own.module[row]:
                self._fitted[row], self._radio[row] = True, not own.dead_radio[row, attempt]
            elif number == own.sensor[row]:
                self._probe[row] = not own.mute_probe[row, attempt]
        rows = np.unique(self._rows(batch.receiver))
        for row in rows[self._fitted[rows] & self._radio[rows]].tolist():
            self.start(self._first_words(row, batch.conversation))

    def _first_words(self, row: int, talk: str) -> Process:
        """A module with a network reports what it sees; what it sees reports a value."""
        own, home = self.hardware, self.hardware.homes[row]
        yield self.sleep(READS_S)
        meter = [f"{home}/household-meter"] if own.meter[row] >= 0 else []
        seen = (f"{home}/module", f"{home}/sensor", *meter)
        self._tell([ModuleHello(devices=seen)], own.module[[row]], talk)
        kwh, household = (float(self._readings[name][row]) for name in ("heater_kwh", "household_kw"))
        heater_kw = max(kwh, 0.0) / self._timeline.hours
        values = [FirstValue(device=f"{home}/module", quantity="heater_kw", value=heater_kw)]
        senders = [int(own.module[row])]
        if self._probe[row]:
            shown = float(self._readings["probe_mean_c"][row])
            values.append(FirstValue(device=f"{home}/sensor", quantity="temperature_c", value=shown))
            senders.append(int(own.sensor[row]))
        if meter:
            values.append(FirstValue(device=meter[0], quantity="household_kw", value=household))
            senders.append(int(own.meter[row]))
        self._tell(values, np.array(senders, np.int64), talk)

    def _tell(self, messages: Sequence[Record], senders: I64, talk: str) -> None:
        receiver = np.array([self.hardware.ems], np.int64)
        self.send_batch(type(messages[0]), columns_of(messages), senders, receiver, talk)

    # --- monitoring ------------------------------------------------------------------------------------------------------

    @handles(MonitoringOrder)
    def be_ordered(self, batch: Batch[MonitoringOrder]) -> None:
        """From now on report in this conversation, as often as asked."""
        rows = self._rows(batch.receiver)
        step_ms = self._timeline.step_ms
        self._every[rows] = np.maximum(np.round(batch["every_s"] * 1000 / step_ms), 1).astype(np.int64)
        self._until[rows], self._household[rows] = (
            batch["until_ms"],
            batch["household"] & (self.hardware.meter[rows] >= 0),
        )
        self._first[rows] = self._timeline.index(self.now_ms)
        for row in rows.tolist():
            self._talk[row] = batch.conversation

    def measure(self) -> Process:
        """At the end of every interval: look at probes and meters, and report where a report is due."""
        timeline = self._timeline
        for step in range(timeline.index(self.now_ms), timeline.n):
            yield self.until(int(timeline.starts_ms[step]) + timeline.step_ms)
            self._read(step)
            open_ = self._fitted & self._radio & (self._until >= self.now_ms) & (self._every > 0)
            due = open_ & ((step + 1 - self._first) % np.maximum(self._every, 1) == 0) & (step >= self._first)
            due &= ~self.hardware.offline[:, step]
            if due.any():
                self._show(np.flatnonzero(due), step)
                yield self.sleep(READS_S)
                self._report()

    def _read(self, step: int) -> None:
        """Take down what is shown; a value that cannot be is none."""
        shown, log = self._readings, self._log
        for name, column in (("tank", "probe_mean_c"), ("outlet", "probe_outlet_c")):
            value = shown[column]
            sound = self._probe & (value > PLAUSIBLE_C[0]) & (value < PLAUSIBLE_C[1])
            log[name][:, step] = np.where(sound, value, np.nan)
        log["kwh"][:, step] = np.maximum(shown["heater_kwh"], 0.0)
        log["household"][:, step] = shown["household_kw"]

    def _show(self, rows: I64, step: int) -> None:
        """Steps 1a, 1b and 2b: the water heater and the household meter show the module what has been since the last report."""
        for talk in sorted({self._talk[row] for row in rows.tolist()}):
            mine = rows[[self._talk[row] == talk for row in rows.tolist()]]
            for every in np.unique(self._every[mine]).tolist():
                part = mine[self._every[mine] == every]
                span = slice(step + 1 - every, step + 1)
                series = {name: self._log[name][part, span] for name in self._log}
                part = part[np.isfinite(series["tank"]).all(axis=1)]
                series = {name: self._log[name][part, span] for name in self._log}
                head = self._head(len(part), span.start)
                own = self.hardware
                if not len(part):
                    continue
                tank = {"tank_c": series["tank"], "outlet_c": series["outlet"], "two_probes": own.two_probes[part],
                        "heater_kwh": series["kwh"], "online": np.ones(len(part), bool)}  # fmt: skip
                self.send_batch(TankReading, head | tank, own.tank[part], own.module[part], talk)
                read = np.flatnonzero(self._household[part])
                if len(read):
                    home = self._head(len(read), span.start) | {"net_kw": series["household"][read]}
                    self.send_batch(HouseholdReading, home, own.meter[part[read]], own.module[part[read]], talk)

    def _head(self, n: int, first: int) -> dict[str, F64 | I64]:
        step_s = self._timeline.step_ms / 1000.0
        return {"from_ms": np.full(n, self._timeline.starts_ms[first], np.int64), "step_s": np.full(n, step_s)}

    def _report(self) -> None:
        """Steps 2a and 3: send on what was read, the household's with it where it was read."""
        household = {
            (int(number), int(start)): kw
            for batch in self.stored_rows(HouseholdReading)
            for number, start, kw in zip(batch.receiver, batch["from_ms"], batch["net_kw"], strict=True)
        }
        for batch in self.stored_rows(TankReading):
            rows = self._rows(batch.receiver)
            empty = np.zeros(batch["tank_c"].shape[1])
            found = [
                household.get((int(number), int(start)))
                for number, start in zip(batch.receiver, batch["from_ms"], strict=True)
            ]
            columns = {
                name: batch[name] for name in ("from_ms", "step_s", "tank_c", "outlet_c", "two_probes", "heater_kwh")
            }
            columns |= {
                "heater_online": batch["online"],
                "module_online": self._readings["automatic"][rows] > 0.5,
                "household": np.array([one is not None for one in found], bool),
                "household_kw": np.array([empty if one is None else one for one in found]),
            }
            receiver = np.array([self.hardware.ems], np.int64)
            self.send_batch(LoadTelemetry, columns, batch.receiver, receiver, batch.conversation)

    # --- control ---------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Carry out the commands that have come."""
        for batch in self.stored_rows(SwitchCommand):
            self._switch(batch)

    def _switch(self, batch: Batch[SwitchCommand]) -> None:
        """Step 5: the relay does what it is told, interval by interval; after the last the thermostat is alone again."""
        timeline = self._timeline
        now = timeline.index(self.now_ms)
        if now >= timeline.n:
            return
        rows = self._rows(batch.receiver)
        heard = ~self.hardware.offline[rows, now] & self._radio[rows]
        rows, on = rows[heard], batch["on"][heard]
        first = (batch["from_ms"][heard] - timeline.start_ms) // timeline.step_ms
        for start in np.unique(first).tolist():
            part = first == start
            late = max(now - start, 0)
            kw = on[part][:, late:] * self.hardware.heater_kw[rows[part], None]
            if kw.shape[1]:
                released = np.full((len(kw), 1), np.nan)
                self._controls.schedule(KIND, rows[part], start + late, np.concatenate([kw, released], axis=1))
