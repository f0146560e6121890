"""An office: a party whose work is shared among desks, one a use case.

A desk reacts to records, lives processes and does acts as a party does, with the party's addresses, clock and registers. It knows its own terms and memory
and what the office gives it; no desk reaches into another.

    class Bsp(Office):
        desks = {"registration": RegistrationDesk, "bids": BidsDesk}
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from data.arrays import I64
from environment.messages.base import Batch, Record, joined
from environment.party import Party, Process, Seat
from environment.register import Register

REPEATS_S = 60.0
"""What was not acknowledged is sent again after this time."""
GATHERS_S = 30.0
"""How long a desk gathers what belongs together."""


class Desk:
    """Base of all desks; made without its party, which takes it in.

    Attributes:
        party: whose desk it is, with all verbs (``send``, ``ask``, ``receive`` ...).
    """

    party: Party

    def processes(self) -> Iterable[Process]:
        """The lives that begin with the world."""
        return ()

    @classmethod
    def handlers(cls) -> dict[type[Record], str]:
        """Record class -> name of the method that reacts to it (``environment.party.handles``)."""
        found: dict[type[Record], str] = {}
        for name in dir(cls):
            for record in getattr(getattr(cls, name, None), "handled", ()):
                found[record] = name
        return found

    # --- what ``act`` needs, and every desk -----------------------------------------------------------------------------

    @property
    def outbox(self) -> list[Any]:
        """What the party leaves for the world."""
        return self.party.outbox

    @property
    def now_ms(self) -> int:
        """The time."""
        return self.party.now_ms

    def at(self, system: str = "") -> str:
        """The party's address that plays an actor."""
        return self.party.at(system)

    def numbers(self, names: Sequence[str]) -> I64:
        """Address numbers of names."""
        return self.party.numbers(names)

    def register(self, table: str) -> Register:
        """The party's own register of that name."""
        return self.party.register(table)

    def together(
        self, batch: Batch[Any], work: Callable[[Batch[Any]], Process | None], within_s: float = GATHERS_S
    ) -> None:
        """Do one work for all that comes within a time in a conversation: messages sent as one arrive one after the other."""
        shape = tuple(column.shape[1:] for column in batch.columns.values())
        key = (work.__name__, batch.conversation, shape)
        waiting = self._gathering.setdefault(key, [])
        waiting.append(batch)
        if len(waiting) == 1:
            self.party.start(self._gather(key, work, within_s))

    def _gather(self, key: tuple[Any, ...], work: Callable[[Batch[Any]], Process | None], within_s: float) -> Process:
        yield self.party.sleep(within_s)
        process = work(joined(self._gathering.pop(key)))
        if process is not None:
            yield from process

    @cached_property
    def _gathering(self) -> dict[tuple[Any, ...], list[Batch[Any]]]:
        return {}

    def deliver(
        self, message: Record | Sequence[Record], to: str | Sequence[str], conversation: str, system: str = "",
        until_ms: int | None = None,
    ) -> Process:  # fmt: skip
        """Send, and send again what was not acknowledged, until a deadline; gives whether all of it was.

        To its sender a message whose acknowledgement was lost is lost, so that receivers may get one twice; they know it by its content.
        """
        records = [message] if isinstance(message, Record) else list(message)
        receivers = [to] * len(records) if isinstance(to, str) else list(to)
        records = records * len(receivers) if len(records) == 1 else records
        while records:
            outcome = yield self.party.confirm(self.party.send(records, receivers, conversation, system))
            lost = [row for row, status in enumerate(outcome.status) if status == "lost"]
            records, receivers = [records[row] for row in lost], [receivers[row] for row in lost]
            if records and until_ms is not None and self.now_ms + round(REPEATS_S * 1000) >= until_ms:
                return False
            if records:
                yield self.party.sleep(REPEATS_S)
        return True


class Office(Party):
    """A party with desks.

    Args:
        seat: place in the world.
        desks: name -> desk, those that the class names and no others.
    """

    desks: ClassVar[Mapping[str, type[Desk]]] = {}

    def __init__(self, seat: Seat, desks: Mapping[str, Desk]) -> None:
        super().__init__(seat)
        if desks.keys() != self.desks.keys():
            text = f"{type(self).__name__} has the desks {sorted(self.desks)}, not {sorted(desks)}"
            raise TypeError(text)
        for name, desk in desks.items():
            if hasattr(self, name):
                text = f"{type(self).__name__}: a desk cannot be called {name!r}, which a party has already"
                raise TypeError(text)
            desk.party = self
            setattr(self, name, desk)
        self._staffed = tuple(desks.values())

    @classmethod
    def handlers(cls) -> dict[type[Record], str]:
        """Record class -> method of the party, or ``desk.method``; a record has one reader."""
        found = super().handlers()
        for place, desk in cls.desks.items():
            for record, method in desk.handlers().items():
                if record in found:
                    text = f"{cls.__name__}: both {found[record]} and {place}.{method} would read {record.__name__}"
                    raise TypeError(text)
                found[record] = f"{place}.{method}"
        return found

    def processes(self) -> Iterable[Process]:
        """The lives of all desks."""
        for desk in self._staffed:
            yield from desk.processes()
