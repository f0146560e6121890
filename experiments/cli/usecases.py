"""Answers of the commands about use cases: usecases, diagram."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.cli.output import Answer
from experiments.errors import CoflexError, did_you_mean

if TYPE_CHECKING:
    from experiments.conformance import Report

_SUFFIXES = {".svg": "svg", ".png": "png", ".mmd": "mermaid"}


def usecases_shown(usecase: str | None, *, rules: bool, runs: Sequence[Path], strict: bool) -> Answer:
    """The catalogue, one use case of it, or what runs made of it.

    Raises:
        CoflexError: the options do not go together.
    """
    if rules and not usecase:
        msg = "--rules needs a use case, for example: coflex usecases SUC06.3 --rules"
        raise CoflexError(msg)
    if strict and not runs:
        msg = "--strict judges runs: add --run DIR"
        raise CoflexError(msg)
    if runs:
        return _conformance(runs, usecase, strict=strict)
    return _one(usecase, rules=rules) if usecase else _catalogue()


def _catalogue() -> Answer:
    from experiments.usecases import catalogue_table, ids
    from experiments.usecases import usecase as find

    cases = [find(name) for name in ids()]
    rows = [
        {
            "id": case.id,
            "name": case.name,
            "domain": case.domain,
            "scenarios": len(case.scenarios),
            "steps": len(case.steps),
        }
        for case in cases
    ]
    return Answer(catalogue_table(), rows)


def _one(name: str, *, rules: bool) -> Answer:
    import msgspec

    from experiments.usecases import usecase, usecase_text

    case = usecase(name)
    return Answer(usecase_text(name, rules=rules), _rules(name) if rules else msgspec.to_builtins(case))


def _rules(name: str) -> dict[str, Any]:
    """By rule key: what it says, what enforces it, what tests it, or why it is outside."""
    from experiments.covers import covering_tests
    from experiments.usecases import enforcements, usecase

    tests, known = covering_tests(), enforcements()
    found: dict[str, Any] = {}
    for key, text in usecase(name).rule_keys().items():
        entry = known.get(key)
        found[key] = {
            "says": text,
            "enforced_by": list(entry.enforced_by) if entry else [],
            "outside": entry.outside if entry else "",
            "tests": list(tests.get(key, ())),
        }
    return found


def _conformance(runs: Sequence[Path], usecase: str | None, *, strict: bool) -> Answer:
    from experiments.conformance import report_json, report_text

    report = _report(runs, [usecase] if usecase else None)
    data = report_json(report)
    broken = sum(len(case["broken"]) for case in data.values())
    return Answer(report_text(report), data, yes=not (strict and broken))


def _report(runs: Sequence[Path], usecases: Sequence[str] | None) -> "Report":
    """What the runs made, taken together."""
    from environment.messages import digest_rows
    from experiments.conformance import check, union
    from experiments.results import open_run

    tables: list[Mapping[str, Any]] = [open_run(folder).tables for folder in runs]
    return union([check(one, digest_rows=digest_rows, usecases=usecases, provenance=True) for one in tables])


def diagram_drawn(
    folder: Path, usecase: str, *, conversation: str | None, picture: str | None, out: Path | None
) -> Answer:
    """The sequence diagrams of a use case in a run, written to files."""
    from experiments.results import open_run

    kinds = _kinds(picture, out)
    open_run(folder)  # a folder that is no run is refused in clear words
    from experiments.diagram import draw

    files = [
        str(file) for kind in kinds for file in draw(folder, usecase, conversation=conversation, out=out, format=kind)
    ]
    return Answer("\n".join(files), {"files": files})


def _kinds(picture: str | None, out: Path | None) -> Sequence[str]:
    """The kinds of picture to draw: as asked, as the file's name says, or one to look at and one to quote.

    Raises:
        CoflexError: no such kind.
    """
    if picture is None:
        named = _SUFFIXES.get(out.suffix) if out else None
        return [named] if named else ["svg", "mermaid"]
    if picture not in _SUFFIXES.values():
        msg = f"unknown kind of picture '{picture}'{did_you_mean(picture, _SUFFIXES.values())}"
        raise CoflexError(msg)
    return [picture]
