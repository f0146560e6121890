"""What a baseline by method may look at: eligible days, and readings around one event of all calls of a day."""

import numpy as np
import pytest

from experiments.covers import covers
from markets.baselines.declared import freeze, verify
from markets.baselines.method import Method, MethodEvent, hashed

DAY, HOUR, STEP = 86_400_000, 3_600_000, 900_000
LIKE = {f"day-{k}": (k - 5) * DAY for k in range(5)}
OPENS = 16 * HOUR


def method(days=3):
    return Method(rule="x-of-y", parameters=("x=2",), days=days, like={0: LIKE, DAY: LIKE | {"day-5": 0}})


def test_the_last_days_of_the_type_count():
    assert method().eligible(OPENS, HOUR, []) == ("day-2", "day-3", "day-4")
    assert method().eligible(DAY + OPENS, HOUR, []) == ("day-3", "day-4", "day-5")
    assert method(days=0).eligible(OPENS, HOUR, []) == ()


@covers("SUC06.3/r02")
def test_a_day_on_which_the_portfolio_was_called_does_not_lower_the_next_baseline():
    called = [OPENS + STEP]
    assert method().eligible(DAY + OPENS, HOUR, called) == ("day-2", "day-3", "day-4")
    assert method().eligible(DAY + OPENS, HOUR, [OPENS - STEP]) == ("day-3", "day-4", "day-5"), (
        "a call outside the window"
    )


@covers("SUC06.3/r02")
@pytest.mark.parametrize(
    "terms",
    [("x-of-y", ("x=1",), ("day-1",)), ("x-of-y", ("x=2",), ("day-2",)), ("meter-before", ("x=2",), ("day-1",))],
)
def test_any_change_of_method_parameter_or_day_shows(terms):
    t_ms, kw = np.array([0, STEP]), np.zeros(2)
    first = freeze("b", "f", "a", t_ms, kw, 0, hashed("x-of-y", ("x=2",), ("day-1",)))
    assert verify(first)
    assert freeze("b", "f", "a", t_ms, kw, 0, hashed(*terms)).sha256 != first.sha256


def test_a_declared_schedule_has_the_hash_that_it_always_had():
    t_ms, kw = np.array([0, STEP]), np.zeros(2)
    assert (
        freeze("b", "f", "a", t_ms, kw, 0, hashed("declared-schedule", (), ())).sha256
        == freeze("b", "f", "a", t_ms, kw, 0).sha256
    )


def event(notice_ms=OPENS - 20 * 60_000, before=2):
    return MethodEvent(
        window_ms=OPENS, from_ms=OPENS + STEP, to_ms=OPENS + 3 * STEP, notice_ms=notice_ms, step_ms=STEP, before=before,
        days_ms=[OPENS - DAY],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("notice_ms", "ended"),
    [
        (OPENS - 20 * 60_000, OPENS - 2 * STEP),
        (OPENS - 2 * STEP, OPENS - 2 * STEP),
        (OPENS - 1, OPENS - STEP),
        (DAY, OPENS + STEP),
    ],
)
def test_only_intervals_that_had_ended_at_the_notice_count(notice_ms, ended):
    assert event(notice_ms).notice == ended


def test_the_same_hours_are_read_of_each_day():
    first, last = event().span
    assert (first, last) == (OPENS - 4 * STEP, OPENS + 4 * STEP)
    assert event().spans == [(first, last), (first - DAY, last - DAY)]


def test_the_occasion_is_the_event_among_its_readings_and_a_day_with_gaps_is_none():
    first = event().span[0]
    seen = event().occasion({first: np.arange(8.0)})
    assert (seen.first, seen.stop, seen.notice) == (5, 7, 2)
    assert seen.metered_kw.tolist() == list(range(8))
    assert np.isnan(seen.days_kw).all()
    assert event().at(np.array([3.0, 4.0]), np.array([OPENS + 2 * STEP])).tolist() == [4.0]
