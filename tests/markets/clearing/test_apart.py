"""Constraints that no bid acts on together are cleared apart, as they would be together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.bids import Bid, BidColumns, NeedColumns, Sensitivities
from markets.clearing import network_aware
from markets.clearing.outcome import NO_RELIEF, problems

GRIDS, AREAS = 3, 2


def district(seed):
    """Three grids of two areas each, a need in each grid and a guarded feeder in each; one bid more in an area that helps nobody."""
    rng = np.random.default_rng(seed)
    areas = tuple(f"g{g}/a{a}" for g in range(GRIDS) for a in range(AREAS))
    constraints = (*(f"need{g}" for g in range(GRIDS)), *(f"guard{g}" for g in range(GRIDS)), "trunk")
    table = np.zeros((len(constraints), len(areas) + 1))
    for g in range(GRIDS):
        here = slice(AREAS * g, AREAS * (g + 1))
        table[g, here] = rng.uniform(0.5, 1.0, AREAS)
        table[GRIDS + g, here.start] = 1.0
    bids = [
        Bid(bid=f"{area}/{k}", fsp="f", area=area, direction="up", t_ms=0, quantity_kw=float(rng.uniform(1.0, 5.0)),
            price_eur_per_kwh=float(rng.uniform(0.1, 0.5)), received_ms=int(rng.integers(0, 9)))
        for area in (*areas, "elsewhere") for k in range(3)
    ]  # fmt: skip
    needs = NeedColumns.of([(f"need{g}", "up", 0, float(rng.uniform(2.0, 12.0))) for g in range(GRIDS)])
    rooms = [(f"guard{g}", "up", 0, float(rng.uniform(1.0, 8.0))) for g in range(GRIDS)]
    return BidColumns.of(bids), needs, Sensitivities(constraints, (*areas, "elsewhere"), table), rooms


def cleared(seed, trunk):
    """What is accepted; a trunk on which all act, but which bears everything, brings all constraints together."""
    bids, needs, network, rooms = district(seed)
    if trunk:
        network.kw_per_kw[-1] = 1.0
    headrooms = NeedColumns.of([*rooms, *([("trunk", "up", 0, 1e4)] if trunk else [])])
    parts = list(problems(bids, needs, network, headrooms))
    found = network_aware.clear(bids, needs, network, hours=1.0, unmet_eur_per_kwh=1.0, headrooms=headrooms)
    return parts, found


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_apart_is_as_together(seed):
    apart, one_by_one = cleared(seed, trunk=False)
    whole, at_once = cleared(seed, trunk=True)
    assert (len(apart), len(whole)) == (GRIDS, 1)
    np.testing.assert_allclose(one_by_one.accepted_kw, at_once.accepted_kw, atol=1e-6)
    np.testing.assert_allclose(one_by_one.cleared_kw, at_once.cleared_kw, atol=1e-6)
    assert one_by_one.reason.tolist() == at_once.reason.tolist()


def test_every_bid_and_need_is_in_one_part():
    parts, found = cleared(1, trunk=False)
    assert sorted(np.concatenate([part.bid_rows for part in parts]).tolist()) == list(range(len(found.bids)))
    assert sorted(np.concatenate([part.need_rows for part in parts]).tolist()) == list(range(GRIDS))
    assert [part.guard.shape[0] for part in parts] == [1] * GRIDS
    idle = found.bids.area == "elsewhere"
    assert set(found.reason[idle].tolist()) == {NO_RELIEF}
    assert not found.accepted_kw[idle].any()


@pytest.mark.parametrize("needy", [0, 1])
def test_one_need_is_cleared_with_all_bids_and_guards(needy):
    bids, needs, network, rooms = district(2)
    parts = list(problems(bids, needs.take(slice(0, needy)), network, NeedColumns.of(rooms)))
    assert len(parts) == needy
    assert all(len(part.bid_rows) == len(bids) and part.guard.shape[0] == GRIDS for part in parts)
