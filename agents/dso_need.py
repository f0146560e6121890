"""What the DSO needs of flexibility, element by element."""

from dataclasses import dataclass
from typing import Literal

from agents.dso_headroom import Headroom
from data.arrays import F64
from environment.units import Direction

Violation = Literal["overload", "undervoltage", "overvoltage"]


@dataclass(frozen=True)
class Need:
    """Relief needed at one element over the window; an element with need 0 is guarded: others must not bring it to its limit.

    Attributes:
        constraint: branch or bus.
        violation: what is foreseen, or must not come.
        direction: of the flexibility.
        need_kw: per interval, shape (T,).
        limit: of the element [% or pu].
        sensitivity: relief per kW of each area, by area name; negative where flexibility makes it worse.
        headroom: what the element bears of each direction, shape (T,).
    """

    constraint: str
    violation: Violation
    direction: Direction
    need_kw: F64
    limit: float
    sensitivity: dict[str, float]
    headroom: Headroom
