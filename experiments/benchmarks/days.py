"""A whole day of a district, each in a process of its own: seconds by stage and peak memory."""

import multiprocessing
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from experiments.benchmarks.district import district

_LABELS = {
    "people and grid": "set-up", "history": "history", "day": "run", "day without coordination": "twin", "figures, report": "write",
}  # fmt: skip


class _Stages:
    """Processor and wall seconds by stage, told apart by what the run reports of its progress."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = {}
        self.wall_s: dict[str, float] = {}
        self._now = ""
        self._begun = time.process_time(), time.perf_counter()

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Progress: what has passed since the last call belongs to the stage before."""
        at = time.process_time(), time.perf_counter()
        if self._now:
            self.cpu_s[self._now] = self.cpu_s.get(self._now, 0.0) + at[0] - self._begun[0]
            self.wall_s[self._now] = self.wall_s.get(self._now, 0.0) + at[1] - self._begun[1]
        self._begun = at
        self._now = _LABELS.get(stage, stage)


def measure(homes: int, twin: bool = True) -> dict[str, Any]:
    """Live a day with so many homes in this process and measure it.

    Returns:
        homes, cpu_s and wall_s by stage (set-up, history, run, twin, write), peak_mb, messages, digest, peak_loading_percent.
    """
    import experiments.build
    import experiments.build_world  # noqa: F401
    from experiments.results import open_run
    from experiments.run import run

    with TemporaryDirectory() as name:
        folder = Path(name)
        stages = _Stages()
        result = run(district(homes, folder), out=folder / "run", twin=twin, progress=stages)
        messages = open_run(folder / "run").table("messages").num_rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return {
        "homes": homes, "cpu_s": stages.cpu_s, "wall_s": stages.wall_s, "peak_mb": peak, "messages": messages,
        "digest": result.digest, "peak_loading_percent": result.figures.get("peak_loading_percent"),
    }  # fmt: skip


def measured_apart(homes: int, twin: bool = True) -> dict[str, Any]:
    """As ``measure``, in a fresh process, so that its peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (homes, twin))
