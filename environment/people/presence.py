"""Presence of households: asleep, active (someone at home and awake) or away, as an inhomogeneous Markov chain.

The rates of waking, going to sleep, leaving and returning depend on the hour, the kind of day, the size of the household and how
much it is out; own numbers, data/profiles/household.yaml.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

import data
from data.arrays import F64, I64, U64
from environment.chance import Stream
from environment.people.quarters import HOURS, PER_DAY, Quarters

ASLEEP: Final = 0
ACTIVE: Final = 1
AWAY: Final = 2
_DAYS: Final = ("work", "free")


class Rates(NamedTuple):
    """Transition probabilities in a quarter hour, each of shape (day kind 2, size 3, level 3, 96)."""

    wake: F64
    sleep: F64
    leave: F64
    come: F64


def parameters() -> Mapping[str, Any]:
    """The parameters of the household generator."""
    return _parameters()


@cache
def _parameters() -> Mapping[str, Any]:
    content: Mapping[str, Any] = data.read_yaml("profiles", "household.yaml")
    return content


def bells(terms: Sequence[Mapping[str, float]], height: str) -> F64:
    """A sum of bell curves over the hours of a day, at the middle of each quarter hour, periodic; shape (96,)."""
    hour = (np.arange(PER_DAY) + 0.5) * HOURS
    total = np.zeros(PER_DAY)
    for term in terms:
        distance = np.abs(hour - term["at"] % 24.0)
        distance = np.minimum(distance, 24.0 - distance)
        total += term[height] * np.exp(-0.5 * (distance / term["width"]) ** 2)
    return total


@cache
def rates() -> Rates:
    """The chain's probabilities per quarter hour."""
    given = _parameters()["presence"]
    size = {name: np.array(factors)[None, :, None, None] for name, factors in given["size_factor"].items()}
    level = np.ones((2, 1, len(given["levels"]), 1))
    level[0, 0, :, 0] = list(given["levels"].values())

    def probability(name: str, factor: F64 | float) -> F64:
        by_day = np.stack([bells(given[name][day], "rate") + given[name]["floor"] for day in _DAYS])
        hazard = by_day[:, None, None, :] * factor
        return np.broadcast_to(1.0 - np.exp(-hazard * HOURS), (2, 3, level.shape[2], PER_DAY))

    return Rates(
        probability("wake", 1.0),
        probability("sleep", 1.0),
        probability("leave", size["leave"] * level),
        probability("return", size["return"]),
    )


def size_class(persons: I64) -> I64:
    """0, 1, 2 for one, two, three or more persons."""
    return np.clip(persons, 1, 3) - 1


def own_hour_bin(hour: F64, shift_h: F64) -> I64:
    """The quarter of the common day that a home lives at a clock hour, shape (n, m): evenings shift fully, mornings a third."""
    weight = np.interp(hour, [0.0, 4.0, 7.0, 9.0, 18.0, 24.0], [1.0, 1.0, 0.33, 0.33, 1.0, 1.0])
    own = hour[None, :] - shift_h[:, None] * weight[None, :]
    return np.floor(own / HOURS).astype(np.int64) % PER_DAY


def states(
    stream: Stream,
    owners: U64,
    size: I64,
    level: I64,
    bins: I64,
    quarters: Quarters,
) -> NDArray[np.int8]:
    """State of each home in each quarter hour, shape (n, m); everybody begins asleep at the start of the warm-up."""
    drawn = stream.uniform(owners[:, None], quarters.number[None, :]).T
    free = (~quarters.local.workday).astype(np.int64)
    where = (free[:, None], size[None, :], level[None, :], bins.T)
    wake, sleep, leave, come = (np.ascontiguousarray(table[where]) for table in rates())
    leave = sleep + leave
    wakes, sleeps, leaves, comes = drawn < wake, drawn < sleep, drawn < leave, drawn < come
    state = np.zeros(len(owners), np.int8)
    out = np.empty(drawn.shape, np.int8)
    for k in range(len(drawn)):
        from_active = np.where(sleeps[k], ASLEEP, np.where(leaves[k], AWAY, ACTIVE))
        from_rest = np.where(np.where(state == ASLEEP, wakes[k], comes[k]), ACTIVE, state)
        state = np.where(state == ACTIVE, from_active, from_rest).astype(np.int8)
        out[k] = state
    return out.T


@cache
def expected_active() -> F64:
    """Probability of being active in each quarter hour of a workday and a free day, shape (2, size 3, level 3, 96).

    The periodic distribution of the chain over a week of five workdays and two free days, averaged by kind of day.
    """
    wake, sleep, leave, come = rates()
    p = np.zeros((3, 3, wake.shape[2]))
    p[ASLEEP] = 1.0
    for _ in range(3):  # weeks until the distribution repeats
        total = np.zeros(wake.shape)
        for day in (0, 0, 0, 0, 0, 1, 1):
            for q in range(PER_DAY):
                to_active, to_sleep = p[ASLEEP] * wake[day, ..., q], p[ACTIVE] * sleep[day, ..., q]
                to_away, back = p[ACTIVE] * leave[day, ..., q], p[AWAY] * come[day, ..., q]
                p = p + np.stack([to_sleep - to_active, to_active + back - to_sleep - to_away, to_away - back])
                total[day, ..., q] += p[ACTIVE]
    return np.asarray(total / np.array([5.0, 2.0])[:, None, None, None])
