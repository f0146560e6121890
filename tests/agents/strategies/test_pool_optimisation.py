"""The split of a response over a pool: bounds of every asset, needs, and the optimum by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.strategies.pool_optimisation import DOWN, FCR, UP, Room, dispatch, split
from environment.messages.balancing import PRODUCTS
from experiments.covers import covers

VALUE = [2.0, 1.0, 1.0, 0.9, 0.9]


def _room(rows):
    return Room(
        *(np.array(column, float) for column in list(zip(*rows, strict=True))[:4]),
        np.array([row[4] for row in rows], bool),
    )


def test_a_battery_and_a_car_by_hand():
    """The battery alone can follow the frequency; what it holds for that it cannot hold for anything else, and its energy counts."""
    room = _room([(5, 5, 0.5, 9, True), (7, 0, 7, 0, False)])
    found = split(room, [10, 10, 10, 0, 0], VALUE, 0.25)
    assert found[0].tolist() == pytest.approx([2, 0, 3, 0, 0])  # 0.5 kWh for a quarter of an hour
    assert found[1].tolist() == pytest.approx([0, 7, 0, 0, 0])


@covers("SUC05.2/r05", "SUC05.2/r06")
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(0, 10)] * 4, st.booleans()), min_size=1, max_size=8),
    st.lists(st.floats(0, 30), min_size=5, max_size=5),
)
def test_no_asset_is_asked_for_more_than_its_limits_leave(rows, needed):
    room = _room(rows)
    found = split(room, needed, VALUE, 0.5)
    assert (found >= 0.0).all()
    assert (found.sum(axis=0) <= np.array(needed) + 1e-6).all()
    assert (found @ UP <= np.minimum(room.up_kw, room.up_kwh / 0.5) + 1e-6).all()
    assert (found @ DOWN <= np.minimum(room.down_kw, room.down_kwh / 0.5) + 1e-6).all()
    assert (found[~room.fast, FCR] == 0.0).all()
    alone = max(_greedy(room, needed, first) for first in range(len(PRODUCTS)))
    assert float((found @ np.array(VALUE)).sum()) >= alone - 1e-4
    np.testing.assert_allclose(found, split(room, needed, VALUE, 0.5))


def _greedy(room, needed, first):
    """What one product alone would be worth."""
    most = np.minimum(room.up_kw, room.up_kwh / 0.5) if UP[first] else np.full(len(room.up_kw), np.inf)
    most = np.minimum(most, np.minimum(room.down_kw, room.down_kwh / 0.5)) if DOWN[first] else most
    able = room.fast if first == FCR else np.ones(len(most), bool)
    return VALUE[first] * min(float(most[able].sum()), needed[first])


@given(st.lists(st.floats(0, 10), min_size=1, max_size=8), st.floats(0, 60))
def test_assets_are_used_one_after_the_other(held, wanted):
    found = dispatch(np.array(held), wanted)
    assert found.sum() == pytest.approx(min(wanted, sum(held)), abs=1e-9)
    partly = [0.0 < one < kw - 1e-9 for one, kw in zip(found, held, strict=True)]
    assert sum(partly) <= 1


def test_nothing_is_needed_or_nobody_is_there():
    assert split(_room([(5, 5, 5, 5, True)]), [0.0] * 5, VALUE, 0.25).sum() == 0.0
    assert split(Room(*np.zeros((4, 0)), np.zeros(0, bool)), [1.0] * 5, VALUE, 0.25).shape == (0, 5)


def test_a_limited_reservoir_holds_no_more_than_it_can_give_for_the_endurance():
    """Reg. (EU) 2017/1485, article 156: a battery of 5 kW with 1 kWh to give and 2 kWh of room holds 4 kW of containment reserve for 15 min, 2 kW for 30 min."""
    value = [0.03, 0.01, 0.01, 0.01, 0.01]
    for endurance_h, most_kw in ((0.25, 4.0), (0.5, 2.0)):
        room = Room(np.array([5.0]), np.array([5.0]), np.array([1.0]), np.array([2.0]), np.array([True]))
        held = split(room, [100.0, 0.0, 0.0, 0.0, 0.0], value, endurance_h)
        assert held[0, 0] == pytest.approx(most_kw)
        both = split(room, [100.0] * 5, value, endurance_h)
        assert (both[0] @ np.array([1, 1, 0, 1, 0])) * endurance_h <= 1.0 + 1e-6
        assert (both[0] @ np.array([1, 0, 1, 0, 1])) * endurance_h <= 2.0 + 1e-6
