"""Meter before: the last reading before the notice, held flat through the event.

It needs a reading, not a history, and suits short activations (fast reserves). A reading between notice and activation is not used: the
seller could raise it.

Source: meter-before performance evaluation of NAESB (REQ.13) and of the baselines of fast reserves (FCR, aFRR).
"""

import numpy as np

from data.arrays import F64
from markets.baselines.occasion import Occasion


def baseline(occasion: Occasion) -> F64:
    """The baseline of an event, shape (stop - first,).

    Raises:
        ValueError: there is no reading before the notice.
    """
    return np.full(occasion.stop - occasion.first, reading(occasion, occasion.notice - 1, "before the notice"))


def reading(occasion: Occasion, interval: int, when: str) -> float:
    """One reading of the day.

    Raises:
        ValueError: it is missing.
    """
    metered = occasion.metered_kw
    if not 0 <= interval < len(metered) or not np.isfinite(metered[interval]):
        msg = f"no meter reading {when} (interval {interval} of {len(metered)})"
        raise ValueError(msg)
    return float(metered[interval])
