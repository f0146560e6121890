"""Figures of flexibility, worked out by hand on tables of a few rows."""

import math

import numpy as np
import pytest

from experiments.kpis.truth import true_delivery_kw
from tests.experiments.figure_cases import META, H, market, value


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("flexibility_needed_kwh", 20),
        ("flexibility_offered_kwh", 15),
        ("flexibility_cleared_kwh", 8),
        ("unmet_need_kwh", 2 + 10),
        ("flexibility_activated_kwh", 16),
        ("flexibility_delivered_kwh", 13),
        ("flexibility_true_kwh", 13),
        ("delivered_percent", 100 * 13 / 16),
        ("flexibility_cost_eur", 2.6),
        ("cost_eur_per_kwh_delivered", 0.2),
        ("cost_eur_per_kwh_true", 0.2),
        ("bids_hhi", 1e4 * (0.4**2 + 0.6**2)),
        ("baseline_are", (2 + 0) / (18 + 22)),
        ("baseline_rrmse", math.sqrt((4 + 0) / 2) / 20),
    ],
)
def test_market_figures_by_hand(name, expected):
    assert value(name, market()) == pytest.approx(expected)


def test_calls_that_failed_activated_nothing():
    tables = market()
    tables["activations"]["accepted"] = [True, False]
    assert value("flexibility_activated_kwh", tables) == 8
    tables["activations"]["accepted"] = [False, False]
    assert value("flexibility_activated_kwh", tables) == 0
    assert value("rebound_kwh", tables) is None


def test_baseline_errors_of_the_reference_case():
    # A = (100, 120, 80, 100), B = (110, 110, 90, 100)
    actual, baseline = np.array([100.0, 120, 80, 100]), np.array([110.0, 110, 90, 100])
    tables = market()
    for table in ("activations", "deliveries"):
        tables[table] = {k: (list(v) * 2) for k, v in tables[table].items()} | {"t_ms": [0, H, 2 * H, 3 * H]}
    tables["deliveries"] |= {"baseline_kw": baseline, "metered_kw": actual - 5, "true_kw": [5.0] * 4}
    assert value("baseline_rrmse", tables) == pytest.approx(0.0866025, abs=1e-7)
    assert value("baseline_are", tables) == pytest.approx(0.025)
    tables["activations"]["direction"] = ["down"] * 4
    tables["deliveries"] |= {"metered_kw": actual + 5}
    assert value("baseline_are", tables) == pytest.approx(0.025)


def test_disputed_settlements_do_not_count_and_the_last_settlement_does():
    tables = market()
    again = {k: v * 2 for k, v in tables["deliveries"].items()}
    again |= {"settlement": ["s1", "s1", "s2", "s2"], "delivered_kw": [5.0, 8.0, 4.0, 4.0]}
    settled = {k: v * 2 for k, v in tables["settlements"].items()} | {"settlement": ["s1", "s2"]}
    last = tables | {"deliveries": again, "settlements": settled}
    assert value("flexibility_delivered_kwh", last) == 8
    disputed = settled | {"status": ["approved", "disputed"]}
    assert value("flexibility_delivered_kwh", last | {"settlements": disputed}) == 13
    assert value("flexibility_cost_eur", last | {"settlements": disputed}) == 2.6
    none = settled | {"status": ["disputed"] * 2}
    assert value("flexibility_cost_eur", last | {"settlements": none}) is None


def test_true_delivery_is_unknown_without_twin_and_no_price_for_nothing():
    tables = market()
    tables["deliveries"]["true_kw"] = [None, None]
    assert value("flexibility_true_kwh", tables) is None
    assert value("baseline_are", tables) is None
    tables["deliveries"]["true_kw"] = [0.0, 0.0]
    assert value("cost_eur_per_kwh_true", tables) is None


def test_overlapping_activations_of_a_portfolio_share_its_meter():
    tables = market()
    tables["activations"]["activation"] = ["a1", "a2"]
    tables["activations"]["t_ms"] = [0, 0]
    tables["deliveries"] |= {
        "activation": ["a1", "a2"],
        "t_ms": [0, 0],
        "baseline_kw": [20.0] * 2,
        "metered_kw": [15.0] * 2,
    }
    tables["deliveries"]["true_kw"] = [2.0, 1.0]
    assert value("baseline_are", tables) == pytest.approx((20 - 18) / 18)
    assert value("flexibility_true_kwh", tables) == 3


