"""The cheapest way to run one first-order store against stepped prices, for many homes at once: no grid over the state.

A store x+ = keep x + drift + u with a marginal cost that rises in steps has a convex, piecewise linear value function V. Dynamic
programming on V adds cost curves sideways (infimal convolution). Seen from the derivative's inverse - the content S(mu) at which
one more unit is worth mu - that sum is an ordinary sum, separately for every mu:

    S_t(mu) = clip( (S_{t+1}(mu) - drift_t - U_t(mu)) / keep,  low_t,  high_t )

where U_t(mu) is what the store takes up in step t if a unit is worth mu: all segments of the supply that cost no more. So the
backward pass is exact at every level of mu, levels do not interact, and the forward pass only looks up between which two levels
the present content lies. Levels are ranks among the prices of the row (exact when they are few; beyond that neighbours
share a level and the loss is of second order in its width). Values of a leaking store are carried back to the first instant,
``mu_0 = mu_t keep^t``, so that one level means the same marginal value at all instants.

Arrays are time-major here, (m, n) with the homes last: each operation runs over levels x homes.
"""

import threading
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.arrays import F64

Ranks = NDArray[np.int8]

LEVELS = 34
"""Levels of marginal value: 0 refuses everything, 1 and 2 take what is ordered, 3 .. LEVELS - 3 are prices, the last two take whatever
can be had."""


class Store(NamedTuple):
    """A store over the horizon.

    Attributes:
        start: content now (n,).
        keep: share of the content kept over a step (n,).
        drift: change of the content in a step without action (m, n).
        low: least content at the end of each step (m, n).
        high: greatest content at the end of each step that action may lead to (m, n).
        floor: physical least content; a drift below it is lost (0 for energies, -inf for temperatures).
        worthless: rank of price 0 (n,): beyond the horizon a unit is worth nothing, so the end is at ``low`` above that rank.
        late: of two equally good actions take the later (a leaking store loses less), else the earlier.
    """

    start: F64
    keep: F64
    drift: F64
    low: F64
    high: F64
    floor: float
    worthless: Ranks
    late: bool


class Segment(NamedTuple):
    """A part of the supply: content it brings (m, n), and the level from which on it is worth taking, (m, n) or one for all."""

    width: F64
    rank: Ranks | int


def rank_prices(prices: list[F64], levels: int = LEVELS) -> list[Ranks]:
    """Ranks 3 .. levels - 3 of prices among the prices of their home.

    As long as a home has no more different prices than there are ranks, each price has its own, and the plan is exact. Beyond that
    the ranks are even on the way through the sorted prices if each gap is as long as its cube root: wide gaps always separate
    levels, whatever a tariff looks like, and crowded stretches get more levels than their width alone would give (of the powers
    tried the one nearest to the optimum). Zero, what a unit is worth after the horizon, shares its level with no other price: a
    store would buy for nothing.

    Args:
        prices: arrays (m_i, n) of prices of one unit of content.
        levels: number of levels; close prices share a rank.

    Returns:
        int8 arrays of the same shapes; a higher price never has a lower rank.
    """
    table = np.concatenate(prices, axis=0).T
    order = np.argsort(table, axis=1)
    ordered = np.take_along_axis(table, order, axis=1)
    gap = np.diff(ordered, axis=1, prepend=ordered[:, :1])
    way = np.cumsum(np.cbrt(gap), axis=1)
    share = way / np.where(way[:, -1:] > 0, way[:, -1:], 1.0)
    signs = (ordered >= 0).view(np.int8) + (ordered > 0)
    signs -= signs[:, :1]
    room = levels - 6 - signs[:, -1:]
    crowded = np.minimum(share * (room + 1), room).astype(np.int8) + signs
    single = np.cumsum(gap > 0, axis=1)
    ranks = np.empty(table.shape, np.int8)
    np.put_along_axis(ranks, order, np.where(single[:, -1:] <= levels - 6, single, crowded).astype(np.int8) + 3, axis=1)
    ends = np.cumsum([len(price) for price in prices])[:-1]
    return [np.ascontiguousarray(part.T) for part in np.split(ranks, ends, axis=1)]


def reach(store: Store, most: F64) -> F64:
    """Content at the end of each step when as much as possible is taken up, ``most`` (m, n) at best; (m, n)."""
    content = np.empty_like(store.drift)
    now = store.start
    for t in range(len(content)):
        free = store.keep * now + store.drift[t]
        now = np.maximum(np.maximum(np.minimum(free + most[t], store.high[t]), free), store.floor)
        content[t] = now
    return content


