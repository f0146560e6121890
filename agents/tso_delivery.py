"""What the TSO's sessions leave to be delivered in each DSO perimeter, as verification and settlement need it (SUC10.3, SUC10.4).

A limit belongs to a perimeter and is kept by those who deliver there: what the lights admit beyond what was left of all components is nobody's in
particular, so that each may use an equal part of it before the perimeter as a whole is over its limit.
"""

from collections.abc import Iterable

import numpy as np

from agents.tso_component_terms import Running
from data.arrays import F64
from markets.balancing.delivery import Component, shared_limits

CUT_KW = 1e-6
"""What a component was cut by after the session counts from here."""


def delivered_components(sessions: Iterable[Running]) -> list[Component]:
    """Components of all sessions about a day."""
    return [one for running in sessions for one in _components(running)]


def _components(running: Running) -> list[Component]:
    offered = running.offered
    if offered is None or not len(offered):
        return []
    taken = running.taken_kw(np.arange(len(offered)))
    lights, need_kw = running.constraints.lights, running.constraints.need_kw
    place = {name: number for number, name in enumerate(lights.perimeters)}
    found = []
    for perimeter, is_up in sorted({(str(area), bool(up)) for area, up in zip(offered.area, offered.up, strict=True)}):
        if perimeter not in place:
            continue
        at = (0 if is_up else 1, place[perimeter])
        rows = np.flatnonzero((offered.area == perimeter) & (offered.up == is_up))
        left = running.limited[rows]
        cut = left < taken[rows] - CUT_KW  # after the session, by a constraint that came late
        accepted = np.minimum(taken[rows], left)
        limit = _limits_kw(running, left, accepted, lights.most_kw[at], need_kw[at])
        kept = np.divide(accepted, taken[rows], out=np.zeros_like(accepted), where=taken[rows] > 0.0)
        for k, row in enumerate(rows.tolist()):
            found.append(
                Component(
                    bsp=str(offered.bsp[row]), perimeter=perimeter, direction="up" if is_up else "down",
                    price_eur_per_kwh=float(offered.price_eur_per_kwh[row]), offered_kw=offered.kw[row], left_kw=left[k],
                    is_limited=np.isfinite(lights.most_kw[at]) | cut[k], limit_kw=np.where(cut[k], left[k], limit[k]), accepted_kw=accepted[k],
                    bought_kw={name: kw * kept[k] for name, kw in running.bought_kw(row).items()},
                )
            )  # fmt: skip
    return found


def _limits_kw(running: Running, left: F64, accepted: F64, most: F64, need: F64) -> F64:
    """Most that each component may deliver, (rows, 24).

    Where the scheme knows no lights nobody was told any: whoever delivers what was bought keeps his limit, whatever that does to the network.
    """
    capability = np.where(np.isfinite(most), most, 0.0)
    if running.with_lights:
        return shared_limits(left, capability)
    return np.maximum(accepted, shared_limits(accepted, capability + need))
