"""Hours to come as a DSO foresees them: load, and the states of its network."""

import numpy as np

from agents.dso_outlook import LookAhead
from agents.strategies.dynamic_lights import Expected
from environment.units import MS_PER_H


def foreseen(ahead: LookAhead, now_ms: int, start_ms: int, end_ms: int) -> Expected:
    """Some hours as an operator foresees them; of what is past already, as the first foreseen step.

    Args:
        ahead: its forecast.
        now_ms: the present.
        start_ms: start of the first hour, which is number 0.
        end_ms: end of the last one.
    """
    timeline, outlook = ahead.timeline, ahead.look(now_ms, end_ms)
    steps = np.arange(timeline.index(start_ms), timeline.index(end_ms))
    rows = np.maximum(steps - outlook.first, 0)
    starts = timeline.starts_ms[steps]
    grid = ahead.model.switching.over(ahead.model.network, starts)
    return Expected(grid, ahead.model.limits, outlook.p_kw[rows], outlook.q_kvar[rows], (starts - start_ms) // MS_PER_H)
