"""Walks the conversations of one scenario through its plan: which rows make which step, and what is wrong with the others.

Arrays over rows and conversations; a Python loop runs only over what is ambiguous (``conformance_sends``) or not in order. Rules C4 to C8.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.arrays import I32, I64, Bool
from experiments.conformance.journal import NEVER, Addresses, Events, Journal
from experiments.conformance.plan import Expectation, Plan, Slot

_NO_LIMIT = NEVER // 4
Deadlines = Mapping[int, Mapping[int, int]]
"""Position of an expectation -> number of a conversation -> instant until which its rows must arrive [ms]."""


@dataclass(frozen=True)
class Rows:
    """The rows of the conversations of one scenario, sorted by conversation and arrival; arrays of shape (rows,).

    Attributes:
        index: position in the journal's events.
        case: number of the conversation within the scenario.
        known_ms: the instant of arrival; of sending where it took longer than allowed, since a late delivery is the fault of the
            delivery and not of who went on meanwhile.
    """

    index: I64
    case: I64
    name: I32
    sender: I32
    receiver: I32
    sent_ms: I64
    arrived_ms: I64
    known_ms: I64
    came: Bool

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True)
class Fitting:
    """The rows that fit one expectation.

    Attributes:
        rows: positions of the rows that were assigned to it, in order of arrival.
        questions: for each of them the position of the question it answers; itself where nothing is asked.
        unasked: answers without a question.
        early: sent before the sender knew of a predecessor that is there.
        untold: sent although all predecessors are there and the sender was told of none.
        impossible_time: arrived before it was sent.
        lost: positions of rows that fit but did not arrive.
    """

    rows: I64
    questions: I64
    unasked: Bool
    early: Bool
    untold: Bool
    impossible_time: Bool
    lost: I64

    @cached_property
    def good(self) -> Bool:
        """Rows with nothing wrong in order."""
        return ~(self.unasked | self.early | self.untold | self.impossible_time)

    @cached_property
    def everything(self) -> I64:
        """Positions of the rows and of their questions, sorted."""
        if self.questions is self.rows:
            return self.rows
        return np.unique(np.concatenate([self.rows, self.questions]))


def rows_of(events: Events, cases: I64, within_ms: int | None) -> Rows:
    """The rows of some conversations.

    Args:
        events: all events of the run.
        cases: for every conversation of the journal its number within the scenario, -1 for another scenario, shape (conversations,).
        within_ms: how long a message may travel, None for any time.
    """
    case_of = np.append(cases, -1)[events.conversation]
    index = np.flatnonzero(case_of >= 0)
    index = index[np.lexsort((index, events.arrived_ms[index], case_of[index]))]
    sent, arrived = events.sent_ms[index], events.arrived_ms[index]
    came = arrived != NEVER
    limit = _NO_LIMIT if within_ms is None else within_ms
    known = np.where(came & (arrived - sent > limit), sent, arrived)
    columns = (events.name[index], events.sender[index], events.receiver[index])
    return Rows(index, case_of[index], *columns, sent, arrived, known, came)


def slot_masks(plan: Plan, rows: Rows, journal: Journal) -> list[list[Bool]]:
    """For each expectation and each of its slots the rows that fit it."""
    return [[_fits(slot, rows, journal) for slot in expectation.slots] for expectation in plan.expectations]


def question_masks(plan: Plan, rows: Rows, journal: Journal) -> list[Bool]:
    """For each expectation the rows that fit as its question (nothing where nothing is asked)."""
    none = np.zeros(len(rows), bool)
    return [
        np.logical_or.reduce([_fits(_turned(slot, one.asks), rows, journal) for slot in one.slots])
        if one.asks
        else none
        for one in plan.expectations
    ]


def _turned(slot: Slot, asks: str) -> Slot:
    return Slot(slot.label, slot.receiver, slot.sender, frozenset({asks}))


def _fits(slot: Slot, rows: Rows, journal: Journal) -> Bool:
    named = np.array([name in slot.names for name in journal.events.names], bool)
    addresses = journal.addresses
    sender, receiver = addresses.playing(slot.sender), addresses.playing(slot.receiver)
    found = named[rows.name]
    found &= sender[rows.sender]
    found &= receiver[rows.receiver]
    return found


def fit(
    plan: Plan, rows: Rows, journal: Journal, fits: list[Bool], questions: list[Bool], deadlines: Deadlines
) -> list[Fitting]:
    """Examine the rows that were assigned to each expectation.

    Args:
        plan: what is expected.
        rows: the rows of the scenario.
        journal: the journal they come from.
        fits: rows assigned to each expectation.
        questions: rows that fit as its question.
        deadlines: until when rows must have arrived. Who goes by the clock waits for nothing that is overdue: what comes after its
            deadline is late, and what was made meanwhile is not out of order.
    """
    asked = [
        _questions(one, rows, journal.events, fit, ask)
        for one, fit, ask in zip(plan.expectations, fits, questions, strict=True)
    ]
    known = {
        number: _Known.of(rows, asked[number][0], journal.addresses, deadlines.get(number, {}))
        for number in sorted({before for one in plan.expectations for before in one.after})
    }
    return [
        _examine(expectation, rows, journal.addresses, asked[number], known, fits[number])
        for number, expectation in enumerate(plan.expectations)
    ]


def _questions(one: Expectation, rows: Rows, events: Events, fits: Bool, asks: Bool) -> tuple[I64, I64, Bool]:
    """Arrived rows of an expectation, the question of each, and which have none."""
    place = np.flatnonzero(fits & rows.came)
    if not one.asks:
        return place, place, np.zeros(len(place), bool)
    at = np.full(len(events) + 1, -1, np.int64)
    at[rows.index] = np.arange(len(rows))
    question = at[events.answer_to[rows.index[place]]]
    there = (question >= 0) & asks[question] & rows.came[question] & (rows.case[question] == rows.case[place])
    return place, np.where(there, question, place), ~there


@dataclass(frozen=True)
class _Known:
    """Since when each party of each conversation knows that a step was made; ``keys`` are sorted conversation-party pairs."""

    keys: I64
    since_ms: I64
    cases: Bool

    @classmethod
    def of(cls, rows: Rows, place: I64, addresses: Addresses, deadlines: Mapping[int, int]) -> "_Known":
        """From the rows that made the step: receivers know when it arrives, or is overdue, senders when they send."""
        width = len(addresses.parties) + 1
        case, party = rows.case[place], addresses.party
        keys = np.concatenate(
            [_key(case, party[rows.receiver[place]], width), _key(case, party[rows.sender[place]], width)]
        )
        cases = np.zeros(int(rows.case[-1]) + 1 if len(rows) else 0, bool)
        cases[case] = True
        arrived = rows.known_ms[place]
        if deadlines:
            until = np.array([deadlines.get(number, int(NEVER)) for number in range(len(cases))], np.int64)
            arrived = np.minimum(arrived, until[case])
        since = np.concatenate([arrived, rows.sent_ms[place]])
        order = np.lexsort((since, keys))
        first = np.flatnonzero(np.diff(keys[order], prepend=-1))
        return cls(keys[order][first], since[order][first], cases)

    def since(self, keys: I64) -> I64:
        """The instant since which each pair knows, ``NEVER`` for one that does not."""
        if not len(self.keys):
            return np.full(len(keys), NEVER)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, self.since_ms[place], NEVER)


def _key(case: I64, party: I32, width: int) -> I64:
    return case * width + party + 1


def _examine(
    one: Expectation,
    rows: Rows,
    addresses: Addresses,
    asked: tuple[I64, I64, Bool],
    known: Mapping[int, _Known],
    fits: Bool,
) -> Fitting:
    place, question, unasked = asked
    keys = _key(rows.case[question], addresses.party[rows.sender[question]], len(addresses.parties) + 1)
    early, told = np.zeros(len(place), bool), np.zeros(len(place), bool)
    there = np.full(len(place), bool(one.after))
    for predecessor in one.after:
        since = known[predecessor].since(keys)
        early |= (since != NEVER) & (since > rows.sent_ms[question])
        told |= since != NEVER
        there &= known[predecessor].cases[rows.case[place]]
    back = (rows.arrived_ms[place] < rows.sent_ms[place]) | (rows.sent_ms[place] < rows.sent_ms[question])
    return Fitting(place, question, unasked, early, there & ~told, back, np.flatnonzero(fits & ~rows.came))
