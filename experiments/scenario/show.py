"""The schema and the complete form of a scenario, as text: what ``coflex schema`` and ``coflex show --all`` print."""

import json
import re
import textwrap
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from experiments.scenario import Scenario
from experiments.scenario.explain import key_of, parts_in
from experiments.scenario.fields import DayTime, Delay, Moment, Part

_LEAVES: dict[type, str] = {DayTime: "time before delivery", Moment: "moment", Delay: "delay"}
_WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text", date: "date", type(None): "nothing"}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./ -]*[A-Za-z0-9_./-]|[A-Za-z]")
_WIDTH = 118


class Key(NamedTuple):
    """One key of the schema, as the reference lists it."""

    path: str
    type: str
    unit: str
    default: str
    meaning: str
    source: str


def schema_keys() -> list[Key]:
    """Every key a scenario can have, in the order of the schema; one that variants of a section share, once."""
    return list(dict.fromkeys(_keys(Scenario, Scenario(), "")))


def keys_of(part: type[Part]) -> list[Key]:
    """Every key of a part and the parts in it."""
    return list(_keys(part, None, ""))


def schema_json() -> dict[str, Any]:
    """The JSON schema of a scenario."""
    return Scenario.model_json_schema()


def schema_text() -> str:
    """The keys as a list to read: path, type, unit, default, meaning, source."""
    return "\n".join(key_text(key) for key in schema_keys())


def key_text(key: Key) -> str:
    """One key as a paragraph to read."""
    unit = "" if key.unit.startswith("share") else key.unit
    facts = [fact for fact in (key.type, unit, f"default {key.default}" if key.default else "") if fact]
    source = f" Source of the default: {key.source}." if key.source else ""
    body = textwrap.fill(f"{key.meaning}{source}", _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return f"{key.path}  ({', '.join(facts)})\n{body}"


def _keys(part: type[Part], example: Part | None, prefix: str) -> Iterator[Key]:
    for name, field in part.model_fields.items():
        default = getattr(example, name) if example else field.get_default(call_default_factory=False)
        path = prefix + key_of(name, field)
        inner = [one for one in parts_in(field.annotation) if one not in _LEAVES]
        own = default if isinstance(default, Part) and inner == [type(default)] else None
        yield _key(path, field, "" if inner else _value_text(default, share=_is_share(field)))
        for one in inner:
            yield from _keys(one, own, f"{path}{_step(field)}.")


def _step(field: FieldInfo) -> str:
    origin = get_origin(field.annotation)
    return "[]" if origin is tuple else ".<name>" if origin is dict else ""


def _key(path: str, field: FieldInfo, default: str) -> Key:
    meaning = " ".join((field.description or "").replace("``", "`").split())
    return Key(path, type_text(field), fact(field, "unit"), default, meaning, fact(field, "source"))


def fact(field: FieldInfo, name: str) -> str:
    """What a field says of its ``unit`` or ``source``; empty when nothing."""
    extra = field.json_schema_extra
    return str(extra.get(name, "")) if isinstance(extra, dict) else ""


def type_text(field: FieldInfo) -> str:
    """The type of a field in plain words."""
    if _is_share(field):
        return "shares by name" if get_origin(field.annotation) is dict else fact(field, "unit")
    return _type_words(field.annotation)


def _is_share(field: FieldInfo) -> bool:
    return fact(field, "unit").startswith("share")


def _type_words(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return _LEAVES.get(annotation, annotation.called)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin is dict:
        return f"{'sections' if isinstance(inner[1], type) and issubclass(inner[1], Part) else 'values'} by name"
    if origin is tuple:
        return f"list of {_type_words(inner[0])}" if Ellipsis in inner else f"[{', '.join(map(_type_words, inner))}]"
    if inner:
        return " or ".join(dict.fromkeys(_type_words(one) for one in inner if not _is_note(one)))
    return _WORDS.get(annotation, str(annotation))


def _is_note(annotation: Any) -> bool:
    return not (isinstance(annotation, type) or get_origin(annotation) is not None)


def complete_yaml(scenario: Part) -> str:
    """The scenario with every default filled in, each key with its meaning, unit and source; reads back as the same."""
    return "\n".join(_section(scenario, 0)) + "\n"


def _section(part: Part, indent: int) -> Iterator[str]:
    for name, field in type(part).model_fields.items():
        yield from _comment(field, indent)
        yield from _entry(key_of(name, field), getattr(part, name), indent, share=_is_share(field))


def _comment(field: FieldInfo, indent: int) -> Iterator[str]:
    unit, source = fact(field, "unit"), fact(field, "source")
    facts = "; ".join(([unit] if unit else []) + ([f"default: {source}"] if source else []))
    text = " ".join((field.description or "").replace("``", "").split())
    lead = " " * indent + "# "
    yield from textwrap.wrap(
        f"{text} [{facts}]" if facts else text, _WIDTH, initial_indent=lead, subsequent_indent=lead
    )


def _entry(key: str, value: Any, indent: int, *, share: bool = False) -> Iterator[str]:
    lead = " " * indent
    if isinstance(value, Part) and type(value) not in _LEAVES:
        yield f"{lead}{key}:"
        yield from _section(value, indent + 2)
    elif isinstance(value, dict) and any(isinstance(one, Part) for one in value.values()):
        yield f"{lead}{key}:"
        for name, one in value.items():
            yield from _entry(name, one, indent + 2)
    elif isinstance(value, tuple) and any(isinstance(one, Part) for one in value):
        yield f"{lead}{key}:"
        for one in value:
            yield f"{lead}  -"
            yield from _section(one, indent + 4)
    elif isinstance(value, str) and len(value) > _WIDTH - indent and value == " ".join(value.split()):
        yield f"{lead}{key}: >-"
        yield from textwrap.wrap(value, _WIDTH, initial_indent=lead + "  ", subsequent_indent=lead + "  ")
    else:
        yield f"{lead}{key}: {_value_text(value, share=share)}"


def _value_text(value: Any, *, share: bool = False) -> str:
    if isinstance(value, Part):
        written = value.model_dump(mode="json")
        return _value_text(written) if isinstance(written, dict | str) else ""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_value_text(one, share=share)}" for key, one in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_value_text, value)) + "]"
    if isinstance(value, float) and share:
        return f"{100.0 * value:.12g}%"
    return _scalar_text(value)


def _scalar_text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "~"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    if text in {"PydanticUndefined"}:
        return ""
    return (
        text
        if _PLAIN.fullmatch(text) and text not in {"true", "false", "null"}
        else json.dumps(text, ensure_ascii=False)
    )
