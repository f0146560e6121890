"""From a regular series to the mean of each step of a timeline, exactly.

A series of *instants* is the straight line through its values, a series of *means* is a staircase. Either is integrated in
closed form, so that steps of any length and alignment conserve the integral.
"""

import numpy as np

from data.arrays import F64, I64
from environment.calendar import Timeline


def means_of_instants(values: F64, first_ms: int, step_ms: int, timeline: Timeline) -> F64:
    """Step means of the line through ``values``; value i holds at ``first_ms + i step_ms``.

    Args:
        values: shape (..., m).
        first_ms: instant of value 0.
        step_ms: distance of the values.
        timeline: steps that must lie inside the series.

    Returns:
        Shape (..., T).
    """
    if timeline.step_ms == step_ms and (timeline.start_ms - first_ms) % step_ms == 0:
        _refuse_beyond(timeline, first_ms, step_ms * (values.shape[-1] - 1))
        first = (timeline.start_ms - first_ms) // step_ms
        return 0.5 * (values[..., first : first + timeline.n] + values[..., first + 1 : first + timeline.n + 1])
    inner = np.cumsum(0.5 * (values[..., 1:] + values[..., :-1]), axis=-1)
    whole = np.concatenate([np.zeros((*values.shape[:-1], 1)), inner], axis=-1)
    _refuse_beyond(timeline, first_ms, step_ms * (values.shape[-1] - 1))
    cell, part = _split(_edges(timeline), first_ms, step_ms, values.shape[-1] - 1)
    slope = values[..., cell + 1] - values[..., cell]
    integral = whole[..., cell] + part * (values[..., cell] + 0.5 * part * slope)
    return np.diff(integral, axis=-1) * (step_ms / timeline.step_ms)


def means_of_means(values: F64, first_ms: int, step_ms: int, timeline: Timeline) -> F64:
    """Step means of the staircase ``values``; value i is the mean over the ``step_ms`` from ``first_ms + i step_ms``. Shapes as above."""
    if step_ms % timeline.step_ms == 0 and (timeline.start_ms - first_ms) % timeline.step_ms == 0:
        _refuse_beyond(timeline, first_ms, step_ms * values.shape[-1])
        inside: F64 = values[..., (timeline.starts_ms - first_ms) // step_ms]
        return inside
    whole = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    _refuse_beyond(timeline, first_ms, step_ms * values.shape[-1])
    cell, part = _split(_edges(timeline), first_ms, step_ms, values.shape[-1])
    return np.diff(whole[..., cell] + part * values[..., cell], axis=-1) * (step_ms / timeline.step_ms)


def _edges(timeline: Timeline) -> I64:
    return np.append(timeline.starts_ms, timeline.end_ms)


def _split(times_ms: I64, first_ms: int, step_ms: int, cells: int) -> tuple[I64, F64]:
    """The cell of each instant, and how far into it [0, 1]; the end of the series belongs to its last cell."""
    cell = np.minimum((times_ms - first_ms) // step_ms, cells - 1)
    return cell, (times_ms - first_ms - cell * step_ms) / step_ms


def _refuse_beyond(timeline: Timeline, first_ms: int, length_ms: int) -> None:
    if timeline.start_ms < first_ms or timeline.end_ms > first_ms + length_ms:
        message = "the timeline reaches beyond the series"
        raise ValueError(message)
