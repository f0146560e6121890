"""The network-aware rule: an optimum, unique, checked against a readable reference model."""

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from markets.bids import Bid, BidColumns, NeedColumns, Sensitivities
from markets.clearing import merit_order, network_aware
from markets.clearing.outcome import (
    DEARER_THAN_UNMET,
    INDIVISIBLE,
    NO_HEADROOM,
    NO_NEED,
    NO_RELIEF,
    OUTBID,
    PARTLY,
    Problem,
    problems,
)
from tests.markets.market_cases import AREAS, CONSTRAINTS, HOURS, UNMET, Market, markets

FEW = settings(max_examples=30, deadline=None)


def value_of(market, outcome):
    """What the buyer minimises: bids at their prices plus unmet needs at the stated price [EUR]."""
    return outcome.cost_eur + float(outcome.unmet_kw.sum()) * UNMET * HOURS


def reference_optimum(market):
    """The same optimum from a pyomo model with explicit binaries [EUR]."""
    total = 0.0
    unsolved = market.needs.quantity_kw.sum()
    for problem in problems(market.bids, market.needs, market.network, market.headrooms):
        total += _pyomo(problem) * HOURS
        unsolved -= problem.need_kw.sum()
    return total + float(unsolved) * UNMET * HOURS


def _pyomo(problem):
    model = pyo.ConcreteModel()
    bids, needs = range(len(problem.cost)), range(len(problem.need_kw))
    model.x = pyo.Var(bids, domain=pyo.NonNegativeReals)
    model.on = pyo.Var(bids, domain=pyo.Binary)
    model.unmet = pyo.Var(needs, domain=pyo.NonNegativeReals)
    model.cost = pyo.Objective(
        expr=sum(problem.cost[j] * model.x[j] for j in bids) + UNMET * sum(model.unmet[k] for k in needs)
    )
    model.rows = pyo.ConstraintList()
    for j in bids:
        model.rows.add(model.x[j] <= problem.quantity_kw[j] * model.on[j])
        model.rows.add(model.x[j] >= problem.least_kw[j] * model.on[j])
    for k in needs:
        model.rows.add(sum(problem.relief[k, j] * model.x[j] for j in bids) + model.unmet[k] >= problem.need_kw[k])
    guard = problem.guard.toarray()
    for g in range(len(guard)):
        moved = sum(guard[g, j] * model.x[j] for j in bids)
        if not len(bids) or not guard[g].any():
            continue
        if np.isfinite(problem.guard_high_kw[g]):
            model.rows.add(moved <= problem.guard_high_kw[g])
        if np.isfinite(problem.guard_low_kw[g]):
            model.rows.add(moved >= problem.guard_low_kw[g])
    solver = pyo.SolverFactory("appsi_highs")
    solver.highs_options = {"mip_rel_gap": 0.0}
    solver.solve(model)
    return pyo.value(model.cost)


def one(bids, needs, table, constraints=("trafo",), areas=("a",), headrooms=(), unmet=UNMET):
    """Clear a hand-made case of one interval of an hour."""
    rows = [Bid(**({"fsp": "f", "area": "a", "direction": "up", "t_ms": 0, "received_ms": 0} | bid)) for bid in bids]
    return network_aware.clear(
        BidColumns.of(rows),
        NeedColumns.of([(c, "up", 0, q) for c, q in needs]),
        Sensitivities(constraints, areas, np.array(table, float)),
        hours=1.0,
        unmet_eur_per_kwh=unmet,
        headrooms=NeedColumns.of([(c, "up", 0, q) for c, q in headrooms]),
    )


@given(markets(divisible=False, max_size=8))
@settings(max_examples=25, deadline=None)
def test_agrees_with_a_readable_model_on_random_markets(market):
    outcome = market.cleared_by(network_aware)
    expected = reference_optimum(market)
    assert value_of(market, outcome) == pytest.approx(expected, abs=1e-6)


@given(markets(max_size=8), st.integers(0, 30), st.sampled_from(AREAS))
@FEW
def test_one_more_divisible_bid_never_costs_more(market, price, area):
    extra = Bid(
        bid="z", fsp="f", area=area, direction="up", t_ms=0, quantity_kw=7, price_eur_per_kwh=price / 10, received_ms=9
    )
    before = value_of(market, market.cleared_by(network_aware))
    more = market.bids.join(BidColumns.of([extra]))
    after = market.cleared_by(network_aware, bids=more)
    assert value_of(market, after) <= before + 1e-6


@given(markets(divisible=False))
@FEW
def test_intervals_cleared_alone_or_together_are_the_same(market):
    whole = market.cleared_by(network_aware)
    for t_ms in (0, 900_000):
        bids, needs = market.bids.t_ms == t_ms, market.needs.t_ms == t_ms
        alone = market.cleared_by(network_aware, bids=market.bids.take(bids), needs=market.needs.take(needs))
        assert (alone.accepted_kw == whole.accepted_kw[bids]).all()
        assert (alone.cleared_kw == whole.cleared_kw[needs]).all()
        assert (alone.shadow_eur_per_kwh == whole.shadow_eur_per_kwh[needs]).all()


