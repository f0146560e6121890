r"""Supply-demand ratio: the internal price falls from the buying price to the selling price as supply approaches demand.

With the lowest buying price :math:`b`, the highest selling price :math:`s`, ratio :math:`r = E / D` of supply to demand and
compensation :math:`c \in [0, 1]`, :math:`\kappa = c (b - s)`:

.. math:: p = \frac{b (s + \kappa)}{(b - s - \kappa) r + s + \kappa}\ (r < 1), \qquad p = s + \kappa / r\ (r \ge 1)

Compensation 0 is the plain ratio. With a manager, sellers receive :math:`p` and buyers pay :math:`p r + b (1 - r)` up to
:math:`r = 1`, both :math:`s` beyond (compensation 0 only): a pair that balances the manager's account.

Sources: Liu, Yu, Wang, Li, Ma, Lei: "Energy-sharing model with price-based demand response for microgrids of peer-to-peer
prosumers", IEEE Trans. Power Syst. 32 (2017) 3569-3583; compensated form of the energy-community literature (SUC01.1, SUC02.1).
"""

import numpy as np

from markets.internal_prices.mid_market import mid_market
from markets.internal_prices.offers import Offers, Residual, Trade, managed, shared
from markets.internal_prices.pool import pool


def supply_demand(offers: Offers, compensation: float = 0.0, residual: Residual = "own-retailers") -> Trade:
    """Price and trades of one interval.

    Args:
        offers: of the members.
        compensation: share of the price difference that sellers keep at equal supply and demand, in [0, 1].
        residual: who settles what the community cannot cover.

    Raises:
        ValueError: a manager with compensation, whose account would not balance.
    """
    low, high = offers.most_sell, offers.least_buy
    if residual == "manager" and compensation:
        msg = "a manager's pair of prices balances without compensation only; set compensation to 0 or residual to own-retailers"
        raise ValueError(msg)
    if np.isnan(low) or np.isnan(high):
        return mid_market(offers)  # one side is missing: nothing is traded
    if high < low:
        return pool(offers)
    price = _price(low, high, offers.ratio, compensation)
    if residual == "own-retailers":
        return shared(offers, price)
    ratio = min(offers.ratio, 1.0)
    return managed(offers, price * ratio + high * (1.0 - ratio), price)


def _price(low: float, high: float, ratio: float, compensation: float) -> float:
    kept = compensation * (high - low)
    if ratio >= 1.0:
        return low + kept / ratio
    below = (high - low - kept) * ratio + low + kept
    return high * (low + kept) / below if below > 0.0 else high
