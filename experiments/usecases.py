"""The use-case catalogue: who tells what to whom, as typed facts, and how the project reads its odd steps.

The files are in ``data/usecases/``: one ``SUC*.yaml`` a use case, ``actors.yaml``, and three files of our own: ``readings.yaml`` (what an odd
step really means and why), ``rules.yaml`` (what enforces each rule), ``provenance.yaml`` (which numbers must equal which tables).
A file is parsed once a process, and only when it is asked for.
"""

from collections.abc import Mapping
from functools import cache
from itertools import product
from typing import Any, Literal

import msgspec

import data
from experiments.errors import did_you_mean

Names = tuple[str, ...]
Sources = Mapping[str, tuple[tuple[str, str], ...]]
"""Record name -> the information objects it carries, (use case, information id), as ``environment.messages.sources()`` gives them."""


class CatalogueError(ValueError):
    """A use case, step or rule that the catalogue does not know, or a file of it that does not fit."""


class _Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all catalogue facts: frozen, and an unknown key is refused."""


class Step(_Fact):
    """One row of a step table."""

    id: str
    event: str
    activity: str
    does: str
    operation: str
    producer: Names
    receiver: Names
    information: Names
    requirements: Names

    @property
    def is_act(self) -> bool:
        """Whether the step is an act by topology: nobody else receives it (CONFORMANCE C1)."""
        return not self.receiver or set(self.receiver) == set(self.producer)


class Scenario(_Fact):
    """One scenario of a use case, steps in the order of its table."""

    id: str
    name: str
    primary_actor: str
    trigger: str
    precondition: str
    postcondition: str
    source: Literal["table", "narrative"]
    steps: tuple[Step, ...]


class Information(_Fact):
    """One information object that steps exchange."""

    id: str
    name: str
    fields: Names
    requirements: Names


class Requirement(_Fact):
    """One requirement that steps or information objects cite."""

    id: str
    category: str
    name: str
    says: str


class CaseActor(_Fact):
    """An actor as one use case writes it."""

    id: str
    as_written: str
    kind: Literal["role", "system", "device"]


class Actor(_Fact):
    """An actor of the whole catalogue; ``operated_by`` is a role or nobody."""

    id: str
    names: Names
    kind: Literal["role", "system", "device"]
    operated_by: str | None
    does: str
    sucs: Names


class UseCase(_Fact):
    """One system use case."""

    id: str
    name: str
    domain: str
    bucs: Names
    services: tuple[int, ...]
    pilots: dict[str, Names]
    objectives: Names
    conditions: Names
    rules: Names
    actors: tuple[CaseActor, ...]
    scenarios: tuple[Scenario, ...]
    information: tuple[Information, ...]
    requirements: tuple[Requirement, ...]
    notes: Names

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps of all scenarios."""
        return tuple(step for scenario in self.scenarios for step in scenario.steps)

    def scenario(self, name: str) -> Scenario:
        """The scenario with this id; ``CatalogueError`` if there is none."""
        for scenario in self.scenarios:
            if scenario.id == name:
                return scenario
        text = f"{self.id} has no scenario {name!r}{did_you_mean(name, [one.id for one in self.scenarios])}"
        raise CatalogueError(text)

    def rule_keys(self) -> dict[str, str]:
        """Key -> text of every rule (``SUC06.3/r07`` is the seventh) and requirement (``SUC06.3/QoS-2``)."""
        rules = {f"{self.id}/r{number:02d}": text for number, text in enumerate(self.rules, start=1)}
        return rules | {f"{self.id}/{one.id}": f"{one.name}: {one.says}" for one in self.requirements}


class Alternative(_Fact):
    """The other route of a step: the step falls away where ``step`` went to ``receiver``."""

    name: str
    step: str
    receiver: str


class Deadline(_Fact):
    """A step is late when it arrives after the instant in ``field`` of the same conversation's ``record``."""

    record: str
    field: str


class Reading(_Fact):
    """How an odd step is read (CONFORMANCE C2); what is left out stays as the table has it.

    Attributes:
        reason: why, for people.
        information: ids really carried.
        producer: who really sends or acts.
        receiver: who really receives.
        receivers: whether all receivers must be reached, or any.
        producers: whether any producer will do, or all must send.
        carries: a GET as a pair: ``forward`` the receiver asks and the answer travels producer to receiver, ``back`` the producer asks;
            ``push`` one message without a question.
        records: the only records that can make it, where its information is carried by others too.
        asks: the record of the question of a pair.
        act: name of the act.
        after: steps that its sender must have received or done before; the row above where not stated.
        repeats: an earlier step with the same sender, receiver and information.
        group: the alternative route that makes the step fall away.
        deadline: until when it must arrive.
        impossible: why no run can make the step.
    """

    reason: str
    information: Names | None = None
    producer: Names | None = None
    receiver: Names | None = None
    receivers: Literal["all", "any"] = "all"
    producers: Literal["any", "joint"] = "any"
    carries: Literal["forward", "back", "push"] | None = None
    records: Names | None = None
    asks: str = ""
    act: str | None = None
    after: Names | None = None
    repeats: str | None = None
    group: Alternative | None = None
    deadline: Deadline | None = None
    impossible: str | None = None


class Extra(_Fact):
    """A message that no row of the table has: it must exist in a completed conversation, or (``required: false``) may.

    Any of the ``records`` will do.
    """

    records: Names
    scenario: str
    producer: Names
    receiver: Names
    reason: str
    receivers: Literal["all", "any"] = "all"
    after: Names = ()
    required: bool = True


class Trigger(_Fact):
    """What starts a scenario, as a condition on result tables: ``table`` has a row (in which column ``less`` is below column ``than``)."""

    table: str
    reason: str
    less: str = ""
    than: str = ""


