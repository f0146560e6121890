"""Names of copies."""

from hypothesis import given
from hypothesis import strategies as st

from data.copies import copy_of, marked, original

NAMES = st.text("abcopy-/0123", min_size=1, max_size=12)
COPIES = st.integers(1, 1000)


@given(NAMES, COPIES)
def test_a_mark_can_be_read_and_taken_off(name, copy):
    assert copy_of(marked(copy, name)) == copy
    assert original(marked(copy, name)) == name
    assert marked(1, name) == name


@given(NAMES, NAMES, COPIES)
def test_names_are_in_the_same_order_in_every_copy(one, other, copy):
    assert (marked(copy, one) < marked(copy, other)) == (one < other)


def test_marks_are_taken_off_anywhere_in_a_text():
    assert original("SUC06.2/1:copy-12:dso-1:copy-12:dso-1/day") == "SUC06.2/1:dso-1:dso-1/day"
    assert original("copy-cat:dso-1") == "copy-cat:dso-1"
