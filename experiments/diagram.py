"""Sequence diagrams of what really happened: one conversation of a run, as Mermaid text or as a picture.

Parties are lanes; many alike (the homes) share one lane with their number. Rows that made the same step between the same lanes are one arrow with
its count. What was lost, refused or late is an arrow of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from data.arrays import I64
from experiments.conformance import project_sources
from experiments.conformance.journal import ACT, NEVER, Addresses, JournalError, Tables, read_journal
from experiments.conformance.plan import plan
from experiments.conformance.verdicts import Walked, walk
from experiments.errors import did_you_mean
from experiments.usecases import Sources, usecase

MANY = 4
"""From this number on, addresses that play the same actors share a lane."""

OK, LATE, LOST, REFUSED = "ok", "late", "lost", "refused"


@dataclass(frozen=True)
class Arrow:
    """Messages (or acts: ``source`` equals ``target`` and ``is_act``) that are drawn as one.

    Attributes:
        source: lane number.
        target: lane number.
        step: the step they made; empty for none.
        name: record or act.
        count: how many.
        fate: ok, late, lost or refused.
        at_ms: first sending.
        until_ms: last sending.
    """

    source: int
    target: int
    step: str
    name: str
    is_act: bool
    count: int
    fate: str
    at_ms: int
    until_ms: int


@dataclass(frozen=True)
class Course:
    """One conversation, ready to draw."""

    title: str
    lanes: tuple[str, ...]
    arrows: tuple[Arrow, ...]
    outcome: str


def sequences(
    tables: Tables, suc: str, conversation: str | None = None, sources: Sources | None = None
) -> dict[str, Course]:
    """What happened in a use case of a run: conversation -> its sequence.

    Without ``conversation``, for every scenario that took place the conversation that made most steps (the first of equals).

    Raises:
        JournalError: the run has no such conversation, or none of the use case.
    """
    journal, case, found = read_journal(tables), usecase(suc), {}
    talks = journal.conversations
    mine = [at for at, name in enumerate(talks.suc) if name == suc and conversation in (None, talks.names[at])]
    if not mine:
        named = [name for name, of in zip(talks.names, talks.suc, strict=True) if of == suc]
        what = f"conversation {conversation!r} of {suc}" if conversation else f"conversation of {suc}"
        text = f"the run has no {what}{did_you_mean(conversation or suc, named or sorted(set(talks.suc)))}"
        raise JournalError(text)
    for scenario in case.scenarios:
        members = np.array([at for at in mine if talks.scenario[at] == scenario.id], np.int64)
        if len(members):
            walked = walk(plan(suc, scenario.id, sources or project_sources()), journal, members)
            chosen = int(np.argmax(walked.made.sum(axis=0)))
            more = "" if len(members) == 1 else f" (1 of {len(members)} conversations)"
            title = f"{suc} {scenario.name}: {walked.name(chosen)}{more}"
            found[walked.name(chosen)] = _sequence(walked, chosen, title, _refused(tables))
    return found


def _refused(tables: Tables) -> Any:
    return np.array([status == "refused" for status in tables["messages"].column("status").to_pylist()] + [False])


def _sequence(walked: Walked, case: int, title: str, refused: Any) -> Course:
    rows, events, addresses = walked.rows, walked.journal.events, walked.journal.addresses
    place = np.flatnonzero(rows.case == case)
    place = place[np.argsort(rows.sent_ms[place], kind="stable")]
    step_of = {int(row): one.step for one, fit in _steps(walked) for row in fit[rows.case[fit] == case]}
    lane_of, lanes = _lanes(addresses, np.column_stack([rows.sender[place], rows.receiver[place]]).ravel())
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row in place:
        index, name = int(rows.index[row]), events.names[rows.name[row]]
        was_refused = index < events.messages and bool(refused[index])
        fate = _fate(walked, int(row), was_refused)
        ends = (lane_of[int(rows.sender[row])], lane_of[int(rows.receiver[row])])
        groups.setdefault((*ends, step_of.get(int(row), ""), name, fate), []).append(int(row))
    arrows = [_arrow(key, rows.sent_ms[members]) for key, members in groups.items()]
    outcome = f"{walked.outcome(case)} {walked.journal.conversations.reason[int(walked.members[case])]}".strip()
    return Course(title, lanes, tuple(arrows), outcome)


def _steps(walked: Walked) -> list[tuple[Any, I64]]:
    pairs = zip(walked.plan.expectations, walked.fittings, strict=True)
    return [(one, np.concatenate([fit.everything, fit.lost])) for one, fit in pairs if one.counted]


def _fate(walked: Walked, row: int, refused: bool) -> str:
    if refused:
        return REFUSED
    if walked.rows.arrived_ms[row] == NEVER:
        return LOST
    limits = walked.plan.conveyance
    slow = limits and walked.rows.arrived_ms[row] - walked.rows.sent_ms[row] > limits.within_ms
    return LATE if slow else OK


def _arrow(key: tuple[Any, ...], sent_ms: I64) -> Arrow:
    source, target, step, name, fate = key
    is_act = name.startswith(ACT)
    return Arrow(
        source, target, step, name.removeprefix(ACT), is_act, len(sent_ms), fate, int(sent_ms.min()), int(sent_ms.max())
    )


def _lanes(addresses: Addresses, involved: Any) -> tuple[dict[int, int], tuple[str, ...]]:
    """Lane of every address involved, in order of first appearance, and the lanes' labels."""
    kinds: dict[tuple[str, ...], list[int]] = {}
    for address in dict.fromkeys(int(one) for one in involved):
        kinds.setdefault(addresses.actors[address] if address >= 0 else ("?",), []).append(address)
    lane_of: dict[int, int] = {}
    labels: list[str] = []
    for members in kinds.values():
        groups = [members] if len(members) >= MANY else [[one] for one in members]
        for group in groups:
            lane_of |= dict.fromkeys(group, len(labels))
            labels.append(_label([addresses.names[one] if one >= 0 else "unknown" for one in group]))
    return lane_of, tuple(labels)


