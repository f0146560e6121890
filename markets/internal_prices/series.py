"""An internal price rule over many intervals: net balances of members in, prices, trades and payments out.

In each interval a member that consumes more than it generates buys its net energy, at no more than its opportunity cost; one that
generates more sells its own (SUC01.1, SUC02.1: all four mechanisms begin with net balances).
"""

from dataclasses import dataclass

import numpy as np

from markets.internal_prices.offers import F64, InternalPrice, Offers

_NOTHING_KWH = 1e-9


@dataclass(frozen=True, eq=False)
class TradeSeries:
    """What was traded inside.

    Attributes:
        price_eur_per_kwh: what sellers receive, shape (T,); NaN where nothing was traded.
        traded_kwh: bought (positive) or sold by each member, shape (n, T).
        paid_eur: by each member for it, negative where it receives, shape (n, T).
    """

    price_eur_per_kwh: F64
    traded_kwh: F64
    paid_eur: F64


def trade_series(net_kwh: F64, buyer_eur_per_kwh: F64, seller_eur_per_kwh: F64, rule: InternalPrice) -> TradeSeries:
    """Apply a rule interval by interval.

    Args:
        net_kwh: of each member at its meter, consuming positive, shape (n, T).
        buyer_eur_per_kwh: opportunity cost of buying, shape (n, T).
        seller_eur_per_kwh: opportunity cost of selling, shape (n, T).
        rule: one with own retailers for the rest.
    """
    n, steps = net_kwh.shape
    price = np.full(steps, np.nan)
    traded, paid = np.zeros((n, steps)), np.zeros((n, steps))
    both = (net_kwh > _NOTHING_KWH).any(axis=0) & (net_kwh < -_NOTHING_KWH).any(axis=0)
    for step in np.flatnonzero(both):
        rows = np.flatnonzero(np.abs(net_kwh[:, step]) > _NOTHING_KWH)
        buys = net_kwh[rows, step] > 0.0
        limit = np.where(buys, buyer_eur_per_kwh[rows, step], seller_eur_per_kwh[rows, step])
        trade = rule(Offers(buys, np.abs(net_kwh[rows, step]), limit))
        if trade.traded_kwh.any():
            price[step] = trade.sell_eur_per_kwh
            traded[rows, step] = np.where(buys, trade.traded_kwh, -trade.traded_kwh)
            paid[rows, step] = trade.paid_eur
    return TradeSeries(price, traded, paid)
