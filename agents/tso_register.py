"""The TSO at the Flexibility Register: completes points, keeps the topology matrix, qualifies pools for global services, looks up lights (SUC08.1, SUC10.1, SUC10.2)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from msgspec.structs import replace

from agents.flexibility_picture import CHANGE, KnownPool, Picture
from agents.pool_tests import Examiner, Prequalification
from environment.messages.base import Batch
from environment.messages.flexibility_register import (
    PointChange,
    PointCompletion,
    PointWithdrawal,
    PoolRegistration,
    PoolTestHours,
    RegisterAnswer,
    StaticLight,
    TopologyAcknowledgement,
    TopologyEntry,
)
from environment.messages.traffic_lights import DynamicLight, LightNotice, LightQuery
from environment.office import Desk
from environment.party import Process, Work, act, gathers, handles
from environment.refusals import refuse

PLATFORM, REGISTRY = "tso-technical-platform", "tso-registry"
GLOBAL = "global"
GATHERS_S = 1.0
"""What comes about points is looked at once a second."""
COMPLETES_S, TRIES = 60.0, 10
"""The register may hear of a validation after the TSO does: a completion that it does not take is tried again, and so is a question."""


@dataclass(frozen=True)
class Regrouping:
    """What the TSO changes of points: at an instant, of so many in the network of a DSO by name, the aggregation perimeter."""

    at_ms: int
    dso: str
    points: int
    tso_perimeter: str


@dataclass(frozen=True)
class CompletionTerms:
    """What the TSO is told.

    Attributes:
        where: DSO -> (aggregation perimeter, market zone) of the points in its network.
        cbp: address of the platform.
        register: address of the register.
        tests: how pools are tested.
        asks_s: how long it waits for lights that it looks up.
        updates: what it changes of points later, by itself.
    """

    where: Mapping[str, tuple[str, str]]
    cbp: str
    register: str
    tests: Prequalification
    asks_s: float = 120.0
    updates: Sequence[Regrouping] = ()


class RegisterDesk(Desk):
    """The desk.

    Args:
        terms: what the TSO is told.
        picture: what it knows of points, pools and lights, kept here.
    """

    def __init__(self, terms: CompletionTerms, picture: Picture) -> None:
        self._terms = terms
        self.picture = picture
        self._version = 0
        self._acknowledged = 0
        self._answers: dict[str, RegisterAnswer] = {}
        self._untested: dict[tuple[str, str, str], PoolRegistration] = {}
        self._hours: dict[tuple[str, str, str], PoolTestHours] = {}

    def processes(self) -> Iterable[Process]:
        """What it changes by itself."""
        return [self.regroups(one) for one in self._terms.updates]

    def regroups(self, one: Regrouping) -> Process:
        """Move points to another aggregation perimeter, through the platform: their rows of the matrix are issued anew (SUC10.1 rule 18)."""
        yield self.party.until(one.at_ms)
        held = [row for _, row in sorted(self.picture.topology.items()) if row.dso == one.dso][: one.points]
        if held:
            talk = f"{CHANGE}{self.party.name}:{self.now_ms}"
            changes = [
                PointChange(by=self.party.name, gcp=row.gcp, field="tso_perimeter", value=0.0, text=one.tso_perimeter)
                for row in held
            ]
            yield from self.deliver(changes, self._terms.cbp, talk, PLATFORM)
            rows = [replace(row, tso_perimeter=one.tso_perimeter, version=self._version + 1) for row in held]
            yield from self._issue(talk, rows)

    # --- points (SUC08.1 step 6; SUC10.1 steps 6 to 8) -------------------------------------------------------------------

    @handles(StaticLight)
    @gathers(GATHERS_S)
    def take_lights(self, batch: Batch[StaticLight]) -> None:
        """Points of one registration are completed together."""
        self.together(batch, self.complete)

    def complete(self, batch: Batch[StaticLight]) -> Process:
        """Complete validated points, draw up their rows of the topology matrix, send them to whom they concern."""
        lights = sorted(batch.records(), key=lambda one: one.gcp)
        self.picture.static.update({one.gcp: one for one in lights})
        usable = [one for one in lights if one.validated_up_kw > 0.0 or one.validated_down_kw < 0.0]
        known = [one for one in usable if one.dso in self._terms.where]
        for row, one in enumerate(batch.records()):
            if one.dso not in self._terms.where:
                refuse(self.party, batch, row, one.gcp, f"no perimeter is known for the network of {one.dso}")
        if not known:
            return
        wanted = self.tso_information_matching(batch.conversation, known)
        taken = yield from self._until_taken(wanted, batch.conversation)
        if not taken:
            return
        rows = [self._row(one) for one in known if one.gcp in taken]
        yield from self._issue(batch.conversation, rows)

    def _row(self, one: StaticLight) -> TopologyEntry:
        perimeter, zone = self._terms.where[one.dso]
        return TopologyEntry(
            gcp=one.gcp, bsp=one.bsp, dso=one.dso, dso_perimeter=one.grid_element, tso_perimeter=perimeter, market_zone=zone,
            version=self._version + 1, taken_out=False,
        )  # fmt: skip

    def _issue(self, conversation: str, rows: Sequence[TopologyEntry]) -> Process:
        """Draw up rows of the matrix, and send them to whom they concern."""
        issued = self.topology_matrix_creation(conversation, rows)
        yield from self.deliver(issued, self._terms.cbp, conversation, PLATFORM)

    @handles(PointWithdrawal)
    @gathers(GATHERS_S)
    def take_withdrawals(self, batch: Batch[PointWithdrawal]) -> None:
        """Points that are withdrawn at a time leave the matrix together."""
        self.together(batch, self.take_out)

    def take_out(self, batch: Batch[PointWithdrawal]) -> Process:
        """Rows of withdrawn points go, and all whom they concern are told; nobody withdraws what is not its own."""
        gone = []
        for row, one in enumerate(batch.records()):
            held = self.picture.topology.get(one.gcp)
            if held is None or held.bsp != one.by:
                refuse(self.party, batch, row, one.gcp, "it stands in no row of the matrix of its sender")
            else:
                gone.append(replace(held, version=self._version + 1, taken_out=True))
        if gone:
            yield from self._issue(batch.conversation, gone)

    @act("tso_information_matching", system=PLATFORM)
    def tso_information_matching(self, conversation: str, lights: Sequence[StaticLight]) -> Work:
        """Step 6: add the TSO's own data, so that each point has one consistent package."""
        found = [
            PointCompletion(by=self.party.name, gcp=one.gcp, tso_perimeter=perimeter, market_zone=zone)
            for one in lights
            for perimeter, zone in [self._terms.where[one.dso]]
        ]
        gcps = [one.gcp for one in lights]
        return Work(
            found, conversation, [f"static_lights/{gcp}" for gcp in gcps], [f"register_points/{gcp}" for gcp in gcps]
        )

    def _until_taken(self, wanted: Sequence[PointCompletion], conversation: str) -> Process:
        """Send completions to the register until it takes them; gives the points that it took."""
        left, taken = list(wanted), set[str]()
        for _ in range(TRIES):
            for one in left:
                self._answers.pop(one.gcp, None)
            yield from self.deliver(left, self._terms.register, conversation, PLATFORM)
            yield self.party.sleep(COMPLETES_S)
            taken |= {one.gcp for one in left if one.gcp in self._answers and self._answers[one.gcp].admitted}
            left = [one for one in left if one.gcp not in taken]
            if not left:
                break
        return taken

    @handles(RegisterAnswer)
    @gathers(GATHERS_S)
    def take_answer(self, batch: Batch[RegisterAnswer]) -> None:
        """Whether the register took a completion."""
        for row, one in enumerate(batch.records()):
            self._answers[one.gcp] = one
            if not one.admitted:
                refuse(self.party, batch, row, one.gcp, one.reason)

    @act("topology_matrix_creation", system=REGISTRY)
    def topology_matrix_creation(self, conversation: str, rows: Sequence[TopologyEntry]) -> Work:
        """Step 7: the rows of points that are complete; whoever examines a point again gets its row anew, and who withdraws one gets it crossed out."""
        self._version += 1
        self.picture.take_topology(rows)
        self.register("topology_matrix").add(
            t_ms=self.now_ms, version=self._version, gcp=[one.gcp for one in rows], bsp=[one.bsp for one in rows],
            dso=[one.dso for one in rows], dso_perimeter=[one.dso_perimeter for one in rows],
            tso_perimeter=[one.tso_perimeter for one in rows], taken_out=[one.taken_out for one in rows],
        )  # fmt: skip
        gcps = [one.gcp for one in rows]
        step = (
            None if conversation.startswith("SUC10.1") else self.numbers([])
        )  # a step of SUC10.1; elsewhere it is kept current
        reads, writes = [f"register_points/{gcp}" for gcp in gcps], [f"topology_matrix/{gcp}" for gcp in gcps]
        return Work(list(rows), conversation, reads, writes, step)

    @handles(TopologyAcknowledgement)
    @gathers(GATHERS_S)
    def note_acknowledgement(self, batch: Batch[TopologyAcknowledgement]) -> None:
        """Who has taken over which issue of the matrix."""
        for one in batch.records():
            self._acknowledged += 1
            self.register("topology_acknowledgements").add(
                number=self._acknowledged, t_ms=self.now_ms, party=one.by, version=one.version, rows=one.rows
            )

    # --- pools -----------------------------------------------------------------------------------------------------------

    @handles(PoolRegistration)
    def test_pools(self, batch: Batch[PoolRegistration]) -> None:
        """SUC10.1 step 10: the qualification of a pool starts when the TSO is told of it."""
        for one in batch.records():
            self.picture.pools[one.pool] = KnownPool(
                one.pool, one.bsp, one.dso, one.points, dict.fromkeys(one.services)
            )
            if GLOBAL in one.services:
                self._untested[batch.conversation, one.pool, one.dso] = one
                self._begin(batch.conversation, one.pool, one.dso)

    @handles(PoolTestHours)
    def take_hours(self, batch: Batch[PoolTestHours]) -> None:
        """A pool is tested in the hours that the DSO of its network names: nothing is activated there that the network does not bear."""
        for row, one in enumerate(batch.records()):
            pool = self.picture.pools.get(one.pool)
            if pool is not None and pool.dso != one.dso:
                refuse(self.party, batch, row, one.pool, f"it is not in the network of {one.dso}")
            else:
                self._hours[batch.conversation, one.pool, one.dso] = one
                self._begin(batch.conversation, one.pool, one.dso)

    def _begin(self, conversation: str, pool: str, dso: str) -> None:
        """Once registration and hours are there, whichever came first; hours of another DSO than the pool's are none of its."""
        key = conversation, pool, dso
        if key in self._untested and key in self._hours:
            self.party.start(self._examiner.examines(self._untested.pop(key), self._hours.pop(key), conversation))

    @cached_property
    def _examiner(self) -> Examiner:
        terms = self._terms
        return Examiner(self, GLOBAL, self.picture, terms.tests, terms.cbp, terms.register, PLATFORM)

    # --- lights (SUC10.2 step 5.0) ---------------------------------------------------------------------------------------

    @handles(LightNotice)
    def look_up(self, batch: Batch[LightNotice]) -> Process:
        """Ask the platform for the lights that an operator has published, static ones of points and dynamic ones of perimeters."""
        for one in batch.records():
            queries = [LightQuery(subject=gcp, static=True, from_ms=one.from_ms) for gcp in one.points]
            queries += [LightQuery(subject=name, static=False, from_ms=one.from_ms) for name in one.perimeters]
            for _ in range(TRIES if queries else 0):
                answers = yield self.party.ask(
                    queries, [self._terms.cbp] * len(queries), batch.conversation, timeout_s=self._terms.asks_s
                )
                self._take_lights(answers.records())
                queries = [one for one, said in zip(queries, answers.status, strict=True) if said in {"lost", "late"}]
                if not queries:
                    break

    def _take_lights(self, answers: Iterable[StaticLight | DynamicLight]) -> None:
        for one in answers:
            if isinstance(one, StaticLight):
                self.picture.static[one.gcp] = one
            elif one.newer:
                self.picture.lights[one.perimeter, one.from_ms] = one
