"""How messages travel: delay, loss and duplication of a channel, and what may be wrong with it for a while."""

from dataclasses import dataclass, field
from math import log
from typing import Literal

import numpy as np
from scipy.special import ndtri

from data.arrays import F64, I64, Bool
from environment.units import MS_PER_DAY

ACKNOWLEDGE_TIMEOUT_MS = 60_000
"""One minute for any machine-to-machine exchange (SUC06.2/SEC-3, SUC06.3/SEC-3, SUC05.1/SEC-3)."""

_LONGEST_MS = 7 * MS_PER_DAY


@dataclass(frozen=True)
class Delay:
    """Distribution of the time that one transmission takes.

    Attributes:
        kind: ``constant`` (low), ``uniform`` (low to high) or ``lognormal`` (median low, 95 % below high).
        low_s: see kind [s].
        high_s: see kind [s].
    """

    kind: Literal["constant", "uniform", "lognormal"] = "uniform"
    low_s: float = 1.0
    high_s: float = 2.0

    def ms(self, u: F64) -> I64:
        """The delays at the quantiles ``u`` in [0, 1): whole milliseconds, at least 1 (law 3) and at most a week."""
        if self.kind == "constant":
            delay_s = np.full(u.shape, self.low_s)
        elif self.kind == "uniform":
            delay_s = self.low_s + (self.high_s - self.low_s) * u
        else:
            spread = log(self.high_s / self.low_s) / 1.6448536269514722
            delay_s = self.low_s * np.exp(spread * ndtri(np.clip(u, 1e-12, 1 - 1e-12)))
        return np.clip(np.rint(delay_s * 1000.0), 1, _LONGEST_MS).astype(np.int64)

    def one_ms(self, u: float) -> int:
        """``ms`` of one quantile."""
        if self.kind == "lognormal":
            return int(self.ms(np.array([u]))[0])
        delay_s = self.low_s if self.kind == "constant" else self.low_s + (self.high_s - self.low_s) * u
        return min(max(round(delay_s * 1000.0), 1), _LONGEST_MS)


@dataclass(frozen=True)
class Channel:
    """How messages travel to and from an address."""

    name: str = "internet"
    delay: Delay = field(default_factory=Delay)
    loss_share: float = 0.0
    duplication_share: float = 0.0
    acknowledge_within_ms: int = ACKNOWLEDGE_TIMEOUT_MS
    attempts: int = 3
    messages_per_s: float = 0.0
    """Quota of each sender (``environment.quotas``); 0: none."""


INTERNAL = Channel("inside", Delay("constant", 0.001))
"""Between systems of one party: the least that a message takes, nothing lost."""


@dataclass(frozen=True)
class Outage:
    """Addresses that neither send nor receive in [from_ms, to_ms)."""

    addresses: Bool
    from_ms: int
    to_ms: int


@dataclass(frozen=True)
class Partition:
    """Nothing passes between two sets of addresses in [from_ms, to_ms)."""

    one: Bool
    other: Bool
    from_ms: int
    to_ms: int


@dataclass(frozen=True)
class DroppedAcknowledgements:
    """A share of the acknowledgements by these receivers never arrives in [from_ms, to_ms)."""

    receivers: Bool
    from_ms: int
    to_ms: int
    share: float = 1.0


Disturbance = Outage | Partition | DroppedAcknowledgements
