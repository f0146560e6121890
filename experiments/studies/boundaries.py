"""What replicability changes: the network, with as many homes for each kVA, and the country, by data/boundaries.yaml.

A country has people and a climate, a product with its deadlines and rules of payment, and rules of sharing; each with its source. ``countries`` takes all of
them but the least bid, which is made for areas larger than one village and would end every market here; ``markets`` takes product and deadlines alone, least bid
and all, so that one sees what rules do to the same people.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

import data as shipped
from environment.grid.network import load_network
from experiments.assembly.people import LV_KV, home_points
from experiments.report.page import Section, table
from experiments.scenario import Scenario
from experiments.scenario.fields import read_clock
from experiments.scenario.people import PlantGroup
from experiments.studies.study import home_keys

NETWORKS: Final = {
    "rural": "simbench/1-LV-rural1--0-sw", "semi-urban": "simbench/1-LV-semiurb4--0-sw", "urban": "simbench/1-LV-urban6--0-sw",
    "commercial": "simbench/1-MVLV-comm-5.401-0-sw",
}  # fmt: skip
LEAST_BID: Final = "capacity_min_kw"
Changes = dict[str, Any]


def networks(scenario: Scenario) -> dict[str, Changes]:
    """The scenario on each kind of network: as many homes for each kVA of transformer as it has, plants on the medium voltage above them."""
    own, _ = station(scenario.grid.network)
    found = {}
    for name, network in NETWORKS.items():
        kva, above = station(network)
        size = kva / own if own and kva else 1.0
        found[name] = {"grid.network": network, **scaled(scenario, size)}
        plants = [place for place, group in enumerate(scenario.people) if isinstance(group, PlantGroup)]
        found[name] |= {f"people.{place}.mv_plant.bus": above for place in plants}
    return found


def station(network_name: str) -> tuple[float, str]:
    """Rated power [kVA] of the transformers behind which homes live, and the bus above the first of them; 0 where homes live on the medium voltage."""
    network = load_network(network_name)
    zones = {network.bus_zone[bus] for bus in network.loads.bus[home_points(network)].tolist()}
    plate, branches = network.transformers, network.branches
    below = branches.to_bus[plate.branch]
    serves = np.array([network.bus_kv[bus] < LV_KV and network.bus_zone[bus] in zones for bus in below.tolist()], bool)
    above = branches.from_bus[plate.branch][serves]
    bus = network.bus_names[above[0]] if len(above) else network.bus_names[network.slack]
    return float(1000.0 * (plate.sn_mva * plate.parallel)[serves].sum()), bus


def scaled(scenario: Scenario, size: float) -> Changes:
    """So many times the homes of every group."""
    base = scenario.as_data()
    return {
        key: max(1, round(size * base["people"][int(key.split(".")[1])]["homes"]["count"]))
        for key in home_keys(scenario, "homes.count")
    }


def countries(scenario: Scenario) -> dict[str, Changes]:
    """The scenario in each country: people, climate, product, deadlines, sharing; the least bid stays the scenario's."""
    return {
        name: _people(scenario, said) | _market(scenario, said, keep_least=True) | _sharing(scenario, said)
        for name, said in conditions().items()
    }


def markets(scenario: Scenario) -> dict[str, Changes]:
    """The scenario's people under product and deadlines of each country, least bid and all."""
    return {name: _market(scenario, said, keep_least=False) for name, said in conditions().items()}


def conditions() -> Mapping[str, Mapping[str, Any]]:
    """Boundary conditions by country; see the data file."""
    found: dict[str, Mapping[str, Any]] = shipped.read_yaml("boundaries.yaml")
    return found


def trades(scenario: Scenario) -> bool:
    """Whether a market operator trades: between providers, or communities that sell through it, and the DSO."""
    through = any(one.flexibility.through == "lfmo" for one in scenario.actors.communities)
    return scenario.coordination and scenario.actors.lfmo is not None and bool(scenario.actors.fsps or through)


def product_with(scenario: Scenario, attributes: Mapping[str, Any]) -> Changes:
    """The scenario's product with other attributes, under its own name."""
    product = scenario.product.model_dump(mode="json", by_alias=True, exclude_none=True)
    name = scenario.product_key[1]
    return {"products": scenario.as_data().get("products", {}) | {name: product | dict(attributes)}}


def _people(scenario: Scenario, said: Mapping[str, Any]) -> Changes:
    changes: Changes = {}
    for key, value in said["set"].items():
        head, star, rest = key.partition(".*.")
        changes |= dict.fromkeys(home_keys(scenario, rest), value) if star and head == "people" else {key: value}
    if "place.city" in changes:
        changes["place"] = {"city": changes.pop("place.city")}
    return changes


def _market(scenario: Scenario, said: Mapping[str, Any], *, keep_least: bool) -> Changes:
    """Product and deadlines; nothing where no market operator trades."""
    if not trades(scenario):
        return {}
    product = {key: value for key, value in said["product"].items() if not (keep_least and key == LEAST_BID)}
    rules = dict(said["market"])
    gate, decision = rules.pop("gate_before_h", None), rules.pop("decision_before_h", None)
    if gate is not None:
        opens = datetime.combine(scenario.clock.start, read_clock(scenario.product.service_window[0]))
        closes = opens - timedelta(hours=gate)
        rules |= {"actors.lfmo.gate": _day_time(closes, opens), "actors.dso.procures": _day_time(closes - timedelta(hours=decision), opens)}  # fmt: skip
    return product_with(scenario, product) | rules


def _day_time(at: datetime, opens: datetime) -> str:
    days = (opens.date() - at.date()).days
    return f"{at:%H:%M} {'the day before' if days else 'on the day'}"


def _sharing(scenario: Scenario, said: Mapping[str, Any]) -> Changes:
    """Rules of sharing of every community; no communities where none may share over the public grid."""
    if not scenario.actors.communities:
        return {}
    if said["sharing"] == "none":
        return {"actors.communities": []}
    changes: Changes = {}
    for place in range(len(scenario.actors.communities)):
        path = f"actors.communities.{place}"
        changes |= {f"{path}.regulation": said["sharing"]["regulation"], f"{path}.allocation": {"rule": said["sharing"]["allocation"]}}  # fmt: skip
    return changes


def boundary_section() -> Section:
    """Boundary conditions with their sources, as a table."""
    rows = []
    for name, said in conditions().items():
        market = said["product"] | said["market"]
        rows.append([name, "people, climate", _listed(said["set"]), said["source"]])
        rows.append([name, "product, deadlines", _listed(market), said["market_source"]])
        rows.append([name, "sharing", _sharing_text(said["sharing"]), _sharing_source(said["sharing"])])
    note = "<p class='soft'>[V: key] was read in a source, [M] is from memory: an assumption.</p>"
    return Section("boundaries", "Boundary conditions", note + table(["country", "of", "set", "source"], rows))


def _listed(said: Mapping[str, Any]) -> str:
    return "; ".join(f"{key} {value}" for key, value in said.items())


def _sharing_text(said: Any) -> str:
    return "none over the public grid" if said == "none" else f"{said['allocation']}, regulation {said['regulation']}"


def _sharing_source(said: Any) -> str:
    if said == "none":
        return "No sharing over the public grid with netting; own lines between buildings only [V: e2b2, ei22]."
    return str(shipped.read_yaml("sharing", "countries.yaml")[said["regulation"]]["source"])
