"""The optimisation of a portfolio of households every quarter of an hour, up to the end of the next day (SUC13.1 scenario 8).

It is the energy management of ``prosumer_hems`` in the cloud: the same forecasts and the same plans, but devices that are not in automatic
mode count as load that acts by itself, the horizon rolls, and a household is solved again only when what its plan was made
from has *moved*: settings or modes, the state of a store, a car that comes or goes otherwise, its forecast, the horizon at midnight. What
that costs against solving all always is measured, not assumed: from time to time all are solved beside, and the difference is kept.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from agents.prosumer_book import HomeBook, known
from agents.prosumer_hems import Hems
from agents.strategies import home_control, home_flexibility, home_forecast, home_promise
from agents.strategies.home_model import States, cost_eur, own_controls, simulate, with_net
from agents.strategies.home_plan import plan as cheapest
from agents.strategies.home_view import PER_STEP, HomePlan, HomeView, take, take_plan
from data.arrays import F64, I64, Bool
from environment.instruments import Readings

MOVED_KWH = 0.5
"""A forecast has moved when the energy of its next hours differs by more (as a battery's or car's state that is off by a tenth)."""
SOON_STEPS = 4
"""For so long what is read now says more of cars and sun than other days do (judgement)."""
MOVED_H = 4.0
"""How far ahead that is looked at."""
BEHIND_KWH = 0.1
"""A car that holds so much less than its plan expects is planned again: its people leave when they said, and want it full (judgement).
Ten seconds of charging that an order takes on its way are a tenth of it."""


@dataclass
class Cycle:
    """What one quarter of an hour came to.

    Attributes:
        solved: homes solved again, (k,).
        members: how many there are.
        looked_at: homes whose loss was measured.
        loss_eur: cost of the plans kept less that of plans made anew for them, over the horizon.
        cost_eur: cost of the plans made anew for all of these.
        saved_eur: what the plans made now save until the end of the local day, (k,).
    """

    solved: I64
    members: int
    looked_at: int = 0
    loss_eur: float = 0.0
    cost_eur: float = 0.0
    saved_eur: F64 = field(default_factory=lambda: np.zeros(0))


class Promise(NamedTuple):
    """What some homes promise in the steps of a window, (k, w) [kW] but for the price.

    Attributes:
        kw: what may be sold.
        eur_per_kwh: its price, (k,).
        net_kw: planned net load.
        up_kw: what the plan could leave out.
        reference_kw: what a buyer will measure against.
    """

    kw: F64
    eur_per_kwh: F64
    net_kw: F64
    up_kw: F64
    reference_kw: F64


@dataclass
class Rolling:
    """The plan in force, with the view it was made on and the states that it expects; rows are replaced one by one."""

    first: int
    view: HomeView
    plan: HomePlan
    expected: States

    @property
    def end(self) -> int:
        """The step after its last."""
        return self.first + self.view.m

    def splice(self, rows: I64, place: int, view: HomeView, plan: HomePlan, ev_kwh: F64 | None = None) -> None:
        """Replace the plan of some homes from a position on; what their cars will hold follows from view and plan."""
        del ev_kwh
        for old, new in zip(self.plan, plan, strict=True):
            old[rows, place:] = new
        for name in PER_STEP:
            getattr(self.view, name)[rows, place:] = getattr(view, name)
        for states, fresh in zip(self.expected, simulate(view, plan), strict=True):
            states[rows, place:] = fresh


@dataclass
class Planner(Hems):
    """Plans of n homes of which some are members.

    Attributes:
        controlled: devices that follow orders, by kind, (4, n).
        off: devices that are switched off, (4, n).
        audit_every: every how many quarters of an hour the loss is measured.
    """

    current: Any = None
    controlled: Bool = field(default_factory=lambda: np.zeros((4, 0), bool))
    off: Bool = field(default_factory=lambda: np.zeros((4, 0), bool))
    audit_every: int = 16
    _dirty: Bool = field(default_factory=lambda: np.zeros(0, bool))
    _leaves: F64 = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        super().__post_init__()
        n = self.book.n
        self.controlled, self.off = np.zeros((4, n), bool), np.zeros((4, n), bool)
        self._dirty, self._leaves, self.automatic = np.zeros(n, bool), np.full(n, np.nan), np.ones(n, bool)

    def learn(self, book: HomeBook) -> None:
        """Take the book with what surveys have told."""
        self.book = book

    def set_modes(self, rows: I64, controlled: Bool, off: Bool) -> None:
        """Modes of the devices of some homes, (4, k) each; who has changed them is solved again."""
        changed = ((self.controlled[:, rows] != controlled) | (self.off[:, rows] != off)).any(axis=0)
        self.controlled[:, rows], self.off[:, rows] = controlled, off
        self._dirty[rows[changed]] = True

    def moved(self, rows: I64) -> None:
        """Some homes have other inputs: they are solved again in the next cycle."""
        self._dirty[rows] = True

    def forget_before(self, step: int) -> None:
        """What was recorded before a step has been kept long enough: it is deleted, and no forecast rests on it any more."""
        self.seen.first = max(self.seen.first, step)
        self._blank(slice(None), slice(self.seen.first))

    def forget(self, row: int) -> None:
        """Nothing that was recorded, set, forecast or planned of a home is left."""
        self._blank(row, slice(None))
        self.controlled[:, row], self.off[:, row], self._car_left_kwh[row] = False, False, np.nan
        if self.current is not None:
            view = self.current.view
            for column in (*self.current.plan, view.load_kw, view.pv_kw, view.ev_drive_kwh, view.heater_draw_kwh):
                column[row] = 0.0
            view.ev_plugged[row] = True

    def _blank(self, rows: slice | int, steps: slice) -> None:
        seen = self.seen
        for column in (seen.load_kw, seen.pv_kw, seen.driven_kwh, seen.draw_kwh):
            column[rows, steps] = 0.0
        seen.plugged[rows, steps] = True

    # --- the cycle -----------------------------------------------------------------------------------------------------

    def horizon_end(self, step: int) -> int:
        """The end of the next local day, or of the timeline."""
        end_ms = self.calendar.day_start(int(self.timeline.starts_ms[step]), 2)
        return min(self.timeline.index(end_ms), self.timeline.n)

    def cycle(self, step: int, readings: Readings, members: Bool, *, forecast: bool) -> Cycle:
        """Plan the quarter of an hour that begins: whose inputs have moved is solved up to the end of the next day.

        Args:
            step: the step that begins.
            readings: the latest values of all homes.
            members: homes that are planned, (n,).
            forecast: whether forecasts were renewed, so that they may have moved.
        """
        rows = np.flatnonzero(members)
        end = self.horizon_end(step)
        current = self.current
        told = self._other_departure(readings)
        if current is None or current.end != end:
            self._begin(step, end, readings)
            began = self.current
            saved = saved_eur(take(began.view, rows), take_plan(began.plan, rows), self._day_end(step) - step)
            return Cycle(rows, len(rows), saved_eur=saved)
        place = step - current.first
        now = self.now_view(step, readings)
        due = home_control.needs_replan(now, current.view, current.expected, place) | self._dirty | told
        due |= self._behind(now, place) | (self.ordered_until == step)
        if forecast:
            due[rows] |= self._forecast_moved(step, place, readings, rows)
        due &= self.ordered_until <= step  # an order is followed to its end; afterwards the home is due
        solved = np.flatnonzero(due & members)
        kept = np.flatnonzero(~due & members)
        audit = self._audit(step, place, readings, kept) if step % self.audit_every == 0 else (0, 0.0, 0.0)
        saved = np.zeros(0)
        if len(solved):
            view = self.book.with_ends(self.view(step, end, readings, solved))
            plan = cheapest(view)
            saved = saved_eur(view, plan, self._day_end(step) - step)
            current.splice(solved, place, view, plan)
            self.replanned += len(solved)
        self._dirty[:] = False
        return Cycle(solved, len(rows), *audit, saved)

    def _other_departure(self, readings: Readings) -> Bool:
        """Homes whose people say another departure of the car than a quarter of an hour ago, (n,)."""
        leaves = readings["ev_departure_step"]
        before, self._leaves = self._leaves, leaves
        return np.asarray((leaves != before) & ~(np.isnan(leaves) & np.isnan(before)))

    def _behind(self, now: HomeView, place: int) -> Bool:
        """Homes whose car is here and holds less than its plan expects, (n,)."""
        assert self.current is not None
        here = self.controlled[0] & now.ev_plugged[:, 0]
        return np.asarray(here & (now.ev_kwh < self.current.expected.ev_kwh[:, place] - BEHIND_KWH))

    def _day_end(self, step: int) -> int:
        end_ms = self.calendar.day_start(int(self.timeline.starts_ms[step]), 1)
        return min(self.timeline.index(end_ms), self.timeline.n)

    def _begin(self, step: int, end: int, readings: Readings) -> None:
        """Plan all homes to a new end of the horizon; orders in force stay what they are."""
        held = self.current
        view = self.book.with_ends(self.view(step, end, readings, np.arange(self.book.n)))
        plan = cheapest(view)
        self.current = Rolling(step, view, plan, simulate(view, plan))
        if held is not None and held.end > step:
            self._keep_ordered(step, held)
        self._dirty[:] = False

    def _keep_ordered(self, step: int, held: Rolling) -> None:
        """What is ordered beyond midnight is taken over from the plan before."""
        assert self.current is not None
        for row in np.flatnonzero(self.ordered_until > step).tolist():
            until = min(int(self.ordered_until[row]), held.end)
            for new, old in zip(self.current.plan, held.plan, strict=True):
                new[row, : until - step] = old[row, step - held.first : until - held.first]

    def _forecast_moved(self, step: int, place: int, readings: Readings, rows: I64) -> Bool:
        assert self.current is not None
        ahead = min(round(MOVED_H / self.timeline.hours), self.current.end - step)
        fresh = self.view(step, step + ahead, readings, rows)
        made = self.current.view
        part = slice(place, place + ahead)
        before = (made.load_kw[rows, part] - made.pv_kw[rows, part]).sum(axis=1)
        after = (fresh.load_kw - fresh.pv_kw).sum(axis=1)
        return np.asarray(np.abs(after - before) * self.timeline.hours > MOVED_KWH)

    def _audit(self, step: int, place: int, readings: Readings, rows: I64) -> tuple[int, float, float]:
        """What keeping the plans of some homes costs against solving them again, on what is known now."""
        current = self.current
        rows = rows[self.ordered_until[rows] <= step]
        if not len(rows) or current is None:
            return 0, 0.0, 0.0
        view = self.book.with_ends(self.view(step, current.end, readings, rows))
        fresh = cheapest(view)
        old = HomePlan(*(column[rows, place:] for column in current.plan))
        kept = with_net(view, old.ev_kw, old.battery_kw, old.heater_kw, old.heat_pump_kw)
        loss = worth_eur(view, kept) - worth_eur(view, fresh)
        return len(rows), float(loss.sum()), float(np.abs(cost_eur(view, fresh)).sum())

    def forecast(self, step: int, end: int, readings: Readings, rows: I64) -> tuple[HomeView, F64]:
        """What is expected of some homes up to a step; and their load without devices that act by themselves, (k, steps) [kW]."""
        own = super().view(step, end, readings, rows)
        return self._as_left(own, readings, rows), own.load_kw

    # --- views ---------------------------------------------------------------------------------------------------------

    def view(self, step: int, end: int, readings: Readings, rows: I64) -> HomeView:
        """As any home energy management's, with devices that act by themselves counted as load."""
        return self._as_left(super().view(step, end, readings, rows), readings, rows)

    def _as_left(self, view: HomeView, readings: Readings, rows: I64) -> HomeView:
        view = view._replace(pv_kw=home_forecast.nowcast(view.pv_kw, readings["pv_kw"][rows]))
        return left_to_themselves(view, self.controlled[:, rows], self.off[:, rows])

    def now_view(self, step: int, readings: Readings) -> HomeView:
        """The view of the present step, with the present power of what acts by itself."""
        now = self.book.now_view(step, readings, self.weather)._replace(automatic=np.ones(self.book.n, bool))
        acting = np.zeros(self.book.n)
        for kind, name in enumerate(("ev_now_kw", "battery_now_kw", "water_heater_now_kw", "heat_pump_now_kw")):
            acting += np.where(self.controlled[kind], 0.0, known(readings[name], 0.0))
        return _rated(now, self.controlled)._replace(load_kw=now.load_kw + acting[:, None])

    def references(self, step: int, readings: Readings) -> home_control.SetPoints:
        """What the devices of all homes should do from now on in this step, corrected by what is measured; NaN where not controlled."""
        current = self.current
        assert current is not None
        now = self.now_view(step, readings)
        points = home_control.set_points(now, current.plan, step - current.first, self.ordered_until > step)
        return home_control.SetPoints(*(np.where(self.controlled[kind], kw, np.nan) for kind, kw in enumerate(points)))

    def renew(self, step: int, readings: Readings, rows: I64) -> None:
        """Solve some homes on what is known now; what they could change is worked out from a plan that they can really run."""
        current = self.current
        rows = rows[self.ordered_until[rows] <= step]
        if current is not None and len(rows):
            view = self.book.with_ends(self.view(step, current.end, readings, rows))
            current.splice(rows, step - current.first, view, cheapest(view))

    def promise(
        self, step: int, first: int, steps: int, readings: Readings, rows: I64, seen_kw: F64 | None = None
    ) -> Promise:
        """What some homes can surely leave out in the steps from ``first`` on, as a buyer will see it (``home_promise``).

        Args:
            step: the present.
            first: first step of the window.
            steps: its length.
            readings: the latest values of all homes.
            rows: homes.
            seen_kw: their net load as read now, where the window is that of a call; None for an offer, which may be called anywhere in it.
        """
        current = self.current
        assert current is not None
        view = self.book.with_ends(self.view(step, current.end, readings, rows))
        place = step - current.first
        rest = HomePlan(*(column[rows, place:] for column in current.plan))
        rest = with_net(view, rest.ev_kw, rest.battery_kw, rest.heater_kw, rest.heat_pump_kw)
        window = slice(first - step, first - step + steps)
        found = home_flexibility.potential(view, rest, window.start, window.stop, directions=("up",))
        reference = home_promise.references_kw(rest.net_kw, window.start, steps)
        if seen_kw is not None:
            planned = reference[:, :1]
            reference = np.repeat(
                np.where(np.isnan(seen_kw)[:, None], planned, np.minimum(planned, seen_kw[:, None])), steps, axis=1
            )
        there, least_pv_kw = self._surely(step, view, window, readings, rows)
        net, up, car = rest.net_kw[:, window], found.up_kw, rest.ev_kw[:, window]
        others = net + view.pv_kw[:, window] - view.load_kw[:, window] - car
        firm = home_promise.firm_kw(up, car, there, others, view.pv_kw[:, window], least_pv_kw)
        return Promise(home_promise.promised_kw(net, up, firm, reference), found.up_eur_per_kwh, net, up, reference)

    def _surely(self, step: int, view: HomeView, window: slice, readings: Readings, rows: I64) -> tuple[Bool, F64]:
        """Steps of a window with the car surely at its charger, and generation on the pessimistic side, (k, w) each.

        In the next hour what is read now is what will be; further ahead the least of the similar days counts.
        """
        lived = self.seen.lived
        past = home_forecast.Steps(*(column[lived] for column in self._steps))
        ahead = home_forecast.Steps(*(column[step + window.start : step + window.stop] for column in self._steps))
        soon = np.arange(window.start, window.stop) < SOON_STEPS
        always = home_forecast.least_of_similar_days(self.seen.plugged[rows, lived].astype(np.float64), past, ahead)
        darkest = home_forecast.least_of_similar_days(self.seen.pv_kw[rows, lived], past, ahead)
        here = known(readings["ev_plugged"][rows], 0.0)[:, None]
        expected_kw = view.pv_kw[:, window]
        there = (np.where(soon, here, always) > 0.5) & view.ev_plugged[:, window]
        return there, np.where(soon, expected_kw, np.minimum(darkest, expected_kw))


