"""A DSO at the Flexibility Register: examines points of its network by power flow, and qualifies pools for local services (SUC08.1, SUC08.3, SUC10.1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from msgspec.structs import replace

from agents.dso_outlook import LookAhead
from agents.dso_perimeters import OwnGrid
from agents.dso_test_hours import TestHours
from agents.flexibility_picture import CHANGE, KnownPool, Picture
from agents.pool_tests import Examiner, Prequalification
from agents.strategies.static_lights import Offered, Study, validated_kw
from data.arrays import F64
from environment.messages.base import Batch
from environment.messages.flexibility_register import (
    FlexibilityData,
    GcpRegistration,
    PointChange,
    PointRefusal,
    PoolRegistration,
    PoolTestHours,
    RegisterAnswer,
    StaticLight,
    TopologyAcknowledgement,
    TopologyEntry,
    ValidationStart,
)
from environment.office import Desk
from environment.party import Process, Work, act, gathers, handles
from environment.refusals import refuse
from markets.registers.flexibility_register import ConnectionPoint, RegisterError, registered
from markets.traffic_light import Colour, colours

_Asked = tuple[str, float, float]
PLATFORM, REGISTRY = "dso-technical-platform", "dso-registry"
GLOBAL, LOCAL = "global", "local"
GATHERS_S = 1.0
"""What comes about points is looked at once a second."""


@dataclass(frozen=True)
class Tightening:
    """What a DSO admits less: at an instant, of so many points of its network by name, a share of what it had validated."""

    at_ms: int
    points: int
    share: float


@dataclass(frozen=True)
class ValidationTerms:
    """What a DSO is told for the examination of points.

    Attributes:
        cbp: address of the platform.
        register: address of the register.
        treatment: how measurements of its points are treated.
        examines_s: how long an examination takes, which is in people's hands (SUC08.1 requirement 17).
        tests: how pools are tested.
        updates: what it admits less of later, by itself.
    """

    cbp: str
    register: str
    treatment: str
    examines_s: float
    tests: Prequalification
    updates: Sequence[Tightening] = ()


class RegistrationDesk(Desk):
    """The desk.

    Args:
        terms: what the DSO is told.
        grid: its network.
        look_ahead: its forecast.
        picture: what it knows of points and pools, kept here.
    """

    def __init__(self, terms: ValidationTerms, grid: OwnGrid, look_ahead: LookAhead, picture: Picture) -> None:
        self._terms = terms
        self._grid = grid
        self._hours = TestHours(grid, look_ahead, picture, terms.tests.announced_s)
        self.picture = picture
        self._under_way: dict[str, GcpRegistration] = {}
        self._studied: tuple[Study, dict[_Asked, tuple[float, float]]] | None = None
        self._registered_kw: dict[str, tuple[float, float]] = {}

    def processes(self) -> Iterable[Process]:
        """What it changes by itself."""
        return [self.tightens(one) for one in self._terms.updates]

    def tightens(self, one: Tightening) -> Process:
        """Admit less of points that are in use, through the platform: the TSO completes them anew, their provider has its pool tested anew (SUC10.1 rule 18)."""
        yield self.party.until(one.at_ms)
        gcps = sorted(gcp for gcp in self.picture.topology if gcp in self.picture.static and gcp in self._registered_kw)
        lights = [self._tighter(self.picture.static[gcp], one.share) for gcp in gcps[: one.points]]
        if not lights:
            return
        talk = f"{CHANGE}{self.party.name}:{self.now_ms}"
        self.picture.static.update({light.gcp: light for light in lights})
        self._note([self._registered_kw[light.gcp] for light in lights], lights)
        changes = [
            PointChange(by=self.party.name, gcp=light.gcp, field=field, value=getattr(light, field), text="")
            for light in lights
            for field in ("validated_up_kw", "validated_down_kw")
        ]
        yield from self.deliver(changes, self._terms.cbp, talk, PLATFORM)
        yield from self.deliver(lights, self._terms.cbp, talk, PLATFORM)

    def _tighter(self, light: StaticLight, share: float) -> StaticLight:
        asked, kw = self._registered_kw[light.gcp], (light.validated_up_kw * share, light.validated_down_kw * share)
        up, down = (Colour(one).name.lower() for one in colours(list(asked), list(kw)).tolist())
        return replace(light, validated_up_kw=kw[0], validated_down_kw=kw[1], light_up=up, light_down=down)

    # --- points ----------------------------------------------------------------------------------------------------------

    @handles(GcpRegistration)
    @gathers(GATHERS_S)
    def take_registrations(self, batch: Batch[GcpRegistration]) -> None:
        """Points of one registration are examined together."""
        self.together(batch, self.examine)

    def examine(self, batch: Batch[GcpRegistration]) -> Process:
        """SUC10.1 steps 2 to 5: take points up, examine them, close their examination, tell TSO and BSP through the platform."""
        mine, refused = [], []
        for row, one in enumerate(batch.records()):
            reason = self._against(one)
            if reason:
                refuse(self.party, batch, row, one.gcp, reason)
                refused.append(PointRefusal(gcp=one.gcp, bsp=one.bsp, dso=self.party.name, reason=reason))
            else:
                mine.append(one)
        if refused:
            self.party.start(self.deliver(refused, self._terms.cbp, batch.conversation, PLATFORM))
        if not mine:
            return
        mine.sort(key=lambda one: one.gcp)
        self.validation_process(batch.conversation, mine)
        self._under_way.update({one.gcp: one for one in mine})
        starts = [ValidationStart(gcp=one.gcp, dso=self.party.name) for one in mine]
        self.party.start(self.deliver(starts, self._terms.register, batch.conversation, PLATFORM))
        yield self.party.sleep(self._terms.examines_s)
        lights = self.definition_of_the_static_traffic_light(batch.conversation, mine)
        self.status_change(batch.conversation, lights)
        yield from self.deliver(lights, self._terms.register, batch.conversation, PLATFORM)
        yield from self.deliver(lights, self._terms.cbp, batch.conversation, PLATFORM)

    def _against(self, one: GcpRegistration) -> str:
        """Why a point is not examined; empty if it is."""
        if one.dso != self.party.name:
            return f"it carries the name of {one.dso}"
        if one.gcp not in self._grid.bus_of:
            return f"no such point is connected to the network of {self.party.name}"
        try:
            registered(_point(one), one.bsp)
        except RegisterError as error:
            return str(error)
        return ""

    @act("validation_process", system=PLATFORM)
    def validation_process(self, conversation: str, points: list[GcpRegistration]) -> Work:
        """Step 2: learn of every point and begin to examine it."""
        return Work(
            None, conversation, [f"registered_points/{one.gcp}" for one in points], [f"static_lights/{points[0].gcp}"]
        )

    @act("definition_of_the_static_traffic_light", system=PLATFORM)
    def definition_of_the_static_traffic_light(self, conversation: str, points: list[GcpRegistration]) -> Work:
        """Step 3: how much of each point's flexibility the network bears, its grid element, and the lights of both directions."""
        offered, (up, down) = self._offered(points), self._validated_kw(points)
        light_up, light_down = (
            [Colour(one).name.lower() for one in colours(asked, found).tolist()]
            for asked, found in ((offered.up_kw, up), (offered.down_kw, down))
        )
        lights = [
            StaticLight(
                gcp=one.gcp, bsp=one.bsp, dso=one.dso, grid_element=self._grid.perimeter_of(one.gcp), light_up=light_up[row],
                light_down=light_down[row], validated_up_kw=float(up[row]), validated_down_kw=min(float(down[row]), 0.0),
                treatment=self._terms.treatment,
            )
            for row, one in enumerate(points)
        ]  # fmt: skip
        gcps = [one.gcp for one in points]
        asked = list(zip(offered.up_kw.tolist(), offered.down_kw.tolist(), strict=True))
        self._registered_kw.update(zip(gcps, asked, strict=True))
        self._note(asked, lights)
        reads = [f"registered_points/{gcp}" for gcp in gcps]
        return Work(lights, conversation, reads, [f"static_lights/{gcp}" for gcp in gcps])

    def _validated_kw(self, points: Sequence[GcpRegistration]) -> tuple[F64, F64]:
        """What of points is validated; all whose examination is under way are examined at once, as long as nothing else is metered."""
        study = self._grid.study(self.picture.tested_ms)
        if self._studied is None or self._studied[0] is not study:
            self._studied = study, {}
        found = self._studied[1]
        if any(_asked(one) not in found for one in points):
            every = list({one.gcp: one for one in (*self._under_way.values(), *points)}.values())
            every.sort(key=lambda one: one.gcp)
            both = validated_kw(study, self._offered(every))
            found.update(zip(map(_asked, every), zip(*(kw.tolist() for kw in both), strict=True), strict=True))
        for one in points:
            self._under_way.pop(one.gcp, None)
        up, down = zip(*(found[_asked(one)] for one in points), strict=True)
        return np.array(up), np.array(down)

    def _offered(self, points: Sequence[GcpRegistration]) -> Offered:
        """Where points are and what they offer."""
        bus = np.array([self._grid.bus_of[one.gcp] for one in points], np.int64)
        powers = (np.array([getattr(one, name) for one in points]) for name in ("up_kw", "down_kw"))
        return Offered(bus, self._grid.bus_perimeter[bus], *powers)

    def _note(self, asked: Sequence[tuple[float, float]], lights: Sequence[StaticLight]) -> None:
        names = ("bsp", "gcp", "grid_element", "validated_up_kw", "validated_down_kw", "light_up", "light_down")
        self.register("static_lights").add(
            t_ms=self.now_ms, dso=self.party.name, up_kw=[up for up, _ in asked], down_kw=[down for _, down in asked],
            **{name: [getattr(one, name) for one in lights] for name in names},
        )  # fmt: skip

    @act("status_change", system=PLATFORM)
    def status_change(self, conversation: str, lights: list[StaticLight]) -> Work:
        """Step 4: close the examination, so that prequalification may go on."""
        self.picture.static.update({one.gcp: one for one in lights})
        gcps = [one.gcp for one in lights]
        return Work(
            None, conversation, [f"static_lights/{gcp}" for gcp in gcps], [f"register_points/{gcp}" for gcp in gcps]
        )

    @handles(RegisterAnswer)
    @gathers(GATHERS_S)
    def take_answer(self, batch: Batch[RegisterAnswer]) -> None:
        """What the register does not take is on record."""
        for row, one in enumerate(batch.records()):
            if not one.admitted:
                refuse(self.party, batch, row, one.gcp, one.reason)

    @handles(TopologyEntry)
    @gathers(GATHERS_S)
    def take_topology(self, batch: Batch[TopologyEntry]) -> None:
        """SUC10.1 step 8: take the rows over, and say so."""
        records = list(batch.records())
        self.picture.take_topology(records)
        said = TopologyAcknowledgement(
            by=self.party.name, version=max(one.version for one in records), rows=len(records)
        )
        self.party.start(self.deliver(said, self._terms.cbp, batch.conversation, REGISTRY))

    # --- pools -----------------------------------------------------------------------------------------------------------

    @handles(PoolRegistration)
    def test_pools(self, batch: Batch[PoolRegistration]) -> None:
        """SUC10.1 step 10: pools of this network are given hours for their tests; where they ask for local services they are tested here."""
        for one in batch.records():
            self.picture.pools[one.pool] = KnownPool(
                one.pool, one.bsp, one.dso, one.points, dict.fromkeys(one.services)
            )
            hours = self._hours.give(one, self.now_ms)
            self._note_hours(one, hours)
            if GLOBAL in one.services:
                self.party.start(self.deliver(hours, self._terms.cbp, batch.conversation, PLATFORM))
            if LOCAL in one.services:
                self.party.start(self._examiner.examines(one, hours, batch.conversation))

    def _note_hours(self, pool: PoolRegistration, hours: PoolTestHours) -> None:
        self.register("pool_test_hours").add(
            t_ms=self.now_ms, dso=self.party.name, pool=pool.pool, bsp=pool.bsp, from_ms=hours.from_ms, up_share=hours.up_share,
            down_share=hours.down_share, reason=hours.reason,
        )  # fmt: skip

    @cached_property
    def _examiner(self) -> Examiner:
        terms = self._terms
        return Examiner(self, LOCAL, self.picture, terms.tests, terms.cbp, terms.register, PLATFORM)

    @handles(FlexibilityData)
    def light_aggregate(self, batch: Batch[FlexibilityData]) -> None:
        """What the register holds of pools (SUC10.2 step 1.0); and to a request to take part in the global market (SUC08.3), its points' static lights."""
        for one in batch.records():
            pool = self.picture.pools.setdefault(one.pool, KnownPool(one.pool, one.bsp, one.dso, one.points, {}))
            if not batch.conversation.startswith("SUC08.3"):
                pool.services[GLOBAL], pool.points = one.qualified, one.points
                continue
            self.picture.applied[one.pool] = batch.conversation
            lights = [self.picture.static[gcp] for gcp in one.points if gcp in self.picture.static]
            if lights:
                self.party.start(self.deliver(lights, self._terms.register, batch.conversation, PLATFORM))


def _asked(one: GcpRegistration) -> _Asked:
    """What is examined of a registration."""
    return one.gcp, one.up_kw, one.down_kw


def _point(one: GcpRegistration) -> ConnectionPoint:
    return ConnectionPoint(
        one.gcp, one.bsp, one.dso, one.kind, one.latitude, one.longitude, one.up_kw, one.down_kw, one.nominal_kw
    )
