"""What the operator knows of its own grid."""

from dataclasses import dataclass

import numpy as np

from data.arrays import F64, I64
from environment.grid.limits import Limits
from environment.grid.model import Network
from environment.grid.switching import SwitchingPlan

LV_KV = 1.0
"""Below it a voltage is low."""


@dataclass(frozen=True)
class GridModel:
    """What the operator knows of its grid: the network, its limits, which meter is where, planned switching states.

    Attributes:
        network: the network.
        limits: limits of operation.
        meter_bus: bus of every meter of the operator's store, shape (meters,).
        kvar_per_kw: reactive power of the load at each bus, from the register of connections, shape (buses,).
        switching: switching states over time: planned outages and own measures.
    """

    network: Network
    limits: Limits
    meter_bus: I64
    kvar_per_kw: F64
    switching: SwitchingPlan

    @property
    def distribution_transformers(self) -> list[int]:
        """Branches that feed low voltage; all transformers where there is none, all branches where there is no transformer."""
        branches = self.network.transformers.branch.tolist()
        low = [branch for branch in branches if self.network.bus_kv[self.network.branches.to_bus[branch]] < LV_KV]
        return low or branches or list(range(len(self.network.branches)))

    def to_buses(self, meters_kw: F64) -> F64:
        """Sums at the buses: (meters, T) -> (buses, T)."""
        table = np.zeros((self.network.n_bus, meters_kw.shape[1]))
        np.add.at(table, self.meter_bus, meters_kw)
        return table
