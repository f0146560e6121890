"""An attacker: a connection to the public network, all that is public, and no key but its own.

It knows the directory and the message classes, hears what passes between parties (what is not personal is not encrypted in the model, SUC06.2/SEC-2)
and puts messages on the wire under other names: made up, repeated, or with one field changed. What it lacks is the keys of others.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from agents.strategies.intrusion import altered, notices, signals
from data.arrays import I64, U64
from environment.chance import name_hash
from environment.messages.activation import ActivationRequest, ActivationSignal
from environment.messages.base import Batch, Record, columns_of
from environment.messages.digest import GOLDEN, digest_rows, mix
from environment.messages.procurement import EngagementRequest
from environment.party import Party, Process, Seat
from environment.wire import sign
from environment.wiretap import Heard, Wiretap

NOTICE_MS = 900_000
"""How far ahead it orders: the notice that products of the day give, so that receivers find nothing unusual."""


@dataclass(frozen=True)
class Plan:
    """One kind of attack and when it is tried.

    Attributes:
        name: distinguishes it from others of the attacker.
        kind: forge, replay or alter.
        record: class of the messages.
        claimed: address that made-up messages state as their sender.
        senders: addresses whose true messages are used.
        targets: addresses that receive made-up messages, or whose post is repeated, altered or imitated; none: whoever it went to.
        at_ms: instants of the attempts.
        within_ms: how old what was heard may be.
        field: the field that is changed.
        by: factor on its number.
        value: what it becomes.
        kw: power that a made-up message orders.
        words: what a message that imitates a true one says otherwise, by field.
    """

    name: str
    kind: Literal["forge", "replay", "alter"]
    record: type[Record]
    claimed: str
    senders: I64
    targets: I64
    at_ms: Sequence[int]
    within_ms: int
    field: str = ""
    by: float | None = None
    value: float | str | None = None
    kw: float | None = None
    words: tuple[tuple[str, float | str], ...] = ()

    def hears(self) -> set[str]:
        """Names of the records that it has to listen for."""
        made_of: dict[type[Record], set[str]] = {
            ActivationRequest: {EngagementRequest.__name__},
            ActivationSignal: set(),
        }
        itself = {self.record.__name__}
        return made_of.get(self.record, itself) if self.kind == "forge" else itself


class Attacker(Party):
    """Tries what it was told to try, and notes each attempt; what became of it, only the journal knows.

    Args:
        seat: place in the world.
        tap: what it hears and puts on the wire.
        plans: what it tries.
        step_ms: length of a metering period, which is public.
    """

    def __init__(self, seat: Seat, tap: Wiretap, plans: Sequence[Plan], step_ms: int) -> None:
        super().__init__(seat)
        self._tap = tap
        self._plans = plans
        self._step_ms = step_ms

    def processes(self) -> Iterable[Process]:
        """One life for each plan."""
        return [self.attempt(plan) for plan in self._plans]

    def attempt(self, plan: Plan) -> Process:
        """Try a plan at each of its instants."""
        for at_ms in plan.at_ms:
            yield self.until(at_ms)
            made = list(self._made(plan))
            for batch, signature in made:
                self._tap.put(batch, signature)
                self._note(plan, batch)
            if not made:
                self._note(plan, None)

    def _made(self, plan: Plan) -> Iterator[tuple[Batch[Any], U64]]:
        if plan.kind == "forge":
            batch = self._forged(plan)
            if batch is not None:
                digest = digest_rows(batch.record.__name__, batch.columns)
                yield batch, sign(self.ring.of(batch.sender), digest, batch.ids)
            return
        for one in self._heard(plan, self.now_ms - plan.within_ms):
            rows = np.isin(one.batch.sender, plan.senders)
            if len(plan.targets):
                rows &= np.isin(one.batch.receiver, plan.targets)
            if rows.any():
                batch = one.batch.take(np.flatnonzero(rows))
                yield (
                    batch if plan.kind == "replay" else altered(batch, plan.field, plan.by, plan.value),
                    one.signature[rows],
                )

    def _heard(self, plan: Plan, from_ms: int) -> list[Heard]:
        """What passed in [from_ms, now) of what the plan is made of."""
        return [one for record in sorted(plan.hears()) for one in self._tap.between(record, from_ms, self.now_ms)]

    def _forged(self, plan: Plan) -> Batch[Any] | None:
        """Messages of its own making; None if it has heard of nothing to make them of."""
        name = f"{self.name}/{plan.name}/{self.now_ms}"
        batch = (
            self._ordering(plan, name) if plan.record in (ActivationRequest, ActivationSignal) else self._imitated(plan)
        )
        if batch is not None:
            batch.sender = np.full(len(batch), self.directory.number(plan.claimed), np.int64)
            batch.ids = mix(np.arange(len(batch), dtype=np.uint64) * np.uint64(GOLDEN) + np.uint64(name_hash(name)))
        return batch

    def _ordering(self, plan: Plan, name: str) -> Batch[Any] | None:
        """Dispatch notices for the contracts that it has heard of, or signals to devices."""
        from_ms = -(-(self.now_ms + NOTICE_MS) // self._step_ms) * self._step_ms
        if plan.record is ActivationSignal:
            targets = plan.targets
            columns = signals(len(targets), name, from_ms, self._step_ms / 1000.0, plan.kw)
        else:
            engaged = (record for one in self._heard(plan, 0) for record in one.batch.records())
            orders = notices(engaged, plan.claimed.partition("/")[0], name, from_ms, plan.kw)
            if not orders:
                return None
            columns = columns_of(orders)
            targets = np.full(len(orders), plan.targets[0], np.int64)
        return Batch(plan.record, targets, targets, columns, f"SUC06.2/1:{plan.claimed}:{name}")

    def _imitated(self, plan: Plan) -> Batch[Any] | None:
        """The last true message of its kind (to its target, if it has one), to the same receiver, with some words of its own."""
        for one in reversed(self._heard(plan, 0)):
            mine = np.isin(one.batch.receiver, plan.targets) if len(plan.targets) else np.ones(len(one.batch), bool)
            if mine.any():
                batch = one.batch.take(np.flatnonzero(mine)[-1:])
                for name, value in plan.words:
                    batch = altered(batch, name, None, value)
                return batch
        return None

    def _note(self, plan: Plan, batch: Batch[Any] | None) -> None:
        """One row for each message of an attempt, or one that says that there was nothing to make it of."""
        note = partial(
            self.register("attacks").add, t_ms=self.now_ms, attacker=self.name, kind=plan.kind, record=plan.record.__name__,
            field=plan.field,
        )  # fmt: skip
        if batch is None:
            note(claimed=plan.claimed, target="", message_id=np.uint64(0))
        else:
            names = np.array(self.directory.names, object)
            note(claimed=names[batch.sender], target=names[batch.receiver], message_id=batch.ids)
