"""The aggregator of households, second part: its days, forecasts, the quarter-hourly optimisation, temperature control (6 to 9)."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.home_planner import Cycle, Planner
from agents.home_recruiting import HomeRecruiting
from agents.home_terms import HomeTerms
from agents.strategies.home_model import house, tank
from environment.calendar import Timeline
from environment.instruments import Readings
from environment.messages.base import Batch
from environment.messages.homes import DEVICE_KINDS, MODES, VehicleRecord
from environment.messages.homes_operation import (
    DataQuery,
    DeviceOrder,
    DisplayRequest,
    ExternalData,
    HomeDisplay,
    HomeForecast,
    OptimisationResult,
    PortfolioForecast,
    PowerReference,
    ServiceDay,
    StoredHistory,
    StoredReadings,
    TemperatureForecast,
    UserPreferences,
)
from environment.party import Process, Seat, handles
from environment.weather.records import Weather
from environment.weather.view import WeatherView

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

NONE = -1e8
"""Values below stand for none (environment.platforms.cloud_database)."""
THERMAL = (2, 3)
STORES = (0, 1)
LETTERS = "amno"
"""Modes as the cloud database writes them."""
LATER_S = 5.0
"""So long after the begin of a quarter of an hour its samples are in the database."""
AHEAD_STEPS = 8


class HomeOperation(HomeRecruiting):
    """Runs the households' days.

    Args:
        seat: place in the world.
        terms: whom it works with, and how.
        planner: optimisation of the portfolio; knows nothing of a household before its survey.
        view: its own picture of the weather, filled by what sources tell.
    """

    def __init__(self, seat: Seat, terms: HomeTerms, planner: Planner, view: WeatherView) -> None:
        super().__init__(seat, terms)
        self.planner, self._view = planner, view
        n = len(terms.sites)
        self.readings = Readings(0, {})
        self.number = np.array(
            [[self._address(site.devices.get(kind, "")) for site in terms.sites] for kind in DEVICE_KINDS], np.int64
        ).reshape(len(DEVICE_KINDS), n)
        self.home_number = self.numbers([site.home for site in terms.sites])
        self.meter_number = self.numbers([site.meter for site in terms.sites])
        self._tariff = list(terms.tariffs)
        self.modes = np.full((4, n), 3, np.int64)
        self._latest: dict[str, F64] = {}
        self._plugged = np.ones(n)
        self.prices_eur_per_kwh: F64 | None = None
        self.expected_kw: dict[int, float] = {}
        self.references_kw = np.full((4, n), np.nan)
        self.limits = np.zeros((2, 4, n))
        self._earned = np.zeros(n)
        self._history_read = np.zeros(n, bool)
        self.came: dict[str, float] = dict.fromkeys(("displays", "called_kwh", "delivered_kwh", "earned_eur"), 0.0)
        self._to_ms = 0

    def _address(self, name: str) -> int:
        return self.directory.number(name) if name else -1

    @property
    def timeline(self) -> Timeline:
        """The steps."""
        return self.planner.timeline

    def names_of(self, rows: I64) -> list[str]:
        """Pseudonyms of some households."""
        return [self.people.pseudonym(self.terms.sites[row].home) for row in rows]

    def _allowed(self, purpose: str) -> Bool:
        """Equipped households that consent to a purpose now, (n,)."""
        return self.equipped & self.people.allowed([site.home for site in self.terms.sites], purpose, self.now_ms)

    @property
    def members(self) -> Bool:
        """Households that are planned: equipped, consenting, with history and readings, (n,)."""
        known = self._latest.get("load_kw", np.full(len(self.terms.sites), np.nan))
        return self._allowed("control") & self._history_read & ~np.isnan(known)

    # --- joining and leaving -------------------------------------------------------------------------------------------

    def _welcome(self, row: int, wishes: UserPreferences, vehicle: VehicleRecord | None) -> None:
        survey = dict(zip(self.surveys[row].characteristics, self.surveys[row].values.tolist(), strict=True))
        self.planner.learn(with_survey(self.planner.book, row, survey, self._tariff.index(self.surveys[row].tariff)))
        self.planner.moved(np.array([row]))
        if self.day:
            self._begin_day_of(np.array([row]))

    def _stop(self, row: int, *, forget: bool) -> None:
        """Nothing more is planned of the household; what is to be forgotten is gone from here too."""
        if forget:
            self.equipped[row] = False
            self.surveys.pop(row, None)
            seen = self.planner.seen
            for column in (seen.load_kw, seen.pv_kw, seen.driven_kwh, seen.draw_kwh):
                column[row] = 0.0
            for values in self._latest.values():
                values[row] = np.nan
            self._history_read[row] = False
        if not self._allowed("control")[row]:
            self.references_kw[:, row] = np.nan

    # --- days ----------------------------------------------------------------------------------------------------------

    def serve(self) -> Process:
        """One conversation of scenario 6 a day; in it, quarter by quarter, the service runs."""
        yield self.until(self.terms.rounds[0].ends_ms + 1000)
        days = self.terms.days_ms
        for from_ms, to_ms in pairwise(days):
            if to_ms <= self.now_ms or not self.equipped.any():
                continue
            yield self.until(from_ms)
            before, self.day = self.day, self.open("SUC13.1", "6", f"day/{from_ms}")
            if before:
                self.start(self._end_later(before))
            self._tell_day(self.now_ms, to_ms)
            yield from self._through(to_ms)
        if self.day:
            self.end(self.day)

    def _end_later(self, talk: str) -> Process:
        yield self.sleep(60.0)
        self.end(talk)

    def _tell_day(self, from_ms: int, to_ms: int) -> None:
        self._to_ms = to_ms
        notice = ServiceDay(from_ms=from_ms, to_ms=to_ms)
        self.send(notice, self.terms.database, self.day)
        self._begin_day_of(np.flatnonzero(self._allowed("service")))

    def _begin_day_of(self, rows: I64) -> None:
        homes = [self.terms.sites[row].home for row in rows]
        self.send([ServiceDay(from_ms=self.now_ms, to_ms=self._to_ms)] * len(homes), homes, self.day)

    def _through(self, to_ms: int) -> Process:
        """The quarters of an hour of a day, and the ticks within them."""
        timeline, tick_ms = self.timeline, round(self.terms.tick_s * 1000.0)
        step = timeline.index(self.now_ms - 1) + 1
        while step < timeline.n and timeline.starts_ms[step] < to_ms:
            start_ms = int(timeline.starts_ms[step])
            yield self.until(start_ms + round(LATER_S * 1000.0))
            yield from self._quarter(step)
            for tick in range(1, timeline.step_ms // tick_ms):
                yield self.until(start_ms + tick * tick_ms + round(LATER_S * 1000.0))
                yield from self.tick(step, tick)
            step += 1

    def _quarter(self, step: int) -> Process:
        renewed = (
            self.timeline.starts_ms[step] % 3_600_000 == 0 or not self._history_read[self._allowed("forecast")].all()
        )
        if renewed:
            yield from self._forecast(step)
        yield from self._optimise(step, renewed=renewed)
        yield from self._control_temperatures(step)

    def tick(self, step: int, number: int) -> Process:
        """What is done within a quarter of an hour."""
        yield self.sleep(0.0)

    # --- 7: forecasts --------------------------------------------------------------------------------------------------

    def _forecast(self, step: int) -> Process:
        """Scenario 7: read what has been recorded and what outside sources say; forecast, and store the forecasts."""
        talk = self.open("SUC13.1", "7", f"forecast/{self.now_ms}")
        kinds = ("history", "readings", "weather", "market")
        questions = [DataQuery(what=kind, purpose="forecast", since_ms=0) for kind in kinds]
        answers = yield self.ask(questions, [self.terms.database] * len(kinds), talk)
        for one in answers.records():
            match one:
                case StoredHistory():
                    self._take_history(one)
                case StoredReadings():
                    self._take_readings(one)
                case ExternalData():
                    self._take_outside(one)
        rows = np.flatnonzero(self.members)
        if self._view.first < 0 or not len(rows):
            self.end(talk, "refused", "no weather, or no household with recorded data, yet")
            return
        self._complete_weather(step)
        portfolio, homes = self._forecasts(step, rows)
        self.send(portfolio, self.terms.database, talk)
        self.send(homes, [self.terms.database] * len(homes), talk)
        self.end(talk)

    def _take_history(self, one: StoredHistory) -> None:
        rows = self.rows_of(one.households)
        first = self.timeline.index(one.from_ms)
        table = one.values.reshape(len(one.names), len(one.households), -1)
        held = rows >= 0
        for name, values in zip(one.names, table, strict=True):
            column = getattr(self.planner.seen, name)
            steps = slice(first, first + values.shape[1])
            known = values[held] > NONE
            target = column[rows[held], steps]
            column[rows[held], steps] = np.where(known, values[held], target)
        self.planner.seen.steps = max(self.planner.seen.steps, first + table.shape[2])
        complete = (table[0] > NONE).any(axis=1)
        self._history_read[rows[held & complete]] = True

    def rows_of(self, prosumers: tuple[str, ...]) -> I64:
        """Rows of households by their ids, -1 for who is not known any more."""
        homes = [self.people.resolve(one) for one in prosumers]
        return np.array([-1 if home is None else self._home_row[home] for home in homes], np.int64)

    def _take_outside(self, one: ExternalData) -> None:
        """Weather goes into the own picture of it; prices and participation are what markets are expected to do."""
        if one.kind == "market":
            self.prices_eur_per_kwh = one.price_eur_per_kwh
            return
        if one.kind != "weather":
            return
        first = self.timeline.index(one.from_ms)
        zero = np.zeros(len(one.temp_c))
        told = {"temp_c": one.temp_c, "ghi_wm2": one.ghi_wm2}
        self._view.issue(self.now_ms, first, Weather(*(told.get(name, zero) for name in Weather._fields)))
        past = self.timeline.index(one.observed_from_ms)
        for name, values in (("temp_c", one.observed_temp_c), ("ghi_wm2", one.observed_ghi_wm2)):
            getattr(self._view.observed, name)[past : past + len(values)] = values
        self._view.known = past + len(one.observed_temp_c)

    def _forecasts(self, step: int, rows: I64) -> tuple[PortfolioForecast, list[HomeForecast]]:
        end = min(self.planner.horizon_end(step), self._view.first + len(self._view.forecast.temp_c))
        view, own_load_kw = self.planner.forecast(step, end, self.readings, rows)
        ahead = self._view.ahead(step, end)
        common: dict[str, Any] = {
            "from_ms": int(self.timeline.starts_ms[step]),
            "step_s": self.timeline.step_ms / 1000.0,
        }
        expected = np.array([self.expected_kw.get(at, 0.0) for at in range(step, end)])
        prices = self.prices_eur_per_kwh
        price = np.zeros(end - step) if prices is None else np.resize(prices, end - step)
        portfolio = PortfolioForecast(
            **common, temp_c=np.asarray(ahead.temp_c, np.float64), load_kw=view.load_kw.sum(axis=0), pv_kw=view.pv_kw.sum(axis=0),
            price_eur_per_kwh=price, activation_kw=expected,
        )  # fmt: skip
        homes = [
            HomeForecast(
                household=name, **common, load_kw=own_load_kw[place], pv_kw=view.pv_kw[place],
                plugged_share=float(view.ev_plugged[place].mean()),
            )
            for place, name in enumerate(self.names_of(rows))
        ]  # fmt: skip
        return portfolio, homes

    # --- 8: optimisation -----------------------------------------------------------------------------------------------

    def _optimise(self, step: int, *, renewed: bool) -> Process:
        """Scenario 8: read, plan to the end of the next day, store, command the result of this quarter to devices."""
        talk = self.open("SUC13.1", "8", f"quarter/{int(self.timeline.starts_ms[step])}")
        questions = [DataQuery(what=what, purpose="control", since_ms=self.now_ms) for what in ("readings", "forecast")]
        answers = yield self.ask(questions, [self.terms.database] * 2, talk)
        for one in answers.records():
            if isinstance(one, StoredReadings):
                self._take_readings(one)
        members = self.members
        if self._view.first < 0 or not members.any() or not answers.complete:
            self.end(talk, "refused", "readings or forecasts are missing")
            return
        self._observe(step)
        cycle = self.planner.cycle(step, self.readings, members, forecast=renewed)
        self._note(cycle)
        points = self.planner.references(step, self.readings)
        self.references_kw = np.array([np.where(members, kw, np.nan) for kw in points])
        self._store_results(step, cycle, np.flatnonzero(members), talk)
        sent = [self._refer(kind, talk) for kind in STORES]
        if any(sent):
            self.end(talk)
        else:
            self.end(talk, "refused", "no battery or car is in automatic mode")

    def _complete_weather(self, step: int) -> None:
        """Weather of past steps that nobody has told yet was as forecast, or as last observed."""
        view = self._view
        for column, said in zip(view.observed, view.forecast, strict=True):
            missing = np.flatnonzero(np.isnan(column[:step]))
            if len(missing):
                place = np.clip(missing - view.first, 0, len(said) - 1)
                column[missing] = said[place]

    def _observe(self, step: int) -> None:
        """What the last step came to, for the forecasts."""
        self._complete_weather(step)
        if step > self.planner.seen.steps:
            self.planner.observe(step - 1, self.readings)

    def _note(self, cycle: Cycle) -> None:
        self.register("resolves").add(
            t_ms=self.now_ms, members=cycle.members, solved=len(cycle.solved), looked_at=cycle.looked_at,
            loss_eur=cycle.loss_eur, cost_eur=cycle.cost_eur,
        )  # fmt: skip

    def _store_results(self, step: int, cycle: Cycle, members: I64, talk: str) -> None:
        """Steps 8.2 and 8.4: the plans of whoever was solved, and of the portfolio."""
        start_ms = int(self.timeline.starts_ms[step])
        current = self.planner.current
        assert current is not None
        place = step - current.first
        solved = np.intersect1d(cycle.solved, members)
        net = current.plan.net_kw[:, place:]
        price = current.view.buy_eur_per_kwh[:, place:]
        cost = (np.maximum(net, 0.0) * price).sum(axis=1) * self.timeline.hours
        hourly = net[:, : net.shape[1] // 4 * 4].reshape(len(net), -1, 4).mean(axis=2) if net.shape[1] >= 4 else net
        total = np.nansum(self.references_kw[:, members], axis=0)
        references = [
            (f"{name}/{DEVICE_KINDS[kind]}", float(self.references_kw[kind, row]))
            for row, name in zip(members.tolist(), self.names_of(members), strict=True)
            for kind in range(4)
            if not np.isnan(self.references_kw[kind, row])
        ]
        saved = dict(zip(cycle.solved.tolist(), cycle.saved_eur.tolist(), strict=True))
        contracted = self.planner.book.limit_kw
        places = {row: at for at, row in enumerate(members.tolist())}
        homes = [
            OptimisationResult(
                household=name, quarter_ms=start_ms, step_s=3600.0, reference_kw=float(total[places[row]]), net_kw=hourly[row],
                cost_eur=float(cost[row]), solved=1, devices=(), references_kw=np.zeros(1), contracted_kw=float(contracted[row]),
                saved_eur=saved[row],
            )
            for row, name in zip(solved.tolist(), self.names_of(solved), strict=True)
        ]  # fmt: skip
        whole = OptimisationResult(
            household="", quarter_ms=start_ms, step_s=3600.0, reference_kw=float(total.sum()), net_kw=hourly[members].sum(axis=0),
            cost_eur=float(cost[members].sum()), solved=len(solved), devices=tuple(device for device, _ in references),
            references_kw=np.array([kw for _, kw in references] or [0.0]), contracted_kw=float(contracted[members].sum()),
            saved_eur=sum(saved[row] for row in solved.tolist()), displays=int(self.came["displays"]),
            called_kwh=self.came["called_kwh"], delivered_kwh=self.came["delivered_kwh"], earned_eur=self.came["earned_eur"],
        )  # fmt: skip
        self.came = dict.fromkeys(self.came, 0.0)
        if homes:
            self.send(homes, [self.terms.database] * len(homes), talk)
        self.send(whole, [self.terms.database, self.terms.service], talk)

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

    # --- 9: temperatures -----------------------------------------------------------------------------------------------

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
        models = {2: (tank(current.view), "heater_c", self.planner.book.heater["kw"]),
                  3: (house(current.view), "house_c", self.planner.book.house["hp_kw"])}  # fmt: skip
        for kind, (model, state, rated) in models.items():
            mine = rows[(self.number[kind, rows] >= 0) & (rated[rows] > 0.0)]
            cold = self._latest[state][mine].copy()
            for at in range(place, ahead):
                cold = model.keep[mine] * cold + model.drift[mine, at]
            gain = model.gain[mine, place:ahead].sum(axis=1)
            short = np.maximum(self.limits[0, kind, mine] - cold, 0.0)
            hours = (ahead - place) * self.timeline.hours
            devices += [f"{name}/{DEVICE_KINDS[kind]}" for name in self.names_of(mine)]
            planned += getattr(current.expected, state)[mine, ahead].tolist()
            idle += cold.tolist()
            needed += (short / np.maximum(gain, 1e-9) * hours).tolist()
        if not devices:
            devices, planned, idle, needed = ["none"], [0.0], [0.0], [0.0]
        return TemperatureForecast(
            devices=tuple(devices), in_2h_c=np.array(planned), idle_2h_c=np.nan_to_num(np.array(idle)),
            needed_kwh=np.nan_to_num(np.array(needed)),
        )  # fmt: skip

    def _act_by_mode(self, kind: int, rows: I64, talk: str) -> None:
        """Step 9.4: outside its limits an automatic device heats or stops; all others are reminded of their mode."""
        if not len(rows):
            return
        state = self._latest["heater_c" if kind == 2 else "house_c"][rows]
        low, high = self.limits[:, kind, rows]
        modes = self.modes[kind, rows]
        rated = (self.planner.book.heater["kw"] if kind == 2 else self.planner.book.house["hp_kw"])[rows]
        follow = np.nan_to_num(self.references_kw[kind, rows])
        power = np.where(state < low, rated, np.where(state > high, 0.0, follow))
        action = np.where(
            modes == 2,
            "on",
            np.where(modes == 3, "off", np.where(state < low, "on", np.where(state > high, "off", "follow"))),
        )
        automatic = modes == 0
        self.order(
            kind, rows, np.where(automatic, power, 0.0), np.where(automatic, "temperature", "settings"), talk,
            action=action, low=low, high=high,
        )  # fmt: skip

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

    # --- readings ------------------------------------------------------------------------------------------------------

    def _take_readings(self, one: StoredReadings) -> None:
        """The latest settings and measurements, as the planner wants them."""
        n = len(self.terms.sites)
        rows = self.rows_of(one.households)
        held = rows >= 0
        table = one.values.reshape(len(one.names), len(one.households))
        values: dict[str, F64] = {name: np.full(n, np.nan) for name in one.names}
        for name, column in zip(one.names, table, strict=True):
            values[name][rows[held]] = np.where(column[held] > NONE, column[held], np.nan)
        self._latest = values
        self._take_modes(rows[held], [mode for mode, there in zip(one.modes, held.tolist(), strict=True) if there])
        departs = values["leaves_ms"]
        step = (departs - self.timeline.start_ms) / self.timeline.step_ms
        self.readings = Readings(
            self.now_ms,
            {
                **{name: values[name] for name in ("battery_kwh", "ev_kwh", "heater_c", "house_c", "draw_kw")},
                **{f"{kind}_now_kw": values[f"{kind}_kw"] for kind in DEVICE_KINDS},
                "load_kw": np.nan_to_num(values["load_kw"]), "pv_kw": np.nan_to_num(values["pv_kw"]),
                "ev_plugged": values["plugged"], "ev_was_plugged": self._plugged,
                "ev_departure_step": np.where(departs >= self.now_ms, step, np.nan),
            },
        )  # fmt: skip

    def _take_modes(self, rows: I64, modes: list[str]) -> None:
        """Modes as people set them, and the limits that follow from their wishes."""
        known = [place for place, text in enumerate(modes) if len(text) == len(DEVICE_KINDS)]
        mine = rows[known]
        numbers = (
            np.array([[LETTERS.index(letter) for letter in modes[place]] for place in known], np.int64).reshape(-1, 4).T
        )
        self.modes[:, mine] = numbers
        there = self.number[:, mine] >= 0
        self.planner.set_modes(mine, (numbers == 0) & there, (numbers == 3) | ~there)
        latest, (above_k, below_k) = self._latest, self.terms.limits_k
        self.limits[:, 0, mine] = np.zeros(len(mine)), latest["soc_share"][mine] * self.planner.book.ev["kwh"][mine]
        self.limits[:, 1, mine] = self.planner.book.battery["min_kwh"][mine], self.planner.book.battery["max_kwh"][mine]
        self.limits[:, 2, mine] = latest["tank_c"][mine] - below_k, latest["tank_c"][mine] + above_k
        width = latest["room_width_k"][mine]
        self.limits[:, 3, mine] = latest["room_c"][mine] - width, latest["room_c"][mine] + width
        self.limits = np.nan_to_num(self.limits)

    # --- 6.3: the interface --------------------------------------------------------------------------------------------

    @handles(DisplayRequest)
    def show(self, batch: Batch[DisplayRequest]) -> None:
        """Step 6.3: what a person sees of the own household."""
        for sender in batch.sender.tolist():
            home = self.directory.names[sender]
            self.send(self._display(self._home_row[home]), home, batch.conversation)
            self.came["displays"] += self.people.may_process(home, "statistics", self.now_ms)

    def _display(self, row: int) -> HomeDisplay:
        latest: Mapping[str, F64] = self._latest
        value = {
            name: float(np.nan_to_num(latest[name][row]))
            for name in ("net_kw", "heater_c", "house_c")
            if name in latest
        }
        current = self.planner.current
        load = pv = cost = 0.0
        if current is not None:
            place = self.timeline.index(self.now_ms) - current.first
            day = slice(place, place + round(24.0 / self.timeline.hours))
            hours = self.timeline.hours
            load = float(current.view.load_kw[row, day].sum()) * hours
            pv = float(current.view.pv_kw[row, day].sum()) * hours
            cost = (
                float((np.maximum(current.plan.net_kw[row, day], 0.0) * current.view.buy_eur_per_kwh[row, day]).sum())
                * hours
            )
        return HomeDisplay(
            net_kw=value.get("net_kw", 0.0), tank_c=value.get("heater_c", 0.0), room_c=value.get("house_c", 0.0),
            day_load_kwh=load, day_pv_kwh=max(pv, 0.0), day_cost_eur=cost, saved_eur=float(self._earned[row]),
        )  # fmt: skip


def with_survey(book: Any, row: int, survey: Mapping[str, float], tariff: int) -> Any:
    """A book in which one row is what a survey says: ``<device>_<characteristic>``, and what people want."""
    groups = {name: dict(getattr(book, name)) for name in ("battery", "ev", "heater", "house")}
    for name, columns in groups.items():
        for column in columns:
            values = columns[column].copy()
            values[row] = survey[f"{name}_{column}"]
            columns[column] = values
    single = {
        "limit_kw": "contracted_kw", "reservation_eur_per_kwh": "reservation_eur_per_kwh", "comfort_c": "comfort_c",
        "comfort_width_k": "comfort_width_k",
    }  # fmt: skip
    changes: dict[str, Any] = {}
    for name, asked in single.items():
        changes[name] = getattr(book, name).copy()
        changes[name][row] = survey[asked]
    tariffs = book.tariff.copy()
    tariffs[row] = tariff
    return replace(book, tariff=tariffs, **groups, **changes)
