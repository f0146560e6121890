"""What stands between a party and its world: requests, commands and results, as plain records.

A process yields a request and is resumed with its result. A command is left in the outbox, which the world empties at the same instant.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from data.arrays import I64
from environment.messages.base import Batch, Record

Process = Generator[Any, Any, Any]


# --- requests: what a process may yield ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sleep:
    """Resume at an instant."""

    until_ms: int


@dataclass(frozen=True)
class Receive:
    """Resume with the next batch of a record class (and conversation), or with None when the time is over."""

    record: type[Record]
    conversation: str | None
    until_ms: int | None


@dataclass(frozen=True)
class Confirm:
    """Resume with the ``Outcome`` of something sent, when every member is acknowledged, refused or given up."""

    sent: "Sent"


@dataclass(frozen=True)
class Await:
    """Resume with the ``Answers`` to a question, when all have come or the time is over."""

    sent: "Sent"
    until_ms: int


@dataclass(frozen=True)
class Join:
    """Resume when all the started processes have ended, with the list of their results."""

    children: tuple["Child", ...]


# --- commands: what a party leaves in its outbox -----------------------------------------------------------------------


@dataclass(eq=False)
class Sent:
    """Something sent; what becomes of it is learned by ``confirm`` alone."""

    batch: Batch[Any]
    unknown: dict[int, str]


@dataclass(eq=False)
class Child:
    """A started process; ``join`` gives its result."""

    process: Process


@dataclass(frozen=True)
class Opened:
    """A conversation begins."""

    name: str
    suc: str
    scenario: str
    parent: str
    subject: str
    opener: str


@dataclass(frozen=True)
class Ended:
    """A conversation ends."""

    name: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class Acted:
    """An act was done."""

    act: str
    actors: I64
    conversation: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


# --- results: what a process is resumed with ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What became of n messages sent: status ("acknowledged", "lost", "refused") and reason of each.

    To its sender a message is lost when no acknowledgement came: whether it arrived, only the journal knows.
    """

    status: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def acknowledged(self) -> bool:
        """Whether every message was acknowledged."""
        return all(status == "acknowledged" for status in self.status)


@dataclass
class Answers:
    """The answers to n questions.

    Attributes:
        status: "answered", "late", "lost" or "refused" for each question, in the order of asking.
        batches: what was answered in time.
    """

    status: list[str]
    batches: list[Batch[Any]]

    @property
    def complete(self) -> bool:
        """Whether every question was answered."""
        return all(status == "answered" for status in self.status)

    def records(self) -> list[Any]:
        """All answers as records."""
        return [record for batch in self.batches for record in batch.records()]