def solve(store: Store, base: F64, segments: list[Segment], levels: int = LEVELS) -> F64:
    """Cheapest change of content by action in each step.

    Args:
        store: the store; where ``low`` cannot be reached the answer is the greatest effort.
        base: change of content when all segments are refused, (m, n): minus what can be taken out.
        segments: what can be added to ``base``, taken from their rank on.
        levels: number of levels, as given to :func:`rank_prices`.

    Returns:
        change of content by action in each step, (m, n).
    """
    supply = _supply(base, segments, levels)
    return _forward(store, supply, _backward(store, supply))


def _supply(base: F64, segments: list[Segment], levels: int) -> F64:
    """Change by action at each level, (m, levels + 2, n): the first row is below all levels, the last as the highest."""
    m, n = base.shape
    supply = _memory("supply", (m, levels + 2, n))
    supply[:, 0], supply[:, 1:] = base, 0.0
    cells, below = supply.reshape(-1), np.arange(m)[:, None] * ((levels + 2) * n) + np.arange(n) + n
    for width, rank in segments:
        cells[below + np.intp(n) * rank] += width
    for level in range(1, levels + 2):
        supply[:, level] += supply[:, level - 1]
    return supply


def _backward(store: Store, supply: F64) -> F64:
    """Content at the end of each step at which one more unit is worth the level, as far as the bounds allow; as ``supply``.

    Of the rows beyond the levels one is a bound of the store, the other is out of the way (infinite), by how ``_forward`` chooses.
    """
    m, rows, n = supply.shape
    content, free = _memory("content", (m, rows, n)), np.empty((rows - 2, n))
    content[:-1, 0], content[:-1, -1] = store.high[:-1], np.minimum(store.low[:-1], store.high[:-1])
    content[-1] = np.where(np.arange(-1, rows - 1)[:, None] < store.worthless, store.high[-1], store.low[-1])
    content[:, 0 if store.late else -1] = np.inf if store.late else -np.inf
    leak = 1.0 / store.keep
    leaks, drifts = _leaks(store), _drifts(store)  # what does nothing is left out, to the same bits
    subtract, multiply, maximum, minimum = np.subtract, np.multiply, np.maximum, np.minimum
    inner, taken = content[:, 1:-1], supply[:, 1:-1]
    now = inner[-1]
    for t in range(m - 1, 0, -1):
        subtract(now, taken[t], free)
        if drifts:
            subtract(free, store.drift[t], free)
        if leaks:
            multiply(free, leak, free)
        maximum(free, store.low[t - 1], out=free)
        now = minimum(free, store.high[t - 1], out=inner[t - 1])
    return content


def _forward(store: Store, supply: F64, content: F64) -> F64:
    """Between two levels - the last refused, the first accepted - the action is free: a late store takes the least, others the most.

    Content falls with the level and supply rises, so where they cross, the least is the greatest over all levels of "what the level takes,
    or less if that fills up to its content", and the most is the smallest of "what it takes, or more if its content is not met".
    """
    m, rows, n = supply.shape
    change, missing = np.empty((m, n)), np.empty((rows, n))
    leaks, drifts, floored = _leaks(store), _drifts(store), store.floor > -np.inf
    limit, choose = (np.minimum, np.maximum.reduce) if store.late else (np.maximum, np.minimum.reduce)
    subtract, maximum = np.subtract, np.maximum
    now = store.start
    for goal, taken, drift, moved in zip(content, supply, store.drift, change, strict=True):
        free = store.keep * now if leaks else now
        if drifts:
            free = free + drift
        subtract(goal, free, missing)
        limit(missing, taken, out=missing)
        choose(missing, axis=0, out=moved)
        now = free + moved
        if floored:
            maximum(now, store.floor, out=now)
    return change


def _leaks(store: Store) -> bool:
    return bool((store.keep != 1.0).any())


def _drifts(store: Store) -> bool:
    return bool(store.drift.any())


_LOCAL = threading.local()


def _memory(name: str, shape: tuple[int, ...]) -> F64:
    """An array that is only used until the next call: pages fresh from the system would cost more than the arithmetic on them."""
    size = prod(shape)
    if getattr(_LOCAL, name, np.empty(0)).size < size:
        setattr(_LOCAL, name, np.empty(size))
    memory: F64 = getattr(_LOCAL, name)
    return memory[:size].reshape(shape)
