"""Runs that go on in the background: each the command line in a process of its own, which writes its progress to a file."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

STAGES: Final = ("people and grid", "history", "day", "day without coordination", "figures, report")
"""What a run goes through, and about which part of its time each takes (measured on the shipped scenarios)."""
_PARTS: Final = (0.15, 0.25, 0.35, 0.15, 0.10)
_COFLEX: Final = "import sys; from experiments.cli import main; main()"
_PATIENCE_S: Final = 8.0
MOST: Final = max(2, os.cpu_count() or 2)
"""Runs at once: a changed scenario and the unchanged one; more than processors would only make all of them slower."""


class JobError(Exception):
    """A run that cannot be started, with the reason in words for whoever pressed the button."""


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        stage: what it does.
        share: how much of the whole is done, 0 to 1; an estimate from the usual parts of the stages.
        elapsed_s: since it was started.
    """

    stage: str
    share: float
    elapsed_s: float


@dataclass
class Job:
    """One run in a process of its own.

    Attributes:
        folder: what it writes.
        label: what people call it.
        command: the words after ``coflex``.
        process: its process.
        log: progress (a JSON object a line) and, at the end, what went wrong.
        begun: when it was started, by the monotonic clock.
    """

    folder: Path
    label: str
    command: tuple[str, ...]
    process: subprocess.Popen[bytes]
    log: Path
    begun: float = field(default_factory=time.monotonic)
    cancelled: bool = False

    @property
    def is_going(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def succeeded(self) -> bool:
        """Whether it has ended and left its folder."""
        return self.process.poll() == 0

    def progress(self) -> Progress:
        """How far it is, by the last line it wrote."""
        told = next((line for line in reversed(self._lines()) if line.startswith("{")), None)
        elapsed = time.monotonic() - self.begun
        if told is None:
            return Progress("starting", 0.0, elapsed)
        last: Mapping[str, Any] = json.loads(told)
        stage, within = last["stage"], last["done"] / (last["total"] or 1)
        place = STAGES.index(stage) if stage in STAGES else len(STAGES) - 1
        return Progress(stage, min(sum(_PARTS[:place]) + _PARTS[place] * within, 1.0), elapsed)

    def errors(self) -> list[str]:
        """What it said went wrong, a line each; empty while it goes on and when all went well."""
        if self.is_going or self.succeeded or self.cancelled:
            return []
        said = [line.removeprefix("error: ") for line in self._lines() if line and not line.startswith("{")]
        return said or [f"the run ended with code {self.process.returncode} and said nothing"]

    def cancel(self) -> None:
        """End it; a run writes its folder whole or not at all, and what it has put apart is cleared away, however it ends."""
        self.cancelled = True
        if self.is_going:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for apart in self.folder.parent.glob(f".{self.folder.name}.*-{self.process.pid}"):
            shutil.rmtree(apart, ignore_errors=True)

    def _lines(self) -> list[str]:
        return self.log.read_text("utf-8", errors="replace").splitlines() if self.log.is_file() else []


class Jobs:
    """The runs that this dashboard has started, the latest first."""

    def __init__(self) -> None:
        self.all: list[Job] = []
        self._logs = Path(tempfile.mkdtemp(prefix="coflex-dashboard-"))
        atexit.register(self.close)

    @property
    def going(self) -> list[Job]:
        """Those that have not ended."""
        return [job for job in self.all if job.is_going]

    def start(self, arguments: Sequence[str], *, out: Path, label: str) -> Job:
        """Start ``coflex run ARGUMENTS --out OUT`` in a process of its own.

        Args:
            arguments: scenario and options.
            out: the run folder to write.
            label: what people call the run.

        Raises:
            JobError: as many runs go on as there are processors, or the folder is there already.
        """
        if len(self.going) >= MOST:
            msg = f"{MOST} runs are going on, as many as this machine can do well: wait for one to end, or cancel it"
            raise JobError(msg)
        if out.exists() or any(job.folder == out for job in self.going):
            msg = f"there is already a run called {out.name}: choose another name"
            raise JobError(msg)
        out.parent.mkdir(parents=True, exist_ok=True)
        command = ("run", *arguments, "--out", str(out))
        log = self._logs / f"{len(self.all)}.log"
        with log.open("wb") as stream:
            process = _started([sys.executable, "-c", _COFLEX, *command, "--progress", "json"], stream)
        job = Job(out, label, command, process, log)
        self.all.insert(0, job)
        return job

    def forget(self, job: Job) -> None:
        """Take a run that has ended off the list."""
        if not job.is_going and job in self.all:
            self.all.remove(job)

    def close(self) -> None:
        """End whatever still goes on; with the server its runs end too."""
        for job in self.going:
            job.cancel()


def _started(words: Sequence[str], stream: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stream,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