class Conveyance(_Fact):
    """How long a message may take to arrive, and to be acknowledged."""

    within_ms: int
    acknowledged_within_ms: int
    source: str


class CaseReadings(_Fact):
    """All readings of one use case."""

    steps: dict[str, Reading] = {}
    extra: tuple[Extra, ...] = ()
    operated_by: dict[str, str] = {}
    triggers: dict[str, Trigger] = {}
    conveyance: Conveyance | None = None


class Enforcement(_Fact):
    """What keeps a rule: a module attribute, or the reason why it is outside."""

    enforced_by: Names = ()
    outside: str = ""


def _read(kind: Any, *parts: str) -> Any:
    try:
        return msgspec.convert(data.read_yaml("usecases", *parts), kind)
    except msgspec.ValidationError as error:
        text = f"data/usecases/{'/'.join(parts)}: {error}"
        raise CatalogueError(text) from error


@cache
def ids() -> Names:
    """The ids of all use cases, sorted."""
    return tuple(sorted(file.stem for file in data.path("usecases").glob("SUC*.yaml")))


@cache
def usecase(name: str) -> UseCase:
    """The use case with this id, for example ``SUC06.2``; ``CatalogueError`` with the likely meant id if there is none."""
    if name not in ids():
        text = f"there is no use case {name!r}{did_you_mean(name, ids())}"
        raise CatalogueError(text)
    case: UseCase = _read(UseCase, f"{name}.yaml")
    return case


@cache
def actors() -> dict[str, Actor]:
    """All actors of the catalogue by id."""
    listed = _read(dict[Literal["actors", "notes"], Any], "actors.yaml")["actors"]
    return {one.id: one for one in msgspec.convert(listed, tuple[Actor, ...])}


@cache
def _all_readings() -> dict[str, CaseReadings]:
    found: dict[str, CaseReadings] = _read(dict[str, CaseReadings], "readings.yaml")
    return found


def readings(name: str) -> CaseReadings:
    """The readings of a use case, empty where its steps are taken as written."""
    return _all_readings().get(name, CaseReadings())


@cache
def enforcements() -> dict[str, Enforcement]:
    """Rule key -> what enforces it or why it is outside, for the use cases that are built."""
    found: dict[str, Enforcement] = _read(dict[str, Enforcement], "rules.yaml")
    return found


def operators(name: str) -> dict[str, str]:
    """Who operates each system or device in a use case; readings go before the catalogue."""
    general = {one.id: one.operated_by for one in actors().values() if one.operated_by}
    return general | readings(name).operated_by


def plays(actor: str, name: str) -> frozenset[str]:
    """The actor ids whose addresses stand for ``actor`` in a use case: itself, and for a role the systems that it operates (C4)."""
    systems = {one for one, operator in operators(name).items() if operator == actor and _kind(one) == "system"}
    return frozenset({actor} | (systems if _kind(actor) == "role" else set()))


def _kind(actor: str) -> str:
    known = actors().get(actor)
    return known.kind if known else "system"


def read_step(name: str, step: Step) -> Step:
    """The step with its reading applied: what really flows between whom."""
    reading = readings(name).steps.get(step.id)
    if reading is None:
        return step
    changes = {key: getattr(reading, key) for key in ("information", "producer", "receiver")}
    return msgspec.structs.replace(step, **{key: value for key, value in changes.items() if value is not None})


def permissions(sources: Sources) -> dict[str, frozenset[str]]:
    """Who may send each record: every producer of a step or extra that carries it, and who asks where it is fetched.

    Args:
        sources: record name -> information objects, as ``environment.messages.sources()``.

    Returns:
        Record name -> actor ids; a record that no step and no extra of the catalogue mentions is left out (anybody may send it).
    """
    allowed: dict[str, set[str]] = {}
    for record, carried in sources.items():
        for suc in sorted({suc for suc, _ in carried} | _all_readings().keys()):
            for actor in _senders(suc, record, {item for case, item in carried if case == suc}):
                allowed.setdefault(record, set()).update(plays(actor, suc))
    return {record: frozenset(actors_) for record, actors_ in sorted(_with_extras(allowed).items())}


def _senders(suc: str, record: str, items: set[str]) -> set[str]:
    """Who sends a record in the steps of a use case; steps whose reading names the record come without regard to its items."""
    found: set[str] = set()
    for raw in usecase(suc).steps:
        step, reading = read_step(suc, raw), readings(suc).steps.get(raw.id)
        named = reading.records if reading is not None else None
        if not step.is_act and (items & set(step.information) if named is None else record in named):
            found.update(step.receiver if carries(suc, raw) == "back" else step.producer)
    return found


def _with_extras(allowed: dict[str, set[str]]) -> dict[str, set[str]]:
    for suc, case in _all_readings().items():
        for extra in case.extra:
            for record, actor in product(extra.records, extra.producer):
                allowed.setdefault(record, set()).update(plays(actor, suc))
        for step in usecase(suc).steps:
            for actor in _askers(suc, step):
                allowed.setdefault(case.steps[step.id].asks, set()).update(plays(actor, suc))
    return allowed


def _askers(suc: str, raw: Step) -> Names:
    reading, step = readings(suc).steps.get(raw.id), read_step(suc, raw)
    if reading is None or not reading.asks:
        return ()
    return step.producer if carries(suc, raw) == "back" else step.receiver


def carries(name: str, step: Step) -> str:
    """How a step travels: ``push``, or for a GET between two actors a pair, ``forward`` unless read otherwise (C6)."""
    reading = readings(name).steps.get(step.id)
    if reading is not None and reading.carries is not None:
        return reading.carries
    return "forward" if step.operation == "GET" and not step.is_act else "push"
