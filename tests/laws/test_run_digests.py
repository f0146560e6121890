"""A run is a function of (scenario, seed, version): the same in one process, in another, with another hash seed."""

import json
import os
import subprocess
import sys

import pytest

HERE = """
import json, sys
import experiments.run as run
from experiments.scenario import scenario_from
from pathlib import Path
run._report = lambda folder: None
result = run.run(scenario_from(json.loads(sys.stdin.read())), seed=1, out=Path(sys.argv[1]), twin=False)
print(json.dumps([result.digest, result.exact_digest]))
"""


@pytest.fixture(scope="module")
def digests(small_scenario, tmp_path_factory):
    """Run the small scenario without twin and report: seed -> (digest, exact digest)."""
    from experiments import run as module

    def of(seed, name):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_report", lambda folder: None)
            result = module.run(small_scenario, seed=seed, out=tmp_path_factory.mktemp("digest") / name, twin=False)
        return [result.digest, result.exact_digest]

    return of


@pytest.fixture(scope="module")
def first(digests):
    return digests(1, "first")


def test_the_same_seed_gives_the_same_digests_in_one_process(digests, first):
    assert digests(1, "again") == first


def test_another_process_with_other_hashes_gives_the_same_digests(small, first, tmp_path):
    environment = os.environ | {"PYTHONHASHSEED": "4711"}
    done = subprocess.run(
        [sys.executable, "-c", HERE, str(tmp_path / "run")], input=json.dumps(small.content()), text=True,
        env=environment, capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1]) == first


def test_another_seed_gives_other_digests(digests, first):
    assert not set(digests(2, "other")) & set(first)