def _label(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    start = _shared(names).rstrip("0123456789")
    end = _shared([name[::-1] for name in names])[::-1].lstrip("0123456789")
    return f"{start}*{end} ({len(names)})"


def _shared(names: Sequence[str]) -> str:
    """The characters that all names begin with."""
    return "".join(
        letters[0] for letters in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    )


def draw(
    run_dir: Path,
    suc: str,
    conversation: str | None = None,
    out: Path | None = None,
    format: str = "svg",  # noqa: A002
) -> list[Path]:
    """Draw the sequence diagrams of a use case of a run.

    Args:
        run_dir: the run folder.
        suc: id of the use case.
        conversation: id of one conversation; None for one of every scenario that took place.
        out: file (for one diagram) or folder; None for the folder ``diagrams`` in the run folder.
        format: ``svg``, ``png`` or ``mermaid``.

    Returns:
        The files written.
    """
    from experiments.diagram_draw import write
    from experiments.results import open_run

    run = open_run(Path(run_dir))
    found = sequences(run.tables, suc, conversation)
    return [
        write(one, path, format, clock_of(run.local))
        for one, path in zip(found.values(), _paths(list(found), Path(run_dir), out, format), strict=True)
    ]


def clock_of(local: Callable[[int], Any]) -> Callable[[int], str]:
    """Wall-clock texts from a function that gives local times of instants [ms]."""
    return lambda t_ms: str(local(t_ms).strftime("%a %H:%M:%S"))


def _paths(conversations: list[str], run_dir: Path, out: Path | None, form: str) -> list[Path]:
    suffix = {"mermaid": ".mmd"}.get(form, f".{form}")
    if out is not None and out.suffix and len(conversations) == 1:
        return [out]
    folder = run_dir / "diagrams" if out is None else out.with_suffix("")
    return [folder / f"{_file_name(name)}{suffix}" for name in conversations]


def _file_name(conversation: str) -> str:
    """The id of a conversation with letters, digits, dots and hyphens alone."""
    return "".join(letter if letter.isalnum() or letter == "." else "-" for letter in conversation)
