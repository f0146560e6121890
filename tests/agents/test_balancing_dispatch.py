"""Which reserves an operator calls, and what is due of them: merit order, ramps, blocks that follow each other, and the end of a block."""

import numpy as np
import pytest

from agents.balancing_dispatch import Dispatch, Reserve

H_MS, Q_MS = 3_600_000, 900_000


def _dispatch(*reserves):
    found = Dispatch(60.0)
    found.reserves.extend(
        Reserve(seller, product, from_h * H_MS, to_h * H_MS, kw, 0.01, price)
        for seller, product, from_h, to_h, kw, price in reserves
    )
    return found


def _live(dispatch, from_ms, to_ms, imbalance_kw):
    """Cycle by cycle: the last set-point of every seller and product that changed."""
    told = {}
    for at in range(from_ms, to_ms, 60_000):
        told |= {(seller, product): kw for seller, product, kw in dispatch.follow(at, imbalance_kw)}
    return told


def test_a_shortage_is_met_cheapest_first_and_a_surplus_downward():
    dispatch = _dispatch(
        ("a", "afrr-up", 0, 4, 30.0, 0.2), ("b", "afrr-up", 0, 4, 30.0, 0.1), ("a", "afrr-down", 0, 4, 30.0, 0.1)
    )
    told = _live(dispatch, 0, H_MS, -40.0)
    assert told["b", "afrr-up"] == pytest.approx(30.0)
    assert told["a", "afrr-up"] == pytest.approx(10.0, abs=1.5)
    assert ("a", "afrr-down") not in told
    told = _live(dispatch, H_MS, 2 * H_MS, 25.0)
    assert told["a", "afrr-up"] == told["b", "afrr-up"] == 0.0
    assert told["a", "afrr-down"] == pytest.approx(25.0, abs=1.5)


def test_whoever_held_a_block_and_holds_none_now_is_let_go():
    dispatch = _dispatch(("a", "afrr-up", 0, 1, 30.0, 0.1), ("b", "afrr-up", 1, 2, 30.0, 0.1))
    assert _live(dispatch, 0, H_MS, -20.0)["a", "afrr-up"] == pytest.approx(20.0, abs=1.5)
    told = _live(dispatch, H_MS, 2 * H_MS, -20.0)
    assert told["a", "afrr-up"] == 0.0
    assert told["b", "afrr-up"] == pytest.approx(20.0, abs=1.5)
    due, _ = dispatch.followed("a", "afrr-up", 0, 2 * H_MS, Q_MS)
    assert due[3] == pytest.approx(20.0, abs=1.5)
    assert due[5:] == pytest.approx(np.zeros(3))


def test_a_followed_set_point_is_due_no_faster_than_in_five_minutes():
    dispatch = _dispatch(("a", "afrr-up", 0, 1, 30.0, 0.1))
    dispatch.set_kw["a", "afrr-up"] = [(0, 30.0, 0.1)]
    due, price = dispatch.followed("a", "afrr-up", 0, H_MS, Q_MS)
    assert due == pytest.approx([30.0 * (15 - 2.5) / 15, 30.0, 30.0, 30.0])
    assert price == pytest.approx([0.1] * 4)


def test_a_block_is_called_for_what_occupies_more_than_half_of_the_automatic_reserve():
    dispatch = _dispatch(
        ("a", "afrr-up", 0, 2, 40.0, 0.1), ("b", "mfrr-up", 0, 2, 25.0, 0.3), ("a", "mfrr-up", 0, 2, 25.0, 0.2)
    )
    _live(dispatch, 0, H_MS // 2, -10.0)
    assert dispatch.call_block(H_MS // 2, H_MS // 2 + 750_000, H_MS) == []
    _live(dispatch, H_MS // 2, H_MS, -60.0)
    called = {seller: one.power_kw for seller, one in dispatch.call_block(H_MS, H_MS + 750_000, H_MS + 750_000 + Q_MS)}
    assert called["a"] == pytest.approx(25.0)
    assert called["b"] == pytest.approx(15.0, abs=2.0)


def test_blocks_that_follow_each_other_are_never_due_above_what_is_held():
    dispatch = _dispatch(("a", "afrr-up", 0, 4, 10.0, 0.1), ("a", "mfrr-up", 0, 4, 20.0, 0.3))
    _live(dispatch, 0, 150_000, -200.0)
    for start in range(Q_MS, 6 * Q_MS, Q_MS):
        _live(dispatch, start - 750_000, start + 150_000, -200.0)
        dispatch.call_block(start - 750_000, start, start + Q_MS)
    due, price = dispatch.blocks("a", "mfrr-up", 0, 8 * Q_MS, Q_MS)
    assert due.max() == pytest.approx(20.0)
    assert due[1:6] == pytest.approx([20.0] * 5)
    assert due[0] == pytest.approx(20.0 * 375 / 900)
    assert due[6] == pytest.approx(20.0 * 375 / 900)
    assert price[due > 0] == pytest.approx(0.3)
    assert dispatch.block_kw(3 * Q_MS) == pytest.approx(20.0)
