"""Multi-level market: each distribution system operator buys first, what is left of the bids is forwarded, as it is or prequalified.

Forwarding without a look at the distribution network is not safe: what the transmission system operator activates then may break limits that the
first level kept. Prequalification cuts what is forwarded so that any part of it may be activated.

Sources: local ancillary services market model of SmartNet (Gerard et al. 2018); multi-level model of CoordiNet (D1.3, 2020); grid safety of sequential
forwarding: arXiv 2406.04889.
"""

import numpy as np

from markets.coordination.local import forwarded_kw, local_purchases
from markets.coordination.purchase import Purchase, buy
from markets.coordination.situation import Activations, Situation, change_kw


def multi_level(case: Situation, *, unmet_eur_per_kwh: float, counts: bool = True) -> Activations:
    """Distribution first, then transmission over all that is left.

    Args:
        case: bids, networks and needs.
        unmet_eur_per_kwh: from which price a need is rather left open.
        counts: whether what distribution system operators activate counts for the system's balance; if not, the transmission system operator buys as
            if they had done nothing, and their activations are left as imbalance.
    """
    return _two_levels(case, unmet_eur_per_kwh, is_prequalified=False, counts=counts)


def multi_level_prequalified(case: Situation, *, unmet_eur_per_kwh: float, counts: bool = True) -> Activations:
    """Distribution first, then transmission over what the distribution network can bear of the rest.

    Args:
        case: bids, networks and needs.
        unmet_eur_per_kwh: from which price a need is rather left open.
        counts: as in :func:`multi_level`.
    """
    return _two_levels(case, unmet_eur_per_kwh, is_prequalified=True, counts=counts)


def _two_levels(case: Situation, unmet_eur_per_kwh: float, *, is_prequalified: bool, counts: bool) -> Activations:
    taken = local_purchases(case, unmet_eur_per_kwh=unmet_eur_per_kwh)
    by_dso = np.sum([np.zeros(len(case.bids)), *taken.values()], axis=0)
    done = change_kw(case, by_dso)
    left = forwarded_kw(case, by_dso, unmet_eur_per_kwh=unmet_eur_per_kwh, is_prequalified=is_prequalified)
    purchase = Purchase(
        bids=np.ones(len(case.bids), bool),
        constraints=case.operator_of_constraint == 0,
        balance_kw=case.need_kw - (done.sum(axis=0) if counts else 0.0),
        done_kw=done,
        taken_kw=case.bids.quantity_kw - left,
    )
    by_tso, _ = buy(case, purchase, unmet_eur_per_kwh=unmet_eur_per_kwh)
    return Activations(case, {case.operators[0]: by_tso, **taken}, np.zeros(len(case.wants)))
