"""What activations ask of homes, which of it homes follow, and what they will deliver."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.arrays import F64, I64, Bool
from environment.calendar import Timeline
from environment.messages.activation import ActivationSignal
from environment.messages.aggregation import AggregationCycle
from environment.messages.base import Batch, joined


@dataclass
class Delivery:
    """Homes that follow one signal, from when on, what power they had planned, and whose generation is part of it (1) or not (0)."""

    conversation: str
    activation: str
    rows: I64
    from_ms: int
    planned_kw: F64
    generation: F64

    def by(self, homes: Bool) -> "Delivery":
        """What some of them deliver."""
        rows, kw = self.rows[homes], self.planned_kw[homes]
        return Delivery(self.conversation, self.activation, rows, self.from_ms, kw, self.generation[homes])


@dataclass(frozen=True)
class Order:
    """What one activation asks of homes: by how much their net load has to leave the plan, (rows, steps), times the sign of "up"."""

    conversation: str
    activation: str
    rows: I64
    from_ms: int
    sign: float
    change_kw: F64


def refusals(batch: Batch[ActivationSignal], own_provider: Bool, timeline: Timeline, planned: range) -> dict[int, str]:
    """Rows of signals that homes do not follow, with the reason: a stranger's, or about steps that no plan of theirs has.

    Args:
        batch: signals of one width.
        own_provider: whether each comes from the provider of the home that got it, shape (n,).
        timeline: the homes' steps.
        planned: steps that the homes' plan covers.
    """
    reasons = dict.fromkeys(np.flatnonzero(~own_provider).tolist(), "not from the home's own provider")
    first, rest = np.divmod(batch["from_ms"] - timeline.start_ms, timeline.step_ms)
    width = batch["change_kw"].shape[1]
    inside = (first >= planned.start) & (first < planned.stop) & (first + width <= timeline.n)
    sound = inside & (width > 0) & (rest == 0) & (batch["step_s"] * 1000.0 == timeline.step_ms)
    for row in np.flatnonzero(own_provider & ~sound).tolist():
        reasons[row] = "not about steps that the home has planned"
    return reasons


def read_orders(signals: list[Batch[ActivationSignal]], rows: list[I64]) -> list[Order]:
    """What signals ask of homes: one order an activation, ordered by conversation and name.

    What is asked of a home twice under one name (an order repeated, or changed) makes two orders, one after the other.

    Args:
        signals: batches of signals that are followed.
        rows: for each batch the homes that got them.
    """
    groups: dict[tuple[Any, ...], list[tuple[I64, F64]]] = {}
    for batch, homes in zip(signals, rows, strict=True):
        width = batch["change_kw"].shape[1]
        for (activation, from_ms, direction), place in _alike(batch, ("activation", "from_ms", "direction")):
            key = (batch.conversation, activation, from_ms, direction, width)
            groups.setdefault(key, []).append((homes[place], batch["change_kw"][place]))
    orders: list[Order] = []
    for (conversation, activation, from_ms, direction, _), parts in sorted(groups.items(), key=lambda group: group[0]):
        homes = np.concatenate([own for own, _ in parts])
        change = np.concatenate([kw for _, kw in parts])
        sign = 1.0 if direction == "up" else -1.0
        orders += [
            Order(conversation, activation, homes[place], from_ms, sign, change[place]) for place in _each_once(homes)
        ]
    return orders


def _alike(batch: Batch[Any], names: tuple[str, ...]) -> Iterator[tuple[tuple[Any, ...], I64]]:
    """The values of some columns that occur together, and the rows of each."""
    keys = list(zip(*(batch[name].tolist() for name in names), strict=True))
    if keys.count(keys[0]) == len(keys):  # the usual case
        yield keys[0], np.arange(len(keys))
        return
    places: dict[tuple[Any, ...], list[int]] = {}
    for row, key in enumerate(keys):
        places.setdefault(key, []).append(row)
    for key, found in places.items():
        yield key, np.array(found, np.int64)


def _each_once(homes: I64) -> Iterator[I64]:
    """Places of homes in ascending order, each home once; what is left of homes named again in a second pass, and so on."""
    order = np.argsort(homes, kind="stable")
    start = np.flatnonzero(np.diff(homes[order], prepend=-1))
    again = np.arange(len(homes)) - np.repeat(start, np.diff(np.append(start, len(homes))))
    for number in range(int(again.max(initial=-1)) + 1):
        yield order[again == number]


def disjoint(orders: list[Order], homes: int) -> Iterable[list[Order]]:
    """Orders in their order, those that follow each other and share no home together: homes are planned row by row."""
    together: list[Order] = []
    taken = np.zeros(homes, np.bool_)
    for order in orders:
        if taken[order.rows].any():
            yield together
            together = []
            taken[:] = False
        together.append(order)
        taken[order.rows] = True
    if together:
        yield together


def consenting(deliveries: list[Delivery], consent: Bool) -> Iterable[Delivery]:
    """Deliveries by the homes that consent, (homes,)."""
    return [one.by(consent[one.rows]) for one in deliveries if consent[one.rows].any()]


def gathered(batches: Iterable[Batch[AggregationCycle]]) -> list[Batch[AggregationCycle]]:
    """One batch for each conversation, its rows by receiver."""
    parts: dict[str, list[Batch[AggregationCycle]]] = {}
    for batch in batches:
        parts.setdefault(batch.conversation, []).append(batch)
    whole = [joined(parts[name]) for name in sorted(parts)]
    return [batch.take(np.argsort(batch.receiver, kind="stable")) for batch in whole]


def set_points(order: Order, change_kw: F64, step_ms: int) -> dict[str, Any]:
    """Columns of what some homes show their gateways of an order: the change that each will make, (homes,)."""
    n = len(change_kw)
    return {
        "activation": np.array([order.activation] * n, object), "direction": np.array(["up" if order.sign > 0 else "down"] * n, object),
        "from_ms": np.full(n, order.from_ms, np.int64), "to_ms": np.full(n, order.from_ms + order.change_kw.shape[1] * step_ms, np.int64),
        "change_kw": change_kw,
    }  # fmt: skip
