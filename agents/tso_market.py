"""The operator of the global market, and its platform: takes bids until the gate, clears them by a coordination scheme, tells who sold what (SUC10.3).

The operator keeps prices and aggregate quantities and hands every bid on to the TSO. After the gate the platform gets from the TSO all bids, those with
components adjusted to their lights, and what operators need; as soon as all is there it clears.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data.arrays import F64, I64
from environment.messages.base import Batch
from environment.messages.global_market import (
    AdjustedBid,
    AsmAward,
    AsmBid,
    FlexibilityPurchase,
    FlexibilityWant,
    GlobalClearing,
    LineLimit,
    SessionCall,
    SystemNeed,
)
from environment.messages.procurement import BidReceipt
from environment.party import Party, Seat, Work, act, handles
from environment.refusals import refuse
from environment.units import MS_PER_H
from markets.coordination.commercial_parties import sales, wanted
from markets.coordination.situation import Activations, Situation
from markets.global_session import Components, Lights, Networks, accepted_kw, by_operator_kw, situation, stated_limits
from markets.traffic_light import HOURS_OF_DAY

PLATFORM = "tso-market-platform"
Scheme = Callable[..., Activations]


@dataclass(frozen=True)
class TsoMarketTerms:
    """What the operator is told.

    Attributes:
        tso: address of the TSO.
        bidders: addresses that may bid.
        scheme: the coordination scheme, bound to its parameters.
        name: of the scheme.
        allot: what of a session's outcome each operator pays for.
        buyers: addresses of commercial parties that may post what they want.
    """

    tso: str
    bidders: frozenset[str]
    scheme: Scheme
    name: str
    allot: Callable[[Activations], Mapping[str, F64]]
    buyers: frozenset[str] = frozenset()


@dataclass
class _Book:
    """A session at the operator and on its platform."""

    call: SessionCall
    talk: str
    bids: dict[str, AsmBid] = field(default_factory=dict)
    wants: dict[str, tuple[FlexibilityWant, str]] = field(default_factory=dict)
    need: SystemNeed | None = None
    lines: dict[str, LineLimit] = field(default_factory=dict)
    adjusted: dict[str, AdjustedBid] = field(default_factory=dict)
    units: dict[str, tuple[AsmBid, int]] = field(default_factory=dict)
    read: list[int] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether all that the TSO announced has come to the platform."""
        need = self.need
        return need is not None and len(self.lines) == need.lines and len(self.adjusted) + len(self.units) == need.bids


