"""The mutation law (CONFORMANCE C10): what is made stops being made, and nothing else changes, when its rows are tampered with.

``mutations`` gives, for every step that a run made in a conversation, the run's tables with that step's rows deleted, put before their cause,
sent by or to somebody else, with another content, or delivered late. ``unexpected`` says what the check then found that it should not have.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.arrays import I64
from experiments.conformance import Report, check_journal, project_sources
from experiments.conformance.journal import ContentDigests, DigestRows, Tables, instants, numpy_column, read_journal
from experiments.conformance.plan import plan
from experiments.conformance.verdicts import Walked, walk
from experiments.usecases import Sources, usecase

STRANGER = "nobody"
"""An address that no run has, in place of a sender or receiver."""

LATE_MS = 600_000
"""How much later a late delivery arrives in a mutation: ten minutes, beyond every requirement."""


LEAD_MS, SPREAD_MS = 20_000, 5_000
"""How long before its cause a step is put, and over how long its rows are spread there."""


@dataclass(frozen=True)
class Mutation:
    """A run with one step of one conversation tampered with.

    Attributes:
        kind: delete, before_cause, sender, receiver, content or delivery.
        suc: the use case.
        step: the step.
        conversation: where.
        tables: the tables of the mutated run.
    """

    kind: str
    suc: str
    step: str
    conversation: str
    tables: Tables


@dataclass(frozen=True)
class Made:
    """The rows that made a step in a conversation, as row positions in the tables ``messages`` and ``acts``."""

    suc: str
    step: str
    conversation: str
    messages: I64
    acts: I64
    cause_ms: int | None


def made_steps(tables: Tables, sources: Sources | None = None) -> Iterator[Made]:
    """Every (step, conversation) that a run made, with its rows."""
    journal = read_journal(tables)
    talks = journal.conversations
    for suc in sorted(set(talks.suc)):
        for scenario in usecase(suc).scenarios:
            pairs = zip(talks.suc, talks.scenario, strict=True)
            members = np.array([at for at, pair in enumerate(pairs) if pair == (suc, scenario.id)], np.int64)
            if len(members):
                yield from _made(walk(plan(suc, scenario.id, sources or project_sources()), journal, members))


def _made(walked: Walked) -> Iterator[Made]:
    rows, count = walked.rows, walked.journal.events.messages
    for number, one in enumerate(walked.plan.expectations):
        fitting = walked.fittings[number]
        for case in np.flatnonzero(walked.made[number]) if one.counted else ():
            mine = rows.case[fitting.rows] == case
            place = rows.index[np.union1d(fitting.rows[mine], fitting.questions[mine])]
            causes = [_first_sent(walked, cause, int(case)) for cause in one.after]
            cause = min((time for time in causes if time is not None), default=None)
            name = walked.name(int(case))
            yield Made(walked.plan.suc, one.step, name, place[place < count], place[place >= count] - count, cause)


def _first_sent(walked: Walked, number: int, case: int) -> int | None:
    place = walked.fittings[number].rows
    sent = walked.rows.sent_ms[place[walked.rows.case[place] == case]]
    return int(sent.min()) if len(sent) else None


def mutations(tables: Tables, digest_rows: DigestRows | None, sources: Sources | None = None) -> Iterator[Mutation]:
    """Every mutation of every made step; content is mutated only where ``digest_rows`` can detect it."""
    for made in made_steps(tables, sources):
        for kind, changed in _changes(tables, made, digest_rows):
            yield Mutation(kind, made.suc, made.step, made.conversation, {**tables, **changed})


def _changes(tables: Tables, made: Made, digest_rows: DigestRows | None) -> Iterator[tuple[str, Tables]]:
    yield "delete", _deleted(tables, made)
    yield "sender", _sent_by_nobody(tables, made)
    if made.cause_ms is not None:
        yield "before_cause", _moved_before(tables, made)
    if len(made.messages):
        yield "receiver", {"messages": _set(tables["messages"], "receiver", made.messages, STRANGER)}
        yield "delivery", {"messages": _delivered_late(tables["messages"], made.messages)}
        if digest_rows is not None:
            yield "content", _other_content(tables, made.messages)


def _deleted(tables: Tables, made: Made) -> Tables:
    changed = {"messages": _without(tables["messages"], made.messages)}
    if len(made.acts):
        changed["acts"] = _without(tables["acts"], made.acts)
    return {**changed, **_without_content(tables, made.messages)}


def _without(table: pa.Table, rows: I64) -> pa.Table:
    keep = np.ones(table.num_rows, bool)
    keep[rows] = False
    return table.filter(pa.array(keep))


def _without_content(tables: Tables, rows: I64) -> Tables:
    gone = pa.array(instants(tables["messages"], "row")[rows])
    found = {name: pc.is_in(table.column("row"), gone) for name, table in tables.items() if name.startswith("content/")}
    return {
        name: tables[name].filter(pc.invert(own)) for name, own in found.items() if pc.any(own, min_count=0).as_py()
    }


def _sent_by_nobody(tables: Tables, made: Made) -> Tables:
    changed = {}
    if len(made.messages):
        changed["messages"] = _set(tables["messages"], "sender", made.messages, STRANGER)
    if len(made.acts):
        changed["acts"] = _set(tables["acts"], "actor", made.acts, STRANGER)
    return changed


def _moved_before(tables: Tables, made: Made) -> Tables:
    """All rows of the step sent within the seconds before its earliest cause was sent, in the order they had."""
    start = (made.cause_ms or 0) - LEAD_MS
    changed: dict[str, pa.Table] = {}
    if len(made.messages):
        table = tables["messages"]
        sent = instants(table, "sent_ms")[made.messages]
        since = sent - sent.min()
        shift = start + since * SPREAD_MS // max(int(since.max()), SPREAD_MS) - sent  # what was sent apart stays apart
        for name in ("sent_ms", "delivered_ms", "acknowledged_ms"):
            table = _shifted(table, name, made.messages, shift)
        changed["messages"] = table
    if len(made.acts):
        times = instants(tables["acts"], "t_ms")[made.acts]
        changed["acts"] = _shifted(tables["acts"], "t_ms", made.acts, start - times)
    return changed


def _delivered_late(table: pa.Table, rows: I64) -> pa.Table:
    for name in ("delivered_ms", "acknowledged_ms"):
        table = _shifted(table, name, rows, np.full(len(rows), LATE_MS))
    return table


def _shifted(table: pa.Table, name: str, rows: I64, shift_ms: I64) -> pa.Table:
    shifts = np.zeros(table.num_rows, np.int64)
    shifts[rows] = shift_ms
    values = pc.add(table.column(name).cast(pa.int64()), pa.array(shifts))  # what never happened stays null
    return table.set_column(table.column_names.index(name), name, values)


def _set(table: pa.Table, name: str, rows: I64, value: str) -> pa.Table:
    mine = np.zeros(table.num_rows, bool)
    mine[rows] = True
    values = pc.if_else(pa.array(mine), value, table.column(name).cast(pa.string()))
    return table.set_column(table.column_names.index(name), name, values)


def _other_content(tables: Tables, rows: I64) -> Tables:
    """One field of each of the messages changed: the first numeric one, else the first."""
    numbers = instants(tables["messages"], "row")[rows]
    changed = {}
    for name, table in tables.items():
        if name.startswith("content/"):
            mine = np.flatnonzero(np.isin(instants(table, "row"), numbers))
            if len(mine):
                changed[name] = _altered(table, mine)
    return changed


def _altered(table: pa.Table, rows: I64) -> pa.Table:
    fields = [name for name in table.column_names if name != "row"]
    name = next((one for one in fields if pa.types.is_floating(table.schema.field(one).type)), fields[0])
    kind = table.schema.field(name).type
    values = table.column(name).to_pylist()
    for row in rows:
        values[row] = _other(values[row])
    return table.set_column(table.column_names.index(name), name, pa.array(values, kind))


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [_other(value[0]), *value[1:]] if value else ["other"]
    return value + 1 if isinstance(value, int | float) else f"{value}, altered"


def unexpected(before: Report, mutation: Mutation, after: Report) -> list[str]:
    """What the mutated run's report has that the law does not allow; empty if exactly the step became missing, broken or late."""
    found = []
    if not _noticed(before, mutation, after):
        found.append(f"{mutation.kind} of {mutation.suc}/{mutation.step} in {mutation.conversation} was not noticed")
    for suc, case in after.usecases.items():
        old = before.usecases[suc]
        news = {*case.broken, *case.late} - {*old.broken, *old.late}
        found += [f"{suc}/{one.step}: {one.why}" for one in sorted(news) if not _is_target(mutation, suc, one)]
        lost = set(old.made) - set(case.made)
        found += [
            f"{suc}/{step} is no longer made" for step in sorted(lost) if (suc, step) != (mutation.suc, mutation.step)
        ]
    return found


