"""The network-aware rule at every size of grid: from single watts to gigawatts, with sensitivities as power flows give them."""

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_matrix

from markets.bids import BidColumns, NeedColumns, Sensitivities
from markets.clearing import network_aware
from markets.clearing.outcome import Problem

UNMET = 3.0


def problem(seed, scale, blocks):
    """A random problem of one interval with quantities around ``scale`` kW."""
    rng = np.random.default_rng(seed)
    n, k, h = int(rng.integers(1, 30 if blocks else 150)), int(rng.integers(1, 6)), int(rng.integers(0, 8))
    table = rng.uniform(-0.1, 1.1, (k + h, n)) * (rng.random((k + h, n)) < 0.7)
    table[np.abs(table) < 1e-5] = 0.0
    quantity = rng.uniform(0.1, 9.0, n) * scale
    least = np.where(rng.random(n) < 0.3, quantity * rng.choice([0.5, 1.0], n), 0.0) if blocks else np.zeros(n)
    room = rng.uniform(0, n, (2, h)) * scale
    return Problem(
        np.arange(n), np.arange(k), rng.uniform(0, 1, n), quantity, least, rng.uniform(0, n, k) * scale, table[:k], csr_matrix(table[k:]),
        -room[0], room[1],
    )  # fmt: skip


def cost_of(p, accepted_kw):
    """Bids at their prices and unmet needs at theirs, per hour."""
    unmet = np.maximum(p.need_kw - p.relief @ accepted_kw, 0.0)
    return float(p.cost @ accepted_kw + UNMET * unmet.sum())


def second_opinion(p, scale):
    """The least cost as another formulation has it: explicit binaries, another solver interface, quantities per ``scale``."""
    (k, n), h = p.relief.shape, p.guard.shape[0]
    zero = np.zeros
    rows = [
        np.hstack([p.relief, np.eye(k), zero((k, n))]),
        np.hstack([p.guard.toarray(), zero((h, k)), zero((h, n))]),
        np.hstack([np.eye(n), zero((n, k)), -np.diag(p.quantity_kw / scale)]),
        np.hstack([np.eye(n), zero((n, k)), -np.diag(p.least_kw / scale)]),
    ]
    low = np.concatenate([p.need_kw / scale, p.guard_low_kw / scale, np.full(n, -np.inf), zero(n)])
    high = np.concatenate([np.full(k, np.inf), p.guard_high_kw / scale, zero(n), np.full(n, np.inf)])
    found = milp(
        np.concatenate([p.cost, np.full(k, UNMET), zero(n)]),
        integrality=np.concatenate([zero(n + k), p.least_kw > 0]),
        bounds=Bounds(0, np.concatenate([p.quantity_kw / scale, np.full(k, np.inf), np.ones(n)])),
        constraints=LinearConstraint(np.vstack(rows), low, high),
        options={"mip_rel_gap": 0.0},
    )
    return float(found.fun * scale)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("blocks", [False, True])
def test_the_optimum_is_found_at_every_scale(scale, blocks):
    for seed in range(15):
        p = problem(seed, scale, blocks)
        accepted = network_aware.ReliefModel(p.relief, p.guard).solve(p, UNMET).accepted_kw
        assert cost_of(p, accepted) == pytest.approx(second_opinion(p, scale), rel=1e-6, abs=1e-6 * scale)
        moved = p.guard @ accepted
        assert (moved <= p.guard_high_kw + 1e-6 * scale).all()
        assert (moved >= p.guard_low_kw - 1e-6 * scale).all()


def test_shadow_prices_are_the_duals_of_the_linear_programme():
    for seed in range(15):
        p = problem(seed, 1.0, blocks=False)
        k = len(p.relief)
        found = linprog(
            np.concatenate([p.cost, np.full(k, UNMET)]),
            A_ub=np.vstack([-np.hstack([p.relief, np.eye(k)]), np.hstack([p.guard.toarray(), np.zeros((p.guard.shape[0], k))]),
                            -np.hstack([p.guard.toarray(), np.zeros((p.guard.shape[0], k))])]),
            b_ub=np.concatenate([-p.need_kw, p.guard_high_kw, -p.guard_low_kw]),
            bounds=[(0, q) for q in p.quantity_kw] + [(0, None)] * k,
        )  # fmt: skip
        solution = network_aware.ReliefModel(p.relief, p.guard).solve(p, UNMET)
        np.testing.assert_allclose(solution.shadow, -found.ineqlin.marginals[:k], atol=1e-5)


def test_quantities_scale_and_prices_do_not():
    n = 12
    rng = np.random.default_rng(1)
    bids = BidColumns(
        np.array([f"b{j:02d}" for j in range(n)]), np.full(n, "f"), np.full(n, "a"), np.ones(n, bool),
        np.zeros(n, np.int64), rng.uniform(1, 9, n), rng.uniform(0.1, 1, n), np.zeros(n, np.int64), np.zeros(n),
        np.ones(n, bool),
    )  # fmt: skip
    network = Sensitivities(("c",), ("a",), np.full((1, 1), 0.9))
    outcomes = []
    for factor in (1.0, 1024.0):
        larger = BidColumns(**{**vars(bids), "quantity_kw": bids.quantity_kw * factor})
        needs = NeedColumns.of([("c", "up", 0, 20.0 * factor)])
        outcomes.append(network_aware.clear(larger, needs, network, hours=1.0, unmet_eur_per_kwh=UNMET))
    assert (outcomes[0].accepted_kw * 1024.0 == outcomes[1].accepted_kw).all()
    assert (outcomes[0].shadow_eur_per_kwh == outcomes[1].shadow_eur_per_kwh).all()
