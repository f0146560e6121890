"""Aggregator and flexibility service provider (FSP): pools homes and plants, offers their flexibility, activates it and shares the money.

One party plays both roles of the catalogue: aggregator of assets towards the DSO (SUC05.1) and FSP on the market, in activation and in
settlement (SUC06.1, SUC06.2, SUC06.3).
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.aggregator_pool import Call, Contract, FspTerms, Pool, Portfolio, member_shares
from agents.payments import pay, pay_many
from environment.instruments import MeterStore
from environment.messages.activation import ActivationRequest, ActivationSignal, SignalReceipt
from environment.messages.aggregation import (
    ActivationFeedback,
    AggregationCycle,
    AssetBaseline,
    AssetTelemetry,
    CongestionRequirements,
    FlexibilityPotential,
    HomePlanReport,
    OnboardingFile,
    PlantPlanReport,
)
from environment.messages.base import Batch
from environment.messages.procurement import (
    AvailabilityRequest,
    Award,
    EngagementRequest,
    FlexibilityAvailability,
    ParticipantFile,
    QualificationRequest,
    SessionPublication,
)
from environment.messages.settlement import Invoice, MemberStatement
from environment.party import Party, Process, Seat, handles

F64 = NDArray[np.float64]


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
        self._pool = Pool(self.name, portfolio, meters.timeline)
        self._contracts: dict[str, Contract] = {}
        self._sessions: dict[str, str] = {}
        self._invoices: set[str] = set()

    def processes(self) -> Iterable[Process]:
        """It lives by reaction."""
        return ()

    def _read_post(self) -> None:
        self._read_consents()
        for report in self.stored_rows(HomePlanReport):
            self._pool.take_plans(self._rows(report), report)
        for forecast in self.stored_rows(PlantPlanReport):
            self._pool.take_plans(self._rows(forecast), forecast)

    def _read_consents(self) -> None:
        """Who has joined, and who has withdrawn since."""
        for file in self.stored_rows(OnboardingFile):
            self._pool.onboard(self._rows(file), file)

    def _rows(self, batch: Batch[Any]) -> NDArray[np.int64]:
        """Rows of the portfolio behind the senders of a batch."""
        return np.searchsorted(self._pool.address, batch.sender)

    # --- SUC05.1 -------------------------------------------------------------------------------------------------------

    @handles(AggregationCycle)
    def announce_cycle(self, batch: Batch[AggregationCycle]) -> None:
        """Tell the members' devices that a cycle begins."""
        if len(self._pool.address):
            columns = {name: np.repeat(column[:1], len(self._pool.address)) for name, column in batch.columns.items()}
            sender = self.numbers([self.at("vpp")])
            self.send_batch(AggregationCycle, columns, sender, self._pool.address, batch.conversation)

    @handles(CongestionRequirements)
    def answer_requirements(self, batch: Batch[CongestionRequirements]) -> Process:
        """Steps 4 to 6, once telemetry of the assets has come in."""
        return self._share_flexibility(batch)

    def _share_flexibility(self, batch: Batch[CongestionRequirements]) -> Process:
        yield self.sleep(self._terms.telemetry_wait_s)
        if not self._watch_assets():
            return
        self._read_post()
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

    def _watch_assets(self) -> bool:
        """Read the telemetry that has come in; whether there is any, and keep the latest of each asset."""
        batches = self.stored_rows(AssetTelemetry)
        for batch in batches:
            self._pool.watch(np.searchsorted(self._pool.address, batch.sender), batch)
        return bool(batches)

    # --- SUC06.1 -------------------------------------------------------------------------------------------------------

    @handles(AvailabilityRequest)
    def report_availability(self, batch: Batch[AvailabilityRequest]) -> None:
        """Step 2.1: what the pool could offer, by area."""
        self._read_post()
        for area in self._pool.areas_with_plans():
            from_ms, step_s, _ = self._pool.baseline_of(area)
            up_kw, down_kw = (
                self._terms.offers_times * self._pool.potential_of(area, direction)[0] for direction in ("up", "down")
            )
            report = FlexibilityAvailability(area=area, from_ms=from_ms, step_s=step_s, up_kw=up_kw, down_kw=down_kw)
            self.send(report, self._terms.derms, batch.conversation)

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
            self._sessions[session.session] = batch.conversation
            for bid in self._pool.bids(session, self._terms):
                self.send(bid, self._terms.market, batch.conversation)
            for declaration in self._pool.baselines(session):
                self.send(declaration, self._terms.gdbn, batch.conversation)

    @handles(Award)
    def take_award(self, batch: Batch[Award]) -> None:
        """What was accepted; the engagement by the DERMS makes it binding."""

    @handles(EngagementRequest)
    def take_engagement(self, batch: Batch[EngagementRequest]) -> None:
        """Step 2.9: bound to deliver on call."""
        for record in batch.records():
            contract = self._contracts.setdefault(record.contract, Contract(record.contract, record.area, []))
            contract.blocks.append(record)

    # --- SUC06.2 -------------------------------------------------------------------------------------------------------

    @handles(ActivationRequest)
    def activate(self, batch: Batch[ActivationRequest]) -> Process:
        """Step 1.4: break the call down into signals to members, and confirm reception to the DSO."""
        return self._activate(batch)

    def _activate(self, batch: Batch[ActivationRequest]) -> Process:
        orders = list(batch.records())
        for order in orders:
            contract = self._contracts.get(order.contract)
            mine = contract is not None and contract.area == order.area
            call = self._pool.open_call(order) if mine else None
            if call is None:
                receipt = SignalReceipt(activation=order.activation, accepted=False, expected_kw=0.0)
                self.send(receipt, self._terms.dso, batch.conversation, system="fsp-technical-platform")
                continue
            yield from self._carry_out(call, batch.conversation)

    def _carry_out(self, call: Call, conversation: str) -> Process:
        """Signal members, cheapest first; what they cannot do is asked of others, until it is covered or nobody is left.

        A call that nobody can follow is refused, so that the DSO can call others.
        """
        order = call.order
        for _ in range(self._terms.rounds):
            self._read_consents()  # one that was withdrawn after bidding counts too
            rows, change_kw = self._pool.next_members(call, self._terms)
            if not len(rows):
                break
            self._signal(order, rows, change_kw * self._terms.delivers_share, conversation)
            yield self.sleep(self._terms.feedback_wait_s)
            self._pool.take_feedback((self._rows(part), part) for part in self.stored_rows(ActivationFeedback))
        expected_kw = self._pool.expected_kw(call)
        receipt = SignalReceipt(
            activation=order.activation, accepted=expected_kw > 0.0, expected_kw=max(expected_kw, 0.0)
        )
        self.send(receipt, self._terms.dso, conversation, system="fsp-technical-platform")

    def _signal(self, order: ActivationRequest, rows: NDArray[np.int64], change_kw: F64, conversation: str) -> None:
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
        members, rows, delivered_kwh = self._pool.earned(activation, self._meters)
        eur = member_shares(members, delivered_kwh, invoice.eur, self._terms.share_to_homes)
        due = eur > 0
        if not due.any():
            return
        columns = {"delivered_kwh": delivered_kwh[due], "eur": eur[due]}
        homes = self._pool.home_address[rows[due]]
        self.send_batch(MemberStatement, columns, self.numbers([self.name]), homes, conversation)
        names = np.array([self.directory.names[number] for number in homes], object)
        ids = np.full(len(names), message, np.uint64)
        pay_many(self, np.array([self.name] * len(names), object), names, eur[due], "flexibility share", ids)
