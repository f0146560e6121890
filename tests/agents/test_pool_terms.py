"""What is called of a pool: ramps of set-points, and how long a set-point counts."""

import numpy as np
import pytest

from agents.pool_terms import Called, Picture
from environment.messages.balancing import PRODUCTS, AssetConstraints, AssetMonitoring, BlockCall
from environment.messages.base import Batch, columns_of

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


def _batch(records):
    n = len(records)
    return Batch(type(records[0]), np.zeros(n, np.int64), np.zeros(n, np.int64), columns_of(records), "SUC05.2/1:a:day")


def _report(asset, from_ms, kw, plan):
    return AssetMonitoring(
        asset=asset, kind="battery", power_kw=kw, available=True, from_ms=from_ms, step_s=900.0, planned_kw=np.array(plan)
    )  # fmt: skip


def _limit(asset, from_ms):
    return AssetConstraints(
        asset=asset, from_ms=from_ms, step_s=900.0, low_kw=-5.0, high_kw=5.0, up_kw=np.full(2, 3.0), down_kw=np.full(2, 3.0), up_kwh=4.0,
        down_kwh=4.0, fast=True,
    )  # fmt: skip


def test_an_asset_whose_sensor_is_lost_goes_on_as_it_did_and_allows_nothing():
    picture = Picture(("a", "b"), np.array([0, 1]))
    picture.hear(_batch([_report("a", 0, 1.0, [1.0, 2.0]), _report("b", 0, 4.0, [4.0, 0.5])]))
    picture.learn(_batch([_limit("a", 0), _limit("b", 0)]))
    assert picture.limit("up_kw").tolist() == [[3.0, 3.0], [3.0, 3.0]]
    picture.hear(_batch([_report("a", 900_000, 2.0, [2.0, 2.5])]))  # nothing of b
    picture.learn(_batch([_limit("a", 900_000)]))
    assert picture.planned_kw.tolist() == [[2.0, 2.5], [4.0, 4.0]]
    assert picture.limit("up_kw").tolist() == [[3.0, 3.0], [0.0, 0.0]]
    assert picture.limit("up_kwh").tolist() == [4.0, 0.0]
