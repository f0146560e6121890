"""The catalogue of figures, its table, and the laws that hold for any run."""

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
from experiments.kpis.facts import Facts, paired, unpaired
from experiments.results.frame import Frame
from experiments.results.schema import conform, empty_table, table_specs
from tests.experiments.figure_cases import META, branches, market

MARKET = conform(market())


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
    one = figures(tables | MARKET, META, twin)
    for side in (tables, twin):
        side["grid_branches"]["p_kw"] = np.asarray(side["grid_branches"]["p_kw"]) * factor
    two = figures(tables | MARKET, META, twin)
    for name in ("overload_kwh", "avoided_overload_kwh"):
        assert two[name] == pytest.approx(factor * one[name], abs=1e-9)
    for name in ("peak_loading_percent", "overload_hours", "peak_reduction_percent", "congestions_avoided_percent"):
        assert two[name] == pytest.approx(one[name])


@given(copies=st.integers(1, 5))
def test_copies_of_a_feeder_multiply_amounts_and_leave_ratios(copies):
    # n copies without interaction
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
    assert [catalogue()["overload_kwh"].text(change, "+") for change in (0.0, -0.0001, 0.01)] == [
        "0.00",
        "0.00",
        "+0.01",
    ]


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
