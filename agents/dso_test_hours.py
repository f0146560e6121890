"""A DSO names the hours in which pools of its network are tested, whoever tests them, so that tests harm nobody (SUC08.1 rule 24)."""

import numpy as np

from agents.dso_foreseen import foreseen
from agents.dso_outlook import LookAhead
from agents.dso_perimeters import OwnGrid
from agents.flexibility_picture import Picture
from agents.strategies.test_hours import ORDER, Calendar
from data.arrays import F64
from environment.messages.flexibility_register import PoolRegistration, PoolTestHours
from environment.units import MS_PER_H

TELLS_S = 60.0
"""So long at most the word of its hours is under way to the TSO: as long as an acknowledgement is waited for (SUC06.2)."""
REACHES_H = 24
"""So many hours ahead tests are placed: judgement, the day that is foreseen best; who finds no place registers again."""


class TestHours:
    """Hours given to pools.

    Args:
        grid: its network.
        look_ahead: its forecast.
        picture: what it knows of points; hours of tests are kept here too, as no ordinary load.
        announced_s: how long before its hour a test is announced.
    """

    __test__ = False

    def __init__(self, grid: OwnGrid, look_ahead: LookAhead, picture: Picture, announced_s: float) -> None:
        self._grid = grid
        self._ahead = look_ahead
        self._picture = picture
        self._announced_s = announced_s
        self._booked: dict[tuple[int, str], F64] = {}
        self._until_ms: dict[str, int] = {}
        self._foreseen: tuple[int, Calendar] | None = None

    def give(self, pool: PoolRegistration, now_ms: int) -> PoolTestHours:
        """The next two hours of a pool; one that is registered anew is not tested again before the hours that it was given are over."""
        start_ms = now_ms // MS_PER_H * MS_PER_H
        told_ms = max(now_ms + round((self._announced_s + TELLS_S) * 1000), self._until_ms.get(pool.pool, 0))
        calendar = self._calendar(now_ms, start_ms)
        found = (
            calendar.book(self._own_kw(pool), -(-(told_ms - start_ms) // MS_PER_H)) if calendar is not None else None
        )
        if calendar is None or found is None:
            reason = f"no two hours of the next {REACHES_H} are free in which the network bears its test"
            return PoolTestHours(
                pool=pool.pool, dso=pool.dso, from_ms=now_ms, up_share=0.0, down_share=0.0, reason=reason
            )
        from_ms = start_ms + found.first * MS_PER_H
        for k, way in enumerate(ORDER):
            self._booked[from_ms + k * MS_PER_H, way] = calendar.booked[way][found.first + k].copy()
            self._picture.tested_ms.add(from_ms + k * MS_PER_H)
        self._until_ms[pool.pool] = from_ms + len(ORDER) * MS_PER_H
        return PoolTestHours(
            pool=pool.pool, dso=pool.dso, from_ms=from_ms, up_share=found.share["up"], down_share=found.share["down"], reason=""
        )  # fmt: skip

    def _own_kw(self, pool: PoolRegistration) -> dict[str, F64]:
        """Validated power of a pool at each bus."""
        kw = {way: np.zeros(self._grid.model.network.n_bus) for way in ORDER}
        for gcp in pool.points:
            one = self._picture.static.get(gcp)
            if one is not None and gcp in self._grid.bus_of:
                kw["up"][self._grid.bus_of[gcp]] += one.validated_up_kw
                kw["down"][self._grid.bus_of[gcp]] -= one.validated_down_kw
        return kw

    def _calendar(self, now_ms: int, start_ms: int) -> Calendar | None:
        """The next hours with what is booked in them, as foreseen now; kept until more has been metered. None where the world ends sooner."""
        timeline = self._ahead.timeline
        end_ms = min(start_ms + REACHES_H * MS_PER_H, timeline.end_ms // MS_PER_H * MS_PER_H)
        if end_ms <= start_ms:
            return None
        if self._foreseen is None or self._foreseen[0] != start_ms:
            self._foreseen = (
                start_ms,
                Calendar(foreseen(self._ahead, now_ms, start_ms, end_ms), self._given(start_ms, end_ms)),
            )
        return self._foreseen[1]

    def _given(self, start_ms: int, end_ms: int) -> dict[str, F64]:
        """What is booked already."""
        none = np.zeros(self._grid.model.network.n_bus)
        hours = range(start_ms, end_ms, MS_PER_H)
        return {way: np.array([self._booked.get((hour, way), none) for hour in hours]) for way in ORDER}
