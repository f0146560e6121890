import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from agents.strategies.home_store import LEVELS, Segment, Store, rank_prices, reach, solve

STEPS = 12


def problem(seed: int, n: int, steps: int = STEPS):
    """Stores with a supply in two segments a step: every price of a leaking store is another, seen from the first instant."""
    chance = np.random.default_rng(seed)
    keep = np.where(chance.random(n) < 0.5, 1.0, chance.uniform(0.8, 1.0, n))
    low = np.where(chance.random((steps, n)) < 0.2, chance.uniform(0, 4, (steps, n)), 0.0)
    store = Store(
        start=chance.uniform(0, 5, n),
        keep=keep,
        drift=-chance.uniform(0, 0.6, (steps, n)),
        low=low,
        high=np.full((steps, n), 6.0),
        floor=-np.inf,
        worthless=np.zeros(n, np.int8),
        late=bool(chance.integers(2)),
    )
    cheap, dear = chance.choice([0.1, 0.2, 0.3], (steps, n)), chance.choice([0.4, 0.5, 0.6], (steps, n))
    wide = [chance.uniform(0, 1.0, (steps, n)), chance.uniform(0.5, 2.0, (steps, n))]
    return store, (cheap, dear), wide


def ranked(store, prices, wide):
    worth = np.multiply.accumulate(np.broadcast_to(store.keep, wide[0].shape), axis=0)
    *ranks, zero = rank_prices([price * worth for price in prices] + [np.zeros((1, worth.shape[1]))])
    reachable = store._replace(worthless=zero[0], low=np.minimum(store.low, reach(store, wide[0] + wide[1])))
    return reachable, [Segment(width, rank) for width, rank in zip(wide, ranks, strict=True)]


def best(store, prices, wide, i: int) -> tuple[float, np.ndarray]:
    """The same problem as a linear programme, contents eliminated: cost and what is taken of both segments (2, m)."""
    m = len(wide[0])
    weight = np.array([[store.keep[i] ** (t - s) if s <= t else 0.0 for s in range(m)] for t in range(m)])
    free = np.array([store.keep[i] ** (t + 1) * store.start[i] for t in range(m)]) + weight @ store.drift[:, i]
    both = np.hstack([weight, weight])
    bounds = [(0, w) for width in wide for w in width[:, i]]
    limits = np.concatenate([free - store.low[:, i] + 1e-9, np.maximum(store.high[:, i] - free, 0.0) + 1e-9])
    found = linprog(np.concatenate([p[:, i] for p in prices]), np.vstack([-both, both]), limits, bounds=bounds)
    assert found.status == 0, found.message
    return float(found.fun), found.x.reshape(2, m)


def paid(change, prices, wide) -> np.ndarray:
    first = np.minimum(change, wide[0])
    return np.cumsum(first * prices[0] + (change - first) * prices[1], axis=0)[-1]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
@example(10000)
def test_with_a_rank_for_each_price_the_cheapest_run_costs_what_the_linear_programme_costs(seed):
    store, prices, wide = problem(seed, 6)
    reachable, segments = ranked(store, prices, wide)
    change = solve(reachable, np.zeros_like(wide[0]), segments)
    content = store.start
    for t in range(STEPS):
        content = store.keep * content + store.drift[t] + change[t]
        assert (content >= reachable.low[t] - 1e-9).all()
        assert (content <= np.maximum(store.high[t], content - change[t]) + 1e-9).all()
    optimum = [best(reachable, prices, wide, i)[0] for i in range(6)]
    np.testing.assert_allclose(paid(change, prices, wide), optimum, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_prices_that_share_a_level_cost_at_most_what_their_level_is_wide(seed):
    """A plan is the cheapest at prices moved within their level, so p u - p u' <= sum of half the width of the level times u + u'."""
    store, prices, wide = problem(seed, 4, steps=48)
    reachable, segments = ranked(store, prices, wide)
    change = solve(reachable, np.zeros_like(wide[0]), segments)
    cost, took = paid(change, prices, wide), np.stack([np.minimum(change, wide[0]), np.maximum(change - wide[0], 0.0)])
    worth = np.multiply.accumulate(np.broadcast_to(store.keep, wide[0].shape), axis=0)
    for i in range(4):
        at_first = np.stack(prices)[:, :, i] * worth[:, i]
        rank = np.stack([segment.rank for segment in segments])[:, :, i]
        half = np.empty_like(at_first)
        for level in np.unique(rank):
            half[rank == level] = np.ptp(at_first[rank == level]) / 2
        optimum, cheapest = best(reachable, prices, wide, i)
        loss = (half / worth[:, i] * (took[:, :, i] + cheapest)).sum()
        assert optimum - 1e-6 <= cost[i] <= optimum + loss + 1e-6


@given(st.lists(st.sampled_from([0.0, 0.1, 0.1000001, 0.25, -0.05, 3.0]), min_size=1, max_size=40))
def test_ranks_keep_the_order_and_separate_what_is_wide_apart(prices):
    column = np.array(prices)[:, None]
    rank = rank_prices([column])[0]
    assert rank.min() >= 3
    assert rank.max() <= LEVELS - 3
    higher = column > column.T
    assert (rank >= rank.T)[higher].all()
    span = column.max() - column.min()
    assert (rank > rank.T)[column - column.T > 0.2 * span + 1e-12].all()


def test_ranks_of_a_home_depend_on_its_prices_alone():
    table = np.random.default_rng(1).uniform(0, 1, (50, 9))
    together = rank_prices([table])[0]
    for i in range(9):
        np.testing.assert_array_equal(
            rank_prices([np.ascontiguousarray(table[:, i : i + 1])])[0], together[:, i : i + 1]
        )


def test_an_unreachable_demand_gets_the_greatest_effort():
    store = Store(
        start=np.zeros(1), keep=np.ones(1), drift=np.zeros((4, 1)), low=np.full((4, 1), 9.0), high=np.full((4, 1), 9.0),
        floor=0.0, worthless=np.full(1, 2, np.int8), late=False,
    )  # fmt: skip
    change = solve(store, np.zeros((4, 1)), [Segment(np.ones((4, 1)), np.full((4, 1), 5, np.int8))])
    np.testing.assert_array_equal(change, np.ones((4, 1)))


def test_what_is_worth_nothing_afterwards_is_taken_out_and_left_out():
    """A full store that can give, nothing to keep it for: it gives while that pays, to its lower bound, late or early."""
    shape = (4, 1)
    store = Store(
        start=np.full(1, 2.0), keep=np.ones(1), drift=np.zeros(shape), low=np.zeros(shape), high=np.full(shape, 2.0),
        floor=0.0, worthless=np.full(1, 2, np.int8), late=False,
    )  # fmt: skip
    give = Segment(np.ones(shape), np.array([[9], [9], [5], [5]], np.int8))
    np.testing.assert_array_equal(solve(store, -np.ones(shape), [give]), [[-1.0], [-1.0], [0.0], [0.0]])
