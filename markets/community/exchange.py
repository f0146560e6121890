"""The cheapest exchange inside a community, once net loads stand.

A member that consumes saves, on a kWh bought inside, its retailer's price less the grid tariff of sharing; one that generates gives up
what its retailer pays. The greatest savings are met first from those who give up least, as long as there is something to gain; members of
equal prices share in proportion to their quantities. No other exchange costs all of them less.

Source: SUC02.1 (the net balance of each decides its side).
"""

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, Bool
from markets.internal_prices.offers import Offers
from markets.internal_prices.pool import matched


def exchanged(buys: Bool, quantity_kwh: F64, worth_eur_per_kwh: F64) -> F64:
    """What each row trades inside in every period, (n, T) [kWh].

    Args:
        buys: side of a row, (n,) or (n, T).
        quantity_kwh: offered, at least 0, (n, T).
        worth_eur_per_kwh: of a buyer what a kWh inside saves, of a seller what it gives up, (n, T).
    """
    side, inside = (
        np.broadcast_to(buys if buys.ndim == 2 else buys[:, None], quantity_kwh.shape),
        np.zeros_like(quantity_kwh),
    )
    for t in range(quantity_kwh.shape[1]):
        rows = np.flatnonzero(quantity_kwh[:, t] > 0.0)
        if side[rows, t].any() and not side[rows, t].all():
            inside[rows, t] = matched(Offers(side[rows, t], quantity_kwh[rows, t], worth_eur_per_kwh[rows, t]))
    return inside


def cost_eur(
    net_kwh: F64, buy_eur_per_kwh: ArrayLike, sell_eur_per_kwh: ArrayLike, share_eur_per_kwh: ArrayLike = 0.0
) -> float:
    """What members pay to retailers and grid with the cheapest exchange [EUR]; all arrays (n, T)."""
    buy, sell, share = (
        np.broadcast_to(np.asarray(one, np.float64), net_kwh.shape)
        for one in (buy_eur_per_kwh, sell_eur_per_kwh, share_eur_per_kwh)
    )
    buys = net_kwh > 0.0
    inside = exchanged(buys, np.abs(net_kwh), np.where(buys, buy - share, sell))
    outside = np.abs(net_kwh) - inside
    return float(np.where(buys, outside * buy + inside * share, -outside * sell).sum())
