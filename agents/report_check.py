"""What the operators share when they check a BSP's report: taking it in time, comparing it with what was measured, asking about differences (SUC08.4).

Each operator does it by itself, with its own measurements; these functions take the party that acts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data.arrays import F64, Bool
from environment.messages.base import Batch
from environment.messages.delivery import (
    Clarification,
    ClarificationRequest,
    DeliveryEnded,
    FinalReport,
    PointMeasurements,
    PreliminaryReport,
)
from environment.party import Party, Process
from environment.refusals import refuse
from environment.requests import Answers
from environment.units import MS_PER_H
from markets.verification import discrepancies

Key = tuple[str, str]
"""BSP and perimeter."""


@dataclass
class Check:
    """The report of one BSP about one period, as one operator sees it; vectors of hours by perimeter.

    Attributes:
        period: which, with its deadlines.
        reported: preliminary report.
        measured: by the operator itself, NaN: not.
        is_open: hours in question.
        accepts: hours in which the BSP took what was measured.
        final: final report.
    """

    period: DeliveryEnded
    reported: dict[str, F64] = field(default_factory=dict)
    measured: dict[str, F64] = field(default_factory=dict)
    is_open: dict[str, Bool] = field(default_factory=dict)
    accepts: dict[str, Bool] = field(default_factory=dict)
    final: dict[str, F64] = field(default_factory=dict)

    @property
    def hours(self) -> int:
        """Length of vectors."""
        return (self.period.to_ms - self.period.from_ms) // MS_PER_H

    def take(self, party: Party, batch: Batch[PreliminaryReport]) -> None:
        """Keep preliminary reports of the BSP about perimeters of the period that came in time; the last one counts."""
        for row, one in enumerate(batch.records()):
            reason = self._fault(party, batch, row, one, self.period.report_due_ms)
            if reason:
                refuse(party, batch, row, one.perimeter, reason)
            else:
                self.reported[one.perimeter] = one.delivered_kwh

    def take_final(self, party: Party, batch: Batch[FinalReport]) -> None:
        """Keep final reports that came in time; the last one counts."""
        for row, one in enumerate(batch.records()):
            reason = self._fault(party, batch, row, one, self.period.final_due_ms)
            if reason:
                refuse(party, batch, row, one.perimeter, reason)
            else:
                self.final[one.perimeter] = one.delivered_kwh

    def _fault(
        self, party: Party, batch: Batch[Any], row: int, one: PreliminaryReport | FinalReport, due_ms: int
    ) -> str:
        sender = party.directory.addresses[int(batch.sender[row])].operator
        if sender != self.period.bsp or one.bsp != sender:
            return f"{sender} does not report for {self.period.bsp}"
        if one.perimeter not in self.period.perimeters:
            return "nothing was activated there"
        if one.from_ms != self.period.from_ms or len(one.delivered_kwh) != self.hours:
            return "it is about another period"
        late_ms = int(batch.received_ms[row]) - due_ms
        return f"it came {late_ms / 1000:.0f} s after it was due" if late_ms >= 0 else ""

    def compare(
        self, party: Party, measured_kwh: Mapping[str, F64], share: float, least_kwh: float, conversation: str
    ) -> None:
        """Hold what was reported against what was measured; of a perimeter without report nothing counts as reported."""
        none = np.zeros(self.hours)
        for perimeter in self.period.perimeters:
            reported = self.reported.get(perimeter, none)
            measured = measured_kwh.get(perimeter, np.full(self.hours, np.nan))
            found = discrepancies(reported, measured, tolerance_share=share, tolerance_kwh=least_kwh)
            self.measured[perimeter], self.is_open[perimeter] = measured, found.is_open
            self.accepts[perimeter] = np.zeros(self.hours, bool)
            party.register("report_checks").add(
                t_ms=self.period.from_ms + MS_PER_H * np.arange(self.hours, dtype=np.int64), conversation=conversation,
                operator=party.name, bsp=self.period.bsp, perimeter=perimeter, reported_kwh=reported, measured_kwh=measured,
                is_open=found.is_open,
            )  # fmt: skip


def ask(party: Party, check: Check, conversation: str) -> Process:
    """Step 4: ask about everything that is open, and wait for answers until they are due."""
    period = check.period
    wanted = [perimeter for perimeter in period.perimeters if check.is_open[perimeter].any()]
    left_s = (period.clarification_due_ms - party.now_ms) / 1000.0
    if not wanted or left_s <= 0:
        return
    none = np.zeros(check.hours)
    questions = [
        ClarificationRequest(
            bsp=period.bsp, perimeter=perimeter, from_ms=period.from_ms, step_s=MS_PER_H / 1000.0,
            is_open=check.is_open[perimeter].astype(np.float64), reported_kwh=check.reported.get(perimeter, none),
            measured_kwh=np.nan_to_num(check.measured[perimeter]), is_missing=np.isnan(check.measured[perimeter]).astype(np.float64),
            due_ms=period.clarification_due_ms,
        )
        for perimeter in wanted
    ]  # fmt: skip
    answers = yield party.ask(questions, [period.bsp] * len(questions), conversation, timeout_s=left_s)
    for one in (record for batch in answers.batches for record in batch.records()):
        if isinstance(one, Clarification) and one.perimeter in wanted and len(one.accepts) == check.hours:
            check.accepts[one.perimeter] = (one.accepts > 0) & check.is_open[one.perimeter]
    party.register("clarifications").add(
        t_ms=party.now_ms, conversation=conversation, operator=party.name, bsp=period.bsp, perimeter=wanted,
        hours=np.array([int(check.is_open[one].sum()) for one in wanted], np.int64),
        accepted=np.array([int(check.accepts[one].sum()) for one in wanted], np.int64), answer=list(answers.status),
    )  # fmt: skip


def measured_answers(answers: Answers) -> dict[str, PointMeasurements]:
    """Measurements by point, of the questions that were answered with such."""
    return {
        one.gcp: one
        for batch in answers.batches
        if batch.record is PointMeasurements
        for one in batch.records()
    }  # fmt: skip


def set_points(found: Mapping[str, PointMeasurements]) -> dict[tuple[str, str, str], F64]:
    """What the points of each BSP in each perimeter were set to change [kW], at least 0, by perimeter, BSP and direction; hours that miss a point NaN."""
    total: dict[tuple[str, str, str], F64] = {}
    for one in found.values():
        for way, kwh in (("up", one.set_up_kwh), ("down", one.set_down_kwh)):
            kw = np.where(one.is_missing > 0, np.nan, kwh * 3600.0 / one.step_s)
            key = one.perimeter, one.bsp, way
            total[key] = total[key] + kw if key in total else kw
    return total


def summed(found: Mapping[str, PointMeasurements]) -> tuple[dict[Key, F64], dict[str, int]]:
    """Net load of each BSP in each perimeter [kW], hours that miss a point NaN; and the missing hours by perimeter.

    Args:
        found: measurements by point, of one period.
    """
    total: dict[Key, F64] = {}
    missing: dict[str, int] = {}
    for one in found.values():
        net = (one.consumption_kwh - one.production_kwh) * 3600.0 / one.step_s
        net = np.where(one.is_missing > 0, np.nan, net)
        key = one.bsp, one.perimeter
        total[key] = total[key] + net if key in total else net
        missing[one.perimeter] = missing.get(one.perimeter, 0) + int(one.is_missing.sum())
    return total, missing
