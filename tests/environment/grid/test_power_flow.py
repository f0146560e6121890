"""Laws of the power flow, closed forms of two buses, and what happens where there is no solution."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.grid.network import NetworkError, available_networks, load_network, network_from_tables
from environment.grid.power_flow import PowerFlow

R_PU, X_PU = 0.5 / 0.16, 0.3 / 0.16  # of the two-bus feeder, on 1 MVA and 0.4 kV


def closed_form_v2(p_pu: float, q_pu: float) -> float:
    """Upper solution of |V2|^4 + (2 (R p + X q) - 1) |V2|^2 + |Z|^2 |S|^2 = 0, for V1 = 1 and consumption p + jq."""
    b = 2 * (R_PU * p_pu + X_PU * q_pu) - 1
    c = (R_PU**2 + X_PU**2) * (p_pu**2 + q_pu**2)
    return np.sqrt((-b + np.sqrt(b * b - 4 * c)) / 2)


def nose_kw() -> float:
    """Largest consumption at unity power factor: the discriminant above is zero."""
    r, z = R_PU, np.hypot(R_PU, X_PU)
    return 1000 / (2 * (r + z))


@given(p=st.floats(-60, 60), q=st.floats(-10, 10))
@settings(deadline=None)
def test_two_buses_agree_with_the_closed_form(two_bus_network, p, q):
    flow = PowerFlow(two_bus_network).solve([0.0, p], [0.0, q])
    assert flow.converged[0]
    assert flow.v_pu[0, 1] == pytest.approx(closed_form_v2(p / 1000, q / 1000), abs=1e-9)


def test_hosting_capacity_of_two_buses(two_bus_network):
    u, r, z2 = 1.05, R_PU, R_PU**2 + X_PU**2
    # (u^2 - r p)^2 + (x p)^2 = u^2 for the injection p
    p = (2 * u * u * r - np.sqrt((2 * u * u * r) ** 2 - 4 * z2 * (u**4 - u * u))) / (2 * z2)
    assert 1000 * p == pytest.approx(16.954, abs=5e-4)
    assert PowerFlow(two_bus_network).solve([0.0, -1000 * p]).v_pu[0, 1] == pytest.approx(1.05, abs=1e-9)


@pytest.mark.parametrize("share", [0.9, 0.99, 0.9999])
def test_solved_up_to_the_nose_where_the_fixed_point_no_longer_converges(two_bus_network, share):
    power_flow = PowerFlow(two_bus_network)
    p = share * nose_kw()
    flow = power_flow.solve([0.0, p])
    assert flow.converged[0]
    assert flow.v_pu[0, 1] == pytest.approx(closed_form_v2(p / 1000, 0.0), abs=1e-6)


def test_newton_is_needed_and_used_near_the_nose(two_bus_network):
    power_flow = PowerFlow(two_bus_network)
    s = np.array([[0.9999 * nose_kw() / 1000 + 0j]])
    assert not power_flow._fixed_point(s)[1][0]
    assert power_flow._solve_block(s)[1][0]
    assert power_flow.solve([[0.0, 0.9999 * nose_kw()]]).converged[0]
    assert not power_flow.solve([[0.0, 0.9999 * nose_kw()]], stubborn=False).converged[0]


def test_beyond_the_nose_is_marked_not_raised_and_leaves_the_other_steps_alone(two_bus_network):
    power_flow = PowerFlow(two_bus_network)
    flow = power_flow.solve([[0.0, 10.0], [0.0, 1.01 * nose_kw()], [0.0, 20.0]])
    assert flow.converged.tolist() == [True, False, True]
    assert np.isnan(flow.v[1]).all()
    assert np.isnan(flow.losses_kw[1])
    assert flow.v[2, 1] == power_flow.solve([0.0, 20.0]).v[0, 1]


def test_not_a_number_is_marked(two_bus_network):
    assert PowerFlow(two_bus_network).solve([[0.0, np.nan], [0.0, 1.0]]).converged.tolist() == [False, True]


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_power_is_conserved(radial, data):
    network = network_from_tables(data.draw(radial()))
    flow = PowerFlow(network).solve(*network.rated_power())
    assert flow.converged.all()
    assert flow.slack_kw[0] == pytest.approx(flow.p_kw.sum() + flow.losses_kw[0], abs=1e-5)
    assert (flow.branch_losses_kw >= -1e-7).all()


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_kirchhoff_at_every_bus(radial, data):
    network = network_from_tables(data.draw(radial()))
    flow = PowerFlow(network).solve(*network.rated_power())
    leaving = np.zeros(network.n_bus, complex)
    np.add.at(leaving, network.branches.from_bus, flow.p_from_kw[0] + 1j * flow.q_from_kvar[0])
    np.add.at(leaving, network.branches.to_bus, flow.p_to_kw[0] + 1j * flow.q_to_kvar[0])
    others = np.arange(network.n_bus) != network.slack
    assert np.allclose(leaving[others], -(flow.p_kw + 1j * flow.q_kvar)[0, others], atol=1e-5)


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_no_load_and_no_charging_means_slack_voltage_everywhere(radial, data):
    tables = data.draw(radial())
    tables["lines"]["c_nf_per_km"] = 0.0
    network = network_from_tables(tables)
    flow = PowerFlow(network).solve(np.zeros(network.n_bus))
    assert np.allclose(flow.v[0], network.slack_pu, atol=1e-12)
    assert flow.losses_kw[0] == pytest.approx(0.0, abs=1e-9)


@given(data=st.data(), order=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_renumbering_buses_and_lines_changes_nothing(radial, data, order):
    tables = data.draw(radial())
    network = network_from_tables(tables)
    mixed = {**tables}
    for table in ("buses", "lines"):
        length = len(tables[table]["name"])
        rows = order.sample(range(length), length)
        mixed[table] = {
            column: [values[row] for row in rows] if isinstance(values, list) else values
            for column, values in tables[table].items()
        }
    other = network_from_tables(mixed)
    one, two = (PowerFlow(net).solve(*net.rated_power()) for net in (network, other))
    buses = [other.bus_index(name) for name in network.bus_names]
    lines = [other.branch_index(name) for name in network.branches.names]
    assert np.allclose(one.v[0], two.v[0, buses], atol=1e-10)
    assert np.allclose(one.loading_percent[0], two.loading_percent[0, lines], atol=1e-7)


@given(seed=st.integers(0, 1000), n_steps=st.integers(2, 300))
@settings(max_examples=10, deadline=None)
def test_steps_solved_together_equal_steps_solved_alone(network_named, seed, n_steps):
    network = network_named("simbench/1-LV-urban6--0-sw")
    power_flow = PowerFlow(network)
    p, q = network.rated_power()
    share = np.random.default_rng(seed).uniform(-1.0, 2.5, (n_steps, network.n_bus))
    together = power_flow.solve(p * share, q * share)
    for step in (0, n_steps // 2, n_steps - 1):
        alone = power_flow.solve(p * share[step], q * share[step])
        assert np.abs(together.v[step] - alone.v[0]).max() < 1e-10
        assert np.abs(together.loading_percent[step] - alone.loading_percent[0]).max() < 1e-7


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_an_outage_of_a_bridge_cuts_off_what_is_behind_it(radial, data):
    tables = data.draw(radial())
    network = network_from_tables(tables)
    line = data.draw(st.sampled_from(tables["lines"]["name"]))
    power_flow = PowerFlow(network, [line])
    far = _behind(network, line)
    assert set(power_flow.cut_off) == {network.bus_names[bus] for bus in far}
    flow = power_flow.solve(*network.rated_power())
    assert flow.converged.all()
    assert (flow.v[0, sorted(far)] == 0).all()
    p = network.rated_power()[0]
    assert flow.unserved_kw[0] == pytest.approx(sum(max(p[bus], 0.0) for bus in far))
    served = sum(p[bus] for bus in range(network.n_bus) if bus not in far)
    assert flow.slack_kw[0] == pytest.approx(served + flow.losses_kw[0], abs=1e-5)


def _behind(network, line: str) -> set[int]:
    """Buses not reached from the slack without the line, by repeated spreading."""
    reached = {network.slack}
    pairs = [
        (int(a), int(b))
        for a, b, name in zip(network.branches.from_bus, network.branches.to_bus, network.branches.names, strict=True)
        if name != line
    ]
    for _ in pairs:
        reached |= {b for a, b in pairs if a in reached} | {a for a, b in pairs if b in reached}
    return set(range(network.n_bus)) - reached


def test_unknown_outage_is_refused_with_what_is_near(network_named):
    with pytest.raises(NetworkError, match="did you mean 'line 33'"):
        PowerFlow(network_named("ieee-33"), ["lines 33"])


def test_tap_raises_the_voltage_by_its_step(network_named):
    network = network_named("simbench/1-LV-rural1--0-sw")
    name = network.branches.names[int(network.transformers.branch[0])]
    zero = np.zeros(network.n_bus)
    low_side = network.bus_kv < 1
    before = PowerFlow(network).solve(zero).v_pu[0, low_side]
    after = PowerFlow(network, tap_positions={name: -2}).solve(zero).v_pu[0, low_side]
    assert after / before == pytest.approx(np.full(low_side.sum(), 1 / 0.95), rel=1e-4)


def test_taps_out_of_range_and_unknown_are_refused(network_named):
    network = network_named("simbench/1-LV-rural1--0-sw")
    name = network.branches.names[int(network.transformers.branch[0])]
    with pytest.raises(NetworkError, match="outside -2 to 2"):
        PowerFlow(network, tap_positions={name: 3})
    with pytest.raises(NetworkError, match="unknown transformer"):
        PowerFlow(network, tap_positions={"Trafo X": 1})


def test_a_branch_cannot_be_opened_and_closed(network_named):
    with pytest.raises(NetworkError, match="opened and closed at once: line 33"):
        PowerFlow(network_named("ieee-33"), ["line 33"], closed_branches=["line 33"])


def test_a_load_of_wrong_width_is_refused(two_bus_network):
    with pytest.raises(ValueError, match=r"expected \(T, 2\)"):
        PowerFlow(two_bus_network).solve(np.zeros(3))


def test_load_at_the_slack_is_drawn_from_upstream(two_bus_network):
    flow = PowerFlow(two_bus_network).solve([7.0, 0.0], [2.0, 0.0])
    assert (flow.slack_kw[0], flow.slack_kvar[0]) == pytest.approx((7.0, 2.0))


def test_a_cable_open_at_one_end_takes_its_charging_current(two_bus_tables):
    tables = two_bus_tables()
    tables["lines"] = {**tables["lines"], "c_nf_per_km": 250.0, "open_to": [True]}
    network = network_from_tables(tables)
    flow = PowerFlow(network).solve([0.0, 10.0])
    charging = 2 * np.pi * 50 * 250e-9 * 0.4**2 * 1e3
    assert flow.slack_kvar[0] == pytest.approx(-charging, rel=1e-4)
    assert flow.unserved_kw[0] == 10.0


@pytest.mark.parametrize("name", available_networks())
def test_every_shipped_network_solves_and_balances(name):
    network = load_network(name)
    flow = PowerFlow(network).solve(*network.rated_power())
    assert flow.converged.all()
    assert flow.slack_kw[0] == pytest.approx(flow.p_kw.sum() + flow.losses_kw[0] + flow.shunt_kw[0], abs=1e-5)


def test_shipped_files_are_small():
    folder = Path(__file__).parents[3] / "data" / "networks"
    for name in available_networks():
        file = folder / f"{name}.json"
        assert file.stat().st_size < 200_000
        assert json.loads(file.read_text())["notice"]
        assert file.with_name(file.name + ".license").is_file()


def test_with_nothing_left_but_the_slack_everything_is_unserved(two_bus_network):
    flow = PowerFlow(two_bus_network, ["cable"]).solve([[1.0, 10.0], [0.0, -4.0]])
    assert flow.converged.all()
    assert flow.unserved_kw.tolist() == [10.0, 0.0]
    assert flow.slack_kw.tolist() == [1.0, 0.0]
    assert not flow.loading_percent.any()
