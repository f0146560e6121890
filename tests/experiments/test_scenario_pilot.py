"""The section of a pilot in a scenario: every mistake is named with its place, its value and what is allowed (SUC13.1)."""

import pytest

from experiments.scenario import load_scenario, scenario_from
from experiments.scenario.read import ScenarioError


def refusal(part, **changes):
    """What is said of the shipped pilot with changes to one of its parts."""
    whole = load_scenario("homes-flex").as_data()
    whole["pilot"][part] = changes
    with pytest.raises(ScenarioError) as error:
        scenario_from(whole)
    return str(error.value)


@pytest.mark.parametrize(
    ("part", "changes", "said"),
    [
        ("control", {"tick_s": 400}, ("tick_s", "400", "does not divide a quarter of an hour")),
        ("control", {"tik_s": 300}, ("tik_s", "tick_s")),
        ("control", {"peak_percent": 120.0}, ("peak_percent", "120", "100")),
        ("control", {"retention_days": 0}, ("retention_days", "0", "1")),
        ("modes", {"initial": {"automatic": 0.9, "auto": 0.1}}, ("modes", "no mode auto", "manual")),
        ("modes", {"initial": {"automatic": 0.5}}, ("initial", "50%")),
        ("admission", {"minimum_devices": 5}, ("minimum_devices", "5", "4")),
        ("admission", {"late": 1.5}, ("late", "1.5")),
        ("balancing", {"reserve_kw": -1.0}, ("reserve_kw", "-1")),
        ("names", {"installers": []}, ("installers",)),
    ],
)
def test_a_wrong_value_is_named_with_its_place_and_what_is_allowed(part, changes, said):
    text = refusal(part, **changes)
    assert f"pilot.{part}" in text
    for word in said:
        assert word in text
