"""The desk of the Flexibility Register for points, pools and lights, with every access (SUC08.1, SUC08.3, SUC10.1, SUC10.2).

Its rules are those of ``markets.registers.flexibility_register``, its memory is a database that outlives it: after a restart it goes on with what it
held. Who asks sees what concerns him; what he may not do, or what makes no sense, is refused with the reason, told, and logged like everything else.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from agents.register_rows import flexibility_data, point_of, rows_of_light, static_light
from environment.messages.base import Batch, Record, joined
from environment.messages.flexibility_register import (
    FlexibilityData,
    GcpRegistration,
    PointChange,
    PointCompletion,
    PointRefusal,
    PointWithdrawal,
    PoolQualification,
    PoolRegistration,
    RegisterAnswer,
    RegisterQuery,
    StaticLight,
    ValidationStart,
)
from environment.messages.traffic_lights import DynamicLight
from environment.office import Desk
from environment.party import Process, gathers, handles
from environment.platforms.register_store import Access, RegisterStore
from markets.registers import flexibility_register as rules
from markets.registers.flexibility_register import ConnectionPoint, Pool, Qualification, RegisterError, Status

HOUR_MS = 3_600_000
GATHERS_S = 1.0
"""What comes within a second is written together."""
Change = Callable[[], ConnectionPoint]


@dataclass(frozen=True)
class RegisterTerms:
    """What the register is told.

    Attributes:
        url: its database, as SQLAlchemy writes it.
        roles: party -> bsp, dso or tso.
        tso: name of the TSO.
        platforms: party -> where it is answered.
        cbp: address of the platform that publishes lights.
        restarts_ms: instants at which it begins anew with what its database holds.
    """

    url: str
    roles: Mapping[str, str]
    tso: str
    platforms: Mapping[str, str]
    cbp: str
    restarts_ms: Sequence[int] = ()


class EntriesDesk(Desk):
    """The desk.

    Args:
        terms: what the register is told.
    """

    def __init__(self, terms: RegisterTerms) -> None:
        self._terms = terms
        self._waiting: list[Batch[Any]] = []
        self._open()

    def _open(self) -> None:
        """Open the database and take up what it holds."""
        self._store = RegisterStore(self._terms.url)
        self._points = {row["gcp"]: point_of(row) for row in self._store.points()}
        self._pools = {
            pool: Pool(pool, bsp, points, {name: Qualification(state) for name, state in services.items()})
            for pool, bsp, points, services in self._store.pools()
        }
        self._lit: set[tuple[str, int, int]] = set()

    @property
    def store(self) -> RegisterStore:
        """The database, for whoever writes down what a run came to."""
        return self._store

    def processes(self) -> Iterable[Process]:
        """Restarts."""
        return [self.restart(at_ms) for at_ms in self._terms.restarts_ms]

    def restart(self, at_ms: int) -> Process:
        """Forget everything and begin anew with what the database holds."""
        yield self.party.until(at_ms)
        before = (len(self._points), len(self._pools))
        self._store.close()
        self._open()
        self.register("register_restarts").add(
            t_ms=self.now_ms, party=self.party.name, points_before=before[0], points=len(self._points), pools_before=before[1],
            pools=len(self._pools),
        )  # fmt: skip

    # --- what arrives -----------------------------------------------------------------------------------------------------

    @handles(GcpRegistration)
    @handles(ValidationStart)
    @handles(StaticLight)
    @handles(PointRefusal)
    @handles(PointCompletion)
    @handles(PointChange)
    @handles(PointWithdrawal)
    @handles(PoolRegistration)
    @handles(PoolQualification)
    @handles(DynamicLight)
    @handles(FlexibilityData)
    @handles(RegisterQuery)
    @gathers(GATHERS_S)
    def take_in(self, batch: Batch[Any]) -> None:
        """What comes within a second is worked off kind by kind, in the order in which each came first, and written as one transaction."""
        self._waiting.append(batch)
        if len(self._waiting) == 1:
            self.party.start(self._work_off())

    def _work_off(self) -> Process:
        yield self.party.until(self.now_ms)
        waiting, self._waiting = self._waiting, []
        alike: dict[tuple[Any, ...], list[Batch[Any]]] = {}
        for batch in waiting:
            shape = tuple(column.shape[1:] for column in batch.columns.values())
            sent_ms = batch.sent_ms if batch.record is DynamicLight else 0  # a light is known by when it was sent
            alike.setdefault((batch.record, batch.conversation, shape, sent_ms), []).append(batch)
        with self._store.together():
            for (record, *_), batches in alike.items():
                self._work[record](joined(batches))

    @property
    def _work(self) -> Mapping[type[Record], Callable[[Batch[Any]], None]]:
        return {
            GcpRegistration: self._take_registration, ValidationStart: self._take_start, StaticLight: self._take_static,
            PointRefusal: self._note_refusal, PointCompletion: self._take_completion, PointChange: self._take_change,
            PointWithdrawal: self._take_withdrawal, PoolRegistration: self._take_pool, PoolQualification: self._take_qualification,
            DynamicLight: self._take_dynamic, FlexibilityData: self._note_request, RegisterQuery: self._answer_query,
        }  # fmt: skip

    # --- points ----------------------------------------------------------------------------------------------------------

    def _take_registration(self, batch: Batch[GcpRegistration]) -> None:
        """A new point, or a BSP's change of one of its own; what is sent twice is taken once."""
        changes = []
        for one in batch.records():
            fresh = ConnectionPoint(
                one.gcp, one.bsp, one.dso, one.kind, one.latitude, one.longitude, one.up_kw, one.down_kw, one.nominal_kw
            )
            changes.append((one.gcp, one.bsp, partial(self._registered, fresh)))
        self._change(batch, "register", changes)

    def _registered(self, fresh: ConnectionPoint) -> ConnectionPoint:
        known = self._points.get(fresh.gcp)
        if known is None or known.status is Status.WITHDRAWN:
            return rules.registered(fresh, fresh.bsp)
        own = {field: getattr(fresh, field) for field in rules.OWN_FIELDS["bsp"]}
        if known.bsp == fresh.bsp and all(getattr(known, field) == value for field, value in own.items()):
            return known
        return rules.changed(known, fresh.bsp, "bsp", own)

    def _take_start(self, batch: Batch[ValidationStart]) -> None:
        """A DSO takes up points of its network."""
        changes = [(one.gcp, one.dso, partial(self._taken_up, one)) for one in batch.records()]
        self._change(batch, "take up", changes)

    def _take_static(self, batch: Batch[StaticLight]) -> None:
        """A DSO's examination; published on the platform where a BSP asked to take part in the global market (SUC08.3 step 4.0)."""
        changes = [(one.gcp, one.dso, partial(self._validated, one)) for one in batch.records()]
        self._change(batch, "validate", changes)
        if batch.conversation.startswith("SUC08.3"):
            held = [static_light(self._points[gcp]) for gcp in batch["gcp"] if gcp in self._points]
            if held:
                self.party.send(held, [self._terms.cbp] * len(held), batch.conversation)

    def _validated(self, one: StaticLight) -> ConnectionPoint:
        known = self._known(one.gcp)
        said = {
            "grid_element": one.grid_element, "validated_up_kw": one.validated_up_kw,
            "validated_down_kw": one.validated_down_kw, "treatment": one.treatment,
        }  # fmt: skip
        if all(getattr(known, field) == value for field, value in said.items()):
            return known
        if known.status in {Status.REGISTERED, Status.IN_VALIDATION}:
            if known.status is Status.REGISTERED:
                known = rules.taken_up(known, one.dso)
            return rules.validated(
                known, one.dso, grid_element=one.grid_element, up_kw=one.validated_up_kw, down_kw=one.validated_down_kw,
                treatment=one.treatment,
            )  # fmt: skip
        return rules.changed(known, one.dso, "dso", said)

    def _note_refusal(self, batch: Batch[PointRefusal]) -> None:
        """A DSO does not examine a point; it stays as it is, on record."""
        self._store.log(
            [
                Access(self.now_ms, one.dso, "dso", "refuse", one.gcp, admitted=True, reason=one.reason)
                for one in batch.records()
            ]
        )

    def _take_completion(self, batch: Batch[PointCompletion]) -> None:
        """The TSO completes validated points."""
        self._change(batch, "complete", [(one.gcp, one.by, partial(self._completed, one)) for one in batch.records()])

    def _completed(self, one: PointCompletion) -> ConnectionPoint:
        known = self._known(one.gcp)
        said = {"tso_perimeter": one.tso_perimeter, "market_zone": one.market_zone}
        if known.status is Status.COMPLETED:
            same = all(getattr(known, field) == value for field, value in said.items())
            return known if same else rules.changed(known, one.by, self._terms.roles.get(one.by, ""), said)
        return rules.completed(known, one.by, self._terms.tso, **said)

    def _take_change(self, batch: Batch[PointChange]) -> None:
        """Any party changes a field of its own."""
        changes = []
        for one in batch.records():
            value = one.text if isinstance(getattr(ConnectionPoint, one.field, ""), str) and one.text else one.value
            changes.append((one.gcp, one.by, partial(self._changed, one, value)))
        self._change(batch, "change", changes)

    def _changed(self, one: PointChange, value: Any) -> ConnectionPoint:
        return rules.changed(self._known(one.gcp), one.by, self._terms.roles.get(one.by, ""), {one.field: value})

    def _take_withdrawal(self, batch: Batch[PointWithdrawal]) -> None:
        """A BSP takes points out."""
        self._change(
            batch,
            "withdraw",
            [(one.gcp, one.by, partial(self._withdrawn, one)) for one in batch.records()],
        )

    def _taken_up(self, one: ValidationStart) -> ConnectionPoint:
        return rules.taken_up(self._known(one.gcp), one.dso)

    def _withdrawn(self, one: PointWithdrawal) -> ConnectionPoint:
        return rules.withdrawn(self._known(one.gcp), one.by)

    def _known(self, gcp: str) -> ConnectionPoint:
        if gcp not in self._points:
            text = f"{gcp}: no such point is registered"
            raise RegisterError(text)
        return self._points[gcp]

    def _change(self, batch: Batch[Any], what: str, changes: Sequence[tuple[str, str, Change]]) -> None:
        """Try changes, write what the rules admit in one transaction with its log, and answer who wanted them."""
        rows, accesses, answers = [], [], []
        for gcp, by, change in changes:
            role = self._terms.roles.get(by, "")
            before = self._points.get(gcp)
            try:
                after = change()
            except RegisterError as error:
                accesses.append(Access(self.now_ms, by, role, what, gcp, admitted=False, reason=str(error)))
                answers.append((by, self._answer(gcp, before, str(error))))
                continue
            if after is not before:
                self._points[gcp] = after
                rows.append({**vars(after), "status": str(after.status)})
                self._mind_pools(before, after)
            accesses.append(Access(self.now_ms, by, role, what, gcp))
            answers.append((by, self._answer(gcp, after, "")))
        latest = {row["gcp"]: row for row in rows}
        self._store.put_points(list(latest.values()), accesses)
        known = [(self._terms.platforms[by], answer) for by, answer in answers if by in self._terms.platforms]
        if known:
            to, records = zip(*known, strict=True)
            self.party.send(list(records), list(to), batch.conversation)

    def _answer(self, gcp: str, point: ConnectionPoint | None, reason: str) -> RegisterAnswer:
        status, version = (str(point.status), point.version) if point else ("", 0)
        return RegisterAnswer(gcp=gcp, admitted=not reason, status=status, version=version, reason=reason)

    # --- pools -----------------------------------------------------------------------------------------------------------

    def _take_pool(self, batch: Batch[PoolRegistration]) -> None:
        """A pool of completed points that asks to be qualified."""
        for one in batch.records():
            try:
                pool = rules.pooled(one.pool, one.bsp, [self._known(gcp) for gcp in one.points], one.services)
            except RegisterError as error:
                self._log(one.bsp, "pool", one.pool, str(error))
                continue
            held = self._pools.get(one.pool)
            if held is None or held.points != pool.points or held.services.keys() != pool.services.keys():
                self._put_pool(pool, Access(self.now_ms, one.bsp, "bsp", "pool", one.pool))

    def _take_qualification(self, batch: Batch[PoolQualification]) -> None:
        """The responsible operator's decision on a pool."""
        for one in batch.records():
            role = self._terms.roles.get(one.by, "")
            if one.pool not in self._pools:
                self._log(one.by, "qualify", one.pool, f"{one.pool}: no such pool is registered")
                continue
            try:
                pool = rules.qualified(self._pools[one.pool], role, one.service, passed=one.qualified)
            except RegisterError as error:
                self._log(one.by, "qualify", one.pool, str(error))
                continue
            self._put_pool(
                pool, Access(self.now_ms, one.by, role, f"qualify {one.service}", one.pool, reason=one.reason)
            )

    def _mind_pools(self, before: ConnectionPoint | None, after: ConnectionPoint) -> None:
        """Pools with a point that is examined again lose their qualification."""
        if before is None or before.status is not Status.COMPLETED:
            return
        for pool in [pool for pool in self._pools.values() if after.gcp in pool.points]:
            by = after.bsp
            self._put_pool(rules.after_change(pool, after), Access(self.now_ms, by, "bsp", "asks again", pool.pool))

    def _put_pool(self, pool: Pool, access: Access) -> None:
        self._pools[pool.pool] = pool
        self._store.put_pool(
            pool.pool, pool.bsp, pool.points, {name: str(s) for name, s in pool.services.items()}, access
        )

    # --- lights ----------------------------------------------------------------------------------------------------------

    def _take_dynamic(self, batch: Batch[DynamicLight]) -> None:
        """Keep dynamic lights, once; published on the platform where the DSO's technical platform writes them (SUC08.3 step 5.2)."""
        rows, accesses = [], []
        for one in batch.records():
            key = (one.perimeter, one.from_ms, batch.sent_ms)
            if key not in self._lit:
                self._lit.add(key)
                rows += rows_of_light(one, batch.sent_ms)
            accesses.append(Access(self.now_ms, one.dso, "dso", "dynamic light", one.perimeter))
        self._store.put_lights(rows, accesses)
        if batch.conversation.startswith("SUC08.3"):
            lights = list(batch.records())
            self.party.send(lights, [self._terms.cbp] * len(lights), batch.conversation)

    # --- looks -----------------------------------------------------------------------------------------------------------

    def _note_request(self, batch: Batch[FlexibilityData]) -> None:
        """SUC08.3 step 1.0: a BSP applies with an aggregate; what the register holds of it decides, not what it says."""
        for one in batch.records():
            known = one.pool in self._pools
            self._log(one.bsp, "apply", one.pool, "" if known else f"{one.pool}: no such pool is registered")

    def _answer_query(self, batch: Batch[RegisterQuery]) -> None:
        """Points and pools that the asker may see, with their static values (SUC10.2 step 1.0)."""
        for row, one in enumerate(batch.records()):
            asker = self.party.directory.addresses[int(batch.sender[row])].name
            by = self.party.directory.addresses[int(batch.sender[row])].operator
            role = self._terms.roles.get(by, "")
            if not role:
                self._log(by, f"read {one.about}", "", f"{by} takes no part")
                continue
            points = [point for point in self._points.values() if rules.may_see(point, by, role)]
            seen = {point.gcp: point for point in points}
            self._log(by, f"read {one.about}", f"{len(points)} points", "")
            if one.about != "pools":
                validated = [static_light(point) for point in points if point.grid_element]
                self._report(validated, asker, batch.conversation)
            if one.about != "points":
                pools = [
                    flexibility_data(pool, seen)
                    for pool in self._pools.values()
                    if pool.points and pool.points[0] in seen
                ]
                self._report(pools, asker, batch.conversation)

    def _report(self, records: Sequence[Any], to: str, conversation: str) -> None:
        if records:
            self.party.send(list(records), [to] * len(records), conversation)

    def _log(self, by: str, what: str, subject: str, reason: str) -> None:
        role = self._terms.roles.get(by, "")
        self._store.log([Access(self.now_ms, by, role, what, subject, admitted=not reason, reason=reason)])
