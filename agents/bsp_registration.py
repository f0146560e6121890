"""A BSP at the Flexibility Register: registers its points, builds pools of those that were validated, has them qualified (SUC08.1, SUC08.3, SUC10.1)."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from msgspec.structs import replace

from agents.flexibility_picture import CHANGE, KnownPool, Picture
from environment.messages.base import Batch
from environment.messages.flexibility_register import (
    FlexibilityData,
    GcpRegistration,
    PointRefusal,
    PointWithdrawal,
    PoolQualification,
    PoolRegistration,
    RegisterAnswer,
    StaticLight,
    TopologyAcknowledgement,
    TopologyEntry,
)
from environment.office import Desk
from environment.party import Process, Work, act, gathers, handles
from environment.refusals import refuse

PLATFORM = "bsp-platform"
GLOBAL = "global"
GATHERS_S = 1.0
"""What becomes of points is looked at once a second."""


@dataclass(frozen=True)
class OwnPoint:
    """A point that the BSP controls, by its contract.

    Attributes:
        registration: what it registers.
        late: whether it comes when the register already runs.
    """

    registration: GcpRegistration
    late: bool = False


@dataclass(frozen=True)
class PointUpdate:
    """What a BSP changes of points that are registered: at an instant, of so many points of each DSO, the modulating power by a factor.

    With ``withdraws`` it takes them out of the register, and the factor says nothing; with ``dso`` it is about one network only.
    """

    at_ms: int
    points: int
    factor: float
    withdraws: bool = False
    dso: str = ""


@dataclass(frozen=True)
class RegistrationTerms:
    """What a BSP is told for its registrations.

    Attributes:
        points: what it controls.
        services: services it wants its pools enabled for.
        at_ms: when it registers.
        late_ms: when it registers what comes later.
        cbp: address of the platform.
        register: address of the register.
        updates: what it changes later.
    """

    points: Sequence[OwnPoint]
    services: tuple[str, ...]
    at_ms: int
    late_ms: int
    cbp: str
    register: str
    updates: Sequence[PointUpdate] = ()


@dataclass
class _Talk:
    """A registration under way: points without an answer, points that are complete, the pool made of them, or the one to be made anew.

    What is withdrawn is no step of a use case, so that its conversation (``about`` is False) is opened and ended by nobody.
    """

    dso: str
    pools: bool
    waiting: set[str]
    completed: list[str] = field(default_factory=list)
    pool: str = ""
    renews: str = ""
    about: bool = True


class RegistrationDesk(Desk):
    """The desk.

    Args:
        terms: what the BSP is told.
        picture: what it knows, kept here.
    """

    def __init__(self, terms: RegistrationTerms, picture: Picture) -> None:
        self._terms = terms
        self.picture = picture
        self._own = {one.registration.gcp: one for one in terms.points}
        self._talks: dict[str, _Talk] = {}
        self._applied: dict[str, str] = {}

    def processes(self) -> Iterable[Process]:
        """A registration with every DSO, and a later one."""
        for dso in sorted({one.registration.dso for one in self._terms.points}):
            mine = [one for one in self._terms.points if one.registration.dso == dso]
            early = [one.registration for one in mine if not one.late]
            late = [one.registration for one in mine if one.late]
            if early:
                yield self.registers(self._terms.at_ms, "SUC10.1", dso, early)
            if late:
                yield self.registers(self._terms.late_ms, "SUC08.1", dso, late)
            for update in self._terms.updates:
                if update.dso in ("", dso):
                    yield self.updates(update, dso)

    def updates(self, update: PointUpdate, dso: str) -> Process:
        """Change the modulating power of points in a pool, which are examined anew, and with them the pool (SUC10.1 rule 10)."""
        yield self.party.until(update.at_ms)
        pool = self.picture.pools.get(f"{self.party.name}/{dso}")
        if pool is None:
            return
        records = []
        if update.withdraws:
            yield from self.withdraws(pool, pool.points[: update.points])
            return
        for gcp in pool.points[: update.points]:
            now = self._own[gcp].registration
            fresh = replace(now, up_kw=now.up_kw * update.factor, down_kw=now.down_kw * update.factor)
            self._own[gcp] = OwnPoint(fresh)
            records.append(fresh)
        yield from self.registers(self.now_ms, "SUC08.1", dso, records, pool.pool)

    def withdraws(self, pool: KnownPool, points: Sequence[str]) -> Process:
        """Take points of a pool out of the register; once the TSO has crossed out their rows the pool is registered anew without them."""
        talk = f"withdrawal:{pool.pool}:{self.now_ms}"
        self._talks[talk] = _Talk(pool.dso, False, set(points), renews=pool.pool, about=False)
        yield from self.deliver([PointWithdrawal(by=self.party.name, gcp=gcp) for gcp in points], self._terms.cbp, talk)

    def registers(
        self, at_ms: int, suc: str, dso: str, records: Sequence[GcpRegistration], renews: str = ""
    ) -> Process:  # fmt: skip
        """SUC10.1 (or SUC08.1, without a pool) step 1: enter points with their technical data."""
        yield self.party.until(at_ms)
        talk = self.party.open(suc, "1", dso)
        self._talks[talk] = _Talk(dso, suc == "SUC10.1", {one.gcp for one in records}, renews=renews)
        self.register("registered_points").add(
            t_ms=self.now_ms, bsp=self.party.name, gcp=[one.gcp for one in records], dso=dso,
            up_kw=[one.up_kw for one in records], down_kw=[one.down_kw for one in records],
        )  # fmt: skip
        yield from self.deliver(list(records), self._terms.cbp, talk)

    # --- what becomes of the points --------------------------------------------------------------------------------------

    @handles(StaticLight)
    @gathers(GATHERS_S)
    def take_light(self, batch: Batch[StaticLight]) -> None:
        """The DSO's answer; a point that is red both ways goes no further."""
        for one in batch.records():
            self.picture.static[one.gcp] = one
            if one.validated_up_kw == 0.0 and one.validated_down_kw == 0.0:
                self._settle(batch.conversation, one.gcp)
        self._go_on(batch.conversation)

    @handles(PointRefusal)
    @gathers(GATHERS_S)
    def take_refusal(self, batch: Batch[PointRefusal]) -> None:
        """Points that the DSO does not examine."""
        for one in batch.records():
            self._settle(batch.conversation, one.gcp)
        self._go_on(batch.conversation)

    @handles(RegisterAnswer)
    @gathers(GATHERS_S)
    def take_answer(self, batch: Batch[RegisterAnswer]) -> None:
        """What the register does not take is on record here too."""
        for row, one in enumerate(batch.records()):
            if not one.admitted:
                refuse(self.party, batch, row, one.gcp, one.reason)
                self._settle(batch.conversation, one.gcp)
        self._go_on(batch.conversation)

    @handles(TopologyEntry)
    @gathers(GATHERS_S)
    def take_topology(self, batch: Batch[TopologyEntry]) -> None:
        """SUC10.1 step 8: take the rows over, and say so."""
        records = list(batch.records())
        talk = self._talks.get(batch.conversation)
        self.picture.take_topology(records)
        for one in records:
            self._settle(batch.conversation, one.gcp)
            if talk and one.gcp not in talk.completed:
                talk.completed.append(one.gcp)
        said = TopologyAcknowledgement(
            by=self.party.name, version=max(one.version for one in records), rows=len(records)
        )
        self.party.start(self.deliver(said, self._terms.cbp, batch.conversation, PLATFORM))
        if talk is None and batch.conversation.startswith(CHANGE):
            self._renew({one.gcp for one in records}, batch.conversation)
        self._go_on(batch.conversation)

    def _renew(self, gcps: Set[str], conversation: str) -> None:
        """An operator has changed points by itself: the pool that they are in is registered anew, and tested."""
        for pool in [pool for pool in self.picture.pools.values() if gcps & set(pool.points)]:
            self._talks[conversation] = _Talk(pool.dso, False, set(), sorted(gcps), renews=pool.pool, about=False)

    def _settle(self, conversation: str, gcp: str) -> None:
        if conversation in self._talks:
            self._talks[conversation].waiting.discard(gcp)

    def _go_on(self, conversation: str) -> None:
        """When nothing is waited for any more: build the pool, or be done."""
        talk = self._talks.get(conversation)
        if talk is None or talk.waiting or talk.pool:
            return
        if not talk.completed:
            if talk.about:
                self.party.end(conversation, "refused", "no point was accepted")
            del self._talks[conversation]
        elif not (talk.pools or self._left(talk)):
            if talk.about:
                self.party.end(conversation)
            del self._talks[conversation]
        else:
            pool = self.aggregation_of_resources(conversation, talk)
            self.party.start(self.deliver(pool, self._terms.cbp, conversation))

    def _left(self, talk: _Talk) -> bool:
        """Whether there is a pool to be made anew, and a point for it; one without points is given up."""
        if talk.renews and not any(one.dso == talk.dso for one in self.picture.topology.values()):
            self.picture.pools.pop(talk.renews, None)
            if talk.renews in self._applied:
                self.party.end(self._applied.pop(talk.renews), "failed", "all points of the pool were withdrawn")
            return False
        return bool(talk.renews)

    # --- pools -----------------------------------------------------------------------------------------------------------

    @act("aggregation_of_resources")
    def aggregation_of_resources(self, conversation: str, talk: _Talk) -> Work:
        """SUC10.1 step 9: combine validated points of a network into a pool; one whose points changed is registered anew with all there are."""
        mine = [one.gcp for one in self.picture.topology.values() if one.dso == talk.dso]
        points = tuple(sorted(mine if talk.renews else talk.completed))
        talk.pool = talk.renews or f"{self.party.name}/{talk.dso}"
        self._give_up(talk)
        self.picture.pools[talk.pool] = KnownPool(
            talk.pool, self.party.name, talk.dso, points, dict.fromkeys(self._terms.services)
        )
        pool = PoolRegistration(
            pool=talk.pool, bsp=self.party.name, dso=talk.dso, points=points, services=self._terms.services
        )
        reads = [f"topology_matrix/{gcp}" for gcp in points]
        step = self.numbers([]) if talk.renews else None  # a step of SUC10.1, not of an update
        return Work(pool, conversation, reads, [f"register_pools/{talk.pool}"], step)

    def _give_up(self, fresh: _Talk) -> None:
        """Nobody decides any more on earlier registrations of the same pool."""
        for name, talk in list(self._talks.items()):
            if talk.pool == fresh.pool and talk is not fresh:
                del self._talks[name]
                if talk.about:
                    self.party.end(name, "failed", "the pool was registered anew before it was decided on")

    @handles(PoolQualification)
    def take_qualification(self, batch: Batch[PoolQualification]) -> None:
        """A decision on a pool; when all are there the registration is done, and the pool applies for the global market."""
        for one in batch.records():
            pool = self.picture.pools.get(one.pool)
            if pool is None or pool.services.get(one.service) is not None:
                continue
            pool.services[one.service] = one.qualified
            if all(answer is not None for answer in pool.services.values()):
                talk = self._talks.pop(batch.conversation, None)
                if talk is None or talk.about:
                    self.party.end(batch.conversation)
                if pool.qualified(GLOBAL) and not (talk and talk.renews):
                    self.party.start(self.apply(pool, batch.conversation))

    def apply(self, pool: KnownPool, parent: str) -> Process:
        """SUC08.3 step 1.0: ask to take part in the global market with an aggregate."""
        talk = self._applied[pool.pool] = self.party.open("SUC08.3", "1", pool.pool, parent)
        up_kw, down_kw = self.picture.validated_kw(pool.points)
        data = FlexibilityData(
            pool=pool.pool,
            bsp=self.party.name,
            dso=pool.dso,
            points=pool.points,
            up_kw=up_kw,
            down_kw=down_kw,
            qualified=True,
        )
        yield from self.deliver(data, [self._terms.cbp, self._terms.register], talk)
