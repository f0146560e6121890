"""The largest power at a point is the largest whose flows are clean: the closed form of two buses, and laws on a chain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.grid.connection_power import ACCURACY_KW, largest_power_kw
from environment.grid.limits import Limits, find_violations
from environment.grid.network import network_from_tables
from environment.grid.power_flow import PowerFlow
from experiments.covers import covers

LIMITS = Limits()
NONE = np.zeros((1, 2))


def test_two_buses_bear_what_the_closed_form_says(two_bus_network):
    flow = PowerFlow(two_bus_network)
    found = largest_power_kw([flow], LIMITS, NONE, 0.0, np.array([1, 1, 1]), [100.0, 10.0, -100.0])
    assert found[0] == pytest.approx(16.954, abs=ACCURACY_KW)
    assert found[1] == 10.0
    assert found[2] < 0
    assert flow.solve([0.0, -found[2]]).v_pu[0, 1] == pytest.approx(0.95, abs=1e-4)


def test_a_point_behind_a_violated_limit_gets_nothing(two_bus_network):
    flow = PowerFlow(two_bus_network)
    loaded = np.array([[0.0, 20.0]])
    assert find_violations(flow, flow.solve(loaded), LIMITS).steps.all()
    assert largest_power_kw([flow], LIMITS, loaded, 0.0, np.array([1]), [-5.0]).tolist() == [0.0]


@pytest.fixture(scope="module")
def feeder(chain_tables):
    return network_from_tables(chain_tables(5))


@covers("SUC08.1/r13", "SUC08.3/r03")
@settings(max_examples=25, deadline=None)
@given(bus=st.integers(1, 4), offer=st.floats(-150, 150), load=st.floats(0, 4))
def test_it_is_clean_and_a_little_more_is_not(feeder, bus, offer, load):
    flow = PowerFlow(feeder)
    case = np.full((1, 5), load)
    found = largest_power_kw([flow], LIMITS, case, 0.0, np.array([bus]), [offer])[0]
    assert abs(found) <= abs(offer)

    def is_clean(power_kw):
        p = case.copy()
        p[0, bus] -= power_kw
        return not find_violations(flow, flow.solve(p), LIMITS).steps.any()

    if found:
        assert is_clean(found)
    if abs(found) < abs(offer) and is_clean(0.0):
        assert not is_clean(found + 2 * ACCURACY_KW * np.sign(offer))


@settings(max_examples=15, deadline=None)
@given(offers=st.lists(st.floats(1, 150), min_size=2, max_size=6), bus=st.integers(1, 4))
def test_more_capacity_never_tightens_and_more_cases_never_loosen(feeder, offers, bus):
    buses = np.full(len(offers), bus)
    plain = largest_power_kw([PowerFlow(feeder)], LIMITS, np.zeros((1, 5)), 0.0, buses, offers)
    wider = largest_power_kw(
        [PowerFlow(feeder)], Limits(120.0, 120.0, (0.93, 1.07)), np.zeros((1, 5)), 0.0, buses, offers
    )
    stricter = largest_power_kw(
        [PowerFlow(feeder)], LIMITS, np.stack([np.zeros(5), np.full(5, -5.0)]), 0.0, buses, offers
    )
    assert (wider >= plain - ACCURACY_KW).all()
    assert (stricter <= plain + ACCURACY_KW).all()


@settings(max_examples=15, deadline=None)
@given(
    points=st.lists(st.tuples(st.integers(1, 4), st.floats(-150, 150)), min_size=1, max_size=8), load=st.floats(0, 40)
)
def test_points_that_share_a_bus_get_what_each_gets_alone(feeder, points, load):
    buses, offers = (np.array(part) for part in zip(*points, strict=True))
    case, flow = np.full((1, 5), load), [PowerFlow(feeder)]
    together = largest_power_kw(flow, LIMITS, case, 0.0, buses, offers)
    alone = [
        largest_power_kw(flow, LIMITS, case, 0.0, np.array([bus]), [kw])[0]
        for bus, kw in zip(buses, offers, strict=True)
    ]
    assert together == pytest.approx(np.array(alone), abs=ACCURACY_KW)


def test_an_outage_that_takes_a_tie_s_capacity_is_looked_at(chain_tables):
    tables = chain_tables(4)
    lines = tables["lines"]
    for key, value in (("name", "tie"), ("from", "b0"), ("to", "b3")):
        lines[key] = [*lines[key], value]
    network = network_from_tables(tables)
    ring = PowerFlow(network)
    states = [ring, PowerFlow(network, ["tie"])]
    normal = largest_power_kw([ring], LIMITS, np.zeros((1, 4)), 0.0, np.array([3]), [500.0])
    secure = largest_power_kw(states, LIMITS, np.zeros((1, 4)), 0.0, np.array([3]), [500.0])
    assert 0 < secure[0] < normal[0]
