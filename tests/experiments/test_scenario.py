import json
from datetime import date, timedelta

import pytest

from experiments.errors import CoflexError
from experiments.scenario import Scenario, find_scenario, load_scenario, scenario_from, scenario_yaml
from experiments.scenario.library import scenario_names
from experiments.scenario.read import ScenarioError


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_is_in_order_and_explains_itself(name):
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.title
    assert len(scenario.about) > 80


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_written_as_json_reads_back_as_itself(name):
    scenario = load_scenario(name)
    assert scenario_from(json.loads(json.dumps(scenario.as_data()))) == scenario


def test_the_default_scenario_says_what_the_readme_promises():
    scenario = load_scenario("district-day")
    (homes,) = scenario.homes
    assert homes.homes.count == 200
    assert set(homes.homes.tariff) == {"it-flat-2025", "it-f1f2f3-2025"}
    assert {fsp.name for fsp in scenario.actors.fsps} == set(homes.served_by) - {"nobody"}
    assert scenario.clock.start == date(2016, 1, 19)
    assert scenario.clock.start.weekday() == 1
    assert scenario.place.timezone == "Europe/Rome"
    assert scenario.product.directions == ("up",)
    assert scenario.usecases() == ["SUC05.1", "SUC06.1", "SUC06.2", "SUC06.3"]


def test_every_key_has_a_default():
    assert scenario_from({}) == Scenario()


def test_nothing_can_be_changed_afterwards():
    scenario = load_scenario("district-day")
    with pytest.raises(ValueError, match="frozen"):
        scenario.clock.days = 3


def test_the_twin_differs_in_coordination_only():
    scenario = load_scenario("district-day")
    twin = scenario.without_coordination()
    assert twin.usecases() == []
    assert twin.as_data() | {"coordination": True} == scenario.as_data()


def test_without_providers_no_use_case_is_set_in_motion():
    assert scenario_from({}).usecases() == []


def test_settings_change_exactly_the_key_they_name():
    plain = load_scenario("district-day").as_data()
    changed = load_scenario("district-day", ["people.0.devices.ev=80%", "clock.days=2"]).as_data()
    assert changed["people"][0]["devices"].pop("ev") == 0.8
    assert changed["clock"].pop("days") == 2
    plain["people"][0]["devices"].pop("ev")
    plain["clock"].pop("days")
    assert changed == plain


def test_a_setting_can_make_a_section_or_add_to_a_list():
    scenario = load_scenario(
        "district-day",
        ["grid.scada.period_s=60", "faults.0={party: fsp-mar, delivers: 60%}", "actors.fsps.2={name: fsp-new}"],
    )
    assert scenario.grid.scada.period_s == 60
    assert scenario.faults[0].delivers == 0.6
    assert [fsp.name for fsp in scenario.actors.fsps] == ["fsp-sol", "fsp-mar", "fsp-new"]


def test_the_text_of_a_scenario_keeps_its_comments():
    assert "# one home in ten" in scenario_yaml("district-day")


def test_an_unknown_scenario_is_answered_with_the_nearest():
    with pytest.raises(CoflexError, match="did you mean 'district-day'"):
        load_scenario("distric-day")


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(CoflexError, match=r"no scenario file /nowhere/x\.yaml"):
        find_scenario("/nowhere/x.yaml")


def test_a_file_of_ones_own_takes_its_name_from_the_file(tmp_path):
    file = tmp_path / "my-day.yaml"
    file.write_text("title: mine\n")
    assert load_scenario(file).name == "my-day"
    file.write_text("name: other\n")
    assert load_scenario(file).name == "other"


def test_files_named_in_a_scenario_are_sought_beside_it(tmp_path):
    (tmp_path / "station.csv").write_text("x")
    (tmp_path / "net.json").write_text("{}")
    (tmp_path / "my.yaml").write_text("place: {city: Rome, weather: station.csv}\ngrid: {network: net.json}\n")
    scenario = load_scenario(tmp_path / "my.yaml")
    assert scenario.place.weather == str(tmp_path / "station.csv")
    assert scenario.grid.network == str(tmp_path / "net.json")


def test_a_binary_file_is_refused_in_words(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CoflexError, match="not UTF-8 text"):
        load_scenario(tmp_path / "x.yaml")


def test_a_file_that_holds_a_list_is_refused(tmp_path):
    (tmp_path / "x.yaml").write_text("- 1\n- 2\n")
    with pytest.raises(ScenarioError, match="a scenario is a list of `key: value`"):
        load_scenario(tmp_path / "x.yaml")


def test_the_last_day_follows_from_the_first():
    scenario = load_scenario("district-day", ["clock.days=3"])
    assert scenario.clock.last - scenario.clock.start == timedelta(days=2)


def test_products_of_the_scenario_stand_beside_the_shipped_ones():
    scenario = scenario_from(
        {"products": {"night": {"directions": ["down"]}}, "actors": {"lfmo": {"product": "night"}}}
    )
    assert scenario.product.directions == ("down",)
    assert {"night", "congestion-day-ahead"} <= set(scenario.all_products())


def test_a_place_of_ones_own_needs_its_coordinates_and_generated_weather():
    place = {"city": "Narni", "latitude": 42.5, "longitude": 12.5, "altitude_m": 240, "timezone": "Europe/Rome"}
    scenario = scenario_from({"place": {**place, "country": "IT", "weather": "generated"}})
    assert scenario.place.altitude_m == 240.0
