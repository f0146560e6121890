"""Hierarchical coefficients: level by level, each up to its consumption and in proportion within it.

What nobody needs goes to all in proportion to their consumption.

Source: hierarchical mode of the Regulamento do Autoconsumo 815/2023, ERSE (Portugal).
"""

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import I64
from markets.allocation.energies import Energies, allocate, whole


def hierarchical(generation_kwh: float, consumption_kwh: ArrayLike, *, level: ArrayLike) -> Energies:
    """Level by level (1 first), each up to its consumption; the rest in proportion to consumption.

    Args:
        generation_kwh: of the community in the period.
        consumption_kwh: of the members, shape (n,).
        level: of each member, shape (n,).
    """
    consumption, levels = whole(consumption_kwh), np.asarray(level, np.int64)
    allocated, left = np.zeros(len(consumption), np.int64), int(whole(generation_kwh))
    for one in np.unique(levels):
        rows = levels == one
        given = min(left, int(consumption[rows].sum()))
        allocated[rows] = _capped(given, consumption[rows])
        left -= given
    rest = allocate(left, consumption, consumption if consumption.any() else np.ones(len(consumption)))
    return Energies(consumption, allocated + rest.allocated)


def _capped(total: int, most: I64) -> I64:
    """A total cut in proportion to what each may have at most, nobody above it."""
    return allocate(total, most, most).allocated if total else np.zeros(len(most), np.int64)
