"""How long orders are under way while one party floods a platform: what a quota for each sender keeps from all others.

A platform admits so many messages a second of each sender; what one sends beyond that waits in its own lane (``environment.quotas``). Times are those of the
simulated clock, from sending to arrival.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import I64
from environment.addresses import Address, Directory
from environment.bus import Bus
from environment.chance import Chance
from environment.channels import Channel, Delay
from environment.messages.aggregation import AssetTelemetry
from environment.messages.base import Batch

QUOTA_PER_S = 10.0
"""Messages a second of each sender."""
DELAY = Delay("uniform", 1.0, 2.0)
ORDERS, EVERY_MS = 100, 1_000


class Flooded(NamedTuple):
    """Times of arrival beside a flood [ms of the simulated clock].

    Attributes:
        flood: messages that one party sends beside the orders, as many every second.
        order_p95_ms: 95th percentile of the orders of another party.
        calm_p95_ms: the same without the flood.
        flood_longest_ms: how long the last message of the flood takes.
    """

    flood: int
    order_p95_ms: float
    calm_p95_ms: float
    flood_longest_ms: float


def flooded(flood: int = 10_000) -> Flooded:
    """Send orders once a second, without and beside a flood.

    Args:
        flood: messages of the flood in all.
    """
    calm, _ = _arrivals(0)
    orders, own = _arrivals(flood)
    return Flooded(flood, float(np.percentile(orders, 95)), float(np.percentile(calm, 95)), float(own.max()))


def _arrivals(flood: int) -> tuple[I64, I64]:
    """How long the orders of one party take, and the messages of another's flood, (n,) each."""
    names = [Address(name, name, ("der",), name) for name in ("flooding", "ordering", "platform")]
    directory = Directory(names)
    platform = Channel("platform", DELAY, messages_per_s=QUOTA_PER_S)
    bus = Bus(directory, Chance(1), {}, {"platform": platform}, {"platform": "platform"})
    found: dict[str, list[I64]] = {"flooding": [np.zeros(0, np.int64)], "ordering": []}
    for second in range(ORDERS):
        for sender, count in (("flooding", flood // ORDERS), ("ordering", 1)):
            if count:
                batch = _telemetry(directory.number(sender), directory.number("platform"), count, f"{sender}:{second}")
                ring = bus.key_ring(directory.parties.index(sender))
                traffic = bus.post(batch, ring, second * EVERY_MS)
                found[sender].append(traffic.delivered_ms - second * EVERY_MS)
    return np.concatenate(found["ordering"]), np.concatenate(found["flooding"])


def _telemetry(sender: int, receiver: int, n: int, conversation: str) -> Batch[AssetTelemetry]:
    columns = {
        "active_kw": np.arange(n, dtype=float), "reactive_kvar": np.zeros(n), "voltage_pu": np.ones(n),
        "connected": np.ones(n, bool), "communicating": np.ones(n, bool),
    }  # fmt: skip
    return Batch(AssetTelemetry, np.full(n, sender), np.full(n, receiver), columns, conversation)