def _is_target(mutation: Mutation, suc: str, finding: Any) -> bool:
    return (suc, finding.step, finding.conversation) == (mutation.suc, mutation.step, mutation.conversation)


def _noticed(before: Report, mutation: Mutation, after: Report) -> bool:
    old, new = before.usecases[mutation.suc], after.usecases[mutation.suc]
    fresh = {*new.broken, *new.late} - {*old.broken, *old.late}
    if mutation.kind == "delivery":  # a step that was late before stays late
        fresh = {*new.broken, *new.late}
    return any(_is_target(mutation, mutation.suc, one) for one in fresh) or mutation.step in set(old.made) - set(
        new.made
    )


def content_digests(tables: Tables, digest_rows: DigestRows) -> dict[str, pa.Table]:
    """The tables with the column ``digest`` of ``messages`` computed from the content tables."""
    place = {int(row): at for at, row in enumerate(instants(tables["messages"], "row"))}
    digests = np.zeros(len(place), np.int64)
    for name, table in tables.items():
        if name.startswith("content/"):
            columns = {one: numpy_column(table, one) for one in table.column_names if one != "row"}
            values = np.asarray(digest_rows(name.removeprefix("content/"), columns)).astype(np.uint64).view(np.int64)
            digests[[place[int(row)] for row in instants(table, "row")]] = values
    messages = tables["messages"]
    column = messages.column_names.index("digest")
    return {**tables, "messages": messages.set_column(column, "digest", pa.array(digests))}


