"""A scenario as the dashboard changes it: the file as it stands, and a copy in which keys are set."""

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from experiments.scenario.library import scenario_names, scenarios_folder
from experiments.scenario.read import as_mapping, named_file, parse_yaml

Path_ = tuple[str | int, ...]
"""Keys and places from the top of a scenario: ``("people", 0, "devices", "ev")``."""

_SHORT: Final = {"place": "city", "baseline": "rule", "settlement": "rule", "price": "rule", "allocation": "rule"}
"""What a part that a file gives as one word says; of others (parties) it is their name."""


@dataclass(frozen=True)
class Base:
    """A scenario to begin with.

    Attributes:
        name: how ``coflex run`` is told of it: a shipped name, or a file.
        content: keys and values as they are written.
        key: what tells it apart from another base on the screen.
    """

    name: str
    content: Mapping[str, Any]
    key: str

    @property
    def title(self) -> str:
        """Its headline."""
        return str(self.content.get("title") or self.content.get("name") or self.name)

    @property
    def about(self) -> str:
        """What happens in it."""
        return " ".join(str(self.content.get("about") or "").split())

    @property
    def short(self) -> str:
        """A name for folders."""
        return str(self.content.get("name") or Path(self.name).stem)


def shipped() -> list[str]:
    """Names of the scenarios that ship, the default first."""
    names = scenario_names()
    return sorted(names, key=lambda name: (name != "district-day", name))


def base_of(name: str) -> Base:
    """A shipped scenario, or one of a file.

    Raises:
        CoflexError: there is no such file, or it is no scenario.
    """
    path = named_file(name, "scenario", scenario_names(), scenarios_folder())
    if path is None:
        from experiments.errors import CoflexError, did_you_mean

        msg = f"unknown scenario '{name}'{did_you_mean(name, scenario_names())}, or the path of a .yaml file"
        raise CoflexError(msg)
    return _read(name, path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(name: str, path: Path, changed_ns: int) -> Base:
    del changed_ns  # only there so that a file that has changed is read again
    return Base(name, as_mapping(parse_yaml(path.read_text("utf-8"), path.name), path.name), str(path))


@cache
def shipped_title(name: str) -> str:
    """The headline of a shipped scenario, from its line alone: all are listed before one is read."""
    with (scenarios_folder() / f"{name}.yaml").open(encoding="utf-8") as lines:
        return next((line.partition(":")[2].strip().strip("'\"") for line in lines if line.startswith("title:")), name)


def base_of_run(meta: Mapping[str, Any], file: Path) -> Base:
    """The scenario of a run, which stands complete in its run.json; ``file`` is where it is written as a scenario file."""
    return Base(str(file), json.loads(json.dumps(meta["scenario"])), f"{file}/{meta.get('digest')}")


def node(content: Any, path: Iterable[str | int]) -> Any:
    """What stands at a path; None for nothing."""
    for key in path:
        if isinstance(content, Mapping):
            content = content.get(key)
        elif isinstance(content, list) and isinstance(key, int) and key < len(content):
            content = content[key]
        else:
            return None
    return content


def settings(base: Base, changes: Iterable[tuple[Path_, Any]]) -> list[str]:
    """Changes as ``--set`` of the command line takes them: ``people.0.devices.ev=0.8``.

    A part that the file gives as one word (``place: Rome``) is written out, since nothing can be set inside a word.
    """
    changed = deepcopy(dict(base.content))
    written: list[Path_] = []
    for path, value in changes:
        place = _put(changed, path, value)
        written = [one for one in written if one[: len(place)] != place]
        if not any(place[: len(one)] == one for one in written):
            written.append(place)
    return [f"{'.'.join(map(str, path))}={_text(node(changed, path))}" for path in written]


def _inside(content: Any, key: str | int) -> Any:
    if isinstance(content, list):
        return content[key] if isinstance(key, int) and key < len(content) else None
    return content.get(key)


def _put(content: Any, path: Path_, value: Any) -> Path_:
    """Puts a value, in place; returns the path of what must be said: of a word that was written out, the whole part."""
    said = path
    for depth, key in enumerate(path[:-1]):
        inner = _inside(content, key)
        if not isinstance(inner, dict | list):
            listed = inner is None and isinstance(path[depth + 1], int)
            if (inner is not None or listed) and len(said) == len(path):
                said = path[: depth + 1]  # a word, or a list that is not there: nothing can be set inside
            inner = [] if listed else {} if inner is None else {_SHORT.get(str(key), "name"): inner}
            if isinstance(content, list) and key == len(content):
                content.append(inner)
            content[key] = inner
        content = inner
    content[path[-1]] = value
    return said


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value.replace("-", "").isalnum() else json.dumps(value, default=str)
