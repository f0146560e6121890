"""Booking a payment: the debtor writes the entry and cites the message that it rests on (law 13)."""

import numpy as np
from numpy.typing import NDArray

from data.arrays import F64, U64
from environment.party import Party, Process
from environment.requests import Sent


def pay(party: Party, debtor: str, creditor: str, eur: float, purpose: str, message_id: np.uint64) -> None:
    """Book one payment; nothing is booked for an amount of 0."""
    pay_many(party, np.array([debtor], object), np.array([creditor], object), np.array([eur]), purpose,
             np.array([message_id], np.uint64))  # fmt: skip


def pay_many(
    party: Party,
    debtor: NDArray[np.object_],
    creditor: NDArray[np.object_],
    eur: F64,
    purpose: str,
    message_id: U64,
) -> None:
    """Book payments in whole cents, shape (n,) each; amounts of 0 are left out.

    Raises:
        ValueError: an amount is negative (turn debtor and creditor around) or not in whole cents.
    """
    cents = np.rint(eur * 100.0)
    if (eur < 0).any() or (np.abs(cents - eur * 100.0) > 1e-6).any():
        text = f"{party.name}: payments for {purpose} must be whole cents and at least 0"
        raise ValueError(text)
    due = cents > 0
    if due.any():
        party.register("ledger").add(
            t_ms=party.now_ms,
            debtor=debtor[due],
            creditor=creditor[due],
            eur=cents[due] / 100.0,
            purpose=purpose,
            message_id=message_id[due],
        )


def pay_when_told(party: Party, sent: Sent, creditor: NDArray[np.object_], eur: F64, purpose: str) -> Process:
    """Book payments that rest on messages of the debtor's own, when their receivers have acknowledged them, shape (n,) each."""
    outcome = yield party.confirm(sent)
    told = np.array([status == "acknowledged" for status in outcome.status])
    debtor = np.full(int(told.sum()), party.name, object)
    pay_many(party, debtor, creditor[told], eur[told], purpose, sent.batch.ids[told])
