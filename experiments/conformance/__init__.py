"""Which steps of the use cases a run made: the journal against the catalogue (CONFORMANCE C1 to C9).

``check`` reads the tables of a run and gives a ``Report``; ``union`` joins the reports of several runs. Nothing here declares a step done: all is
derived from messages and acts.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.arrays import I64
from experiments.conformance.journal import (
    ContentDigests,
    DigestRows,
    Journal,
    Tables,
    instants,
    numpy_column,
    read_journal,
)
from experiments.conformance.plan import Plan, plan
from experiments.conformance.verdicts import Excuse, Finding, Said, Verdicts, judge, walk
from experiments.usecases import Sources, readings, usecase
from experiments.usecases_facts import Trigger

OUTCOMES = ("completed", "refused", "failed", "open")


class CaseReport(msgspec.Struct, frozen=True):
    """What runs made of one use case.

    Attributes:
        suc: id of the use case.
        scenarios: how many it has.
        steps: ids of all steps.
        conversations: outcome -> number.
        made: ids of the steps made at least once.
        late: made, but slower than a requirement or a deadline allows.
        excused: steps that need not be made.
        broken: steps that went wrong, each with conversation and reason; also ``extra <Record>`` for messages without a row.
        unmatched: rows of its conversations that no step and no extra expects.
    """

    suc: str
    scenarios: int
    steps: tuple[str, ...]
    conversations: dict[str, int]
    made: tuple[str, ...]
    late: tuple[Finding, ...]
    excused: tuple[Excuse, ...]
    broken: tuple[Finding, ...]
    unmatched: int

    @property
    def not_reached(self) -> tuple[str, ...]:
        """Steps that are neither made, nor broken, nor excused."""
        settled = {*self.made, *(one.step for one in self.excused), *(one.step for one in self.broken)}
        return tuple(step for step in self.steps if step not in settled)


class Report(msgspec.Struct, frozen=True):
    """The reports of all use cases that were looked at, by id."""

    usecases: dict[str, CaseReport]

    @property
    def is_clean(self) -> bool:
        """Whether no step is broken."""
        return not any(case.broken for case in self.usecases.values())


def check(
    tables: Tables,
    sources: Sources | None = None,
    digest_rows: DigestRows | None = None,
    usecases: Sequence[str] | None = None,
    *,
    provenance: bool = False,
) -> Report:
    """Check the journal of a run against the catalogue.

    Args:
        tables: the tables of the run by name, as in ``data/tables.yaml``: ``addresses``, ``conversations``, ``messages``, ``acts``,
            ``content/<Record>``, and the result tables that acts cite.
        sources: record -> information objects; None for the records of the project.
        digest_rows: recomputes digests from content; None leaves content unchecked.
        usecases: ids to report on; None for those that have conversations.
        provenance: whether numbers that differ from the table they came from break their step (C11).

    Raises:
        JournalError: a table or column is missing.
        CatalogueError: a conversation names a use case or scenario that does not exist.
    """
    journal = read_journal(tables, ContentDigests(digest_rows) if digest_rows else None)
    report = check_journal(journal, tables, sources, usecases)
    return _with_provenance(report, tables) if provenance else report


def check_journal(
    journal: Journal, tables: Tables, sources: Sources | None = None, usecases: Sequence[str] | None = None
) -> Report:
    """As ``check``, of a journal that has been read."""
    known = project_sources() if sources is None else sources
    wanted = sorted(set(journal.conversations.suc)) if usecases is None else usecases
    return Report({suc: _check_case(suc, journal, tables, known) for suc in wanted})


def _with_provenance(report: Report, tables: Tables) -> Report:
    from experiments.conformance.provenance import check_provenance

    faults = check_provenance(tables, list(report.usecases))
    return Report(
        {
            suc: msgspec.structs.replace(case, broken=tuple(sorted((*case.broken, *faults.get(suc, ())))))
            for suc, case in report.usecases.items()
        }
    )


def project_sources() -> Sources:
    """The records of the project with the information objects that they carry."""
    from environment.messages import sources

    return sources()


def _check_case(suc: str, journal: Journal, tables: Tables, sources: Sources) -> CaseReport:
    case = usecase(suc)
    talks = journal.conversations
    mine = [number for number, name in enumerate(talks.suc) if name == suc]
    for number in mine:
        case.scenario(talks.scenario[number])
    verdicts = []
    for scenario in case.scenarios:
        members = np.array([number for number in mine if talks.scenario[number] == scenario.id], np.int64)
        verdicts.append(_check_scenario(plan(suc, scenario.id, sources), journal, members, tables))
    return CaseReport(
        suc=suc,
        scenarios=len(case.scenarios),
        steps=tuple(step.id for step in case.steps),
        conversations={outcome: sum(talks.outcome[number] == outcome for number in mine) for outcome in OUTCOMES},
        **_merged(verdicts, [step.id for step in case.steps]),
    )


def _merged(verdicts: Iterable[Any], order: Sequence[str]) -> dict[str, Any]:
    """The fields of a case report that add up, from verdicts or from other reports."""
    parts = list(verdicts)
    made = {step for part in parts for step in part.made}
    return {
        "made": tuple(step for step in order if step in made),
        "late": tuple(sorted(one for part in parts for one in part.late)),
        "excused": tuple(sorted({one for part in parts for one in part.excused if one.step not in made})),
        "broken": tuple(sorted(one for part in parts for one in part.broken)),
        "unmatched": sum(part.unmatched for part in parts),
    }


def _check_scenario(expected: Plan, journal: Journal, members: I64, tables: Tables) -> Verdicts:
    impossible = [Excuse(one.step, "impossible", one.impossible) for one in expected.expectations if one.impossible]
    if not len(members):
        return Verdicts(excused=impossible + _untriggered(expected, tables))
    said = _said(expected, journal, members, tables)
    found = judge(walk(expected, journal, members, said.deadlines), said)
    found.excused += impossible
    return found


def _untriggered(expected: Plan, tables: Tables) -> list[Excuse]:
    """Excuses of all steps of a scenario that nobody opened, because what starts it did not happen."""
    trigger = readings(expected.suc).triggers.get(expected.scenario)
    if trigger is None or trigger.table not in tables or _happened(trigger, tables):
        return []
    return [Excuse(one.step, "no trigger", trigger.reason) for one in expected.expectations if one.counted]


def _happened(trigger: Trigger, tables: Tables) -> bool:
    table = tables[trigger.table]
    if not trigger.less:
        return bool(table.num_rows)
    below = pc.less(table.column(trigger.less), table.column(trigger.than))
    return bool(pc.any(below, min_count=0).as_py())


def _said(expected: Plan, journal: Journal, members: I64, tables: Tables) -> Said:
    """Deadlines and conditions that messages of the conversations state, and what called for steps."""
    deadlines: dict[int, dict[int, int]] = {}
    demanded: dict[int, frozenset[int]] = {}
    for number, one in enumerate(expected.expectations):
        if one.deadline and f"content/{one.deadline.record}" in tables:
            cases, content = _stated(one.deadline.record, journal, members, tables)
            pairs = zip(cases.tolist(), instants(content, one.deadline.field).tolist(), strict=True)
            deadlines[number] = dict(sorted(pairs))
        if one.when and f"content/{one.when.record}" in tables:
            cases, content = _stated(one.when.record, journal, members, tables)
            told = [numpy_column(content, name).astype(bool) for name in one.when.fields]
            demanded[number] = frozenset(cases[np.logical_and.reduce([np.ones(len(cases), bool), *told])].tolist())
        elif one.when and one.counted and _kept(f"content/{one.when.record}", tables):
            demanded[number] = frozenset()
        if one.trigger and _kept(one.trigger.table, tables):
            demanded[number] = _called_for(one.trigger, journal, members, tables)
    return Said(deadlines, demanded)


def _stated(record: str, journal: Journal, members: I64, tables: Tables) -> tuple[I64, pa.Table]:
    """Conversation number and content of the messages of a record in some conversations; what was tampered with states nothing."""
    content = tables[f"content/{record}"]
    place = np.full(len(journal.conversations.names) + 1, -1, np.int64)
    place[members] = np.arange(len(members))
    rows = _positions(content, tables)
    cases = place[journal.events.conversation[rows]]
    known = (cases >= 0) & ~journal.events.forged[rows]
    return cases[known], content.filter(pa.array(known))


def _kept(name: str, tables: Tables) -> bool:
    """Whether a table tells what happened; a content that is not there was never sent, as messages are kept with their contents."""
    return name in tables or (name.startswith("content/") and any(one.startswith("content/") for one in tables))


def _called_for(trigger: Trigger, journal: Journal, members: I64, tables: Tables) -> frozenset[int]:
    """Conversations within which what calls for a step happened."""
    table = tables.get(trigger.table)
    times = np.sort(instants(table, trigger.at)) if table is not None and table.num_rows else np.zeros(0)
    first = np.searchsorted(times, journal.conversations.opened_ms[members])
    last = np.searchsorted(times, journal.conversations.ended_ms[members])
    return frozenset(np.flatnonzero(last > first).tolist())


def _positions(content: pa.Table, tables: Tables) -> I64:
    """Positions in table ``messages`` of the rows of a content table."""
    rows, wanted = instants(tables["messages"], "row"), instants(content, "row")
    order = np.argsort(rows, kind="stable")
    return np.asarray(order[np.minimum(np.searchsorted(rows, wanted, sorter=order), len(rows) - 1)])


def union(reports: Sequence[Report]) -> Report:
    """The report over several runs: a step is made if any run made it, broken if any run broke it."""
    found: dict[str, CaseReport] = {}
    for suc in sorted({suc for report in reports for suc in report.usecases}):
        parts = [report.usecases[suc] for report in reports if suc in report.usecases]
        first = parts[0]
        found[suc] = CaseReport(
            suc=suc,
            scenarios=first.scenarios,
            steps=first.steps,
            conversations={key: sum(part.conversations.get(key, 0) for part in parts) for key in OUTCOMES},
            **_merged(parts, first.steps),
        )
    return Report(found)


def report_json(report: Report) -> dict[str, Any]:
    """The report as a document, the shape that scripts may rely on; readings stand beside what the table says (C2)."""
    return {suc: _case_json(case) for suc, case in report.usecases.items()}


def _case_json(case: CaseReport) -> dict[str, Any]:
    from experiments.usecases_text import readings_shown

    return {
        "scenarios": case.scenarios,
        "steps": len(case.steps),
        "conversations": case.conversations,
        "made": len(case.made),
        "made_steps": list(case.made),
        "late": [msgspec.to_builtins(one) for one in case.late],
        "excused": [msgspec.to_builtins(one) for one in case.excused],
        "not_reached": list(case.not_reached),
        "broken": [msgspec.to_builtins(one) for one in case.broken],
        "unmatched": case.unmatched,
        "readings": readings_shown(case.suc),
    }


def report_text(report: Report) -> str:
    """The report for a terminal: one line a use case, then what went wrong, with the readings of the steps concerned."""
    from experiments.usecases_text import report_text as text

    return text(report)


__all__ = ["CaseReport", "Finding", "Report", "check", "project_sources", "report_json", "report_text", "union"]
