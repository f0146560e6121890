"""The energy management of a population of homes: what it has seen, its plan for the day, and what it does each step.

History, twin and coordinated run live by the same object: a home without coordination follows its own best schedule (the day's plan), in
coordination the same plan is the baseline that it declares. A day's plan is made at noon of the day before and is in force from
midnight; in between only cars that come otherwise than planned are planned again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from agents.prosumer_book import HomeBook, known
from agents.prosumer_day import DayPlan, Planned, blocks, day_plan
from agents.strategies import home_control, home_flexibility, home_forecast
from agents.strategies.home_control import SetPoints
from agents.strategies.home_flexibility import Potential
from agents.strategies.home_model import simulate
from agents.strategies.home_plan import plan as cheapest
from agents.strategies.home_recharge import recharge
from agents.strategies.home_view import PER_STEP, HomePlan, HomeView, take_plan
from data.arrays import F64, I64, Bool
from environment.calendar import Calendar, Timeline
from environment.chance import Stream
from environment.instruments import Readings
from environment.weather.view import WeatherView

CAR_KWH = 1.0
"""A car may differ by so much from what its plan expects."""

SPREAD_EUR_PER_KWH = 0.002
"""Random price difference by which homes spread what they catch up on after an order. The randomised delay that charge points must have
serves the same end (The Electric Vehicles (Smart Charge Points) Regulations 2021, United Kingdom, regulation 11)."""

CALLED_EUR_PER_KWH = 10.0
"""Added to the price of steps in which the home's community is called to take less: above any tariff, so that cars charge then only if they
would not be ready otherwise (a rank, not a price that anybody pays)."""

CATCHING_UP_H = 12.0
"""For so long after an order a car that is charged again spreads its charging."""

HORIZON_STEPS_H = 36.0
"""A day's plan looks from its midnight to the noon after, so that cars are ready the next morning."""


@dataclass
class Seen:
    """What the homes have recorded of themselves, per step of the timeline, (n, T): own load, generation, car, hot water."""

    load_kw: F64
    pv_kw: F64
    plugged: Bool
    driven_kwh: F64
    draw_kwh: F64
    steps: int = 0
    first: int = 0
    """The first step that is kept; what was before has been forgotten."""

    @property
    def lived(self) -> slice:
        """The steps that are known."""
        return slice(self.first, self.steps)


