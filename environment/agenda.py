"""The agenda: what happens at which instant, and in which order within it.

Within an instant the order is: 0 physics, 1 arrivals, 2 agents, 3 the post, 9 observation; inside a rank by place, which for parties is the
order of their names. Plain SimPy orders equal times by insertion, which would let an agent that fell asleep early act before the physics
of its instant; so every event of a world is entered here.
"""

from collections.abc import Callable
from typing import Any

import simpy

from environment.party import Clock
from environment.requests import Process

PHYSICS, ARRIVAL, AGENT, POST, OBSERVATION = 0, 1, 2, 3, 9
_RANK = 1 << 24
"""Room for places inside a rank; SimPy's own priorities 0 and 1 (start and end of processes) stay below rank 0."""

Action = Callable[[simpy.Event], Any]


class Agenda:
    """Future instants, and what is to be done at them.

    Attributes:
        clock: the time, as everybody may read it; it shows the instant of whoever acts.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self._env = simpy.Environment()

    @property
    def now_ms(self) -> int:
        """The time [ms]; SimPy's clock holds nothing but integers here."""
        return int(self._env.now)

    def set_clock(self) -> int:
        """Let the clock show this instant; returns it."""
        self.clock.now_ms = self.now_ms
        return self.clock.now_ms

    # --- entries -----------------------------------------------------------------------------------------------------

    def at(self, at_ms: int, rank: int, place: int, value: Any = None) -> simpy.Event:
        """An event at an instant; what waits for it is resumed with ``value``."""
        return _At(self._env, at_ms, _priority(rank, place), value)

    def call(self, at_ms: int, rank: int, place: int, action: Action) -> None:
        """Call ``action(event)`` at an instant."""
        _then(self.at(at_ms, rank, place), action)

    def repeat(self, period_ms: int, rank: int, place: int, action: Callable[[int], None], first_ms: int) -> None:
        """Call ``action(now_ms)`` at ``first_ms`` and then once a period."""

        def fire(_: simpy.Event) -> None:
            now_ms = self.set_clock()
            action(now_ms)
            self.call(now_ms + period_ms, rank, place, fire)

        self.call(first_ms, rank, place, fire)

    # --- what waits for others ---------------------------------------------------------------------------------------

    def open(self) -> simpy.Event:
        """An event of no instant yet; ``resume`` gives it one."""
        return simpy.Event(self._env)

    def resume(self, event: simpy.Event, place: int, value: Any, at_ms: int = 0) -> None:
        """Trigger an open event as an agent of this instant, or of a later one."""
        event._ok, event._value = True, value
        later_ms = max(at_ms - self.now_ms, 0)
        self._env.schedule(event, _priority(AGENT, place), later_ms)  # type: ignore[arg-type]

    def start(self, process: Process) -> simpy.Process:
        """Let a generator of events begin."""
        return self._env.process(process)

    def after_all(self, processes: list[simpy.Process], action: Callable[[list[Any]], None]) -> None:
        """Call ``action`` with the results of processes when all have ended; a failure surfaces by itself."""

        def ended(every: simpy.Event) -> None:
            if every.ok:
                action([process.value for process in processes])

        _then(self._env.all_of(processes), ended)

    def run(self, until_ms: int) -> None:
        """Do all that is due to ``until_ms``, the instant included."""
        self._env.run(until=until_ms + 1)
        self.clock.now_ms = until_ms


class _At(simpy.Event):
    """An event at an instant with a priority."""

    def __init__(self, env: simpy.Environment, at_ms: int, priority: int, value: Any) -> None:
        super().__init__(env)
        self._ok = True
        self._value = value
        env.schedule(self, priority, at_ms - env.now)  # type: ignore[arg-type]


def _priority(rank: int, place: int) -> int:
    return rank * _RANK + 2 + place


def _then(event: simpy.Event, action: Action) -> None:
    assert event.callbacks is not None
    event.callbacks.append(action)
