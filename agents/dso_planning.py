"""Planning of a distribution grid: foresee the day, find what would be violated, try the own means (SUC06.1 rules 1 to 13).

What follows differs: with a market operator the DSO asks for a session (``agents.dso``), without one it dispatches the flexibility of its
standing contracts itself (``agents.dso_direct``).
"""

import numpy as np
from msgspec import structs

from agents.dso_forecasts import keep_forecast
from agents.dso_horizon import Outlook
from agents.dso_means import own_means
from agents.dso_need import Need
from agents.dso_operation import GridOperation
from agents.dso_outlook import LookAhead
from agents.dso_requirements import parts, requirement
from agents.dso_terms import DsoTerms, MarketDay
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
from environment.messages.procurement import AvailabilityRequest, FlexibilityAvailability
from environment.party import Process, Seat, handles
from environment.requests import Sent


class GridPlanning(GridOperation):
    """The planning desk of a distribution system operator.

    Args:
        seat: place in the world.
        look_ahead: forecast module with the operator's grid model.
        meters: certified meters of its grid.
        scada: real-time measurements.
        switchgear: its own means.
        calendar: local time.
        terms: who the others are, products and deadlines.
    """

    stored = (OnboardingFile, FlexibilityAvailability, FlexibilityPotential)
    filed = (AssetTelemetry, ActivationFeedback, AssetBaseline)

    def __init__(
        self, seat: Seat, look_ahead: LookAhead, meters: MeterStore, scada: ScadaView, switchgear: Switchgear,
        calendar: Calendar, terms: DsoTerms,
    ) -> None:  # fmt: skip
        super().__init__(seat, look_ahead, meters, scada, terms)
        self._switchgear = switchgear
        self._calendar = calendar
        self._cycles: list[tuple[int, str]] = []
        self._onboarded: list[int] = []
        self._announced: dict[tuple[str, str], FlexibilityAvailability] = {}
        self._asked: dict[tuple[str, str], CongestionRequirements] = {}
        self._asking: set[tuple[str, str]] = set()
        self._shown: set[str] = set()
        self._caps: dict[str, float] = {}
        self.register("needs")

    def subject(self, day: MarketDay, direction: str) -> str:
        """What a procurement is about: the day, and the direction where the product has two."""
        date = f"{self._calendar.local(day.start_ms):%Y-%m-%d}"
        return date if len(self._terms.directions) == 1 else f"{date}/{direction}"

    # --- availability --------------------------------------------------------------------------------------------------

    def ask_availability(self, conversation: str, from_ms: int, to_ms: int) -> Process:
        """SUC06.1 steps 1.1 and 2.1: the FSPs report what they could offer."""
        if not self._terms.fsps:
            return
        request = AvailabilityRequest(from_ms=from_ms, to_ms=to_ms)
        self.send(request, list(self._terms.fsps), conversation, system="derms")
        yield self.sleep(self._terms.availability_wait_s)
        self.read_reports()

    def read_reports(self) -> None:
        """Keep what the FSPs have reported since."""
        for batch in self.stored_rows(FlexibilityAvailability):
            for record, received_ms in zip(batch.records(), batch.received_ms.tolist(), strict=True):
                fsp = self.directory.addresses[int(batch.sender[0])].party
                self._announced[fsp, record.area] = record
                self.note_report(fsp, record, received_ms)

    def note_report(self, fsp: str, record: FlexibilityAvailability, received_ms: int) -> None:
        """What an FSP could offer in an area, into the register."""
        self.register("availability").add(
            t_ms=self.now_ms, fsp=fsp, area=record.area, up_kw=float(record.up_kw.max()), down_kw=float(record.down_kw.max()),
        )  # fmt: skip

    # --- forecast and needs --------------------------------------------------------------------------------------------

    def foresee(self, day: MarketDay, *, keep: bool) -> Outlook:
        """Forecast load and network states to the end of a day."""
        outlook = self._look_ahead.look(self.now_ms, day.end_ms)
        if keep:
            keep_forecast(self, self._look_ahead, outlook)
        return outlook

    def find_needs(self, name: str, conversation: str, outlook: Outlook, day: MarketDay, direction: str) -> list[Need]:
        """Quantify what has to be relieved in the window of a day, into the register."""
        needs = self._look_ahead.needs(outlook, day.from_ms, day.steps, self._terms.granularity_kw)
        needs = [need for need in needs if need.need_kw.max() > 0 and need.direction == direction]
        t_ms = day.from_ms + self._meters.timeline.step_ms * np.arange(day.steps, dtype=np.int64)
        for need in needs:
            self.register("needs").add(
                need=name, conversation=conversation, constraint=need.constraint,
                direction=need.direction, t_ms=t_ms, quantity_kw=need.need_kw, limit=need.limit,
            )  # fmt: skip
        return needs

    def nothing_to_buy(self, conversation: str, day: MarketDay, outlook: Outlook, needs: list[Need]) -> bool:
        """End a conversation in which there is nothing to buy: no need can be stated, none is there, or the own means relieve it."""
        measures = self.try_own_means(conversation, outlook, needs)
        if not needs and not outlook.flow.converged.all():
            self.end(conversation, "failed", f"no need can be stated: {self._look_ahead.diagnosis(outlook)}")
        elif not needs:
            self.end(conversation, "refused", "no violation is foreseen")
        elif measures:
            taken = "; ".join(measure.text for measure in measures)
            self.end(conversation, "refused", f"relieved by own means: {taken}")
        else:
            return False
        return True

    def leave_unmet(self, conversation: str, needs: list[Need], day: MarketDay) -> None:
        """Nothing could be bought: the largest need of each interval stays."""
        need_kw = np.max([need.need_kw for need in needs], axis=0)
        t_ms = day.from_ms + self._meters.timeline.step_ms * np.flatnonzero(need_kw > 0.0)
        self.register("unmet").add(t_ms=t_ms, parent=conversation, quantity_kw=need_kw[need_kw > 0.0])

    def try_own_means(self, conversation: str, outlook: Outlook, needs: list[Need]) -> list[Measure]:
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

    # --- SUC05.1 --------------------------------------------------------------------------------------------------------

    @handles(AggregationCycle)
    def join_cycle(self, batch: Batch[AggregationCycle]) -> Process | None:
        """A cycle of the platform provider begins: requirements will be told in it. One about a shortfall is answered at once."""
        (cycle,) = batch.records()
        if not cycle.shortfall:
            self._cycles.append((cycle.from_ms, batch.conversation))
            return None
        asked = self._asked.get((cycle.shortfall, cycle.aggregator))
        return self._ask_again(batch.conversation, asked, cycle.aggregator) if asked is not None else None

    def tell_requirements(self, conversation: str, day: MarketDay, needs: list[Need]) -> None:
        """SUC05.1 step 2: the constraint set of the cycle, to the aggregators with their parts of the largest need, and to the assets."""
        cycle = next((name for from_ms, name in self._cycles if from_ms == day.start_ms), "")
        if not cycle:
            return
        for batch in self.stored_rows(OnboardingFile):
            self._onboarded.extend(batch.sender.tolist())
        terms, cap = self._terms, self._terms.price_cap_eur_per_kwh
        worst = max(needs, key=lambda need: float(need.need_kw.max()), default=None)
        told = parts(worst, self._announced, terms.fsps, day) if worst else dict.fromkeys(terms.fsps, np.zeros(0))
        sent = []
        for fsp, part_kw in told.items():
            record = requirement(conversation, worst, part_kw, terms, day, cap)
            self._asked[conversation, fsp] = record
            sent.append(self.send(record, fsp, cycle))
        self.start(self._hear_of_flexibility(cycle, sent))
        devices = [self.directory.names[number] for number in sorted(set(self._onboarded))]
        if devices:
            self.send(requirement(conversation, worst, np.zeros(0), terms, day, cap), devices, cycle)

    def _hear_of_flexibility(self, cycle: str, sent: list[Sent]) -> Process:
        """Steps 4 to 6 come of what was asked; a cycle in which nobody could be asked, or nobody answers, fails."""
        asked = []
        for one in sent:
            outcome = yield self.confirm(one)
            asked.append(outcome.acknowledged)
        if not any(asked):
            self.end(cycle, "failed", "no aggregator acknowledged what the DSO needs")
            return
        yield self.sleep(self._terms.flexibility_within_s)
        if not self._has_shown(cycle):
            self.end(cycle, "failed", "no aggregator shared its flexibility")

    def _has_shown(self, cycle: str) -> bool:
        """Whether an aggregator has told its potential in a cycle."""
        self._shown.update(batch.conversation for batch in self.stored_rows(FlexibilityPotential))
        return cycle in self._shown

    def _ask_again(self, cycle: str, asked: CongestionRequirements, fsp: str) -> Process:
        """Steps 2.1 and 2.4: the need again; once the aggregator has shown that it cannot meet it, at the highest price that it is worth."""
        self._asking.add((asked.need, fsp))
        reason = yield from self._reconcile(cycle, asked, fsp)
        if reason:
            self.end(cycle, "failed", reason)
        self._asking.discard((asked.need, fsp))

    def _reconcile(self, cycle: str, asked: CongestionRequirements, fsp: str) -> Process:
        """Ask, hear, ask again; gives the reason if it comes to nothing, else empty."""
        until_ms = self.now_ms + round(self._terms.shortfall_within_s * 1000.0)
        outcome = yield self.confirm(self.send(asked, fsp, cycle))
        if not outcome.acknowledged:
            return f"{fsp} did not acknowledge what is needed of it"
        while not self._has_shown(cycle):
            if self.now_ms >= until_ms:
                return f"{fsp} did not say what it can do"
            yield self.sleep(self._terms.shortfall_heard_s)
        cap = self._terms.price_cap_eur_per_kwh * self._terms.asks_again_times
        self._caps[asked.need] = cap
        outcome = yield self.confirm(self.send(structs.replace(asked, price_cap_eur_per_kwh=cap), fsp, cycle))
        return "" if outcome.acknowledged else f"{fsp} did not acknowledge the higher price"

    def hear_of_shortfalls(self, conversation: str) -> Process:
        """Wait until aggregators that cannot meet what was asked of them in a procurement have been asked again."""
        yield self.sleep(self._terms.shortfall_heard_s)
        while any(need == conversation for need, _ in self._asking):
            yield self.sleep(self._terms.shortfall_heard_s)

    def price_cap(self, conversation: str) -> float:
        """Highest price that is paid in a procurement."""
        return self._caps.get(conversation, self._terms.price_cap_eur_per_kwh)
