"""What a plant will generate, from what it generated: by irradiance for the sun, by the last day for what has no forecast.

The ratio of generation to global horizontal irradiance is taken for each time of day alone, so that it holds orientation, shadows and
losses without a model of the plant (ratio estimator: Cochran, Sampling Techniques, 1977, chapter 6).
"""

import numpy as np

from data.arrays import F64, I64

DARK_WM2 = 1.0
"""Mean irradiance of a time of day below which its ratio says nothing."""


def by_irradiance(generated_kw: F64, past_wm2: F64, ahead_wm2: F64, place: I64, per_day: int) -> F64:
    """Generation of each plant for an irradiance forecast, shape (n, T) [kW]; 0 without a whole day of history.

    Args:
        generated_kw: what was metered, at least 0, shape (n, past).
        past_wm2: irradiance of the same steps, shape (past,).
        ahead_wm2: forecast irradiance, shape (T,).
        place: its steps, counted from the end of the history, shape (T,).
        per_day: steps a day.
    """
    days = generated_kw.shape[1] // per_day
    if not days:
        return np.zeros((len(generated_kw), len(ahead_wm2)))
    recent = generated_kw[:, -days * per_day :].reshape(len(generated_kw), days, per_day).sum(axis=1)
    sun = past_wm2[-days * per_day :].reshape(days, per_day).sum(axis=0)
    ratio = np.divide(recent, sun, out=np.zeros_like(recent), where=sun > DARK_WM2 * days)
    return np.asarray(ratio[:, place % per_day] * ahead_wm2)


def persistence(generated_kw: F64, place: I64, per_day: int) -> F64:
    """The last day repeated, shape (n, T) [kW]; 0 without one."""
    if generated_kw.shape[1] < per_day:
        return np.zeros((len(generated_kw), len(place)))
    return np.asarray(generated_kw[:, -per_day:][:, place % per_day])
