"""The desk of a balancing service provider for what it controls: plans of its points, what of them can be offered, and orders to devices.

Homes and plants report plans and possible changes in the cycle that aggregators use, and follow the same orders. Only points in the topology matrix are
counted on, each with no more than its validated power. What was sold is called hour by hour, so that a limit that comes an hour ahead still counts.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agents.aggregator_call import Call
from agents.aggregator_plans import DayPlans
from agents.aggregator_pool import Pool, read_plans
from agents.aggregator_terms import FspTerms, Portfolio
from agents.bsp_bids import Offered, Schedule
from agents.bsp_tests import Ability
from data.arrays import F64, I64
from environment.instruments import MeterStore
from environment.messages.activation import ActivationRequest, ActivationSignal
from environment.messages.aggregation import (
    ActivationFeedback,
    AggregationCycle,
    HomePlanReport,
    OnboardingFile,
    PlantPlanReport,
)
from environment.messages.base import Batch
from environment.office import Desk
from environment.party import Process
from environment.units import MS_PER_H, Direction
from markets.traffic_light import HOURS_OF_DAY

LEAST_KW = 0.1
"""Less than this is called of nobody."""
AFTER_MIDNIGHT_MS = 10_000
"""Plans of a day are in force once it has begun."""
CALLS_BEFORE_MS = 600_000
"""How long before an hour its members are called."""


@dataclass(frozen=True, eq=False)
class PoolTerms:
    """How a provider runs its pool.

    Attributes:
        days_ms: (start, end) of every day of delivery.
        cycle_ms: when members are asked for their plans of each.
        portfolio: homes and plants; their areas are DSO perimeters.
        validated_kw: connection point -> upward and downward power that may be used, at least 0; only points in the topology matrix.
        orders: how members are asked and paid.
        bids_share: part of what is possible that is bid, and stated in tests; the rest is kept to move cut quantities to.
        margin_share: added to members' prices.
        states_times: how many times that it states in tests (a fault above 1).
    """

    days_ms: Sequence[tuple[int, int]]
    cycle_ms: Sequence[int]
    portfolio: Portfolio
    validated_kw: Callable[[], Mapping[str, tuple[float, float]]]
    orders: FspTerms
    bids_share: float = 0.8
    margin_share: float = 0.1
    states_times: float = 1.0


class PoolDesk(Desk):
    """Plans, offers and orders.

    Args:
        terms: how the pool is run.
        meters: readings of its points, by mandate.
    """

    stored = (OnboardingFile, HomePlanReport, PlantPlanReport, ActivationFeedback)
    """Record classes that the party stores for this desk."""

    def __init__(self, owner: str, terms: PoolTerms, meters: MeterStore) -> None:
        self._terms = terms
        self._meters = meters
        self._pool = Pool(owner, terms.portfolio, meters.timeline)
        self._schedules: dict[str, Schedule] = {}
        self._ordered: dict[tuple[int, str], F64] = {}

    def processes(self) -> Iterable[Process]:
        """The cycle before each day, and its hours."""
        for (from_ms, to_ms), cycle_ms in zip(self._terms.days_ms, self._terms.cycle_ms, strict=True):
            yield self._cycle(cycle_ms, from_ms, to_ms)
            yield self._live_day(from_ms)

    def _cycle(self, cycle_ms: int, from_ms: int, to_ms: int) -> Process:
        yield self.party.until(cycle_ms)
        self._ask(self._pool.address, from_ms, to_ms, f"plans:{self.party.name}:{from_ms}")

    def _ask(self, devices: I64, from_ms: int, to_ms: int, conversation: str) -> None:
        """Ask members for what they plan and could do in a period."""
        n = len(devices)
        if n:
            columns = {
                "from_ms": np.full(n, from_ms, np.int64), "to_ms": np.full(n, to_ms, np.int64),
                "shortfall": np.array([""] * n, object), "aggregator": np.array([self.party.name] * n, object),
            }  # fmt: skip
            self.party.send_batch(AggregationCycle, columns, self.numbers([self.party.name]), devices, conversation)

    # --- plans -----------------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        """What members have told since."""
        for file in self.party.stored_rows(OnboardingFile):
            self._pool.onboard(self._rows(file), file)
        read_plans(self.party, self._pool, self._rows)

    def _rows(
        self, batch: Batch[OnboardingFile] | Batch[HomePlanReport] | Batch[PlantPlanReport] | Batch[ActivationFeedback]
    ) -> I64:
        return np.searchsorted(self._pool.address, batch.sender)

    def _usable_kw(self, way: Direction) -> F64:
        """Validated power of each member, 0 for one that may not be counted on, (n,)."""
        known, side = self._terms.validated_kw(), 0 if way == "up" else 1
        return np.array([known[meter][side] if meter in known else 0.0 for meter in self._terms.portfolio.meter])

    def supply(self, way: Direction, from_ms: int) -> Offered | None:
        """What can be offered of a day, hour by hour; None before anybody has reported plans of it."""
        self._read()
        plans = self._pool.plans_of(from_ms)
        areas = self._pool.areas
        if plans is None or plans.net_kw.shape[1] < HOURS_OF_DAY or not areas:
            return None
        usable = self._usable_kw(way)
        possible, baseline, value, worth = np.zeros((len(areas), HOURS_OF_DAY)), np.zeros(HOURS_OF_DAY), 0.0, 0.0
        for row, area in enumerate(areas):
            offer = self._pool.usable(plans, way, self._pool.members_in(area))
            kw = np.minimum(offer.kw, usable[offer.member][:, None])
            possible[row] = hourly(kw.sum(axis=0)).min(axis=1)
            value, worth = value + float((kw * offer.price[:, None]).sum()), worth + float(kw.sum())
            baseline += hourly(self._planned_kw(plans, area)).mean(axis=1)
        admitted = np.array([usable[self._pool.members_in(area)].sum() for area in areas])
        served = admitted > 0.0
        if not possible[served].any():
            return None
        names = tuple(area for area, is_served in zip(areas, served.tolist(), strict=True) if is_served)
        price = round(value / worth * (1.0 + self._terms.margin_share), 4)
        most = possible[served]
        bid = np.floor(self._terms.bids_share * most * 1000.0) / 1000.0
        return Offered(names, bid, most, price, baseline, np.maximum(admitted[served][:, None] - most, 0.0))

    def _planned_kw(self, plans: DayPlans, area: str) -> F64:
        """Planned net load of the members in an area, per step."""
        return np.asarray(plans.net_kw[self._pool.members_in(area)].sum(axis=0))

    def baselines(self, from_ms: int) -> dict[str, F64]:
        """Planned net load of each perimeter and hour of a day [kW]."""
        self._read()
        plans = self._pool.plans_of(from_ms)
        if plans is None:
            return {}
        return {area: hourly(self._planned_kw(plans, area)).mean(axis=1) for area in self._pool.areas}

    # --- orders ----------------------------------------------------------------------------------------------------------------

    def take_schedule(self, schedule: Schedule) -> None:
        """What is to be delivered of a bid, in place of what was known of it."""
        self._schedules[schedule.bid] = schedule

    def _live_day(self, from_ms: int) -> Process:
        """Call members before each hour for what the schedules say then."""
        for hour in range(HOURS_OF_DAY):
            begins_ms = from_ms + hour * MS_PER_H
            yield self.party.until(max(begins_ms - CALLS_BEFORE_MS, from_ms + AFTER_MIDNIGHT_MS))
            self._read()
            for bid in sorted(self._schedules):
                schedule = self._schedules[bid]
                for area in sorted(schedule.kw) if schedule.from_ms == from_ms else ():
                    if schedule.kw[area][hour] >= LEAST_KW:
                        self._call(schedule, area, hour)

    def _order(
        self, name: str, contract: str, area: str, way: Direction, begins_ms: int, kw: float
    ) -> ActivationRequest:
        """An order of so much throughout an hour."""
        step_ms = self._meters.timeline.step_ms
        return ActivationRequest(
            activation=name, contract=contract, dso="", fsp=self.party.name, area=area, direction=way, from_ms=begins_ms,
            to_ms=begins_ms + MS_PER_H, step_s=step_ms / 1000.0, ordered_kw=np.full(MS_PER_H // step_ms, kw), ramp_s=0.0,
        )  # fmt: skip

    def _call(self, schedule: Schedule, area: str, hour: int) -> None:
        begins_ms, kw = schedule.from_ms + hour * MS_PER_H, float(schedule.kw[area][hour])
        name = f"{schedule.bid}/{area}/{hour:02d}"
        order = self._order(name, schedule.bid, area, schedule.direction, begins_ms, kw)
        sign = 1.0 if schedule.direction == "up" else -1.0
        total = self._ordered.setdefault((schedule.from_ms, area), np.zeros(HOURS_OF_DAY))
        total[hour] += sign * kw
        call = self._pool.open_call(order)
        if call is None:
            self._note(order, 0.0, 0)
        else:
            self.party.start(self._deliver(call, f"orders:{self.party.name}:{schedule.from_ms}"))

    def _deliver(self, call: Call, conversation: str) -> Process:
        """Carry an order out, and keep what came of it."""
        asked = yield from self._carry_out(call, conversation)
        self._note(call.order, self._pool.expected_kw(call), asked)

    def _carry_out(self, call: Call, conversation: str) -> Process:
        """Signal members, cheapest first; what they cannot do is asked of others, until it is covered or nobody is left."""
        asked = 0
        for _ in range(self._terms.orders.rounds):
            rows, change_kw = self._pool.next_members(call, self._terms.orders)
            if not len(rows):
                break
            asked += len(rows)
            self._signal(call.order, rows, change_kw, conversation)
            yield self.party.sleep(self._terms.orders.feedback_wait_s)
            self._pool.take_feedback((self._rows(part), part) for part in self.party.stored_rows(ActivationFeedback))
        return asked

    def _note(self, order: ActivationRequest, expected_kw: float, asked: int) -> None:
        self.register("bsp_orders").add(
            t_ms=order.from_ms, activation=order.activation, bid=order.contract, bsp=self.party.name, perimeter=order.area,
            direction=order.direction, ordered_kw=float(order.ordered_kw.mean()), expected_kw=max(expected_kw, 0.0), members=asked,
        )  # fmt: skip

    def _signal(self, order: ActivationRequest, rows: I64, change_kw: F64, conversation: str) -> None:
        n = len(rows)
        columns = {
            "activation": np.array([order.activation] * n, object), "direction": np.array([order.direction] * n, object),
            "from_ms": np.full(n, order.from_ms, np.int64), "step_s": np.full(n, order.step_s), "change_kw": change_kw,
        }  # fmt: skip
        self.party.send_batch(
            ActivationSignal, columns, self.numbers([self.party.name]), self._pool.address[rows], conversation
        )

    # --- tests (SUC08.1, SUC10.1) ------------------------------------------------------------------------------------------------

    def ask_about_hour(self, points: Collection[str], from_ms: int) -> None:
        """Ask the members at some points for what they plan and could do in an hour."""
        rows = self._members_at(points)
        talk = f"plans:{self.party.name}:{from_ms}:{self._terms.portfolio.meter[rows[0]] if len(rows) else ''}"
        self._ask(self._pool.address[rows], from_ms, from_ms + MS_PER_H, talk)

    def _members_at(self, points: Collection[str]) -> I64:
        return np.flatnonzero([meter in points for meter in self._terms.portfolio.meter])

    def ability(self, validated_kw: Mapping[str, float], way: Direction, from_ms: int) -> Ability:
        """What the members at some points can do in an hour, none more than was validated; nothing where nobody has reported.

        Args:
            validated_kw: point -> power that may be used in the direction, at least 0.
            way: the direction.
            from_ms: start of the hour.
        """
        self._read()
        plans, rows = self._pool.plans_of(from_ms), self._members_at(validated_kw)
        rows = rows[self._pool.able(plans, rows)] if plans is not None else rows[:0]
        if plans is None or not len(rows):
            return Ability((), {}, 0.0)
        kw = np.zeros((len(rows), plans.net_kw.shape[1]))
        offer = self._pool.usable(plans, way, rows)
        np.add.at(kw, np.searchsorted(rows, offer.member), offer.kw)
        meters = [self._terms.portfolio.meter[row] for row in rows.tolist()]
        kw = np.minimum(kw, np.array([validated_kw[meter] for meter in meters])[:, None])
        areas = np.array([self._terms.portfolio.area[row] for row in rows.tolist()], object)
        share = self._terms.bids_share * self._terms.states_times
        able = {area: share * float(kw[areas == area].sum(axis=0).min()) for area in sorted(set(areas.tolist()))}
        able = {area: most for area, most in able.items() if most >= LEAST_KW}
        return Ability(tuple(meters), able, float(plans.net_kw[rows].sum(axis=0).mean()))

    def activate(
        self, name: str, points: Collection[str], kw: Mapping[str, float], way: Direction, from_ms: int
    ) -> None:
        """Have members at some points make a change in each perimeter throughout an hour."""
        rows = self._members_at(points)
        for area in sorted(kw):
            mine = np.intersect1d(rows, self._pool.members_in(area))
            order = self._order(f"{name}/{area}", name, area, way, from_ms, kw[area])
            call = self._pool.open_call(order, mine) if kw[area] >= LEAST_KW else None
            if call is not None:
                self.party.start(self._test(call, f"orders:{self.party.name}:{from_ms}"))

    def _test(self, call: Call, conversation: str) -> Process:
        asked, order = (yield from self._carry_out(call, conversation)), call.order
        self.register("pool_test_orders").add(
            t_ms=order.from_ms, activation=order.activation, bsp=self.party.name, perimeter=order.area, direction=order.direction,
            ordered_kw=float(order.ordered_kw.mean()), expected_kw=max(self._pool.expected_kw(call), 0.0), members=asked,
        )  # fmt: skip

    # --- what was delivered, by its own data -------------------------------------------------------------------------------------

    def ordered_kwh(self, from_ms: int) -> dict[str, F64]:
        """What members of each perimeter were called for in each hour of a day, up above 0."""
        return {area: kwh.copy() for (day, area), kwh in self._ordered.items() if day == from_ms}

    def delivered_kwh(self, from_ms: int) -> dict[str, F64]:
        """Plans less meters of each perimeter and hour, up above 0; NaN where a meter has a gap."""
        plans, timeline = self._pool.plans_of(from_ms), self._meters.timeline
        if plans is None:
            return {}
        first, steps, found = timeline.index(from_ms), HOURS_OF_DAY * MS_PER_H // timeline.step_ms, {}
        for area in self._pool.areas:
            rows = self._pool.members_in(area)
            rows = rows[plans.planned[rows]]
            moved = plans.net_kw[rows][:, :steps] - self._meters.kw[rows, first : first + steps]
            found[area] = hourly(moved.sum(axis=0)).mean(axis=1)
        return found


def hourly(kw: F64) -> F64:
    """Steps of the first 24 hours of a day by hour, (24, steps of an hour)."""
    per_hour = len(kw) // HOURS_OF_DAY
    return kw[: per_hour * HOURS_OF_DAY].reshape(HOURS_OF_DAY, per_hour)
