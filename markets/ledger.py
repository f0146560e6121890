"""The ledger: double entry between parties, in whole cents.

An entry moves money from a debtor to a creditor and cites the message it rests on (contract, invoice, settlement).
Both sides read the same integer, so the balances of all parties sum to exactly zero and there is no balancing
account. Rounding happens once, before an entry is made: an amount becomes cents half to even (``cents``), and a total
that several parties share is cut by largest remainder (``split``), so that the parts are the whole.

A party's balance can be recomputed from the entries of its own messages alone (``recompute``) and must agree to the
cent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64, Names
from markets.bids import Columns, names

CENTS_PER_EUR = 100


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of money.

    Attributes:
        entry: id.
        t_ms: when it was booked.
        debtor: who owes.
        creditor: who is owed.
        cents: amount in euro cents, above 0.
        purpose: what for.
        message_id: the message it rests on.
    """

    entry: str
    t_ms: int
    debtor: str
    creditor: str
    cents: int
    purpose: str
    message_id: str


@dataclass(frozen=True, eq=False)
class EntryColumns(Columns):
    """Entries as columns, each of shape (n,); see ``Entry``."""

    entry: Names
    t_ms: I64
    debtor: Names
    creditor: Names
    cents: I64
    purpose: Names
    message_id: Names

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "EntryColumns":
        """Columns of single entries, in their order."""
        rows = list(entries)
        return cls(
            names(e.entry for e in rows),
            np.array([e.t_ms for e in rows], np.int64),
            names(e.debtor for e in rows),
            names(e.creditor for e in rows),
            np.array([e.cents for e in rows], np.int64),
            names(e.purpose for e in rows),
            names(e.message_id for e in rows),
        )

    @property
    def eur(self) -> F64:
        """Amounts [EUR], shape (n,)."""
        return np.asarray(self.cents / CENTS_PER_EUR)


@dataclass(frozen=True, eq=False)
class Ledger:
    """All entries so far. ``post`` gives a new ledger; this one stays as it is."""

    entries: EntryColumns = field(default_factory=lambda: EntryColumns.of([]))

    def post(self, new: EntryColumns) -> "Ledger":
        """Book entries. An entry posted again with the same content is booked once.

        Raises:
            ValueError: an amount is not above 0, a party owes itself, no message is cited, or an id comes with other
            content.
        """
        _check(new)
        return Ledger(self.entries.join(new.take(_unbooked(self.entries, new))))

    def balances(self) -> dict[str, int]:
        """Balance of every party [cents], by name: received less owed. They sum to zero."""
        return balances(self.entries)

    def statement(self, party: str) -> EntryColumns:
        """The entries that concern one party."""
        return self.entries.take((self.entries.debtor == party) | (self.entries.creditor == party))


def balances(entries: EntryColumns) -> dict[str, int]:
    """Balance of every party of some entries [cents], by name."""
    parties, position = np.unique(np.concatenate([entries.creditor, entries.debtor]), return_inverse=True)
    total = np.zeros(len(parties), np.int64)
    np.add.at(total, position, np.concatenate([entries.cents, -entries.cents]))
    return {str(party): int(amount) for party, amount in zip(parties, total, strict=True)}


def recompute(party: str, received: EntryColumns) -> int:
    """Balance [cents] of a party from the entries its own messages carry; an entry told twice counts once."""
    mine = received.take((received.debtor == party) | (received.creditor == party))
    once = mine.take(_unbooked(EntryColumns.of([]), mine))
    return balances(once).get(party, 0)


def disagreements(ledger: Ledger, claimed_cents: Mapping[str, int]) -> dict[str, int]:
    """Parties whose own balance differs from the ledger's, with the difference [cents] (own less ledger's)."""
    booked = ledger.balances()
    differences = {p: claimed_cents.get(p, 0) - booked.get(p, 0) for p in sorted(booked.keys() | claimed_cents.keys())}
    return {party: cents_off for party, cents_off in differences.items() if cents_off}


def cents(eur: float | Decimal) -> int:
    """An amount as whole cents, half to even; a float counts as the decimal number it prints as.

    Raises:
        ValueError: the amount is not a finite number.
    """
    exact = eur if isinstance(eur, Decimal) else Decimal(repr(float(eur)))
    if not exact.is_finite():
        msg = f"{eur} is not an amount of money"
        raise ValueError(msg)
    return int((exact * CENTS_PER_EUR).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def split(total_cents: int, weights: ArrayLike) -> I64:
    """Cut a total in proportion to weights, by largest remainder; ties go to the earlier row, so sort rows by name.

    Args:
        total_cents: what is shared, any sign.
        weights: at least 0, not all 0, shape (n,).

    Returns:
        Whole cents, shape (n,); they sum to the total exactly.

    Raises:
        ValueError: a weight is negative or not finite, or all are 0.
    """
    weight = np.asarray(weights, np.float64)
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.sum() > 0):
        msg = "weights of a split must be at least 0, finite, and not all 0"
        raise ValueError(msg)
    exact = abs(total_cents) * (weight / weight.sum())
    parts = np.floor(exact).astype(np.int64)
    missing = abs(total_cents) - int(parts.sum())
    parts[np.argsort(-(exact - parts), kind="stable")[:missing]] += 1
    return np.asarray(parts if total_cents >= 0 else -parts, np.int64)


def _check(new: EntryColumns) -> None:
    checks: Sequence[tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], str]] = [
        (new.cents > 0, "the amount is not above 0"),
        (new.debtor != new.creditor, "debtor and creditor are the same"),
        (new.message_id != "", "no message is cited"),
        ((new.debtor != "") & (new.creditor != ""), "a party is not named"),
    ]
    wrong = [f"{new.entry[np.argmin(holds)]}: {text}" for holds, text in checks if not np.asarray(holds).all()]
    if wrong:
        msg = "ledger: " + "; ".join(wrong)
        raise ValueError(msg)


def _unbooked(booked: EntryColumns, new: EntryColumns) -> I64:
    """Rows that are not booked yet, each id once."""
    known = {entry: (booked, k) for k, entry in enumerate(booked.entry.tolist())}
    rows = []
    for k, entry in enumerate(new.entry.tolist()):
        source, row = known.setdefault(entry, (new, k))
        if source is new and row == k:
            rows.append(k)
        elif _content(source, row) != _content(new, k):
            msg = f"ledger: entry id {entry!r} was used before with other content"
            raise ValueError(msg)
    return np.array(rows, np.int64)


def _content(entries: EntryColumns, k: int) -> tuple[object, ...]:
    return (
        int(entries.t_ms[k]),
        str(entries.debtor[k]),
        str(entries.creditor[k]),
        int(entries.cents[k]),
        str(entries.purpose[k]),
        str(entries.message_id[k]),
    )
