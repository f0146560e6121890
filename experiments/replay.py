"""A run again, from its folder alone: scenario and seed of run.json, and the same results down to 1e-6 of each unit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from experiments.results import Run, first_difference, open_run

Progress = Callable[[str, float, float], None]
"""Called with (stage, done, total)."""


@dataclass(frozen=True)
class ReplayResult:
    """What a replay found.

    Attributes:
        same: whether all results agree, floats to 1e-6 of their unit.
        exact: whether they agree bit for bit.
        difference: the first difference by table, row, column and both values (recorded against replayed); None when same.
        warnings: versions that differ from those of the recorded run.
        digest: digest of the recorded run.
        replayed_digest: digest of the replayed run.
    """

    same: bool
    exact: bool
    difference: str | None
    warnings: tuple[str, ...]
    digest: str
    replayed_digest: str


def replay(folder: Path | str, progress: Progress | None = None) -> ReplayResult:
    """Runs the scenario of a run folder again with its seed, and compares.

    Nothing but the folder is read; the tables on disk are what the replay is compared with, so that a table changed
    afterwards shows as well.

    Raises:
        ResultsError: the folder is not a run.
        ScenarioError: its scenario is not one that this version knows.
    """
    recorded = open_run(folder)
    if recorded.meta.get("kind") == "study":
        return _study(recorded, progress)
    from experiments.run import run
    from experiments.scenario import scenario_from

    scenario = scenario_from(recorded.meta["scenario"], where=f"{recorded.path / 'run.json'}: scenario")
    with TemporaryDirectory(prefix="coflex-replay-") as apart:
        out = Path(apart) / "run"
        tell = progress or (lambda stage, done, total: None)
        run(scenario, seed=recorded.meta["seed"], out=out, twin=recorded.meta["twin"], progress=tell, report=False)
        return compare_runs(recorded, open_run(out))


def _study(recorded: Run, progress: Progress | None) -> ReplayResult:
    """A sizing study made again."""
    from experiments.sizing.run import run_study
    from experiments.sizing.study import study_from

    study = study_from(recorded.meta["scenario"], where=f"{recorded.path / 'run.json'}: scenario")
    with TemporaryDirectory(prefix="coflex-replay-") as apart:
        out = Path(apart) / "run"
        tell = progress or (lambda stage, done, total: None)
        run_study(study, seed=recorded.meta["seed"], out=out, progress=tell, report=False)
        return compare_runs(recorded, open_run(out))


def compare_runs(recorded: Run, replayed: Run) -> ReplayResult:
    """The recorded run against the replayed one."""
    first, second = recorded.digests(), replayed.digests()
    warnings = tuple(_version_differences(recorded.meta["versions"], replayed.meta["versions"]))
    same = first.digest == second.digest
    found = None if same else str(first_difference(recorded, replayed))
    if found and warnings:
        found += f" (written with other versions: {'; '.join(warnings)})"
    exact = first.exact_digest == second.exact_digest
    return ReplayResult(same, exact, found, warnings, first.digest, second.digest)


def _version_differences(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    names = sorted({*recorded, *now})
    return [f"{n} {recorded.get(n)} against {now.get(n)}" for n in names if recorded.get(n) != now.get(n)]
