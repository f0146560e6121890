"""Progress of a long job, on standard error: a bar on a terminal, a line per stage elsewhere, or JSON for a program."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Report = Callable[[str, float, float], None]
"""Called with (stage, done, total) as a job goes on; total is of the job's own choosing."""


_EVERY_S = 0.2
"""How often a program is told at most, of one stage."""


@contextmanager
def progress_bar(stream: TextIO | None = None, *, as_json: bool = False) -> Iterator[Report]:
    """A reporter that shows the stages of a job while it lasts.

    Args:
        stream: where to show them; standard error when None.
        as_json: a JSON object a line, ``{"elapsed_s": 1.5, "stage": "day", "done": 3, "total": 10}``, for a program that shows them.
    """
    out = stream or sys.stderr
    shown = _json_lines(out) if as_json else _bar(out) if out.isatty() else _lines(out)
    with shown as report:
        yield report


@contextmanager
def _json_lines(out: TextIO) -> Iterator[Report]:
    begun, told = time.monotonic(), {"at": -_EVERY_S}
    last: dict[str, str] = {}

    def report(stage: str, done: float, total: float) -> None:
        now = time.monotonic() - begun
        if last.get("stage") == stage and done < total and now - told["at"] < _EVERY_S:
            return
        last["stage"], told["at"] = stage, now
        out.write(json.dumps({"elapsed_s": round(now, 2), "stage": stage, "done": done, "total": total}) + "\n")
        out.flush()

    yield report


@contextmanager
def _bar(out: TextIO) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(40),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=out), refresh_per_second=8) as bar:
        yield _Stages(bar).report


class _Stages:
    """The tasks of a bar by stage; a stage is complete when the next one begins."""

    def __init__(self, bar: "Progress") -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def report(self, stage: str, done: float, total: float) -> None:
        if stage not in self._tasks:
            for earlier in self._tasks.values():
                self._bar.update(earlier, completed=self._bar.tasks[earlier].total)
            self._tasks[stage] = self._bar.add_task(stage, total=total)
        self._bar.update(self._tasks[stage], completed=done, total=total)


@contextmanager
def _lines(out: TextIO) -> Iterator[Report]:
    begun = time.monotonic()
    seen: list[str] = []

    def report(stage: str, done: float, total: float) -> None:
        if stage not in seen:
            seen.append(stage)
            out.write(f"{time.monotonic() - begun:6.1f} s  {stage}\n")
            out.flush()

    yield report
