"""Sweeps: what is done is kept, what is missing is done, and the tables are the same whatever happened in between."""

import errno
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from experiments.errors import CoflexError
from experiments.run import live_scenario
from experiments.scenario import scenario_from
from experiments.sweep import run_sweep
from experiments.sweep.design import plan
from experiments.sweep.engine import Local
from experiments.sweep.file import sweep_from
from experiments.sweep.folder import failures
from experiments.sweep.results import query, views
from experiments.sweep.worker import do
from tests.experiments import sweep_tasks

ROOT = Path(__file__).resolve().parents[2]
RUNS = int(os.environ.get("COFLEX_SWEEP_RUNS", "40"))


def made(seeds=2, about="", **more):
    """A plan of 20 points in a scenario that nobody lives."""
    factors = {
        "ev": {"key": "people.0.devices.ev", "range": [0, 1], "steps": 5},
        "pv": {"key": "people.0.devices.pv", "values": ["0%", "20%", 0.5, "100%"]},
    }
    content = {"name": "quick", "scenario": "district-short", "factors": factors, "seeds": seeds, **more}
    return plan(sweep_from(content | ({"set": {"about": str(about)}} if about else {})))


def _here(jobs, done):
    """An engine without processes."""
    for job in jobs:
        done(do(job))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A sweep of 40 runs, done at a stretch by one worker: (folder, result)."""
    out = tmp_path_factory.mktemp("sweep") / "whole"
    return out, run_sweep(made(), out, Local(1), task=sweep_tasks.QUICK)


def test_every_run_is_there_once_and_as_it_would_be_alone(whole):
    out, result = whole
    assert (result.runs, result.done, result.skipped, result.failed) == (40, 40, 0, ())
    found = query(out, "select run, point, seed, ev, pv, value from figures where figure = 'losses_kwh' order by run")
    assert found.column("run") == list(range(40))
    assert found.column("seed") == [1, 2] * 20
    assert sorted(set(found.column("pv"))) == [0.0, 0.2, 0.5, 1.0]
    job = next(run for run in made().runs if run.number == 7)
    from experiments.sweep import job_of

    assert sweep_tasks.quick(job_of(made(), job)) == {"figures": (out / "runs/000007/figures.parquet").read_bytes()}


@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_workers_gives_the_same_tables(whole, tmp_path, workers):
    assert run_sweep(made(), tmp_path / "other", Local(workers), task=sweep_tasks.QUICK).digest == whole[1].digest


def test_a_sweep_interrupted_ten_times_at_random_ends_in_the_same_tables(whole, tmp_path):
    """Of 40 runs; of as many as ``COFLEX_SWEEP_RUNS`` says, a multiple of 20."""
    seeds = RUNS // 20
    digest = (
        whole[1].digest
        if seeds == 2
        else run_sweep(made(seeds), tmp_path / "all", Local(2), task=sweep_tasks.QUICK).digest
    )
    chance, out, interruptions = random.Random(3), tmp_path / "cut", 0

    def cut(done, total, rest_s):
        if rest_s == rest_s and chance.random() < 14 / RUNS:  # not before the first run of this turn
            raise KeyboardInterrupt

    while interruptions < 10:
        with pytest.raises(KeyboardInterrupt):
            run_sweep(made(seeds), out, Local(2), cut, task=sweep_tasks.QUICK)
        interruptions += 1
    last = run_sweep(made(seeds), out, Local(2), task=sweep_tasks.QUICK)
    assert 10 <= last.skipped < RUNS
    assert last.digest == digest


def test_a_leader_that_is_killed_leaves_what_is_done_and_a_free_folder(whole, tmp_path):
    """The leader does its runs itself here: a forked process cannot use the server of its parent."""
    out, design = tmp_path / "killed", made()
    leader = os.fork()
    if leader == 0:

        def told(done, *_):
            if done >= 7:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            run_sweep(design, out, _here, told, task=sweep_tasks.QUICK)
        finally:
            os._exit(3)
    _, status = os.waitpid(leader, 0)
    assert os.WIFSIGNALED(status)
    again = run_sweep(design, out, Local(2), task=sweep_tasks.QUICK)
    assert (again.skipped, again.done) == (7, 33)
    assert again.digest == whole[1].digest


def test_what_a_killed_sweep_left_half_written_is_thrown_away(whole, tmp_path):
    out = tmp_path / "half"
    run_sweep(made(), out, Local(1), task=sweep_tasks.QUICK)
    (out / "runs/000003").rename(out / "runs/.000003.writing")
    (out / "runs/000009/figures.parquet").write_bytes(b"PAR1 half of it")
    again = run_sweep(made(), out, Local(1), task=sweep_tasks.QUICK)
    assert (again.done, again.skipped) == (2, 38)
    assert again.digest == whole[1].digest
    assert not list(out.glob("runs/.*"))


@pytest.mark.parametrize(
    ("task", "said"),
    [(sweep_tasks.FAULTY, "LookupError: the transformer is not there; and neither"), (sweep_tasks.DEADLY, "SIGKILL")],
)
def test_a_failed_run_is_told_with_its_scenario_stops_nothing_and_is_repeated(tmp_path, task, said):
    flag, out = tmp_path / "flag", tmp_path / "faulty"
    flag.write_text("11")
    first = run_sweep(made(about=flag), out, Local(2), task=task)
    ((run, error),) = first.failed
    assert (run.number, first.done) == (11, 39)
    assert said in error
    (told,) = failures(out)
    assert told["seed"] == run.seed
    assert told["levels"] == {"ev": 0.25, "pv": 0.2}
    import yaml

    content = yaml.safe_load((out / "failed/000011.yaml").read_text())
    assert scenario_from(content).homes[0].devices.ev == 0.25
    flag.unlink()
    second = run_sweep(made(about=flag), out, Local(2), task=task)
    assert (second.done, second.skipped, second.failed) == (1, 39, ())
    assert not failures(out)


def test_a_worker_that_holds_too_much_memory_is_replaced(tmp_path):
    one = made(seeds=1)
    run_sweep(one, tmp_path / "kept", Local(1), task=sweep_tasks.QUICK)
    run_sweep(one, tmp_path / "fresh", Local(1, memory_mb=0.0), task=sweep_tasks.QUICK)
    workers = {
        name: set(query(tmp_path / name, "select worker from times").column("worker")) for name in ("kept", "fresh")
    }
    assert (len(workers["kept"]), len(workers["fresh"])) == (1, 20)


def test_workers_do_not_run_the_main_script_again(tmp_path, monkeypatch):
    """Neither the command line, which costs a second each, nor a user's script without ``if __name__ == "__main__"``."""
    script, flag = tmp_path / "mine.py", tmp_path / "was-run"
    script.write_text(f"open({str(flag)!r}, 'w').close()\n")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(script), raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)
    result = run_sweep(made(seeds=1), tmp_path / "out", Local(1), task=sweep_tasks.QUICK)
    assert (result.done, flag.exists()) == (20, False)
    assert sys.modules["__main__"].__file__ == str(script)


