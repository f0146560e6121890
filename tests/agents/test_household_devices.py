"""Modes of controlled devices: only automatic follows orders, and consent is asked at that second (SUC13.1)."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.household_devices import STALE_MS, Devices
from environment.instruments import Readings
from environment.messages.homes import AUTOMATIC, MANUAL, OFF, ON, STATES
from experiments.covers import covers

N = 6
kw = st.floats(0.0, 4.0)
temperatures = st.lists(st.floats(10.0, 70.0), min_size=N, max_size=N)
modes = st.lists(st.lists(st.integers(0, 3), min_size=N, max_size=N), min_size=4, max_size=4)


def devices(mode, consent=None):
    return Devices(
        rated_kw=np.full((4, N), 3.0), hysteresis_k=(2.0, 0.5), installed=np.ones(N, bool),
        consent=np.ones(N, bool) if consent is None else np.array(consent), mode=np.array(mode, np.int8),
        reference_c=np.array([np.full(N, 55.0), np.full(N, 20.0)]), schedule_c=np.zeros((N, 24)),
    )  # fmt: skip


def shown(tank, room):
    columns = {name: np.full(N, np.nan) for name in STATES} | {"heater_c": np.array(tank), "house_c": np.array(room)}
    return Readings(0, columns)


def ordered(found, power, now_ms=0):
    rows = np.arange(N)
    wide = np.full(N, -1e6), np.full(N, 1e6)
    return [found.take_order(kind, rows, np.full(N, power), *wide, now_ms) for kind in range(4)]


@covers("SUC13.1/r26", "SUC13.1/CI-2", "SUC13.1/r23", "SUC13.1/r24", "SUC13.1/r25")
@given(modes, temperatures, temperatures, kw)
def test_an_order_changes_nothing_of_a_device_that_is_not_automatic(mode, tank, room, power):
    quiet, told = devices(mode), devices(mode)
    follows = ordered(told, power)
    before, after = (one.set_points(shown(tank, room), 12, 1) for one in (quiet, told))
    others = np.array(mode) != AUTOMATIC
    np.testing.assert_array_equal(before[others], after[others])
    np.testing.assert_array_equal(np.array(follows), ~others)
    assert (after[~others] == power).all()


@covers("SUC13.1/r22")
@given(temperatures, st.floats(40.0, 50.0), st.floats(50.0, 60.0), kw)
def test_an_automatic_device_follows_within_its_limits_and_heats_or_stops_outside(tank, low, high, power):
    found = devices(np.full((4, N), AUTOMATIC))
    found.take_order(2, np.arange(N), np.full(N, power), np.full(N, low), np.full(N, high), 0)
    points = found.set_points(shown(tank, np.full(N, 20.0)), 12, 1)[2]
    for value, at in zip(points, tank, strict=True):
        assert value == (3.0 if at < low else 0.0 if at > high else power)


@covers("SUC13.1/r23")
@given(st.lists(st.floats(45.0, 65.0), min_size=1, max_size=20))
def test_manual_mode_is_hysteresis_around_the_own_reference(path):
    found = devices(np.full((4, N), MANUAL))
    relay = False
    for at in path:
        points = found.set_points(shown(np.full(N, at), np.full(N, 20.0)), 12, 1)[2]
        relay = True if at <= 53.0 else False if at >= 57.0 else relay
        assert (points == (3.0 if relay else 0.0)).all()


def test_the_schedule_of_manual_mode_moves_its_reference():
    found = devices(np.full((4, N), MANUAL))
    found.schedule_c[:, 23] = -3.0
    cold = shown(np.full(N, 52.0), np.full(N, 20.0))
    assert (found.set_points(cold, 12, 1)[2] == 3.0).all()
    warm = shown(np.full(N, 54.5), np.full(N, 20.0))
    assert (found.set_points(warm, 23, 1)[2] == 0.0).all()


@covers("SUC13.1/r24", "SUC13.1/r25")
def test_on_is_the_devices_own_control_and_off_is_nothing():
    on, off = devices(np.full((4, N), ON)), devices(np.full((4, N), OFF))
    here = shown(np.full(N, 50.0), np.full(N, 20.0))
    assert np.isnan(on.set_points(here, 12, 1)).all()
    assert (off.set_points(here, 12, 1) == 0.0).all()


@covers("SUC13.1/GDPR-1")
@given(st.lists(st.booleans(), min_size=N, max_size=N), kw)
def test_withdrawn_consent_ends_control_at_that_instant(stays, power):
    found = devices(np.full((4, N), AUTOMATIC))
    ordered(found, power)
    gone = np.flatnonzero(~np.array(stays))
    found.consent[gone] = False
    found.release(gone)
    points = found.set_points(shown(np.full(N, 50.0), np.full(N, 20.0)), 12, 1)
    assert np.isnan(points[:, gone]).all()
    assert (points[:, np.array(stays)] == power).all()
    assert not np.array(ordered(found, power))[:, gone].any()


def test_a_stale_order_no_longer_counts():
    found = devices(np.full((4, N), AUTOMATIC))
    ordered(found, 1.0)
    here = shown(np.full(N, 50.0), np.full(N, 20.0))
    assert (found.set_points(here, 12, STALE_MS - 1) == 1.0).all()
    assert np.isnan(found.set_points(here, 12, STALE_MS)).all()
