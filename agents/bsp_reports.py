"""The desk of a balancing service provider for what it delivered: baselines filed, reports, clarifications, what it gets and owes (SUC08.4).

It reports from its own monitoring, which is not the certified metering: where its data of an hour have gaps it takes what was ordered. Asked about a
difference it looks again: it accepts what was measured unless it has no doubt about its own data and is told to stand by them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from agents.payments import pay
from data.arrays import F64, Bool
from environment.messages.base import Batch
from environment.messages.delivery import (
    Clarification,
    ClarificationRequest,
    DeliveryEnded,
    ExposureClaim,
    FinalReport,
    PerimeterBaseline,
    PreliminaryReport,
    PurchaseStatement,
    SettlementNotification,
)
from environment.office import Desk
from environment.party import Process, Work, act, handles
from environment.refusals import refuse
from environment.units import MS_PER_H
from markets.balancing.delivery import fitted

STEP_S = 3600.0
SERVICE = "balancing"


@dataclass(frozen=True, eq=False)
class Monitoring:
    """What a provider's own data say of a day in one perimeter; vectors of hours.

    Attributes:
        delivered_kwh: baseline less what its own metering shows, up above 0; NaN: a gap.
        ordered_kwh: what it was to deliver, up above 0.
    """

    delivered_kwh: F64
    ordered_kwh: F64


@dataclass(frozen=True, eq=False)
class ReportTerms:
    """How a provider reports.

    Attributes:
        days_ms: (start, end) of the days of delivery.
        tso: address of the TSO.
        dso_of: perimeter -> address of its DSO.
        responsible: address of its balance responsible party.
        baselines: start of a day -> perimeter -> net load without activation [kW].
        monitoring: start and end of a day -> perimeter -> what its own data say.
        files_before_s: how long before a day it files its baselines.
        reports_after_s: how long after the opening of the settlement it reports.
        times: what it reports is so many times what it found; 1: it is honest.
        insists: it stands by what it reported wherever its own data had no gap.
    """

    days_ms: Sequence[tuple[int, int]]
    tso: str
    dso_of: Mapping[str, str]
    responsible: str
    baselines: Callable[[int], Mapping[str, F64]]
    monitoring: Callable[[int, int], Mapping[str, Monitoring]]
    files_before_s: float = 25_200.0
    reports_after_s: float = 1800.0
    times: float = 1.0
    insists: bool = False


@dataclass
class _Period:
    """A delivery period that is being settled."""

    record: DeliveryEnded
    delivered: dict[str, F64] = field(default_factory=dict)
    gaps: dict[str, Bool] = field(default_factory=dict)
    clarified: dict[str, int] = field(default_factory=dict)


class ReportDesk(Desk):
    """Reports and money of a provider.

    Args:
        terms: see there.
    """

    def __init__(self, terms: ReportTerms) -> None:
        self._terms = terms
        self._periods: dict[str, _Period] = {}
        self._claims: set[str] = set()

    def processes(self) -> Iterable[Process]:
        """Baselines of every day of delivery."""
        return [self._file(from_ms, to_ms) for from_ms, to_ms in self._terms.days_ms]

    def _file(self, from_ms: int, to_ms: int) -> Process:
        """File the baseline of each perimeter before the gate, so that nobody can choose it afterwards."""
        yield self.party.until(from_ms - round(self._terms.files_before_s * 1000))
        found = self._terms.baselines(from_ms)
        hours = (to_ms - from_ms) // MS_PER_H
        records = [
            PerimeterBaseline(
                perimeter=name, bsp=self.party.name, from_ms=from_ms, step_s=STEP_S, net_kw=fitted(found[name], hours)
            )
            for name in sorted(found)
        ]
        if records:
            self.party.send(records, [self._terms.tso] * len(records), f"baselines:{self.party.name}:{from_ms}")

    # --- steps 1 and 2 ------------------------------------------------------------------------------------------------------

    @handles(DeliveryEnded)
    def report(self, batch: Batch[DeliveryEnded]) -> Process | None:
        """Collect the data of the period and report it to TSO and DSOs, to each DSO of its own perimeters."""
        if self.party.directory.names[int(batch.sender[0])] != self._terms.tso:
            refuse(self.party, batch, 0, batch["bsp"][0], "only the TSO opens a settlement")
            return None
        return self._report(batch.one(), batch.conversation)

    def _report(self, record: DeliveryEnded, talk: str) -> Process:
        yield self.party.sleep(self._terms.reports_after_s)
        period = self._periods[talk] = _Period(record)
        self.data_collection(period, talk)
        reports, receivers = [], []
        for perimeter in record.perimeters:
            one = PreliminaryReport(
                bsp=self.party.name, perimeter=perimeter, service=SERVICE, from_ms=record.from_ms, step_s=STEP_S,
                delivered_kwh=period.delivered[perimeter],
            )  # fmt: skip
            for to in (self._terms.tso, self._terms.dso_of[perimeter]):
                reports.append(one)
                receivers.append(to)
        self.party.send(reports, receivers, talk)
        yield self.party.until(record.clarification_due_ms + 1000)
        finals = [
            FinalReport(
                bsp=one.bsp, perimeter=one.perimeter, service=SERVICE, from_ms=one.from_ms, step_s=STEP_S,
                delivered_kwh=period.delivered[one.perimeter], clarified=period.clarified.get(one.perimeter, 0),
            )
            for one in reports
        ]  # fmt: skip
        self.party.send(finals, receivers, talk)

    @act("data_collection")
    def data_collection(self, period: _Period, talk: str) -> Work:
        """Step 1: type and amount of what was delivered, from the own monitoring."""
        record = period.record
        found = self._terms.monitoring(record.from_ms, record.to_ms)
        hours = (record.to_ms - record.from_ms) // MS_PER_H
        nothing = Monitoring(np.full(hours, np.nan), np.zeros(hours))
        for perimeter in record.perimeters:
            one = found.get(perimeter, nothing)
            gap = np.isnan(one.delivered_kwh)
            period.gaps[perimeter] = gap
            period.delivered[perimeter] = self._terms.times * np.where(gap, one.ordered_kwh, one.delivered_kwh)
            self.register("collected_deliveries").add(
                t_ms=record.from_ms + MS_PER_H * np.arange(hours, dtype=np.int64), conversation=talk, bsp=self.party.name,
                perimeter=perimeter, reported_kwh=period.delivered[perimeter], is_estimated=gap,
            )  # fmt: skip
        return Work(None, talk, [f"filed_baselines/{self.party.name}"], [f"collected_deliveries/{talk}"])

    # --- steps 4 and 5 ------------------------------------------------------------------------------------------------------

    @handles(ClarificationRequest)
    def clarify(self, batch: Batch[ClarificationRequest]) -> None:
        """Look again at every hour in question, and say what is seen now; each operator asks about its own measurements."""
        period = self._periods.get(batch.conversation)
        for row, asked in enumerate(batch.records()):
            sender = self.party.directory.names[int(batch.sender[row])]
            own = period is not None and asked.perimeter in period.delivered
            if not own or sender not in (self._terms.tso, self._terms.dso_of.get(asked.perimeter)):
                refuse(self.party, batch, row, asked.perimeter, f"{sender} has nothing to ask about it")
                continue
            assert period is not None
            self.party.answer(batch.take(np.array([row])), self._answer(period, asked))

    def _answer(self, period: _Period, asked: ClarificationRequest) -> Clarification:
        open_, measured = asked.is_open > 0, asked.is_missing == 0
        gap = period.gaps[asked.perimeter]
        accepts = open_ & measured & (gap | (not self._terms.insists))
        now = np.where(accepts, asked.measured_kwh, period.delivered[asked.perimeter])
        changed = int((np.abs(now - period.delivered[asked.perimeter]) > 0).sum())
        period.clarified[asked.perimeter] = period.clarified.get(asked.perimeter, 0) + changed
        period.delivered[asked.perimeter] = now
        reasons = [
            text
            for holds, text in (
                ((open_ & gap).any(), "the own data had gaps, filled with what was ordered"),
                ((accepts & ~gap).any(), "the certified meter shows it better than the own data"),
                ((open_ & ~accepts & measured).any(), "the own data show it so"),
                ((open_ & ~measured).any(), "nothing was measured that could be compared"),
            )
            if holds
        ]
        return Clarification(
            bsp=self.party.name, perimeter=asked.perimeter, from_ms=asked.from_ms, step_s=STEP_S,
            accepts=accepts.astype(np.float64), delivered_kwh=now, reason="; ".join(reasons),
        )  # fmt: skip

    # --- steps 6 and 7 ------------------------------------------------------------------------------------------------------

    @handles(SettlementNotification)
    def take_settlement(self, batch: Batch[SettlementNotification]) -> None:
        """What the day brings; where it costs, it is paid."""
        for row, one in enumerate(batch.records()):
            if self.party.directory.names[int(batch.sender[row])] != self._terms.tso or one.bsp != self.party.name:
                refuse(self.party, batch, row, one.settlement, "only the TSO settles, with whom it concerns")
            elif one.final_eur < 0 and one.settlement not in self._claims:
                self._claims.add(one.settlement)
                self.pay_deficit(one, batch.ids[row], batch.conversation)

    @act("final_settlement")
    def pay_deficit(self, one: SettlementNotification, message_id: np.uint64, talk: str) -> Work:
        """Step 7, where the provider owes: the TSO is paid."""
        pay(self.party, self.party.name, self._terms.tso, -one.final_eur, "balancing service", message_id)
        return Work(None, talk, [f"delivered_services/{one.settlement}"], [f"service_settlements/{one.settlement}"])

    @handles(PurchaseStatement)
    def take_purchases(self, batch: Batch[PurchaseStatement]) -> None:
        """What another operator bought; where the energy that it takes back costs more than the service, the provider pays."""
        for row, one in enumerate(batch.records()):
            name = f"{one.settlement}/{one.buyer}"
            if self.party.directory.names[int(batch.sender[row])] != self._terms.tso or one.bsp != self.party.name:
                refuse(self.party, batch, row, name, "only the TSO settles, with whom it concerns")
            elif one.final_eur < 0 and name not in self._claims:
                self._claims.add(name)
                pay(self.party, self.party.name, one.buyer, -one.final_eur, "purchased service", batch.ids[row])

    @handles(ExposureClaim)
    def take_claim(self, batch: Batch[ExposureClaim]) -> None:
        """What the balance responsible party passes on; what the provider owes is paid, once."""
        for row, one in enumerate(batch.records()):
            sender = self.party.directory.names[int(batch.sender[row])]
            if sender != self._terms.responsible or self.party.name not in (one.debtor, one.creditor):
                refuse(self.party, batch, row, one.claim, f"{sender} has no claim here")
            elif one.debtor == self.party.name and one.claim not in self._claims:
                self._claims.add(one.claim)
                pay(self.party, one.debtor, one.creditor, one.eur, one.purpose, batch.ids[row])