@given(markets(divisible=False, max_size=8), st.integers(1, 20))
@FEW
def test_a_tighter_limit_never_costs_less(market, tighter):
    tight = NeedColumns(
        market.needs.constraint, market.needs.up, market.needs.t_ms, market.needs.quantity_kw + tighter / 2
    )
    before = value_of(market, market.cleared_by(network_aware))
    assert value_of(market, market.cleared_by(network_aware, needs=tight)) >= before - 1e-6


@given(markets(divisible=False, max_size=8), st.integers(1, 20))
@FEW
def test_less_headroom_never_costs_less(market, tighter):
    rooms = market.headrooms
    tight = NeedColumns(rooms.constraint, rooms.up, rooms.t_ms, np.maximum(rooms.quantity_kw - tighter / 2, 0.0))
    before = value_of(market, market.cleared_by(network_aware))
    assert value_of(market, market.cleared_by(network_aware, headrooms=tight)) >= before - 1e-6


@given(markets(guarded=False, constraints=("trafo",)))
@FEW
def test_one_constraint_and_divisible_bids_give_the_merit_order(market):
    optimum, greedy = market.cleared_by(network_aware), market.cleared_by(merit_order)
    np.testing.assert_allclose(optimum.accepted_kw, greedy.accepted_kw, atol=1e-6)
    np.testing.assert_allclose(optimum.cleared_kw, greedy.cleared_kw, atol=1e-6)


@given(markets(divisible=False, guarded=False))
@FEW
def test_the_optimum_is_never_dearer_than_the_merit_order(market):
    optimum, greedy = market.cleared_by(network_aware), market.cleared_by(merit_order)
    assert value_of(market, optimum) <= value_of(market, greedy) + 1e-6


@given(markets(divisible=False))
@FEW
def test_no_limit_is_broken_and_no_smallest_part_undercut(market):
    outcome = market.cleared_by(network_aware)
    taken = outcome.accepted_kw > 0
    assert (outcome.accepted_kw[taken] >= market.bids.least_kw[taken]).all()
    relief = market.network.between(market.headrooms.constraint, market.bids.area)
    for k in range(len(market.headrooms)):
        here = (market.bids.t_ms == market.headrooms.t_ms[k]) & (market.bids.up == market.headrooms.up[k])
        assert relief[k, here] @ outcome.accepted_kw[here] <= market.headrooms.quantity_kw[k] + 1e-6


def test_equal_bids_are_taken_by_time_of_receipt_then_name():
    bids = [
        {"bid": "c", "quantity_kw": 2, "price_eur_per_kwh": 1, "received_ms": 5},
        {"bid": "b", "quantity_kw": 2, "price_eur_per_kwh": 1, "received_ms": 4},
        {"bid": "a", "quantity_kw": 2, "price_eur_per_kwh": 1, "received_ms": 5},
    ]
    outcome = one(bids, [("trafo", 3)], [[1]])
    assert outcome.accepted_kw.tolist() == [0, 2, 1]
    assert outcome.reason.tolist() == [OUTBID, "", PARTLY]


def test_too_little_flexibility_is_an_unmet_need():
    outcome = one([{"bid": "a", "quantity_kw": 2, "price_eur_per_kwh": 1}], [("trafo", 3)], [[1]])
    assert outcome.unmet_kw.tolist() == [1]
    assert outcome.shadow_eur_per_kwh[0] == pytest.approx(UNMET)


def test_no_bid_at_all():
    outcome = one([], [("trafo", 3)], [[1]])
    assert outcome.unmet_kw.tolist() == [3]
    assert outcome.cost_eur == 0


def test_reasons_name_what_kept_a_bid_out():
    bids = [
        {"bid": "a", "area": "a", "quantity_kw": 2, "price_eur_per_kwh": 1},
        {"bid": "b", "area": "b", "quantity_kw": 2, "price_eur_per_kwh": 1},
        {"bid": "c", "area": "a", "quantity_kw": 2, "price_eur_per_kwh": 9},
        {"bid": "d", "area": "a", "quantity_kw": 2, "price_eur_per_kwh": 1, "t_ms": 900_000},
        {"bid": "e", "area": "a", "quantity_kw": 2, "price_eur_per_kwh": 1, "direction": "down"},
    ]
    outcome = one(bids, [("trafo", 2)], [[1, 0]], areas=("a", "b"))
    assert outcome.reason.tolist() == ["", NO_RELIEF, DEARER_THAN_UNMET, NO_NEED, NO_NEED]


def test_a_full_line_keeps_a_cheap_bid_out():
    bids = [
        {"bid": "far", "area": "b", "quantity_kw": 5, "price_eur_per_kwh": 0.1},
        {"bid": "near", "area": "a", "quantity_kw": 5, "price_eur_per_kwh": 0.4},
    ]
    table = [[1, 1], [0, 1]]
    outcome = one(bids, [("root", 3)], table, ("root", "branch"), ("a", "b"), headrooms=[("branch", 0)])
    assert outcome.accepted_kw.tolist() == [0, 3]
    assert outcome.reason.tolist() == [NO_HEADROOM, PARTLY]


