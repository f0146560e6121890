"""Fragmented market: distribution system operators buy in their networks, the transmission system operator only in its own.

Source: fragmented market model of CoordiNet (D1.3, 2020).
"""

import numpy as np

from markets.coordination.local import local_purchases
from markets.coordination.purchase import Purchase, buy
from markets.coordination.situation import Activations, Situation, change_kw


def fragmented(case: Situation, *, unmet_eur_per_kwh: float, counts: bool = True) -> Activations:
    """Two disjoint markets.

    Args:
        case: bids, networks and needs.
        unmet_eur_per_kwh: from which price a need is rather left open.
        counts: whether what distribution system operators activate counts for the system's balance; if not, it is left as imbalance.
    """
    taken = local_purchases(case, unmet_eur_per_kwh=unmet_eur_per_kwh)
    done = change_kw(case, np.sum([np.zeros(len(case.bids)), *taken.values()], axis=0))
    purchase = Purchase(
        bids=case.operator_of_bid == 0,
        constraints=case.operator_of_constraint == 0,
        balance_kw=case.need_kw - (done.sum(axis=0) if counts else 0.0),
        done_kw=done,
    )
    by_tso, _ = buy(case, purchase, unmet_eur_per_kwh=unmet_eur_per_kwh)
    return Activations(case, {case.operators[0]: by_tso, **taken}, np.zeros(len(case.wants)))
