"""What the two settlement services share: asking for readings, working out amounts, sending invoices (SUC06.3, both scenarios).

The service of the GDBN (``agents.platform_provider``) and that of the DSO (``agents.dso_accounts``) differ in whom they ask and who has the
last word; each does its own acts, with these functions. All take the party that acts and the address it acts from.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from environment.messages.procurement import BaselineDeclaration
from environment.messages.settlement import Invoice, MeterData, MeterDataRequest, RemunerationAndPenalty
from environment.party import Party, Process
from markets.baselines.declared import BaselineStore, freeze
from markets.settlement.cases import Case, Settle, settle_case

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Service:
    """Who settles, for whom, and how patiently.

    Attributes:
        system: address part that it acts from ("gdbn", "dso-settlement-service").
        dso: role address of the DSO, who owes for flexibility.
        meter_database: address that answers for certified meter data.
        baseline_store: address that keeps the baselines.
        accounts: address of the DSO that invoices go to.
        fsp_platforms: FSP -> address of its technical platform.
        rule: the settlement rule with its parameters.
        wait_s: how long answers are waited for.
        retry_s: time between two attempts to reach somebody.
        gives_up_after_s: how long after its beginning a settlement tries to reach somebody; then it fails.
    """

    system: str
    dso: str
    meter_database: str
    baseline_store: str
    accounts: str
    fsp_platforms: Mapping[str, str]
    rule: Settle
    wait_s: float = 600.0
    retry_s: float = 900.0
    gives_up_after_s: float = 5400.0

    def until_ms(self, now_ms: int) -> int:
        """When a settlement that begins now gives up."""
        return now_ms + round(self.gives_up_after_s * 1000)

    def again(self, now_ms: int, until_ms: int) -> bool:
        """Whether there is time for another attempt."""
        return now_ms + round(self.retry_s * 1000) < until_ms


def contract_name(dso: str, fsp: str, area: str) -> str:
    """The name of the standing contract of a DSO with an FSP in an area; both know it."""
    return f"standing/{dso}/{fsp}/{area}"


class Baselines:
    """The baselines that stand, where settlement happens: frozen with their hash before the gate of their day (SUC06.3 rule 2).

    Args:
        days_ms: (start, end) of every day of delivery.
        gates_ms: the last instant of each before which a baseline may be declared.
    """

    def __init__(self, days_ms: Sequence[tuple[int, int]], gates_ms: Sequence[int]) -> None:
        self._days = list(zip(days_ms, gates_ms, strict=True))
        self._store = BaselineStore()
        self.declared: list[BaselineDeclaration] = []

    def take(self, party: Party, record: BaselineDeclaration, received_ms: int) -> None:
        """Keep a declaration in the party's register; one that comes after the gate, or changes what stands, is refused on record."""
        kept = len(self._store)
        reason = self._declare(record, received_ms)
        if reason:
            party.register("refused_baselines").add(baseline=record.baseline, t_ms=party.now_ms, reason=reason)
            return
        if len(self._store) > kept:  # otherwise the same declaration came before, perhaps for another session
            self.declared.append(record)
            party.register("baselines").add(
                baseline=record.baseline, fsp=record.fsp, area=record.area, t_ms=_steps(record), power_kw=record.power_kw,
                hash=record.sha256, frozen_ms=party.now_ms,
            )  # fmt: skip

    def read(self, fsp: str, area: str, t_ms: I64) -> F64:
        """The frozen baseline at some starts [kW]; one that was changed since no longer fits its hash (``ValueError``)."""
        return self._store.read(fsp, area, t_ms)

    def _declare(self, record: BaselineDeclaration, received_ms: int) -> str:
        """Store a declaration; why it is refused, empty if it stands."""
        steps = _steps(record)
        if not len(steps):
            return "it has no interval"
        gate_ms = self._gate_ms(record.from_ms)
        if gate_ms is None:
            return "it begins on no day of delivery"
        frozen = freeze(record.baseline, record.fsp, record.area, steps, record.power_kw, received_ms)
        if frozen.sha256 != record.sha256:
            return "hash"
        self._store, reason = self._store.declare(frozen, gate_ms)
        return reason

    def _gate_ms(self, from_ms: int) -> int | None:
        """The gate of the day of delivery that an instant lies in; None outside all."""
        return next((gate_ms for (start_ms, end_ms), gate_ms in self._days if start_ms <= from_ms < end_ms), None)


def _steps(record: BaselineDeclaration) -> I64:
    return record.from_ms + round(record.step_s * 1000) * np.arange(len(record.power_kw), dtype=np.int64)


def declared_kw(record: BaselineDeclaration, t_ms: I64) -> F64:
    """What a declaration says of some starts [kW], if it still has the hash that it was frozen with.

    Raises:
        ValueError: it was changed, or says nothing of one of them.
    """
    frozen = freeze(record.baseline, record.fsp, record.area, _steps(record), record.power_kw, 0)
    if frozen.sha256 != record.sha256:
        text = f"baseline {record.baseline!r} was changed after it was frozen: its hash does not fit"
        raise ValueError(text)
    return BaselineStore([frozen]).read(record.fsp, record.area, t_ms)


