"""Distribution system operator: foresees, procures, activates and settles flexibility in its grid area.

Its systems are addresses of one party: DERMS (look ahead), SCADA (real time), activation system, database (certified meters), settlement
service.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from agents.dso_contracts import Contracts, DsoTerms, MarketDay, session_requests
from agents.dso_means import own_means
from agents.dso_need import Need
from agents.dso_operation import GridOperation
from agents.dso_outlook import LookAhead, Outlook
from agents.dso_settlement import judge, unreadable
from agents.payments import pay
from environment.calendar import Calendar
from environment.grid.means import Measure
from environment.instruments import MeterStore, ScadaView, Switchgear
from environment.messages.aggregation import (
    ActivationFeedback,
    AggregationCycle,
    AssetBaseline,
    AssetTelemetry,
    CongestionRequirements,
    FlexibilityPotential,
    OnboardingFile,
)
from environment.messages.base import Batch
from environment.messages.procurement import (
    AvailabilityRequest,
    ClearingResult,
    EngagementRequest,
    FlexibilityAvailability,
    NothingCleared,
    SessionRefusal,
)
from environment.messages.settlement import (
    Invoice,
    MeterData,
    MeterDataRequest,
    RemunerationAndPenalty,
    SettlementDecision,
)
from environment.party import Process, Seat, Work, act, handles
from environment.refusals import refuse
from markets.ledger import cents

F64 = NDArray[np.float64]

TOGETHER_MS = 10_000
"""Results of one clearing are complete when none has come for so long."""


class Dso(GridOperation):
    """Operator of one distribution grid.

    Args:
        seat: place in the world.
        look_ahead: forecast module with the operator's grid model.
        meters: certified meters of its grid.
        scada: real-time measurements.
        switchgear: its own means.
        calendar: local time.
        terms: who the others are, products and deadlines.
    """

    stored = (
        AssetTelemetry,
        OnboardingFile,
        ActivationFeedback,
        AssetBaseline,
        FlexibilityPotential,
        FlexibilityAvailability,
    )

    def __init__(
        self, seat: Seat, look_ahead: LookAhead, meters: MeterStore, scada: ScadaView, switchgear: Switchgear,
        calendar: Calendar, terms: DsoTerms,
    ) -> None:  # fmt: skip
        super().__init__(seat, look_ahead, meters, scada, terms)
        self._switchgear = switchgear
        self._calendar = calendar
        self._cycle = ""
        self._onboarded: list[int] = []
        self._invoices: set[str] = set()
        self._empty: set[str] = set()
        self._refused: dict[str, str] = {}
        self.register("needs")

    def processes(self) -> Iterable[Process]:
        """One procurement before every day of delivery for each direction of the product."""
        for day in self._terms.days:
            for direction in self._terms.directions:
                yield self.procure(day, direction)

    # --- SUC06.1 scenario 2 ---------------------------------------------------------------------------------------------

    def procure(self, day: MarketDay, direction: str) -> Process:
        """Foresee the day; if something is violated that own means do not mend, buy flexibility on the market."""
        yield self.until(day.procures_ms)
        subject = self._subject(day, direction)
        conversation = self.open("SUC06.1", "2", subject)
        yield from self._gather_availability(conversation, day)
        outlook, needs = self.forecast_violations(conversation, day, direction)
        if direction == self._terms.directions[0]:
            self._tell_requirements(conversation, needs)
        measures = self._conventional(conversation, outlook, needs)
        if not needs and not outlook.flow.converged.all():
            self.end(conversation, "failed", f"no need can be stated: {self._look_ahead.diagnosis(outlook)}")
            return
        if not needs or measures:
            taken = "; ".join(measure.text for measure in measures)
            reason = f"relieved by own means: {taken}" if measures else "no violation is foreseen"
            self.end(conversation, "refused", reason)
            return
        needs, guards = self._look_ahead.told(outlook, needs, day.from_ms, self._terms.largest_whole_kw)
        requests = session_requests(f"{self.name}/{subject}", self.name, needs, guards, self._terms, day)
        sent = self.send(requests, [self._terms.market] * len(requests), conversation)
        outcome = yield self.confirm(sent)
        if not outcome.acknowledged:
            self._leave_unmet(conversation, needs, day)
            self.end(conversation, "failed", "the market operator did not acknowledge the session request")
            return
        contracts = yield from self._take_results(conversation, requests[0].gate_ms, requests[0].session)
        if contracts is None:
            self._leave_unmet(conversation, needs, day)
            refused = self._refused.get(requests[0].session, "")
            self.end(conversation, "failed", refused or "no clearing results came")
            return
        if not contracts.names:
            self._leave_unmet(conversation, needs, day)
            self.end(conversation, "failed", "no flexibility was cleared, the need stays unmet")
            return
        yield from self._engage(conversation, contracts)
        if not contracts.results:
            self._leave_unmet(conversation, needs, day)
            self.end(conversation, "failed", "no FSP acknowledged its engagement")
            return
        self.end(conversation)
        self.start(self.operate(conversation, contracts, outlook, needs))

    def _leave_unmet(self, conversation: str, needs: list[Need], day: MarketDay) -> None:
        """Nothing could be bought: the largest need of each interval stays."""
        need_kw = np.max([need.need_kw for need in needs], axis=0)
        t_ms = day.from_ms + self._meters.timeline.step_ms * np.flatnonzero(need_kw > 0.0)
        self.register("unmet").add(t_ms=t_ms, parent=conversation, quantity_kw=need_kw[need_kw > 0.0])

    def _gather_availability(self, conversation: str, day: MarketDay) -> Process:
        """Step 2.1: the FSPs report what they could offer."""
        if not self._terms.fsps:
            return
        request = AvailabilityRequest(from_ms=day.start_ms, to_ms=day.end_ms)
        self.send(request, list(self._terms.fsps), conversation, system="derms")
        yield self.sleep(self._terms.availability_wait_s)
        for batch in self.stored_rows(FlexibilityAvailability):
            for record in batch.records():
                fsp = self.directory.addresses[int(batch.sender[0])].party
                self.register("availability").add(
                    t_ms=self.now_ms, fsp=fsp, area=record.area, up_kw=float(record.up_kw.max()),
                    down_kw=float(record.down_kw.max()),
                )  # fmt: skip

    @act("forecast_violations", system="derms")
    def forecast_violations(self, conversation: str, day: MarketDay, direction: str) -> Work:
        """Step 2.2: forecast load and network states, find violations, quantify the need."""
        name = f"{self.name}/{self._subject(day, direction)}"
        outlook = self._look_ahead.look(self.now_ms, day.end_ms)
        if direction == self._terms.directions[0]:
            self._register_forecast(outlook)
        needs = self._look_ahead.needs(outlook, day.from_ms, day.steps, self._terms.granularity_kw)
        needs = [need for need in needs if need.need_kw.max() > 0 and need.direction == direction]
        t_ms = day.from_ms + self._meters.timeline.step_ms * np.arange(day.steps, dtype=np.int64)
        for need in needs:
            self.register("needs").add(
                need=name, conversation=conversation, constraint=need.constraint,
                direction=need.direction, t_ms=t_ms, quantity_kw=need.need_kw, limit=need.limit,
            )  # fmt: skip
        reads = [f"forecasts/{self.name}"]
        writes = [f"needs/{name}"] if needs else [f"forecasts/{self.name}"]
        return Work((outlook, needs), conversation, reads, writes)

    def _subject(self, day: MarketDay, direction: str) -> str:
        """What a procurement is about: the day, and the direction where the product has two."""
        date = f"{self._calendar.local(day.start_ms):%Y-%m-%d}"
        return date if len(self._terms.directions) == 1 else f"{date}/{direction}"

    def _register_forecast(self, outlook: Outlook) -> None:
        """Keep the forecast of every distribution transformer, and what was metered before (the references of its quality).

        Those that feed medium voltage carry wind, for which nobody here has a forecast; their figures would say nothing.
        """
        network, timeline = self._look_ahead.model.network, self._meters.timeline
        t_ms = timeline.starts_ms[outlook.first : outlook.first + len(outlook.p_kw)]
        past_first, past = self._look_ahead.past_flow(8 * round(24.0 / timeline.hours))
        for branch in self._look_ahead.model.distribution_transformers:
            name, solved = network.branches.names[branch], outlook.expected.converged
            self.register("forecasts").add(
                made_ms=self.now_ms, t_ms=t_ms[solved], party=self.name, subject=name,
                value_kw=outlook.expected.p_from_kw[solved, branch], horizon_h=(t_ms[solved] - self.now_ms) / 3_600_000.0,
            )  # fmt: skip
            values = past.p_from_kw[past.converged, branch]
            self.register("actuals").add(
                t_ms=timeline.starts_ms[past_first : past_first + len(past.converged)][past.converged],
                subject=name, value_kw=values,
            )  # fmt: skip

    def _tell_requirements(self, conversation: str, needs: list[Need]) -> None:
        """SUC05.1 step 2: the constraint set of the cycle, to the aggregators and the onboarded assets."""
        if not self._cycle:
            return
        for batch in self.stored_rows(OnboardingFile):
            self._onboarded.extend(batch.sender.tolist())
        worst = max(needs, key=lambda need: float(need.need_kw.max()), default=None)
        record = CongestionRequirements(
            need=conversation, area=worst.constraint if worst else "", from_ms=self.now_ms,
            duration_s=float((worst.need_kw > 0).sum() * self._terms.step_s) if worst else 0.0,
            volume_kw=float(worst.need_kw.max()) if worst else 0.0, price_cap_eur_per_kwh=self._terms.price_cap_eur_per_kwh,
            baseline_horizon_s=86_400.0, activation_horizon_s=self._terms.announcement_s,
            activation_timing_s=self._terms.full_activation_s,
        )  # fmt: skip
        devices = [self.directory.names[number] for number in sorted(set(self._onboarded))]
        self.send(record, [*self._terms.fsps, *devices], self._cycle)

    def _conventional(self, conversation: str, outlook: Outlook, needs: list[Need]) -> list[Measure]:
        """Own means that relieve everything, tried and priced before flexibility is bought (SUC06.1 rule 11); they are set."""
        if not needs:
            return []
        tried = own_means(self._look_ahead.model, outlook, self._meters.timeline, self.now_ms, self._terms)
        taken = all(stretch.best for stretch in tried)
        for stretch in tried:
            for row in stretch.rows(taken):
                self.register("measures").add(conversation=conversation, **row)
            if taken and stretch.best is not None:
                self._switchgear.set(stretch.switching(stretch.best))
                self._look_ahead.switch(stretch.switching(stretch.best))
        return [stretch.best for stretch in tried if stretch.best is not None] if taken else []

    def _take_results(self, conversation: str, gate_ms: int, session: str) -> Process:
        """Step 2.8: wait for the cleared bids, or the word that there are none; they come after the gate."""
        contracts = Contracts(session, self._terms.step_s)
        yield self.until(gate_ms)
        until_ms = gate_ms + round(self._terms.results_within_s * 1000)
        while self.now_ms < until_ms and session not in self._empty and session not in self._refused:
            batch = yield self.receive(ClearingResult, conversation, min(self.now_ms + TOGETHER_MS, until_ms))
            if batch is not None:
                contracts.take(list(batch.records()))
            elif contracts.results:
                return contracts  # the results of one clearing travel together
        return contracts if contracts.results or session in self._empty else None

    @handles(NothingCleared)
    def note_nothing_cleared(self, batch: Batch[NothingCleared]) -> None:
        """A session ended without a cleared bid."""
        self._empty.update(record.session for record in batch.records())

    @handles(SessionRefusal)
    def note_refused_session(self, batch: Batch[SessionRefusal]) -> None:
        """The market holds no session on a request."""
        for record in batch.records():
            if not record.held:
                self._refused.setdefault(record.session, f"the market operator refused the session: {record.reason}")

    def _engage(self, conversation: str, contracts: Contracts) -> Process:
        """Step 2.9: engage the FSPs with cleared bids, and let the GDBN know whom to pass notices to.

        An engagement that its FSP does not acknowledge binds nobody: the bid is not called. One that the GDBN misses stays; if it cannot
        pass a notice for it, the call shows that and the next contract is taken.
        """
        for record in list(contracts.results):
            engagement = EngagementRequest(
                session=record.session, contract=contracts.name_of(record), bid=record.bid, fsp=record.fsp, area=record.area,
                direction=record.direction, from_ms=record.from_ms, step_s=record.step_s, engaged_kw=record.cleared_kw,
                price_eur_per_kwh=record.price_eur_per_kwh,
            )  # fmt: skip
            receivers = [record.fsp, self._terms.gdbn]
            outcome = yield self.confirm(self.send(engagement, receivers, conversation, system="derms"))
            of_fsp, _ = outcome.status
            if of_fsp != "acknowledged":
                contracts.results.remove(record)

    # --- SUC05.1 --------------------------------------------------------------------------------------------------------

    @handles(AggregationCycle)
    def join_cycle(self, batch: Batch[AggregationCycle]) -> None:
        """A cycle of the platform provider begins: requirements will be told in it."""
        self._cycle = batch.conversation

    # --- SUC06.3 --------------------------------------------------------------------------------------------------------

    @handles(MeterDataRequest)
    def give_meter_data(self, batch: Batch[MeterDataRequest]) -> None:
        """Step 1.1: certified readings of a portfolio, summed per interval."""
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

    @handles(RemunerationAndPenalty)
    def decide_settlement(self, batch: Batch[RemunerationAndPenalty]) -> None:
        """Step 1.7: approve a settlement, or dispute it with the reason."""
        sender = [self.directory.names[number] for number in batch.sender]
        for record, settler in zip(batch.records(), sender, strict=True):
            called = self._called_kwh.get(record.activation)
            reason = judge(record, called, self._void.get(record.activation))
            decision = SettlementDecision(
                settlement=record.settlement, approved=not reason, reason=reason, net_eur=cents(record.net_eur) / 100.0
            )
            self.send(decision, settler, batch.conversation, system="dso-settlement-service")

    @handles(Invoice)
    def pay_invoice(self, batch: Batch[Invoice]) -> None:
        """Pay what the DSO owes, once; an invoice in its favour is paid by the other side."""
        for record, message in zip(batch.records(), batch.ids, strict=True):
            if record.debtor == self.name and record.invoice not in self._invoices:
                self._invoices.add(record.invoice)
                pay(self, self.name, record.creditor, record.eur, record.purpose, message)
