"""Local flexibility market operator: qualifies, publishes, takes bids until the gate, clears and reports (SUC06.1 scenario 2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.lfmo_session import (
    at_cost,
    book_rows,
    contract_of,
    contradicts,
    headroom_columns,
    held_cap_eur_per_kw_h,
    malformed,
    need_columns,
    network_of,
    outcome_of,
    participant_of,
    price_terms,
    relief_eur_per_kwh,
    requested_session,
    rows_by_bid,
)
from data.arrays import F64, I64
from environment.messages.base import Batch
from environment.messages.procurement import (
    PAPERS,
    Award,
    Bid,
    BidReceipt,
    ClearingResult,
    NothingCleared,
    QualificationDecision,
    QualificationRequest,
    SessionPublication,
    SessionRefusal,
    SessionRequest,
)
from environment.party import Party, Process, Seat, Work, act, handles
from environment.refusals import refuse
from markets.bids import BidColumns, Sensitivities
from markets.clearing.outcome import Clearing
from markets.qualification import ContractRegister, qualify
from markets.session import (
    ABOVE_AVAILABILITY_CAP,
    Session,
    close,
    open_session,
    publish,
    record_clearing,
    send_results,
    submit,
)

PLATFORM = "flexibility-market-platform"
"""The operator's system that market participants talk to."""
Clear = Callable[..., Clearing]
Price = Callable[[Clearing, Sensitivities], F64]


@dataclass(frozen=True)
class LfmoTerms:
    """What the operator is told.

    Attributes:
        participants: role addresses of the FSPs that may ask to take part.
        clear: the clearing rule.
        price: the pricing rule.
        opens_after_s: time between publication and the first bid taken.
        papers_within_s: how long papers are waited for.
        gather_within_s: how long the requests of all constraints of a session are waited for.
    """

    participants: Sequence[str]
    clear: Clear
    price: Price
    opens_after_s: float = 1.0
    papers_within_s: float = 600.0
    gather_within_s: float = 200.0


