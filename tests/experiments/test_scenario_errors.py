"""What a mistake in a scenario is answered with: the sentence itself is the behaviour."""

import pytest

from experiments.scenario import load_scenario, scenario_from
from experiments.scenario.read import ScenarioError

FSP = {"fsps": ["fsp-a"]}


def problems(content):
    with pytest.raises(ScenarioError) as caught:
        scenario_from(content, where="my.yaml")
    return caught.value.problems


NO_MARKET = {
    "actors": {"lfmo": "none", "dso": {"activates": "direct", "procures": "14:00 on the day"}},
    "rules": {"settled_by": "dso"},
}
CASES = [
    ({"people": [{"devices": {"ev": 60}}]}, "people[0].devices.ev: '60' is not a share; write 60% or 0.6"),
    ({"people": [{"devices": {"ev": "160%"}}]}, "people[0].devices.ev: '160%' is not a share; a share lies between"),
    ({"people": [{"devices": {"ev": -0.1}}]}, "people[0].devices.ev: '-0.1' is not a share; a share lies between"),
    ({"people": [{"devices": {"ev": "many"}}]}, "people[0].devices.ev: 'many' is not a share; write for example"),
    ({"people": [{"devices": {"ev": True}}]}, "people[0].devices.ev: 'True' is not a share"),
    ({"people": [{"devices": {"heatpump": 0.5}}]}, "people[0].devices.heatpump: unknown key; did you mean 'heat_pump'?"),
    ({"rules": {"settlement": {"rule": "sliding-scale", "grace": 0.9}}}, "rules.settlement.grace: the rule 'sliding-scale' has no grace"),
    ({"copies": 2, "actors": {"communities": ["ec-1"]}}, "copies: 2, but only homes, plants and local flexibility can be copied, not actors.communities; write copies: 1"),
    ({"copies": 2, "faults": [{"forge": "Bid", "as": "fsp-a", "at": "17:10"}], "actors": FSP}, "copies: 2, but an attacker hears all of them"),
    ({"copies": 0}, "copies: 0 is out of range; it must be at least 1"),
    ({"clok": {}}, "clok: unknown key; did you mean 'clock'?"),
    ({"grace": 0.9}, "grace: unknown key here; it belongs to rules.settlement.grace. There are: about, actors, "),
    ({"clock": {"tariff": "flat"}}, "clock.tariff: unknown key here; it belongs to people.homes.tariff"),
    ({"clock": {"name": "pv"}}, "clock.name: unknown key. There are: days, "),
    ({"clock": {"start": "19.01.2016"}}, "clock.start: '19.01.2016' is not a date; write for example 2016-01-19"),
    ({"clock": {"days": 0}}, "clock.days: 0 is out of range; it must be at least 1 d"),
    ({"clock": {"days": 1.5}}, "clock.days: '1.5' is not a whole number"),
    ({"clock": {"physics_step_s": 700}}, "clock.physics_step_s: 700 does not divide 900 s"),
    ({"people": [{"homes": {"contracted_kw": "4500 W"}}]}, "this key is in kW: write 4.5"),
    ({"people": [{"homes": {"contracted_kw": "4 h"}}]}, "'4 h' is not a number; this key is in kW"),
    ({"people": [{"homes": {"contracted_kw": -3}}]}, "-3 is out of range; it must be more than 0 kW"),
    ({"grid": {"scada": {"period_s": "5 min"}}}, "grid.scada.period_s: '5 min' is not a number; this key is in s: write 300"),
    ({"place": {"city": "Gotham"}}, "place.latitude: is needed, since the city is not one of Malaga, Paris"),
    ({"place": {"city": "Rome", "latitude": 95}}, "place.latitude: 95 is out of range; it must be at most 66 degrees north"),
    ({"place": {"weather": "nsrdb"}}, "place.weather: unknown weather 'nsrdb'; did you mean 'nsrdb-2019'?"),
    ({"place": {"weather": "no.epw"}}, "place.weather: there is no file no.epw"),
    ({"place": {"city": "Rome", "timezone": "Europe/Roma"}}, "place.timezone: unknown time zone 'Europe/Roma'"),
    ({"grid": {"network": "ieee33"}}, "grid.network: unknown network 'ieee33'; did you mean 'ieee-33'?"),
    ({"grid": {"network": "no.json"}}, "grid.network: there is no file no.json"),
    ({"grid": {"network": 5}}, "grid.network: '5' stands where a word is expected"),
    ({"grid": {"limits": {"voltage_pu": [1.05, 0.95]}}}, "grid.limits.voltage_pu: write [low, high] in per unit"),
    ({"grid": {"limits": {"voltage_pu": 1}}}, "grid.limits.voltage_pu: '1' stands where a list is expected"),
    ({"grid": "ieee-33"}, "grid: 'ieee-33' stands where keys are expected"),
    ({"people": [{"homes": {"tariff": "it-flat-2052"}}]}, "people[0].homes.tariff: unknown tariff 'it-flat-2052'; did you mean"),
    ({"people": [{"served_by": {"fsp-a": "50%"}}], "actors": FSP}, "people[0].served_by: the shares sum to 50%, not to 100%"),
    ({"people": [{"served_by": "fsp-b"}], "actors": FSP}, "unknown flexibility service provider 'fsp-b'; did you mean 'fsp-a'?"),
    ({"people": [{"homes": {}}, {"homes": {}}]}, "people: 2 groups of homes have the prefix 'home'"),
    ({"people": [{"mv_plant": {"name": "p", "kind": "solar", "kw": 1, "bus": "b"}}]}, "people[0].mv_plant.kind: 'solar' is not known"),
    ({"people": [{"mv_plant": {"name": "p", "kind": "pv", "kw": "0.25 MW", "bus": "b"}}]}, "this key is in kW: write 250"),
    ({"people": [{"mv_plant": {"name": "p", "kind": "pv", "kw": 1}}]}, "people[0].mv_plant.bus: is needed (Bus of the network"),
    ({"actors": {"fsps": ["a", "a"]}}, "actors.fsps: 2 flexibility service providers are called 'a'; give each its own name"),
    ({"actors": {"fsps": ["dso-1"]}}, "actors: 2 parties are called 'dso-1'; give each its own name"),
    ({"actors": {"fsps": ["Fsp A"]}}, "actors.fsps[0].name: 'Fsp A' is no name; use small letters"),
    ({"actors": {"dso": {"procures": "noon"}}}, "actors.dso.procures: 'noon' is not a time before delivery; write for example"),
    (NO_MARKET | {"actors": {"lfmo": "none", "dso": {"procures": "14:00 on the day"}}},
     "actors.dso.activates: without a market operator the GDBN knows of no contract to call; write direct"),
    (NO_MARKET | {"rules": {}}, "rules.settled_by: without a market operator the GDBN knows of no contract to settle; write dso"),
    (NO_MARKET | {"actors": {"lfmo": "none", "dso": {"activates": "direct"}}},
     "actors.dso.procures: without a market operator the DSO dispatches on the day itself"),
    ({"actors": {"dso": {"activates": "direct"}}}, "rules.settled_by: the GDBN cannot settle orders that do not go through it; write dso"),
    (NO_MARKET | {"actors": {"lfmo": "none", "dso": {"activates": "direct", "procures": "14:00 on the day", "contracts": {"product": "congestion"}}}},
     "actors.dso.contracts.product: unknown product 'congestion'; did you mean"),
    ({"actors": {"dso": {"activates": "by mail"}}}, "actors.dso.activates: 'mail' is not known here. There are: direct, gdbn"),
    ({"actors": {"lfmo": {"gate": "12:00 the day before"}}}, "actors.lfmo.gate: the gate (12:00 the day before) must close after"),
    ({"actors": {"dso": {"availability_wait_s": 0}}}, "actors.dso.availability_wait_s: 0 is out of range"),
    ({"actors": {"dso": {"procures": "14:45 the day before", "availability_wait_s": 900}}}, "still waits; write less than 900 s"),
    ({"actors": {"lfmo": {"product": "congestion"}}}, "actors.lfmo.product: unknown product 'congestion'; did you mean"),
    ({"clock": {"lead_h": 2}}, "clock.lead_h: the world begins at 2016-01-18 22:00, after the DSO procures (13:00 the day before); write lead_h: 11"),
    ({"rules": {"clearing": "merit"}}, "rules.clearing: unknown clearing rule 'merit'; did you mean 'merit-order'?"),
    ({"rules": {"settlement": {"rule": "linear"}}}, "rules.settlement.rule: unknown settlement rule 'linear'; did you mean"),
    ({"rules": {"settlement": {"slope": -1}}}, "rules.settlement.slope: -1 is out of range; it must be at least 0"),
    ({"platforms": {"gdbn": {"delay_s": {"uniform": [2, 1]}}}}, "platforms.gdbn.delay_s: uniform: [from, to] needs"),
    ({"platforms": {"gdbn": {"delay_s": {"constant": float("inf")}}}}, "platforms.gdbn.delay_s.constant: 'inf' is not a number"),
    ({"platforms": {"gdbn": {"delay_s": {}}}}, "platforms.gdbn.delay_s: say exactly one of constant"),
    ({"platforms": {"gdbn": {"delay_s": {"lognormal": [2, 1]}}}}, "platforms.gdbn.delay_s: lognormal: [median, most] needs"),
    ({"platforms": {"mail": {}}}, "platforms.mail: unknown key. There are: authenticate, cbp, direct, gdbn, internal, market, meters"),
    ({"products": {"x": {"service_window": ["23:00", "16:00"]}}}, "products.x.service_window: a window opens before it closes"),
    ({"products": {"x": {"service_window": ["four", "16:00"]}}}, "products.x.service_window: 'four' is not a time of day"),
    ({"products": {"x": {"capacity_min_kw": 9, "capacity_max_kw": 8}}}, "products.x: capacity_min_kw is larger than"),
    ({"events": [{"at": "25:00", "outage_of": "x"}]}, "events[0].from: '25:00' is not a moment; write 18:40, day 2 18:40"),
    ({"events": [{"from": "18:40", "to": "18:00", "outage_of": "x"}]}, "events[0]: it ends at 2016-01-19 18:00, before it begins"),
    ({"events": [{"at": "day 9 18:40", "outage_of": "x"}]}, "events[0]: it begins at 2016-01-27 18:40, outside the run"),
    ({"events": [{"at": "18:40", "to": "day 3 01:00", "outage_of": "x"}]}, "events[0]: it ends at 2016-01-21 01:00, after the run"),
    ({"events": [{"at": "18:40", "platform_down": "gbdn"}]}, "events[0].platform_down: 'gbdn' is not known here; did you mean 'gdbn'?"),
    ({"faults": [{"party": "dso-1"}]}, "faults[0]: say what is wrong: delivers, offers, inflates, reports, ignores_limits, silent or drop_acknowledgements"),
    ({"faults": [{"party": "fsp-z", "delivers": "50%"}], "actors": FSP}, "faults[0].party: unknown party 'fsp-z'; did you mean 'fsp-a'?"),
    ({"faults": [{"party": "fsp-a", "offers": 150}], "actors": FSP}, "faults[0].offers: '150' is out of range; write between 0% and 1000%, for example 150%"),
    ({"faults": [{"party": "fsp-a", "offers": "more"}], "actors": FSP}, "faults[0].offers: 'more' says not how many times as much; write for example 150%"),
    ({"faults": [{"party": "dso-1", "inflates": "150%"}], "actors": FSP}, "faults[0].inflates: 'dso-1' is no flexibility service provider and declares no baseline"),
    ({"faults": [{"party": "dso-1", "offers": "150%"}], "actors": FSP}, "faults[0].offers: 'dso-1' is no flexibility service provider and offers nothing"),
    ({"faults": [{"forge": "Bids", "as": "dso-1", "at": "17:10"}], "actors": FSP}, "faults[0].forge: unknown record 'Bids'; did you mean 'Bid'?"),
    ({"faults": [{"forge": "Bid", "as": "dso-1", "at": "17:10", "kw": 3}], "actors": FSP}, "faults[0]: kw is what ActivationRequest or ActivationSignal orders; write what Bid says as fields"),
    ({"faults": [{"forge": "ActivationSignal", "as": "dso-1", "at": "17:10", "fields": {"change_kw": 3}}], "actors": FSP}, "faults[0]: fields are for other records; what ActivationSignal orders is kw"),
    ({"faults": [{"forge": "Bid", "as": "dso-1", "at": "17:10", "fields": {"price": 3}}], "actors": FSP}, "faults[0].fields.price: Bid has no field 'price'; did you mean 'price_eur_per_kwh'?"),
    ({"faults": [{"forge": "Bid", "as": "dso-1", "at": "17:10", "fields": {"quantity_kw": True}}], "actors": FSP}, "faults[0].fields.quantity_kw: Bid.quantity_kw is a number"),
    ({"faults": [{"replay": "Bids", "as": "fsp-a", "at": "17:10"}], "actors": FSP}, "faults[0].replay: unknown record 'Bids'; did you mean 'Bid'?"),
    ({"faults": [{"replay": "Bid", "as": "fsp-b", "at": "17:10"}], "actors": FSP}, "faults[0].as: unknown party 'fsp-b'; did you mean 'fsp-a'?"),
    ({"faults": [{"replay": "Bid", "as": "fsp-a", "target": "home-9999", "at": "17:10"}], "actors": FSP}, "faults[0].target: unknown party 'home-9999'"),
    ({"faults": [{"replay": "Bid", "as": "fsp-a", "attacker": "dso-1", "at": "17:10"}], "actors": FSP}, "faults[0].attacker: a party is called 'dso-1' already"),
    ({"faults": [{"replay": "Bid", "as": "fsp-a"}], "actors": FSP}, "faults[0]: say when: at, or from and to"),
    ({"faults": [{"replay": "Bid", "as": "fsp-a", "at": "17:10", "to": "18:00"}], "actors": FSP}, "faults[0]: say when: at, or from and to"),
    ({"faults": [{"replay": "Bid", "as": "fsp-a", "from": "17:10", "to": "17:00"}], "actors": FSP}, "faults[0]: it ends at 2016-01-19 17:00, before it begins"),
    ({"faults": [{"replay": "Bid", "as": "fsp-a", "at": "day 9 17:10"}], "actors": FSP}, "faults[0]: it begins at 2016-01-27 17:10, outside the run"),
    ({"faults": [{"replay": "Bid", "at": "17:10"}], "actors": FSP}, "faults[0].as: is needed (Who the message claims to come from: a party's name)"),
    ({"faults": [{"forgee": "Bid", "as": "fsp-a", "at": "17:10", "forge": "ActivationSignal"}], "actors": FSP}, "faults[0].forgee: unknown key; did you mean 'forge'?"),
    ({"faults": [{"alter": "Bid", "field": "price", "by": 2, "as": "fsp-a", "at": "17:10"}], "actors": FSP}, "faults[0].field: Bid has no field 'price'; did you mean 'price_eur_per_kwh'?"),
    ({"faults": [{"alter": "Bid", "field": "area", "by": 2, "as": "fsp-a", "at": "17:10"}], "actors": FSP}, "faults[0].by: Bid.area is no number; write value"),
    ({"faults": [{"alter": "Bid", "field": "quantity_kw", "value": "much", "as": "fsp-a", "at": "17:10"}], "actors": FSP}, "faults[0].value: Bid.quantity_kw is a number"),
    ({"faults": [{"alter": "Bid", "field": "quantity_kw", "value": -2, "as": "fsp-a", "at": "17:10"}], "actors": FSP}, "faults[0].value: -2 is out of the range of Bid.quantity_kw"),
    ({"faults": [{"alter": "Bid", "field": "direction", "value": "left", "as": "fsp-a", "at": "17:10"}], "actors": FSP}, "faults[0].value: Bid.direction is one of up, down"),
    ({"faults": [{"alter": "Bid", "field": "quantity_kw", "as": "fsp-a", "at": "17:10"}], "actors": FSP}, "faults[0]: say what becomes of the field: by (how many times as much) or value"),
    ({"faults": [{"replay": "Bid", "as": "dso-1", "at": "17:10"}]}, "faults[0]: there is nothing to attack without flexibility service providers (actors.fsps)"),
    ({"platforms": {"authenticate": "no way"}}, "platforms.authenticate: 'no way' is neither true nor false"),
    ({"coordination": "maybe"}, "coordination: 'maybe' is neither true nor false"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "sentence"), CASES, ids=[sentence[:50] for _, sentence in CASES])
