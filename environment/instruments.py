"""Instruments: what a party may see and set (law 6). They hold copies and requests, never the things themselves.

The physical side writes what was measured; a party reads it. A party writes what it wants; the physical side empties the requests at
the same instant. A reading that was not taken yet is NaN.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from data.arrays import F64, I64, Bool
from environment.calendar import Timeline


class MeterStore:
    """Readings of certified meters: mean net load per step.

    Attributes:
        names: metering points.
        timeline: the steps, history included.
        kw: mean net load, shape (meters, steps), NaN where no reading exists (yet).
        known: number of steps read so far.
    """

    def __init__(self, names: Sequence[str], timeline: Timeline) -> None:
        self.names = tuple(names)
        self.timeline = timeline
        self.kw: F64 = np.full((len(self.names), timeline.n), np.nan)
        self.known = 0
        self._row = {name: row for row, name in enumerate(self.names)}
        self._shares: list[tuple[I64, MeterStore]] = []

    def share(self, names: Sequence[str]) -> "MeterStore":
        """A store of its own for some of the meters, filled as they are read: what a party with a mandate for them sees."""
        store = MeterStore(names, self.timeline)
        self._shares.append((self.rows(names), store))
        return store

    def record(self, step: int, kw: F64) -> None:
        """Write the readings of a finished step, shape (meters,)."""
        self.kw[:, step] = kw
        self.known = step + 1
        for rows, store in self._shares:
            store.record(step, kw[rows])

    def __contains__(self, name: str) -> bool:
        """Whether there is a metering point of that name."""
        return name in self._row

    def rows(self, names: Sequence[str]) -> I64:
        """Rows of metering points."""
        return np.array([self._row[name] for name in names], np.int64)

    def read(self, names: Sequence[str], from_ms: int, to_ms: int) -> F64:
        """Readings of some meters in [from_ms, to_ms), shape (names, steps)."""
        return self.kw[self.rows(names), self.timeline.steps(from_ms, to_ms)].copy()


@dataclass
class Readings:
    """What the devices of n homes show their own HEMS; dense columns (n,), NaN where a home has no such device.

    Attributes:
        at_ms: when it was read.
        columns: by name, for example ``battery_kwh``, ``ev_kwh``, ``ev_plugged``, ``heater_c``, ``house_c``, ``power_kw``.
    """

    at_ms: int = 0
    columns: dict[str, F64] = field(default_factory=dict)

    def __getitem__(self, name: str) -> F64:
        return self.columns[name]


@dataclass(frozen=True)
class Request:
    """One thing that a party wants of its rows: ``what`` is schedule, order, revoke, mode or reserve (droop and offset as two columns)."""

    what: str
    kind: str
    homes: I64
    from_step: int
    kw: F64
    name: str = ""
    priority: int = 0


@dataclass
class Controls:
    """Writable rows: requests that the physical side carries out at the instant at which they are made."""

    pending: list[Request] = field(default_factory=list)

    def schedule(self, kind: str, homes: I64, from_step: int, kw: F64) -> None:
        """Write the base schedule of a device kind, kW of shape (homes, steps); NaN leaves the device to itself."""
        self.pending.append(Request("schedule", kind, homes, from_step, kw))

    def order(self, kind: str, name: str, priority: int, homes: I64, from_step: int, kw: F64) -> None:
        """Lay an order over the schedule (priorities: ``environment.devices.set_points.Priority``)."""
        self.pending.append(Request("order", kind, homes, from_step, kw, name, priority))

    def revoke(self, kind: str, name: str, homes: I64) -> None:
        """Take an order back; what lies below shows again."""
        self.pending.append(Request("revoke", kind, homes, 0, np.zeros(0), name))

    def mode(self, kind: str, homes: I64, automatic: Bool) -> None:
        """Put devices into automatic or manual mode."""
        self.pending.append(Request("mode", kind, homes, 0, automatic.astype(np.float64)))

    def reserve(self, kind: str, homes: I64, droop_kw: F64, offset_kw: F64) -> None:
        """Let devices add a droop on the frequency and an offset (up above 0) to what they do, (homes,) each, until that is changed."""
        self.pending.append(Request("reserve", kind, homes, 0, np.column_stack([droop_kw, offset_kw])))


class Switching(NamedTuple):
    """One thing that the operator wants of its own means, from one instant to another (None: for good)."""

    taps: Mapping[str, int]
    close: tuple[str, ...]
    open: tuple[str, ...]
    from_ms: int
    to_ms: int | None


@dataclass
class Switchgear:
    """The operator's own means: tap positions and switches that it wants set (by the grid's names)."""

    pending: list[Switching] = field(default_factory=list)

    def set(self, wanted: Switching) -> None:
        """Ask for tap positions by transformer, ties to close and branches to open."""
        self.pending.append(wanted)


@dataclass
class ScadaView:
    """The control room's picture: the last snapshot, and those before.

    Attributes:
        points: measured points, ``element.quantity``.
        at_ms: instant of the last snapshot.
        values: its values, shape (points,), NaN where a reading is missing.
        history: all snapshots (instant, values).
    """

    points: tuple[str, ...]
    at_ms: int = 0
    values: F64 = field(default_factory=lambda: np.zeros(0))
    history: list[tuple[int, F64]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Remember where the points are."""
        self._place = {point: place for place, point in enumerate(self.points)}

    def shows(self, point: str) -> bool:
        """Whether there is a reading of a point."""
        return len(self.values) > 0 and point in self._place

    def record(self, now_ms: int, values: F64) -> None:
        """Write a snapshot."""
        self.at_ms, self.values = now_ms, values
        self.history.append((now_ms, values))

    def value(self, point: str) -> float:
        """The last reading of a point."""
        if point not in self._place:
            text = f"{point!r} is not in the control room's picture"
            raise ValueError(text)
        return float(self.values[self._place[point]])
