"""The aggregator of households, third part: power within the quarter of an hour (SUC13.1 scenarios 2, 3 and 11)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from agents.home_operation import HomeOperation
from agents.home_picture import rows_at
from agents.home_planner import Planner
from agents.home_terms import HomeTerms
from agents.strategies import home_balance, home_promise
from data.arrays import F64, I64, Bool
from environment.messages.base import Batch, Record
from environment.messages.homes import AUTOMATIC, BATTERY, DEVICE_KINDS, EV, MODES, STATES
from environment.messages.homes_control import LimitWarning
from environment.messages.homes_data import (
    DataQuery,
    MeasurementQuery,
    PreferencesQuery,
    StoredNotice,
    StoredReadings,
    UserPreferences,
)
from environment.messages.homes_market import ActivationSites, Contingency
from environment.party import Process, Seat, handles
from environment.weather.view import WeatherView

LEAST_KW = 0.05
"""A smaller deviation is not worth an order."""


@dataclass
class Activation:
    """A call on the portfolio, on its way.

    Attributes:
        name: id.
        rows: households that were asked.
        expected_kw: mean reduction that is asked of each of them, (rows,).
        reference_kw: net load that it is measured against, summed, (steps,).
        first: first step.
        hours: how long it lasts.
        samples: their net load as read within it, summed.
    """

    name: str
    rows: I64
    expected_kw: F64
    reference_kw: F64
    first: int
    hours: float
    samples: list[float]

    @property
    def delivered_kw(self) -> float:
        """Mean change as read."""
        return float(self.reference_kw.mean() - np.mean(self.samples)) if self.samples else 0.0


class HomePowerControl(HomeOperation):
    """Lowers power near the contract, uses what would be fed in, and carries out activations."""

    stored: ClassVar[tuple[type[Record], ...]] = (*HomeOperation.stored, LimitWarning)

    def __init__(self, seat: Seat, terms: HomeTerms, planner: Planner, view: WeatherView) -> None:
        super().__init__(seat, terms, planner, view)
        self.activations: dict[str, Activation] = {}
        self.buyers: dict[str, str] = {}
        self._closed: set[str] = set()
        self._paid: set[str] = set()

    def tick(self, step: int, number: int) -> Process:
        """Meters that have told that they are near the contract, or feed in, are looked at (2, 3)."""
        told: dict[int, float] = {}
        for batch in self.stored_rows(LimitWarning):
            rows = rows_at(self.meter_number, batch.sender)
            told |= dict(zip(rows.tolist(), batch["net_kw"].tolist(), strict=True))
        members = self.members
        near = [row for row, kw in told.items() if members[row] and kw > 0.0]
        fed = [row for row, kw in told.items() if members[row] and kw < 0.0 and self.planner.ordered_until[row] <= step]
        if near and self.planner.current is not None:
            yield from self._balance(step, np.array(sorted(near)), "peak")
        if fed and self.planner.current is not None and number % self.terms.surplus_every == 0:
            yield from self._balance(step, np.array(sorted(fed)), "surplus")

    # --- 2 and 3 -------------------------------------------------------------------------------------------------------

    def _balance(self, step: int, rows: I64, about: str) -> Process:
        """Scenarios 2 and 3: what do people want, what does the meter show now, which devices can give way or take more."""
        scenario = "2" if about == "peak" else "3"
        talk = self.open("SUC13.1", scenario, f"{about}/{self.now_ms}")
        homes = [self.terms.sites[row].home for row in rows]
        wanted = yield self.ask(PreferencesQuery(about=about), homes, talk)
        self._take_wishes(wanted.batches)
        meters = [self.terms.sites[row].meter for row in rows]
        measured = yield self.ask(MeasurementQuery(about=about), meters, talk)
        net = np.full(len(self.terms.sites), np.nan)
        for batch in measured.batches:
            net[rows_at(self.meter_number, batch.sender)] = batch["consumption_kw"]
        answered = rows[~np.isnan(net[rows]) & self.members[rows]]
        contracted = self.planner.book.limit_kw[answered]
        if about == "peak":
            by_kw = net[answered] - self.terms.peak_share * contracted
        else:
            by_kw = -net[answered] - self.terms.surplus_kw / 2.0
        moved = self._move(step, answered, by_kw, about, talk)
        if moved:
            self.end(talk)
        else:
            self.end(talk, "refused", "nothing to move: back to normal, or no device in automatic mode has room")

    def _take_wishes(self, batches: list[Batch[UserPreferences]]) -> None:
        """The latest word of people counts (rule 13)."""
        for batch in batches:
            rows = rows_at(self.home_number, batch.sender)
            self._set_modes(rows, [[MODES.index(mode) for mode in one] for one in batch["modes"]])
            automatic = self.modes[:, rows] == AUTOMATIC
            self.references_kw[:, rows] = np.where(automatic, self.references_kw[:, rows], np.nan)

    def _move(self, step: int, rows: I64, by_kw: F64, about: str, talk: str) -> bool:
        """Order the devices of some homes to take less or more until the end of the quarter; says whether anything was ordered."""
        power = np.nan_to_num(self.references_kw[:, rows])
        limits = self._room(step, rows, power)
        moved = (home_balance.lower if about != "surplus" else home_balance.lift)(power, limits, by_kw)
        changed = np.abs(moved.power_kw - power) > LEAST_KW
        for kind in range(len(DEVICE_KINDS)):
            mine = np.flatnonzero(changed[kind])
            self.references_kw[kind, rows[mine]] = moved.power_kw[kind, mine]
            self.order(kind, rows[mine], moved.power_kw[kind, mine], np.array([about] * len(mine), object), talk)
        if about in ("peak", "surplus"):
            due = np.flatnonzero(by_kw > 0.0)
            if len(due):
                self.register("corrections").add(
                    t_ms=np.full(len(due), self.now_ms, np.int64), household=self.names_of(rows[due]),
                    about=[about] * len(due), contracted_kw=self.planner.book.limit_kw[rows[due]], asked_kw=by_kw[due],
                    moved_kw=(by_kw - moved.left_kw)[due], left_kw=moved.left_kw[due],
                )  # fmt: skip
        return bool(changed.any())

    def _room(self, step: int, rows: I64, power: F64) -> home_balance.Room:
        book, latest = self.planner.book, self._latest
        rated = np.array(
            [book.ev["kw"][rows], book.battery["kw"][rows], book.heater["kw"][rows], book.house["hp_kw"][rows]]
        )
        states = np.nan_to_num(np.array([latest[name][rows] for name in STATES]))
        there = ~np.isnan(self.references_kw[:, rows])
        there[EV] &= np.nan_to_num(latest["plugged"][rows]) > 0.5
        end_ms = int(self.timeline.starts_ms[step]) + self.timeline.step_ms
        hours = max((end_ms - self.now_ms) / 3_600_000, 1.0 / 60.0)
        battery = states[BATTERY], book.battery["min_kwh"][rows], book.battery["max_kwh"][rows]
        return home_balance.room(power, rated, there, battery, states, self.limits[:, :, rows], hours)

    # --- activations ---------------------------------------------------------------------------------------------------

    def flexible(self) -> Bool:
        """Members that take part in flexible operation now, (n,)."""
        willing = np.nan_to_num(self._latest.get("flexible", np.zeros(len(self.terms.sites)))) > 0.5
        return self.members & self._allowed("flexibility") & willing

    def call(self, name: str, kw: float, from_ms: int, to_ms: int) -> Activation | None:
        """Plan a reduction of the portfolio, cheapest households first; None where nobody can do anything of it."""
        now = self.timeline.index(self.now_ms)
        first, end = max(self.timeline.index(from_ms), now), self.timeline.index(to_ms)
        rows = np.flatnonzero(self.flexible() & (self.planner.ordered_until <= first))
        current = self.planner.current
        if current is None or not len(rows) or end <= first or end > current.end:
            return None
        self.planner.renew(now, self.readings, rows)
        seen_kw = self._latest["net_kw"][rows]
        promise = self.planner.promise(now, first, end - first, self.readings, rows, seen_kw)
        offer = promise.kw
        order = np.lexsort((rows, promise.eur_per_kwh))
        before = np.cumsum(offer[order], axis=0) - offer[order]
        share = np.clip(
            np.divide(kw - before, offer[order], out=np.zeros_like(before), where=offer[order] > 1e-9), 0.0, 1.0
        )
        asked = np.zeros_like(offer)
        asked[order] = share * offer[order]
        chosen = np.flatnonzero((asked > LEAST_KW).any(axis=1))
        if not len(chosen):
            return None
        reference_kw = promise.reference_kw[chosen]
        change = home_promise.to_order_kw(asked[chosen], promise.net_kw[chosen], promise.up_kw[chosen], reference_kw)
        ((reached, _, _),) = self.planner.activate(now, [(rows[chosen], first, change)], self.readings)
        hours = (end - first) * self.timeline.hours
        found = Activation(name, rows[chosen], asked[chosen].mean(axis=1), reference_kw.sum(axis=0), first, hours, [])
        self.activations[name] = found
        for at in range(first, end):
            self.expected_kw[at] = self.expected_kw.get(at, 0.0) + float(reached.sum())
        return found

    def name_sites(self, one: Activation, commitment: str, talk: str) -> None:
        """Tell the buyer where an activation is carried out: delivery is measured there, not where nobody was asked."""
        meters = tuple(self.terms.sites[row].meter for row in one.rows.tolist())
        if commitment in self.buyers:
            self.send(ActivationSites(activation=one.name, meters=meters), self.buyers[commitment], talk)

    def command(self, one: Activation, talk: str) -> bool:
        """Set the devices of the households of an activation to what the plan says now; says whether any was set."""
        step = self.timeline.index(self.now_ms)
        points = self.planner.references(step, self.readings)
        members = self.members
        rows = one.rows[members[one.rows]]
        sent = False
        for kind, kw in enumerate(points):
            mine = rows[(~np.isnan(kw[rows])) & (self.number[kind, rows] >= 0)]
            self.references_kw[kind, mine] = kw[mine]
            self.order(kind, mine, kw[mine], np.array(["flexibility"] * len(mine), object), talk)
            sent |= bool(len(mine))
        return sent

    def correct(self, one: Activation, talk: str) -> None:
        """Compare what the households take now with what they should, and order the difference (11.5)."""
        step = self.timeline.index(self.now_ms)
        current = self.planner.current
        rows = one.rows[self.members[one.rows]]
        if current is None or not len(rows):
            return
        wanted = current.plan.net_kw[rows, step - current.first]
        net = self._latest["net_kw"][rows]
        one.samples.append(float(np.nansum(net)))
        excess = np.where(np.isnan(net), 0.0, net - wanted)
        late = excess > 0.2
        if late.any():
            self._move(step, rows[late], excess[late], "flexibility", talk)

    def count_delivery(self, one: Activation | None, asked_kw: float, hours: float) -> None:
        """Called and delivered energy for the figures; of a call that nobody could follow nothing is delivered."""
        delivered_kw = 0.0 if one is None else min(max(one.delivered_kw, 0.0), asked_kw)
        self.came["called_kwh"] += asked_kw * hours
        self.came["delivered_kwh"] += delivered_kw * hours

    def note_delivery(self, one: Activation, asked_kw: float, hours: float, market: str) -> None:
        """What came of an activation, for the households' shares and the figures."""
        self.count_delivery(one, asked_kw, hours)
        self.register("home_activations").add(
            t_ms=int(self.timeline.starts_ms[one.first]), activation=one.name, market=market, households=len(one.rows),
            ordered_kw=asked_kw, expected_kw=float(one.expected_kw.sum()), delivered_kw=one.delivered_kw,
        )  # fmt: skip

    # --- 11 ------------------------------------------------------------------------------------------------------------

    @handles(StoredNotice)
    def hear_of_news(self, batch: Batch[StoredNotice]) -> Any:
        """The database tells that a contingency, or a simulated market, is stored."""
        for one in batch.records():
            if one.what == "contingency":
                return self.meet_contingency(batch.conversation)
            return self.use_simulation(one.what, batch.conversation)
        return None

    def use_simulation(self, what: str, talk: str) -> Process:
        """Scenario 12 is the trading part's."""
        yield self.sleep(0.0)

    def meet_contingency(self, talk: str) -> Process:
        """Scenario 11: read it, refresh the forecast of activations, and control power until it is over."""
        told = yield from self._read_contingency(talk)
        if told is None:
            return
        one = self.call(told.activation, told.power_kw, told.from_ms, told.to_ms)
        step = self.timeline.index(self.now_ms)
        rows = np.flatnonzero(self.members)
        called_h = (told.to_ms - told.from_ms) / 3_600_000
        if one is None or not len(rows):
            self.count_delivery(None, told.power_kw, called_h)
            self.end(talk, "refused", "no household can do anything of it")
            return
        self.name_sites(one, told.commitment, talk)
        portfolio, _ = self._forecasts(step, rows)
        self.send(portfolio, self.terms.database, talk)
        yield self.until(told.from_ms + 20_000)
        begun = False
        while self.now_ms < told.to_ms:
            questions = [
                DataQuery(what=what, purpose="control", since_ms=self.now_ms) for what in ("readings", "activation")
            ]
            answers = yield self.ask(questions, [self.terms.database] * 2, talk)
            for answer in answers.records():
                if isinstance(answer, StoredReadings):
                    self._take_readings(answer)
            if begun:
                self.correct(one, talk)
            else:
                begun = self.command(one, talk)
            yield self.sleep(self.terms.tick_s)
        self.note_delivery(one, told.power_kw, called_h, "balancing")

    def _read_contingency(self, talk: str) -> Process:
        answers = yield self.ask(
            DataQuery(what="contingency", purpose="control", since_ms=self.now_ms), self.terms.database, talk
        )
        found = [one for one in answers.records() if isinstance(one, Contingency) and one.activation]
        if not found:
            self.end(talk, "failed", "the database did not tell of a contingency")
            return None
        return found[0]


def cents(eur: F64) -> F64:
    """Whole cents, rounded down."""
    return np.asarray(np.floor(eur * 100.0 + 1e-6) / 100.0)
