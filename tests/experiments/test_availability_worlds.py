"""Products that pay for power held ready, in a running world: bids with two terms, every cleared interval paid, called or not."""

from dataclasses import replace
from functools import wraps

import numpy as np
import pytest

from environment.units import MS_PER_H
from experiments.assembly import flexibility as build_flexibility
from experiments.assembly.check import check_scenario
from experiments.conformance import check
from experiments.results.schema import conform
from experiments.scenario.library import rule_with

ASKED = 2.0
"""Availability price of both providers [EUR/kW/h]: large, so that cents show differences."""
PRODUCT = {"service_window": ["16:00", "23:00"], "availability_cap_eur_per_kw_h": 5.0}
HOURS = 0.25


def scenario(small, remuneration="both", faults=(), asked=ASKED, settled_by="gdbn", **product):
    """The small scenario with a product that pays availability."""
    kind = "availability" if remuneration == "availability" else "activation"
    rule = "linear-with-grace" if remuneration == "activation" else "availability-and-activation"
    said = small.scenario(
        products={"mine": PRODUCT | {"kind": kind, "remuneration": remuneration} | product},
        actors__lfmo__product="mine",
        actors__fsps=[{"name": name, "availability_eur_per_kw_h": asked} for name in ("fsp-sol", "fsp-mar")],
        rules={"settled_by": settled_by, "settlement": {"rule": rule}},
        faults=list(faults),
    )
    check_scenario(said)
    return said


@pytest.fixture(scope="module")
def lived(small, small_begun):
    """(remuneration, ...) -> tables of the day; each lived once."""
    kept = {}

    def live(**changes):
        key = repr(sorted(changes.items()))
        if key not in kept:
            site = replace(small_begun.twin(), scenario=scenario(small, **changes))
            kept[key] = small.tables(site, small.live(site))
        return kept[key]

    return live


def amounts(tables):
    """Settled activation -> (remuneration, availability in it) [EUR]."""
    content = tables["content/RemunerationAndPenalty"]
    names = ("activation", "remuneration_eur", "availability_eur")
    return {name: (eur, held) for name, eur, held in zip(*(content[one] for one in names), strict=True)}


def engaged(tables):
    """Contract -> (starts [ms], EUR/h of availability of each interval)."""
    found, content = {}, tables["content/EngagementRequest"]
    rows = {}
    for row, bid in enumerate(content["bid"]):
        rows.setdefault(bid, row)  # one message to the FSP, one to the GDBN
    for row in rows.values():
        value = np.asarray(content["engaged_kw"][row]) * content["availability_eur_per_kw_h"][row]
        t_ms = int(content["from_ms"][row]) + round(HOURS * MS_PER_H) * np.arange(len(value))
        before = found.get(content["contract"][row], (t_ms, 0.0))[1]
        found[content["contract"][row]] = t_ms, before + value
    return found


def called(tables, contract):
    """Start of an interval -> (ordered, credited) power of all calls of a contract."""
    found, deliveries = {}, tables["deliveries"]
    own = np.asarray(deliveries["delivered_kw"]) - np.asarray(deliveries["earlier_kw"])
    for name, t_ms, kw, got in zip(
        deliveries["activation"], deliveries["t_ms"], deliveries["ordered_kw"], own, strict=True
    ):
        if name.startswith(f"{contract}/") and kw > 0:
            ordered, credited = found.get(int(t_ms), (0.0, 0.0))
            found[int(t_ms)] = ordered + kw, credited + float(np.clip(got, 0.0, kw))
    return found


def expected_eur(tables, contract, t_ms, value):
    """Availability of a contract by the rule: each cleared interval, times the delivered share of what was called of it."""
    calls = called(tables, contract)
    shares = [calls[t][1] / calls[t][0] if t in calls else 1.0 for t in t_ms.tolist()]
    return float((value * shares).sum() * HOURS)


@pytest.mark.parametrize(
    "changes",
    [
        {"remuneration": "both"},
        {"remuneration": "both", "settled_by": "dso"},
        {"remuneration": "availability"},
        {"remuneration": "both", "faults": [{"party": "fsp-mar", "delivers": "60%"}]},
    ],
    ids=["both", "the DSO settles", "availability alone", "60 % delivered"],
)
def test_every_cleared_interval_is_paid_by_what_was_delivered_of_its_calls(lived, changes):
    tables = lived(**changes)
    paid = amounts(tables)
    contracts = engaged(tables)
    assert contracts
    assert set(tables["settlements"]["status"]) == {"approved"}
    for contract, (t_ms, value) in contracts.items():
        got = sum(held for name, (_, held) in paid.items() if name.startswith(f"{contract}/"))
        assert got == pytest.approx(expected_eur(tables, contract, t_ms, value), abs=1e-6)
    assert check(conform(tables), provenance=True).is_clean
    never = [name for name in paid if name.endswith("/held")]
    assert never
    assert all(eur == pytest.approx(held, abs=0.005) for name, (eur, held) in paid.items() if name in never)
    only = changes["remuneration"] == "availability"
    energy = [eur - held for name, (eur, held) in paid.items() if name not in never]
    assert (max(energy) <= 0.005) == only


