"""What a scenario may say and a run cannot do is refused before anything is computed, all at once."""

import pytest

from experiments.assembly.check import check_scenario
from experiments.errors import CoflexError
from experiments.scenario import scenario_from

PRODUCT = {"service_window": ["16:00", "23:00"]}


def refused(scenario):
    with pytest.raises(CoflexError) as caught:
        check_scenario(scenario)
    return str(caught.value).splitlines()


def traded(small, **product):
    return small.scenario(products={"mine": PRODUCT | product}, actors__lfmo__product="mine")


def test_the_small_scenario_is_in_order(small):
    check_scenario(small.scenario())


@pytest.mark.parametrize("name", ["homes", "gdbn-1", "home-0003"])
def test_names_that_every_world_has_are_not_given_again(small, name):
    (line,) = refused(small.scenario(actors__retailer={"name": name}))
    assert f"'{name}'" in line


def test_a_plant_does_not_take_the_name_of_a_home(small):
    content = small.content()
    content["people"].append({"mv_plant": {"name": "home-0001", "kind": "wind", "kw": 5, "bus": "any"}})
    (line,) = refused(scenario_from(content))
    assert "'home-0001'" in line


def test_a_world_without_homes_is_refused(small):
    assert any("no homes" in line for line in refused(small.scenario(people=[])))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"interval_s": 1800}, "interval_s"),
        ({"kind": "availability"}, "kind"),
        ({"area": "connection-point"}, "area"),
        (
            {"remuneration": "both", "availability_cap_eur_per_kw_h": 0.1},
            "write availability-and-activation, or remuneration: activation",
        ),
        ({"activation_cap_eur_per_kwh": 0}, "activation_cap_eur_per_kwh"),
        ({"service_window": ["18:05", "19:00"]}, "service_window"),
    ],
)
def test_products_that_cannot_be_traded_are_refused(small, change, word):
    (line,) = refused(traded(small, **change))
    assert word in line
    assert "'mine'" in line


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"clock__physics_step_s": 300}, "physics_step_s"),
        ({"clock__history_days": 0}, "history_days"),
        ({"actors__dso__procures": "12:05 the day before"}, "procures"),
        ({"actors__lfmo__gate": "17:00 on the day"}, "gate"),
    ],
)
def test_clocks_and_ways_that_cannot_be_run_are_refused(small, changes, word):
    (line,) = refused(small.scenario(**changes))
    assert word in line


def test_all_is_said_at_once(small):
    wrong = small.scenario(
        clock__history_days=0, actors__lfmo__gate="17:00 on the day", actors__retailer={"name": "homes"}
    )
    assert len(refused(wrong)) == 3


def test_without_coordination_the_market_is_not_asked(small):
    check_scenario(small.scenario(coordination=False, actors__lfmo__gate="17:00 on the day"))


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (
            {"baseline": "x-of-y"},
            "rules.baseline.x: 10 days are averaged, but before the gate of 2016-01-19 only 4 of its type are over",
        ),
        (
            {"settlement": {"rule": "availability-and-activation"}},
            "rules.settlement.rule: no availability is paid in product 'congestion-day-ahead'",
        ),
    ],
)
def test_rules_that_lack_what_they_rest_on_are_refused(small, rules, text):
    (line,) = refused(small.scenario(rules=rules))
    assert text in line


@pytest.mark.parametrize(
    ("product", "text"),
    [
        ({"remuneration": "both"}, "availability_cap_eur_per_kw_h is 0, but availability is paid (remuneration: both)"),
        (
            {"remuneration": "availability", "availability_cap_eur_per_kw_h": 0.1},
            "does not pay what kind 'activation' sells; write remuneration: both, or kind: availability",
        ),
    ],
)
def test_products_that_contradict_what_they_pay_are_refused(small, product, text):
    content = small.content(products={"mine": PRODUCT | product}, actors__lfmo__product="mine")
    content["rules"]["settlement"] = {"rule": "availability-and-activation"}
    (line,) = refused(scenario_from(content))
    assert text in line


def test_standing_contracts_pay_activation(small):
    content = small.content(products={"mine": PRODUCT | {"remuneration": "both", "availability_cap_eur_per_kw_h": 0.1}})
    content["actors"]["lfmo"] = "none"
    content["actors"]["dso"] |= {"activates": "direct", "procures": "14:00 on the day"}
    content["rules"]["settled_by"] = "dso"
    content["rules"]["settlement"] = {"rule": "availability-and-activation"}
    content["actors"]["dso"]["contracts"]["product"] = "mine"
    (line,) = refused(scenario_from(content))
    assert "remuneration 'both' needs a market" in line


@pytest.mark.parametrize("remuneration", ["both", "availability"])
def test_products_that_pay_availability_are_in_order(small, remuneration):
    kind = "availability" if remuneration == "availability" else "activation"
    product = PRODUCT | {"kind": kind, "remuneration": remuneration, "availability_cap_eur_per_kw_h": 0.1}
    rules = {"settlement": {"rule": "availability-and-activation"}}
    check_scenario(small.scenario(products={"mine": product}, actors__lfmo__product="mine", rules=rules))


def test_days_enough_are_enough(small):
    check_scenario(small.scenario(rules={"baseline": {"rule": "x-of-y", "x": 4, "y": 10}}))
    check_scenario(small.scenario(rules={"baseline": "meter-before"}, clock__history_days=2))
