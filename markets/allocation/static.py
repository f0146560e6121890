"""Static coefficients: shares agreed beforehand and filed, whatever is consumed; what one does not use is not passed on.

Sources: Real Decreto 244/2019 and Orden TED/1247/2021 (Spain: fixed beforehand, changed every four months at most, for each hour of
the year if wanted); fixed mode of the Regulamento do Autoconsumo 815/2023, ERSE (Portugal).
"""

import numpy as np
from numpy.typing import ArrayLike

from markets.allocation.energies import Energies, allocate, whole

TOLERANCE = 1e-9
"""By which shares may miss 1."""


def static(generation_kwh: float, consumption_kwh: ArrayLike, *, share: ArrayLike) -> Energies:
    """Shares agreed beforehand.

    Args:
        generation_kwh: of the community in the period.
        consumption_kwh: of the members, shape (n,).
        share: of each member, summing to 1, shape (n,).

    Raises:
        ValueError: shares do not sum to 1.
    """
    shares = np.asarray(share, np.float64)
    if abs(float(shares.sum()) - 1.0) > TOLERANCE or (shares < 0.0).any():
        msg = f"shares must be at least 0 and sum to 1; they sum to {float(shares.sum()):g}"
        raise ValueError(msg)
    return allocate(int(whole(generation_kwh)), whole(consumption_kwh), shares)
