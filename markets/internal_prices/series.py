r"""An internal price rule over many intervals: net balances of members in, prices, trades and payments out.

In each interval a member that consumes more than it generates buys its net energy, at no more than its opportunity cost; one that
generates more sells its own (SUC01.1, SUC02.1: all four mechanisms begin with net balances).
"""

from dataclasses import dataclass

import numpy as np

from data.arrays import F64, I64
from markets.allocation.energies import PER_KWH, whole
from markets.internal_prices.offers import InternalPrice, Offers

_NOTHING_KWH = 1e-9
_LESS_THAN_ONE_KWH = 0.5 / PER_KWH
"""Less rounds to no mWh."""


@dataclass(frozen=True, eq=False)
class TradeSeries:
    """What was traded inside.

    Attributes:
        price_eur_per_kwh: what sellers receive, shape (T,); NaN where nothing was traded.
        traded_kwh: bought (positive) or sold by each member, shape (n, T).
        paid_eur: by each member for it, negative where it receives, shape (n, T).
        lowest_eur_per_kwh: lower end of the prices at which the trades stand, shape (T,).
        highest_eur_per_kwh: upper end, likewise.
    """

    price_eur_per_kwh: F64
    traded_kwh: F64
    paid_eur: F64
    lowest_eur_per_kwh: F64
    highest_eur_per_kwh: F64


def trade_series(
    net_kwh: F64, buyer_eur_per_kwh: F64, seller_eur_per_kwh: F64, rule: InternalPrice, nothing_kwh: float = _NOTHING_KWH
) -> TradeSeries:  # fmt: skip
    """Apply a rule interval by interval.

    Args:
        net_kwh: of each member at its meter, consuming positive, shape (n, T).
        buyer_eur_per_kwh: opportunity cost of buying, shape (n, T).
        seller_eur_per_kwh: opportunity cost of selling, shape (n, T).
        rule: one with own retailers for the rest.
        nothing_kwh: so little is not offered.
    """
    n, steps = net_kwh.shape
    price, low, high = np.full((3, steps), np.nan)
    traded, paid = np.zeros((n, steps)), np.zeros((n, steps))
    both = (net_kwh > nothing_kwh).any(axis=0) & (net_kwh < -nothing_kwh).any(axis=0)
    for step in np.flatnonzero(both):
        rows = np.flatnonzero(np.abs(net_kwh[:, step]) > nothing_kwh)
        buys = net_kwh[rows, step] > 0.0
        limit = np.where(buys, buyer_eur_per_kwh[rows, step], seller_eur_per_kwh[rows, step])
        trade = rule(Offers(buys, np.abs(net_kwh[rows, step]), limit))
        if trade.traded_kwh.any():
            price[step], (low[step], high[step]) = trade.sell_eur_per_kwh, trade.interval
            traded[rows, step] = np.where(buys, trade.traded_kwh, -trade.traded_kwh)
            paid[rows, step] = trade.paid_eur
    return TradeSeries(price, traded, paid, low, high)


@dataclass(frozen=True, eq=False)
class Trades:
    """Internal trades in whole mWh: energies, (n, T) [kWh], and of every interval price and equilibrium interval, (T,) [EUR/kWh]; 0 without trade."""

    bought_kwh: F64
    sold_kwh: F64
    price_eur_per_kwh: F64
    lowest_eur_per_kwh: F64
    highest_eur_per_kwh: F64
    demand_kwh: F64
    supply_kwh: F64


def cleared(volume_kwh: F64, limit_eur_per_kwh: F64, rule: InternalPrice) -> Trades:
    """Clear bids: what is bought is sold, in whole mWh, and nobody trades more than it bid.

    Args:
        volume_kwh: wanted (positive) or offered, (n, T).
        limit_eur_per_kwh: most that is paid, or least that is taken, (n, T).
        rule: one with own retailers for the rest.
    """
    made = trade_series(volume_kwh, limit_eur_per_kwh, limit_eur_per_kwh, rule, _LESS_THAN_ONE_KWH)
    bought, sold = np.zeros(volume_kwh.shape), np.zeros(volume_kwh.shape)
    price, low, high = np.zeros((3, volume_kwh.shape[1]))
    for t in np.flatnonzero(~np.isnan(made.price_eur_per_kwh)):
        volume, traded = volume_kwh[:, t], np.abs(made.traded_kwh[:, t])
        sides = [np.flatnonzero(sign * volume > _LESS_THAN_ONE_KWH) for sign in (1.0, -1.0)]
        most = [whole(np.abs(volume[rows])) for rows in sides]
        total = min(int(whole(traded[rows].sum())) for rows in sides)
        total = min(total, *(int(limit.sum()) for limit in most))
        if not total:
            continue
        for table, rows, limit in zip((bought, sold), sides, most, strict=True):
            table[rows, t] = _cut(total, traded[rows], limit) / PER_KWH
        price[t], low[t], high[t] = made.price_eur_per_kwh[t], made.lowest_eur_per_kwh[t], made.highest_eur_per_kwh[t]
    demand, supply = np.maximum(volume_kwh, 0.0).sum(axis=0), np.maximum(-volume_kwh, 0.0).sum(axis=0)
    return Trades(bought, sold, price, low, high, demand, supply)


def _cut(total: int, parts_kwh: F64, most: I64) -> I64:
    """Energies in whole mWh that sum to a total, nobody above what it offered: by largest remainder among those with room."""
    exact = np.minimum(parts_kwh * PER_KWH, most)
    cut = np.floor(exact).astype(np.int64)
    while (missing := total - int(cut.sum())) != 0:
        step = 1 if missing > 0 else -1
        room = np.flatnonzero(cut < most if step > 0 else cut > 0)
        first = room[np.argsort(-step * (exact - cut)[room], kind="stable")][: abs(missing)]
        cut[first] += step
    return cut
