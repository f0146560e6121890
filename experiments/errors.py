"""Refusals that help: the error that ends a command with exit code 2, and the search for what was meant."""

from collections.abc import Iterable
from difflib import get_close_matches


class CoflexError(Exception):
    """Something the user can mend: arguments, a file, a scenario, a folder.

    The text names what disagreed, where, what exists and the way out; the command line prints it as one line and
    leaves with exit code 2.
    """


class InterruptedWorkError(CoflexError):
    """The user interrupted what can go on; the text says how. Exit code 130."""


def closest(name: str, known: Iterable[str], count: int = 1) -> list[str]:
    """Up to ``count`` of the known names that resemble ``name`` or begin with it, the nearest first, in any letter case."""
    by_lower = {option.lower(): option for option in known}
    near = get_close_matches(name.lower(), by_lower, n=count, cutoff=0.55)
    longer = [option for option in sorted(by_lower) if len(name) > 2 and option.startswith(name.lower())]
    return [by_lower[match] for match in dict.fromkeys([*near, *longer])][:count]


def did_you_mean(name: str, known: Iterable[str], most: int = 12) -> str:
    """The end of a sentence about an unknown name: the nearest known one, and what exists.

    >>> did_you_mean("romme", ["Paris", "Rome"])
    "; did you mean 'Rome'? There are: Paris, Rome"
    """
    options = sorted(set(known))
    if not options:
        return "; there is none"
    near = closest(name, options)
    question = f"; did you mean '{near[0]}'?" if near else "."
    listed = ", ".join(options[:most]) + (f" and {len(options) - most} more" if len(options) > most else "")
    return f"{question} There are: {listed}"
