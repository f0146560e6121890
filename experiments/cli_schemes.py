"""Answers of the command about coordination schemes: one situation under all of them, or an example of one."""

from collections.abc import Sequence
from pathlib import Path

from experiments.cli_output import Answer
from experiments.errors import CoflexError


def schemes_shown(source: Path | None, *, sets: Sequence[str], example: Path | None, force: bool) -> Answer:
    """Compare all schemes on a file's records, or write such a file.

    Raises:
        CoflexError: neither or both are asked for, or everything that is wrong with the file.
    """
    from experiments.rules_read import read_input, write_example
    from experiments.schemes import Situations, compared, comparison_text

    if (source is None) == (example is None):
        text = "give a file with bids, networks and needs, or --example FILE to write one: coflex schemes --example day.yaml"
        raise CoflexError(text)
    if example is not None:
        write_example(Situations, "schemes", example, force=force)
        return Answer(f"wrote {example}; compare: coflex schemes {example}", {"file": str(example)})
    assert source is not None
    given = read_input(Situations, source, sets)
    assert isinstance(given, Situations)
    said = compared(given)
    return Answer(comparison_text(said), said)
