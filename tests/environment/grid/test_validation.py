"""Every rule about a network's tables is broken once, on purpose; all problems come at once, in a planner's words."""

import pytest

from environment.grid.network import NetworkError, network_from_tables

TRAFO = {
    "name": ["station"],
    "hv": ["grid"],
    "lv": ["substation"],
    "sn_mva": 0.4,
    "vn_hv_kv": 20.0,
    "vn_lv_kv": 0.4,
    "vk_percent": 6.0,
    "vkr_percent": 1.2,
    "tap_min": -2,
    "tap_max": 2,
    "tap_step_percent": 2.5,
}


@pytest.fixture
def tables(two_bus_tables):
    """Two buses behind a transformer: valid."""
    plain = two_bus_tables()
    plain["buses"] = {"name": ["grid", "substation", "end"], "kv": [20.0, 0.4, 0.4]}
    plain["slack"] = {"bus": "grid", "voltage_pu": 1.02}
    plain["transformers"] = dict(TRAFO)
    plain["lines"] = dict(plain["lines"])
    plain["loads"] = dict(plain["loads"])
    return plain


def problems(tables) -> str:
    with pytest.raises(NetworkError) as error:
        network_from_tables(tables)
    return str(error.value)


def test_the_network_is_valid_to_begin_with(tables):
    network = network_from_tables(tables)
    assert network.bus_zone == ("MV", "LV of station", "LV of station")
    assert network.branches.kind == ("line", "trafo")


BREAKS = [
    ({"slack": {}}, "it has no slack"),
    ({"slack": {"bus": "moon", "voltage_pu": 1.0}}, "slack: 'moon' is not a bus"),
    ({"slack": {"bus": "grid", "voltage_pu": 20.0}}, "voltage_pu is 20.0, expected a number near 1"),
    ({"slack": {"bus": "grid"}}, "voltage_pu is None"),
    ({"lines": {"max_i_ka": [None]}}, "rated current max_i_ka is missing or not positive: cable"),
    ({"lines": {"max_i_ka": [0.0]}}, "rated current max_i_ka is missing or not positive: cable"),
    ({"lines": {"r_ohm_per_km": [float("nan")]}}, "lines: 'r_ohm_per_km' is not a number: cable"),
    ({"lines": {"length_km": [-1.0]}}, "lines: 'length_km' must be greater than zero: cable (-1.0)"),
    ({"lines": {"r_ohm_per_km": 0.0, "x_ohm_per_km": 0.0}}, "r and x are both zero"),
    ({"lines": {"to": ["moon"]}}, "lines: 'to' is not a bus of the network: cable -> moon"),
    ({"lines": {"from": ["grid"]}}, "between buses of different voltage: cable (20 to 0.4 kV)"),
    ({"lines": {"colour": ["red"]}}, "lines: unknown column 'colour'"),
    ({"lines": {"length_km": [1.0, 2.0]}}, "lines: column 'name' has 1 values, other columns 2"),
    ({"transformers": {"sn_mva": 0.0}}, "'sn_mva' must be greater than zero: station (0.0)"),
    ({"transformers": {"sn_mva": None}}, "transformers: column 'sn_mva' is missing"),
    ({"transformers": {"vn_lv_kv": 0.69}}, "the lv plate does not fit its bus: station (0.69 kV on 0.4 kV)"),
    ({"transformers": {"vkr_percent": 7.0}}, "vkr_percent exceeds vk_percent: station"),
    ({"transformers": {"tap_position": 5}}, "the tap is outside its range: station (-2 <= 5 <= 2)"),
    ({"transformers": {"tap_side": "top"}}, "tap_side must be 'hv' or 'lv'"),
    ({"transformers": {"name": ["cable"]}}, "branches: names used more than once: cable"),
    ({"loads": {"bus": ["moon"]}}, "loads: 'bus' is not a bus of the network: home -> moon"),
    ({"loads": {"p_kw": [float("inf")]}}, "loads: 'p_kw' is not a number: home"),
    (
        {"buses": {"name": ["grid", "substation", "end", "lost"], "kv": [20, 0.4, 0.4, 0.4]}},
        "leads from the slack 'grid' to: lost",
    ),
    ({"buses": {"name": ["grid", "end", "end"]}}, "buses: names used more than once: end"),
    ({"buses": {"name": [], "kv": []}}, "it has no buses"),
    ({"shunts": {"bus": ["moon"], "q_kvar": [1.0]}}, "shunts: 'bus' is not a bus"),
]


@pytest.mark.parametrize(("change", "text"), BREAKS, ids=[text[:40] for _, text in BREAKS])
def test_a_broken_rule_is_named(tables, change, text):
    for table, columns in change.items():
        tables[table] = columns if table == "slack" else {**tables.get(table, {}), **columns}
    found = problems(tables)
    assert text in found
    assert "'two-bus'" in found


def test_all_problems_come_at_once(tables):
    tables["slack"] = {}
    tables["lines"]["r_ohm_per_km"] = [float("nan")]
    tables["loads"]["bus"] = ["moon"]
    found = problems(tables)
    assert len(found.splitlines()) == 3


def test_a_bus_behind_an_open_tie_is_connected(tables):
    tables["lines"]["open_to"] = [True]
    network = network_from_tables(tables)
    assert not network.branches.closed[0]
