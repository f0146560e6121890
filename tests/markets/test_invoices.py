from decimal import Decimal

import pytest

from experiments.covers import covers
from markets.invoices import Invoice, InvoiceLine, entries_of, lines_of
from markets.ledger import EntryColumns, Ledger
from markets.settlement import linear_with_grace

ONE_EURO = InvoiceLine(text="x", energy_kwh=1.0, eur=Decimal("1.00"))


def invoice(lines=(ONE_EURO,), **changes):
    given = {"invoice": "i1", "settlement": "s1", "debtor": "dso", "creditor": "fsp", "issued_ms": 0, "due_ms": 9}
    return Invoice(**(given | changes), lines=tuple(lines))


def test_an_invoice_is_rounded_once_not_line_by_line():
    thirds = [InvoiceLine(text="x", energy_kwh=1.0, eur=Decimal("0.004")) for _ in range(3)]
    assert invoice(thirds).total_cents == 1


@covers("SUC06.3/r11")
def test_a_settlement_becomes_an_entry_that_cites_its_message():
    settled = linear_with_grace.settle([40.0], [20.0], 0.5, hours=0.25, grace_slope=1.0, penalty_eur_per_kwh=0.1)
    made = invoice(lines_of(settled))
    assert [line.text for line in made.lines] == ["flexibility delivered", "penalty for missing delivery"]
    assert made.total_cents == round(100 * float(settled.net_eur.sum()))
    (booked,) = entries_of(made, "message-7", 12)
    assert (booked.debtor, booked.creditor, booked.message_id) == ("dso", "fsp", "message-7")
    assert Ledger().post(EntryColumns.of([booked])).balances() == {"dso": -made.total_cents, "fsp": made.total_cents}


def test_no_penalty_makes_no_line():
    settled = linear_with_grace.settle([40.0], [40.0], 0.5, hours=0.25, penalty_eur_per_kwh=0.1)
    assert len(lines_of(settled)) == 1


def test_penalties_above_the_remuneration_turn_the_parties_around():
    settled = linear_with_grace.settle([40.0], [0.0], 0.5, hours=0.25, penalty_eur_per_kwh=0.1)
    (booked,) = entries_of(invoice(lines_of(settled)), "m", 0)
    assert (booked.debtor, booked.creditor, booked.purpose) == ("fsp", "dso", "penalty")
    assert booked.cents == 95


def test_nothing_owed_makes_no_entry():
    nothing = InvoiceLine(text="x", energy_kwh=0.0, eur=Decimal(0))
    assert entries_of(invoice([nothing]), "m", 0) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"debtor": "fsp"}, "the same"), ({"issued_ms": 10}, "before it is issued"), ({"lines": ()}, "no line")],
)
def test_senseless_invoices_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        invoice(changes.pop("lines", invoice().lines), **changes)
