import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.scenario.read import ScenarioError, apply_sets, parse_yaml, path_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18:40", "18:40"), ("no", "no"), ("yes", "yes"), ("on", "on"), ("true", True), ("false", False), ("1", 1), ("-3", -3),
        ("0.6", 0.6), (".5", 0.5), ("1e-3", 0.001), ("1e3", 1000.0), ("007", "007"), ("60%", "60%"), ("~", None), ("", None),
        ("null", None), ("2016-01-19", "2016-01-19"), ("1.2.3", "1.2.3"), ("nan", "nan"), ("'1'", "1"),
    ],
)  # fmt: skip
def test_a_value_means_what_it_looks_like(text, value):
    found = parse_yaml(f"key: {text}", where="x")["key"]
    assert found == value
    assert type(found) is type(value)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers())
def test_numbers_keep_their_value(number, whole):
    assert parse_yaml(f"[{number!r}, {whole}]", where="x") == [number, whole]


def test_a_key_given_twice_is_refused_with_its_line():
    with pytest.raises(ScenarioError) as caught:
        parse_yaml("a: 1\nb: {c: 1, c: 2}\na: 3\n", where="my.yaml")
    assert sorted(caught.value.problems) == [
        "my.yaml: line 2: the key 'c' is given twice",
        "my.yaml: line 3: the key 'a' is given twice",
    ]


def test_text_that_is_no_yaml_is_refused_with_its_line():
    with pytest.raises(ScenarioError, match=r"my\.yaml: line 2: not YAML"):
        parse_yaml("a: [1\nb: 2", where="my.yaml")


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system ['true']", "!!python/name:os.system"])
def test_a_file_cannot_make_objects(text):
    with pytest.raises(ScenarioError, match="not YAML"):
        parse_yaml(text, where="x")


def test_a_setting_leaves_everything_else_in_place():
    content = {"a": {"b": 1, "c": [1, {"d": 2}]}, "e": 3}
    apply_sets(content, ["a.c.1.d=[x, y]", "a.f.g=18:40", "a.c[0]=9"])
    assert content == {"a": {"b": 1, "c": [9, {"d": ["x", "y"]}], "f": {"g": "18:40"}}, "e": 3}


def test_a_setting_may_hold_an_equals_sign():
    content: dict = {}
    apply_sets(content, ["title=a=b"])
    assert content == {"title": "a=b"}


def test_a_path_reads_as_people_write_it():
    assert path_text(["people", 0, "(homes)", "devices", "ev"]) == "people[0].devices.ev"
