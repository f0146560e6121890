"""Drawings of networks without coordinates: levels are depths, siblings are apart, no two buses in one place."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.grid.network import network_from_tables


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_no_two_buses_share_a_place_and_depth_is_height(radial, data):
    network = network_from_tables(data.draw(radial(20)))
    assert not network.geographic
    assert len(np.unique(network.coordinates, axis=0)) == network.n_bus
    y = network.coordinates[:, 1]
    assert (np.abs(y[network.branches.from_bus] - y[network.branches.to_bus]) == 1).all()
    assert y[network.slack] == 0


def test_a_chain_is_a_vertical_line(chain_tables):
    network = network_from_tables(chain_tables(5))
    assert network.coordinates.tolist() == [[0, 0], [0, -1], [0, -2], [0, -3], [0, -4]]


def test_buses_behind_open_ties_stand_below(chain_tables):
    tables = chain_tables(4)
    tables["lines"] = {**tables["lines"], "open_to": [False, True, True]}
    assert network_from_tables(tables).coordinates.tolist() == [[0, 0], [0, -1], [0, -2], [1, -2]]


def test_simbench_buses_have_places_on_earth(network_named):
    network = network_named("simbench/1-MV-semiurb--0-sw")
    assert network.geographic
    assert (np.abs(network.coordinates - [11.5, 53.5]) < 1.5).all()
