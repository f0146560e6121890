"""Capabilities of perimeters: within what there is, nothing made worse, nothing left that could be raised, nothing where nobody is supplied."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.strategies.dynamic_lights import HALVINGS, Capabilities, Expected, halved, local_use_kw
from environment.grid.limits import Limits
from environment.grid.network import load_network
from environment.grid.switching import Planned, planned
from experiments.covers import covers

HOURS = 3
EVERY = np.arange(HOURS)


@pytest.fixture(scope="module")
def network():
    return load_network("two-stations")


USUAL = Limits(100.0, 100.0, (0.9, 1.1))


def day(network, load_kw, outages=(), limits=USUAL):
    """Three hours of one step each, the same load at every point."""
    p = np.zeros((HOURS, network.n_bus))
    for bus in network.loads.bus:
        p[:, bus] += load_kw
    grid = planned(outages, 0).over(network, EVERY * 3_600_000)
    return Expected(grid, limits, p, 0.1 * p, EVERY)


def offers(network, kw):
    """Two perimeters: the points behind each station, the same power at each of their buses."""
    at_bus = np.zeros((2, network.n_bus))
    for bus in np.unique(network.loads.bus):
        at_bus[int(network.bus_names[bus].startswith("B")), bus] = kw
    return at_bus


def is_no_worse(expected, change):
    base, found = expected.violations(np.zeros_like(change)), expected.violations(change)
    worse = (found.overload_percent > base.overload_percent + 1e-6).any(axis=1)
    worse |= (np.abs(found.voltage_pu) > np.abs(base.voltage_pu) + 1e-9).any(axis=1)
    return ~(worse | found.unsolved)


def change_of(at_bus, kw, sign):
    whole = at_bus.sum(axis=1)
    share = np.divide(kw, whole[:, None], out=np.zeros_like(kw), where=whole[:, None] > 0)
    return sign * (share.T @ at_bus)


@covers("SUC10.2/r02", "SUC10.2/r15", "SUC10.2/r16", "SUC08.3/r14")
@settings(max_examples=15, deadline=None)
@given(load=st.floats(0.0, 14.0), kw=st.floats(0.0, 40.0), sign=st.sampled_from([-1.0, 1.0]))
def test_what_is_told_is_borne_and_no_more_is_left(network, load, kw, sign):
    expected, at_bus = day(network, load), offers(network, kw)
    found = Capabilities(expected, at_bus, sign, HOURS).largest_kw()
    whole = at_bus.sum(axis=1)
    assert (found >= 0.0).all()
    assert (found <= whole[:, None]).all()
    assert is_no_worse(expected, change_of(at_bus, found, sign)).all()
    for perimeter in range(2):
        more = found.copy()
        more[perimeter] += 0.03 * whole[perimeter] + 0.02  # a part is kept
        if (found[perimeter] < 0.96 * whole[perimeter]).all():
            assert not is_no_worse(expected, change_of(at_bus, more, sign)).any()


def test_hours_that_nobody_wants_to_know_of_are_not_limited_and_change_no_other(network):
    expected, at_bus = day(network, 2.0), offers(network, 20.0)
    whole = Capabilities(expected, at_bus, 1.0, HOURS).largest_kw()
    part = Capabilities(expected, at_bus, 1.0, HOURS).largest_kw(np.array([False, True, True]))
    assert np.array_equal(part[:, 1:], whole[:, 1:])
    assert (whole[:, 0] < part[:, 0]).any()
    assert (part[:, 0] == at_bus.sum(axis=1)).all()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), load=st.floats(1.0, 10.0), kw=st.floats(1.0, 40.0), sign=st.sampled_from([-1.0, 1.0]))
def test_what_is_found_on_the_tightest_steps_holds_in_all_and_is_what_looking_at_all_finds(
    network, seed, load, kw, sign
):
    """Hours of four steps, each with loads of its own."""
    shares = np.random.default_rng(seed).uniform(0.2, 1.0, (4 * HOURS, network.n_bus))
    steps = np.arange(4 * HOURS)
    p = np.repeat(day(network, load).p_kw, 4, axis=0) * shares
    expected = Expected(planned([], 0).over(network, steps * 900_000), USUAL, p, 0.1 * p, steps // 4)
    every, few = (Capabilities(expected, offers(network, kw), sign, HOURS) for _ in range(2))
    every._watched[:] = True
    every._watch = lambda parts, hours: (
        hours & ~every._bearable(parts, hours) if (parts == 1.0).all() else hours & False
    )
    found, whole = few.largest_kw(), offers(network, kw).sum(axis=1)[:, None]
    assert (np.abs(found - every.largest_kw()) <= 0.03 * whole + 0.02).all()  # who is raised at last may be another
    assert is_no_worse(expected, change_of(offers(network, kw), found, sign)[expected.hour]).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 0.3))
def test_halving_finds_what_trying_every_middle_finds(seed, bend):
    """Elements that move nearly in a straight line, some of them not at all; hours in which all is borne, or nothing more than there was."""
    hours, elements = 6, 5
    rng = np.random.default_rng(seed)
    start, slope = -rng.exponential(1.0, (hours, elements)), rng.exponential(2.0, (hours, elements))
    start[0], slope[1], start[2, 0], slope[2, 0] = -1e-9, 0.0, -1e-6, 50.0
    low, searched, tried = rng.uniform(0.0, 0.9, hours), np.arange(hours) != hours - 1, np.zeros(hours)

    def excess(part, where):
        tried[where] += 1
        moved = np.where(where, part, low) - low
        found = start + (slope * (moved + bend * moved**2).reshape(-1, 1))
        return np.where(where[:, None], found, -np.inf)

    found = halved(excess, low, np.ones(hours), searched)
    assert tried[-1] == 0
    assert tried.sum() <= (hours - 1) * HALVINGS * 0.75
    below, above, middle = low.copy(), np.ones(hours), np.ones(hours)
    for _ in range(HALVINGS + 1):
        good = searched & (excess(middle, searched) <= 0.0).all(axis=1)
        below, above = np.where(good, middle, below), np.where(good, above, middle)
        middle = (below + above) / 2.0
    assert np.array_equal(found, below)


def test_who_is_at_no_bottleneck_keeps_all_of_it(network):
    """Station A's homes overload their own station; those of B, behind the same cable, are far from any limit."""
    at_bus = offers(network, 40.0)
    at_bus[1] *= 0.01
    found = Capabilities(day(network, 2.0), at_bus, 1.0, HOURS).largest_kw()
    assert (found[0] < 0.9 * at_bus[0].sum()).all()
    assert (found[1] == at_bus[1].sum()).all()


