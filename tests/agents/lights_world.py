"""A small world of two operators with register, lights, pools and market, and what tests read of it."""

import copy

import numpy as np

from agents.strategies.static_lights import Study
from environment.grid.limits import find_violations
from experiments.assembly.global_market import own_grid
from experiments.assembly.site import build_site
from experiments.assembly.world import build_world
from experiments.results.schema import conform
from experiments.run.tables import party_tables, physical_tables, registered, static_tables
from experiments.scenario import load_scenario, scenario_from


def small(**market):
    """Two operators, two providers, some twenty homes, a cable out of service."""
    content = copy.deepcopy(load_scenario("traffic-light-day").as_data())
    content["clock"] |= {"history_days": 2, "tail_h": 12}
    nord, sud = (group for group in content["people"] if "homes" in group)
    nord["homes"]["count"], sud["homes"]["count"] = 24, 6
    nord["served_by"], sud["served_by"] = {"bsp-alfa": 0.5, "bsp-beta": 0.5}, {"bsp-alfa": 1.0}
    content["grid"]["limits"]["transformer_percent"] = 28.0
    content["people"] = [nord, sud]
    content["global_market"]["bsps"] = content["global_market"]["bsps"][:2]
    del content["global_market"]["bsps"][1]["registers"]
    content["global_market"]["dsos"][0]["n1"] = [
        {"outage_of": "MV cable 2", "opens": ["Transformer B"], "closes": ["Tie A2-B1", "Tie A3-B2"]}
    ]
    content["global_market"]["dsos"][1]["network"] = "simbench/1-LV-rural1--0-sw"
    content["global_market"] |= market
    return content


class World:
    """A lived world."""

    def __init__(self, content, until_h=None, seed=1):
        self.site = build_site(scenario_from(content), seed, lambda *_: None)
        self.world = build_world(self.site)
        self.world.run(self.site.timeline.end_ms if until_h is None else round(until_h * 3_600_000))

    def table(self, name):
        return registered(self.world, name)

    def party(self, name):
        return next(actor.party for actor in self.world.agents if actor.party.name == name)

    def tables(self):
        site, world = self.site, self.world
        return conform(physical_tables(site) | static_tables(site, world) | party_tables(site, world))


class Examined:
    """The points that a DSO examined first, held against flows that are worked out here again.

    Args:
        there: a lived world.
        number: of the DSO.
    """

    def __init__(self, there, number):
        said, lights = there.site.scenario.global_market.dsos[number], there.table("static_lights")
        self.gcp = lights["gcp"]
        self.rows = np.flatnonzero((lights["dso"] == said.name) & (lights["t_ms"] == lights["t_ms"].min()))
        self.grid = grid = own_grid(there.site, said)
        known = there.site.timeline.index(int(lights["t_ms"][self.rows[0]]))
        loads = grid.model.to_buses(np.nan_to_num(grid.meters.kw[:, :known])).T
        self.study = Study(grid.states, grid.model.limits, loads, grid.model.kvar_per_kw, grid.bus_perimeter)

    def is_clean(self, row, power_kw, states):
        """Whether no limit is violated with a power of the point in a row, in some states of the network."""
        bus = self.grid.bus_of[self.gcp[row]]
        cases = self.study.cases_kw(int(self.grid.bus_perimeter[bus]))
        p = cases.copy()
        p[:, bus] -= power_kw
        flows = [(one, one.solve(p, cases * self.study.kvar_per_kw)) for one in states]
        return not any(find_violations(one, flow, self.study.limits).steps.any() for one, flow in flows)
