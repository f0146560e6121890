"""The physical side of a world: what it meters, when it acts, and where power goes."""

import numpy as np
import pytest

from environment.grid.power_flow import PowerFlow
from environment.instruments import Controls
from environment.physics import FLEXIBLE


@pytest.fixture
def begun(small, small_begun):
    """The physics of the small site at the beginning of its world."""
    return small.again(small_begun, coordination=False).living.physics


def close(physics, steps):
    for k in range(physics.first, physics.first + steps):
        physics.close_step(int(physics.timeline.starts_ms[k]) + physics.step_ms)


def test_a_meter_reads_what_lies_behind_it(begun):
    close(begun, 8)
    run = slice(begun.first, begun.first + 8)
    expected = begun.uncontrolled.kw(run)
    for kind, one in begun.installed.items():
        np.add.at(expected, one.meter, begun.record.power_kw[kind][:, :8])
    np.testing.assert_allclose(begun.meters.kw[:, run], expected, rtol=0.0, atol=1e-12)


def test_what_is_behind_meters_is_at_buses(begun):
    values = np.random.default_rng(1).normal(size=len(begun.meters.names))
    at = begun.at_buses(values)
    assert at.sum() == pytest.approx(values.sum())
    for bus in np.unique(begun.grid.bus):
        assert at[bus] == pytest.approx(values[begun.grid.bus == bus].sum())


def test_looking_at_the_grid_within_a_step_changes_no_energy(small, small_begun):
    """SCADA snapshots integrate to their instants; the meters read the same with and without them, bit for bit if nobody sees them."""
    plain, watched, unseen = (small.again(small_begun, coordination=False).living.physics for _ in range(3))
    unseen.watched = False
    for k in range(plain.first, plain.first + 12):
        start = int(plain.timeline.starts_ms[k])
        for part in (300_000, 600_000):
            watched.snapshot(start + part)
            unseen.snapshot(start + part)
        for physics in (plain, watched, unseen):
            physics.close_step(start + physics.step_ms)
    run = slice(plain.first, plain.first + 12)
    np.testing.assert_allclose(watched.meters.kw[:, run], plain.meters.kw[:, run], rtol=0.0, atol=1e-8)
    assert unseen.meters.kw[:, run].tobytes() == watched.meters.kw[:, run].tobytes()
    assert watched._unsolved
    assert not unseen._unsolved


def test_an_order_is_carried_out_at_its_instant_and_taken_back(begun):
    one = begun.installed["water_heater"]
    homes = one.owner[:2]
    step, now = begun.first, int(begun.timeline.starts_ms[begun.first])
    begun.controls.order("water_heater", "o", 1, homes, step, np.full((2, 3), 0.1))
    begun.carry_out(now)
    assert begun.controls.pending == []
    assert one.fleet.set_points.effective(step)[:2].tolist() == [0.1, 0.1]
    begun.controls.revoke("water_heater", "o", homes)
    begun.carry_out(now)
    assert not (one.fleet.set_points.effective(step)[:2] == 0.1).any()


@pytest.mark.parametrize("kind", FLEXIBLE)
def test_requests_reach_those_who_have_such_a_device_and_nobody_else(begun, kind):
    one, controls = begun.installed[kind], Controls()
    step = begun.first
    controls.schedule(kind, np.arange(begun.homes), step, np.arange(begun.homes, dtype=float)[:, None])
    begun.carry_out(int(begun.timeline.starts_ms[step]), controls)
    np.testing.assert_array_equal(one.fleet.set_points.effective(step), one.owner.astype(float))


def test_displays_show_nan_where_there_is_no_device(begun, small_begun):
    for kind, column in (
        ("battery", "battery_kwh"),
        ("ev", "ev_kwh"),
        ("water_heater", "heater_c"),
        ("heat_pump", "house_c"),
    ):
        shown = begun.readings[column]
        np.testing.assert_array_equal(np.isfinite(shown), small_begun.people.owns[kind], err_msg=kind)


def test_a_switching_state_holds_from_its_instant_on(begun, small_begun):
    solver = PowerFlow(small_begun.network, [])
    before = begun.grid.at(0)
    begun.grid.switch(3_600_000, solver)
    assert begun.grid.at(3_599_999) is before
    assert begun.grid.at(3_600_000) is solver
    assert [at_ms for at_ms, _ in begun.grid.states] == sorted(at_ms for at_ms, _ in begun.grid.states)


def test_flows_cover_every_step_lived(begun):
    close(begun, 6)
    assert sum(len(flow.v_pu) for _, flow in begun.flows()) == 6
