"""The aggregator of households, second part: what it knows of them and of the world, and what it shows them (SUC13.1 step 6.3)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.home_planner import Planner
from agents.home_recruiting import HomeRecruiting
from agents.home_terms import HomeTerms
from agents.prosumer_book import HomeBook
from data.arrays import F64, I64, Bool
from environment.calendar import Timeline
from environment.instruments import Readings
from environment.messages.base import Batch
from environment.messages.homes import (
    AUTOMATIC,
    BATTERY,
    DEVICE_KINDS,
    EV,
    HEAT_PUMP,
    MODE_LETTERS,
    OFF,
    STATES,
    WATER_HEATER,
    VehicleRecord,
)
from environment.messages.homes_data import (
    DisplayRequest,
    ExternalData,
    HomeDisplay,
    ServiceDay,
    StoredHistory,
    StoredReadings,
    UserPreferences,
    given,
)
from environment.party import Seat, handles
from environment.weather.records import Weather
from environment.weather.view import WeatherView


class HomePicture(HomeRecruiting):
    """Keeps the picture of the households that all planning is made on, as the cloud database tells it.

    Args:
        seat: place in the world.
        terms: whom it works with, and how.
        planner: optimisation of the portfolio; knows nothing of a household before its survey.
        view: its own picture of the weather, filled by what sources tell.
    """

    def __init__(self, seat: Seat, terms: HomeTerms, planner: Planner, view: WeatherView) -> None:
        super().__init__(seat, terms)
        self.planner, self._view = planner, view
        self._unknown = planner.book
        n = len(terms.sites)
        self.readings = Readings(0, {})
        self.number = np.array(
            [[self._address(site.devices.get(kind, "")) for site in terms.sites] for kind in DEVICE_KINDS], np.int64
        ).reshape(len(DEVICE_KINDS), n)
        self.home_number = self.numbers([site.home for site in terms.sites])
        self.meter_number = self.numbers([site.meter for site in terms.sites])
        self._tariff = list(terms.tariffs)
        self.modes = np.full((4, n), OFF, np.int64)
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

    def rows_of(self, prosumers: tuple[str, ...]) -> I64:
        """Rows of households by their ids, -1 for who is not known any more."""
        homes = [self.people.resolve(one) for one in prosumers]
        return np.array([-1 if home is None else self._home_row[home] for home in homes], np.int64)

    def _allowed(self, purpose: str) -> Bool:
        """Equipped households that consent to a purpose now, (n,)."""
        return self.equipped & self.people.allowed([site.home for site in self.terms.sites], purpose, self.now_ms)

    @property
    def members(self) -> Bool:
        """Households that are planned: equipped, consenting, with history and readings, (n,)."""
        known = self._latest.get("load_kw", np.full(len(self.terms.sites), np.nan))
        return self._allowed("control") & self._history_read & ~np.isnan(known)

    # --- joining and leaving ------------------------------------------------------------------------------------------

    def _welcome(self, row: int, wishes: UserPreferences, vehicle: VehicleRecord | None) -> None:
        survey = dict(zip(self.surveys[row].characteristics, self.surveys[row].values.tolist(), strict=True))
        self.planner.learn(with_survey(self.planner.book, row, survey, self._tariff.index(self.surveys[row].tariff)))
        self.planner.moved(np.array([row]))
        if self.day:
            self._begin_day_of(np.array([row]))

    def _begin_day_of(self, rows: I64) -> None:
        homes = [self.terms.sites[row].home for row in rows]
        self.send([ServiceDay(from_ms=self.now_ms, to_ms=self._to_ms)] * len(homes), homes, self.day)

    def _stop(self, row: int, *, forget: bool) -> None:
        """Nothing more is planned of the household; what is to be forgotten is gone from here too."""
        if forget:
            self.equipped[row] = False
            self.surveys.pop(row, None)
            survey, tariff = survey_of(self._unknown, row), int(self._unknown.tariff[row])
            self.planner.learn(with_survey(self.planner.book, row, survey, tariff))
            self.planner.forget(row)
            for values in self._latest.values():
                values[row] = np.nan
            self._history_read[row] = False
            self.modes[:, row], self.limits[:, :, row], self._earned[row] = OFF, 0.0, 0.0
        if not self._allowed("control")[row]:
            self.references_kw[:, row] = np.nan

    # --- what the database tells --------------------------------------------------------------------------------------

    def _take_history(self, one: StoredHistory) -> None:
        rows = self.rows_of(one.households)
        first = self.timeline.index(one.from_ms)
        table = one.values.reshape(len(one.names), len(one.households), -1)
        held = rows >= 0
        for name, values in zip(one.names, table, strict=True):
            column = getattr(self.planner.seen, name)
            steps = slice(first, first + values.shape[1])
            known = given(values[held])
            target = column[rows[held], steps]
            column[rows[held], steps] = np.where(known, values[held], target)
        self.planner.seen.steps = max(self.planner.seen.steps, first + table.shape[2])
        complete = given(table[0]).any(axis=1)
        self._history_read[rows[held & complete]] = True

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

    def _complete_weather(self, step: int) -> None:
        """Weather of past steps that nobody has told yet was as forecast, or as last observed."""
        view = self._view
        for column, said in zip(view.observed, view.forecast, strict=True):
            missing = np.flatnonzero(np.isnan(column[:step]))
            if len(missing):
                place = np.clip(missing - view.first, 0, len(said) - 1)
                column[missing] = said[place]

    def _take_readings(self, one: StoredReadings) -> None:
        """The latest settings and measurements, as the planner wants them."""
        n = len(self.terms.sites)
        rows = self.rows_of(one.households)
        held = rows >= 0
        table = one.values.reshape(len(one.names), len(one.households))
        values: dict[str, F64] = {name: np.full(n, np.nan) for name in one.names}
        for name, column in zip(one.names, table, strict=True):
            values[name][rows[held]] = np.where(given(column[held]), column[held], np.nan)
        self._latest = values
        self._take_modes(rows[held], [mode for mode, there in zip(one.modes, held.tolist(), strict=True) if there])
        departs = values["leaves_ms"]
        step = (departs - self.timeline.start_ms) / self.timeline.step_ms
        self.readings = Readings(
            self.now_ms,
            {
                **{name: values[name] for name in (*STATES, "draw_kw")},
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
        self._set_modes(mine, [[MODE_LETTERS.index(letter) for letter in modes[place]] for place in known])
        latest, (above_k, below_k) = self._latest, self.terms.limits_k
        self.limits[:, EV, mine] = np.zeros(len(mine)), latest["soc_share"][mine] * self.planner.book.ev["kwh"][mine]
        self.limits[:, BATTERY, mine] = (
            self.planner.book.battery["min_kwh"][mine],
            self.planner.book.battery["max_kwh"][mine],
        )
        self.limits[:, WATER_HEATER, mine] = latest["tank_c"][mine] - below_k, latest["tank_c"][mine] + above_k
        width = latest["room_width_k"][mine]
        self.limits[:, HEAT_PUMP, mine] = latest["room_c"][mine] - width, latest["room_c"][mine] + width
        self.limits = np.nan_to_num(self.limits)

    def _set_modes(self, rows: I64, modes: list[list[int]]) -> None:
        """Modes of the devices of some households, one list each; a device that is not there counts as off."""
        numbers = np.array(modes, np.int64).reshape(-1, len(DEVICE_KINDS)).T
        self.modes[:, rows] = numbers
        there = self.number[:, rows] >= 0
        self.planner.set_modes(rows, (numbers == AUTOMATIC) & there, (numbers == OFF) | ~there)

    # --- 6.3: the interface -------------------------------------------------------------------------------------------

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


def rows_at(addresses: I64, numbers: I64) -> I64:
    """Rows of some addresses by their numbers, of which each is among them."""
    order = np.argsort(addresses, kind="stable")
    return np.asarray(order[np.searchsorted(addresses, numbers, sorter=order)], np.int64)


_DEVICES = ("battery", "ev", "heater", "house")
_SINGLE = {
    "limit_kw": "contracted_kw", "reservation_eur_per_kwh": "reservation_eur_per_kwh", "comfort_c": "comfort_c",
    "comfort_width_k": "comfort_width_k",
}  # fmt: skip
"""Columns of a book and what a survey calls them; it calls those of devices ``<device>_<characteristic>``."""


def with_survey(book: HomeBook, row: int, survey: Mapping[str, float], tariff: int) -> HomeBook:
    """A book in which one row is what a survey says of devices and of what people want."""
    changes: dict[str, Any] = {name: dict(getattr(book, name)) for name in _DEVICES}
    for device in _DEVICES:
        for name, column in changes[device].items():
            changes[device][name] = _with(column, row, survey[f"{device}_{name}"])
    changes |= {name: _with(getattr(book, name), row, survey[asked]) for name, asked in _SINGLE.items()}
    return replace(book, tariff=_with(book.tariff, row, tariff), **changes)


def survey_of(book: HomeBook, row: int) -> dict[str, float]:
    """What a survey would say of a row, as a book has it."""
    devices = {f"{device}_{name}": column for device in _DEVICES for name, column in getattr(book, device).items()}
    columns = devices | {asked: getattr(book, name) for name, asked in _SINGLE.items()}
    return {name: float(column[row]) for name, column in columns.items()}


def _with(column: NDArray[Any], row: int, value: float) -> NDArray[Any]:
    column = column.copy()
    column[row] = value
    return column
