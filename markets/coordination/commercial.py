r"""What commercial parties get and pay in a market that they share with operators.

A party that is short buys upward, one that is long downward, at most at its own value. What they are served is what the market activates beyond what operators
need. In an interval and direction nothing tells whose a kWh of a bid is, so all buyers of it pay alike: commercial parties get the same part of every bid
that is activated there, and pay its mean price, but no more than their own. What the market covers by what the system has too much of, no bid is paid for.

The transmission system operator, which settles, stands between: it pays the sellers and is paid by the parties; what a party's limit leaves of the mean price it bears.
Energy changes hands at the day-ahead price beside the price of the change, as for sellers (``markets.balancing.delivery``).

Sources: integrated flexibility market model of SmartNet (Gerard et al. 2018), in which regulated and commercial parties compete; rules of payment are ours.
"""

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64
from markets.coordination.situation import Activations
from markets.ledger import cents


def _group(interval: I64, is_up: ArrayLike) -> I64:
    """Number of an interval and direction."""
    return np.asarray(2 * interval + np.asarray(is_up, np.int64))


def commercial_kw(found: Activations) -> F64:
    """Part of each bid that is activated for commercial parties, (n,)."""
    part, of_bid = _part(found)
    return np.asarray(found.accepted_kw * part[of_bid])


def _part(found: Activations) -> tuple[F64, I64]:
    """Part of what is activated in each interval and direction that commercial parties get, and the number of that of each bid, (n,)."""
    case, groups = found.situation, 2 * len(found.situation.t_ms)
    of_bid, of_want = _group(case.interval_of_bid, case.bids.up), _group(case.wants.interval, case.wants.up)
    taken = np.bincount(of_bid, found.accepted_kw, groups)
    served = np.bincount(of_want, found.served_kw, groups)
    return np.divide(np.minimum(served, taken), taken, out=np.zeros(groups), where=taken > 0.0), of_bid


def prices_eur_per_kwh(found: Activations) -> F64:
    """What each want pays for a kWh that it gets, beside the energy, at most its own price, (w,)."""
    case, groups = found.situation, 2 * len(found.situation.t_ms)
    of_want = _group(case.wants.interval, case.wants.up)
    part, of_bid = _part(found)
    cost = np.bincount(of_bid, found.accepted_kw * part[of_bid] * case.bids.price_eur_per_kwh, groups)
    served = np.bincount(of_want, found.served_kw, groups)
    mean = np.divide(cost, served, out=np.zeros(groups), where=served > 0.0)
    return np.asarray(np.minimum(mean[of_want], case.wants.price_eur_per_kwh))


def due_eur(is_up: bool, served_kw: ArrayLike, price_eur_per_kwh: ArrayLike, day_ahead_eur_per_kwh: float) -> float:
    """What a party owes for the hours of a day, in whole cents; below 0 it is paid: who is long gives energy away.

    Args:
        is_up: it buys upward: change and energy; downward it pays for the change and sells the energy.
        served_kw: of each hour.
        price_eur_per_kwh: of the change, same shape.
        day_ahead_eur_per_kwh: value of energy.
    """
    served, price = np.asarray(served_kw, np.float64), np.asarray(price_eur_per_kwh, np.float64)
    worth = day_ahead_eur_per_kwh if is_up else -day_ahead_eur_per_kwh
    return cents(float((served * (price + worth)).sum())) / 100.0