def test_an_indivisible_bid_that_is_too_large_for_its_worth_stays_out():
    bids = [{"bid": "a", "quantity_kw": 10, "price_eur_per_kwh": 4, "divisible": False}]
    outcome = one(bids, [("trafo", 1)], [[1]])
    assert outcome.accepted_kw.tolist() == [0]
    assert outcome.reason.tolist() == [INDIVISIBLE]


def test_an_indivisible_bid_is_taken_whole_where_that_is_cheapest():
    bids = [
        {"bid": "block", "quantity_kw": 10, "price_eur_per_kwh": 0.1, "divisible": False},
        {"bid": "small", "quantity_kw": 4, "price_eur_per_kwh": 0.3},
    ]
    outcome = one(bids, [("trafo", 4)], [[1]])
    assert outcome.accepted_kw.tolist() == [10, 0]
    assert outcome.cleared_kw.tolist() == [4]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"quantity_kw": -1}, "quantities"),
        ({"price_eur_per_kwh": float("nan")}, "prices"),
        ({"min_acceptance_kw": 9}, "min_acceptance_kw"),
    ],
)
def test_senseless_bids_are_refused_by_name(bad, said):
    bid = {"bid": "a", "quantity_kw": 2, "price_eur_per_kwh": 1} | bad
    with pytest.raises(ValueError, match=said):
        one([bid], [("trafo", 1)], [[1]])


def test_an_unknown_area_names_what_exists():
    with pytest.raises(ValueError, match=r"unknown area: nowhere; known: a"):
        one([{"bid": "a", "area": "nowhere", "quantity_kw": 2, "price_eur_per_kwh": 1}], [("trafo", 1)], [[1]])


def test_a_day_of_a_thousand_bids_is_cleared_quickly():
    rng = np.random.default_rng(5)
    n = 96 * 20
    bids = BidColumns(
        np.array([f"b{k:05d}" for k in range(n)]), np.full(n, "f"), rng.choice(AREAS, n), np.ones(n, bool),
        np.repeat(np.arange(96) * 900_000, 20), rng.uniform(1, 9, n), rng.uniform(0.1, 1, n),
        np.zeros(n, np.int64), np.zeros(n), np.ones(n, bool),
    )  # fmt: skip
    needs = NeedColumns.of([(c, "up", t * 900_000, 30.0) for c in CONSTRAINTS for t in range(96)])
    network = Sensitivities(CONSTRAINTS, AREAS, np.array([[1, 1, 1], [1, 0, 0], [0, 1, 1.0]]))
    market = Market(bids, needs, network, NeedColumns.of([]))
    outcome = market.cleared_by(network_aware)
    assert value_of(market, outcome) <= value_of(market, market.cleared_by(merit_order)) + 1e-6


def test_hours_and_the_price_of_an_unmet_need_must_make_sense():
    with pytest.raises(ValueError, match="price of an unmet need"):
        one([], [("trafo", 1)], [[1]], unmet=0.0)


def test_a_solver_that_gives_up_says_so():
    nothing_fits = Problem(
        bid_rows=np.arange(1), need_rows=np.arange(1), cost=np.ones(1), quantity_kw=np.ones(1), least_kw=np.zeros(1),
        need_kw=np.ones(1), relief=np.ones((1, 1)), guard=csr_matrix(np.ones((1, 1))), guard_low_kw=np.full(1, 5.0),
        guard_high_kw=np.full(1, 6.0),
    )  # fmt: skip
    with pytest.raises(RuntimeError, match="Infeasible"):
        network_aware.ReliefModel(nothing_fits.relief, nothing_fits.guard).solve(nothing_fits, UNMET)


def test_relief_that_makes_another_need_worse_is_counted_there():
    table = [[-0.5], [1.0]]
    outcome = one(
        [{"bid": "a", "quantity_kw": 4, "price_eur_per_kwh": 0}], [("x", 3), ("y", 4)], table, constraints=("x", "y")
    )
    assert outcome.accepted_kw.tolist() == [4]
    assert outcome.cleared_kw.tolist() == [-2, 4]
    assert outcome.unmet_kw.tolist() == [5, 0]


@pytest.mark.parametrize("rule", [network_aware, merit_order])
@pytest.mark.parametrize(("relief", "price"), [(1.0, 3.0), (0.3, 0.9), (0.7, 2.1)])
def test_a_bid_at_exactly_the_price_of_an_unmet_need_is_bought(rule, relief, price):
    bid = Bid(
        bid="b", fsp="f", area="a", direction="up", t_ms=0, quantity_kw=2.0, price_eur_per_kwh=price, received_ms=0
    )
    need = NeedColumns.of([("c", "up", 0, relief)])
    network = Sensitivities(("c",), ("a",), np.array([[relief]]))
    outcome = rule.clear(BidColumns.of([bid]), need, network, hours=1.0, unmet_eur_per_kwh=3.0)
    assert outcome.accepted_kw == pytest.approx([1.0])
    assert outcome.shadow_eur_per_kwh == pytest.approx([3.0])
