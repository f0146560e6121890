"""Laws of scenario files, for whatever a person may write."""

import json
import re
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.scenario import load_scenario, scenario_from
from experiments.scenario.library import scenario_names
from experiments.scenario.read import ScenarioError, parse_yaml
from experiments.scenario.show import complete_yaml

share = st.one_of(st.floats(0, 1), st.integers(0, 100).map(lambda percent: f"{percent}%"))
names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True).filter(lambda name: name not in {"nobody", "state"})


@st.composite
def whole(draw, keys):
    """Shares by name that sum to one."""
    weights = [draw(st.integers(1, 100)) for _ in keys]
    return {key: weight / sum(weights) for key, weight in zip(keys, weights, strict=True)}


@st.composite
def contents(draw):
    fsps = draw(
        st.lists(names, min_size=1, max_size=3, unique=True).map(lambda found: [f"fsp-{name}" for name in found])
    )
    groups = [
        {
            "homes": {
                "count": draw(st.integers(1, 500)),
                "prefix": f"home{number}",
                "contracted_kw": draw(st.floats(0.5, 60)),
                "tariff": draw(whole(["it-flat-2025", "it-f1f2f3-2025"])),
            },
            "devices": draw(
                st.dictionaries(st.sampled_from(["pv", "battery", "ev", "heat_pump", "water_heater"]), share)
            ),
            "served_by": draw(whole([*fsps, "nobody"])),
            "consent": draw(share),
        }
        for number in range(draw(st.integers(1, 3)))
    ]
    return {
        "title": draw(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=40)),
        "clock": {"days": draw(st.integers(1, 9)), "physics_step_s": draw(st.sampled_from([60, 100, 300, 900]))},
        "people": groups,
        "actors": {"fsps": fsps},
        "grid": {"load_factor": draw(st.floats(0, 10)), "limits": {"voltage_pu": [draw(st.floats(0.8, 0.99)), 1.1]}},
        "platforms": {"gdbn": {"loss": draw(share), "delay_s": draw(st.floats(0.001, 1e4))}},
    }


few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@few
@given(contents())
def test_what_is_written_out_reads_back_as_the_same(content):
    scenario = scenario_from(content)
    assert scenario_from(json.loads(json.dumps(scenario.as_data()))) == scenario
    written = parse_yaml(complete_yaml(scenario), where="x")
    again = scenario_from(written).as_data()
    assert flat(again) == pytest.approx(flat(scenario.as_data()), rel=1e-9, abs=1e-12)


def flat(data, path=""):
    """Values by key path; numbers and texts kept, so that texts compare exactly and numbers within rounding of percents."""
    if isinstance(data, dict):
        return {key: value for name, one in data.items() for key, value in flat(one, f"{path}.{name}").items()}
    if isinstance(data, list):
        return {key: value for place, one in enumerate(data) for key, value in flat(one, f"{path}[{place}]").items()}
    return {f"{path}={data}": 0.0} if isinstance(data, str | bool) else {path: data}


@few
@given(contents(), st.text("abcdefgh_", min_size=1, max_size=8), st.integers(0, 3))
def test_an_unknown_key_is_never_swallowed(content, key, where):
    target = [content, content["clock"], content["people"][0]["homes"], content["platforms"]["gdbn"]][where]
    if key not in target and key not in {"days", "about"}:
        target[key] = 1
        with pytest.raises(ScenarioError, match="unknown key"):
            scenario_from(content)


@few
@given(contents(), st.floats(0.01, 0.5))
def test_contracts_that_make_no_whole_are_refused(content, missing):
    served_by = content["people"][0]["served_by"]
    first = next(iter(served_by))
    served_by[first] *= 1 - missing
    with pytest.raises(ScenarioError, match=r"people\[0\]\.served_by: the shares sum to"):
        scenario_from(content)


@settings(max_examples=150, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=6), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["clock", "people", "actors", "grid", "homes", "mv_plant", "events", "from", "x"]), inner, max_size=4), max_leaves=12))  # fmt: skip
def test_anything_at_all_is_read_or_refused_in_words(content):
    """No input, however odd, ends in another error than the one made for people."""
    if not isinstance(content, dict):
        content = {"people": content, "clock": content, "events": content}
    try:
        scenario_from(content)
    except ScenarioError as error:
        found = error.problems
    else:
        found = []
    assert all(in_plain_words(problem) for problem in found)


@pytest.mark.parametrize(
    "content", [{"people": "\n"}, {"clock": "a\nb"}, {"cl\rock": 1}, {"place": {"city": "a\u2028b"}}]
)
def test_a_line_break_in_what_was_given_stays_on_the_line(content):
    with pytest.raises(ScenarioError) as refused:
        scenario_from(content)
    assert refused.value.problems
    assert all(len(problem.splitlines()) == 1 for problem in refused.value.problems)


def in_plain_words(problem):
    """One line that names the file, without the words of the library behind."""
    return problem.startswith("scenario: ") and not any(
        word in problem for word in ("\n", "Input should", "validation")
    )


BASE = load_scenario(
    "district-day",
    [
        "events=[{at: 18:40, outage_of: LV3.202 Line 48}, {from: 14:00, platform_down: gdbn}]",
        "faults=[{party: fsp-mar, silent: {from: 18:00}}, {alter: Bid, field: area, value: x, as: fsp-sol, from: 17:00, to: 18:00}]",
        "products={night: {}}",
    ],
).as_data()
JUNK = [
    None, True, 0, -1, 10**30, 1e300, float("inf"), float("nan"), "", "x", "60", "60%", "9" * 400, "18:40", "2016-01-19", "0001-01-01",
    "9999-12-31 23:00", "day 999999999999 18:40", "2016-99-99 18:40", [], [1], [None], [[]], [{}], {}, {"a": 1}, {"x": {"y": [1]}},
]  # fmt: skip


def paths(data, path=()):
    if path:
        yield path
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        yield from paths(value, (*path, key))


def changed(content, path, value):
    """The content with another value in one place."""
    content = deepcopy(content)
    target = content
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return content


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(paths(BASE))), st.sampled_from(JUNK))
def test_junk_in_any_place_of_a_scenario_is_read_or_refused_in_words(path, junk):
    try:
        scenario_from(changed(BASE, path, junk))
    except ScenarioError as error:
        found = error.problems
    else:
        found = []
    assert all(in_plain_words(problem) for problem in found)


def numbers(data):
    """Where the numbers of a scenario stand, each key once: key names, path."""
    for path in paths(data):
        value = data
        for key in path:
            value = value[key]
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield tuple(key for key in path if isinstance(key, str)), path


def test_no_number_of_a_shipped_scenario_may_be_infinite_or_undefined():
    shipped = [load_scenario(name).as_data() for name in scenario_names()]
    found = {keys: (content, path) for content in shipped for keys, path in numbers(content)}
    for number, (keys, (content, path)) in enumerate(found.items()):
        with pytest.raises(ScenarioError, match=re.escape(keys[-1])):
            scenario_from(changed(content, path, float("inf") if number % 2 else float("nan")))
    assert len(found) > 200
