"""Market operator between a DSO and energy communities: it passes needs, offers and orders on, and holds offers to its product (SUC02.1).

Where the DSO negotiates directly there is none. It takes no side: what it does not pass on it refuses on record, with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from environment.messages.base import Batch
from environment.messages.community import CommunityActivation, CommunityNeed, CommunityOffer
from environment.party import Party, Seat, handles
from environment.refusals import refuse


@dataclass(frozen=True)
class MarketTerms:
    """What the market operator is told: the DSO, the planner of each community, and its product's limits."""

    dso: str
    planners: Mapping[str, str]
    price_cap_eur_per_kwh: float
    max_quantity_kw: float


class CommunityMarket(Party):
    """Intermediary of one local market."""

    def __init__(self, seat: Seat, terms: MarketTerms) -> None:
        super().__init__(seat)
        self._terms = terms
        self._planner: dict[str, str] = {}

    @handles(CommunityNeed)
    def pass_need(self, batch: Batch[CommunityNeed]) -> None:
        """Step 1.4: the DSO's need, to the energy management of the community."""
        planners = [self._terms.planners[community] for community in batch["community"]]
        self._planner[batch.conversation] = planners[0]
        self._pass(CommunityNeed, batch, planners)

    @handles(CommunityOffer)
    def pass_offer(self, batch: Batch[CommunityOffer]) -> None:
        """Step 1.5: offers that fit the product, to the DSO; of others the quantity is nothing, so that the answer is complete."""
        offered = batch["offered_kw"].copy()
        for row, (price, kw) in enumerate(zip(batch["price_eur_per_kwh"].tolist(), offered, strict=True)):
            reason = self._misfit(price, float(kw.max(initial=0.0)))
            if reason:
                refuse(self, batch, row, str(batch["offer"][row]), reason)
                offered[row] = 0.0
        columns = dict(batch.columns) | {"offered_kw": offered}
        sender = np.repeat(self.numbers([self.name]), len(batch))
        self.send_batch(CommunityOffer, columns, sender, self.numbers([self._terms.dso]), batch.conversation)

    @handles(CommunityActivation)
    def pass_order(self, batch: Batch[CommunityActivation]) -> None:
        """Step 1.6: the DSO's order, to the energy management of the community."""
        self._pass(CommunityActivation, batch, [self._planner[batch.conversation]] * len(batch))

    def _misfit(self, price: float, most_kw: float) -> str:
        if price > self._terms.price_cap_eur_per_kwh:
            return f"{price:g} EUR/kWh is above the product's cap of {self._terms.price_cap_eur_per_kwh:g}"
        if most_kw > self._terms.max_quantity_kw:
            return f"{most_kw:g} kW is more than the product takes ({self._terms.max_quantity_kw:g})"
        return ""

    def _pass(
        self, record: type[CommunityNeed] | type[CommunityActivation], batch: Batch[CommunityNeed] | Batch[CommunityActivation],
        receivers: list[str],
    ) -> None:  # fmt: skip
        sender = np.repeat(self.numbers([self.name]), len(batch))
        self.send_batch(record, dict(batch.columns), sender, self.numbers(receivers), batch.conversation)
