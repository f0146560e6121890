"""Which hours of a network are free for the test of a pool: tests are kept apart where together they would harm it (SUC08.1 rule 24).

A test activates all of a pool for an hour upward, and for the next one downward. Whoever comes first gets the first two hours in which the network, as it is
foreseen, is no worse with it and with all that were given these hours before. A pool that the network bears in no hour gets two hours for itself, in which no
more than a part of it is ordered. That connecting operators may limit what units in their networks deliver, for technical reasons, and take part in
prequalification for that, is Commission Regulation (EU) 2017/1485, article 182; that it is done by hours and in order of arrival is ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from agents.strategies.dynamic_lights import HALVINGS, SIGNS, SLACK_PERCENT, SLACK_PU, Expected
from data.arrays import F64, Bool
from environment.grid.limits import Violations

ORDER = ("up", "down")
"""Directions of a test, an hour each."""
_SIGN = dict(SIGNS)


@dataclass(frozen=True)
class Hours:
    """What a pool was given.

    Attributes:
        first: number of the hour in which it is tested upward; downward in the next one.
        share: direction -> part of what it says that may be ordered, in (0, 1]; 0 where the network bears nothing of it.
    """

    first: int
    share: Mapping[str, float]


@dataclass(frozen=True)
class Calendar:
    """Some hours of a network as they are foreseen, and what is tested in them.

    Attributes:
        expected: the hours; steps carry their numbers, from 0.
        booked: direction -> power of what is tested in each hour at each bus, at least 0, (hours, n_bus); kept here.
    """

    expected: Expected
    booked: dict[str, F64] = field(default_factory=dict)
    _base: dict[int, Violations] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for way in ORDER:
            self.booked.setdefault(way, np.zeros((self.hours, self.expected.p_kw.shape[1])))

    @property
    def hours(self) -> int:
        """How many hours are looked at."""
        return int(self.expected.hour.max()) + 1

    def book(self, own_kw: Mapping[str, F64], earliest: int) -> Hours | None:
        """Give a pool its hours; None if there are none left.

        Args:
            own_kw: direction -> its validated power at each bus, at least 0, (n_bus,).
            earliest: number of the first hour that it can be told of in time.
        """
        found, alone = None, None
        for first in range(max(earliest, 0), self.hours - 1):
            if all(
                self._bears(first + k, way, self.booked[way][first + k] + own_kw[way]) for k, way in enumerate(ORDER)
            ):
                found = Hours(first, dict.fromkeys(ORDER, 1.0))
                break
            if alone is None and not any(self.booked[way][first + k].any() for k, way in enumerate(ORDER)):
                alone = first
        if found is None and alone is not None:
            found = Hours(alone, {way: self._share(alone + k, way, own_kw[way]) for k, way in enumerate(ORDER)})
        if found is not None:
            for k, way in enumerate(ORDER):
                self.booked[way][found.first + k] += found.share[way] * own_kw[way]
        return found

    def _share(self, hour: int, way: str, own_kw: F64) -> float:
        """The largest part of a pool by itself that an hour bears, by bisection."""
        if self._bears(hour, way, own_kw):
            return 1.0
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2.0
            low, high = (middle, high) if self._bears(hour, way, middle * own_kw) else (low, middle)
        return low

    def _bears(self, hour: int, way: str, kw: F64) -> bool:
        """Whether nothing in an hour is worse with some power in a direction than without."""
        if not kw.any():
            return True
        few = self.expected.only(self.expected.hour == hour)
        if hour not in self._base:
            self._base[hour] = few.violations(np.zeros_like(few.p_kw))
        found = few.violations(_SIGN[way] * kw * few.supplied())
        return not _is_worse(found, self._base[hour]).any()


def _is_worse(found: Violations, base: Violations) -> Bool:
    """Steps in which any limit is violated more than it is anyway, or the flow has no solution."""
    return np.asarray(
        (found.overload_percent > base.overload_percent + SLACK_PERCENT).any(axis=1)
        | (np.abs(found.voltage_pu) > np.abs(base.voltage_pu) + SLACK_PU).any(axis=1)
        | found.unsolved
    )
