"""Figures of the Flexibility Register and of traffic lights: what was registered, validated, qualified, and what the networks left of it (SUC08.1, SUC10.1, SUC10.2)."""

from collections.abc import Callable

import numpy as np

from data.arrays import Bool
from experiments.kpis.facts import Facts, ratio
from experiments.kpis.grid import Figure
from experiments.results.frame import Frame

HOUR_MS = 3_600_000


def points(facts: Facts) -> float | None:
    """Connection points in the register."""
    frame = facts.all("register_points")
    return None if frame is None else float(len(frame))


def accepted_percent(facts: Facts) -> float | None:
    """Points that may be pooled, of all [%]."""
    frame = facts.all("register_points")
    return None if frame is None else _percent((frame.names("status") == "completed").sum(), len(frame))


def validated_percent(direction: str) -> Figure:
    """Power that was validated of what was registered, in the register at the end [%]."""

    def figure(facts: Facts) -> float | None:
        frame = facts.all("register_points")
        if frame is None:
            return None
        offered, found = frame.floats(f"{direction}_kw"), frame.floats(f"validated_{direction}_kw")
        return _percent(np.abs(found).sum(), np.abs(offered).sum())

    return figure


def qualified_percent(facts: Facts) -> float | None:
    """Qualifications granted of those that pools asked for, each pool and service as it stands in the end [%]."""
    frame = facts.all("register_pools")
    return None if frame is None else _percent((frame.names("qualification") == "qualified").sum(), len(frame))


def refused_accesses(facts: Facts) -> float | None:
    """Changes and looks that the register refused."""
    frame = facts.all("register_accesses")
    return None if frame is None else float((~frame.bools("admitted")).sum())


def in_force(lights: Frame) -> Bool:
    """Which rows hold in their hour: of each perimeter, direction and hour the last that was worked out."""
    keys = [lights.names(name) for name in ("perimeter", "direction")]
    order = np.lexsort((lights.ints("made_ms"), lights.ints("t_ms"), keys[1].astype(str), keys[0].astype(str)))
    last = np.ones(len(order), bool)
    same = [column[order][1:] == column[order][:-1] for column in (keys[0], keys[1], lights.ints("t_ms"))]
    last[:-1] = ~(same[0] & same[1] & same[2])
    found = np.zeros(len(order), bool)
    found[order] = last
    return found


def _of_lights(figure: Callable[[Frame], float | None]) -> Figure:
    def of(facts: Facts) -> float | None:
        lights = facts.all("dynamic_lights")
        return None if lights is None else figure(lights.where(in_force(lights)))

    return of


def _hours_percent(colour: str) -> Figure:
    """Hours of perimeters and directions with a colour, of those in which something is validated [%]."""

    def figure(lights: Frame) -> float | None:
        there = lights.floats("static_kw") > 0.0
        return _percent(((lights.names("colour") == colour) & there).sum(), there.sum())

    return _of_lights(figure)


def _usable(direction: str) -> Figure:
    """Energy that could be called in a direction, of what static values admit, over the day [%]."""

    def figure(lights: Frame) -> float | None:
        mine = lights.where(lights.names("direction") == direction)
        return _percent(mine.floats("capability_kw").sum(), mine.floats("static_kw").sum())

    return _of_lights(figure)


def late_lights(facts: Facts) -> float | None:
    """Rounds of lights of the day before that were worked out after they were due."""
    lights = facts.all("dynamic_lights")
    if lights is None:
        return None
    first = lights.ints("made_ms") < lights.ints("t_ms").min()
    late = first & (lights.ints("made_ms") >= lights.ints("due_ms"))
    return float(len(set(zip(lights.names("dso")[late].tolist(), lights.ints("made_ms")[late].tolist(), strict=True))))


def _percent(part: float, whole: float) -> float | None:
    share = ratio(float(part), float(whole))
    return None if share is None else 100.0 * share


FIGURES: dict[str, Figure] = {
    "register_points": points,
    "register_accepted_percent": accepted_percent,
    "register_validated_up_percent": validated_percent("up"),
    "register_validated_down_percent": validated_percent("down"),
    "register_qualified_percent": qualified_percent,
    "register_refused": refused_accesses,
    "lights_yellow_percent": _hours_percent("yellow"),
    "lights_red_percent": _hours_percent("red"),
    "lights_usable_up_percent": _usable("up"),
    "lights_usable_down_percent": _usable("down"),
    "lights_late": late_lights,
}
