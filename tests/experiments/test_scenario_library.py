import pytest

from experiments.assembly.network import network_of
from experiments.errors import CoflexError, closest, did_you_mean
from experiments.networks import network_names
from experiments.scenario import load_scenario
from experiments.scenario.actors import Product
from experiments.scenario.checks import problems_of_network
from experiments.scenario.library import (
    RULES,
    known_places,
    known_products,
    rule,
    scenario_names,
    tariff_names,
)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, rules in RULES.items() for name in rules])
def test_every_rule_that_can_be_named_exists(kind, name):
    found = rule(kind, name)
    assert callable(found)
    assert found.__module__ == RULES[kind][name].function.partition(":")[0]


def test_an_unknown_rule_is_answered_with_the_nearest():
    with pytest.raises(CoflexError, match="unknown clearing rule 'merit'; did you mean 'merit-order'"):
        rule("clearing", "merit")


@pytest.mark.parametrize("name", sorted(known_products()))
def test_shipped_products_are_in_order_and_say_what_they_are(name):
    assert Product.model_validate(known_products()[name]).title


def test_known_places_have_their_weather_file():
    from data import path

    files = {file.name.lower() for file in path("profiles", "weather").iterdir()}
    assert all(any(name.startswith(place.lower()) for name in files) for place in known_places())


def test_listings_are_not_empty_and_hold_what_the_default_scenario_names():
    scenario = load_scenario("district-day")
    assert "district-day" in scenario_names()
    assert scenario.grid.network in network_names()
    assert set(scenario.homes[0].homes.tariff) <= set(tariff_names())
    assert "places" not in scenario_names()


@pytest.mark.parametrize("name", scenario_names())
def test_shipped_scenarios_fit_their_network(name):
    assert problems_of_network(load_scenario(name), network_of) == []


def test_names_that_the_network_does_not_have_are_reported_with_the_nearest():
    scenario = load_scenario(
        "district-day",
        ["people.1.mv_plant.bus=MV2.101 Bus 240", "events=[{at: 18:40, outage_of: line LV3.202 Line 999}]"],
    )
    found = problems_of_network(scenario, network_of)
    assert [problem.split(":")[0] for problem in found] == ["people[1].mv_plant.bus", "events[0].outage_of"]
    assert all("LV3.202 Line" in problem or "MV2.101 Bus 24" in problem for problem in found)


def test_a_network_that_cannot_be_read_is_a_problem_and_not_a_crash(tmp_path):
    file = tmp_path / "net.json"
    file.write_text("{}")
    scenario = load_scenario("district-day", [f"grid.network={file}"])
    problems = problems_of_network(scenario, network_of)
    assert problems
    assert all(problem.startswith("grid.network: ") for problem in problems)


def test_the_nearest_name_ignores_letter_case():
    assert closest("ROMA", ["Paris", "Rome"]) == ["Rome"]
    assert closest("xyz", ["Paris", "Rome"]) == []


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("romme", ["Rome", "Paris"], "; did you mean 'Rome'? There are: Paris, Rome"),
        ("xyz", ["Rome"], ". There are: Rome"),
        ("x", [], "; there is none"),
        ("a9", [f"a{n:02}" for n in range(20)], "and 8 more"),
    ],
)
def test_did_you_mean_names_what_exists(name, known, text):
    assert text in did_you_mean(name, known)
