"""Reading a scenario file: YAML without surprises, ``--set`` paths, and the translation of errors into plain words."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from experiments.errors import CoflexError

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ScenarioError(CoflexError):
    """Everything that is wrong with a scenario, all at once.

    Attributes:
        problems: one line each, ``FILE: key.path: what is wrong``; line breaks in what was given are shown escaped.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = [_one_line(problem) for problem in problems]
        super().__init__("\n".join(self.problems))


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class _Reader(_Base):  # type: ignore[misc]
    """YAML as people mean it: 18:40 is a time, not 1120; no is a word; a key appears once."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the class attribute of the library
    repeated: list[str]

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                line = node.value[position][0].start_mark.line + 1
                self.repeated.append(f"line {line}: the key '{key}' is given twice")
        return dict(super().construct_mapping(node, deep))


_WORDS: dict[str, tuple[str, list[str]]] = {
    "bool": (r"true|false", ["t", "f"]),
    "null": (r"~|null|", ["~", "n", ""]),
    "int": (r"[-+]?(0|[1-9][0-9]*)", [*"-+0123456789"]),
    "float": (r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?", [*"-+.0123456789"]),
}
for _tag, (_pattern, _first) in _WORDS.items():
    _Reader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first)
_Reader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(loader.construct_scalar(node)))


def named_file(name_or_path: str | Path, kind: str, names: Iterable[str], folder: Path) -> Path | None:
    """The file of a shipped scenario or study, or one of the user's; None for a name that is neither.

    Raises:
        CoflexError: what looks like a path is no file.
    """
    text, path = str(name_or_path), Path(name_or_path)
    if text in names:
        return folder / f"{text}.yaml"
    if path.is_file():
        return path
    if path.suffix in {".yaml", ".yml"} or len(path.parts) > 1:
        msg = f"there is no {kind} file {text}"
        raise CoflexError(msg)
    return None


def parse_yaml(text: str, where: str) -> Any:
    """The content of a YAML text, with every repeated key refused.

    Args:
        text: YAML.
        where: what to call it in an error.

    Raises:
        ScenarioError: no YAML, or keys given twice.
    """
    loader = _Reader(text)
    loader.repeated = []
    try:
        content = loader.get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise ScenarioError([f"{where}: {line}not YAML: {getattr(error, 'problem', None) or error}"]) from error
    finally:
        loader.dispose()
    if loader.repeated:
        raise ScenarioError(f"{where}: {problem}" for problem in loader.repeated)
    return content


def apply_sets(content: dict[str, Any], sets: Iterable[str]) -> None:
    """Overwrite keys of a scenario by path, in place: ``people.0.devices.ev=80%``.

    Raises:
        ScenarioError: a setting is not ``path=value``, or its path leads into a value or past the end of a list.
    """
    problems = [problem for text in sets if (problem := _apply_set(content, text))]
    if problems:
        raise ScenarioError(problems)


def _apply_set(content: dict[str, Any], text: str) -> str | None:
    path, equals, value = text.partition("=")
    keys = [key for key in re.split(r"[.\[\]]+", path.strip()) if key]
    if not equals or not keys:
        return f"--set '{text}': write key.path=value, for example people.0.devices.ev=80%"
    target: Any = content
    for depth, key in enumerate(keys[:-1]):
        target = _enter(target, key)
        if not isinstance(target, dict | list):
            return f"--set {path}: there is no '{'.'.join(keys[: depth + 1])}' to set something in"
    return _put(target, keys[-1], parse_yaml(value, where=f"--set {path}"), path)


def _enter(target: Any, key: str) -> Any:
    if isinstance(target, list):
        return target[int(key)] if key.isdigit() and int(key) < len(target) else None
    if target.get(key) is None:
        target[key] = {}
    return target[key]


def _put(target: Any, key: str, value: Any, path: str) -> str | None:
    if isinstance(target, dict):
        target[key] = value
        return None
    if not (key.isdigit() and int(key) <= len(target)):
        return f"--set {path}: '{key}' is not a place in a list of {len(target)}; places count from 0"
    target[int(key) : int(key) + 1] = [value]
    return None


def path_text(loc: Iterable[str | int]) -> str:
    """A key path as scenarios are discussed: ``people[0].devices.ev``; names of variants (in brackets) are left out."""
    text = ""
    for item in loc:
        if isinstance(item, int):
            text += f"[{item}]"
        elif not item.startswith("("):
            text += f".{item}" if text else item
    return text


def as_mapping(content: Any, where: str) -> dict[str, Any]:
    """The content as a mapping of keys.

    Raises:
        ScenarioError: the file says nothing, or holds something else.
    """
    if content is None or content == {}:
        # Every key has a default, but nobody writes an empty file to ask for them all.
        way = "write what is special about it (`coflex schema` lists the keys), or begin with a copy of a shipped one"
        raise ScenarioError([f"{where}: the scenario is empty; {way}: coflex show district-day"])
    if not isinstance(content, Mapping):
        raise ScenarioError([f"{where}: a scenario is a list of `key: value`; this is a {type(content).__name__}"])
    return dict(content)
