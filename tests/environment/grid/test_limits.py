"""Violations by hand on two buses, and that the kW named do relieve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.grid.limits import Limits, find_violations, stiffness_kw_per_pu
from environment.grid.network import network_from_tables
from environment.grid.power_flow import PowerFlow

WIDE = (0.5, 1.5)


def solved(network, p_kw, limits, **switching):
    power_flow = PowerFlow(network, **switching)
    return find_violations(power_flow, power_flow.solve(p_kw), limits)


def test_nothing_is_violated_within_the_limits(two_bus_network):
    found = solved(two_bus_network, [[0.0, 1.0], [0.0, -1.0]], Limits())
    assert found.rows() == []
    assert found.hours(0.25) == 0.0
    assert not found.overload_kwh(0.25).any()


def test_overload_by_hand(two_bus_tables):
    tables = two_bus_tables()
    tables["lines"] = {**tables["lines"], "r_ohm_per_km": 1e-6, "x_ohm_per_km": 1e-6, "max_i_ka": 0.05}
    network = network_from_tables(tables)
    rating = 0.05 * 0.4 * np.sqrt(3) * 1000  # 34.64 kW without losses
    found = solved(network, [[0.0, 50.0], [0.0, rating - 1e-3], [0.0, -50.0]], Limits(voltage_pu=WIDE))
    assert [row.step for row in found.rows()] == [0, 2]
    assert found.rows()[0].what == "line"
    assert found.rows()[0].by == pytest.approx(100 * (50 / rating - 1), rel=1e-5)
    assert found.overload_kw[:, 0] == pytest.approx([50 - rating, 0.0, 50 - rating], rel=1e-4)
    assert found.overload_kwh(0.25)[0] == pytest.approx(2 * (50 - rating) * 0.25, rel=1e-4)
    assert found.overload_hours(0.25)[0] == 0.5
    assert found.hours(0.25) == 0.5


@given(load=st.floats(35.5, 60))
@settings(max_examples=20, deadline=None)
def test_taking_away_what_is_named_relieves_a_short_line(two_bus_tables, load):
    tables = two_bus_tables()
    tables["lines"] = {**tables["lines"], "r_ohm_per_km": 0.002, "x_ohm_per_km": 0.001, "max_i_ka": 0.05}
    network = network_from_tables(tables)
    limits = Limits(voltage_pu=WIDE)
    kw = solved(network, [0.0, load], limits).overload_kw[0, 0]
    assert kw > 0
    assert solved(network, [0.0, load - 1.01 * kw], limits).rows() == []
    assert solved(network, [0.0, load - 0.95 * kw], limits).rows()


@pytest.mark.parametrize(("p_kw", "what"), [(20.0, "low voltage"), (-20.0, "high voltage")])
def test_voltage_out_of_the_band(two_bus_network, p_kw, what):
    limits = Limits(line_percent=1000)
    found = solved(two_bus_network, [0.0, p_kw], limits)
    (row,) = found.rows()
    assert (row.element, row.what) == ("end", what)
    assert np.sign(found.voltage_pu[0, 1]) == -np.sign(p_kw)
    assert found.voltage_hours(0.25).tolist() == [0.0, 0.25]
    # linear around no load, so good to a tenth
    assert row.relieve_kw == pytest.approx(row.by * 0.16 * 1000 / 0.5, rel=1e-6)
    left = abs(p_kw) - 1.25 * row.relieve_kw
    assert solved(two_bus_network, [0.0, np.sign(p_kw) * left], limits).rows() == []


def test_stiffness_is_one_over_the_resistance_seen(chain_tables):
    power_flow = PowerFlow(network_from_tables(chain_tables(4, r_ohm=0.05)))
    stiff = stiffness_kw_per_pu(power_flow, np.array([True, True, False, True]))
    assert stiff == pytest.approx([0.0, 160 / 0.05, 0.0, 160 / 0.15])


def test_a_step_without_solution_counts_and_is_infinitely_severe(two_bus_network):
    found = solved(two_bus_network, [[0.0, 1e5], [0.0, 1.0]], Limits())
    assert found.unsolved.tolist() == [True, False]
    assert found.hours(0.25) == 0.25
    assert found.severity_kw.tolist() == [np.inf, 0.0]
    assert np.isfinite(found.overload_kw).all()


def test_cut_off_buses_have_no_voltage_violation(chain_tables):
    found = solved(network_from_tables(chain_tables(3)), [0.0, 1.0, 1.0], Limits(), open_branches=["l2"])
    assert found.rows() == []


def test_transformers_and_lines_have_their_own_limit(network_named):
    network = network_named("simbench/1-LV-rural1--0-sw")
    p = network.rated_power()[0]
    power_flow = PowerFlow(network)
    flow = power_flow.solve(p)
    only = find_violations(power_flow, flow, Limits(transformer_percent=10, line_percent=1000, voltage_pu=WIDE))
    assert {row.what for row in only.rows()} == {"trafo"}
    share = (flow.loading_percent[0, -1] - 10) / flow.loading_percent[0, -1]
    assert only.severity_kw[0] == pytest.approx(share * abs(flow.p_from_kw[0, -1]))


@pytest.mark.parametrize("wrong", [{"line_percent": 0}, {"voltage_pu": (1.05, 0.95)}, {"transformer_percent": -5}])
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        Limits(**wrong)
