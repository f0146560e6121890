"""Piles of orders: what shows depends on ranks, not on the order in which they came."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from environment.devices.sheets import NOTHING, Pile, Shown

SHEETS = st.permutations([(1, [0, 1, 2], [1.0, 1.0, 1.0]), (5, [1, 2], [5.0, np.nan]), (9, [2], [9.0])])


def _shown():
    return Shown(0, np.array([0.5, np.nan, np.nan, 0.5]))


def _pile(sheets):
    pile = Pile()
    for rank, rows, kw in sheets:
        pile.add(np.array(rows), np.array(kw), rank)
    return pile


@given(sheets=SHEETS)
def test_the_highest_rank_shows_whatever_came_first(sheets):
    shown = _shown()
    _pile(sheets).lay(shown, np.ones(4, np.bool_), 9)
    assert shown.values.tolist() == [1.0, 5.0, 9.0, 0.5]
    assert shown.ranks.tolist() == [1, 5, 9, NOTHING]


@given(sheets=SHEETS)
def test_laying_one_after_another_is_laying_the_pile(sheets):
    shown = _shown()
    for rank, rows, kw in sheets:
        shown.overlay(np.array(rows), np.array(kw), rank, np.ones(len(rows), np.bool_))
    assert shown.values.tolist() == [1.0, 5.0, 9.0, 0.5]


@given(sheets=SHEETS)
def test_holes_show_what_is_below(sheets):
    pile, shown = _pile(sheets), _shown()
    pile.punch(9, np.array([2]))
    pile.punch(1, np.array([0]))
    pile.lay(shown, np.ones(4, np.bool_), 9)
    assert shown.values.tolist() == [0.5, 5.0, 1.0, 0.5]


def test_rows_that_do_not_obey_show_only_what_is_always_obeyed():
    shown = _shown()
    _pile([(1, [0, 1, 2], [1.0, 1.0, 1.0]), (9, [2], [9.0])]).lay(shown, np.zeros(4, np.bool_), 9)
    np.testing.assert_array_equal(shown.values, [0.5, np.nan, 9.0, 0.5])
