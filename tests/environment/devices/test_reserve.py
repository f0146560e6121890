"""Reserves of devices: droop tick by tick, offsets, and an honest account of what bounds allowed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from environment.calendar import Timeline
from environment.devices import battery, device_kind, ev
from environment.devices.fleet import Fleet
from environment.devices.reserve import FULL_HZ, Frequency, Reserve
from environment.devices.set_points import Priority
from experiments.covers import covers
from markets.balancing.responses import fcr_kw

TIMELINE = Timeline(0, 900_000, 8)
TICK_MS = 4_000


def _wave(amplitude_hz=0.05):
    ticks = np.arange(TIMELINE.end_ms // TICK_MS)
    return Frequency(0, TICK_MS, amplitude_hz * np.sin(ticks / 37.0))


def _batteries(stored=5.0, n=2, frequency=None):
    ratings = battery.Ratings(*(np.full(n, value) for value in (10.0, 5.0, 0.95, 0.95, 0.05, 1.0, 0.0)))
    fleet = Fleet(
        battery,
        [f"home-{k}" for k in range(n)],
        ratings,
        battery.State(np.full(n, stored)),
        lambda _: battery.Inputs(),
        TIMELINE,
    )
    fleet.listen(frequency or _wave(), 0.01)
    return fleet


@given(st.floats(0, 100), st.floats(-0.4, 0.4))
def test_the_devices_droop_is_the_products_droop(droop_kw, deviation_hz):
    reserve = Reserve(1, Frequency(0, 1000, np.array([deviation_hz])), 0.01)
    reserve.set(np.array([0]), np.array([droop_kw]), np.array([0.0]))
    assert reserve.up_kw(0) == pytest.approx(fcr_kw(droop_kw, [deviation_hz]))


@covers("SUC05.2/r08")
def test_a_battery_gives_the_mean_of_the_droop_over_the_ticks_and_its_store_shows_it():
    fleet, frequency = _batteries(), _wave()
    fleet.schedule(0, slice(None), 0, np.full((2, 8), 1.0))
    fleet.reserves(0, np.array([1]), np.array([2.0]), np.array([0.0]))
    fleet.advance(900_000)
    asked = fcr_kw(2.0, frequency.deviation_hz[:225])
    net = 1.0 - asked
    kwh = fleet.step_energy(0)
    assert kwh == pytest.approx([0.25, net.mean() / 4])
    stored = 5.0 + (np.where(net > 0, 0.95 * net, net / 0.95)).sum() * TICK_MS / 3.6e6
    assert fleet.state.energy_kwh == pytest.approx([5.0 + 0.95 * 0.25, stored])
    account = fleet.reserve.account(0)
    assert account.asked_kwh == pytest.approx([0.0, asked.mean() / 4])
    assert account.moved_kwh == pytest.approx([0.0, np.abs(asked).mean() / 4])
    assert account.missed_kwh == pytest.approx([0.0, 0.0], abs=1e-9)
    assert fleet.reserve.account(0) is None


def test_cutting_time_anywhere_changes_nothing_and_instants_show_the_tick():
    whole, cut = _batteries(), _batteries()
    for fleet in (whole, cut):
        fleet.reserves(0, np.arange(2), np.array([2.0, 4.0]), np.array([0.0, 0.5]))
    whole.advance(TIMELINE.end_ms)
    for t in (1, 3_999, 4_000, 900_001, 2_000_002, TIMELINE.end_ms):
        cut.advance(t)
    assert whole.energy_kwh == pytest.approx(cut.energy_kwh, abs=1e-9)
    assert whole.state.energy_kwh == pytest.approx(cut.state.energy_kwh, abs=1e-9)
    fresh = _batteries()
    fresh.reserves(0, np.arange(2), np.array([2.0, 4.0]), np.array([0.0, 0.5]))
    at = 60 * TICK_MS
    fresh.advance(at)
    share = np.clip(_wave().at(at) / FULL_HZ, -1, 1)
    assert fresh.power_now_kw(at + 900_000) == pytest.approx([2 * share, 4 * share - 0.5])


def test_an_empty_battery_gives_nothing_up_and_says_so():
    low = Frequency(0, TICK_MS, np.full(TIMELINE.end_ms // TICK_MS, -0.1))
    fleet = _batteries(stored=0.5, frequency=low)
    fleet.reserves(0, np.array([0]), np.array([2.0]), np.array([0.0]))
    fleet.advance(900_000)
    account = fleet.reserve.account(0)
    assert fleet.step_energy(0) == pytest.approx([0.0, 0.0])
    assert account.asked_kwh == pytest.approx([0.25, 0.0])
    assert account.given_kwh == pytest.approx([0.0, 0.0])
    assert account.missed_kwh == pytest.approx([0.25, 0.0])


def test_an_offset_is_against_what_the_device_would_do_otherwise():
    """A car that charges by itself takes less; one on a set-point takes less than that; by hand nothing is added."""
    n = 3
    ratings = ev.Ratings(*(np.full(n, value) for value in (50.0, 11.0, 0.0, 0.9, 0.9, 0.0)))
    fleet = Fleet(
        ev, ["a", "b", "c"], ratings, ev.State(np.full(n, 10.0)), lambda _: ev.Inputs(1.0, 0.0, 0.0, 0.9), TIMELINE
    )
    fleet.schedule(0, np.array([1]), 0, np.full((1, 8), 6.0))
    fleet.set_mode(0, np.array([2]), False)
    fleet.reserves(0, np.arange(n), np.zeros(n), np.array([4.0, 8.0, 4.0]))
    fleet.advance(900_000)
    assert fleet.step_energy(0) * 4 == pytest.approx([7.0, 0.0, 11.0])
    account = fleet.reserve.account(0)
    assert account.asked_kwh * 4 == pytest.approx([4.0, 8.0, 0.0])
    assert account.missed_kwh * 4 == pytest.approx([0.0, 2.0, 0.0])
    fleet.reserves(900_000, np.arange(n), np.zeros(n), np.zeros(n))
    fleet.advance(1_800_000)
    assert fleet.step_energy(1) * 4 == pytest.approx([11.0, 6.0, 11.0])
    assert not fleet.reserve.active


@pytest.mark.parametrize("name", ["heat_pump", "water_heater", "ev"])
def test_an_offset_is_a_set_point_that_the_devices_own_guards_keep(name):
    kind, n = device_kind(name), 40
    ratings, state, inputs = kind.examples(np.random.default_rng(3), n)
    fleet = Fleet(kind, [f"h{k}" for k in range(n)], ratings, state, lambda _: inputs, TIMELINE)
    asked = np.where(np.arange(n) % 2, 1.0, -1.0) * np.linspace(0.1, 20.0, n)
    fleet.reserves(0, np.arange(n), np.zeros(n), asked)
    fleet.advance(900_000)
    otherwise = kind.step(ratings, state, np.full(n, np.nan), inputs, 0.25)[1]
    guarded, power = kind.step(ratings, state, otherwise - asked, inputs, 0.25)
    assert fleet.step_energy(0) * 4 == pytest.approx(power)
    assert fleet.state_value == pytest.approx(kind.state_value(ratings, guarded))
    account = fleet.reserve.account(0)
    assert account.given_kwh * 4 == pytest.approx(otherwise - power)
    assert account.missed_kwh * 4 == pytest.approx(np.abs(asked - otherwise + power))
    assert account.missed_kwh.max() > 0.1


def test_an_order_that_comes_later_is_under_the_reserve():
    fleet = _batteries()
    fleet.reserves(0, np.arange(2), np.zeros(2), np.array([1.0, 0.0]))
    fleet.order(450_000, "restore", Priority.MARKET, np.array([0]), np.full((1, 1), 3.0))
    fleet.advance(900_000)
    assert fleet.step_energy(0) * 4 == pytest.approx([(-1.0 + 2.0) / 2, 0.0])
