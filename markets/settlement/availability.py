"""What of a contract's availability each settlement answers for: power held ready is paid for each cleared interval, called or not.

Where a contract is called, its availability hangs on what was delivered of all its calls in the interval; each call answers for the part
of it that it has of what was called, so that the parts add up to the rule applied to all of them. What was never called is settled by an
order of nothing over the contract's intervals (``held_order``).

Source: form of remuneration "availability term and/or activation term" (SUC06.1 Info-3).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from data.arrays import F64, I64
from environment.messages.activation import ActivationRequest
from markets.settlement.blocks import Block

Calls = Mapping[str, Sequence[Block]]
"""Contract -> what was called of it, one block a call."""
HELD = "/held"


def held_name(contract: str) -> str:
    """What stands for the activation in the settlement of the intervals of a contract that were never called."""
    return f"{contract}{HELD}"


def held_order(contract: str, block: Block, dso: str, fsp: str, area: str, direction: str) -> ActivationRequest:
    """An order of nothing over the intervals of a contract; settled, not sent."""
    to_ms = block.from_ms + block.step_ms * len(block.kw)
    return ActivationRequest(
        activation=held_name(contract), contract=contract, dso=dso, fsp=fsp, area=area, direction=direction, from_ms=block.from_ms,
        to_ms=to_ms, step_s=block.step_ms / 1000.0, ordered_kw=np.zeros(len(block.kw)), ramp_s=0.0,
    )  # fmt: skip


def calls_of(orders: Sequence[ActivationRequest]) -> dict[str, list[Block]]:
    """What was called, by contract."""
    found: dict[str, list[Block]] = {}
    for one in orders:
        if len(one.ordered_kw):
            block = Block(0.0, one.from_ms, round(one.step_s * 1000), one.ordered_kw)
            found.setdefault(one.contract, []).append(block)
    return found


def ready_eur_per_h(t_ms: I64, ordered_kw: F64, blocks: Sequence[Block], called: Sequence[Block]) -> F64:
    """Availability that an order answers for at full delivery [EUR/h], shape (T,).

    Args:
        t_ms: starts of its intervals, shape (T,).
        ordered_kw: what it orders, shape (T,); an order of nothing answers for all that was not called.
        blocks: price steps of its contract.
        called: all calls of the contract.
    """
    priced = [one for one in blocks if one.availability_eur_per_kw_h > 0.0]
    value = sum((one.at(t_ms) * one.availability_eur_per_kw_h for one in priced), np.zeros(len(t_ms)))
    total = sum((one.at(t_ms) for one in called), np.zeros(len(t_ms)))
    if not ordered_kw.any():
        return np.where(total > 0.0, 0.0, value)
    return np.asarray(
        value * np.divide(ordered_kw, np.maximum(total, ordered_kw), out=np.zeros(len(t_ms)), where=ordered_kw > 0.0)
    )
