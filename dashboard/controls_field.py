"""What a control is, and how one is made of a key of the scenario schema: bounds, choices, unit and help come from there."""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import experiments
from dashboard.scenarios import Path_
from experiments.scenario.fields import Part
from experiments.scenario.library import RULES

Kind = Literal["share", "number", "whole", "choice", "switch", "date"]
Changes = list[tuple[Path_, Any]]


@dataclass(frozen=True)
class Control:
    """One thing that can be changed.

    Attributes:
        key: tells it apart on the page.
        label: in plain words.
        kind: how it is shown.
        value: what the scenario says.
        write: the changes that a new value means.
        help: what it is, with unit and source of the default.
        low, high: bounds of a number; None for none.
        choices: of a choice.
        words: of a choice, in place of its name, where the name says nothing to people.
        told: of a choice, a sentence that says what it does, shown while it is chosen.
    """

    key: str
    label: str
    kind: Kind
    value: Any
    write: Callable[[Any], Changes]
    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Controls that belong together."""

    title: str
    controls: list[Control] = field(default_factory=list)


@dataclass(frozen=True)
class Change:
    """One thing that is changed: what it was, what it is, and how the command line is told."""

    label: str
    before: str
    after: str
    written: Changes


def of_field(part: Part, name: str, path: Path_, label: str, choices: Sequence[str] = (), **more: Any) -> Control:
    """A control of one key of the schema.

    Args:
        part: the part as the scenario has it.
        name: the field.
        path: of the part, from the top of the scenario.
        label: in plain words.
        choices: what there is to choose from; those of the schema if none are given.
        more: overrides attributes of the control.
    """
    info = type(part).model_fields[name]
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    unit, source = str(extra.get("unit") or ""), str(extra.get("source") or "")
    value = getattr(part, name)
    options = tuple(choices) or (
        tuple(map(str, get_args(info.annotation))) if get_origin(info.annotation) is Literal else ()
    )
    if isinstance(value, str) and value not in options and options:
        options = (value, *options)
    low, high = _bounds(info.metadata)
    about = " ".join((info.description or "").replace("``", "`").split())
    facts = "; ".join(text for text in (unit, f"default from: {source}" if source else "") if text)
    key = ".".join(map(str, (*path, name)))
    settled: dict[str, Any] = {
        "key": key, "label": label, "kind": _kind(value, unit, options), "value": value, "low": low, "high": high,
        "choices": options, "write": lambda new: [((*path, name), new)],
        "help": f"{about}\n\n`{key}`{f' ({facts})' if facts else ''}",
    }  # fmt: skip
    return Control(**{**settled, **more})


def _kind(value: Any, unit: str, choices: Sequence[str]) -> Kind:
    if choices:
        return "choice"
    if isinstance(value, bool):
        return "switch"
    if unit.startswith("share"):
        return "share"
    if isinstance(value, int):
        return "whole"
    return "date" if isinstance(value, date) else "number"


def _bounds(metadata: Sequence[Any]) -> tuple[float | None, float | None]:
    """Lowest and highest value of a field; dates are bounded where they are chosen."""
    found: dict[str, Any] = {}
    for one in metadata:
        for name in ("ge", "gt", "le", "lt"):
            if isinstance(bound := getattr(one, name, None), int | float):
                found[name] = bound
    return found.get("ge", found.get("gt")), found.get("le", found.get("lt"))


def of_rule(part: Part, name: str, path: Path_, label: str, kind: str, choices: Sequence[str] = ()) -> Control:
    """A control that chooses a rule; the chosen one says in a sentence what it does, behind the question mark all do.

    Args:
        part: as ``of_field`` has it; so are name, path and label.
        name: the field.
        path: of the part.
        label: in plain words.
        kind: of the rule, as ``coflex rules`` names it.
        choices: if not all rules of the kind.
    """
    names = tuple(choices) or tuple(RULES[kind])
    made = of_field(part, name, path, label, names)
    does = {one: text for one in names if (text := rule_text(one))}
    told = "\n".join(f"- **{one}**: {text}" for one, text in does.items())
    return Control(**{**vars(made), "help": f"{made.help}\n\n{told}", "told": does})


@cache
def rule_text(name: str) -> str:
    """What a rule does: the first sentence of its module, read and not imported; empty for what is no shipped rule."""
    place = next((known[name].function for known in RULES.values() if name in known), "")
    file = Path(experiments.__file__).parents[1] / f"{place.partition(':')[0].replace('.', '/')}.py"
    if not place or not file.is_file():
        return ""
    told = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return " ".join(told.split("\n\n")[0].split())


def in_words(control: Control, value: Any) -> str:
    """A value of a control as people read it."""
    if control.kind == "share":
        return f"{value:.0%}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else control.words.get(str(value), str(value))
