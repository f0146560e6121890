"""Hours of tests: no pools in one that the network does not bear together, first come first served, none left that would do sooner."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.strategies.dynamic_lights import SIGNS, Expected
from agents.strategies.test_hours import ORDER, Calendar
from environment.grid.limits import Limits
from environment.grid.network import load_network
from environment.grid.switching import planned
from experiments.covers import covers

HOURS = 6
EVERY = np.arange(HOURS)


@pytest.fixture(scope="module")
def network():
    return load_network("two-stations")


def foreseen(network, load_kw):
    """Hours of one step each, with a load of its own in each, the same at every point."""
    p = np.zeros((HOURS, network.n_bus))
    p[:, network.loads.bus] = np.asarray(load_kw)[:, None]
    grid = planned((), 0).over(network, EVERY * 3_600_000)
    return Expected(grid, Limits(100.0, 100.0, (0.9, 1.1)), p, 0.1 * p, EVERY)


def pool(network, station, kw):
    """The same power in both directions at every point behind a station."""
    mine = [bus for bus in np.unique(network.loads.bus) if network.bus_names[bus].startswith(station)]
    at_bus = np.zeros(network.n_bus)
    at_bus[mine] = kw
    return dict.fromkeys(ORDER, at_bus)


def is_no_worse(expected, change_kw):
    base, found = expected.violations(np.zeros_like(change_kw)), expected.violations(change_kw)
    worse = (found.overload_percent > base.overload_percent + 1e-6).any(axis=1)
    worse |= (np.abs(found.voltage_pu) > np.abs(base.voltage_pu) + 1e-9).any(axis=1)
    return ~(worse | found.unsolved)


@covers("SUC08.1/r24")
@settings(max_examples=15, deadline=None)
@given(
    load=st.lists(st.floats(0.0, 14.0), min_size=HOURS, max_size=HOURS), kw=st.lists(st.floats(0.5, 40.0), min_size=1, max_size=5)
)  # fmt: skip
def test_what_is_tested_together_is_borne_together(network, load, kw):
    """In every hour and direction nothing is worse than without tests, and who is put off would not have been borne sooner."""
    expected = foreseen(network, load)
    calendar = Calendar(expected)
    for k, power in enumerate(kw):
        own = pool(network, "AB"[k % 2], power)
        before = {way: booked.copy() for way, booked in calendar.booked.items()}
        found = calendar.book(own, 0)
        for way, sign in SIGNS:
            assert is_no_worse(expected, sign * calendar.booked[way]).all()
        fits = {way: is_no_worse(expected, sign * (before[way] + own[way])) for way, sign in SIGNS}
        both = fits["up"][:-1] & fits["down"][1:]
        if both.any():
            assert found.first == np.argmax(both)
            assert set(found.share.values()) == {1.0}
        elif found is not None:  # hours for itself, and a part that is borne and could not be larger
            assert not any(before[way][found.first + k].any() for k, way in enumerate(ORDER))
            assert min(found.share.values()) < 1.0
            for (way, sign), k in zip(SIGNS, (0, 1), strict=True):
                if found.share[way] < 1.0:
                    more = np.zeros_like(expected.p_kw)
                    more[found.first + k] = sign * min(found.share[way] + 0.002, 1.0) * own[way]
                    assert not is_no_worse(expected, more)[found.first + k]


def test_two_pools_behind_one_station_that_it_does_not_bear_together_are_tested_one_after_the_other(network):
    calendar = Calendar(foreseen(network, [1.0] * HOURS))
    most = next(
        kw
        for kw in np.arange(60.0, 0.0, -1.0)
        if Calendar(foreseen(network, [1.0] * HOURS)).book(pool(network, "A", kw), 0).share["down"] == 1.0
    )
    assert [calendar.book(pool(network, "A", 0.8 * most), 0).first for _ in range(2)] == [
        0,
        1,
    ]  # one is tested downward while the other is upward
    assert calendar.book(pool(network, "B", 0.8 * most), 0).first == 0  # the other station has room
    assert calendar.book(pool(network, "A", 0.1 * most), 3).first == 3  # not before it can be told


def test_who_finds_no_hour_is_told_so(network):
    calendar = Calendar(foreseen(network, [1.0] * HOURS))
    found = [calendar.book(pool(network, "A", 60.0), 0) for _ in range(HOURS)]
    assert found[-1] is None
    assert found[0] is not None