LEADER = """
import multiprocessing, os, signal, sys
from pathlib import Path
from experiments.sweep import run_sweep
from experiments.sweep.engine import Local
from experiments.sweep.results import query
from tests.experiments import sweep_tasks
from tests.experiments.test_sweep import made

with Local(3) as engine:
    forked = {one.pid for one in multiprocessing.active_children()}
    design, used = made(), set()
    for name in ("one", "two"):
        out = Path(sys.argv[1]) / name
        print(run_sweep(design, out, engine, task=sweep_tasks.QUICK).digest)
        used |= set(query(out, "select worker from times").column("worker"))
    print(len(forked), len(used) > 1, used <= forked, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_of_one_engine_serve_several_sweeps_and_end_with_a_leader_that_is_killed(whole, tmp_path):
    """They hold the standard output of their leader, so this waits for ever where one of them lives on; where threads are told they are forked early."""
    forked = "3 True True" if Path("/proc/self/task").is_dir() else "0 True False"
    done = subprocess.run(
        [sys.executable, "-c", LEADER, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=ROOT,
    )
    assert done.stdout.splitlines() == [whole[1].digest, whole[1].digest, forked], done.stderr
    assert done.returncode == -signal.SIGKILL


def test_a_process_with_threads_is_not_forked():
    wait = threading.Event()
    other = threading.Thread(target=wait.wait)
    other.start()
    try:
        with Local(2) as engine:
            assert engine._hands == []
    finally:
        wait.set()
        other.join()


def test_a_full_disk_is_one_error_and_leaves_nothing_half_written(whole, tmp_path, monkeypatch):
    out, write, written = tmp_path / "full", Path.write_bytes, []

    def full(self, content):
        written.append(self)
        if len(written) < 6:
            return write(self, content)
        write(self, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(CoflexError, match="No space left on device; what is done is kept"):
            run_sweep(made(), out, Local(2), task=sweep_tasks.QUICK)
    assert len(list(out.glob("runs/*"))) == 5
    assert not [*out.glob("runs/.*"), *out.glob("*.writing")]
    assert run_sweep(made(), out, Local(1), task=sweep_tasks.QUICK).digest == whole[1].digest


def test_a_sweep_that_cannot_begin_leaves_no_folder_and_begins_afterwards(tmp_path, monkeypatch):
    one, out = made(seeds=1), tmp_path / "new/sweep"

    def full(self, *_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(CoflexError, match=r"sweep/sweep.json cannot be written: No space left on device"):
            run_sweep(one, out, Local(1), task=sweep_tasks.QUICK)
    assert not out.exists()
    (out / "runs").mkdir(parents=True)  # as a kill leaves it before the sweep is written down
    (out / ".sweep.json.writing").write_text("{")
    assert run_sweep(one, out, _here, task=sweep_tasks.QUICK).done == 20
    assert not list(out.glob(".*.writing"))


def test_a_line_of_times_that_does_not_fit_is_taken_back(tmp_path):
    """The disk is full in the middle of it: the run is not there, and times can be read."""
    one, out = made(seeds=1), tmp_path / "out"
    room = (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(done, *_):
        if done == 4:
            resource.setrlimit(resource.RLIMIT_FSIZE, ((out / "times.jsonl").stat().st_size + 10, room[1]))

    try:
        with pytest.raises(CoflexError, match="cannot be written"):
            run_sweep(one, out, _here, limit, task=sweep_tasks.QUICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
        signal.signal(signal.SIGXFSZ, before)
    assert query(out, "select count(*) from times").rows == [(4,)]
    assert len(list(out.glob("runs/*"))) == 4
    assert not list(out.glob("runs/.*"))


def test_what_runs_leave_behind_is_collected_where_memory_grows(monkeypatch):
    from experiments.sweep import worker

    held, collected = iter([300.0, 310.0, 331.0, 333.0, 305.0, 336.0, 338.0, 306.0]), []
    monkeypatch.setattr(worker, "resident_mb", lambda: next(held))
    monkeypatch.setattr(worker.gc, "collect", lambda: collected.append(1))
    memory = worker._Memory()
    assert [memory.after_run() for _ in range(6)] == [300.0, 310.0, 331.0, 305.0, 336.0, 306.0]
    assert len(collected) == 2


def test_a_folder_has_one_sweep_at_a_time(whole, tmp_path):
    out, told = tmp_path / "held", []

    def second(*_):
        with pytest.raises(
            CoflexError, match=r"another sweep .process .* is at work in .*held; choose another folder with --out"
        ):
            run_sweep(made(), out, Local(1), task=sweep_tasks.QUICK)
        told.append(1)

    run_sweep(made(seeds=1), out, Local(1), second, task=sweep_tasks.QUICK)
    assert len(told) == 21


def test_a_folder_has_one_sweep_one_version_and_nothing_else(whole, tmp_path):
    out, _ = whole
    with pytest.raises(CoflexError, match=r"holds another sweep .'quick'; different: seeds.; choose another folder"):
        run_sweep(made(seeds=3), out, Local(1), task=sweep_tasks.QUICK)
    copy = tmp_path / "old"
    copy.mkdir()
    said = json.loads((out / "sweep.json").read_text())
    said["versions"]["coflex"] = "0.0.1"
    (copy / "sweep.json").write_text(json.dumps(said | {"identity": "of another version"}))
    with pytest.raises(CoflexError, match="other versions of coflex"):
        run_sweep(made(), copy, Local(1), task=sweep_tasks.QUICK)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    with pytest.raises(CoflexError, match=r"exists and is not empty; choose another folder$"):
        run_sweep(made(), tmp_path / "mine", Local(1), task=sweep_tasks.QUICK)


def test_views_of_a_sweep(whole):
    out, _ = whole
    assert views(out)["wide"] == ("run", "point", "seed", "ev", "pv", "losses_kwh", "overload_hours")
    wide = query(out, "select ev, count(*) as runs, avg(losses_kwh) as mean from wide group by ev order by ev")
    assert wide.columns == ("ev", "runs", "mean")
    assert [row[:2] for row in wide.rows] == [(0.0, 8), (0.25, 8), (0.5, 8), (0.75, 8), (1.0, 8)]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select * from figure", "did you mean 'figures'"),
        ("select nothing", 'Referenced column "nothing" was not found'),
        ("selec 1", "syntax error"),
    ],
)
def test_a_wrong_query_is_one_clear_error(whole, sql, said):
    with pytest.raises(CoflexError) as error:
        query(whole[0], sql)
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_folder_that_is_no_sweep_cannot_be_asked(tmp_path):
    with pytest.raises(CoflexError, match=r"neither the folder of a sweep .* nor of a run"):
        query(tmp_path, "select 1")


def test_a_real_run_of_a_sweep_has_the_figures_that_it_has_alone(tmp_path):
    """Two runs of a day with three homes, by a worker; the second once more here."""
    content = {
        "scenario": "district-short",
        "set": {"people.0.homes.count": 3, "clock.history_days": 1},
        "factors": {"ev": {"key": "people.0.devices.ev", "values": ["0%", "100%"]}},
        "tables": ["ledger"],
    }
    real = plan(sweep_from({"name": "real", **content}))
    out = tmp_path / "real"
    assert run_sweep(real, out, Local(1)).failed == ()
    alone = live_scenario(scenario_from(real.content(real.points[1])), seed=1).whole
    found = query(out, "select figure, value, twin_value from figures where ev = 1.0")
    assert dict(zip(found.column("figure"), found.column("value"), strict=True)) == dict(alone.figures)
    twin = dict(zip(found.column("figure"), found.column("twin_value"), strict=True))
    assert {name: twin[name] for name in alone.twin_figures} == dict(alone.twin_figures)
    assert query(out, "select count(*) from ledger where ev = 1.0").rows == [(alone.tables["ledger"].num_rows,)]


def test_the_command_goes_on_where_it_was_interrupted_and_says_how(whole, tmp_path, monkeypatch, capsys):
    """``coflex sweep`` from the file to the answer, interrupted once; the engine and its runs are replaced by quick ones."""
    from experiments import sweep
    from experiments.cli import run_cli

    monkeypatch.chdir(tmp_path)
    (tmp_path / "cars.yaml").write_text(
        "scenario: district-short\nfactors: {ev: {key: people.0.devices.ev, values: [0%, 50%]}}\nseeds: 2\n"
    )
    do = sweep.run_sweep

    def interrupted(*parts):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "run_sweep", interrupted)
    assert run_cli(["sweep", "cars.yaml"]) == 130
    assert "interrupted; what is done is kept in sweeps/cars: run the same command again" in capsys.readouterr().err
    monkeypatch.setattr(sweep, "run_sweep", lambda *parts: do(*parts, task=sweep_tasks.QUICK))
    assert run_cli(["sweep", "cars.yaml", "--workers", "1", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) | {"digest": 0, "wall_s": 0} == {
        "out": "sweeps/cars", "runs": 4, "done": 4, "skipped": 0, "digest": 0, "wall_s": 0, "failed": [],
    }  # fmt: skip
    assert run_cli(["sweep", "cars.yaml"]) == 0
    assert "0 done" in capsys.readouterr().out
    assert (
        run_cli(["results", "sweeps/cars", "--sql", "select ev, count(*) as runs from wide group by ev order by ev"])
        == 0
    )
    assert capsys.readouterr().out.split() == ["ev", "runs", "0", "2", "0.5", "2"]
    assert run_cli(["sweep", "cars.yaml", "--workers", "1", "--cluster", "tcp://127.0.0.1:1"]) == 2
    assert "give one of the two" in capsys.readouterr().err
