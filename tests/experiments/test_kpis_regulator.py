"""Figures for a regulator, worked out by hand on tables of a few rows, and what binds them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.kpis import figures, make_facts
from experiments.kpis.regulator import gaming_by_provider
from tests.experiments.figure_cases import META, H, market, value


def sessions():
    """Need of 10 in two hours: of 12 offered all but 6 are 6, of 30 offered all but 10 are 20; a third hour needs nothing."""
    rows = [
        ("f1", 0, 6.0),
        ("f2", 0, 4.0),
        ("f3", 0, 2.0),
        ("f1", H, 10.0),
        ("f2", H, 10.0),
        ("f3", H, 10.0),
        ("f1", 2 * H, 9.0),
    ]
    fsp, t_ms, kw = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)
    tables = market()
    tables["bids"] = {
        "bid": [f"b{k}" for k in range(n)], "session": ["s"] * n, "fsp": fsp, "area": ["T1"] * n, "direction": ["up"] * n, "t_ms": t_ms,
        "quantity_kw": kw, "price_eur_per_kwh": [0.1] * n, "received_ms": [0] * n, "accepted_kw": [6.0, 2.0, 2.0, 10.0, 0.0, 0.0, 0.0],
        "reason": [None] * n,
    }  # fmt: skip
    tables["clearings"] = {
        "session": ["s"] * 4, "t_ms": [0, 0, H, 2 * H], "constraint": ["T1", "L1", "T1", "T1"], "direction": ["up"] * 4,
        "needed_kw": [10.0, 4.0, 10.0, 0.0], "cleared_kw": [10.0, 4.0, 10.0, 0.0], "cost_eur": [1.0] * 4, "price_eur_per_kwh": [0.1] * 4,
    }  # fmt: skip
    return tables


def baselines(rows):
    """(provider, hour, baseline, truth) -> table."""
    fsp, t_ms, power, without = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return {
        "baseline": [f"{one}/d" for one in fsp], "fsp": fsp, "area": ["T1"] * n, "t_ms": [h * H for h in t_ms], "power_kw": power,
        "without_kw": without, "method": ["declared-schedule"] * n, "hash": ["x"] * n, "frozen_ms": [0] * n,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("residual_supply_index", (0.6 + 2.0) / 2),
        ("pivotal_percent", 50),
        ("bids_largest_percent", 100 * 25 / 51),
        ("cleared_largest_percent", 100 * 16 / 20),
        ("bids_hhi", 1e4 * (25**2 + 14**2 + 12**2) / 51**2),
    ],
)
def test_concentration_and_pivotal_bidders_by_hand(name, expected):
    assert value(name, sessions()) == pytest.approx(expected)


def test_bidders_of_different_sessions_do_not_compete():
    tables = sessions()
    tables["bids"]["session"] = ["s"] * 3 + ["t"] * 3 + ["u"]
    whole = 12 * (0.25 + 1 / 9 + 1 / 36) + 30 * (1 / 3) + 9
    assert value("bids_hhi", tables) == pytest.approx(1e4 * whole / 51)
    assert value("bids_largest_percent", tables) == pytest.approx(100 * (6 + 10 + 9) / 51)


def test_paid_against_true_delivery_by_hand():
    # 5 paid of 3 true, 8 paid of 10 true and ordered 8
    found = figures(market(), META)
    assert (found["paid_untrue_kwh"], found["true_unpaid_kwh"]) == (2, 0)
    assert found["paid_untrue_eur"] == pytest.approx(2.6 * 2 / 13)
    tables = market()
    tables["deliveries"] |= {"delivered_kw": [5.0, 4.0], "true_kw": [-3.0, 10.0]}  # nothing true of 5, 4 of 8 not paid
    found = figures(tables, META)
    assert (found["paid_untrue_kwh"], found["true_unpaid_kwh"]) == (5, 4)
    tables["deliveries"]["true_kw"] = [None, 10.0]
    assert figures(tables, META)["paid_untrue_kwh"] is None


@settings(max_examples=15)
@given(st.lists(st.tuples(*[st.floats(-20, 20)] * 2, st.floats(0, 10)), min_size=1, max_size=8))
def test_what_is_paid_is_true_or_untrue_and_what_is_true_is_paid_or_not(rows):
    delivered, true, ordered = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)
    tables = market()
    tables["deliveries"] = {
        "settlement": ["s1"] * n, "activation": ["a1"] * n, "fsp": ["f1"] * n, "area": ["T1"] * n, "t_ms": [k * H for k in range(n)],
        "baseline_kw": [20.0] * n, "metered_kw": [15.0] * n, "ordered_kw": ordered, "delivered_kw": delivered, "true_kw": true,
    }  # fmt: skip
    found = figures(tables, META)
    of_order = np.clip(true, 0.0, ordered).sum()
    paid = found["flexibility_delivered_kwh"]
    assert paid - found["paid_untrue_kwh"] == pytest.approx(of_order - found["true_unpaid_kwh"], abs=1e-9)
    assert 0 <= found["paid_untrue_kwh"] <= paid + 1e-9
    assert 0 <= found["true_unpaid_kwh"] <= of_order + 1e-9
    assert 0 <= found["paid_untrue_eur"] <= 2.6 + 1e-9


def test_baselines_are_judged_in_calls_and_otherwise():
    tables = market()  # f1 is called in hours 0 and 1
    rows = [("f1", 0, 12.0, 10.0), ("f1", 1, 33.0, 30.0), ("f1", 2, 9.0, 10.0), ("f2", 0, 5.0, 4.0)]
    tables["baselines"] = baselines(rows)
    found = figures(tables, META)
    assert found["baseline_called_bias_percent"] == pytest.approx(100 * 5 / 40)
    assert found["baseline_uncalled_bias_percent"] == pytest.approx(0)  # 9 + 5 of 10 + 4
    assert found["baseline_gaming_percent"] == pytest.approx(12.5 - -10)
    by = gaming_by_provider(make_facts(tables, META, None))
    assert by == {"f1": (pytest.approx(12.5), pytest.approx(-10)), "f2": (None, pytest.approx(25))}


def test_a_baseline_that_is_too_low_pays_who_is_called_downward():
    tables = market()
    tables["activations"]["direction"] = ["down"] * 2
    tables["baselines"] = baselines([("f1", 0, 8.0, 10.0), ("f1", 2, 10.0, 10.0)])
    assert value("baseline_gaming_percent", tables) == pytest.approx(20)
    tables["baselines"]["without_kw"] = [None, None]
    assert value("baseline_gaming_percent", tables) is None


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.floats(0.1, 50)), min_size=1, max_size=12),
    st.floats(0.1, 100),
)
def test_bounds_of_concentration(bids, need):
    tables = sessions()
    n = len(bids)
    tables["bids"] = {name: (column * 12)[:n] for name, column in tables["bids"].items()} | {
        "bid": [f"b{k}" for k in range(n)], "t_ms": [0] * n, "fsp": [fsp for fsp, _ in bids], "quantity_kw": [kw for _, kw in bids],
    }  # fmt: skip
    tables["clearings"] = {name: column[:1] for name, column in tables["clearings"].items()} | {"needed_kw": [need]}
    found = figures(tables, META)
    bidders = len({fsp for fsp, _ in bids})
    assert 1e4 / bidders - 1e-6 <= found["bids_hhi"] <= 1e4 + 1e-6
    assert (found["bids_largest_percent"] / 100) ** 2 * 1e4 <= found["bids_hhi"] + 1e-6
    offered = sum(kw for _, kw in bids)
    assert found["residual_supply_index"] == pytest.approx(offered * (1 - found["bids_largest_percent"] / 100) / need)
    assert found["pivotal_percent"] == (100 if found["residual_supply_index"] < 1 else 0)
