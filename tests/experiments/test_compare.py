import json

import numpy as np
import pytest

from experiments.compare import _short, compare, stored_figures
from experiments.kpis import catalogue, figure_columns, figures
from experiments.results import open_run, write_run
from experiments.results.schema import ResultsError


@pytest.fixture
def folders(tmp_path, synthetic):
    synthetic.write(tmp_path / "a")
    tables = synthetic.tables()
    tables["needs"]["quantity_kw"] = np.full(len(tables["needs"]["quantity_kw"]), 30.0)
    found = figures(tables, synthetic.meta(seed=8))
    write_run(tmp_path / "b", tables | {"figures": figure_columns(found)}, synthetic.meta(seed=8))
    return [tmp_path / "a", tmp_path / "b"]


def test_figures_come_back_as_they_were_stored(folders, synthetic):
    expected = figures(synthetic.tables(), synthetic.meta(), synthetic.twin_tables())
    assert stored_figures(open_run(folders[0])) == expected
    assert stored_figures(open_run(folders[0]), twin=True)["overload_hours"] == 3
    with pytest.raises(ResultsError, match="has no table 'twin/figures'"):
        stored_figures(open_run(folders[1]), twin=True)


def test_differences_are_against_the_first(folders):
    found = json.loads(json.dumps(compare([*folders, folders[0]]).data()))
    need = found["figures"]["flexibility_needed_kwh"]
    assert need == {"unit": "kWh", "values": [40.0, 60.0, 40.0], "differences": [20.0, 0.0]}
    assert found["figures"]["avoided_overload_hours"]["differences"] == [None, 0.0]
    assert [run["seed"] for run in found["runs"]] == [7, 8, 7]
    assert list(found["figures"]) == list(catalogue())


def test_the_text_shows_both_and_the_change(folders):
    lines = compare(folders).text().splitlines()
    need = next(line for line in lines if line.startswith("  Flexibility needed"))
    assert need.split()[2:] == ["40.00", "60.00", "+20.00", "kWh"]
    assert not any(line.startswith("FSP forecast") for line in lines)


def test_runs_are_called_by_the_ends_of_their_paths_that_tell_them_apart():
    assert _short(["out/a/run", "out/b/run"]) == ["a/run", "b/run"]
    assert _short(["runs/one", "elsewhere/runs/two", "runs/one"]) == ["one", "two", "one"]
    assert _short(["run", "out/run"]) == ["run", "out/run"]


def test_one_run_or_no_run_is_refused(folders, tmp_path):
    with pytest.raises(ResultsError, match="two run folders"):
        compare(folders[:1])
    with pytest.raises(ResultsError, match="does not exist"):
        compare([folders[0], tmp_path / "nowhere"])
