"""Local areas, the places that market products name: MV feeders, LV transformers and their LV feeders, in the present switching state.

An area is everything behind its head branch, and is named after it, so that names do not change with the order of tables:
``"<zone>/<head branch>"``. A bus belongs to the innermost area around it; areas lie in one another (LV feeder in LV transformer in MV feeder), which
``parent`` tells.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np

from data.arrays import I64, Bool
from environment.grid.layout import breadth_first, neighbours
from environment.grid.model import LINE, TRAFO, Network, NetworkError, did_you_mean
from environment.grid.zones import level

Kind = Literal["substation", "feeder", "transformer"]


@dataclass(frozen=True)
class Area:
    """One area: its head branch (empty for the substation, which holds what is before any feeder), the area around it."""

    name: str
    kind: Kind
    head: str
    parent: str | None


@dataclass(frozen=True, eq=False)
class Areas:
    """The areas of a network.

    Attributes:
        network: whose buses are mapped.
        areas: all areas, an outer one before those in it.
        of_bus: number of each bus's innermost area, -1 for de-energised buses, length n.
    """

    network: Network
    areas: tuple[Area, ...]
    of_bus: tuple[int, ...]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {area.name: i for i, area in enumerate(self.areas)}

    @cached_property
    def outermost(self) -> tuple[int, ...]:
        """Number of the area just within the substation that each area is or lies in; 0 for the substation."""
        found: list[int] = []
        for number, area in enumerate(self.areas):
            outer = 0 if area.parent is None else self._index[area.parent]
            found.append(found[outer] if outer else number)
        return tuple(found)

    @cached_property
    def buses(self) -> tuple[I64, ...]:
        """Numbers of the buses of each area, ascending."""
        number = np.array(self.of_bus, np.int64)
        order = np.argsort(number, kind="stable")
        edges = np.searchsorted(number[order], np.arange(len(self.areas) + 1))
        return tuple(order[first:stop] for first, stop in pairwise(edges.tolist()))

    def area(self, name: str) -> Area:
        """The area of a name; a NetworkError says what is near."""
        if name not in self._index:
            raise NetworkError(did_you_mean("area", name, self._index))
        return self.areas[self._index[name]]

    def area_of_bus(self, bus: str) -> str:
        """Name of the innermost area of a bus; empty if the bus is de-energised."""
        number = self.of_bus[self.network.bus_index(bus)]
        return self.areas[number].name if number >= 0 else ""

    def chain(self, name: str) -> tuple[str, ...]:
        """An area and all around it, from the inside out."""
        names = [self.area(name).name]
        while (parent := self.area(names[-1]).parent) is not None:
            names.append(parent)
        return tuple(names)

    def buses_in(self, name: str) -> tuple[str, ...]:
        """Names of the buses in an area and in the areas within it."""
        inside = {i for i, area in enumerate(self.areas) if name in self.chain(area.name)}
        self.area(name)
        return tuple(bus for bus, number in zip(self.network.bus_names, self.of_bus, strict=True) if number in inside)


def areas_of(network: Network, in_service: Bool | None = None) -> Areas:
    """Areas by one walk from the slack over the branches in service, those of the network as it is drawn if None.

    A transformer to low voltage opens a transformer area; the first line behind a busbar (the slack's bus or a transformer's secondary)
    opens a feeder. Transformers between higher voltages belong to the substation.
    """
    branches = network.branches
    closed = branches.closed if in_service is None else in_service
    order, parent, via = breadth_first(
        neighbours(network.n_bus, branches.from_bus, branches.to_bus, closed), network.slack
    )
    busbars = _busbars(network, closed) | {network.slack}
    substation = Area(f"{network.bus_zone[network.slack]}/substation", "substation", "", None)
    areas, number = [substation], [-1] * network.n_bus
    number[network.slack] = 0
    heads: dict[int, int] = {}
    for bus in order[1:]:
        branch, outer = via[bus], number[parent[bus]]
        kind = _opens(network, branch, bus, parent[bus] in busbars)
        if kind is None:
            number[bus] = outer
            continue
        if branch not in heads:
            heads[branch] = len(areas)
            name = branches.names[branch]
            areas.append(Area(f"{network.bus_zone[bus]}/{name}", kind, name, areas[outer].name))
        number[bus] = heads[branch]
    return Areas(network, tuple(areas), tuple(number))


def _busbars(network: Network, closed: Bool) -> set[int]:
    """Secondary buses of the transformers in service."""
    branches = network.branches
    return {int(branches.to_bus[i]) for i in network.transformers.branch.tolist() if closed[i]}


def _opens(network: Network, branch: int, bus: int, at_busbar: bool) -> Kind | None:
    """The kind of area that a branch opens, if any."""
    kind = network.branches.kind[branch]
    if kind == TRAFO and level(float(network.bus_kv[bus])) == "LV":
        return "transformer"
    return "feeder" if kind == LINE and at_busbar else None
