"""Taking a plan is a decision from preferences: what it saves against what moving energy and being switched are worth (SUC13.1 step 5.8)."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.household_people import MOVED_HOURS_PER_YEAR, decide
from experiments.covers import covers

SMALL, LARGE = (37.5, 0.25, 1.5), (150.0, 0.75, 6.0)
"""A tank alone, and a tank with car and heat pump: promised saving of a year, effort, controllable power."""
eur = st.floats(0.0, 400.0)


@covers("SUC13.1/r04")
def test_who_saves_more_than_it_wants_takes_the_plan_and_says_why():
    found = decide(*LARGE, reservation_eur_per_kwh=0.04, control_eur=22.0)
    assert found.accepted
    assert found.moving_eur == 0.75 * 6.0 * MOVED_HOURS_PER_YEAR * 0.04
    assert found.reason == "saves 150 EUR a year and wants 67"


@covers("SUC13.1/r04")
def test_who_wants_more_than_it_saves_declines_for_the_larger_reason():
    switched = decide(*SMALL, reservation_eur_per_kwh=0.04, control_eur=60.0)
    moved = decide(*LARGE, reservation_eur_per_kwh=0.12, control_eur=20.0)
    assert not switched.accepted
    assert switched.reason.endswith("others switching its devices")
    assert not moved.accepted
    assert moved.reason.endswith("the energy that is moved")


@given(eur, st.floats(0.0, 1.0), st.floats(0.0, 20.0), st.floats(0.0, 0.5), eur, st.floats(0.1, 50.0))
def test_who_wants_more_never_takes_what_it_declined(saving, effort, kw, reservation, control, more):
    if not decide(saving, effort, kw, reservation, control).accepted:
        assert not decide(saving, effort, kw, reservation, control + more).accepted
        assert not decide(max(saving - more, 0.0), effort, kw, reservation, control).accepted


def test_among_homes_some_decline_and_most_of_those_with_little_to_control_do_not():
    """Of a log-normal spread (``pilot.admission``) both answers come, more refusals where less is saved."""
    wanted = 22.0 * np.exp(0.9 * np.random.default_rng(3).standard_normal(2000))
    small, large = (np.mean([decide(*one, 0.04, eur).accepted for eur in wanted.tolist()]) for one in (SMALL, LARGE))
    assert 0.5 < small < large < 1.0
