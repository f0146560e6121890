"""Wants of commercial parties as messages: columns of a situation, and what became of them."""

from collections.abc import Sequence

import numpy as np

from environment.messages.global_market import CommercialPurchase, FlexibilityWant
from markets.coordination.commercial import prices_eur_per_kwh
from markets.coordination.situation import Activations, WantColumns
from markets.traffic_light import HOURS_OF_DAY

TINY_KW = 1e-6
"""Less than this is not short."""


def wanted(wants: Sequence[FlexibilityWant]) -> WantColumns:
    """Columns of the wants of a session, 24 hours of each after the other."""
    if not wants:
        return WantColumns.none()
    n = len(wants)
    return WantColumns(
        np.repeat([one.buyer for one in wants], HOURS_OF_DAY),
        np.repeat([one.direction == "up" for one in wants], HOURS_OF_DAY),
        np.tile(np.arange(HOURS_OF_DAY, dtype=np.int64), n),
        np.concatenate([one.quantity_kw for one in wants]),
        np.repeat([one.price_eur_per_kwh for one in wants], HOURS_OF_DAY),
    )


def sales(wants: Sequence[FlexibilityWant], found: Activations) -> list[CommercialPurchase]:
    """What each of the wants of a session was served, in their order.

    Args:
        wants: those whose columns the situation has.
        found: what the scheme made of it.
    """
    served = found.served_kw.reshape(-1, HOURS_OF_DAY)
    price = prices_eur_per_kwh(found).reshape(-1, HOURS_OF_DAY)
    return [
        CommercialPurchase(
            want=one.want, session=one.session, buyer=one.buyer, direction=one.direction, from_ms=one.from_ms, served_kw=served[k],
            price_eur_per_kwh=price[k],
            reason="" if (served[k] >= one.quantity_kw - TINY_KW).all() else "not sold under this scheme, or others pay more",
        )
        for k, one in enumerate(wants)
    ]  # fmt: skip
