"""Who shares with whom in a settlement period, once net loads stand (``markets.community.exchange``), and what a schedule counts then."""

from typing import NamedTuple

import numpy as np

from agents.strategies.community_lp import Answer, ties
from agents.strategies.community_view import SHORT_EUR_PER_KWH, Coefficients, Community
from agents.strategies.home_devices import ORDER
from agents.strategies.home_lp import BEYOND_EUR_PER_KWH, MISSING_EUR_PER_KWH
from data.arrays import F64
from markets.community.exchange import exchanged


class Trades(NamedTuple):
    """Energies of each member and period, (n, m) [kWh]: net = supply + bought - surplus - sold."""

    supply_kwh: F64
    surplus_kwh: F64
    bought_kwh: F64
    sold_kwh: F64


def trades(count: Coefficients, net_kwh: F64, generation_kwh: F64 | None = None) -> Trades:
    """The cheapest exchange at net loads.

    Args:
        count: what a kWh counts.
        net_kwh: net load, (n, m).
        generation_kwh: what each generated, (n, m), where that may be sold while the member consumes: what it covers of its own
            consumption is then offered too, by whom its retailer supplies for less than others pay. None: the net load decides.
    """
    own = np.zeros_like(net_kwh)
    if generation_kwh is not None:
        own = np.maximum(np.minimum(generation_kwh, net_kwh + generation_kwh), 0.0)
    deficit, excess = np.maximum(net_kwh, 0.0), np.maximum(-net_kwh, 0.0)
    offered = np.concatenate([deficit, excess, own])
    price = np.concatenate([count.supply - count.bought, count.sold - count.surplus, count.sold + count.supply])
    inside = exchanged(np.repeat([True, False, False], len(net_kwh)), offered, price)
    bought, excess_sold, own_sold = np.split(inside, 3)
    return Trades(deficit - bought + own_sold, excess - excess_sold, bought, excess_sold + own_sold)


def counted(of: Community, count: Coefficients, answer: Answer, traded: Trades) -> float:
    """What a schedule counts in the objective, ties and penalties included; without what the grid pays."""
    hours = of.view.hours
    parts = zip(count[:4], traded, strict=True)
    energy = sum(float((each * kwh).sum()) for each, kwh in parts)
    given = np.maximum(-answer.plan.battery_kw, 0.0)
    wear = float((given * count.wear[:, None]).sum()) * hours
    tie = ties(of.names, of.m, hours)
    decided = of.view.automatic[:, None]
    small = sum(float((np.abs(getattr(answer.plan, name)) * tie[name] * decided).sum()) for name in ORDER)
    small += float((answer.curtailed_kw * tie["pv"]).sum())
    missed = BEYOND_EUR_PER_KWH * answer.beyond_kwh.sum() + MISSING_EUR_PER_KWH * answer.missing_kwh.sum()
    return energy + wear + small * hours + float(missed)


def short_eur(over_kw: F64, under_kw: F64, hours: float) -> float:
    """What limits of the grid that are passed count."""
    return SHORT_EUR_PER_KWH * hours * float((over_kw + under_kw).sum())
