r"""Post-delivery pool: aggregated curves of buyers and sellers cross, all trades at one price in the equilibrium interval.

Buyers by price down, sellers by price up, matched while a buyer offers at least what a seller asks. Offers of one price share what is
left for them in proportion. Every price in

.. math:: [\max(\text{last seller taken}, \text{first buyer left}),\ \min(\text{last buyer taken}, \text{first seller left})]

clears the pool (an offer taken in part is both taken and left, and pins the price); which of them it is, is a named
rule: the lower end, the middle or the upper end. Buyers gain most at the lower end.

Sources: SUC01.1, SUC02.1 (post-delivery pool); competitive price set of a uniform-price call market.
"""

from typing import Literal

import numpy as np

from data.arrays import F64
from markets.internal_prices.offers import Offers, Trade

Pick = Literal["lower", "middle", "upper"]


def pool(offers: Offers, pick: Pick = "middle") -> Trade:
    """Price and trades of one interval.

    Args:
        offers: of the members; every rest goes to the member's own retailer.
        pick: which price of the equilibrium interval. Where nothing is traded the price is NaN.
    """
    traded = matched(offers)
    if not traded.any():
        nan = float("nan")
        return Trade(nan, nan, traded, np.zeros(len(traded)), 0.0, (nan, nan))
    low, high = _interval(offers, traded)
    price = {"lower": low, "middle": (low + high) / 2.0, "upper": high}[pick]
    paid = np.where(offers.buys, traded, -traded) * price
    return Trade(price, price, traded, paid, 0.0, (low, high))


def matched(offers: Offers) -> F64:
    """What each offer trades: as much as can be matched at no loss, the best prices first."""
    prices = np.unique(offers.price_eur_per_kwh)
    demand = np.array([offers.quantity_kwh[offers.buys & (offers.price_eur_per_kwh >= p)].sum() for p in prices])
    supply = np.array([offers.quantity_kwh[~offers.buys & (offers.price_eur_per_kwh <= p)].sum() for p in prices])
    inside = float(np.minimum(demand, supply).max(initial=0.0))
    traded = np.zeros(len(offers.buys))
    for side, order in ((offers.buys, prices[::-1]), (~offers.buys, prices)):
        left = inside
        for price in order:
            rows = side & (offers.price_eur_per_kwh == price)
            offered = float(offers.quantity_kwh[rows].sum())
            if offered > 0.0 and left > 0.0:
                traded[rows] = offers.quantity_kwh[rows] * min(left / offered, 1.0)
                left = max(left - offered, 0.0)
    return traded


def _interval(offers: Offers, traded: F64) -> tuple[float, float]:
    tolerance = 1e-12 * offers.quantity_kwh.max()
    taken, left = traded > tolerance, offers.quantity_kwh - traded > tolerance
    price, buys = offers.price_eur_per_kwh, offers.buys
    low = max(price[~buys & taken].max(), price[buys & left].max(initial=-np.inf))
    high = min(price[buys & taken].min(), price[~buys & left].min(initial=np.inf))
    return float(low), float(high)
