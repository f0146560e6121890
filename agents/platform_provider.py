"""Digital platform provider: opens the aggregation cycle (SUC05.1) and settles in the GDBN (SUC06.3 scenario 1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from environment.calendar import Calendar
from environment.messages.activation import ActivationReport, ActivationRequest
from environment.messages.aggregation import AggregationCycle
from environment.messages.base import Batch
from environment.messages.procurement import BaselineDeclaration, EngagementRequest
from environment.messages.settlement import (
    Invoice,
    MeterData,
    MeterDataRequest,
    RemunerationAndPenalty,
    SettlementDecision,
)
from environment.party import Party, Process, Seat, Work, act, handles
from markets.baselines.declared import BaselineStore, freeze
from markets.settlement.cases import Case, Settle, cases, lacking, settle_case


@dataclass(frozen=True)
class ProviderTerms:
    """What the provider is told: the days of delivery and whom it connects.

    Attributes:
        days_ms: (start, end) of every day of delivery.
        gates_ms: when the market's gate for each of them closes: the last instant before which a baseline may be declared.
        cycle_before_ms: how long before a day its aggregation cycle opens.
        settle_after_ms: how long after a day its activations are settled.
        dso: role address of the DSO.
        meter_database: address that answers for certified meter data.
        settlement_desk: address that approves settlements.
        aggregators: role addresses of the aggregators.
        fsp_platforms: FSP -> address of its technical platform.
        settle: the settlement rule with its parameters.
        wait_s: how long meter data and decisions are waited for.
        retry_s: time between two attempts to reach somebody in a settlement.
        gives_up_after_s: how long after its beginning a settlement tries to reach somebody; then it fails.
    """

    days_ms: Sequence[tuple[int, int]]
    gates_ms: Sequence[int]
    cycle_before_ms: int
    settle_after_ms: int
    dso: str
    meter_database: str
    settlement_desk: str
    aggregators: Sequence[str]
    fsp_platforms: dict[str, str]
    settle: Settle
    wait_s: float = 600.0
    retry_s: float = 900.0
    gives_up_after_s: float = 5400.0


class PlatformProvider(Party):
    """Operates the GDBN: its own role address, and the settlement service as sub-address of the platform."""

    def __init__(self, seat: Seat, calendar: Calendar, terms: ProviderTerms) -> None:
        super().__init__(seat)
        self._calendar = calendar
        self._terms = terms
        self._baselines = BaselineStore()
        self._declared: dict[tuple[str, str, str], BaselineDeclaration] = {}
        self._engaged: list[EngagementRequest] = []
        self._orders: list[tuple[str, ActivationRequest]] = []
        self._seen: dict[str, float] = {}

    def processes(self) -> Iterable[Process]:
        """One cycle before, and one settlement after each day."""
        for start_ms, end_ms in self._terms.days_ms:
            yield self.aggregation_cycle(start_ms, end_ms)
            yield self.settle_day(start_ms, end_ms)

    # --- SUC05.1 -------------------------------------------------------------------------------------------------------

    def aggregation_cycle(self, start_ms: int, end_ms: int) -> Process:
        """Bring the DSO's constraints and the assets' flexibility together for one day."""
        if not self._terms.aggregators:
            return
        yield self.until(start_ms - self._terms.cycle_before_ms)
        day = self._calendar.local(start_ms).strftime("%Y-%m-%d")
        conversation = self.open("SUC05.1", "1", day)
        cycle = AggregationCycle(from_ms=start_ms, to_ms=end_ms)
        outcome = yield self.confirm(self.send(cycle, [self._terms.dso, *self._terms.aggregators], conversation))
        if not outcome.acknowledged:
            self.end(conversation, "failed", "the cycle's opening was not acknowledged")
            return
        yield self.until(end_ms)
        self.end(conversation)

    # --- SUC06.3: what is kept ---------------------------------------------------------------------------------------

    @handles(BaselineDeclaration)
    def store_baseline(self, batch: Batch[BaselineDeclaration]) -> None:
        """Freeze a declared baseline; one that comes after the gate, or changes what stands, is refused."""
        for record, received_ms in zip(batch.records(), batch.received_ms.tolist(), strict=True):
            kept = len(self._baselines)
            reason = self._declare(record, received_ms)
            if reason:
                self.register("refused_baselines").add(baseline=record.baseline, t_ms=self.now_ms, reason=reason)
                continue
            self._declared.setdefault((record.session, record.fsp, record.area), record)
            if len(self._baselines) > kept:  # otherwise the same declaration came before, perhaps for another session
                self.register("baselines").add(
                    baseline=record.baseline, fsp=record.fsp, area=record.area, t_ms=self._calendar_steps(record),
                    power_kw=record.power_kw, hash=record.sha256, frozen_ms=self.now_ms,
                )  # fmt: skip

    def _declare(self, record: BaselineDeclaration, received_ms: int) -> str:
        """Store a declaration; why it is refused, empty if it stands."""
        steps = self._calendar_steps(record)
        if not len(steps):
            return "it has no interval"
        gate_ms = self._gate_ms(record.from_ms)
        if gate_ms is None:
            return "it begins on no day of delivery"
        frozen = freeze(record.baseline, record.fsp, record.area, steps, record.power_kw, received_ms)
        if frozen.sha256 != record.sha256:
            return "hash"
        self._baselines, reason = self._baselines.declare(frozen, gate_ms)
        return reason

    def _gate_ms(self, from_ms: int) -> int | None:
        """The gate of the day of delivery that an instant lies in; None outside all."""
        days = zip(self._terms.days_ms, self._terms.gates_ms, strict=True)
        return next((gate_ms for (start_ms, end_ms), gate_ms in days if start_ms <= from_ms < end_ms), None)

    @staticmethod
    def _calendar_steps(record: BaselineDeclaration) -> NDArray[np.int64]:
        return record.from_ms + round(record.step_s * 1000) * np.arange(len(record.power_kw), dtype=np.int64)

    @handles(EngagementRequest)
    def store_engagement(self, batch: Batch[EngagementRequest]) -> None:
        """Keep the contracted prices."""
        self._engaged.extend(batch.records())

    @handles(ActivationRequest)
    def store_order(self, batch: Batch[ActivationRequest]) -> None:
        """Keep what was ordered, with the conversation that ordered it."""
        self._orders.extend((batch.conversation, record) for record in batch.records())

    @handles(ActivationReport)
    def store_report(self, batch: Batch[ActivationReport]) -> None:
        """Keep what the DSO detected."""
        self._seen.update({record.activation: record.volume_kw for record in batch.records()})

    # --- SUC06.3 scenario 1 --------------------------------------------------------------------------------------------

    def settle_day(self, start_ms: int, end_ms: int) -> Process:
        """Settle every activation of a day, one conversation for each activation conversation."""
        yield self.until(end_ms + self._terms.settle_after_ms)
        mine = [(name, order) for name, order in self._orders if start_ms <= order.from_ms < end_ms]
        for parent in dict.fromkeys(name for name, _ in mine):
            orders = [order for name, order in mine if name == parent]
            self.start(self.settle(parent, orders))  # one that waits for somebody holds up no other

    def settle(self, parent: str, orders: list[ActivationRequest]) -> Process:
        """Scenario 1: meter data, baselines, delivery, verification, amounts, the DSO's decision, invoices.

        Whoever cannot be reached is tried again until ``gives_up_after_s``; receivers know an invoice that they have by its id, so that
        one that comes twice is paid once.
        """
        conversation = self.open("SUC06.3", "1", parent, parent=parent, system="gdbn")
        until_ms = self.now_ms + round(self._terms.gives_up_after_s * 1000)
        reason = lacking(orders, self._engaged, self._declared, self._terms.fsp_platforms)
        if reason:
            self.end(conversation, "failed", reason)
            return
        ready = cases(conversation, orders, self._engaged, self._declared)
        reason = yield from self.ask_meter_data(conversation, ready, until_ms)
        if reason:
            self.end(conversation, "failed", reason)
            return
        self.read_baselines(conversation, ready)
        self.calculate_delivery(conversation, ready)
        self.verify_delivery(conversation, ready)
        results = self.calculate_remuneration(conversation, ready)
        decisions = yield from self.ask_approval(conversation, results, until_ms)
        if decisions is None:
            self.end(conversation, "failed", "the DSO did not decide on the settlement")
            return
        yield from self.finish(conversation, results, decisions, until_ms)

    def _again(self, until_ms: int) -> bool:
        """Whether there is time for another attempt."""
        return self.now_ms + round(self._terms.retry_s * 1000) < until_ms

    def ask_meter_data(self, conversation: str, ready: list[Case], until_ms: int) -> Process:
        """Step 1.1: the meter data of all cases; gives the reason if they cannot be had, empty if all are there."""
        left = list(ready)
        while True:
            wanted = [MeterDataRequest(meters=case.meters, from_ms=case.from_ms, to_ms=case.to_ms) for case in left]
            desk = [self._terms.meter_database] * len(wanted)
            answers = yield self.ask(wanted, desk, conversation, system="gdbn", timeout_s=self._terms.wait_s)
            given = {(data.meters, data.from_ms): data for batch in answers.batches for data in batch.records()}
            for case in left:
                if (case.meters, case.from_ms) in given:
                    data: MeterData = given[case.meters, case.from_ms]
                    case.metered_kw, case.missing = data.metered_kw, data.missing
            left = [case for case in left if (case.meters, case.from_ms) not in given]
            if not left:
                break
            if not self._again(until_ms):
                return "no meter data: " + ", ".join(sorted(set(answers.status) - {"answered"}))
            yield self.sleep(self._terms.retry_s)
        missing = sum(case.missing for case in ready)
        return f"{missing} meter readings are missing" if missing else ""

    @act("read_baselines", system="gdbn")
    def read_baselines(self, conversation: str, ready: list[Case]) -> Work:
        """Step 1.2: read the stored baselines back; a changed one no longer fits its hash."""
        for case in ready:
            case.baseline_kw = self._baselines.read(case.fsp, case.area, case.t_ms)
        refs = [f"baselines/{case.baseline}" for case in ready]
        return Work(None, conversation, reads=refs)

    @act("calculate_delivery", system="gdbn")
    def calculate_delivery(self, conversation: str, ready: list[Case]) -> Work:
        """Step 1.3: delivered = baseline - metered, per interval."""
        for case in ready:
            case.deliver()
            self.register("deliveries").add(
                settlement=case.settlement, activation=case.activation, fsp=case.fsp, area=case.area, t_ms=case.t_ms,
                baseline_kw=case.baseline_kw, metered_kw=case.metered_kw, ordered_kw=case.ordered_kw,
                delivered_kw=case.delivered_kw,
            )  # fmt: skip
        reads = [f"baselines/{case.baseline}" for case in ready]
        return Work(None, conversation, reads, [f"deliveries/{case.settlement}" for case in ready])

    @act("verify_delivery", system="gdbn")
    def verify_delivery(self, conversation: str, ready: list[Case]) -> Work:
        """Step 1.4: compare delivery with what the DSO requested."""
        for case in ready:
            case.verify()
        reads = [f"deliveries/{case.settlement}" for case in ready] + [
            f"activations/{case.activation}" for case in ready
        ]
        return Work(None, conversation, reads)

    @act("calculate_remuneration", system="gdbn")
    def calculate_remuneration(self, conversation: str, ready: list[Case]) -> Work:
        """Step 1.5: remuneration and penalty by the product's rule."""
        results = [settle_case(case, self._terms.settle) for case in ready]
        reads = [f"deliveries/{case.settlement}" for case in ready]
        return Work(results, conversation, reads, [f"settlements/{result.settlement}" for result in results])

    def ask_approval(self, conversation: str, results: list[RemunerationAndPenalty], until_ms: int) -> Process:
        """Steps 1.6 and 1.7: send the amounts and wait for the DSO's decision on each; None if it does not decide."""
        decisions: dict[str, SettlementDecision] = {}
        while True:
            left = [result for result in results if result.settlement not in decisions]
            self.send(left, [self._terms.settlement_desk] * len(left), conversation, system="gdbn")
            waited_ms = self.now_ms + round(self._terms.wait_s * 1000)
            while len(decisions) < len(results):
                batch = yield self.receive(SettlementDecision, conversation, waited_ms)
                if batch is None:
                    break
                asked = {result.settlement for result in results}
                decisions.update({one.settlement: one for one in batch.records() if one.settlement in asked})
            if len(decisions) == len(results):
                return decisions
            if not self._again(until_ms):
                return None
            yield self.sleep(self._terms.retry_s)

    def finish(
        self, conversation: str, results: list[RemunerationAndPenalty], decisions: dict[str, SettlementDecision], until_ms: int
    ) -> Process:  # fmt: skip
        """Send invoices for what was approved; a dispute is kept with its reason and stops payment."""
        for result in results:
            self.register("settlements").add(
                settlement=result.settlement, conversation=conversation, fsp=result.fsp, ordered_kwh=result.ordered_kwh,
                delivered_kwh=result.delivered_kwh, remuneration_eur=result.remuneration_eur, penalty_eur=result.penalty_eur,
                net_eur=result.net_eur, status="approved" if decisions[result.settlement].approved else "disputed",
            )  # fmt: skip
        due = [result for result in results if decisions[result.settlement].approved and result.net_eur]
        reason = yield from self._send_invoices(conversation, due, until_ms)
        disputed = [key for key, decision in decisions.items() if not decision.approved]
        if reason:
            self.end(conversation, "failed", reason)
        else:
            self.end(conversation, "completed", f"disputed: {', '.join(disputed)}" if disputed else "")

    def _send_invoices(self, conversation: str, due: list[RemunerationAndPenalty], until_ms: int) -> Process:
        """Send each invoice to both sides until they acknowledge it; gives the reason if somebody does not, else empty."""
        desk, platforms = self._terms.settlement_desk, self._terms.fsp_platforms
        left = [(self._invoice(one), receiver) for one in due for receiver in (desk, platforms[one.fsp])]
        while left:
            invoices, receivers = zip(*left, strict=True)
            outcome = yield self.confirm(self.send(invoices, list(receivers), conversation, system="gdbn"))
            left = [one for one, status in zip(left, outcome.status, strict=True) if status != "acknowledged"]
            if left and not self._again(until_ms):
                return "not acknowledged: " + ", ".join(f"{invoice.invoice} by {to}" for invoice, to in left)
            if left:
                yield self.sleep(self._terms.retry_s)
        return ""

    def _invoice(self, result: RemunerationAndPenalty) -> Invoice:
        """A net amount below zero is a claim of the DSO."""
        pair = (self._terms.dso, result.fsp)
        debtor, creditor = pair if result.net_eur > 0 else pair[::-1]
        purpose = "flexibility" if result.net_eur > 0 else "penalty"
        return Invoice(
            invoice=f"invoice/{result.settlement}",
            debtor=debtor,
            creditor=creditor,
            purpose=purpose,
            eur=abs(result.net_eur),
        )
