"""What activations ask of homes, and what homes will deliver."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass
class Delivery:
    """Homes that follow one signal, from when on, what power they had planned, and whose generation is part of it (1) or not (0)."""

    conversation: str
    activation: str
    rows: I64
    from_ms: int
    planned_kw: F64
    generation: F64


@dataclass(frozen=True)
class Order:
    """What one activation asks of homes: by how much their net load has to leave the plan, (rows, steps), times the sign of "up"."""

    conversation: str
    activation: str
    rows: I64
    from_ms: int
    sign: float
    change_kw: F64


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
