"""Members' bills of a run: what was sent, what the ledger booked, and who was a member for how long."""

import pytest

from experiments.bills import bills
from experiments.cli import run_cli
from experiments.covers import covers
from experiments.results import open_run


@pytest.fixture(scope="module")
def month(run_of):
    """The shipped month of a community."""
    return open_run(run_of("community-month").out)


def days_of(bill):
    return bill.first.day, bill.last.day


@covers("SUC02.1/r14", "SUC02.1/r39")
def test_each_is_billed_once_for_its_own_days(month):
    found = {bill.member: bill for bill in bills(month)}
    assert len(found) == len(bills(month))
    assert len(found) >= 4
    for member, bill in found.items():
        first = 10 if member == "home-0002" else 1
        last = 20 if member == "home-0005" else 31
        assert days_of(bill) == (first, last)


def test_internal_amounts_of_all_bills_sum_to_zero_and_the_ledger_books_what_is_due(month):
    found = bills(month)
    inside = [line.cents for bill in found for line in bill.lines if line.text.startswith("Other members")]
    assert sum(inside) == 0
    ledger = month.table("ledger").to_pylist()
    for bill in found:
        paid = sum(
            round(row["eur"] * 100)
            for row in ledger
            if (row["debtor"], row["creditor"]) == (bill.member, bill.community)
        )
        got = sum(
            round(row["eur"] * 100)
            for row in ledger
            if (row["debtor"], row["creditor"]) == (bill.community, bill.member)
        )
        assert paid - got == bill.total_cents


def test_a_member_reads_its_bill(month, capsys):
    member = bills(month)[0].member
    assert run_cli(["bill", str(month.path), "--member", member]) == 0
    assert f"Bill of {member}, energy community ec-1" in capsys.readouterr().out
    assert run_cli(["bill", str(month.path), "--member", "home-9999"]) == 2
    assert "no bill of 'home-9999'" in capsys.readouterr().err
