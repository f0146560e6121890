"""Households of a pilot: a population whose devices a service controls by mode (SUC13.1).

Row i of every array is home i. Households answer what they are asked, decide by their preferences (``household_people``), and their control
devices do what their mode says (``household_devices``). Before control devices are in, and again after consent is withdrawn,
a home lives as it always did: devices by their own controls, people taking over by hand.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agents.household_devices import AUTOMATIC, ON, STATES, Devices
from agents.household_people import Preferences, accepts, chosen_plan
from agents.payments import pay_many
from agents.prosumer_book import known
from agents.prosumer_hems import Hems
from agents.prosumer_life import MANUAL as BY_HAND
from agents.prosumer_life import OVERRIDE_STEPS
from environment.calendar import Timeline
from environment.instruments import Controls, Readings
from environment.messages.base import Batch
from environment.messages.homes import (
    DEVICE_KINDS,
    MODES,
    AccountConfirmation,
    AdmissionDecision,
    ControlNotice,
    FacilityDeclaration,
    FinalApproval,
    HandoverNote,
    Login,
    PilotInvitation,
    PlanApplication,
    PlanOffer,
    ProsumerRegistration,
    ServiceRecommendation,
    SiteVisit,
    VehicleRecord,
)
from environment.messages.homes_operation import (
    DataSubjectAnswer,
    DataSubjectRequest,
    DeviceMeasurement,
    DeviceOrder,
    DisplayRequest,
    HomeDisplay,
    LimitWarning,
    MeasurementHistory,
    MeasurementQuery,
    PowerReference,
    PreferencesQuery,
    ServiceDay,
    UserPreferences,
)
from environment.messages.settlement import MemberStatement, RetailBill
from environment.party import Party, Process, Seat, handles
from environment.refusals import refuse

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

LOOK_MS = 5_000
"""Control devices process their post at every full five seconds."""

PLACES = ("meter", *DEVICE_KINDS)
DEVICES: Mapping[str, str] = {kind: kind.replace("_", "-") for kind in PLACES}
"""Last part of the address of each device of a home."""


@dataclass(frozen=True)
class Wish:
    """Something that people set or ask for at an instant: a mode of one kind of device, or a right over their data."""

    at_ms: int
    row: int
    kind: int = -1
    mode: int = AUTOMATIC
    right: str = ""
    purpose: str = ""


@dataclass(frozen=True)
class Membership:
    """Who serves the households.

    Attributes:
        home: numbers of the homes' addresses, shape (n,).
        device: numbers of their device addresses by place of ``PLACES``, -1 where a home has none, (5, n).
        aggregator: number of the aggregator's address.
        leader: number of the pilot leader's address.
        database: number of the cloud database's address.
        retailer: name of the retailer.
        surveys: characteristics of each home's appliances by name, {name: (n,)}.
        tariff: name of each home's tariff.
        appliances: kinds of controllable appliances of each home.
        has_pv: homes with a roof plant, (n,).
        cloud_access: drivers who give access to their car maker's cloud, (n,).
    """

    home: I64
    device: I64
    aggregator: int
    leader: int
    database: int
    retailer: str
    surveys: Mapping[str, F64]
    tariff: Sequence[str]
    appliances: Sequence[tuple[str, ...]]
    has_pv: Bool
    cloud_access: Bool


class Households(Party):
    """The population; see the module.

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

    filed = (ServiceRecommendation, HomeDisplay, MemberStatement, ControlNotice, DataSubjectAnswer)
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

    def processes(self) -> Iterable[Process]:
        """The homes' life, and what their people do."""
        yield self.live()
        yield self.use_the_interface()

    # --- life ----------------------------------------------------------------------------------------------------------

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
            for kind, rating in (("ev", self.devices.rated_kw[0]), ("water_heater", self.devices.rated_kw[2])):
                full = np.repeat(rating[taken, None], steps, axis=1)
                self._controls.order(kind, f"by hand/{step}", BY_HAND, taken, step, full)
            names = [self._hems.book.names[row] for row in taken]
            self.register("overrides").add(t_ms=self.now_ms, owner=names)
        changed = set()
        for row in taken[self.devices.installed[taken]].tolist():
            for place in (0, 2):
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

    def use_the_interface(self) -> Process:
        """People change modes, open the display and use their rights, when they feel like it."""
        for wish in self._wishes:
            yield self.until(wish.at_ms)
            row = np.array([wish.row])
            if not self.devices.installed[wish.row] or not self._day:
                continue
            if wish.right == "display":
                self._send(
                    DisplayRequest, {"view": _texts(["today"]), "opened": np.array([True])}, row, self._to.aggregator
                )
            elif wish.right:
                self._use_right(wish, row)
            elif self.devices.rated_kw[wish.kind, wish.row] > 0.0:
                self._set_mode(wish.row, wish.kind, wish.mode)
                self._tell_settings(row)
                self._act(self._timeline.index(self.now_ms))

    def _use_right(self, wish: Wish, row: I64) -> None:
        """Withdrawn consent, restriction and erasure end control here and now, whatever the service does next."""
        if (wish.right, wish.purpose) in (("withdraw", "control"), ("restrict", ""), ("erase", "")):
            self.devices.consent[row] = False
            self.devices.release(row)
            self._act(self._timeline.index(self.now_ms))
        value = f"new-{self._hems.book.names[wish.row]}@example.org" if wish.right == "rectify" else ""
        columns = {"right": _texts([wish.right]), "purpose": _texts([wish.purpose]), "value": _texts([value])}
        self._send(DataSubjectRequest, columns, row, self._to.aggregator)
        self.register("rights").add(
            t_ms=self.now_ms, owner=self._hems.book.names[wish.row], right=wish.right, purpose=wish.purpose
        )

    def _send(self, record: Any, columns: Mapping[str, NDArray[Any]], rows: I64, to: int, talk: str = "") -> None:
        self.send_batch(record, columns, self._to.home[rows], np.full(len(rows), to), talk or self._day)

    # --- measurements (6.1) and settings (6.4) ---------------------------------------------------------------------------

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
        columns = {"kind": _texts([kind] * n), "sample_s": np.full(n, self._tick_s if place == 0 else 900.0)}
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
        self.answer(batch, list(_records(UserPreferences, settings)))

    @handles(MeasurementQuery)
    def tell_measurement(self, batch: Batch[MeasurementQuery]) -> None:
        """Steps 2.2 and 3.2: the meter's present value."""
        rows = self._rows_of_devices(0, batch.receiver)
        self.answer(batch, list(_records(DeviceMeasurement, self._shown(0, "meter", rows))))

    # --- orders to devices ---------------------------------------------------------------------------------------------

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

    # --- SUC13.1 scenarios 5 and 1 ---------------------------------------------------------------------------------------

    @handles(PilotInvitation)
    def hear_of_pilot(self, batch: Batch[PilotInvitation]) -> None:
        """Step 5.1: who is interested says what there is in the home."""
        for row in self._rows(batch.receiver).tolist():
            if self._people.interested[row]:
                appliances = self._to.appliances[row]
                declared = FacilityDeclaration(
                    appliances=appliances, electrical_devices=("household",), flexible_kw=self._flexible_kw(row)
                )
                self._say(declared, row, [self._to.aggregator, self._to.leader], batch.conversation)

    def _flexible_kw(self, row: int) -> float:
        return float(self.devices.rated_kw[:, row].sum())

    def _say(self, record: Any, row: int, to: Sequence[int], conversation: str) -> None:
        """Send one record from a home to some addresses."""
        columns = {name: np.repeat(column, len(to), axis=0) for name, column in _columns(record).items()}
        sender = np.full(len(to), self._to.home[row])
        self.send_batch(type(record), columns, sender, np.array(to, np.int64), conversation)

    @handles(AdmissionDecision)
    def sign_up(self, batch: Batch[AdmissionDecision]) -> None:
        """Step 5.4: who is admitted by both enters personal data and signs; the aggregator's word comes last."""
        for place, row in enumerate(self._rows(batch.receiver).tolist()):
            if batch["approved"][place] and batch.sender[place] == self._to.aggregator:
                registered = ProsumerRegistration(
                    email=f"{self._hems.book.names[row]}@example.org", prosumer_id="",
                    personal_data=("name", "address", "e-mail", "bank account"), purposes=self._people.purposes(row),
                    terms_signed=True,
                )  # fmt: skip
                self._say(registered, row, [self._to.aggregator], batch.conversation)

    @handles(AccountConfirmation)
    def log_in(self, batch: Batch[AccountConfirmation]) -> None:
        """Step 1.1: the first log-in with the new account."""
        for place, row in enumerate(self._rows(batch.receiver).tolist()):
            self._account[row] = str(batch["prosumer_id"][place])
            login = Login(email=f"{self._hems.book.names[row]}@example.org", prosumer_id=self._account[row])
            self._say(login, row, [self._to.aggregator], batch.conversation)

    @handles(PlanOffer)
    def choose_plan(self, batch: Batch[PlanOffer]) -> None:
        """Step 5.8: apply for a plan where it is worth it, and answer the survey; who declines lets the offer pass."""
        for place, row in enumerate(self._rows(batch.receiver).tolist()):
            offer = batch.one(place)
            price = float(self._people.reservation_eur_per_kwh[row])
            if not accepts(offer.annual_saving_eur, offer.effort_share, self._flexible_kw(row), price):
                self.register("declined").add(
                    t_ms=self.now_ms, owner=self._hems.book.names[row], annual_saving_eur=offer.annual_saving_eur,
                    reservation_eur_per_kwh=price,
                )  # fmt: skip
                continue
            has = {"pv": bool(self._to.has_pv[row]), "devices": bool(self._to.appliances[row])}
            survey = self._to.surveys
            application = PlanApplication(
                plan_kind=chosen_plan(offer.plan_kinds, has), assets=offer.assets, control_devices=offer.control_devices,
                appliances=self._to.appliances[row], characteristics=tuple(survey),
                values=np.array([column[row] for column in survey.values()], np.float64),
                has_vehicle=bool(self.devices.rated_kw[0, row] > 0.0), tariff=self._to.tariff[row],
            )  # fmt: skip
            self._say(application, row, [self._to.aggregator], batch.conversation)

    @handles(FinalApproval)
    def register_vehicle(self, batch: Batch[FinalApproval]) -> None:
        """Step 5.14, for homes with a car: its technical details, and the driver's habits as the own records show them."""
        for place, row in enumerate(self._rows(batch.receiver).tolist()):
            if batch["approved"][place] and self.devices.rated_kw[0, row] > 0.0:
                self.start(self._register_vehicle(row, batch.conversation))

    def _register_vehicle(self, row: int, conversation: str) -> Process:
        yield self.sleep(600.0)
        arrives, leaves, soc = self._habits(row)
        vehicle = VehicleRecord(
            capacity_kwh=float(self._hems.book.ev["kwh"][row]), charger_kw=float(self.devices.rated_kw[0, row]),
            cloud_access=bool(self._to.cloud_access[row]), arrival_h=arrives, departure_h=leaves, soc_at_arrival_share=soc,
            soc_at_departure_share=float(self._people.soc_share[row]),
        )  # fmt: skip
        self._say(vehicle, row, [self._to.aggregator], conversation)

    def _habits(self, row: int) -> tuple[float, float, float]:
        """Median hours of arrival and departure, and mean state of charge on return, of what was recorded."""
        seen = self._hems.seen
        here = seen.plugged[row, : seen.steps]
        hour = self._hems.calendar.local_columns(self._timeline.starts_ms[: seen.steps]).hour
        came, left = np.flatnonzero(here[1:] & ~here[:-1]) + 1, np.flatnonzero(~here[1:] & here[:-1]) + 1
        capacity = max(float(self._hems.book.ev["kwh"][row]), 1.0)
        driven = float(seen.driven_kwh[row, : seen.steps].sum()) / max(len(came), 1)
        soc = max(float(self._people.soc_share[row]) - driven / capacity, 0.0)
        median = [
            float(np.median(hour[edges])) if len(edges) else default for edges, default in ((came, 18.0), (left, 8.0))
        ]
        return median[0], median[1], min(soc, 1.0)

    @handles(SiteVisit)
    def get_devices(self, batch: Batch[SiteVisit]) -> None:
        """The control devices are in: they start in the modes that people chose, and hand over what the meters recorded."""
        rows = self._rows(batch.receiver)[batch["installed"].astype(bool)]
        self.devices.installed[rows] = True
        self.devices.consent[rows] = self._people.control[rows]
        self._plugged = known(self._readings["ev_plugged"], 0.0) > 0.5
        for row in rows.tolist():
            for kind in np.flatnonzero(self.devices.rated_kw[:, row] > 0.0).tolist():
                self.register("modes").add(
                    t_ms=self.now_ms, owner=self._hems.book.names[row], kind=DEVICE_KINDS[kind],
                    mode=MODES[self.devices.mode[kind, row]],
                )  # fmt: skip

    @handles(HandoverNote)
    def start_using(self, batch: Batch[HandoverNote]) -> None:
        """Step 1.4: people begin to use the service: they look at their settings and confirm them."""
        rows = self._rows(batch.receiver)
        self._send(UserPreferences, self._settings(rows), rows, self._to.aggregator, batch.conversation)
        self.start(self._hand_over_history(rows))

    def _hand_over_history(self, rows: I64) -> Process:
        """Step 6.1: what the meters recorded before, once the service's day has begun; nothing without consent."""
        yield self.sleep(60.0)
        while not self._day:
            yield self.sleep(60.0)
        rows = rows[self.devices.consent[rows]]
        if not len(rows):
            return
        seen = self._hems.seen
        lived, n = slice(0, seen.steps), len(rows)
        columns = {
            "from_ms": np.full(n, self._timeline.start_ms, np.int64),
            "step_s": np.full(n, self._timeline.step_ms / 1000.0),
            "load_kw": seen.load_kw[rows, lived], "pv_kw": seen.pv_kw[rows, lived],
            "plugged_share": seen.plugged[rows, lived].astype(np.float64), "driven_kwh": seen.driven_kwh[rows, lived],
            "draw_kwh": seen.draw_kwh[rows, lived],
        }  # fmt: skip
        meters = self._to.device[0, rows]
        self.send_batch(MeasurementHistory, columns, meters, np.full(n, self._to.database), self._day)
        self._tell_settings(rows)

    # --- bills ---------------------------------------------------------------------------------------------------------

    @handles(RetailBill)
    def pay_bill(self, batch: Batch[RetailBill]) -> None:
        """Pay the retailer."""
        rows = self._rows(batch.receiver)
        names = np.array([self._hems.book.names[row] for row in rows], object)
        owed = batch["energy_eur"] + batch["network_eur"] + batch["taxes_eur"]
        retailer = np.array([self._to.retailer] * len(rows), object)
        pay_many(self, names, retailer, np.rint(owed * 100.0) / 100.0, "retail bill", batch.ids)

    # --- rows ----------------------------------------------------------------------------------------------------------

    def _rows(self, homes: I64) -> I64:
        return np.searchsorted(self._to.home, homes)

    def _rows_of_devices(self, place: int, devices: I64) -> I64:
        numbers = self._to.device[place]
        order = np.argsort(numbers, kind="stable")
        return np.asarray(order[np.searchsorted(numbers[order], devices)], np.int64)


def _texts(values: Sequence[str]) -> NDArray[Any]:
    column = np.empty(len(values), object)
    column[:] = values
    return column


def _columns(record: Any) -> dict[str, NDArray[Any]]:
    from environment.messages.base import columns_of

    return columns_of([record])


def _records(kind: Any, columns: Mapping[str, NDArray[Any]]) -> Iterable[Any]:
    n = len(next(iter(columns.values())))
    for row in range(n):
        values = {name: column[row] for name, column in columns.items()}
        yield kind(**{k: v.item() if isinstance(v, np.generic) else v for k, v in values.items()})
