r"""Availability and activation: power held ready is paid by the hour, energy by what was delivered.

Of each interval, with contracted power :math:`c` at the availability price :math:`a`, and :math:`r` the delivered share of what was
ordered (1 where nothing was ordered: nothing showed that the power was not there):

availability = r * c * a * hours; activation and penalty as in the linear rule with grace. The availability is part of the remuneration.

Sources: form of remuneration "availability term and/or activation term" (SUC06.1 Info-3); availability paid by delivery as in the SSEN
TRANSITION trials, here by the delivery of the interval itself instead of last month's average.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from markets.settlement import linear_with_grace
from markets.settlement.outcome import Settlement, refuse_unless


def settle(
    ordered_kw: ArrayLike,
    delivered_kw: ArrayLike,
    price_eur_per_kwh: ArrayLike,
    *,
    hours: float,
    contracted_kw: ArrayLike = 0.0,
    availability_eur_per_kw_h: ArrayLike = 0.0,
    grace_share: float = 0.95,
    grace_slope: float = 3.0,
    penalty_eur_per_kwh: float | None = None,
) -> Settlement:
    """Settle intervals; the other arguments as in ``linear_with_grace.settle``.

    Args:
        ordered_kw: called power.
        delivered_kw: delivered power in the ordered direction.
        price_eur_per_kwh: activation price of the accepted bid.
        hours: length of an interval.
        contracted_kw: power held ready, at least what is ordered where an availability price is named.
        availability_eur_per_kw_h: price of a kW held ready for an hour.
        grace_share: delivered share from which the full activation price is paid.
        grace_slope: share of the activation price lost per share of delivery missing below the grace.
        penalty_eur_per_kwh: price of energy missing below the grace.

    Raises:
        ValueError: a number is missing, negative where it cannot be, or outside its range.
    """
    energy = linear_with_grace.settle(
        ordered_kw, delivered_kw, price_eur_per_kwh, hours=hours,
        grace_share=grace_share, grace_slope=grace_slope, penalty_eur_per_kwh=penalty_eur_per_kwh,
    )  # fmt: skip
    ordered, credited = energy.ordered_kw, energy.credited_kw
    contracted, price = (np.asarray(x, np.float64) for x in (contracted_kw, availability_eur_per_kw_h))
    sound = all(bool((np.isfinite(x) & (x >= 0)).all()) for x in (contracted, price))
    held = bool(((price <= 0) | (contracted >= ordered - 1e-9)).all())
    refuse_unless(
        (sound, "contracted_kw and availability_eur_per_kw_h must be at least 0"),
        (held, "contracted_kw must be at least what was ordered"),
    )
    share = np.divide(credited, ordered, out=np.ones_like(credited), where=ordered > 0.0)
    availability = share * contracted * price * hours
    return replace(energy, availability_eur=availability, remuneration_eur=energy.remuneration_eur + availability)
