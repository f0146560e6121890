import numpy as np
import pytest
from hypothesis import given

from experiments.covers import covers
from markets.bids import Bid, BidColumns, NeedColumns, Sensitivities, names, positions
from tests.markets.market_cases import bid_rows


@covers("SUC06.1/r18")
@given(bid_rows(divisible=False))
def test_columns_hold_what_single_bids_say(rows):
    columns = BidColumns.of(rows)
    assert [columns.row(k) for k in range(len(columns))] == rows


@given(bid_rows(), bid_rows())
def test_joining_keeps_every_row(first, second):
    joined = BidColumns.of(first).join(BidColumns.of(second))
    assert [joined.row(k) for k in range(len(joined))] == first + second


@given(bid_rows())
def test_precedence_is_by_receipt_then_id(rows):
    ordered = [rows[k] for k in BidColumns.of(rows).precedence()]
    assert ordered == sorted(rows, key=lambda b: (b.received_ms, b.bid))


def test_an_indivisible_bid_is_taken_whole_or_not():
    columns = BidColumns.of([])
    assert columns.least_kw.shape == (0,)
    row = dict.fromkeys(("bid", "fsp", "area"), "x") | {"direction": "up", "t_ms": 0, "received_ms": 0}
    rows = [Bid(**row, quantity_kw=4, price_eur_per_kwh=1, divisible=d, min_acceptance_kw=1) for d in (True, False)]
    assert BidColumns.of(rows).least_kw.tolist() == [1, 4]


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"columns differ in length.*'t_ms': 2"):
        NeedColumns(names(["a"]), np.ones(1, bool), np.zeros(2, np.int64), np.ones(1))


def test_sensitivities_are_read_by_name():
    network = Sensitivities(("c1", "c2"), ("a", "b"), np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert network.between(["c2"], ["b", "a", "b"]).tolist() == [[4, 3, 4]]


@pytest.mark.parametrize("table", [np.ones((2, 1)), np.array([[1.0, np.nan]])])
def test_sensitivities_of_wrong_shape_or_with_gaps_are_refused(table):
    with pytest.raises(ValueError, match="sensitivities"):
        Sensitivities(("c",), ("a", "b"), table)


def test_unknown_names_are_listed_with_what_exists():
    with pytest.raises(ValueError, match=r"unknown area: x, y; known: a, b"):
        positions(["y", "a", "x"], ["b", "a"], "area")
