"""From fitting rows to verdicts: for each step of each conversation made, late, broken, excused or not reached (C8, C9)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np

from data.arrays import I64, Bool
from experiments.conformance.journal import NEVER, Journal
from experiments.conformance.plan import Expectation, Plan
from experiments.conformance.sends import assign
from experiments.conformance.walk import Deadlines, Fitting, Rows, fit, question_masks, rows_of, slot_masks


@dataclass(frozen=True)
class Said:
    """What messages say about the conversations they belong to.

    Attributes:
        deadlines: position of an expectation -> number of a conversation -> instant until which its rows must arrive [ms].
        demanded: position of an expectation -> numbers of the conversations that demand it (others do not), where that depends.
    """

    deadlines: Deadlines = field(default_factory=dict)
    demanded: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def requires(self, number: int, one: Expectation, case: int) -> bool:
        """Whether a conversation demands an expectation."""
        return one.required and (number not in self.demanded or case in self.demanded[number])


class Finding(msgspec.Struct, frozen=True, order=True):
    """What is wrong with a step in a conversation."""

    step: str
    conversation: str
    why: str


class Excuse(msgspec.Struct, frozen=True, order=True):
    """Why a step need not be made: ``impossible``, ``alternative`` or ``no trigger``."""

    step: str
    kind: str
    reason: str


@dataclass
class Verdicts:
    """What one scenario came to, over its conversations."""

    made: set[str] = field(default_factory=set)
    late: list[Finding] = field(default_factory=list)
    broken: list[Finding] = field(default_factory=list)
    excused: list[Excuse] = field(default_factory=list)
    unmatched: int = 0


@dataclass(frozen=True)
class Walked:
    """A scenario whose rows are assigned and examined.

    Attributes:
        members: positions of its conversations in the journal.
        made: whether all slots of each expectation are filled by good rows, (expectations, conversations).
        stray: rows that nothing expects.
    """

    plan: Plan
    journal: Journal
    members: I64
    rows: Rows
    slots: list[list[Bool]]
    fittings: list[Fitting]
    made: Bool
    stray: Bool

    def outcome(self, case: int) -> str:
        """How a conversation ended."""
        return self.journal.conversations.outcome[int(self.members[case])]

    def name(self, case: int) -> str:
        """Id of a conversation."""
        return self.journal.conversations.names[int(self.members[case])]


def walk(plan: Plan, journal: Journal, members: I64, deadlines: Deadlines | None = None) -> Walked:
    """Assign and examine the rows of the conversations ``members`` of one scenario, whose messages state ``deadlines``."""
    cases = np.full(len(journal.conversations.names), -1, np.int64)
    cases[members] = np.arange(len(members))
    rows = rows_of(journal.events, cases, plan.conveyance.within_ms if plan.conveyance else None)
    slots, questions = slot_masks(plan, rows, journal), question_masks(plan, rows, journal)
    fits = assign(plan, rows, slots)
    fittings = fit(plan, rows, journal, fits, questions, deadlines or {})
    made = np.array([_made(one, masks, rows, len(members)) for one, masks in zip(fittings, slots, strict=True)])
    known = np.logical_or.reduce([*fits, *(mask for masks in slots for mask in masks), *questions])
    return Walked(plan, journal, members, rows, slots, fittings, made, ~known)


def _made(one: Fitting, masks: list[Bool], rows: Rows, count: int) -> Bool:
    made = np.ones(count, bool)
    for mask in masks:
        filled = np.zeros(count, bool)
        filled[rows.case[one.rows[one.good & mask[one.rows]]]] = True
        made &= filled
    return made


def judge(walked: Walked, said: Said) -> Verdicts:
    """The verdicts of one scenario."""
    found = Verdicts(unmatched=int(walked.stray.sum()))
    away = [_away(walked, number) for number in range(len(walked.fittings))]
    for number, expectation in enumerate(walked.plan.expectations):
        spoilt = _spoilt(walked, number)
        _settle(walked, number, expectation, (spoilt, away[number], said), found)
        found.late += _late(walked, number, said.deadlines.get(number, {}))
    return found


def _settle(
    walked: Walked, number: int, one: Expectation, known: tuple[dict[int, str], Bool, Said], found: Verdicts
) -> None:
    """Sort the conversations of one expectation into made, broken, excused and not reached."""
    spoilt, away, said = known
    made = walked.made[number].copy()
    made[list(spoilt)] = False
    if one.counted and made.any():
        found.made.add(one.step)
    found.broken += [Finding(one.step, walked.name(case), why) for case, why in spoilt.items()]
    if one.impossible:
        _impossible(walked, one, made, found)
        return
    for case in np.flatnonzero(made & away):
        found.broken.append(Finding(one.step, walked.name(int(case)), "made although the alternative was made"))
    if one.group and one.counted and (away & ~made).any():
        found.excused.append(Excuse(one.step, "alternative", f"{one.group.step} went to {one.group.receiver}"))
    for case in np.flatnonzero(~made & ~away & _routed(walked, one)):
        if (one.trigger or (one.when and one.counted)) and not said.requires(number, one, int(case)):
            why = one.trigger.reason if one.trigger else f"no {one.when.record if one.when else ''} called for it"
            found.excused.append(Excuse(one.step, "no trigger", why))
        if int(case) not in spoilt:
            why = _fault(walked, number, int(case), required=said.requires(number, one, int(case)))
            found.broken += [Finding(one.step, walked.name(int(case)), why)] if why else []


def _routed(walked: Walked, one: Expectation) -> Bool:
    """The conversations that took one of an expectation's routes; where its step was not made the fault is that step's alone."""
    if one.group is None:
        return np.ones(len(walked.members), bool)
    step = one.group.step
    return np.asarray(walked.made[next(at for at, other in enumerate(walked.plan.expectations) if other.step == step)])


def _impossible(walked: Walked, one: Expectation, made: Bool, found: Verdicts) -> None:
    for case in np.flatnonzero(made):
        found.broken.append(Finding(one.step, walked.name(int(case)), "made although it is read as impossible"))


def _away(walked: Walked, number: int) -> Bool:
    """The conversations in which the alternative of an expectation was made."""
    found = np.zeros(len(walked.members), bool)
    group = walked.plan.expectations[number].group
    if group is not None:
        place = next(at for at, one in enumerate(walked.plan.expectations) if one.step == group.step)
        fitting, addresses = walked.fittings[place], walked.journal.addresses
        rows = fitting.rows[fitting.good]
        found[walked.rows.case[rows[addresses.playing(frozenset({group.receiver}))[walked.rows.receiver[rows]]]]] = True
    return found


def _spoilt(walked: Walked, number: int) -> dict[int, str]:
    """Conversations in which a row of an expectation is forged, hollow or cites what is not there, with the reason."""
    events, rows = walked.journal.events, walked.rows
    place = walked.fittings[number].everything
    index = rows.index[place]
    bad = events.forged[index] | events.hollow[index]
    if events.undone:
        bad |= np.isin(index, np.fromiter(events.undone, np.int64, len(events.undone)))
    reasons: dict[int, str] = {}
    cases, first = np.unique(rows.case[place[bad]], return_index=True)
    for case, row in zip(cases.tolist(), place[bad][first].tolist(), strict=True):
        reasons[case] = _reason_spoilt(walked, row)
    return reasons


def _reason_spoilt(walked: Walked, row: int) -> str:
    events, index = walked.journal.events, int(walked.rows.index[row])
    if events.forged[index]:
        return f"{_told(walked, row)}: the content does not give the digest of the message"
    if events.hollow[index]:
        return f"{_told(walked, row)}: hollow, it read nothing and wrote nothing"
    return f"{_told(walked, row)}: {events.undone[index]}"


def _fault(walked: Walked, number: int, case: int, *, required: bool) -> str:
    """Why an expectation that was not made is a fault; empty if the conversation just did not come to it."""
    one = walked.plan.expectations[number]
    wrong = _wrong_rows(walked, number, case) or (_near_miss(walked, one, case) if required else "")
    if wrong or (required and walked.outcome(case) == "completed"):
        return wrong or _absent(walked, number, one, case)
    later = [follower for follower in walked.plan.followers(number) if walked.made[follower, case]]
    if later and required:
        return f"missing, though {walked.plan.expectations[min(later)].step} was made after it"
    return ""


def _wrong_rows(walked: Walked, number: int, case: int) -> str:
    fitting, rows = walked.fittings[number], walked.rows
    here = _of_case(rows.case[fitting.rows], case)
    for place in here.start + np.flatnonzero(~fitting.good[here]):
        row = int(fitting.rows[place])
        before = " or ".join(walked.plan.expectations[at].step for at in walked.plan.expectations[number].after)
        if fitting.impossible_time[place]:
            return f"{_told(walked, row)}: arrived before it was sent"
        if fitting.unasked[place]:
            return f"{_told(walked, row)}: answers no question of this conversation"
        how = "before it knew of" if fitting.early[place] else "without having been told of"
        return f"{_told(walked, row)}: out of order, {how} {before}"
    return ""


def _near_miss(walked: Walked, one: Expectation, case: int) -> str:
    """A row that nothing expects and that differs from what is expected here by its sender or its receiver alone."""
    events, rows, playing = walked.journal.events, walked.rows, walked.journal.addresses.playing
    named = np.array([name in one.names for name in events.names], bool)
    here = _of_case(rows.case, case)
    sender, receiver = rows.sender[here], rows.receiver[here]
    near = np.logical_or.reduce([playing(slot.sender)[sender] | playing(slot.receiver)[receiver] for slot in one.slots])
    for row in here.start + np.flatnonzero(walked.stray[here] & named[rows.name[here]] & near):
        return f"{_told(walked, int(row))}: not {_meant(one)}"
    return ""


def _of_case(cases: I64, case: int) -> slice:
    """The positions of one conversation in a sorted column of conversations."""
    first, last = np.searchsorted(cases, [case, case + 1])
    return slice(int(first), int(last))


def _meant(one: Expectation) -> str:
    senders = sorted(set().union(*(slot.sender for slot in one.slots)))
    receivers = sorted(set().union(*(slot.receiver for slot in one.slots)))
    return f"from {', '.join(senders)}" + ("" if receivers == senders else f" to {', '.join(receivers)}")


def _absent(walked: Walked, number: int, one: Expectation, case: int) -> str:
    fitting, rows = walked.fittings[number], walked.rows
    for row in fitting.lost[rows.case[fitting.lost] == case]:
        return f"{_told(walked, int(row))}: never arrived, or was refused"
    here = _of_case(rows.case[fitting.rows], case)
    mine = fitting.rows[here][fitting.good[here]]
    if len(mine):
        open_ = [slot.label for slot, mask in zip(one.slots, walked.slots[number], strict=True) if not mask[mine].any()]
        return f"incomplete, nothing for {'; '.join(open_)}"
    return "missing"


def _told(walked: Walked, row: int) -> str:
    rows, addresses = walked.rows, walked.journal.addresses.names
    name = walked.journal.events.names[rows.name[row]]
    sender = addresses[rows.sender[row]] if rows.sender[row] >= 0 else "an unknown address"
    receiver = addresses[rows.receiver[row]] if rows.receiver[row] >= 0 else "an unknown address"
    way = f"by {sender}" if name.startswith("act:") else f"from {sender} to {receiver}"
    return f"{name.removeprefix('act:')} {way} at {rows.sent_ms[row] / 1000:.3f} s"


def _late(walked: Walked, number: int, deadlines: Mapping[int, int]) -> Iterator[Finding]:
    """Steps whose rows took longer than allowed, one finding a conversation."""
    one, fitting, rows = walked.plan.expectations[number], walked.fittings[number], walked.rows
    place = fitting.everything
    for text, slow in _slownesses(walked, place, deadlines):
        late = place[slow]
        cases, first, counts = np.unique(rows.case[late], return_index=True, return_counts=True)
        for case, start, count in zip(cases, first, counts, strict=True):
            mine = late[_of_case(rows.case[late], int(case))]
            worst_s = (rows.arrived_ms[mine] - rows.sent_ms[mine]).max() / 1000
            more = f" and {count - 1} more" if count > 1 else ""
            why = f"{_told(walked, int(late[start]))}{more}: {text}; the slowest took {worst_s:.3f} s"
            yield Finding(one.step, walked.name(int(case)), why)


def _slownesses(walked: Walked, place: I64, deadlines: Mapping[int, int]) -> Iterator[tuple[str, Bool]]:
    rows, limits = walked.rows, walked.plan.conveyance
    sent, arrived = rows.sent_ms[place], rows.arrived_ms[place]
    if limits is not None:
        acknowledged = walked.journal.events.acknowledged_ms[rows.index[place]]
        slow = arrived - sent > limits.within_ms
        yield f"took longer than {limits.within_ms / 1000:g} s ({limits.source})", slow
        late = (acknowledged == NEVER) | (acknowledged - sent > limits.acknowledged_within_ms)
        yield f"not acknowledged within {limits.acknowledged_within_ms / 1000:g} s ({limits.source})", late & ~slow
    if deadlines:
        until = np.array([deadlines.get(case, int(NEVER)) for case in range(len(walked.members))], np.int64)
        yield "arrived after its deadline", arrived > until[rows.case[place]]
