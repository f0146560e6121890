"""Indicators of members and their community, added up day by day and shown to whoever asks (SUC02.1 O-1 to O-7).

Savings are against not taking part: the same energies at the meter, all of them with the own retailer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from environment.messages.community_settlement import (
    AllocatedEnergies,
    EnergyBid,
    MemberIndicators,
    MemberSettlement,
)

F64 = NDArray[np.float64]


@dataclass
class _Sums:
    """Of one member since it joined."""

    covered_kwh: float = 0.0
    saved_eur: float = 0.0
    shared_kwh: float = 0.0
    emissions_kg: float = 0.0
    flexibility_eur: float = 0.0
    bought_kwh: float = 0.0
    paid_eur: float = 0.0
    consumption_kwh: float = 0.0
    supplied_kwh: float = 0.0


class Indicators:
    """Sums by member.

    Args:
        grid_tariff_eur_per_kwh: of shared energy, which is part of what a kWh bought inside costs.
    """

    def __init__(self, grid_tariff_eur_per_kwh: float) -> None:
        self._grid = grid_tariff_eur_per_kwh
        self._of: dict[str, _Sums] = {}

    @staticmethod
    def avoided_kg(one: AllocatedEnergies, carbon_g_per_kwh: F64) -> float:
        """CO2 of what retailers would have supplied in place of the community's energy."""
        return float((one.self_consumed_kwh * carbon_g_per_kwh[: len(one.self_consumed_kwh)]).sum()) / 1000.0

    def add(
        self,
        energies: Sequence[AllocatedEnergies],
        settled: Sequence[MemberSettlement],
        carbon_g_per_kwh: F64,
        bids: Sequence[EnergyBid],
    ) -> None:
        """Add a day; rows are members in one order.

        Args:
            energies: as validated.
            settled: compensations.
            carbon_g_per_kwh: of what retailers supply, (T,).
            bids: with what each consumed behind its meter.
        """
        for one, money, bid in zip(energies, settled, bids, strict=True):
            sums = self._of.setdefault(one.member, _Sums())
            outside = money.supply_eur - money.surplus_eur + money.grid_eur + money.internal_eur
            inside = outside - money.flexibility_eur + money.shortfall_eur
            sums.covered_kwh += money.self_consumed_kwh
            sums.saved_eur += money.alone_eur - inside
            sums.shared_kwh += money.sold_kwh
            sums.emissions_kg += self.avoided_kg(one, carbon_g_per_kwh)
            sums.flexibility_eur += money.flexibility_eur - money.shortfall_eur
            sums.bought_kwh += money.bought_kwh
            sums.paid_eur += max(money.internal_eur, 0.0) if money.bought_kwh > 0.0 else 0.0
            sums.supplied_kwh += money.supplied_kwh
            sums.consumption_kwh += float(bid.consumption_kwh.sum())

    def knows(self, member: str) -> bool:
        """Whether a day of the member is settled."""
        return member in self._of

    def of(self, member: str) -> MemberIndicators:
        """What the member and its community come to."""
        sums = self._of[member]
        rate = sums.paid_eur / sums.bought_kwh if sums.bought_kwh > 0.0 else 0.0
        own = max(sums.consumption_kwh, 1e-9)
        return MemberIndicators(
            member=member, energy_savings_kwh=sums.covered_kwh, money_savings_eur=sums.saved_eur, shared_kwh=sums.shared_kwh,
            emissions_reduction_kg=sums.emissions_kg, flexibility_eur=sums.flexibility_eur, average_rate_eur_per_kwh=rate,
            self_sufficiency_percent=float(np.clip(100.0 * (1.0 - sums.supplied_kwh / own), 0.0, 100.0)),
            community_shared_kwh=sum(one.shared_kwh for one in self._of.values()),
            community_savings_eur=sum(one.saved_eur for one in self._of.values()),
        )  # fmt: skip
