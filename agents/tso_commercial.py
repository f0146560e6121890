"""The desk of the TSO for what commercial parties buy in the integrated market: it pays the sellers for them, and is paid or pays after the day (BUC09)."""

from dataclasses import dataclass

import numpy as np

from agents.payments import pay
from environment.messages.base import Batch
from environment.messages.global_market import CommercialPurchase
from environment.office import Desk
from environment.party import Process, handles
from environment.refusals import refuse
from environment.units import MS_PER_H
from markets.coordination.commercial import due_eur
from markets.traffic_light import HOURS_OF_DAY


@dataclass(frozen=True)
class CommercialTerms:
    """What the desk is told.

    Attributes:
        market: address of the market operator.
        day_ahead_eur_per_kwh: value of energy.
        pays_after_s: time between the end of a day of delivery and payments.
    """

    market: str
    day_ahead_eur_per_kwh: float
    pays_after_s: float = 32_400.0


class CommercialDesk(Desk):
    """Energy of parties that are long.

    Args:
        terms: see there.
    """

    def __init__(self, terms: CommercialTerms) -> None:
        self._terms = terms
        self._known: set[str] = set()

    @handles(CommercialPurchase)
    def hear_purchase(self, batch: Batch[CommercialPurchase]) -> None:
        """What was sold to whom."""
        for row, one in enumerate(batch.records()):
            if self.party.directory.names[int(batch.sender[row])] != self._terms.market:
                refuse(self.party, batch, row, one.want, "only the market operator says what was sold")
            elif one.want not in self._known:
                self._known.add(one.want)
                self.party.start(self._pay(one, batch.ids[row]))

    def _pay(self, one: CommercialPurchase, message: np.uint64) -> Process:
        yield self.party.until(one.from_ms + HOURS_OF_DAY * MS_PER_H + round(self._terms.pays_after_s * 1000))
        eur = due_eur(one.direction == "up", one.served_kw, one.price_eur_per_kwh, self._terms.day_ahead_eur_per_kwh)
        pay(self.party, self.party.name, one.buyer, max(-eur, 0.0), "energy of a commercial party", message)
