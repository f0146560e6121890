"""Figures of the grid, worked out by hand on tables of a few rows."""

import math

import pytest

from experiments.kpis import make_facts
from experiments.kpis.grid import branch_limits, overload_rows
from tests.experiments.figure_cases import META, H, branches, value, voltage_tables


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


def test_voltage_violation_by_hand():
    tables = voltage_tables()
    assert value("voltage_violation_hours", tables) == 2
    assert value("voltage_violation_kwh", tables) == 2 + 2 + 3
    assert value("voltage_violation_pu_h", tables) == pytest.approx(0.01 + 0.01), (
        "a is 0.01 low in hours 1 and 2, b no worse"
    )
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
