"""What a DSO knows of its network beside the global market: grid model, perimeters with their id codes, and which point is connected where."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from agents.dso_grid import GridModel
from agents.strategies.static_lights import Study
from data.arrays import F64, I64
from environment.grid.power_flow import PowerFlow
from environment.grid.switching import State
from environment.instruments import MeterStore
from environment.units import MS_PER_H


@dataclass(frozen=True, eq=False)
class OwnGrid:
    """A DSO's network as it knows it.

    Attributes:
        model: network, limits, meters, planned states.
        meters: certified meters of its network.
        perimeters: grid element id codes, in the order of their numbers.
        bus_perimeter: number of the perimeter of each bus, -1 for none, (n_bus,).
        bus_of: connection point -> bus.
        n1: outages that static lights must bear.
    """

    model: GridModel
    meters: MeterStore
    perimeters: tuple[str, ...]
    bus_perimeter: I64
    bus_of: Mapping[str, int]
    n1: Sequence[State] = ()

    @cached_property
    def states(self) -> list[PowerFlow]:
        """Normal operation, then the stated outages."""
        network = self.model.network
        return [PowerFlow(network), *(state.power_flow(network) for state in self.n1)]

    def study(self, tested_ms: Collection[int] = ()) -> Study:
        """The network with what has been metered so far; what is found with it is kept until more has been.

        Args:
            tested_ms: starts of the hours in which pools were tested. They are left out: what an operator has ordered for an hour is nobody's
                ordinary load, and would count against the points that come after.
        """
        known = self.meters.known
        if known not in self._studies:
            self._studies.clear()
            self._studies[known] = self._study(known, tested_ms)
        return self._studies[known]

    @cached_property
    def _studies(self) -> dict[int, Study]:
        return {}

    def _study(self, known: int, tested_ms: Collection[int]) -> Study:
        hour_ms = self.meters.timeline.starts_ms[:known] // MS_PER_H * MS_PER_H
        ordinary = ~np.isin(hour_ms, list(tested_ms))
        loads: F64 = self.model.to_buses(np.nan_to_num(self.meters.kw[:, :known][:, ordinary])).T
        return Study(self.states, self.model.limits, loads, self.model.kvar_per_kw, self.bus_perimeter)

    def perimeter_of(self, gcp: str) -> str:
        """Id code of the perimeter of a point."""
        return self.perimeters[int(self.bus_perimeter[self.bus_of[gcp]])]
