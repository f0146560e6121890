"""The desk of the Flexibility Register for measurements: takes what gateways signed, links it to perimeters and BSPs, shows it to who may see it (SUC10.4).

Measurements that the audit does not confirm, from the first false one of a gateway on, are shown as missing: they prove nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.arrays import F64
from environment.messages.base import Batch, Record
from environment.messages.delivery import (
    MeasurementQuery,
    MeasurementRefusal,
    MeasurementReport,
    MeteringOrder,
    PointMeasurements,
    QueryRefusal,
)
from environment.office import Desk
from environment.party import Work, act, gathers, handles
from environment.platforms.measurements import examine, first_false
from environment.platforms.register_store import Access, Measured, RegisterStore
from environment.refusals import refuse
from environment.signatures import Verifier
from environment.units import MS_PER_H

SYSTEM = "flexibility-register"
GATHERS_S = 1.0
"""What comes within a second is worked off and written together."""


@dataclass(frozen=True, eq=False)
class MeasurementTerms:
    """Whom the register deals with.

    Attributes:
        roles: name of a party -> bsp, dso or tso.
        gateways: grid connection point -> address of its gateway.
    """

    roles: Mapping[str, str]
    gateways: Mapping[str, str]


class MeasurementDesk(Desk):
    """Measurements in the register.

    Args:
        store: gives its database as it is open now.
        verifier: public keys of the gateways, by connection point.
        terms: see there.
    """

    def __init__(self, store: Callable[[], RegisterStore], verifier: Verifier, terms: MeasurementTerms) -> None:
        self._open_store = store
        self._verifier = verifier
        self._terms = terms
        self._point_of = {gateway: gcp for gcp, gateway in terms.gateways.items()}
        self._known_store: RegisterStore | None = None
        self._links: dict[str, list[bytes]] | None = None
        self._audited: dict[str, tuple[list[Measured], int | None]] = {}
        self._is_audited = False
        self._associated: dict[str, set[str]] = {}

    @property
    def _store(self) -> RegisterStore:
        """The database; what is remembered of one that was closed is forgotten."""
        store = self._open_store()
        if store is not self._known_store:
            self._known_store, self._links = store, None
            self._audited, self._is_audited = {}, False
        return store

    @property
    def links(self) -> dict[str, list[bytes]]:
        """The chain of each gateway as it is stored."""
        store = self._store
        if self._links is None:
            self._links = {gcp: [row.hash for row in rows] for gcp, rows in store.measured().items()}
        return self._links

    def _whose(self, batch: Batch[Any], row: int) -> tuple[str, str]:
        """Name and role of a sender."""
        directory = self.party.directory
        name = directory.addresses[int(batch.sender[row])].operator
        return name, self._terms.roles.get(name, "")

    def _hidden(self, gcp: str, name: str, role: str) -> str:
        """Why somebody does not see a connection point; empty if it does."""
        point = self._store.point(gcp)
        if point is None:
            return "no such point is registered"
        sees = role == "tso" or (role in ("bsp", "dso") and point[role] == name)
        return "" if sees else f"{name} may not see it"

    def _access(self, name: str, role: str, what: str, gcp: str, reason: str) -> Access:
        return Access(self.now_ms, name, role or "unknown", what, gcp, not reason, reason)

    @handles(MeteringOrder)
    def order_measurements(self, batch: Batch[MeteringOrder]) -> None:
        """Ask the gateways of the points that a DSO may see to measure for it."""
        for row, record in enumerate(batch.records()):
            name, role = self._whose(batch, row)
            hidden = {gcp: self._hidden(gcp, name, role) for gcp in record.gcps}
            for gcp in record.gcps:
                if not hidden[gcp] and gcp not in self._terms.gateways:
                    hidden[gcp] = "no gateway stands there"
            self._store.log([self._access(name, role, "order measurements", gcp, why) for gcp, why in hidden.items()])
            for gcp in (gcp for gcp, why in hidden.items() if why):
                refuse(self.party, batch, row, gcp, hidden[gcp])
            seen = [gcp for gcp in record.gcps if not hidden[gcp]]
            if seen:
                orders = [MeteringOrder(gcps=(gcp,), from_ms=record.from_ms, to_ms=record.to_ms) for gcp in seen]
                to = [self._terms.gateways[gcp] for gcp in seen]
                self.party.send(orders, to, batch.conversation, system=SYSTEM)

    @handles(MeasurementReport)
    @gathers(GATHERS_S)
    def store_reports(self, batch: Batch[MeasurementReport]) -> None:
        """Step 1.5: store what continues each gateway's chain, in one transaction."""
        names = self.party.directory.names
        blocks: dict[str, tuple[Measured, ...]] = {}
        accesses = []
        for row, record in enumerate(batch.records()):
            sender = names[int(batch.sender[row])]
            if self._point_of.get(sender) != record.gcp:
                reason: str = f"{sender} is not the gateway of {record.gcp}"
                refuse(self.party, batch, row, record.gcp, reason)
                accesses.append(self._access(sender, "", "measure", record.gcp, reason))
                continue
            known = self.links.setdefault(record.gcp, [])
            taken = examine(record, known, self._verifier)
            accesses.append(self._access(sender, "pgui", "measure", record.gcp, taken.reason))
            if taken.reason:
                refuse(self.party, batch, row, record.gcp, taken.reason)
                refusal = MeasurementRefusal(gcp=record.gcp, next_number=len(known), reason=taken.reason)
                self.party.send(refusal, sender, batch.conversation, system=SYSTEM)
            elif taken.rows:
                blocks[record.gcp] = (*blocks.get(record.gcp, ()), *taken.rows)
                known += [one.hash for one in taken.rows]
        self._store.append_measurements(blocks, accesses)
        self._note(blocks, batch.conversation)
        self._is_audited = False

    def _note(self, blocks: Mapping[str, tuple[Measured, ...]], conversation: str) -> None:
        rows = [one for gcp in sorted(blocks) for one in blocks[gcp]]
        if rows:
            self.register("measurements").add(
                t_ms=np.array([one.hour_ms for one in rows], np.int64), gcp=[one.gcp for one in rows],
                consumption_kwh=np.array([one.consumption_kwh for one in rows]),
                production_kwh=np.array([one.production_kwh for one in rows]), set_up_kwh=np.array([one.set_up_kwh for one in rows]),
                set_down_kwh=np.array([one.set_down_kwh for one in rows]), stored_ms=self.now_ms, conversation=conversation,
            )  # fmt: skip

    @handles(MeasurementQuery)
    @gathers(GATHERS_S)
    def show_measurements(self, batch: Batch[MeasurementQuery]) -> None:
        """Steps 1.6 and 1.7: link the points to perimeters and BSPs, and answer who may see them; others are told that they may not."""
        records = list(batch.records())
        whose = [self._whose(batch, row) for row in range(len(batch))]
        hidden = [self._hidden(one.gcp, *who) for one, who in zip(records, whose, strict=True)]
        asked = list(zip(records, whose, hidden, strict=True))
        self._store.log([self._access(*who, "read measurements", one.gcp, why) for one, who, why in asked])
        known = self._associated.setdefault(batch.conversation, set())
        fresh = [one.gcp for one, (_, role), why in asked if role == "dso" and not why and one.gcp not in known]
        if fresh:
            self.associate_resources(fresh, batch.conversation)
            known.update(fresh)
        answers: dict[tuple[type[Record], int], list[tuple[int, Record]]] = {}
        for row, (one, why) in enumerate(zip(records, hidden, strict=True)):
            answer: Record = QueryRefusal(gcp=one.gcp, reason=why) if why else self._measurements(one)
            kind = (type(answer), 0 if why else one.to_ms - one.from_ms)
            answers.setdefault(kind, []).append((row, answer))
        for told in answers.values():
            rows, said = zip(*told, strict=True)
            self.party.answer(batch.take(np.array(rows)), list(said))

    @act("associate_resources", SYSTEM)
    def associate_resources(self, gcps: list[str], conversation: str) -> Work:
        """Step 1.6: perimeter and BSP of each measured point, from the register itself."""
        points = [point for point in map(self._store.point, gcps) if point is not None]
        self.register("associations").add(
            t_ms=self.now_ms, conversation=conversation, gcp=[one["gcp"] for one in points],
            perimeter=[one["grid_element"] for one in points], bsp=[one["bsp"] for one in points],
        )  # fmt: skip
        measured = [f"measurements/{gcp}" for gcp in gcps if self.links.get(gcp)]
        return Work(None, conversation, measured, [f"associations/{gcp}" for gcp in gcps])

    def _stored(self, gcp: str) -> tuple[list[Measured], int | None]:
        """What is stored of a gateway, and the index of the first false measurement."""
        store = self._store
        if not self._is_audited:
            self._audited = {one: self._audit(one, rows) for one, rows in store.measured().items()}
            self._is_audited = True
        return self._audited.get(gcp, ([], None))

    def _audit(self, gcp: str, rows: list[Measured]) -> tuple[list[Measured], int | None]:
        """All that is stored is looked at every time; what was true at the last audit, and stands there unchanged, is not worked out again."""
        before, false = self._audited.get(gcp, ([], None))
        known = len(before) if false is None and rows[: len(before)] == before else 0
        return rows, first_false(gcp, rows, self._verifier, known)

    def _measurements(self, query: MeasurementQuery) -> PointMeasurements:
        rows, false = self._stored(query.gcp)
        point = self._store.point(query.gcp)
        assert point is not None
        hours = (query.to_ms - query.from_ms) // MS_PER_H
        energy: F64 = np.zeros((4, hours))
        missing = np.ones(hours)
        for one in rows if false is None else rows[:false]:
            place = (one.hour_ms - query.from_ms) // MS_PER_H
            if 0 <= place < hours:
                energy[:, place] = one.consumption_kwh, one.production_kwh, one.set_up_kwh, one.set_down_kwh
                missing[place] = 0.0
        consumption, production, set_up, set_down = energy
        return PointMeasurements(
            gcp=query.gcp, perimeter=point["grid_element"], bsp=point["bsp"], from_ms=query.from_ms, step_s=MS_PER_H / 1000.0,
            consumption_kwh=consumption, production_kwh=production, set_up_kwh=set_up, set_down_kwh=set_down, is_missing=missing, tampered_at=-1 if false is None else false,
        )  # fmt: skip