def left_to_themselves(view: HomeView, controlled: Bool, off: Bool) -> HomeView:
    """A view in which devices that follow no orders are load that acts by its own control, or not at all where they are off.

    Args:
        view: of k homes.
        controlled: devices that follow orders, by kind (ev, battery, water heater, heat pump), (4, k).
        off: devices that are switched off, (4, k).
    """
    if controlled.all():
        return view
    own = own_controls(view._replace(automatic=np.zeros(view.n, bool)))
    acting = np.zeros(view.load_kw.shape)
    for kind, power in ((0, own.ev_kw), (2, own.heater_kw), (3, own.heat_pump_kw)):
        acting += np.where((controlled[kind] | off[kind])[:, None], 0.0, power)
    return _rated(view, controlled)._replace(load_kw=view.load_kw + acting)


def _rated(view: HomeView, controlled: Bool) -> HomeView:
    """The view with a rating of zero for what follows no orders."""
    return view._replace(
        ev_kw=np.where(controlled[0], view.ev_kw, 0.0),
        battery_kw=np.where(controlled[1], view.battery_kw, 0.0),
        battery_kwh=np.where(controlled[1], view.battery_kwh, 0.0),
        battery_soc_kwh=np.where(controlled[1], view.battery_soc_kwh, 0.0),
        battery_max_kwh=np.where(controlled[1], view.battery_max_kwh, 0.0),
        battery_min_kwh=np.where(controlled[1], view.battery_min_kwh, 0.0),
        battery_end_kwh=np.where(controlled[1], view.battery_end_kwh, 0.0),
        heater_kw=np.where(controlled[2], view.heater_kw, 0.0),
        hp_kw=np.where(controlled[3], view.hp_kw, 0.0),
    )


