"""One kWh on its way: qualified, offered, cleared, declared, metered, settled, invoiced, booked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.covers import covers
from markets import session as life
from markets.baselines.declared import BaselineStore, freeze
from markets.bids import Bid, BidColumns, NeedColumns, Sensitivities
from markets.clearing import network_aware
from markets.invoices import Invoice, entries_of, lines_of
from markets.ledger import EntryColumns, Ledger, disagreements, recompute
from markets.pricing import pay_as_bid
from markets.products import FlexibilityProduct, LocalArea, Window
from markets.qualification import PAPERS, Paper, Participant, qualify
from markets.settlement.delivery import delivered_kw
from markets.settlement.linear_with_grace import settle

HOUR, STEP = 3_600_000, 900_000
FSPS, AREAS, PRICE = ("fsp-mar", "fsp-sol"), ("lv-1", "lv-2"), {"fsp-mar": 0.31, "fsp-sol": 0.24}
T_MS = 17 * HOUR + STEP * np.arange(8)
GATE = 3 * HOUR
PLAN_KW = 30.0


def cleared_session(need_kw):
    """A session from request to results; both providers are qualified and offer 6 kW in each area."""
    product = FlexibilityProduct(
        name="congestion",
        area=LocalArea("zone", AREAS),
        service_window=Window(17 * HOUR, 19 * HOUR),
        penalty_eur_per_kwh=0.1,
    )
    terms = life.SessionTerms(auction="s1", dso="dso-1", product=product, areas=AREAS, opens_ms=HOUR, gate_ms=GATE)
    files = [Participant(fsp=f, papers=tuple(Paper(kind=k, reference="doc") for k in PAPERS)) for f in FSPS]
    needs = NeedColumns.of([("trafo", "up", int(t), need_kw) for t in T_MS])
    session = life.publish(life.Session(terms, needs), [file.fsp for file in files if qualify(file, HOUR).qualified])
    session = life.open_session(session, HOUR)
    rows = [
        Bid(bid=f"{f}/{a}#{k}", fsp=f, area=a, direction="up", t_ms=int(t), quantity_kw=6.0,
            price_eur_per_kwh=PRICE[f], received_ms=2 * HOUR)
        for f in FSPS for a in AREAS for k, t in enumerate(T_MS)
    ]  # fmt: skip
    session, receipts = life.submit(session, BidColumns.of(rows))
    assert receipts.accepted.all()
    session = life.close(session, GATE)
    network = Sensitivities(("trafo",), AREAS, np.ones((1, 2)))
    outcome = network_aware.clear(session.book, needs, network, hours=0.25, unmet_eur_per_kwh=2.0)
    return life.send_results(life.record_clearing(session, outcome))


def ordered_kw(session, fsp):
    """What was cleared of a provider in each interval."""
    outcome = session.clearing
    mine = outcome.bids.fsp == fsp
    table = np.zeros(len(T_MS))
    np.add.at(table, (outcome.bids.t_ms[mine] - T_MS[0]) // STEP, outcome.accepted_kw[mine])
    return table


def settled_invoices(session, delivery_share):
    """Invoices of a day on which each provider delivers a share of what was ordered."""
    store = BaselineStore()
    for fsp in FSPS:
        store, reason = store.declare(freeze(f"base/{fsp}", fsp, "all", T_MS, np.full(8, PLAN_KW), 2 * HOUR), GATE)
        assert reason == ""
    product, result = session.terms.product, []
    for fsp in FSPS:
        order = ordered_kw(session, fsp)
        metered = PLAN_KW - delivery_share * order
        delivered = delivered_kw(store.read(fsp, "all", T_MS), metered, product.direction)
        settlement = settle(order, delivered, PRICE[fsp], hours=0.25, grace_share=product.grace_share,
                            grace_slope=product.grace_slope, penalty_eur_per_kwh=product.penalty_eur_per_kwh)  # fmt: skip
        result.append(Invoice(invoice=f"inv/{fsp}", settlement=f"set/{fsp}", debtor="dso-1", creditor=fsp,
                              issued_ms=30 * HOUR, due_ms=60 * HOUR, lines=lines_of(settlement)))  # fmt: skip
    return result


def booked(invoices):
    return Ledger().post(EntryColumns.of(e for i in invoices for e in entries_of(i, f"message/{i.invoice}", 31 * HOUR)))


@covers("SUC06.3/r05", "SUC06.3/r09", "SUC06.3/r11")
def test_full_delivery_is_paid_what_the_clearing_said():
    session = cleared_session(15.0)
    assert session.clearing.unmet_kw.sum() == 0
    cost = (pay_as_bid.prices(session.clearing) * session.clearing.accepted_kw).sum() * 0.25
    assert cost == pytest.approx((12 * 0.24 + 3 * 0.31) * 0.25 * 8)
    balances = booked(settled_invoices(session, 1.0)).balances()
    assert balances == {"dso-1": -762, "fsp-mar": 186, "fsp-sol": 576}


@covers("SUC06.3/r04")
def test_no_delivery_turns_the_payment_into_a_penalty():
    balances = booked(settled_invoices(cleared_session(15.0), 0.0)).balances()
    assert balances["dso-1"] == round(100 * 0.1 * 0.95 * 15 * 0.25 * 8)
    assert balances["fsp-sol"] < 0


@given(st.floats(0, 40), st.floats(-0.5, 1.5))
@settings(max_examples=30, deadline=None)
def test_money_sums_to_zero_and_everybody_finds_it_in_his_own_messages(need_kw, share):
    ledger = booked(settled_invoices(cleared_session(need_kw), share))
    balances = ledger.balances()
    assert sum(balances.values()) == 0
    own = {party: recompute(party, ledger.statement(party)) for party in balances}
    assert disagreements(ledger, own) == {}


def test_no_need_moves_no_money():
    assert booked(settled_invoices(cleared_session(0.0), 1.0)).balances() == {}
