"""What the DSO asks of aggregators in a cycle (SUC05.1 steps 2, 2.1 and 2.4): each its part of the need, in words of the record."""

from collections.abc import Mapping, Sequence

import numpy as np

from agents.dso_need import Need
from agents.dso_terms import DsoTerms, MarketDay
from data.arrays import F64
from environment.messages.aggregation import CongestionRequirements
from environment.messages.procurement import FlexibilityAvailability

BASELINE_HORIZON_S = 86_400.0
"""A baseline has to cover the day."""


def parts(
    need: Need, reports: Mapping[tuple[str, str], FlexibilityAvailability], fsps: Sequence[str], day: MarketDay
) -> dict[str, F64]:
    """Each aggregator's part of a need in every interval of the window, in proportion to the relief that it has announced.

    Where nobody has announced any, all have the same part.

    Args:
        need: what has to be relieved.
        reports: latest report by (aggregator, area).
        fsps: the aggregators.
        day: with the window that the need is about.
    """
    relief = np.zeros((len(fsps), day.steps))
    for row, fsp in enumerate(fsps):
        for area, effect in need.sensitivity.items():
            report = reports.get((fsp, area))
            if report is not None and effect > 0.0:
                relief[row] += effect * _in_window(report, need.direction, day)
    total = relief.sum(axis=0)
    share = np.divide(relief, total, out=np.full_like(relief, 1.0 / len(fsps)), where=total > 0.0) if fsps else relief
    return {fsp: share[row] * need.need_kw for row, fsp in enumerate(fsps)}


def _in_window(report: FlexibilityAvailability, direction: str, day: MarketDay) -> F64:
    """What a report says about the intervals of a window; 0 where it says nothing."""
    kw = report.up_kw if direction == "up" else report.down_kw
    first = round((day.from_ms - report.from_ms) / (report.step_s * 1000.0))
    places = first + np.arange(day.steps)
    inside = (places >= 0) & (places < len(kw))
    return np.where(inside, kw[np.clip(places, 0, max(len(kw) - 1, 0))], 0.0) if len(kw) else np.zeros(day.steps)


def requirement(
    conversation: str, need: Need | None, part_kw: F64, terms: DsoTerms, day: MarketDay, cap_eur_per_kwh: float
) -> CongestionRequirements:
    """The constraint set with a part of a need; the event lasts from its first to its last interval. Without a need nothing is asked for."""
    asked = np.flatnonzero(need.need_kw > 0.0) if need is not None else np.zeros(0, np.int64)
    event = slice(int(asked[0]), int(asked[-1]) + 1) if len(asked) else slice(0, 0)
    profile = part_kw[event] if len(part_kw) else np.zeros(0)
    helping = sorted(area for area, kw in need.sensitivity.items() if kw > 0.0) if need is not None else []
    return CongestionRequirements(
        need=conversation, area=need.constraint if need else "", direction=need.direction if need else "up",
        from_ms=day.from_ms + round(terms.step_s * 1000.0) * event.start, duration_s=(event.stop - event.start) * terms.step_s,
        volume_kw=float(need.need_kw.max()) if need else 0.0, step_s=terms.step_s, needed_kw=profile, areas=tuple(helping),
        sensitivity=np.array([need.sensitivity[area] for area in helping]) if need else np.zeros(0),
        price_cap_eur_per_kwh=cap_eur_per_kwh, baseline_horizon_s=BASELINE_HORIZON_S,
        activation_horizon_s=terms.announcement_s, activation_timing_s=terms.full_activation_s,
    )  # fmt: skip
