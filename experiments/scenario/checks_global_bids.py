"""Checks of what a scenario says about bids and the transmission side of a global market: networks, nodes, zones, times."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import data
from experiments.errors import did_you_mean

if TYPE_CHECKING:
    from experiments.scenario.global_market import GlobalMarket


def global_bids(said: "GlobalMarket") -> Iterator[str]:
    """Everything that is wrong with bids and transmission."""
    from markets.global_bids import ZONES

    bids, lights, network = said.bids, said.lights, said.transmission.network
    known = sorted(Path(path).stem for path in data.path("networks", "transmission").glob("*.yaml"))
    if network not in known:
        yield f"global_market.transmission.network: unknown network '{network}'{did_you_mean(network, known)}"
    else:
        nodes = [row["node"] for row in data.read_yaml("networks", "transmission", f"{network}.yaml")["nodes"]]
        for place, dso in enumerate(said.dsos):
            if dso.node not in nodes:
                yield f"global_market.dsos[{place}].node: network {network} has no node '{dso.node}'{did_you_mean(dso.node, nodes)}"
    for place, dso in enumerate(said.dsos):
        if dso.market_zone not in ZONES:
            yield f"global_market.dsos[{place}].market_zone: '{dso.market_zone}' is no market zone (SUC08.2){did_you_mean(dso.market_zone, ZONES)}"
    if not bids.opens.before(lights.deadline):
        yield f"global_market.bids.opens: {bids.opens} must be before global_market.lights.deadline ({lights.deadline})"
    for place, bsp in enumerate(said.bsps):
        for key in ("registers", "registers_late"):
            if not getattr(bsp, key).before(bids.opens):
                yield f"global_market.bsps[{place}].{key}: {getattr(bsp, key)} must be before global_market.bids.opens ({bids.opens})"
