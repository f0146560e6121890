"""Switching states over time: what a stretch is solved in, what a measure changes and when it ends."""

import numpy as np
import pytest
from scipy import sparse

from environment.grid.limits import Limits, find_violations
from environment.grid.means import conventional_measures
from environment.grid.network import network_from_tables
from environment.grid.power_flow import PowerFlow
from environment.grid.sensitivity import sensitivities
from environment.grid.switching import Planned, State, SwitchingPlan, planned
from tests.environment.grid.test_means import COSTS, ring

HOUR = 3_600_000
STARTS = HOUR * np.arange(6, dtype=np.int64)
LOADS = np.array([0.0, 20.0, 20.0, 20.0, 5.0]) * np.linspace(0.5, 1.5, 6)[:, None]


@pytest.fixture
def network():
    return network_from_tables(ring())


@pytest.fixture
def outage():
    """la2 is out from the second to the fourth hour."""
    return planned([Planned(2 * HOUR, 4 * HOUR, ("la2",))], 0)


def test_each_step_is_solved_in_its_own_state(network, outage):
    grid = outage.over(network, STARTS)
    flow = grid.solve(LOADS, 0.0)
    whole, cut = PowerFlow(network), PowerFlow(network, ["la2"])
    for step in range(6):
        one = (cut if step in (2, 3) else whole).solve(LOADS[step])
        for name in ("v_pu", "p_from_kw", "loading_percent", "unserved_kw", "losses_kw"):
            np.testing.assert_allclose(getattr(flow, name)[step], getattr(one, name)[0], atol=1e-9, err_msg=name)
    assert (flow.unserved_kw > 0).tolist() == [False, False, True, True, False, False]


def test_a_part_of_the_horizon_is_solved_in_the_states_of_its_steps(network, outage):
    grid = outage.over(network, STARTS)
    whole, part = grid.solve(LOADS, 0.0), grid.solve(LOADS[1:4], 0.0, first=1)
    np.testing.assert_array_equal(part.v, whole.v[1:4])
    np.testing.assert_array_equal(whole.rows(slice(1, 4)).p_from_kw, part.p_from_kw)


def test_what_some_branches_carry_is_what_the_table_of_all_says(network, outage):
    flow = outage.over(network, STARTS).solve(LOADS, 0.0)
    some = [3, 0]
    np.testing.assert_allclose(flow.p_from_kw_of(some), flow.p_from_kw[:, some], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(flow.loading_percent_of(some), flow.loading_percent[:, some], rtol=1e-12, atol=1e-12)
    before = flow.loading_percent.copy()
    flow.lighten()
    assert "loading_percent" not in vars(flow)
    np.testing.assert_array_equal(flow.loading_percent, before)


def test_steps_looked_at_a_few_at_a_time_violate_the_same(network, outage, monkeypatch):
    grid, limits = outage.over(network, STARTS), Limits(line_percent=50.0, voltage_pu=(0.999, 1.1))
    flow = grid.solve(LOADS, 0.0)
    whole, p = grid.violations(flow, limits), 2.0 * LOADS
    found = conventional_measures(network, p, 0.0, limits, COSTS)
    monkeypatch.setattr("environment.grid.flow.AT_ONCE", network.n_bus)
    few = grid.violations(flow, limits)
    assert len(few._counts) > len(whole._counts)
    for name in ("overload_percent", "overload_kw", "voltage_pu", "voltage_kw", "severity_kw", "unsolved"):
        np.testing.assert_allclose(getattr(few, name), getattr(whole, name), rtol=1e-12, err_msg=name)
    again = conventional_measures(network, p, 0.0, limits, COSTS)
    assert found
    assert [one.text for one in again] == [one.text for one in found]
    assert [one.residual_kwh for one in again] == pytest.approx([one.residual_kwh for one in found])
    assert [one.peak_loading_percent for one in again] == pytest.approx([one.peak_loading_percent for one in found])


def test_violations_and_effects_are_those_of_the_state_of_the_step(network, outage):
    grid, limits = outage.over(network, STARTS), Limits(line_percent=50.0)
    flow = grid.solve(LOADS, 0.0)
    found = grid.violations(flow, limits)
    for step, solver in ((1, PowerFlow(network)), (3, PowerFlow(network, ["la2"]))):
        one = solver.solve(LOADS[step])
        np.testing.assert_allclose(found.overload_kw[step], find_violations(solver, one, limits).overload_kw[0])
        np.testing.assert_allclose(
            grid.effects(flow, step, sparse.eye(network.n_bus, format="csc")).v_pu_per_kw.toarray(),
            sensitivities(solver, one).v_pu_per_kw,
            atol=1e-12,
        )


def test_a_measure_is_in_force_as_long_as_it_says_and_ends_with_its_state(network, outage):
    begin, end = outage.window_ms(3 * HOUR)
    assert (begin, end) == (2 * HOUR, 4 * HOUR)
    assert outage.window_ms(5 * HOUR) == (4 * HOUR, None)
    plan = outage.changed(begin, end, {}, ("tie",), ())
    assert [(start, state.opened, state.tied) for start, state in plan.states] == [
        (0, (), ()), (2 * HOUR, ("la2",), ("tie",)), (4 * HOUR, (), ()),
    ]  # fmt: skip
    assert not plan.over(network, STARTS).solve(LOADS, 0.0).unserved_kw.any()
    lasting = outage.changed(HOUR, None, {}, ("tie",), ("la3",))
    assert [lasting.at(hour * HOUR).tied for hour in (0, 1, 3, 5)] == [(), ("tie",), ("tie",), ("tie",)]
    assert lasting.at(3 * HOUR).opened == ("la2", "la3")


def test_one_state_is_one_power_flow(network):
    plan = SwitchingPlan(((0, State()),))
    (stretch,) = plan.over(network, STARTS).stretches
    np.testing.assert_array_equal(plan.over(network, STARTS).solve(LOADS, 0.0).v, PowerFlow(network).solve(LOADS).v)
    assert stretch[0] == slice(0, 6)


def test_an_approved_switching_plan_lasts_as_long_as_its_outage():
    plan = planned([Planned(HOUR, 3 * HOUR, ("la2",), ("tie",)), Planned(2 * HOUR, 4 * HOUR, ("lb1",))], 0)
    assert [(start // HOUR, state.opened, state.tied) for start, state in plan.states] == [
        (0, (), ()), (1, ("la2",), ("tie",)), (2, ("la2", "lb1"), ("tie",)), (3, ("lb1",), ()), (4, (), ()),
    ]  # fmt: skip
