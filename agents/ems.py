"""The EMS in the cloud: registers retrofitted water heaters, learns them, and switches them (SUC03.1, SUC03.2).

A day: what came since yesterday trains or updates the models; policies are worked out anew every few hours; every quarter of an hour each
water heater that may be controlled, is learned and has just been heard of is told on or off for the next intervals. Whoever is not heard of,
or has taken the approval back, is told nothing and is its thermostat's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agents.ems_desk import CustomerDesk
from agents.ems_memory import DAY_MS, Memory, policy
from agents.strategies import retrofit, tank_control, tank_model, tank_services
from agents.strategies.retrofit import Services
from agents.strategies.tank_model import Learning, TankModel
from agents.strategies.tank_services import Comfort, Outlook
from data.arrays import F64, I64
from environment.calendar import Timeline
from environment.messages.thermal_loads import LoadTelemetry, MonitoringOrder, SwitchCommand
from environment.party import Process, Seat, Work, act
from markets.registers.personal_data import PersonalData


@dataclass(frozen=True)
class EmsTerms:
    """How the service works.

    Attributes:
        customers: homes that it may come to serve, ascending.
        module: numbers of their modules' addresses, (n,).
        days_ms: (start, end) of every day of the service.
        training_days: days of measurements before a water heater is controlled.
        trains_every_s: time between two reports in training.
        reports_every_s: the same in operation.
        plans_every_s: time between two optimisations.
        horizon_s: how far ahead they look.
        command_intervals: intervals for which a command holds.
        learning: how models are learned.
        comfort: what hot water must be.
        peak_share: power limit of a household as a share of its contracted power.
        prices: tariff -> (buy, sell) over the intervals of the run [EUR/kWh].
        personal_days: how long personal data are kept.
        measurement_days: how long measurements are.
    """

    customers: tuple[str, ...]
    module: I64
    days_ms: Sequence[tuple[int, int]]
    training_days: int
    trains_every_s: float
    reports_every_s: float
    plans_every_s: float
    horizon_s: float
    command_intervals: int
    learning: Learning
    comfort: Comfort
    peak_share: float
    prices: Mapping[str, tuple[F64, F64]]
    personal_days: float
    measurement_days: float


class Ems(CustomerDesk):
    """The flexibility services provider that runs the EMS, and the EMS.

    Args:
        seat: place in the world.
        timeline: the intervals.
        terms: how the service works.
    """

    stored = (LoadTelemetry,)

    def __init__(self, seat: Seat, timeline: Timeline, terms: EmsTerms) -> None:
        people = PersonalData(seat.name, policy(terms.personal_days, terms.measurement_days), prefix="customer")
        super().__init__(seat, Memory(terms.customers, timeline, people))
        self._timeline = timeline
        self._terms = terms
        n = len(terms.customers)
        self.model: TankModel | None = None
        self._began = np.full(n, -1, np.int64)
        self._trained = np.zeros(n, bool)
        self._usual_c = np.full(n, np.nan)
        self._start_c = np.full(n, np.nan)
        self._hot_ms = np.full(n, NEVER_MS, np.int64)
        self._training: dict[str, I64] = {}
        self._plan: _Plan | None = None

    @property
    def _per_day(self) -> int:
        return DAY_MS // self._timeline.step_ms

    def processes(self) -> Iterable[Process]:
        """One day after the other."""
        yield self.serve()

    # --- SUC03.2: the days -------------------------------------------------------------------------------------------------

    def serve(self) -> Process:
        """Every midnight: who is learned, who is operated; the day is lived quarter by quarter."""
        terms = self._terms
        for start_ms, end_ms in terms.days_ms:
            yield self.until(start_ms)
            self.memory.people.expire(self.now_ms)
            self._graduate()
            self._begin_training()
            operated = np.flatnonzero(self._trained & self.memory.controllable(self.now_ms))
            talk = self._begin_operation(operated, end_ms) if len(operated) else ""
            yield from self._live_day(end_ms, operated, talk)
            if talk:
                self.end(talk)
        for name in self._training:
            self.end(name)

    def _begin_training(self) -> None:
        """SUC03.2/1: whoever was approved since yesterday is learned from now on."""
        fresh = np.flatnonzero(self.memory.learnable(self.now_ms) & self.memory.approved & (self._began < 0))
        if not len(fresh):
            return
        self._began[fresh] = self.now_ms
        talk = self.open("SUC03.2", "1", f"day {self.now_ms // DAY_MS}", system="ems")
        self._training[talk] = fresh
        until_ms = min(self.now_ms + self._terms.training_days * DAY_MS, self._terms.days_ms[-1][1])
        self._order_reports(fresh, self._terms.trains_every_s, until_ms, talk)

    def _graduate(self) -> None:
        """Whoever has been measured long enough is learned; a home that was not heard of goes on."""
        end = self._timeline.index(self.now_ms)
        long_enough = (self._began >= 0) & ~self._trained
        long_enough &= self.now_ms - self._began >= self._terms.training_days * DAY_MS
        rows = np.flatnonzero(long_enough & self.memory.learnable(self.now_ms))
        if len(rows):
            measured = self.memory.days(rows, end, self._terms.training_days)
            self._usual_c[rows] = tank_model.usual_c(measured.tank_c)
            known = np.isfinite(self._usual_c[rows])
            self._trained[rows[known]] = True
            self._learn(end)
        for talk, cohort in list(self._training.items()):
            if bool(long_enough[cohort].any() or self._trained[cohort].any()):
                self.end(talk)
                del self._training[talk]

    def _begin_operation(self, rows: I64, end_ms: int) -> str:
        """SUC03.2/2: a day of control."""
        talk = self.open("SUC03.2", "2", f"day {self.now_ms // DAY_MS}", system="ems")
        self._order_reports(rows, self._terms.reports_every_s, end_ms, talk)
        return talk

    def _order_reports(self, rows: I64, every_s: float, until_ms: int, talk: str) -> None:
        n = len(rows)
        columns = {
            "every_s": np.full(n, every_s),
            "household": self.memory.metered[rows],
            "until_ms": np.full(n, until_ms, np.int64),
        }
        self.send_batch(MonitoringOrder, columns, self.numbers([self.at("ems")]), self._terms.module[rows], talk)

    def _live_day(self, end_ms: int, operated: I64, talk: str) -> Process:
        """Take in what comes; learn once, plan every few hours, command after every report."""
        terms, plan_due = self._terms, self.now_ms
        learned = False
        while True:
            next_ms = self.now_ms + round(terms.reports_every_s * 1000)
            if next_ms + LISTENS_MS >= end_ms:
                break
            yield self.until(next_ms - next_ms % round(terms.reports_every_s * 1000) + LISTENS_MS)
            self._take_in()
            now = self._timeline.index(self.now_ms)
            if not len(operated):
                continue
            if not learned and bool((self.memory.seen[operated] >= now - 1).any()):
                self._learn(now - now % self._per_day)
                learned, plan_due = True, self.now_ms
            if learned and self.now_ms >= plan_due:
                willing = operated[self.memory.controllable(self.now_ms)[operated]]
                if len(willing):
                    self.optimization(willing, now, talk)
                plan_due = self.now_ms + round(terms.plans_every_s * 1000)
            self._command(now, talk)
        yield self.until(end_ms)

    def _take_in(self) -> None:
        """Write down what came of whoever agrees to it."""
        memory, timeline = self.memory, self._timeline
        allowed = memory.learnable(self.now_ms) & memory.approved
        place = {number: row for row, number in enumerate(self._terms.module.tolist())}
        for batch in self.stored_rows(LoadTelemetry):
            rows = np.array([place[number] for number in batch.sender.tolist()], np.int64)
            keep = np.flatnonzero(allowed[rows])
            rows, m = rows[keep], batch["tank_c"].shape[1]
            first = (batch["from_ms"][keep] - timeline.start_ms) // timeline.step_ms
            at = first[:, None] + np.arange(m)
            for name, column in (("tank", "tank_c"), ("outlet", "outlet_c"), ("kwh", "heater_kwh")):
                memory.series[name][rows[:, None], at] = batch[column][keep]
            metered = batch["household"][keep]
            memory.series["household"][rows[metered][:, None], at[metered]] = batch["household_kw"][keep][metered]
            memory.probes[rows] = batch["two_probes"][keep]
            memory.obeys[rows] = batch["module_online"][keep] & batch["heater_online"][keep]
            memory.seen[rows] = np.maximum(memory.seen[rows], first + m - 1)
            hot = (batch["tank_c"][keep] >= self._terms.comfort.hygiene_c).any(axis=1)
            self._hot_ms[rows[hot]] = self.now_ms

    def _learn(self, end: int) -> None:
        """The models of all who may be learned, from the last days before interval ``end``."""
        terms = self._terms
        rows = np.flatnonzero(self._trained & self.memory.learnable(self.now_ms))
        if not len(rows):
            return
        measured = self.memory.days(rows, end, max(terms.training_days, terms.learning.reserve_days))
        found = tank_model.learn(self.memory.litres[rows], self.memory.heater_kw[rows], measured, terms.learning)
        n = len(terms.customers)
        self.model = self.model or TankModel(*(np.zeros((n, *column.shape[1:])) for column in found))
        for whole, part in zip(self.model, found, strict=True):
            whole[rows] = part
        self.register("heater_models").add(
            t_ms=self.now_ms, customer=self.memory.pseudonyms(rows), loss_kw_per_k=found.loss_kw_per_k,
            need_kwh_per_day=found.need_kwh.sum(axis=1), reserve_kwh=found.reserve_kwh.max(axis=1), layering=found.layering,
            windows=found.windows, days=found.days,
        )  # fmt: skip

    def forget(self, person: str) -> None:
        """Erase a customer, and what was learned of its water heater."""
        row = self.memory.row(person)
        for column in self.model or ():
            column[row] = 0.0
        self._trained[row], self._began[row], self._hot_ms[row] = False, -1, NEVER_MS
        self._usual_c[row] = self._start_c[row] = np.nan
        super().forget(person)

    # --- SUC03.2: optimisation and commands --------------------------------------------------------------------------------

    def services(self, rows: I64) -> Services:
        """What some customers get: what they want of what is possible for them."""
        memory = self.memory
        wanted = Services(*(np.array([name in memory.wanted[row] for row in rows], bool) for name in retrofit.SERVICES))
        known = np.array([memory.tariff[row] in self._terms.prices for row in rows], bool)
        return retrofit.chosen(wanted, retrofit.available(memory.generation[rows], memory.metered[rows], known))

    @act("optimization", system="ems")
    def optimization(self, rows: I64, now: int, talk: str) -> Work:
        """Step 4: the best policy of every water heater from now on."""
        terms, timeline, memory = self._terms, self._timeline, self.memory
        assert self.model is not None
        model = TankModel(*(column[rows] for column in self.model))
        last = timeline.index(terms.days_ms[-1][1]) if terms.days_ms[-1][1] < timeline.end_ms else timeline.n
        steps = np.arange(now, min(now + round(terms.horizon_s * 1000 / timeline.step_ms), last))
        quarters = steps % self._per_day
        services = self.services(rows)
        limit = terms.peak_share * memory.contracted_kw[rows]
        base = memory.base_kw(rows, now - now % self._per_day, terms.learning.reserve_days)
        days = terms.learning.memory_days
        surplus = tank_services.surplus_kw(base, days)
        crowded = tank_services.crowded(base, memory.heater_kw[rows], limit, days)
        buy, sell = (np.array([self._prices(row)[side][steps] for row in rows]) for side in (0, 1))
        ceiling = memory.ceiling_c[rows]
        begun = np.isnan(self._start_c[rows])
        self._start_c[rows[begun]] = self._tank_c(rows, now)[begun]
        floor = tank_services.floors(model, terms.comfort, self._usual_c[rows], ceiling, quarters)
        due = self.now_ms - self._hot_ms[rows] > (terms.comfort.hygiene_days - 1.0) * DAY_MS
        floor = tank_services.hygiene(floor, model, terms.comfort, due, ceiling, quarters)
        if len(steps) and steps[-1] == last - 1:  # no less is left in the end than there was when control began
            floor[:, -1] = np.maximum(floor[:, -1], np.nan_to_num(self._start_c[rows]))
        outlook = Outlook(surplus[:, quarters], crowded[:, quarters], buy, sell)
        task = tank_services.task(model, services, outlook, quarters, floor, ceiling, terms.learning.room_c)
        self._plan = _Plan(rows, now, tank_control.plan(model, task), services, limit)
        names = memory.pseudonyms(rows)
        tank = self._tank_c(rows, now)
        tank = np.where(np.isfinite(tank), tank, self._usual_c[rows])
        self.register("heater_plans").add(
            t_ms=self.now_ms, customer=names, services=[retrofit.names(services, k) for k in range(len(rows))],
            expected_eur=self._plan.policy.cost_eur[np.arange(len(rows)), tank_control.nearest(tank)],
            floor_c=floor.max(axis=1, initial=0.0), hygiene_due=due,
        )  # fmt: skip
        return Work(
            None,
            talk,
            reads=[f"heater_models/{name}" for name in names],
            writes=[f"heater_plans/{name}" for name in names],
        )

    def _prices(self, row: int) -> tuple[F64, F64]:
        """Prices of a customer's tariff; where it is not known, one price for all."""
        return self._terms.prices.get(self.memory.tariff[row]) or next(iter(self._terms.prices.values()))

    def _tank_c(self, rows: I64, now: int) -> F64:
        """The temperature last measured, NaN where nothing came lately."""
        series = self.memory.series["tank"][rows]
        return np.where(self.memory.seen[rows] >= now - 1, series[:, max(now - 1, 0)], np.nan)

    def _command(self, now: int, talk: str) -> None:
        """Step 5: on or off for whoever was heard of just now, obeys, and still agrees."""
        plan, terms, memory = self._plan, self._terms, self.memory
        if plan is None or not plan.first <= now < plan.first + plan.policy.on.shape[1]:
            return
        tank = self._tank_c(plan.rows, now)
        fresh = np.isfinite(tank) & memory.obeys[plan.rows] & memory.controllable(self.now_ms)[plan.rows]
        if not fresh.any():
            return
        on = tank_control.commands(plan.policy, now - plan.first, np.nan_to_num(tank, nan=tank_control.COLDEST_C))
        base = (
            memory.series["household"][plan.rows, now - 1]
            - memory.series["kwh"][plan.rows, now - 1] / self._timeline.hours
        )
        heater = memory.heater_kw[plan.rows]
        on = tank_services.limited(on, plan.services, base, heater, plan.limit_kw, tank > terms.comfort.least_c)
        rows, n = plan.rows[fresh], int(fresh.sum())
        columns = {
            "from_ms": np.full(n, self._timeline.starts_ms[now], np.int64),
            "step_s": np.full(n, self._timeline.step_ms / 1000.0),
            "on": np.repeat(on[fresh, None].astype(np.float64), terms.command_intervals, axis=1),
        }
        self.send_batch(SwitchCommand, columns, self.numbers([self.at("ems")]), terms.module[rows], talk)


@dataclass(frozen=True)
class _Plan:
    """Policies of some customers from an interval on."""

    rows: I64
    first: int
    policy: tank_control.Policy
    services: Services
    limit_kw: F64


NEVER_MS = -(10**15)
"""Long before any run: a tank that was never seen hot is due at once."""
LISTENS_MS = 30_000
"""Half a minute after the end of an interval what modules report is there."""
