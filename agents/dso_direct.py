"""Distribution system operator without a market: it dispatches the flexibility of its standing contracts (SUC06.1 scenario 1).

On the day it gathers what the FSPs have available, foresees the rest of the day, finds what would be violated and decides whom to dispatch:
three acts of the DERMS. The FSPs are asked straight away, plan again and signal their resources. While the window lasts, the control
room (``agents.dso_operation``) calls more, of what the FSPs report that is left, where SCADA shows more than was foreseen.
"""

from collections.abc import Iterable

import numpy as np

from agents.dso_contracts import Call, Contracts, Lot
from agents.dso_dispatch import Reports, least_cost, standing_lots
from agents.dso_horizon import Outlook
from agents.dso_need import Need
from agents.dso_outlook import LookAhead
from agents.dso_planning import GridPlanning
from agents.dso_terms import DsoTerms, MarketDay, Standing
from data.arrays import I64
from environment.calendar import Calendar
from environment.instruments import MeterStore, ScadaView, Switchgear
from environment.messages.activation import ActivationRequest, SignalReceipt
from environment.messages.procurement import FlexibilityAvailability
from environment.party import Process, Seat, Work, act
from environment.units import Direction
from markets.settlement.blocks import Block


class DirectDso(GridPlanning):
    """Operator of one distribution grid, who has standing contracts with FSPs and no market.

    Args:
        seat: place in the world.
        look_ahead: forecast module with the operator's grid model.
        meters: certified meters of its grid.
        scada: real-time measurements.
        switchgear: its own means.
        calendar: local time.
        terms: who the others are, products and deadlines.

    Raises:
        ValueError: the terms hold no standing contracts.
    """

    def __init__(
        self, seat: Seat, look_ahead: LookAhead, meters: MeterStore, scada: ScadaView, switchgear: Switchgear,
        calendar: Calendar, terms: DsoTerms,
    ) -> None:  # fmt: skip
        super().__init__(seat, look_ahead, meters, scada, switchgear, calendar, terms)
        if terms.standing is None:
            text = f"{seat.name} has neither a market nor standing contracts"
            raise ValueError(text)
        self._standing: Standing = terms.standing
        self._reports = Reports()

    def processes(self) -> Iterable[Process]:
        """One look ahead on every day of delivery for each direction of the product."""
        yield from super().processes()
        for day in self._terms.days:
            for direction in self._terms.directions:
                yield self.relieve(day, "up" if direction == "up" else "down")

    def note_report(self, fsp: str, record: FlexibilityAvailability, received_ms: int) -> None:
        """The latest report of an FSP counts."""
        super().note_report(fsp, record, received_ms)
        self._reports.note(fsp, record, received_ms)

    def bring_up_to_date(self, contracts: Contracts) -> None:
        """What the FSPs have available beside what is called already, as they reported last; an old report does not count."""
        self.read_reports()
        lot = contracts.lots[0]
        contracts.take(self._available(contracts, lot.direction, lot.from_ms, contracts.steps))

    def _available(self, contracts: Contracts, direction: Direction, from_ms: int, steps: int) -> list[Lot]:
        t_ms = from_ms + self._meters.timeline.step_ms * np.arange(steps, dtype=np.int64)
        since_ms = self.now_ms - round(self._standing.reports_valid_s * 1000)
        available = self._reports.available(direction, t_ms, since_ms)
        return standing_lots(self.name, available, self._standing.eur_per_kwh, direction, from_ms, contracts)

    # --- SUC06.1 scenario 1 ---------------------------------------------------------------------------------------------

    def relieve(self, day: MarketDay, direction: Direction) -> Process:
        """Foresee the rest of the day; dispatch what is needed, then watch the window and call more where SCADA shows it."""
        yield self.until(day.procures_ms)
        subject = self.subject(day, direction)
        conversation = self.open("SUC06.1", "1", subject, system="derms")
        end_ms = day.from_ms + day.steps * self._meters.timeline.step_ms
        yield from self.ask_availability(conversation, self.now_ms, end_ms)
        outlook = self.forecast_network(conversation, day, direction)
        needs = self.detect_violation(conversation, outlook, day, direction)
        if direction == self._terms.directions[0]:
            self.tell_requirements(conversation, day, needs)
        if self.nothing_to_buy(conversation, day, outlook, needs):
            return
        needs, guards = self._look_ahead.told(outlook, needs, day.from_ms, self._terms.largest_whole_kw)
        contracts = Contracts(
            self._terms.step_s, self._available(Contracts(self._terms.step_s), direction, day.from_ms, day.steps)
        )
        self._blocks |= {lot.contract: [Block(lot.price_eur_per_kwh)] for lot in contracts.lots}
        followed = yield from self._dispatch_until_met(conversation, contracts, needs, guards, day)
        if contracts.lots:
            self._register_relief(f"{self.name}/{subject}", contracts, needs, day)
            yield from self.operate(conversation, contracts, outlook, needs)
        else:
            self.leave_unmet(conversation, needs, day)
        yield self.until(end_ms)
        if not followed:
            self.end(conversation, "failed", "no FSP could be dispatched, the need was left to real time")
        elif not any(self._measured.get(call.activation) for call in followed):
            self.end(conversation, "failed", "no delivery of what was dispatched shows in SCADA")
        else:
            self.end(conversation)

    @act("forecast_network", system="derms")
    def forecast_network(self, conversation: str, day: MarketDay, direction: str) -> Work:
        """Step 1.2: take in what the FSPs reported, forecast load and network states."""
        outlook = self.foresee(day, keep=direction == self._terms.directions[0])
        reads = [f"availability/{fsp}" for fsp in self._reports.fsps]
        return Work(outlook, conversation, reads, [f"forecasts/{self.name}"])

    @act("detect_violation", system="derms")
    def detect_violation(self, conversation: str, outlook: Outlook, day: MarketDay, direction: str) -> Work:
        """Step 1.3: the look ahead finds what would be violated, and quantifies the need."""
        name = f"{self.name}/{self.subject(day, direction)}"
        needs = self.find_needs(name, conversation, outlook, day, direction)
        writes = [f"needs/{name}"] if needs else []
        return Work(needs, conversation, [f"forecasts/{self.name}"], writes)

    @act("decide_dispatch", system="derms")
    def decide_dispatch(
        self, conversation: str, contracts: Contracts, needs: list[Need], guards: list[Need], day: MarketDay
    ) -> Work:
        """Step 1.4: whom to dispatch, when and how much: at least cost, within what the grid bears, beyond what is ordered already."""
        whole = slice(0, day.steps)
        lots, ordered = least_cost(
            self._standing.clear, contracts, needs, guards, whole, self._starts(day), self._meters.timeline.hours,
            self._terms.price_cap_eur_per_kwh,
        )  # fmt: skip
        calls = contracts.order(lots, ordered, whole, trimmed=True) if lots else []
        for call in calls:
            self.register_call(conversation, call)
        reads = [f"needs/{self.name}/{self.subject(day, needs[0].direction)}"]
        return Work(calls, conversation, reads, [f"activations/{call.activation}" for call in calls])

    def _starts(self, day: MarketDay) -> I64:
        """Starts of the intervals of the window of a day [ms]."""
        return day.from_ms + self._meters.timeline.step_ms * np.arange(day.steps, dtype=np.int64)

    def _dispatch_until_met(
        self, conversation: str, contracts: Contracts, needs: list[Need], guards: list[Need], day: MarketDay
    ) -> Process:
        """Dispatch FSPs; what one does not follow is asked of the next best, until nothing is left. Gives the calls that were followed."""
        followed: list[Call] = []
        while contracts.lots:
            calls = self.decide_dispatch(conversation, contracts, needs, guards, day)
            kept = yield from self.dispatch(conversation, calls)
            for call in calls:
                if call.activation not in kept:
                    contracts.bar(call, slice(0, day.steps))
            followed += [call for call in calls if call.activation in kept]
            if len(kept) == len(calls):
                break
        return followed

    def dispatch(self, conversation: str, calls: list[Call]) -> Process:
        """Step 1.5: ask FSPs for flexibility ahead of time; gives the activations that they follow."""
        requests = [call.request(self.name, self._terms) for call in calls]
        sent = [self.send(one, one.fsp, conversation, system="derms") for one in requests]
        reached: dict[str, ActivationRequest] = {}
        for request, one in zip(requests, sent, strict=True):
            outcome = yield self.confirm(one)
            if outcome.acknowledged:
                reached[request.activation] = request
            else:
                self.void(request.activation, "the request was not acknowledged", reached=False)
        receipts = yield from self._receipts(conversation, set(reached))
        for activation, request in reached.items():
            if receipts.get(activation):
                self.owe(conversation, request)
            else:
                reason = "the FSP refused" if activation in receipts else "the FSP did not confirm"
                self.void(activation, reason, reached=True)
        return {activation for activation, follows in receipts.items() if follows}

    def _receipts(self, conversation: str, activations: set[str]) -> Process:
        """What the FSPs say to their requests, as far as they do in time: activation -> whether they follow."""
        until_ms = self.now_ms + round(self._terms.receipt_within_s * 1000)
        found: dict[str, bool] = {}
        while len(found) < len(activations):
            batch = yield self.receive(SignalReceipt, conversation, until_ms)
            if batch is None:
                break
            found |= {one.activation: one.accepted for one in batch.records() if one.activation in activations}
        for activation in found:
            self._baselines.note_heard(activation)
        return found

    def _register_relief(self, name: str, contracts: Contracts, needs: list[Need], day: MarketDay) -> None:
        """What of each need is covered by what was dispatched and confirmed; its cost goes to the needs by what they were relieved."""
        t_ms, hours = self._starts(day), self._meters.timeline.hours
        cost_eur, price = contracts.value(self._standing.eur_per_kwh)
        relief = [np.minimum(contracts.moved_kw(need, slice(0, day.steps)), need.need_kw) for need in needs]
        total = np.maximum(np.sum(relief, axis=0), 1e-9)
        for need, kw in zip(needs, relief, strict=True):
            rows = need.need_kw > 0.0
            self.register("clearings").add(
                session=name, t_ms=t_ms[rows], constraint=need.constraint, direction=need.direction, needed_kw=need.need_kw[rows],
                cleared_kw=kw[rows], cost_eur=(cost_eur * hours * kw / total)[rows], price_eur_per_kwh=price[rows],
            )  # fmt: skip
