"""Replay against a stand-in for the simulator: what is compared, what is passed on, what is told."""

import sys
from types import ModuleType

import numpy as np
import pytest

from experiments.replay import compare_runs, replay
from experiments.results import open_run, write_run
from experiments.results.schema import ResultsError
from experiments.scenario import Scenario


@pytest.fixture
def simulator(monkeypatch, synthetic):
    """A module ``experiments.run`` whose ``run`` writes the synthetic run, changed by ``change(tables)``."""
    module = ModuleType("experiments.run")
    module.calls, module.change, module.versions = [], lambda tables: None, synthetic.meta()["versions"]

    def run(scenario, *, seed, out, twin, progress, report):
        assert not report  # nobody reads it
        progress("day", 1, 1)
        module.calls.append((scenario, seed, twin))
        tables = synthetic.complete_tables()
        module.change(tables)
        twin_tables = synthetic.complete_twin_tables() if twin else None
        meta = synthetic.meta(scenario=scenario.as_data(), seed=seed, versions=module.versions)
        write_run(out, tables, meta, twin_tables)

    module.run = run
    monkeypatch.setitem(sys.modules, "experiments.run", module)
    return module


@pytest.fixture
def recorded(tmp_path, synthetic):
    scenario = Scenario(title="to be run again").as_data()
    synthetic.write(tmp_path / "run", scenario=scenario, seed=11)
    return tmp_path / "run"


def test_the_same_results_are_the_same(simulator, recorded):
    result = replay(recorded)
    assert result.same
    assert result.exact
    assert result.difference is None
    assert result.warnings == ()
    assert result.digest == result.replayed_digest == open_run(recorded).meta["digest"]
    ((scenario, seed, twin),) = simulator.calls
    assert (scenario.title, seed, twin) == ("to be run again", 11, True)


def test_a_run_without_twin_is_replayed_without(simulator, tmp_path, synthetic):
    meta = synthetic.meta(scenario=Scenario().as_data())
    write_run(tmp_path / "run", synthetic.complete_tables(), meta)
    assert replay(tmp_path / "run").same
    assert simulator.calls[0][2] is False


def test_a_difference_is_named(simulator, recorded):
    def change(tables):
        tables["grid_buses"]["v_pu"] = np.array(tables["grid_buses"]["v_pu"])
        tables["grid_buses"]["v_pu"][0] = 0.5

    simulator.change = change
    result = replay(recorded)
    assert not result.same
    assert "table grid_buses, row 384, column v_pu: 1.0 against 0.5" in result.difference


def test_noise_below_the_resolution_is_the_same_but_not_exact(simulator, recorded):
    def change(tables):
        tables["unserved"]["power_kw"] = np.full(len(tables["unserved"]["power_kw"]), 1e-12)

    simulator.change = change
    result = replay(recorded)
    assert result.same
    assert not result.exact


def test_a_table_changed_on_disk_shows(simulator, recorded):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = open_run(recorded).table("ledger")
    forged = pa.array([v + 1.0 if i == 0 else v for i, v in enumerate(table.column("eur").to_pylist())])
    pq.write_table(table.set_column(table.schema.get_field_index("eur"), "eur", forged), recorded / "ledger.parquet")
    result = replay(recorded)
    assert not result.same
    assert result.difference.startswith("table ledger, row 0, column eur: 3.5 against 2.5")


def test_other_versions_are_told(simulator, recorded):
    simulator.versions = {"coflex": "0.2.0", "python": "3.11"}
    result = replay(recorded)
    assert result.same
    assert result.warnings == ("coflex 0.1.0 against 0.2.0",)
    simulator.change = lambda tables: tables.pop("scada")
    assert "coflex 0.1.0 against 0.2.0" in replay(recorded).difference


def test_no_run_is_refused_before_anything_is_computed(simulator, tmp_path):
    with pytest.raises(ResultsError):
        replay(tmp_path / "nowhere")
    assert simulator.calls == []


def test_a_run_compared_with_itself(recorded):
    run = open_run(recorded)
    assert compare_runs(run, run).exact
