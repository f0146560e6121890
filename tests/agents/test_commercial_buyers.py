"""Commercial parties that compete with operators in the integrated market: served, told, paid (BUC09)."""

import numpy as np
import pytest

from environment.messages.global_market import FlexibilityWant
from tests.agents.global_market_cases import HOUR_MS, SESSION, SUPPLY, Setting, play, table


def with_trader(stage, scheme, short_kw, value, until_h=58.0):
    return play(stage, Setting(supply=SUPPLY, scheme=scheme, buyers={"trader": (short_kw, value)}), until_h)


def test_a_commercial_party_competes_is_told_and_pays(stage):
    """Short in every hour: what it is served is activated beyond what operators need; it owes change and energy, and pays the TSO after the day."""
    there, calm = with_trader(stage, "integrated", 40.0, 1.0), with_trader(stage, "common", 40.0, 1.0)
    bought = table(there, "trader", "commercial_purchases")
    assert bought["served_kw"].tolist() == [40.0] * 24
    assert (bought["price_eur_per_kwh"] > 0).all()
    assert (bought["price_eur_per_kwh"] < 1.0).all()
    up, calmly = (
        one["accepted_kw"][one["direction"] == "up"].sum()
        for one in (table(where, "tso-market", "global_bids") for where in (there, calm))
    )
    assert up == pytest.approx(calmly + 40.0 * 24)
    ledger = table(there, "trader", "ledger")
    owed = (bought["served_kw"] * (bought["price_eur_per_kwh"] + 0.1)).sum()
    assert ledger["creditor"].tolist() == ["tso"]
    assert ledger["eur"].tolist() == pytest.approx([owed], abs=0.005)
    assert (ledger["t_ms"] >= SESSION.from_ms + 24 * HOUR_MS).all()
    nothing = table(calm, "trader", "commercial_purchases")
    assert nothing["served_kw"].sum() == 0
    assert "eur" not in table(calm, "trader", "ledger")


def test_who_is_long_is_paid_for_its_energy(stage):
    there = with_trader(stage, "integrated", -40.0, 0.5)
    bought = table(there, "trader", "commercial_purchases")
    assert set(bought["direction"].tolist()) == {"down"}
    due = (bought["served_kw"] * (bought["price_eur_per_kwh"] - 0.1)).sum()
    assert due < 0
    ledger = table(there, "tso", "ledger")
    assert (ledger["creditor"].tolist(), ledger["eur"].tolist()) == (["trader"], pytest.approx([-due], abs=0.005))


def test_wants_of_strangers_and_after_the_gate_are_refused(stage):
    want = FlexibilityWant(
        want="MSD/trader/up", session="MSD", buyer="trader", direction="up", from_ms=SESSION.from_ms,
        quantity_kw=np.full(24, 9.0), price_eur_per_kwh=1.0,
    )  # fmt: skip
    said = Setting(supply=SUPPLY, scheme="integrated", script=[(16 * HOUR_MS, want, "tso-market")])
    there = play(stage, said)
    assert "stranger cannot buy for trader" in table(there, "tso-market", "refused_requests")["reason"].tolist()
    market = with_trader(stage, "integrated", 40.0, 1.0).parties["tso-market"]
    (book,) = market._books.values()
    assert market._want_fault(want, "trader", None, 0).startswith("there is no session")
    assert market._want_fault(want, "trader", book, book.call.gate_ms) == "received 0 s after the gate closed"
    assert market._want_fault(want, "trader", book, book.call.gate_ms - 1) == ""
