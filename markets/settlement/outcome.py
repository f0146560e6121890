"""What a settlement says, interval by interval, and the parts that all settlement rules share.

A rule says which share of the ordered value a delivered share earns, and which missing energy costs a penalty; credit is capped at the
order (no pay for more) and floored at zero (counter-delivery earns nothing).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64


@dataclass(frozen=True, eq=False)
class Settlement:
    """Result by interval, all of one shape; ``net_eur`` = ``remuneration_eur`` - ``penalty_eur``.

    Attributes:
        ordered_kw: what the buyer called.
        credited_kw: delivered power that counts, within [0, ordered].
        pay_share: share of the ordered value that is paid.
        remuneration_eur: what the seller earns, availability included.
        penalty_eur: what it loses.
        availability_eur: part of the remuneration for power held ready.
        hours: length of an interval.
    """

    ordered_kw: F64
    credited_kw: F64
    pay_share: F64
    remuneration_eur: F64
    penalty_eur: F64
    availability_eur: F64
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


@dataclass(frozen=True, eq=False)
class Delivery:
    """What a settlement looks at, checked and of one shape; see ``read``."""

    ordered_kw: F64
    credited_kw: F64
    price_eur_per_kwh: F64
    hours: float
    penalty_eur_per_kwh: float

    @property
    def ratio(self) -> F64:
        """Delivered share of the order; 0 where nothing was ordered."""
        zero = np.zeros_like(self.credited_kw)
        return np.asarray(np.divide(self.credited_kw, self.ordered_kw, out=zero, where=self.ordered_kw > 0.0))

    def pay(self, share: Callable[[F64], F64], tolerated_share: float) -> Settlement:
        """The amounts.

        Args:
            share: paid share of the ordered value by delivered share, elementwise.
            tolerated_share: delivered share from which no energy counts as missing.
        """
        paid = np.where(self.ordered_kw > 0.0, share(self.ratio), 0.0)
        missing = np.maximum(tolerated_share * self.ordered_kw - self.credited_kw, 0.0)
        return Settlement(
            ordered_kw=self.ordered_kw,
            credited_kw=self.credited_kw,
            pay_share=paid,
            remuneration_eur=np.asarray(paid * self.ordered_kw * self.price_eur_per_kwh * self.hours),
            penalty_eur=np.asarray(missing * self.penalty_eur_per_kwh * self.hours),
            availability_eur=np.zeros_like(paid),
            hours=self.hours,
        )


def read(
    ordered_kw: ArrayLike,
    delivered_kw: ArrayLike,
    price_eur_per_kwh: ArrayLike,
    hours: float,
    penalty_eur_per_kwh: float | None,
) -> Delivery:
    """Check what every settlement rule is given.

    Args:
        ordered_kw: called power, at least 0.
        delivered_kw: delivered power in the ordered direction, any sign.
        price_eur_per_kwh: price of the accepted bid.
        hours: length of an interval.
        penalty_eur_per_kwh: price of missing energy; None: the product has no penalty.

    Raises:
        ValueError: a number is missing, or negative where it cannot be.
    """
    given = (np.asarray(x, np.float64) for x in (ordered_kw, delivered_kw, price_eur_per_kwh))
    ordered, delivered, price = np.broadcast_arrays(*given)
    refuse_unless(
        (_sound(ordered), "ordered_kw must be at least 0"),
        (bool(np.isfinite(delivered).all()), "delivered_kw has missing values"),
        (_sound(price), "price_eur_per_kwh must be at least 0"),
        (hours > 0, "hours must be above 0"),
        (penalty_eur_per_kwh is None or penalty_eur_per_kwh >= 0, "penalty_eur_per_kwh must be at least 0"),
    )
    return Delivery(ordered, np.clip(delivered, 0.0, ordered), price, hours, penalty_eur_per_kwh or 0.0)


def refuse_unless(*checks: tuple[bool, str]) -> None:
    """Refuse what does not hold, all of it at once.

    Raises:
        ValueError: a check does not hold.
    """
    wrong = [text for holds, text in checks if not holds]
    if wrong:
        msg = "settlement: " + "; ".join(wrong)
        raise ValueError(msg)


def _sound(values: F64) -> bool:
    return bool((np.isfinite(values) & (values >= 0)).all())
