"""What a scenario of retrofitted water heaters may not say: each is named, with the way out."""

import copy

import pytest

from experiments.assembly.check_heaters import problems_of_heaters
from experiments.scenario import load_scenario, scenario_from


def _problems(**changes):
    content = copy.deepcopy(load_scenario("heaters-retrofit").as_data())
    for path, value in changes.items():
        here = content
        *keys, last = path.split("__")
        for key in keys:
            here = here[int(key) if key.isdigit() else key]
        here[last] = value
    return list(problems_of_heaters(scenario_from(content)))


def test_the_shipped_scenario_has_none():
    assert _problems() == []


@pytest.mark.parametrize(
    ("changes", "names", "way_out"),
    [
        ({"clock__physics_step_s": 300}, "clock.physics_step_s: 300", "write 900"),
        ({"clock__history_days": 7}, "clock.history_days: 7", "write 0"),
        ({"clock__lead_h": 12}, "clock.lead_h: 12", "write 0"),
        ({"clock__days": 16, "heaters__changes": [], "heaters__requests": [], "events": []}, "clock.days: 16", "at least 17"),
        ({"people__0__devices__water_heater": 0.0}, "people[].devices.water_heater", "water_heater: 100%"),
        ({"people__0__devices__battery": 0.2}, "people[].devices.battery", "leave it out"),
        ({"people__0__devices__ev": 0.2}, "people[].devices.ev", "leave it out"),
        ({"heaters__operator": "homes"}, "the name 'homes'", "names of their own"),
        ({"heaters__installation__installer": "fsp-heat"}, "the name 'fsp-heat'", "names of their own"),
        ({"heaters__reports_every_min": 20}, "heaters.reports_every_min", "multiples of 15"),
        ({"heaters__comfort_c": 55.0, "heaters__hygiene_c": 55.0}, "heaters.comfort_c: 55", "write for example 40"),
        ({"heaters__changes": [{"day": 30, "share": 0.1}]}, "heaters.changes[0].day: 30", "last day, 23"),
        ({"heaters__requests": [{"day": 30, "right": "access", "share": 0.1}]}, "heaters.requests[0].day: 30", "last day, 23"),
    ],
)  # fmt: skip
def test_a_problem_is_named_with_the_way_out(changes, names, way_out):
    found = _problems(**changes)
    assert len(found) == 1
    assert names in found[0]
    assert way_out in found[0]
