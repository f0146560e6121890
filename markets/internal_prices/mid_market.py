r"""Mid-market rate: inside, members trade half-way between what retailers ask and what they pay.

With the lowest buying price :math:`b` and the highest selling price :math:`s` of any member (they may have different retailers) the
price is :math:`(b + s) / 2`. Where no price lies between the two (:math:`b < s`) the post-delivery pool sets it; where one side is
missing nothing is traded, and the price named is that of the other side.

With a manager, who covers what is missing and sells what is left at the grid's prices, the longer side shares its rest:
with supply :math:`E` below demand :math:`D` buyers pay :math:`(E p + (D - E) b) / D`, above it sellers receive
:math:`(D p + (E - D) s) / E`.

Sources: SUC02.1 (mid-market rate, different retailers); Long, Wu, Zhang, Thomas, Cheng, Jenkins: "Peer-to-peer
energy trading in a community microgrid", IEEE PES General Meeting 2017 (residual at grid prices).
"""

import numpy as np

from markets.internal_prices.offers import Offers, Residual, Trade, managed, shared
from markets.internal_prices.pool import pool


def mid_market(offers: Offers, residual: Residual = "own-retailers", weight: float = 0.5) -> Trade:
    """Price and trades of one interval.

    Args:
        offers: of the members.
        residual: who settles what the community cannot cover.
        weight: of the buying price, in [0, 1]; 1/2 is the mid-market rate.
    """
    low, high = offers.most_sell, offers.least_buy
    if np.isnan(low) or np.isnan(high):
        return _one_sided(offers)
    if high < low:
        return pool(offers)
    price = low + weight * (high - low)
    if residual == "own-retailers":
        return shared(offers, price)
    demand, supply = offers.demand_kwh, offers.supply_kwh
    if supply <= demand:
        return managed(offers, (supply * price + (demand - supply) * high) / demand, price)
    return managed(offers, price, (demand * price + (supply - demand) * low) / supply)


def _one_sided(offers: Offers) -> Trade:
    """Only buyers or only sellers: nothing is traded; the price named is the highest asked of buyers, the lowest paid to sellers."""
    prices = offers.price_eur_per_kwh
    if not len(prices):
        return shared(offers, 0.0)
    return shared(offers, float(prices.max() if offers.buys.any() else prices.min()))
