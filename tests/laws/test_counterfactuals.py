"""Counterfactuals: where the cause of what a run shows is taken away, what it shows must go, and only that."""

import numpy as np
import pytest
from msgspec import structs

from agents.aggregator_pool import Pool
from experiments.kpis.complete import complete


@pytest.fixture(scope="module")
def day(small):
    """Live the default scenario, with a shorter history and some changes -> (tables, figures)."""
    from experiments.scenario import load_scenario, scenario_from

    def lived(**changes):
        content = load_scenario("district-day").as_data()
        for path, value in ({"clock__history_days": 7} | changes).items():
            small._put(content, path.split("__"), value)
        site = small.site(scenario_from(content))
        tables = small.tables(site, small.live(site))
        meta = {"delivery_start_ms": site.days_ms[0][0], "delivery_end_ms": site.days_ms[-1][1]}
        return tables, complete(tables, meta | {"scenario": site.scenario.as_data()}).figures

    return lived


@pytest.fixture(scope="module")
def as_it_is(day):
    """The default scenario."""
    return day()


def conversations(tables, suc):
    columns = tables["conversations"]
    rows = zip(columns["suc"], columns["outcome"], columns["reason"], strict=True)
    return [(str(outcome), str(reason or "")) for one, outcome, reason in rows if str(one) == suc]


def between(tables, debtor, creditor, purpose):
    """What one party paid another for a purpose [EUR]."""
    ledger = tables["ledger"]
    rows = zip(ledger["debtor"], ledger["creditor"], ledger["purpose"], ledger["eur"], strict=True)
    return sum(eur for one, other, why, eur in rows if (one, other, why) == (debtor, creditor, purpose))


def accepted(tables):
    bids = tables["bids"]
    columns = (bids["bid"], bids["t_ms"], bids["accepted_kw"])
    return {(bid, int(t_ms)): float(kw) for bid, t_ms, kw in zip(*columns, strict=True)}


def test_a_larger_transformer_needs_no_flexibility_and_holds_no_session(day):
    tables, figures = day(grid__transformer_rating_factor=0.625 * 1.5)
    assert conversations(tables, "SUC06.1") == [("refused", "no violation is foreseen")]
    assert figures["flexibility_needed_kwh"] == 0
    assert "content/SessionRequest" not in tables
    assert "content/Bid" not in tables


def test_without_providers_the_violation_stays_and_the_need_is_unmet(day):
    tables, figures = day(people__0__served_by={"nobody": 1.0}, people__1__mv_plant__served_by="nobody")
    assert figures["flexibility_needed_kwh"] > 50
    assert figures["flexibility_cleared_kwh"] == 0
    assert figures["overload_kwh"] > 50
    assert max(tables["unmet"]["quantity_kw"]) == pytest.approx(max(tables["needs"]["quantity_kw"]))
    assert not conversations(tables, "SUC06.2")


def test_doubled_bids_cost_double_for_the_same_accepted_set(day, as_it_is, monkeypatch):
    def doubled(pool, session, terms, bids=Pool.bids):
        return [
            structs.replace(bid, price_eur_per_kwh=2.0 * bid.price_eur_per_kwh) for bid in bids(pool, session, terms)
        ]

    monkeypatch.setattr(Pool, "bids", doubled)
    tables, _ = day()
    before = as_it_is[0]
    kept, now = accepted(before), accepted(tables)
    assert kept.keys() == now.keys()
    np.testing.assert_allclose([now[key] for key in kept], list(kept.values()), atol=1e-6)
    cost, twice = (np.sum(one["clearings"]["cost_eur"]) for one in (before, tables))
    assert cost > 1.0
    assert twice == pytest.approx(2.0 * cost, rel=1e-6)
    for fsp in ("fsp-sol", "fsp-mar"):
        paid = between(before, "dso-1", fsp, "flexibility")
        assert between(tables, "dso-1", fsp, "flexibility") == pytest.approx(2.0 * paid, abs=0.2)  # whole cents a call


def test_with_every_home_on_manual_nothing_is_activated_and_the_provider_pays(day):
    """The homes sold flexibility the day before; at midnight all switch to manual, and say nothing."""
    tables, figures = day(
        rules__settlement__penalty_eur_per_kwh=0.2, events=[{"from": "day 1 00:00", "manual": "100%"}]
    )
    assert figures["flexibility_cleared_kwh"] > 50
    assert set(conversations(tables, "SUC06.2")) == {("failed", "the FSP refused")}
    assert figures["flexibility_activated_kwh"] == 0
    assert max(tables["unmet"]["quantity_kw"]) > 0
    feedback = tables["content/ActivationFeedback"]
    assert max(feedback["expected_kw"]) <= 0
    for fsp in ("fsp-sol", "fsp-mar"):
        assert between(tables, "dso-1", fsp, "flexibility") == 0
        assert between(tables, fsp, "dso-1", "penalty") > 0
