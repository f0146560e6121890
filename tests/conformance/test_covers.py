"""Rules and the tests that hold them: keys exist, nobody is forgotten, what enforces a rule can be imported."""

from functools import reduce
from importlib import import_module

import pytest

from experiments.covers import covering_tests, covers
from experiments.usecases import CatalogueError, enforcements, usecase, usecase_text

BUILT = (
    "SUC01.1",
    "SUC02.1",
    "SUC03.1",
    "SUC03.2",
    "SUC05.1",
    "SUC05.2",
    "SUC06.1",
    "SUC06.2",
    "SUC06.3",
    "SUC08.1",
    "SUC08.2",
    "SUC08.3",
    "SUC08.4",
    "SUC10.1",
    "SUC10.2",
    "SUC10.3",
    "SUC10.4",
    "SUC13.1",
)


@pytest.fixture
def tests_folder(tmp_path):
    def write(text):
        (tmp_path / "test_one.py").write_text(text)
        return tmp_path

    return write


def unlisted(known):
    """Rules of the built use cases that a list of enforcements does not have."""
    return sorted(key for suc in BUILT for key in usecase(suc).rule_keys() if key not in known)


def test_every_rule_of_a_built_use_case_is_listed():
    assert unlisted(enforcements()) == []


def test_rule_that_nobody_lists_is_found():
    known = dict(enforcements())
    del known["SUC06.3/r07"]
    assert unlisted(known) == ["SUC06.3/r07"]


def test_listed_rules_exist():
    keys = {key for suc in BUILT for key in usecase(suc).rule_keys()}
    assert set(enforcements()) <= keys


def test_every_rule_is_either_enforced_or_outside_with_a_reason():
    for key, one in enforcements().items():
        assert bool(one.enforced_by) != bool(one.outside.strip()), key


@pytest.mark.parametrize("name", sorted({name for one in enforcements().values() for name in one.enforced_by}))
def test_what_enforces_a_rule_can_be_imported(name):
    module, _, attribute = name.partition(":")
    assert reduce(getattr, attribute.split("."), import_module(module)) is not None


def test_tests_cover_known_rules_only():
    assert "conformance/test_check_routes.py::test_direct_route_excuses_the_relay" in covering_tests()["SUC06.2/r02"]


def test_unknown_key_is_refused_when_the_test_is_defined():
    with pytest.raises(CatalogueError, match=r"there is no rule 'SUC06\.3/r99'; did you mean 'SUC06\.3/r0?\d"):
        covers("SUC06.3/r99")
    with pytest.raises(CatalogueError, match="there is no rule"):
        covers("SUC99.1/r01")
    with pytest.raises(CatalogueError, match="needs the key"):
        covers()


def test_unknown_key_is_found_without_importing(tests_folder):
    folder = tests_folder('import nothing_there\n\n\n@covers("SUC06.3/r99")\ndef test_it():\n    pass\n')
    with pytest.raises(CatalogueError, match=r"test_one\.py, line 4: there is no rule 'SUC06\.3/r99'"):
        covering_tests(folder)


def test_scanner_finds_functions_methods_and_classes(tests_folder):
    folder = tests_folder(
        "import nothing_there\n"
        '@covers("SUC06.3/r01", "SUC06.3/QoS-2")\ndef test_a(): ...\n'
        '@mod.covers("SUC06.3/r01")\nclass TestB:\n    @covers("SUC06.2/r10")\n    def test_c(self): ...\n'
    )
    assert covering_tests(folder) == {
        "SUC06.2/r10": ("test_one.py::test_c",),
        "SUC06.3/QoS-2": ("test_one.py::test_a",),
        "SUC06.3/r01": ("test_one.py::test_a", "test_one.py::TestB"),
    }


def test_marked_test_is_unchanged():
    def law():
        return 7

    assert covers("SUC06.3/r01")(law) is law


def test_rules_text_shows_what_enforces_tests_and_excuses():
    text = usecase_text("SUC06.2", rules=True)
    assert "enforced by: environment.platforms.gdbn:Gdbn.relay_request" in text
    assert "tested by: " in text
    assert "conformance/test_check_routes.py::test_direct_route_excuses_the_relay" in " ".join(text.split())
    assert "outside: long-term availability contracts" in text
    assert "nobody lists it" not in text
    assert "nobody lists it" in usecase_text("SUC11.1", rules=True)
