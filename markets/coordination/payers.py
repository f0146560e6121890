"""Which operator pays for what of each bid.

Who buys alone pays for what it buys. What operators buy together is paid hour by hour in proportion to their Shapley shares of that hour's cost, less what
each one's own open needs are worth: nobody pays for a need that was left open.
"""

from collections.abc import Mapping

import numpy as np

from data.arrays import F64
from markets.coordination.commercial import commercial_kw
from markets.coordination.common import hourly_shares_eur
from markets.coordination.situation import JOINT, Activations

LEAST_EUR = 1e-6
"""Shares below this are noise of the solver."""


def allotted_kw(found: Activations, *, unmet_eur_per_kwh: float, shares_eur: F64 | None = None) -> Mapping[str, F64]:
    """What each operator pays for of each bid, at the bid's own price: operator -> (n,); they sum to what is activated.

    What is activated for commercial parties in a joint market the first operator pays for, the transmission system operator: they pay it back to it
    (:mod:`markets.coordination.commercial`). Of the rest operators pay their parts.

    Args:
        found: what a scheme made of a situation.
        unmet_eur_per_kwh: from which price a need is rather left open.
        shares_eur: ``hourly_shares_eur`` of the situation, where it is known already.
    """
    operators = found.situation.operators
    if JOINT not in found.taken_kw:
        return {name: found.taken_kw.get(name, np.zeros(len(found.situation.bids))) for name in operators}
    all_parts = joint_parts(found, unmet_eur_per_kwh=unmet_eur_per_kwh, shares_eur=shares_eur)
    parts = all_parts[:, found.situation.interval_of_bid]
    for_others = commercial_kw(found)
    paid = {name: (found.accepted_kw - for_others) * parts[number] for number, name in enumerate(operators)}
    return {name: kw + for_others if name == operators[0] else kw for name, kw in paid.items()}


def joint_parts(found: Activations, *, unmet_eur_per_kwh: float, shares_eur: F64 | None = None) -> F64:
    """Part of a joint market's cost that each operator pays in each interval, (O, T); they sum to 1.

    Args:
        found: a joint market.
        unmet_eur_per_kwh: from which price a need is rather left open.
        shares_eur: as in :func:`allotted_kw`.
    """
    case = found.situation
    open_kw = np.zeros((len(case.operators), len(case.t_ms)))
    np.add.at(open_kw, case.operator_of_constraint, np.abs(found.outside_kw))
    open_kw[0] += np.abs(found.imbalance_left_kw)
    shares = hourly_shares_eur(case, unmet_eur_per_kwh=unmet_eur_per_kwh) if shares_eur is None else shares_eur
    paid = _quiet(shares - open_kw * case.hours * unmet_eur_per_kwh)
    # Where nothing is left to be paid, by open needs alone; where there are none, the first operator pays what costs nothing.
    paid = np.where(paid.any(axis=0), paid, _quiet(shares))
    paid[0, ~paid.any(axis=0)] = 1.0
    return np.asarray(paid / paid.sum(axis=0))


def _quiet(eur: F64) -> F64:
    return np.where(eur < LEAST_EUR, 0.0, eur)
