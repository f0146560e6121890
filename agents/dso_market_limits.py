"""The desk of a DSO for the global market: what it uses itself and what its network admits, told before each session (SUC08.2/1, SUC10.3/1.4).

The technical platform hands plan and lights to the operator, who sends both to the Crowd Balancing Platform, and the lights to the TSO. A light that
changes later is told to the TSO at once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.arrays import F64, I64
from environment.messages.base import Batch, Record
from environment.messages.global_market import DsoConstraint, LocalPlan, SessionCall
from environment.office import Desk
from environment.party import Process, handles
from environment.refusals import refuse

PLATFORM = "dso-technical-platform"
WAYS = ("up", "down")
HOURS = 24


@dataclass(frozen=True, eq=False)
class DayLights:
    """The light of a perimeter on a day: numbers of colours, and capability at least 0, both up and down, (2, 24)."""

    colour: I64
    capability_kw: F64


@dataclass(frozen=True, eq=False)
class LocalUse:
    """What a DSO plans to use in a perimeter: need, up and down, (2, 24), and the aggregates that are to meet it."""

    needed_kw: F64
    aggregates: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LimitTerms:
    """How a DSO takes part.

    Attributes:
        tso: address of the TSO.
        cbp: address of the platform.
        lights: start of a day -> perimeter -> its light; of all its perimeters.
        plans: start of a day -> perimeter -> what it plans to use; where none is named it needs nothing.
        states_before_s: how long before their deadline it states its constraints.
        late_s: by how much it is late.
        restates_ms: (start of a day, instant at which what changed of its lights is told) of every update in the day.
    """

    tso: str
    cbp: str
    lights: Callable[[int], Mapping[str, DayLights]]
    plans: Callable[[int], Mapping[str, LocalUse]]
    states_before_s: float = 900.0
    late_s: float = 0.0
    restates_ms: Sequence[tuple[int, int]] = ()


class LimitDesk(Desk):
    """Plan and lights for the global market.

    Args:
        terms: how it takes part.
    """

    def __init__(self, terms: LimitTerms) -> None:
        self._terms = terms
        self._calls: dict[int, SessionCall] = {}
        self._planning: dict[str, str] = {}
        self._untold: dict[str, int] = {}
        self._stated = 0
        self._last: dict[tuple[int, str, str], DsoConstraint] = {}

    def processes(self) -> Iterable[Process]:
        """What changes in the day is told at once."""
        return [self._restate_at(from_ms, at_ms) for from_ms, at_ms in self._terms.restates_ms]

    def _restate_at(self, from_ms: int, at_ms: int) -> Process:
        yield self.party.until(at_ms)
        self.restate(from_ms)

    @handles(SessionCall)
    def hear_of_session(self, batch: Batch[SessionCall]) -> None:
        """Prepare for a session that the TSO calls."""
        for row, call in enumerate(batch.records()):
            if self.party.directory.names[batch.sender[row]] != self._terms.tso:
                refuse(self.party, batch, row, call.session, "only the TSO calls sessions")
                continue
            self._calls[call.from_ms] = call
            self.party.start(self._state(call, batch.conversation))

    def _state(self, call: SessionCall, conversation: str) -> Process:
        """Scenario 1: local planning and constraints of the day."""
        terms, party = self._terms, self.party
        yield party.until(call.constraints_by_ms - round((terms.states_before_s - terms.late_s) * 1000))
        talk = party.open("SUC08.2", "1", call.session, conversation)
        self._planning[talk] = conversation
        planned, nothing = terms.plans(call.from_ms), LocalUse(np.zeros((2, HOURS)), ())
        plans = [
            LocalPlan(
                dso=party.name, perimeter=name, direction=way, from_ms=call.from_ms, aggregates=planned.get(name, nothing).aggregates,
                needed_kw=planned.get(name, nothing).needed_kw[k],
            )
            for name in sorted(terms.lights(call.from_ms))
            for k, way in enumerate(WAYS)
        ]  # fmt: skip
        party.send(plans, [party.name] * len(plans), talk, PLATFORM)
        stated = self._statements(call.from_ms)
        self._untold[talk], stated_ms = len(plans) + len(stated), party.now_ms
        party.send(stated, [party.name] * len(stated), talk, PLATFORM)
        yield party.sleep(60.0)
        while self._untold[talk] and party.now_ms < call.from_ms:
            yield party.sleep(60.0)
        in_time = party.now_ms < call.gate_ms and not self._untold[talk]
        why = "the constraints were late" if stated_ms >= call.gate_ms else "the platform was not there before the gate"
        party.end(talk, *(("completed", "") if in_time else ("failed", why)))

    def _statements(self, from_ms: int, *, changed: bool = False) -> list[DsoConstraint]:
        """The lights of a day as statements, all or those that changed since they were stated."""
        found = []
        for name, light in sorted(self._terms.lights(from_ms).items()):
            for k, way in enumerate(WAYS):
                colour, capability = light.colour[k].astype(np.float64), light.capability_kw[k]
                before = self._last.get((from_ms, name, way))
                same = (
                    before is not None
                    and np.array_equal(before.colour, colour)
                    and np.array_equal(before.capability_kw, capability)
                )
                if changed and same:
                    continue
                self._stated += 1
                record = DsoConstraint(
                    constraint=f"{self.party.name}/{self._stated}", dso=self.party.name, perimeter=name, direction=way, from_ms=from_ms,
                    colour=colour, capability_kw=capability,
                )  # fmt: skip
                self._last[from_ms, name, way] = record
                found.append(record)
        return found

    @handles(LocalPlan)
    def send_plan(self, batch: Batch[LocalPlan]) -> Process:
        """SUC08.2/1.3: what the technical platform planned goes to the Crowd Balancing Platform."""
        return self._tell_platform([record for record, _ in self._own(batch)], batch.conversation)

    @handles(DsoConstraint)
    def send_constraints(self, batch: Batch[DsoConstraint]) -> Process:
        """SUC08.2/1.3 and SUC10.3/1.4: constraints go to the Crowd Balancing Platform and to the TSO."""
        own = self._own(batch)
        records = [record for record, _ in own]
        if own:
            self.party.send(records, [self._terms.tso] * len(records), own[0][1])
        return self._tell_platform(records, batch.conversation)

    def _tell_platform(self, records: Sequence[Record], conversation: str) -> Process:
        """Told again until it is there: what is stated while the platform is down comes late, and is not lost."""
        if records:
            yield from self.deliver(records, self._terms.cbp, conversation)
            self._untold[conversation] -= len(records)

    def _own(self, batch: Batch[Any]) -> list[tuple[Any, str]]:
        """What the own technical platform says in a planning under way, with the session's conversation; all else is refused on record."""
        platform, conversation = (
            self.party.directory.number(self.party.at(PLATFORM)),
            self._planning.get(batch.conversation),
        )
        found = []
        for row, record in enumerate(batch.records()):
            if conversation is None or batch.sender[row] != platform:
                refuse(self.party, batch, row, record.perimeter, "only the own technical platform plans and limits")
            else:
                found.append((record, conversation))
        return found

    def restate(self, from_ms: int) -> None:
        """Tell the TSO what changed of the lights of a day since they were stated."""
        if from_ms in self._calls:
            records = self._statements(from_ms, changed=True)
            if records:  # after its deadline, so in no conversation of the session
                self.party.send(records, [self._terms.tso] * len(records), f"changes:{self.party.name}:{from_ms}")
