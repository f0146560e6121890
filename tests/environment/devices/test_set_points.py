"""Set-points: orders lie over each other, and taking one away shows what was below."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.calendar import Timeline
from environment.devices.set_points import Priority, SetPoints

TIMELINE = Timeline(0, 900_000, 12)
ORDERING = [Priority.MARKET, Priority.MANUAL, Priority.SAFETY]


def _points(n=4):
    return SetPoints(n, TIMELINE)


def test_nothing_written_means_own_control():
    assert np.isnan(_points().effective(3)).all()


def test_a_schedule_holds_in_its_steps_only():
    points = _points()
    points.schedule([0, 2], 5, [[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(points.effective(5), [1.0, np.nan, 3.0, np.nan])
    np.testing.assert_array_equal(points.effective(6), [2.0, np.nan, 4.0, np.nan])
    assert np.isnan(points.effective(7)).all()
    assert np.isnan(points.effective(4)).all()


def test_a_schedule_written_again_replaces_what_was_read():
    points = _points()
    points.schedule([0], 5, [[1.0]])
    points.effective(5)
    points.schedule([0], 5, [[np.nan]])
    assert np.isnan(points.effective(5)).all()


@pytest.mark.parametrize("rows", [[1, 3], np.array([False, True, False, True]), slice(1, None, 2)])
def test_rows_are_numbers_a_mask_or_a_slice(rows):
    points = _points()
    points.schedule(rows, 0, [1.0, 2.0])
    np.testing.assert_array_equal(points.effective(0), [np.nan, 1.0, np.nan, 2.0])


def test_one_profile_for_all_rows_and_one_number_for_one_step():
    points = _points()
    points.schedule(slice(None), 0, [[1.0, 2.0]])
    points.place("a", Priority.MARKET, [0], 1, 9.0)
    np.testing.assert_array_equal(points.effective(1), [9.0, 2.0, 2.0, 2.0])


@pytest.mark.parametrize("first", range(3))
def test_a_higher_priority_shows_whatever_came_first(first):
    points = _points(1)
    ranked = [("market", Priority.MARKET, 1.0), ("hand", Priority.MANUAL, 2.0), ("safety", Priority.SAFETY, 3.0)]
    for name, priority, kw in ranked[first:] + ranked[:first]:
        points.place(name, priority, [0], 0, kw)
    assert points.effective(0)[0] == 3.0
    points.revoke("safety")
    assert points.effective(0)[0] == 2.0
    points.revoke("hand")
    assert points.effective(0)[0] == 1.0


def test_of_equal_priorities_the_later_shows_and_revoking_it_reveals_the_earlier():
    points = _points(2)
    points.schedule([0, 1], 0, [[5.0], [5.0]])
    points.place("one", Priority.MARKET, [0, 1], 0, [1.0, 1.0])
    points.place("two", Priority.MARKET, [0], 0, [2.0])
    np.testing.assert_array_equal(points.effective(0), [2.0, 1.0])
    points.revoke("two")
    np.testing.assert_array_equal(points.effective(0), [1.0, 1.0])
    points.revoke("one", [1])
    np.testing.assert_array_equal(points.effective(0), [1.0, 5.0])


def test_a_hole_in_an_order_shows_what_is_below():
    points = _points(2)
    points.place("low", Priority.MARKET, [0, 1], 0, [[1.0, 1.0], [1.0, 1.0]])
    points.place("high", Priority.MARKET, [0, 1], 0, [[np.nan, 2.0], [2.0, np.nan]])
    np.testing.assert_array_equal(points.effective(0), [1.0, 2.0])
    np.testing.assert_array_equal(points.effective(1), [2.0, 1.0])


def test_a_manual_row_obeys_its_people_and_safety_only():
    points = _points(2)
    points.schedule([0, 1], 0, [[5.0], [5.0]])
    points.place("market", Priority.MARKET, [0, 1], 0, [1.0, 1.0])
    points.set_mode([0], False)
    np.testing.assert_array_equal(points.effective(0), [np.nan, 1.0])
    points.place("later", Priority.MARKET, [0, 1], 0, [1.5, 1.5])
    np.testing.assert_array_equal(points.effective(0), [np.nan, 1.5])
    points.place("hand", Priority.MANUAL, [0], 0, [2.0])
    assert points.effective(0)[0] == 2.0
    points.place("trip", Priority.SAFETY, [0], 0, [0.0])
    assert points.effective(0)[0] == 0.0
    points.revoke("trip")
    points.revoke("hand")
    points.set_mode([0], True)
    np.testing.assert_array_equal(points.effective(0), [1.5, 1.5])
    assert points.automatic.all()


def test_history_keeps_what_was_revoked():
    points = _points()
    points.place("a", Priority.MARKET, [0, 1], 0, [1.0, 2.0])
    points.revoke("a", [1])
    (order,) = points.orders
    assert order.name == "a"
    assert order.revoked.tolist() == [False, True]
    assert order.kw.tolist() == [[1.0], [2.0]]


def test_parts_under_one_name_are_revoked_together():
    points = _points(3)
    points.place("a", Priority.MARKET, [0], 0, [1.0])
    points.place("a", Priority.MARKET, [2], 0, [1.0])
    points.revoke("a")
    assert np.isnan(points.effective(0)).all()


def test_what_a_caller_keeps_cannot_change_what_was_written():
    points = _points(1)
    kw = np.array([[1.0]])
    points.place("a", Priority.MARKET, [0], 0, kw)
    kw[:] = 7.0
    assert points.effective(0)[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        points.effective(0)[0] = 3.0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda p: p.schedule([0, 1], 0, [[1.0], [2.0], [3.0]]), r"shape \(3, 1\) .* 2 rows"),
        (lambda p: p.schedule([4], 0, 1.0), "rows 0 to 3"),
        (lambda p: p.schedule([-1], 0, 1.0), "rows -1"),
        (lambda p: p.place("a", Priority.MARKET, [0], -1, 1.0), "from step -1"),
        (lambda p: p.place("a", Priority.SCHEDULE, [0], 0, 1.0), "schedule()"),
    ],
)
def test_what_does_not_fit_is_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call(_points())


def test_revoking_what_was_never_placed_is_refused():
    points = _points()
    points.place("known", Priority.MARKET, [0], 0, 1.0)
    with pytest.raises(KeyError, match="known"):
        points.revoke("unknown")


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["schedule", "place", "place", "place", "revoke", "mode", "look"]),
        st.sets(st.integers(0, 4), min_size=1),
        st.integers(0, 5),
        st.integers(1, 4),
        st.sampled_from(ORDERING),
        st.integers(0, 3),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(actions=ACTIONS)
def test_any_history_shows_what_a_plain_reading_of_the_rules_shows(actions):
    """Against a list of sheets read from the top, row by row; looking in between (which fills caches) changes nothing."""
    points = _points(5)
    schedule, sheets, automatic = {}, [], dict.fromkeys(range(5), True)
    for number, (action, rows, start, length, priority, name) in enumerate(actions):
        chosen = sorted(rows)
        kw = np.where((np.arange(len(chosen) * length) + number) % 5 == 0, np.nan, number + 1.0)
        kw = kw.reshape(len(chosen), length)
        cells = {(r, start + j): kw[i, j] for i, r in enumerate(chosen) for j in range(length)}
        if action == "schedule":
            points.schedule(chosen, start, kw)
            schedule |= cells
        elif action == "place":
            points.place(str(name), priority, chosen, start, kw)
            sheets.append([str(name), priority, number, cells])
        elif action == "revoke" and any(sheet[0] == str(name) for sheet in sheets):
            points.revoke(str(name), chosen)
            for sheet in sheets:
                if sheet[0] == str(name):
                    sheet[3] = {cell: v for cell, v in sheet[3].items() if cell[0] not in rows}
        elif action == "mode":
            points.set_mode(chosen, bool(number % 2))
            automatic |= dict.fromkeys(chosen, bool(number % 2))
        points.effective(start)
    for step in range(10):
        expected = [_read(row, step, schedule, sheets, automatic) for row in range(5)]
        np.testing.assert_array_equal(points.effective(step), expected)


def _read(row, step, schedule, sheets, automatic):
    for _, priority, _, cells in sorted(sheets, key=lambda sheet: (sheet[1], sheet[2]), reverse=True):
        if not np.isnan(cells.get((row, step), np.nan)) and (automatic[row] or priority >= Priority.MANUAL):
            return cells[row, step]
    return schedule.get((row, step), np.nan) if automatic[row] else np.nan
