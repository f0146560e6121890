"""The market desk of the Crowd Balancing Platform: passes on and keeps plans, constraints, bid components and results (SUC08.2).

It decides nothing. It passes on what comes from whom it says it is from, and answers the TSO with what it holds of a perimeter: the last constraint and
the sum of the components, which is a query of its store.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from data.arrays import F64
from environment.messages.base import Batch
from environment.messages.global_market import (
    AcceptedQuantities,
    ComponentMessage,
    DsoConstraint,
    LimitationNotice,
    LocalPlan,
    MarketDataRequest,
    PerimeterData,
    ValidatedQuantities,
)
from environment.office import Desk
from environment.party import handles
from environment.refusals import refuse

_HOURS = 24


class MarketDesk(Desk):
    """What the platform passes on for the global market.

    Args:
        tso: address of the TSO.
        dsos: addresses of the DSOs.
        bsps: addresses of the providers on the platform.
    """

    def __init__(self, tso: str, dsos: frozenset[str], bsps: frozenset[str]) -> None:
        self._tso = tso
        self._dsos = dsos
        self._bsps = bsps
        self._constraints: dict[tuple[str, str], DsoConstraint] = {}
        self._components: dict[str, ComponentMessage] = {}

    def _name(self, number: int) -> str:
        return str(self.party.directory.names[number])

    @handles(LocalPlan)
    def pass_plan(self, batch: Batch[LocalPlan]) -> None:
        """SUC08.2/1.3 and 1.4: what a DSO plans to use itself."""
        for row, record in enumerate(batch.records()):
            if self._is(batch, row, record.dso, self._dsos, record.perimeter):
                self.party.start(self.deliver(record, self._tso, batch.conversation))

    @handles(DsoConstraint)
    def pass_constraint(self, batch: Batch[DsoConstraint]) -> None:
        """SUC08.2/1.3 and 1.4: the light of a perimeter."""
        for row, record in enumerate(batch.records()):
            if self._is(batch, row, record.dso, self._dsos, record.constraint):
                if len(record.colour) == len(record.capability_kw) == _HOURS:  # the TSO refuses others
                    self._constraints[record.perimeter, record.direction] = record
                self.party.start(self.deliver(record, self._tso, batch.conversation))

    @handles(ComponentMessage)
    def pass_components(self, batch: Batch[ComponentMessage]) -> None:
        """SUC08.2/2.3 and 2.4: a bid split by perimeter; nobody sends another's."""
        for row, record in enumerate(batch.records()):
            if self._is(batch, row, record.bsp, self._bsps, record.bid):
                known = self._components.get(record.bid)
                if known is None or known.version < record.version:
                    self._components[record.bid] = record
                self.party.start(self.deliver(record, self._tso, batch.conversation))

    def _is(
        self,
        batch: Batch[Any],
        row: int,
        said: str,
        known: frozenset[str],
        subject: str,
    ) -> bool:
        """Whether a message is from whom it says, and that one is on the platform; what is not stays here, on record."""
        sender = self._name(batch.sender[row])
        if sender == said and sender in known:
            return True
        refuse(self.party, batch, row, subject, f"{sender} cannot speak for {said} here")
        return False

    @handles(MarketDataRequest)
    def answer(self, batch: Batch[MarketDataRequest]) -> None:
        """SUC08.2/3.1: constraint and cumulative components of perimeters, to the TSO alone."""
        if any(self._name(number) != self._tso for number in batch.sender):
            for row, record in enumerate(batch.records()):
                refuse(self.party, batch, row, record.perimeter, "only the TSO may see what is bid in a perimeter")
            return
        sums: dict[str, dict[tuple[str, str], F64]] = {}
        records = list(batch.records())
        for session in {one.session for one in records}:
            sums[session] = self._cumulative(session)
        self.party.answer(batch, [self._data(one, sums[one.session]) for one in records])

    def _cumulative(self, session: str) -> dict[tuple[str, str], F64]:
        found: dict[tuple[str, str], F64] = {}
        for one in self._components.values():
            if one.session != session or len(one.components_kw) != _HOURS * len(one.perimeters):
                continue
            for name, kw in zip(one.perimeters, one.components_kw.reshape(-1, _HOURS), strict=True):
                key = (name, one.direction)
                found[key] = found.get(key, np.zeros(_HOURS)) + np.maximum(kw, 0.0)
        return found

    def _data(self, asked: MarketDataRequest, sums: Mapping[tuple[str, str], F64]) -> PerimeterData:
        key, none = (asked.perimeter, asked.direction), np.zeros(_HOURS)
        stated = self._constraints.get(key)
        return PerimeterData(
            session=asked.session, perimeter=asked.perimeter, direction=asked.direction, colour=none if stated is None else stated.colour,
            capability_kw=none if stated is None else stated.capability_kw, cumulative_kw=sums.get(key, none),
        )  # fmt: skip

    @handles(ValidatedQuantities)
    def keep_validated(self, batch: Batch[ValidatedQuantities]) -> None:
        """SUC08.2/3.3: what the TSO registers of a session."""
        for row, record in enumerate(batch.records()):
            self._keep(batch, row, record, "validated")

    @handles(AcceptedQuantities)
    def keep_accepted(self, batch: Batch[AcceptedQuantities]) -> None:
        """SUC08.2/3.3: what the TSO registers of a session."""
        for row, record in enumerate(batch.records()):
            self._keep(batch, row, record, "accepted")

    def _keep(self, batch: Batch[Any], row: int, record: ValidatedQuantities | AcceptedQuantities, what: str) -> None:
        if self._name(batch.sender[row]) != self._tso:
            refuse(self.party, batch, row, record.bid, "only the TSO registers outcomes of its market")
            return
        self.register("registered_quantities").add(
            period=np.arange(_HOURS, dtype=np.int64), session=record.session, bid=record.bid, what=what, known_ms=self.now_ms,
            up_kw=record.up_kw, down_kw=record.down_kw,
        )  # fmt: skip

    @handles(LimitationNotice)
    def pass_notice(self, batch: Batch[LimitationNotice]) -> None:
        """SUC08.2/3.4 and 3.5: limits for who bid."""
        for row, record in enumerate(batch.records()):
            if self._name(batch.sender[row]) != self._tso or record.bsp not in self._bsps:
                refuse(self.party, batch, row, record.notice, "only the TSO limits, and only who is on the platform")
            else:
                self.party.start(self.deliver(record, record.bsp, batch.conversation))
