"""Register, lights and pools as a small world of two operators: every step made, every operator sees its own, no light looser than static."""

import copy

import numpy as np
import pytest

from experiments.build import build_site
from experiments.build_world import build_world
from experiments.conformance import check
from experiments.covers import covers
from experiments.results_schema import conform
from experiments.run_tables import party_tables, physical_tables, registered, static_tables
from experiments.scenario import load_scenario, scenario_from


def small(**market):
    """Two operators, two providers, some twenty homes, a cable out of service."""
    content = copy.deepcopy(load_scenario("traffic-light-day").as_data())
    content["clock"] |= {"history_days": 2, "tail_h": 12}
    nord, sud = (group for group in content["people"] if "homes" in group)
    nord["homes"]["count"], sud["homes"]["count"] = 24, 6
    nord["served_by"], sud["served_by"] = {"bsp-alfa": 0.5, "bsp-beta": 0.5}, {"bsp-alfa": 1.0}
    content["grid"]["limits"]["transformer_percent"] = 40.0
    content["people"] = [nord, sud]
    content["global_market"]["bsps"] = content["global_market"]["bsps"][:2]
    content["global_market"]["dsos"][1]["network"] = "simbench/1-LV-rural1--0-sw"
    content["global_market"] |= market
    return content


class World:
    """A lived world."""

    def __init__(self, content):
        self.site = build_site(scenario_from(content), 1, lambda *_: None)
        self.world = build_world(self.site)
        self.world.run(self.site.timeline.end_ms)

    def table(self, name):
        return registered(self.world, name)

    def party(self, name):
        return next(actor.party for actor in self.world.agents if actor.party.name == name)

    def tables(self):
        site, world = self.site, self.world
        return conform(physical_tables(site) | static_tables(site, world) | party_tables(site, world))


@pytest.fixture(scope="module")
def lived():
    return World(small())


@pytest.fixture(scope="module")
def tables(lived):
    return lived.tables()


@pytest.mark.parametrize("suc", ["SUC08.1", "SUC08.3", "SUC10.1", "SUC10.2"])
def test_every_step_is_made(tables, suc):
    case = check(tables, usecases=[suc], provenance=True).usecases[suc]
    assert case.broken == ()
    assert case.made == case.steps
    assert case.unmatched == 0


@covers("SUC10.1/r11", "SUC08.1/r11")
def test_each_operator_sees_only_points_with_its_name(lived):
    for name in ("dso-nord", "dso-sud"):
        known = lived.party(name).registration.picture.static.values()
        assert known
        assert {one.dso for one in known} == {name}


@covers("SUC10.2/r07", "SUC10.2/r08")
def test_no_dynamic_light_is_looser_than_static(lived):
    lights = lived.table("dynamic_lights")
    assert (lights["capability_kw"] <= lights["static_kw"]).all()
    green, red = lights["colour"] == "green", lights["colour"] == "red"
    assert (lights["capability_kw"][green] == lights["static_kw"][green]).all()
    assert (lights["capability_kw"][red] == 0.0).all()
    assert np.isin(lights["colour"], ["green", "yellow", "red"]).all()
