"""What a scenario of a use case expects of a journal: for every step (and every message that no row has) which rows can make it.

Built from the catalogue, its readings and the records that carry each information object; knows nothing of a run.
"""

from dataclasses import dataclass
from functools import cache

from experiments.conformance.journal import ACT
from experiments.usecases import Sources, carries, plays, read_step, readings, usecase
from experiments.usecases_facts import (
    Alternative,
    Condition,
    Conveyance,
    Deadline,
    Extra,
    Reading,
    Scenario,
    Step,
    Trigger,
)

EXTRA = "extra "
"""Before the record of a message that no row of the table has, in place of a step id."""


@dataclass(frozen=True)
class Slot:
    """A part of a step that some row must fill: from one of the senders, to one of the receivers, with one of the names.

    ``sender`` and ``receiver`` hold actor ids that stand for the actor meant; ``label`` says which part it is.
    """

    label: str
    sender: frozenset[str]
    receiver: frozenset[str]
    names: frozenset[str]


@dataclass(frozen=True)
class Expectation:
    """One step, or one extra message, of a scenario.

    Attributes:
        step: id of the step, or ``extra <Record>``.
        slots: all must be filled.
        asks: the record of a question in the other direction that belongs to it; empty for none.
        after: positions of the causal predecessors in the plan.
        required: whether its absence is a fault.
        counted: whether it is a step of the table.
        together: whether one sending must reach all receivers.
        when: in which conversations it is required; None for all.
    """

    step: str
    slots: tuple[Slot, ...]
    asks: str
    after: tuple[int, ...]
    required: bool = True
    counted: bool = True
    together: bool = False
    group: Alternative | None = None
    deadline: Deadline | None = None
    when: Condition | None = None
    trigger: Trigger | None = None
    impossible: str = ""

    @property
    def names(self) -> frozenset[str]:
        """Records and acts that can make it."""
        return frozenset[str]().union(*(slot.names for slot in self.slots))


@dataclass(frozen=True)
class Plan:
    """All expectations of one scenario, steps in table order, then extras."""

    suc: str
    scenario: str
    expectations: tuple[Expectation, ...]
    conveyance: Conveyance | None

    def followers(self, position: int) -> frozenset[int]:
        """Positions of the expectations that follow causally, at any distance."""
        found: set[int] = set()
        fresh = {position}
        while fresh:
            fresh = {number for number, one in enumerate(self.expectations) if set(one.after) & fresh} - found
            found |= fresh
        return frozenset(found)


def plan(suc: str, scenario: str, sources: Sources) -> Plan:
    """The plan of one scenario; ``CatalogueError`` if there is none of that name."""
    return _plan(suc, scenario, tuple(sorted((record, tuple(carried)) for record, carried in sources.items())))


@cache
def _plan(suc: str, name: str, sources: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]) -> Plan:
    scenario, case = usecase(suc).scenario(name), readings(suc)
    carriers: dict[str, set[str]] = {}
    for record, carried in sources:
        for item in (item for of, item in carried if of == suc):
            carriers.setdefault(item, set()).add(record)
    place = {step.id: number for number, step in enumerate(scenario.steps)}
    steps = [_expect(suc, scenario, step, place, carriers) for step in scenario.steps]
    extras = [_expect_extra(suc, one, place) for one in case.extra if one.scenario == name]
    return Plan(suc, name, (*steps, *extras), case.conveyance)


def _expect(
    suc: str, scenario: Scenario, raw: Step, place: dict[str, int], carriers: dict[str, set[str]]
) -> Expectation:
    step = read_step(suc, raw)
    reading = readings(suc).steps.get(raw.id) or Reading(reason="")
    above = () if place[raw.id] == 0 else (scenario.steps[place[raw.id] - 1].id,)
    after = above if reading.after is None else reading.after
    pair = carries(suc, raw)
    return Expectation(
        step=raw.id,
        slots=_act_slots(suc, step, reading) if step.is_act else _slots(suc, step, reading, pair, carriers),
        asks=reading.asks if pair != "push" else "",
        after=tuple(place[one] for one in after),
        together=reading.receivers == "together",
        group=reading.group,
        deadline=reading.deadline,
        trigger=reading.trigger,
        when=reading.when,
        impossible=reading.impossible or "",
    )


def act_name(step: Step, reading: Reading) -> str:
    """The name of the act of a step: as read, else the activity in snake case."""
    words = "".join(letter if letter.isalnum() else " " for letter in step.activity.lower()).split()
    return reading.act or "_".join(words) or f"step_{step.id}"


def _act_slots(suc: str, step: Step, reading: Reading) -> tuple[Slot, ...]:
    names = frozenset({ACT + act_name(step, reading)})
    ids = [plays(actor, suc) for actor in step.producer]
    if reading.producers == "any":
        ids = [frozenset[str]().union(*ids)]
    return tuple(Slot("", one, one, names) for one in ids)


def _slots(suc: str, step: Step, reading: Reading, pair: str, carriers: dict[str, set[str]]) -> tuple[Slot, ...]:
    producers = _sides(suc, step.producer, joint=reading.producers == "joint", word="from")
    receivers = _sides(suc, step.receiver, joint=reading.receivers != "any", word="to")
    if pair == "back":
        producers, receivers = receivers, producers
    found: list[Slot] = []
    for source, sender in producers:
        for target, receiver in receivers:
            for item in step.information or ("",):
                names = _carrying(item, carriers, reading)
                found.append(Slot(" ".join(filter(None, (item, source, target))), sender, receiver, names))
    return tuple(found)


def _sides(suc: str, actors: tuple[str, ...], *, joint: bool, word: str) -> list[tuple[str, frozenset[str]]]:
    sides = [(f"{word} {actor}", plays(actor, suc)) for actor in actors]
    if joint:
        return sides
    return [(f"{word} {' or '.join(actors)}", frozenset[str]().union(*(ids for _, ids in sides)))]


def _carrying(item: str, carriers: dict[str, set[str]], reading: Reading) -> frozenset[str]:
    if reading.records is not None:
        return frozenset(reading.records)
    return frozenset(carriers.get(item, set()) if item else set[str]().union(*carriers.values()))


def _expect_extra(suc: str, extra: Extra, place: dict[str, int]) -> Expectation:
    sender = frozenset[str]().union(*(plays(actor, suc) for actor in extra.producer))
    names = frozenset(extra.records)
    receivers = _sides(suc, extra.receiver, joint=extra.receivers == "all", word="to")
    return Expectation(
        step=EXTRA + extra.records[0],
        slots=tuple(Slot(label, sender, ids, names) for label, ids in receivers),
        asks="",
        after=tuple(place[one] for one in extra.after),
        required=extra.required,
        when=extra.when,
        counted=False,
    )
