"""Sensitivities against the perturbed power flow, and the 0/1 picture of a radial network."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.grid import sensitivity
from environment.grid.network import network_from_tables
from environment.grid.power_flow import PowerFlow
from environment.grid.sensitivity import (
    downstream,
    own_v_pu_per_kw,
    sensitivities,
    sensitivities_to_moves,
    transfer_factors,
)
from environment.grid.tree import tree_of

STEP_KW = 0.01


def perturbed(power_flow, p, q, bus, kvar_per_kw=0.0):
    """Central differences per kW at a bus: voltages, loadings, active powers, losses."""
    dp = np.zeros_like(p)
    dp[bus] = STEP_KW
    flow = power_flow.solve([p + dp, p - dp], [q + kvar_per_kw * dp, q - kvar_per_kw * dp])
    arrays = (flow.v_pu, flow.loading_percent, flow.p_from_kw, flow.losses_kw)
    return [(array[0] - array[1]) / (2 * STEP_KW) for array in arrays]


@pytest.mark.parametrize(
    "name", ["simbench/1-LV-semiurb4--0-sw", "cigre-mv", "ieee-33", "simbench/1-MVLV-semiurb-3.202-0-sw"]
)
@pytest.mark.parametrize("kvar_per_kw", [0.0, 0.4])
def test_derivatives_agree_with_the_perturbed_power_flow(network_named, name, kvar_per_kw):
    network = network_named(name)
    power_flow = PowerFlow(network)
    p, q = network.rated_power()
    found = sensitivities(power_flow, power_flow.solve(p, q), kvar_per_kw=kvar_per_kw)
    for bus in (network.n_bus // 2, network.n_bus - 1):
        v, loading, power, losses = perturbed(power_flow, p, q, bus, kvar_per_kw)
        assert np.allclose(found.v_pu_per_kw[:, bus], v, rtol=1e-4, atol=1e-9)
        assert np.allclose(found.loading_percent_per_kw[:, bus], loading, rtol=1e-3, atol=2e-6)
        assert np.allclose(found.p_from_kw_per_kw[:, bus], power, rtol=1e-4, atol=1e-5)
        assert found.losses_kw_per_kw[bus] == pytest.approx(losses, rel=1e-3, abs=1e-5)


def test_voltage_rise_of_generation_on_the_33_bus_feeder(network_named):
    network = network_named("ieee-33")
    power_flow = PowerFlow(network)
    found = sensitivities(power_flow, power_flow.solve(*network.rated_power()), buses=[network.bus_index("bus 18")])
    # 0.00790 pu per 100 kW exact, against 0.00690 of the linear model
    assert -100 * found.v_pu_per_kw[network.bus_index("bus 18"), 0] == pytest.approx(0.0079, abs=1e-4)


def test_columns_of_chosen_buses_are_those_of_all(network_named):
    network = network_named("cigre-lv")
    power_flow = PowerFlow(network)
    flow = power_flow.solve(*network.rated_power())
    every = sensitivities(power_flow, flow)
    some = sensitivities(power_flow, flow, buses=np.array([5, network.slack, 9]))
    for name in ("v_pu_per_kw", "loading_percent_per_kw", "p_from_kw_per_kw", "losses_kw_per_kw"):
        assert np.allclose(getattr(some, name), getattr(every, name)[..., [5, network.slack, 9]])
    assert not some.loading_percent_per_kw[:, 1].any(), "the slack moves nothing"


def test_buses_cut_off_move_nothing(chain_tables):
    network = network_from_tables(chain_tables(4))
    power_flow = PowerFlow(network, ["l2"])
    found = sensitivities(power_flow, power_flow.solve([0.0, 5.0, 5.0, 5.0]))
    assert not found.v_pu_per_kw[:, 2:].any()
    assert found.v_pu_per_kw[1, 1] < 0


def test_another_flow_and_an_unsolved_step_are_refused(two_bus_network):
    one, two = PowerFlow(two_bus_network), PowerFlow(two_bus_network)
    with pytest.raises(ValueError, match="another switching state"):
        sensitivities(one, two.solve([0.0, 1.0]))
    with pytest.raises(ValueError, match="no solution"):
        sensitivities(one, one.solve([0.0, 1e6]))


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_transfer_factors_of_a_radial_network_are_zero_or_one(radial, data):
    network = network_from_tables(data.draw(radial()))
    power_flow = PowerFlow(network)
    factors = transfer_factors(power_flow)
    assert set(np.unique(factors)) <= {-1.0, 0.0, 1.0}
    # lossless flows by the factors equal the power flow up to the losses
    p = network.rated_power()[0]
    flow = power_flow.solve(p)
    assert np.allclose(factors @ p, flow.p_from_kw[0], atol=flow.losses_kw[0] + 1e-6)


def test_downstream_of_a_chain(chain_tables):
    power_flow = PowerFlow(network_from_tables(chain_tables(4)))
    assert downstream(power_flow).tolist() == [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]]


def test_parallel_transformers_share(network_named):
    network = network_named("simbench/1-MVLV-semiurb-3.202-0-sw")
    shares = downstream(PowerFlow(network), np.array([network.bus_index("LV3.202 Bus 50")]))[:, 0]
    rows = [network.branch_index(f"HV1-MV2.101-Trafo{k}") for k in (1, 2)]
    assert shares[rows].tolist() == [0.5, 0.5]
    assert shares[network.branch_index("MV2.101-LV3.202-Trafo")] == 1.0


def test_moves_of_many_buses_are_the_sums_of_their_columns(network_named):
    network = network_named("cigre-lv")
    power_flow = PowerFlow(network)
    flow = power_flow.solve(*network.rated_power())
    moves = np.random.default_rng(3).uniform(-1.0, 1.0, (network.n_bus, 4))
    every, together = sensitivities(power_flow, flow), sensitivities_to_moves(power_flow, flow, 0, moves)
    for name in ("v_pu_per_kw", "p_from_kw_per_kw"):
        np.testing.assert_allclose(getattr(together, name), getattr(every, name) @ moves, atol=1e-12)


@pytest.mark.parametrize("name", ["ieee-33", "cigre-lv", "simbench/1-MVLV-semiurb-3.202-0-sw"])
@pytest.mark.parametrize("together", [0, 7, 1000])
def test_own_voltage_is_the_diagonal(network_named, monkeypatch, name, together):
    """By the recursion along the tree (together 0), and column by column in blocks of any size."""
    if together:
        monkeypatch.setattr(sensitivity, "_TOGETHER", together)
        monkeypatch.setattr(sensitivity, "tree_of", lambda power_flow: None)
    network = network_named(name)
    power_flow = PowerFlow(network)
    flow = power_flow.solve(*network.rated_power())
    every = np.diag(sensitivities(power_flow, flow).v_pu_per_kw)
    np.testing.assert_allclose(own_v_pu_per_kw(power_flow, flow, 0), every, rtol=1e-9, atol=1e-15)


def test_a_loop_is_no_tree(network_named):
    network = network_named("ieee-33")
    ties = [name for name, closed in zip(network.branches.names, network.branches.closed, strict=True) if not closed]
    assert tree_of(PowerFlow(network)) is not None
    assert tree_of(PowerFlow(network, closed_branches=ties[:1])) is None
