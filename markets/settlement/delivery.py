"""Delivered flexibility: what the meter shows against the baseline, interval by interval.

SUC06.3 rule 1: delivered = baseline - metered, with net load positive for consumption, so that the formula holds for
consumers and generators alike. For direction down, where more net load was ordered, the sign turns.
"""

import numpy as np

from data.arrays import F64
from environment.units import Direction, sign


def delivered_kw(baseline_kw: F64, metered_kw: F64, direction: Direction) -> F64:
    """Delivered power in the ordered direction, negative where the meter moved the other way; any equal shapes.

    Raises:
        ValueError: shapes differ, or a reading is missing.
    """
    baseline, metered = np.asarray(baseline_kw, np.float64), np.asarray(metered_kw, np.float64)
    if baseline.shape != metered.shape:
        msg = f"delivery: baseline has shape {baseline.shape}, meter {metered.shape}"
        raise ValueError(msg)
    if not (np.isfinite(baseline).all() and np.isfinite(metered).all()):
        msg = "delivery: a baseline value or a meter reading is missing"
        raise ValueError(msg)
    return np.asarray(sign(direction) * (baseline - metered))


def net_kw(import_kwh: F64, export_kwh: F64, hours: float) -> F64:
    """Mean net load from the two registers of a meter [kWh per interval of ``hours``]."""
    return np.asarray((np.asarray(import_kwh) - np.asarray(export_kwh)) / hours)