def test_who_delivers_less_loses_its_part(lived):
    whole, part = (
        lived(remuneration="both", **more) for more in ({}, {"faults": [{"party": "fsp-mar", "delivers": "60%"}]})
    )

    def lost(tables):
        mar = {name: one for name, one in engaged(tables).items() if "/fsp-mar/" in name}
        full = sum(float(value.sum()) * HOURS for _, value in mar.values())
        return full - sum(held for name, (_, held) in amounts(tables).items() if "/fsp-mar/" in name)

    assert lost(part) > lost(whole) + 0.05


@pytest.mark.parametrize("settled_by", ["gdbn", "dso"])
def test_each_invoice_is_paid_once_and_money_comes_from_the_dso_alone(lived, settled_by):
    tables = lived(remuneration="both", settled_by=settled_by)
    ledger = tables["ledger"]
    flexibility = [row for row, purpose in enumerate(ledger["purpose"]) if purpose == "flexibility"]
    assert {ledger["debtor"][row] for row in flexibility} == {"dso-1"}
    assert len({ledger["message_id"][row] for row in flexibility}) == len(flexibility)
    owed = sum(round(100 * eur) for eur in tables["settlements"]["net_eur"])
    assert sum(round(100 * ledger["eur"][row]) for row in flexibility) == owed
    shared = sum(
        round(100 * ledger["eur"][k]) for k, purpose in enumerate(ledger["purpose"]) if purpose == "flexibility share"
    )
    assert 0 < shared <= owed


def test_members_have_their_share_of_what_was_never_called(lived):
    tables = lived(remuneration="both")
    content = tables["content/MemberStatement"]
    eur, kwh = (np.asarray(content[name]) for name in ("eur", "delivered_kwh"))
    assert (eur[kwh == 0.0] > 0.0).any()


def test_a_bid_is_paid_as_it_was_bid_in_both_terms(lived):
    tables = lived(remuneration="both")
    bids, awards = tables["content/Bid"], tables["content/ClearingResult"]
    asked = dict(
        zip(bids["bid"], zip(bids["price_eur_per_kwh"], bids["availability_eur_per_kw_h"], strict=True), strict=True)
    )
    for bid, energy, held in zip(
        awards["bid"], awards["price_eur_per_kwh"], awards["availability_eur_per_kw_h"], strict=True
    ):
        assert (energy, held) == pytest.approx(asked[bid], abs=1e-9)
    cost = sum(tables["clearings"]["cost_eur"])
    full = sum(
        float(np.sum(kw)) * HOURS * sum(asked[bid]) for bid, kw in zip(awards["bid"], awards["cleared_kw"], strict=True)
    )
    assert cost == pytest.approx(full, rel=1e-6)


def test_above_the_cap_the_market_refuses(lived):
    tables = lived(remuneration="both", asked=5.1)
    assert set(tables["bids"]["reason"]) == {"availability price is above the product's cap"}
    assert not np.any(tables["bids"]["accepted_kw"])


def test_a_contract_that_is_never_called_has_all_of_its_availability(small, small_begun, monkeypatch):
    monkeypatch.setattr("agents.dso_contracts.Contracts.call", lambda *_: [])
    site = replace(small_begun.twin(), scenario=scenario(small))
    tables = small.tables(site, small.live(site))
    assert not any(map(len, tables["activations"].values()))
    paid = amounts(tables)
    contracts = engaged(tables)
    assert set(paid) == {f"{contract}/held" for contract in contracts}
    for contract, (_, value) in contracts.items():
        assert paid[f"{contract}/held"] == pytest.approx((float(value.sum()) * HOURS,) * 2, abs=0.005)
    assert set(tables["settlements"]["status"]) == {"approved"}
    assert "deliveries" not in tables
    assert check(conform(tables), provenance=True).is_clean


def test_the_dso_finds_what_is_paid_too_much_for_readiness(small, small_begun, monkeypatch):
    """The service pays availability twice: what is paid in full, called or not, is disputed and never invoiced."""

    def twice(kind, name, arguments):
        rule = rule_with(kind, name, arguments)

        @wraps(rule)
        def settle(*records, **terms):
            found = rule(*records, **terms)
            more = found.remuneration_eur + found.availability_eur
            return replace(found, availability_eur=2.0 * found.availability_eur, remuneration_eur=more)

        return settle if kind == "settlement" else rule

    monkeypatch.setattr(build_flexibility, "rule_with", twice)
    site = replace(small_begun.twin(), scenario=scenario(small))
    tables = small.tables(site, small.live(site))
    settled = dict(zip(tables["settlements"]["settlement"], tables["settlements"]["status"], strict=True))
    held = {name for name in settled if name.endswith("/held")}
    assert held
    assert {settled[name] for name in held} == {"disputed"}
    invoiced = set(tables["content/Invoice"]["invoice"]) if "content/Invoice" in tables else set()
    assert not {f"invoice/{name}" for name in held} & invoiced
