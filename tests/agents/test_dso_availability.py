"""The DSO waits for what FSPs report as long as its scenario says, and no longer."""

import pytest

from environment.units import MS_PER_S


@pytest.mark.parametrize("wait_s", [2.0, 30.0, 600.0])
def test_availability_is_waited_for_as_long_as_the_scenario_says(small, wait_s):
    """It looks ahead when the wait is over; reports that take longer than the wait are not in its register."""
    from experiments.assembly.world import build_world

    scenario = small.scenario(clock__history_days=3, grid__transformer_rating_factor=0.25,
                              actors__dso__availability_wait_s=wait_s)  # fmt: skip
    site = small.site(scenario)
    world = build_world(site)
    procures_ms = site.calendar.on(site.scenario.clock.start) - 11 * 3_600_000
    world.run(procures_ms + 700 * MS_PER_S)
    dso = next(actor.party for actor in world.agents if actor.party.name == "dso-1")
    (made_ms,) = set(dso.registers["forecasts"].columns()["made_ms"].tolist())
    assert made_ms == procures_ms + round(wait_s * MS_PER_S)
    assert ("availability" in dso.registers) == (wait_s > 2.0)
