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

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.strategies.home_view import F64

Ranks = NDArray[np.int8]

LEVELS = 32
"""Levels of marginal value: 0 refuses everything, 1 takes what is ordered, 2 .. LEVELS - 2 are prices, LEVELS - 1 takes whatever
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
    """Ranks 2 .. levels - 2 of prices among the prices of their home.

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
    room = levels - 4 - signs[:, -1:]
    crowded = np.minimum(share * (room + 1), room).astype(np.int8) + signs
    single = np.cumsum(gap > 0, axis=1)
    ranks = np.empty(table.shape, np.int8)
    np.put_along_axis(ranks, order, np.where(single[:, -1:] <= levels - 4, single, crowded).astype(np.int8) + 2, axis=1)
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
    wanted = _backward(store, base, segments, levels)
    return _forward(store, base, segments, wanted)


def _backward(store: Store, base: F64, segments: list[Segment], levels: int) -> F64:
    """Content before action, after drift, below which a step takes up what the level affords: (m, levels + 2, n).

    It falls with the level; the first and the last row are +inf and -inf, what no level wants and what every level has.
    """
    m, n = store.drift.shape
    level = np.arange(levels, dtype=np.int8)[:, None]
    wanted = np.empty((m, levels + 2, n))
    wanted[:, 0], wanted[:, -1] = np.inf, -np.inf
    content = _at_the_end(store, level)
    taken, mask = np.empty((levels, n)), np.empty((levels, n), np.bool_)
    leak = 1.0 / store.keep
    leaks, drifts = (
        bool((leak != 1.0).any()),
        bool(store.drift.any()),
    )  # what does nothing is left out, to the same bits
    for t in range(m - 1, -1, -1):
        need = wanted[t, 1:-1]
        np.subtract(content, base[t], out=need)
        for width, rank in segments:
            if isinstance(rank, int):
                need[rank:] -= width[t]
            else:
                np.greater_equal(level, rank[t], out=mask)
                np.multiply(mask, width[t], out=taken)
                np.subtract(need, taken, out=need)
        if t:
            before = np.subtract(need, store.drift[t], out=content) if drifts else need
            before = np.multiply(before, leak, out=content) if leaks else before
            np.maximum(before, store.low[t - 1], out=content)
            np.minimum(content, store.high[t - 1], out=content)
    return wanted


def _at_the_end(store: Store, level: Ranks) -> F64:
    return np.asarray(np.where(level < store.worthless, store.high[-1], store.low[-1]))


def _forward(store: Store, base: F64, segments: list[Segment], wanted: F64) -> F64:
    """Between two levels - the last refused, the first accepted - the action is free: a late store takes the least, others the most."""
    m, rows, n = wanted.shape
    change, mask, column = np.empty((m, n)), np.empty((rows - 2, n), np.bool_), np.arange(n)
    total = base.copy()
    for width, _ in segments:
        total += width
    leak, now = 1.0 / store.keep, store.start
    for t in range(m):
        free = store.keep * now + store.drift[t]
        np.greater(wanted[t, 1:-1], free, out=mask)
        level = np.add.reduce(mask.view(np.int8), axis=0, dtype=np.int8)
        if t + 1 < m:
            edge = (level + np.intp(1) if store.late else level.astype(np.intp)) * n + column
            goal = (wanted[t + 1].ravel().take(edge) - store.drift[t + 1]) * leak
            goal = np.minimum(np.maximum(goal, store.low[t]), store.high[t])
        else:
            goal = _at_the_end(store, level if store.late else level - np.int8(1))
        taken = _taken(base[t], segments, t, level, beside=store.late)
        if store.late:
            change[t] = np.maximum(taken, np.minimum(goal - free, total[t]))
        else:
            change[t] = np.minimum(taken, np.maximum(goal - free, base[t]))
        now = np.maximum(free + change[t], store.floor)
    return change


def _taken(base: F64, segments: list[Segment], t: int, level: Ranks, *, beside: bool) -> F64:
    """What is taken up at a level, or just beside it, at the level below; (n,)."""
    taken = base
    for width, ranks in segments:
        rank = ranks if isinstance(ranks, int) else ranks[t]
        taken = taken + (level > rank if beside else level >= rank) * width[t]
    return taken
