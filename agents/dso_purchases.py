"""The desk of a DSO for what it buys on the global market: what the session bought for it, and what it pays for what was delivered (BUC09).

Who buys depends on the coordination scheme; a DSO that nothing was bought for hears nothing. It pays what the TSO states after the settlement of a provider,
if that follows from its own purchases: no more energy than was bought, and no service dearer than as bid.
"""

from dataclasses import dataclass

import numpy as np

from agents.payments import pay
from environment.messages.base import Batch
from environment.messages.delivery import PurchaseStatement
from environment.messages.global_market import FlexibilityPurchase
from environment.office import Desk
from environment.party import handles
from environment.refusals import refuse
from environment.units import MS_PER_H
from markets.traffic_light import HOURS_OF_DAY

EXACT = 0.01
"""kWh and EUR by which a statement may differ from the own purchases by rounding."""


@dataclass(frozen=True)
class PurchaseTerms:
    """Whom a DSO buys by.

    Attributes:
        market: address of the market operator.
        tso: address of the TSO, which settles.
    """

    market: str
    tso: str


class PurchaseDesk(Desk):
    """Purchases and what they cost.

    Args:
        terms: see there.
    """

    def __init__(self, terms: PurchaseTerms) -> None:
        self._terms = terms
        self._bought: dict[tuple[str, int], dict[str, FlexibilityPurchase]] = {}
        self._paid: set[str] = set()

    @handles(FlexibilityPurchase)
    def hear_purchase(self, batch: Batch[FlexibilityPurchase]) -> None:
        """What a session bought for this operator."""
        for row, one in enumerate(batch.records()):
            if self.party.directory.names[int(batch.sender[row])] != self._terms.market or one.buyer != self.party.name:
                refuse(
                    self.party, batch, row, one.bid, "only the market operator says what was bought, to who bought it"
                )
                continue
            known = self._bought.setdefault((one.bsp, one.from_ms), {})
            if one.bid in known:
                continue
            known[one.bid] = one
            hours = one.from_ms + np.arange(HOURS_OF_DAY, dtype=np.int64) * MS_PER_H
            for perimeter, kw in zip(one.perimeters, one.bought_kw.reshape(-1, HOURS_OF_DAY), strict=True):
                self.register("operator_purchases").add(
                    t_ms=hours, session=one.session, buyer=self.party.name, bid=one.bid, bsp=one.bsp, perimeter=perimeter, direction=one.direction,
                    bought_kw=kw, price_eur_per_kwh=one.price_eur_per_kwh,
                )  # fmt: skip

    @handles(PurchaseStatement)
    def take_statement(self, batch: Batch[PurchaseStatement]) -> None:
        """Check what is stated against the own purchases, and pay it once."""
        for row, one in enumerate(batch.records()):
            reason = self._fault(one, self.party.directory.names[int(batch.sender[row])])
            if reason:
                refuse(self.party, batch, row, one.settlement, reason)
            elif one.settlement not in self._paid:
                self._paid.add(one.settlement)
                message = batch.ids[row]
                pay(self.party, self.party.name, one.bsp, max(one.final_eur, 0.0), "purchased service", message)
                pay(self.party, self.party.name, self._terms.tso, max(-one.imbalance_eur, 0.0), "imbalance", message)

    def _fault(self, one: PurchaseStatement, sender: str) -> str:
        if sender != self._terms.tso or one.buyer != self.party.name:
            return "only the TSO states what is owed, to who bought"
        known = self._bought.get((one.bsp, one.from_ms), {}).values()
        kwh = sum(float(bid.bought_kw.sum()) for bid in known)
        eur = sum(float(bid.bought_kw.sum()) * bid.price_eur_per_kwh for bid in known)
        if one.ordered_kwh > kwh + EXACT:
            return f"{one.ordered_kwh:.3f} kWh are more than the {kwh:.3f} that were bought"
        if one.service_eur > eur + EXACT:
            return f"{one.service_eur:.2f} EUR are more than the {eur:.2f} that the bids ask"
        if abs(one.service_eur + one.energy_eur - one.final_eur) > EXACT:
            return f"{one.final_eur} EUR do not follow from its numbers"
        return ""
