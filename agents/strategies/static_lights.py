"""The study behind static traffic lights: which part of each point's flexibility the network bears in its worst metered hours (SUC08.1, SUC10.1).

A point is examined against four loads of the network as they were metered: its lightest and heaviest, and the lightest and heaviest of the point's own
perimeter; each in normal operation and in the stated outages. Validated is the largest part with which no limit is violated in any
(``environment.grid.connection_power``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from data.arrays import F64, I64
from environment.grid.connection_power import is_clean, largest_power_kw
from environment.grid.limits import Limits
from environment.grid.power_flow import PowerFlow


@dataclass(frozen=True)
class Offered:
    """Points to be examined, (m,) each.

    Attributes:
        bus: where they are connected.
        perimeter: number of their perimeter.
        up_kw: modulating power upward, at least 0.
        down_kw: modulating power downward, at most 0.
    """

    bus: I64
    perimeter: I64
    up_kw: F64
    down_kw: F64


@dataclass(frozen=True)
class Study:
    """A network in the states and loads in which points are examined.

    Attributes:
        states: normal operation, then the stated outages.
        limits: limits of operation.
        loads_kw: metered net load of every bus, (T, n_bus).
        kvar_per_kw: reactive per active power of each bus, (n_bus,).
        bus_perimeter: number of the perimeter of each bus, -1 for none, (n_bus,).
        clean_kw: the largest power that is known to be clean, by bus and direction: less of it is clean too.
    """

    states: Sequence[PowerFlow]
    limits: Limits
    loads_kw: F64
    kvar_per_kw: F64
    bus_perimeter: I64
    clean_kw: dict[tuple[int, bool], float] = field(default_factory=dict)

    def cases_kw(self, perimeter: int) -> F64:
        """The loads against which points of a perimeter are examined, (2 to 4, n_bus)."""
        whole, own = self.loads_kw.sum(axis=1), self.loads_kw[:, self.bus_perimeter == perimeter].sum(axis=1)
        steps = {int(pick(series)) for series in (whole, own) for pick in (np.argmin, np.argmax)}
        return self.loads_kw[sorted(steps)]


def validated_kw(study: Study, offered: Offered) -> tuple[F64, F64]:
    """What of each point's power upward and downward (at most 0) is validated, (m,) each."""
    up, down = np.zeros(len(offered.bus)), np.zeros(len(offered.bus))
    for perimeter in np.unique(offered.perimeter).tolist():
        rows = np.flatnonzero(offered.perimeter == perimeter)
        for found, wanted in ((up, offered.up_kw), (down, offered.down_kw)):
            asked = rows[wanted[rows] != 0.0]
            found[asked] = _validated_kw(study, perimeter, offered.bus[asked], wanted[asked])
    return up, down


def _validated_kw(study: Study, perimeter: int, bus: I64, wanted_kw: F64) -> F64:
    """What of the powers of points of a perimeter is validated; of those that are known to be clean, all."""
    cases = study.cases_kw(perimeter)
    known = np.array([study.clean_kw.get(place, 0.0) for place in _places(bus, wanted_kw)])
    found, left = wanted_kw.copy(), np.flatnonzero(np.abs(wanted_kw) > known)
    if not len(left):
        return found
    reactive = cases * study.kvar_per_kw
    found[left] = largest_power_kw(study.states, study.limits, cases, reactive, bus[left], wanted_kw[left])
    if is_clean(study.states, study.limits, cases, reactive):
        for place, kw in zip(_places(bus[left], wanted_kw[left]), np.abs(found[left]).tolist(), strict=True):
            study.clean_kw[place] = max(kw, study.clean_kw.get(place, 0.0))
    return found


def _places(bus: I64, power_kw: F64) -> Iterable[tuple[int, bool]]:
    """Bus and direction of points."""
    return zip(bus.tolist(), (power_kw > 0.0).tolist(), strict=True)