@dataclass
class Running:
    """A session under way: the requests (one a constraint), its state, the rows of its book by bid, and the messages behind them."""

    conversation: str
    requests: list[SessionRequest]
    session: Session
    parts: dict[str, BidColumns] = field(default_factory=dict)
    bids: dict[str, Bid] = field(default_factory=dict)
    received_ms: dict[str, int] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Keep which constraints there is a request for."""
        self.constraints = {request.constraint for request in self.requests}

    def add(self, request: SessionRequest) -> None:
        """One more constraint."""
        self.requests.append(request)
        self.constraints.add(request.constraint)

    @property
    def first(self) -> SessionRequest:
        """The request of the first constraint; window, gate and product are the same in all."""
        return self.requests[0]

    @property
    def book(self) -> BidColumns:
        """All rows that stand, in the order of submission."""
        return BidColumns.joined(list(self.parts.values()))

    @property
    def t_ms(self) -> I64:
        """Starts of the intervals."""
        return self.first.from_ms + round(self.first.step_s * 1000) * np.arange(len(self.first.need_kw), dtype=np.int64)


class Lfmo(Party):
    """Runs one market platform; deciding is done by the rules it was given."""

    def __init__(self, seat: Seat, terms: LfmoTerms) -> None:
        super().__init__(seat)
        self._terms = terms
        self._running: dict[str, Running] = {}
        self._void: dict[tuple[str, str], str] = {}
        self._areas: dict[str, tuple[str, ...]] = {}
        self._contracts = ContractRegister()

    @handles(SessionRequest)
    def run_session(self, batch: Batch[SessionRequest]) -> None:
        """Steps 2.4 to 2.8; the constraints of one session come as rows, together or apart."""
        for row, request in enumerate(batch.records()):
            dso = self.directory.addresses[int(batch.sender[row])].party
            reason = self._refusal(request, dso)
            if reason:
                self._refuse_session(batch, row, request, dso, reason)
            elif request.session in self._running:
                self._running[request.session].add(request)
            else:
                session = requested_session([request], self.now_ms + 1)
                self._running[request.session] = Running(batch.conversation, [request], session)
                self.start(self._hold(self._running[request.session]))

    def _refusal(self, request: SessionRequest, dso: str) -> str:
        """Why no session is held on a request; empty if one is."""
        if request.dso != dso or self._derms(dso) is None:
            return f"{dso} cannot ask for a session of {request.dso}, whose DERMS takes the results"
        running = self._running.get(request.session)
        if running is not None and running.session.state != "requested":
            return "the session is published already"
        reason = self._void.get((dso, request.session), "") or malformed(request, self.now_ms + 1)
        if reason or running is None:
            return reason
        return contradicts(request, running.first, running.constraints)

    def _refuse_session(
        self, batch: Batch[SessionRequest], row: int, request: SessionRequest, dso: str, reason: str
    ) -> None:
        """One wrong request voids the session of the DSO that sent it, unless it is published; strangers change nothing."""
        running = self._running.get(request.session)
        held = running is not None and running.session.state != "requested"
        if request.dso == dso and not held:
            self._void.setdefault((dso, request.session), reason)
        refuse(self, batch, row, request.session, reason)
        refusal = SessionRefusal(session=request.session, held=held, reason=reason)
        self.send(refusal, self.directory.names[batch.sender[row]], batch.conversation, PLATFORM)

    def _hold(self, running: Running) -> Process:
        yield from self._gather(running)
        running.requests = sorted(running.requests, key=lambda request: request.constraint)
        first = running.first
        late = malformed(first, self.now_ms + 1)  # the gate may have closed while requests were waited for
        reason = self._void.get((first.dso, first.session), late)
        if reason:
            refusal = SessionRefusal(session=first.session, held=False, reason=reason)
            self.send(refusal, running.first.dso, running.conversation, PLATFORM)
            return
        running.session = requested_session(running.requests, self.now_ms + 1)
        admitted = yield from self.qualify(running)
        running.session = publish(running.session, admitted)
        self.publish(running, admitted)
        yield self.sleep(self._terms.opens_after_s)
        running.session = open_session(running.session, self.now_ms)
        yield self.until(running.first.gate_ms)
        running.session = replace(close(running.session, self.now_ms), book=running.book)
        if len(running.session.book):
            self.clear_market(running)
        else:
            self._clear(running)  # an empty book is no act: nothing was read that anybody offered
        self.report(running)
        running.session = send_results(running.session)

    def _gather(self, running: Running) -> Process:
        """Wait for the requests of all constraints of a session; they travel apart."""
        until_ms = self.now_ms + round(self._terms.gather_within_s * 1000)
        while len(running.requests) < running.first.constraints and self.now_ms < until_ms:
            yield self.sleep(1.0)

    # --- 2.4, 2.5 ------------------------------------------------------------------------------------------------------

    def qualify(self, running: Running) -> Process:
        """Ask possible participants for their papers; returns those admitted, and tells the others what is missing."""
        if not self._terms.participants:
            return []
        request = QualificationRequest(session=running.first.session, papers=PAPERS)
        within = self._terms.papers_within_s
        answers = yield self.ask(request, list(self._terms.participants), running.conversation, PLATFORM, within)
        admitted = []
        for file in answers.records():
            decision = qualify(participant_of(file), self.now_ms)
            self._areas[file.fsp] = file.areas
            bound = self._bound(running, file.fsp)
            missing = (*decision.missing, *decision.expired, *((bound,) if bound else ()))
            self.send(
                QualificationDecision(admitted=not missing, missing=missing), file.fsp, running.conversation, PLATFORM
            )
            if not missing:
                admitted.append(file.fsp)
        return sorted(admitted)

    def _bound(self, running: Running, fsp: str) -> str:
        """Why an FSP cannot serve the DSO in the window: it is bound to another buyer (SUC06.1, conditions); empty if it can."""
        return self._contracts.refusal(contract_of(running.first, fsp)) if running.first.exclusive else ""

    def _release(self, running: Running, clearing: Clearing) -> None:
        """A bid that stands binds until the clearing; who sold nothing is free again."""
        sold = set(clearing.bids.fsp[clearing.accepted_kw > 0.0].tolist())
        for fsp in sorted({bid.fsp for bid in running.bids.values()} - sold):
            self._contracts = self._contracts.end(contract_of(running.first, fsp))

    def publish(self, running: Running, admitted: Sequence[str]) -> None:
        """Publish the need to the FSPs able to help."""
        first, areas = running.first, frozenset(running.session.terms.areas)
        able = tuple(fsp for fsp in admitted if set(self._areas[fsp]) & areas)
        if not able:
            return
        need = np.max([request.need_kw for request in running.requests], axis=0)
        publication = SessionPublication(
            session=first.session, dso=first.dso, product=first.product, negotiation=first.negotiation, able=able,
            direction=first.direction, areas=running.session.terms.areas, from_ms=first.from_ms, step_s=first.step_s, need_kw=need,
            gate_ms=first.gate_ms, price_cap_eur_per_kwh=first.price_cap_eur_per_kwh, granularity_kw=first.granularity_kw,
            min_quantity_kw=first.min_quantity_kw, announcement_s=first.announcement_s, remuneration=first.remuneration,
            activation_from_ms=first.activation_from_ms, activation_to_ms=first.activation_to_ms,
            availability_cap_eur_per_kw_h=first.availability_cap_eur_per_kw_h,
        )  # fmt: skip
        self.send(publication, list(able), running.conversation, PLATFORM)

    # --- 2.6 -----------------------------------------------------------------------------------------------------------

    @handles(Bid)
    def take_bids(self, batch: Batch[Bid]) -> None:
        """Take bids into the book or refuse them, each with its reason; the time of receipt counts."""
        for record, sender, received in zip(batch.records(), batch.sender, batch.received_ms, strict=True):
            reason = self._take(record, self.directory.names[sender], int(received))
            receipt = BidReceipt(bid=record.bid, taken=not reason, reason=reason)
            self.send(receipt, self.directory.names[sender], batch.conversation, PLATFORM)

    def _take(self, record: Bid, sender: str, received_ms: int) -> str:
        running = self._running.get(record.session)
        if running is None:
            return f"there is no session {record.session!r}"
        if record.fsp != sender:
            return f"{sender} cannot bid for {record.fsp}"
        rows = book_rows(record, received_ms, running.first.divisible)
        if not len(rows):
            return "no interval has a quantity"
        above = record.availability_eur_per_kw_h > held_cap_eur_per_kw_h(running.first)
        reason = self._bound(running, record.fsp) or (ABOVE_AVAILABILITY_CAP if above else self._submit(running, rows))
        if reason:
            self._refuse(running, record.bid, at_cost(rows, {record.bid: record}), reason)
        else:
            self._contracts, _ = self._contracts.sign(contract_of(running.first, record.fsp))
            running.bids[record.bid], running.received_ms[record.bid] = record, received_ms
        return reason

    @staticmethod
    def _submit(running: Running, rows: BidColumns) -> str:
        """Hand a bid to the session; why it is refused, empty if it stands."""
        if running.session.state not in ("published", "open", "closed"):
            return "the session is over"
        name = rows.bid[0].rpartition("#")[0]  # only rows of the same bid can have the same ids
        before = running.parts.get(name, BidColumns.of([]))
        session, receipts = submit(replace(running.session, book=before), rows)
        refused = [str(reason) for reason in receipts.reason if reason]
        if not refused:
            running.parts[name] = session.book
        return refused[0] if refused else ""

    def _refuse(self, running: Running, bid: str, rows: BidColumns, reason: str) -> None:
        """Keep a refused bid on the book with its reason; one whose name is on it already would hide what stands there."""
        if bid not in running.bids and bid not in running.refused:
            running.refused.add(bid)
            self._book(running, rows, np.zeros(len(rows)), np.array([reason] * len(rows), object))

    # --- 2.7, 2.8 ------------------------------------------------------------------------------------------------------

    @act("clear_market")
    def clear_market(self, running: Running) -> Work:
        """Clear the book by the session's rule."""
        self._clear(running)
        session, requests = running.first.session, running.requests
        reads = [f"bids/{bid}" for bid in sorted(running.bids)] + [f"needs/{request.session}" for request in requests]
        return Work(None, running.conversation, reads, [f"clearings/{session}"])

    def _clear(self, running: Running) -> None:
        requests, book = running.requests, at_cost(running.session.book, running.bids)
        needs = need_columns(requests, running.t_ms)
        network = network_of(requests)
        hours = running.first.step_s / 3600.0
        clearing = self._terms.clear(
            book, needs, network, hours=hours, unmet_eur_per_kwh=relief_eur_per_kwh(running.first),
            headrooms=headroom_columns(requests, running.t_ms),
        )  # fmt: skip
        running.session = record_clearing(running.session, clearing)
        self._release(running, clearing)
        self._register(running, clearing, self._terms.price(clearing, network))

    def _register(self, running: Running, clearing: Clearing, paid: F64) -> None:
        self._book(running, clearing.bids, clearing.accepted_kw, clearing.reason.astype(object))
        cost = _cost_by_need(clearing, paid)
        self.register("clearings").add(
            session=running.first.session, t_ms=clearing.needs.t_ms, constraint=clearing.needs.constraint.astype(object),
            direction=running.first.direction, needed_kw=clearing.needs.quantity_kw, cleared_kw=clearing.cleared_kw,
            cost_eur=cost, price_eur_per_kwh=clearing.shadow_eur_per_kwh,
        )  # fmt: skip

    def _book(self, running: Running, book: BidColumns, accepted_kw: F64, reason: NDArray[np.object_]) -> None:
        if len(book):
            self.register("bids").add(
                bid=[name.rsplit("#", 1)[0] for name in book.bid.tolist()], session=running.first.session,
                fsp=book.fsp.astype(object), area=book.area.astype(object), direction=running.first.direction, t_ms=book.t_ms,
                quantity_kw=book.quantity_kw, price_eur_per_kwh=book.price_eur_per_kwh, received_ms=book.received_ms,
                accepted_kw=accepted_kw, reason=reason,
            )  # fmt: skip

    def report(self, running: Running) -> None:
        """Tell the DERMS what was cleared and every bidder what became of its bids."""
        clearing = running.session.clearing
        assert clearing is not None
        price = self._terms.price(clearing, network_of(running.requests))
        unmet = _unmet(running, clearing)
        derms = self._derms(running.first.dso)
        assert derms is not None
        rows = rows_by_bid(clearing)
        for bid in sorted(running.bids):
            record = running.bids[bid]
            cleared, paid, reason = outcome_of(clearing, price, record, rows.get(bid, []))
            energy, held = price_terms(running.first, record, paid)
            common: dict[str, Any] = {"session": record.session, "bid": bid, "fsp": record.fsp, "area": record.area,
                      "from_ms": record.from_ms, "step_s": record.step_s, "cleared_kw": cleared,
                      "price_eur_per_kwh": energy, "availability_eur_per_kw_h": held}  # fmt: skip
            self.send(Award(**common, reason=reason), record.fsp, running.conversation, PLATFORM)
            if cleared.any():
                result = ClearingResult(**common, direction=record.direction, unmet_kw=unmet)
                self.send(result, derms, running.conversation, PLATFORM)
        if not clearing.accepted_kw.any():
            nothing = NothingCleared(session=running.first.session, bids=len(running.bids), unmet_kw=unmet)
            self.send(nothing, derms, running.conversation, PLATFORM)

    def _derms(self, dso: str) -> str | None:
        """The DERMS of a DSO: the address of its party that plays one."""
        return next((one.name for one in self.directory.addresses if one.party == dso and "derms" in one.actors), None)


def _cost_by_need(clearing: Clearing, paid: F64) -> F64:
    """Cost of each interval [EUR], written on its constraint with the largest need; the others carry 0."""
    cost = np.zeros(len(clearing.needs))
    for t_ms in np.unique(clearing.needs.t_ms):
        here = np.flatnonzero(clearing.needs.t_ms == t_ms)
        bids = clearing.bids.t_ms == t_ms
        euro = (clearing.accepted_kw[bids] * paid[bids]).sum() * clearing.hours
        cost[here[np.argmax(clearing.needs.quantity_kw[here])]] = euro
    return cost


def _unmet(running: Running, clearing: Clearing) -> F64:
    unmet = np.zeros(len(running.t_ms))
    place = np.searchsorted(running.t_ms, clearing.needs.t_ms)
    np.maximum.at(unmet, place, clearing.unmet_kw)
    return unmet
