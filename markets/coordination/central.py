"""Centralised market: the transmission system operator buys alone over all bids; with traffic lights it takes from an area at most its capability.

Distribution networks are not looked at: without traffic lights what is activated may overload them, and what distribution system operators need stays
open in both. A capability is what the operator of the network has reported for the area, in each direction.

Sources: centralised ancillary services market model of SmartNet (Gerard et al. 2018); traffic lights of SUC10.2.
"""

import numpy as np

from markets.coordination.purchase import Purchase, buy
from markets.coordination.situation import Activations, Situation


def central(case: Situation, *, unmet_eur_per_kwh: float) -> Activations:
    """The transmission system operator balances and relieves its own lines at least cost.

    Args:
        case: bids, networks and needs.
        unmet_eur_per_kwh: from which price a need is rather left open.
    """
    return _buy(case, unmet_eur_per_kwh, with_lights=False)


def central_with_traffic_light(case: Situation, *, unmet_eur_per_kwh: float) -> Activations:
    """The same within the capabilities of areas.

    Args:
        case: bids, networks and needs.
        unmet_eur_per_kwh: from which price a need is rather left open.
    """
    return _buy(case, unmet_eur_per_kwh, with_lights=True)


def _buy(case: Situation, unmet_eur_per_kwh: float, *, with_lights: bool) -> Activations:
    purchase = Purchase(
        bids=np.ones(len(case.bids), bool),
        constraints=case.operator_of_constraint == 0,
        balance_kw=case.need_kw,
        with_lights=with_lights,
    )
    taken, _ = buy(case, purchase, unmet_eur_per_kwh=unmet_eur_per_kwh)
    return Activations(case, {case.operators[0]: taken}, np.zeros(len(case.wants)))