def restricted(tables: Tables, conversations: frozenset[str]) -> dict[str, pa.Table]:
    """The tables of a run with the messages, contents and acts of some conversations only."""
    wanted = pa.array(sorted(conversations), pa.string())
    kept = dict(tables.items())
    for name in ("messages", "acts", "conversations"):
        if name in tables:
            kept[name] = _belonging(tables[name], "conversation", wanted)
    rows = kept["messages"].column("row")
    for name in (name for name in tables if name.startswith("content/")):
        kept[name] = tables[name].filter(pc.is_in(tables[name].column("row"), rows.combine_chunks()))
    return kept


def _belonging(table: pa.Table, name: str, wanted: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table.column(name).cast(pa.string()), wanted))


def samples(tables: Tables, each: int = 1) -> list[str]:
    """The first conversations of every scenario and outcome of a run: enough for the law, which looks at one at a time."""
    columns = ("conversation", "suc", "scenario", "outcome")
    rows = zip(*(tables["conversations"].column(name).to_pylist() for name in columns), strict=True)
    found: dict[tuple[str, ...], list[str]] = {}
    for name, *kind in rows:
        found.setdefault(tuple(kind), []).append(name)
    return [name for names in found.values() for name in names[:each]]


def check_law(
    tables: Tables, digest_rows: DigestRows | None, sources: Sources | None = None
) -> Mapping[str, list[str]]:
    """Everything that the mutation law finds amiss in a run: mutation -> faults; empty if the law holds."""
    digests = ContentDigests(digest_rows, tables) if digest_rows else None

    def checked(mutated: Tables) -> Report:
        return check_journal(read_journal(mutated, digests), mutated, sources)

    before, faults = checked(tables), {}
    for one in mutations(tables, digest_rows, sources):
        wrong = unexpected(before, one, checked(one.tables))
        if wrong:
            faults[f"{one.kind} {one.suc}/{one.step} {one.conversation}"] = wrong
    return faults
