"""What a command answers, how it is printed, and how an error becomes one clear line."""

import json
import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

import typer

from experiments.errors import CoflexError

_OWN_PACKAGES = {"agents", "data", "environment", "experiments", "markets"}


class Format(str, Enum):  # noqa: UP042 - the command line library reads str enums
    """How a command prints its answer."""

    text = "text"
    json = "json"


class StudyKind(str, Enum):  # noqa: UP042
    """What a study asks."""

    sra = "sra"
    rules = "rules"
    sensitivity = "sensitivity"


class Method(str, Enum):  # noqa: UP042
    """How a study of sensitivity looks at its assumptions."""

    morris = "morris"
    sobol = "sobol"


@dataclass(frozen=True)
class Answer:
    """The answer of a command.

    Attributes:
        text: what a person reads.
        data: the same as JSON types, for a program.
        yes: False when the answer is no (exit code 1).
    """

    text: str
    data: Any
    yes: bool = True


def emit(answer: Answer, form: Format) -> None:
    """Print an answer on standard output, and leave with exit code 1 if it is no."""
    typer.echo(
        answer.text.rstrip("\n") if form is Format.text else json.dumps(tidy(answer.data), indent=2, ensure_ascii=False)
    )
    if not answer.yes:
        raise typer.Exit(1)


def tidy(value: Any) -> Any:
    """JSON types from numbers and containers of any library; a number that is none (NaN, infinity) becomes null."""
    if isinstance(value, dict):
        return {str(key): tidy(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [tidy(one) for one in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def error_text(error: BaseException) -> str:
    """One line per thing that is wrong, without a traceback."""
    if isinstance(error, typer.TyperException):
        return _line(getattr(error, "format_message", lambda: str(error))())
    if isinstance(error, CoflexError) or is_ours(error):
        return "\n".join(_line(line) for line in str(error).splitlines())
    if isinstance(error, OSError) and error.strerror:
        return _line(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    return _line(f"unexpected {type(error).__name__}: {error} (run again with --debug to see where)")


def _line(text: str) -> str:
    return "error: " + " ".join(text.split())


def is_ours(error: BaseException) -> bool:
    """Whether a module of coflex refused something: a ValueError of its own, named ...Error."""
    kind = type(error)
    own = kind.__module__.partition(".")[0] in _OWN_PACKAGES
    return own and isinstance(error, ValueError) and kind.__name__.endswith("Error")
