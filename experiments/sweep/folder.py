"""The folder of a sweep: one partition a run, each there whole or not at all; what is done is skipped, what failed is repeated.

sweep.json           the sweep, its versions, its runs
runs/000012/         a run: figures.parquet and the other tables that are kept
failed/000012.yaml   the scenario of a run that failed; 000012.json says with which seed and why
times.jsonl          seconds, processor seconds and memory of each run, one line as it ends (not a result: they differ from time to time)
report.html          question, design, figures, verdicts
"""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import yaml

from experiments.errors import CoflexError
from experiments.results import check_out
from experiments.run import versions
from experiments.sweep.design import Plan, Run
from experiments.sweep.worker import FIGURES, Outcome

SWEEP_FILE = "sweep.json"
TIMES_FILE = "times.jsonl"
LOCK_FILE = ".lock"
RUNS_FOLDER = "runs"
FORMAT = 1


class SweepFolder:
    """Where a sweep keeps its runs.

    Args:
        path: the folder; absent, empty, or of the same sweep.
        plan: the sweep.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path, self.plan = path, plan

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for one sweep; what an interrupted one left half written is thrown away.

        Raises:
            CoflexError: it holds something else, another version's runs, or another sweep is at work in it.
        """
        fresh = not (self.path / SWEEP_FILE).is_file()
        if fresh:
            _check_fresh(self.path)
        _made(self.path)
        with (self.path / LOCK_FILE).open("a+", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                msg = f"another sweep (process {lock.read().strip() or 'unknown'}) is at work in {self.path}; choose another folder with --out"
                raise CoflexError(msg) from error
            try:
                lock.truncate(0)
                lock.write(f"{os.getpid()}")
                lock.flush()
                self._begin()
            except (CoflexError, OSError) as error:
                if fresh:
                    _unmade(self.path)
                if isinstance(error, OSError):
                    raise _unwritten(self.path, error) from error
                raise
            yield

    def _begin(self) -> None:
        mine = self._description()
        file = self.path / SWEEP_FILE
        if file.is_file():
            _same(_read(file), mine, self.path)
        else:
            write_whole(file, json.dumps(mine, indent=1))
        for half in [*self.path.glob(".*.writing"), *self.path.glob("runs/.*.writing")]:
            shutil.rmtree(half) if half.is_dir() else half.unlink()

    def _description(self) -> dict[str, Any]:
        sweep = self.plan.sweep
        data = {"sweep": sweep.as_data(), "scenario": dict(self.plan.base), "versions": versions()}
        runs = [
            {"run": run.number, "point": run.point.number, "seed": run.seed, "levels": dict(run.point.levels)}
            for run in self.plan.runs
        ]
        left_out = [{"levels": dict(levels), "why": why} for levels, why in self.plan.left_out]
        return {"format": FORMAT, "identity": _digest(data), **data, "left_out": left_out, "runs": runs}

    def missing(self) -> list[Run]:
        """The runs that are not there, or cannot be read."""
        return [run for run in self.plan.runs if not self._has(run)]

    def _has(self, run: Run) -> bool:
        import pyarrow.parquet as pq

        file = self.path / RUNS_FOLDER / f"{run.number:06d}" / f"{FIGURES}.parquet"
        if not file.is_file():
            return False
        try:
            pq.read_metadata(file)
        except (OSError, ValueError):
            shutil.rmtree(file.parent)
            return False
        return True

    def keep(self, run: Run, outcome: Outcome) -> None:
        """Keep what became of a run.

        Raises:
            CoflexError: it cannot be written (no space left, ...); nothing of it is left then.
        """
        name = f"{run.number:06d}"
        place, half = self.path / RUNS_FOLDER / name, self.path / RUNS_FOLDER / f".{name}.writing"
        try:
            if outcome.error:
                self._fail(run, outcome, name)
            else:
                half.mkdir(parents=True, exist_ok=True)
                for table, content in outcome.files.items():
                    file = half / f"{table}.parquet"
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(content)
                self._time(run, outcome)
                half.rename(place)
                for old in (self.path / "failed").glob(f"{name}.*"):
                    old.unlink()
        except OSError as error:
            with suppress(OSError):
                shutil.rmtree(half)
            raise _unwritten(self.path, error) from error

    def _fail(self, run: Run, outcome: Outcome, name: str) -> None:
        folder = self.path / "failed"
        folder.mkdir(exist_ok=True)
        content = self.plan.content(run.point)
        write_whole(folder / f"{name}.yaml", yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))
        told = {
            "run": run.number, "seed": run.seed, "levels": dict(run.point.levels), "error": outcome.error,
            "reproduce": f"coflex run {folder / name}.yaml --seed {run.seed}", "trace": outcome.trace,
        }  # fmt: skip
        write_whole(folder / f"{name}.json", json.dumps(told, indent=1))
        self._time(run, outcome)

    def _time(self, run: Run, outcome: Outcome) -> None:
        line = {
            "run": run.number, "wall_s": round(outcome.wall_s, 4), "cpu_s": round(outcome.cpu_s, 4), "memory_mb": round(outcome.memory_mb, 1),
            "worker": outcome.worker, "failed": bool(outcome.error),
        }  # fmt: skip
        with (self.path / TIMES_FILE).open("ab", buffering=0) as file:
            before, text = file.tell(), f"{json.dumps(line)}\n".encode()
            try:
                if file.write(text) < len(text):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                file.truncate(before)
                raise

    def digest(self) -> str:
        """One digest of every table of every run."""
        found = blake2b(digest_size=16)
        for file in sorted((self.path / RUNS_FOLDER).rglob("*.parquet")):
            found.update(file.relative_to(self.path).as_posix().encode())
            found.update(file.read_bytes())
        return found.hexdigest()


