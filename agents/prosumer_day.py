"""The plan of a day of a population of homes, and what is kept of what it was made on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from agents.strategies.home_flexibility import Potential
from agents.strategies.home_view import HomePlan, HomeView
from data.arrays import F64, I64, Bool

TOGETHER = 8_192
"""Homes that are planned at once: bounds the memory. Homes are planned row by row, so that it changes no result."""


class Planned(NamedTuple):
    """What some homes planned, and what they plan to have in their cars at the begin of each step, (homes, steps) each."""

    view: HomeView
    plan: HomePlan
    ev_kwh: F64
    offered: Potential | None


@dataclass
class DayPlan:
    """A plan in force from a step of the timeline on, with what the homes expected when it was made.

    Attributes:
        first: the step.
        plan: powers, (n, m) each.
        buy_eur_per_kwh: prices planned with, (n, m).
        pv_kw: generation expected, (n, m).
        ev_plugged: cars expected at home, (n, m).
        ev_drive_kwh: energy that driving is expected to take, (n, m).
        ev_kwh: energy planned in the car at the begin of each step, (n, m + 1).
        offered: what could be left out of it; None where nobody asks.
        views: all that it was made on, block by block; empty unless somebody wants to look at it.
    """

    first: int
    plan: HomePlan
    buy_eur_per_kwh: F64
    pv_kw: F64
    ev_plugged: Bool
    ev_drive_kwh: F64
    ev_kwh: F64
    offered: Potential | None
    views: Sequence[HomeView] = ()

    @property
    def m(self) -> int:
        """Number of steps."""
        return int(self.pv_kw.shape[1])

    @property
    def end(self) -> int:
        """The step after its last."""
        return self.first + self.m

    def splice(self, rows: I64, place: int, view: HomeView, plan: HomePlan, ev_kwh: F64) -> None:
        """Replace the plan of some homes from a position on, with what they expect now."""
        for old, new in zip(self.plan, plan, strict=True):
            old[rows, place:] = new
        for name in ("buy_eur_per_kwh", "pv_kw", "ev_plugged", "ev_drive_kwh"):
            getattr(self, name)[rows, place:] = getattr(view, name)
        self.ev_kwh[rows, place:] = ev_kwh


def blocks(n: int) -> Iterator[slice]:
    """The rows of n homes, as many at once as are planned together; one block at least."""
    return (slice(first, min(first + TOGETHER, n)) for first in range(0, max(n, 1), TOGETHER))


def day_plan(first: int, parts: Iterator[Planned], n: int, *, keep: bool) -> DayPlan:
    """The plan of n homes from its blocks, of which one is held at a time; ``keep`` keeps the views."""
    made: DayPlan | None = None
    views = []
    done = 0
    for part in parts:
        if made is None:
            made = _room(first, n, part)
        rows = slice(done, done + part.view.n)
        done = rows.stop
        for column, values in zip(_columns(made), _columns_of(part), strict=True):
            column[rows] = values
        views += [part.view] if keep else []
    assert made is not None
    made.views = tuple(views)
    return made


def _room(first: int, n: int, part: Planned) -> DayPlan:
    """A plan of n homes of the shape of a block's, to be filled."""

    def like(column: F64 | Bool) -> F64:
        return np.empty((n, *column.shape[1:]), column.dtype)

    view, offered = part.view, part.offered
    return DayPlan(
        first, HomePlan(*map(like, part.plan)), like(view.buy_eur_per_kwh), like(view.pv_kw), np.empty((n, view.m), np.bool_),
        like(view.ev_drive_kwh), like(part.ev_kwh), None if offered is None else Potential(*map(like, offered)),
    )  # fmt: skip


def _columns(made: DayPlan) -> list[F64 | Bool]:
    return [*made.plan, made.buy_eur_per_kwh, made.pv_kw, made.ev_plugged, made.ev_drive_kwh, made.ev_kwh, *(made.offered or ())]  # fmt: skip


def _columns_of(part: Planned) -> list[F64 | Bool]:
    view = part.view
    return [*part.plan, view.buy_eur_per_kwh, view.pv_kw, view.ev_plugged, view.ev_drive_kwh, part.ev_kwh, *(part.offered or ())]  # fmt: skip
