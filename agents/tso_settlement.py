"""The desk of the TSO for what was delivered: limits and baselines for the DSOs that verify (SUC10.4), check, dialogue and settlement with each BSP (SUC08.4).

The baseline of a BSP's points in a perimeter is what the BSP filed before the day began; nobody changes it afterwards. A settlement goes by what was finally
agreed (``markets.verification.agreed_kwh``) and leaves nobody but the BSP with what was not delivered (``markets.balancing.delivery``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from agents.payments import pay
from agents.report_check import Check, ask, measured_answers, summed
from agents.tso_settlement_case import STEP_S, Case, Statements, delivery_in, merged
from data.arrays import F64
from environment.messages.base import Batch
from environment.messages.delivery import (
    AcceptedFlexibility,
    ActivationLimits,
    DeliveryEnded,
    FinalReport,
    ImbalanceStatement,
    MeasurementQuery,
    PerimeterBaseline,
    PreliminaryReport,
    SettlementNotification,
    VerificationOutcome,
    VerificationRefusal,
    VerificationRequest,
)
from environment.office import Desk
from environment.party import Process, Work, act, handles
from environment.refusals import refuse
from environment.units import MS_PER_H
from markets.balancing.buyers import Energy, bills
from markets.balancing.delivery import Component, Delivery, account, imbalance_prices
from markets.verification import agreed_kwh


@dataclass(frozen=True, eq=False)
class SettlementTerms:
    """What the TSO goes by.

    Attributes:
        days_ms: (start, end) of the days of delivery.
        dso_of: perimeter -> address of its DSO.
        register: address of the Flexibility Register.
        components: start of a day -> what became of all bids in DSO perimeters.
        points: BSP -> its grid connection points, by the topology matrix.
        responsible: BSP -> address of its balance responsible party.
        energy: whose the energy is that DSOs activate.
        day_ahead_eur_per_kwh: value of energy.
        opens_after_s: how long after a day a settlement is opened; the deadlines follow.
        report_after_s: until when the preliminary report is due.
        clarify_after_s: until when clarifications are.
        final_after_s: until when the final report is.
        waits_s: how long measurements are waited for.
        report_share: difference of a report that is let pass, of what was measured.
        report_least_kwh: the least difference that counts.
    """

    days_ms: Sequence[tuple[int, int]]
    dso_of: Mapping[str, str]
    register: str
    components: Callable[[int], Sequence[Component]]
    points: Callable[[], Mapping[str, Sequence[str]]]
    responsible: Mapping[str, str]
    energy: Energy = "tso"
    day_ahead_eur_per_kwh: float = 0.1
    opens_after_s: float = 10_800.0
    report_after_s: float = 18_000.0
    clarify_after_s: float = 28_800.0
    final_after_s: float = 32_400.0
    waits_s: float = 300.0
    report_share: float = 0.05
    report_least_kwh: float = 0.1


class SettlementDesk(Desk):
    """Verification and settlement at the TSO.

    Args:
        terms: see there.
    """

    def __init__(self, terms: SettlementTerms) -> None:
        self._terms = terms
        self._baselines: dict[tuple[int, str, str], F64] = {}
        self._cases: dict[str, Case] = {}

    def processes(self) -> Iterable[Process]:
        """One life a day of delivery."""
        return [self._after(from_ms, to_ms) for from_ms, to_ms in self._terms.days_ms]

    # --- baselines -------------------------------------------------------------------------------------------------------

    @handles(PerimeterBaseline)
    def keep_baselines(self, batch: Batch[PerimeterBaseline]) -> None:
        """What BSPs file before the day begins; the first that is filed stands."""
        for row, one in enumerate(batch.records()):
            sender = self.party.directory.addresses[int(batch.sender[row])].operator
            key = one.from_ms, one.bsp, one.perimeter
            known = self._baselines.get(key)
            if sender != one.bsp:
                refuse(self.party, batch, row, one.perimeter, f"{sender} files no baseline of {one.bsp}")
            elif int(batch.received_ms[row]) >= one.from_ms:
                refuse(self.party, batch, row, one.perimeter, "it came after its day had begun")
            elif one.perimeter not in self._terms.dso_of:
                refuse(self.party, batch, row, one.perimeter, "there is no such perimeter")
            elif known is not None and not np.array_equal(known, one.net_kw):
                refuse(self.party, batch, row, one.perimeter, "a baseline that was filed is not changed")
            elif known is None:
                self._baselines[key] = one.net_kw
                hours = one.from_ms + MS_PER_H * np.arange(len(one.net_kw), dtype=np.int64)
                self.register("filed_baselines").add(
                    t_ms=hours, bsp=one.bsp, perimeter=one.perimeter, net_kw=one.net_kw, filed_ms=self.now_ms
                )

    # --- SUC10.4 -----------------------------------------------------------------------------------------------------------

    @handles(VerificationRequest)
    def report_limits(self, batch: Batch[VerificationRequest]) -> None:
        """Steps 1.2 and 1.3: limits, accepted quantities and baselines of the DSO's own perimeters."""
        for row, one in enumerate(batch.records()):
            dso = self.party.directory.addresses[int(batch.sender[row])].operator
            foreign = [name for name in one.perimeters if self._terms.dso_of.get(name) != dso]
            if foreign or one.dso != dso:
                reason = f"{', '.join(foreign) or one.dso} is not {dso}'s"
                refuse(self.party, batch, row, one.dso, reason)
                self.party.send(VerificationRefusal(reason=reason), dso, batch.conversation)
                continue
            found = [
                part
                for part in self._components(one.from_ms, one.to_ms)
                if part.perimeter in one.perimeters and (not one.bsps or part.bsp in one.bsps)
            ]
            if not found:
                self.party.send(VerificationRefusal(reason="nobody bid in these perimeters"), dso, batch.conversation)
                continue
            self._tell(merged(found), dso, one.from_ms, batch.conversation)

    def _tell(self, parts: Sequence[Component], dso: str, from_ms: int, talk: str) -> None:
        common: dict[str, Any] = {"from_ms": from_ms, "step_s": STEP_S}
        accepted = [
            AcceptedFlexibility(
                perimeter=one.perimeter, bsp=one.bsp, direction=one.direction, accepted_kw=one.accepted_kw, **common
            )
            for one in parts
        ]  # fmt: skip
        places = sorted({(one.bsp, one.perimeter) for one in parts})
        baselines = [
            PerimeterBaseline(perimeter=perimeter, bsp=bsp, net_kw=self._baselines[from_ms, bsp, perimeter], **common)
            for bsp, perimeter in places
            if (from_ms, bsp, perimeter) in self._baselines
        ]
        limits = [
            ActivationLimits(
                perimeter=one.perimeter, bsp=one.bsp, direction=one.direction, is_limited=one.is_limited.astype(np.float64),
                limit_kw=one.limit_kw, offered_kw=one.offered_kw, left_kw=one.left_kw, **common,
            )
            for one in parts
        ]  # fmt: skip
        for records in (limits, accepted, baselines):
            self.party.send(records, [dso] * len(records), talk)

    @handles(VerificationOutcome)
    def keep_outcomes(self, batch: Batch[VerificationOutcome]) -> None:
        """Step 1.9: what the DSOs found; of others' perimeters nobody says anything."""
        for row, one in enumerate(batch.records()):
            dso = self.party.directory.addresses[int(batch.sender[row])].operator
            if self._terms.dso_of.get(one.perimeter) != dso:
                refuse(self.party, batch, row, one.perimeter, f"it is not {dso}'s")
                continue
            self.register("verification_outcomes").add(
                t_ms=self.now_ms, conversation=batch.conversation, dso=dso, perimeter=one.perimeter, from_ms=one.from_ms,
                is_positive=one.is_positive, exceeding=", ".join(one.exceeding), planned_over_kwh=one.planned_over_kwh,
                metered_over_kwh=one.metered_over_kwh, set_over_kwh=one.set_over_kwh, missing_hours=one.missing_hours,
            )  # fmt: skip

    # --- SUC08.4 -----------------------------------------------------------------------------------------------------------

    def _after(self, from_ms: int, to_ms: int) -> Process:
        """When a delivery period has ended: one settlement for each BSP of which something was accepted."""
        yield self.party.until(to_ms + round(self._terms.opens_after_s * 1000))
        parts = [one for one in self._components(from_ms, to_ms) if one.accepted_kw.any()]
        for bsp in sorted({one.bsp for one in parts}):
            self.party.start(self._settle(bsp, parts, from_ms, to_ms))

    def _components(self, from_ms: int, to_ms: int) -> list[Component]:
        """What became of all bids about a day, by the hours that it has: 23 or 25 where clocks change."""
        return [one.of_hours((to_ms - from_ms) // MS_PER_H) for one in self._terms.components(from_ms)]

    def _settle(self, bsp: str, parts: Sequence[Component], from_ms: int, to_ms: int) -> Process:
        terms, party = self._terms, self.party
        mine = merged([one for one in parts if one.bsp == bsp])
        perimeters = tuple(sorted({one.perimeter for one in mine}))
        due = {
            name: to_ms + round(after_s * 1000)
            for name, after_s in (
                ("report_due_ms", terms.report_after_s),
                ("clarification_due_ms", terms.clarify_after_s),
                ("final_due_ms", terms.final_after_s),
            )
        }
        period = DeliveryEnded(bsp=bsp, from_ms=from_ms, to_ms=to_ms, perimeters=perimeters, **due)
        talk = party.open("SUC08.4", "1", f"{bsp}-{from_ms}")
        dsos = sorted({terms.dso_of[name] for name in perimeters})
        case = self._cases[talk] = Case(bsp, talk, Check(period), mine, parts, dsos)
        party.send(period, bsp, talk)
        for dso in dsos:  # each hears of its own perimeters alone
            own = tuple(name for name in perimeters if terms.dso_of[name] == dso)
            party.send(DeliveryEnded(bsp=bsp, from_ms=from_ms, to_ms=to_ms, perimeters=own, **due), dso, talk)
        delivered = yield from self._measure(case)
        yield party.until(period.report_due_ms + 1)
        self.check_report(case, delivered)
        yield from ask(party, case.check, talk)
        yield party.until(period.final_due_ms + 1)
        self._agree(case)
        statement, told = self._close(case)
        yield from self._tell_buyers(case)
        sent = party.send(told, bsp, talk)
        outcome = yield party.confirm(sent)
        stated = party.send(statement, terms.responsible[bsp], talk)
        yield party.confirm(stated)
        self.final_settlement(case, told, sent.batch.ids[0], statement, stated.batch.ids[0])
        silent = [name for name in perimeters if name not in case.check.reported]
        if silent or not outcome.acknowledged:
            party.end(
                talk, "failed", f"no report in time of {', '.join(silent)}" if silent else "the BSP cannot be told"
            )
        else:
            party.end(talk)

    def _measure(self, case: Case) -> Process:
        """The own monitoring: baselines less what the register has of the BSP's points, by perimeter [kWh]."""
        period = case.check.period
        points = list(self._terms.points().get(case.bsp, ()))
        asked = [MeasurementQuery(gcp=gcp, from_ms=period.from_ms, to_ms=period.to_ms) for gcp in points]
        if not asked:
            return {}
        answers = yield self.party.ask(
            asked, [self._terms.register] * len(asked), case.talk, timeout_s=self._terms.waits_s
        )
        metered, _ = summed(measured_answers(answers))
        return {
            perimeter: self._baselines[period.from_ms, bsp, perimeter] - kw
            for (bsp, perimeter), kw in metered.items()
            if (period.from_ms, bsp, perimeter) in self._baselines
        }

    @act("verification")
    def check_report(self, case: Case, delivered_kwh: Mapping[str, F64]) -> Work:
        """Step 3: the BSP's report against the own measurements."""
        case.check.compare(self.party, delivered_kwh, self._terms.report_share, self._terms.report_least_kwh, case.talk)
        return Work(None, case.talk, [f"filed_baselines/{case.bsp}"], [f"report_checks/{case.talk}"])

    @handles(PreliminaryReport)
    def take_report(self, batch: Batch[PreliminaryReport]) -> None:
        """Step 2."""
        case = self._cases.get(batch.conversation)
        if case is not None:
            case.check.take(self.party, batch)

    @handles(FinalReport)
    def take_final(self, batch: Batch[FinalReport]) -> None:
        """Step 5."""
        case = self._cases.get(batch.conversation)
        if case is not None:
            case.check.take_final(self.party, batch)

    def _agree(self, case: Case) -> None:
        """What counts as delivered in each perimeter."""
        check = case.check
        none, never = np.zeros(check.hours), np.full(check.hours, np.nan)
        for perimeter in check.period.perimeters:
            case.agreed[perimeter] = agreed_kwh(
                check.is_open[perimeter], check.accepts[perimeter], check.reported.get(perimeter, none),
                check.final.get(perimeter, never), check.measured[perimeter],
            )  # fmt: skip

    def _close(self, case: Case) -> tuple[ImbalanceStatement, SettlementNotification]:
        """Step 6: what the BSP earns, and whose imbalance it is."""
        period, value = case.check.period, self._terms.day_ahead_eur_per_kwh
        prices = imbalance_prices(self._that_count(case.others), case.check.hours, value)
        parts = [delivery_in(case, perimeter) for perimeter in period.perimeters]
        case.account = account(parts, value, prices)
        case.bills = bills(
            case.components, parts, case.account, tso=self.party.name, energy=self._terms.energy, day_ahead_eur_per_kwh=value,
            imbalance_eur_per_kwh=prices,
        )  # fmt: skip
        self._note(case, parts, prices)
        position = -np.sum(
            [
                self._baselines.get((period.from_ms, case.bsp, name), np.zeros(case.check.hours))
                for name in period.perimeters
            ],
            axis=0,
        )
        one = Statements(case, self._terms.responsible[case.bsp])
        return one.imbalance(position, parts, prices), one.settlement()

    def _note(self, case: Case, parts: Sequence[Delivery], prices: F64) -> None:
        period = case.check.period
        for part in parts:
            self.register("delivered_services").add(
                t_ms=period.from_ms + MS_PER_H * np.arange(case.check.hours, dtype=np.int64), settlement=case.name, bsp=case.bsp,
                perimeter=part.perimeter, up_kwh=part.up_kwh, down_kwh=part.down_kwh, delivered_kwh=part.delivered_kwh,
                imbalance_eur_per_kwh=prices,
            )  # fmt: skip
        one = case.account
        assert one is not None
        self.register("service_settlements").add(
            t_ms=self.now_ms, settlement=case.name, conversation=case.talk, bsp=case.bsp, ordered_kwh=one.ordered_kwh,
            delivered_kwh=one.credited_kwh, service_eur=one.service_cents / 100, energy_eur=one.energy_cents / 100,
            exposure_eur=one.exposure_cents / 100, neutralised_eur=one.neutralised_cents / 100,
            imbalance_eur=one.imbalance_cents / 100, undelivered_eur=one.undelivered_cents / 100, others_eur=case.others_cents / 100,
            final_eur=case.final_cents / 100,
        )  # fmt: skip
        for bill in case.bills:
            self.register("service_purchases").add(
                t_ms=self.now_ms, settlement=case.name, buyer=bill.buyer, bsp=case.bsp, ordered_kwh=bill.ordered_kwh, delivered_kwh=bill.delivered_kwh,
                service_eur=bill.service_cents / 100, energy_eur=bill.energy_cents / 100, imbalance_eur=bill.imbalance_cents / 100,
            )  # fmt: skip

    def _that_count(self, components: Sequence[Component]) -> Sequence[Component]:
        """What the system was balanced with: without what DSOs activated, where that does not count."""
        if self._terms.energy != "imbalance":
            return components
        none = np.zeros(len(components[0].accepted_kw)) if components else np.zeros(0)
        return [replace(one, accepted_kw=one.buyers(self.party.name).get(self.party.name, none)) for one in components]

    def _tell_buyers(self, case: Case) -> Process:
        """What other operators owe for what they bought: they and the BSP are told the same."""
        one = Statements(case, self._terms.responsible[case.bsp])
        for bill in case.bills[1:]:
            statement = one.purchase(bill)
            sent = self.party.send([statement] * 2, [bill.buyer, case.bsp], case.talk)
            yield self.party.confirm(sent)
            pay(
                self.party,
                self.party.name,
                bill.buyer,
                max(statement.imbalance_eur, 0.0),
                "imbalance",
                sent.batch.ids[0],
            )

    @act("final_settlement")
    def final_settlement(
        self,
        case: Case,
        told: SettlementNotification,
        told_id: np.uint64,
        statement: ImbalanceStatement,
        stated_id: np.uint64,
    ) -> Work:
        """Step 7: the transactions are on record, and the TSO pays what it owes."""
        pay(self.party, self.party.name, case.bsp, max(told.final_eur, 0.0), "balancing service", told_id)
        pay(self.party, self.party.name, statement.party, max(-statement.eur, 0.0), "imbalance", stated_id)
        return Work(None, case.talk, [f"delivered_services/{case.name}"], [f"service_settlements/{case.name}"])
