"""The voltage profile: distances along the lines, and the worst instant."""

import math

import pytest

from experiments.kpis import make_facts
from experiments.plots import View
from experiments.plots.profile import distances_km, profile_chart, worst_voltage
from experiments.results import open_run
from tests.experiments.figure_cases import META, H, voltage_tables

NETWORK = {
    "branch": ["T", "L1", "L2", "L3", "L9"],
    "kind": ["trafo", "line", "line", "line", "line"],
    "from_bus": ["mv", "lv", "a", "c", "far"],
    "to_bus": ["lv", "a", "b", "lv", "mv"],
    "limit": [100.0] * 5,
    "length_km": [0.0, 0.1, 0.25, 0.05, 7.0],
}


def test_distances_run_from_the_transformer_along_the_lines():
    """lv feeds a (0.1 km) and b behind it (0.35 km), and c (0.05 km); medium voltage is another grid."""
    facts = make_facts({"network_branches": NETWORK}, META)
    assert distances_km(facts, "b") == pytest.approx({"lv": 0.0, "a": 0.1, "b": 0.35, "c": 0.05})
    without = {name: column for name, column in NETWORK.items() if name != "length_km"}
    assert distances_km(make_facts({"network_branches": without}, META), "b") == {
        "lv": 0.0,
        "a": 1.0,
        "b": 2.0,
        "c": 1.0,
    }


def test_the_worst_instant_is_furthest_beyond_the_limits():
    tables = voltage_tables()
    tables["grid_buses"]["v_pu"] = [1.0, 0.94, 0.93, 1.0, 1.05, math.nan]
    assert worst_voltage(make_facts(tables, META)) == ("a", 2 * H)
    assert worst_voltage(make_facts(tables, META | {"scenario": {}})) is None


def test_the_profile_of_a_run_shows_both_worlds(synthetic_folder):
    found = profile_chart(View(open_run(synthetic_folder)))
    assert found is not None
    picture, bus, _ = found
    assert bus
    assert "without coordination" in picture
    assert "distance from the transformer (km)" in picture
