"""The orders of one step lying over each other, and what shows from above.

A pile has a cell for each (order, row) of its step, sorted by rank, so that laying all its cells down one after another (one indexed
assignment, in which the last of a repeated index wins) leaves the highest on top. A hole (NaN) lets what is below show.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from data.arrays import F64, I64, Bool

NOTHING = -1
"""The rank of a row over which no order lies."""


@dataclass
class Shown:
    """What shows from above in a step: values (n,) [kW] and the rank of the order they come from, (n,).

    ``seen`` shows the values to others, who cannot write them.
    """

    step: int
    values: F64

    def __post_init__(self) -> None:
        """Make the view once: it is asked for several times a step."""
        self.seen: F64 = self.values.view()
        self.seen.flags.writeable = False

    @cached_property
    def ranks(self) -> I64:
        """Made when the first order lies over something: in most steps none does."""
        return np.full(len(self.values), NOTHING, np.int64)

    def overlay(self, rows: I64, kw: F64, rank: int, obeyed: Bool) -> None:
        """Lay one more order's cells (m,) where they show and nothing above lies already."""
        shown = obeyed & ~np.isnan(kw) & (self.ranks[rows] <= rank)
        touched = rows[shown]
        self.values[touched] = kw[shown]
        self.ranks[touched] = rank


@dataclass
class Pile:
    """All cells of a step, by ascending rank: rows, powers [kW] and ranks, each (cells,)."""

    rows: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    kw: F64 = field(default_factory=lambda: np.empty(0))
    ranks: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    _waiting: list[tuple[I64, F64, int]] = field(default_factory=list)

    def add(self, rows: I64, kw: F64, rank: int) -> None:
        """One more order's cells; they are sorted in when the pile is next looked at."""
        self._waiting.append((rows, kw, rank))

    def punch(self, rank: int, rows: I64) -> None:
        """Make holes in an order at some rows."""
        self._settle()
        first, last = np.searchsorted(self.ranks, [rank, rank + 1])
        cells = self.kw[first:last]
        cells[np.isin(self.rows[first:last], rows)] = np.nan

    def lay(self, shown: Shown, obeyed: Bool, always_from: int) -> None:
        """Lay all cells over what a schedule shows.

        Args:
            shown: what shows without orders; changed in place.
            obeyed: rows that obey every order, (n,).
            always_from: least rank that the other rows obey too.
        """
        self._settle()
        use = ~np.isnan(self.kw) & (obeyed[self.rows] | (self.ranks >= always_from))
        touched = self.rows[use]
        shown.values[touched] = self.kw[use]
        shown.ranks[touched] = self.ranks[use]

    def _settle(self) -> None:
        if not self._waiting:
            return
        rows, kw, ranks = zip(*self._waiting, strict=True)
        self._waiting.clear()
        self.rows = np.concatenate([self.rows, *rows])
        self.kw = np.concatenate([self.kw, *kw])
        self.ranks = np.concatenate([self.ranks, np.repeat(np.array(ranks, np.int64), [len(r) for r in rows])])
        if (self.ranks[1:] < self.ranks[:-1]).any():
            order = np.argsort(self.ranks, kind="stable")
            self.rows, self.kw, self.ranks = self.rows[order], self.kw[order], self.ranks[order]
