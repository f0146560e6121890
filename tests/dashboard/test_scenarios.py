"""Changes made with controls mean to the command line what they mean on the screen."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard import controls, scenarios, shelf
from dashboard.page_whatif import same_weekday
from experiments.errors import CoflexError
from experiments.results import open_run
from experiments.scenario import load_scenario, scenario_from


def every_control(name):
    return [one for group in controls.groups(scenarios.base_of(name)) for one in group.controls]


def another(control):
    """A value that the control allows and the scenario does not have."""
    if control.kind == "share":
        return 0.37
    if control.kind == "switch":
        return not control.value
    if control.kind == "choice":
        return next((one for one in reversed(control.choices) if one != control.value), control.value)
    if control.kind == "date":
        return control.value.replace(day=control.value.day + 1)
    high = control.high if control.high is not None else control.value + 10
    step = 1 if control.kind == "whole" else 0.25
    return control.value + step if control.value + step <= high else control.value - step


@pytest.mark.parametrize("name", scenarios.shipped())
def test_a_control_shows_what_the_scenario_says(name):
    scenario = load_scenario(name)
    data = scenario.as_data()
    for control in every_control(name):
        if (
            control.kind in ("share", "number", "whole", "switch")
            and "served_by" not in control.key
            and "delay" not in control.key
            and control.key != "pilot.modes.initial"
        ):
            path = tuple(int(one) if one.isdigit() else one for one in control.key.split("."))
            assert scenarios.node(data, path) == control.value, control.key


ASKS_FOR_MORE = {
    "rules.settlement.rule",
    "clock.days",
    "place.weather",
    "actors.communities.0.allocation.rule",
    "actors.communities.0.price.rule",
    "actors.communities.0.grid_tariff_eur_per_kwh",
}
"""Keys of which some values need others beside them; they are refused in words."""


KINDS = ["heaters-retrofit", "homes-flex", "traffic-light-day", "tso-balancing"]


@pytest.mark.parametrize("name", ["district-day", "community-day", "community-month", "district-direct", *KINDS])
def test_each_control_alone_is_understood_by_the_command_line_and_changes_what_it_says(name):
    base, plain = scenarios.base_of(name), load_scenario(name).as_data()
    for control in every_control(name):
        value = another(control)
        if value == control.value:
            continue
        sets = scenarios.settings(base, control.write(value))
        if control.key in ASKS_FOR_MORE and _refused(name, sets):
            continue
        changed = load_scenario(name, sets).as_data()
        assert changed != plain, (control.key, sets)
        for path, wanted in control.write(value):
            found = scenarios.node(changed, path)
            assert found is not None, (control.key, path)
            if isinstance(wanted, float | int | bool) and not isinstance(found, dict):
                assert found == wanted


def _refused(name, sets):
    try:
        load_scenario(name, sets)
    except CoflexError:
        return True
    return False


def test_another_city_brings_its_own_coordinates_even_to_a_complete_scenario(tmp_path):
    data = load_scenario("district-day").as_data()
    base = scenarios.base_of_run({"scenario": data, "digest": "x"}, tmp_path / "of-run.yaml")
    city = next(one for group in controls.groups(base) for one in group.controls if one.key == "place.city")
    (tmp_path / "of-run.yaml").write_text(yaml.safe_dump(data))
    moved = load_scenario(tmp_path / "of-run.yaml", scenarios.settings(base, city.write("Stockholm")))
    assert moved.place.country == "SE"
    assert moved.place.latitude == pytest.approx(59.33)


def test_a_part_given_as_one_word_is_written_out():
    base = scenarios.Base("x", {"place": "Rome", "actors": {"fsps": ["fsp-sol"]}}, "x")
    sets = scenarios.settings(
        base, [(("place", "weather"), "generated"), (("actors", "fsps", 0, "margin_percent"), 20.0)]
    )
    assert sets == [
        'place={"city": "Rome", "weather": "generated"}',
        'actors.fsps.0={"name": "fsp-sol", "margin_percent": 20.0}',
    ]


@given(st.lists(st.tuples(st.sampled_from(["ev", "pv", "battery"]), st.floats(0, 1)), min_size=1, max_size=6))
@settings(max_examples=30)
def test_of_several_changes_of_one_key_the_last_counts(changes):
    base = scenarios.base_of("district-day")
    sets = scenarios.settings(base, [(("people", 0, "devices", name), share) for name, share in changes])
    assert len(sets) == len({name for name, _ in changes})
    devices = load_scenario("district-day", sets).homes[0].devices
    for name, share in dict(changes).items():
        assert getattr(devices, name) == share


def test_the_scenario_of_a_run_as_a_file_is_the_same_scenario(tmp_path):
    scenario = load_scenario("district-hostile")
    text = shelf.scenario_text({"scenario": scenario.as_data(), "seed": 3, "twin": True})
    file = tmp_path / "again.yaml"
    file.write_text(text)
    assert load_scenario(file) == scenario
    assert "--seed 3" in text


@pytest.mark.parametrize("month", [1, 4, 7, 10])
def test_another_season_keeps_the_weekday(month):
    from datetime import date

    day = date(2016, 1, 19)
    other = same_weekday(day, month)
    assert (other.month, other.weekday()) == (month, day.weekday())
    assert abs(other.day - 19) <= 3


def test_a_scenario_of_nobody_is_named_with_what_is_likely_meant():
    with pytest.raises(CoflexError, match="did you mean 'district-day'"):
        scenarios.base_of("distric-day")


def test_every_shipped_scenario_is_whole_when_its_parts_are_read():
    for name in scenarios.shipped():
        data = load_scenario(name).as_data()
        parts = controls.parts_of(scenarios.base_of(name).content)
        assert scenario_from(data).clock == parts.clock
        assert [one.model_dump() for one in scenario_from(data).people] == [one.model_dump() for one in parts.people]


def test_runs_are_listed_the_latest_first_and_broken_ones_say_why(shelf):
    from dashboard.shelf import entries, opened

    found = {one.name: one for one in entries(shelf)}
    assert set(found) == {"first", "second", "broken"}
    assert "format 99" in found["broken"].problem
    assert found["second"].seed == 8
    assert [one.name for one in entries(shelf / "first")] == ["first"]
    assert opened(shelf / "first").meta["seed"] == open_run(shelf / "first").meta["seed"]
