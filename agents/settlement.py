"""What the two settlement services share: asking for readings, working out amounts, sending invoices (SUC06.3, both scenarios).

The service of the GDBN (``agents.platform_provider``) and that of the DSO (``agents.dso_accounts``) differ in whom they ask and who has the
last word; each does its own acts, with these functions. All take the party that acts and the address it acts from.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from data.arrays import F64, I64
from environment.messages.activation import ActivationRequest
from environment.messages.procurement import BaselineDeclaration
from environment.messages.settlement import Invoice, MeterData, MeterDataRequest, RemunerationAndPenalty
from environment.party import Party, Process
from markets.baselines.declared import BaselineStore, freeze
from markets.baselines.method import DECLARED, Method, MethodEvent, hashed
from markets.settlement.cases import Case, Settle, settle_case

Portfolio = tuple[str, str]
"""FSP and area."""


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


def in_turn(
    mine: Iterable[tuple[str, ActivationRequest]],
) -> Iterator[tuple[str, list[ActivationRequest], list[ActivationRequest]]]:
    """The orders of each conversation that ordered, with those of the same portfolios that were ordered before."""
    groups: dict[str, list[ActivationRequest]] = {}
    for parent, order in mine:
        groups.setdefault(parent, []).append(order)
    before: dict[Portfolio, list[ActivationRequest]] = {}
    for parent, orders in groups.items():
        portfolios = dict.fromkeys((order.fsp, order.area) for order in orders)
        yield parent, orders, [one for portfolio in portfolios for one in before.get(portfolio, ())]
        for order in orders:
            before.setdefault((order.fsp, order.area), []).append(order)


def contract_name(dso: str, fsp: str, area: str) -> str:
    """The name of the standing contract of a DSO with an FSP in an area; both know it."""
    return f"standing/{dso}/{fsp}/{area}"


class Baselines:
    """The baselines that stand, where settlement happens: frozen with their hash before the gate of their day (SUC06.3 rule 2).

    Args:
        days_ms: (start, end) of every day of delivery.
        gates_ms: the last instant of each before which a baseline may be declared.
        method: the baseline rule of the market.
    """

    def __init__(
        self, days_ms: Sequence[tuple[int, int]], gates_ms: Sequence[int], method: Method | None = None
    ) -> None:
        self._days = list(zip(days_ms, gates_ms, strict=True))
        self._method = method or Method()
        self._calls: dict[Portfolio, dict[str, tuple[int, int, int]]] = {}
        self._heard: set[str] = set()
        self._computed: dict[tuple[str, int], F64] = {}
        self._stores: dict[Portfolio, BaselineStore] = {}
        self._kept_ms: dict[str, int] = {}
        self.declared: dict[str, BaselineDeclaration] = {}
        self._of: dict[Portfolio, list[BaselineDeclaration]] = {}

    def take(self, party: Party, record: BaselineDeclaration, received_ms: int) -> None:
        """Keep a declaration in the party's register; one that comes after the gate, or changes what stands, is refused on record."""
        reason = self._declare(record, received_ms)
        if reason:
            party.register("refused_baselines").add(baseline=record.baseline, t_ms=party.now_ms, reason=reason)
            return
        if record.baseline not in self.declared:  # else the same declaration came before, perhaps for another session
            self.declared[record.baseline] = record
            self._of.setdefault((record.fsp, record.area), []).append(record)
            self._kept_ms[record.baseline] = party.now_ms
            if record.method == DECLARED:
                self._register(party, record, _steps(record), record.power_kw)

    def _register(self, party: Party, record: BaselineDeclaration, t_ms: I64, power_kw: F64) -> None:
        party.register("baselines").add(
            baseline=record.baseline, fsp=record.fsp, area=record.area, t_ms=t_ms, power_kw=power_kw, method=record.method,
            hash=record.sha256, frozen_ms=self._kept_ms[record.baseline],
        )  # fmt: skip

    def of(self, orders: Sequence[ActivationRequest]) -> list[BaselineDeclaration]:
        """The baselines that were declared for the portfolios of some orders."""
        portfolios = dict.fromkeys((order.fsp, order.area) for order in orders)
        return [record for portfolio in portfolios for record in self._of.get(portfolio, ())]

    def note(self, order: ActivationRequest, at_ms: int) -> None:
        """Keep when a call of a portfolio was announced: what is metered later counts for no baseline of its day."""
        self._calls.setdefault((order.fsp, order.area), {})[order.activation] = (order.from_ms, order.to_ms, at_ms)

    def note_heard(self, activation: str) -> None:
        """Keep that the provider knows of a call: it has answered it, or delivery shows."""
        self._heard.add(activation)

    def plan(self, ready: Sequence[Case]) -> None:
        """Say which readings the baseline of each case rests on; none where it was declared."""
        for case in ready:
            record = self._record_of(case)
            case.reference = self._event(record).spans if record.method != DECLARED and case.called else ()

    def fill(self, party: Party, ready: Sequence[Case], given: Mapping[str, BaselineDeclaration] | None = None) -> str:
        """Put the frozen baseline, or what its method says of the readings, into each case; the reason if there is none, else empty.

        Args:
            party: who keeps what is computed in its register.
            ready: the cases, with their readings.
            given: declarations by id, as somebody else keeps them; those kept here if None.
        """
        for case in ready:
            record = self._record_of(case) if given is None else given[case.baseline]
            try:
                declared = declared_kw(record, case.t_ms)
                stands = record.method == DECLARED or not case.called  # power held ready is measured against nothing
                case.baseline_kw = declared if stands else self._compute(party, record, case)
            except ValueError as error:  # changed since it was frozen, or too few days or readings: in the rule's words
                return f"{record.baseline}: {error}"
        return ""

    def _compute(self, party: Party, record: BaselineDeclaration, case: Case) -> F64:
        event = self._event(record)
        key = record.baseline, event.window_ms
        if key not in self._computed:
            assert self._method.compute is not None
            values = self._method.compute(event.occasion(case.readings))
            self._computed[key] = values
            self._register(
                party, record, event.from_ms + event.step_ms * np.arange(len(values), dtype=np.int64), values
            )
        return event.at(self._computed[key], case.t_ms)

    def _record_of(self, case: Case) -> BaselineDeclaration:
        return self.declared[case.baseline]

    def _event(self, record: BaselineDeclaration) -> MethodEvent:
        """All calls of a portfolio in the window of its declaration are one event, announced with the first."""
        step_ms = round(record.step_s * 1000)
        end_ms = record.from_ms + step_ms * len(record.power_kw)
        noted = self._calls[record.fsp, record.area].values()
        calls = [one for one in noted if record.from_ms <= one[0] < end_ms]
        windows = self._method.windows(record.from_ms)
        return MethodEvent(
            window_ms=record.from_ms, from_ms=min(one[0] for one in calls), to_ms=max(one[1] for one in calls),
            notice_ms=min(one[2] for one in calls), step_ms=step_ms, before=self._method.before,
            days_ms=[windows[date] for date in record.eligible],
        )  # fmt: skip

    def _declare(self, record: BaselineDeclaration, received_ms: int) -> str:
        """Store a declaration; why it is refused, empty if it stands."""
        steps = _steps(record)
        if not len(steps):
            return "it has no interval"
        gate_ms = self._gate_ms(record.from_ms)
        if gate_ms is None:
            return "it begins on no day of delivery"
        agreed = self._agreed(record, round(record.step_s * 1000) * len(steps))
        if agreed:
            return agreed
        terms = hashed(record.method, record.parameters, record.eligible)
        frozen = freeze(record.baseline, record.fsp, record.area, steps, record.power_kw, received_ms, terms)
        if frozen.sha256 != record.sha256:
            return "hash"
        portfolio = record.fsp, record.area
        before = self.declared.get(record.baseline)
        if before is not None and (before.fsp, before.area) != portfolio:
            return f"baseline {record.baseline!r} is frozen and cannot be changed"
        self._stores[portfolio], reason = self._stores.get(portfolio, BaselineStore()).declare(frozen, gate_ms)
        return reason

    def _agreed(self, record: BaselineDeclaration, length_ms: int) -> str:
        """Why a declaration is not what the market agreed on; empty if it is."""
        method = self._method
        if (record.method, record.parameters) != (method.rule, method.parameters):
            said = ", ".join((record.method, *record.parameters))
            return f"the market's baseline is {', '.join((method.rule, *method.parameters))}, not {said}"
        eligible = method.eligible(record.from_ms, length_ms, self._event_days(record, length_ms))
        return "" if record.eligible == eligible else f"its eligible days are not {', '.join(eligible) or 'none'}"

    def _event_days(self, record: BaselineDeclaration, length_ms: int) -> list[int]:
        """Starts of the calls of a portfolio that make event days for a declaration.

        A call of which nobody knows whether it reached its provider counts as the provider has it: one that was lost, or came to
        nothing, leaves a day as good as any other.
        """
        windows = self._method.windows(record.from_ms)
        claimed = [windows[date] for date in record.eligible if date in windows]
        return [
            from_ms
            for activation, (from_ms, _, _) in self._calls.get((record.fsp, record.area), {}).items()
            if activation in self._heard or not any(start <= from_ms < start + length_ms for start in claimed)
        ]

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
    terms = hashed(record.method, record.parameters, record.eligible)
    frozen = freeze(record.baseline, record.fsp, record.area, _steps(record), record.power_kw, 0, terms)
    if frozen.sha256 != record.sha256:
        text = f"baseline {record.baseline!r} was changed after it was frozen: its hash does not fit"
        raise ValueError(text)
    return BaselineStore([frozen]).read(record.fsp, record.area, t_ms)


