"""Areas of a mixed network, of a feeder, and their names."""

import pytest

from environment.grid.areas import areas_of
from environment.grid.network import NetworkError, available_networks, load_network, network_from_tables


def test_a_home_lies_in_feeder_transformer_feeder_substation(network_named):
    areas = areas_of(network_named("simbench/1-MVLV-semiurb-3.202-0-sw"))
    home = areas.area_of_bus("LV3.202 Bus 50")
    assert areas.chain(home) == (
        "LV3.202/LV3.202 Line 64",
        "LV3.202/MV2.101-LV3.202-Trafo",
        "MV2.101/MV2.101 Line 1",
        "HV1/substation",
    )
    assert [areas.area(name).kind for name in areas.chain(home)] == ["feeder", "transformer", "feeder", "substation"]


def test_the_low_voltage_buses_are_the_buses_of_the_transformer_area(network_named):
    network = network_named("simbench/1-MVLV-semiurb-3.202-0-sw")
    inside = set(areas_of(network).buses_in("LV3.202/MV2.101-LV3.202-Trafo"))
    assert inside == {name for name, kv in zip(network.bus_names, network.bus_kv, strict=True) if kv < 1}


@pytest.mark.parametrize("name", available_networks())
def test_every_bus_has_an_area_and_names_are_unique(name):
    network = load_network(name)
    areas = areas_of(network)
    names = [area.name for area in areas.areas]
    assert len(set(names)) == len(names)
    assert all(areas.area_of_bus(bus) in names for bus in network.bus_names)
    root = names[0]
    assert set(areas.buses_in(root)) == set(network.bus_names)
    assert all(areas.chain(area)[-1] == root for area in names)


def test_names_do_not_depend_on_the_order_of_tables(chain_tables):
    tables = chain_tables(5)
    turned = {**tables, "lines": {k: v[::-1] if isinstance(v, list) else v for k, v in tables["lines"].items()}}
    one, two = (areas_of(network_from_tables(t)) for t in (tables, turned))
    assert {b: one.area_of_bus(b) for b in ("b0", "b2", "b4")} == {b: two.area_of_bus(b) for b in ("b0", "b2", "b4")}


def test_the_feeder_of_a_chain_is_named_after_its_first_line(chain_tables):
    areas = areas_of(network_from_tables(chain_tables(4)))
    assert areas.area_of_bus("b3") == "LV/l1"
    assert areas.area_of_bus("b0") == "LV/substation"


def test_de_energised_buses_have_none(chain_tables):
    tables = chain_tables(4)
    tables["lines"] = {**tables["lines"], "open_from": [False, False, True]}
    assert areas_of(network_from_tables(tables)).area_of_bus("b3") == ""


def test_an_unknown_area_is_refused_with_what_is_near(network_named):
    areas = areas_of(network_named("ieee-33"))
    with pytest.raises(NetworkError, match="did you mean 'MV/line 1'"):
        areas.area("MV/line1")
    with pytest.raises(NetworkError, match="unknown area"):
        areas.buses_in("nowhere")