def failures(folder: Path) -> list[dict[str, Any]]:
    """The runs of a sweep that failed: run, seed, levels, error, reproduce."""
    return [_read(file) for file in sorted((folder / "failed").glob("*.json"))]


def is_complete(folder: Path) -> bool:
    """Whether a folder seems to hold every run of its sweep; nothing is read of them."""
    if not (folder / SWEEP_FILE).is_file():
        return False
    there = {file.parent.name for file in folder.glob(f"runs/[0-9]*/{FIGURES}.parquet")}
    return len(there) >= len(open_sweep(folder)["runs"])


def open_sweep(folder: Path) -> dict[str, Any]:
    """What ``sweep.json`` of a folder says: sweep, scenario, versions, runs.

    Raises:
        CoflexError: the folder is not that of a sweep.
    """
    if not (folder / SWEEP_FILE).is_file():
        msg = f"{folder} is not the folder of a sweep: {SWEEP_FILE} is missing"
        raise CoflexError(msg)
    return _read(folder / SWEEP_FILE)


def write_whole(file: Path, text: str) -> None:
    """Write a text file, whole or not at all.

    Raises:
        CoflexError: it cannot be written.
    """
    half = file.with_name(f".{file.name}.writing")
    try:
        half.write_text(text, encoding="utf-8")
        half.replace(file)
    except OSError as error:
        with suppress(OSError):
            half.unlink()
        raise _unwritten(file, error) from error


def _unwritten(what: Path, error: OSError) -> CoflexError:
    return CoflexError(
        f"{what} cannot be written: {error.strerror or error}; what is done is kept: mend it and run the same command again"
    )


def _check_fresh(path: Path) -> None:
    """Refuse a folder in which no sweep can be begun; one that another sweep made and did not come to fill is as good as none."""
    begun = {file.name for file in path.iterdir()} if path.is_dir() else set()
    if begun <= {LOCK_FILE, RUNS_FOLDER, f".{SWEEP_FILE}.writing"} and not any(path.glob(f"{RUNS_FOLDER}/*")) and begun:
        return
    check_out(path, force=None)


def _unmade(path: Path) -> None:
    """Take away the folder of a sweep that could not be begun."""
    with suppress(OSError):
        (path / RUNS_FOLDER).rmdir()
        (path / LOCK_FILE).unlink()
        path.rmdir()


def _made(path: Path) -> None:
    try:
        (path / RUNS_FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{path} cannot be made: {error.strerror or error}"
        raise CoflexError(msg) from error


def _digest(data: Any) -> str:
    return blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=16).hexdigest()


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{file} cannot be read: {error}"
        raise CoflexError(msg) from error
    return dict(found)


def _same(there: dict[str, Any], mine: dict[str, Any], path: Path) -> None:
    """Refuse a folder that holds other runs than ours."""
    if there.get("identity") == mine["identity"]:
        return
    if there.get("sweep") != mine["sweep"]:
        title = (there.get("sweep") or {}).get("name", "unknown")
        changed = sorted(
            key
            for key in {*there.get("sweep", {}), *mine["sweep"]}
            if there.get("sweep", {}).get(key) != mine["sweep"].get(key)
        )
        msg = (
            f"{path} holds another sweep ('{title}'; different: {', '.join(changed)}); choose another folder with --out"
        )
    elif there.get("versions") != mine["versions"]:
        msg = f"{path} was begun with other versions of coflex or its libraries, and results of two are not mixed; choose another folder with --out"
    else:
        msg = f"{path} was begun with a scenario that has changed since; choose another folder with --out"
    raise CoflexError(msg)
