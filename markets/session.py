"""A market session: its life, its gate and its order book.

    requested -> published -> open -> closed -> cleared -> results

The gate compares the *time of receipt* with the session's times, never the order of events: a bid received before the
gate counts even if it is looked at after closing, one received at the gate or later is late. Every row gets a
receipt: accepted into the book, or refused with a reason. All functions return a new session; nothing is changed in
place.

Duplicates follow the rule of message exchanges (UFTP: Already Submitted / Duplicate Identifier): the same id with the
same content is one bid, however often it comes; the same id with other content is refused.

Source: SUC06.1 scenario 2, Info-2 to Info-5.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Literal

import msgspec
import numpy as np

from data.arrays import Bool, Names
from markets.bids import BidColumns, NeedColumns, names
from markets.clearing.outcome import Clearing
from markets.products import FlexibilityProduct

State = Literal["requested", "published", "open", "closed", "cleared", "results"]
_ORDER: Final[tuple[State, ...]] = ("requested", "published", "open", "closed", "cleared", "results")

IN_BOOK = ""
NOT_QUALIFIED = "seller is not qualified"
NOT_YET_OPEN = "received before the session opened"
LATE = "received at or after gate closure"
ID_TAKEN = "id was used before with other content"
GONE = "this bid was withdrawn or replaced before"
WRONG_AREA = "area does not belong to the session"
WRONG_DIRECTION = "direction is not the product's"
OUTSIDE_WINDOW = "interval lies outside the product's windows"
OFF_GRID = "interval does not begin on the product's interval grid"
TOO_SMALL = "quantity is below the product's minimum"
TOO_LARGE = "quantity is above the product's maximum"
WRONG_STEP = "quantity is not a multiple of the product's granularity"
WRONG_PRICE = "price is negative or not a number"
ABOVE_CAP = "price is above the product's cap"
ABOVE_AVAILABILITY_CAP = "availability price is above the product's cap"
WRONG_LEAST = "minimum acceptance is negative or above the quantity"
UNKNOWN_BID = "no such bid of this seller in the book"

CONTENT: Final = ("fsp", "area", "up", "t_ms", "quantity_kw", "price_eur_per_kwh", "min_acceptance_kw", "divisible")


class SessionTerms(msgspec.Struct, dict=True, frozen=True, kw_only=True):
    """What is asked for and when (SUC06.1 Info-2 with the product of Info-3).

    Attributes:
        auction: id of the session.
        dso: the associated system operator, the single buyer.
        product: the flexibility product.
        areas: areas whose flexibility can help, the only ones that may bid.
        opens_ms: bids are taken from here on.
        gate_ms: and only if received before this instant.
        negotiation: how prices are found.

    Raises:
        ValueError: the times or areas contradict each other.
    """

    auction: str
    dso: str
    product: FlexibilityProduct
    areas: tuple[str, ...]
    opens_ms: int
    gate_ms: int
    negotiation: Literal["auction"] = "auction"

    @cached_property
    def known_areas(self) -> frozenset[str]:
        """The areas, to look one up."""
        return frozenset(self.areas)

    def __post_init__(self) -> None:
        notice_ms = self.product.service_window.from_ms - self.product.announcement_ms
        checks = [
            (self.opens_ms < self.gate_ms, "the gate must close after the session opens"),
            (self.gate_ms <= notice_ms, "the gate must close before the product's announcement time"),
            (bool(self.areas), "no area is named"),
            (len(set(self.areas)) == len(self.areas), "an area is named twice"),
        ]
        wrong = [text for holds, text in checks if not holds]
        if wrong:
            listed = "; ".join(wrong)
            msg = f"session {self.auction!r}: {listed}"
            raise ValueError(msg)


@dataclass(frozen=True, eq=False)
class Session:
    """One session and its book.

    Attributes:
        terms: what was requested.
        needs: the relief that the buyer needs.
        qualified: sellers that may bid.
        state: where in its life the session is.
        book: bids in the book.
        gone: ids of bids withdrawn or replaced.
        clearing: the outcome, once cleared.
    """

    terms: SessionTerms
    needs: NeedColumns
    qualified: frozenset[str] = frozenset()
    state: State = "requested"
    book: BidColumns = field(default_factory=lambda: BidColumns.of([]))
    gone: frozenset[str] = frozenset()
    clearing: Clearing | None = None


@dataclass(frozen=True, eq=False)
class Receipts:
    """The answer to each submitted row: shape (n,); an empty reason means that the bid is in the book."""

    bid: Names
    reason: Names

    @property
    def accepted(self) -> Bool:
        """True for the rows that are in the book."""
        return np.asarray(self.reason == IN_BOOK)


def publish(session: Session, qualified: Iterable[str]) -> Session:
    """Publish the need to the qualified sellers that can help (SUC06.1 step 2.5)."""
    return replace(_advance(session, "published"), qualified=frozenset(qualified))


def qualify_later(session: Session, fsp: str) -> Session:
    """Admit a seller whose papers came after publication; its earlier bids stay refused."""
    return replace(session, qualified=session.qualified | {fsp})


def open_session(session: Session, now_ms: int) -> Session:
    """Open the session at its opening time or later."""
    if now_ms < session.terms.opens_ms:
        msg = f"session {session.terms.auction!r} opens at {session.terms.opens_ms} ms, not at {now_ms} ms"
        raise ValueError(msg)
    return _advance(session, "open")


def close(session: Session, now_ms: int) -> Session:
    """Close the session at its gate or later."""
    if now_ms < session.terms.gate_ms:
        msg = f"session {session.terms.auction!r} closes at {session.terms.gate_ms} ms, not at {now_ms} ms"
        raise ValueError(msg)
    return _advance(session, "closed")


def record_clearing(session: Session, clearing: Clearing) -> Session:
    """Keep the outcome of the clearing (step 2.7); it must account for exactly the bids of the book.

    Raises:
        ValueError: a bid is missing in the outcome or is not in the book, or the session is not closed.
    """
    booked, cleared = set(session.book.bid.tolist()), set(clearing.bids.bid.tolist())
    if booked != cleared:
        odd = ", ".join(sorted(booked ^ cleared)[:5])
        msg = f"session {session.terms.auction!r}: clearing and book differ in {odd}"
        raise ValueError(msg)
    return replace(_advance(session, "cleared"), clearing=clearing)


def send_results(session: Session) -> Session:
    """The results are out (step 2.8): the end of the session's life."""
    return _advance(session, "results")


