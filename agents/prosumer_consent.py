"""What it means that a home takes its consent back: from that second on its devices are its own again (SUC05.1/GDPR-1)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from agents.prosumer_hems import Hems
from data.arrays import I64
from environment.instruments import Controls, Readings
from environment.physics import FLEXIBLE


@dataclass(frozen=True)
class Laid:
    """An order that lies over the schedules of homes: its name, and the step after its last."""

    name: str
    rows: I64
    end: int


def take_back(hems: Hems, controls: Controls, readings: Readings, laid: Iterable[Laid], step: int, rows: I64) -> None:
    """Revoke what is ordered of some homes and let them live by a plan of their own again, from now on in ``step``.

    Args:
        hems: the homes' energy management, which offers nothing of theirs any more.
        controls: the devices' set-points.
        readings: what the devices show.
        laid: orders that lie over the schedules.
        step: the step that now lies in.
        rows: the homes.
    """
    consent = hems.book.consent.copy()
    consent[rows] = False
    hems.book = replace(hems.book, consent=consent)
    called = rows[hems.ordered_until[rows] > step]
    hems.ordered_until[called] = step
    limited = rows[hems.given_up_kw[step][rows] > 0.0] if step in hems.given_up_kw else rows[:0]
    controls.schedule("pv", limited, step, np.full((len(limited), 1), np.nan))
    for later in (later for later in hems.given_up_kw if later >= step):
        hems.given_up_kw[later][rows] = 0.0
    hems.plan_alone(step, called, readings)
    for order in laid:
        mine = np.intersect1d(order.rows, rows)
        if len(mine) and order.end > step:
            for kind in FLEXIBLE:
                controls.revoke(kind, order.name, mine)
    current = hems.current
    if current is None or not current.first <= step < current.end:
        return
    place, plan = step - current.first, current.plan
    for kind, kw in zip(FLEXIBLE, (plan.ev_kw, plan.battery_kw, plan.heater_kw, plan.heat_pump_kw), strict=True):
        controls.schedule(kind, rows, step, kw[rows, place : place + 1])
