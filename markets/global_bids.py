"""Bid component messages of the global flexibility market: a bid broken down by DSO perimeter (SUC08.2, SUC10.3).

An aggregate (UVA) tells, for each hour of day D and one direction, the quantity Q that it bids and how much of it, Qi, lies in each DSO perimeter. Every
vector has 24 elements, also on days on which clocks change. Components and unavailability are compulsory for perimeters whose dynamic light is yellow or
red in any hour; those of green perimeters are needed so far as the sum has to close. A message counts if it came before its deadline; of several the
last valid one counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from data.arrays import F64
from markets.registers.grid_element import read_grid_element
from markets.traffic_light import HOURS_OF_DAY

ZONES = ("Nord", "Centro Nord", "Centro Sud", "Sud", "Calabria", "Sicilia", "Sardegna")
"""Market zones (SUC08.2)."""

SUM_TOLERANCE_KW = 1e-3
"""Rounding of quantities in messages: a watt."""


@dataclass(frozen=True)
class BidComponents:
    """One bid component message.

    Attributes:
        uva: id code of the aggregate.
        direction: up or down.
        validity_s: Unix time from which it holds.
        timestamp_s: Unix time of its making.
        zone: market zone.
        quantity_kw: Q of each hour, at least 0, 24.
        baseline_kw: baseline profile of the aggregate, 24.
        components_kw: grid element id code -> Qi of each hour, at least 0, 24.
        unavailable_kw: grid element id code -> what cannot be used there, at least 0, 24.
    """

    uva: str
    direction: str
    validity_s: int
    timestamp_s: int
    zone: str
    quantity_kw: Sequence[float]
    baseline_kw: Sequence[float]
    components_kw: Mapping[str, Sequence[float]]
    unavailable_kw: Mapping[str, Sequence[float]]


def faults(message: BidComponents, restricted: Iterable[str]) -> list[str]:
    """Everything that makes a message invalid; empty if it is valid.

    Args:
        message: as received.
        restricted: grid element id codes of the aggregate's perimeters whose light is yellow or red in an hour of the day.
    """
    wrong = []
    if message.direction not in {"up", "down"}:
        wrong.append(f"direction {message.direction!r} is neither up nor down")
    if message.zone not in ZONES:
        wrong.append(f"market zone {message.zone!r} is none of {', '.join(ZONES)}")
    if message.timestamp_s >= message.validity_s:
        wrong.append(f"its timestamp {message.timestamp_s} is not before its validity time {message.validity_s}")
    vectors = {"Q": message.quantity_kw, **{f"Qi of {code}": values for code, values in message.components_kw.items()}}
    vectors |= {f"unavailability of {code}": values for code, values in message.unavailable_kw.items()}
    misshapen = [_vector_fault(name, values, signed=False) for name, values in vectors.items()]
    misshapen.append(_vector_fault("baseline", message.baseline_kw, signed=True))
    wrong += [text for text in misshapen if text]
    for code in message.components_kw:
        try:
            read_grid_element(code)
        except ValueError as error:
            wrong.append(str(error))
    for code in sorted(restricted):
        wrong += [f"{what} of {code} is missing; its light is yellow or red" for what, named in (
            ("the component", message.components_kw), ("the unavailability", message.unavailable_kw)) if code not in named]  # fmt: skip
    if not any(misshapen):
        short = np.asarray(message.quantity_kw, np.float64) - _total(message.components_kw)
        hours = np.flatnonzero(np.abs(short) > SUM_TOLERANCE_KW)
        if len(hours):
            wrong.append(f"Q is not the sum of its components in hour {hours[0]}: {short[hours[0]]:+.3f} kW are left")
    return wrong


def _vector_fault(name: str, values: Sequence[float], *, signed: bool) -> str:
    if len(values) != HOURS_OF_DAY:
        return f"{name} has {len(values)} elements, not {HOURS_OF_DAY}"
    if not all(isfinite(value) for value in values):
        return f"{name} has elements that are not finite"
    return "" if signed or min(values) >= 0 else f"{name} has elements below 0"


def _total(components_kw: Mapping[str, Sequence[float]]) -> F64:
    total = np.zeros(HOURS_OF_DAY)
    for values in components_kw.values():
        total += np.asarray(values, np.float64)
    return total


def last_valid(received_ms: Sequence[int], is_valid: Sequence[bool], closes_ms: int) -> int | None:
    """Which of several versions counts: the last valid one that came before the gate closed; None: none.

    A later version that is invalid, or that came at the closing instant or after it, leaves the earlier one in force (SUC10.3).

    Args:
        received_ms: when each version came, in the order of their receipt.
        is_valid: whether nothing is wrong with it.
        closes_ms: the deadline.
    """
    in_time = [
        k for k, (at_ms, valid) in enumerate(zip(received_ms, is_valid, strict=True)) if valid and at_ms < closes_ms
    ]
    return in_time[-1] if in_time else None


def reallocated(components_kw: F64, limited_kw: F64, room_kw: F64) -> F64:
    """How a BSP adapts a bid whose components were limited: it moves what was cut to perimeters with room, in their order, as far as that goes.

    Args:
        components_kw: Qi as bid, (perimeters, hours).
        limited_kw: Qi** as limited, at most Qi, same shape.
        room_kw: what the BSP's resources could give beyond Qi and the perimeter's light still admits, at least 0, same shape; 0 where it was limited.

    Returns:
        New components; their sum is that of ``components_kw`` or less by what found no room.
    """
    cut = (components_kw - limited_kw).sum(axis=0)
    before = np.cumsum(room_kw, axis=0) - room_kw
    return np.asarray(limited_kw + np.clip(cut - before, 0.0, room_kw))
