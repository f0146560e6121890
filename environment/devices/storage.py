"""Electric storage behind a converter: the maths that a battery and an electric vehicle share.

    dE/dt = eta_c max(P, 0) + min(P, 0) / eta_d           E [kWh], grid-side P [kW], positive charges

between a floor and a ceiling. Linear, so the power holds until a bound is met and is nothing afterwards; the mean over the step
follows from the energy that fits.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64


class Converter(NamedTuple):
    """Attributes: charge_share, discharge_share: efficiency each way in (0, 1], (n,)."""

    charge_share: F64
    discharge_share: F64


def room_kw(
    converter: Converter, energy_kwh: F64, floor_kwh: F64, ceiling_kwh: F64, hours: F64 | float
) -> tuple[F64, F64]:
    """Mean grid-side power [kW] that just empties to the floor (negative or nothing) and just fills to the ceiling."""
    empties = np.minimum(floor_kwh - energy_kwh, 0.0) * converter.discharge_share / hours
    fills = np.maximum(ceiling_kwh - energy_kwh, 0.0) / (converter.charge_share * hours)
    return empties, fills


def stored_kwh(converter: Converter, power_kw: F64, hours: F64 | float) -> F64:
    """Energy [kWh] that a mean grid-side power without change of sign brings into the store."""
    charged = converter.charge_share * np.maximum(power_kw, 0.0)
    return np.asarray((charged + np.minimum(power_kw, 0.0) / converter.discharge_share) * hours)
