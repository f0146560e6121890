"""Money is conserved and personal."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.ledger import Entry, EntryColumns, Ledger, balances, cents, disagreements, recompute, split

PARTIES = ["dso", "fsp", "home-1", "home-2", "retailer"]


@st.composite
def entries(draw, max_size=15):
    rows = []
    for k in range(draw(st.integers(0, max_size))):
        debtor, creditor = draw(st.permutations(PARTIES))[:2]
        amount = draw(st.integers(1, 10**12))
        rows.append(Entry(entry=f"e{k}", t_ms=k, debtor=debtor, creditor=creditor, cents=amount, purpose="p",
                          message_id=f"m{k}"))  # fmt: skip
    return rows


def entry(**changes):
    given = {"entry": "e", "t_ms": 0, "debtor": "dso", "creditor": "fsp", "cents": 5, "purpose": "p", "message_id": "m"}
    return Entry(**(given | changes))


@given(entries())
def test_balances_sum_to_zero(rows):
    assert sum(Ledger().post(EntryColumns.of(rows)).balances().values()) == 0


@given(entries(), st.sampled_from(PARTIES))
def test_a_party_finds_its_balance_in_its_own_messages(rows, party):
    ledger = Ledger().post(EntryColumns.of(rows))
    told = [e for e in rows if party in (e.debtor, e.creditor)]
    assert recompute(party, EntryColumns.of(told + told[:3])) == ledger.balances().get(party, 0)
    assert len(ledger.statement(party)) == len(told)


@given(entries(), st.integers(0, 15))
def test_posting_in_parts_or_twice_is_posting_once(rows, cut):
    whole = Ledger().post(EntryColumns.of(rows))
    parts = Ledger().post(EntryColumns.of(rows[:cut])).post(EntryColumns.of(rows[cut:])).post(EntryColumns.of(rows))
    assert parts.balances() == whole.balances()
    assert len(parts.entries) == len(whole.entries)


def test_disagreements_name_party_and_difference():
    ledger = Ledger().post(EntryColumns.of([entry()]))
    assert disagreements(ledger, {"dso": -5, "fsp": 5}) == {}
    assert disagreements(ledger, {"dso": -4, "other": 1}) == {"dso": 1, "fsp": -5, "other": 1}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"cents": 0}, "not above 0"),
        ({"creditor": "dso"}, "are the same"),
        ({"message_id": ""}, "no message"),
        ({"debtor": ""}, "not named"),
    ],
)
def test_a_senseless_entry_is_refused(bad, said):
    with pytest.raises(ValueError, match=f"(?=.*e: )(?=.*{said})"):
        Ledger().post(EntryColumns.of([entry(**bad)]))


def test_an_id_with_other_content_is_refused():
    ledger = Ledger().post(EntryColumns.of([entry()]))
    with pytest.raises(ValueError, match="other content"):
        ledger.post(EntryColumns.of([entry(cents=6)]))


@pytest.mark.parametrize(
    ("eur", "expected"),
    [(0.005, 0), (0.015, 2), (0.025, 2), (1.005, 100), (-0.015, -2), (Decimal("0.0150001"), 2), (12.34, 1234)],
)
def test_amounts_are_rounded_half_to_even(eur, expected):
    assert cents(eur) == expected


def test_no_amount_is_not_money():
    with pytest.raises(ValueError, match="nan"):
        cents(float("nan"))


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 1000), min_size=1, max_size=30).filter(any))
def test_the_parts_of_a_split_are_the_whole_and_each_is_within_a_cent(total, weights):
    parts = split(total, weights)
    exact = total * np.array(weights) / sum(weights)
    assert parts.sum() == total
    assert (np.abs(parts - exact) < 1 + 1e-6).all()


def test_the_remainder_goes_to_the_largest_fractions_then_to_the_first_rows():
    assert split(10, [1, 1, 1]).tolist() == [4, 3, 3]
    assert split(-10, [1, 1, 1]).tolist() == [-4, -3, -3]
    assert split(10, [1, 2, 4]).tolist() == [1, 3, 6]


@pytest.mark.parametrize("weights", [[0, 0], [1, -1], [float("nan")]])
def test_weights_that_divide_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="weights"):
        split(10, weights)


def test_cents_of_many_homes_do_not_lose_any():
    n = 10_000
    rows = EntryColumns(
        np.array([f"e{k}" for k in range(n)]), np.zeros(n, np.int64), np.full(n, "fsp"),
        np.array([f"home-{k}" for k in range(n)]), np.full(n, 3, np.int64), np.full(n, "flex"),
        np.array([f"m{k}" for k in range(n)]),
    )  # fmt: skip
    assert balances(rows)["fsp"] == -3 * n
    assert rows.eur.sum() == pytest.approx(0.03 * n)
