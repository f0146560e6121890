"""A small world of pools in balancing services, lived once a process for all tests that look at it."""

from functools import cache

from data import read_yaml
from experiments.assembly.site import build_site
from experiments.assembly.world import build_world
from experiments.results.schema import conform
from experiments.run.tables import party_tables, physical_tables, registered, static_tables
from experiments.scenario import scenario_from

HOMES = 24
H_MS = 3_600_000
SIGNS = (("capacity", 1), ("energy", 1), ("penalty", -1), ("value", 1))


def scenario(**changes):
    """A street of homes in three pools, two of them small; set-points every five minutes."""
    content = read_yaml("scenarios", "tso-balancing.yaml") | {
        "name": "few-pools",
        "events": [{"at": "15:00", "withdraw": "20%"}],
    }
    content["clock"] = {"start": "2016-01-19", "days": 1, "history_days": 2, "lead_h": 12, "tail_h": 2}
    content["grid"] = {"network": "simbench/1-LV-rural1--0-sw", "scada": {"period_s": 3600}}
    content["people"][0]["homes"] |= {"count": HOMES, "spread": "even"}
    content["people"][0]["devices"] |= {"battery": "100%"}
    content["people"][0]["override_per_day"] = 0.3
    small = {"min_bid_kw": 2, "granularity_kw": 1}
    content["balancing"] |= {
        "block_h": 12, "signals": {"imbalance_kw": 10, "cycle_s": 300}, "fcr": {"need_kw": 12} | small,
        "afrr": {"need_kw": 14, "pays_as_cleared": False} | small, "mfrr": {"need_kw": 6, "pays_as_cleared": False} | small,
    }  # fmt: skip
    content["balancing"]["units"] = [
        {"name": "hydro-1", "capacity_kw": 24, "cost_eur_per_kwh": 0.055, "ramp_kw_per_min": 40},
        {"name": "gas-1", "capacity_kw": 24, "least_kw": 6, "cost_eur_per_kwh": 0.07, "ramp_kw_per_min": 4, "sells": ["mfrr"]},
    ]  # fmt: skip
    content["balancing"] |= changes
    return scenario_from(content)


class World:
    """A lived world, with its tables."""

    def __init__(self, said):
        self.site = build_site(said, 1, lambda *_: None)
        self.world = build_world(self.site)
        self.world.run(self.site.timeline.end_ms)
        self.parties = {actor.party.name: actor.party for actor in self.world.agents}
        self.start_ms, self.end_ms = self.site.days_ms[0]

    def table(self, name):
        return registered(self.world, name)

    def records(self, name):
        """What was said in the world, as plain records."""
        found = []
        for traffic in self.world.bus.journal.traffic:
            if traffic.batch.record.__name__ == name:
                found += [{key: getattr(one, key) for key in one.__struct_fields__} for one in traffic.batch.records()]
        return found

    @property
    def tables(self):
        return conform(
            physical_tables(self.site) | static_tables(self.site, self.world) | party_tables(self.site, self.world)
        )


@cache
def lived_world():
    """The world of ``scenario``, lived; look, and do not touch."""
    return World(scenario())
