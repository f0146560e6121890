"""What a study is: a question, one sweep or several, and sections that read their answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from experiments.errors import CoflexError
from experiments.report.page import Section, page, paragraphs
from experiments.scenario import Scenario, find_scenario, load_scenario
from experiments.sweep import SweepResult, run_sweep
from experiments.sweep.answers import Answers, read_answers
from experiments.sweep.design import plan
from experiments.sweep.engine import Engine
from experiments.sweep.file import Sweep
from experiments.sweep.folder import write_whole
from experiments.sweep.report import REPORT_FILE, limits, own_scenario, result_sections
from experiments.sweep.worker import TASK

Read = Callable[[Mapping[str, Answers]], list[Section]]
Told = Callable[[str, int, int, float], None]
"""Called with (part, runs done, runs in all, seconds that remain)."""
KEY_FIGURES = (
    "peak_loading_percent", "overload_hours", "overload_kwh", "avoided_overload_hours", "voltage_violation_hours", "flexibility_needed_kwh",
    "flexibility_offered_kwh", "flexibility_cleared_kwh", "flexibility_true_kwh", "unmet_need_kwh", "delivered_percent", "flexibility_cost_eur",
    "cost_eur_per_kwh_true", "bids_hhi", "baseline_rrmse", "messages_total",
)  # fmt: skip
"""Figures that a study of a scenario with a flexibility market looks at."""


@dataclass(frozen=True)
class Study:
    """A question and how it is answered.

    Attributes:
        name: short, for folders.
        title: one line.
        question: what is asked.
        about: how it is answered.
        limits: what the answer does not say.
        command: the words that make it again.
        parts: its sweeps by name.
        read: sections from the answers, before those of each part.
    """

    name: str
    title: str
    question: str
    about: str
    limits: str
    command: str
    parts: Mapping[str, Sweep]
    read: Read = field(repr=False, default=lambda answers: [])


def scenario_of_study(name: str) -> tuple[str, Scenario]:
    """The scenario of a study: what to write in its sweeps, and the scenario itself.

    Raises:
        CoflexError: there is none.
    """
    path = find_scenario(name)
    return name if path.stem == name else str(path.resolve()), load_scenario(name)


def home_keys(scenario: Scenario, key: str) -> list[str]:
    """A key of every group of homes: ``people.0.devices.ev``, ``people.1.devices.ev``."""
    content = scenario.as_data()["people"]
    return [f"people.{place}.{key}" for place, group in enumerate(content) if "homes" in group]


def make_study(
    study: Study, out: Path, engine: Engine, told: Told = lambda *_: None, task: str = TASK
) -> dict[str, SweepResult]:
    """Do the runs of a study that its folder lacks, and write its page.

    Args:
        study: what is asked; every sweep is checked before anything is run.
        out: its folder; each sweep has a folder of its own in it.
        engine: who does the runs.
        told: called after each run.
        task: the function that does one run.

    Raises:
        CoflexError: a sweep cannot be run, all its runs failed, or the folder cannot be written; what is done is kept.
    """
    plans = {name: plan(sweep, where=name) for name, sweep in study.parts.items()}
    results = {}
    for name, made in plans.items():
        results[name] = run_sweep(made, out / name, engine, _telling(told, name), task)
        if len(results[name].failed) == results[name].runs:
            run, error = results[name].failed[0]
            msg = f"every run of {out / name} failed; the first (seed {run.seed}): {error}; its scenario is in {out / name / 'failed'}"
            raise CoflexError(msg)
    write_whole(out / REPORT_FILE, study_html(study, {name: read_answers(out / name) for name in plans}))
    return results


def _telling(told: Told, name: str) -> Callable[[int, int, float], None]:
    return lambda done, total, rest_s: told(name, done, total, rest_s)


def study_html(study: Study, answers: Mapping[str, Answers]) -> str:
    """The page of a study; the same answers give the same page."""
    runs = sum(len(one.said["runs"]) for one in answers.values())
    head = (
        f'<p class="soft">coflex study, {runs} runs</p><h1>{escape(study.title)}</h1><p><b>{escape(study.question)}</b></p>'
        f"{paragraphs(study.about)}"
    )
    parts: list[Section] = []
    for name, one in answers.items():
        parts += result_sections(one, name if len(answers) > 1 else "")
    sections = [*study.read(answers), *parts, limits(study.limits), _reproduce(study, answers)]
    return page(study.title, head, sections)


def _reproduce(study: Study, answers: Mapping[str, Answers]) -> Section:
    first: Any = next(iter(answers.values()))
    versions = ", ".join(f"{name} {version}" for name, version in first.said["versions"].items())
    folders: Sequence[str] = [f"coflex results {'/'.join(one.folder.parts[-3:])}" for one in answers.values()]
    text = (
        f"<p><code>{escape(study.command)}</code> gives the same tables bit for bit, on any number of workers, with these versions: {escape(versions)}. "
        f"All runs can be asked in SQL:</p><pre>{escape(chr(10).join(folders))}</pre>"
        f"{own_scenario(first)}"
    )
    return Section("reproduce", "How to reproduce", text)
