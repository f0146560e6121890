"""What is called of a pool: ramps of set-points, and how long a set-point counts."""

import numpy as np
import pytest

from agents.pool_terms import Called
from environment.messages.balancing import PRODUCTS, BlockCall

MINUTE_MS = 60_000


def held(**kw):
    """Power held by product."""
    return dict.fromkeys(PRODUCTS, 0.0) | {name.replace("_", "-"): value for name, value in kw.items()}


def test_a_set_point_is_reached_in_five_minutes_and_no_faster():
    called = Called({"afrr-up": 30.0})
    means = [called.wanted_kw(held(afrr_up=30.0), k * MINUTE_MS, 60.0)["afrr-up"] for k in range(7)]
    assert means == pytest.approx([3.0, 9.0, 15.0, 21.0, 27.0, 30.0, 30.0])


def test_a_set_point_does_not_outlive_the_reserve_that_it_was_for():
    called = Called({"afrr-down": 20.0})
    for k in range(6):
        called.wanted_kw(held(afrr_down=20.0), k * MINUTE_MS, 60.0)
    after = [called.wanted_kw(held(), k * MINUTE_MS, 60.0)["afrr-down"] for k in range(6, 12)]
    assert after == pytest.approx([18.0, 14.0, 10.0, 6.0, 2.0, 0.0])
    again = [called.wanted_kw(held(afrr_down=20.0), k * MINUTE_MS, 60.0)["afrr-down"] for k in range(12, 14)]
    assert again == [0.0, 0.0]


def test_a_block_ramps_for_twelve_and_a_half_minutes_on_both_sides():
    start, end = 15 * MINUTE_MS, 30 * MINUTE_MS
    block = BlockCall(call="one", product="mfrr-up", power_kw=10.0, start_ms=start, end_ms=end)
    called = Called(blocks=[(block, start - 750_000)])
    path = [called.wanted_kw(held(mfrr_up=10.0), t, 0.0)["mfrr-up"] for t in range(0, 50 * MINUTE_MS, 150_000)]
    minutes = np.arange(0, 50, 2.5)
    expected = np.clip(np.minimum((minutes - 2.5) / 12.5, (42.5 - minutes) / 12.5), 0.0, 1.0) * 10.0
    assert path == pytest.approx(expected.tolist())
