"""Hosting capacity by simulation: up to which share of cars or panels, or how many homes, every limit of loading and voltage holds.

The largest level that breaks no limit, seed by seed, with coordination and without; (HC with - HC without) / HC without is the gain of GRID4EU and CoordiNet
D1.6. Between two levels that were run the way to the limit is taken as straight.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from data.arrays import F64
from experiments.report.page import Section, table
from experiments.statistics import interval
from experiments.sweep.answers import Answers

DENSITY: Final = {
    "cars": "share of homes with a car",
    "photovoltaics": "share of homes with panels",
    "homes": "homes, as a multiple of the scenario's",
}
"""What may become more on the same network."""
GROWTH: Final = {"loading": "growth_loading_percent", "voltage": "growth_voltage_percent"}
"""The figure that tells how far each kind of limit is."""
NOTE: Final = (
    "The largest level at which no limit is broken at any step: branches against their rating, buses against the voltage band of the scenario. Found seed by seed; between two levels "
    "that were run it is interpolated. Binding is the limit that is broken first. At least: no limit is broken at the largest level that was run; below: one is broken at the smallest already."
)


def hosted(levels: F64, growth: F64) -> F64:
    """The largest level up to which flows may still grow, (seeds,): -inf where not even the first allows it, inf where all do, NaN where unknown.

    Args:
        levels: increasing, (levels,).
        growth: of all flows to the limit [%], negative beyond it, (levels, seeds).
    """
    found = np.full(growth.shape[1], np.inf)
    for seed, way in enumerate(growth.T):
        if np.isnan(way).any():
            found[seed] = np.nan
        elif (way < 0.0).any():
            first = int(np.argmax(way < 0.0))
            before = way[first - 1]
            found[seed] = (
                levels[first - 1] + (levels[first] - levels[first - 1]) * before / (before - way[first])
                if first
                else -np.inf
            )
    return found


def hosting_section(answers: Mapping[str, Answers]) -> Section | None:
    """What each density can grow to, and which limit stops it; None where no part of the study tells."""
    rows = []
    for factor in (name for name in DENSITY if name in answers):
        one = answers[factor]
        if not all(name in one.values and not np.isnan(one.values[name]).all() for name in GROWTH.values()):
            continue
        (own, levels), (twin, _) = (_hosted(one, factor, twin) for twin in (False, True))
        for kind in (*GROWTH, "both"):
            gained = (
                own[kind] / twin[kind] - 1.0 if np.isfinite([*own[kind], *twin[kind]]).all() else np.array([np.nan])
            )
            rows.append(
                [
                    DENSITY[factor] if kind == "loading" else "", kind if kind != "both" else f"both; {_binding(twin)}", _text(twin[kind], levels, one),
                    _text(own[kind], levels, one), "-" if np.isnan(gained).any() else f"{100.0 * gained.mean():+.0f} %",
                ]
            )  # fmt: skip
    if not rows:
        return None
    head = ["of", "limit", "without coordination", "with coordination", "gained"]
    return Section("hosting", "Hosting capacity", f"<p class='soft'>{NOTE}</p>{table(head, rows, numbers=(2, 3, 4))}")


def _hosted(answers: Answers, factor: str, twin: bool) -> tuple[dict[str, F64], F64]:
    """Hosted level by kind of limit, and by both, each (seeds,); and the levels that were run."""
    ways = {}
    for kind, name in GROWTH.items():
        (line,) = answers.lines(name, factor, twin)
        ways[kind], levels = line.y, np.array(line.x, float)
    return {kind: hosted(levels, way) for kind, way in (ways | {"both": np.minimum(*ways.values())}).items()}, levels


def _binding(found: Mapping[str, F64]) -> str:
    """Which limit is broken first without coordination, in how many seeds."""
    voltage, loading = (
        int((found[one] < found[other]).sum()) for one, other in (("voltage", "loading"), ("loading", "voltage"))
    )
    if not voltage and not loading:
        return "none is broken" if np.isinf(found["both"]).all() and (found["both"] > 0.0).all() else "at once"
    if not voltage or not loading:
        return f"{'voltage' if voltage else 'loading'} binds"
    return f"voltage binds in {voltage}, loading in {loading} seeds"


def _text(found: F64, levels: F64, answers: Answers) -> str:
    """Hosted level over the seeds with half of its interval; at least and below where runs do not reach the limit."""
    if np.isnan(found).all():
        return "-"
    shown = interval(np.clip(found, levels[0], levels[-1]), answers.confidence)
    half = f" ± {shown.half_width:.2f}" if shown.half_width > 0.0 else ""
    ends = ("below " if (found == -np.inf).any() else "") + ("at least " if (found == np.inf).any() else "")
    return f"{ends}{shown.mean:.2f}{half}"
