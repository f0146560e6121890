"""What the members of a pool get of what it earns."""

from dataclasses import dataclass

import numpy as np

from agents.strategies.bidding import Homes, earnings_eur
from data.arrays import F64, I64, Names
from markets.ledger import cents, split


@dataclass(frozen=True)
class Members:
    """Names, areas and prices of some homes, to share money among them."""

    name: Names
    area: I64
    price: F64


def member_shares(homes: Members, delivered_kwh: F64, revenue_eur: float, share_to_homes: float) -> F64:
    """Whole cents of what the members earned with one activation, shape (n,) [EUR]: their own price, and a share of the rest."""
    members = Homes(homes.name, homes.area, homes.price, np.full(len(homes.price), share_to_homes))
    exact, _ = earnings_eur(members, delivered_kwh, revenue_eur)
    total = min(cents(float(exact.sum())), cents(revenue_eur))
    if total <= 0 or not exact.sum() > 0.0:
        return np.zeros(len(exact))
    return split(total, exact) / 100.0