class TsoMarket(Party):
    """Operator and platform of the global market.

    Args:
        seat: place in the world.
        terms: what it is told.
    """

    def __init__(self, seat: Seat, terms: TsoMarketTerms) -> None:
        super().__init__(seat)
        self._terms = terms
        self._books: dict[str, _Book] = {}

    # --- the operator ----------------------------------------------------------------------------------------------------------

    @handles(SessionCall)
    def open_book(self, batch: Batch[SessionCall]) -> None:
        """A session is called by the TSO."""
        for row, call in enumerate(batch.records()):
            if self.directory.names[batch.sender[row]] == self._terms.tso:
                self._books[call.session] = _Book(call, batch.conversation)
            else:
                refuse(self, batch, row, call.session, "only the TSO calls sessions")

    @handles(AsmBid)
    def take_bids(self, batch: Batch[AsmBid]) -> None:
        """Bids to the operator; those that the TSO hands to the platform enter the clearing."""
        platform = self.directory.number(self.at(PLATFORM))
        for row, record in enumerate(batch.records()):
            sender, book = self.directory.names[batch.sender[row]], self._books.get(record.session)
            if batch.receiver[row] == platform:
                if book is None or sender != self._terms.tso:
                    refuse(self, batch, row, record.bid, "only the TSO hands bids to the platform")
                else:
                    book.units[record.bid] = record, int(batch.received_ms[row])
                    self._heard(book, int(batch.ids[row]))
                continue
            reason = self._bid_fault(record, sender, book, int(batch.received_ms[row]))
            self.send(BidReceipt(bid=record.bid, taken=not reason, reason=reason), sender, batch.conversation)
            if reason or book is None:
                refuse(self, batch, row, record.bid, reason)
                continue
            known = book.bids.get(record.bid)
            if known is None or record.version > known.version:
                book.bids[record.bid] = record
                self.send(record, self._terms.tso, book.talk)

    def _bid_fault(self, record: AsmBid, sender: str, book: _Book | None, received_ms: int) -> str:
        """Why a bid is not taken; empty if it is."""
        if record.bsp != sender or sender not in self._terms.bidders:
            return f"{sender} cannot bid for {record.bsp}"
        if book is None:
            return f"there is no session {record.session!r}"
        if received_ms >= book.call.gate_ms:
            return f"received {(received_ms - book.call.gate_ms) / 1000:g} s after the gate closed"
        if len(record.quantity_kw) != HOURS_OF_DAY:
            return f"the quantity has {len(record.quantity_kw)} elements, not {HOURS_OF_DAY}"
        known = book.bids.get(record.bid)
        if known is not None and known.bsp != record.bsp:
            return f"the bid is {known.bsp}'s"
        if known is not None and known.version == record.version and not _same(known, record):
            return f"version {record.version} is there already with another content"
        return ""

    @handles(FlexibilityWant)
    def take_wants(self, batch: Batch[FlexibilityWant]) -> None:
        """What commercial parties would buy, until the gate; the first under a name counts."""
        for row, record in enumerate(batch.records()):
            sender, book = self.directory.names[batch.sender[row]], self._books.get(record.session)
            reason = self._want_fault(record, sender, book, int(batch.received_ms[row]))
            if reason or book is None:
                refuse(self, batch, row, record.want, reason)
            else:
                book.wants.setdefault(record.want, (record, batch.conversation))
            if sender in self._terms.buyers:
                self.send(BidReceipt(bid=record.want, taken=not reason, reason=reason), sender, batch.conversation)

    def _want_fault(self, record: FlexibilityWant, sender: str, book: _Book | None, received_ms: int) -> str:
        if record.buyer != sender or sender not in self._terms.buyers:
            return f"{sender} cannot buy for {record.buyer}"
        if book is None or record.from_ms != book.call.from_ms:
            return f"there is no session {record.session!r} of that day"
        if received_ms >= book.call.gate_ms:
            return f"received {(received_ms - book.call.gate_ms) / 1000:g} s after the gate closed"
        if len(record.quantity_kw) != HOURS_OF_DAY:
            return f"the quantity has {len(record.quantity_kw)} elements, not {HOURS_OF_DAY}"
        return ""

    # --- the platform ----------------------------------------------------------------------------------------------------------

    @handles(SystemNeed)
    def hear_need(self, batch: Batch[SystemNeed]) -> None:
        """What the TSO and the DSOs want."""
        for row, record in enumerate(batch.records()):
            book = self._fed(batch, row, record.session)
            if book is not None:
                book.need = record
                self._heard(book, int(batch.ids[row]))

    @handles(LineLimit)
    def hear_line(self, batch: Batch[LineLimit]) -> None:
        """Limits of the TSO's lines."""
        for row, record in enumerate(batch.records()):
            book = self._fed(batch, row, record.session)
            if book is not None:
                book.lines[record.line] = record
                self._heard(book, int(batch.ids[row]))

    @handles(AdjustedBid)
    def hear_adjusted(self, batch: Batch[AdjustedBid]) -> None:
        """Bids with components within their lights."""
        for row, record in enumerate(batch.records()):
            book = self._fed(batch, row, record.session)
            if book is not None:
                book.adjusted[record.bid] = record
                self._heard(book, int(batch.ids[row]))

    def _fed(self, batch: Batch[Any], row: int, session: str) -> _Book | None:
        """The session that a message of the TSO feeds; None, on record, of anybody else's or where none is open."""
        book = self._books.get(session)
        if book is not None and self.directory.names[batch.sender[row]] == self._terms.tso:
            return book
        refuse(self, batch, row, session, "only the TSO feeds the clearing of a session that is open")
        return None

    def _heard(self, book: _Book, message: int) -> None:
        book.read.append(message)
        if book.is_complete:
            results = self.clear(book)
            for record in results:  # bids have components of their own, so they do not make one batch
                self.send(record, self.name, book.talk, PLATFORM)

    @act("market_clearing", system=PLATFORM)
    def clear(self, book: _Book) -> Work:
        """Clear all bids by the session's scheme."""
        offered = _components(book)
        lights, need_kw = _stated(book)
        networks = _networks(book, lights, need_kw, self._terms.tso)
        columns = wanted([one for _, (one, _) in sorted(book.wants.items())])
        case, component, hour = situation(offered, lights, networks, columns)
        found = self._terms.scheme(case)
        taken = accepted_kw(offered, found, component, hour)
        bought = by_operator_kw(offered, self._terms.allot(found), component, hour)
        self._note(book, offered, taken, bought)
        self._note_outcome(book, case, found)
        self._tell_buyers(book, found)
        session = book.call.session
        return Work(
            _results(book, offered, taken, bought),
            book.talk,
            [f"conversations/{book.talk}"],
            [f"global_bids/{session}", f"global_clearings/{session}"],
        )

    def _tell_buyers(self, book: _Book, found: Activations) -> None:
        """What each commercial party was sold goes to it and to the TSO, who settles."""
        posted = [book.wants[name] for name in sorted(book.wants)]
        for record, (_, conversation) in zip(sales([one for one, _ in posted], found), posted, strict=True):
            self.send(record, [record.buyer, self._terms.tso], conversation)

    def _note(self, book: _Book, offered: Components, taken: F64, bought: Mapping[str, F64]) -> None:
        t_ms = book.call.from_ms + np.arange(HOURS_OF_DAY, dtype=np.int64) * MS_PER_H
        for k in range(len(offered)):
            buyers = [name for name, kw in bought.items() if kw[k].any()]
            self.register("global_bids").add(
                t_ms=t_ms, session=book.call.session, bid=str(offered.bid[k]), bsp=str(offered.bsp[k]), area=str(offered.area[k]),
                direction="up" if offered.up[k] else "down", price_eur_per_kwh=float(offered.price_eur_per_kwh[k]),
                received_ms=int(offered.received_ms[k]), validated_kw=offered.kw[k], accepted_kw=taken[k], buyers=", ".join(buyers),
            )  # fmt: skip

    def _note_outcome(self, book: _Book, case: Situation, found: Activations) -> None:
        up = np.where(case.bids.up, found.accepted_kw, 0.0)
        sums = [np.bincount(case.interval_of_bid, one, HOURS_OF_DAY) for one in (up, found.accepted_kw - up, found.accepted_kw * case.bids.price_eur_per_kwh)]  # fmt: skip
        self.register("global_clearings").add(
            t_ms=book.call.from_ms + case.t_ms, session=book.call.session, scheme=self._terms.name, needed_kw=case.need_kw, up_kw=sums[0],
            down_kw=sums[1], cost_eur=sums[2] * case.hours, imbalance_left_kw=found.imbalance_left_kw, unmet_kw=found.unmet_kw.sum(axis=0),
            violated_kw=found.violated_kw.sum(axis=0),
        )  # fmt: skip

    # --- 1.13, and who sold what -------------------------------------------------------------------------------------------------

    @handles(GlobalClearing)
    def hear_results(self, batch: Batch[GlobalClearing]) -> None:
        """Results of the platform go to the TSO and to who bid."""
        platform = self.at(PLATFORM)
        for row, record in enumerate(batch.records()):
            book = self._books.get(record.session)
            if book is None or self.directory.names[batch.sender[row]] != platform:
                refuse(self, batch, row, record.bid, "only the platform clears")
                continue
            self.send(record, self._terms.tso, book.talk)
            offered, taken = record.validated_kw.sum(), record.accepted_kw.sum()
            reason = "" if taken >= offered - 1e-6 else "not needed, or dearer than others"
            award = AsmAward(
                session=record.session, bid=record.bid, direction=record.direction, from_ms=book.call.from_ms, accepted_kw=record.accepted_kw,
                areas=record.areas, accepted_components_kw=record.accepted_components_kw, buyers=record.buyers, bought_kw=record.bought_kw,
                price_eur_per_kwh=record.price_eur_per_kwh, reason=reason,
            )  # fmt: skip
            self.send(award, record.bsp, book.talk)
            for purchase in _purchases(record, book.call.from_ms):
                if purchase.buyer != self._terms.tso:  # it has the whole result
                    self.send(purchase, purchase.buyer, book.talk)


