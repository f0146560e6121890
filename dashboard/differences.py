"""In what the scenarios of two runs differ, in the words of the controls that change it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pydantic

from dashboard.controls import groups
from dashboard.controls_field import Control, in_words
from dashboard.scenarios import base_of_run
from dashboard.trouble import event_in_words, fault_in_words

_NAMES = ("name", "title", "about", "results")
_LISTS = {"events": event_in_words, "faults": fault_in_words}
"""Lists of which each entry is told in words."""


def differences(first: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What differs between the scenarios of two runs.

    Args:
        first: run.json of the run that the other is compared with.
        other: that of the other.

    Returns:
        Label, what it was (empty: nothing of the kind), what it is (empty: no longer); of alike keys of several parties one.
    """
    before, after = _controls(first), _controls(other)
    found = [
        (control.label, in_words(control, control.value), in_words(after[key], after[key].value))
        for key, control in before.items()
        if key in after and after[key].value != control.value
    ]
    known = {key for key in before if key in after}
    mine, others = dict(first["scenario"]), dict(other["scenario"])
    for key, told in _LISTS.items():
        was, now = list(mine.pop(key, [])), list(others.pop(key, []))
        found += [("No longer", told(one), "") for one in was if one not in now]
        found += [("Added", "", told(one)) for one in now if one not in was]
    said = {_alike(key) for key in known}
    for path, was, now in _leaves(mine, others, ""):
        if path.split(".")[0] in _NAMES or any(path == key or path.startswith(f"{key}.") for key in known):
            continue
        if _alike(path) not in said:
            said.add(_alike(path))
            found.append((path, _text(was), _text(now)))
    return found


def _controls(meta: Mapping[str, Any]) -> dict[str, Control]:
    try:
        made = groups(base_of_run(meta, Path("of-run.yaml")))
    except pydantic.ValidationError:  # written by another version
        return {}
    return {one.key: one for group in made for one in group.controls}


def _alike(path: str) -> str:
    """The same for a key of each party of a kind, of each channel and of each reserve, which controls change together."""
    path = re.sub(r"^platforms\.(gdbn|market|cbp|direct)\.(\w+).*", r"platforms.*.\2", path)
    path = re.sub(r"^balancing\.(fcr|afrr|mfrr)\.(penalty|tolerance)\b", r"balancing.*.\2", path)
    return re.sub(r"\b(fsps|bsps|dsos|pools)\.\d+\b", r"\1.*", path)


def _text(value: Any) -> str:
    """A value in a word or two: of a whole part only that it is there, of a list of parts how many."""
    if isinstance(value, Mapping):
        return "given"
    if isinstance(value, list) and (not value or any(isinstance(one, Mapping) for one in value)):
        return str(len(value)) if value else "none"
    return "" if value is None else str(value)


def _leaves(first: Any, other: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Paths at which two contents differ, with what stands there."""
    if isinstance(first, Mapping) and isinstance(other, Mapping):
        pairs = [(key, first.get(key), other.get(key)) for key in dict.fromkeys([*first, *other])]
    elif isinstance(first, list) and isinstance(other, list) and len(first) == len(other):
        pairs = [(str(place), *both) for place, both in enumerate(zip(first, other, strict=True))]
    else:
        if first != other:
            yield path, first, other
        return
    for key, was, now in pairs:
        yield from _leaves(was, now, f"{path}.{key}" if path else str(key))
