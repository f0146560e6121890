"""The transmission side: flows, schedules, what has to be relieved, offers of units, errors of schedules."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.chance import Chance
from environment.grid.transmission import (
    Transmission,
    TransmissionError,
    read_transmission,
    schedule_error_kw,
    unit_offers,
)
from markets.coordination.central import central
from markets.global_session import Components, Lights, Networks, accepted_kw, situation

FIVE = read_transmission("five-bus")
MW = 1000.0


def test_flows_of_the_five_bus_system_are_those_of_its_optimal_power_flow() -> None:
    """MATPOWER case5 (Li, Bo 2010) dispatched with 40, 170, 323.49, 0, 466.51 MW; flows by pandapower 3.5.6, rundcpp."""
    dispatch = np.array([40, 170, 323.4948, 0, 466.5052])[:, None] * MW
    flow = FIVE.flow_kw(FIVE.injection_kw(dispatch, FIVE.load_kw[:, None]))[:, 0] / MW
    expected = {"A-B": 249.7168, "A-D": 186.7884, "A-E": -226.5052, "B-C": -50.2832, "C-D": -26.7884, "D-E": -240.0}
    assert {name: flow[FIVE.lines.index(name)] for name in expected} == pytest.approx(expected, abs=1e-3)


def test_cheapest_relief_of_the_market_schedule_is_the_published_optimum() -> None:
    """The market knows no line and schedules E with 600 MW; what the operator changes at least cost is the optimal power flow."""
    load = FIVE.load_kw[:, None] * np.ones(24)
    schedule = FIVE.scheduled_kw(load)
    np.testing.assert_allclose(schedule[:, 0] / MW, [40, 170, 190, 0, 600])
    relief, low, high = FIVE.reliefs(FIVE.flow_kw(FIVE.injection_kw(schedule, load)))
    offers = unit_offers(schedule, FIVE.capacity_kw, FIVE.cost_eur_per_kwh, FIVE.price_eur_per_kwh(schedule))
    kw = np.concatenate([offers["up"][0], offers["down"][0]])
    price = np.concatenate([offers["up"][1], offers["down"][1]])[:, 0]
    nodes = [FIVE.nodes[k] for k in FIVE.node_of_unit]
    units = len(FIVE.units)
    offered = Components(
        np.array([f"{unit} {way}" for way in ("up", "down") for unit in FIVE.units]), np.array(FIVE.units * 2), np.array(nodes * 2),
        np.arange(2 * units) < units, price, np.zeros(2 * units, np.int64), kw,
    )  # fmt: skip
    none = np.zeros((0, 24))
    networks = Networks(
        ("tso",), FIVE.nodes, np.zeros(5, np.int64), np.arange(5), FIVE.limited_lines, relief, low, high, np.zeros((1, 24)), (),
        np.zeros(0, np.int64), np.zeros((0, 5)), none, none,
    )  # fmt: skip
    case, component, hour = situation(offered, Lights.green(()), networks)
    found = central(case, unmet_eur_per_kwh=3.0)
    taken = accepted_kw(offered, found, component, hour)[:, 0]
    dispatch = (schedule[:, 0] + taken[:units] - taken[units:]) / MW
    assert found.is_feasible
    assert dispatch == pytest.approx([40, 170, 323.49, 0, 466.51], abs=0.01)


@given(st.lists(st.floats(-500, 500), min_size=4, max_size=4))
def test_what_is_injected_flows_to_where_it_is_taken_out(injected: list[float]) -> None:
    """Kirchhoff's first law at every node, and his second around every loop."""
    injection = np.array([*injected, -sum(injected)])[:, None]
    flow = FIVE.flow_kw(injection)[:, 0]
    balance = np.zeros(5)
    np.add.at(balance, FIVE.from_node, flow)
    np.subtract.at(balance, FIVE.to_node, flow)
    np.testing.assert_allclose(balance, injection[:, 0], atol=1e-6)
    drop = dict(zip(FIVE.lines, flow * FIVE.reactance_pu, strict=True))
    assert drop["A-B"] + drop["B-C"] + drop["C-D"] == pytest.approx(drop["A-D"], abs=1e-6)
    assert drop["A-D"] + drop["D-E"] == pytest.approx(drop["A-E"], abs=1e-6)


def test_a_scale_changes_powers_and_no_sensitivity() -> None:
    small = read_transmission("five-bus", 0.001)
    np.testing.assert_allclose(small.sensitivity, FIVE.sensitivity)
    np.testing.assert_allclose(small.capacity_kw * 1000, FIVE.capacity_kw)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1500e3), min_size=1, max_size=6))
def test_the_schedule_meets_the_load_cheapest_first_and_no_offer_is_below_nothing(loads: list[float]) -> None:
    load = np.zeros((5, len(loads)))
    load[1] = loads
    schedule = FIVE.scheduled_kw(load)
    np.testing.assert_allclose(schedule.sum(axis=0), loads, atol=1e-6)
    order = np.argsort(FIVE.cost_eur_per_kwh, kind="stable")
    for cheap, dear in itertools.pairwise(order):
        assert not ((schedule[dear] > 0) & (schedule[cheap] < FIVE.capacity_kw[cheap] - 1e-6)).any()
    for kw, price in unit_offers(
        schedule, FIVE.capacity_kw, FIVE.cost_eur_per_kwh, FIVE.price_eur_per_kwh(schedule)
    ).values():
        assert (kw >= -1e-9).all()
        assert (price >= 0).all()


def test_errors_of_the_schedule_have_the_stated_statistics_and_depend_on_their_zone_alone() -> None:
    stream = Chance(7).stream("transmission.error")
    many = np.array([schedule_error_kw(stream, f"zone {k}", 24, 50.0, 0.8) for k in range(4000)])
    np.testing.assert_allclose(many.std(axis=0), 50.0, rtol=0.05)
    np.testing.assert_allclose(many.mean(axis=0), 0.0, atol=3.5)
    lag = [(many[:, k] * many[:, k + 1]).mean() / 2500.0 for k in range(23)]
    np.testing.assert_allclose(lag, 0.8, atol=0.05)
    np.testing.assert_array_equal(schedule_error_kw(stream, "zone 3", 10, 50.0, 0.8), many[3, :10])


def test_a_network_that_cannot_be_says_why() -> None:
    with pytest.raises(TransmissionError, match="1530000 kW"):
        FIVE.scheduled_kw(np.full((5, 1), 1e6))
    parts = {name: getattr(FIVE, name) for name in Transmission.__dataclass_fields__}
    with pytest.raises(TransmissionError, match="hang together"):
        Transmission(**(parts | {"from_node": np.zeros(6, np.int64), "to_node": np.ones(6, np.int64)}))
    with pytest.raises(TransmissionError, match="reactances"):
        Transmission(**(parts | {"reactance_pu": np.zeros(6)}))


def test_relief_is_counted_in_the_direction_of_the_flow() -> None:
    """D-E flows from E to D: more injection at E is no relief."""
    load = FIVE.load_kw[:, None]
    flow = FIVE.flow_kw(FIVE.injection_kw(FIVE.scheduled_kw(load), load))
    relief, low, high = FIVE.reliefs(flow)
    k = FIVE.limited_lines.index("D-E")
    assert relief[k, FIVE.nodes.index("E")] < 0
    assert low[k, 0] > 0
    assert high[k, 0] == pytest.approx(low[k, 0] + 480 * MW)
