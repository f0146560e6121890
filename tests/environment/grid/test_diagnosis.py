"""The reason why a step has no solution is named: bus, share of the load, islands."""

import numpy as np
import pytest

from environment.grid.diagnosis import diagnose
from environment.grid.network import network_from_tables
from environment.grid.power_flow import PowerFlow

NOSE_KW = 1000 * 0.16 / (2 * (0.5 + np.hypot(0.5, 0.3)))  # V^2 / (2 (R + |Z|)) of the two-bus feeder


def test_collapse_names_bus_and_the_share_that_is_still_carried(two_bus_network):
    found = diagnose(PowerFlow(two_bus_network), [0.0, 2 * NOSE_KW])
    assert found.reason == "voltage collapse"
    assert found.bus == "end"
    assert found.load_multiple == pytest.approx(0.5, abs=1e-4)
    assert 0.5 < found.v_pu < 0.6
    assert "50.0 % of this load" in found.text


def test_the_weakest_bus_is_the_far_one(chain_tables):
    network = network_from_tables(chain_tables(5))
    assert diagnose(PowerFlow(network), [0.0, 200.0, 200.0, 200.0, 200.0]).bus == "b4"


def test_islands_are_named_with_what_is_unserved(chain_tables):
    network = network_from_tables(chain_tables(5))
    found = diagnose(PowerFlow(network, ["l3"]), [0.0, 1.0, 1.0, 2.0, 3.0])
    assert found.reason == "solved"
    assert found.cut_off == ("b3", "b4")
    assert found.unserved_kw == 5.0
    assert "5.0 kW unserved: b3, b4" in found.text


def test_an_input_that_is_no_number_is_named(chain_tables):
    found = diagnose(PowerFlow(network_from_tables(chain_tables(3))), [0.0, np.nan, 1.0])
    assert (found.reason, found.bus) == ("not a number", "b1")


def test_a_good_step_is_called_solved(two_bus_network):
    found = diagnose(PowerFlow(two_bus_network), [0.0, 1.0])
    assert (found.reason, found.load_multiple, found.cut_off) == ("solved", 1.0, ())


@pytest.mark.parametrize("name", ["ieee-33", "simbench/1-LV-semiurb4--0-sw", "simbench/1-MVLV-semiurb-3.202-0-sw"])
def test_the_share_named_is_the_edge_of_what_can_be_solved(network_named, name):
    power_flow = PowerFlow(network_named(name))
    p, q = (20 * power for power in power_flow.network.rated_power())
    share = diagnose(power_flow, p, q).load_multiple
    below, above = (power_flow.solve(share * k * p, share * k * q) for k in (0.9999, 1.0001))
    assert below.converged[0]
    assert not above.converged[0]
    assert below.slack_kw[0] == pytest.approx(below.p_kw.sum() + below.losses_kw[0], rel=1e-6)
