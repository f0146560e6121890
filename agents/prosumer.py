"""Prosumers: a population of homes, each with its own address, plan, consent and devices (laws 10 and 11).

Row i of every array is home i. A home's HEMS looks at its post every five seconds, so that what a home does depends on its own
messages alone, whoever else lives here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from agents.payments import pay_many
from agents.prosumer_consent import Laid, take_back
from agents.prosumer_hems import Hems
from agents.prosumer_hour import hour_asked, plans_within
from agents.prosumer_life import live_step
from agents.prosumer_orders import Delivery, Order, consenting, disjoint, gathered, read_orders, refusals, set_points
from agents.strategies.home_flexibility import Potential
from data.arrays import F64, I64, Bool
from environment.calendar import Timeline
from environment.instruments import Controls, Readings
from environment.messages.activation import ActivationSignal, DeliveryMeasurement
from environment.messages.aggregation import (
    ActivationFeedback,
    AggregationCycle,
    AssetTelemetry,
    CongestionRequirements,
    FlexibilityPotential,
    HomePlanReport,
    OnboardingFile,
)
from environment.messages.base import Batch, Record
from environment.messages.delivery import SetPointReading
from environment.messages.settlement import MemberStatement, RetailBill
from environment.party import Party, Process, Seat, Work, act, handles
from environment.physics import FLEXIBLE
from environment.refusals import refuse

LOOK_MS = 5_000
"""A HEMS processes its post at every full five seconds."""

MOVED_KW = 0.05
"""A smaller change of power does not show in a measurement."""

SHOWS_AFTER_S = 300.0
"""When the power of a resource is measured after an activation begins: one SCADA period."""


@dataclass(frozen=True)
class Membership:
    """Who serves the homes.

    Attributes:
        home: numbers of the homes' addresses, shape (n,).
        device: numbers of their device addresses, ascending, shape (n,).
        aggregator: number of the aggregator address of each home, -1 for nobody, shape (n,).
        dso: number of the DSO's role address, of each home or one for all.
        scada: number of the DSO's SCADA address, likewise.
        retailer: name of the retailer.
        flexible_kw: rated power of the controllable devices, shape (n,).
        assets: their number, shape (n,).
        gateway: number of the gateway at each home's connection point, -1 for none, shape (n,); None: there are none.
    """

    home: I64
    device: I64
    aggregator: I64
    dso: I64 | int
    scada: I64 | int
    retailer: str
    flexible_kw: F64
    assets: I64
    gateway: I64 | None = None


class Prosumers(Party):
    """A population of homes; its strategy is the HEMS (``agents.prosumer_hems``).

    Args:
        seat: place in the world.
        hems: energy management, with all that the homes have seen so far.
        readings: what the devices show.
        controls: the devices' set-points.
        membership: who serves the homes.
        overrides: (homes, steps) where people take over by hand.
        withdrawals: instant [ms] -> homes that take their consent back then, (homes,).
    """

    stored = (CongestionRequirements,)
    looks: ClassVar = {AggregationCycle: LOOK_MS, ActivationSignal: LOOK_MS}
    filed: ClassVar[tuple[type[Record], ...]] = (FlexibilityPotential, MemberStatement)

    def __init__(
        self, seat: Seat, hems: Hems, readings: Readings, controls: Controls, membership: Membership,
        overrides: Bool, withdrawals: Mapping[int, Bool],
    ) -> None:  # fmt: skip
        super().__init__(seat)
        self._hems = hems
        self._readings = readings
        self._controls = controls
        self._to = membership
        self._overrides = overrides
        self._withdrawals = withdrawals
        self._laid: list[Laid] = []
        self._cycles: dict[int, list[tuple[int, str]]] = {}
        self._streams = np.full(hems.book.n, -1, np.int64)
        self._conversations: list[str] = []

    @property
    def _timeline(self) -> Timeline:
        return self._hems.timeline

    def processes(self) -> Iterable[Process]:
        """The homes' day."""
        yield self.live()
        yield self.withdraw_consents()

    def live(self) -> Process:
        """At every step: look at the meters, follow the plan, stream telemetry."""
        for step in range(self._timeline.index(self.now_ms), self._timeline.n):
            yield self.until(int(self._timeline.starts_ms[step]))
            taken = live_step(self._hems, self._readings, self._controls, self._overrides, step)
            self._take_requirements()
            self._stream()
            self._tell_overrides(taken)

    # --- SUC05.1 -------------------------------------------------------------------------------------------------------

    def _join_cycles(self, cycles: Sequence[Batch[AggregationCycle]]) -> None:
        """Plan all hours that are asked about in one, then join each cycle."""
        step = self._timeline.index(self.now_ms)
        asked = {k: hour for k, hour in enumerate(hour_asked(self._hems, step, one) for one in cycles) if hour}
        wanted = [(hour, self._rows(cycles[k].receiver)) for k, hour in asked.items()]
        plans = dict(zip(asked, plans_within(self._hems, step, wanted, self._readings), strict=True))
        for place, batch in enumerate(cycles):
            self._join_cycle(batch, plans.get(place))

    def _join_cycle(self, batch: Batch[AggregationCycle], within: tuple[F64, Potential] | None) -> None:
        """Steps 1 and its follow-up: show the flexible assets, then report plan and potential to the own aggregator."""
        rows = self._rows(batch.receiver)
        conversation = self._conversation(batch.conversation)
        for row, ends_ms in zip(rows.tolist(), batch["to_ms"].tolist(), strict=True):
            self._cycles.setdefault(row, []).append((ends_ms, conversation))
        self._show_assets(rows, conversation)
        if within is None:
            self._report_plans(rows, conversation)
        else:
            self._report(rows, int(batch["from_ms"][0]), *within, conversation)

    def _show_assets(self, rows: I64, conversation: str) -> None:
        """What homes have, and whether their provider may use it."""
        book, hems = self._hems.book, self._hems
        load = hems.seen.load_kw[rows, : hems.seen.steps]
        daily = load.mean(axis=1) * 24.0 if load.size else np.zeros(len(rows))
        columns = {
            "baseline_kwh_per_day": daily,
            "flexible_kw": self._to.flexible_kw[rows],
            "assets": self._to.assets[rows],
            "consent": book.consent[rows] & hems.automatic[rows],
        }
        self._send_to_both(OnboardingFile, columns, rows, conversation)

    def _report_plans(self, rows: I64, conversation: str) -> None:
        plan = self._hems.next
        if plan is None or plan.offered is None:
            return
        steps = plan.offered.up_kw.shape[1]
        offered = Potential(*(column[rows] for column in plan.offered))
        from_ms = int(self._timeline.starts_ms[plan.first])
        self._report(rows, from_ms, plan.plan.net_kw[rows, :steps], offered, conversation)

    def _report(self, rows: I64, from_ms: int, net_kw: F64, offered: Potential, conversation: str) -> None:
        """Tell the own aggregator what some homes plan from an instant on, and what they could change of it, (rows, steps)."""
        asked, n = self._hems.directions, len(rows)
        no_steps = np.zeros((n, 0))
        columns = {
            "from_ms": np.full(n, from_ms, np.int64),
            "step_s": np.full(n, self._timeline.step_ms / 1000.0),
            "net_kw": net_kw,
            "up_kw": offered.up_kw if "up" in asked else no_steps,
            "down_kw": offered.down_kw if "down" in asked else no_steps,
            "curtail_kw": offered.curtail_kw if "down" in asked else no_steps,
            "up_eur_per_kwh": offered.up_eur_per_kwh,
            "down_eur_per_kwh": offered.down_eur_per_kwh,
            "curtail_eur_per_kwh": offered.curtail_eur_per_kwh,
        }
        self.send_batch(HomePlanReport, columns, self._to.device[rows], self._to.aggregator[rows], conversation)

    def _take_requirements(self) -> None:
        """Step 2: from now on the assets stream their telemetry."""
        for batch in self.stored_rows(CongestionRequirements):
            conversation = self._conversation(batch.conversation)
            self._streams[self._rows(batch.receiver)] = self._conversations.index(conversation)

    def _stream(self) -> None:
        """Step 3: power and states of every streaming asset, to its aggregator and the DSO."""
        for number, conversation in enumerate(self._conversations):
            rows = np.flatnonzero(self._streams == number)
            n = len(rows)
            if not n:
                continue
            columns = {
                "active_kw": self._readings["flexible_kw"][rows],
                "reactive_kvar": np.zeros(n),
                "voltage_pu": np.ones(n),
                "connected": np.ones(n, bool),
                "communicating": np.ones(n, bool),
            }
            self._send_to_both(AssetTelemetry, columns, rows, conversation)

    def _tell_overrides(self, taken: I64) -> None:
        """Step 7, of homes in a cycle."""
        for conversation, rows in self._by_cycle(taken, self.now_ms):
            self.override_by_hand(conversation, taken[rows])

    def _by_cycle(self, rows: I64, t_ms: int) -> list[tuple[str, I64]]:
        """Homes by the cycle of the day that an instant lies in: the earliest that has not ended then; places in ``rows``."""
        running = [
            next((name for ends_ms, name in self._cycles.get(row, ()) if t_ms < ends_ms), "") for row in rows.tolist()
        ]
        return [
            (name, np.array([place for place, one in enumerate(running) if one == name], np.int64))
            for name in dict.fromkeys(running)
            if name
        ]

    @act("override_by_hand")
    def override_by_hand(self, conversation: str, rows: I64) -> Work:
        """People charge the car or heat water now, whatever the plan says (the order lies above all others)."""
        names = [self._hems.book.names[row] for row in rows]
        self.register("overrides").add(t_ms=self.now_ms, owner=names)
        return Work(None, conversation, writes=[f"devices/{name}" for name in names], actors=self._to.device[rows])

    def withdraw_consents(self) -> Process:
        """Homes that take their consent back tell so, stream no more, and follow nobody from that second on."""
        for at_ms, homes in sorted(self._withdrawals.items()):
            yield self.until(at_ms)
            rows = np.flatnonzero(homes & self._hems.book.consent & (self._to.aggregator >= 0))
            if len(rows):
                step = self._timeline.index(self.now_ms)
                take_back(self._hems, self._controls, self._readings, self._laid, step, rows)
                self._streams[rows] = -1
                for conversation, mine in self._by_cycle(rows, self.now_ms):
                    self._show_assets(rows[mine], conversation)

    def _send_to_both(self, record: type[Record], columns: dict[str, Any], rows: I64, conversation: str) -> None:
        """Send from the devices of some homes to their aggregators, and the same to the DSO."""
        device, aggregator = self._to.device[rows], self._to.aggregator[rows]
        twice = {name: np.concatenate([column, column]) for name, column in columns.items()}
        receiver = np.concatenate([aggregator, self._operator(self._to.dso, rows)])
        self.send_batch(record, twice, np.concatenate([device, device]), receiver, conversation)

    # --- post ----------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Join the cycles of the invitations that have come (SUC05.1 step 1), then obey the signals (SUC06.2 step 1.4)."""
        self._join_cycles(gathered(self.stored_rows(AggregationCycle)))
        self._obey(self.stored_rows(ActivationSignal))

    # --- SUC06.2 -------------------------------------------------------------------------------------------------------

    def _obey(self, signals: list[Batch[ActivationSignal]]) -> None:
        """Step 1.4: plan what is ordered, and deliver when it is time."""
        followed = [part for batch in signals if len(part := self._followed(batch))]
        orders = read_orders(followed, [self._rows(batch.receiver) for batch in followed])
        deliveries: dict[int, list[Delivery]] = {}
        for together in disjoint(orders, self._hems.book.n):
            for delivery in self._follow(together):
                if len(delivery.rows):
                    deliveries.setdefault(delivery.from_ms, []).append(delivery)
        for from_ms, due in deliveries.items():
            self.start(self._deliver(from_ms, due))

    def _followed(self, batch: Batch[ActivationSignal]) -> Batch[ActivationSignal]:
        """The signals of a batch that homes follow; the others are refused on record."""
        provider = self._to.aggregator[self._rows(batch.receiver)]
        party = self.directory.party
        own = (provider >= 0) & (party[batch.sender] == party[provider])
        current = self._hems.current
        planned = range(0) if current is None else range(current.first, current.end)
        reasons = refusals(batch, own, self._timeline, planned)
        for row, reason in reasons.items():
            refuse(self, batch, row, str(batch["activation"][row]), reason)
        return batch.take(np.setdiff1d(np.arange(len(batch)), list(reasons))) if reasons else batch

    def _follow(self, orders: list[Order]) -> Iterable[Delivery]:
        """Plan the ordered changes, lay them over the schedule, and say what will come of them (SUC05.1/8); no home is in two of them."""
        step = self._timeline.index(self.now_ms)
        asked = [(one.rows, self._timeline.index(one.from_ms), one.sign * one.change_kw) for one in orders]
        begins = [
            (np.abs(change) > MOVED_KW).argmax(axis=1) for _, _, change in asked
        ]  # a call may ask for nothing at first
        moves = [np.maximum(first + begin, step) for (_, first, _), begin in zip(asked, begins, strict=True)]
        planned = [self._planned_kw(rows, at) for (rows, _, _), at in zip(asked, moves, strict=True)]
        answers = self._hems.activate(step, asked, self._readings)
        self._laid = [laid for laid in self._laid if laid.end > step]
        for one, (rows, first, change), at, before, answer in zip(orders, asked, moves, planned, answers, strict=True):
            expected, plan, gives_up = answer
            begin = max(step, first)
            columns = slice(begin - step, first + change.shape[1] - step)
            end = first + change.shape[1]
            self._laid.append(Laid(one.activation, rows, end))
            for kind, kw in zip(
                FLEXIBLE, (plan.ev_kw, plan.battery_kw, plan.heater_kw, plan.heat_pump_kw), strict=True
            ):
                self._controls.order(kind, one.activation, 1, rows, begin, kw[:, columns])
            self._feed_back(one.activation, one.from_ms, rows, one.change_kw.mean(axis=1), one.sign * expected)
            self._show_gateways(one, np.maximum(one.sign * expected, 0.0))
            follows = one.sign * expected > MOVED_KW
            generation = np.asarray(gives_up, np.float64)
            before_kw = np.subtract(before[0], generation * before[1])
            for moving in np.unique(at[follows]):
                due = follows & (at == moving)
                from_ms = int(self._timeline.starts_ms[moving])
                yield Delivery(one.conversation, one.activation, rows[due], from_ms, before_kw[due], generation[due])

    def _planned_kw(self, rows: I64, steps: I64) -> tuple[F64, F64]:
        """Flexible power that the homes had planned, each for its step, and the generation that they expected."""
        current = self._hems.current
        assert current is not None
        place = steps - current.first
        plan = current.plan
        parts = plan.ev_kw, plan.battery_kw, plan.heater_kw, plan.heat_pump_kw
        flexible = np.asarray(sum(part[rows, place] for part in parts), np.float64)
        return flexible, current.pv_kw[rows, place]

    def _feed_back(self, activation: str, from_ms: int, rows: I64, ordered_kw: F64, expected_kw: F64) -> None:
        for conversation, mine in self._by_cycle(rows, from_ms):
            columns = {
                "activation": np.array([activation] * len(mine), object),
                "ordered_kw": ordered_kw[mine],
                "expected_kw": expected_kw[mine],
            }
            self._send_to_both(ActivationFeedback, columns, rows[mine], conversation)

    def _show_gateways(self, order: Order, expected_kw: F64) -> None:
        """Show the gateways what was ordered and will be done (SUC10.4 rule 14)."""
        there = np.flatnonzero(self._to.gateway[order.rows] >= 0) if self._to.gateway is not None else ()
        if self._to.gateway is not None and len(there):
            rows, columns = order.rows[there], set_points(order, expected_kw[there], self._timeline.step_ms)
            self.send_batch(SetPointReading, columns, self._to.device[rows], self._to.gateway[rows], order.conversation)

    def _deliver(self, from_ms: int, deliveries: list[Delivery]) -> Process:
        yield self.until(from_ms)
        for delivery in consenting(deliveries, self._hems.book.consent):
            self.start_delivery(delivery)
        yield self.sleep(SHOWS_AFTER_S)
        for delivery in consenting(deliveries, self._hems.book.consent):
            self._show(delivery)

    def _show(self, delivery: Delivery) -> None:
        """Step 1.5: what has moved is measured."""
        rows = delivery.rows
        after = self._readings["flexible_kw"][rows] + delivery.generation * self._readings["generation_kw"][rows]
        moved = np.abs(delivery.planned_kw - after) > MOVED_KW
        n = int(moved.sum())
        if n:
            columns = {
                "activation": np.array([delivery.activation] * n, object),
                "before_kw": delivery.planned_kw[moved],
                "after_kw": after[moved],
            }
            device = self._to.device[delivery.rows[moved]]
            scada = self._operator(self._to.scada, delivery.rows[moved])
            self.send_batch(DeliveryMeasurement, columns, device, scada, delivery.conversation)

    @act("start_delivery")
    def start_delivery(self, delivery: Delivery) -> Work:
        """Step 1.5: the ordered set-points take effect."""
        names = [self._hems.book.names[row] for row in delivery.rows]
        return Work(
            None, delivery.conversation, [f"activations/{delivery.activation}"], [f"devices/{name}" for name in names],
            self._to.device[delivery.rows],
        )  # fmt: skip

    # --- bills ---------------------------------------------------------------------------------------------------------

    @handles(RetailBill)
    def pay_bill(self, batch: Batch[RetailBill]) -> None:
        """Pay the retailer."""
        rows = np.searchsorted(self._to.home, batch.receiver)
        names = np.array([self._hems.book.names[row] for row in rows], object)
        owed = batch["energy_eur"] + batch["network_eur"] + batch["taxes_eur"]
        retailer = np.array([self._to.retailer] * len(rows), object)
        pay_many(self, names, retailer, np.rint(owed * 100.0) / 100.0, "retail bill", batch.ids)

    # --- rows ----------------------------------------------------------------------------------------------------------

    def _rows(self, devices: I64) -> I64:
        return np.searchsorted(self._to.device, devices)

    def _operator(self, address: I64 | int, rows: I64) -> I64:
        """An address of the operator of each of some homes."""
        return np.broadcast_to(np.asarray(address, np.int64), (len(self._to.device),))[rows]

    def _conversation(self, name: str) -> str:
        if name not in self._conversations:
            self._conversations.append(name)
        return name
