"""What a flexibility service provider is told, whom it has contracts with, and what the DSO has engaged of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from data.arrays import F64, I64
from environment.messages.procurement import Bid, SessionPublication
from markets.baselines.method import Method
from markets.settlement.blocks import Block
from markets.settlement.cases import Settle
from markets.settlement.linear_with_grace import settle


@dataclass(frozen=True)
class FspTerms:
    """What an FSP is told.

    Attributes:
        dso: role address of the DSO.
        derms: address of its DERMS.
        market: role address of the market operator.
        baselines_to: address that keeps its baselines: the GDBN, or the DSO's database where the DSO settles.
        papers: documents of its participant file.
        papers_until_ms: end of their validity.
        margin_share: added to the homes' prices when it bids.
        share_to_homes: part of what it earns above their own prices that goes to the homes.
        blocks: price steps of a bid in each area.
        delivers_share: part of an order that it passes on (a fault below 1).
        offers_times: how many times what its members could do it reports and offers (a fault above 1).
        inflates_times: how many times what its members planned it declares as their baseline where it bids (a fault above 1).
        telemetry_wait_s: how long it watches assets before it shares their flexibility.
        feedback_wait_s: how long it waits for its members' answers to a signal.
        rounds: how often it asks others for what its members cannot do.
        standing_eur_per_kwh: price of its standing contract with the DSO where there is no market; None where there is one.
        provider: role address of the platform provider.
        reports_every_s: how often it reports what it has available under that contract.
        settle: the rule by which it checks what the DSO says that it earned.
        method: the baseline rule that was agreed on.
        availability_eur_per_kw_h: what it asks for a kW held ready for an hour, where the product pays that.
    """

    dso: str
    derms: str
    market: str
    baselines_to: str
    papers: tuple[str, ...]
    papers_until_ms: int
    margin_share: float = 0.1
    share_to_homes: float = 0.7
    blocks: int = 3
    delivers_share: float = 1.0
    offers_times: float = 1.0
    inflates_times: float = 1.0
    telemetry_wait_s: float = 1200.0
    feedback_wait_s: float = 15.0
    rounds: int = 4
    standing_eur_per_kwh: float | None = None
    provider: str = "dpp-1"
    reports_every_s: float = 3600.0
    settle: Settle = settle
    method: Method = field(default_factory=Method)
    availability_eur_per_kw_h: float = 0.0

    def inflation(self, bids: Iterable[Bid]) -> dict[str, F64]:
        """By area, the part of its members' net load by which each interval of a baseline is false: where it bids, in the direction that pays."""
        false: dict[str, F64] = {}
        if self.inflates_times != 1.0:
            for bid in bids:
                part = (self.inflates_times - 1.0) * (1.0 if bid.direction == "up" else -1.0)
                before = false.get(bid.area, np.zeros(len(bid.quantity_kw)))
                false[bid.area] = np.where(bid.quantity_kw > 0.0, part, before)
        return false

    def highest_eur_per_kwh(self, session: SessionPublication) -> float:
        """The highest price of its energy at which it can bid below the session's cap.

        Where availability is all that is paid, its price has to cover the energy too: what is bought is expected to be called.
        """
        only = session.remuneration == "availability"
        return (
            session.availability_cap_eur_per_kw_h - self.availability_eur_per_kw_h
            if only
            else session.price_cap_eur_per_kwh
        )

    def asked(self, session: SessionPublication, energy_eur_per_kwh: float) -> tuple[float, float]:
        """Activation price [EUR/kWh] and availability price [EUR/kW/h] of a bid whose energy costs so much."""
        if session.remuneration == "activation":
            return energy_eur_per_kwh, 0.0
        if session.remuneration == "availability":
            return 0.0, round(energy_eur_per_kwh + self.availability_eur_per_kw_h, 6)
        return energy_eur_per_kwh, self.availability_eur_per_kw_h

    @property
    def ceiling_eur_per_kwh(self) -> float:
        """What it can pay a member at most and keep its margin; no limit on a market, where it names its own price."""
        return np.inf if self.standing_eur_per_kwh is None else self.standing_eur_per_kwh / (1.0 + self.margin_share)


@dataclass(frozen=True)
class Portfolio:
    """The contracted homes and plants.

    Attributes:
        home: their names, in the order of their device addresses.
        home_address: numbers of their addresses, shape (n,).
        device_address: numbers of their device addresses, ascending, shape (n,).
        meter: names of their metering points.
        area: local area of each home.
    """

    home: Sequence[str]
    home_address: I64
    device_address: I64
    meter: Sequence[str]
    area: Sequence[str]


@dataclass
class Contract:
    """What the DSO engaged of this FSP in one area: one block for each cleared bid, or one without limit under a standing contract."""

    name: str
    area: str
    blocks: list[Block]
