"""The aggregator of households, fourth part: its days, forecasts, and the quarter-hourly optimisation (SUC13.1 scenarios 6 to 8)."""

from itertools import pairwise
from typing import Any

import numpy as np

from agents.home_planner import Cycle
from agents.home_temperatures import HomeTemperatures
from data.arrays import I64
from environment.messages.homes import DEVICE_KINDS, STORES
from environment.messages.homes_control import OptimisationResult
from environment.messages.homes_data import (
    DataQuery,
    ExternalData,
    HomeForecast,
    PortfolioForecast,
    ServiceDay,
    StoredHistory,
    StoredReadings,
)
from environment.party import Process

LATER_S = 5.0
"""So long after the begin of a quarter of an hour its samples are in the database."""


class HomeOperation(HomeTemperatures):
    """Runs the households' days."""

    # --- 6: days ------------------------------------------------------------------------------------------------------

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
        self._delete_what_is_over()
        notice = ServiceDay(from_ms=from_ms, to_ms=to_ms)
        self.send(notice, self.terms.database, self.day)
        self._begin_day_of(np.flatnonzero(self._allowed("service")))

    def _delete_what_is_over(self) -> None:
        """Measurements and particulars that have been kept long enough are deleted here too (GDPR-2)."""
        self.people.expire(self.now_ms)
        self.planner.forget_before(
            self.timeline.index(max(self.now_ms - self.terms.retention_ms["measurements"], self.timeline.start_ms))
        )

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

    # --- 7: forecasts -------------------------------------------------------------------------------------------------

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

    # --- 8: optimisation ----------------------------------------------------------------------------------------------

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