def delivered_refs(ready: Sequence[Case]) -> list[str]:
    """References to what was delivered of the calls."""
    return [f"deliveries/{case.settlement}" for case in ready if case.called]


def called_refs(ready: Sequence[Case]) -> list[str]:
    """References to the calls."""
    return [f"activations/{case.activation}" for case in ready if case.called]


def ask_meter_data(party: Party, service: Service, conversation: str, ready: Sequence[Case], until_ms: int) -> Process:
    """The meter data of all cases, their references included; gives the reason if they cannot be had, empty if all are there."""
    spans = [(case, span) for case in ready for span in (case.span, *case.reference)]
    left = list(dict.fromkeys(_Readings(case.meters, *span, case.hours) for case, span in spans))
    given: dict[tuple[object, ...], MeterData] = {}
    while True:
        wanted = [MeterDataRequest(meters=meters, from_ms=from_ms, to_ms=to_ms) for meters, from_ms, to_ms, _ in left]
        desk = [service.meter_database] * len(wanted)
        answers = yield party.ask(wanted, desk, conversation, system=service.system, timeout_s=service.wait_s)
        given |= {(data.meters, data.from_ms, len(data.metered_kw)): data for data in answers.records()}
        left = [one for one in left if one.key not in given]
        if not left:
            break
        if not service.again(party.now_ms, until_ms):
            return "no meter data: " + ", ".join(sorted(set(answers.status) - {"answered"}))
        yield party.sleep(service.retry_s)
    for case in ready:
        own, *others = (given[_Readings(case.meters, *span, case.hours).key] for span in (case.span, *case.reference))
        case.metered_kw, case.missing = own.metered_kw, own.missing
        case.readings = {data.from_ms: data.metered_kw if not data.missing else np.zeros(0) for data in others}
    missing = sum(case.missing for case in ready)
    return f"{missing} meter readings are missing" if missing else ""


class _Readings(NamedTuple):
    """Readings that are asked for."""

    meters: tuple[str, ...]
    from_ms: int
    to_ms: int
    hours: float

    @property
    def key(self) -> tuple[object, ...]:
        """What tells them from others: meters, begin, number of intervals."""
        return self.meters, self.from_ms, round((self.to_ms - self.from_ms) / (3_600_000 * self.hours))


def deliver(party: Party, ready: Sequence[Case]) -> None:
    """Work out what was delivered in each case, and keep it in the party's register."""
    for case in ready:
        case.deliver()
        if not case.called:
            continue
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
