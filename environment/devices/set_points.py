"""Set-points of a fleet: a schedule below, orders above it by priority, revoked but never deleted.

An order says what some rows shall do in some steps. Orders lie over each other like sheets: what shows is the order of the highest
priority, of equal ones the latest placed; taking one away (``revoke``) shows what was below. NaN in an order is a hole in its sheet;
NaN all the way down leaves the device to its own control. A row that is not ``automatic`` (its people withdrew consent or took over)
obeys only orders of people themselves and of safety.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64, Bool
from environment.calendar import Timeline
from environment.devices.sheets import Pile, Shown

Selection = ArrayLike | slice

_SEQUENCES = 1 << 40  # ranks are priority * _SEQUENCES + sequence number, so that one integer compares both


class Priority(IntEnum):
    """Who wins: later names win over earlier ones."""

    SCHEDULE = 0
    MARKET = 1
    MANUAL = 2
    SAFETY = 3


@dataclass(frozen=True, eq=False)
class Order:
    """Some rows' power in some steps.

    Attributes:
        name: under which it is revoked; several orders may share one (parts of one activation).
        priority: above the schedule.
        rows: (m,), each once.
        from_step: step of the first column.
        kw: (m, steps), NaN where the order says nothing.
        revoked: (m,), rows taken back.
        rank: larger shows above smaller.
    """

    name: str
    priority: Priority
    rows: I64
    from_step: int
    kw: F64
    revoked: Bool
    rank: int


class SetPoints:
    """Schedule, orders and modes of n rows.

    Change them through the fleet, which brings the touched rows to the present first.
    """

    def __init__(self, n: int, timeline: Timeline) -> None:
        self.n = n
        self.timeline = timeline
        self.orders: list[Order] = []
        self._automatic = np.ones(n, np.bool_)
        self._schedule: dict[int, F64] = {}
        self._by_name: dict[str, list[Order]] = {}
        self._piles: dict[int, Pile] = {}
        self._cache: Shown | None = None

    @property
    def automatic(self) -> Bool:
        """Rows that obey schedules and market orders, (n,), a copy."""
        return self._automatic.copy()

    def set_mode(self, rows: Selection, automatic: ArrayLike) -> None:
        """Put rows in automatic (true) or manual mode."""
        self._automatic[self.rows(rows)] = automatic
        self._cache = None

    def schedule(self, rows: Selection, from_step: int, kw: ArrayLike) -> None:
        """Write the base schedule; NaN gives the device its own control.

        Args:
            rows: (m,) integers, a mask (n,), or a slice.
            from_step: step of the first column.
            kw: (m, steps), (1, steps) for the same in all rows, or (m,) or a number for one step.
        """
        rows, columns = self._columns(rows, from_step, kw)
        for offset in range(columns.shape[1]):
            step = from_step + offset
            if step not in self._schedule:
                self._schedule[step] = np.full(self.n, np.nan)
            self._schedule[step][rows] = columns[:, offset]
            if self._cache is not None and self._cache.step == step:
                self._cache = None

    def forget(self, before: int) -> None:
        """Forget the base schedule of the steps before one."""
        self._schedule = {step: kw for step, kw in self._schedule.items() if step >= before}

    def place(self, order: str, priority: Priority, rows: Selection, from_step: int, kw: ArrayLike) -> None:
        """Lay an order over what there is; arguments as in ``schedule``.

        Raises:
            ValueError: the priority is that of the schedule, or shapes or rows do not fit.
        """
        if priority <= Priority.SCHEDULE:
            msg = f"order {order!r} has the priority of the schedule; write it with schedule(), or give it a higher one"
            raise ValueError(msg)
        rows, columns = self._columns(rows, from_step, kw)
        rows = rows.copy()  # the order keeps them
        rank = int(priority) * _SEQUENCES + len(self.orders) + 1
        sheet = Order(order, priority, rows, from_step, columns, np.zeros(len(rows), np.bool_), rank)
        self.orders.append(sheet)
        self._by_name.setdefault(order, []).append(sheet)
        for offset in range(columns.shape[1]):
            self._piles.setdefault(from_step + offset, Pile()).add(rows, columns[:, offset], rank)
        if self._cache is not None:
            self._lay(self._cache, sheet)

    def revoke(self, order: str, rows: Selection | None = None) -> None:
        """Take an order back, for all its rows or some; it stays in ``orders`` as history.

        Raises:
            KeyError: no order has that name.
        """
        taken = None if rows is None else self.rows(rows)
        for sheet in self.named(order):
            mask = np.ones(len(sheet.rows), np.bool_) if taken is None else np.isin(sheet.rows, taken)
            sheet.revoked[mask] = True
            for offset in range(sheet.kw.shape[1] if mask.any() else 0):
                self._piles[sheet.from_step + offset].punch(sheet.rank, sheet.rows[mask])
        self._cache = None

    def named(self, order: str) -> list[Order]:
        """The orders placed under a name.

        Raises:
            KeyError: there is none.
        """
        if order not in self._by_name:
            msg = f"no order {order!r} was placed; there are {len(self._by_name)}, the last: {list(self._by_name)[-3:]}"
            raise KeyError(msg)
        return self._by_name[order]

    def effective(self, step: int) -> F64:
        """What each row shall do in a step, (n,) [kW], NaN for its own control; read-only, valid until the next change."""
        if self._cache is None or self._cache.step != step:
            self._cache = self._look(step)
        return self._cache.seen

    def rows(self, rows: Selection) -> I64:
        """Row numbers of integers, a mask or a slice.

        Raises:
            ValueError: a row does not exist.
        """
        if isinstance(rows, slice):
            return np.arange(self.n)[rows]
        found = np.asarray(rows)
        if found.dtype == np.bool_ and found.shape == (self.n,):
            return np.flatnonzero(found)
        numbers = found if found.dtype == np.int64 and found.ndim == 1 else np.atleast_1d(found).astype(np.int64)
        if (numbers.view(np.uint64) >= self.n).any():  # as unsigned, what is below zero is above all
            msg = f"rows {numbers.min()} to {numbers.max()} of a fleet of {self.n} (rows 0 to {self.n - 1})"
            raise ValueError(msg)
        return numbers

    def _columns(self, rows: Selection, from_step: int, kw: ArrayLike) -> tuple[I64, F64]:
        numbers = self.rows(rows)
        given = np.asarray(kw, np.float64)
        table = given if given.ndim == 2 else given.reshape(-1, 1)
        if from_step < 0 or table.shape[0] not in (1, len(numbers)):
            msg = (
                f"power of shape {given.shape} from step {from_step} for {len(numbers)} rows; "
                f"expected ({len(numbers)}, steps) or (1, steps) from a step that is not negative"
            )
            raise ValueError(msg)
        if len(table) == len(numbers):
            return numbers, table.copy()
        return numbers, np.repeat(table, len(numbers), axis=0)

    def _look(self, step: int) -> Shown:
        base = self._schedule.get(step)
        values = np.full(self.n, np.nan) if base is None else np.where(self._automatic, base, np.nan)
        shown = Shown(step, values)
        if step in self._piles:
            self._piles[step].lay(shown, self._automatic, int(Priority.MANUAL) * _SEQUENCES)
        return shown

    def _lay(self, shown: Shown, sheet: Order) -> None:
        """Keep what shows up to date with a new order."""
        offset = shown.step - sheet.from_step
        if 0 <= offset < sheet.kw.shape[1]:
            by_people = sheet.priority >= Priority.MANUAL
            obeyed = np.ones(len(sheet.rows), np.bool_) if by_people else self._automatic[sheet.rows]
            shown.overlay(sheet.rows, sheet.kw[:, offset], sheet.rank, obeyed)
