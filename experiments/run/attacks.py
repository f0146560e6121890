"""World -> the table ``attacks``: what attackers tried, what became of it at the receiver's door, and what moved because of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.arrays import I64, U64
from environment.journal import NEVER, REFUSED, Journal, Traffic
from environment.messages.activation import DeliveryMeasurement

Row = tuple[Traffic, int]


def attack_table(tried: Mapping[str, NDArray[Any]], journal: Journal) -> dict[str, Any]:
    """The table ``attacks``, one row a message and one for each attempt that found nothing to make a message of.

    Args:
        tried: what the attackers noted, as columns (``agents.attacker``).
        journal: what really happened.
    """
    rows = _injected(journal, tried["t_ms"], tried["message_id"])
    order = np.lexsort(
        (tried["target"].astype(str), tried["kind"].astype(str), tried["attacker"].astype(str), tried["t_ms"])
    )
    columns, rows = {name: column[order] for name, column in tried.items()}, [rows[place] for place in order]
    fates, moved = [_fate(row) for row in rows], _moved_kw(journal)
    return {
        "attack": np.arange(len(order), dtype=np.int64), **columns,
        "outcome": [outcome for outcome, _ in fates], "reason": [reason for _, reason in fates],
        "moved_kw": [_effect_kw(row, outcome, moved) for row, (outcome, _) in zip(rows, fates, strict=True)],
    }  # fmt: skip


def _injected(journal: Journal, t_ms: I64, ids: U64) -> list[Row | None]:
    """The row of the journal of each of some ids at some instants; ids repeated at one instant in the order of sending, None where there is none."""
    instants = set(t_ms.tolist())
    found: dict[tuple[int, int], list[Row]] = {}
    for traffic in journal.traffic:
        if traffic.batch.sent_ms in instants:
            for place in np.flatnonzero(np.isin(traffic.batch.ids, ids)).tolist():
                found.setdefault((int(traffic.batch.ids[place]), traffic.batch.sent_ms), []).append((traffic, place))
    left = {key: iter(rows) for key, rows in found.items()}
    return [next(left.get(key, iter(())), None) for key in zip(ids.tolist(), t_ms.tolist(), strict=True)]


def _fate(row: Row | None) -> tuple[str, str]:
    if row is None:
        return "not tried", "nothing of the kind was heard"
    traffic, place = row
    if traffic.status[place] == REFUSED:
        return "refused", traffic.reason.get(place, "")
    return ("lost", "") if traffic.delivered_ms[place] == NEVER else ("accepted", "")


def _moved_kw(journal: Journal) -> dict[str, dict[int, float]]:
    """Activation -> device -> power that it measured as moved [kW]; of several measurements the largest."""
    found: dict[str, dict[int, float]] = {}
    for traffic in journal.traffic:
        batch = traffic.batch
        if batch.record is DeliveryMeasurement:
            change = np.abs(batch["before_kw"] - batch["after_kw"])
            for name, device, kw in zip(batch["activation"], batch.sender.tolist(), change.tolist(), strict=True):
                devices = found.setdefault(name, {})
                devices[device] = max(devices.get(device, 0.0), kw)
    return found


def _effect_kw(row: Row | None, outcome: str, moved: Mapping[str, Mapping[int, float]]) -> float:
    """Power that moved under the activation that an accepted message names: of the device that received it, else of all."""
    if row is None or outcome != "accepted":
        return 0.0
    batch, place = row[0].batch, row[1]
    if "activation" not in batch.columns:
        return 0.0
    devices = moved.get(str(batch["activation"][place]), {})
    receiver = int(batch.receiver[place])
    return (
        devices[receiver]
        if receiver in devices
        else 0.0
        if batch.record.__name__ == "ActivationSignal"
        else sum(devices.values())
    )
