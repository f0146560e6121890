r"""Whether a pool did in its test what it said that it can do (SUC08.1 rule 24, SUC10.1 rule 21).

A pool says beforehand what it can change in an hour, and the baseline that its points would follow; the operator orders a part of what was said, and gateways
show the hour: what meters counted, and what devices were set to (SUC10.4 rules 14 and 15). With ordered change :math:`o`, measured change :math:`d`, baseline
less metered net load for upward, and :math:`s` that devices were set to, the direction is passed if

.. math:: d \ge o - \max(\tau o, \varepsilon) \quad\text{and}\quad s \ge (1 - \tau) o

with a tolerance :math:`\tau` of what was ordered, or :math:`\varepsilon` for what baselines of the points miss (``missed_kw``). Of an order below it meters alone would prove nothing: who does not move would pass.
What devices were set to has no error of a baseline in it, so a pool however small has to have moved them. What was not measured proves nothing and passes nothing. The source leaves tests to the operators; that reserves are tested by activation before they are admitted, and admitted for what they showed, is that of
Commission Regulation (EU) 2017/1485, articles 155, 159 and 162.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from environment.units import Direction

TINY_KW = 1e-6
"""Smaller differences of powers are rounding."""


class Trial(NamedTuple):
    """A pool's test in one direction; all at least 0 where it does what it says.

    Attributes:
        direction: up: less net load.
        stated_kw: change that it says it can make throughout the hour.
        ordered_kw: what was ordered of it.
        measured_kw: mean change of the hour; NaN: not measured.
        set_kw: what its devices were set to change, as their gateways signed it.
        missed_kw: what the baselines of its points miss together.
    """

    direction: Direction
    stated_kw: float
    ordered_kw: float
    measured_kw: float
    set_kw: float
    missed_kw: float

    def passed(self, tolerance: float) -> bool:
        """Whether it delivered, as far as its meters can tell, and had its devices do so.

        Args:
            tolerance: part of the order that may be missing.
        """
        missing_kw = max(tolerance * self.ordered_kw, self.missed_kw)
        return bool(self.measured_kw >= self.ordered_kw - missing_kw) and not self.is_unset(tolerance)

    def is_unset(self, tolerance: float) -> bool:
        """Whether its devices were not set to what was ordered."""
        return not self.set_kw >= (1.0 - tolerance) * self.ordered_kw - TINY_KW


def missed_kw(powers_kw: ArrayLike, *, point_kw: float, share: float) -> float:
    """What baselines of points miss together: errors that have nothing to do with each other add up in squares.

    Args:
        powers_kw: power of each point that was validated, the larger one of both directions.
        point_kw: what the baseline of a home misses.
        share: part of its power that the baseline of a plant misses, where that is more.
    """
    each = np.maximum(point_kw, share * np.asarray(powers_kw, np.float64))
    return float(np.sqrt((each**2).sum()))


def shortcomings(trials: Sequence[Trial], *, least_kw: float, tolerance: float) -> list[str]:
    """What stands against a pool after its tests; nothing: it has passed.

    Args:
        trials: its tests, one a direction in which it says that it can do anything.
        least_kw: least power in one direction.
        tolerance: part of an order that may be missing.
    """
    wrong = []
    most = max((one.stated_kw for one in trials), default=0.0)
    if most < least_kw:
        wrong.append(f"it can move {most:.1f} kW in the hours of its test, at least {least_kw:g} kW are asked for")
    for one in trials:
        if np.isnan(one.measured_kw):
            wrong.append(f"{one.direction}: the hour of its test was not measured")
        elif one.is_unset(tolerance):
            wrong.append(f"{one.direction}: devices were set to {one.set_kw:.1f} kW of {one.ordered_kw:.1f} kW ordered")
        elif not one.passed(tolerance):
            wrong.append(f"{one.direction}: {one.measured_kw:.1f} kW measured of {one.ordered_kw:.1f} kW ordered")
    return wrong
