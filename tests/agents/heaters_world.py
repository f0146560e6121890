"""A few homes with retrofitted water heaters, lived for some days."""

import copy

from experiments.assembly.site import build_site
from experiments.assembly.tanks import KIND
from experiments.assembly.world import build_world
from experiments.run.tables import registered
from experiments.scenario import load_scenario, scenario_from

HOMES, DAYS = 12, 5
DAY_MS = 86_400_000
NETWORK = "two-stations"


def scenario(**changes):
    content = copy.deepcopy(load_scenario("heaters-retrofit").as_data())
    content |= {"name": "few-heaters", "events": []}
    content["clock"] |= {"days": DAYS}
    content["grid"]["network"] = NETWORK
    content["people"][0] |= {"consent": 1.0, "automatic": 1.0}
    content["people"][0]["homes"]["count"] = HOMES
    content["heaters"] |= {"training_days": 3, "changes": [], "requests": []}
    content["heaters"]["installation"] |= {
        "coverage_4g": 1.0, "own_clock": 0.0, "recruited": 1.0, "dead_radio": 0.0, "mute_probe": 0.0, "forgotten": 0.0,
    }  # fmt: skip
    for path, value in changes.items():
        here = content
        *keys, last = path.split("__")
        for key in keys:
            here = here[int(key) if key.isdigit() else key]
        here[last] = value
    return scenario_from(content)


class World:
    """A lived world of a scenario."""

    def __init__(self, **changes):
        self.site = build_site(scenario(**changes), 1, lambda *_: None)
        self.world = build_world(self.site)
        self.world.run(self.site.timeline.end_ms)
        self.fleet = self.site.living.physics.installed[KIND].fleet
        self.set_kw = self.site.living.physics.record.set_kw[KIND]

    def table(self, name):
        return registered(self.world, name)

    def party(self, name):
        return next(actor.party for actor in self.world.agents if actor.party.name == name)

    def outcomes(self):
        found = self.table("retrofits")
        return dict(zip(found["owner"].tolist(), found["outcome"].tolist(), strict=True))


def erased(lived):
    """Homes that had their data erased, and when they were told."""
    answers = lived.table("data_answers")
    done = (answers["right"] == "erase") & answers["done"]
    return dict(zip(answers["owner"][done].tolist(), answers["t_ms"][done].tolist(), strict=True))
