"""Run one world: scenario and seed in, a run folder out. A pure function of (scenario, seed, version)."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.scenario import Scenario

if TYPE_CHECKING:
    from experiments.assembly.history import Histories
    from experiments.kpis.complete import Complete

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    # Small matrices are faster with one thread, parallel runs do not fight, and sums do not depend on the number of cores.
    os.environ.setdefault(_threads, "1")

Progress = Callable[[str, float, float], None]
VERSIONED = ("coflex", "numpy", "scipy", "pandas", "mesa", "simpy", "highspy", "pvlib", "pyarrow")


@dataclass(frozen=True)
class RunResult:
    """What a run came to.

    Attributes:
        out: its folder.
        seed: of all chance.
        digest: of the results, values rounded to 1e-6 of their unit.
        exact_digest: of the results, bit for bit.
        wall_s: seconds by stage: setup, run, twin, write.
        figures: by id of the figure catalogue; None where undefined.
        twin_figures: the same of the world without coordination; None without twin.
    """

    out: Path
    seed: int
    digest: str
    exact_digest: str
    wall_s: dict[str, float]
    figures: dict[str, float | None]
    twin_figures: dict[str, float | None] | None


class _Watch:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.wall_s: dict[str, float] = {"setup": 0.0, "run": 0.0, "twin": 0.0, "write": 0.0}
        self._begun = time.perf_counter()

    def lap(self, stage: str) -> None:
        """What has passed since the last lap belongs to this stage."""
        now = time.perf_counter()
        self.wall_s[stage] += now - self._begun
        self._begun = now


def run(
    scenario: Scenario,
    *,
    seed: int = 1,
    out: Path,
    twin: bool = True,
    force: bool = False,
    progress: Progress = lambda stage, done, total: None,
    report: bool = True,
) -> RunResult:
    """Run a scenario and write its folder.

    Args:
        scenario: what to run.
        seed: of all chance.
        out: the folder; absent or empty, or with ``force`` an earlier run.
        twin: whether the same world is also lived without coordination.
        force: replace an earlier run.
        progress: called with (stage, done, total).
        report: whether the folder gets its ``report.html``, which takes longer than everything else that is written.

    Returns:
        Figures, digests and times; the folder holds everything else.

    Raises:
        CoflexError, ValueError: the scenario asks for what is not there (network, weather, tariff ...), or the folder cannot be written.
    """
    from experiments.results import check_out, write_run

    check_out(out, force)
    lived = live_scenario(scenario, seed=seed, twin=twin, progress=progress)
    whole, watch = lived.whole, lived.watch
    digests = write_run(out, whole.tables, lived.meta, whole.twin_tables, force, finish=_report if report else None)
    lived.keep(out)
    watch.lap("write")
    progress("figures, report", 1, 1)
    twin_figures = None if whole.twin_figures is None else dict(whole.twin_figures)
    return RunResult(out, seed, digests.digest, digests.exact_digest, watch.wall_s, dict(whole.figures), twin_figures)


@dataclass(frozen=True)
class Lived:
    """A run that was lived and is written nowhere yet.

    Attributes:
        whole: its tables and figures, with those of its twin.
        meta: what run.json says of it.
        watch: seconds by stage so far.
        keep: puts into a folder what parties keep in files of their own.
    """

    whole: "Complete"
    meta: dict[str, Any]
    watch: _Watch
    keep: Callable[[Path], None]


def live_scenario(
    scenario: Scenario,
    *,
    seed: int,
    twin: bool = True,
    progress: Progress = lambda stage, done, total: None,
    histories: "Histories | None" = None,
) -> Lived:
    """Live a scenario, and the same world without coordination; nothing is written.

    Args:
        scenario: what to run.
        seed: of all chance.
        twin: whether the same world is also lived without coordination.
        progress: called with (stage, done, total).
        histories: of earlier runs of this process, for those who make many; changes no result.

    Raises:
        CoflexError, ValueError: the scenario asks for what is not there (network, weather, tariff ...).
    """
    from experiments.assembly.copies import build_sites, physical_tables_of, tables_of
    from experiments.assembly.world import build_world
    from experiments.kpis.complete import complete
    from experiments.results.schema import conform
    from experiments.run.global_market import keep_register
    from experiments.run.tables import ledger_table

    watch = _Watch()
    sites = build_sites(scenario, seed, progress, histories)
    site = sites[0]
    others = [one.twin() for one in sites] if twin and scenario.coordination else []
    for one in others:
        one.living.physics.watched = False  # no operator acts there, and its tables hold no measurements
    world, shadow = build_world(*sites), build_world(*others) if others else None
    watch.lap("setup")
    live(world, site, progress)
    watch.lap("run")
    if shadow:
        live(shadow, site, progress, "day without coordination")
    watch.lap("twin")
    progress("figures, report", 0, 1)
    meta = _meta(site, watch.wall_s)
    tables = conform(tables_of(sites, world))
    twin_tables = physical_tables_of(others) | ledger_table(shadow) if shadow else None
    whole = complete(tables, meta, twin_tables, conformance_of(tables))
    return Lived(whole, meta, watch, partial(keep_register, site, world))


def live(world: Any, site: Any, progress: Progress, stage: str = "day") -> None:
    """Let a world live to its end."""
    end_ms = site.timeline.end_ms
    progress(stage, 0, end_ms)
    world.observe(lambda now_ms: progress(stage, now_ms, end_ms))
    world.run(end_ms)


def conformance_of(tables: dict[str, Any]) -> dict[str, Any]:
    """Which steps were made, broken, not reached: the journal, of canonical tables, checked against the catalogue."""
    from environment.messages import digest_rows
    from experiments.conformance import check, report_json

    return report_json(check(tables, digest_rows=digest_rows, provenance=True))


def _report(folder: Path) -> None:
    from experiments.report import write_report

    write_report(folder)


def _meta(site: Any, wall_s: dict[str, float]) -> dict[str, Any]:
    from experiments.assembly.devices import data_notices

    days = site.days_ms
    return {
        "name": site.scenario.name,
        "scenario": site.scenario.as_data(),
        "seed": site.seed,
        "versions": versions(),
        "begins": site.calendar.local(0).isoformat(),
        "zone": str(site.calendar.zone),
        "step_ms": site.timeline.step_ms,
        "delivery_start_ms": days[0][0],
        "delivery_end_ms": days[-1][1],
        "notices": data_notices(site.scenario, site.network),
        "wall_s": wall_s,
    }


def versions() -> dict[str, str]:
    """Versions of what decides about results."""
    found = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
