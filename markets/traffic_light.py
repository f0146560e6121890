"""Traffic lights: how much of a resource's flexibility a distribution network can bear, as colour and capability.

A *static* light belongs to a grid connection point and comes from its registration (SUC08.1, SUC10.1); a *dynamic* light belongs to a DSO perimeter
and an hour (SUC08.3, SUC10.2) and is never looser than the static value. Upward and downward power have lights of their own; downward power is
written as a negative number, so that comparisons are of absolute values.

Green: all of it. Yellow: a part, the capability. Red: nothing. A point that offers nothing in a direction is green there: nothing of it is refused
(the source leaves this case open).
"""

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64

HOURS_OF_DAY = 24
"""Length of every hourly vector of a day, also when clocks change (SUC08.2)."""


class Colour(IntEnum):
    """Of a light; a larger number admits less."""

    GREEN = 0
    YELLOW = 1
    RED = 2


def colours(offered_kw: ArrayLike, admitted_kw: ArrayLike) -> I64:
    """Colours by what is offered and what is admitted of it, any one shape; signs are ignored.

    Raises:
        ValueError: more is admitted than offered, or the two differ in direction.
    """
    offered, admitted = np.asarray(offered_kw, np.float64), np.asarray(admitted_kw, np.float64)
    if (np.abs(admitted) > np.abs(offered)).any():
        msg = "traffic light: more power is admitted than offered"
        raise ValueError(msg)
    if (offered * admitted < 0).any():
        msg = "traffic light: what is admitted and what is offered differ in direction"
        raise ValueError(msg)
    return np.where(admitted == offered, Colour.GREEN, np.where(admitted == 0, Colour.RED, Colour.YELLOW)).astype(
        np.int64
    )


def colour_of(offered_kw: float, admitted_kw: float) -> Colour:
    """``colours`` of one light: a register asks for those of one point after the other."""
    if abs(admitted_kw) > abs(offered_kw) or offered_kw * admitted_kw < 0.0:
        colours(offered_kw, admitted_kw)  # says what is wrong
    if admitted_kw == offered_kw:
        return Colour.GREEN
    return Colour.RED if admitted_kw == 0.0 else Colour.YELLOW


def usable_kw(colour: ArrayLike, qualified_kw: ArrayLike, capability_kw: ArrayLike) -> F64:
    """What a light leaves of qualified flexibility: all when green, at most the capability when yellow, nothing when red.

    Args:
        colour: numbers of :class:`Colour`, any shape.
        qualified_kw: at least 0, same shape.
        capability_kw: at least 0, same shape; read where yellow.
    """
    light = np.asarray(colour)
    qualified = np.asarray(qualified_kw, np.float64)
    part = np.minimum(qualified, np.asarray(capability_kw, np.float64))
    return np.where(light == Colour.GREEN, qualified, np.where(light == Colour.YELLOW, part, 0.0))


def tightened_kw(static_kw: ArrayLike, evaluated_kw: ArrayLike) -> F64:
    """The dynamic capability: what the network was found to bear, but never more than the static value (SUC10.2); same shapes, at least 0."""
    return np.minimum(np.asarray(static_kw, np.float64), np.asarray(evaluated_kw, np.float64))
