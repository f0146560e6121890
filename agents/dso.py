"""Distribution system operator: foresees, procures, activates and settles flexibility in its grid area.

Its systems are addresses of one party: DERMS (look ahead), SCADA (real time), activation system, database (certified meters), settlement
service. This one buys on the local flexibility market; ``agents.dso_direct`` has no market.
"""

from collections.abc import Iterable
from dataclasses import replace

from agents.dso_contracts import Contracts, Lot, alike, session_requests
from agents.dso_need import Need
from agents.dso_outlook import LookAhead
from agents.dso_planning import GridPlanning
from agents.dso_terms import DsoTerms, MarketDay
from environment.calendar import Calendar
from environment.instruments import MeterStore, ScadaView, Switchgear
from environment.messages.base import Batch
from environment.messages.procurement import (
    ClearingResult,
    EngagementRequest,
    NothingCleared,
    SessionRefusal,
    SessionRequest,
)
from environment.party import Process, Seat, Work, act, handles

TOGETHER_MS = 10_000
"""Results of one clearing are complete when none has come for so long."""


class Dso(GridPlanning):
    """Operator of one distribution grid, who buys flexibility on a market.

    Args:
        seat: place in the world.
        look_ahead: forecast module with the operator's grid model.
        meters: certified meters of its grid.
        scada: real-time measurements.
        switchgear: its own means.
        calendar: local time.
        terms: who the others are, products and deadlines.
    """

    def __init__(
        self, seat: Seat, look_ahead: LookAhead, meters: MeterStore, scada: ScadaView, switchgear: Switchgear,
        calendar: Calendar, terms: DsoTerms,
    ) -> None:  # fmt: skip
        super().__init__(seat, look_ahead, meters, scada, switchgear, calendar, terms)
        self._empty: set[str] = set()
        self._refused: dict[str, str] = {}

    def processes(self) -> Iterable[Process]:
        """One procurement before every day of delivery for each direction of the product."""
        yield from super().processes()
        for day in self._terms.days:
            for direction in self._terms.directions:
                yield self.procure(day, direction)

    # --- SUC06.1 scenario 2 ---------------------------------------------------------------------------------------------

    def procure(self, day: MarketDay, direction: str) -> Process:
        """Foresee the day; if something is violated that own means do not mend, buy flexibility on the market."""
        yield self.until(day.procures_ms)
        subject = self.subject(day, direction)
        conversation = self.open("SUC06.1", "2", subject)
        yield from self.ask_availability(conversation, day.start_ms, day.end_ms)
        outlook, needs = self.forecast_violations(conversation, day, direction)
        if direction == self._terms.directions[0]:
            self.tell_requirements(conversation, day, needs)
            yield from self.hear_of_shortfalls(conversation)
        if self.nothing_to_buy(conversation, day, outlook, needs):
            return
        needs, guards = self._look_ahead.told(outlook, needs, day.from_ms, self._terms.largest_whole_kw)
        terms = replace(self._terms, price_cap_eur_per_kwh=self.price_cap(conversation))
        requests = session_requests(f"{self.name}/{subject}", self.name, needs, guards, terms, day)
        acknowledged = yield from self._request(conversation, requests)
        if not acknowledged:
            self._fail(conversation, needs, day, "the market operator did not acknowledge the session request")
            return
        results = yield from self._take_results(conversation, requests[0].gate_ms, requests[0].session)
        if results is None:
            refused = self._refused.get(requests[0].session, "")
            self._fail(conversation, needs, day, refused or "no clearing results came")
            return
        if not results:
            self._fail(conversation, needs, day, "no flexibility was cleared, the need stays unmet")
            return
        engaged = yield from self._engage(conversation, results)
        if not engaged:
            self._fail(conversation, needs, day, "no FSP acknowledged its engagement")
            return
        self.end(conversation)
        contracts = Contracts(self._terms.step_s, engaged)
        self._blocks |= contracts.blocks()
        self.start(self.operate(conversation, contracts, outlook, needs))

    def _request(self, conversation: str, requests: list[SessionRequest]) -> Process:
        """Step 2.3: ask the market operator for the session; whether it has acknowledged all of it."""
        market = self._terms.market
        parts = [self.send(part, [market] * len(part), conversation) for part in alike(requests)]
        heard = []
        for sent in parts:
            outcome = yield self.confirm(sent)
            heard.append(outcome.acknowledged)
        return all(heard)

    def _fail(self, conversation: str, needs: list[Need], day: MarketDay, reason: str) -> None:
        """Nothing could be bought."""
        self.leave_unmet(conversation, needs, day)
        self.end(conversation, "failed", reason)

    @act("forecast_violations", system="derms")
    def forecast_violations(self, conversation: str, day: MarketDay, direction: str) -> Work:
        """Step 2.2: forecast load and network states, find violations, quantify the need."""
        name = f"{self.name}/{self.subject(day, direction)}"
        outlook = self.foresee(day, keep=direction == self._terms.directions[0])
        needs = self.find_needs(name, conversation, outlook, day, direction)
        writes = [f"needs/{name}"] if needs else [f"forecasts/{self.name}"]
        return Work((outlook, needs), conversation, [f"forecasts/{self.name}"], writes)

    def _take_results(self, conversation: str, gate_ms: int, session: str) -> Process:
        """Step 2.8: wait for the cleared bids, or the word that there are none; they come after the gate. None if neither comes."""
        results: list[ClearingResult] = []
        yield self.until(gate_ms)
        until_ms = gate_ms + round(self._terms.results_within_s * 1000)
        while self.now_ms < until_ms and session not in self._empty and session not in self._refused:
            batch = yield self.receive(ClearingResult, conversation, min(self.now_ms + TOGETHER_MS, until_ms))
            if batch is not None:
                results += batch.records()
            elif results:
                break  # the results of one clearing travel together
        return sorted(results, key=lambda one: one.bid) if results or session in self._empty else None

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

    def _engage(self, conversation: str, results: list[ClearingResult]) -> Process:
        """Step 2.9: engage the FSPs with cleared bids, all at once, and let the GDBN know whom to pass notices to; gives the lots that bind.

        An engagement that its FSP does not acknowledge binds nobody: the bid is not called. One that the GDBN misses stays; if it cannot
        pass a notice for it, the call shows that and the next contract is taken.
        """
        lots = [Lot.cleared(record) for record in results]
        engagements = [
            EngagementRequest(
                session=record.session, contract=lot.contract, bid=record.bid, fsp=record.fsp, area=record.area,
                direction=record.direction, from_ms=record.from_ms, step_s=record.step_s, engaged_kw=record.cleared_kw,
                price_eur_per_kwh=record.price_eur_per_kwh, availability_eur_per_kw_h=record.availability_eur_per_kw_h,
            )
            for record, lot in zip(results, lots, strict=True)
        ]  # fmt: skip
        receivers = [one.fsp for one in engagements] + [self._terms.gdbn] * len(engagements)
        outcome = yield self.confirm(self.send(engagements * 2, receivers, conversation, system="derms"))
        engaged = []
        for lot, engagement, of_fsp in zip(lots, engagements, outcome.status, strict=False):
            if of_fsp == "acknowledged":
                engaged.append(lot)
                self._readiness.note(conversation, engagement, self.name)
        return engaged
