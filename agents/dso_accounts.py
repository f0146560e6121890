"""The DSO's books: meter readings, baselines, what it called, and what it owes for that (SUC06.3).

Where the GDBN settles (scenario 1) the DSO gives readings and approves or disputes; where it settles itself (scenario 2) its settlement
service asks its database for readings and baselines, and the GDBN passes the amounts on to the providers.
"""

from collections.abc import Iterable

import numpy as np

from agents.dso_contracts import Call
from agents.dso_settlement import GivenUp, judge, unreadable
from agents.dso_terms import DsoTerms
from agents.payments import pay
from agents.readiness import Readiness, owing
from agents.settlement import (
    Baselines,
    ask_meter_data,
    called_refs,
    close,
    deliver,
    delivered_refs,
    in_turn,
    remunerate,
)
from environment.instruments import MeterStore
from environment.messages.activation import ActivationRequest
from environment.messages.base import Batch
from environment.messages.procurement import BaselineDeclaration
from environment.messages.settlement import (
    BaselineRequest,
    Invoice,
    MeterData,
    MeterDataRequest,
    RemunerationAndPenalty,
    SettlementAnswer,
    SettlementDecision,
)
from environment.party import Party, Process, Seat, Work, act, handles
from environment.refusals import refuse
from markets.ledger import cents
from markets.settlement.availability import HELD, Calls, ready_eur_per_h
from markets.settlement.blocks import Block
from markets.settlement.cases import Case, cases, lacking

SERVICE = "dso-settlement-service"


