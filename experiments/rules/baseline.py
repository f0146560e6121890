"""The face of the declared baseline: a schedule as records in, what is frozen of it out."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from experiments.rules.face import Accounts, Face, Name, Outcome, Row
from experiments.scenario.fields import Part, given


class DeclaredRow(Row):
    """One interval of a schedule."""

    t_ms: int = given(unit="ms")
    """Start of the interval."""
    power_kw: float = given(unit="kW")
    """Net load without activation; negative: generation."""


class FrozenInterval(Row):
    """One interval of a baseline."""

    t_ms: int = given(unit="ms")
    """Start of the interval."""
    power_kw: float = given(unit="kW")
    """Net load without activation."""
    taken: bool
    """Whether it stands."""
    reason: str
    """Why not; empty if it stands."""


class Frozen(Row):
    """A declaration and its hash."""

    intervals: tuple[FrozenInterval, ...]
    """Every interval, by time."""
    sha256: str
    """Hash of id, seller, area, times and powers: any later change shows."""


class Declared(Face):
    """A seller's schedule for one area."""

    baseline: Name = given("baseline-1", source="a name")
    """Its id."""
    fsp: Name = given("fsp-1", source="a name")
    """Who declares."""
    area: Name = given("area-1", source="a name")
    """Where its resources are."""
    declared_ms: int = given(0, unit="ms", source="declared at once")
    """When it was received."""
    gate_ms: int = given(1, unit="ms", source="after it was declared")
    """Gate closure: a declaration counts only if received before."""
    schedule: tuple[DeclaredRow, ...] = given(min_length=1)
    """The intervals, in any order."""

    result: ClassVar[type[Part]] = Frozen
    accounted: ClassVar[str] = "intervals"
    table: ClassVar[str] = "schedule"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"schedule": ("t_ms",)}
    example: ClassVar[Mapping[str, Any]] = {
        "baseline": "baseline-1",
        "fsp": "fsp-sol",
        "area": "transformer",
        "schedule": [
            {"t_ms": 0, "power_kw": 41.5},
            {"t_ms": 900_000, "power_kw": 43.0},
            {"t_ms": 1_800_000, "power_kw": 39.25},
        ],
    }

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Freeze the declaration."""
        rows = sorted(self.schedule, key=lambda row: row.t_ms)
        t_ms, power = (
            np.array([row.t_ms for row in rows], np.int64),
            np.array([row.power_kw for row in rows], np.float64),
        )
        frozen = function(self.baseline, self.fsp, self.area, t_ms, power, self.declared_ms)
        late = self.declared_ms >= self.gate_ms
        reason = f"declared at {self.declared_ms} ms, not before the gate at {self.gate_ms} ms" if late else ""
        intervals = tuple(
            FrozenInterval(t_ms=row.t_ms, power_kw=row.power_kw, taken=not late, reason=reason) for row in rows
        )
        ones, none = [1.0] * len(rows), [0.0] * len(rows)
        accounts = Accounts.of(none, ones) if late else Accounts.of(ones, none)
        return Outcome(Frozen(intervals=intervals, sha256=frozen.sha256), accounts)
