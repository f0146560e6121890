"""Runs that are damaged, old, refused, cancelled or started in another tab: each is said in words, and nothing else suffers."""

import json
import shutil
import signal

import pyarrow.parquet as pq
import pytest

from dashboard import background, jobs
from dashboard.background import next_shown
from dashboard.jobs import Jobs
from dashboard.shelf import same_scenario
from tests.dashboard.conftest import html
from tests.dashboard.test_jobs import FAKE, until
from tests.experiments import synthetic_run

STUBBORN = (
    "import sys, signal, time, os, pathlib; signal.signal(signal.SIGINT, signal.SIG_IGN);"
    "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1]);"
    '(out.parent / f\'.{out.name}.writing-{os.getpid()}\').mkdir(); print(\'{"stage": "day", "done": 1, "total": 4}\', file=sys.stderr, flush=True);'
    "[time.sleep(0.05) for _ in range(2000)]"
)
"""A run in the middle of writing that does not listen."""


@pytest.fixture
def damaged(tmp_path):
    """A run that a test may damage, beside one that is whole."""
    synthetic_run.write(tmp_path / "bad")
    synthetic_run.write(tmp_path / "good", seed=8)
    return tmp_path


def test_a_damaged_table_is_named_and_other_pages_still_open(damaged, page):
    (damaged / "bad" / "figures.parquet").write_bytes(b"PAR1 and no more")
    app = page(folder=damaged, page="Figures", runs=[str(damaged / "bad")])
    assert [("figures.parquet" in one.value, "Run the scenario again" in one.value) for one in app.error] == [
        (True, True)
    ]
    app = page(folder=damaged, page="Conversations", runs=[str(damaged / "bad")])
    assert not app.error


def test_a_table_of_another_version_is_named(damaged, page):
    file = damaged / "bad" / "devices.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["power_kw"]), file)
    app = page(folder=damaged, page="Homes", runs=[str(damaged / "bad")])
    assert len(app.error) == 1
    assert "devices" in app.error[0].value
    assert "power_kw" in app.error[0].value


def test_a_run_json_of_another_version_says_what_it_lacks(damaged, page):
    file = damaged / "bad" / "run.json"
    meta = json.loads(file.read_text())
    file.write_text(json.dumps({key: value for key, value in meta.items() if key != "zone"}))
    app = page(folder=damaged, page="Grid", runs=[str(damaged / "bad")])
    assert ["run.json lacks zone" in one.value for one in app.error] == [True]
    file.write_text("{half")
    app = page(folder=damaged, page="Grid", runs=[str(damaged / "bad")])
    assert ["cannot be read" in one.value for one in app.error] == [True]
    app = page(folder=damaged, page="Grid", runs=[str(damaged / "good")])
    assert not app.error


def test_the_folder_of_a_study_is_told_from_a_run(damaged, page):
    (damaged / "study").mkdir()
    (damaged / "study" / "report.html").write_text("<p>")
    app = page(folder=damaged)
    app.text_input(key="other_folder").set_value(str(damaged / "study")).run()
    app.button(key="open_other").click().run()
    assert ["is the folder of a study" in one.value for one in app.error] == [True]


def test_an_empty_folder_has_a_page_to_begin_with(tmp_path, page):
    app = page(folder=tmp_path)
    assert "Begin with a scenario" in html(app)
    assert any(one.label == "Run" for one in app.button)


@pytest.fixture
def going(monkeypatch):
    """The runs of the server, with a program in place of coflex."""
    monkeypatch.setattr(jobs, "_COFLEX", FAKE)
    background.jobs.clear()
    yield background.jobs
    background.jobs().close()
    background.jobs.clear()


def test_what_one_tab_starts_the_other_sees_and_is_not_torn_away(shelf, page, going, tmp_path):
    first, second = page(), page(page="Grid", runs=[str(shelf / "first")])
    job = going().start(["well"], out=tmp_path / "runs" / "mine", label="mine")
    first.session_state["awaited"] = {str(job.folder): ""}
    until(lambda: not job.is_going)
    first.run()
    assert first.session_state["page"] == "Answer"
    second.run()
    assert second.session_state["page"] == "Grid"
    for app in (first, second):
        assert not app.exception
        assert "<b>mine</b>: done" in html(app)


def test_a_run_that_ends_takes_nobody_from_the_page_he_went_to(shelf, page, going, tmp_path):
    """The unchanged scenario ends a moment after the changed one, when somebody reads on already."""
    app = page(page="Grid", runs=[str(shelf / "first")])
    job = going().start(["well"], out=tmp_path / "runs" / "mine", label="mine")
    app.session_state["awaited"] = {str(job.folder): ""}
    until(lambda: not job.is_going)
    app.run()
    assert app.session_state["page"] == "Grid"
    assert app.session_state["runs"] == [str(shelf / "first")]
    assert "<b>mine</b>: done" in html(app)
    assert any(one.key == "show-0-mine" for one in app.button)


def test_a_refused_run_shows_its_one_error(page, going, tmp_path):
    job = going().start(["refuse"], out=tmp_path / "no", label="no")
    until(lambda: not job.is_going)
    app = page()
    assert [one.value for one in app.error] == ["my.yaml: people: what is that"]
    assert "could not be run" in html(app)


def test_a_run_that_does_not_listen_is_ended_and_what_it_put_apart_is_cleared(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "_COFLEX", STUBBORN)
    monkeypatch.setattr(jobs, "_PATIENCE_S", 0.2)
    runs = Jobs()
    job = runs.start(["x"], out=tmp_path / "a", label="a")
    until(lambda: job.progress().stage == "day")
    assert len(list(tmp_path.iterdir())) == 1
    job.cancel()
    assert job.process.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []
    runs.close()


def test_an_ended_run_stands_beside_the_unchanged_scenario():
    unchanged = {"b": "a", "c": "a", "x": ""}
    assert next_shown("b", ["z"], unchanged, 4) == ["a", "b"]
    assert next_shown("c", ["a", "b"], unchanged, 4) == ["a", "b", "c"]
    assert next_shown("a", ["b"], unchanged, 4) == ["a", "b"]  # it ended later
    assert next_shown("a", ["z"], unchanged, 4) == ["a"]
    assert next_shown("x", ["1", "2", "3", "4"], unchanged, 4) == ["2", "3", "4", "x"]
    assert next_shown("c", ["a", "1", "b"], unchanged, 2) == ["a", "c"]


def test_a_run_of_the_same_scenario_is_found_by_all_it_says(shelf, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    shutil.copytree(shelf / "first", folder / "first")
    meta = json.loads((folder / "first" / "run.json").read_text())
    twin = bool(meta["twin"])
    assert same_scenario(folder, meta["scenario"], meta["seed"], twin=twin) == folder / "first"
    assert same_scenario(folder, meta["scenario"], meta["seed"] + 1, twin=twin) is None
    assert same_scenario(folder, meta["scenario"], meta["seed"], twin=not twin) is None
    assert (
        same_scenario(folder, meta["scenario"] | {"events": [{"from": "1", "manual": 1}]}, meta["seed"], twin=twin)
        is None
    )
