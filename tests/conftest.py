"""Runs that many tests look at: each is computed once in a session, with any number of workers."""

import copy
import fcntl
import importlib
import os
import pickle
import sys

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # how long an example takes says nothing about the code
settings.load_profile("untimed")

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

if os.environ.get("SLIPCOVER_ENABLED"):
    # Its finder of modules asks all others, pyomo's all that stand behind it: with pyomo's in front they would ask each other forever.
    importlib.import_module("pyomo.common.dependencies")

    sys.meta_path.sort(key=lambda finder: not type(finder).__module__.startswith("slipcover"))

    # Each time a line was passed so often, slipcover looks through all modules to take its instrumentation away, for a tenth of a second
    # and more. By itself it does so after 50 times, hundreds of times in a session; what a line costs until then is nothing beside it.
    _measuring = importlib.import_module("slipcover.pytest_plugin")._slipcover_instance  # of a worker
    if _measuring is not None:
        _measuring.d_miss_threshold = 20_000

SMALL_HOMES = 24


@pytest.fixture(scope="session")
def shared(tmp_path_factory, request):
    """A folder that all workers of the session share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if hasattr(request.config, "workerinput") else base


@pytest.fixture(scope="session")
def run_of(shared):
    """Run a shipped scenario with its twin, once in the session: (name, seed) -> RunResult; the folder is not to be changed."""

    def once(name, seed=1, *, wait=True):
        from experiments.run import run
        from experiments.scenario import load_scenario

        kept = shared / f"run-{name}-{seed}.pickle"
        with (shared / f"run-{name}-{seed}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                return None  # another worker is about it
            if not kept.exists():
                kept.write_bytes(pickle.dumps(run(load_scenario(name), seed=seed, out=shared / f"run-{name}-{seed}")))
        return pickle.loads(kept.read_bytes())

    return once


@pytest.fixture(scope="session")
def default_run(run_of):
    """The default scenario with its twin, seed 1."""
    return run_of("district-day")


@pytest.fixture(scope="session")
def run_folders(run_of):
    """The run folder of every shipped scenario."""
    from experiments.scenario.library import scenario_names

    for name in scenario_names():
        run_of(name, wait=False)  # what another worker is about is left to it meanwhile
    return [run_of(name).out for name in scenario_names()]


class Small:
    """A day of 24 homes on a rural low-voltage grid whose transformer is too small for them; two seconds to live."""

    def content(self, homes=SMALL_HOMES, **changes):
        """Plain data of the scenario; ``changes`` are values by key path, dots as two underscores."""
        from experiments.scenario import load_scenario

        content = copy.deepcopy(load_scenario("district-day").as_data())
        content |= {"name": "small", "people": [person for person in content["people"] if "homes" in person]}
        content["people"][0]["homes"]["count"] = homes
        content["clock"]["history_days"] = 7
        content["grid"] |= {"network": "simbench/1-LV-rural1--0-sw", "transformer_rating_factor": 0.35}
        for path, value in changes.items():
            self._put(content, path.split("__"), value)
        return content

    @staticmethod
    def _put(content, keys, value):
        for key in keys[:-1]:
            content = content[int(key) if key.isdigit() else key]
        content[keys[-1]] = value

    def scenario(self, homes=SMALL_HOMES, **changes):
        """The scenario."""
        from experiments.scenario import scenario_from

        return scenario_from(self.content(homes, **changes))

    def site(self, scenario=None, seed=1):
        """Its site, history lived."""
        from experiments.assembly.site import build_site

        return build_site(scenario or self.scenario(), seed, lambda *_: None)

    def again(self, site, **changes):
        """A begun site with a life of its own; ``changes`` replace parts of its scenario (``coordination=False``)."""
        from dataclasses import replace

        return replace(site.twin(), scenario=site.scenario.model_copy(update=changes))

    def live(self, site, until_ms=None):
        """Let the world of a site live to its end; returns the world."""
        from experiments.assembly.world import build_world

        world = build_world(site)
        world.run(site.timeline.end_ms if until_ms is None else until_ms)
        return world

    def tables(self, site, world):
        """Everything that a run of this site keeps, without figures."""
        from experiments.run.tables import party_tables, physical_tables, static_tables

        return physical_tables(site) | static_tables(site, world) | party_tables(site, world)


@pytest.fixture(scope="session")
def small():
    """The builder of the small scenario: ``small.scenario(...)``, ``small.site(...)``, ``small.live(site)``."""
    return Small()


@pytest.fixture(scope="session")
def small_scenario(small):
    """The small scenario as it is."""
    return small.scenario()


@pytest.fixture(scope="session")
def small_begun(small):
    """The small site at the beginning of its world; live in ``small.again`` of it, or in its ``twin()``."""
    return small.site()
