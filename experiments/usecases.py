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
from experiments.usecases_facts import Actor, CaseReadings, CatalogueError, Enforcement, Names, Step, UseCase

Sources = Mapping[str, tuple[tuple[str, str], ...]]
"""Record name -> the information objects it carries, (use case, information id), as ``environment.messages.sources()`` gives them."""


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


@cache
def permissions_of_records() -> dict[str, frozenset[str]]:
    """Who may send each record that there is."""
    from environment.messages import sources

    return permissions(sources())


def _senders(suc: str, record: str, items: set[str]) -> set[str]:
    """Who sends a record in the steps of a use case; steps whose reading names the record come without regard to its items."""
    found: set[str] = set()
    for named, information, senders in _sent_steps(suc):
        if items & information if named is None else record in named:
            found.update(senders)
    return found


@cache
def _sent_steps(suc: str) -> list[tuple[Names | None, frozenset[str], Names]]:
    """What each step of a use case sends: records that its reading names (None: none named), information, senders."""
    found = []
    for raw in usecase(suc).steps:
        step, reading = read_step(suc, raw), readings(suc).steps.get(raw.id)
        if not step.is_act:
            senders = step.receiver if carries(suc, raw) == "back" else step.producer
            found.append((reading.records if reading is not None else None, frozenset(step.information), senders))
    return found


def _with_extras(allowed: dict[str, set[str]]) -> dict[str, set[str]]:
    for suc, case in _all_readings().items():
        for extra in case.extra:
            for record, actor in product(extra.records, extra.producer):
                allowed.setdefault(record, set()).update(plays(actor, suc))
        for record, actors_ in case.sent_elsewhere.items():
            allowed.setdefault(record, set()).update(actors_)
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


def catalogue_table() -> str:
    """All use cases as a table for a terminal."""
    from experiments.usecases_text import catalogue_table as text

    return text()


def usecase_text(name: str, *, rules: bool = False) -> str:
    """One use case for a terminal: its steps with their readings, or its rules with what enforces and tests them."""
    from experiments.usecases_text import rules_text, steps_text

    return rules_text(name) if rules else steps_text(name)


__all__ = [
    "CatalogueError",
    "Sources",
    "actors",
    "carries",
    "catalogue_table",
    "enforcements",
    "ids",
    "operators",
    "permissions",
    "plays",
    "read_step",
    "readings",
    "usecase",
    "usecase_text",
]
