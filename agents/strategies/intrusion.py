"""What an attacker makes of what it has heard: dispatch notices and signals of its own, and true messages with one field changed."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from environment.messages.activation import ActivationRequest
from environment.messages.base import Batch, Record, fields
from environment.messages.procurement import EngagementRequest
from environment.sealing import SEALED

ORDERED_STEPS = 4
"""How long the attacker orders: an hour of quarter-hours, as long as most calls."""

DEVICE_KW = 3.0
"""What it orders of a device where it is not told: a little less than one phase of a car charger."""


def notices(
    heard: Iterable[EngagementRequest], dso: str, name: str, from_ms: int, kw: float | None
) -> list[ActivationRequest]:
    """Dispatch notices for contracts heard of, one each, for an hour from ``from_ms`` on.

    Args:
        heard: engagements that passed on the wire, copies of one among them.
        dso: who is said to call.
        name: of the attempt; ids of activations begin with it.
        from_ms: start of the first interval.
        kw: power ordered of each contract; None: the most that was engaged in any interval.
    """
    blocks = {(one.contract, one.bid): one for one in heard}
    contracts: dict[str, list[EngagementRequest]] = {}
    for (contract, _), block in sorted(blocks.items()):
        contracts.setdefault(contract, []).append(block)
    result = []
    for contract, parts in contracts.items():
        first = parts[0]
        engaged = np.sum([part.engaged_kw for part in parts], axis=0)
        ordered = np.full(ORDERED_STEPS, float(engaged.max()) if kw is None else kw)
        result.append(
            ActivationRequest(
                activation=f"{name}/{contract}", contract=contract, dso=dso, fsp=first.fsp, area=first.area,
                direction=first.direction, from_ms=from_ms, to_ms=from_ms + round(ORDERED_STEPS * first.step_s * 1000),
                step_s=first.step_s, ordered_kw=ordered, ramp_s=0.0,
            )
        )  # fmt: skip
    return result


def signals(n: int, name: str, from_ms: int, step_s: float, kw: float | None) -> dict[str, NDArray[Any]]:
    """Columns of signals that let n devices leave out ``kw`` for an hour from ``from_ms`` on."""
    return {
        "activation": np.array([name] * n, object),
        "direction": np.array(["up"] * n, object),
        "from_ms": np.full(n, from_ms, np.int64),
        "step_s": np.full(n, step_s),
        "change_kw": np.full((n, ORDERED_STEPS), DEVICE_KW if kw is None else kw),
    }


def altered(batch: Batch[Any], field: str, by: float | None, value: float | str | None) -> Batch[Any]:
    """Copies of messages with one field changed, ids as they were; a number stays within the bounds of its field.

    Of sealed messages nobody but the receiver can tell the fields apart: all that can be done is to turn a bit of the box.

    Args:
        batch: true messages.
        field: name of the field.
        by: factor on its number, or
        value: what it becomes.
    """
    part = batch.take(np.arange(len(batch)))
    if SEALED in part.columns:
        boxes = np.empty(len(part), object)
        boxes[:] = [box[:-1] + bytes([box[-1] ^ 1]) for box in batch[SEALED]]
        part.columns = {SEALED: boxes}
        return part
    part.columns = dict(part.columns) | {field: _changed(batch.record, field, batch[field], by, value)}
    return part


def _changed(
    record: type[Record], field: str, column: NDArray[Any], by: float | None, value: float | str | None
) -> NDArray[Any]:
    if isinstance(value, str):
        texts = np.empty(len(column), object)
        texts[:] = value
        return texts
    item = next(one.item for one in fields(record) if one.name == field)
    wanted = column * by if by is not None else np.full(column.shape, value)
    wanted = np.clip(wanted, -np.inf if item.ge is None else item.ge, np.inf if item.le is None else item.le)
    return (np.rint(wanted) if column.dtype.kind == "i" else wanted).astype(column.dtype)
