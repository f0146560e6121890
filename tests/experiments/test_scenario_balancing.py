"""What is wrong with a scenario of balancing services is said at once, with the way out."""

import copy

import pytest

from data import read_yaml
from experiments.scenario import ScenarioError, load_scenario, scenario_from


def _refused(**changes):
    """What is said of the shipped scenario with values changed by key path, dots as two underscores."""
    content = copy.deepcopy(read_yaml("scenarios", "tso-balancing.yaml")) | {"name": "changed"}
    for path, value in changes.items():
        here = content
        *keys, last = path.split("__")
        for key in keys:
            here = here[int(key) if key.isdigit() else key] if key.isdigit() else here.setdefault(key, {})
        here[last] = value
    with pytest.raises(ScenarioError) as error:
        scenario_from(content)
    return str(error.value)


def test_the_shipped_scenario_sets_its_use_case_in_motion():
    scenario = load_scenario("tso-balancing")
    assert scenario.usecases() == ["SUC05.2"]
    assert scenario.without_coordination().usecases() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clock__tail_h": 1}, ("clock.tail_h", "write at least 2")),
        ({"clock__lead_h": 6}, ("clock.lead_h", "write at least 12")),
        ({"clock__history_days": 0}, ("clock.history_days", "write at least 1")),
        ({"clock__physics_step_s": 300}, ("clock.physics_step_s: 300", "write 900")),
        ({"balancing__gate": "11:00 the day before"}, ("balancing.gate", "12:30 the day before")),
        ({"balancing__tso": "dso-1"}, ("more than one party is called 'dso-1'",)),
        ({"balancing__aggregator": "agg-1"}, ("more than one party is called 'agg-1'",)),
        ({"people__0__served_by": {"agg-1": "60%", "fsp-a": "40%"}}, ("nobody is in the pool 'fsp-b'",)),
        ({"people__0__served_by": {"agg-2": "100%"}}, ("agg-2", "did you mean 'agg-1'")),
        ({"actors": {"fsps": ["fsp-sol"]}}, ("leave out actors.fsps, or balancing",)),
        ({"balancing__signals": {"cycle_s": 7}}, ("cycle_s", "does not divide a quarter of an hour")),
        ({"balancing__fcr": {"need_kw": 10, "min_bid_kw": 5}}, ("granularity_kw: 1000 is above min_bid_kw, 5",)),
        ({"balancing__fcr": {}, "balancing__afrr": {}, "balancing__mfrr": {}}, ("the operator needs nothing of any product",)),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_with_the_way_out(changes, words):
    told = _refused(**changes)
    assert all(word in told for word in words), told
