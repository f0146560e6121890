"""The operator's own means: found where they help, none where they do not, radial and priced."""

import numpy as np
import pytest

from environment.grid.limits import Limits, find_violations
from environment.grid.means import MeansCosts, conventional_measures, independent_loops, needs_kw
from environment.grid.network import network_from_tables
from environment.grid.power_flow import PowerFlow
from environment.grid.switching import State

COSTS = MeansCosts(on_load_tap_eur=2.0, off_load_tap_eur=150.0, switch_eur=40.0)


def ring(tie_switchable: bool = True) -> dict:
    """Two feeders a1-a2-a3 and b1 from one busbar, joined by an open tie a3-b1."""
    return {
        "name": "ring",
        "slack": {"bus": "busbar", "voltage_pu": 1.0},
        "buses": {"name": ["busbar", "a1", "a2", "a3", "b1"], "kv": 0.4},
        "lines": {
            "name": ["la1", "la2", "la3", "lb1", "tie"],
            "from": ["busbar", "a1", "a2", "busbar", "b1"],
            "to": ["a1", "a2", "a3", "b1", "a3"],
            "length_km": 1.0,
            "r_ohm_per_km": 0.01,
            "x_ohm_per_km": 0.005,
            "max_i_ka": 0.1,
            "open_from": [False] * 4 + [True],
            "open_to": [False] * 4 + [True],
            "switchable": [True] * 4 + [tie_switchable],
        },
    }


def test_moving_load_to_the_neighbour_feeder():
    network = network_from_tables(ring())
    p = np.array([0.0, 30.0, 30.0, 30.0, 5.0])  # la1 carries 90 kW, rated for 69 kW
    limits = Limits()
    found = conventional_measures(network, p, 0.0, limits, COSTS)
    best = found[0]
    assert best.relieves
    assert (best.kind, best.close, best.open) == ("switching", ("tie",), ("la3",))
    assert best.cost_eur == 160.0
    assert best.peak_loading_percent < found[1].peak_loading_percent  # opening la2 instead is as cheap and loads more
    power_flow = best.power_flow(network)
    assert find_violations(power_flow, power_flow.solve(p), limits).rows() == []
    assert independent_loops(network, power_flow.closed) == 0
    assert not power_flow.cut_off


def test_the_worst_step_decides_and_all_steps_are_checked():
    network = network_from_tables(ring())
    p = np.array([[0.0, 30.0, 30.0, 30.0, 5.0], [0.0, 5.0, 5.0, 5.0, 66.0]])  # then the other feeder is full
    found = conventional_measures(network, p, 0.0, Limits(), COSTS, step_h=1.0)
    assert found
    assert not any(measure.relieves for measure in found)
    before = needs_kw(PowerFlow(network), p, 0.0, Limits()).sum()
    for measure in found:
        need = needs_kw(measure.power_flow(network), p, 0.0, Limits())
        assert measure.residual_kwh == pytest.approx(need.sum())
        assert measure.residual_kwh < before
        assert measure.residual_hours == (need > 0).sum()


def test_none_helps_where_the_tie_is_fixed():
    network = network_from_tables(ring(tie_switchable=False))
    assert conventional_measures(network, [0.0, 30.0, 30.0, 30.0, 5.0], 0.0, Limits(), COSTS) == []


def test_nothing_violated_needs_nothing():
    network = network_from_tables(ring())
    assert conventional_measures(network, np.full(5, 1.0), 0.0, Limits(), COSTS) == []


def test_a_fault_is_resupplied_over_the_tie():
    network = network_from_tables(ring())
    p = np.array([0.0, 10.0, 10.0, 10.0, 10.0])
    best = conventional_measures(network, p, 0.0, Limits(), COSTS, state=State(("la1",)))[0]
    assert best.relieves
    assert (best.close, best.open) == (("tie",), ())
    assert best.power_flow(network, State(("la1",))).cut_off == ()


def test_a_tie_out_of_service_is_no_way_out():
    network = network_from_tables(ring())
    faults = ["la1", "tie"]
    assert conventional_measures(network, np.full(5, 10.0), 0.0, Limits(), COSTS, state=State(tuple(faults))) == []


def test_off_load_tap_mends_low_voltage_and_overload_it_cannot(network_named):
    network = network_named("simbench/1-LV-semiurb4--0-sw")
    p, q = network.rated_power()
    high = Limits(voltage_pu=(1.01, 1.08))
    found = conventional_measures(network, p, q, high, COSTS)
    assert found[0].relieves
    assert found[0].interrupts
    assert found[0].cost_eur == 150.0
    assert next(iter(found[0].taps.values())) < 0, "fewer turns above give more voltage below"
    overload = Limits(transformer_percent=40.0, voltage_pu=(0.8, 1.2))
    assert not any(measure.relieves for measure in conventional_measures(network, p, q, overload, COSTS))


def test_parallel_transformers_move_together_and_are_paid_by_step(network_named):
    network = network_named("simbench/1-MV-semiurb--0-sw")
    p, q = network.rated_power()
    found = conventional_measures(network, p, q, Limits(voltage_pu=(1.0, 1.05)), COSTS)
    taps = [measure for measure in found if measure.kind == "tap"]
    assert taps
    for measure in taps:
        assert len(measure.taps) == 2
        (position,) = set(measure.taps.values())
        assert measure.cost_eur == 2 * 2.0 * abs(position)
        assert not measure.interrupts


def test_best_first(network_named):
    network = network_named("ieee-33")
    p, q = network.rated_power()
    found = conventional_measures(network, p, q, Limits(voltage_pu=(0.92, 1.05)), COSTS)
    order = [(not m.relieves, round(m.residual_kwh, 6), m.cost_eur) for m in found]
    assert order == sorted(order)
    for measure in found:
        assert independent_loops(network, measure.power_flow(network).closed) == 0


def test_only_what_feeds_the_worst_element_is_tried():
    """Two low-voltage feeders behind transformers of their own: the taps of the one mend nothing at the other."""
    network = network_from_tables(
        {
            "name": "two grids",
            "slack": {"bus": "mv", "voltage_pu": 1.0},
            "buses": {"name": ["mv", "a", "b"], "kv": [20.0, 0.4, 0.4]},
            "transformers": {
                "name": ["ta", "tb"], "hv": ["mv", "mv"], "lv": ["a", "b"], "sn_mva": 0.4, "vn_hv_kv": 20, "vn_lv_kv": 0.4,
                "vk_percent": 6, "vkr_percent": 1.2, "pfe_kw": 1.2, "i0_percent": 0.3, "shift_degree": 150, "tap_min": -2,
                "tap_max": 2, "tap_step_percent": 2.5, "on_load": False,
            },
        }
    )  # fmt: skip
    p = np.array([0.0, 300.0, 340.0])
    found = conventional_measures(network, p, 0.5 * p, Limits(voltage_pu=(0.99, 1.05)), COSTS)
    assert found
    assert {name for measure in found for name in measure.taps} == {"tb"}
