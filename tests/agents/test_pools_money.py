"""What pools and units in balancing services sell, and who pays: auctions, imbalances, figures."""

import numpy as np
import pytest

from environment.messages.balancing import PRODUCTS
from experiments.kpis import figures
from tests.agents.pool_world import H_MS, SIGNS, lived_world


@pytest.fixture(scope="module")
def lived():
    """The world, lived; look, and do not touch."""
    return lived_world()


@pytest.fixture(scope="module")
def tables(lived):
    return lived.tables


def test_money_goes_from_the_operator_over_the_platform_to_the_homes(lived):
    ledger, deliveries = lived.table("ledger"), lived.table("reserve_deliveries")

    def paid(debtor, creditor, purposes):
        mine = (ledger["debtor"] == debtor) & (ledger["creditor"] == creditor)
        return ledger["eur"][mine & np.char.startswith(ledger["purpose"].astype(str), purposes)].sum()

    for seller in ("agg-1", "agg-platform", "hydro-1", "gas-1"):
        got = paid("tso-1", seller, "reserve") - paid(seller, "tso-1", "reserve")
        mine = deliveries["seller"] == seller
        net = sum(sign * deliveries[f"{name}_eur"][mine].sum() for name, sign in SIGNS)
        assert got == pytest.approx(net, abs=0.06)
        value = deliveries["value_eur"][mine].sum()
        brp = f"{seller}-brp"
        assert paid(seller, brp, "energy") - paid(brp, seller, "energy") == pytest.approx(value, abs=0.06)
    mine = deliveries["seller"] == "agg-platform"
    own = sum(sign * deliveries[f"{name}_eur"][mine].sum() for name, sign in SIGNS if name != "value")
    through = sum(
        paid("agg-platform", pool, "reserve") - paid(pool, "agg-platform", "reserve") for pool in ("fsp-a", "fsp-b")
    )
    assert through == pytest.approx(own, abs=0.06)
    for pool in ("agg-1", "fsp-a", "fsp-b"):
        earned = sum(
            max(one["net_eur"] - one["value_eur"], 0.0)
            for one in lived.records("ProvisionSettlement")
            if one["seller"] == pool
        )
        shared = ledger["eur"][
            (ledger["debtor"] == pool) & np.char.startswith(ledger["creditor"].astype(str), "home")
        ].sum()
        assert shared == pytest.approx(0.7 * earned, abs=0.08)


def test_what_was_called_is_nobodys_imbalance_and_what_was_not_given_is_the_sellers(lived):
    """Regulation (EU) 2017/2195, articles 49, 54: positions adjusted by what was due; the party's result is that of its own straying alone."""
    states, deliveries = lived.table("reserve_imbalances"), lived.table("reserve_deliveries")
    reports, ledger = lived.table("reserve_reports"), lived.table("ledger")
    assert states["imbalance_kwh"] == pytest.approx(
        states["allocated_kwh"] - states["position_kwh"] - states["adjustment_kwh"]
    )
    for seller in ("agg-1", "agg-platform", "hydro-1", "gas-1"):
        mine, own = states["seller"] == seller, deliveries["seller"] == seller
        due = sum(deliveries["due_kw"][own & (deliveries["product"] == one)] for one in PRODUCTS) / 4
        assert states["adjustment_kwh"][mine] == pytest.approx(due)
        measured = reports["measured_kw"][reports["seller"] == seller] / 4
        assert states["imbalance_kwh"][mine] == pytest.approx(measured - due)
        given = (
            sum(
                np.where(
                    deliveries["due_kw"][rows] >= 0,
                    np.clip(deliveries["delivered_kw"][rows], 0, deliveries["due_kw"][rows].clip(min=0)),
                    np.clip(deliveries["delivered_kw"][rows], deliveries["due_kw"][rows].clip(max=0), 0),
                )
                for rows in (own & (deliveries["product"] == one) for one in PRODUCTS)
            )
            / 4
        )
        price = states["price_eur_per_kwh"][mine]
        brp = f"{seller}-brp"
        into = ledger["eur"][ledger["creditor"] == brp].sum() - ledger["eur"][ledger["debtor"] == brp].sum()
        value = deliveries["value_eur"][own].sum()
        straying = (
            (measured - given) * price
        ).sum()  # measured otherwise than what counts: its own surplus or shortage
        assert into == pytest.approx(value + straying, abs=0.08)
    area = states["seller"] == "others-brp"
    signal = lived.table("area_signals")
    assert states["imbalance_kwh"][area].sum() == pytest.approx(
        signal["imbalance_kw"].mean() * (lived.end_ms - lived.start_ms) / H_MS, rel=1e-6
    )


