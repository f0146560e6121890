"""The desk of the Crowd Balancing Platform for points, pools and lights: the one way between system operators and balancing service providers (SUC08.1, SUC08.3, SUC10.1, SUC10.2).

It relays, stores, authenticates, and decides nothing. What names a party is passed on only if that party sent it. A relay is repeated until
it is acknowledged, so that an outage of a receiver, or its own, delays and loses nothing: what its senders were not acknowledged they send again.
Lights are kept as they came last; who asks gets those, and where nothing newer than the static values was told, just that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.arrays import I64, Bool
from environment.messages.base import Batch
from environment.messages.flexibility_register import (
    FlexibilityData,
    GcpRegistration,
    PointChange,
    PointCompletion,
    PointRefusal,
    PointWithdrawal,
    PoolQualification,
    PoolRegistration,
    PoolTest,
    PoolTestAnswer,
    PoolTestHours,
    PoolTestOrder,
    RegisterAnswer,
    StaticLight,
    TopologyAcknowledgement,
    TopologyEntry,
)
from environment.messages.traffic_lights import DynamicLight, LightNotice, LightQuery
from environment.office import Desk
from environment.party import Process, gathers, handles
from environment.refusals import refuse

REPEATS_S = 60.0
"""A relay that was not acknowledged is tried again after this time."""
GATHERS_S = 1.0
"""Points, pools and queries are looked at once a second, lights and tests at once."""
HOURS = 24


@dataclass(frozen=True)
class Roll:
    """Who takes part, by which addresses.

    Attributes:
        dsos: name -> (technical platform, registry).
        bsps: name -> platform.
        tso: name of the TSO.
        tso_platform: its technical platform.
        register: the Flexibility Register.
    """

    dsos: Mapping[str, tuple[str, str]]
    bsps: Mapping[str, str]
    tso: str
    tso_platform: str
    register: str


class RelayDesk(Desk):
    """The desk.

    Args:
        roll: who takes part.
    """

    def __init__(self, roll: Roll) -> None:
        self._roll = roll
        self._static: dict[str, StaticLight] = {}
        self._dynamic: dict[tuple[str, int], DynamicLight] = {}

    @cached_property
    def _operator(self) -> NDArray[Any]:
        """Who operates each address."""
        return np.array([one.operator for one in self.party.directory.addresses], object)

    # --- registration (SUC08.1, SUC10.1) --------------------------------------------------------------------------------

    @handles(GcpRegistration)
    @gathers(GATHERS_S)
    def relay_registration(self, batch: Batch[GcpRegistration]) -> None:
        """To the DSO whose name a point carries, and to the register."""
        own = self._own(batch, "bsp")
        unknown = np.array([name not in self._roll.dsos for name in own["dso"]], bool)
        if unknown.any():
            lost = own.take(np.flatnonzero(unknown))
            for row, gcp in enumerate(lost["gcp"]):
                refuse(self.party, lost, row, gcp, f"there is no system operator {lost['dso'][row]!r}")
            self._tell_refused(lost)
            own = own.take(np.flatnonzero(~unknown))
        self._pass(own, [self._roll.dsos[name][0] for name in own["dso"]])
        self._pass(own, [self._roll.register] * len(own))

    def _tell_refused(self, lost: Batch[GcpRegistration]) -> None:
        n = len(lost)
        columns = {
            "gcp": lost["gcp"], "admitted": np.zeros(n, bool), "status": _texts([""] * n), "version": np.zeros(n, np.int64),
            "reason": _texts([f"there is no system operator {name}" for name in lost["dso"]]),
        }  # fmt: skip
        self.party.send_batch(RegisterAnswer, columns, self.numbers([self.party.name]), lost.sender, lost.conversation)

    @handles(StaticLight)
    @gathers(GATHERS_S)
    def take_static(self, batch: Batch[StaticLight]) -> None:
        """Keep static lights; those of a fresh examination go on to the TSO and to the BSP whose points they are of."""
        own = batch if self._from(batch, self._roll.register) else self._own(batch, "dso")
        self._static.update({one.gcp: one for one in own.records()})
        if len(own) and self.party.directory.names[own.sender[0]] in [
            platform for platform, _ in self._roll.dsos.values()
        ]:
            self._pass(own, [self._roll.tso_platform] * len(own))
            self._pass(own, self._platforms(own))

    @handles(PointRefusal)
    @gathers(GATHERS_S)
    def relay_refusal(self, batch: Batch[PointRefusal]) -> None:
        """To the BSP and to the register."""
        own = self._own(batch, "dso")
        self._pass(own, self._platforms(own))
        self._pass(own, [self._roll.register] * len(own))

    @handles(TopologyEntry)
    @gathers(GATHERS_S)
    def relay_topology(self, batch: Batch[TopologyEntry]) -> None:
        """Each row to the two whom it concerns (SUC08.1: a service of its own forwards the matrix to all participants)."""
        if self._sent_by(batch, self._roll.tso):
            self._pass(batch, self._platforms(batch))
            self._pass(batch, [self._roll.dsos[name][1] for name in batch["dso"]])

    @handles(TopologyAcknowledgement)
    @gathers(GATHERS_S)
    def relay_acknowledgement(self, batch: Batch[TopologyAcknowledgement]) -> None:
        """Back to the TSO."""
        own = self._own(batch, "by")
        self._pass(own, [self._roll.tso_platform] * len(own))

    @handles(PointWithdrawal)
    @gathers(GATHERS_S)
    def relay_withdrawal(self, batch: Batch[PointWithdrawal]) -> None:
        """To the register, and to the TSO, who keeps the topology matrix; light queries about such a point are answered no longer."""
        own = self._own(batch, "by")
        for one in own.records():
            light = self._static.get(one.gcp)
            if light is not None and light.bsp == one.by:
                del self._static[one.gcp]
        self._pass(own, [self._roll.register] * len(own))
        self._pass(own, [self._roll.tso_platform] * len(own))

    @handles(PointChange)
    @handles(PointCompletion)
    @gathers(GATHERS_S)
    def relay_change(self, batch: Batch[Any]) -> None:
        """To the register: all parties update data of points through the platform."""
        own = self._own(batch, "by")
        self._pass(own, [self._roll.register] * len(own))

    # --- pools -----------------------------------------------------------------------------------------------------------

    @handles(PoolRegistration)
    @gathers(GATHERS_S)
    def relay_pool(self, batch: Batch[PoolRegistration]) -> None:
        """To the TSO, the DSO and the register."""
        own = self._own(batch, "bsp")
        self._pass(own, [self._roll.tso_platform] * len(own))
        self._pass(own, [self._roll.dsos[name][0] for name in own["dso"]])
        self._pass(own, [self._roll.register] * len(own))

    @handles(PoolTestHours)
    def relay_test_hours(self, batch: Batch[PoolTestHours]) -> None:
        """To the TSO, who tests pools for global services."""
        own = self._own(batch, "dso")
        self._pass(own, [self._roll.tso_platform] * len(own))

    @handles(PoolTest)
    @handles(PoolTestOrder)
    def relay_test(self, batch: Batch[Any]) -> None:
        """To the BSP whose pool is tested."""
        own = self._own(batch, "by")
        self._pass(own, self._platforms(own))

    @handles(PoolTestAnswer)
    def relay_test_answer(self, batch: Batch[PoolTestAnswer]) -> None:
        """To the operator who tests."""
        own = self._own(batch, "bsp")
        self._pass(own, [self._platform_of(name) for name in own["by"]])

    @handles(PoolQualification)
    @gathers(GATHERS_S)
    def relay_qualification(self, batch: Batch[PoolQualification]) -> None:
        """To the BSP and the register."""
        own = self._own(batch, "by")
        self._pass(own, self._platforms(own))
        self._pass(own, [self._roll.register] * len(own))

    @handles(FlexibilityData)
    @gathers(GATHERS_S)
    def relay_request(self, batch: Batch[FlexibilityData]) -> None:
        """SUC08.3 step 2.0: a BSP wants to take part in the global market, so the DSO is asked for the lights of its aggregate."""
        own = self._own(batch, "bsp")
        self._pass(own, [self._roll.dsos[name][0] for name in own["dso"]])

    # --- dynamic lights (SUC08.3, SUC10.2) ------------------------------------------------------------------------------

    @handles(DynamicLight)
    def take_dynamic(self, batch: Batch[DynamicLight]) -> None:
        """Keep dynamic lights; the last that came counts."""
        own = batch if self._from(batch, self._roll.register) else self._own(batch, "dso")
        for one in own.records():
            self._dynamic[one.perimeter, one.from_ms] = one

    @handles(LightNotice)
    def relay_notice(self, batch: Batch[LightNotice]) -> None:
        """Tell the TSO that an operator has published lights."""
        own = self._own(batch, "dso")
        self._pass(own, [self._roll.tso] * len(own))

    @handles(LightQuery)
    @gathers(GATHERS_S)
    def answer_query(self, batch: Batch[LightQuery]) -> None:
        """What was told last: static lights of points, dynamic ones of perimeters and days."""
        may = self._may_ask(batch)
        for row in np.flatnonzero(~may).tolist():
            refuse(self.party, batch, row, batch["subject"][row], "these lights are not the sender's to see")
        unknown = may & batch["static"] & np.array([one not in self._static for one in batch["subject"]], bool)
        for row in np.flatnonzero(unknown).tolist():
            refuse(self.party, batch, row, batch["subject"][row], "no static light of that point is known")
        static = may & batch["static"] & ~unknown
        dynamic = may & ~batch["static"]
        for rows, found in (
            (static, lambda one: self._static[one.subject]),
            (dynamic, lambda one: self._dynamic.get((one.subject, one.from_ms)) or _nothing_newer(one)),
        ):
            asked = batch.take(np.flatnonzero(rows))
            if len(asked):
                self.party.answer(asked, [found(one) for one in asked.records()])

    def _may_ask(self, batch: Batch[LightQuery]) -> Bool:
        """The TSO sees all; a BSP dynamic lights and the static ones of its points; a DSO those of its own."""
        askers = self._operator[batch.sender]
        allowed = []
        for asker, subject, static in zip(askers, batch["subject"], batch["static"], strict=True):
            light = self._static.get(subject)
            whose = (light.bsp, light.dso) if light else ()
            allowed.append(asker == self._roll.tso or (not static and asker in self._roll.bsps) or asker in whose)
        return np.array(allowed, bool)

    # --- relaying --------------------------------------------------------------------------------------------------------

    def _own(self, batch: Batch[Any], field: str) -> Batch[Any]:
        """The messages of a batch whose sender is the party that they name; the others are refused on record."""
        true = self._operator[batch.sender] == batch[field]
        for row in np.flatnonzero(~true).tolist():
            refuse(self.party, batch, row, str(batch[field][row]), "it was not sent by the party that it names")
        return batch if true.all() else batch.take(np.flatnonzero(true))

    def _sent_by(self, batch: Batch[Any], party: str) -> bool:
        true = bool((self._operator[batch.sender] == party).all())
        for row in range(0 if true else len(batch)):
            refuse(self.party, batch, row, party, f"it was not sent by {party}")
        return true

    def _from(self, batch: Batch[Any], address: str) -> bool:
        return bool((batch.sender == self.party.directory.number(address)).all())

    def _platforms(self, batch: Batch[Any]) -> list[str]:
        return [self._platform_of(name) for name in batch["bsp"]]

    def _platform_of(self, name: str) -> str:
        """Where a participant is reached."""
        if name in self._roll.bsps:
            return self._roll.bsps[name]
        return self._roll.tso_platform if name == self._roll.tso else self._roll.dsos[name][0]

    def _pass(self, batch: Batch[Any], to: Sequence[str]) -> None:
        """Pass a batch on, each message to its receiver, until all are acknowledged."""
        if len(batch):
            self.party.start(self._relay(batch, self.numbers(to)))

    def _relay(self, batch: Batch[Any], to: I64) -> Process:
        columns, record = batch.columns, batch.record
        while len(to):
            sent = self.party.send_batch(record, columns, self.numbers([self.party.name]), to, batch.conversation)
            outcome = yield self.party.confirm(sent)
            left = np.array([status == "lost" for status in outcome.status], bool)
            if not left.any():
                return
            columns, to = {name: column[left] for name, column in columns.items()}, to[left]
            yield self.party.sleep(REPEATS_S)


def _nothing_newer(query: LightQuery) -> DynamicLight:
    zero = np.zeros(HOURS)
    return DynamicLight(
        perimeter=query.subject, dso="", from_ms=query.from_ms, colour_up=zero, colour_down=zero, capability_up_kw=zero,
        capability_down_kw=zero, newer=False,
    )  # fmt: skip


def _texts(values: Iterable[str]) -> Any:
    found = list(values)
    column = np.empty(len(found), object)
    column[:] = found
    return column
