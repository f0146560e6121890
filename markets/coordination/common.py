r"""Common market: all operators buy together under all limits; integrated: commercial parties buy in it as well, each at most at its price.

No other scheme that keeps every limit and meets every need is cheaper in what bids cost: whatever such a scheme activates could have been chosen here.

What the market costs is shared by the Shapley value of the cost :math:`c(S)` of a market held for the needs of the operators in :math:`S` alone, in
which all limits still hold: an operator whose need is served by what another one buys anyway pays little.

Sources: common and integrated flexibility market models of SmartNet (Gerard et al. 2018); joint procurement as a cooperative game: arXiv 2111.12830.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np

from data.arrays import F64
from markets.community.shapley import shapley
from markets.coordination.purchase import Purchase, buy
from markets.coordination.situation import JOINT, Activations, Situation


def common(case: Situation, *, unmet_eur_per_kwh: float) -> Activations:
    """One market for all operators.

    Args:
        case: bids, networks and needs.
        unmet_eur_per_kwh: from which price a need is rather left open.
    """
    return _buy(case, unmet_eur_per_kwh, with_wants=False)


def integrated(case: Situation, *, unmet_eur_per_kwh: float) -> Activations:
    """One market for operators and commercial parties.

    Args:
        case: bids, networks, needs, and what commercial parties want.
        unmet_eur_per_kwh: from which price a need is rather left open; a party that pays more comes first.
    """
    return _buy(case, unmet_eur_per_kwh, with_wants=True)


def _buy(case: Situation, unmet_eur_per_kwh: float, *, with_wants: bool) -> Activations:
    purchase = Purchase(
        bids=np.ones(len(case.bids), bool),
        constraints=np.ones(len(case.constraints), bool),
        balance_kw=case.need_kw,
        with_wants=with_wants,
    )
    taken, served = buy(case, purchase, unmet_eur_per_kwh=unmet_eur_per_kwh)
    return Activations(case, {JOINT: taken}, served)


def shares_eur(case: Situation, *, unmet_eur_per_kwh: float) -> F64:
    """What each operator pays of the common market's cost, open needs at their price included, (O,); they sum to it.

    Args:
        case: bids, networks and needs.
        unmet_eur_per_kwh: from which price a need is rather left open.
    """
    return np.asarray(hourly_shares_eur(case, unmet_eur_per_kwh=unmet_eur_per_kwh).sum(axis=1))


def hourly_shares_eur(case: Situation, *, unmet_eur_per_kwh: float) -> F64:
    """The same by interval, (O, T): nothing links the intervals of a market, so that each has a game of its own.

    Args:
        case: bids, networks and needs.
        unmet_eur_per_kwh: from which price a need is rather left open.
    """
    operators = range(len(case.operators))
    costs = {
        coalition: _cost_eur(case, coalition, unmet_eur_per_kwh)
        for size in operators
        for coalition in combinations(operators, size + 1)
    }
    found = [shapley(partial(_at, costs, interval), len(operators)) for interval in range(len(case.t_ms))]
    return np.array(found).reshape(-1, len(operators)).T


def _at(costs: Mapping[tuple[int, ...], F64], interval: int, coalition: tuple[int, ...]) -> float:
    return float(costs[coalition][interval])


def _cost_eur(case: Situation, operators: tuple[int, ...], unmet_eur_per_kwh: float) -> F64:
    """Cost of a market held for the needs of some operators, by interval, (T,)."""
    own = _only(case, operators)
    balance = own.need_kw if 0 in operators else None
    purchase = Purchase(np.ones(len(case.bids), bool), np.ones(len(case.constraints), bool), balance_kw=balance)
    taken, _ = buy(own, purchase, unmet_eur_per_kwh=unmet_eur_per_kwh)
    found = Activations(own, {JOINT: taken}, np.zeros(len(case.wants)))
    left = np.abs(found.outside_kw).sum(axis=0) + (0.0 if balance is None else np.abs(found.imbalance_left_kw))
    cost = np.bincount(case.interval_of_bid, taken * case.bids.price_eur_per_kwh, len(case.t_ms))
    return np.asarray((cost + left * unmet_eur_per_kwh) * case.hours)


def _only(case: Situation, operators: tuple[int, ...]) -> Situation:
    """The same networks with the needs of some operators: others' limits hold, their needs do not."""
    outside = ~np.isin(case.operator_of_constraint, operators)[:, None]
    return replace(
        case,
        low_kw=np.where(outside, np.minimum(case.low_kw, 0.0), case.low_kw),
        high_kw=np.where(outside, np.maximum(case.high_kw, 0.0), case.high_kw),
    )
