"""The study behind static traffic lights: which part of each point's flexibility the network bears in its worst metered hours (SUC08.1, SUC10.1).

A point is examined against four loads of the network as they were metered: its lightest and heaviest, and the lightest and heaviest of the point's own
perimeter; each in normal operation and in the stated outages. Validated is the largest part with which no limit is violated in any
(``environment.grid.connection_power``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.arrays import F64, I64
from environment.grid.connection_power import largest_power_kw
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
    """

    states: Sequence[PowerFlow]
    limits: Limits
    loads_kw: F64
    kvar_per_kw: F64
    bus_perimeter: I64

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
        cases = study.cases_kw(perimeter)
        for found, wanted in ((up, offered.up_kw), (down, offered.down_kw)):
            asked = rows[wanted[rows] != 0.0]
            if len(asked):
                found[asked] = largest_power_kw(
                    study.states, study.limits, cases, cases * study.kvar_per_kw, offered.bus[asked], wanted[asked]
                )
    return up, down
