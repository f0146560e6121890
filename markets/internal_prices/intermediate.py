r"""Intermediate rate: inside, members trade at a weighted mean of what retailers ask and what they pay.

The price is :math:`w b + (1 - w) s` with the lowest buying price :math:`b` and the highest selling price :math:`s`; weight 1/2 is the
mid-market rate, whose module says what happens without a price between the two and with a manager.

Source: SUC02.1 (intermediate market rate; the weight is not given there).
"""

from markets.internal_prices.mid_market import mid_market
from markets.internal_prices.offers import Offers, Residual, Trade


def intermediate(offers: Offers, weight: float, residual: Residual = "own-retailers") -> Trade:
    """Price and trades of one interval.

    Args:
        offers: of the members.
        weight: of the buying price, in [0, 1].
        residual: who settles what the community cannot cover.
    """
    return mid_market(offers, residual, weight)
