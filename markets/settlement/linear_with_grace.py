r"""Linear settlement with a grace band: full pay from a delivered share on, below it every missing point costs several.

Of each interval, with ordered power :math:`o`, delivered power :math:`d` (capped at the order: no pay for more;
floored at zero), grace :math:`g` and slope :math:`k`:

.. math::
    \text{share} = \begin{cases}1 & d/o \ge g\\ \max(0,\ 1 - k\,(g - d/o)) & \text{otherwise}\end{cases}

remuneration = share * ordered energy * price; penalty = penalty price * the energy missing below the grace,
:math:`\max(0, g\,o - d)`, only if the product has a penalty (SUC06.3); net payment = remuneration - penalty.

Source: payment rule of Flexible Power (WPD, now NGED): g = 0.95, k = 3, nothing paid below 61.7 % of the order.
"""

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64
from markets.settlement.outcome import Settlement, read, refuse_unless


def settle(
    ordered_kw: ArrayLike,
    delivered_kw: ArrayLike,
    price_eur_per_kwh: ArrayLike,
    *,
    hours: float,
    grace_share: float = 0.95,
    grace_slope: float = 3.0,
    penalty_eur_per_kwh: float | None = None,
) -> Settlement:
    """Settle intervals; arguments as in ``markets.settlement.outcome.read``.

    Args:
        ordered_kw: called power.
        delivered_kw: delivered power in the ordered direction.
        price_eur_per_kwh: price of the accepted bid.
        hours: length of an interval.
        grace_share: g, in (0, 1].
        grace_slope: k, at least 0.
        penalty_eur_per_kwh: price of energy missing below the grace.

    Raises:
        ValueError: a number is missing, negative where it cannot be, or outside its range.
    """
    fits = 0 < grace_share <= 1 and grace_slope >= 0
    refuse_unless((fits, "grace_share must lie in (0, 1] and grace_slope be at least 0"))
    delivery = read(ordered_kw, delivered_kw, price_eur_per_kwh, hours, penalty_eur_per_kwh)

    def share(ratio: F64) -> F64:
        below = np.maximum(0.0, 1.0 - grace_slope * (grace_share - ratio))
        within = ratio >= grace_share - 1e-12  # a ratio that is the grace but for rounding
        return np.where(within, 1.0, below)

    return delivery.pay(share, tolerated_share=grace_share)
