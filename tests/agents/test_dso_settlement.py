"""The DSO's check before it pays: every reason to dispute, and none without one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dso_settlement import GivenUp, judge
from environment.messages.settlement import RemunerationAndPenalty
from tests.environment.kernel_cases import plain

CALLED = (10.0, 3.0)
SOUND = {"ordered_kwh": 10.0, "delivered_kwh": 9.0, "remuneration_eur": 2.7, "penalty_eur": 0.2, "net_eur": 2.5}


def record(**changes):
    return plain(RemunerationAndPenalty, activation="act", **(SOUND | changes))


def test_a_sound_settlement_is_approved():
    assert judge(record(), CALLED) == ""


@pytest.mark.parametrize(
    ("changes", "called", "word"),
    [
        ({}, None, "did not call"),
        ({"ordered_kwh": 11.0}, CALLED, "ordered"),
        ({"ordered_kwh": 9.5}, CALLED, "ordered"),
        ({"delivered_kwh": 10.1}, CALLED, "more is credited"),
        ({"remuneration_eur": 3.2, "net_eur": 3.0}, CALLED, "full delivery costs"),
        ({"net_eur": 2.6}, CALLED, "not remuneration minus penalty"),
    ],
)
def test_each_reason_to_dispute(changes, called, word):
    assert word in judge(record(**changes), called)


@pytest.mark.parametrize("reached", [True, False])
def test_nothing_is_paid_for_a_call_that_was_given_up(reached):
    assert "too late" in judge(record(), CALLED, GivenUp("too late", reached))


def test_a_penalty_is_due_where_the_notice_had_been_passed_on():
    """Who sold and did not follow owes what the contract says; who could not know of the call does not."""
    owed = record(delivered_kwh=0.0, remuneration_eur=0.0, penalty_eur=1.0, net_eur=-1.0)
    assert judge(owed, CALLED, GivenUp("the FSP refused", reached=True)) == ""
    assert "not acknowledged" in judge(owed, CALLED, GivenUp("not acknowledged", reached=False))


@given(share=st.floats(0.0, 1.0), penalty=st.integers(0, 500), ordered=st.floats(0.1, 1e4), price=st.floats(0.01, 5.0))
def test_what_the_rule_can_come_to_is_never_disputed(share, penalty, ordered, price):
    """At most the order at its price, net in whole cents."""
    paid = round(ordered * share * price * 100)
    sound = {"ordered_kwh": ordered, "delivered_kwh": ordered * share, "remuneration_eur": paid / 100,
             "penalty_eur": penalty / 100, "net_eur": (paid - penalty) / 100}  # fmt: skip
    assert judge(record(**sound), (ordered, ordered * price)) == ""


def test_more_than_the_availability_of_what_was_never_called_is_disputed():
    held = {"ordered_kwh": 0.0, "delivered_kwh": 0.0, "penalty_eur": 0.0}
    assert judge(record(**held, remuneration_eur=1.2, net_eur=1.2), (0.0, 1.2)) == ""
    assert "not 1.30" in judge(record(**held, remuneration_eur=1.3, net_eur=1.3), (0.0, 1.2))