def _same(one: AsmBid, other: AsmBid) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__)


def _components(book: _Book) -> Components:
    """All bids of a session as components, by time of receipt and name."""
    rows: list[tuple[int, str, AdjustedBid | AsmBid, str, F64]] = []
    for bid, one in book.adjusted.items():
        for area, kw in zip(one.perimeters, one.limited_kw.reshape(-1, HOURS_OF_DAY), strict=True):
            rows.append((one.received_ms, bid, one, area, kw))
    for bid, (unit, received_ms) in book.units.items():
        rows.append((received_ms, bid, unit, unit.node, unit.quantity_kw))
    rows.sort(key=lambda row: (row[0], row[1], row[3]))
    text = [[bid for _, bid, *_ in rows], [one.bsp for _, _, one, *_ in rows], [area for *_, area, _ in rows]]
    bids, bsps, areas = (np.array(values, np.str_) if values else np.zeros(0, "U1") for values in text)
    return Components(
        bids, bsps, areas, np.array([one.direction == "up" for _, _, one, *_ in rows], bool),
        np.array([one.price_eur_per_kwh for _, _, one, *_ in rows], np.float64), np.array([at for at, *_ in rows], np.int64),
        np.array([kw for *_, kw in rows], np.float64).reshape(-1, HOURS_OF_DAY),
    )  # fmt: skip


