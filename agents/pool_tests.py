"""Prequalification of pools by whoever is responsible, TSO or DSO: real activations, measured, and a decision (SUC08.1, SUC10.1).

In two hours that the DSO of its network names a pool is activated upward, then downward. Before each hour it says what it can do and which baseline it would
follow; what it says is ordered, its devices move, the gateways at its points measure and sign what devices were set to, and the register shows the operator the
hour. Where both operators test a pool, they test it in the same hours, and each holds the same activation against its own reading.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.flexibility_picture import Picture
from agents.report_check import measured_answers, set_points
from environment.messages.delivery import MeasurementQuery, MeteringOrder
from environment.messages.flexibility_register import (
    PoolQualification,
    PoolRegistration,
    PoolTest,
    PoolTestAnswer,
    PoolTestHours,
    PoolTestOrder,
)
from environment.office import Desk
from environment.party import Process
from environment.units import MS_PER_H, Direction
from markets.balancing.pool_tests import Trial, missed_kw, shortcomings

WAYS: tuple[Direction, Direction] = ("up", "down")
READS_S, READINGS = 180.0, 4
"""How long after the hour measurements are asked for, and how often: gateways send again what the register did not acknowledge."""
AGAIN_S = 600.0
"""Time between two such questions."""
WAITS_S = 120.0
"""How long an answer of the register is waited for."""


@dataclass(frozen=True)
class Prequalification:
    """How pools are tested.

    Attributes:
        least_kw: least power of a pool in one direction.
        announced_s: how long before its hour a test is announced.
        answers_within_s: time in which the pool must say what it can do.
        share: part of what it says that is ordered.
        tolerance: part of an order that may be missing.
        point_kw: what the baseline of a home misses.
        point_share: part of its power that the baseline of a plant misses.
    """

    least_kw: float
    announced_s: float
    answers_within_s: float
    share: float
    tolerance: float
    point_kw: float
    point_share: float


@dataclass(frozen=True)
class Examiner:
    """Who tests, and how it reaches others.

    Attributes:
        desk: desk of the responsible operator.
        service: that it qualifies for.
        known: what it knows of points and pools.
        tests: how it tests.
        cbp: address of the platform.
        register: address of the register.
        system: its own system that speaks.
    """

    desk: Desk
    service: str
    known: Picture
    tests: Prequalification
    cbp: str
    register: str
    system: str

    def examines(self, pool: PoolRegistration, hours: PoolTestHours, conversation: str) -> Process:
        """Test a pool in both directions and tell the decision; one that is registered anew meanwhile is decided on with that registration alone."""
        party, tests, held = self.desk.party, self.tests, self.known.pools[pool.pool]
        wrong, trials = self._strange(pool) or ([hours.reason] if hours.reason else []), list[Trial]()
        ordered: list[tuple[PoolTestAnswer, float]] = []
        for number, way in enumerate(WAYS if not wrong else ()):
            share = min(tests.share, hours.up_share if way == "up" else hours.down_share)
            answer, reason = yield from self._activation(
                pool, way, hours.from_ms + number * MS_PER_H, share, conversation
            )
            ordered += [(answer, share * answer.stated_kw)] if answer is not None else []
            wrong += [reason] if reason else []
        for answer, kw in ordered:
            yield party.until(answer.from_ms + MS_PER_H + round(READS_S * 1000))
            metered_kw, set_kw = yield from self._metered(answer)
            moved_kw = (answer.baseline_kw - metered_kw) * (1.0 if answer.direction == "up" else -1.0)
            trials.append(Trial(_way(answer), answer.stated_kw, kw, moved_kw, set_kw, self._missed_kw(answer)))
        if self.known.pools.get(pool.pool) is not held:
            return
        if not wrong:
            wrong = shortcomings(trials, least_kw=tests.least_kw, tolerance=tests.tolerance)
        decided = PoolQualification(
            pool=pool.pool, bsp=pool.bsp, by=party.name, service=self.service, qualified=not wrong, reason="; ".join(wrong)
        )  # fmt: skip
        self.known.pools[pool.pool].services[self.service] = decided.qualified
        self._note(decided, trials)
        yield from self.desk.deliver(decided, self.cbp, conversation, self.system)

    def _strange(self, pool: PoolRegistration) -> list[str]:
        """What stands against a pool before it is tested."""
        known = self.known
        strange = [gcp for gcp in pool.points if gcp not in known.static or known.static[gcp].bsp != pool.bsp]
        wrong = [f"{', '.join(strange[:3])}: not validated for {pool.bsp}"] if strange else []
        up_kw, down_kw = known.validated_kw(pool.points)
        if max(up_kw, -down_kw) < self.tests.least_kw:
            wrong.append(f"{max(up_kw, -down_kw):.1f} kW validated, at least {self.tests.least_kw:g} kW are asked for")
        return wrong

    def _activation(
        self, pool: PoolRegistration, way: Direction, from_ms: int, share: float, conversation: str
    ) -> Process:
        """One direction: announce, hear, order; gives the answer, None if nothing was ordered, and what is wrong with it."""
        party, tests = self.desk.party, self.tests
        to_ms, until_ms = from_ms + MS_PER_H, from_ms - round((tests.announced_s - tests.answers_within_s) * 1000)
        yield party.until(from_ms - round(tests.announced_s * 1000))
        call = PoolTest(
            pool=pool.pool, bsp=pool.bsp, by=party.name, service=self.service, direction=way, from_ms=from_ms, to_ms=to_ms,
            answer_ms=until_ms,
        )  # fmt: skip
        party.start(self.desk.deliver(call, self.cbp, conversation, self.system, until_ms))
        answer = yield from self._answer(pool.pool, way, from_ms, until_ms, conversation)
        if answer is None:
            return None, f"{way}: no answer to the test call within {tests.answers_within_s:g} s"
        foreign = sorted(set(answer.points) - set(pool.points))
        if foreign:
            return None, f"{', '.join(foreign[:3])} answered, but are not in the pool"
        if answer.stated_kw <= 0.0:
            return None, ""
        if share <= 0.0:
            return None, f"{way}: the network bears no test of it"
        order = PoolTestOrder(
            pool=pool.pool, bsp=pool.bsp, by=party.name, service=self.service, direction=way, from_ms=from_ms, to_ms=to_ms,
            ordered_kw=share * answer.stated_kw,
        )  # fmt: skip
        self.known.tested_ms.add(from_ms)
        party.start(self.desk.deliver(order, self.cbp, conversation, self.system, from_ms))
        metering = MeteringOrder(gcps=answer.points, from_ms=from_ms, to_ms=to_ms)
        party.start(self.desk.deliver(metering, self.register, self._talk(answer), until_ms=to_ms))
        return answer, ""

    def _answer(self, pool: str, way: Direction, from_ms: int, until_ms: int, conversation: str) -> Process:
        """What a pool says to a call; others, and what comes twice, are passed over."""
        while True:
            came = yield self.desk.party.receive(PoolTestAnswer, conversation, until_ms)
            if not came:
                return None
            for one in came.records():
                if (one.pool, one.direction, one.from_ms) == (pool, way, from_ms):
                    return one

    def _talk(self, answer: PoolTestAnswer) -> str:
        """The conversation in which the hour of a test is measured."""
        return f"test:{self.desk.party.name}:{answer.pool}:{answer.from_ms}"

    def _metered(self, answer: PoolTestAnswer) -> Process:
        """Net load in the hour of the points that take part, and what they were set to change, from the register; NaN if it cannot be had of all."""
        party, left, total, set_kw = self.desk.party, list(answer.points), 0.0, 0.0
        for attempt in range(READINGS):
            if attempt:
                yield party.sleep(AGAIN_S)
            asked = [MeasurementQuery(gcp=gcp, from_ms=answer.from_ms, to_ms=answer.from_ms + MS_PER_H) for gcp in left]
            answers = yield party.ask(asked, [self.register] * len(asked), self._talk(answer), timeout_s=WAITS_S)
            whole = {gcp: one for gcp, one in measured_answers(answers).items() if not one.is_missing.any()}
            total += sum(float(one.consumption_kwh[0] - one.production_kwh[0]) for one in whole.values())
            set_kw += sum(float(kw[0]) for (_, _, way), kw in set_points(whole).items() if way == answer.direction)
            left = [gcp for gcp in left if gcp not in whole]
            if not left:
                return total, set_kw
        return np.nan, np.nan

    def _missed_kw(self, answer: PoolTestAnswer) -> float:
        """What the baseline of the points that take part may miss."""
        known = [self.known.static[gcp] for gcp in answer.points if gcp in self.known.static]
        powers = [max(one.validated_up_kw, -one.validated_down_kw) for one in known]
        return missed_kw(powers, point_kw=self.tests.point_kw, share=self.tests.point_share)

    def _note(self, decided: PoolQualification, trials: Sequence[Trial]) -> None:
        """What was stated, ordered and measured, downward below 0."""
        of = {one.direction: one for one in trials}
        none = Trial("up", 0.0, 0.0, np.nan, np.nan, 0.0)
        up, down = of.get("up", none), of.get("down", none)
        party = self.desk.party
        party.register("pool_tests").add(
            t_ms=party.now_ms, pool=decided.pool, service=decided.service, by=decided.by, up_kw=up.ordered_kw, down_kw=-down.ordered_kw,
            answered_up_kw=up.stated_kw, answered_down_kw=-down.stated_kw, measured_up_kw=up.measured_kw, measured_down_kw=-down.measured_kw, set_up_kw=up.set_kw, set_down_kw=-down.set_kw,
            qualified=decided.qualified, reason=decided.reason,
        )  # fmt: skip


def _way(answer: PoolTestAnswer) -> Direction:
    return "up" if answer.direction == "up" else "down"
