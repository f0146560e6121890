"""Translation of validation errors into sentences of the scenario's own words, with the way out."""

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, TypeVar, get_args

import pydantic
from pydantic.fields import FieldInfo

from experiments.errors import did_you_mean
from experiments.scenario.fields import Part
from experiments.scenario.read import path_text

P = TypeVar("P", bound=Part)

_FACTORS = {
    "W": ("kW", 1e-3), "kW": ("kW", 1.0), "MW": ("kW", 1e3),
    "ms": ("s", 1e-3), "s": ("s", 1.0), "min": ("s", 60.0), "h": ("s", 3600.0),
    "ct/kWh": ("EUR/kWh", 0.01), "EUR/MWh": ("EUR/kWh", 1e-3), "EUR/kWh": ("EUR/kWh", 1.0),
}  # fmt: skip
_FEW = 3  #: so many places of a misplaced key are worth naming
_BOUNDS = {
    "greater_than": "more than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}


def sentences(error: pydantic.ValidationError, root: type[Part]) -> list[str]:
    """One sentence per error: ``people[0].devices.ev: '60' is not a share; write 60% or 0.6``."""
    return list(dict.fromkeys(_sentence(dict(problem), root) for problem in error.errors(include_url=False)))


def salvage(content: Mapping[str, Any], error: pydantic.ValidationError, root: type[P]) -> tuple[P | None, list[str]]:
    """What can be read of a faulty scenario, so that its other mistakes are reported at once with the first.

    Returns:
        The scenario without the faulty keys (None if nothing is left to go by) and the key paths left out.
    """
    rest, left_out = deepcopy(dict(content)), []
    for _ in range(3):
        for problem in error.errors(include_url=False):
            path = _readable([*problem["loc"]], root)
            left_out.append(path_text(_leave_out(rest, path[:-1] if problem["type"] == "missing" else path)))
        try:
            return root.model_validate(rest), left_out
        except pydantic.ValidationError as again:
            error = again
    return None, left_out


def _leave_out(content: dict[str, Any], path: list[str | int]) -> list[str | int]:
    """Delete a key in place, or the whole section where a member of a list would have to go; returns what went."""
    target: Any = content
    try:
        for key in path[:-1]:
            target = target[key]
        if not isinstance(target, dict) or (len(path) > 1 and isinstance(path[-2], int) and path[-1] == "mv_plant"):
            raise KeyError
        del target[path[-1]]
    except (KeyError, IndexError, TypeError):
        content.pop(str(path[0]) if path else "", None)
        return path[:1]
    return path


def parts_in(annotation: Any) -> list[type[Part]]:
    """The scenario parts that an annotation can hold, however deep in unions, tuples and dicts."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return [annotation]
    return [part for inner in get_args(annotation) for part in parts_in(inner)]


def key_of(name: str, field: FieldInfo) -> str:
    """The key that a file uses for a field."""
    return field.alias or name


def fields_at(root: type[Part], loc: Iterable[str | int]) -> tuple[list[type[Part]], list[FieldInfo]]:
    """The parts that lie at a key path, and the fields that led there."""
    parts: list[type[Part]] = [root]
    fields: list[FieldInfo] = []
    for item in loc:
        if isinstance(item, int):
            continue
        if item.startswith("("):
            parts = [part for part in parts if item.strip("()") in part.model_fields]
        elif named := [part for part in parts if part.__name__ == item]:
            parts = named
        else:
            fields = [
                field for part in parts for name, field in part.model_fields.items() if key_of(name, field) == item
            ]
            parts = [part for field in fields for part in parts_in(field.annotation)]
    return parts, fields


def places_of(key: str, part: type[Part]) -> list[str]:
    """The key paths under which a part knows a key, in the order of the schema: ``grace`` is ``rules.settlement.grace``."""
    places = []
    for name, field in part.model_fields.items():
        if key_of(name, field) == key:
            places.append(key)
        for inner in parts_in(field.annotation):
            places += [f"{key_of(name, field)}.{place}" for place in places_of(key, inner)]
    return list(dict.fromkeys(places))


def _elsewhere(key: str, root: type[Part]) -> str:
    """Where a key belongs that stands in the wrong section; nothing for one that is at home in many."""
    places = places_of(key, root)
    return " or ".join(places) if len(places) <= _FEW else ""


def _sentence(problem: dict[str, Any], root: type[Part]) -> str:
    loc = list(problem["loc"])
    path = path_text(_readable(loc, root))
    text = _explain(problem, loc, root)
    return f"{path}: {text}" if path else text


def _readable(loc: list[str | int], root: type[Part]) -> list[str | int]:
    """The key path without the names of variants and types, which no file contains."""
    names = {part.__name__ for part in _all_parts(root)} | {"int", "date"}
    return [item for item in loc if isinstance(item, int) or not (item in names or item.startswith("("))]


def _all_parts(part: type[Part]) -> list[type[Part]]:
    inner = [deep for field in part.model_fields.values() for deep in parts_in(field.annotation)]
    return [part, *(deepest for deep in inner for deepest in _all_parts(deep))]


def _explain(problem: dict[str, Any], loc: list[str | int], root: type[Part]) -> str:
    kind, given, context = problem["type"], problem.get("input"), problem.get("ctx", {})
    unit = _unit(loc, root)
    in_unit = f" {unit}" if unit else ""
    if kind == "extra_forbidden":
        parts, _ = fields_at(root, loc[:-1])
        known = [key_of(name, field) for part in parts for name, field in part.model_fields.items()]
        if places := _elsewhere(str(loc[-1]), root):
            return f"unknown key here; it belongs to {places}. There are: {', '.join(sorted(known))}"
        return f"unknown key{did_you_mean(str(loc[-1]), known, most=40)}"
    if kind == "missing":
        return _missing(loc, root)
    if kind.startswith(("greater_than", "less_than")):
        bound = next(iter(context.values()))
        text = f"{bound:g}" if isinstance(bound, int | float) else str(bound)
        return f"{given} is out of range; it must be {_BOUNDS[kind]} {text}{in_unit}"
    if kind == "multiple_of":
        return f"{given} is not a multiple of {context['multiple_of']:g}{in_unit}"
    if kind in {"float_type", "float_parsing", "int_type", "int_parsing", "int_from_float", "finite_number"}:
        return _not_a_number(given, unit, whole=kind.startswith("int"))
    return _other(kind, given, context, problem["msg"])


def _other(kind: str, given: Any, context: dict[str, Any], fallback: str) -> str:
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"])
        return f"'{given}' is not known here{did_you_mean(str(given), known)}"
    if kind.startswith(("date", "time")):
        return f"'{given}' is not a date; write for example 2016-01-19"
    if kind in {"model_type", "dict_type", "model_attributes_type"}:
        return f"'{given}' stands where keys are expected; write {{key: value}}"
    if kind in {"list_type", "tuple_type"}:
        return f"'{given}' stands where a list is expected; write [a, b] or lines that begin with -"
    if kind in {"bool_parsing", "bool_type"}:
        return f"'{given}' is neither true nor false"
    if kind == "string_pattern_mismatch":
        return f"'{given}' is no name; use small letters, digits and hyphens, beginning with a letter"
    if kind == "too_short":
        return f"it is empty; give at least {context['min_length']}"
    if kind == "string_too_short":
        return "it is empty; give a name"
    if kind == "string_type":
        return f"'{given}' stands where a word is expected"
    return fallback.removeprefix("Value error, ")


def _missing(loc: list[str | int], root: type[Part]) -> str:
    _, fields = fields_at(root, loc)
    meaning = next((field.description for field in fields if field.description), "")
    if loc[0] == "place":
        from experiments.scenario.library import known_places

        return f"is needed, since the city is not one of {', '.join(sorted(known_places()))}"
    return f"is needed ({meaning.rstrip('.').replace('``', '')})" if meaning else "is needed"


def _not_a_number(given: Any, unit: str, *, whole: bool) -> str:
    match = re.fullmatch(r"\s*([-+]?\d+(?:\.\d+)?)\s*([A-Za-z%/]+)\s*", given) if isinstance(given, str) else None
    if not match:
        return f"'{given}' is not a {'whole ' if whole else ''}number" + (f" (in {unit})" if unit else "")
    base, factor = _FACTORS.get(match[2], ("", 0.0))
    to, scale = _FACTORS.get(unit, ("", 1.0))
    hint = f"this key is in {unit}" if unit else "this key has no unit"
    example = f": write {float(match[1]) * factor / scale:g}" if base and base == to else ""
    return f"'{given}' is not a number; {hint}{example}"


def _unit(loc: list[str | int], root: type[Part]) -> str:
    _, fields = fields_at(root, loc)
    extras = (field.json_schema_extra for field in fields)
    return next((str(extra["unit"]) for extra in extras if isinstance(extra, dict) and extra.get("unit")), "")
