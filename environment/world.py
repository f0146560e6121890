"""The world: who lives, and in which order.

``World`` is a ``mesa.Model`` (the census of actors). Time and the order within an instant are its agenda's; each party lives a ``Life``,
and what they send goes by the ``Post``.
"""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Protocol
from weakref import WeakKeyDictionary

from environment import census
from environment.addresses import Directory
from environment.agenda import OBSERVATION, PHYSICS, Agenda
from environment.bus import Bus
from environment.life import Life
from environment.party import Clock, Party, Seat
from environment.post import Post


class Physics(Protocol):
    """What the world needs of the physical side."""

    step_ms: int
    snapshot_ms: int

    def close_step(self, now_ms: int) -> None:
        """Bring everything to ``now_ms``, the end of a step: integrate, meter, solve the grid."""

    def snapshot(self, now_ms: int) -> None:
        """Refresh the real-time measurements."""


class _Counts(WeakKeyDictionary["World", Iterator[int]]):
    """Numbers of actors by world, while the world lives: Mesa's own table would keep every world of a process, with all it holds."""

    def __getitem__(self, world: "World") -> Iterator[int]:
        return self.setdefault(world, count(1))


class Actor(census.Agent):  # type: ignore[misc]
    """Census entry of a party."""

    _ids = _Counts()

    def __init__(self, world: "World", party: Party) -> None:
        super().__init__(world)
        self.party = party
        self.role = type(party).__name__


class World(census.Model):  # type: ignore[misc]
    """Parties, a bus and physics in time.

    Attributes:
        bus: carries messages; ``bus.journal`` is what happened.
        post: what is sent between parties goes through it.
    """

    def __init__(self, directory: Directory, bus: Bus, physics: Physics | None = None) -> None:
        super().__init__(rng=0)  # the census needs a generator; no draw is ever made from it (law 4)
        self.directory = directory
        self.bus = bus
        self.physics = physics
        self._agenda = Agenda()
        self.post = Post(self._agenda, bus)
        self._lives: dict[str, Life] = {}
        self._observers: list[Callable[[int], None]] = []

    @property
    def now_ms(self) -> int:
        """The time [ms]."""
        return self._agenda.now_ms

    @property
    def clock(self) -> Clock:
        """The time, as everybody may read it."""
        return self._agenda.clock

    # --- building ----------------------------------------------------------------------------------------------------

    def seat(self, name: str) -> Seat:
        """The seat of a party of the directory: its addresses, keys and clock."""
        number = self.directory.parties.index(name)
        systems = {
            actor: address.name
            for address in self.directory.addresses
            if address.party == name
            for actor in address.actors
        }
        return Seat(name, self.directory, self.bus.key_ring(number), self.clock, systems)

    def add(
        self, party: Party, drains: Iterable[Callable[[], None]] = (), fills: Iterable[Callable[[], None]] = ()
    ) -> None:
        """Let a party live here.

        Args:
            party: the party.
            drains: empty its writable instruments after it has acted.
            fills: bring what its instruments show up to date before it acts.
        """
        Actor(self, party)
        place = self.directory.parties.index(party.name)
        life = Life(party, place, self._agenda, self.post, self.bus.journal, fills, drains)
        self._lives[party.name] = self.post.mailboxes[party.name] = life

    def observe(self, observer: Callable[[int], None]) -> None:
        """Call ``observer(now_ms)`` at the end of every physics step, after everybody else."""
        self._observers.append(observer)

    # --- running -----------------------------------------------------------------------------------------------------

    def run(self, until_ms: int) -> None:
        """Run to ``until_ms``, the instant included."""
        for name in sorted(self._lives):
            self._lives[name].begin()
        if self.physics is not None:
            step_ms, snapshot_ms = self.physics.step_ms, self.physics.snapshot_ms
            self._agenda.repeat(step_ms, PHYSICS, 0, self.physics.close_step, first_ms=step_ms)
            self._agenda.repeat(snapshot_ms, PHYSICS, 1, self.physics.snapshot, first_ms=0)
            self._agenda.repeat(step_ms, OBSERVATION, 0, self._observe, first_ms=step_ms)
        with garbage_left_alone():
            self._agenda.run(until_ms)

    def _observe(self, now_ms: int) -> None:
        self.step()
        self.bus.journal.compact(now_ms)
        for observer in self._observers:
            observer(now_ms)


@contextmanager
def garbage_left_alone() -> Iterator[None]:
    """What was built stays: only what comes after it is collected, and seldom."""
    threshold = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)