def test_the_imbalance_price_is_that_of_what_was_activated(lived):
    states, deliveries = lived.table("reserve_imbalances"), lived.table("reserve_deliveries")
    area = states["seller"] == "others-brp"
    value = np.array(lived.site.scenario.balancing.day_ahead_eur_per_kwh)[np.arange(96) // 4]
    frr = deliveries["product"] != "fcr"
    up, down = (
        np.array([np.clip(sign * deliveries["due_kw"][frr & (deliveries["t_ms"] == t)], 0, None).sum() for t in states["t_ms"][area]])
        for sign in (1, -1)
    )  # fmt: skip
    price = states["price_eur_per_kwh"][area]
    assert (price[up > down] > value[up > down]).all()
    assert (price[down > up] < value[down > up]).all()
    assert price[up == down] == pytest.approx(value[up == down])
    assert (up > down).any()
    assert (down > up).any()


def test_units_win_and_lose_by_price_and_follow(lived):
    auctions, deliveries = lived.table("reserve_auctions"), lived.table("reserve_deliveries")
    for product in PRODUCTS:
        for block in set(auctions["t_ms"]):
            mine = (auctions["product"] == product) & (auctions["t_ms"] == block)
            asked, accepted = auctions["asked_eur_per_kw_h"][mine], auctions["accepted_kw"][mine]
            whole = accepted >= auctions["offered_kw"][mine] - 1e-9
            if (accepted > 0).any():
                assert (
                    asked[~whole] >= asked[accepted > 0].max() - 1e-12
                ).all()  # nobody who lost is cheaper than who won
    units = np.isin(auctions["seller"], ["hydro-1", "gas-1"])
    assert auctions["accepted_kw"][units].sum() > 0.0
    assert (auctions["accepted_kw"][units] == 0.0).any()
    assert (auctions["accepted_kw"][~units] == 0.0).any()
    for seller in ("hydro-1", "gas-1"):
        own = (deliveries["seller"] == seller) & (deliveries["held_kw"] > 0.0)
        off = np.abs(deliveries["delivered_kw"] - deliveries["due_kw"])[own].sum()
        assert off < 0.06 * deliveries["held_kw"][own].sum()


def test_figures_agree_with_the_tables(lived, tables):
    meta = {
        "delivery_start_ms": lived.start_ms,
        "delivery_end_ms": lived.end_ms,
        "scenario": lived.site.scenario.as_data(),
        "step_ms": 900_000,
    }
    found = figures(tables, meta)
    auctions, deliveries = lived.table("reserve_auctions"), lived.table("reserve_deliveries")
    units = ["hydro-1", "gas-1"]
    bought = auctions["accepted_kw"] * (auctions["to_ms"] - auctions["t_ms"]) / H_MS
    pools, own = ~np.isin(auctions["seller"], units), ~np.isin(deliveries["seller"], units)
    assert found["reserve_held_kw_h"] == pytest.approx(bought[pools].sum())
    assert found["reserve_pool_share_percent"] == pytest.approx(100 * bought[pools].sum() / bought.sum())
    assert 0.0 < found["reserve_pool_share_percent"] < 100.0
    assert found["reserve_due_kwh"] == pytest.approx(np.abs(deliveries["due_kw"])[own].sum() / 4)
    assert 0.0 < found["reserve_delivered_kwh"] <= found["reserve_due_kwh"]
    assert 0.0 < found["reserve_accuracy_percent"] < 100.0
    assert 80.0 < found["reserve_given_percent"] <= 100.0
    assert found["reserve_capacity_eur"] == pytest.approx(deliveries["capacity_eur"][own].sum())
    stated = lived.table("reserve_imbalances")["paid_eur"].sum()
    spent = deliveries["energy_eur"].sum() + deliveries["value_eur"].sum()
    assert found["reserve_result_eur"] == pytest.approx(stated - spent)
    assert 10.0 < found["frequency_std_mhz"] < 30.0
    assert found["reserve_left_kwh"] is None  # without a twin
