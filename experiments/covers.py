"""Which tests hold which rules of the catalogue: a decorator for tests, and a scanner that reads it without importing them.

A rule key is ``SUC06.3/r07`` (seventh rule) or ``SUC06.3/QoS-2`` (a requirement). The test that would fail without the rule carries
``@covers("SUC06.3/r07")``.
"""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

from experiments.errors import did_you_mean
from experiments.usecases import ids, usecase
from experiments.usecases_facts import CatalogueError

Test = TypeVar("Test", bound=Callable[..., object])


def check_keys(keys: tuple[str, ...]) -> None:
    """``CatalogueError`` unless every key is a rule or requirement of the catalogue."""
    if not keys:
        text = "covers() needs the key of a rule, for example SUC06.3/r07"
        raise CatalogueError(text)
    for key in keys:
        suc, _, _ = key.partition("/")
        known = usecase(suc).rule_keys() if suc in ids() else {f"{one}/r01": "" for one in ids()}
        if key not in known:
            text = f"there is no rule {key!r}{did_you_mean(key, known)}"
            raise CatalogueError(text)


def covers(*keys: str) -> Callable[[Test], Test]:
    """Mark a test as the one that would fail without these rules; an unknown key is refused at once."""
    check_keys(keys)

    def mark(test: Test) -> Test:
        return test

    return mark


@cache
def covering_tests(root: Path | None = None) -> dict[str, tuple[str, ...]]:
    """Rule key -> tests that carry it, as ``folder/file.py::test``.

    Args:
        root: the folder of the tests; None for that of the project, which an installed package does not have (then nothing is found).

    Raises:
        CatalogueError: a test covers a rule that does not exist, named with file and line.
    """
    folder = root or Path(__file__).resolve().parent.parent / "tests"
    found: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("test_*.py")):
        for key, test in _in_file(file):
            found.setdefault(key, []).append(f"{file.relative_to(folder).as_posix()}::{test}")
    return {key: tuple(tests) for key, tests in sorted(found.items())}


def _in_file(file: Path) -> Iterator[tuple[str, str]]:
    text = file.read_text(encoding="utf-8")
    if "covers(" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for mark in node.decorator_list:
                yield from ((key, node.name) for key in _keys(mark, file))


def _keys(mark: ast.expr, file: Path) -> tuple[str, ...]:
    if not isinstance(mark, ast.Call) or _name(mark.func) != "covers":
        return ()
    keys = tuple(one.value for one in mark.args if isinstance(one, ast.Constant) and isinstance(one.value, str))
    try:
        check_keys(keys)
    except CatalogueError as error:
        text = f"{file.name}, line {mark.lineno}: {error}"
        raise CatalogueError(text) from error
    return keys


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