def test_true_delivery_against_the_twin():
    def row(fsp, meters):
        return {"fsp": fsp, "area": "T1", "from_ms": 0, "step_s": 3600.0, "power_kw": [0.0, 0.0], "meters": meters}

    rows = [row("f1", ["m1", "m2"]), row("f2", ["m3"]), row("f3", ["gone"])]
    declarations = {name: [one[name] for one in rows] for name in rows[0]}
    twin = {
        "t_ms": [0, H] * 3, "meter": ["m1"] * 2 + ["m2"] * 2 + ["m3"] * 2, "import_kwh": [5.0, 6.0, 1.0, 2.0, 4.0, 4.0],
        "export_kwh": [0.0, 0.0, 0.0, 3.0, 0.0, 0.0],
    }  # fmt: skip
    deliveries = {
        "activation": ["up", "up", "down", "up", "one", "two"], "fsp": ["f1", "f1", "f2", "f3", "f2", "f2"],
        "area": ["T1"] * 6, "t_ms": [0, H, 0, 0, H, H], "metered_kw": [2.0, 1.0, 7.0, 1.0, 0.0, 0.0],
        "ordered_kw": [9.0, 9.0, 9.0, 9.0, 1.0, 3.0],
    }  # fmt: skip
    activations = {"activation": ["up", "down", "one", "two"], "direction": ["up", "down", "up", "up"]}
    found = true_delivery_kw(deliveries, activations, declarations, twin)
    assert found[:3].tolist() == [6 - 2, 5 - 1, 7 - 4]
    assert math.isnan(found[3])
    assert found[4:].tolist() == [1.0, 3.0]


def test_the_synthetic_twin_confirms_its_true_delivery(synthetic):
    tables = synthetic.tables()
    meters = {
        fsp: [f"{h}/meter" for i, h in enumerate(synthetic.HOMES) if synthetic.fsp_of(i) == fsp]
        for fsp in synthetic.FSPS
    }
    declarations = {
        "fsp": synthetic.FSPS, "area": ["T1"] * 2, "from_ms": [0, 0], "step_s": [900.0] * 2,
        "power_kw": [np.zeros(synthetic.N)] * 2, "meters": [meters[fsp] for fsp in synthetic.FSPS],
    }  # fmt: skip
    found = true_delivery_kw(
        tables["deliveries"], tables["activations"], declarations, synthetic.twin_tables()["meters"]
    )
    assert found == pytest.approx(np.array(tables["deliveries"]["true_kw"]))


def test_rebound_by_hand():
    meters = {"t_ms": [0, H, 2 * H, 3 * H], "meter": ["m"] * 4, "export_kwh": [0.0] * 4}
    tables = market() | {"meters": meters | {"import_kwh": [1.0, 1.0, 9.0, 6.0]}}
    twin = {"meters": meters | {"import_kwh": [6.0, 6.0, 5.0, 5.0]}}
    assert value("rebound_kwh", tables, twin) == 4 + 1
    assert value("rebound_kwh", tables) is None


def test_what_is_put_off_past_the_billed_days_by_hand():
    """The days of delivery end after three hours; what comes then is in nobody's bill yet."""
    meters = {"t_ms": [0, H, 2 * H, 3 * H, 4 * H], "meter": ["m"] * 5, "export_kwh": [0.0, 0.0, 0.0, 0.0, 0.5]}
    tables = {"meters": meters | {"import_kwh": [1.0, 1.0, 1.0, 6.0, 5.0]}}
    twin = {"meters": meters | {"import_kwh": [3.0, 3.0, 3.0, 4.0, 4.0]}}
    meta = META | {"delivery_end_ms": 3 * H}
    assert value("put_off_kwh", tables, twin, meta) == 2 + 1
    assert value("put_off_kwh", tables, None, meta) is None
