"""Instruments of a transmission system operator: what it sees of its control area, and what it meters of the assets that serve it (law 6)."""

from dataclasses import dataclass, field

import numpy as np

from data.arrays import F64


@dataclass
class AreaView:
    """What a control room sees of its area.

    Attributes:
        at_ms: when it was read.
        imbalance_kw: of the area without reserves, above 0: surplus.
        deviation_hz: mean deviation of the frequency of each interval, (steps,), NaN where it is not over.
        droop_share: what a droop of 1 kW gave in it, up above 0, likewise.
    """

    at_ms: int = 0
    imbalance_kw: float = 0.0
    deviation_hz: F64 = field(default_factory=lambda: np.zeros(0))
    droop_share: F64 = field(default_factory=lambda: np.zeros(0))
