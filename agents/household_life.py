"""Households of a pilot, first part: they live, measure, say what they want, and their control devices do what their mode says (SUC13.1, 2 to 11)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agents.household_devices import Devices
from agents.household_people import Preferences
from agents.household_terms import PLACES, Membership, Wish
from agents.prosumer_book import known
from agents.prosumer_hems import Hems
from agents.prosumer_life import MANUAL as BY_HAND
from agents.prosumer_life import OVERRIDE_STEPS
from data.arrays import I64, Bool
from environment.calendar import Timeline
from environment.instruments import Controls, Readings
from environment.messages.base import Batch
from environment.messages.homes import AUTOMATIC, DEVICE_KINDS, EV, MODES, ON, STATES, WATER_HEATER
from environment.messages.homes_control import DeviceOrder, LimitWarning, PowerReference
from environment.messages.homes_data import (
    DeviceMeasurement,
    MeasurementQuery,
    PreferencesQuery,
    ServiceDay,
    UserPreferences,
)
from environment.party import Party, Process, Seat, handles
from environment.refusals import refuse

LOOK_MS = 5_000
"""Control devices process their post at every full five seconds."""


class HouseholdLife(Party):
    """A population with meters and control devices.

    Args:
        seat: place in the world.
        hems: what each home's own meters have recorded, with calendar and timeline.
        readings: what the devices show.
        controls: the devices' set-points.
        membership: who serves them, and what they have.
        preferences: what their people want.
        devices: their control devices, none installed yet.
        overrides: (homes, steps) where people take over by hand.
        wishes: what people set and ask for, in order of time.
        tick_s: period of the control devices' algorithm and of the meters' samples.
        near_share: part of the contracted power from which a meter warns.
        feeds_kw: injection from which it does.
    """

    looks: ClassVar = {PowerReference: LOOK_MS, DeviceOrder: LOOK_MS}

    def __init__(
        self, seat: Seat, hems: Hems, readings: Readings, controls: Controls, membership: Membership,
        preferences: Preferences, devices: Devices, overrides: Bool, wishes: Sequence[Wish], tick_s: float,
        near_share: float, feeds_kw: float,
    ) -> None:  # fmt: skip
        super().__init__(seat)
        self._hems, self._readings, self._controls = hems, readings, controls
        self._to, self._people, self.devices = membership, preferences, devices
        self._overrides, self._wishes, self._tick_s = overrides, list(wishes), tick_s
        self._near_share, self._feeds_kw = near_share, feeds_kw
        self._back_ms: dict[int, list[tuple[int, int]]] = {}
        self._account = [""] * hems.book.n
        self._day = ""
        self._history_due: list[int] = []
        self._plugged = np.zeros(hems.book.n, bool)
        self._hour = -1

    @property
    def _timeline(self) -> Timeline:
        return self._hems.timeline

    @property
    def _n(self) -> int:
        return self._hems.book.n

    # --- life ---------------------------------------------------------------------------------------------------------

    def live(self) -> Process:
        """At every tick: record what the meters show, let the control devices act, send measurements."""
        step = self._timeline.index(self.now_ms)
        while step < self._timeline.n:
            begins = self.now_ms == int(self._timeline.starts_ms[step])
            if begins:
                self._begin_step(step)
            self._act(step)
            if self._day:
                self._measure(begins=begins)
            yield self.sleep(self._tick_s)
            step = self._timeline.index(self.now_ms) if self.now_ms < self._timeline.end_ms else self._timeline.n

    def _begin_step(self, step: int) -> None:
        if step > self._hems.seen.steps:
            self._hems.observe(step - 1, self._readings)
        self._hour = int(self._hems.calendar.local_columns(self._timeline.starts_ms[step : step + 1]).hour[0])
        self._take_over(step)
        plugged = known(self._readings["ev_plugged"], 0.0) > 0.5
        came = np.flatnonzero(plugged & ~self._plugged & self.devices.installed)
        self._plugged = plugged
        self._tell_settings(came)

    def _act(self, step: int) -> None:
        wanted = self.devices.set_points(self._readings, self._hour, self.now_ms)
        self.devices.carry_out(self._controls, wanted, step)

    def _take_over(self, step: int) -> None:
        """People charge the car and heat water now, by hand; where a service controls, it learns of it as a mode."""
        taken = np.flatnonzero(self._overrides[:, step])
        steps = min(OVERRIDE_STEPS, self._timeline.n - step)
        if len(taken):
            for kind in (EV, WATER_HEATER):
                full = np.repeat(self.devices.rated_kw[kind, taken, None], steps, axis=1)
                self._controls.order(DEVICE_KINDS[kind], f"by hand/{step}", BY_HAND, taken, step, full)
            names = [self._hems.book.names[row] for row in taken]
            self.register("overrides").add(t_ms=self.now_ms, owner=names)
        changed = set()
        for row in taken[self.devices.installed[taken]].tolist():
            for place in (EV, WATER_HEATER):
                if self.devices.rated_kw[place, row] > 0.0 and self.devices.mode[place, row] == AUTOMATIC:
                    self._set_mode(row, place, ON)
                    self._back_ms.setdefault(step + steps, []).append((row, place))
                    changed.add(row)
        for row, place in self._back_ms.pop(step, ()):
            if self.devices.mode[place, row] == ON:
                self._set_mode(row, place, AUTOMATIC)
                changed.add(row)
        self._tell_settings(np.array(sorted(changed), np.int64))

    def _set_mode(self, row: int, kind: int, mode: int) -> None:
        """A mode acts at that instant: what was ordered before no longer counts."""
        self.devices.mode[kind, row] = mode
        self.devices.power_kw[kind, row] = np.nan
        self.register("modes").add(
            t_ms=self.now_ms, owner=self._hems.book.names[row], kind=DEVICE_KINDS[kind], mode=MODES[mode]
        )

    # --- measurements (6.1) and settings (6.4) ------------------------------------------------------------------------

    @handles(ServiceDay)
    def begin_day(self, batch: Batch[ServiceDay]) -> None:
        """From now on the devices of the homes that are told report in this conversation."""
        self._day = batch.conversation
        self._tell_settings(self._rows(batch.receiver))

    def _measure(self, *, begins: bool) -> None:
        """Step 6.1: meters at every tick, the other devices at the begin of every step."""
        rows = np.flatnonzero(self.devices.installed & self.devices.consent)
        for place, kind in enumerate(PLACES if begins else PLACES[:1]):
            mine = rows[self._to.device[place, rows] >= 0]
            if len(mine):
                columns = self._shown(place, kind, mine)
                self.send_batch(
                    DeviceMeasurement, columns, self._to.device[place, mine], np.full(len(mine), self._to.database), self._day
                )  # fmt: skip
                if place == 0:
                    self._warn(mine, columns)

    def _warn(self, rows: I64, columns: Mapping[str, NDArray[Any]]) -> None:
        """Steps 2.2 and 3.2 begin here: a meter near the contract, or through which power is fed in, tells the aggregator at once."""
        net = columns["consumption_kw"]
        near = net > self._near_share * self._to.surveys["contracted_kw"][rows]
        told = near | (net < -self._feeds_kw)
        told &= (self.devices.mode[:, rows] == AUTOMATIC).any(axis=0)
        if told.any():
            meters = self._to.device[0, rows[told]]
            self.send_batch(
                LimitWarning, {"net_kw": net[told]}, meters, np.full(len(meters), self._to.aggregator), self._day
            )

    def _shown(self, place: int, kind: str, rows: I64) -> dict[str, NDArray[Any]]:
        """What devices of one kind measure at this instant."""
        readings, n = self._readings, len(rows)
        columns = {"kind": texts([kind] * n), "sample_s": np.full(n, self._tick_s if place == 0 else 900.0)}
        if place == 0:
            net = known(readings["meter_kw"][rows], 0.0)
            return columns | {
                "state": np.zeros(n), "consumption_kw": net, "mean_kw": readings["load_kw"][rows],
                "other": readings["pv_kw"][rows],
            }  # fmt: skip
        other = {"ev": readings["ev_plugged"], "water_heater": readings["draw_kw"]}.get(kind, np.zeros(self._n))
        now = known(readings[f"{kind}_now_kw"][rows], 0.0)
        state = known(readings[STATES[place - 1]][rows], 0.0)
        return columns | {"state": state, "consumption_kw": now, "mean_kw": now, "other": known(other[rows], 0.0)}

    def _tell_settings(self, rows: I64) -> None:
        """Step 6.4: what people want now goes to the cloud database."""
        rows = rows[self.devices.installed[rows] & self.devices.consent[rows]]
        if len(rows) and self._day:
            self._send(UserPreferences, self._settings(rows), rows, self._to.database)

    def _settings(self, rows: I64) -> dict[str, NDArray[Any]]:
        people, devices, n = self._people, self.devices, len(rows)
        modes = np.empty(n, object)
        modes[:] = [tuple(MODES[mode] for mode in devices.mode[:, row]) for row in rows]
        leaves = self._readings["ev_departure_step"][rows]
        starts = self._timeline.start_ms + known(leaves, 0.0).astype(np.int64) * self._timeline.step_ms
        return {
            "modes": modes, "schedule_c": devices.schedule_c[rows], "tank_c": devices.reference_c[0, rows],
            "room_c": devices.reference_c[1, rows], "room_width_k": people.comfort_width_k[rows],
            "soc_share": people.soc_share[rows], "leaves_ms": np.where(np.isnan(leaves), -1, starts),
            "flexible": devices.consent[rows] & (devices.mode[:, rows] == AUTOMATIC).any(axis=0),
            "reservation_eur_per_kwh": people.reservation_eur_per_kwh[rows],
        }  # fmt: skip

    @handles(PreferencesQuery)
    def tell_preferences(self, batch: Batch[PreferencesQuery]) -> None:
        """Steps 2.1, 3.1 and 4.1: what people want at this moment."""
        settings = self._settings(self._rows(batch.receiver))
        self.answer(batch, list(records_of(UserPreferences, settings)))

    @handles(MeasurementQuery)
    def tell_measurement(self, batch: Batch[MeasurementQuery]) -> None:
        """Steps 2.2 and 3.2: the meter's present value."""
        rows = self._rows_of_devices(0, batch.receiver)
        self.answer(batch, list(records_of(DeviceMeasurement, self._shown(0, "meter", rows))))

    # --- orders to devices --------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Steps 8.3 and 9.2, 2.3, 3.3, 4.5, 6.5, 9.4 and 11.5: what the service asks of the devices, the latest word last.

        Settings restate what people chose and change nothing.
        """
        references, orders = self.stored_rows(PowerReference), self.stored_rows(DeviceOrder)
        asked: list[Batch[Any]] = [*references, *(batch.take(batch["purpose"] != "settings") for batch in orders)]
        for batch in sorted((batch for batch in asked if len(batch)), key=lambda batch: batch.sent_ms):
            self._obey(batch)
        self._act(self._timeline.index(self.now_ms))

    def _obey(self, batch: Batch[Any]) -> None:
        """Give the orders to the devices' algorithms; one that a device may not follow is refused on record."""
        own = self.directory.party[batch.sender] == self.directory.party[self._to.aggregator]
        for kind, name in enumerate(DEVICE_KINDS):
            places = np.flatnonzero((batch["kind"] == name) & own)
            if not len(places):
                continue
            rows = self._rows_of_devices(kind + 1, batch.receiver[places])
            follows = self.devices.take_order(
                kind, rows, batch["power_kw"][places], batch["low"][places], batch["high"][places], self.now_ms
            )
            for place, row in zip(places[~follows].tolist(), rows[~follows].tolist(), strict=True):
                refuse(self, batch, place, f"{name} of {self._hems.book.names[row]}", self._why_not(kind, row))
        for place in np.flatnonzero(~own).tolist():
            refuse(self, batch, place, "an order", "not from the household's own service")

    def _why_not(self, kind: int, row: int) -> str:
        if not self.devices.consent[row]:
            return "consent was withdrawn"
        return f"the device is in mode {MODES[self.devices.mode[kind, row]]}"

    # --- rows and messages --------------------------------------------------------------------------------------------

    def _send(self, record: Any, columns: Mapping[str, NDArray[Any]], rows: I64, to: int, talk: str = "") -> None:
        self.send_batch(record, columns, self._to.home[rows], np.full(len(rows), to), talk or self._day)

    def _rows(self, homes: I64) -> I64:
        return np.searchsorted(self._to.home, homes)

    def _rows_of_devices(self, place: int, devices: I64) -> I64:
        numbers = self._to.device[place]
        order = np.argsort(numbers, kind="stable")
        return np.asarray(order[np.searchsorted(numbers[order], devices)], np.int64)


def texts(values: Sequence[str]) -> NDArray[Any]:
    """A column of texts."""
    column = np.empty(len(values), object)
    column[:] = values
    return column


def records_of(kind: Any, columns: Mapping[str, NDArray[Any]]) -> Iterable[Any]:
    """Records of a class, one a row of the columns."""
    n = len(next(iter(columns.values())))
    for row in range(n):
        values = {name: column[row] for name, column in columns.items()}
        yield kind(**{k: v.item() if isinstance(v, np.generic) else v for k, v in values.items()})
