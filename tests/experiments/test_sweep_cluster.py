"""A sweep on a real Dask cluster on loopback: a scheduler, two workers in processes of their own, and one of them killed in the middle."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.errors import CoflexError
from experiments.sweep import run_sweep
from experiments.sweep.design import plan
from experiments.sweep.engine import Cluster, Local
from experiments.sweep.file import sweep_from
from experiments.sweep.results import query
from tests.experiments import sweep_tasks

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0


def _dask(*words):
    command = [sys.executable, "-m", "dask", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler with two workers: (address, worker processes by pid)."""
    folder = tmp_path_factory.mktemp("dask")
    told = folder / "scheduler.json"
    ports = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    processes = [_dask("scheduler", *ports, "--scheduler-file", str(told))]
    try:
        limit = time.monotonic() + PATIENCE_S
        while not told.exists() and time.monotonic() < limit:
            time.sleep(0.1)
        import json

        address = json.loads(told.read_text())["address"]
        more = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder)]
        processes += [_dask("worker", address, *more) for _ in range(2)]
        yield address, {one.pid: one for one in processes[1:]}
    finally:
        for process in processes:
            process.kill()
            process.wait()


def made():
    factors = {"ev": {"key": "people.0.devices.ev", "range": [0, 1], "steps": 12}}
    return plan(sweep_from({"name": "far", "scenario": "district-short", "factors": factors, "seeds": 2}))


def test_a_cluster_that_loses_a_worker_loses_no_run(cluster, tmp_path):
    address, workers = cluster
    used = set()

    def kill_one(done, total, rest_s):
        found = set(query(tmp_path / "far", "select worker from times").column("worker")) if done else set()
        used.update(found)
        if done > 4 and len(found & set(workers)) == 2 and all(one.poll() is None for one in workers.values()):
            next(iter(workers.values())).kill()

    far = run_sweep(made(), tmp_path / "far", Cluster(address, PATIENCE_S), kill_one, task=sweep_tasks.SLOW)
    near = run_sweep(made(), tmp_path / "near", Local(1), task=sweep_tasks.QUICK)
    assert sum(one.poll() is not None for one in workers.values()) == 1, "no worker was killed"
    assert used <= set(workers)
    assert (far.done, far.failed) == (24, ())
    assert far.digest == near.digest


def test_a_cluster_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(
        CoflexError, match=r"the cluster tcp://127.0.0.1:9 cannot be reached .*; start one with: dask scheduler"
    ):
        run_sweep(made(), tmp_path / "none", Cluster("tcp://127.0.0.1:9", 1.0), task=sweep_tasks.QUICK)
    with pytest.raises(CoflexError, match="cannot be reached"), Cluster("tcp://127.0.0.1:9", 1.0):
        pytest.fail("there is no cluster, and something was begun")
    with pytest.raises(CoflexError, match="cannot be reached"):
        run_sweep(made(), tmp_path / "none", Cluster("nonsense", 1.0), task=sweep_tasks.QUICK)
