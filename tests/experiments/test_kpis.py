"""Figures worked out by hand on tables of a few rows, and the laws that hold for any run."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import data
from experiments.kpis import (
    catalogue,
    figure_columns,
    figure_rows,
    figure_table,
    figures,
    functions,
    make_facts,
    twin_figures,
)
from experiments.kpis_conformance import conformance_columns
from experiments.kpis_facts import Facts, Frame, paired, unpaired
from experiments.kpis_grid import branch_limits, overload_rows
from experiments.kpis_truth import true_delivery_kw
from experiments.results_schema import conform, empty_table, table_specs

H = 3_600_000
META = {
    "delivery_start_ms": 0,
    "delivery_end_ms": 24 * H,
    "scenario": {
        "clock": {"physics_step_s": 3600},
        "grid": {"limits": {"transformer_percent": 100, "line_percent": 80, "voltage_pu": [0.95, 1.05]}},
    },
    "market_step_s": 3600,
}


def branches(loading, p_kw, kind="trafo", branch="T1", t_ms=None, **more):
    n = len(loading)
    t = [i * H for i in range(n)] if t_ms is None else t_ms
    columns = {"t_ms": t, "branch": [branch] * n, "kind": [kind] * n, "loading_percent": loading, "p_kw": p_kw}
    return columns | {"i_ka": [0.1] * n, "q_kvar": [0.0] * n} | more


def value(name, tables, twin=None, meta=META):
    return figures(tables, meta, twin)[name]


def test_catalogue_and_functions_agree():
    assert set(catalogue()) == set(functions())


def test_the_catalogue_is_complete_and_cites_its_sources():
    for spec in catalogue().values():
        assert spec.title
        assert spec.formula
        assert spec.source
        assert spec.direction in {"more", "less", "neutral"}
        assert set(spec.tables) <= set(table_specs())
        assert format(1234.5, spec.format)


def test_figures_are_unknown_without_their_tables_never_zero():
    assert set(figures({}, META).values()) == {None}
    empty = {table: empty_table(table) for table in table_specs() if table not in {"content/*", "figures"}}
    twin = {table: empty[table] for table, spec in table_specs().items() if spec.twin and table in empty}
    assert set(figures(empty, META, twin).values()) == {None}


def test_a_figure_needs_only_the_tables_it_names(synthetic):
    tables, twin, meta = synthetic.tables(), synthetic.twin_tables(), synthetic.meta()
    full = figures(tables, meta, twin)
    whole = make_facts(tables, meta, twin)
    for name, spec in catalogue().items():
        own = {table: whole.tables[table] for table in spec.tables if table in whole.tables}
        other = {table: whole.twin_tables[table] for table in spec.tables if table in twin}
        assert functions()[name](Facts(own, other, meta)) == full[name], name


def test_overload_by_hand():
    # limit 100 %: 150 % carries 30 kW, of which a third is above; 200 % carries 40 kW, of which half
    tables = {"grid_branches": branches([50, 150, 200, 100], [10, 30, -40, 20])}
    assert value("peak_loading_percent", tables) == 200
    assert value("overload_hours", tables) == 2
    assert value("overload_kwh", tables) == pytest.approx(30 / 3 + 40 / 2)


def test_hours_count_time_once_and_branch_hours_each_branch():
    one, two = branches([150, 150], [30, 30]), branches([90, 10], [9, 1], kind="line", branch="L1")
    both = {key: [*one[key], *two[key]] for key in one}
    assert value("overload_hours", {"grid_branches": both}) == 2
    assert value("overload_branch_hours", {"grid_branches": both}) == 3  # the line's limit is 80 %


def test_the_network_table_overrides_the_scenario_limit():
    network = {"branch": ["T1"], "kind": ["trafo"], "from_bus": ["a"], "to_bus": ["b"], "limit": [160.0]}
    tables = {"grid_branches": branches([150, 170], [30, 34]), "network_branches": network}
    facts = make_facts(tables, META)
    frame = facts.days("grid_branches")
    assert branch_limits(facts, frame).tolist() == [160, 160]
    assert overload_rows(facts, frame).tolist() == [False, True]


def test_a_branch_out_of_service_is_neither_loaded_nor_overloaded():
    tables = {"grid_branches": branches([math.nan, 120], [math.nan, 24])}
    assert value("overload_kwh", tables) == pytest.approx(24 * (1 - 100 / 120))
    assert value("peak_loading_percent", {"grid_branches": branches([math.nan], [math.nan])}) is None


def test_only_delivery_days_count():
    tables = {"grid_branches": branches([300, 50, 300], [1, 1, 1], t_ms=[-H, 0, 24 * H])}
    assert value("peak_loading_percent", tables) == 50
    outside = {"grid_branches": branches([300], [1], t_ms=[24 * H])}
    assert value("overload_hours", outside) is None


def voltage_tables():
    """Two homes of 2 kWh an hour at buses a and b; a is low in hours 1 and 2, b high in hour 2."""
    volts = {"a": [1.0, 0.94, 0.94], "b": [1.0, 1.05, 1.06]}
    return {
        "grid_buses": {"t_ms": [0, H, 2 * H] * 2, "bus": ["a"] * 3 + ["b"] * 3, "v_pu": volts["a"] + volts["b"]},
        "homes": {
            "owner": ["h1", "h2"], "bus": ["a", "b"], "meter": ["m1", "m2"], "tariff": ["t"] * 2, "fsp": ["f", None],
            "consent": [True, True],
        },
        "meters": {
            "t_ms": [0, H, 2 * H] * 2, "meter": ["m1"] * 3 + ["m2"] * 3, "import_kwh": [2.0] * 5 + [0.0],
            "export_kwh": [0.0] * 5 + [3.0],
        },
    }  # fmt: skip


def test_voltage_violation_by_hand():
    tables = voltage_tables()
    assert value("voltage_violation_hours", tables) == 2
    assert value("voltage_violation_kwh", tables) == 2 + 2 + 3
    assert value("min_voltage_pu", tables) == 0.94
    assert value("max_voltage_pu", tables) == 1.06
    limits = {"v_min_pu": [0.9, None], "v_max_pu": [None, 1.1]}
    network = {"bus": ["a", "b"], "x": [0, 1], "y": [0, 1], "vn_kv": [0.4, 0.4], "zone": [None, None]}
    assert value("voltage_violation_hours", tables | {"network_buses": network | limits}) == 0


def test_a_bus_without_supply_has_no_voltage():
    tables = voltage_tables()
    tables["grid_buses"]["v_pu"] = [1.0, None, None, 1.0, 1.05, 1.06]
    assert value("min_voltage_pu", tables) == 1.0
    assert value("voltage_violation_hours", tables) == 1


def test_voltage_without_limits_is_unknown():
    meta = META | {"scenario": {}}
    assert value("voltage_violation_hours", voltage_tables(), meta=meta) is None
    assert value("voltage_violation_kwh", voltage_tables(), meta=meta) is None


def test_losses_and_unserved_energy():
    tables = {"grid_branches": branches([10, 10], [5, 5], loss_kw=[0.5, None])}
    tables["unserved"] = {"t_ms": [0, H], "power_kw": [0.0, 7.0]}
    assert value("losses_kwh", tables) == 0.5
    assert value("energy_not_served_kwh", tables) == 7
    assert value("losses_kwh", {"grid_branches": branches([10], [5])}) is None


def test_avoided_is_before_less_after():
    tables = {"grid_branches": branches([90, 120], [18, 24])}
    twin = {"grid_branches": branches([150, 200], [30, 40])}
    assert value("avoided_overload_hours", tables, twin) == 1
    assert value("avoided_overload_kwh", tables, twin) == pytest.approx(10 + 20 - 4)
    assert value("congestions_avoided_percent", tables, twin) == 50
    assert value("peak_reduction_percent", tables, twin) == pytest.approx(100 * (40 - 24) / 40)
    assert value("congestions_avoided_percent", tables, {"grid_branches": branches([10], [2])}) is None


def market():
    """Need of 10 kW twice (stated twice, 8 and 10), bids 6 + 6 + 3, accepted 6 + 2, ordered 8, delivered 5 then 8."""
    bid = {"session": ["s"] * 3, "area": ["T1"] * 3, "direction": ["up"] * 3, "t_ms": [0, 0, 0], "received_ms": [0] * 3}
    return {
        "needs": {
            "need": ["n1", "n2", "n1"], "conversation": ["c"] * 3, "constraint": ["T1"] * 3, "direction": ["up"] * 3,
            "t_ms": [0, 0, H], "quantity_kw": [8.0, 10.0, 10.0], "limit": [100.0] * 3,
        },
        "bids": bid | {
            "bid": ["b1", "b2", "b3"], "fsp": ["f1", "f2", "f2"], "quantity_kw": [6.0, 6.0, 3.0],
            "price_eur_per_kwh": [0.1, 0.2, 0.3], "accepted_kw": [6.0, 2.0, 0.0], "reason": [None, None, "dear"],
        },
        "clearings": {
            "session": ["s"], "t_ms": [0], "constraint": ["T1"], "direction": ["up"], "needed_kw": [10.0],
            "cleared_kw": [8.0], "cost_eur": [1.0], "price_eur_per_kwh": [0.2],
        },
        "activations": {
            "activation": ["a1", "a1"], "conversation": ["c"] * 2, "bid": ["b1"] * 2, "fsp": ["f1"] * 2,
            "area": ["T1"] * 2, "direction": ["up"] * 2, "t_ms": [0, H], "ordered_kw": [8.0, 8.0],
        },
        "deliveries": {
            "settlement": ["s1", "s1"], "activation": ["a1", "a1"], "fsp": ["f1"] * 2, "area": ["T1"] * 2, "t_ms": [0, H],
            "baseline_kw": [20.0, 22.0], "metered_kw": [15.0, 12.0], "ordered_kw": [8.0, 8.0], "delivered_kw": [5.0, 8.0],
            "true_kw": [3.0, 10.0],
        },
        "settlements": {
            "settlement": ["s1"], "conversation": ["c"], "fsp": ["f1"], "ordered_kwh": [16.0], "delivered_kwh": [13.0],
            "remuneration_eur": [3.0], "penalty_eur": [0.4], "net_eur": [2.6], "status": ["approved"],
        },
    }  # fmt: skip


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
    # DOMAIN LF6: A = (100, 120, 80, 100), B = (110, 110, 90, 100)
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


def test_money_by_kind_of_party_sums_to_zero():
    addresses = {
        "address": ["dso-1", "dso-1/derms", "f", "h1", "retailer-1", "state", "gdbn-1"],
        "party": ["dso-1", "dso-1", "f", "h1", "retailer-1", "state", "dpp-1"],
        "actors": [["dso"], ["derms"], ["fsp", "aggregator"], ["prosumer"], ["retailer"], [], ["gdbn"]],
        "operator": ["dso-1", "dso-1", "f", "h1", "retailer-1", "state", "dpp-1"], "device": [False] * 7,
    }  # fmt: skip
    debtors, creditors = ["dso-1", "f", "h1", "retailer-1", "f"], ["f", "h1", "retailer-1", "state", "dpp-1"]
    ledger = {"entry": range(5), "t_ms": [0] * 5, "debtor": debtors, "creditor": creditors, "eur": [10.0, 4.0, 7.0, 2.0, 1.0],
              "purpose": ["x"] * 5, "message_id": [None] * 5}  # fmt: skip
    found = figures({"ledger": ledger, "addresses": addresses}, META)
    money = {key: v for key, v in found.items() if key.startswith("money_")}
    assert money == {
        "money_dso_eur": -10, "money_fsps_eur": 5, "money_homes_eur": -3, "money_retailer_eur": 5, "money_state_eur": 2,
        "money_others_eur": 1,
    }  # fmt: skip
    assert sum(money.values()) == 0


def test_messages_of_the_synthetic_run(synthetic):
    found = figures(synthetic.tables(), synthetic.meta())
    parts = [found[f"messages_{name}"] for name in ("gdbn", "market_platform", "fsp_platform", "direct")]
    assert parts == [3, 3, 8, 0]
    assert found["messages_total"] == sum(parts)
    assert (found["messages_lost"], found["messages_retried"], found["messages_refused"]) == (1, 2, 0)
    waits = [2000 + 100 * row + (60_000 if row == 12 else 0) for row in range(13)]
    assert found["acknowledgement_p50_ms"] == np.percentile(waits, 50)
    assert found["acknowledgement_p95_ms"] == np.percentile(waits, 95)


def test_people_of_the_synthetic_run(synthetic):
    found = figures(synthetic.tables(), synthetic.meta(), synthetic.twin_tables())
    assert (found["homes_enrolled"], found["homes_active"]) == (7, 7)
    assert found["participation_percent"] == 100
    assert found["distinct_home_schedules"] == len(set(synthetic.shifts(True)))
    assert found["comfort_violation_degree_h"] == pytest.approx(0.8 * 0.25)
    assert found["ev_missing_kwh"] == 1.5


def test_steps_are_counted_once(synthetic):
    found = figures(synthetic.tables(), synthetic.meta())
    verdicts = ("made", "late", "broken", "excused", "not_reached")
    assert [found[f"steps_{name}"] for name in verdicts] == [3, 1, 1, 1, 1]


def test_a_conformance_report_becomes_a_table():
    finding = {"step": "1.4", "conversation": "c-2", "why": "missing"}
    case = {
        "made_steps": ["1.1", "1.2"], "not_reached": ["1.5"], "late": [], "broken": [finding, finding],
        "excused": [{"step": "1.6", "kind": "impossible", "reason": "no meter"}],
    }  # fmt: skip
    tables = {"conformance": conformance_columns({"SUC06.2": case, "SUC06.3": case})}
    assert value("steps_made", tables) == 4
    assert value("steps_broken", tables) == 2
    assert conform(tables)["conformance"].num_rows == 10


def forecast_tables():
    """Forecast at t=0 for hours 1 and 2 of a branch; truth 10, 20; seen before 8 (persistence), a week ago 12, 18."""
    week = -7 * 24 * H
    return {
        "forecasts": {
            "made_ms": [0, 0], "t_ms": [H, 2 * H], "party": ["d"] * 2, "subject": ["T1"] * 2, "value_kw": [11.0, 18.0],
            "horizon_h": [1.0, 13.0],
        },
        "actuals": {
            "t_ms": [H, 2 * H, -H, week + H, week + 2 * H], "subject": ["T1"] * 5, "value_kw": [10.0, 20.0, 8.0, 12.0, 18.0],
        },
        "addresses": {"address": ["d"], "party": ["d"], "actors": [["dso"]], "operator": ["d"], "device": [False]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("forecast_mape_percent", 100 * (0.1 + 0.1) / 2),
        ("forecast_rmse_kw", math.sqrt((1 + 4) / 2)),
        ("forecast_persistence_mape_percent", 100 * (0.2 + 0.6) / 2),
        ("forecast_persistence_rmse_kw", math.sqrt((4 + 144) / 2)),
        ("forecast_last_week_mape_percent", 100 * (0.2 + 0.1) / 2),
        ("forecast_0_12h_rmse_kw", 1.0),
        ("forecast_12_24h_rmse_kw", 2.0),
        ("forecast_24_48h_rmse_kw", None),
        ("fsp_forecast_rmse_kw", None),
    ],
)
def test_forecast_errors_by_hand(name, expected):
    assert value(name, forecast_tables()) == (None if expected is None else pytest.approx(expected))


def test_the_truth_of_a_forecast_is_the_twin():
    tables = forecast_tables() | {"grid_branches": branches([1, 1], [5, 5], t_ms=[H, 2 * H])}
    twin = {"grid_branches": branches([1, 1], [11, 18], t_ms=[H, 2 * H])}
    assert value("forecast_rmse_kw", tables, twin) == 0


def test_a_portfolio_forecast_is_compared_with_the_meters_of_its_homes():
    tables = voltage_tables() | {
        "forecasts": {
            "made_ms": [0, 0], "t_ms": [H, 2 * H], "party": ["f"] * 2, "subject": ["f", "h2"], "value_kw": [3.0, -3.0],
            "horizon_h": [1.0, 2.0],
        },
        "addresses": {"address": ["f"], "party": ["f"], "actors": [["fsp"]], "operator": ["f"], "device": [False]},
    }  # fmt: skip
    assert value("fsp_forecast_rmse_kw", tables, meta=META) == pytest.approx(math.sqrt((1 + 0) / 2))


def test_a_twin_equal_to_the_run_avoids_exactly_nothing(synthetic):
    tables = synthetic.tables()
    twin = {name: tables[name] for name in synthetic.twin_tables()}
    found = figures(tables, synthetic.meta(), twin)
    avoided = {key: v for key, v in found.items() if key.startswith("avoided_")}
    assert set(avoided.values()) == {0.0}
    assert len(avoided) == 5
    assert found["congestions_avoided_percent"] == 0
    assert found["peak_reduction_percent"] == 0
    assert found["rebound_kwh"] == 0
    own = twin_figures(tables, synthetic.meta(), twin)
    assert own == {key: found[key] for key in own}


@given(factor=st.floats(0.1, 10), seed=st.integers(0, 1000))
def test_energies_scale_with_power_and_ratios_do_not(factor, seed):
    rng = np.random.default_rng(seed)
    loading, power = rng.uniform(0, 200, 24), rng.uniform(1, 50, 24)
    tables, twin = ({"grid_branches": branches(k * loading, p)} for k, p in ((0.8, 0.8 * power), (1.0, power)))
    one = figures(tables | market(), META, twin)
    for side in (tables, twin):
        side["grid_branches"]["p_kw"] = np.asarray(side["grid_branches"]["p_kw"]) * factor
    two = figures(tables | market(), META, twin)
    for name in ("overload_kwh", "avoided_overload_kwh"):
        assert two[name] == pytest.approx(factor * one[name], abs=1e-9)
    for name in ("peak_loading_percent", "overload_hours", "peak_reduction_percent", "congestions_avoided_percent"):
        assert two[name] == pytest.approx(one[name])


@given(copies=st.integers(1, 5))
def test_copies_of_a_feeder_multiply_amounts_and_leave_ratios(copies):
    # DOMAIN SR1: n copies without interaction
    def repeated(table, *names):
        found = {key: list(column) * copies for key, column in table.items()}
        rows = len(table[names[0]])
        for name in names:
            found[name] = [f"{found[name][i]}-{i // rows}" for i in range(rows * copies)]
        return found

    keys = {
        "needs": ("need", "constraint"), "bids": ("bid",), "clearings": ("constraint",), "activations": ("activation", "area"),
        "deliveries": ("settlement", "activation", "area"), "settlements": ("settlement",),
    }  # fmt: skip
    once = figures(market(), META)
    many = figures({name: repeated(table, *keys[name]) for name, table in market().items()}, META)
    for name in ("needed", "offered", "cleared", "activated", "delivered", "true"):
        assert many[f"flexibility_{name}_kwh"] == pytest.approx(copies * once[f"flexibility_{name}_kwh"])
    assert many["unmet_need_kwh"] == pytest.approx(copies * once["unmet_need_kwh"])
    for name in ("delivered_percent", "cost_eur_per_kwh_delivered", "bids_hhi", "baseline_rrmse"):
        assert many[name] == pytest.approx(once[name])


def test_figures_do_not_depend_on_the_order_of_rows(synthetic):
    rng = np.random.default_rng(1)

    def shuffled(table):
        order = rng.permutation(len(next(iter(table.values()))))
        return {key: [values[i] for i in order] for key, values in ((k, list(v)) for k, v in table.items())}

    tables, twin, meta = synthetic.tables(), synthetic.twin_tables(), synthetic.meta()
    expected = figures(tables, meta, twin)
    found = figures({k: shuffled(v) for k, v in tables.items()}, meta, {k: shuffled(v) for k, v in twin.items()})
    assert found == expected


def test_twin_tables_may_come_with_their_prefix(synthetic):
    prefixed = {f"twin/{name}": table for name, table in synthetic.twin_tables().items()}
    expected = figures(synthetic.tables(), synthetic.meta(), synthetic.twin_tables())
    assert figures(synthetic.tables() | prefixed, synthetic.meta()) == expected
    assert twin_figures(synthetic.tables(), synthetic.meta()) is None


def test_the_table_of_figures_reads_well(synthetic):
    found = figures(synthetic.tables(), synthetic.meta(), synthetic.twin_tables())
    twin = twin_figures(synthetic.tables(), synthetic.meta(), synthetic.twin_tables())
    text = figure_table(found, twin)
    lines = text.splitlines()
    assert lines[0].split() == ["with", "without", "change", "unit"]
    assert "Grid" in lines
    assert "Use cases" in lines
    peak = next(line for line in lines if "Peak loading" in line)
    assert peak.split()[-4:] == ["171.1", "172.9", "-1.8", "%"]
    assert "FSP forecast" not in text
    assert "FSP forecast" in figure_table(found, twin, every=True)
    assert max(map(len, lines)) < 110
    assert "without" not in figure_table(found)


def test_rows_say_what_is_better():
    rows = {
        row.id: row
        for row in figure_rows(
            {"overload_kwh": 1.0, "min_voltage_pu": 0.9}, {"overload_kwh": 3.0, "min_voltage_pu": 0.95}
        )
    }
    assert rows["overload_kwh"].better is True
    assert rows["min_voltage_pu"].better is False
    assert rows["overload_kwh"].change == "-2.00"
    assert catalogue()["overload_kwh"].text(-0.0001) == "0.00"
    assert catalogue()["overload_kwh"].text(None) == "-"


def test_figures_become_a_table():
    columns = figure_columns({"overload_kwh": 1.5, "overload_hours": None})
    table = conform({"figures": columns})["figures"]
    assert dict(zip(table.column("figure").to_pylist(), table.column("value").to_pylist(), strict=True)) == {
        "overload_hours": None,
        "overload_kwh": 1.5,
    }


@given(number=st.integers(-1, 10_000), t_ms=st.integers(-(2**40), 2**40))
def test_pairs_come_back(number, t_ms):
    key = paired(np.array([number]), np.array([t_ms]))
    assert [int(part[0]) for part in unpaired(key)] == [number, t_ms]


def test_frames_tell_null_from_zero():
    frame = Frame(conform({"grid_buses": {"t_ms": [0, 1], "bus": ["a", "b"], "v_pu": [None, 0.0]}})["grid_buses"])
    assert np.isnan(frame.floats("v_pu")).tolist() == [True, False]
    assert frame.names("bus").tolist() == ["a", "b"]


def test_the_catalogue_file_lists_no_figure_twice():
    assert len(data.read_yaml("figures.yaml")["figures"]) == len(catalogue())
