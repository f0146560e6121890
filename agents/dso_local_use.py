"""Which perimeters, and whose aggregates there, a DSO plans to use itself for what it foresees (SUC08.2/1.1)."""

from collections.abc import Mapping, Sequence

import numpy as np

from agents.dso_market_limits import HOURS, WAYS, LocalUse
from agents.dso_need import Need
from data.arrays import F64

LEAST_KW = 1e-6


def local_use(
    needs: Sequence[Need],
    perimeter_of_area: Mapping[str, str],
    able_kw: Mapping[str, tuple[float, float]],
    aggregates: Mapping[str, Sequence[str]],
) -> dict[str, LocalUse]:
    """Spread the needs of a day over the perimeters that act on them, those that act most first.

    Args:
        needs: of elements, in equal steps of at least 24 hours.
        perimeter_of_area: local area -> DSO perimeter.
        able_kw: perimeter -> validated power of aggregates qualified for local services, up and down, at least 0.
        aggregates: perimeter -> these.

    Returns:
        Perimeter -> what is planned there; perimeters without a part are left out. What nobody can cover is not planned.
    """
    used: dict[str, F64] = {name: np.zeros((2, HOURS)) for name in able_kw}
    for need in needs:
        way = WAYS.index(need.direction)
        per_hour = len(need.need_kw) // HOURS
        left = need.need_kw[: per_hour * HOURS].reshape(HOURS, per_hour).max(axis=1)
        acting: dict[str, float] = {}
        for area, effect in need.sensitivity.items():
            name = perimeter_of_area.get(area, "")
            if effect > LEAST_KW and able_kw.get(name, (0.0, 0.0))[way] > 0.0:
                acting[name] = max(effect, acting.get(name, 0.0))
        for name in sorted(acting, key=lambda one: (-acting[one], one)):
            taken = np.minimum(left / acting[name], able_kw[name][way] - used[name][way])
            used[name][way] += taken
            left = left - taken * acting[name]
    return {
        name: LocalUse(kw, tuple(aggregates.get(name, ()))) for name, kw in sorted(used.items()) if kw.max() > LEAST_KW
    }
