"""What a provider's own data say of a day: plans, orders and its telemetry, which is not always there (SUC08.4 step 1)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from agents.bsp_reports import Monitoring
from data.arrays import F64
from environment.chance import Stream, name_hashes
from environment.units import MS_PER_H
from markets.balancing.delivery import fitted

ByPerimeter = Callable[[int], Mapping[str, F64]]
"""Start of a day -> perimeter -> vector of its hours."""


@dataclass(frozen=True, eq=False)
class Monitor:
    """A provider's own view of what it does.

    Attributes:
        delivered_kwh: plans less own metering, up above 0.
        ordered_kwh: what it was to deliver, up above 0.
        available: share of the hours of which its telemetry has values of all points of a perimeter.
        stream: draws of what is missing, by perimeter and hour.
    """

    delivered_kwh: ByPerimeter
    ordered_kwh: ByPerimeter
    available: float
    stream: Stream

    def of_day(self, from_ms: int, to_ms: int) -> dict[str, Monitoring]:
        """What the data say of each perimeter."""
        delivered, ordered = self.delivered_kwh(from_ms), self.ordered_kwh(from_ms)
        hours = (to_ms - from_ms) // MS_PER_H
        found = {}
        for perimeter in sorted(delivered):
            draws = self.stream.uniform(name_hashes([perimeter]), from_ms // MS_PER_H + np.arange(hours))
            own = fitted(delivered[perimeter], hours)
            found[perimeter] = Monitoring(
                np.where(draws < self.available, own, np.nan), fitted(ordered.get(perimeter, np.zeros(hours)), hours)
            )
        return found
