import re

import pytest

from experiments.scenario import load_scenario, scenario_from
from experiments.scenario.library import scenario_names
from experiments.scenario.read import parse_yaml
from experiments.scenario.show import complete_yaml, schema_json, schema_keys, schema_text

RICH = [
    "events=[{at: 18:40, outage_of: LV3.202 Line 48}, {from: 14:00, to: 15:30, platform_down: gdbn}, {from: 17:00, manual: 30%}, {at: 18:20, withdraw: 10%}]",
    "faults=[{party: fsp-sol, silent: {from: day 1 18:00}, drop_acknowledgements: 12.5%, offers: 133%}]",
    "faults.1={forge: ActivationRequest, as: dso-1, at: 17:10, kw: 4}",
    "faults.2={replay: Bid, as: fsp-sol, from: 17:00, to: 18:00}",
    "faults.3={alter: Bid, field: price_eur_per_kwh, by: 50%, as: fsp-sol, target: dso-1, at: 17:10}",
    "platforms.authenticate=false",
    "products={night: {directions: [up, down], title: 'a: b # c'}}",
    "platforms.gdbn.delay_s={lognormal: [1.5, 4]}",
    "people.0.homes.tariff={it-flat-2025: 33.3%, it-f1f2f3-2025: 0.667}",
    "about='two  lines\n\nand \"quotes\"'",
]


PROVIDED = [name for name in scenario_names() if load_scenario(name).actors.fsps]
"""Scenarios with flexibility service providers, of which the rich form speaks."""


@pytest.mark.parametrize(
    ("name", "sets"),
    [*((name, []) for name in scenario_names()), *((name, RICH) for name in PROVIDED)],
    ids=[*(f"plain-{name}" for name in scenario_names()), *(f"rich-{name}" for name in PROVIDED)],
)
def test_the_complete_form_reads_back_as_the_same_scenario(name, sets):
    scenario = load_scenario(name, sets)
    assert scenario_from(parse_yaml(complete_yaml(scenario), where="x")) == scenario


def test_the_complete_form_names_every_key_of_the_schema():
    shipped = [load_scenario(name) for name in scenario_names()]
    bought = load_scenario("traffic-light-day", ["global_market.buyers=[{name: trader}]"])
    text = "".join(complete_yaml(one) for one in [load_scenario("district-day", RICH), bought, *shipped])
    for key in schema_keys():
        name = key.path.rsplit(".", 1)[-1]
        assert name == "<name>" or re.search(rf"^ *{name}:", text, re.MULTILINE), key.path


def test_the_complete_form_says_meaning_unit_and_source_before_each_value():
    lines = complete_yaml(load_scenario("district-day")).splitlines()
    place = lines.index("  period_s: 300") if "  period_s: 300" in lines else lines.index("    period_s: 300")
    assert lines[place - 1].strip().startswith("# Time between two snapshots. [s; default: ")


def test_every_key_explains_itself():
    for key in schema_keys():
        assert key.meaning.endswith("."), key.path
        assert key.type, key.path


def test_every_value_with_a_default_names_its_source():
    for key in schema_keys():
        if key.default and "section" not in key.type:
            assert key.source, key.path


SUFFIXES = {
    "_kw": "kW", "_s": "s", "_per_s": "1/s", "_h": "h", "_eur": "EUR", "_eur_per_kwh": "EUR/kWh", "_eur_per_kw_h": "EUR/kW/h", "_m": "m", "_pu": "p.u.", "_percent": "%", "_days": "d",
}  # fmt: skip


def test_the_unit_in_a_name_is_the_unit_in_the_reference():
    """A key ``x_kw`` in the reference is in kW, and so on: the longest suffix decides."""
    checked = 0
    for key in schema_keys():
        name = key.path.rsplit(".", 1)[-1]
        fitting = [suffix for suffix in SUFFIXES if name.endswith(suffix)]
        if fitting:
            assert key.unit.startswith(SUFFIXES[max(fitting, key=len)]), key
            checked += 1
    assert checked > 30


def test_no_two_keys_of_one_variant_share_a_path():
    paths = [key.path for key in schema_keys()]
    assert len(paths) == len(set(paths))


def test_the_json_schema_forbids_unknown_keys_everywhere():
    schema = schema_json()
    parts = [schema, *schema["$defs"].values()]
    assert all(part["additionalProperties"] is False for part in parts if part["type"] == "object")
    assert {"clock", "place", "grid", "people", "actors", "rules"} <= set(schema["properties"])


def test_the_schema_as_text_shows_unit_and_default():
    assert "people[].homes.contracted_kw  (number, kW, default 4.5)" in schema_text()
    assert "people[].devices.ev  (share, default 0%)" in schema_text()
