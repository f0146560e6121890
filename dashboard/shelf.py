"""The run folders there are: found and described by their run.json alone, opened when asked for."""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from experiments.results import RUN_FILE, Run, open_run
from experiments.results.schema import ResultsError

FOLDER_VARIABLE: Final = "COFLEX_DASHBOARD"
"""Environment variable that names the folder; ``python -m dashboard DIR`` sets it."""
MOST_COMPARED: Final = 4
STUDY: Final = "study"
"""What ``kind`` says in the run.json of a sizing study."""
_MOST_SHOWN: Final = 200
_REPORT: Final = "report.html"
_NEEDED: Final = ("seed", "scenario", "begins", "zone", "delivery_start_ms", "delivery_end_ms")
"""What pages read of run.json."""


@dataclass(frozen=True)
class Entry:
    """A run folder as the list shows it; ``problem`` says why it cannot be opened."""

    path: Path
    title: str = ""
    seed: int = 0
    written: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    problem: str = ""

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.path.name


def given_folder() -> Path:
    """The folder that the dashboard was opened with: of runs, or one run."""
    return Path(os.environ.get(FOLDER_VARIABLE, "runs"))


def entries(folder: Path) -> list[Entry]:
    """The runs and sizing studies in a folder (or the one that the folder is), the latest first."""
    if (folder / RUN_FILE).is_file():
        return [_entry(folder)]
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if (path / RUN_FILE).is_file() and not path.name.startswith(".")]
    latest = sorted(found, key=lambda path: (path / RUN_FILE).stat().st_mtime, reverse=True)[:_MOST_SHOWN]
    return [_entry(path) for path in latest]


def home_of(folder: Path) -> Path:
    """Where new runs go: the folder itself, or beside it where it is a run."""
    return folder.parent if (folder / RUN_FILE).is_file() else folder


def _entry(path: Path) -> Entry:
    return _described(path, (path / RUN_FILE).stat().st_mtime_ns)


@lru_cache(maxsize=1024)
def _described(path: Path, changed_ns: int) -> Entry:
    written = datetime.fromtimestamp(changed_ns / 1e9, UTC)
    try:
        meta = open_run(path).meta
        scenario = meta.get("scenario") or {}
        return Entry(path, str(scenario.get("title") or meta.get("name") or path.name), int(meta["seed"]), written)
    except (ResultsError, KeyError, TypeError, ValueError) as error:
        return Entry(path, written=written, problem=str(error))


def opened(path: Path) -> Run:
    """The run or sizing study in a folder, its tables read when asked for.

    Raises:
        ResultsError: it is none.
    """
    if (path / _REPORT).is_file() and not (path / RUN_FILE).exists():
        text = f"{path} is the folder of a study, which the dashboard does not show; open its {_REPORT}, or one of its runs"
        raise ResultsError(text)
    run = open_run(path)
    if missing := [key for key in _NEEDED if key not in run.meta]:
        text = f"{path / RUN_FILE} lacks {', '.join(missing)}: another version of coflex wrote it, or it is damaged; run the scenario again"
        raise ResultsError(text)
    return run


def same_scenario(folder: Path, scenario: Mapping[str, Any], seed: int, *, twin: bool) -> Path | None:
    """The latest run of exactly this scenario under a seed, with or without its day without coordination; None for none."""
    for entry in entries(folder):
        if not entry.problem and entry.seed == seed:
            meta = open_run(entry.path).meta
            if meta["scenario"] == scenario and bool(meta.get("twin")) == twin:
                return entry.path
    return None


def free_name(folder: Path, name: str, seed: int, taken: Collection[Path] = ()) -> str:
    """A name for a new run that no folder has yet, nor one of those that are taken by runs that go on."""
    base, number = f"{name}-{seed}", 1
    while (folder / f"{base}-{number}").exists() or folder / f"{base}-{number}" in taken:
        number += 1
    return f"{base}-{number}"


def command(meta: Mapping[str, Any], file: str) -> str:
    """The command that makes the same run or sizing study again from its scenario in a file."""
    if meta.get("kind") == STUDY:
        return f"coflex size {file} --seed {meta['seed']}"
    return f"coflex run {file} --seed {meta['seed']}{'' if meta.get('twin') else ' --no-twin'}"


def scenario_text(meta: Mapping[str, Any]) -> str:
    """The scenario of a run as a file that makes the same run again, with the command on top."""
    import yaml

    scenario = dict(meta["scenario"])
    name = scenario.get("name") or "scenario"
    head = f"# {scenario.get('title') or name}\n# The same again: {command(meta, 'THIS-FILE')}\n\n"
    plain = json.loads(json.dumps(scenario))
    return head + yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=118)