class DsoAccounts(Party):
    """The books of a distribution system operator.

    Args:
        seat: place in the world.
        meters: certified meters of its grid.
        terms: who the others are, products and deadlines.
    """

    def __init__(self, seat: Seat, meters: MeterStore, terms: DsoTerms) -> None:
        super().__init__(seat)
        self._meters = meters
        self._terms = terms
        self._baselines = Baselines(
            [(day.start_ms, day.end_ms) for day in terms.days], [day.gate_ms for day in terms.days], terms.method
        )
        self._blocks: dict[str, list[Block]] = {}
        self._orders: list[tuple[str, ActivationRequest]] = []
        self._called: dict[str, Call] = {}
        self._called_of: dict[str, list[Call]] = {}
        self._readiness = Readiness()
        self._void: dict[str, GivenUp] = {}
        self._invoices: set[str] = set()

    def processes(self) -> Iterable[Process]:
        """One settlement after each day, where the DSO settles."""
        for day in self._terms.days if self._terms.settles else ():
            yield self.settle_day(day.start_ms, day.end_ms)

    # --- what it called ------------------------------------------------------------------------------------------------

    def register_call(self, conversation: str, call: Call) -> None:
        """Keep what is ordered with a call, and what it costs if it is delivered in full."""
        t_ms = call.from_ms + self._meters.timeline.step_ms * np.arange(len(call.ordered_kw), dtype=np.int64)
        self.register("activations").add(
            activation=call.activation, conversation=conversation, bid=call.contract, fsp=call.fsp, area=call.area,
            direction=call.direction, t_ms=t_ms, ordered_kw=call.ordered_kw,
        )  # fmt: skip
        self._baselines.note(call.request(self.name, self._terms), self.now_ms)
        self._called[call.activation] = call
        self._called_of.setdefault(call.contract, []).append(call)

    def owe(self, conversation: str, order: ActivationRequest) -> None:
        """An order that its FSP confirmed: what is delivered of it will be paid."""
        self._orders.append((conversation, order))

    def void(self, activation: str, reason: str, *, reached: bool) -> None:
        """A call that does not count. What is delivered of it late is not paid for, but it was owed all the same if it had reached its FSP."""
        self._void[activation] = GivenUp(reason, reached)

    def _worth(self, activation: str) -> tuple[float, float] | None:
        """Energy of a call [kWh] and what it costs at full delivery, or what a contract costs that is not called [EUR]; None if unknown."""
        timeline, call = self._meters.timeline, self._called.get(activation)
        contract = call.contract if call else activation.removesuffix(HELD)
        blocks, called = self._blocks.get(contract, []), self._calls([contract])[contract]
        if call:
            t_ms = call.from_ms + timeline.step_ms * np.arange(len(call.ordered_kw), dtype=np.int64)
            energy_eur_per_h = float((call.ordered_kw * call.price).sum())
            ready = ready_eur_per_h(t_ms, call.ordered_kw, blocks, called).sum() if blocks else 0.0
            return float(call.ordered_kw.sum() * timeline.hours), (energy_eur_per_h + float(ready)) * timeline.hours
        if not blocks or contract == activation:
            return None
        t_ms = blocks[0].starts_ms
        return 0.0, float(ready_eur_per_h(t_ms, np.zeros(len(t_ms)), blocks, called).sum()) * timeline.hours

    def _calls(self, contracts: Iterable[str]) -> Calls:
        """What was called of some contracts; a notice that never reached the FSP's side called nothing."""
        step_ms, void = self._meters.timeline.step_ms, self._void
        return {
            contract: [
                Block(0.0, call.from_ms, step_ms, call.ordered_kw)
                for call in self._called_of.get(contract, ())
                if call.activation not in void or void[call.activation].reached
            ]
            for contract in contracts
        }

    # --- the database --------------------------------------------------------------------------------------------------

    @handles(MeterDataRequest)
    def give_meter_data(self, batch: Batch[MeterDataRequest]) -> None:
        """Steps 1.1 and 2.1: certified readings of a portfolio, summed per interval."""
        answers = [self._readings(batch, row, request) for row, request in enumerate(batch.records())]
        length = np.array([len(answer.metered_kw) for answer in answers])
        for same in np.unique(length):  # one batch has profiles of one length
            rows = np.flatnonzero(length == same)
            self.answer(batch.take(rows), [answers[row] for row in rows])

    def _readings(self, batch: Batch[MeterDataRequest], row: int, request: MeterDataRequest) -> MeterData:
        """The answer to one request; one that cannot be met is refused on record and answered with all readings missing."""
        reason = unreadable(request, self._meters)
        if reason:
            refuse(self, batch, row, ", ".join(request.meters[:3]), reason)
            kw, missing = np.zeros(0), max(len(request.meters), 1)
        else:
            table = self._meters.read(request.meters, request.from_ms, request.to_ms)
            kw, missing = np.nan_to_num(table).sum(axis=0), int(np.isnan(table).sum())
        return MeterData(
            meters=request.meters, from_ms=request.from_ms, step_s=self._terms.step_s, metered_kw=kw, missing=missing
        )

    @handles(BaselineDeclaration)
    def keep_baseline(self, batch: Batch[BaselineDeclaration]) -> None:
        """Freeze a baseline that an FSP declares; one that comes after its gate, or changes what stands, is refused."""
        for record, received_ms in zip(batch.records(), batch.received_ms.tolist(), strict=True):
            self._baselines.take(self, record, received_ms)

    @handles(BaselineRequest)
    def give_baselines(self, batch: Batch[BaselineRequest]) -> None:
        """Step 2.2: the frozen baselines, as they were declared."""
        kept = self._baselines.declared
        for row, request in enumerate(batch.records()):
            if request.baseline in kept:
                self.answer(batch.take(np.array([row])), kept[request.baseline])
            else:
                refuse(self, batch, row, request.baseline, "no such baseline was declared")

    # --- SUC06.3 scenario 1 --------------------------------------------------------------------------------------------

    @handles(RemunerationAndPenalty)
    def decide_settlement(self, batch: Batch[RemunerationAndPenalty]) -> None:
        """Step 1.7: approve a settlement, or dispute it with the reason."""
        sender = [self.directory.names[number] for number in batch.sender]
        for record, settler in zip(batch.records(), sender, strict=True):
            reason = judge(record, self._worth(record.activation), self._void.get(record.activation))
            decision = SettlementDecision(
                settlement=record.settlement, approved=not reason, reason=reason, net_eur=cents(record.net_eur) / 100.0
            )
            self.send(decision, settler, batch.conversation, system=SERVICE)

    @handles(Invoice)
    def pay_invoice(self, batch: Batch[Invoice]) -> None:
        """Pay what the DSO owes, once; an invoice in its favour is paid by the other side."""
        for record, message in zip(batch.records(), batch.ids, strict=True):
            if record.debtor == self.name and record.invoice not in self._invoices:
                self._invoices.add(record.invoice)
                pay(self, self.name, record.creditor, record.eur, record.purpose, message)

    # --- SUC06.3 scenario 2 --------------------------------------------------------------------------------------------

    def settle_day(self, start_ms: int, end_ms: int) -> Process:
        """Settle every confirmed order of a day, one conversation for each conversation that ordered."""
        yield self.until(end_ms + self._terms.settle_after_ms)
        mine = [(name, order) for name, order in self._orders if start_ms <= order.from_ms < end_ms]
        for parent, orders, before in in_turn(mine):
            self.start(self.settle(parent, orders, before))
        for parent, held in self._readiness.due(start_ms, end_ms).items():
            orders = owing(held, self._blocks, self._calls(one.contract for one in held))
            if orders:
                self.start(self.settle(parent, orders, []))

    def settle(self, parent: str, orders: list[ActivationRequest], before: list[ActivationRequest]) -> Process:
        """Scenario 2: meter data, baselines, delivery, amounts; the GDBN tells the FSPs, which may dispute; invoices.

        An FSP that says nothing until the settlement closes has accepted: silence must not keep anybody from claiming a penalty.
        """
        service = self._terms.service
        conversation = self.open("SUC06.3", "2", parent, parent=parent, system=SERVICE)
        until_ms = service.until_ms(self.now_ms)
        declared = self._baselines.of(orders)
        reason = lacking(orders, self._blocks, declared, service.fsp_platforms)
        if not reason:
            ready = cases(orders, self._blocks, declared, before, self._calls(order.contract for order in orders))
            self._baselines.plan(ready)
            reason = yield from ask_meter_data(self, service, conversation, ready, until_ms)
        if not reason:
            reason = yield from self.ask_baselines(conversation, ready, until_ms)
        if reason:
            self.end(conversation, "failed", reason)
            return
        self.calculate_delivery(conversation, ready)
        results = self.calculate_remuneration(conversation, ready)
        disputed = yield from self.tell_results(conversation, results, until_ms)
        if disputed is None:
            self.end(conversation, "failed", "the GDBN did not acknowledge the amounts")
            return
        yield from close(self, service, conversation, results, disputed, until_ms)

    def ask_baselines(self, conversation: str, ready: list[Case], until_ms: int) -> Process:
        """Step 2.2: the frozen baselines of all cases; gives the reason if they cannot be had, empty if all are there."""
        service = self._terms.service
        while True:
            wanted = [BaselineRequest(baseline=name) for name in dict.fromkeys(case.baseline for case in ready)]
            desk = [service.baseline_store] * len(wanted)
            answers = yield self.ask(wanted, desk, conversation, system=SERVICE, timeout_s=service.wait_s)
            given = {one.baseline: one for one in answers.records()}
            if answers.complete:
                break
            if not service.again(self.now_ms, until_ms):
                return "no baselines: " + ", ".join(sorted(set(answers.status) - {"answered"}))
            yield self.sleep(service.retry_s)
        return self._baselines.fill(self, ready, given)

    @act("calculate_delivery", system=SERVICE)
    def calculate_delivery(self, conversation: str, ready: list[Case]) -> Work:
        """Step 2.3: delivered = baseline - metered, per interval, and what is missing against the order."""
        deliver(self, ready)
        for case in ready:
            case.verify()
        reads = [f"baselines/{case.baseline}" for case in ready] + called_refs(ready)
        return Work(None, conversation, reads, delivered_refs(ready))

    @act("calculate_remuneration", system=SERVICE)
    def calculate_remuneration(self, conversation: str, ready: list[Case]) -> Work:
        """Step 2.4: remuneration and penalty by the product's rule."""
        results = remunerate(self._terms.service, ready)
        return Work(
            results, conversation, delivered_refs(ready), [f"settlements/{result.settlement}" for result in results]
        )

    def tell_results(self, conversation: str, results: list[RemunerationAndPenalty], until_ms: int) -> Process:
        """Step 2.5: send the amounts to the GDBN; gives the settlements that their FSPs dispute, None if the GDBN cannot be reached."""
        service, left = self._terms.service, list(results)
        while left:
            sent = self.send(left, [self._terms.gdbn] * len(left), conversation, system=SERVICE)
            outcome = yield self.confirm(sent)
            left = [one for one, status in zip(left, outcome.status, strict=True) if status != "acknowledged"]
            if left and not service.again(self.now_ms, until_ms):
                return None
            if left:
                yield self.sleep(service.retry_s)
        answers: dict[str, SettlementAnswer] = {}
        waited_ms = self.now_ms + round(service.wait_s * 1000)
        while len(answers) < len(results):
            batch = yield self.receive(SettlementAnswer, conversation, waited_ms)
            if batch is None:
                break
            passed_on = batch.sender == self.directory.number(self._terms.gdbn)
            told = batch.take(np.flatnonzero(passed_on))
            answers |= {one.settlement: one for one in told.records()}
        return [key for key, answer in answers.items() if not answer.accepted]
