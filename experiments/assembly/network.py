"""The network of a scenario: one by name, or those of several operators joined (``global_market.dsos``)."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from data.arrays import I64
from environment.grid.islands import joined
from environment.grid.model import Network
from environment.grid.network import load_network
from experiments.assembly.people import LV_KV
from experiments.scenario import Scenario

if TYPE_CHECKING:
    from experiments.assembly.devices import Meters
    from experiments.assembly.site import Site


def network_of(scenario: Scenario) -> Network:
    """The network in which a scenario lives, ratings as its data have them."""
    if scenario.global_market:
        return joined({one.name: load_network(one.network) for one in scenario.global_market.dsos})
    return load_network(scenario.grid.network)


def operators_of(site: "Site", buses: I64) -> list[str]:
    """Name of the system operator of each bus."""
    if not site.network.island_of_bus:
        return [site.scenario.actors.dso.name] * len(buses)
    return [site.network.island_of_bus[bus] for bus in buses.tolist()]


def meters_by_operator(scenario: Scenario, network: Network, meters: "Meters") -> dict[str, list[str]]:
    """Metering points in the network of each of several system operators."""
    if scenario.global_market is None:
        return {}
    where = [network.island_of_bus[bus] for bus in meters.bus.tolist()]
    return {
        dso.name: [name for name, one in zip(meters.names, where, strict=True) if one == dso.name]
        for dso in scenario.global_market.dsos
    }


def rated(network: Network, factor: float) -> Network:
    """The network with distribution transformers of another size: currents scale with it, impedances inversely."""
    if factor == 1.0:
        return network
    branches = network.branches
    scale = np.ones(len(branches))
    low = network.bus_kv[branches.to_bus] < LV_KV
    scale[network.transformers.branch] = np.where(low[network.transformers.branch], factor, 1.0)
    plate = network.transformers
    sizes = plate.sn_mva * scale[plate.branch]
    scaled = replace(
        branches, series=branches.series * scale, shunt_from=branches.shunt_from * scale, shunt_to=branches.shunt_to * scale,
        limit_from_ka=branches.limit_from_ka * scale, limit_to_ka=branches.limit_to_ka * scale,
    )  # fmt: skip
    return replace(network, branches=scaled, transformers=replace(plate, sn_mva=sizes))
