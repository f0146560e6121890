"""Within the quarter of an hour: what is moved and what is left make what was asked, within each device's room."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agents.strategies.home_balance import Room, lift, lower, room
from experiments.covers import covers

N = 5
power = arrays(np.float64, (4, N), elements=st.floats(0.0, 5.0))
asked = arrays(np.float64, (N,), elements=st.floats(-1.0, 12.0))


@covers("SUC13.1/r29", "SUC13.1/r37")
@given(power, power, asked)
def test_lowering_takes_what_is_asked_as_far_as_there_is_room(now, span, by):
    limits = Room(now - span, now)
    moved = lower(now, limits, by)
    np.testing.assert_allclose((now - moved.power_kw).sum(axis=0) + moved.left_kw, np.maximum(by, 0.0), atol=1e-9)
    assert (moved.power_kw >= limits.least_kw - 1e-9).all()
    assert (moved.power_kw <= now + 1e-9).all()
    left = moved.left_kw > 1e-9
    np.testing.assert_allclose(moved.power_kw[:, left], limits.least_kw[:, left], atol=1e-9)


@covers("SUC13.1/r30")
@given(power, power, asked)
def test_lifting_is_the_mirror_of_lowering(now, span, by):
    up = lift(now, Room(now, now + span), by)
    down = lower(-now, Room(-now - span, -now), by)
    np.testing.assert_allclose(up.power_kw, -down.power_kw, atol=1e-9)
    np.testing.assert_allclose(up.left_kw, down.left_kw, atol=1e-9)


@given(power, asked, st.integers(0, N - 1))
def test_a_home_alone_does_as_among_others(now, by, row):
    limits = Room(np.zeros_like(now), np.full_like(now, 6.0))
    one = lower(now[:, [row]], Room(limits.least_kw[:, [row]], limits.most_kw[:, [row]]), by[[row]])
    np.testing.assert_array_equal(one.power_kw[:, 0], lower(now, limits, by).power_kw[:, row])


@covers("SUC13.1/r26")
@given(power, arrays(np.bool_, (4, N)))
def test_what_follows_no_orders_has_no_room(now, manageable):
    states = np.array([np.full(N, 20.0), np.full(N, 5.0), np.full(N, 50.0), np.full(N, 20.0)])
    limits = np.array([np.zeros((4, N)), np.full((4, N), 60.0)])
    found = room(
        now, np.full((4, N), 5.0), manageable, (states[1], np.zeros(N), np.full(N, 10.0)), states, limits, 0.25
    )
    np.testing.assert_array_equal(found.least_kw[~manageable], now[~manageable])
    np.testing.assert_array_equal(found.most_kw[~manageable], now[~manageable])
    assert (found.least_kw <= now + 1e-12).all()
    assert (found.most_kw >= now - 1e-12).all()


def test_comfort_goes_before_the_contract():
    now = np.zeros((4, 1)) + 2.0
    states = np.array([[20.0], [0.5], [39.0], [18.0]])
    limits = np.array([np.array([[0.0], [0.5], [40.0], [18.5]]), np.array([[40.0], [10.0], [60.0], [22.0]])])
    found = room(
        now, np.full((4, 1), 3.0), np.ones((4, 1), bool), (states[1], limits[0, 1], limits[1, 1]), states, limits, 0.25
    )
    moved = lower(now, found, np.array([20.0]))
    np.testing.assert_allclose(moved.power_kw[:, 0], [0.0, 0.0, 2.0, 2.0])  # tank and rooms are too cold to give