def test_who_meets_at_a_bottleneck_is_cut_alike(network):
    """Two perimeters with the same power at the same buses."""
    one = offers(network, 20.0)[0]
    found = Capabilities(day(network, 2.0), np.array([one, one]), 1.0, HOURS).largest_kw()
    assert (found < 0.9 * one.sum()).all()
    assert found[0] == pytest.approx(found[1], rel=0.03)


@covers("SUC10.2/r13", "SUC08.3/r07")
def test_an_outage_limits_its_hours_alone(network):
    """With the cable out, station A feeds both: by day the rest is as it was."""
    out = Planned(3_600_000, 7_200_000, ("MV cable 2", "Transformer B"), ("Tie A2-B1", "Tie A3-B2"))
    at_bus = offers(network, 6.0)
    free = Capabilities(day(network, 3.5), at_bus, 1.0, HOURS).largest_kw()
    hit = Capabilities(day(network, 3.5, [out]), at_bus, 1.0, HOURS).largest_kw()
    assert np.array_equal(hit[:, [0, 2]], free[:, [0, 2]])
    assert (hit[:, 1] < free[:, 1]).all()


@covers("SUC10.2/r03")
def test_who_is_not_supplied_moves_nothing(network):
    out = Planned(3_600_000, 7_200_000, ("MV cable 2", "Transformer B"))
    found = Capabilities(day(network, 1.0, [out]), offers(network, 1.0), -1.0, HOURS).largest_kw()
    assert found[1, 1] == 0.0
    assert (found[1, [0, 2]] > 0.0).all()
    assert (found[0] > 0.0).all()


def test_where_a_limit_is_violated_already_what_helps_is_not_limited(network):
    expected, at_bus = day(network, 14.0), offers(network, 2.0)
    assert expected.violations(np.zeros_like(expected.p_kw)).steps.all()
    assert np.array_equal(
        Capabilities(expected, at_bus, -1.0, HOURS).largest_kw(), np.full((2, HOURS), 1.0) * at_bus.sum(axis=1)[:, None]
    )
    assert (Capabilities(expected, at_bus, 1.0, HOURS).largest_kw() == 0.0).all()


def test_stronger_limits_never_tighten(network):
    at_bus = offers(network, 20.0)
    usual = Capabilities(day(network, 3.0), at_bus, 1.0, HOURS).largest_kw()
    wider = Capabilities(day(network, 3.0, limits=Limits(130.0, 130.0, (0.88, 1.12))), at_bus, 1.0, HOURS).largest_kw()
    assert (wider.sum(axis=0) >= usual.sum(axis=0) - 0.5).all()


@covers("SUC08.3/r07")
@settings(max_examples=10, deadline=None)
@given(load=st.floats(4.0, 9.0), kw=st.floats(1.0, 12.0))
def test_what_the_operator_uses_itself_is_the_least_that_mends(network, load, kw):
    expected, own = day(network, load), {"up": offers(network, kw), "down": offers(network, kw)}
    used = local_use_kw(expected, own, HOURS)
    bad = expected.violations(np.zeros_like(expected.p_kw)).steps
    assert (used["up"][:, ~bad] == 0.0).all()
    assert (used["down"] == 0.0).all()
    mended = ~expected.with_use(used, own).violations(np.zeros_like(expected.p_kw)).steps
    whole = own["up"].sum(axis=1)[:, None]
    assert (mended | (used["up"] == whole).all(axis=0)).all()
    less = {"up": used["up"] - 0.01 * whole * (used["up"] > 0), "down": used["down"]}
    part = bad & (used["up"] < whole).all(axis=0)
    assert expected.with_use(less, own).violations(np.zeros_like(expected.p_kw)).steps[part].all()


def test_nobody_uses_anything_where_no_limit_is_violated(network):
    own = {name: offers(network, 5.0) for name in ("up", "down")}
    assert not any(kw.any() for kw in local_use_kw(day(network, 1.0), own, HOURS).values())
