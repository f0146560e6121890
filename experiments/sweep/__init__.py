"""Many runs for one question: what is missing is done, by any number of workers, and the tables are the same bit for bit.

>>> sweep = load_sweep("ev-share")                                                         # doctest: +SKIP
>>> run_sweep(plan(sweep), Path("sweeps/ev-share"), Local(2))                               # doctest: +SKIP
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from experiments.sweep.design import Plan, Run
from experiments.sweep.engine import Engine
from experiments.sweep.folder import SweepFolder
from experiments.sweep.worker import TASK, Job, Outcome

Told = Callable[[int, int, float], None]
"""Called with (runs done, runs in all, seconds that remain; NaN before the first)."""


@dataclass(frozen=True)
class SweepResult:
    """What a sweep came to.

    Attributes:
        out: its folder.
        runs: of its design.
        done: runs that were done now.
        skipped: runs that were there before.
        failed: runs that failed, with their errors.
        digest: of every table of every run.
        wall_s: seconds in all.
        busy_s: seconds that workers spent in runs.
    """

    out: Path
    runs: int
    done: int
    skipped: int
    failed: tuple[tuple[Run, str], ...]
    digest: str
    wall_s: float
    busy_s: float


def run_sweep(plan: Plan, out: Path, engine: Engine, told: Told = lambda *_: None, task: str = TASK) -> SweepResult:
    """Do the runs of a sweep that its folder lacks.

    Args:
        plan: the sweep, checked.
        out: its folder; absent, empty, or of the same sweep, which is continued.
        engine: who does the runs.
        told: called after each run.
        task: the function that does one run, ``module:name``.

    Raises:
        CoflexError: the folder cannot be used or written, or the engine cannot be reached; what is done is kept.
    """
    folder, begun = SweepFolder(out, plan), time.perf_counter()
    by_number = {run.number: run for run in plan.runs}
    failed: list[tuple[Run, str]] = []
    seconds: list[float] = []
    with folder.held():
        missing = sorted(folder.missing(), key=lambda run: (run.seed, run.number))  # the same past one after the other

        def done(outcome: Outcome) -> None:
            run = by_number[outcome.number]
            folder.keep(run, outcome)
            seconds.append(outcome.wall_s)
            if outcome.error:
                failed.append((run, outcome.error))
            rest = len(missing) - len(seconds)
            told(len(by_number) - rest, len(by_number), rest * (time.perf_counter() - begun) / len(seconds))

        told(len(by_number) - len(missing), len(by_number), float("nan"))
        if missing:
            engine((job_of(plan, run, task) for run in missing), done)
        digest = folder.digest()
    return SweepResult(
        out, len(by_number), len(seconds) - len(failed), len(by_number) - len(missing), tuple(failed), digest,
        time.perf_counter() - begun, sum(seconds),
    )  # fmt: skip


def job_of(plan: Plan, run: Run, task: str = TASK) -> Job:
    """What a worker needs for a run."""
    sweep = plan.sweep
    keys = {"run": run.number, "point": run.point.number, "seed": run.seed, **run.point.levels}
    content = plan.content(run.point)
    return Job(run.number, content, run.seed, keys, sweep.figures, sweep.tables, sweep.twin, task)
