"""The file of coefficients: sums to 1 after rounding, comes back as it was written, and names what is wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.allocation.filing import WHOLE, read, rounded, written

weights = st.lists(st.lists(st.floats(0.001, 1e3), min_size=3, max_size=3), min_size=1, max_size=9)


@given(table=weights)
def test_coefficients_sum_to_one_in_every_hour_and_come_back(table):
    found = rounded(np.array(table))
    assert (found.sum(axis=0) == WHOLE).all()
    exact = np.array(table) / np.sum(table, axis=0) * WHOLE
    assert np.abs(found - exact).max() < 1.0
    meters = [f"meter-{k}" for k in range(len(table))]
    back = read(written(dict(zip(meters, found, strict=True))))
    np.testing.assert_array_equal([back[meter] for meter in meters], found)


def test_three_equal_shares_by_hand():
    found = rounded([1.0, 1.0, 1.0])
    assert found.tolist() == [333_334, 333_333, 333_333]
    assert written({"a": found[0], "b": found[1], "c": found[2]}) == "a;0,333334\nb;0,333333\nc;0,333333\n"


def test_what_is_wrong_is_told():
    with pytest.raises(ValueError, match="hour 1: the coefficients sum to 0,900000, not to 1"):
        read("a;0,5\nb;0,4\n")
    with pytest.raises(ValueError) as told:
        read("a;1;0,5\na;1;0,5\nb;2;0,5\nc;0.5\n")
    text = str(told.value)
    assert "line 2: hour 1 of a was given before" in text
    assert "line 4: 'c;0.5' is none" in text
    assert "a: hour 2 is missing" in text
    assert "b: hour 1 is missing" in text
