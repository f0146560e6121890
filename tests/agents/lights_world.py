"""A small world of two operators with register, lights, pools and market, and what tests read of it."""

import copy

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
    content["global_market"]["dsos"][0]["n1"] = [
        {"outage_of": "MV cable 2", "opens": ["Transformer B"], "closes": ["Tie A2-B1", "Tie A3-B2"]}
    ]
    content["global_market"]["dsos"][1]["network"] = "simbench/1-LV-rural1--0-sw"
    content["global_market"] |= market
    return content


class World:
    """A lived world."""

    def __init__(self, content, until_h=None):
        self.site = build_site(scenario_from(content), 1, lambda *_: None)
        self.world = build_world(self.site)
        self.world.run(self.site.timeline.end_ms if until_h is None else round(until_h * 3_600_000))

    def table(self, name):
        return registered(self.world, name)

    def party(self, name):
        return next(actor.party for actor in self.world.agents if actor.party.name == name)

    def tables(self):
        site, world = self.site, self.world
        return conform(physical_tables(site) | static_tables(site, world) | party_tables(site, world))
