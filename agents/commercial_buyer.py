"""A commercial party with an open position: a balance responsible party that buys flexibility where that is worth more to it than its imbalance (BUC09).

For every session it posts what it is short or long of, hour by hour, and what a kWh is worth to it at most. Only the integrated scheme serves it; under the others it
is told that nobody sold. What it was served it pays after the day of delivery, or is paid for energy that it gave away.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from agents.payments import pay
from data.arrays import F64
from environment.messages.base import Batch
from environment.messages.global_market import CommercialPurchase, FlexibilityWant
from environment.messages.procurement import BidReceipt
from environment.party import Party, Process, Seat, handles
from environment.refusals import refuse
from environment.units import MS_PER_H
from markets.coordination.commercial import due_eur
from markets.traffic_light import HOURS_OF_DAY

EXACT = 1e-6


@dataclass(frozen=True)
class Opening:
    """A session that it knows of.

    Attributes:
        session: its name.
        from_ms: start of the day of delivery.
        opens_ms: when it is called.
    """

    session: str
    from_ms: int
    opens_ms: int


@dataclass(frozen=True, eq=False)
class BuyerTerms:
    """What a commercial party is told.

    Attributes:
        sessions: in the order of time.
        short_kw: start of a day -> what it is short of (above 0) or long of in each hour, (24,).
        value_eur_per_kwh: what a kWh is worth to it beside its energy.
        market: address of the market operator.
        tso: address of the TSO, which settles.
        day_ahead_eur_per_kwh: value of energy.
        posts_after_s: time between the call of a session and its want.
        pays_after_s: time between the end of a day of delivery and its payment.
    """

    sessions: Sequence[Opening]
    short_kw: Callable[[int], F64]
    value_eur_per_kwh: float
    market: str
    tso: str
    day_ahead_eur_per_kwh: float
    posts_after_s: float = 900.0
    pays_after_s: float = 32_400.0


class CommercialBuyer(Party):
    """A commercial party.

    Args:
        seat: place in the world.
        terms: see there.
    """

    def __init__(self, seat: Seat, terms: BuyerTerms) -> None:
        super().__init__(seat)
        self._terms = terms
        self._wanted: dict[str, FlexibilityWant] = {}
        self._told: set[str] = set()

    def processes(self) -> Iterable[Process]:
        """One life a session."""
        return [self._take_part(one) for one in self._terms.sessions]

    def _take_part(self, one: Opening) -> Process:
        yield self.until(one.opens_ms + round(self._terms.posts_after_s * 1000))
        short = self._terms.short_kw(one.from_ms)
        for way, kw in (("up", np.maximum(short, 0.0)), ("down", np.maximum(-short, 0.0))):
            if kw.any():
                want = FlexibilityWant(
                    want=f"{one.session}/{self.name}/{way}", session=one.session, buyer=self.name, direction=way, from_ms=one.from_ms,
                    quantity_kw=kw, price_eur_per_kwh=self._terms.value_eur_per_kwh,
                )  # fmt: skip
                self._wanted[want.want] = want
                self.send(want, self._terms.market, f"wants:{self.name}:{one.session}")

    @handles(BidReceipt)
    def hear_receipt(self, batch: Batch[BidReceipt]) -> None:
        """What the market operator does not take is on record."""
        for row, one in enumerate(batch.records()):
            if not one.taken:
                refuse(self, batch, row, one.bid, one.reason)

    @handles(CommercialPurchase)
    def hear_purchase(self, batch: Batch[CommercialPurchase]) -> None:
        """What was sold to it; that is checked against what it wanted, and paid after the day."""
        for row, one in enumerate(batch.records()):
            reason = self._fault(one, self.directory.names[int(batch.sender[row])])
            if reason:
                refuse(self, batch, row, one.want, reason)
            elif one.want not in self._told:
                self._told.add(one.want)
                wanted = self._wanted[one.want]
                self.register("commercial_purchases").add(
                    t_ms=one.from_ms + np.arange(HOURS_OF_DAY, dtype=np.int64) * MS_PER_H, session=one.session, buyer=self.name,
                    direction=one.direction, wanted_kw=wanted.quantity_kw, value_eur_per_kwh=wanted.price_eur_per_kwh,
                    served_kw=one.served_kw, price_eur_per_kwh=one.price_eur_per_kwh,
                )  # fmt: skip
                self.start(self._pay(one, batch.ids[row]))

    def _fault(self, one: CommercialPurchase, sender: str) -> str:
        wanted = self._wanted.get(one.want)
        if sender != self._terms.market or wanted is None or one.buyer != self.name:
            return "only the market operator says what was sold, to who wanted it"
        if (one.served_kw > wanted.quantity_kw + EXACT).any():
            return "more than was wanted"
        if (one.price_eur_per_kwh > wanted.price_eur_per_kwh + EXACT).any():
            return "dearer than it is worth to it"
        return ""

    def _pay(self, one: CommercialPurchase, message: np.uint64) -> Process:
        yield self.until(one.from_ms + HOURS_OF_DAY * MS_PER_H + round(self._terms.pays_after_s * 1000))
        eur = due_eur(one.direction == "up", one.served_kw, one.price_eur_per_kwh, self._terms.day_ahead_eur_per_kwh)
        pay(self, self.name, self._terms.tso, max(eur, 0.0), "commercial purchase", message)
