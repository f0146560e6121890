"""Power grid user interfaces (PGUI): gateways at connection points that read the certified meter every hour and hand its measurements to the register.

Each gateway has a key and a chain of its own (``environment.platforms.measurements``). A report carries all that the register is not known to have, so that
what was lost, or came while the register was down, comes with the next one; what came twice does no harm (SUC10.4 steps 1.4 and 1.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.arrays import F64, I64, Bool
from environment.instruments import MeterStore
from environment.messages.base import Batch
from environment.messages.delivery import (
    MeasurementRefusal,
    MeasurementReport,
    MeteringOrder,
    MeterReading,
    SetPointReading,
)
from environment.party import Party, Process, Seat, gathers, handles
from environment.platforms.measurements import Gateway, SetPoint, report_columns
from environment.refusals import refuse
from environment.units import MS_PER_H

GATHERS_S = 1.0
"""What meters show and the register wants is looked at once a second."""


@dataclass(frozen=True, eq=False)
class GatewayTerms:
    """Where gateways stand and whom they report to.

    Attributes:
        gcps: their connection points, ascending, (n,).
        meters: name of each point's certified meter.
        gateway: number of each gateway's address, (n,).
        meter: number of each meter's address, (n,).
        device: number of the address of the resources behind each point, (n,).
        register: address of the Flexibility Register.
        reports_every_h: hours between reports, counted from the start of the world's clock; the last hour of an order is reported at once.
        listens_s: how long after the end of an hour its reading is there.
        retries_s: time until what was not acknowledged is sent again after the last hour.
        tries: how often.
        gathers_s: how long orders are gathered.
    """

    gcps: tuple[str, ...]
    meters: tuple[str, ...]
    gateway: I64
    meter: I64
    device: I64
    register: str
    reports_every_h: int = 1
    listens_s: float = 60.0
    retries_s: float = 600.0
    tries: int = 12
    gathers_s: float = 10.0


class Pgui(Party):
    """A population of gateways; row i is connection point i.

    Args:
        seat: place in the world.
        gateways: their memories and keys.
        store: readings of the meters.
        terms: see there.
    """

    def __init__(self, seat: Seat, gateways: Sequence[Gateway], store: MeterStore, terms: GatewayTerms) -> None:
        super().__init__(seat)
        self._gateways = list(gateways)
        self._store = store
        self._terms = terms
        self._row_of = {number: row for row, number in enumerate(terms.gateway.tolist())}
        self._shown = np.full(len(terms.gcps), -1, np.int64)
        self._orders: dict[str, list[Batch[MeteringOrder]]] = {}
        self._ends: dict[int, set[int]] = {}

    def _rows(self, numbers: I64) -> I64:
        return np.array([self._row_of[number] for number in numbers.tolist()], np.int64)

    @handles(MeteringOrder)
    @gathers(GATHERS_S)
    def take_order(self, batch: Batch[MeteringOrder]) -> Process | None:
        """Measure for whoever the register asks for; nobody else orders that."""
        register = self.directory.number(self._terms.register)
        for row in np.flatnonzero(batch.sender != register).tolist():
            refuse(self, batch, row, ", ".join(batch["gcps"][row]), "only the register orders measurements")
        mine = np.flatnonzero(batch.sender == register)
        if not len(mine):
            return None
        waiting = self._orders.setdefault(batch.conversation, [])
        waiting.append(batch.take(mine))
        return self._begin(batch.conversation) if len(waiting) == 1 else None

    def _begin(self, conversation: str) -> Process:
        """Orders to many gateways arrive one after the other; they are measured together."""
        yield self.sleep(self._terms.gathers_s)
        found = self._orders.pop(conversation)
        rows, from_ms, to_ms = (np.concatenate(part) for part in zip(
            *((self._rows(one.receiver), one["from_ms"], one["to_ms"]) for one in found), strict=True
        ))  # fmt: skip
        for end_ms in np.unique(to_ms).tolist():
            self._ends.setdefault(end_ms, set()).update(rows[to_ms == end_ms].tolist())
        yield from self._measure(rows, from_ms, to_ms, conversation)

    def _measure(self, rows: I64, from_ms: I64, to_ms: I64, conversation: str) -> Process:
        """Show every finished hour of the period to the gateways, and see that the register gets it."""
        listens_ms = round(self._terms.listens_s * 1000)
        for hour_ms in range(int(from_ms.min()), int(to_ms.max()), MS_PER_H):
            yield self.until(hour_ms + MS_PER_H + listens_ms)
            self._show(rows[(from_ms <= hour_ms) & (hour_ms < to_ms)], hour_ms, conversation)
        for _ in range(self._terms.tries):
            yield self.sleep(self._terms.retries_s)
            late = [row for row in rows.tolist() if self._gateways[row].sent < len(self._gateways[row].readings)]
            if not late:
                return
            self.start(self._report(np.array(late, np.int64), conversation))

    def _show(self, rows: I64, hour_ms: int, conversation: str) -> None:
        """Step 1.4: what the meters counted in an hour; one that was not read shows nothing."""
        rows = rows[self._shown[rows] < hour_ms]
        kw = self._store.read([self._terms.meters[row] for row in rows.tolist()], hour_ms, hour_ms + MS_PER_H)
        there: Bool = np.asarray(~np.isnan(kw).any(axis=1))
        rows, kwh = rows[there], kw[there] * self._store.timeline.hours
        self._shown[rows] = hour_ms
        if not len(rows):
            return
        columns = {
            "gcp": _texts(self._terms.gcps, rows), "hour_ms": np.full(len(rows), hour_ms, np.int64),
            "consumption_kwh": _above(kwh), "production_kwh": _above(-kwh),
        }  # fmt: skip
        self.send_batch(MeterReading, columns, self._terms.meter[rows], self._terms.gateway[rows], conversation)

    @handles(SetPointReading)
    @gathers(GATHERS_S)
    def keep_set_point(self, batch: Batch[SetPointReading]) -> None:
        """What the resources behind a point were ordered and will do; the reading of the hour says it, signed."""
        for k, (row, record) in enumerate(zip(self._rows(batch.receiver).tolist(), batch.records(), strict=True)):
            if batch.sender[k] != self._terms.device[row]:
                refuse(self, batch, k, record.activation, "a gateway hears of the resources behind its own point only")
            else:
                point = SetPoint(record.direction == "up", record.from_ms, record.to_ms, record.change_kw)
                self._gateways[row].set(record.activation, point)

    @handles(MeterReading)
    @gathers(GATHERS_S)
    def keep_reading(self, batch: Batch[MeterReading]) -> Process:
        """Chain what a meter shows to its own gateway, and report it when a report is due: one signature binds all hours since the last."""
        rows = self._rows(batch.receiver)
        own = self._terms.meter[rows] == batch.sender
        for row in np.flatnonzero(~own).tolist():
            refuse(self, batch, row, batch["gcp"][row], "a gateway reads its own meter only")
        shown = (batch[name][own].tolist() for name in ("hour_ms", "consumption_kwh", "production_kwh"))
        for row, *reading in zip(rows[own].tolist(), *shown, strict=True):
            self._gateways[row].read(*reading)
        ends_ms, every_ms = batch["hour_ms"][own] + MS_PER_H, self._terms.reports_every_h * MS_PER_H
        due = [
            row
            for row, end_ms in zip(rows[own].tolist(), ends_ms.tolist(), strict=True)
            if end_ms % every_ms == 0 or row in self._ends.get(end_ms, ())
        ]
        return self._report(np.array(due, np.int64), batch.conversation)

    def _report(self, rows: I64, conversation: str) -> Process:
        """Step 1.5: send what the register is not known to have; it has what it acknowledges."""
        unsent = np.array([self._gateways[row].unsent for row in rows.tolist()], np.int64)
        made = [(rows[unsent == length], length) for length in np.unique(unsent[unsent > 0]).tolist()]
        reports = [report_columns([self._gateways[row] for row in some.tolist()]) for some, _ in made]
        for (some, length), columns in zip(made, reports, strict=True):
            sent = self.send_batch(
                MeasurementReport,
                columns,
                self._terms.gateway[some],
                self.numbers([self._terms.register]),
                conversation,
            )
            outcome = yield self.confirm(sent)
            for row, number, status in zip(some.tolist(), columns["number"].tolist(), outcome.status, strict=True):
                if status == "acknowledged":
                    self._gateways[row].sent = max(self._gateways[row].sent, number + length)

    @handles(MeasurementRefusal)
    @gathers(GATHERS_S)
    def go_back(self, batch: Batch[MeasurementRefusal]) -> None:
        """Send again from where the register stands, with the next report."""
        register = self.directory.number(self._terms.register)
        for k, row in enumerate(self._rows(batch.receiver).tolist()):
            record = batch.one(k)
            if batch.sender[k] != register:
                refuse(self, batch, k, record.gcp, "only the register refuses reports")
                continue
            self._gateways[row].sent = min(record.next_number, len(self._gateways[row].readings))
            self.register("refused_measurements").add(
                t_ms=self.now_ms, gcp=record.gcp, next_number=record.next_number, reason=record.reason
            )


def _texts(names: Sequence[str], rows: I64) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    column = np.empty(len(rows), object)
    column[:] = [names[row] for row in rows.tolist()]
    return column


def _above(kwh: F64) -> F64:
    """Energy in one direction, (rows, steps) -> (rows,)."""
    return np.asarray(np.maximum(kwh, 0.0).sum(axis=1))
