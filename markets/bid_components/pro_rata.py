r"""Components of a perimeter are cut in proportion to their quantities where their sum exceeds the capability.

.. math:: q_i^{**} = q_i \min\left(1, \frac{K}{\sum_j q_j}\right)

Source: SUC08.2 and SUC10.3 ask that a component is reduced to the limit of its perimeter and leave open how several share it.
"""

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64


def pro_rata(quantity_kw: ArrayLike, capability_kw: float, price_eur_per_kwh: ArrayLike) -> F64:
    """Limited quantities of one perimeter, hour and direction, (n,).

    Args:
        quantity_kw: of the components, at least 0, (n,).
        capability_kw: of the perimeter, at least 0; infinite: not limited.
        price_eur_per_kwh: of the bids they belong to, (n,); not looked at.
    """
    quantity = np.asarray(quantity_kw, np.float64)
    del price_eur_per_kwh
    total = quantity.sum()
    return quantity.copy() if total <= capability_kw else quantity * (capability_kw / total)