def ask_meter_data(party: Party, service: Service, conversation: str, ready: Sequence[Case], until_ms: int) -> Process:
    """The meter data of all cases; gives the reason if they cannot be had, empty if all are there."""
    left = list(ready)
    while True:
        wanted = [MeterDataRequest(meters=case.meters, from_ms=case.from_ms, to_ms=case.to_ms) for case in left]
        desk = [service.meter_database] * len(wanted)
        answers = yield party.ask(wanted, desk, conversation, system=service.system, timeout_s=service.wait_s)
        given: dict[tuple[object, ...], MeterData] = {
            (data.meters, data.from_ms, len(data.metered_kw)): data for data in answers.records()
        }
        for case in left:
            if _wanted(case) in given:
                data = given[_wanted(case)]
                case.metered_kw, case.missing = data.metered_kw, data.missing
        left = [case for case in left if _wanted(case) not in given]
        if not left:
            break
        if not service.again(party.now_ms, until_ms):
            return "no meter data: " + ", ".join(sorted(set(answers.status) - {"answered"}))
        yield party.sleep(service.retry_s)
    missing = sum(case.missing for case in ready)
    return f"{missing} meter readings are missing" if missing else ""


def _wanted(case: Case) -> tuple[object, ...]:
    """What tells the readings of a case from others: meters, begin, number of intervals."""
    return case.meters, case.from_ms, len(case.t_ms)


def deliver(party: Party, ready: Sequence[Case]) -> None:
    """Work out what was delivered in each case, and keep it in the party's register."""
    for case in ready:
        case.deliver()
        party.register("deliveries").add(
            settlement=case.settlement, activation=case.activation, fsp=case.fsp, area=case.area, t_ms=case.t_ms,
            baseline_kw=case.baseline_kw, metered_kw=case.metered_kw, ordered_kw=case.ordered_kw,
            delivered_kw=case.delivered_kw, earlier_kw=case.earlier_kw,
        )  # fmt: skip


def remunerate(service: Service, ready: Sequence[Case]) -> list[RemunerationAndPenalty]:
    """What each case is paid, by the rule of the service."""
    return [settle_case(case, service.rule) for case in ready]


def close(
    party: Party, service: Service, conversation: str, results: Sequence[RemunerationAndPenalty], disputed: Collection[str], until_ms: int
) -> Process:  # fmt: skip
    """Keep the results, send invoices for those that nobody disputes, and end the conversation; a dispute stops payment."""
    for result in results:
        party.register("settlements").add(
            settlement=result.settlement, conversation=conversation, fsp=result.fsp, ordered_kwh=result.ordered_kwh,
            delivered_kwh=result.delivered_kwh, remuneration_eur=result.remuneration_eur, penalty_eur=result.penalty_eur,
            net_eur=result.net_eur, status="disputed" if result.settlement in disputed else "approved",
        )  # fmt: skip
    due = [result for result in results if result.settlement not in disputed and result.net_eur]
    reason = yield from _send_invoices(party, service, conversation, due, until_ms)
    if reason:
        party.end(conversation, "failed", reason)
    else:
        listed = [result.settlement for result in results if result.settlement in disputed]
        party.end(conversation, "completed", f"disputed: {', '.join(listed)}" if listed else "")


def _send_invoices(
    party: Party, service: Service, conversation: str, due: Sequence[RemunerationAndPenalty], until_ms: int
) -> Process:
    """Send each invoice to both sides until they acknowledge it; gives the reason if somebody does not, else empty."""
    left = [
        (invoice_of(one, service.dso), receiver)
        for one in due
        for receiver in (service.accounts, service.fsp_platforms[one.fsp])
    ]
    while left:
        invoices, receivers = zip(*left, strict=True)
        outcome = yield party.confirm(party.send(invoices, list(receivers), conversation, system=service.system))
        left = [one for one, status in zip(left, outcome.status, strict=True) if status != "acknowledged"]
        if left and not service.again(party.now_ms, until_ms):
            return "not acknowledged: " + ", ".join(f"{invoice.invoice} by {to}" for invoice, to in left)
        if left:
            yield party.sleep(service.retry_s)
    return ""


def invoice_of(result: RemunerationAndPenalty, dso: str) -> Invoice:
    """The bill for a result; a net amount below zero is a claim of the DSO."""
    pair = (dso, result.fsp)
    debtor, creditor = pair if result.net_eur > 0 else pair[::-1]
    purpose = "flexibility" if result.net_eur > 0 else "penalty"
    return Invoice(
        invoice=f"invoice/{result.settlement}",
        debtor=debtor,
        creditor=creditor,
        purpose=purpose,
        eur=abs(result.net_eur),
    )
