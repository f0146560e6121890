"""The cheapest way to run one first-order store against stepped prices, for many homes at once: no grid over the state.

A store x+ = keep x + drift + u with a marginal cost that rises in steps has a convex, piecewise linear value function V. Dynamic
programming on V adds cost curves sideways (infimal convolution). Seen from the derivative's inverse - the content S(mu) at which
one more unit is worth mu - that sum is an ordinary sum, separately for every mu:

    S_t(mu) = clip( (S_{t+1}(mu) - drift_t - U_t(mu)) / keep,  low_t,  high_t )

where U_t(mu) is what the store takes up in step t if a unit is worth mu: all segments of the supply that cost no more. So the
backward pass is exact at every level of mu, levels do not interact, and the forward pass only looks up between which two levels
the present content lies. Levels are ranks of the distinct prices of the row (exact when they are few; beyond that neighbours
share a level and the loss is of second order in its width). Values of a leaking store are carried back to the first instant,
``mu_0 = mu_t keep^t``, so that one level means the same marginal value at all instants.

Arrays are time-major here, (m, n) with the homes last: each operation runs over levels x homes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.strategies.home_view import F64, Bool

Ranks = NDArray[np.int8]

LEVELS = 32
"""Levels of marginal value: 0 refuses everything, 1 .. LEVELS - 2 are prices, LEVELS - 1 takes whatever can be had."""


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
    """A part of the supply: content it brings, and the level from which on it is worth taking, (m, n) each."""

    width: F64
    rank: Ranks


def rank_prices(prices: list[F64], levels: int = LEVELS) -> list[Ranks]:
    """Ranks 1 .. levels - 2 of prices among the distinct prices of their home.

    Args:
        prices: arrays (m_i, n) of prices of one unit of content.
        levels: number of levels; distinct prices beyond ``levels - 2`` share ranks with their neighbours.

    Returns:
        int8 arrays of the same shapes; a higher price never has a lower rank.
    """
    table = np.concatenate(prices, axis=0).T
    order = np.argsort(table, axis=1)
    ordered = np.take_along_axis(table, order, axis=1)
    distinct = np.cumsum(np.diff(ordered, axis=1, prepend=ordered[:, :1]) > 0, axis=1)
    buckets = levels - 2
    count = np.maximum(distinct[:, -1:] + 1, buckets)
    ranks = np.empty(table.shape, np.int8)
    np.put_along_axis(ranks, order, (1 + distinct * buckets // count).astype(np.int8), axis=1)
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
    """Content before action, after drift, from which on a step refuses the level: (m, levels, n), falling with the level."""
    m, n = store.drift.shape
    level = np.arange(levels, dtype=np.int8)[:, None]
    wanted = np.empty((m, levels, n))
    content = np.where(level < store.worthless, store.high[-1], store.low[-1])
    taken = np.empty((levels, n))
    mask = np.empty((levels, n), np.bool_)
    leak = 1.0 / store.keep
    for t in range(m - 1, -1, -1):
        need = wanted[t]
        np.subtract(content, base[t], out=need)
        for width, rank in segments:
            np.greater_equal(level, rank[t], out=mask)
            np.multiply(mask, width[t], out=taken)
            np.subtract(need, taken, out=need)
        if t:
            np.subtract(need, store.drift[t], out=content)
            np.multiply(content, leak, out=content)
            np.maximum(content, store.low[t - 1], out=content)
            np.minimum(content, store.high[t - 1], out=content)
    return wanted


def _forward(store: Store, base: F64, segments: list[Segment], wanted: F64) -> F64:
    m, levels, n = wanted.shape
    change = np.empty((m, n))
    mask = np.empty((levels, n), np.bool_)
    now = store.start
    for t in range(m):
        free = store.keep * now + store.drift[t]
        np.greater(wanted[t], free, out=mask)
        level = np.add.reduce(mask.view(np.int8), axis=0, dtype=np.int8)
        least, most = _between(base[t], segments, t, level)
        if t + 1 < m:
            below = _content(store, wanted[t + 1], t, level, store.high[t], high=True)
            above = _content(store, wanted[t + 1], t, level, store.low[t], high=False)
        else:
            below = np.where((level <= store.worthless) | (level == 0), store.high[t], store.low[t])
            above = np.where(level < store.worthless, store.high[t], store.low[t])
        change[t] = _choose(free, least, most, below, above, late=store.late)
        now = np.maximum(free + change[t], store.floor)
    return change


def _between(base: F64, segments: list[Segment], t: int, level: Ranks) -> tuple[F64, F64]:
    """What is taken up just below a level and at it, (n,)."""
    least, most = base, base
    for width, rank in segments:
        least = least + np.where(rank[t] < level, width[t], 0.0)
        most = most + np.where(rank[t] <= level, width[t], 0.0)
    return least, most


def _content(store: Store, wanted: F64, t: int, level: Ranks, end: F64, *, high: bool) -> F64:
    """Content wanted at the end of step t just below a level (``high``) or at it; ``end`` beyond the outermost levels."""
    levels, n = wanted.shape
    at = level.astype(np.intp) - 1 if high else level.astype(np.intp)
    inside = (at >= 0) & (at < levels)
    picked = wanted[np.clip(at, 0, levels - 1), np.arange(n)]
    content = (picked - store.drift[t + 1]) * (1.0 / store.keep)
    return np.where(inside, np.minimum(np.maximum(content, store.low[t]), store.high[t]), end)


def _choose(free: F64, least: F64, most: F64, below: F64, above: F64, *, late: bool) -> F64:
    """Change within [least, most] that leads into the contents [above, below] of the bracket, as little or as much as possible.

    The bracket's two ends are the level just refused and the level just accepted; both intervals meet by monotony.
    """
    if late:
        return np.maximum(least, np.minimum(above - free, most))
    return np.minimum(most, np.maximum(below - free, least))


def clean(mask: Bool, value: F64) -> F64:
    """The values where the mask holds, exact zeros elsewhere."""
    return np.where(mask, value, 0.0)
