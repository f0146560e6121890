"""Run one study: study and seed in, a run folder out. A pure function of (study, seed, version)."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.errors import CoflexError
from experiments.run import Progress, conformance_of, versions
from experiments.sizing.figures import STUDY, power_notes
from experiments.sizing.study import Study

REGISTERED = (
    "study_members", "completions", "simulated_yields", "representative_days", "represented_days", "represented_sums", "study_profiles",
    "device_courses", "power_above_contract", "sizes", "schedules", "transactions", "investments", "study_indicators", "flexibility", "front", "member_reports",
)  # fmt: skip
"""Tables that the parties of a study write."""
LONGEST_MS = 12 * 3_600_000


@dataclass(frozen=True)
class StudyResult:
    """What a study came to.

    Attributes:
        out: its folder.
        seed: of all chance.
        digest: of the results, values rounded to 1e-6 of their unit.
        wall_s: seconds by stage: setup, run, write.
        indicators: business model -> indicator -> value (None where undefined).
        sizes: business model -> technology -> capacity to install.
        notes: what a reader must know beside the figures.
    """

    out: Path
    seed: int
    digest: str
    wall_s: dict[str, float]
    indicators: dict[str, dict[str, float | None]]
    sizes: dict[str, dict[str, float]]
    notes: tuple[str, ...]


def run_study(
    study: Study,
    *,
    seed: int = 1,
    out: Path,
    force: bool = False,
    progress: Progress = lambda stage, done, total: None,
    report: bool = True,
) -> StudyResult:
    """Make a study and write its folder.

    Args:
        study: what is asked.
        seed: of all chance.
        out: the folder; absent or empty, or with ``force`` an earlier run.
        force: replace an earlier run.
        progress: called with (stage, done, total).
        report: whether the folder gets its report, which takes most of the time of a small study.

    Raises:
        CoflexError: the study was refused, with its reason; or the folder cannot be written.
    """
    from experiments.assembly.sizing import build_study, build_study_world
    from experiments.kpis.conformance import conformance_columns
    from experiments.results import check_out, write_run
    from experiments.results.schema import conform

    check_out(out, force)
    begun = time.perf_counter()
    site = build_study(study, seed, progress)
    world = build_study_world(site, progress)
    setup = time.perf_counter()
    world.run(LONGEST_MS)
    lived = time.perf_counter()
    progress("figures, report", 0, 1)
    _refuse_unfinished(world, study)
    tables = conform(study_tables(world))
    tables |= conform({"conformance": conformance_columns(conformance_of(tables))})
    wall_s = {"setup": setup - begun, "run": lived - setup, "write": 0.0}
    digests = write_run(
        out, tables, _meta(site, wall_s), force=force, finish=_report if report else None, required=False
    )
    wall_s["write"] = time.perf_counter() - lived
    progress("figures, report", 1, 1)
    return StudyResult(out, seed, digests.digest, wall_s, _indicators(tables), _sizes(tables), power_notes(tables))


def _refuse_unfinished(world: Any, study: Study) -> None:
    for talk in world.bus.journal.conversations.values():
        if talk.outcome != "completed":
            msg = f"{study.name}: the study was {talk.outcome}: {talk.reason or 'somebody did not answer'}"
            raise CoflexError(msg)


def study_tables(world: Any) -> dict[str, Any]:
    """Journal and registers of a study."""
    from experiments.run.tables import registered

    journal = world.bus.journal
    tables: dict[str, Any] = {
        "addresses": {
            "address": [one.name for one in world.directory.addresses],
            "party": [one.party for one in world.directory.addresses],
            "actors": [list(one.actors) for one in world.directory.addresses],
            "operator": [one.operator for one in world.directory.addresses],
            "device": [one.device for one in world.directory.addresses],
        },
        "conversations": journal.conversation_table(),
        "messages": journal.messages(),
        "acts": journal.act_table(),
    }
    tables |= {f"content/{name}": columns for name, columns in journal.contents().items()}
    for name in REGISTERED:
        if columns := registered(world, name):
            tables[name] = columns
    return tables


def _meta(site: Any, wall_s: dict[str, float]) -> dict[str, Any]:
    return {
        "name": site.study.name,
        "kind": STUDY,
        "scenario": site.study.as_data(),
        "seed": site.seed,
        "versions": versions(),
        "begins": site.calendar.local(0).isoformat(),
        "zone": str(site.calendar.zone),
        "step_ms": site.year.timeline.step_ms,
        "delivery_start_ms": 0,
        "delivery_end_ms": LONGEST_MS,
        "notices": site.notices,
        "wall_s": wall_s,
    }


def _indicators(tables: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    found: dict[str, dict[str, float | None]] = {}
    columns = tables["study_indicators"].to_pydict()
    for model, name, value in zip(columns["model"], columns["indicator"], columns["value"], strict=True):
        found.setdefault(model, {})[name] = value
    return found


def _sizes(tables: dict[str, Any]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    columns = tables["sizes"].to_pydict()
    for model, kind, capacity in zip(columns["model"], columns["technology"], columns["capacity"], strict=True):
        by_kind = found.setdefault(model, {})
        by_kind[kind] = by_kind.get(kind, 0.0) + capacity
    return found


def _report(folder: Path) -> None:
    from experiments.sizing.report import write_study_report

    write_study_report(folder)