def submit(session: Session, bids: BidColumns) -> tuple[Session, Receipts]:
    """Take bids into the book, or refuse them (step 2.6).

    Args:
        session: published, open or closed (a bid received in time counts whenever it is looked at).
        bids: any number of rows, any order; rows are looked at by time of receipt, then id.

    Returns:
        The session with its new book, and a receipt for each row in the order given.

    Raises:
        ValueError: the session was not published or is already cleared.
    """
    _require(session, ("published", "open", "closed"), "take bids")
    reason = refusals(session, bids)
    wanted = _under(session.terms.product, bids)
    booked = {bid: k for k, bid in enumerate(session.book.bid.tolist())}
    new: dict[str, int] = {}
    for k in wanted.precedence().tolist():
        if not reason[k]:
            reason[k] = _identity(wanted, k, new, session, booked)
    book = session.book.join(wanted.take(np.array(list(new.values()), np.int64)))
    return replace(session, book=book), Receipts(bids.bid, reason)


def withdraw(session: Session, bid: str, fsp: str, received_ms: int) -> tuple[Session, str]:
    """Take a bid out of the book; gives the session and the reason of a refusal (empty: done)."""
    _require(session, ("published", "open", "closed"), "withdraw bids")
    if received_ms >= session.terms.gate_ms:
        return session, LATE
    mine = (session.book.bid == bid) & (session.book.fsp == fsp)
    if not mine.any():
        return session, GONE if bid in session.gone else UNKNOWN_BID
    return replace(session, book=session.book.take(~mine), gone=session.gone | {bid}), IN_BOOK


