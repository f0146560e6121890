r"""Energies of the members of a community in one settlement period, from consumption and what is allocated to each.

With consumption :math:`C_i`, community generation :math:`G` and coefficients :math:`\beta_i \ge 0`, :math:`\sum_i \beta_i = 1`: allocated
:math:`A_i = \beta_i G`, self-consumed :math:`\min(A_i, C_i)`, supplied by the retailer :math:`C_i - SC_i`, surplus
:math:`A_i - SC_i`. Energies are whole mWh, cut by largest remainder, so that every identity holds exactly: :math:`\sum A = G`,
:math:`C = SC + SUP`, :math:`A = SC + SUR`, and :math:`G + \sum SUP = \sum C + \sum SUR`.

Source: Real Decreto 244/2019 and Orden TED/1247/2021 (Spain), ERSE self-consumption rules (Portugal), SUC02.1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64
from markets.ledger import split

PER_KWH = 1_000_000
"""Energies are counted in mWh."""

COEFFICIENT_DIGITS = 6
"""Decimals of a coefficient as it is filed."""


def whole(kwh: ArrayLike) -> I64:
    """Energies in whole mWh."""
    return np.rint(np.asarray(kwh, np.float64) * PER_KWH).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Energies:
    """Energies of n members in whole mWh, shape (n,) each."""

    consumption: I64
    allocated: I64

    @property
    def self_consumed(self) -> I64:
        """What covers own consumption."""
        return np.minimum(self.allocated, self.consumption)

    @property
    def supplied(self) -> I64:
        """What the own retailer supplies."""
        return self.consumption - self.self_consumed

    @property
    def surplus(self) -> I64:
        """What is left of the allocation."""
        return self.allocated - self.self_consumed

    def coefficients(self) -> F64:
        """Share of each in what was allocated, to ``COEFFICIENT_DIGITS`` decimals, summing to 1; all 0 without generation."""
        if not self.allocated.any():
            return np.zeros(len(self.allocated))
        return np.asarray(split(10**COEFFICIENT_DIGITS, self.allocated) / 10**COEFFICIENT_DIGITS, np.float64)


def allocate(generation: int, consumption: I64, weights: ArrayLike) -> Energies:
    """Cut the community's generation in proportion to weights.

    Args:
        generation: of the community [mWh].
        consumption: of the members [mWh], shape (n,).
        weights: at least 0, shape (n,); all 0 only where there is no generation.
    """
    weight = np.asarray(weights, np.float64)
    parts = split(generation, weight) if generation and weight.any() else np.zeros(len(consumption), np.int64)
    return Energies(consumption, parts)
