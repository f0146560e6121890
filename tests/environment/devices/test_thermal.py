"""First-order stores: against the closed form, an integrator, and a brute force of tiny steps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from environment.devices import thermal


def _stores(rng, n):
    loss = rng.uniform(0.5e-3, 0.3, n)
    return thermal.Store(
        tau_h=rng.uniform(1.0, 100.0, n), loss_kw_per_k=loss, rest_c=rng.uniform(-20.0, 30.0, n),
        full_kw=loss * rng.uniform(20.0, 120.0, n),
    )  # fmt: skip


def test_relaxing_is_the_exponential_that_an_integrator_finds():
    tau, start, aim = 5.0, 60.0, 18.0
    found = solve_ivp(lambda _t, y: (aim - y) / tau, (0.0, 7.0), [start], rtol=1e-11, atol=1e-11).y[0, -1]
    assert thermal.relax(np.array([start]), np.array([aim]), np.array([tau]), 7.0)[0] == pytest.approx(found, abs=1e-8)


@given(start=st.floats(-20, 90), aim=st.floats(-500, 900), share=st.floats(0.01, 0.99), tau=st.floats(0.5, 200))
def test_a_crossing_time_leads_to_the_level(start, aim, share, tau):
    level = start + share * (aim - start)
    hours = thermal.crossing_h(*(np.array([x]) for x in (start, level, aim, tau)))
    if level != aim:
        reached = thermal.relax(np.array([start]), np.array([aim]), np.array([tau]), hours)
        assert reached[0] == pytest.approx(level, abs=1e-9)


@pytest.mark.parametrize(
    ("start", "level", "aim"),
    [(20.0, 19.0, 25.0), (20.0, 22.0, 21.0), (20.0, 25.0, 25.0), (20.0, 20.0, 20.0), (20.0, 21.0, 10.0)],
    ids=["behind", "beyond the aim", "the aim itself", "at rest", "other way"],
)
def test_a_level_that_is_not_met_takes_for_ever(start, level, aim):
    assert thermal.crossing_h(np.array([start]), np.array([level]), np.array([aim]), np.array([5.0]))[0] == np.inf


def test_a_level_one_stands_on_is_met_at_once():
    assert thermal.crossing_h(np.array([20.0]), np.array([20.0]), np.array([25.0]), np.array([5.0]))[0] == 0.0


def _brute(store, start, set_kw, low, high, hours, pieces=40_000):
    """The same control in tiny explicit steps: heat by region, the hold power at the edges."""
    temp, energy, dt = start.copy(), np.zeros_like(start), hours / pieces
    capacity = store.tau_h * store.loss_kw_per_k
    for _ in range(pieces):
        hold = lambda edge: np.clip((edge - store.rest_c) * store.loss_kw_per_k, 0.0, store.full_kw)  # noqa: E731
        near_low, near_high = np.abs(temp - low) < 1e-9, np.abs(temp - high) < 1e-9
        heat = np.where(temp < low, store.full_kw, np.where(temp > high, 0.0, set_kw))
        heat = np.where(near_low, np.maximum(set_kw, hold(low)), heat)
        heat = np.where(near_high, np.minimum(set_kw, hold(high)), heat)
        slope = (heat - (temp - store.rest_c) * store.loss_kw_per_k) / capacity
        after = temp + slope * dt
        for edge in (low, high):
            crossed = (temp - edge) * (after - edge) < 0.0
            after = np.where(crossed, edge, after)
        energy += heat * dt
        temp = after
    return temp, energy


@pytest.mark.parametrize("seed", [1, 2])
def test_a_walk_between_guards_is_what_tiny_steps_do(seed):
    rng = np.random.default_rng(seed)
    n = 300
    store = _stores(rng, n)
    low = rng.uniform(10.0, 25.0, n)
    high = low + rng.uniform(0.5, 6.0, n)
    start = rng.uniform(low - 4.0, high + 4.0)
    set_kw = rng.uniform(size=n) * store.full_kw
    hours = rng.uniform(0.1, 1.0, n) * store.tau_h
    path = thermal.walk(store, start, set_kw, low, high, hours)
    end, energy = _brute(store, start, set_kw, low, high, hours)
    heat = path.guard_kw * path.guard_h + set_kw * path.set_h + path.hold_kw * path.hold_h
    np.testing.assert_allclose(path.end_c, end, atol=0.01)
    np.testing.assert_allclose(heat, energy, rtol=1e-3, atol=1e-3 * (store.full_kw * hours).max())
    assert {bool(path.guard_h.any()), bool(path.hold_h.any()), bool(path.set_h.any())} == {True}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_input_is_stored_and_lost_along_a_walk(seed):
    rng = np.random.default_rng(seed)
    n = 20
    store = _stores(rng, n)
    low = rng.uniform(10.0, 25.0, n)
    high = low + rng.uniform(0.0, 6.0, n)
    start, set_kw, hours = (
        rng.uniform(low - 4.0, high + 4.0),
        rng.uniform(size=n) * store.full_kw,
        rng.uniform(0.1, 30.0, n),
    )
    path = thermal.walk(store, start, set_kw, low, high, hours)
    legs = thermal.legs(store, start, set_kw, path)
    heat = path.guard_kw * path.guard_h + set_kw * path.set_h + path.hold_kw * path.hold_h
    stored = store.tau_h * store.loss_kw_per_k * (path.end_c - start)
    area = thermal.degree_hours(store.tau_h, legs, np.full(n, -300.0))
    lost = store.loss_kw_per_k * (area - store.rest_c * hours)
    np.testing.assert_allclose(heat, stored + lost, atol=1e-9)
    np.testing.assert_allclose(path.guard_h + path.set_h + path.hold_h, hours, rtol=1e-14)


def test_a_holdable_heat_ends_at_the_edge_of_the_band():
    rng = np.random.default_rng(4)
    n = 200
    store = _stores(rng, n)
    low = rng.uniform(10.0, 25.0, n)
    high = low + 3.0
    start = rng.uniform(low, high)
    for kw, edge in zip(thermal.holdable_kw(store, start, low, high, 2.0), (low, high), strict=True):
        free = (kw > 0.0) & (kw < store.full_kw)
        end = thermal.relax(start, store.rest_c + kw / store.loss_kw_per_k, store.tau_h, 2.0)
        assert free.sum() > 20
        np.testing.assert_allclose(end[free], edge[free], atol=1e-9)


def _brute_relay(store, start, relay, on_c, off_c, hours, pieces=60_000):
    temp, closed, on_h, dt = start.copy(), relay > 0.5, np.zeros_like(start), hours / pieces
    hot, shrink = store.rest_c + store.full_kw / store.loss_kw_per_k, np.exp(-dt / store.tau_h)
    switchings = np.zeros_like(start)
    for _ in range(pieces):
        now = np.where(temp >= off_c, False, np.where(temp <= on_c, True, closed))
        switchings += now != closed
        closed = now
        aim = np.where(closed, hot, store.rest_c)
        temp = aim + (temp - aim) * shrink
        on_h += closed * dt
    return temp, on_h, closed, switchings, dt


def test_a_relay_cycles_as_tiny_steps_do():
    rng = np.random.default_rng(7)
    n = 300
    store = _stores(rng, n)._replace(tau_h=rng.uniform(2.0, 60.0, n))
    hot = store.rest_c + store.full_kw / store.loss_kw_per_k
    off_c = store.rest_c + (hot - store.rest_c) * rng.uniform(0.2, 1.1, n)
    on_c = off_c - rng.uniform(1.0, 5.0, n)
    start = rng.uniform(on_c - 5.0, off_c + 5.0)
    relay = np.where(rng.uniform(size=n) < 0.5, 1.0, 0.0)
    hours = np.full(n, 24.0)
    found = thermal.cycle(store, start, relay, on_c, off_c, hours)
    temp, on_h, closed, switchings, dt = _brute_relay(store, start, relay, on_c, off_c, hours)
    assert np.median(switchings) > 3
    np.testing.assert_allclose(found.on_h, on_h, atol=1.5 * (switchings.max() + 1) * dt.max())
    settled = (found.relay > 0.5) == closed  # a switching in the last tiny step may differ
    assert settled.mean() > 0.98
    assert np.abs(found.end_c - temp)[settled].max() < 0.6
    assert np.median(np.abs(found.end_c - temp)) < 0.02


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), hours=st.floats(0.001, 200.0))
def test_input_is_stored_and_lost_under_a_relay(seed, hours):
    rng = np.random.default_rng(seed)
    n = 10
    store = _stores(rng, n)
    off_c = rng.uniform(30.0, 60.0, n)
    start = rng.uniform(20.0, 70.0, n)
    found = thermal.cycle(store, start, np.ones(n), off_c - rng.uniform(1.0, 8.0, n), off_c, hours)
    stored = store.tau_h * store.loss_kw_per_k * (found.end_c - start)
    area = thermal.degree_hours(store.tau_h, found.legs, np.full(n, -1e4))
    heat = store.full_kw * found.on_h
    np.testing.assert_allclose(heat, stored + store.loss_kw_per_k * (area - store.rest_c * hours), atol=1e-9)
    assert ((found.on_h >= 0.0) & (found.on_h <= hours * (1 + 1e-12))).all()
