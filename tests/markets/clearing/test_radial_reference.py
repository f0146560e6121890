"""The optimum clearing against a model written from the flows themselves, on random radial grids with block bids."""

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from markets.bids import Bid, BidColumns, NeedColumns, Sensitivities
from markets.clearing import network_aware

UNMET = 3.0
CASES = 200


def radial_case(number):
    """A tree of lines with net load behind each, some overloaded in direction up, and bids of which a third are blocks."""
    draw = np.random.default_rng(number)
    n = int(draw.integers(2, 9))
    parent = np.array(
        [-1, *(int(draw.integers(0, k)) for k in range(1, n))]
    )  # line k feeds node k; line 0 leaves the root
    behind = np.eye(n)
    for k in range(n - 1, 0, -1):
        behind[parent[k]] += behind[k]
    load = draw.uniform(-20, 60, n)
    flow = behind @ load
    limit = np.maximum(np.abs(flow) * draw.uniform(0.6, 1.6, n), 1.0)
    limit = np.where(flow < -limit, -flow + 1.0, limit)  # nothing is overloaded by generation: direction up only
    count = int(draw.integers(1, 13))
    quantity = np.round(draw.uniform(1, 30, count), 1)
    bids = [
        Bid(
            bid=f"b{j:02d}", fsp="f", area=f"n{draw.integers(0, n)}", direction="up", t_ms=0, quantity_kw=float(quantity[j]),
            price_eur_per_kwh=float(np.round(draw.uniform(0.05, 3.5), 2)), received_ms=int(draw.integers(0, 3)),
            divisible=bool(draw.random() > 0.35), min_acceptance_kw=float(quantity[j] * draw.choice([0.0, 0.0, 0.5])),
        )
        for j in range(count)
    ]  # fmt: skip
    return behind, flow, limit, bids


def cleared(behind, flow, limit, bids):
    n = len(flow)
    lines, nodes = tuple(f"line-{k}" for k in range(n)), tuple(f"n{k}" for k in range(n))
    needs = NeedColumns.of((lines[k], "up", 0, max(flow[k] - limit[k], 0.0)) for k in range(n))
    rooms = NeedColumns.of((lines[k], "up", 0, flow[k] + limit[k]) for k in range(n))
    network = Sensitivities(lines, nodes, behind)
    return network_aware.clear(BidColumns.of(bids), needs, network, hours=1.0, unmet_eur_per_kwh=UNMET, headrooms=rooms)


def cheapest(behind, flow, limit, bids):
    """Least cost of keeping every line within its limit, by scipy: x, on, unmet; an overload that stays costs its price."""
    at = np.array([int(bid.area[1:]) for bid in bids])
    n, count = len(flow), len(bids)
    relief = behind[:, at]
    over = flow > limit
    price = np.array([bid.price_eur_per_kwh for bid in bids])
    most = np.array([bid.quantity_kw for bid in bids])
    least = np.array([bid.quantity_kw if not bid.divisible else bid.min_acceptance_kw for bid in bids])
    zeros = np.zeros((n, count))
    within = LinearConstraint(np.hstack([-relief, zeros, -np.eye(n)]), -np.inf, limit - flow)
    not_reversed = LinearConstraint(np.hstack([relief, zeros, np.zeros((n, n))]), -np.inf, flow + limit)
    eye = np.eye(count)
    whole = LinearConstraint(np.hstack([eye, -np.diag(most), np.zeros((count, n))]), -np.inf, 0)
    part = LinearConstraint(np.hstack([eye, -np.diag(least), np.zeros((count, n))]), 0, np.inf)
    found = milp(
        np.concatenate([price, np.zeros(count), np.full(n, UNMET)]),
        constraints=[within, not_reversed, whole, part],
        integrality=np.concatenate([np.zeros(count), np.ones(count), np.zeros(n)]),
        bounds=Bounds(0, np.concatenate([most, np.ones(count), np.where(over, np.inf, 0.0)])),
        options={"mip_rel_gap": 0.0},
    )
    assert found.success
    return found.fun


def test_200_random_radial_grids_are_cleared_at_the_least_cost():
    gaps, blocks, full, unmet = [], 0, 0, 0
    for number in range(CASES):
        behind, flow, limit, bids = radial_case(number)
        found = cleared(behind, flow, limit, bids)
        cost = found.cost_eur + UNMET * float(found.unmet_kw.sum())
        gaps.append(abs(cost - cheapest(behind, flow, limit, bids)))
        left = flow - behind[:, [int(bid.area[1:]) for bid in bids]] @ found.accepted_kw
        np.testing.assert_array_less(left - limit, found.unmet_kw + 1e-6)
        np.testing.assert_array_less(-left - limit, 1e-6)
        blocks += sum(taken > 0 and not bid.divisible for bid, taken in zip(bids, found.accepted_kw, strict=True))
        full += bool(found.unmet_kw.sum() < 1e-9 and found.accepted_kw.any())
        unmet += bool(found.unmet_kw.sum() > 1e-9)
    assert max(gaps) <= 1e-6, f"largest gap {max(gaps):.2e} EUR in case {int(np.argmax(gaps))}"
    assert min(blocks, full, unmet) > 20, "the cases must try blocks, needs that are met, and needs that are not"


@pytest.mark.parametrize("number", range(10))
def test_a_radial_grid_is_cleared_the_same_in_any_order(number):
    behind, flow, limit, bids = radial_case(number)
    order = np.random.default_rng(1000 + number).permutation(len(bids))
    first = cleared(behind, flow, limit, bids).accepted_kw
    second = cleared(behind, flow, limit, [bids[k] for k in order]).accepted_kw
    assert (first[order] == second).all()
