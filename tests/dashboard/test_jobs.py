"""Runs in the background: progress, success, refusal, cancelling."""

import time

import pytest

from dashboard import jobs as background
from dashboard.jobs import JobError, Jobs

FAKE = (
    "import sys, json, time, pathlib;"
    "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1]); how = sys.argv[2];"
    "say = lambda stage, done: print(json.dumps(dict(elapsed_s=0, stage=stage, done=done, total=4)), file=sys.stderr, flush=True);"
    "say('people and grid', 4);"
    "sys.exit(print('error: my.yaml: people: what is that', file=sys.stderr) or 2) if how == 'refuse' else None;"
    "say('day', 2); [time.sleep(0.05) for _ in range(200 if how == 'wait' else 0)];"
    "out.mkdir(); (out / 'run.json').write_text('{}')"
)


@pytest.fixture
def jobs(monkeypatch):
    """The list of runs, with a program in place of coflex that ends as it is told."""
    monkeypatch.setattr(background, "_COFLEX", FAKE)
    found = Jobs()
    yield found
    found.close()


def until(condition, seconds=20):
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds
        time.sleep(0.02)


def test_a_run_goes_on_by_itself_and_says_how_far_it_is(jobs, tmp_path):
    job = jobs.start(["wait"], out=tmp_path / "a", label="a")
    until(lambda: job.progress().stage == "day")
    told = job.progress()
    assert job.is_going
    assert 0.4 < told.share < 0.75  # people and history done, half of the day
    assert job.errors() == []
    job.cancel()
    assert job.cancelled
    assert not job.is_going
    assert job.errors() == []
    assert not (tmp_path / "a").exists()
    jobs.forget(job)
    assert jobs.all == []


def test_a_run_that_ends_well_leaves_its_folder(jobs, tmp_path):
    job = jobs.start(["well"], out=tmp_path / "deep" / "b", label="b")
    until(lambda: not job.is_going)
    assert job.succeeded
    assert (tmp_path / "deep" / "b" / "run.json").is_file()
    assert job.command[:2] == ("run", "well")


def test_what_is_refused_is_said_in_the_words_of_the_command_line(jobs, tmp_path):
    job = jobs.start(["refuse"], out=tmp_path / "c", label="c")
    until(lambda: not job.is_going)
    assert not job.succeeded
    assert job.errors() == ["my.yaml: people: what is that"]


def test_no_more_runs_than_processors_and_none_over_another(jobs, tmp_path, monkeypatch):
    monkeypatch.setattr(background, "MOST", 1)
    (tmp_path / "there").mkdir()
    with pytest.raises(JobError, match="already a run called there"):
        jobs.start(["wait"], out=tmp_path / "there", label="there")
    jobs.start(["wait"], out=tmp_path / "d", label="d")
    with pytest.raises(JobError, match="1 runs are going on"):
        jobs.start(["wait"], out=tmp_path / "e", label="e")
    jobs.close()
    assert jobs.going == []


def test_the_stages_of_a_run_are_those_that_runs_report():
    """Names of stages stand here and in the library; a stage that is renamed must not leave the bar standing still."""
    from inspect import getsource

    import experiments.assembly.site
    import experiments.run

    source = getsource(experiments.assembly.site) + getsource(experiments.run)
    for stage in background.STAGES:
        assert f'"{stage}"' in source, stage
    assert sum(background._PARTS) == pytest.approx(1.0)
