"""The desk of a balancing service provider for tests of its pools: says what members can do in an hour, and has them do it (SUC08.1, SUC10.1).

Members are asked for their plans of the hour in the cycle that aggregators use, and called by the same orders as on a day of delivery. Where two operators
test a pool in the same hour they are told the same, and what both order is done once.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from agents.flexibility_picture import Picture
from environment.messages.base import Batch
from environment.messages.flexibility_register import PoolTest, PoolTestAnswer, PoolTestOrder
from environment.office import Desk
from environment.party import Process, handles
from environment.refusals import refuse
from environment.units import Direction

PLATFORM = "bsp-platform"
REPORTS_S = 60.0
"""How long members have to report their plans."""
TINY_KW = 1e-6
"""Smaller differences of powers are rounding."""


class Ability(NamedTuple):
    """What some points can do in an hour.

    Attributes:
        points: those that have reported a plan and can be called, ascending.
        kw: perimeter -> change that they can make throughout the hour.
        baseline_kw: their mean net load without it.
    """

    points: tuple[str, ...]
    kw: dict[str, float]
    baseline_kw: float


class Members(Protocol):
    """Those whom the provider has contracts with."""

    def ask_about_hour(self, points: Collection[str], from_ms: int) -> None:
        """Ask for plans of an hour."""

    def ability(self, validated_kw: Mapping[str, float], way: Direction, from_ms: int) -> Ability:
        """What they have reported that they can do in it, each at most what was validated."""

    def activate(
        self, name: str, points: Collection[str], kw: Mapping[str, float], way: Direction, from_ms: int
    ) -> None:
        """Have them change so much in each perimeter throughout the hour."""


Hour = tuple[str, int, Direction]
"""Pool, start of the hour and direction of a test."""


class TrialDesk(Desk):
    """Tests of pools.

    Args:
        picture: what the provider knows of its points and pools.
        members: whom it asks and calls.
        cbp: address of the platform.
    """

    def __init__(self, picture: Picture, members: Members, cbp: str) -> None:
        self._picture = picture
        self._members = members
        self._cbp = cbp
        self._asked: set[Hour] = set()
        self._able: dict[Hour, Ability] = {}
        self._ordered_kw: dict[Hour, float] = {}

    @handles(PoolTest)
    def hear_of_test(self, batch: Batch[PoolTest]) -> None:
        """Ask the members of the pool, and say what they can do; nobody does more than was validated."""
        for row, one in enumerate(batch.records()):
            if one.pool not in self._picture.pools:
                refuse(self.party, batch, row, one.pool, "no such pool was registered")
            else:
                self.party.start(self._answer(one, batch.conversation))

    def _answer(self, one: PoolTest, conversation: str) -> Process:
        hour = _hour(one)
        points = self._picture.pools[one.pool].points
        if hour not in self._asked:
            self._asked.add(hour)
            self._members.ask_about_hour(points, one.from_ms)
        yield self.party.sleep(REPORTS_S)
        if hour not in self._able:
            known = {gcp: self._picture.static[gcp] for gcp in points if gcp in self._picture.static}
            side = {
                gcp: of.validated_up_kw if one.direction == "up" else -of.validated_down_kw for gcp, of in known.items()
            }
            self._able[hour] = self._members.ability(side, hour[2], one.from_ms)
        able = self._able[hour]
        answer = PoolTestAnswer(
            pool=one.pool, bsp=self.party.name, by=one.by, service=one.service, direction=one.direction, from_ms=one.from_ms,
            points=able.points, stated_kw=sum(able.kw.values()), baseline_kw=able.baseline_kw,
        )  # fmt: skip
        yield from self.deliver(answer, self._cbp, conversation, PLATFORM, one.answer_ms)

    @handles(PoolTestOrder)
    def take_order(self, batch: Batch[PoolTestOrder]) -> None:
        """Have members do what is ordered, each perimeter its part; what another operator has ordered of the same hour already is being done."""
        for row, one in enumerate(batch.records()):
            hour = _hour(one)
            able = self._able.get(hour)
            stated = sum(able.kw.values()) if able else 0.0
            if able is None or one.ordered_kw > stated + TINY_KW:
                refuse(self.party, batch, row, one.pool, f"{stated:.1f} kW were stated of that hour")
                continue
            before = self._ordered_kw.get(hour, 0.0)
            if one.ordered_kw > before + TINY_KW:
                self._ordered_kw[hour] = one.ordered_kw
                share = (one.ordered_kw - before) / stated
                kw = {area: share * most for area, most in able.kw.items()}
                name = f"test/{one.pool}/{one.by}/{one.direction}/{one.from_ms}"
                self._members.activate(name, able.points, kw, hour[2], one.from_ms)


def _hour(one: PoolTest | PoolTestOrder) -> Hour:
    return one.pool, one.from_ms, "up" if one.direction == "up" else "down"
