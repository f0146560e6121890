"""The aggregator of households, third part: its orders to devices, and the control of temperatures (SUC13.1 scenario 9)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.home_picture import HomePicture
from agents.strategies.home_model import house, tank
from data.arrays import F64, I64
from environment.messages.homes import AUTOMATIC, DEVICE_KINDS, HEAT_PUMP, MODES, OFF, ON, STATES, THERMAL, WATER_HEATER
from environment.messages.homes_control import DeviceOrder, PowerReference
from environment.messages.homes_data import DataQuery, TemperatureForecast
from environment.party import Process

AHEAD_STEPS = 8
"""Temperatures are forecast for two hours."""


class HomeTemperatures(HomePicture):
    """Commands devices; keeps tanks and rooms within their limits."""

    def _refer(self, kind: int, talk: str) -> int:
        """Send the power references of one kind of device; returns to how many."""
        rows = np.flatnonzero(~np.isnan(self.references_kw[kind]) & (self.number[kind] >= 0))
        n = len(rows)
        if n:
            columns = {
                "kind": np.array([DEVICE_KINDS[kind]] * n, object), "quarter_ms": np.full(n, self.now_ms, np.int64),
                "power_kw": self.references_kw[kind, rows], "low": self.limits[0, kind, rows], "high": self.limits[1, kind, rows],
            }  # fmt: skip
            self.send_batch(PowerReference, columns, self.numbers([self.name]), self.number[kind, rows], talk)
        return n

    def order(
        self, kind: int, rows: I64, power_kw: F64, purpose: NDArray[Any], talk: str, *, action: NDArray[Any] | None = None,
        low: F64 | None = None, high: F64 | None = None,
    ) -> None:  # fmt: skip
        """Send orders to devices of one kind, until the end of this quarter of an hour."""
        n = len(rows)
        if not n:
            return
        until = -(-self.now_ms // self.timeline.step_ms) * self.timeline.step_ms
        columns = {
            "kind": np.array([DEVICE_KINDS[kind]] * n, object), "purpose": np.array(purpose, object),
            "mode": np.array([MODES[mode] for mode in self.modes[kind, rows]], object),
            "action": np.array(["follow"] * n if action is None else action.tolist(), object),
            "power_kw": power_kw, "until_ms": np.full(n, until, np.int64),
            "low": self.limits[0, kind, rows] if low is None else low, "high": self.limits[1, kind, rows] if high is None else high,
        }  # fmt: skip
        self.send_batch(DeviceOrder, columns, self.numbers([self.name]), self.number[kind, rows], talk)

    # --- 9: temperatures ----------------------------------------------------------------------------------------------

    def _control_temperatures(self, step: int) -> Process:
        """Scenario 9: forecast temperatures, refer, check mode and limits of each thermal device, and let it act by its mode."""
        rows = np.flatnonzero(self.members)
        thermal = (self.number[list(THERMAL)][:, rows] >= 0).any() if len(rows) else False
        if not thermal or self.planner.current is None or self._view.first < 0:
            return
        talk = self.open("SUC13.1", "9", f"temperatures/{self.now_ms}")
        self.send(self._temperatures(step, rows), self.terms.database, talk)
        sent = [self._refer(kind, talk) for kind in THERMAL]
        if not any(sent):
            self.end(talk, "refused", "no thermal device is in automatic mode")
            return
        answers = yield self.ask(
            DataQuery(what="readings", purpose="control", since_ms=self.now_ms), self.terms.database, talk
        )
        for one in answers.records():
            self._take_readings(one)
        for kind in THERMAL:
            self._act_by_mode(kind, np.flatnonzero(self.members & (self.number[kind] >= 0)), talk)
        self.end(talk)

    def _temperatures(self, step: int, rows: I64) -> TemperatureForecast:
        """Step 9.1: temperature in two hours with the plan and without heating, and the least energy that keeps the limit."""
        current = self.planner.current
        assert current is not None
        place = step - current.first
        ahead = min(place + AHEAD_STEPS, current.view.m)
        devices, planned, idle, needed = [], [], [], []
        models = {WATER_HEATER: (tank(current.view), current.plan.heater_kw, self.planner.book.heater["kw"]),
                  HEAT_PUMP: (house(current.view), current.plan.heat_pump_kw, self.planner.book.house["hp_kw"])}  # fmt: skip
        for kind, (model, power_kw, rated) in models.items():
            mine = rows[(self.number[kind, rows] >= 0) & (rated[rows] > 0.0)]
            cold = self._latest[STATES[kind]][mine].copy()
            warm = cold.copy()
            for at in range(place, ahead):
                cold = model.keep[mine] * cold + model.drift[mine, at]
                warm = model.keep[mine] * warm + model.drift[mine, at] + model.gain[mine, at] * power_kw[mine, at]
            gain = model.gain[mine, place:ahead].sum(axis=1)
            short = np.maximum(self.limits[0, kind, mine] - cold, 0.0)
            hours = (ahead - place) * self.timeline.hours
            devices += [f"{name}/{DEVICE_KINDS[kind]}" for name in self.names_of(mine)]
            planned += warm.tolist()
            idle += cold.tolist()
            needed += (short / np.maximum(gain, 1e-9) * hours).tolist()
        if not devices:
            devices, planned, idle, needed = ["none"], [0.0], [0.0], [0.0]
        return TemperatureForecast(
            devices=tuple(devices), in_2h_c=np.nan_to_num(np.array(planned)), idle_2h_c=np.nan_to_num(np.array(idle)),
            needed_kwh=np.nan_to_num(np.array(needed)),
        )  # fmt: skip

    def _act_by_mode(self, kind: int, rows: I64, talk: str) -> None:
        """Step 9.4: outside its limits an automatic device heats or stops; all others are reminded of their mode."""
        if not len(rows):
            return
        state = self._latest[STATES[kind]][rows]
        low, high = self.limits[:, kind, rows]
        modes = self.modes[kind, rows]
        rated = (self.planner.book.heater["kw"] if kind == WATER_HEATER else self.planner.book.house["hp_kw"])[rows]
        follow = np.nan_to_num(self.references_kw[kind, rows])
        power = np.where(state < low, rated, np.where(state > high, 0.0, follow))
        action = np.where(
            modes == ON,
            "on",
            np.where(modes == OFF, "off", np.where(state < low, "on", np.where(state > high, "off", "follow"))),
        )
        automatic = modes == AUTOMATIC
        self.order(
            kind, rows, np.where(automatic, power, 0.0), np.where(automatic, "temperature", "settings"), talk,
            action=action, low=low, high=high,
        )  # fmt: skip
