"""The desk of a balancing service provider for the global market: bids with components, what constraints change of them, what is to be delivered.

A session (SUC10.3): the provider bids what its resources can give, once a direction, and breaks the bid down by DSO perimeter. A provider on the Crowd
Balancing Platform sends components there (SUC08.2); if the TSO has not confirmed them a while before the gate, it sends them to the TSO itself, as one that
is not on the platform does from the start. Where a constraint would cut a component it moves quantity to perimeters with room, or lowers its bid. After
the gate nothing is moved: limits that come then lower what is delivered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data.arrays import F64
from environment.messages.base import Batch
from environment.messages.global_market import (
    AsmAward,
    AsmBid,
    ComponentMessage,
    ComponentReceipt,
    ConstraintAssociation,
    LimitationNotice,
    SessionCall,
)
from environment.office import Desk
from environment.party import Process, Work, act, handles
from environment.refusals import refuse
from environment.units import Direction
from markets.global_bids import reallocated
from markets.traffic_light import HOURS_OF_DAY

WAYS: tuple[Direction, Direction] = ("up", "down")


@dataclass(frozen=True, eq=False)
class Offered:
    """What a provider's resources can give in one direction on a day.

    Attributes:
        perimeters: grid element id codes, (P,).
        kw: what it bids in each, (P, 24).
        possible_kw: what it could give there at most, (P, 24).
        price_eur_per_kwh: asked for the whole.
        baseline_kw: net load of the aggregate, (24,).
        unavailable_kw: what cannot be used there, (P, 24).
    """

    perimeters: tuple[str, ...]
    kw: F64
    possible_kw: F64
    price_eur_per_kwh: float
    baseline_kw: F64
    unavailable_kw: F64


Supply = Callable[[Direction, int], Offered | None]
"""Direction and start of the day -> what can be offered; None: nothing is known of the day."""


@dataclass(frozen=True)
class BidTerms:
    """How a provider takes part.

    Attributes:
        uva: its aggregate.
        zone: market zone.
        tso_perimeter: aggregation perimeter of the TSO.
        market: address of the market operator.
        tso: address of the TSO.
        cbp: address of the platform; empty: components go to the TSO itself.
        unix_ms: Unix time at which the world begins.
        adapts: whether it changes its bid when it hears of a constraint.
        repeats: how often it sends the same again.
        ignores_limits: it delivers what it bid first where constraints cut it: a fault that verification has to find (SUC10.4).
        bids_after_s: time between the call and its bid.
        adapts_within_s: how long associations are gathered before the bid is changed.
        unconfirmed_before_s: how long before the gate components that nobody confirmed are sent to the TSO itself.
    """

    uva: str
    zone: str
    tso_perimeter: str
    market: str
    tso: str
    cbp: str
    unix_ms: int
    adapts: bool = True
    repeats: int = 0
    ignores_limits: bool = False
    bids_after_s: float = 900.0
    adapts_within_s: float = 120.0
    unconfirmed_before_s: float = 900.0


@dataclass
class _Bid:
    """A bid and its state."""

    call: SessionCall
    talk: str
    session_talk: str
    way: Direction
    offered: Offered
    asm: AsmBid
    kw: F64
    confirmed: int = 0
    awarded_kw: F64 | None = None
    limits: dict[str, F64] = field(default_factory=dict)
    cut: dict[str, F64] = field(default_factory=dict)

    @property
    def deliverable_kw(self) -> F64:
        """What of the award the limits leave, (P, 24)."""
        kw = np.zeros_like(self.kw) if self.awarded_kw is None else self.awarded_kw
        most = [self.limits.get(name, np.full(HOURS_OF_DAY, np.inf)) for name in self.offered.perimeters]
        return np.asarray(np.minimum(kw, np.array(most).reshape(kw.shape)))

    @property
    def uncut_kw(self) -> F64:
        """What is delivered by who ignores limits: in hours in which something was taken, what was bid first where constraints cut it, (P, 24)."""
        kw = self.deliverable_kw
        called = kw.any(axis=0) if self.awarded_kw is None else self.awarded_kw.any(axis=0)
        cut = np.array([name in self.cut or name in self.limits for name in self.offered.perimeters], bool)
        return np.where(cut[:, None] & called, np.maximum(kw, self.offered.kw), kw)


@dataclass(frozen=True, eq=False)
class Schedule:
    """What a provider has to deliver of a bid.

    Attributes:
        bid: its id.
        direction: of the change.
        from_ms: start of the day.
        kw: perimeter -> change of each hour, at least 0, (24,).
        price_eur_per_kwh: paid.
        conversation: of the session.
    """

    bid: str
    direction: Direction
    from_ms: int
    kw: Mapping[str, F64]
    price_eur_per_kwh: float
    conversation: str


Dispatch = Callable[[Schedule], None]
"""Called when there is something to deliver, and again when limits change it."""


class BidDesk(Desk):
    """Bids, and what became of them.

    Args:
        terms: how it takes part.
        supply: what its resources can give.
        dispatch: what is done with a schedule.
    """

    def __init__(self, terms: BidTerms, supply: Supply, dispatch: Dispatch) -> None:
        self._terms = terms
        self._supply = supply
        self._dispatch = dispatch
        self._bids: dict[str, _Bid] = {}
        self._adapting: set[str] = set()

    # --- SUC08.2/2, SUC10.3/1.1 to 1.3 ---------------------------------------------------------------------------------------

    @handles(SessionCall)
    def hear_of_session(self, batch: Batch[SessionCall]) -> None:
        """Take part in a session that was called; a call of anybody but the TSO is refused."""
        for row, call in enumerate(batch.records()):
            if self.party.directory.names[batch.sender[row]] != self._terms.tso:
                refuse(self.party, batch, row, call.session, "only the TSO calls sessions")
            else:
                self.party.start(self._take_part(call, batch.conversation))

    def _take_part(self, call: SessionCall, conversation: str) -> Process:
        terms, party = self._terms, self.party
        yield party.sleep(terms.bids_after_s)
        offers = [(way, self._supply(way, call.from_ms)) for way in WAYS]
        made = [(way, offer) for way, offer in offers if offer is not None and offer.kw.any()]
        if not made:
            return
        talk = party.open("SUC08.2", "2", call.session, conversation) if terms.cbp else conversation
        bids = [self.create_bid(call, talk, conversation, way, offer) for way, offer in made]
        for _ in range(1 + terms.repeats):
            party.send([bid.asm for bid in bids], [terms.market] * len(bids), talk)
            self._send_components(bids, terms.cbp or terms.tso, talk)
        if terms.cbp:
            party.start(self._see_confirmed(call, bids))

    @act("create_asm_bid")
    def create_bid(self, call: SessionCall, talk: str, session_talk: str, way: Direction, offer: Offered) -> Work:
        """Build the bid of a direction from what the resources can give."""
        asm = AsmBid(
            bid=f"{call.session}/{self.party.name}/{way}", version=1, adapted=False, session=call.session, bsp=self.party.name, uva=self._terms.uva,
            zone=self._terms.zone, node="", direction=way, quantity_kw=offer.kw.sum(axis=0), price_eur_per_kwh=offer.price_eur_per_kwh,
            validity_s=self._unix_s(call.from_ms), timestamp_s=self._unix_s(self.now_ms),
        )  # fmt: skip
        bid = _Bid(call, talk, session_talk, way, offer, asm, offer.kw.copy())
        self._bids[asm.bid] = bid
        self._note(bid, "offered")
        return Work(bid, talk, [f"conversations/{talk}"], [f"asm_bids/{asm.bid}"])

    def _unix_s(self, t_ms: int) -> int:
        return (self._terms.unix_ms + t_ms) // 1000

    def _note(self, bid: _Bid, what: str) -> None:
        self.register("asm_bids").add(
            t_ms=self.now_ms, session=bid.asm.session, bid=bid.asm.bid, version=bid.asm.version, bsp=self.party.name, uva=bid.asm.uva,
            direction=bid.asm.direction, price_eur_per_kwh=bid.asm.price_eur_per_kwh, quantity_kwh=float(bid.asm.quantity_kw.sum()), change=what,
        )  # fmt: skip

    def _components(self, bid: _Bid) -> ComponentMessage:
        asm, offer = bid.asm, bid.offered
        return ComponentMessage(
            bid=asm.bid, version=asm.version, session=asm.session, bsp=asm.bsp, uva=asm.uva, zone=asm.zone, tso_perimeter=self._terms.tso_perimeter,
            direction=asm.direction, quantity_kw=asm.quantity_kw, baseline_kw=offer.baseline_kw, perimeters=offer.perimeters,
            components_kw=bid.kw.ravel(), unavailable_kw=offer.unavailable_kw.ravel(), validity_s=asm.validity_s, timestamp_s=asm.timestamp_s,
        )  # fmt: skip

    def _send_components(self, bids: list[_Bid], to: str, talk: str) -> None:
        for bid in bids:  # each has perimeters of its own, so they do not make one batch
            self.party.send(self._components(bid), to, talk)

    def _see_confirmed(self, call: SessionCall, bids: list[_Bid]) -> Process:
        """Components that the TSO has not confirmed in time go to it directly; the platform may be down."""
        yield self.party.until(call.gate_ms - round(self._terms.unconfirmed_before_s * 1000))
        unheard = [bid for bid in bids if bid.confirmed < bid.asm.version]
        self._send_components(unheard, self._terms.tso, bids[0].session_talk)
        yield self.party.until(call.gate_ms)
        outcome = ("failed", "the platform did not forward components in time") if unheard else ("completed", "")
        self.party.end(bids[0].talk, *outcome)

    @handles(ComponentReceipt)
    def hear_receipt(self, batch: Batch[ComponentReceipt]) -> None:
        """The TSO has the components; what is wrong with them stands in the register."""
        for row, receipt in enumerate(batch.records()):
            bid = self._own(batch, row, receipt.bid, self._terms.tso)
            if bid is not None:
                bid.confirmed = max(bid.confirmed, receipt.version)

    def _own(self, batch: Batch[Any], row: int, name: str, *from_whom: str) -> _Bid | None:
        """The own bid that a message is about; None, on record, if there is none or somebody else writes of it."""
        sender, bid = self.party.directory.names[batch.sender[row]], self._bids.get(name)
        if sender not in from_whom:
            refuse(self.party, batch, row, name, f"{sender} has no say in it")
            return None
        if bid is None:
            refuse(self.party, batch, row, name, "no bid of that name was made")
        return bid

    # --- SUC10.3/1.6 to 1.8 ---------------------------------------------------------------------------------------------------

    @handles(ConstraintAssociation)
    def hear_association(self, batch: Batch[ConstraintAssociation]) -> None:
        """Gather what constraints would cut, then adapt each bid once."""
        for row, record in enumerate(batch.records()):
            bid = self._own(batch, row, record.bid, self._terms.tso)
            if bid is None or record.perimeter not in bid.offered.perimeters:
                continue
            bid.cut[record.perimeter] = record.limited_kw
            if self._terms.adapts and record.bid not in self._adapting:
                self._adapting.add(record.bid)
                self.party.start(self._adapt(bid, batch.conversation))

    def _adapt(self, bid: _Bid, conversation: str) -> Process:
        yield self.party.sleep(self._terms.adapts_within_s)
        self._adapting.discard(bid.asm.bid)
        places = {name: k for k, name in enumerate(bid.offered.perimeters)}
        limited = bid.kw.copy()
        for name, kw in bid.cut.items():
            limited[places[name]] = np.minimum(limited[places[name]], kw)
        if self.now_ms >= bid.call.gate_ms or (limited >= bid.kw).all():
            return
        self.change_bid(bid, limited, conversation)
        self.party.send(bid.asm, [self._terms.market, self._terms.tso], conversation)
        self.party.send(self._components(bid), self._terms.tso, conversation)

    @act("reallocate_or_reduce")
    def change_bid(self, bid: _Bid, limited_kw: F64, conversation: str) -> Work:
        """Move what was cut to perimeters that no constraint met, as far as there is room; the rest is bid no longer."""
        free = np.array([name not in bid.cut for name in bid.offered.perimeters])
        room = np.where(free[:, None], np.maximum(bid.offered.possible_kw - bid.kw, 0.0), 0.0)
        before = bid.kw.sum()
        bid.kw = reallocated(bid.kw, limited_kw, room)
        asm = bid.asm
        fields = {name: getattr(asm, name) for name in asm.__struct_fields__}
        fields |= {
            "version": asm.version + 1,
            "adapted": True,
            "quantity_kw": bid.kw.sum(axis=0),
            "timestamp_s": self._unix_s(self.now_ms),
        }
        bid.asm = AsmBid(**fields)
        self._note(bid, "reduced" if bid.kw.sum() < before - 1e-9 else "reallocated")
        return Work(None, conversation, [f"conversations/{conversation}"], [f"asm_bids/{asm.bid}"])

    # --- what is to be delivered ----------------------------------------------------------------------------------------------

    @handles(AsmAward)
    def hear_award(self, batch: Batch[AsmAward]) -> None:
        """What the session took is delivered within the limits known."""
        for row, record in enumerate(batch.records()):
            bid = self._own(batch, row, record.bid, self._terms.market)
            if bid is None:
                continue
            awarded = dict(zip(record.areas, record.accepted_components_kw.reshape(-1, HOURS_OF_DAY), strict=True))
            none = np.zeros(HOURS_OF_DAY)
            bid.awarded_kw = np.array([awarded.get(name, none) for name in bid.offered.perimeters])
            self._deliver(bid, "awarded")

    @handles(LimitationNotice)
    def hear_limits(self, batch: Batch[LimitationNotice]) -> None:
        """Limits hold from their notice on; what was awarded above them is lowered."""
        for row, record in enumerate(batch.records()):
            bid = self._own(batch, row, record.bid, self._terms.tso, self._terms.cbp)
            if bid is None:
                continue
            bid.limits |= dict(zip(record.perimeters, record.limits_kw.reshape(-1, HOURS_OF_DAY), strict=True))
            if bid.awarded_kw is not None:
                self._deliver(bid, "limited")

    def _deliver(self, bid: _Bid, why: str) -> None:
        kw = bid.uncut_kw if self._terms.ignores_limits else bid.deliverable_kw
        asm = bid.asm
        hours = np.arange(HOURS_OF_DAY, dtype=np.int64)
        for name, profile in zip(bid.offered.perimeters, kw, strict=True):
            self.register("global_schedules").add(
                t_ms=bid.call.from_ms + hours * 3_600_000, known_ms=self.now_ms, bid=asm.bid, bsp=self.party.name, perimeter=name,
                direction=asm.direction, scheduled_kw=profile, why=why,
            )  # fmt: skip
        schedule = Schedule(
            asm.bid, bid.way, bid.call.from_ms, dict(zip(bid.offered.perimeters, kw, strict=True)), asm.price_eur_per_kwh,
            bid.session_talk,
        )  # fmt: skip
        self._dispatch(schedule)