@dataclass
class Hems:
    """One energy management system per home, all homes at once.

    Attributes:
        book: what the homes are and want.
        calendar: local time.
        timeline: steps, history included.
        weather: what has been measured and forecast.
        restart: chance by which homes spread what they catch up on.
        directions: of the flexibility that somebody asks for.
        modes: step -> which homes are in automatic mode from then on, (n,), where people change it.
        windows: first step of a day -> its steps in which flexibility may be offered; empty where nobody asks for it.
        keep_views: keep all that a day's plan is made on, for those who compare it with the optimum.
        called: where a community of theirs is called, 1 to take less, -1 to take more, (n, T); None where no home is in one.
    """

    book: HomeBook
    calendar: Calendar
    timeline: Timeline
    weather: WeatherView
    restart: Stream
    directions: tuple[str, ...] = ()
    modes: Mapping[int, Bool] = field(default_factory=dict)
    windows: Mapping[int, slice] = field(default_factory=dict)
    keep_views: bool = False
    called: F64 | None = None
    current: DayPlan | None = None
    next: DayPlan | None = None
    ordered_until: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    replanned: int = 0

    def __post_init__(self) -> None:
        n, steps = self.book.n, self.timeline.n
        load, pv, driven, draw = np.zeros((4, n, steps))
        self.seen = Seen(load, pv, np.ones((n, steps), bool), driven, draw)
        self.ordered_until = np.full(n, -1, np.int64)
        self.automatic = self.book.automatic.copy()
        self._car_left_kwh = np.full(n, np.nan)
        self.given_up_kw: dict[int, F64] = {}
        local = self.calendar.local_columns(self.timeline.starts_ms)
        slot = np.floor(local.hour / self.timeline.hours + 1e-9).astype(np.int64)
        self._steps = home_forecast.Steps(local.day, slot, (~local.workday).astype(np.int64))
        self._per_day = round(24.0 / self.timeline.hours)

    # --- what was seen ---------------------------------------------------------------------------------------------------

    def observe(self, step: int, readings: Readings) -> None:
        """Record the finished step ``step`` and what the car shows."""
        seen = self.seen
        seen.load_kw[:, step] = readings["load_kw"]
        seen.pv_kw[:, step] = readings["pv_kw"]
        seen.draw_kwh[:, step] = known(readings["draw_kw"], 0.0) * self.timeline.hours
        plugged = known(readings["ev_was_plugged"], 1.0) > 0.5
        before = seen.plugged[:, step - 1] if step else plugged
        energy = readings["ev_kwh"]
        came = plugged & ~before & ~np.isnan(self._car_left_kwh)
        if step:
            seen.driven_kwh[came, step - 1] = np.maximum(self._car_left_kwh[came] - energy[came], 0.0)
        self._car_left_kwh = np.where(plugged, energy, self._car_left_kwh)
        seen.plugged[:, step] = plugged
        seen.steps = step + 1

    # --- plans -----------------------------------------------------------------------------------------------------------

    def plan_next(self, step: int, readings: Readings) -> DayPlan:
        """Make the plan of the next local day, at the start of ``step`` of this one; it comes into force at its midnight."""
        midnight = self.timeline.index(self.calendar.day_start(int(self.timeline.starts_ms[step]), 1))
        end = min(midnight + round(HORIZON_STEPS_H / self.timeline.hours), self.timeline.n)
        parts = (self._plan_of(rows, step, midnight, end, readings) for rows in blocks(self.book.n))
        self.next = day_plan(midnight, parts, self.book.n, keep=self.keep_views)
        return self.next

    def _plan_of(self, rows: slice, step: int, midnight: int, end: int, readings: Readings) -> Planned:
        """The plan of some homes for the day from midnight on, made in ``step``."""
        now = self.view(step, end, readings, np.arange(rows.start, rows.stop))
        states = self._expected_at(midnight, step, now, rows)
        view = _from(now, midnight - step)._replace(
            ev_kwh=states.ev_kwh, battery_soc_kwh=states.battery_kwh, heater_c=states.heater_c, house_c=states.house_c
        )
        view = self.book.with_ends(view)
        plan = cheapest(view)
        window = self.windows.get(midnight)  # a day that is not lived to its end offers nothing
        offered = None if window is None or view.m < window.stop else self._offered(view, plan, window)
        return Planned(view, plan, simulate(view, plan).ev_kwh, offered)

    def _expected_at(self, midnight: int, step: int, now: HomeView, rows: slice) -> "_States":
        """The states that the present plan of some homes leads to at midnight, from what is measured now."""
        part = _until(now, midnight - step)
        current = self.current
        if current is not None and current.end >= midnight and current.first <= step:
            columns = slice(step - current.first, midnight - current.first)
            rest = HomePlan(*(column[rows, columns] for column in current.plan))
        else:
            rest = cheapest(part)
        states = simulate(part, rest)
        return _States(states.ev_kwh[:, -1], states.battery_kwh[:, -1], states.heater_c[:, -1], states.house_c[:, -1])

    def is_planning_time(self, step: int, hour: float) -> bool:
        """Whether the next day is planned at the start of a step; not before a whole day was seen, nor a day that is not lived."""
        place = self._steps.slot[step] * self.timeline.hours
        if abs(place - hour) >= 1e-9 or self.seen.steps < self._per_day:
            return False
        return self.calendar.day_start(int(self.timeline.starts_ms[step]), 1) < self.timeline.end_ms

    def _offered(self, view: HomeView, plan: HomePlan, window: slice) -> Potential:
        """What each home could change in a day's plan in some hours of it (columns of the day; 0 outside)."""
        inside = home_flexibility.potential(view, plan, window.start, window.stop, directions=self.directions)
        return inside._replace(
            up_kw=self._over_day(inside.up_kw, window),
            down_kw=self._over_day(inside.down_kw, window),
            curtail_kw=self._over_day(inside.curtail_kw, window),
        )

    def _over_day(self, kw: F64, window: slice) -> F64:
        """A profile of the window as one of the day; a day of 25 hours may have its window late."""
        whole = np.zeros((len(kw), max(self._per_day, window.stop)))
        whole[:, window] = kw
        return whole

    def view(self, step: int, end: int, readings: Readings, rows: I64) -> HomeView:
        """What some homes know at the start of ``step`` about the steps up to ``end``."""
        seen = self.seen
        lived = seen.lived
        past = home_forecast.Steps(*(column[lived] for column in self._steps))
        ahead = home_forecast.Steps(*(column[step:end] for column in self._steps))
        load = home_forecast.load(seen.load_kw[rows, lived], past, ahead)
        irradiance = self.weather.observed.ghi_wm2[lived]
        upcoming = self.weather.ahead(step, end)
        pv = home_forecast.generation(seen.pv_kw[rows, lived], irradiance, past, upcoming.ghi_wm2, ahead, self._per_day)
        draws = home_forecast.similar_days(seen.draw_kwh[rows, lived], past, ahead)
        trips = home_forecast.trips(seen.plugged[rows, lived], seen.driven_kwh[rows, lived], past, ahead)
        plugged, drive = _declared(trips.plugged, trips.drive_kwh, step, readings, rows)
        pv = self._kept(pv, step, rows)
        view = self.book.view(rows, step, end, load, pv, plugged, drive, draws, upcoming, readings)
        return view._replace(automatic=self.automatic[rows])

    def _kept(self, pv_kw: F64, step: int, rows: I64) -> F64:
        """Generation of some homes in the steps from ``step`` on, (rows, steps), less what they have been told to give up."""
        for later, kw in self.given_up_kw.items():
            if step <= later < step + pv_kw.shape[1]:
                pv_kw[:, later - step] = np.maximum(pv_kw[:, later - step] - kw[rows], 0.0)
        return pv_kw

    def generation_limits(self, step: int, readings: Readings) -> tuple[I64, F64]:
        """Homes that give up generation in a step, and what each may generate at most by what its roof could give now [kW]."""
        given_up = self.given_up_kw.get(step)
        if given_up is None:
            return np.zeros(0, np.int64), np.zeros(0)
        rows = np.flatnonzero(given_up > 0.0)
        return rows, np.maximum(readings["pv_kw"][rows] - given_up[rows], 0.0)

    # --- each step -------------------------------------------------------------------------------------------------------

    def switch_modes(self, step: int, readings: Readings) -> I64:
        """Homes whose mode people change now; those that return to automatic plan the rest of the day."""
        changed = np.flatnonzero(self.modes[step] != self.automatic) if step in self.modes else np.zeros(0, np.int64)
        self.automatic[changed] = ~self.automatic[changed]
        self.plan_alone(step, changed[self.automatic[changed]], readings)
        return changed

    def plan_alone(self, step: int, rows: I64, readings: Readings) -> None:
        """Plan the rest of the day of some homes at least cost."""
        current = self.current
        if len(rows) and current is not None and current.first <= step < current.end:
            view = self.book.with_ends(self.view(step, current.end, readings, rows))
            plan = cheapest(view)
            current.splice(rows, step - current.first, view, plan, simulate(view, plan).ev_kwh)

    def control(self, step: int, readings: Readings) -> SetPoints | None:
        """Set-points for ``step``, which begins now; cars that came otherwise than planned are planned again. None without a plan."""
        if self.next is not None and step >= self.next.first:
            self.current, self.next = self.next, None
        current = self.current
        if current is None or not current.first <= step < current.end:
            return None
        now = self.book.now_view(step, readings, self.weather)._replace(automatic=self.automatic)
        now = now._replace(pv_kw=self._kept(now.pv_kw, step, np.arange(self.book.n)))
        self._recharge(step, now, readings)
        return home_control.set_points(now, current.plan, step - current.first, self.ordered_until > step)

    def _recharge(self, step: int, now: HomeView, readings: Readings) -> None:
        """Plan charging again where a car is here with other energy, or at another time, than the plan expects.

        The stores of heat need no new plan: their bounds are kept from step to step (``home_control``).
        """
        current = self.current
        assert current is not None
        place = step - current.first
        made, plugged = current, now.ev_plugged[:, 0]
        other = np.abs(now.ev_kwh - made.ev_kwh[:, place]) > CAR_KWH
        off = (
            plugged
            & now.automatic
            & (now.ev_kw > 0)
            & (other | ~made.ev_plugged[:, place])
            & (self.ordered_until <= step)
        )
        rows = np.flatnonzero(off)
        if not len(rows):
            return
        rest = slice(place, made.m)
        deadline = known(readings["ev_departure_step"][rows], float(current.end)).astype(np.int64) - step
        plan = current.plan
        needed = np.maximum(now.ev_target_share[rows] * now.ev_kwh_capacity[rows] - now.ev_kwh[rows], 0.0)
        others = plan.net_kw[rows, rest] - plan.ev_kw[rows, rest]
        catching_up = self.ordered_until[rows] > step - round(CATCHING_UP_H / self.timeline.hours)
        buy = made.buy_eur_per_kwh[rows, rest]
        if catching_up.any():
            buy[catching_up] += self._trifle(rows[catching_up], step, made.m - place)
        sell = self.book.sell_eur_per_kwh[self.book.tariff[rows], step : made.end]
        if self.called is not None:
            rank = CALLED_EUR_PER_KWH * self.called[rows, step : made.end]
            buy, sell = buy + rank, sell + rank
        power = recharge(
            needed, deadline, now.ev_kw[rows], now.ev_eta_charge[rows], others, now.contracted_kw[rows], buy, sell,
            self.timeline.hours,
        )  # fmt: skip
        stays = np.arange(made.m - place) < deadline[:, None]
        power = np.where(stays, power, plan.ev_kw[rows, rest])
        plan.ev_kw[rows, rest] = power
        plan.net_kw[rows, rest] = others + power
        made.ev_plugged[rows, rest] |= stays
        made.ev_drive_kwh[rows, rest] = np.where(stays, 0.0, made.ev_drive_kwh[rows, rest])
        change = now.ev_eta_charge[rows, None] * self.timeline.hours * power - made.ev_drive_kwh[rows, rest]
        energy = np.cumsum(np.concatenate([now.ev_kwh[rows, None], change], axis=1), axis=1)
        made.ev_kwh[rows, place:] = np.clip(energy, 0.0, now.ev_kwh_capacity[rows, None])
        self.replanned += len(rows)

    # --- orders ----------------------------------------------------------------------------------------------------------

    def activate(
        self, step: int, orders: list[tuple[I64, int, F64]], readings: Readings
    ) -> list[tuple[F64, HomePlan, Bool]]:
        """Follow orders (rows, first, change): from ``step`` on, leave the plan by ``change`` (rows, k) [kW] in the k steps from ``first``.

        No home is in two of the orders. Homes are planned row by row, so all are planned at once.

        Returns:
            for each order the mean change that each home will make [kW] in the ordered steps, the new plan of these homes from
            ``step`` on, and which of them give up own generation.
        """
        current = self.current
        assert current is not None
        rows = np.concatenate([homes for homes, _, _ in orders])
        ends = np.concatenate([np.full(len(homes), first + change.shape[1]) for homes, first, change in orders])
        view = self.book.with_ends(self.view(step, current.end, readings, rows))
        view = self._spread(view, rows, step, ends)
        place = step - current.first
        rest = HomePlan(*(column[rows, place:] for column in current.plan))
        rest = rest._replace(net_kw=_net(view, rest))
        ordered, windows = _ordered(step, orders, rest.net_kw.shape)
        about = np.zeros(ordered.shape, np.bool_)
        for window in windows:
            about[window] = True
        answer = home_flexibility.redispatch(view, rest, ordered, about)
        kept = view._replace(pv_kw=view.pv_kw - answer.curtailed_kw)
        current.splice(rows, place, kept, answer.plan, simulate(kept, answer.plan).ev_kwh)
        self._give_up(rows, step, answer.curtailed_kw)
        self.ordered_until[rows] = np.maximum(self.ordered_until[rows], ends)
        gives_up = np.asarray((answer.curtailed_kw > 0.0).any(axis=1))
        return [
            (_mean(answer.reduction_kw[window]), take_plan(answer.plan, window[0]), gives_up[window[0]])
            for window in windows
        ]

    def _give_up(self, rows: I64, step: int, curtailed_kw: F64) -> None:
        """Remember what homes give up of their generation in the steps from ``step`` on, (rows, steps), beside what they did already."""
        for column in np.flatnonzero(curtailed_kw.any(axis=0)).tolist():
            given_up = self.given_up_kw.setdefault(step + column, np.zeros(self.book.n))
            given_up[rows] += curtailed_kw[:, column]

    def _spread(self, view: HomeView, rows: I64, step: int, ends: I64) -> HomeView:
        """The view with prices after an order moved by a random trifle in each home and step: homes do not all catch up at once."""
        after = np.arange(step, step + view.m) >= ends[:, None]
        return view._replace(
            buy_eur_per_kwh=view.buy_eur_per_kwh + np.where(after, self._trifle(rows, step, view.m), 0.0)
        )

    def _trifle(self, rows: I64, step: int, m: int) -> F64:
        """Random price differences of some homes in the m steps from ``step`` on, (rows, m)."""
        steps = np.arange(step, step + m).view(np.uint64)
        return SPREAD_EUR_PER_KWH * self.restart.uniform(self.book.hashes[rows][:, None], steps[None, :])


