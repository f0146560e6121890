"""Shared balancing responsibility: each distribution system operator balances its own area to a fixed schedule at its interface.

The imbalance of a distribution area is its operator's to cover with bids from that area; the transmission system operator balances the rest with bids
connected to its own network.

Source: shared balancing responsibility model of SmartNet (Gerard et al. 2018).
"""

import numpy as np

from markets.coordination.local import local_purchases
from markets.coordination.purchase import Purchase, buy
from markets.coordination.situation import Activations, Situation, change_kw


def shared_balancing(case: Situation, *, unmet_eur_per_kwh: float) -> Activations:
    """One balance an operator.

    Args:
        case: bids, networks and needs; ``imbalance_kw`` says whose imbalance it is.
        unmet_eur_per_kwh: from which price a need is rather left open.
    """
    taken = local_purchases(case, unmet_eur_per_kwh=unmet_eur_per_kwh, is_balanced=True)
    purchase = Purchase(
        bids=case.operator_of_bid == 0,
        constraints=case.operator_of_constraint == 0,
        balance_kw=case.imbalance_kw[0],
        done_kw=change_kw(case, np.sum([np.zeros(len(case.bids)), *taken.values()], axis=0)),
    )
    by_tso, _ = buy(case, purchase, unmet_eur_per_kwh=unmet_eur_per_kwh)
    return Activations(case, {case.operators[0]: by_tso, **taken}, np.zeros(len(case.wants)))
