"""Prequalification of pools by whoever is responsible, TSO or DSO: a call, an answer within a time, a decision (SUC08.1, SUC10.1)."""

from dataclasses import dataclass

from agents.flexibility_picture import Picture
from environment.messages.flexibility_register import PoolQualification, PoolRegistration, PoolTest, PoolTestAnswer
from environment.office import Desk
from environment.party import Process


@dataclass(frozen=True)
class Prequalification:
    """How pools are tested.

    Attributes:
        least_kw: least power of a pool in one direction.
        answers_within_s: time in which it must answer a call.
        share: part of its validated power that a call asks for.
    """

    least_kw: float
    answers_within_s: float
    share: float


def wanted_kw(validated_kw: tuple[float, float], tests: Prequalification) -> tuple[float, float]:
    """What a test calls of a pool, upward and downward (at most 0)."""
    return validated_kw[0] * tests.share, validated_kw[1] * tests.share


def judged(
    pool: PoolRegistration, service: str, by: str, known: Picture, called_kw: tuple[float, float], answer: PoolTestAnswer | None,
    tests: Prequalification,
) -> PoolQualification:  # fmt: skip
    """The decision on a pool, with everything that stands against it.

    Args:
        pool: what was registered.
        service: that it is tested for.
        by: who decides.
        known: what that party knows of points.
        called_kw: what was called.
        answer: what came in time; None for nothing.
        tests: how pools are tested.
    """
    up_kw, down_kw = known.validated_kw(pool.points)
    strange = [gcp for gcp in pool.points if gcp not in known.static or known.static[gcp].bsp != pool.bsp]
    wrong = [f"{', '.join(strange[:3])}: not validated for {pool.bsp}"] if strange else []
    if max(up_kw, -down_kw) < tests.least_kw:
        wrong.append(f"{max(up_kw, -down_kw):.1f} kW validated, at least {tests.least_kw:g} kW are asked for")
    if answer is None:
        wrong.append(f"no answer to the test call within {tests.answers_within_s:g} s")
    else:
        foreign = sorted(set(answer.points) - set(pool.points))
        if foreign:
            wrong.append(f"{', '.join(foreign[:3])} answered, but are not in the pool")
        if answer.up_kw < called_kw[0] or -answer.down_kw < -called_kw[1]:
            wrong.append(
                f"it brings {answer.up_kw:.1f} and {answer.down_kw:.1f} kW of {called_kw[0]:.1f} and {called_kw[1]:.1f} kW called"
            )
    return PoolQualification(
        pool=pool.pool, bsp=pool.bsp, by=by, service=service, qualified=not wrong, reason="; ".join(wrong)
    )


def tested(
    desk: Desk, pool: PoolRegistration, service: str, known: Picture, tests: Prequalification, cbp: str, system: str, conversation: str
) -> Process:  # fmt: skip
    """Test a pool for a service and tell the decision: the process of the responsible operator's desk."""
    party = desk.party
    called = wanted_kw(known.validated_kw(pool.points), tests)
    until_ms = party.now_ms + round(tests.answers_within_s * 1000)
    call = PoolTest(
        pool=pool.pool,
        bsp=pool.bsp,
        by=party.name,
        service=service,
        up_kw=called[0],
        down_kw=called[1],
        answer_ms=until_ms,
    )
    yield from desk.deliver(call, cbp, conversation, system, until_ms)
    came = yield party.receive(PoolTestAnswer, conversation, until_ms)
    answer = came.one() if came else None
    decided = judged(pool, service, party.name, known, called, answer, tests)
    known.pools[pool.pool].services[service] = decided.qualified
    party.register("pool_tests").add(
        t_ms=party.now_ms, pool=pool.pool, service=service, by=party.name, up_kw=called[0], down_kw=called[1],
        answered_up_kw=answer.up_kw if answer else 0.0, answered_down_kw=answer.down_kw if answer else 0.0,
        qualified=decided.qualified, reason=decided.reason,
    )  # fmt: skip
    yield from desk.deliver(decided, cbp, conversation, system)
