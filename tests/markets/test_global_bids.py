"""Bid component messages: 24 elements, deadlines, sums, zones; what a BSP moves (SUC08.2, SUC10.3, DOMAIN cases of traffic lights)."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.global_bids import BidComponents, faults, last_valid, reallocated

NORTH, SOUTH = "10X1001A1001A4500580910001_CS", "10X1001A1001A4500580910002_AG"
DAY = 24
GOOD = BidComponents(
    uva="UVA-1", direction="up", validity_s=2_000, timestamp_s=1_000, zone="Centro Sud", quantity_kw=[5.0] * DAY, baseline_kw=[-3.0] * DAY,
    components_kw={NORTH: [3.0] * DAY, SOUTH: [2.0] * DAY}, unavailable_kw={NORTH: [0.0] * DAY},
)  # fmt: skip


def test_a_good_message_has_no_fault() -> None:
    assert faults(GOOD, [NORTH]) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"quantity_kw": [5.0] * 23}, "Q has 23 elements, not 24"), ({"quantity_kw": [5.0] * 25}, "Q has 25 elements, not 24"),
        ({"zone": "Est"}, "none of Nord"), ({"direction": "both"}, "neither up nor down"), ({"timestamp_s": 2_000}, "not before its validity"),
        ({"components_kw": {NORTH: [3.0] * DAY}}, "not the sum of its components in hour 0"), ({"baseline_kw": [float("nan")] * DAY}, "not finite"),
        ({"components_kw": {"x": [5.0] * DAY}}, "has 1 characters"), ({"unavailable_kw": {NORTH: [-1.0] * DAY}}, "below 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(change: dict[str, object], said: str) -> None:
    assert any(said in text for text in faults(replace(GOOD, **change), []))  # type: ignore[arg-type]


def test_components_and_unavailability_are_compulsory_where_the_light_is_not_green() -> None:
    found = faults(replace(GOOD, unavailable_kw={}), [NORTH])
    assert found == [f"the unavailability of {NORTH} is missing; its light is yellow or red"]
    assert faults(replace(GOOD, components_kw={SOUTH: [5.0] * DAY}), [NORTH]) == [
        f"the component of {NORTH} is missing; its light is yellow or red"
    ]


def test_the_last_valid_version_before_the_gate_counts() -> None:
    assert last_valid([10, 20, 30], [True, True, False], 100) == 1
    assert last_valid([10, 20, 100], [True, False, True], 100) == 0
    assert last_valid([100], [True], 100) is None


columns = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1), st.floats(0, 100)), min_size=1, max_size=6)


@given(columns)
def test_what_was_cut_moves_as_far_as_there_is_room(rows: list[tuple[float, float, float]]) -> None:
    table = np.array(rows)[:, :, None]
    bid = table[:, 0]
    limited = bid * table[:, 1]
    room = np.where(limited < bid, 0.0, table[:, 2])
    found = reallocated(bid, limited, room)
    assert found.sum() == pytest.approx(min(bid.sum(), limited.sum() + room.sum()))
    assert (found >= limited - 1e-12).all()
    assert (found <= limited + room + 1e-12).all()
