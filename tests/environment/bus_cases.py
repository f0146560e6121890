"""A directory of two thousand homes and ways to send in it."""

import numpy as np

from environment.bus import Bus
from tests.environment.kernel_cases import batch_of, bus_of, directory, post, receipt

NAMES = ["a", "b", "c", *(f"home-{number:04d}" for number in range(1, 2001))]
HOMES = NAMES[3:]
EVERYBODY = directory(*NAMES)


def mask(bus: Bus, *names: str) -> np.ndarray:
    return np.isin(bus.directory.names, names)


def one_to_all(bus: Bus, now_ms: int = 0, conversation: str = "c"):
    """One message from ``a`` to every home."""
    return post(bus, batch_of(bus, [receipt()] * len(HOMES), ["a"] * len(HOMES), HOMES, conversation), now_ms)


def single(bus: Bus, sender: str = "a", receiver: str = "b", now_ms: int = 0, conversation: str = "c", text: str = "a"):
    return post(bus, batch_of(bus, [receipt(text)], [sender], [receiver], conversation), now_ms)


def disturbed(*make, **given) -> Bus:
    there = EVERYBODY
    plain_bus = bus_of(there)
    return bus_of(there, disturbances=tuple(one(plain_bus) for one in make), **given)
