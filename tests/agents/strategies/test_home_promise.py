"""What may be promised of flexibility: surely there, and seen against the reference that it is measured by."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agents.strategies.home_promise import LONGEST_STEPS, firm_kw, promised_kw, references_kw, to_order_kw
from experiments.covers import covers

SHAPE = (5, 6)
POWER = arrays(np.float64, SHAPE, elements=st.floats(0.0, 8.0))
NET = arrays(np.float64, SHAPE, elements=st.floats(-8.0, 8.0))
THERE = arrays(np.bool_, SHAPE)


@covers("SUC13.1/r33", "SUC13.1/r35")
@given(NET, POWER, POWER, NET)
def test_what_is_promised_is_seen_when_it_is_ordered(net, up, part, reference):
    promised = promised_kw(net, up, np.minimum(part, up), reference)
    order = to_order_kw(promised, net, up, reference)
    assert ((promised >= 0.0) & (promised <= np.minimum(part, up) + 1e-12)).all()
    assert (order <= up + 1e-12).all()
    sold = promised > 0.0
    assert (reference - (net - order) >= promised - 1e-9)[sold].all()


@covers("SUC13.1/r21")
@given(POWER, POWER, POWER, POWER, POWER, THERE)
def test_nothing_rests_on_a_car_that_may_be_away_or_a_sun_that_may_not_shine(up, car, others, pv, least, there):
    firm = firm_kw(up, car, there, others, pv, least)
    assert ((firm >= 0.0) & (firm <= up)).all()
    np.testing.assert_array_equal(firm[~there & (up <= car)], 0.0)
    surely = firm_kw(up, car, np.ones(SHAPE, bool), others, pv, pv)
    np.testing.assert_allclose(surely, up)
    dark = firm_kw(up, np.zeros(SHAPE), there, others, pv, np.zeros(SHAPE))
    np.testing.assert_allclose(dark, np.maximum(up - np.minimum(others, pv), 0.0))


def test_charging_that_has_not_begun_is_no_reduction():
    """A plan that begins to charge with the window: left out, no meter sees it, so nothing is promised of it."""
    net = np.array([[0.5, 0.5, 0.5, 7.5, 7.5, 7.5]])
    reference = references_kw(net, 3, 2)
    np.testing.assert_allclose(reference, [[0.5, 0.5]])
    up = np.full((1, 2), 7.0)
    np.testing.assert_allclose(promised_kw(net[:, 3:5], up, up, reference), 0.0)


def test_charging_under_way_is_promised():
    net = np.array([[7.5, 7.5, 7.5, 7.5, 7.5, 7.5]])
    up = np.full((1, 2), 7.0)
    np.testing.assert_allclose(promised_kw(net[:, 3:5], up, up, references_kw(net, 3, 2)), 7.0)


@given(arrays(np.float64, (3, 16), elements=st.floats(-8.0, 8.0)), st.integers(0, 8), st.integers(1, 8))
def test_a_reference_is_the_least_over_all_calls_that_hold_the_step(net, first, steps):
    """By definition: a call begins in the window, at most an hour before the step, and the two quarters before it are measured."""
    found = references_kw(net, first, steps)
    for place in range(steps):
        begins = range(first + max(place - LONGEST_STEPS + 1, 0), first + place + 1)
        each = [net[:, max(begin - 2, 0) : max(begin, 1)].mean(axis=1) for begin in begins]
        np.testing.assert_allclose(found[:, place], np.min(each, axis=0), atol=1e-12)
    alone = np.concatenate([references_kw(net[[row]], first, steps) for row in range(len(net))])
    np.testing.assert_array_equal(found, alone)