def worth_eur(view: HomeView, plan: HomePlan) -> F64:
    """Cost of a plan on a view less what its stores hold at the end, at the mean price of buying, (n,) [EUR].

    Two plans that end with different energy are compared by it; heat counts by the electricity that made it.
    """
    states = simulate(view, plan)
    price = view.buy_eur_per_kwh.mean(axis=1)
    stored = states.ev_kwh[:, -1] / view.ev_eta_charge + states.battery_kwh[:, -1]
    stored = stored + np.where(view.heater_kw > 0.0, states.heater_c[:, -1] * view.heater_kwh_per_k, 0.0)
    heat = states.house_c[:, -1] * view.house_kwh_per_k / view.hp_cop.mean(axis=1)
    stored = stored + np.where(view.hp_kw > 0.0, heat, 0.0)
    return np.asarray(cost_eur(view, plan) - price * stored)


def saved_eur(view: HomeView, plan: HomePlan, steps: int) -> F64:
    """Cost of the devices by their own controls less cost of the plan, in the first steps, (n,) [EUR].

    Both begin with the same stores; what these hold at the end of the steps counts (:func:`worth_eur`).
    """
    day = view._replace(**{name: getattr(view, name)[:, :steps] for name in PER_STEP})
    return worth_eur(day, own_controls(day)) - worth_eur(day, HomePlan(*(column[:, :steps] for column in plan)))
