"""Proportional coefficients: in proportion to metered consumption, after the fact.

The community consumes as much of its generation as can be: no other coefficients lead to more self-consumption.

Source: proportional mode of the Regulamento do Autoconsumo 815/2023, ERSE (Portugal).
"""

import numpy as np
from numpy.typing import ArrayLike

from markets.allocation.energies import Energies, allocate, whole


def proportional(generation_kwh: float, consumption_kwh: ArrayLike) -> Energies:
    """In proportion to consumption; in equal parts where nobody consumes."""
    consumption = whole(consumption_kwh)
    weights = consumption if consumption.any() else np.ones(len(consumption))
    return allocate(int(whole(generation_kwh)), consumption, weights)
