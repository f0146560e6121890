"""Commands that read run folders or start runs; the run itself is replaced by a quick one of the same shape."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from experiments.cli import run_cli

FIGURES = {"peak_loading_percent": 101.5, "steps_made": None}


@pytest.fixture
def answer(capsys):
    """Runs a command line; gives exit code, standard output and standard error."""

    def run(*words):
        code = run_cli([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def quick_run(monkeypatch):
    """Stands in for a run of half a minute; remembers what it was asked."""
    asked = {}

    def run(scenario, *, seed, out, twin, force, progress):
        asked.update(scenario=scenario, seed=seed, out=out, twin=twin, force=force)
        progress("history", 0, 1)
        progress("day", 1, 1)
        wall = {"setup": 1.0, "run": 2.0, "twin": 0.5, "write": 0.1}
        return SimpleNamespace(
            out=out, seed=seed, digest="abc", exact_digest="def", wall_s=wall, figures=FIGURES,
            twin_figures=FIGURES if twin else None,
        )  # fmt: skip

    module = ModuleType("experiments.run")
    module.run = run
    monkeypatch.setitem(sys.modules, "experiments.run", module)
    monkeypatch.setattr(
        "experiments.kpis.figure_table", lambda figures, twin: f"peak {figures['peak_loading_percent']}"
    )
    return asked


def test_a_run_prints_figures_on_standard_output_and_progress_on_standard_error(answer, quick_run, tmp_path):
    code, out, err = answer("run", "district-day", "--out", tmp_path / "x", "--seed", 7)
    assert code == 0
    assert "peak 101.5" in out
    assert "report.html" in out
    assert [line.split()[-1] for line in err.splitlines()] == ["history", "day"]
    assert (quick_run["seed"], quick_run["out"], quick_run["twin"]) == (7, tmp_path / "x", True)


def test_a_run_as_json_is_one_document_and_null_where_a_figure_is_undefined(answer, quick_run, tmp_path):
    code, out, _ = answer("run", "district-day", "--out", tmp_path / "x", "--format", "json")
    document = json.loads(out)
    assert code == 0
    assert set(document) == {"out", "seed", "digest", "wall_s", "figures", "twin"}
    assert document["figures"] == FIGURES
    assert document["twin"] == {"figures": FIGURES}


def test_a_run_without_twin_says_so(answer, quick_run, tmp_path):
    _, out, _ = answer("run", "district-day", "--out", tmp_path / "x", "--no-twin", "--format", "json")
    assert json.loads(out)["twin"] is None
    assert quick_run["twin"] is False


def test_settings_reach_the_run(answer, quick_run, tmp_path):
    answer("run", "district-day", "--out", tmp_path / "x", "--set", "people.0.devices.ev=80%", "--set", "clock.days=2")
    assert quick_run["scenario"].homes[0].devices.ev == 0.8
    assert quick_run["scenario"].clock.days == 2


def test_without_a_folder_the_run_goes_below_runs(answer, quick_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer("run", "district-day", "--seed", 3)
    assert quick_run["out"].as_posix() == "runs/district-day-3-1"


def test_a_wrong_scenario_starts_nothing(answer, quick_run, tmp_path):
    code, _, _ = answer("run", "district-day", "--out", tmp_path / "x", "--set", "clock.days=0")
    assert code == 2
    assert quick_run == {}


def test_figures_of_two_runs_stand_side_by_side(answer, synthetic_folder):
    code, out, _ = answer("compare", synthetic_folder, synthetic_folder, "--format", "json")
    document = json.loads(out)
    assert code == 0
    assert len(document["runs"]) == 2
    assert document["figures"]


def test_one_run_is_nothing_to_compare(answer, synthetic_folder):
    code, _, err = answer("compare", synthetic_folder)
    assert code == 2
    assert "two run folders or more" in err


@pytest.mark.parametrize("same", [True, False])
def test_a_replay_ends_with_the_answer(answer, monkeypatch, same):
    result = SimpleNamespace(
        same=same, exact=False, difference=None if same else "devices, row 3, power_kw: 1.0 against 2.0",
        warnings=("numpy 2.4.6 against 2.5.0",), digest="a", replayed_digest="a" if same else "b",
    )  # fmt: skip
    monkeypatch.setattr("experiments.replay.replay", lambda folder, progress: result)
    code, out, _ = answer("replay", "runs/x")
    assert code == (0 if same else 1)
    assert ("the same results" in out) is same
    assert ("devices, row 3, power_kw" in out) is not same
    assert "numpy 2.4.6" in out
    code, out, _ = answer("replay", "runs/x", "--format", "json")
    assert json.loads(out)["same"] is same


def test_the_catalogue_lists_every_use_case(answer):
    code, out, _ = answer("usecases", "--format", "json")
    rows = json.loads(out)
    assert code == 0
    assert {"SUC05.1", "SUC06.1", "SUC06.2", "SUC06.3"} <= {row["id"] for row in rows}
    assert all(row["steps"] > 0 for row in rows)
    assert sum(row["steps"] for row in rows) == 480


def test_a_use_case_as_text_and_as_json(answer):
    _, text, _ = answer("usecases", "SUC06.2")
    assert "SUC06.2" in text
    _, out, _ = answer("usecases", "SUC06.2", "--format", "json")
    assert json.loads(out)["scenarios"][0]["steps"]


def test_rules_name_what_enforces_or_why_they_are_outside(answer):
    code, out, _ = answer("usecases", "SUC06.3", "--rules", "--format", "json")
    rules = json.loads(out)
    assert code == 0
    assert "SUC06.3/r01" in rules
    assert all(entry["says"] for entry in rules.values())
    assert all(bool(entry["enforced_by"]) != bool(entry["outside"]) for entry in rules.values())


def test_weather_of_ones_own_is_read_when_asked(answer, tmp_path):
    (tmp_path / "station.csv").write_text("time,temp_c\n2016-01-01,3\n")
    (tmp_path / "my.yaml").write_text("place: {city: Rome, weather: station.csv}\n")
    assert answer("validate", tmp_path / "my.yaml")[0] == 0
    code, out, _ = answer("validate", tmp_path / "my.yaml", "--deep")
    assert code == 1
    assert out.startswith("my.yaml: place.weather: ")
    assert "station.csv" in out


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ([], ["svg", "mermaid"]),
        (["--picture", "png"], ["png"]),
        (["--out", "a/b.png"], ["png"]),
        (["--out", "a/b.mmd"], ["mermaid"]),
        (["--out", "a/b.svg", "--picture", "mermaid"], ["mermaid"]),
    ],
)
def test_a_diagram_is_drawn_in_the_kinds_asked_for(answer, synthetic_folder, monkeypatch, words, kinds):
    drawn = []

    def draw(folder, usecase, *, conversation, out, format):  # noqa: A002 - the shape of the library's function
        drawn.append(format)
        return [folder / f"{usecase}.{format}"]

    monkeypatch.setattr("experiments.diagram.draw", draw)
    code, out, err = answer("diagram", synthetic_folder, "SUC06.2", *words, "--format", "json")
    assert code == 0, err
    assert drawn == kinds
    assert [file.rsplit(".", 1)[-1] for file in json.loads(out)["files"]] == kinds
