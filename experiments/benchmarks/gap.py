"""How far the schedules of a population are from the optimum: arrays against the linear programme, on homes of the default scenario."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from agents.strategies.home_lp import reference
from agents.strategies.home_model import cost_eur
from agents.strategies.home_plan import plan
from agents.strategies.home_view import HomeView, take
from experiments.benchmarks.district import district

LEAST_EUR = 1.0
"""A home's gap is taken relative to its cost, of those who pay less to this."""


def schedule_gap(homes: int, history_days: int) -> dict[str, Any]:
    """What the schedules of sampled homes cost more than the optimum.

    Args:
        homes: of the default scenario; those whose comfort or contract cannot be kept are left out.
        history_days: lived before the day that is planned.

    Returns:
        homes compared, percent of what all pay together, median and largest percent of a home.
    """
    view = _sample(homes, history_days)
    optimum = reference(view)
    kept = np.flatnonzero((optimum.beyond_kwh < 1e-6) & (optimum.missing_kwh < 1e-6))
    least = cost_eur(view, optimum.plan)[kept]
    more = cost_eur(view, plan(view))[kept] - least
    percent = 100.0 * more / np.maximum(np.abs(least), LEAST_EUR)
    return {
        "homes": len(kept),
        "percent": 100.0 * float(more.sum()) / float(np.abs(least).sum()),
        "median_percent": float(np.median(percent)),
        "largest_percent": float(percent.max()),
    }


def _sample(homes: int, history_days: int) -> HomeView:
    """What the homes know when they plan the day of delivery; those whose devices follow their HEMS."""
    from experiments.assembly.site import build_site

    with TemporaryDirectory() as folder:
        site = build_site(district(homes, Path(folder), [f"clock.history_days={history_days}"]), 1, _silent)
    hems, readings, now = site.living.hems, site.living.physics.readings, site.timeline.index(0)
    hems.observe(now - 1, readings)
    hems.keep_views = True
    (view,) = hems.plan_next(now, readings).views
    return take(view, np.flatnonzero(view.automatic))


def _silent(stage: str, done: float, total: float) -> None:
    """No progress is shown."""
