"""The face of a rule: its input and output on plain records, declared once.

One class a rule (rules of a kind share what they can) gives documentation, JSON schema, checks, a worked example and the way to the columns
that the pure function in ``markets`` works on. What records say of each other (an id that is unique, a name that must exist) is declared
too, and checked beside the fields, so that all mistakes are told at once.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import fsum
from typing import Annotated, Any, ClassVar, NamedTuple

import pydantic
from pydantic import BeforeValidator, ConfigDict, StringConstraints

from experiments.errors import did_you_mean
from experiments.scenario.explain import sentences
from experiments.scenario.fields import Part, given
from experiments.scenario.read import ScenarioError


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[str, BeforeValidator(_text), StringConstraints(min_length=1)]
"""A name or id; a whole number is one too."""


class Row(Part):
    """One record: numbers are finite, texts are not taken for numbers."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    called: ClassVar[str] = "record"


class Accounts(Row):
    """What became of what was offered: ``accepted`` + ``rejected`` = ``offered``, exactly."""

    offered: float = given(ge=0)
    """All that the records offer."""
    accepted: float = given(ge=0)
    """What the rule took of it."""
    rejected: float = given(ge=0)
    """What it did not take."""

    @classmethod
    def of(cls, accepted: Iterable[float], rejected: Iterable[float]) -> "Accounts":
        """The sums of what was taken and not taken of each record."""
        yes, no = (round(fsum(part), 9) for part in (accepted, rejected))
        return cls(offered=yes + no, accepted=yes, rejected=no)


class Outcome(NamedTuple):
    """What a rule says on some records, and its accounts."""

    result: Part
    accounts: Accounts


class Face(Row):
    """The input of a rule.

    Class attributes:
        about: what the rule does, where its module holds several; else the first paragraph of the module says it.
        result: the class of its result.
        accounted: unit of its accounts.
        table: the field that a CSV file fills.
        unique: table -> columns whose values, taken together, no second row may have.
        refers: (table, column) -> (table, column) in which its values must exist, unless that table is empty.
        example: an input that runs.
    """

    about: ClassVar[str] = ""
    result: ClassVar[type[Part]]
    accounted: ClassVar[str]
    table: ClassVar[str]
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    refers: ClassVar[Mapping[tuple[str, str], tuple[str, str]]] = {}
    example: ClassVar[Mapping[str, Any]]

    def problems(self) -> Iterator[str]:
        """What else is wrong with an input whose fields are in order."""
        yield from ()

    @abstractmethod
    def run(self, function: Callable[..., Any]) -> Outcome:
        """The rule on these records.

        Args:
            function: the pure function.
        """


def read_face(face: type[Face], content: Any, where: str) -> Face:
    """The input of a rule from plain data.

    Args:
        face: the face of the rule.
        content: keys and values; rows alone stand for the rule's table.
        where: what to call it in an error.

    Raises:
        ScenarioError: everything that is wrong with it.
    """
    given_as = {face.table: content} if isinstance(content, list | tuple) else content
    if not isinstance(given_as, Mapping):
        raise ScenarioError([f"{where}: an input is a list of `key: value` or of rows; this is {_kind(content)}"])
    related = [*_repeated(face, given_as), *_unknown(face, given_as)]
    try:
        read = face.model_validate(_tupled(given_as), strict=True)
    except pydantic.ValidationError as error:
        raise ScenarioError(f"{where}: {text}" for text in [*sentences(error, face), *related]) from error
    problems = related or list(read.problems())
    if problems:
        raise ScenarioError(f"{where}: {text}" for text in problems)
    return read


def _kind(content: Any) -> str:
    return "empty" if content is None else f"'{content}'"


def _tupled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _tupled(one) for key, one in value.items()}
    return tuple(_tupled(one) for one in value) if isinstance(value, list | tuple) else value


def _rows(content: Mapping[str, Any], table: str) -> list[tuple[int, Mapping[str, Any]]]:
    """The rows of a table that are rows, with their places."""
    rows = content.get(table)
    listed = rows if isinstance(rows, list | tuple) else []
    return [(place, row) for place, row in enumerate(listed) if isinstance(row, Mapping)]


def _repeated(face: type[Face], content: Mapping[str, Any]) -> Iterator[str]:
    for table, columns in face.unique.items():
        row_class = row_of(face, table)
        seen: dict[tuple[str, ...], int] = {}
        for place, row in _rows(content, table):
            key = tuple(str(row.get(column, row_class.model_fields[column].default)) for column in columns)
            if any(column not in row and row_class.model_fields[column].is_required() for column in columns):
                continue
            first = seen.setdefault(key, place)
            if first != place:
                named = ", ".join(f"{column} '{value}'" for column, value in zip(columns, key, strict=True))
                yield f"{table}[{place}]: {named} was given before, in {table}[{first}]; each may be given once"


def _unknown(face: type[Face], content: Mapping[str, Any]) -> Iterator[str]:
    for (table, column), (other, target) in face.refers.items():
        known = {str(row[target]) for _, row in _rows(content, other) if target in row}
        for place, row in _rows(content, table) if known else ():
            if column in row and str(row[column]) not in known:
                meant = did_you_mean(str(row[column]), known)
                yield f"{table}[{place}].{column}: '{row[column]}' is no {target} of {other}{meant}"


def row_of(face: type[Face], table: str) -> type[Part]:
    """The class of a table's rows."""
    from experiments.scenario.explain import parts_in

    return parts_in(face.model_fields[table].annotation)[0]