@dataclass(frozen=True)
class _States:
    ev_kwh: F64
    battery_kwh: F64
    heater_c: F64
    house_c: F64


def _ordered(
    step: int, orders: list[tuple[I64, int, F64]], shape: tuple[int, ...]
) -> tuple[F64, list[tuple[slice, slice]]]:
    """What is ordered of homes one order after the other, from ``step`` on, and where each order is in it."""
    table, windows, home = np.zeros(shape), [], 0
    for homes, first, change in orders:
        kept = change[:, max(step - first, 0) :]
        begin = max(first - step, 0)
        windows.append((slice(home, home + len(homes)), slice(begin, begin + kept.shape[1])))
        table[windows[-1]] = kept[:, : shape[1] - begin]
        home += len(homes)
    return table, windows


def _mean(reached_kw: F64) -> F64:
    return reached_kw.mean(axis=1) if reached_kw.shape[1] else np.zeros(len(reached_kw))


def _net(view: HomeView, plan: HomePlan) -> F64:
    return view.load_kw - view.pv_kw + plan.ev_kw + plan.battery_kw + plan.heater_kw + plan.heat_pump_kw


def _declared(plugged: Bool, drive_kwh: F64, step: int, readings: Readings, rows: I64) -> tuple[Bool, F64]:
    """A driver who has plugged in says when the car leaves: it stays until then, and is away for at least two hours after."""
    departure = readings["ev_departure_step"][rows]
    ahead = step + np.arange(plugged.shape[1])
    known = ~np.isnan(departure)[:, None]
    leaves = np.nan_to_num(departure, nan=np.inf)[:, None]
    stays = known & (ahead < leaves)
    gone = known & (ahead >= leaves) & (ahead < leaves + 8)
    here = (plugged | stays) & ~gone
    return here, np.where(here, 0.0, drive_kwh)


def _from(view: HomeView, place: int) -> HomeView:
    """The view from a later step on."""
    columns = {name: getattr(view, name)[:, place:] for name in PER_STEP}
    return view._replace(start_step=view.start_step + place, **columns)


def _until(view: HomeView, place: int) -> HomeView:
    """The view up to a step."""
    return view._replace(**{name: getattr(view, name)[:, :place] for name in PER_STEP})
