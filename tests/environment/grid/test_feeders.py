"""Sensitivities feeder by feeder are those of the whole network, in the feeder and upstream."""

import numpy as np
import pytest
from scipy import sparse

from environment.grid import feeders
from environment.grid.areas import areas_of
from environment.grid.feeders import FeederEffects, WholeEffects, effects, feeders_of
from environment.grid.network import network_from_tables
from environment.grid.power_flow import PowerFlow
from environment.grid.sensitivity import sensitivities_to_moves
from experiments.benchmarks.district import BASE, plain_network, repeated
from experiments.scenario import load_scenario
from tests.environment.grid.test_means import ring

SHIPPED = ("cigre-lv", "simbench/1-MVLV-semiurb-3.202-0-sw")


@pytest.fixture(scope="module")
def three_grids():
    """The network of the default scenario with three low-voltage grids."""
    return network_from_tables(repeated(plain_network(load_scenario(BASE).grid.network), 3))


def looked_at(network, opened=()):
    """A power flow, a flow, and moves of a kW in each area, evenly at its loads; the last column moves all loads together."""
    power_flow = PowerFlow(network, opened)
    p, q = network.rated_power()
    areas = areas_of(network)
    member = np.equal.outer(np.array(areas.of_bus), np.arange(len(areas.areas))) & (p[:, None] > 0.0)
    moves = sparse.csc_matrix(np.column_stack([member / np.maximum(member.sum(axis=0), 1), p > 0.0]))
    return power_flow, power_flow.solve(0.6 * p, 0.6 * q), moves


def agree(network, opened=()):
    power_flow, flow, moves = looked_at(network, opened)
    assert flow.converged.all()
    whole = sensitivities_to_moves(power_flow, flow, 0, moves.toarray())
    found = FeederEffects(power_flow, flow, 0, moves, feeders_of(power_flow))
    for name, scale in (("v_pu_per_kw", 1e-4), ("p_from_kw_per_kw", 1.0)):
        table, exact = getattr(found, name).toarray(), getattr(whole, name)
        own = table != 0.0
        own[:, -1] = False  # of all together each feeder sees its own part
        np.testing.assert_allclose(table[own], exact[own], rtol=1e-7, atol=1e-12 * scale)
        assert np.abs(exact[:, :-1][~own[:, :-1]]).max(initial=0.0) < 1e-2 * scale
    return power_flow, flow, moves, found, whole


@pytest.mark.parametrize("name", SHIPPED)
def test_feeders_agree_with_the_whole_network(network_named, name):
    agree(network_named(name))


def test_feeders_agree_in_a_district_of_several_grids(three_grids):
    *_, found, whole = agree(three_grids)
    trunk = [three_grids.branch_index(f"HV1-MV2.101-Trafo{k}") for k in (1, 2)]
    for branch in (*trunk, three_grids.branch_index("MV2.101-LV3.202-Trafo")):
        np.testing.assert_allclose(found.of_branch(branch)[:-1], whole.p_from_kw_per_kw[branch, :-1], atol=1e-4)
        np.testing.assert_array_equal(found.of_branch(branch), found.p_from_kw_per_kw[branch].toarray()[0])
    bus = three_grids.bus_index("LV3.202.2 Bus 50")
    np.testing.assert_array_equal(found.of_bus(bus), found.v_pu_per_kw[bus].toarray()[0])


def test_one_branch_asks_for_its_feeder_alone(three_grids):
    power_flow, flow, moves = looked_at(three_grids)
    found = FeederEffects(power_flow, flow, 0, moves, feeders_of(power_flow))
    found.of_branch(three_grids.branch_index("MV2.101-LV3.202-Trafo"))
    assert len(found._blocks) == 1 < feeders_of(power_flow).count


def test_feeders_are_those_of_the_switching_state():
    """With the first line of one half of the ring out of service and its tie closed, all hangs at the other half."""
    network = network_from_tables(ring())
    closed = feeders_of(PowerFlow(network))
    other = feeders_of(PowerFlow(network, ["la1"], closed_branches=["tie"]))
    assert closed.count - other.count == 1
    agree(network)


def test_small_and_meshed_networks_are_solved_as_a_whole(network_named, monkeypatch):
    power_flow, flow, moves = looked_at(network_named(SHIPPED[1]))
    whole = effects(power_flow, flow, 0, moves)
    assert isinstance(whole, WholeEffects)
    exact = sensitivities_to_moves(power_flow, flow, 0, moves.toarray())
    np.testing.assert_array_equal(whole.p_from_kw_per_kw.toarray(), exact.p_from_kw_per_kw)
    monkeypatch.setattr(feeders, "WHOLE", 10)
    assert isinstance(effects(power_flow, flow, 0, moves), FeederEffects)
    ties = network_named("ieee-33")
    power_flow = PowerFlow(
        ties, closed_branches=[ties.branches.names[k] for k in np.flatnonzero(~ties.branches.closed)]
    )
    flow = power_flow.solve(*ties.rated_power())
    assert isinstance(effects(power_flow, flow, 0, sparse.eye(ties.n_bus, format="csc")), WholeEffects)
