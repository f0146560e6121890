"""Digital platform provider: opens the aggregation cycle (SUC05.1) and settles in the GDBN (SUC06.3 scenario 1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agents.readiness import Readiness, owing
from agents.settlement import (
    Baselines,
    Service,
    ask_meter_data,
    called_refs,
    close,
    deliver,
    delivered_refs,
    in_turn,
    remunerate,
)
from environment.calendar import Calendar
from environment.messages.activation import ActivationReport, ActivationRequest
from environment.messages.aggregation import AggregationCycle, FlexibilityShortfall
from environment.messages.base import Batch
from environment.messages.procurement import BaselineDeclaration, EngagementRequest
from environment.messages.settlement import RemunerationAndPenalty, SettlementDecision
from environment.party import Party, Process, Seat, Work, act, handles
from environment.refusals import refuse
from markets.baselines.method import Method
from markets.settlement.availability import calls_of
from markets.settlement.blocks import Block
from markets.settlement.cases import Case, cases, engaged_blocks, lacking


@dataclass(frozen=True)
class ProviderTerms:
    """What the provider is told: the days of delivery and whom it connects.

    Attributes:
        days_ms: (start, end) of every day of delivery.
        gates_ms: when the market's gate for each of them closes: the last instant before which a baseline may be declared.
        cycle_before_ms: how long before a day its aggregation cycle opens.
        settle_after_ms: how long after a day its activations are settled.
        settles: whether the GDBN settles; where the DSO does (scenario 2) it only passes results on.
        dso: role address of the DSO.
        settlement_desk: address that approves settlements.
        aggregators: role addresses of the aggregators.
        service: whom the settlement service serves, and by which rule.
        method: the baseline rule of the market.
        reconciles_s: how long the DSO and an aggregator that falls short have to agree on more.
    """

    days_ms: Sequence[tuple[int, int]]
    gates_ms: Sequence[int]
    cycle_before_ms: int
    settle_after_ms: int
    settles: bool
    dso: str
    settlement_desk: str
    aggregators: Sequence[str]
    service: Service
    method: Method = field(default_factory=Method)
    reconciles_s: float = 900.0


class PlatformProvider(Party):
    """Operates the GDBN: its own role address, and the settlement service as sub-address of the platform."""

    def __init__(self, seat: Seat, calendar: Calendar, terms: ProviderTerms) -> None:
        super().__init__(seat)
        self._calendar = calendar
        self._terms = terms
        self._service = terms.service
        self._baselines = Baselines(terms.days_ms, terms.gates_ms, terms.method)
        self._short: set[tuple[str, str]] = set()
        self._engaged: set[tuple[str, str]] = set()
        self._blocks: dict[str, list[Block]] = {}
        self._readiness = Readiness()
        self._orders: dict[str, tuple[str, ActivationRequest]] = {}
        self._calls: dict[str, list[Block]] = {}
        self._seen: dict[str, float] = {}

    def processes(self) -> Iterable[Process]:
        """One cycle before, and one settlement after each day."""
        for start_ms, end_ms in self._terms.days_ms:
            yield self.aggregation_cycle(start_ms, end_ms)
            if self._terms.settles:
                yield self.settle_day(start_ms, end_ms)

    # --- SUC05.1 -------------------------------------------------------------------------------------------------------

    def aggregation_cycle(self, start_ms: int, end_ms: int) -> Process:
        """Bring the DSO's constraints and the assets' flexibility together for one day."""
        if not self._terms.aggregators:
            return
        yield self.until(start_ms - self._terms.cycle_before_ms)
        day = self._calendar.local(start_ms).strftime("%Y-%m-%d")
        conversation = self.open("SUC05.1", "1", day)
        cycle = AggregationCycle(from_ms=start_ms, to_ms=end_ms, shortfall="", aggregator="")
        outcome = yield self.confirm(self.send(cycle, [self._terms.dso, *self._terms.aggregators], conversation))
        if not outcome.acknowledged:
            self.end(conversation, "failed", "the cycle's opening was not acknowledged")
            return
        yield self.until(end_ms)
        self.end(conversation)

    @handles(FlexibilityShortfall)
    def hear_of_shortfall(self, batch: Batch[FlexibilityShortfall]) -> None:
        """Scenario 2 begins where an aggregator finds its potential smaller than what is needed of it; once for each need."""
        for record, sender in zip(batch.records(), batch.sender.tolist(), strict=True):
            aggregator = self.directory.names[sender]
            if (record.need, aggregator) not in self._short:
                self._short.add((record.need, aggregator))
                self.register("shortfalls").add(
                    need=record.need, aggregator=aggregator, t_ms=self.now_ms, needed_kwh=record.needed_kwh,
                    missing_kwh=record.missing_kwh,
                )  # fmt: skip
                self.start(self._reconcile(record, aggregator, batch.conversation))

    def _reconcile(self, record: FlexibilityShortfall, aggregator: str, cycle: str) -> Process:
        """Bring the DSO and an aggregator that falls short together again."""
        conversation = self.open("SUC05.1", "2", f"{record.need}/{aggregator}", parent=cycle)
        opening = AggregationCycle(
            from_ms=record.from_ms, to_ms=record.to_ms, shortfall=record.need, aggregator=aggregator
        )
        outcome = yield self.confirm(self.send(opening, [self._terms.dso, aggregator], conversation))
        if not outcome.acknowledged:
            self.end(conversation, "failed", "the opening was not acknowledged")
            return
        yield self.sleep(self._terms.reconciles_s)
        self.end(conversation)

    # --- SUC06.3: what is kept ---------------------------------------------------------------------------------------

    @handles(BaselineDeclaration)
    def store_baseline(self, batch: Batch[BaselineDeclaration]) -> None:
        """Freeze a declared baseline; one that comes after the gate, or changes what stands, is refused."""
        for record, received_ms in zip(batch.records(), batch.received_ms.tolist(), strict=True):
            self._baselines.take(self, record, received_ms)

    @handles(EngagementRequest)
    def store_engagement(self, batch: Batch[EngagementRequest]) -> None:
        """Keep the contracted prices, each once."""
        for record in batch.records():
            if (record.contract, record.bid) not in self._engaged:
                self._engaged.add((record.contract, record.bid))
                for contract, blocks in engaged_blocks([record]).items():
                    self._blocks.setdefault(contract, []).extend(blocks)
                self._readiness.note(batch.conversation, record, self._terms.dso)

    @handles(ActivationRequest)
    def store_order(self, batch: Batch[ActivationRequest]) -> None:
        """Keep what was ordered, with the conversation that ordered it; what is ordered under one id again stands as it was first."""
        for row, record in enumerate(batch.records()):
            if record.activation in self._orders:
                refuse(self, batch, row, record.activation, "it was ordered before")
            else:
                self._orders[record.activation] = batch.conversation, record
                for contract, blocks in calls_of([record]).items():
                    self._calls.setdefault(contract, []).extend(blocks)
                self._baselines.note(record, int(batch.received_ms[row]))

    @handles(ActivationReport)
    def store_report(self, batch: Batch[ActivationReport]) -> None:
        """Keep what the DSO detected."""
        for record in batch.records():
            self._seen[record.activation] = record.volume_kw
            self._baselines.note_heard(record.activation)

    # --- SUC06.3 scenario 1 --------------------------------------------------------------------------------------------

    def settle_day(self, start_ms: int, end_ms: int) -> Process:
        """Settle every activation of a day, one conversation for each activation conversation."""
        yield self.until(end_ms + self._terms.settle_after_ms)
        mine = [(name, order) for name, order in self._orders.values() if start_ms <= order.from_ms < end_ms]
        for parent, orders, before in in_turn(mine):
            self.start(self.settle(parent, orders, before))  # one that waits for somebody holds up no other
        for parent, held in self._readiness.due(start_ms, end_ms).items():
            orders = owing(held, self._blocks, self._calls)
            if orders:
                self.start(self.settle(parent, orders, []))

    def settle(self, parent: str, orders: list[ActivationRequest], before: list[ActivationRequest]) -> Process:
        """Scenario 1: meter data, baselines, delivery, verification, amounts, the DSO's decision, invoices.

        Whoever cannot be reached is tried again until the service gives up; receivers know an invoice that they have by its id, so that
        one that comes twice is paid once.
        """
        conversation = self.open("SUC06.3", "1", parent, parent=parent, system="gdbn")
        until_ms = self._service.until_ms(self.now_ms)
        declared = self._baselines.of(orders)
        reason = lacking(orders, self._blocks, declared, self._service.fsp_platforms)
        if reason:
            self.end(conversation, "failed", reason)
            return
        ready = cases(orders, self._blocks, declared, before, self._calls)
        self._baselines.plan(ready)
        reason = yield from ask_meter_data(self, self._service, conversation, ready, until_ms)
        if reason:
            self.end(conversation, "failed", reason)
            return
        reason = self.read_baselines(conversation, ready)
        if reason:
            self.end(conversation, "failed", reason)
            return
        self.calculate_delivery(conversation, ready)
        self.verify_delivery(conversation, ready)
        results = self.calculate_remuneration(conversation, ready)
        decisions = yield from self.ask_approval(conversation, results, until_ms)
        if decisions is None:
            self.end(conversation, "failed", "the DSO did not decide on the settlement")
            return
        disputed = [key for key, decision in decisions.items() if not decision.approved]
        yield from close(self, self._service, conversation, results, disputed, until_ms)

    @act("read_baselines", system="gdbn")
    def read_baselines(self, conversation: str, ready: list[Case]) -> Work:
        """Step 1.2: read the stored baselines back, by their method where they have one; a changed one no longer fits its hash."""
        reason = self._baselines.fill(self, ready)
        refs = [f"baselines/{case.baseline}" for case in ready]
        return Work(reason, conversation, reads=refs)

    @act("calculate_delivery", system="gdbn")
    def calculate_delivery(self, conversation: str, ready: list[Case]) -> Work:
        """Step 1.3: delivered = baseline - metered, per interval."""
        deliver(self, ready)
        reads = [f"baselines/{case.baseline}" for case in ready]
        return Work(None, conversation, reads, delivered_refs(ready))

    @act("verify_delivery", system="gdbn")
    def verify_delivery(self, conversation: str, ready: list[Case]) -> Work:
        """Step 1.4: compare delivery with what the DSO requested."""
        for case in ready:
            case.verify()
        calls = delivered_refs(ready) + called_refs(ready)
        return Work(None, conversation, calls or [f"baselines/{case.baseline}" for case in ready])

    @act("calculate_remuneration", system="gdbn")
    def calculate_remuneration(self, conversation: str, ready: list[Case]) -> Work:
        """Step 1.5: remuneration and penalty by the product's rule."""
        results = remunerate(self._service, ready)
        return Work(
            results, conversation, delivered_refs(ready), [f"settlements/{result.settlement}" for result in results]
        )

    def ask_approval(self, conversation: str, results: list[RemunerationAndPenalty], until_ms: int) -> Process:
        """Steps 1.6 and 1.7: send the amounts and wait for the DSO's decision on each; None if it does not decide."""
        decisions: dict[str, SettlementDecision] = {}
        while True:
            left = [result for result in results if result.settlement not in decisions]
            self.send(left, [self._terms.settlement_desk] * len(left), conversation, system="gdbn")
            waited_ms = self.now_ms + round(self._service.wait_s * 1000)
            while len(decisions) < len(results):
                batch = yield self.receive(SettlementDecision, conversation, waited_ms)
                if batch is None:
                    break
                asked = {result.settlement for result in results}
                decisions.update({one.settlement: one for one in batch.records() if one.settlement in asked})
            if len(decisions) == len(results):
                return decisions
            if not self._service.again(self.now_ms, until_ms):
                return None
            yield self.sleep(self._service.retry_s)
