"""Answers of the command about rules: all of them, one, an example of one, or what one says on records from a file."""

from collections.abc import Sequence
from pathlib import Path

from experiments.cli.output import Answer
from experiments.errors import CoflexError


def rules_shown(
    name: str | None, *, source: Path | None, sets: Sequence[str], example: Path | None, force: bool
) -> Answer:
    """All rules, or one: explained, exemplified or run.

    Raises:
        CoflexError: the options do not go together, there is no such rule, or everything that is wrong with its input.
    """
    _check_options(name, source, sets, example, force)
    if name is None:
        return _all()
    if example is not None:
        return _example(name, example, force=force)
    return _run(name, source, sets) if source is not None else _one(name)


def _check_options(
    name: str | None, source: Path | None, sets: Sequence[str], example: Path | None, force: bool
) -> None:
    checks = [
        (name is not None or (source is None and example is None), "say which rule, for example: coflex rules merit-order --input bids.yaml"),
        (source is None or example is None, "--input runs a rule and --example writes a file; give one of them"),
        (not sets or source is not None, "--set changes an input: give --input FILE too"),
        (not force or example is not None, "--force replaces an example: give --example FILE too"),
    ]  # fmt: skip
    wrong = [text for holds, text in checks if not holds]
    if wrong:
        raise CoflexError("\n".join(wrong))


def _all() -> Answer:
    from experiments.rules import all_rules
    from experiments.rules.show import list_data, list_text

    rules = list(all_rules())
    return Answer(list_text(rules), list_data(rules))


def _one(name: str) -> Answer:
    from experiments.rules import find_rule
    from experiments.rules.show import rule_schema, rule_text

    named = find_rule(name)
    return Answer(rule_text(named), rule_schema(named))


def _example(name: str, path: Path, *, force: bool) -> Answer:
    from experiments.rules import find_rule
    from experiments.rules.read import write_example

    write_example(find_rule(name).face, name, path, force=force)
    return Answer(f"wrote {path}; run it: coflex rules {name} --input {path}", {"rule": name, "file": str(path)})


def _run(name: str, path: Path, sets: Sequence[str]) -> Answer:
    from experiments.rules import document, find_rule
    from experiments.rules.read import read_input
    from experiments.rules.show import outcome_text

    named = find_rule(name)
    said = document(named, read_input(named.face, path, sets))
    return Answer(outcome_text(said, named.face.accounted), said)
