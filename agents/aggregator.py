"""Aggregator and flexibility service provider (FSP): pools homes and plants, offers their flexibility, activates it and shares the money.

One party plays both roles of the catalogue: aggregator of assets towards the DSO (SUC05.1) and FSP on the market, in activation and in
settlement (SUC06.1, SUC06.2, SUC06.3).
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from agents.aggregator_call import Call
from agents.aggregator_pool import Pool, read_plans
from agents.aggregator_potential import LEAST_SHORT_KW, answer
from agents.aggregator_settlement import objection
from agents.aggregator_shares import member_shares
from agents.aggregator_terms import Contract, FspTerms, Portfolio
from agents.payments import pay, pay_many
from agents.readiness import Readiness
from agents.settlement import contract_name
from data.arrays import F64, I64
from environment.instruments import MeterStore
from environment.messages.activation import ActivationRequest, ActivationSignal, SignalReceipt
from environment.messages.aggregation import (
    ActivationFeedback,
    AggregationCycle,
    AssetBaseline,
    AssetTelemetry,
    CongestionRequirements,
    FlexibilityPotential,
    FlexibilityShortfall,
    HomePlanReport,
    OnboardingFile,
    PlantPlanReport,
)
from environment.messages.base import Batch
from environment.messages.procurement import (
    AvailabilityRequest,
    Award,
    BaselineDeclaration,
    EngagementRequest,
    FlexibilityAvailability,
    ParticipantFile,
    QualificationRequest,
    SessionPublication,
)
from environment.messages.settlement import Invoice, MemberStatement, RemunerationAndPenalty, SettlementAnswer
from environment.party import Party, Process, Seat, Work, act, handles
from markets.settlement.availability import calls_of
from markets.settlement.blocks import Block
from markets.settlement.cases import engaged_blocks


class Aggregator(Party):
    """Pools the homes that it has contracts with.

    Args:
        seat: place in the world.
        portfolio: the contracted homes.
        meters: readings of their meters, by mandate.
        terms: who the others are, and how it bids.
    """

    stored = (AssetTelemetry, OnboardingFile, HomePlanReport, PlantPlanReport, ActivationFeedback)

    def __init__(self, seat: Seat, portfolio: Portfolio, meters: MeterStore, terms: FspTerms) -> None:
        super().__init__(seat)
        self._terms = terms
        self._meters = meters
        self._pool = Pool(self.name, portfolio, meters.timeline, terms.ceiling_eur_per_kwh, method=terms.method)
        self._contracts = self._standing_contracts()
        self._declared: list[BaselineDeclaration] = []
        self._orders: list[ActivationRequest] = []
        self._heard: list[ActivationRequest] = []
        self._readiness = Readiness()
        self._reporting: dict[str, int] = {}
        self._invoices: set[str] = set()
        self._shortfalls: set[str] = set()
        self._streamed = False

    def _standing_contracts(self) -> dict[str, Contract]:
        """One for each of its areas, where there is no market; on a market they come with the engagement."""
        if self._terms.standing_eur_per_kwh is None:
            return {}
        block = Block(self._terms.standing_eur_per_kwh)
        names = {area: contract_name(self._terms.dso, self.name, area) for area in self._pool.areas}
        return {name: Contract(name, area, [block]) for area, name in names.items()}

    def processes(self) -> Iterable[Process]:
        """It lives by reaction."""
        return ()

    def _read_post(self) -> None:
        self._read_consents()
        read_plans(self, self._pool, self._rows)

    def _read_consents(self) -> None:
        """Who has joined, and who has withdrawn since; who can be reached."""
        for file in self.stored_rows(OnboardingFile):
            self._pool.onboard(self._rows(file), file)
        self._watch_assets()

    def _rows(self, batch: Batch[Any]) -> I64:
        """Rows of the portfolio behind the senders of a batch."""
        return np.searchsorted(self._pool.address, batch.sender)

    # --- SUC05.1 -------------------------------------------------------------------------------------------------------

    @handles(AggregationCycle)
    def announce_cycle(self, batch: Batch[AggregationCycle]) -> None:
        """Tell the members' devices that a cycle begins; one about its own shortfall concerns the DSO and itself."""
        if batch["shortfall"][0]:
            self._shortfalls.add(batch.conversation)
        elif len(self._pool.address):
            columns = {name: np.repeat(column[:1], len(self._pool.address)) for name, column in batch.columns.items()}
            sender = self.numbers([self.at("vpp")])
            self.send_batch(AggregationCycle, columns, sender, self._pool.address, batch.conversation)

    @handles(CongestionRequirements)
    def answer_requirements(self, batch: Batch[CongestionRequirements]) -> Process | None:
        """Steps 4 to 6, once telemetry of the assets has come in; in a cycle about a shortfall steps 2.2 and 2.3."""
        self._read_post()
        if batch.conversation in self._shortfalls:
            for record in batch.records():
                reports = self.compare_need_and_potential(batch.conversation, record)
                self.send(reports, [self._terms.dso] * len(reports), batch.conversation)
            return None
        for record in batch.records():
            self._tell_shortfall(record, batch.conversation)
        return self._share_flexibility(batch)

    def _tell_shortfall(self, record: CongestionRequirements, conversation: str) -> None:
        """Sufficiency test: where what can be sold does not relieve what is needed, the platform provider is told."""
        possible_kw, reports = answer(self._pool, record, self._terms)
        missing_kw = np.maximum(record.needed_kw - possible_kw, 0.0)
        if (
            not reports or missing_kw.max(initial=0.0) <= LEAST_SHORT_KW
        ):  # who serves nobody there falls short of nothing
            return
        hours = record.step_s / 3600.0
        to_ms = record.from_ms + round(record.duration_s * 1000.0)
        told = FlexibilityShortfall(
            need=record.need, from_ms=record.from_ms, to_ms=to_ms, needed_kwh=float(record.needed_kw.sum()) * hours,
            missing_kwh=float(missing_kw.sum()) * hours,
        )  # fmt: skip
        self.send(told, self._terms.provider, conversation)

    @act("compare_need_and_potential")
    def compare_need_and_potential(self, conversation: str, record: CongestionRequirements) -> Work:
        """Step 2.2: what is needed against what can be sold at the price offered; gives what is reported of it (step 2.3)."""
        possible_kw, reports = answer(self._pool, record, self._terms)
        t_ms = record.from_ms + round(record.step_s * 1000.0) * np.arange(len(possible_kw), dtype=np.int64)
        self.register("comparisons").add(
            comparison=conversation, need=record.need, aggregator=self.name, t_ms=t_ms, needed_kw=record.needed_kw,
            possible_kw=possible_kw, price_cap_eur_per_kwh=record.price_cap_eur_per_kwh,
        )  # fmt: skip
        return Work(reports, conversation, writes=[f"comparisons/{conversation}"])

    def _share_flexibility(self, batch: Batch[CongestionRequirements]) -> Process:
        yield self.sleep(self._terms.telemetry_wait_s)
        self._read_post()
        if not self._streamed:
            return
        conversation, dso = batch.conversation, self._terms.dso
        for area in self._pool.areas_with_plans():
            from_ms, step_s, net_kw = self._pool.baseline_of(area)
            common: dict[str, Any] = {"area": area, "from_ms": from_ms, "step_s": step_s}
            baseline = self.send(AssetBaseline(**common, net_kw=net_kw), dso, conversation)
            (up_kw, up_price), (down_kw, down_price) = (
                self._pool.potential_of(area, direction) for direction in ("up", "down")
            )
            potential = FlexibilityPotential(
                **common, up_kw=up_kw, down_kw=down_kw, up_eur_per_kwh=up_price, down_eur_per_kwh=down_price
            )
            members = [self.directory.names[number] for number in self._pool.members_of(area)]
            self.send(potential, [dso, *members], conversation)
            yield self.confirm(baseline)
            self.send(potential, dso, conversation)

    def _watch_assets(self) -> None:
        """Read the telemetry that has come in: the latest of each asset counts."""
        for batch in self.stored_rows(AssetTelemetry):
            self._pool.watch(self._rows(batch), batch)
            self._streamed = True

    # --- SUC06.1 -------------------------------------------------------------------------------------------------------

    @handles(AvailabilityRequest)
    def report_availability(self, batch: Batch[AvailabilityRequest]) -> Process | None:
        """Steps 1.1 and 2.1: what the pool could offer, by area; under a standing contract again and again, with the baselines."""
        self._read_post()
        if self._terms.standing_eur_per_kwh is not None:
            return self._keep_reporting(batch)
        for area in self._pool.areas_with_plans():
            from_ms, step_s, _ = self._pool.baseline_of(area)
            up_kw, down_kw = (
                self._terms.offers_times * self._pool.potential_of(area, direction)[0] for direction in ("up", "down")
            )
            report = FlexibilityAvailability(area=area, from_ms=from_ms, step_s=step_s, up_kw=up_kw, down_kw=down_kw)
            self.send(report, self._terms.derms, batch.conversation)
        return None

    def _keep_reporting(self, batch: Batch[AvailabilityRequest]) -> Process:
        """Step 1.1: declare the baselines once, and report the following 24 hours until the end of the period that is asked for."""
        step_ms, until_ms = self._meters.timeline.step_ms, int(batch["to_ms"][0])
        from_ms = -(-self.now_ms // step_ms) * step_ms
        steps = (until_ms - from_ms) // step_ms
        for declaration in self._pool.baselines("", self._pool.areas, from_ms, step_ms / 1000.0, steps):
            self._declare(declaration, batch.conversation)
        self._reporting[batch.conversation] = until_ms
        while self.now_ms < until_ms:
            self._report(batch.conversation)
            yield self.sleep(self._terms.reports_every_s)

    def _declare(self, declaration: BaselineDeclaration, conversation: str) -> None:
        self._declared.append(declaration)
        self.send(declaration, self._terms.baselines_to, conversation)

    def _report(self, conversation: str) -> None:
        """What is available over the following 24 hours, by area."""
        self._read_post()
        timeline = self._meters.timeline
        from_ms = -(-self.now_ms // timeline.step_ms) * timeline.step_ms
        for area in self._pool.areas_with_plans():
            up_kw, down_kw = (
                self._terms.offers_times * self._pool.available(area, direction, from_ms, round(24.0 / timeline.hours))
                for direction in ("up", "down")
            )
            report = FlexibilityAvailability(
                area=area, from_ms=from_ms, step_s=timeline.step_ms / 1000.0, up_kw=up_kw, down_kw=down_kw
            )
            self.send(report, self._terms.derms, conversation)

    def _refresh_reports(self) -> None:
        """Step 1.9: what is left after an order, to everybody who is kept informed."""
        for conversation, until_ms in self._reporting.items():
            if self.now_ms < until_ms:
                self._report(conversation)

    @handles(QualificationRequest)
    def hand_in_papers(self, batch: Batch[QualificationRequest]) -> None:
        """Step 2.4: the participant file."""
        file = ParticipantFile(
            fsp=self.name, areas=self._pool.areas, papers=self._terms.papers, valid_until_ms=self._terms.papers_until_ms
        )
        self.answer(batch, file)

    @handles(SessionPublication)
    def bid(self, batch: Batch[SessionPublication]) -> None:
        """Step 2.6: offer what the homes planned to be able to leave out, and freeze the baseline it is measured against."""
        self._read_post()
        for session in batch.records():
            bids = self._pool.bids(session, self._terms)
            for bid in bids:
                self.send(bid, self._terms.market, batch.conversation)
            window = session.from_ms, session.step_s, len(session.need_kw)
            false = self._terms.inflation(bids)
            for declaration in self._pool.baselines(session.session, session.areas, *window, false):
                self._declare(declaration, batch.conversation)

    @handles(Award)
    def take_award(self, batch: Batch[Award]) -> None:
        """What was accepted; the engagement by the DERMS makes it binding."""

    @handles(EngagementRequest)
    def take_engagement(self, batch: Batch[EngagementRequest]) -> None:
        """Step 2.9: bound to deliver on call."""
        for record in batch.records():
            contract = self._contracts.setdefault(record.contract, Contract(record.contract, record.area, []))
            contract.blocks.extend(engaged_blocks([record])[record.contract])
            self._readiness.note(batch.conversation, record, self._terms.dso)

    # --- SUC06.2, and SUC06.1 scenario 1 from step 1.6 on -------------------------------------------------------------

    @handles(ActivationRequest)
    def activate(self, batch: Batch[ActivationRequest]) -> None:
        """Break orders down into signals to members, and confirm reception; each order by itself, whatever came with it.

        A request to the FSP itself is the DERMS's, ahead of time (SUC06.1 step 1.6); one to its technical platform is a call (SUC06.2
        step 1.4).
        """
        for order, receiver in zip(batch.records(), batch.receiver.tolist(), strict=True):
            ahead = self.directory.names[receiver] == self.name
            contract = self._contracts.get(order.contract)
            mine = contract is not None and contract.area == order.area
            if mine:
                self._heard.append(order)
            call = self._pool.open_call(order) if mine else None
            if call is None:
                self._confirm(order, batch.conversation, 0.0, ahead=ahead)
            else:
                self.start(self._carry_out(call, batch.conversation, ahead=ahead))

    def _carry_out(self, call: Call, conversation: str, *, ahead: bool) -> Process:
        """Signal members, cheapest first; what they cannot do is asked of others, until it is covered or nobody is left.

        An order that nobody can follow is refused, so that the DSO can ask others.
        """
        order = call.order
        for number in range(self._terms.rounds):
            self._read_consents()  # one that was withdrawn after bidding counts too
            rows, change_kw = (
                self.rearrange_schedule(conversation, call, number)
                if ahead
                else self._pool.next_members(call, self._terms)
            )
            if not len(rows):
                break
            self._signal(order, rows, change_kw * self._terms.delivers_share, conversation)
            yield self.sleep(self._terms.feedback_wait_s)
            self._pool.take_feedback((self._rows(part), part) for part in self.stored_rows(ActivationFeedback))
        expected_kw = self._pool.expected_kw(call)
        if expected_kw > 0.0:
            self._orders.append(order)
        self._confirm(order, conversation, expected_kw, ahead=ahead)
        self._refresh_reports()

    @act("rearrange_schedule")
    def rearrange_schedule(self, conversation: str, call: Call, number: int) -> Work:
        """Step 1.6: choose the members that leave their plans, and by how much; again where some cannot do what was asked."""
        rows, change_kw = self._pool.next_members(call, self._terms)
        writes = [f"devices/{self._pool.portfolio.home[row]}" for row in rows]
        actors = self.numbers([self.name] if len(rows) or not number else [])
        return Work((rows, change_kw), conversation, [f"activations/{call.order.activation}"], writes, actors)

    def _confirm(self, order: ActivationRequest, conversation: str, expected_kw: float, *, ahead: bool) -> None:
        """Confirm reception to whoever ordered, or refuse where nothing is to be expected."""
        receipt = SignalReceipt(
            activation=order.activation, accepted=expected_kw > 0.0, expected_kw=max(expected_kw, 0.0)
        )
        to, system = (self._terms.derms, "") if ahead else (self._terms.dso, "fsp-technical-platform")
        self.send(receipt, to, conversation, system=system)

    def _signal(self, order: ActivationRequest, rows: I64, change_kw: F64, conversation: str) -> None:
        n = len(rows)
        columns = {
            "activation": np.array([order.activation] * n, object),
            "direction": np.array([order.direction] * n, object),
            "from_ms": np.full(n, order.from_ms, np.int64),
            "step_s": np.full(n, order.step_s),
            "change_kw": change_kw,
        }
        sender = self.numbers([self.at("fsp-technical-platform")])
        self.send_batch(ActivationSignal, columns, sender, self._pool.address[rows], conversation)

    # --- SUC06.3 -------------------------------------------------------------------------------------------------------

    @handles(RemunerationAndPenalty)
    def check_settlement(self, batch: Batch[RemunerationAndPenalty]) -> None:
        """Scenario 2, after step 2.6: accept what the DSO worked out, or dispute it with the reason."""
        blocks = {name: contract.blocks for name, contract in self._contracts.items()}
        for record, sender in zip(batch.records(), batch.sender.tolist(), strict=True):
            orders = [*self._orders, *self._readiness.orders]
            calls = calls_of(self._heard)
            reason = objection(record, orders, blocks, self._declared, self._meters, self._terms.settle, calls)
            answer = SettlementAnswer(settlement=record.settlement, accepted=not reason, reason=reason)
            self.send(answer, self.directory.names[sender], batch.conversation, system="fsp-technical-platform")

    @handles(Invoice)
    def settle_invoice(self, batch: Batch[Invoice]) -> None:
        """Share what is earned with the members that delivered; pay what is owed; each invoice once, however often it comes."""
        for record, message in zip(batch.records(), batch.ids, strict=True):
            if record.invoice in self._invoices:
                continue
            self._invoices.add(record.invoice)
            if record.debtor == self.name:
                pay(self, self.name, record.creditor, record.eur, record.purpose, message)
            else:
                self._share(record, message, batch.conversation)

    def _share(self, invoice: Invoice, message: np.uint64, conversation: str) -> None:
        activation = invoice.invoice.removeprefix("invoice/settlement/")
        held = self._readiness.order(activation)
        members, rows, delivered_kwh = self._pool.ready(held) if held else self._pool.earned(activation, self._meters)
        eur = member_shares(members, delivered_kwh, invoice.eur, self._terms.share_to_homes)
        due = eur > 0
        if not due.any():
            return
        columns = {"delivered_kwh": np.zeros(due.sum()) if held else delivered_kwh[due], "eur": eur[due]}
        homes = self._pool.home_address[rows[due]]
        self.send_batch(MemberStatement, columns, self.numbers([self.name]), homes, conversation)
        names = np.array([self.directory.names[number] for number in homes], object)
        ids = np.full(len(names), message, np.uint64)
        pay_many(self, np.array([self.name] * len(names), object), names, eur[due], "flexibility share", ids)