def _stated(book: _Book) -> tuple[Lights, F64]:
    """Lights and needs of perimeters, as the TSO passed them on."""
    need = book.need
    assert need is not None
    shape = (2, len(need.perimeters), HOURS_OF_DAY)
    lights = Lights(need.perimeters, need.colour.astype(np.int64).reshape(shape), need.capability_kw.reshape(shape))
    return lights, need.local_need_kw.reshape(shape)


def _networks(book: _Book, lights: Lights, need_kw: F64, tso: str) -> Networks:
    need, lines = book.need, [book.lines[name] for name in sorted(book.lines)]
    assert need is not None
    stated = lines[0].nodes if lines else tuple(dict.fromkeys(need.nodes))
    nodes = (*stated, *sorted({unit.node for unit, _ in book.units.values()} - set(stated)))
    operators = (tso, *sorted({*need.operators, *need.control_areas} - {tso}))
    number = {name: k for k, name in enumerate(operators)}
    place: dict[str, int] = {name: k for k, name in enumerate(nodes)}
    of_perimeter: I64 = np.array([number[name] for name in need.operators], np.int64)
    perimeters = len(need.perimeters)
    low, high = stated_limits(lights, need_kw)
    relief = np.zeros((len(lines), len(nodes)))
    for k, line in enumerate(lines):
        relief[k, : len(stated)] = line.relief
    imbalance = np.zeros((len(operators), HOURS_OF_DAY))
    for operator, short in zip(need.control_areas, need.short_kw.reshape(-1, HOURS_OF_DAY), strict=True):
        imbalance[number[operator]] = short
    return Networks(
        operators=operators, areas=(*need.perimeters, *nodes),
        operator_of_area=np.concatenate([of_perimeter, np.zeros(len(nodes), np.int64)]),
        node_of_area=np.array([*(place[name] for name in need.nodes), *range(len(nodes))], np.int64),
        lines=tuple(line.line for line in lines), line_relief=relief,
        line_low_kw=np.array([line.low_kw for line in lines]).reshape(-1, HOURS_OF_DAY),
        line_high_kw=np.array([line.high_kw for line in lines]).reshape(-1, HOURS_OF_DAY), imbalance_kw=imbalance,
        local=need.perimeters, operator_of_local=of_perimeter,
        local_relief=np.concatenate([np.eye(perimeters), np.zeros((perimeters, len(nodes)))], axis=1), local_low_kw=low, local_high_kw=high,
    )  # fmt: skip


def _purchases(record: GlobalClearing, from_ms: int) -> list[FlexibilityPurchase]:
    """What each operator pays for of a bid, where it pays for anything."""
    found = []
    shares = record.bought_kw.reshape(len(record.buyers), len(record.areas), HOURS_OF_DAY)
    for buyer, kw in zip(record.buyers, shares, strict=True):
        rows = np.flatnonzero(kw.any(axis=1))
        found.append(
            FlexibilityPurchase(
                session=record.session, buyer=buyer, bid=record.bid, bsp=record.bsp, direction=record.direction, from_ms=from_ms,
                perimeters=tuple(record.areas[k] for k in rows.tolist()), bought_kw=kw[rows].ravel(), price_eur_per_kwh=record.price_eur_per_kwh,
            )
        )  # fmt: skip
    return found


def _results(book: _Book, offered: Components, taken: F64, bought: Mapping[str, F64]) -> list[GlobalClearing]:
    """One result a bid."""
    results = []
    for bid in sorted({*book.adjusted, *book.units}):
        rows = np.flatnonzero(offered.bid == bid)
        one = book.adjusted.get(bid) or book.units[bid][0]
        parts = {buyer: kw[rows] for buyer, kw in bought.items() if kw[rows].any()}
        results.append(
            GlobalClearing(
                session=book.call.session, bid=bid, bsp=one.bsp, direction=one.direction, validated_kw=offered.kw[rows].sum(axis=0),
                accepted_kw=taken[rows].sum(axis=0), areas=tuple(offered.area[rows].tolist()), accepted_components_kw=taken[rows].ravel(),
                buyers=tuple(parts), bought_kw=np.array(list(parts.values())).ravel(), price_eur_per_kwh=one.price_eur_per_kwh,
            )
        )  # fmt: skip
    return results
