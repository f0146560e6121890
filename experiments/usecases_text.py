"""Use cases, their rules and what runs made of them, as text for a terminal."""

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from experiments.usecases import enforcements, ids, read_step, readings, usecase
from experiments.usecases_facts import Reading, Step

if TYPE_CHECKING:
    from experiments.conformance import CaseReport, Report

_WIDTH = 118
_READINGS = "readings: steps whose row of the table is made precise, so that runs can be checked against it"
_SHOWN = 8
"""Findings of one kind that are listed before the rest is counted."""


def table(rows: Iterable[Sequence[object]], head: Sequence[str]) -> str:
    """Left-aligned columns under a head; the last column may be of any length."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head) - 1)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in cells
    ]
    return "\n".join([lines[0], "-" * min(_WIDTH, max(map(len, lines))), *lines[1:]])


def catalogue_table() -> str:
    """All use cases: id, domain, scenarios, steps, how many steps have a reading, name."""
    cases = [usecase(name) for name in ids()]
    rows = [
        (one.id, one.domain, len(one.scenarios), len(one.steps), len(readings(one.id).steps) or "", one.name)
        for one in cases
    ]
    steps = sum(len(one.steps) for one in cases)
    return f"{table(rows, ('id', 'domain', 'scenarios', 'steps', 'readings', 'name'))}\n\n{_READINGS}\n{len(cases)} use cases, {steps} steps"


def steps_text(name: str) -> str:
    """The scenarios of a use case with their steps; under a step that is read otherwise, how and why."""
    case, read = usecase(name), readings(name)
    lines = [f"{case.id}  {case.name}", f"{case.domain}; {', '.join(case.bucs)}", ""]
    for scenario in case.scenarios:
        lines += [f"Scenario {scenario.id}: {scenario.name} ({scenario.source})", f"  starts when: {scenario.trigger}"]
        for step in scenario.steps:
            lines += _step_lines(name, step, read.steps.get(step.id))
        for extra in (one for one in read.extra if one.scenario == scenario.id):
            way = f"{', '.join(extra.producer)} -> {', '.join(extra.receiver)}"
            kind = "extra" if extra.required else "extra, may be"
            lines += [f"  {kind:<6} {way}  {' or '.join(extra.records)}", *_indented(extra.reason)]
        lines.append("")
    return "\n".join(lines + _information_lines(name)).rstrip()


def _step_lines(name: str, step: Step, reading: Reading | None) -> list[str]:
    lines = [
        f"  {step.id:<6} {_way(step)}",
        *wrap(step.does, _WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 9),
    ]
    if reading is not None:
        lines += [f"         read: {_way(read_step(name, step))}{_how(reading)}", *_indented(reading.reason)]
    return lines


def _way(step: Step) -> str:
    carried = f"  [{', '.join(step.information)}]" if step.information else ""
    if step.is_act:
        return f"{', '.join(step.producer)} acts{carried}"
    return f"{', '.join(step.producer)} -> {', '.join(step.receiver)}{carried}"


def _how(reading: Reading) -> str:
    parts = [
        "one message, nobody asks" if reading.carries == "push" else "",
        f"receivers {reading.receivers}" if reading.receivers != "all" else "",
        f"producers {reading.producers}" if reading.producers != "any" else "",
        f"by {' or '.join(reading.records)}" if reading.records else "",
        f"asked by {reading.asks}" if reading.asks else "",
        f"act {reading.act}" if reading.act else "",
        f"after {', '.join(reading.after) or 'nothing'}" if reading.after is not None else "",
        f"repeats {reading.repeats}" if reading.repeats else "",
        f"falls away where {reading.group.step} goes to {reading.group.receiver}" if reading.group else "",
        f"until {reading.deadline.record}.{reading.deadline.field}" if reading.deadline else "",
        "impossible" if reading.impossible else "",
    ]
    return "".join(f"; {part}" for part in parts if part)


def _indented(text: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent=" " * 15, subsequent_indent=" " * 15)


def _information_lines(name: str) -> list[str]:
    return ["Information", *(f"  {one.id:<7} {one.name}: {', '.join(one.fields)}" for one in usecase(name).information)]


def rules_text(name: str) -> str:
    """Every rule and requirement with what enforces it and which tests would fail without it, or why it is outside."""
    from experiments.covers import covering_tests

    tests, known = covering_tests(), enforcements()
    lines = [f"{name}  {usecase(name).name}", ""]
    for key, text in usecase(name).rule_keys().items():
        lines += wrap(f"{key}  {text}", _WIDTH, subsequent_indent=" " * (len(key) + 2))
        entry = known.get(key)
        lines += _labelled("enforced by", entry.enforced_by if entry else ())
        lines += _labelled("tested by", tests.get(key, ()))
        lines += _labelled("outside", (entry.outside,) if entry and entry.outside else ())
        if entry is None:
            lines.append("    nobody lists it")
    return "\n".join(lines)


def _labelled(label: str, values: Sequence[str]) -> list[str]:
    text = f"    {label}: {', '.join(values)}"
    return wrap(text, _WIDTH, subsequent_indent=" " * 8, break_on_hyphens=False) if values else []


def report_text(report: "Report") -> str:
    """One line a use case, then findings, excuses and steps not reached."""
    head = ("use case", "steps", "made", "late", "broken", "excused", "not reached", "conversations", "unmatched")
    rows = [_summary(case) for case in report.usecases.values()]
    return "\n".join([table(rows, head), *(line for case in report.usecases.values() for line in _details(case))])


def _summary(case: "CaseReport") -> tuple[object, ...]:
    talks = ", ".join(f"{number} {outcome}" for outcome, number in case.conversations.items() if number) or "none"
    counts = (len(case.made), len({one.step for one in case.late}), len(case.broken), len(case.excused))
    return (case.suc, len(case.steps), *counts, len(case.not_reached), talks, case.unmatched)


def _details(case: "CaseReport") -> list[str]:
    lines = []
    for label, findings in (("broken", case.broken), ("late", case.late)):
        lines += [f"  {label} {case.suc}/{one.step} in {one.conversation}: {one.why}" for one in findings[:_SHOWN]]
        lines += [f"  ... and {len(findings) - _SHOWN} more {label}"] if len(findings) > _SHOWN else []
        lines += _read_lines(case.suc, sorted({one.step for one in findings[:_SHOWN]}))
    lines += [f"  excused {case.suc}/{one.step}: {one.kind}, {one.reason}" for one in case.excused]
    lines += [f"  not reached {case.suc}: {', '.join(case.not_reached)}"] if case.not_reached else []
    return lines


def readings_shown(suc: str) -> list[dict[str, str]]:
    """Every reading of a use case beside what its table says."""
    read = readings(suc).steps
    return [
        {
            "step": step.id,
            "written": _way(step),
            "read": f"{_way(read_step(suc, step))}{_how(read[step.id])}",
            "reason": read[step.id].reason,
        }
        for step in usecase(suc).steps
        if step.id in read
    ]


def _read_lines(suc: str, steps: Iterable[str]) -> list[str]:
    """The readings of steps, beside what the table says."""
    shown = {one["step"]: one for one in readings_shown(suc)}
    return [
        f"    {step} is written {shown[step]['written']}; read {shown[step]['read']}" for step in steps if step in shown
    ]
