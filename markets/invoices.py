"""Invoices: the closing action of a settlement (SUC06.3), and the entry that one makes in the ledger.

Lines are exact decimal amounts; an invoice is rounded once, its total to whole cents half to even. A negative total
(penalties above the remuneration) turns debtor and creditor around; a total of zero makes no entry.
"""

from decimal import Decimal

import msgspec

from markets.ledger import Entry, cents
from markets.settlement.outcome import Settlement


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what for, how much energy, and the amount (negative: in favour of the debtor)."""

    text: str
    energy_kwh: float
    eur: Decimal


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """A claim of the creditor on the debtor.

    Attributes:
        invoice: id.
        settlement: what it rests on.
        debtor: who pays if the total is positive.
        creditor: who is paid if the total is positive.
        issued_ms: when it was written.
        due_ms: when it must be paid.
        lines: what it is made of.

    Raises:
        ValueError: it has no line, the parties are one, or it is due before it is issued.
    """

    invoice: str
    settlement: str
    debtor: str
    creditor: str
    issued_ms: int
    due_ms: int
    lines: tuple[InvoiceLine, ...]

    def __post_init__(self) -> None:
        checks = [
            (bool(self.lines), "it has no line"),
            (self.debtor != self.creditor, "debtor and creditor are the same"),
            (self.issued_ms <= self.due_ms, "it is due before it is issued"),
        ]
        wrong = [text for holds, text in checks if not holds]
        if wrong:
            listed = "; ".join(wrong)
            msg = f"invoice {self.invoice!r}: {listed}"
            raise ValueError(msg)

    @property
    def total_cents(self) -> int:
        """The sum of the lines, rounded once [cents]."""
        return cents(sum((line.eur for line in self.lines), Decimal(0)))


def lines_of(settlement: Settlement) -> tuple[InvoiceLine, ...]:
    """Remuneration and penalty of a settlement as lines; the penalty line is left out where there is none."""
    remuneration = Decimal(repr(float(settlement.remuneration_eur.sum())))
    penalty = Decimal(repr(float(settlement.penalty_eur.sum())))
    missing_kwh = settlement.ordered_kwh - settlement.delivered_kwh
    lines = [InvoiceLine(text="flexibility delivered", energy_kwh=settlement.delivered_kwh, eur=remuneration)]
    if penalty:
        lines.append(InvoiceLine(text="penalty for missing delivery", energy_kwh=missing_kwh, eur=-penalty))
    return tuple(lines)


def entries_of(invoice: Invoice, message_id: str, t_ms: int) -> list[Entry]:
    """The ledger entry of an invoice, resting on the message that carried it; none if the total is zero."""
    total = invoice.total_cents
    if total == 0:
        return []
    debtor, creditor = (invoice.debtor, invoice.creditor) if total > 0 else (invoice.creditor, invoice.debtor)
    return [
        Entry(
            entry=f"{invoice.invoice}/payment",
            t_ms=t_ms,
            debtor=debtor,
            creditor=creditor,
            cents=abs(total),
            purpose="flexibility" if total > 0 else "penalty",
            message_id=message_id,
        )
    ]
