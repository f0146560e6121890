"""What a person does with a finished run. The fixture ``default_run`` is one run of the default scenario with its twin."""

import csv
import io
import json
import re

import duckdb
import pytest

from experiments.cli import run_cli
from experiments.scenario import load_scenario, scenario_from


@pytest.fixture
def folder(default_run):
    return str(default_run.out)


def answer(capsys, *words):
    code = run_cli(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_folder_says_what_was_run(default_run):
    meta = json.loads((default_run.out / "run.json").read_text())
    assert meta["seed"] == default_run.seed
    assert meta["digest"] == default_run.digest
    scenario = scenario_from(meta["scenario"], where="run.json")
    assert scenario.actors == load_scenario(scenario.name).actors


def test_the_report_is_one_file_that_needs_no_network(default_run):
    html = (default_run.out / "report.html").read_text()
    assert html.lstrip().lower().startswith("<!doctype html")
    assert not re.search(r"""(src|href)=["']https?://[^"']+\.(js|css|png|svg|woff2?)""", html)


def test_the_figures_are_those_of_the_shape_that_scripts_rely_on(default_run):
    assert default_run.figures
    assert default_run.twin_figures is not None
    assert set(default_run.wall_s) == {"setup", "run", "twin", "write"}
    assert all(value is None or isinstance(value, int | float) for value in default_run.figures.values())


def test_coordination_relieves_what_the_twin_suffers(default_run):
    meta = json.loads((default_run.out / "run.json").read_text("utf-8"))
    days = f"t_ms >= {meta['delivery_start_ms']} AND t_ms < {meta['delivery_end_ms']}"

    def peak(folder):
        query = f"SELECT max(loading_percent) FROM '{folder}/grid_branches.parquet' WHERE kind = 'trafo' AND {days}"
        return duckdb.sql(query).fetchall()[0][0]

    assert peak(default_run.out / "twin") > 100.0
    assert peak(default_run.out) < peak(default_run.out / "twin")


def test_the_use_cases_of_the_run_are_read_from_its_journal(capsys, folder):
    code, out, err = answer(capsys, "usecases", "--run", folder, "--strict", "--format", "json")
    assert code == 0, out + err
    document = json.loads(out)
    assert set(document) >= {"SUC05.1", "SUC06.1", "SUC06.2", "SUC06.3"}
    for case in document.values():
        assert {
            "scenarios",
            "steps",
            "conversations",
            "made",
            "late",
            "excused",
            "not_reached",
            "broken",
            "unmatched",
        } <= set(case)


def test_one_use_case_of_the_run_as_text(capsys, folder):
    code, out, _ = answer(capsys, "usecases", "SUC06.2", "--run", folder)
    assert code == 0
    assert "SUC06.2" in out


@pytest.mark.parametrize(("picture", "first"), [("svg", b"<"), ("png", b"\x89PNG"), ("mermaid", b"")])
def test_the_diagram_is_drawn_to_a_file(capsys, folder, tmp_path, picture, first):
    out = tmp_path / f"diagram.{picture}"
    code, text, err = answer(
        capsys, "diagram", folder, "SUC06.2", "--picture", picture, "--out", str(out), "--format", "json"
    )
    assert code == 0, err
    (file,) = json.loads(text)["files"]
    with open(file, "rb") as drawn:  # noqa: PTH123 - a path from the command's answer
        content = drawn.read()
    assert content.startswith(first)
    assert len(content) > 300


def test_a_use_case_that_did_not_happen_has_no_diagram(capsys, folder):
    code, _, err = answer(capsys, "diagram", folder, "SUC99.9")
    assert code == 2
    assert err.startswith("error: ")


def test_a_run_compared_with_itself_differs_in_nothing(capsys, folder):
    code, out, _ = answer(capsys, "compare", folder, folder, "--format", "json")
    assert code == 0
    figures = json.loads(out)["figures"]
    assert figures
    assert all(difference in (0, None) for entry in figures.values() for difference in entry["differences"])


def test_replay_gives_the_same_results(capsys, folder):
    code, out, _ = answer(capsys, "replay", folder, "--format", "json")
    assert code == 0, out
    document = json.loads(out)
    assert document["same"] is True
    assert document["digest"] == document["replayed_digest"]


def test_a_run_is_not_overwritten(capsys, folder):
    code, _, err = answer(capsys, "run", "district-day", "--out", folder)
    assert code == 2
    assert "--force" in err or "force" in err


def test_the_tables_are_read_without_coflex(folder):
    rows = duckdb.sql(
        f"SELECT owner, kind, sum(power_kw) FROM '{folder}/devices.parquet' GROUP BY owner, kind HAVING kind = 'ev'"
    ).fetchall()
    assert len({owner for owner, *_ in rows}) > 50
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    assert text.getvalue().count("\n") == len(rows)
