r"""Linear settlement with a grace band and an optional penalty.

Of each interval, with ordered power :math:`o`, delivered power :math:`d` (capped at the order: no pay for more;
floored at zero), grace :math:`g` and slope :math:`k`:

.. math::
    \text{share} = \begin{cases}1 & d/o \ge g\\ \max(0,\ 1 - k\,(g - d/o)) & \text{otherwise}\end{cases}

remuneration = share * ordered energy * price; penalty = penalty price * the energy missing below the grace,
:math:`\max(0, g\,o - d)`, only if the product has a penalty (SUC06.3); net payment = remuneration - penalty.

Source: payment rule of Flexible Power (WPD, now NGED): g = 0.95, k = 3, nothing paid below 61.7 % of the order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from markets.bids import F64


@dataclass(frozen=True, eq=False)
class Settlement:
    """Result by interval, all of one shape; ``net_eur`` = ``remuneration_eur`` - ``penalty_eur``.

    Attributes:
        ordered_kw: what the buyer called.
        credited_kw: delivered power that counts, within [0, ordered].
        pay_share: share of the ordered value that is paid.
        remuneration_eur: what the seller earns.
        penalty_eur: what it loses.
        hours: length of an interval.
    """

    ordered_kw: F64
    credited_kw: F64
    pay_share: F64
    remuneration_eur: F64
    penalty_eur: F64
    hours: float

    @property
    def net_eur(self) -> F64:
        """Remuneration less penalty, by interval."""
        return np.asarray(self.remuneration_eur - self.penalty_eur)

    @property
    def ordered_kwh(self) -> float:
        """Energy ordered over all intervals."""
        return float(self.ordered_kw.sum() * self.hours)

    @property
    def delivered_kwh(self) -> float:
        """Energy that counts over all intervals."""
        return float(self.credited_kw.sum() * self.hours)


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
    """Settle intervals.

    Args:
        ordered_kw: called power, at least 0.
        delivered_kw: delivered power in the ordered direction, any sign.
        price_eur_per_kwh: price of the accepted bid.
        hours: length of an interval.
        grace_share: g, in (0, 1].
        grace_slope: k, at least 0.
        penalty_eur_per_kwh: price of missing energy; None: the product has no penalty.

    Raises:
        ValueError: a number is missing, negative where it cannot be, or outside its range.
    """
    ordered, delivered, price = np.broadcast_arrays(
        *(np.asarray(x, np.float64) for x in (ordered_kw, delivered_kw, price_eur_per_kwh))
    )
    _check(ordered, delivered, price, hours, grace_share, grace_slope, penalty_eur_per_kwh)
    credited = np.clip(delivered, 0.0, ordered)
    share = pay_share(ordered, credited, grace_share, grace_slope)
    missing = np.maximum(grace_share * ordered - credited, 0.0)
    return Settlement(
        ordered_kw=ordered,
        credited_kw=credited,
        pay_share=share,
        remuneration_eur=np.asarray(share * ordered * price * hours),
        penalty_eur=np.asarray(missing * (penalty_eur_per_kwh or 0.0) * hours),
        hours=hours,
    )


def pay_share(ordered_kw: F64, credited_kw: F64, grace_share: float, grace_slope: float) -> F64:
    """Paid share of the ordered value; 0 where nothing was ordered."""
    ratio = np.divide(credited_kw, ordered_kw, out=np.zeros_like(credited_kw), where=ordered_kw > 0.0)
    below = np.maximum(0.0, 1.0 - grace_slope * (grace_share - ratio))
    within = ratio >= grace_share - 1e-12  # a ratio that is the grace but for rounding
    return np.where(ordered_kw > 0.0, np.where(within, 1.0, below), 0.0)


def _check(
    ordered: F64, delivered: F64, price: F64, hours: float, grace: float, slope: float, penalty: float | None
) -> None:
    checks = [
        (np.isfinite(ordered).all() and bool((ordered >= 0).all()), "ordered_kw must be at least 0"),
        (np.isfinite(delivered).all(), "delivered_kw has missing values"),
        (np.isfinite(price).all() and bool((price >= 0).all()), "price_eur_per_kwh must be at least 0"),
        (hours > 0, "hours must be above 0"),
        (0 < grace <= 1 and slope >= 0, "grace_share must lie in (0, 1] and grace_slope be at least 0"),
        (penalty is None or penalty >= 0, "penalty_eur_per_kwh must be at least 0"),
    ]
    wrong = [text for holds, text in checks if not holds]
    if wrong:
        msg = "settlement: " + "; ".join(wrong)
        raise ValueError(msg)
