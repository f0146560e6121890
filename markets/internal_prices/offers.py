"""What members of an energy community offer each other in one interval, and what an internal price makes of it.

A member that consumes more than it generates buys, at no more than its retailer asks; one that generates more sells, at no
less than its retailer pays. Two ways with what the community cannot cover itself, which are not to be mixed:

*own retailers*: every member settles its rest with its own retailer; inside there is one price, and what buyers pay
sellers receive.

*manager*: the community's manager holds the contract with the grid, buys from and sells to all members at a pair of prices,
and covers the rest itself at the lowest buying and the highest selling price; its account balances.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from data.arrays import F64, Bool

Residual = Literal["own-retailers", "manager"]


@dataclass(frozen=True, eq=False)
class Offers:
    """Offers of one interval, one row each.

    Attributes:
        buys: whether the member buys, shape (n,).
        quantity_kwh: above 0, shape (n,).
        price_eur_per_kwh: of a buyer the most, of a seller the least, shape (n,).
    """

    buys: Bool
    quantity_kwh: F64
    price_eur_per_kwh: F64

    @property
    def demand_kwh(self) -> float:
        """All that is to be bought."""
        return float(self.quantity_kwh[self.buys].sum())

    @property
    def supply_kwh(self) -> float:
        """All that is to be sold."""
        return float(self.quantity_kwh[~self.buys].sum())

    @property
    def ratio(self) -> float:
        """Supply to demand; infinite without demand."""
        return self.supply_kwh / self.demand_kwh if self.demand_kwh > 0.0 else float("inf")

    @property
    def least_buy(self) -> float:
        """Lowest buying price of any member; NaN without buyers."""
        return float(np.min(self.price_eur_per_kwh[self.buys])) if self.buys.any() else float("nan")

    @property
    def most_sell(self) -> float:
        """Highest selling price of any member; NaN without sellers."""
        return float(np.max(self.price_eur_per_kwh[~self.buys])) if (~self.buys).any() else float("nan")


@dataclass(frozen=True, eq=False)
class Trade:
    """What became of offers.

    Attributes:
        buy_eur_per_kwh: what buyers pay inside.
        sell_eur_per_kwh: what sellers receive inside.
        traded_kwh: of each offer, inside, shape (n,).
        paid_eur: what each member pays inside, negative where it receives, shape (n,).
        manager_eur: what the manager is left with after it has covered the rest; 0 within rounding.
        interval: lowest and highest price at which the trades stand; both the price where the rule knows no other.
    """

    buy_eur_per_kwh: float
    sell_eur_per_kwh: float
    traded_kwh: F64
    paid_eur: F64
    manager_eur: float
    interval: tuple[float, float]


class InternalPrice(Protocol):
    """An internal price rule."""

    def __call__(self, offers: Offers) -> Trade:
        """Price and trades of the offers."""


def shared(offers: Offers, price: float, interval: tuple[float, float] | None = None) -> Trade:
    """One price for all: the shorter side trades all, the longer side in proportion to its quantities; rests go to own retailers."""
    traded = offers.quantity_kwh * _traded_share(offers)
    paid = np.where(offers.buys, traded, -traded) * price
    return Trade(price, price, traded, paid, 0.0, interval or (price, price))


def _traded_share(offers: Offers) -> F64:
    inside = min(offers.demand_kwh, offers.supply_kwh)
    buyers = inside / offers.demand_kwh if offers.demand_kwh > 0.0 else 0.0
    sellers = inside / offers.supply_kwh if offers.supply_kwh > 0.0 else 0.0
    return np.where(offers.buys, buyers, sellers)


def managed(offers: Offers, buy: float, sell: float) -> Trade:
    """A pair of prices: the manager trades everything with the members and the rest with the grid."""
    quantity, demand, supply = offers.quantity_kwh, offers.demand_kwh, offers.supply_kwh
    paid = np.where(offers.buys, quantity * buy, -quantity * sell)
    rest = (demand - supply) * offers.least_buy if demand > supply else (demand - supply) * offers.most_sell
    return Trade(buy, sell, quantity.copy(), paid, float(paid.sum() - (rest if demand != supply else 0.0)), (sell, buy))
