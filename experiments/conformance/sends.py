"""Which step a row makes where it fits several: the one step table repeats a sender-receiver-information triple (C5).

A *send* is what one sender sent with one record at one instant. A send of which some row fits a single step belongs to that step. The others go,
in order of time, to the step where they fit best: in order with what is unambiguous, needed, of the same addressees, earliest in the table; what no
step needs any more repeats the latest of them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.arrays import I64, Bool
from experiments.conformance.journal import NEVER
from experiments.conformance.plan import Plan
from experiments.conformance.walk import Rows


def assign(plan: Plan, rows: Rows, slots: list[list[Bool]]) -> list[Bool]:
    """For each expectation the rows that belong to it; no row belongs to two.

    Args:
        plan: the expectations.
        rows: the rows of the scenario.
        slots: for each expectation and slot the rows that fit.
    """
    fits = np.array([np.logical_or.reduce(masks) for masks in slots])
    count = fits.sum(axis=0)
    ambiguous = np.flatnonzero((count > 1) & rows.came)
    if len(ambiguous):
        alike = np.isin(rows.name, np.unique(rows.name[ambiguous]))
        _settle(plan, rows, slots, fits, ambiguous, count == 1, alike)
    return list(fits)


@dataclass(frozen=True)
class _Sends:
    """The sends with ambiguous rows, in order of conversation and time; arrays over them.

    Attributes:
        of: number of the send of each ambiguous row.
        first: an ambiguous row of each send.
        owner: number of the pair of conversation and sender.
        options: steps that all rows of the send fit, (steps, sends).
        slots: for each step and slot whether the send fills it.
        fixed: the step of a sibling row that fits nothing else, -1 for none.
    """

    of: I64
    case: I64
    first: I64
    owner: I64
    sent_ms: I64
    options: Bool
    slots: list[list[Bool]]
    fixed: I64


def _settle(
    plan: Plan, rows: Rows, slots: list[list[Bool]], fits: Bool, ambiguous: I64, clear: Bool, alike: Bool
) -> None:
    single = np.flatnonzero(clear)
    sends = _sends(rows, slots, fits, ambiguous, np.flatnonzero(clear & alike))
    for step, one in enumerate(plan.expectations):
        if one.together:  # what went to some of its receivers alone is another step
            sends.options[step] &= np.logical_and.reduce(sends.slots[step]) | (sends.fixed == step)
    anchors = _anchors(rows, fits, single)
    chosen = np.where(sends.fixed >= 0, sends.fixed, -1)
    covered = _covered(rows, slots, single, sends)
    group, looked = _alike(sends, anchors)
    decision = np.full(int(group.max()) + 1, -1, np.int64)
    for number in np.flatnonzero(looked):
        owner = int(sends.owner[number])
        if chosen[number] < 0:
            chosen[number] = min(
                np.flatnonzero(sends.options[:, number]),
                key=lambda step: _score(plan, sends, anchors, covered, int(step), int(number)),
            )
        for slot, reached in enumerate(sends.slots[chosen[number]]):
            covered[chosen[number]][slot][owner] |= reached[number]
        decision[group[number]] = chosen[number]
    chosen = np.where(chosen < 0, decision[group], chosen)
    fits[:, ambiguous] = False
    fits[chosen[sends.of], ambiguous] = True


def _score(
    plan: Plan, sends: _Sends, anchors: I64, covered: list[list[Bool]], step: int, number: int
) -> tuple[bool, bool, bool, bool, int]:
    """The lowest fits best: in order, completes the step, reaches all that the step does, adds to it, earliest in the table.

    What adds to no step repeats the latest.
    """
    case, sent_ms = sends.case[number], sends.sent_ms[number]
    reached = [bool(mask[number]) for mask in sends.slots[step]]
    missing = [not mask[sends.owner[number]] for mask in covered[step]]
    adds = any(new and reach for new, reach in zip(missing, reached, strict=True))
    completes = adds and all(reach or not new for new, reach in zip(missing, reached, strict=True))
    before = [anchors[one, case] for one in plan.expectations[step].after]
    behind = [anchors[one, case] for one, other in enumerate(plan.expectations) if step in other.after]
    wrong = any(NEVER > time > sent_ms for time in before) or (adds and any(time < sent_ms for time in behind))
    wrong = wrong or _far_off(plan, anchors[:, case], step)
    return wrong, not completes, not all(reached), not adds, step if adds else -step


def _far_off(plan: Plan, anchors: I64, step: int) -> bool:
    """Whether a conversation never came near a step: neither what it waits for was made nor what that waits for."""
    causes = plan.expectations[step].after
    deeper = [one for cause in causes for one in plan.expectations[cause].after]
    return bool(deeper) and all(anchors[one] == NEVER for one in (*causes, *deeper))


def _sends(rows: Rows, slots: list[list[Bool]], fits: Bool, ambiguous: I64, single: I64) -> _Sends:
    both = np.concatenate([ambiguous, single])
    columns = [rows.case[both], rows.sent_ms[both], rows.sender[both], rows.name[both]]
    again = _repetition(_groups(*columns, rows.receiver[both]), rows.index[both])
    number = _groups(*columns, again)
    mine, first = np.unique(number[: len(ambiguous)], return_index=True)
    place = np.full(int(number.max()) + 1, -1, np.int64)
    place[mine] = np.arange(len(mine))
    of, sibling = place[number[: len(ambiguous)]], place[number[len(ambiguous) :]]
    options = np.ones((len(fits), len(mine)), bool)
    fixed = np.full(len(mine), -1, np.int64)
    for step in range(len(fits)):
        options[step, of[~fits[step, ambiguous]]] = False
        fixed[sibling[(sibling >= 0) & fits[step, single]]] = step
    fixed = np.where((fixed >= 0) & options[fixed, np.arange(len(mine))], fixed, -1)
    slots_reached = _reached(slots, ambiguous, of, len(mine))
    start = ambiguous[first]
    owner = np.unique(_owners(rows, start), return_inverse=True)[1].ravel()
    return _Sends(of, rows.case[start], start, owner, rows.sent_ms[start], options, slots_reached, fixed)


def _owners(rows: Rows, place: I64) -> I64:
    """A number for the pair of conversation and sender of some rows."""
    return rows.case[place] * (int(rows.sender.max()) + 2) + rows.sender[place] + 1


def _groups(*columns: NDArray[Any]) -> I64:
    """A number for every distinct combination, in order of the columns, shape (rows,)."""
    found = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        number = np.unique(column, return_inverse=True)[1].ravel()
        found = np.unique(found * (int(number.max()) + 1) + number, return_inverse=True)[1].ravel()
    return found


def _reached(slots: list[list[Bool]], ambiguous: I64, of: I64, count: int) -> list[list[Bool]]:
    found = [[np.zeros(count, bool) for _ in masks] for masks in slots]
    for step, masks in enumerate(slots):
        for slot, mask in enumerate(masks):
            found[step][slot][of[mask[ambiguous]]] = True
    return found


def _repetition(number: I64, order_by: I64 | None = None) -> I64:
    """How often the number of each row occurred in rows before (in their order, or that of ``order_by``), shape (rows,)."""
    order = np.argsort(number, kind="stable") if order_by is None else np.lexsort((order_by, number))
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    found = np.empty(len(order), np.int64)
    found[order] = rank
    return found


def _anchors(rows: Rows, fits: Bool, single: I64) -> I64:
    """The first sending of each step's unambiguous rows in each conversation, ``NEVER`` for none, (steps, conversations)."""
    found = np.full((len(fits), int(rows.case[-1]) + 1), NEVER)
    for step, mask in enumerate(fits):
        place = single[mask[single] & rows.came[single]]
        np.minimum.at(found[step], rows.case[place], rows.sent_ms[place])
    return found


def _covered(rows: Rows, slots: list[list[Bool]], single: I64, sends: _Sends) -> list[list[Bool]]:
    """For each step and slot the owners of sends of whom an unambiguous row fills it."""
    keys = np.unique(_owners(rows, sends.first))
    found = [[np.zeros(len(keys), bool) for _ in masks] for masks in slots]
    mine = _owners(rows, single)
    known = np.isin(mine, keys) & rows.came[single]
    place, number = single[known], np.searchsorted(keys, mine[known])
    for step, masks in enumerate(slots):
        for slot, mask in enumerate(masks):
            found[step][slot][number[mask[place]]] = True
    return found


def _alike(sends: _Sends, anchors: I64) -> tuple[I64, Bool]:
    """Groups of sends of one sender that are alike between two anchors, and which of them matter.

    Of each group as many are looked at as there are steps for them; the others repeat the last of these.
    """
    epoch = (anchors[:, sends.case] <= sends.sent_ms).sum(axis=0)
    reached = (mask for masks in sends.slots for mask in masks)
    group = _groups(sends.owner, epoch, *sends.options, *reached, sends.fixed)
    return group, np.asarray(_repetition(group) < np.maximum(sends.options.sum(axis=0), 1))