def replace_bid(session: Session, old: str, new: BidColumns) -> tuple[Session, Receipts]:
    """Replace a bid by one new row of the same seller: both happen or neither does."""
    if len(new) != 1:
        msg = f"a bid is replaced by one bid, not by {len(new)}"
        raise ValueError(msg)
    without, reason = withdraw(session, old, str(new.fsp[0]), int(new.received_ms[0]))
    if reason:
        return session, Receipts(new.bid, names([reason]))
    booked, receipts = submit(without, new)
    return (booked if receipts.accepted.all() else session), receipts


def refusals(session: Session, bids: BidColumns) -> Names:
    """Why each row cannot enter the book, shape (n,): the first of the reasons that holds, empty if none does."""
    terms, product = session.terms, session.terms.product
    steps = bids.quantity_kw / (product.granularity_kw or 1.0)
    off_step = (product.granularity_kw > 0.0) & ~(np.abs(steps - np.round(steps)) <= 1e-6)
    least = bids.min_acceptance_kw
    table = [
        (_others(bids.fsp, session.qualified), NOT_QUALIFIED),
        (bids.received_ms < terms.opens_ms, NOT_YET_OPEN),
        (bids.received_ms >= terms.gate_ms, LATE),
        (_others(bids.area, terms.known_areas), WRONG_AREA),
        (bids.up != (product.direction == "up"), WRONG_DIRECTION),
        ((bids.t_ms - product.service_window.from_ms) % product.interval_ms != 0, OFF_GRID),
        (~_inside(bids, product), OUTSIDE_WINDOW),
        (~((bids.quantity_kw >= product.capacity_min_kw) & (bids.quantity_kw > 0.0)), TOO_SMALL),
        (~(bids.quantity_kw <= product.capacity_max_kw), TOO_LARGE),
        (off_step, WRONG_STEP),
        (~(bids.price_eur_per_kwh >= 0.0), WRONG_PRICE),
        (bids.price_eur_per_kwh > product.activation_cap_eur_per_kwh, ABOVE_CAP),
        (~((least >= 0.0) & (least <= bids.quantity_kw)), WRONG_LEAST),
    ]
    return np.asarray(np.select([t[0] for t in table], [t[1] for t in table], IN_BOOK), dtype="U80")


def _others(of: Names, known: frozenset[str]) -> Bool:
    """Which are none of the known, (n,). A bid is looked at alone, and a large market has ten thousand areas: nothing is sorted."""
    return np.array([name not in known for name in of.tolist()], bool)


def _inside(bids: BidColumns, product: FlexibilityProduct) -> Bool:
    inside = np.zeros(len(bids), bool)
    for window in product.windows:
        inside |= (bids.t_ms >= window.from_ms) & (bids.t_ms + product.interval_ms <= window.to_ms)
    return inside


def _content(bids: BidColumns, k: int) -> tuple[object, ...]:
    """What makes two bids of one id the same: all but id and time of receipt."""
    return tuple(getattr(bids, name)[k].item() for name in CONTENT)


def _identity(bids: BidColumns, k: int, new: dict[str, int], session: Session, booked: dict[str, int]) -> str:
    """Reason of row k by its id alone; a row with a fresh id is noted in ``new``."""
    bid = str(bids.bid[k])
    if bid in session.gone:
        return GONE
    if bid in booked:
        return IN_BOOK if _content(session.book, booked[bid]) == _content(bids, k) else ID_TAKEN
    first = new.setdefault(bid, k)
    return IN_BOOK if first == k or _content(bids, first) == _content(bids, k) else ID_TAKEN


def _under(product: FlexibilityProduct, bids: BidColumns) -> BidColumns:
    """Bids under the product's terms: never more divisible than it, no part smaller than its least."""
    least = np.minimum(np.maximum(bids.min_acceptance_kw, product.min_acceptance_kw), bids.quantity_kw)
    return replace(bids, min_acceptance_kw=least, divisible=bids.divisible & product.divisible)


def _advance(session: Session, state: State) -> Session:
    _require(session, (_ORDER[_ORDER.index(state) - 1],), f"become {state}")
    return replace(session, state=state)


def _require(session: Session, states: tuple[State, ...], what: str) -> None:
    if session.state not in states:
        msg = (
            f"session {session.terms.auction!r} is {session.state} and cannot {what}; it must be {' or '.join(states)}"
        )
        raise ValueError(msg)
