"""Components of a perimeter keep their quantities cheapest first until the capability is used up; of equal prices the one received earlier.

Source: SUC08.2 and SUC10.3 ask that a component is reduced to the limit of its perimeter and leave open how several share it.
"""

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64


def merit_order(quantity_kw: ArrayLike, capability_kw: float, price_eur_per_kwh: ArrayLike) -> F64:
    """Limited quantities of one perimeter, hour and direction, (n,).

    Args:
        quantity_kw: of the components in the order of their receipt, at least 0, (n,).
        capability_kw: of the perimeter, at least 0; infinite: not limited.
        price_eur_per_kwh: of the bids they belong to, (n,).
    """
    quantity = np.asarray(quantity_kw, np.float64)
    order = np.argsort(np.asarray(price_eur_per_kwh, np.float64), kind="stable")
    before = np.cumsum(quantity[order]) - quantity[order]
    limited = np.empty_like(quantity)
    limited[order] = np.clip(capability_kw - before, 0.0, quantity[order])
    return limited
