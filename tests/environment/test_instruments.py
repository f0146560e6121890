"""Instruments: copies of what was measured, requests for what is wanted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from environment.calendar import Timeline
from environment.instruments import Controls, MeterStore, Readings, ScadaView, Switchgear, Switching

LINE = Timeline(-3600_000, 900_000, 8)  # an hour of history, an hour to come


@pytest.fixture
def store():
    return MeterStore(["m1", "m2", "m3"], LINE)


def test_what_was_not_read_yet_is_nan_and_what_was_read_is_there(store):
    assert store.known == 0
    store.record(0, np.array([1.0, 2.0, 3.0]))
    store.record(1, np.array([4.0, 5.0, 6.0]))
    assert store.known == 2
    read = store.read(["m3", "m1"], -3600_000, 0)
    assert read.shape == (2, 4)
    assert read[:, :2].tolist() == [[3.0, 6.0], [1.0, 4.0]]
    assert np.isnan(read[:, 2:]).all()


def test_a_reading_is_a_copy(store):
    store.record(0, np.ones(3))
    store.read(["m1"], -3600_000, -2700_000)[:] = 99.0
    assert store.read(["m1"], -3600_000, -2700_000).tolist() == [[1.0]]


def test_a_mandate_sees_its_own_meters_from_then_on_and_nothing_else(store):
    shared = store.share(["m2", "m1"])
    store.record(0, np.array([1.0, 2.0, 3.0]))
    shared.kw[:, 0] += 100.0  # whatever its owner does to it stays there
    assert shared.names == ("m2", "m1")
    assert shared.known == 1
    assert store.kw[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert shared.read(["m2"], -3600_000, -2700_000).tolist() == [[102.0]]
    with pytest.raises(KeyError):
        shared.read(["m3"], -3600_000, 0)


def test_a_period_before_the_history_is_refused(store):
    with pytest.raises(ValueError, match="before the first step"):
        store.read(["m1"], -4500_000, 0)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(0, 40))
def test_requests_stay_in_the_order_made_until_they_are_taken(kinds, step):
    controls = Controls()
    for number in kinds:
        controls.order("battery", f"order-{number}", number, np.array([number]), step, np.ones((1, 2)))
    controls.schedule("ev", np.array([1]), step, np.full((1, 2), np.nan))
    controls.revoke("battery", "order-0", np.array([0]))
    controls.mode("ev", np.array([3]), np.array([False]))
    assert [one.what for one in controls.pending] == ["order"] * len(kinds) + ["schedule", "revoke", "mode"]
    assert [one.name for one in controls.pending[: len(kinds)]] == [f"order-{number}" for number in kinds]
    assert [one.priority for one in controls.pending[: len(kinds)]] == kinds
    assert controls.pending[-1].kw.tolist() == [0.0]


def test_the_control_room_keeps_its_snapshots():
    view = ScadaView(("line-1.loading_percent", "bus-2.v_pu"))
    view.record(1000, np.array([80.0, 1.0]))
    view.record(2000, np.array([np.nan, 0.98]))
    assert (view.at_ms, view.value("bus-2.v_pu")) == (2000, 0.98)
    assert np.isnan(view.value("line-1.loading_percent"))
    assert [(at, values.tolist()[1]) for at, values in view.history] == [(1000, 1.0), (2000, 0.98)]
    with pytest.raises(ValueError, match="not in"):
        view.value("line-2.i_ka")


def test_readings_and_switchgear():
    readings = Readings(5, {"battery_kwh": np.array([1.0, np.nan])})
    assert readings["battery_kwh"][0] == 1.0
    gear = Switchgear()
    wanted = Switching({"trafo-1": 2}, ("tie-1",), ("line-3",), 1000, None)
    gear.set(wanted)
    assert gear.pending == [wanted]
