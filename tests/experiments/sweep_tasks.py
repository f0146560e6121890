"""Runs of a sweep that take no time: a pure function of scenario and seed, and some that misbehave while a file says so."""

import os
import signal
import time
from pathlib import Path

from environment.chance import name_hash
from experiments.sweep.design import level_of
from experiments.sweep.worker import FIGURES, parquet

QUICK = "tests.experiments.sweep_tasks:quick"
SLOW = "tests.experiments.sweep_tasks:slow"
FAULTY = "tests.experiments.sweep_tasks:faulty"
DEADLY = "tests.experiments.sweep_tasks:deadly"
BENT = "tests.experiments.sweep_tasks:bent"
EVERY = "tests.experiments.sweep_tasks:every"


def quick(job):
    """Two figures that depend on all that a run may depend on, and on nothing else."""
    value = name_hash(f"{job.content['people'][0]['devices']}/{job.seed}") / 2**64
    rows = {"figure": ["losses_kwh", "overload_hours"], "value": [value, None], "twin_value": [1.0 - value, 0.5]}
    return {FIGURES: parquet(job, rows)}


def slow(job):
    time.sleep(0.25)
    return quick(job)


def _told(job, where):
    flag = Path(job.content["about"])
    return flag.is_file() and int(flag.read_text()) == job.number and where


def faulty(job):
    if _told(job, "fails"):
        msg = "the transformer is not there\nand neither is its spare"
        raise LookupError(msg)
    return quick(job)


def deadly(job):
    if _told(job, "dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    return quick(job)


def bent(job):
    """A figure that breaks at 60 % of cars, one that never moves, and one that is never defined."""
    ev = job.content["people"][0]["devices"].get("ev", 0.0)
    noise = name_hash(f"{ev}/{job.seed}") / 2**64 - 0.5
    value = 2.0 + job.seed + 30.0 * max(0.0, ev - 0.6) + 0.2 * noise
    rows = {
        "figure": ["overload_hours", "homes_enrolled", "bids_hhi"],
        "value": [value, 4.0, None],
        "twin_value": [value + 1.0, None, None],
    }
    return {FIGURES: parquet(job, rows)}


def every(job):
    """Every figure that is asked for: a line over the cars of the first group, a level by its other keys, a little noise."""
    devices = job.content["people"][0]["devices"]
    level = name_hash(str(sorted(job.content["rules"].items()))) / 2**64
    said = {
        key: value for key, value in job.content.items() if key != "copies"
    }  # clones draw what their originals draw
    noise = 1e-3 * name_hash(f"{said}/{job.seed}") / 2**64
    ev, pv = (level_of(devices.get(kind, 0.0)) for kind in ("ev", "pv"))
    value = job.seed + 3.0 * ev + 0.1 * pv + level + noise
    rows = {"figure": list(job.figures), "value": [value] * len(job.figures), "twin_value": [None] * len(job.figures)}
    return {FIGURES: parquet(job, rows)}
