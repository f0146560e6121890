"""A whole day of a district, each in a process of its own: seconds and memory by stage."""

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from experiments.benchmarks.district import district
from experiments.progress import Report
from experiments.scenario import Scenario

STAGES = ("set-up", "history", "run", "twin", "write")
_LABELS = {
    "people and grid": "set-up", "history": "history", "day": "run", "day without coordination": "twin", "figures, report": "write",
}  # fmt: skip
_HOURS_OF_A_DAY = 24.0


class Stages:
    """Processor and wall seconds by stage, and the peak of memory at its end, told apart by what the run reports of its progress."""

    def __init__(self, report: Report) -> None:
        self.cpu_s: dict[str, float] = {}
        self.wall_s: dict[str, float] = {}
        self.peak_mb: dict[str, float] = {}
        self._report = report
        self._now = ""
        self._begun = time.process_time(), time.perf_counter()

    def __call__(self, stage: str, done: float, total: float) -> None:
        """Progress: what has passed since the last call belongs to the stage before."""
        at = time.process_time(), time.perf_counter()
        if self._now:
            self.cpu_s[self._now] = self.cpu_s.get(self._now, 0.0) + at[0] - self._begun[0]
            self.wall_s[self._now] = self.wall_s.get(self._now, 0.0) + at[1] - self._begun[1]
            self.peak_mb[self._now] = peak_mb()
        self._begun = at
        self._now = _LABELS.get(stage, stage)
        self._report(stage, done, total)


def peak_mb() -> float:
    """The most memory that this process has had so far [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


@contextmanager
def counted_power_flows() -> Iterator[Callable[[], int]]:
    """Count the power flows solved meanwhile, steps of batches each for itself."""
    from environment.grid.power_flow import PowerFlow

    solve, count = PowerFlow.solve, 0

    def counting(self: PowerFlow, *powers: Any, **named: Any) -> Any:
        nonlocal count
        flow = solve(self, *powers, **named)
        count += len(flow)
        return flow

    PowerFlow.solve = counting  # type: ignore[method-assign]
    try:
        yield lambda: count
    finally:
        PowerFlow.solve = solve  # type: ignore[method-assign]


def measure(
    homes: int, twin: bool = True, sets: Iterable[str] = (), report: Report = lambda stage, done, total: None,
    *, write: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Live a day with so many homes in this process and measure it.

    Args:
        homes: how many.
        twin: whether the same day is also lived without coordination; only where results are written.
        sets: keys of the scenario to change, as ``--set`` has them.
        report: told of the progress.
        write: whether results are written; otherwise the day is lived and that is all.

    Returns:
        homes, history_days, cpu_s, wall_s and peak_mb by stage (set-up, history, run, twin, write), growth_mb of the run, cpu_s_a_day
        of it, us_a_home_step, messages, power_flows; digest and peak_loading_percent, None where nothing is written.
    """
    stages = Stages(report)
    with TemporaryDirectory() as name, counted_power_flows() as flows:
        scenario = district(homes, Path(name), sets)
        lived = _written(scenario, Path(name) / "run", stages, twin=twin) if write else _lived(scenario, stages)
        power_flows = flows()
    clock = scenario.clock
    hours = clock.lead_h + _HOURS_OF_A_DAY * clock.days + clock.tail_h
    lived_s, steps = stages.cpu_s["run"], hours * 3600.0 / clock.physics_step_s
    return {
        "homes": homes, "history_days": clock.history_days, "cpu_s": stages.cpu_s, "wall_s": stages.wall_s, "stage_peak_mb": stages.peak_mb, "peak_mb": peak_mb(),
        "growth_mb": stages.peak_mb["run"] - max(stages.peak_mb["history"], stages.peak_mb["set-up"]),
        "cpu_s_a_day": lived_s * _HOURS_OF_A_DAY / hours, "us_a_home_step": 1e6 * lived_s / (homes * steps),
        "power_flows": power_flows, **lived,
    }  # fmt: skip


def _written(scenario: Scenario, out: Path, stages: Stages, *, twin: bool) -> dict[str, Any]:
    """A day with its results."""
    import experiments.assembly.site
    import experiments.assembly.world  # noqa: F401 - imports are not what is measured
    from experiments.results import open_run
    from experiments.run import run

    result = run(scenario, out=out, twin=twin, progress=stages)
    messages = open_run(out).table("messages").num_rows
    return {
        "messages": messages, "digest": result.digest, "peak_loading_percent": result.figures.get("peak_loading_percent"),
    }  # fmt: skip


def _lived(scenario: Scenario, stages: Stages) -> dict[str, Any]:
    """A day that is lived and not written."""
    world, _ = lived(scenario, stages)
    return {"messages": messages_of(world), "digest": None, "peak_loading_percent": None}


def lived(scenario: Scenario, stages: Stages) -> tuple[Any, Any]:
    """Live a scenario to its end, stage by stage; gives world and site."""
    from experiments.assembly.site import build_site
    from experiments.assembly.world import build_world
    from experiments.run import live

    site = build_site(scenario, 1, stages)
    world = build_world(site)
    live(world, site, stages)
    stages("end", 1, 1)
    return world, site


def messages_of(world: Any) -> int:
    """How many messages a world has sent."""
    return sum(len(one.batch) for one in world.bus.journal.traffic)


def measured_apart(homes: int, twin: bool = True, sets: Iterable[str] = (), *, write: bool = True) -> dict[str, Any]:
    """As ``measure``, in a fresh process, so that its peak memory is its own; progress goes to standard error."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured_aloud, (homes, twin, tuple(sets), write))


def _measured_aloud(homes: int, twin: bool, sets: tuple[str, ...], write: bool) -> dict[str, Any]:
    from experiments.progress import progress_bar

    with progress_bar() as report:
        return measure(homes, twin, sets, report, write=write)
