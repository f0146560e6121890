r"""Sliding scale: pay slides with delivery from a floor to the full order; below the floor nothing is paid.

With delivered share :math:`r = d/o` (energy capped at the instruction), floor :math:`f` and what the floor pays :math:`p_f`:

.. math::
    \text{share} = \begin{cases}p_f + (1 - p_f)\,\dfrac{r - f}{1 - f} & r \ge f\\ 0 & \text{otherwise}\end{cases}

:math:`p_f = f`, the default, pays each delivered kWh its price; :math:`p_f = 0` pays nothing at the floor and rises without a step.
Penalty = penalty price * all energy missing, only if the product has a penalty.

Source: utilisation fee of the SSEN TRANSITION trials (a sliding scale between 50 and 100 % of the instruction, energy delivered capped at
the instruction). The page names the ends of the scale and not its shape: what the floor pays is a parameter.
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
    floor_share: float = 0.5,
    floor_pay_share: float = 0.5,
    penalty_eur_per_kwh: float | None = None,
) -> Settlement:
    """Settle intervals; the other arguments as in ``markets.settlement.outcome.read``.

    Args:
        ordered_kw: called power.
        delivered_kw: delivered power in the ordered direction.
        price_eur_per_kwh: price of the accepted bid.
        hours: length of an interval.
        floor_share: f, in [0, 1).
        floor_pay_share: share paid at the floor, in [0, 1].
        penalty_eur_per_kwh: price of missing energy.

    Raises:
        ValueError: a number is missing, negative where it cannot be, or outside its range.
    """
    refuse_unless(
        (0 <= floor_share < 1, "floor_share must lie in [0, 1)"),
        (0 <= floor_pay_share <= 1, "floor_pay_share must lie in [0, 1]"),
    )
    delivery = read(ordered_kw, delivered_kw, price_eur_per_kwh, hours, penalty_eur_per_kwh)

    def share(ratio: F64) -> F64:
        above = np.maximum(ratio - floor_share, 0.0) / (1.0 - floor_share)
        return np.where(ratio >= floor_share - 1e-12, floor_pay_share + (1.0 - floor_pay_share) * above, 0.0)

    return delivery.pay(share, tolerated_share=1.0)
