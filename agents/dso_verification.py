"""The desk of a distribution system operator for verification: limits of perimeters kept or not (SUC10.4), and what BSPs report (SUC08.4).

For a day of delivery the DSO has the points in its perimeters measured, asks the TSO afterwards what limits, quantities and baselines there were, reads the
measurements from the register, and holds both plan and measurement against the limits: of each BSP by itself, so that who kept a limit is not accused of
what another did in the same perimeter. What was not measured accuses nobody.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from agents.report_check import Check, Key, ask, measured_answers, set_points, summed
from data.arrays import F64, Bool
from environment.messages.base import Batch
from environment.messages.delivery import (
    AcceptedFlexibility,
    ActivationLimits,
    DeliveryEnded,
    FinalReport,
    MeasurementQuery,
    MeteringOrder,
    PerimeterBaseline,
    PreliminaryReport,
    VerificationOutcome,
    VerificationRefusal,
    VerificationRequest,
)
from environment.office import Desk
from environment.party import Process, Work, act, handles
from environment.refusals import refuse
from environment.units import MS_PER_H
from markets.balancing.delivery import tolerance_kw
from markets.verification import Compliance, perimeter_compliance, set_points_over_kw


@dataclass(frozen=True, eq=False)
class VerificationTerms:
    """What a DSO goes by.

    Attributes:
        days_ms: (start, end) of the days of delivery.
        tso: address of the TSO.
        register: address of the Flexibility Register.
        perimeters: its own.
        points: grid connection points in them that have a BSP, as its copy of the topology matrix has them.
        verifies_after_s: how long after a day it begins.
        waits_s: how long it waits for what the TSO sends.
        tolerance_times: multiple of the deviation of measurements from baselines without activation that proves nothing.
        tolerance_least_kw: the least tolerance.
        set_point_share: of a limit, by which what resources were set to may exceed it, for what providers ask in reserve.
        set_point_least_kw: the least excess of set-points that counts: providers call nobody for less.
        report_share: difference of a report that is let pass, of what was measured.
        report_least_kwh: the least difference that counts.
    """

    days_ms: Sequence[tuple[int, int]]
    tso: str
    register: str
    perimeters: tuple[str, ...]
    points: Callable[[], Sequence[str]]
    verifies_after_s: float = 7200.0
    waits_s: float = 300.0
    tolerance_times: float = 4.0
    tolerance_least_kw: float = 0.5
    set_point_share: float = 0.15
    set_point_least_kw: float = 0.1
    report_share: float = 0.05
    report_least_kwh: float = 0.1


@dataclass
class _Case:
    """A verification under way."""

    talk: str
    from_ms: int
    to_ms: int
    limits: dict[tuple[str, str, str], ActivationLimits] = field(default_factory=dict)
    accepted: dict[tuple[str, str, str], AcceptedFlexibility] = field(default_factory=dict)
    baselines: dict[Key, F64] = field(default_factory=dict)
    refused: str = ""
    metered: dict[Key, F64] = field(default_factory=dict)
    set_kw: dict[tuple[str, str, str], F64] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    points: tuple[str, ...] = ()

    @property
    def hours(self) -> int:
        """Length of vectors."""
        return (self.to_ms - self.from_ms) // MS_PER_H


class Verdict(NamedTuple):
    """Rows of what was compared, by perimeter, BSP and direction, and what came of it."""

    keys: list[tuple[str, str, str]]
    compliance: Compliance
    set_over_kw: F64


class VerificationDesk(Desk):
    """Verification at a DSO.

    Args:
        terms: see there.
    """

    def __init__(self, terms: VerificationTerms) -> None:
        self._terms = terms
        self._cases: dict[str, _Case] = {}
        self._checks: dict[str, Check] = {}

    def processes(self) -> Iterable[Process]:
        """One life a day of delivery."""
        return [self._verify(from_ms, to_ms) for from_ms, to_ms in self._terms.days_ms]

    # --- SUC10.4 -------------------------------------------------------------------------------------------------------

    def _verify(self, from_ms: int, to_ms: int) -> Process:
        terms, party = self._terms, self.party
        yield party.until(from_ms)
        points = tuple(sorted(terms.points()))
        if not points:
            return
        talk = party.open("SUC10.4", "1", f"day-{from_ms}")
        case = self._cases[talk] = _Case(talk, from_ms, to_ms)
        party.send(MeteringOrder(gcps=points, from_ms=from_ms, to_ms=to_ms), terms.register, talk)
        yield party.until(to_ms + round(terms.verifies_after_s * 1000))
        yield from self._request(case)
        if case.refused or not case.limits:
            party.end(talk, "refused" if case.refused else "failed", case.refused or "the TSO did not answer")
            return
        missed = yield from self._read(case, points)
        if missed:
            party.end(talk, "failed", missed)
            return
        outcomes = self.compliance_check(case)
        yield party.confirm(party.send(outcomes, [terms.tso] * len(outcomes), talk))
        party.end(talk)

    def _request(self, case: _Case) -> Process:
        """Steps 1.1 to 1.3: ask until the TSO has answered, a few times."""
        terms = self._terms
        asked = VerificationRequest(
            dso=self.party.name, perimeters=terms.perimeters, bsps=(), from_ms=case.from_ms, to_ms=case.to_ms
        )
        for _ in range(3):
            self.party.send(asked, terms.tso, case.talk)
            yield self.party.sleep(terms.waits_s)
            if case.refused or case.limits:
                return

    def _of(self, batch: Batch[Any]) -> _Case | None:
        """The case that a message of the TSO belongs to; others are refused on record."""
        case = self._cases.get(batch.conversation)
        tso = self.party.directory.number(self._terms.tso)
        for row in range(len(batch)):
            if case is None or batch.sender[row] != tso:
                refuse(self.party, batch, row, batch.conversation, "not the TSO, or nothing was asked")
                return None
        return case

    @handles(ActivationLimits)
    def take_limits(self, batch: Batch[ActivationLimits]) -> None:
        """Step 1.2."""
        case = self._of(batch)
        for one in batch.records() if case else ():
            assert case is not None
            case.limits[one.perimeter, one.bsp, one.direction] = one

    @handles(AcceptedFlexibility)
    def take_accepted(self, batch: Batch[AcceptedFlexibility]) -> None:
        """What was accepted (N6)."""
        case = self._of(batch)
        for one in batch.records() if case else ():
            assert case is not None
            case.accepted[one.perimeter, one.bsp, one.direction] = one

    @handles(PerimeterBaseline)
    def take_baselines(self, batch: Batch[PerimeterBaseline]) -> None:
        """Step 1.3."""
        case = self._of(batch)
        for one in batch.records() if case else ():
            assert case is not None
            case.baselines[one.bsp, one.perimeter] = one.net_kw

    @handles(VerificationRefusal)
    def take_refusal(self, batch: Batch[VerificationRefusal]) -> None:
        """The TSO has nothing to tell."""
        case = self._of(batch)
        if case:
            case.refused = str(batch["reason"][0])

    def _read(self, case: _Case, points: Sequence[str]) -> Process:
        """Step 1.7: hourly measurements of every point; gives the reason if they cannot be had."""
        asked = [MeasurementQuery(gcp=gcp, from_ms=case.from_ms, to_ms=case.to_ms) for gcp in points]
        answers = yield self.party.ask(
            asked, [self._terms.register] * len(asked), case.talk, timeout_s=self._terms.waits_s
        )
        found = measured_answers(answers)
        if len(found) < len(points):
            return f"measurements of {len(points) - len(found)} of {len(points)} points did not come"
        case.metered, case.missing = summed(found)
        case.set_kw = set_points(found)
        case.points = tuple(gcp for gcp, one in found.items() if not one.is_missing.all())
        return ""

    @act("compliance_check")
    def compliance_check(self, case: _Case) -> Work:
        """Step 1.8: limits of each perimeter against plan and measurement; gives an outcome a perimeter."""
        verdict = self._judge(case)
        outcomes = [self._outcome(case, perimeter, verdict) for perimeter in self._terms.perimeters]
        reads = [f"measurements/{gcp}" for gcp in case.points]
        return Work(outcomes, case.talk, reads, [f"verifications/{case.talk}"])

    def _judge(self, case: _Case) -> Verdict:
        keys = sorted(case.limits)
        none = np.zeros(case.hours)
        lost = np.full(case.hours, np.nan)
        baseline = np.array([case.baselines.get((bsp, perimeter), lost) for perimeter, bsp, _ in keys])
        metered = np.array([case.metered.get((bsp, perimeter), lost) for perimeter, bsp, _ in keys])
        accepted = np.array([case.accepted[key].accepted_kw if key in case.accepted else none for key in keys])
        limited = np.array([case.limits[key].is_limited > 0 for key in keys])
        limit = np.array([case.limits[key].limit_kw for key in keys])
        is_up = np.array([direction == "up" for _, _, direction in keys])
        active = self._active(case, keys)
        tolerance = tolerance_kw(
            baseline - metered, active, times=self._terms.tolerance_times, least_kw=self._terms.tolerance_least_kw
        )  # fmt: skip
        found = perimeter_compliance(
            np.nan_to_num(baseline), accepted, limited, limit, np.where(np.isnan(baseline), np.nan, metered), is_up,
            tolerance_kw=tolerance,
        )  # fmt: skip
        set_kw = np.array([case.set_kw.get(key, lost) for key in keys])
        set_over = set_points_over_kw(
            set_kw, limited, limit, share=self._terms.set_point_share, least_kw=self._terms.set_point_least_kw
        )
        for row, (perimeter, bsp, direction) in enumerate(keys):
            self.register("verifications").add(
                t_ms=case.from_ms + MS_PER_H * np.arange(case.hours, dtype=np.int64), verification=case.talk, dso=self.party.name,
                perimeter=perimeter, bsp=bsp, direction=direction, baseline_kw=baseline[row], metered_kw=metered[row],
                accepted_kw=accepted[row], is_limited=limited[row], limit_kw=limit[row], tolerance_kw=tolerance[row, 0],
                planned_over_kw=found.planned_over_kw[row], metered_over_kw=found.metered_over_kw[row],
                set_point_kw=set_kw[row], set_over_kw=set_over[row],
            )  # fmt: skip
        return Verdict(keys, found, set_over)

    @staticmethod
    def _active(case: _Case, keys: Sequence[tuple[str, str, str]]) -> Bool:
        """Hours in which a BSP was to deliver anything in a perimeter, in either direction."""
        called: dict[Key, F64] = {}
        for (perimeter, bsp, _), one in case.accepted.items():
            called[bsp, perimeter] = called.get((bsp, perimeter), np.zeros(case.hours)) + one.accepted_kw
        return np.array([called.get((bsp, perimeter), np.zeros(case.hours)) > 0 for perimeter, bsp, _ in keys])

    def _outcome(self, case: _Case, perimeter: str, verdict: Verdict) -> VerificationOutcome:
        rows = [row for row, (where, _, _) in enumerate(verdict.keys) if where == perimeter]
        found = verdict.compliance
        proven = ~found.is_positive | verdict.set_over_kw.any(axis=1)
        guilty = sorted({verdict.keys[row][1] for row in rows if proven[row]})
        return VerificationOutcome(
            perimeter=perimeter, from_ms=case.from_ms, to_ms=case.to_ms, is_positive=not guilty, exceeding=tuple(guilty),
            planned_over_kwh=float(found.planned_over_kw[rows].sum()), metered_over_kwh=float(found.metered_over_kw[rows].sum()),
            set_over_kwh=float(verdict.set_over_kw[rows].sum()),
            missing_hours=case.missing.get(perimeter, 0),
        )  # fmt: skip

    # --- SUC08.4 -------------------------------------------------------------------------------------------------------

    @handles(DeliveryEnded)
    def expect_report(self, batch: Batch[DeliveryEnded]) -> Process:
        """The TSO has opened the settlement of a BSP's day: check what it reports of the own perimeters."""
        record = batch.one()
        check = self._checks[batch.conversation] = Check(record)
        yield self.party.until(record.report_due_ms + 1)
        case = next((one for one in self._cases.values() if one.from_ms == record.from_ms), None)
        if case is None:
            return
        delivered = {
            perimeter: base - case.metered.get((record.bsp, perimeter), np.full(case.hours, np.nan))
            for (bsp, perimeter), base in case.baselines.items()
            if bsp == record.bsp
        }
        self.check_report(check, delivered, case.talk, batch.conversation)
        yield from ask(self.party, check, batch.conversation)

    @act("verification")
    def check_report(self, check: Check, delivered_kwh: Mapping[str, F64], own: str, conversation: str) -> Work:
        """Step 3: the report against the own measurements, those of the verification ``own``."""
        check.compare(self.party, delivered_kwh, self._terms.report_share, self._terms.report_least_kwh, conversation)
        return Work(None, conversation, [f"verifications/{own}"], [f"report_checks/{conversation}"])

    @handles(PreliminaryReport)
    def take_report(self, batch: Batch[PreliminaryReport]) -> None:
        """Step 2: reports that come in time."""
        check = self._checks.get(batch.conversation)
        if check is not None:
            check.take(self.party, batch)

    @handles(FinalReport)
    def take_final(self, batch: Batch[FinalReport]) -> None:
        """Step 5."""
        check = self._checks.get(batch.conversation)
        if check is not None:
            check.take_final(self.party, batch)
