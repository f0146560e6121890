"""Answers of the commands about many runs: sweep, results."""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, TextIO

from experiments.cli.output import Answer
from experiments.errors import CoflexError, InterruptedWorkError
from experiments.sweep.design import Plan, plan
from experiments.sweep.file import load_sweep
from experiments.sweep.folder import is_complete

if TYPE_CHECKING:
    from experiments.sweep.engine import Engine

Told = Callable[[int, int, float], None]
SHOWN_FAILURES = 5


def sweep_run(
    name: str, *, workers: int | None, cluster: str | None, out: Path | None, sets: Sequence[str], only_plan: bool
) -> Answer:
    """Do the runs of a sweep that are missing, after its scenarios were all checked."""
    _one_of(workers, cluster)
    sweep = load_sweep(name, sets)
    where = Path(name).name
    if only_plan:
        return planned(plan(sweep, where))
    folder = out or Path("sweeps") / sweep.name
    with engine_of(workers, cluster, soon=not is_complete(folder)) as engine:
        return swept(plan(sweep, where), folder, engine)


def _one_of(workers: int | None, cluster: str | None) -> None:
    if workers is not None and cluster is not None:
        msg = "--workers is for this machine; a cluster (--cluster) has the workers that it has: give one of the two"
        raise CoflexError(msg)


@contextmanager
def engine_of(workers: int | None, cluster: str | None, *, soon: bool = True) -> "Iterator[Engine]":
    """Who does the runs: a cluster by its address, or processes of this machine.

    Args:
        workers: processes; None for one a core.
        cluster: its address.
        soon: whether there are runs to do, so that workers are made ready before anything else.

    Raises:
        CoflexError: both are asked for, or the cluster cannot be reached.
    """
    from experiments.sweep.engine import Cluster, Local

    _one_of(workers, cluster)
    engine = Cluster(cluster) if cluster else Local(workers or os.cpu_count() or 1)
    with engine if soon else nullcontext():
        yield engine


def planned(made: Plan) -> Answer:
    """The points of a sweep, without running any."""
    from experiments.sweep.results import text_table

    names = list(made.sweep.factors)
    rows = [(point.number, *(point.levels[name] for name in names)) for point in made.points]
    seeds = made.sweep.seeds
    left = (
        f"\n\n{len(made.left_out)} points cannot be run and are left out, the first because {made.left_out[0][1]}"
        if made.left_out
        else ""
    )
    text = f"{len(made.points)} points, {seeds.count} seeds each, {len(made.runs)} runs\n\n{text_table(['point', *names], rows)}{left}"
    return Answer(text, {"runs": len(made.runs), "points": [dict(point.levels) for point in made.points]})


def swept(made: Plan, out: Path, engine: "Engine") -> Answer:
    """Do the runs of a plan that its folder lacks, and write the report."""
    from experiments.cli.run import check_place
    from experiments.sweep import run_sweep

    check_place(out)
    try:
        with sweep_progress() as told:
            result = run_sweep(made, out, engine, told)
    except KeyboardInterrupt as stop:
        note = f"interrupted; what is done is kept in {out}: run the same command again to go on"
        raise InterruptedWorkError(note) from stop
    data = {
        "out": str(out), "runs": result.runs, "done": result.done, "skipped": result.skipped, "digest": result.digest,
        "wall_s": result.wall_s, "failed": [{"run": run.number, "seed": run.seed, "levels": dict(run.point.levels), "error": error} for run, error in result.failed],
    }  # fmt: skip
    lines = [
        f"{result.runs} runs: {result.done} done in {result.wall_s:.1f} s, {result.skipped} there before, {len(result.failed)} failed",
        *(
            f"failed: run {run.number} (seed {run.seed}{_levels(run.point.levels)}): {error}"
            for run, error in result.failed[:SHOWN_FAILURES]
        ),
    ]
    if result.failed:
        lines.append(f"scenarios of failed runs are in {out / 'failed'}; the same command repeats them")
    if len(result.failed) < result.runs:
        from experiments.sweep.report import write_sweep_report

        lines.append(f"report: {write_sweep_report(out)}")
    lines += [f"digest {result.digest}", f'ask them: coflex results {out} --sql "select * from wide"']
    return Answer("\n".join(lines), data, yes=not result.failed)


def _levels(levels: object) -> str:
    return "".join(f", {name} {level}" for name, level in levels.items()) if isinstance(levels, dict) else ""


def results_queried(folder: Path, sql: str | None) -> Answer:
    """A query to all runs, or the views that there are."""
    from experiments.sweep.results import query, text_table, views

    if sql is None:
        found = views(folder)
        return Answer("\n".join(f"{name}: {', '.join(columns)}" for name, columns in found.items()), found)
    answer = query(folder, sql)
    data = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    return Answer(text_table(answer.columns, answer.rows), data)


@contextmanager
def sweep_progress(stream: TextIO | None = None) -> Iterator[Told]:
    """Runs done and remaining time on standard error: a line that is written over on a terminal, a line for each tenth elsewhere."""
    out = stream or sys.stderr
    live, begun, shown = out.isatty(), monotonic(), [-1]

    def told(done: int, total: int, rest_s: float) -> None:
        tenth = 10 * done // max(total, 1)
        if not live and tenth == shown[0] and done < total:
            return
        shown[0] = tenth
        remaining = "" if done == total or math.isnan(rest_s) else f", about {_duration(rest_s)} to go"
        text = f"{monotonic() - begun:6.1f} s  {done} of {total} runs{remaining}"
        out.write(f"\r{text:<70}" if live else f"{text}\n")
        out.flush()

    yield told
    if live:
        out.write("\n")


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 6000 else f"{whole / 3600:.1f} h"
