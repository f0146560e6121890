"""Manager of an energy community: runs its management platform, whose microservices integrate, schedule, trade and settle (SUC02.1).

The four microservices and the platform are addresses of one party. A day of delivery is one conversation, from the definition (or the
forecasts) the day before to the indicators the day after. Reading ``centralised`` and ``market`` from top to bottom is reading the tables.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from agents.ec_manager_accounts import fields, filed_coefficients, settled_day, trade, transactions
from agents.ec_manager_market import MOST_COMPARED, Negotiation, scheduled_eur
from agents.ec_manager_members import Members
from agents.ec_manager_offers import Desk
from agents.ec_manager_terms import Candidate, CommunityDay, ManagerTerms, Market
from agents.payments import pay, pay_many
from data.arrays import F64
from environment.messages.base import Batch, Record
from environment.messages.community import (
    CommunityActivation,
    CommunityBaseline,
    CommunityNeed,
    CommunityRules,
    DerForecast,
    DerSchedule,
    MarketSchedule,
    MemberFiling,
    MemberRegistration,
    MembershipNotice,
    OperationDataRequest,
)
from environment.messages.community_settlement import (
    AllocatedEnergies,
    BillingGuide,
    CommunityBill,
    EnergyBid,
    FlexibilityVerified,
    IndicatorRequest,
    InternalTransactions,
    MemberSettlement,
    VerificationRequest,
)
from environment.messages.homes_data import DataSubjectRequest
from environment.messages.settlement import Invoice
from environment.party import Party, Process, Seat, handles
from environment.refusals import refuse
from markets.internal_prices.series import Trades

Sheets = dict[str, MemberRegistration]
"""Members of a day by name."""

SUC = "SUC02.1"
INTEGRATION, PLANNER = "integration-microservice", "energy-management-microservice"
MARKET, SETTLEMENT = "transactions-microservice", "settlement-microservice"
PLATFORM = "ec-management-platform"

BASELINE = "schedule-without-needs"
"""The agreed baseline methodology."""


class EcManager(Party):
    """Manager of one community."""

    def __init__(self, seat: Seat, terms: ManagerTerms) -> None:
        super().__init__(seat)
        self._terms = terms
        self._members = Members(self.name, terms.candidates)

    def processes(self) -> Iterable[Process]:
        """One life a day of delivery."""
        live = self.centralised if self._terms.mode == "centralised" else self.market
        return [live(day) for day in self._terms.days]

    # --- scenario 1 ------------------------------------------------------------------------------------------------------

    def centralised(self, day: CommunityDay) -> Process:
        """EC centralised operation: schedule all members, sell flexibility, settle."""
        yield self.until(day.opens_ms)
        conversation = self.open(SUC, "1", day.date)
        newcomers = self._members.asked(day, first=day == self._terms.days[0])
        if not (yield from self.define(conversation, day, newcomers, PLANNER)):
            return
        members = self._members.of(day, self.now_ms)
        told = yield from self.collect_forecasts(conversation, day, members, PLANNER)
        desk = Desk(self._terms, members, told, day)
        if desk.scheduled:
            yield from self.sell_flexibility(conversation, day, desk)
            self.send_schedules(conversation, desk)
        yield from self.settle_day(conversation, day, members, told, desk.committed_kwh())

    def sell_flexibility(self, conversation: str, day: CommunityDay, desk: Desk) -> Process:
        """Steps 1.3 to 1.6: the baseline, what the DSO needs, what the members can give of it, and what is activated."""
        baselines = desk.baselines(self.name)
        self.send(baselines, [self.at(INTEGRATION)] * len(baselines), conversation, system=PLANNER)
        if not self._terms.offers:
            return
        needs: list[CommunityNeed] = []
        batch = yield self.receive(CommunityNeed, conversation, day.looks_ms + self._wait_ms)
        while batch is not None:
            needs += batch.records()
            batch = yield self.receive(CommunityNeed, conversation, self.now_ms + 5_000)
        if not needs:
            return
        offers = desk.offers(needs)
        self.send(offers, [self._terms.asks] * len(offers), conversation, system=PLANNER)
        orders = yield from self.collect(CommunityActivation, conversation, len(offers), "offer")
        desk.commit(list(orders.values()))

    @handles(CommunityBaseline)
    def pass_on_baselines(self, batch: Batch[CommunityBaseline]) -> None:
        """The integration microservice gives the baselines to the DSO."""
        sender = np.repeat(self.numbers([self.at(INTEGRATION)]), len(batch))
        self.send_batch(
            CommunityBaseline, dict(batch.columns), sender, self.numbers([self._terms.dso]), batch.conversation
        )

    def send_schedules(self, conversation: str, desk: Desk) -> None:
        """Step 1.7: set-points for every ISP of the day, to the members whose devices are scheduled."""
        schedules: Sequence[tuple[str, DerSchedule]] = desk.schedules()
        self.send(
            [one for _, one in schedules],
            [self._members.hems(member) for member, _ in schedules],
            conversation,
            system=PLANNER,
        )

    # --- scenario 2 ------------------------------------------------------------------------------------------------------

    def market(self, day: CommunityDay) -> Process:
        """EC market-based operation: members decide for themselves and trade inside after delivery."""
        yield self.until(day.opens_ms)
        conversation = self.open(SUC, "2", day.date)
        everybody = self._members.asked(day, first=True, anew=True)
        if not (yield from self.define(conversation, day, everybody, MARKET)):
            return
        members = self._members.of(day, self.now_ms)
        told = yield from self.collect_forecasts(conversation, day, members, MARKET)
        if self._terms.market and told:
            yield from self.agree(conversation, day, members, told, self._terms.market)
        yield from self.settle_day(conversation, day, members, told, {})

    def agree(
        self, conversation: str, day: CommunityDay, members: Sheets, told: dict[str, DerForecast], market: Market
    ) -> Process:
        """Before delivery members agree on the day: round by round at the pool's prices, or in one step (welfare optimum)."""
        share = self._terms.grid_tariff_eur_per_kwh
        compared = market.one_step or len(told) <= MOST_COMPARED
        desk = Desk(self._terms, members, told, day) if compared else None
        optimum_eur = np.nan if desk is None else scheduled_eur(desk.baseline, share)
        add = partial(
            self.register("community_markets").add, community=self.name, day_ms=day.start_ms, optimum_eur=optimum_eur
        )
        if market.one_step and desk is not None:
            schedules = [(member, MarketSchedule(**fields(one))) for member, one in desk.schedules()]
            to = [self._members.hems(member) for member, _ in schedules]
            self.send([one for _, one in schedules], to, conversation, system=MARKET)
            add(rounds=1, converged=True, reason="", cost_eur=optimum_eur, bound_eur=optimum_eur)
            return
        talk = Negotiation(market, members, told, share)
        hems = [self._members.hems(name) for name in talk.members]
        while talk.found is None:
            announced = talk.announce(self.name, day)
            answers = yield self.ask(announced, hems, conversation, system=MARKET, timeout_s=self._terms.wait_s)
            talk.take(answers.records())
        found = talk.found
        self.send(talk.announce(self.name, day), hems, conversation, system=MARKET)
        add(
            rounds=found.rounds,
            converged=found.converged,
            reason=found.reason,
            cost_eur=found.cost_eur,
            bound_eur=found.bound_eur,
        )

    # --- definition and forecasts ----------------------------------------------------------------------------------------

    def define(self, conversation: str, day: CommunityDay, asked: Sequence[Candidate], registrar: str) -> Process:
        """Steps 1.1 and 2.1: ask for approval of the rules; who approves is registered and filed with the DSO. Says whether it stands."""
        terms = self._terms
        if asked:
            rules = CommunityRules(
                community=self.name, kind=terms.kind, min_members=terms.min_members, max_distance_km=terms.max_distance_km,
                mode=terms.mode, objective=terms.objective, price_rule=terms.price_rule, allocation=terms.allocation_rule,
                grid_tariff_eur_per_kwh=terms.grid_tariff_eur_per_kwh, baseline=BASELINE,
            )  # fmt: skip
            self.send(rules, [one.hems for one in asked], conversation)
            answers = yield from self.collect(MemberRegistration, conversation, len(asked))
            self._take_in(asked, answers, day)
            there = self._members.of(day, self.now_ms)
            filings = [self._filing(there[one.member], one.from_ms) for one in asked if one.member in there]
            self.send(filings, [terms.dso] * len(filings), conversation, system=SETTLEMENT)
        found = len(self._members.of(day, self.now_ms))
        if found < terms.min_members:
            self.end(conversation, "refused", f"{found} members approve, {terms.min_members} are needed")
            return False
        return True

    def _take_in(self, asked: Sequence[Candidate], answers: dict[str, MemberRegistration], day: CommunityDay) -> None:
        for one in asked:
            answer = answers.get(one.member)
            approved = answer is not None and answer.approved
            if answer is not None:
                self._members.register(answer, self.now_ms)
            self.register("community_members").add(
                community=self.name, member=one.member, day_ms=day.start_ms, approved=approved,
                consent=answer.consent if answer is not None else False,
                reason="no answer" if answer is None else answer.reason, tariff=answer.tariff if answer is not None else "",
                ders=len(answer.ders) if answer is not None else 0,
            )  # fmt: skip

    def _filing(self, sheet: MemberRegistration, from_ms: int, to_ms: int = 0) -> MemberFiling:
        return MemberFiling(
            community=self.name, member=sheet.member, meter=sheet.meter, hems=self._members.hems(sheet.member), assets=sheet.assets,
            ownership_share=sheet.ownership_share, from_ms=from_ms, to_ms=to_ms,
        )  # fmt: skip

    @handles(MembershipNotice)
    def take_notice(self, batch: Batch[MembershipNotice]) -> None:
        """Members who leave are filed with the DSO to their last day; who takes back consent is led and asked no more. Each speaks for itself."""
        filings = []
        for row, one in enumerate(batch.records()):
            own = one.member == self.directory.names[batch.sender[row]]
            sheet = self._members.note(one, self.now_ms) if own else None
            if sheet is None:
                reason = "no member of the community" if own else "notice is given by the member itself"
                refuse(self, batch, row, one.member, reason)
            elif one.change == "leaves":
                filings.append(self._filing(sheet, self._members.from_ms(one.member), one.from_ms))
        self.send(filings, [self._terms.dso] * len(filings), batch.conversation, system=SETTLEMENT)

    @handles(DataSubjectRequest)
    def respect_rights(self, batch: Batch[DataSubjectRequest]) -> None:
        """What members ask about their own data is done and answered at once (O-3)."""
        members = [self.directory.names[sender] for sender in batch.sender.tolist()]
        answers = [
            self._members.respect(one, member, self.now_ms)
            for one, member in zip(batch.records(), members, strict=True)
        ]
        self.send(answers, members, batch.conversation)

    def collect_forecasts(self, conversation: str, day: CommunityDay, members: Sheets, system: str) -> Process:
        """Steps 1.2 and 2.2: forecasts and prices of the members who consent to the use of their data, by name."""
        asked = [self._members.hems(name) for name in self._members.consenting(members, self.now_ms)]
        request = OperationDataRequest(from_ms=day.start_ms, to_ms=day.end_ms)
        answers = yield self.ask(request, asked, conversation, system=system, timeout_s=self._terms.wait_s)
        told: dict[str, DerForecast] = {one.member: one for one in answers.records() if one.consent}
        return told

    # --- after delivery --------------------------------------------------------------------------------------------------

    def settle_day(
        self,
        conversation: str,
        day: CommunityDay,
        members: Sheets,
        told: dict[str, DerForecast],
        committed_kwh: dict[str, F64],
    ) -> Process:
        """Steps 1.8 to 1.14 and 2.3 to 2.7: verified meters, bids, trades, coefficients, energies, compensations, billing guide."""
        yield self.until(day.verifies_ms)
        request = VerificationRequest(community=self.name, from_ms=day.start_ms, to_ms=day.end_ms, closes=day.closes)
        self.send(request, self._terms.dso, conversation, system=SETTLEMENT)
        n = len(members)
        bids = yield from self.collect(EnergyBid, conversation, n)
        if len(bids) < n:
            self._settle_later(conversation, f"{n - len(bids)} of {n} members handed in no bid")
            return
        rows = [bids[name] for name in sorted(bids)]
        trades = trade(rows, self._terms.price)
        self._keep_prices(day, trades)
        self.send(transactions(self.name, rows, trades), [self.at(SETTLEMENT)] * n, conversation, system=MARKET)
        exchanged = yield from self.collect(InternalTransactions, conversation, n)
        yield from self.share(conversation, members, [exchanged[name] for name in sorted(exchanged)])
        energies = yield from self.collect(AllocatedEnergies, conversation, n)
        if len(energies) < n:
            self._settle_later(conversation, "the DSO returned no energies")
            return
        flexibility = yield from self._verified(conversation)
        ordered = [energies[name] for name in sorted(energies)]
        carbon, held = self._terms.emissions_g_per_kwh[day.start_ms], self._members.held(committed_kwh, day)
        made = settled_day(self._terms, members, told, rows, trades, ordered, flexibility, held, carbon)
        settled = made.records(day.start_ms, day.end_ms)
        yield from self.guide(conversation, day, settled, flexibility)
        for row, one in enumerate(settled):
            self.register("community_settlements").add(
                community=self.name, avoided_kg=float(made.avoided_kg[row]), **fields(one)
            )
        self._members.add(settled, made.standing)
        yield self.until(day.ends_ms)
        self.end(conversation)

    def _settle_later(self, conversation: str, reason: str) -> None:
        """Without certified energies nothing is shared: retailers bill by the meter."""
        self.end(conversation, "failed", reason)

    def share(self, conversation: str, members: Sheets, made: Sequence[InternalTransactions]) -> Process:
        """Steps 1.11 and 2.4: allocation coefficients by the agreed rule, with the flexibility bids, to the DSO."""
        filed = filed_coefficients(self._terms, members, made)
        yield self.confirm(self.send(filed, [self._terms.dso] * len(filed), conversation, system=SETTLEMENT))

    def _verified(self, conversation: str) -> Process:
        """What the DSO measured of the flexibility called."""
        found: list[FlexibilityVerified] = []
        batch = yield self.receive(FlexibilityVerified, conversation, self.now_ms)
        while batch is not None:
            found += batch.records()
            batch = yield self.receive(FlexibilityVerified, conversation, self.now_ms)
        return found

    def guide(
        self,
        conversation: str,
        day: CommunityDay,
        settled: Sequence[MemberSettlement],
        flexibility: Sequence[FlexibilityVerified],
    ) -> Process:
        """Steps 1.13 and 1.14: compensations to the platform, which builds the billing guide; flexibility is invoiced."""
        self.send(settled, [self.at(PLATFORM)] * len(settled), conversation, system=SETTLEMENT)
        taken: dict[str, MemberSettlement] = yield from self.collect(MemberSettlement, conversation, len(settled))
        guides = [BillingGuide(closes=day.closes, **fields(taken[name])) for name in sorted(taken)]
        self.send(guides, [self._terms.billing_system] * len(guides), conversation, system=PLATFORM)
        eur = round(sum(one.remuneration_eur - one.penalty_eur for one in flexibility), 2)
        if eur:
            debtor, creditor = (self._terms.dso, self.name) if eur > 0.0 else (self.name, self._terms.dso)
            purpose = "flexibility" if eur > 0.0 else "penalty"
            invoice = Invoice(
                invoice=f"invoice/{conversation}", debtor=debtor, creditor=creditor, purpose=purpose, eur=abs(eur)
            )
            self.send(invoice, [self._terms.dso, self.name], conversation)

    @handles(Invoice)
    def pay_invoice(self, batch: Batch[Invoice]) -> None:
        """Pay what the community owes the DSO."""
        for record, message in zip(batch.records(), batch.ids, strict=True):
            if record.debtor == self.name:
                pay(self, record.debtor, record.creditor, record.eur, record.purpose, message)

    @handles(CommunityBill)
    def pay_members(self, batch: Batch[CommunityBill]) -> None:
        """Pay members whose bill is in their favour, and forget those who have left: it was their last."""
        owed = np.maximum(-batch["net_eur"], 0.0)
        pay_many(self, batch["community"], batch["member"], owed, "community bill", batch.ids)
        for member in batch["member"].tolist():
            items = self._members.forget(member, self.now_ms)
            if items is not None:
                self.register("data_answers").add(t_ms=self.now_ms, owner=member, right="erase", items=items, done=True)

    @handles(IndicatorRequest)
    def show_indicators(self, batch: Batch[IndicatorRequest]) -> None:
        """Steps 1.16 and 2.9: indicators of the member and of the community, as known now."""
        known = [
            (one, self.directory.names[sender])
            for member, sender in zip(batch["member"].tolist(), batch.sender.tolist(), strict=True)
            if (one := self._members.indicators(member)) is not None
        ]
        self.send([one for one, _ in known], [to for _, to in known], batch.conversation, system=PLATFORM)

    # --- small -----------------------------------------------------------------------------------------------------------

    @property
    def _wait_ms(self) -> int:
        return round(self._terms.wait_s * 1000)

    def collect(self, record: type[Record], conversation: str, count: int, key: str = "member") -> Process:
        """Messages of a record by a key, until ``count`` have come or the time is over."""
        found: dict[str, Any] = {}
        until_ms = self.now_ms + self._wait_ms
        while len(found) < count:
            batch = yield self.receive(record, conversation, until_ms)
            if batch is None:
                break
            found |= {getattr(one, key): one for one in batch.records()}
        return found

    def _keep_prices(self, day: CommunityDay, trades: Trades) -> None:
        steps = len(trades.price_eur_per_kwh)
        t_ms = day.start_ms + (day.end_ms - day.start_ms) // steps * np.arange(steps, dtype=np.int64)
        self.register("community_prices").add(
            community=self.name, t_ms=t_ms, price_eur_per_kwh=trades.price_eur_per_kwh, lowest_eur_per_kwh=trades.lowest_eur_per_kwh,
            highest_eur_per_kwh=trades.highest_eur_per_kwh, demand_kwh=trades.demand_kwh, supply_kwh=trades.supply_kwh,
            traded_kwh=trades.bought_kwh.sum(axis=0),
        )  # fmt: skip
