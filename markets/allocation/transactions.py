"""Dynamic coefficients from transactions: own generation plus what was bought from other members, less what was sold to them.

Sources: SUC02.1 (dynamic coefficients computed from transactions); dynamic mode of the Regulamento do Autoconsumo 815/2023, ERSE
(Portugal).
"""

import numpy as np
from numpy.typing import ArrayLike

from markets.allocation.energies import PER_KWH, Energies, whole


def transactions(
    generation_kwh: ArrayLike, consumption_kwh: ArrayLike, *, bought_kwh: ArrayLike, sold_kwh: ArrayLike
) -> Energies:
    """Own generation plus internal purchases less internal sales.

    Args:
        generation_kwh: of each member in the period, shape (n,).
        consumption_kwh: likewise.
        bought_kwh: bought from other members, likewise.
        sold_kwh: sold to other members, likewise.

    Raises:
        ValueError: purchases and sales differ, or somebody sold more than it had.
    """
    own, bought, sold = (whole(one) for one in (generation_kwh, bought_kwh, sold_kwh))
    if bought.sum() != sold.sum():
        msg = f"members bought {bought.sum() / PER_KWH:g} kWh from each other and sold {sold.sum() / PER_KWH:g}; the two must be the same"
        raise ValueError(msg)
    allocated = own + bought - sold
    if (allocated < 0).any():
        row = int(np.argmin(allocated))
        msg = f"member {row} sold {sold[row] / PER_KWH:g} kWh and had {(own + bought)[row] / PER_KWH:g}"
        raise ValueError(msg)
    return Energies(whole(consumption_kwh), allocated)
