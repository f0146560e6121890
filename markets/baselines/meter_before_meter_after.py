"""Meter before, meter after: the mean of the last reading before the notice and the first one after the event, held flat.

It needs two readings, not a history, and suits activations of up to about an hour. What follows an activation (rebound) moves the reading
after it, and with it the baseline: the price of its simplicity.

Source: meter-before/meter-after performance evaluation of NAESB (REQ.13).
"""

import numpy as np

from data.arrays import F64
from markets.baselines.meter_before import reading
from markets.baselines.occasion import Occasion


def baseline(occasion: Occasion) -> F64:
    """The baseline of an event, shape (stop - first,).

    Raises:
        ValueError: one of the two readings is missing.
    """
    before = reading(occasion, occasion.notice - 1, "before the notice")
    after = reading(occasion, occasion.stop, "after the event")
    return np.full(occasion.stop - occasion.first, (before + after) / 2.0)