def test_a_mistake_is_answered_with_its_place_and_the_way_out(content, sentence):
    (problem,) = [one for one in problems(content) if sentence in one] or [f"only: {problems(content)}"]
    assert sentence in problem
    assert problem.startswith("my.yaml: ")
    assert "\n" not in problem


def test_a_single_mistake_gives_a_single_problem():
    for content, sentence in CASES:
        if "Gotham" not in str(content):
            assert len(problems(content)) == 1, (content, sentence)


def test_all_mistakes_are_reported_at_once():
    found = problems(
        {
            "clok": {},
            "clock": {"days": 0},
            "people": [{"homes": {"tariff": "it-flat-2052"}, "devices": {"ev": 60, "pvs": "1%"}}],
            "actors": {"fsps": ["a", "a"]},
            "rules": {"clearing": "merit"},
            "grid": {"network": "ieee33"},
        }
    )
    places = {problem.split(": ")[1] for problem in found}
    assert places == {
        "clok", "clock.days", "people[0].homes.tariff", "people[0].devices.ev", "people[0].devices.pvs", "actors.fsps",
        "rules.clearing", "grid.network",
    }  # fmt: skip


def test_what_could_not_be_read_raises_no_second_complaint():
    """A faulty list of providers must not make every contract look unknown."""
    found = problems({"actors": {"fsps": 5}, "people": [{"served_by": "fsp-a"}]})
    assert found == [
        "my.yaml: actors.fsps: '5' stands where a list is expected; write [a, b] or lines that begin with -"
    ]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("clock.days", "--set 'clock.days': write key.path=value"),
        ("=3", "--set '=3': write key.path=value"),
        ("people.7.devices.ev=80%", "there is no 'people.7' to set something in"),
        ("people.9=x", "'9' is not a place in a list of 2; places count from 0"),
        ("title.x=3", "there is no 'title' to set something in"),
        ("clock.dais=2", "clock.dais: unknown key; did you mean 'days'?"),
        ("clock.days=[", "--set clock.days: line"),
    ],
)
def test_a_wrong_setting_is_answered_with_its_path(setting, sentence):
    with pytest.raises(ScenarioError) as caught:
        load_scenario("district-day", [setting])
    assert sentence in str(caught.value)


def test_wrong_settings_are_reported_together():
    with pytest.raises(ScenarioError) as caught:
        load_scenario("district-day", ["a", "b"])
    assert len(caught.value.problems) == 2
