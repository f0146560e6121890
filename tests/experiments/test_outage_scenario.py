"""A planned outage makes the need, and nothing else does."""

import copy

import numpy as np
import pytest

from experiments.scenario import load_scenario, scenario_from


@pytest.fixture(scope="module")
def foreseen(small):
    """The DSO of ``district-outage`` after its look ahead, with some events in place of its own; and these."""
    from experiments.assembly.world import build_world

    content = copy.deepcopy(load_scenario("district-outage").as_data())
    content["clock"]["history_days"] = 7
    site = small.site(scenario_from(content))

    def look(events):
        mine = site.twin()
        changed = scenario_from({**content, "events": events})
        mine = type(mine)(**{**mine.__dict__, "scenario": changed})
        mine.living.physics.grid.states = _states(mine)
        world = build_world(mine)
        world.run(4_000_000)  # an hour and a bit after noon of the day before
        return next(actor.party for actor in world.agents if actor.party.name == "dso-1")

    return look, content["events"]


def _states(site):
    from experiments.assembly.site import _states as states

    return states(site.scenario, site.network, site.calendar, site.timeline)


def test_without_the_outage_nothing_is_foreseen(foreseen):
    look, _ = foreseen
    assert not len(look([]).registers["needs"])


def test_with_it_station_a_needs_relief_while_it_lasts_and_no_switching_helps(foreseen):
    look, events = foreseen
    dso = look(events)
    needs = dso.registers["needs"].columns()
    assert set(needs["constraint"].tolist()) == {"Transformer A"}
    needed = needs["t_ms"][needs["quantity_kw"] > 0]
    end_ms = dso._look_ahead.model.switching.states[-1][0]
    assert len(needed)
    assert needed.max() < end_ms
    tried = dso.registers["measures"].columns() if "measures" in dso.registers else {"taken": np.zeros(0, bool)}
    assert not np.asarray(tried["taken"], bool).any()


def test_an_outage_that_is_over_by_then_makes_no_need(foreseen):
    look, events = foreseen
    assert not len(look([{**events[0], "to": "15:00"}]).registers["needs"])
