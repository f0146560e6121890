"""A run on disk: a folder of Parquet tables and run.json, written whole or not at all, readable without coflex.

For example with DuckDB: ``select branch, max(loading_percent) from 'runs/x/grid_branches.parquet' group by branch``.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from experiments.errors import did_you_mean
from experiments.results.digest import TWIN, Difference, Digests, digest_tables, first_table_difference
from experiments.results.schema import Columns, ResultsError, conform

FORMAT = 1
RUN_FILE = "run.json"


class Tables(Mapping[str, Any]):
    """Tables of a run folder by name (``grid_branches``, ``content/Bid``, ``twin/meters``), read when asked for."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.parquet"))
        }
        self._folder = folder
        self._read: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """The arrow table of that name.

        Raises:
            KeyError: the run has no such table (``Run.table`` explains what there is).
        """
        if name not in self._read:
            self._read[name] = _read_table(self._files[name])
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the tables, sorted."""
        return iter(sorted(self._files))

    def __len__(self) -> int:
        """Number of tables."""
        return len(self._files)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a table, without reading it."""
        return name in self._files


@dataclass(frozen=True)
class Run:
    """A run folder, open: its ``meta`` (run.json) and its tables.

    Attributes:
        path: the folder.
        meta: run.json.
        tables: every table by name, those of the twin as ``twin/...``.
    """

    path: Path
    meta: Mapping[str, Any]
    tables: Tables = field(repr=False)

    def table(self, name: str) -> Any:
        """The arrow table of that name.

        Raises:
            ResultsError: the run has none; names what it has.
        """
        if name not in self.tables:
            text = f"{self.path} has no table '{name}'{did_you_mean(name, self.tables, 60)}"
            raise ResultsError(text)
        return self.tables[name]

    @property
    def twin_tables(self) -> dict[str, Any] | None:
        """The tables of the twin without their prefix; None when the run has no twin."""
        found = {name.removeprefix(TWIN): self.tables[name] for name in self.tables if name.startswith(TWIN)}
        return found or None

    @cached_property
    def begins(self) -> datetime:
        """The start of the world, with its zone."""
        return datetime.fromisoformat(self.meta["begins"]).astimezone(ZoneInfo(self.meta["zone"]))

    def local(self, t_ms: int) -> datetime:
        """The local wall-clock time of an instant."""
        return (self.begins.astimezone(ZoneInfo("UTC")) + timedelta(milliseconds=int(t_ms))).astimezone(
            self.begins.tzinfo
        )

    def digests(self) -> Digests:
        """The digests, computed again from the tables on disk."""
        own = {name: self.tables[name] for name in self.tables if not name.startswith(TWIN)}
        canonical = conform(own) | _twin_names(conform(self.twin_tables or {}, twin=True))
        return digest_tables(canonical)


def _read_table(path: Path) -> Any:
    try:
        return pq.read_table(path, partitioning=None)
    except (OSError, ValueError) as error:
        text = f"{path} cannot be read: {error}"
        raise ResultsError(text) from error


def check_out(out: Path, force: bool | None = False) -> None:
    """Refuses an output folder that cannot be written or would overwrite something.

    Args:
        out: the folder.
        force: whether a run in it is replaced; None for work that replaces nothing.

    Raises:
        ResultsError: it is not empty and ``force`` is off; it is not a run folder (never replaced); it is not writable.
    """
    if out.exists() and not out.is_dir():
        text = f"{out} exists and is not a folder"
        raise ResultsError(text)
    if out.is_dir() and any(out.iterdir()):
        if not force:
            text = f"{out} exists and is not empty; choose another folder"
            text += "" if force is None else " or use --force to replace the run"
            raise ResultsError(text)
        if not (out / RUN_FILE).is_file():
            text = f"{out} is not a run folder ({RUN_FILE} is missing), so it is not replaced, not even with --force"
            raise ResultsError(text)
    parent = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
    if not os.access(parent, os.W_OK | os.X_OK):
        text = f"{parent} is not writable; choose another folder for {out.name}"
        raise ResultsError(text)


