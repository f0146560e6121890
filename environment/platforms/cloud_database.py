"""The cloud database of a service for households: it stores what devices, people and outside sources send, and serves it (SUC13.1).

It never decides. Whose data it may store and serve, for which purpose, the controller tells it (``ProcessingOrder``); what has been kept long
enough it deletes. Households are known to it by prosumer id; which devices belong to an id is told by the same order.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from data.arrays import F64, I64
from environment.calendar import Timeline
from environment.messages.base import Batch, Record
from environment.messages.homes import AUTOMATIC, DEVICE_KINDS, MODE_LETTERS, MODES, STATES
from environment.messages.homes_control import MARKET, OptimisationResult, SettingsNotice
from environment.messages.homes_data import (
    NONE,
    DataQuery,
    DeviceMeasurement,
    HomeForecast,
    MeasurementHistory,
    PortfolioForecast,
    ProcessingOrder,
    ServiceDay,
    StoredHistory,
    StoredNotice,
    StoredReadings,
    TemperatureForecast,
    UserPreferences,
)
from environment.messages.homes_market import ActivationState, Contingency, KpiInputs, KpiValues, SimulatedMarket
from environment.party import Party, Process, Seat, handles
from environment.platforms.service_sums import COUNTS, FEWEST, ServiceSums
from environment.refusals import refuse

IN_MESSAGES = {"plugged": "plugged_share"}
"""How a message calls what the history keeps, where it has another name."""

HISTORY = ("load_kw", "pv_kw", "plugged", "driven_kwh", "draw_kwh")
QUANTITIES = (
    "net_kw", "load_kw", "pv_kw", "draw_kw", "plugged", "leaves_ms",
    *STATES, *(f"{kind}_kw" for kind in DEVICE_KINDS), *(f"{kind}_reference_kw" for kind in DEVICE_KINDS),
    "tank_c", "room_c", "room_width_k", "soc_share", "flexible", "reservation_eur_per_kwh",
)  # fmt: skip
"""What is kept of each household as its latest value."""

SIMPLE = {"yesterday": 1, "last_week": 7}
"""Simple forecasts that the forecast of load is compared with: the same time so many days before."""

LOOK_MS = 2_000
"""Samples are stored at every full two seconds."""


class CloudDatabase(Party):
    """Platform address ``data-storage``.

    Args:
        seat: place in the world.
        timeline: the steps for which history is kept.
        capacity: most households that it can hold.
        sources: what is asked of outside sources: kind of data -> address.
        service: address of the service developer, which carries settings to devices.
        asks_every_s: how often it asks outside sources.
        retention_ms: how long measurements are kept.
        owner: address of the controller, which is told of contingencies and simulations.
    """

    looks: ClassVar = {DeviceMeasurement: LOOK_MS}

    def __init__(
        self, seat: Seat, timeline: Timeline, capacity: int, sources: dict[str, str], service: str, asks_every_s: float,
        retention_ms: int, owner: str,
    ) -> None:  # fmt: skip
        super().__init__(seat)
        self._timeline, self._sources, self._service = timeline, sources, service
        self._asks_every_s, self._retention_ms, self._owner = asks_every_s, retention_ms, owner
        self._row_of = np.full(len(self.directory.names), -1, np.int64)
        self._ids: list[str] = []
        self._purposes: list[frozenset[str]] = []
        self.latest: dict[str, F64] = {name: np.full(capacity, np.nan) for name in QUANTITIES}
        self.modes = np.full(capacity, "", object)
        self.history: dict[str, F64] = {name: np.full((capacity, timeline.n), np.nan) for name in HISTORY}
        self._read_to = np.zeros(capacity, np.int64)
        self._kept: dict[str, Record] = {}
        self._calls: list[Contingency] = []
        self._day = ""
        self._until_ms = 0
        self.sums = ServiceSums(timeline, capacity)

    # --- whose data --------------------------------------------------------------------------------------------------

    @handles(ProcessingOrder)
    def take_order(self, batch: Batch[ProcessingOrder]) -> None:
        """From now on store and serve as the controller says; what is to be erased is gone."""
        for order in batch.records():
            if order.erase:
                self._erase(order.prosumer_id)
            elif order.prosumer_id in self._ids:
                self._purposes[self._ids.index(order.prosumer_id)] = frozenset(order.purposes)
            else:
                self._ids.append(order.prosumer_id)
                self._purposes.append(frozenset(order.purposes))
                mine = [name == order.site or name.startswith(f"{order.site}/") for name in self.directory.names]
                self._row_of[np.flatnonzero(mine)] = len(self._ids) - 1

    def _erase(self, prosumer_id: str) -> None:
        if prosumer_id not in self._ids:
            return
        row = self._ids.index(prosumer_id)
        self._row_of[self._row_of == row] = -1
        self._purposes[row], self._ids[row] = frozenset(), ""
        for column in (*self.latest.values(), *self.history.values()):
            column[row] = np.nan
        self.sums.forget(row)
        self.modes[row] = ""
        for what in ("forecast", "result"):
            self._kept.pop(f"{what}/{prosumer_id}", None)

    def _allowed(self, purpose: str) -> I64:
        return np.array([row for row, purposes in enumerate(self._purposes) if purpose in purposes], np.int64)

    def _storable(self, batch: Batch[Any]) -> tuple[Batch[Any], I64]:
        """The messages of a batch that may be stored, and whose they are; the others are refused on record."""
        rows = self._row_of[batch.sender]
        may = np.array([row >= 0 and "service" in self._purposes[row] for row in rows.tolist()], bool)
        for place in np.flatnonzero(~may).tolist():
            refuse(self, batch, place, batch.record.__name__, "no consent to store data of this household")
        return (batch, rows) if may.all() else (batch.take(may), rows[may])

    # --- what is stored ----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Step 6.1: store the measurements that have come."""
        for batch in self.stored_rows(DeviceMeasurement):
            self._store_measurements(batch)

    def _store_measurements(self, batch: Batch[DeviceMeasurement]) -> None:
        """The latest values, and of the step that ended the history."""
        batch, rows = self._storable(batch)
        kinds = batch["kind"]
        meter = kinds == "meter"
        self._put("net_kw", rows[meter], batch["consumption_kw"][meter])
        self.sums.metered(rows[meter], batch["consumption_kw"][meter], batch.sent_ms)
        self._put("load_kw", rows[meter], batch["mean_kw"][meter])
        self._put("pv_kw", rows[meter], batch["other"][meter])
        step = self._timeline.index(batch.sent_ms) - 1
        if (batch.sent_ms - self._timeline.start_ms) % self._timeline.step_ms == 0 and step >= 0:
            self.history["load_kw"][rows[meter], step] = batch["mean_kw"][meter]
            self.history["pv_kw"][rows[meter], step] = batch["other"][meter]
        for kind, state in zip(DEVICE_KINDS, STATES, strict=True):
            mine = kinds == kind
            self._put(state, rows[mine], batch["state"][mine])
            self._put(f"{kind}_kw", rows[mine], batch["consumption_kw"][mine])
            if kind == "ev":
                self._put("plugged", rows[mine], batch["other"][mine])
            elif kind == "water_heater":
                self._put("draw_kw", rows[mine], batch["other"][mine])

    def _put(self, name: str, rows: I64, values: F64) -> None:
        self.latest[name][rows] = values

    @handles(MeasurementHistory)
    def store_history(self, batch: Batch[MeasurementHistory]) -> None:
        """What was recorded before a household joined; no longer back than it may be kept."""
        batch, rows = self._storable(batch)
        for place, row in enumerate(rows.tolist()):
            first = self._timeline.index(int(batch["from_ms"][place]))
            steps = batch["load_kw"].shape[1]
            for name in HISTORY:
                self.history[name][row, first : first + steps] = batch[IN_MESSAGES.get(name, name)][place]
        self._forget()

    @handles(UserPreferences)
    def store_preferences(self, batch: Batch[UserPreferences]) -> None:
        """Step 6.4: the latest settings count; the service developer carries them to the devices."""
        batch, rows = self._storable(batch)
        self.modes[rows] = ["".join(MODE_LETTERS[MODES.index(mode)] for mode in modes) for modes in batch["modes"]]
        for name in (
            "tank_c",
            "room_c",
            "room_width_k",
            "soc_share",
            "leaves_ms",
            "flexible",
            "reservation_eur_per_kwh",
        ):
            self._put(name, rows, np.asarray(batch[name], np.float64))
        if len(batch):
            columns = {name: np.array(column) for name, column in batch.columns.items()}
            sender, receiver = self.numbers([self.name]), self.directory.numbers([self._service])
            homes = np.array([self.directory.names[number] for number in batch.sender], object)
            self._relay(columns, homes, sender, receiver, batch.conversation)

    def _relay(self, columns: dict[str, Any], homes: Any, sender: I64, receiver: I64, conversation: str) -> None:
        n = len(homes)
        told = {"household": homes, "modes": columns["modes"]}
        told |= {name: columns[name] for name in ("tank_c", "room_c", "room_width_k", "soc_share")}
        self.send_batch(SettingsNotice, told, np.repeat(sender, n), np.repeat(receiver, n), conversation)

    @handles(PortfolioForecast)
    def store_forecast(self, batch: Batch[PortfolioForecast]) -> None:
        """Step 7.2."""
        self._kept["forecast"] = batch.one(len(batch) - 1)

    @handles(HomeForecast)
    def store_home_forecasts(self, batch: Batch[HomeForecast]) -> None:
        """Step 7.2: kept for the household's own display and for its error."""
        place = self._places()
        for row, one in enumerate(batch.records()):
            if self._is_known(one.household, batch, row):
                self._kept[f"forecast/{one.household}"] = one
                self.sums.forecast(place[one.household], one.from_ms, one.step_s, one.load_kw)

    @handles(TemperatureForecast)
    def store_temperatures(self, batch: Batch[TemperatureForecast]) -> None:
        """Step 9.1."""
        self._kept["temperatures"] = batch.one(len(batch) - 1)

    @handles(OptimisationResult)
    def store_result(self, batch: Batch[OptimisationResult]) -> None:
        """Steps 8.2 and 10.3: plans, and the references that are being commanded."""
        place = self._places()
        for row, one in enumerate(batch.records()):
            if not one.household:
                self._kept["result/"] = one
                self.sums.counted(one.quarter_ms, {name: float(getattr(one, name)) for name in COUNTS})
                self._keep_references(one)
            elif one.household == MARKET:
                self._kept[f"result/{MARKET}"] = one
            elif self._is_known(one.household, batch, row):
                self._kept[f"result/{one.household}"] = one
                self.sums.planned(
                    place[one.household], one.quarter_ms, one.step_s, one.net_kw, one.contracted_kw, one.saved_eur
                )

    def _is_known(self, household: str, batch: Batch[Any], row: int) -> bool:
        """Whether data of a household may be kept; what was on its way here while it was erased is refused on record."""
        known = household in self._ids
        if not known:
            refuse(self, batch, row, batch.record.__name__, "no household of this id is stored any more")
        return known

    def _places(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self._ids) if name}

    def _keep_references(self, result: OptimisationResult) -> None:
        place = self._places()
        for kind in DEVICE_KINDS:
            self.latest[f"{kind}_reference_kw"][:] = np.nan
        for device, kw in zip(result.devices, result.references_kw.tolist(), strict=False):
            household, _, kind = device.rpartition("/")
            if household in place:
                self.latest[f"{kind}_reference_kw"][place[household]] = kw

    @handles(Contingency)
    def store_contingency(self, batch: Batch[Contingency]) -> None:
        """Step 11.1."""
        self._calls += list(batch.records())
        self.send(StoredNotice(what="contingency"), self._owner, batch.conversation)

    @handles(SimulatedMarket)
    def store_simulation(self, batch: Batch[SimulatedMarket]) -> None:
        """Step 12.2."""
        for one in batch.records():
            self._kept[f"simulation/{one.market}"] = one
            self.send(StoredNotice(what=f"simulation/{one.market}"), self._owner, batch.conversation)

    @handles(KpiValues)
    def store_figures(self, batch: Batch[KpiValues]) -> None:
        """Step 13.2; what is not defined is null."""
        for one in batch.records():
            columns = {name: getattr(one, name) for name in one.__struct_fields__ if name != "undefined"}
            columns |= dict.fromkeys(filter(None, one.undefined), np.nan)
            self.register("service_figures").add(t_ms=self.now_ms, **columns)

    # --- outside data (6.2) --------------------------------------------------------------------------------------------

    @handles(ServiceDay)
    def begin_day(self, batch: Batch[ServiceDay]) -> Process:
        """Step 6.2: ask outside sources again and again through the day; delete what was kept long enough."""
        day, until_ms = batch.conversation, int(batch["to_ms"][0])
        while self.now_ms < until_ms:
            self._forget()
            kinds = list(self._sources)
            questions = [DataQuery(what=kind, purpose="service", since_ms=self._timeline.start_ms) for kind in kinds]
            answers = yield self.ask(questions, [self._sources[kind] for kind in kinds], day)
            for one in answers.records():
                self._kept[one.kind] = one
            yield self.sleep(self._asks_every_s)

    def _forget(self) -> None:
        last = self._timeline.index(max(self.now_ms - self._retention_ms, self._timeline.start_ms))
        for column in self.history.values():
            column[:, :last] = np.nan
        self.sums.forget_before(last)

    # --- what is served ----------------------------------------------------------------------------------------------

    @handles(DataQuery)
    def serve(self, batch: Batch[DataQuery]) -> None:
        """Answer each question from what is stored; what is not there is refused on record, and the question stays open."""
        for place in range(len(batch)):
            question = batch.take(np.array([place]))
            answer = self._answer(question.one())
            if answer is None:
                refuse(self, question, 0, str(question["what"][0]), "nothing of that is stored")
            else:
                self.answer(question, answer)

    def _answer(self, question: DataQuery) -> Record | None:
        match question.what:
            case "readings":
                return self._readings(self._allowed(question.purpose))
            case "history":
                return self._unread(self._allowed(question.purpose))
            case "contingency":
                return self._contingency()
            case "activation":
                return self._activation()
            case "figures":
                return self._kpi_inputs(question.since_ms)
        return self._kept.get(question.what)

    def _readings(self, rows: I64) -> StoredReadings | None:
        if not len(rows):
            return None
        table = np.array([self.latest[name][rows] for name in QUANTITIES])
        return StoredReadings(
            households=tuple(self._ids[row] for row in rows), modes=tuple(self.modes[row] for row in rows), names=QUANTITIES,
            values=np.where(np.isnan(table), NONE, table).ravel(),
        )  # fmt: skip

    def _unread(self, rows: I64) -> StoredHistory | None:
        """What has not been read yet of the households: of new ones all, of the others the steps since the last reading."""
        done = self._timeline.index(self.now_ms)
        if not len(rows):
            return None
        first = int(self._read_to[rows].min())
        rows = rows[self._read_to[rows] == first]
        first = min(first, done - 1)
        table = np.array([self.history[name][rows, first:done] for name in HISTORY])
        self._read_to[rows] = done
        return StoredHistory(
            households=tuple(self._ids[row] for row in rows), from_ms=int(self._timeline.starts_ms[first]),
            step_s=self._timeline.step_ms / 1000.0, names=HISTORY, values=np.where(np.isnan(table), NONE, table).ravel(),
        )  # fmt: skip

    def _contingency(self) -> Contingency | None:
        """The contingency in force or next to come."""
        ahead = [one for one in self._calls if one.to_ms > self.now_ms]
        return min(ahead, key=lambda one: (one.from_ms, one.activation)) if ahead else None

    def _activation(self) -> ActivationState:
        """What is in force at this instant."""
        force = [one for one in self._calls if one.from_ms <= self.now_ms < one.to_ms]
        if not force:
            return ActivationState(activation="", direction="up", to_ms=self.now_ms, power_kw=0.0)
        one = force[-1]
        return ActivationState(
            activation=one.activation, direction=one.direction, to_ms=one.to_ms, power_kw=one.power_kw
        )

    def _kpi_inputs(self, since_ms: int) -> KpiInputs | None:
        """Sums of a period over enough households; nobody's own values leave."""
        rows = self._allowed("statistics")
        if len(rows) < FEWEST:
            return None
        to_ms = self.now_ms - (self.now_ms - self._timeline.start_ms) % self._timeline.step_ms
        steps = self._timeline.steps(max(since_ms, self._timeline.start_ms), to_ms)
        values = self._period(rows, steps)
        return KpiInputs(
            from_ms=since_ms, to_ms=to_ms, names=tuple(values), values=np.array(list(values.values()), np.float64)
        )

    def _period(self, rows: I64, steps: slice) -> dict[str, float]:
        hours = self._timeline.hours
        load, pv = (self.history[name][rows, steps] for name in ("load_kw", "pv_kw"))
        modes = "".join(str(self.modes[row]) for row in rows)
        return {
            "households": float(len(rows)), "load_kwh": float(np.nansum(load)) * hours,
            "pv_kwh": float(np.nansum(pv)) * hours, "automatic_share": modes.count(MODE_LETTERS[AUTOMATIC]) / max(len(modes), 1),
        } | self.sums.of(rows, steps, load, {name: self._ago(rows, steps, days) for name, days in SIMPLE.items()})  # fmt: skip

    def _ago(self, rows: I64, steps: slice, days: int) -> F64:
        """Recorded load of some days before a period, (k, steps); NaN where it is not kept."""
        back = days * round(24.0 / self._timeline.hours)
        found = np.full((len(rows), steps.stop - steps.start), np.nan)
        first = max(steps.start - back, 0)
        kept = self.history["load_kw"][rows, first : max(steps.stop - back, 0)]
        found[:, found.shape[1] - kept.shape[1] :] = kept
        return found

    def processes(self) -> Iterable[Process]:
        """It lives by reaction."""
        return ()
