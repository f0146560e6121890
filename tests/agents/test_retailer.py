"""The retailer alone: bills to the cent, network tariff and taxes passed on, surplus paid."""

import numpy as np
import pytest

from agents.retailer import FixedCharges, Prices, Retailer, RetailTerms
from environment.calendar import Timeline
from environment.instruments import MeterStore
from environment.messages.settlement import Invoice, RetailBill

STEPS, HOUR = 8, 3_600_000
HOMES = ("home-1", "home-2", "home-3")
PRICES = {
    "flat": Prices(*(np.full(STEPS, price) for price in (0.2, 0.1, 0.05, 0.08))),
    "time": Prices(*(np.linspace(low, 3 * low, STEPS) for low in (0.1, 0.05, 0.02, 0.04))),
}
TARIFF = ("flat", "time", "flat")
NO_CHARGES = FixedCharges(*np.zeros((3, 3)))
CHARGES = FixedCharges(np.array([0.6, 1.2, 0.0]), np.array([3.0, 0.3, 0.0]), np.array([0.9, 0.6, 0.0]))
"""EUR a day; the four hours billed are a sixth of a day."""


def of_homes(charges, n):
    """The charges of the first n homes."""
    return FixedCharges(charges.energy[:n], charges.network[:n], charges.taxes[:n])


@pytest.fixture
def billed(stage):
    """The bills of readings (homes, steps) [kW]."""

    def run(kw, homes=HOMES, fixed=NO_CHARGES):
        timeline = Timeline(0, HOUR, STEPS)
        store = MeterStore([f"{home}/meter" for home in homes], timeline)
        for step in range(STEPS):
            store.record(step, np.asarray(kw, float)[:, step])
        there = stage("retailer-1", "dso-1", "state", *homes)
        terms = RetailTerms(
            customers=homes, meters=store.names, tariff=TARIFF[: len(homes)], prices=PRICES, fixed=of_homes(fixed, len(homes)), days_ms=[(2 * HOUR, 6 * HOUR)],
            bill_after_ms=HOUR, dso="dso-1", state="state",
        )  # fmt: skip
        there.retailer = there.agent(Retailer, "retailer-1", store, terms)
        there.homes = [there.puppet(home) for home in homes]
        there.dso, there.state = there.puppet("dso-1"), there.puppet("state")
        return there.run(10 * 3600)

    return run


KW = np.random.default_rng(5).normal(0.5, 1.5, (3, STEPS))


def test_each_home_is_billed_for_its_own_day(billed):
    there = billed(KW)
    for row, home in enumerate(there.homes):
        (bill,) = home.of(RetailBill)
        taken, fed = (np.maximum(sign * KW[row, 2:6], 0.0) for sign in (1, -1))
        price = PRICES[TARIFF[row]]
        assert bill.import_kwh == pytest.approx(taken.sum())
        assert bill.export_kwh == pytest.approx(fed.sum())
        for part, kwh in (("energy", taken), ("network", taken), ("taxes", taken), ("surplus", fed)):
            exact = float((kwh * getattr(price, part)[2:6]).sum())
            billed_eur = getattr(bill, f"{part}_eur")
            assert abs(billed_eur - exact) <= 0.005 + 1e-12
            assert billed_eur * 100 == pytest.approx(round(billed_eur * 100), abs=1e-9)


def test_bills_go_out_after_the_readings(billed):
    there = billed(KW)
    assert all(at_ms > 7 * HOUR for home in there.homes for at_ms, _, _ in home.got)


def test_network_tariff_and_taxes_are_passed_on_to_the_cent(billed):
    there = billed(KW)
    bills = [home.of(RetailBill)[0] for home in there.homes]
    for party, part in ((there.dso, "network"), (there.state, "taxes")):
        (invoice,) = party.of(Invoice)
        assert (invoice.debtor, invoice.creditor, invoice.purpose) == ("retailer-1", party.name, part)
        assert round(invoice.eur * 100) == sum(round(getattr(bill, f"{part}_eur") * 100) for bill in bills)


def test_the_retailer_books_surplus_and_what_it_passes_on_each_with_its_message(billed):
    there = billed(KW)
    ledger = there.retailer.registers["ledger"].columns()
    ids = set(there.bus.journal.messages()["message_id"].tolist())
    assert set(ledger["message_id"].tolist()) <= ids
    booked = {}
    for creditor, eur in zip(ledger["creditor"], ledger["eur"], strict=True):
        booked[creditor] = booked.get(creditor, 0) + round(eur * 100)
    due = {home.name: round(home.of(RetailBill)[0].surplus_eur * 100) for home in there.homes}
    due |= {party.name: round(party.of(Invoice)[0].eur * 100) for party in (there.dso, there.state)}
    assert booked == {name: cents for name, cents in due.items() if cents}


def test_a_home_alone_gets_the_bill_it_gets_among_others(billed):
    together, alone = billed(KW), billed(KW[:1], HOMES[:1])
    here, there = (one.homes[0].of(RetailBill)[0] for one in (together, alone))
    assert all(getattr(here, name) == getattr(there, name) for name in RetailBill.__struct_fields__)


def test_without_use_there_is_nothing_to_pay(billed):
    there = billed(np.zeros((3, STEPS)))
    assert "ledger" not in there.retailer.registers
    assert all(home.of(RetailBill)[0].energy_eur == 0 for home in there.homes)


def test_fixed_charges_are_billed_pro_rata_to_who_gets_them(billed):
    """Four hours are billed: a sixth of the daily charges, on top of what was taken."""
    without, there = billed(KW), billed(KW, fixed=CHARGES)
    for row, (home, before) in enumerate(zip(there.homes, without.homes, strict=True)):
        (bill,), (plain,) = home.of(RetailBill), before.of(RetailBill)
        parts = {part: getattr(CHARGES, part)[row] / 6.0 for part in ("energy", "network", "taxes")}
        for part, charge in parts.items():
            assert getattr(bill, f"{part}_eur") - getattr(plain, f"{part}_eur") == pytest.approx(charge, abs=0.01)
        assert bill.fixed_eur == pytest.approx(sum(parts.values()))
        assert bill.surplus_eur == plain.surplus_eur
    for party, part in ((there.dso, "network"), (there.state, "taxes")):
        (invoice,) = party.of(Invoice)
        billed_cents = sum(round(getattr(home.of(RetailBill)[0], f"{part}_eur") * 100) for home in there.homes)
        assert round(invoice.eur * 100) == billed_cents


def test_a_home_that_takes_nothing_pays_its_fixed_charges(billed):
    there = billed(np.zeros((3, STEPS)), fixed=CHARGES)
    dear, _, free = (home.of(RetailBill)[0] for home in there.homes)
    assert (dear.energy_eur, dear.network_eur, dear.taxes_eur) == pytest.approx((0.1, 0.5, 0.15))
    assert (free.energy_eur, free.network_eur, free.taxes_eur) == (0.0, 0.0, 0.0)
