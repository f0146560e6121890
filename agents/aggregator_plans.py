"""What the homes and plants of a portfolio have planned for one day: net load, possible change and its price."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data.arrays import F64, I64, Bool, Names

SOURCES: Mapping[str, tuple[str, ...]] = {"up": ("up",), "down": ("down", "curtail")}
"""What members change in a direction: their stores up or down, and generation that they give up."""


@dataclass(frozen=True)
class Offer:
    """What members could do in one direction: one row for each member and source, the sources one after the other.

    Attributes:
        member: rows of the members, (r,).
        kw: possible change, (r, T).
        price: of it [EUR/kWh], (r,).
        source: of ``SOURCES``, (r,).
    """

    member: I64
    kw: F64
    price: F64
    source: Names

    def of(self, rows: Bool) -> "Offer":
        """That of some rows."""
        return Offer(self.member[rows], self.kw[rows], self.price[rows], self.source[rows])


@dataclass
class DayPlans:
    """Plans of one day, one row a member; members that have not reported carry 0.

    Attributes:
        from_ms: start of the first interval.
        step_s: length of an interval.
        planned: members that have reported, shape (n,).
        net_kw: planned net load, shape (n, T).
        possible_kw: by source (``SOURCES``) the possible change, shape (n, T).
        price: by source [EUR/kWh], shape (n,).
        asked: intervals in which a member was asked for something already, shape (n, T).
    """

    from_ms: int
    step_s: float
    planned: Bool
    net_kw: F64
    possible_kw: dict[str, F64]
    price: dict[str, F64]
    asked: Bool

    @classmethod
    def empty(cls, members: int, from_ms: int, step_s: float, steps: int) -> "DayPlans":
        """Plans that nobody has reported yet."""
        shape = (members, steps)
        return cls(from_ms, step_s, np.zeros(members, bool), np.zeros(shape), {}, {}, np.zeros(shape, bool))

    def take(self, rows: I64, net_kw: F64) -> None:
        """Keep the plans of some members; a plan reported again replaces the one before, and what was possible by it."""
        self.net_kw[rows], self.planned[rows] = net_kw, True
        for kw in self.possible_kw.values():
            kw[rows] = 0.0

    def take_possible(self, source: str, rows: I64, kw: F64, price: F64) -> None:
        """Keep what some members could change, and their price."""
        if source not in self.possible_kw:
            self.possible_kw[source] = np.zeros_like(self.net_kw)
            self.price[source] = np.zeros(len(self.net_kw))
        self.possible_kw[source][rows] = kw
        self.price[source][rows] = np.where(kw.any(axis=1), price, 0.0)  # who offers nothing makes no block dearer

    def offer(self, direction: str, members: I64) -> Offer:
        """What some members could do in a direction."""
        there = [source for source in SOURCES[direction] if source in self.possible_kw]
        steps = self.net_kw.shape[1]
        kw = np.concatenate([np.zeros((0, steps)), *(self.possible_kw[source][members] for source in there)])
        price = np.concatenate([np.zeros(0), *(self.price[source][members] for source in there)])
        source = np.repeat(np.array(there, np.str_), len(members))
        return Offer(np.tile(members, len(there)), kw, price, source)

    def window(self, from_ms: int, step_s: float, steps: int) -> slice | None:
        """Columns that a window covers; None if it does not lie inside these plans."""
        first, rest = divmod(from_ms - self.from_ms, round(self.step_s * 1000))
        if step_s != self.step_s or rest or first < 0 or first + steps > self.net_kw.shape[1]:
            return None
        return slice(first, first + steps)
