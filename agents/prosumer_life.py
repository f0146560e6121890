"""A step in the life of homes, the same in history, twin and coordinated run."""

import numpy as np

from agents.prosumer_hems import Hems
from data.arrays import I64, Bool
from environment.instruments import Controls, Readings
from environment.physics import FLEXIBLE

OVERRIDE_STEPS = 8
"""How long a manual intervention lasts: two hours of quarter-hour steps."""

MANUAL = 2
"""Priority of what people do by hand (environment.devices.set_points.Priority)."""

PLAN_HOUR = 12.0
"""Local hour at which the next day is planned."""


def live_step(hems: Hems, readings: Readings, controls: Controls, overrides: Bool, step: int) -> I64:
    """What the homes do at the beginning of ``step``: record the last step, plan at noon, set their devices.

    Args:
        hems: their energy management.
        readings: what their devices show.
        controls: their devices' set-points.
        overrides: (homes, steps) where people take over by hand.
        step: the step that begins.

    Returns:
        homes whose people take over now.
    """
    if step > hems.seen.steps:
        hems.observe(step - 1, readings)
    if hems.is_planning_time(step, PLAN_HOUR):
        hems.plan_next(step, readings)
    rows = np.arange(hems.book.n)
    changed = hems.switch_modes(step, readings)
    if len(changed):
        for kind in FLEXIBLE:
            controls.mode(kind, changed, hems.automatic[changed])
    points = hems.control(step, readings)
    if points is not None:
        for kind, kw in zip(
            FLEXIBLE, (points.ev_kw, points.battery_kw, points.heater_kw, points.heat_pump_kw), strict=True
        ):
            controls.schedule(kind, rows, step, kw[:, None])
    limited, most_kw = hems.generation_limits(step, readings)
    if len(limited):
        controls.schedule("pv", limited, step, -most_kw[:, None])
    return _take_over(hems, controls, overrides, step)


def _take_over(hems: Hems, controls: Controls, overrides: Bool, step: int) -> I64:
    """People who intervene charge the car and heat water at full power for two hours."""
    taken = np.flatnonzero(overrides[:, step])
    if len(taken):
        steps = min(OVERRIDE_STEPS, hems.timeline.n - step)
        for kind, rating in (("ev", hems.book.ev["kw"]), ("water_heater", hems.book.heater["kw"])):
            full = np.repeat(rating[taken, None], steps, axis=1)
            controls.order(kind, f"by hand/{step}", MANUAL, taken, step, full)
    return taken
