r"""What a balancing service delivered, and what it earns: capacity held, energy given, penalties for what was missing.

Measured against the baseline that was declared before each interval, on dedicated devices at the assets (Regulation (EU) 2019/943, article 7b, as
amended by (EU) 2024/1747):

.. math:: D = B - M, \qquad A = 1 - \frac{|D - R|}{P}

:math:`R` is the change that was due (the droop's answer to the frequency, the followed set-point, the ramped block), :math:`P` the power held,
:math:`A` the accuracy. The deviation that counts is what exceeds the tolerance. Capacity is paid for the time it was there: an interval whose
delivery misses what was due by more than the tolerance is paid less in proportion, and all of it is paid back ``penalty`` times. Changes are paid as
measured, never more than was due, in its direction; the energy itself is sold or bought at its day-ahead value in the name of the balance responsible
party, which gets or pays that value (Directive (EU) 2019/944, article 17(4)).

Source: the form follows regelleistung.net, "Modalities for balancing service providers" (no pay for unavailable capacity, a penalty on top); the
values are keys of the scenario.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64
from markets.balancing.auction import TINY_KW


class Tolerance(NamedTuple):
    """What is still on time and enough.

    Attributes:
        share: of the power held, by which delivery may differ from what was due.
        penalty: multiple of the price of capacity that was not there.
    """

    share: float
    penalty: float


class Delivery(NamedTuple):
    """Delivery interval by interval, (n,).

    Attributes:
        due_kw: mean change that was due, up above 0.
        delivered_kw: mean change measured.
        missing_kw: by how much it exceeds the tolerance in falling short, at least 0 and at most what is held.
        accuracy: 1 for exactly what was due, 0 for a deviation as large as the power held, or more; NaN where nothing is held, as while a
            block runs out after the reserve's last interval.
    """

    due_kw: F64
    delivered_kw: F64
    missing_kw: F64
    accuracy: F64

    @property
    def given_kw(self) -> F64:
        """What counts of it: in the direction of what was due, and no more, up above 0."""
        return np.where(
            self.due_kw >= 0.0,
            np.clip(self.delivered_kw, 0.0, self.due_kw),
            np.clip(self.delivered_kw, self.due_kw, 0.0),
        )


class Pay(NamedTuple):
    """Money by interval, (n,) [EUR]: for capacity, for changes, back for what was missing, and the value of the energy, below 0 where it is bought."""

    capacity_eur: F64
    energy_eur: F64
    penalty_eur: F64
    value_eur: F64

    @property
    def net_eur(self) -> F64:
        """What the seller gets, the value of the energy included, which is its balance responsible party's."""
        return np.asarray(self.capacity_eur + self.energy_eur - self.penalty_eur + self.value_eur)


def delivery(
    baseline_kw: ArrayLike, metered_kw: ArrayLike, due_kw: ArrayLike, held_kw: ArrayLike, tolerance_share: float
) -> Delivery:
    """Compare what was metered with what was due.

    Args:
        baseline_kw: declared net load of the assets, (n,).
        metered_kw: measured net load of the assets, (n,).
        due_kw: change that was due, up above 0, (n,).
        held_kw: power held, at least 0, (n,).
        tolerance_share: of the power held.
    """
    due, held = np.asarray(due_kw, np.float64), np.asarray(held_kw, np.float64)
    change = np.asarray(baseline_kw, np.float64) - np.asarray(metered_kw, np.float64)
    short = np.where(due >= 0.0, due - change, change - due)
    active = held > TINY_KW
    missing = np.where((np.abs(due) > 0.0) & active, np.clip(short - tolerance_share * held, 0.0, held), 0.0)
    off = np.divide(np.abs(change - due), held, out=np.zeros_like(change), where=active)
    return Delivery(due, change, missing, np.where(active, np.maximum(1.0 - off, 0.0), np.nan))


def pay(
    found: Delivery, held_kw: ArrayLike, hours: float, capacity_eur_per_kw_h: ArrayLike, energy_eur_per_kwh: ArrayLike,
    tolerance: Tolerance, value_eur_per_kwh: ArrayLike = 0.0,
) -> Pay:  # fmt: skip
    """What a delivery earns.

    Args:
        found: what was delivered.
        held_kw: power held and bought, (n,).
        hours: length of an interval.
        capacity_eur_per_kw_h: price of capacity, broadcast to (n,).
        energy_eur_per_kwh: price of a change, beyond the value of the energy, broadcast to (n,); 0 where the product pays none.
        tolerance: of the product.
        value_eur_per_kwh: day-ahead value of the energy itself: sold upward, bought downward, broadcast to (n,).
    """
    held, price = np.asarray(held_kw, np.float64), np.asarray(capacity_eur_per_kw_h, np.float64)
    capacity = (held - found.missing_kw) * hours * price
    penalty = tolerance.penalty * found.missing_kw * hours * price
    given = found.given_kw * hours
    energy = np.abs(given) * np.asarray(energy_eur_per_kwh, np.float64)
    value = given * np.asarray(value_eur_per_kwh, np.float64)
    return Pay(capacity, energy, penalty, value)
