"""Answer of the command that makes a study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.cli.output import Answer
from experiments.cli.run import check_place
from experiments.cli.sweep import SHOWN_FAILURES, engine_of, sweep_progress
from experiments.errors import InterruptedWorkError
from experiments.studies.study import Study, make_study
from experiments.sweep.report import REPORT_FILE


def study_of(kind: str, scenario: str, options: Mapping[str, Any]) -> Study:
    """The study of that kind.

    Args:
        kind: ``sra``, ``rules`` or ``sensitivity``.
        scenario: name or file.
        options: seeds (None for the kind's own), budget, method, parts.

    Raises:
        CoflexError: there is no such scenario, or an option does not fit.
    """
    from experiments.studies.replicability import sra_study
    from experiments.studies.rules import rules_study
    from experiments.studies.sensitivity import sensitivity_study

    seeds = options["seeds"]
    if kind == "sensitivity":
        return sensitivity_study(scenario, budget=options["budget"], method=options["method"], seeds=seeds or 1)
    if kind == "rules":
        return rules_study(scenario, seeds=seeds or 3)
    return sra_study(scenario, seeds=seeds or 3, parts=options["parts"])


def study_made(
    kind: str, scenario: str, options: Mapping[str, Any], *, workers: int | None, cluster: str | None, out: Path | None
) -> Answer:
    """Make a study, or what is missing of it."""
    study = study_of(kind, scenario, options)
    folder = out or Path("studies") / f"{kind}-{Path(scenario).stem}"
    check_place(folder)
    shown = ""
    try:
        with engine_of(workers, cluster, soon=not folder.exists()) as engine, sweep_progress() as told:

            def telling(part: str, done: int, total: int, rest_s: float) -> None:
                nonlocal shown
                shown = part
                told(done, total, rest_s)

            results = make_study(study, folder, engine, telling)
    except KeyboardInterrupt as stop:
        note = f"interrupted in part {shown}; what is done is kept in {folder}: run the same command again to go on"
        raise InterruptedWorkError(note) from stop
    failed = [(part, run, error) for part, result in results.items() for run, error in result.failed]
    lines = [
        f"{part}: {one.runs} runs, {one.done} done, {one.skipped} there before, {len(one.failed)} failed"
        for part, one in results.items()
    ]
    lines += [
        f"failed: {part}, run {run.number} (seed {run.seed}): {error}" for part, run, error in failed[:SHOWN_FAILURES]
    ]
    lines.append(f"report: {folder / REPORT_FILE}")
    data = {
        "out": str(folder), "report": str(folder / REPORT_FILE),
        "parts": {part: {"runs": one.runs, "done": one.done, "skipped": one.skipped, "failed": len(one.failed), "digest": one.digest} for part, one in results.items()},
    }  # fmt: skip
    return Answer("\n".join(lines), data, yes=not failed)
