"""Joined networks: each keeps the flow that it has by itself, and nothing that happens in one shows in another."""

import numpy as np
import pytest

from environment.grid.islands import island, joined, prefixed
from environment.grid.network import load_network
from environment.grid.power_flow import PowerFlow
from experiments.assembly.people import home_points

PARTS = {"sud": "simbench/1-LV-rural1--0-sw", "nord": "two-stations", "est": "cigre-mv"}


@pytest.fixture(scope="module")
def parts():
    return {name: load_network(network) for name, network in PARTS.items()}


@pytest.fixture(scope="module")
def whole(parts):
    return joined(parts)


def test_each_network_has_the_flow_that_it_has_alone(parts, whole):
    p, q = whole.rated_power()
    flow = PowerFlow(whole).solve(p, q)
    for name, network in parts.items():
        alone = PowerFlow(network).solve(*network.rated_power())
        buses = island(whole, name)
        assert np.allclose(flow.v_pu[:, buses], alone.v_pu, atol=1e-4)
        rows = [whole.branch_index(prefixed(name, branch)) for branch in network.branches.names]
        assert np.allclose(flow.loading_percent[:, rows], alone.loading_percent, atol=0.05)


def test_a_load_in_one_network_moves_no_other(whole):
    p, q = whole.rated_power()
    more = p.copy()
    more[island(whole, "nord")] *= 1.5
    before, after = PowerFlow(whole).solve(p, q), PowerFlow(whole).solve(more, q)
    assert np.abs(after.v_pu - before.v_pu)[:, island(whole, "nord")].max() > 1e-3
    for name in ("sud", "est"):
        assert np.abs(after.v_pu - before.v_pu)[:, island(whole, name)].max() < 1e-9


def test_names_and_places_are_found_again(parts, whole):
    assert whole.n_bus == 1 + sum(network.n_bus for network in parts.values())
    assert len(whole.branches) == len(parts) + sum(len(network.branches) for network in parts.values())
    for name, network in parts.items():
        buses = island(whole, name)
        assert [whole.bus_names[bus] for bus in buses] == [prefixed(name, bus) for bus in network.bus_names]
        plate = network.transformers
        for row, branch in enumerate(plate.branch):
            there = whole.transformer_index(prefixed(name, network.branches.names[branch]))
            assert whole.transformers.sn_mva[there] == plate.sn_mva[row]
    assert np.isfinite(whole.coordinates).all()


def test_homes_live_in_every_network(parts, whole):
    at = {whole.island_of_bus[bus] for bus in whole.loads.bus[home_points(whole)]}
    assert at == set(parts)