def write_run(
    out: Path,
    tables: Mapping[str, Columns | Any],
    meta: Mapping[str, Any],
    twin_tables: Mapping[str, Columns | Any] | None = None,
    force: bool = False,
    finish: Callable[[Path], None] | None = None,
    required: bool = True,
) -> Digests:
    """Writes a run folder: whole, or not at all.

    Args:
        out: the folder; absent, empty, or (with ``force``) an earlier run that is replaced.
        tables: columns by table, as data/tables.yaml documents them.
        meta: scenario, seed, versions, begins (ISO 8601 with offset), zone, delivery_start_ms, delivery_end_ms, ...;
            becomes run.json together with format, digests and twin.
        twin_tables: the tables of the twin, without prefix.
        force: replace an earlier run.
        finish: called with the folder while it is still apart, to add what is made from it (the report).
        required: whether the tables that every day in a grid has must be there (a study has none).

    Returns:
        The digests of what was written.

    Raises:
        ResultsError: tables or meta do not fit, or the folder cannot be written; nothing is left behind then.
    """
    check_out(out, force)
    canonical = conform(tables, required=required) | _twin_names(conform(twin_tables or {}, twin=True))
    digests = digest_tables(canonical)
    text = _run_json(meta, digests, twin=bool(twin_tables))
    apart = out.absolute().parent / f".{out.name}.writing-{os.getpid()}"
    try:
        apart.mkdir(parents=True)
        for name, table in canonical.items():
            _write_table(apart / f"{name}.parquet", table)
        (apart / RUN_FILE).write_text(text, encoding="utf-8")
        if finish is not None:
            finish(apart)
        _swap(apart, out)
    except OSError as error:
        message = f"{out} cannot be written: {error.strerror or error}"
        raise ResultsError(message) from error
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(apart)
    return digests


def _twin_names(tables: Mapping[str, Any]) -> dict[str, Any]:
    return {TWIN + name: table for name, table in tables.items()}


def _run_json(meta: Mapping[str, Any], digests: Digests, twin: bool) -> str:
    needed = ("scenario", "seed", "versions", "begins", "zone", "delivery_start_ms", "delivery_end_ms")
    missing = [key for key in needed if key not in meta]
    if missing:
        text = f"run.json lacks {', '.join(missing)}"
        raise ResultsError(text)
    whole = {"format": FORMAT, **meta, "twin": twin, "digest": digests.digest, "exact_digest": digests.exact_digest}
    try:
        return json.dumps(whole | {"table_digests": dict(digests.tables)}, indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        text = f"run.json cannot hold the description of the run: {error}"
        raise ResultsError(text) from error


def _write_table(path: Path, table: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")


def _swap(apart: Path, out: Path) -> None:
    """Puts the finished folder in its place; an earlier run stands aside until then."""
    old = apart.with_name(apart.name.replace(".writing-", ".replaced-"))
    if out.is_dir() and any(out.iterdir()):
        out.rename(old)
    try:
        apart.rename(out)
    except BaseException:
        if old.is_dir():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def open_run(folder: Path | str) -> Run:
    """Opens a run folder.

    Raises:
        ResultsError: there is no such folder, it is not a run, its run.json is broken, or another version wrote it.
    """
    path = Path(folder)
    if not path.is_dir():
        text = f"{path} does not exist or is not a folder"
        raise ResultsError(text)
    file = path / RUN_FILE
    if not file.is_file():
        there = ", ".join(sorted(item.name for item in path.iterdir())[:8]) or "nothing"
        text = f"{path} is not a run folder: {RUN_FILE} is missing (it holds {there})"
        raise ResultsError(text)
    return Run(path, _read_meta(file), Tables(path))


def _read_meta(file: Path) -> dict[str, Any]:
    try:
        meta = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        text = f"{file} cannot be read: {error}"
        raise ResultsError(text) from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        found = meta.get("format") if isinstance(meta, dict) else None
        text = f"{file} has format {found}, this version of coflex reads format {FORMAT}; run the scenario again"
        raise ResultsError(text)
    return meta


def first_difference(first: Run, second: Run, exact: bool = False) -> Difference | None:
    """The first difference between two runs by table, row, column and both values; None when their results agree.

    Args:
        first: a run.
        second: another.
        exact: compare raw floats instead of floats rounded to 1e-6 of their unit.
    """
    names = sorted(set(first.tables) | set(second.tables))
    for name in names:
        if (name in first.tables) != (name in second.tables):
            return Difference(
                name, None, None, *("present" if name in run.tables else "absent" for run in (first, second))
            )
        found = first_table_difference(name, first.tables[name], second.tables[name], exact)
        if found is not None:
            return found
    return None
