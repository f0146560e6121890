"""Every rule in a running world: each at least once, and each pair of neighbours (clearing, pricing, baseline, settlement)."""

import itertools

import numpy as np
import pytest

from experiments.scenario.actors import Rules
from experiments.scenario.library import RULES, rule_with
from markets.ledger import cents

BASELINES = {
    "declared-schedule": {},
    "x-of-y": {"x": 3, "y": 5, "adjustment": "multiplicative"},
    "meter-before": {},
    "meter-before-meter-after": {},
}
SETTLEMENTS = {
    "linear-with-grace": {"penalty_eur_per_kwh": 0.02},
    "sliding-scale": {"floor": 0.3, "floor_pay": 0.1},
    "price-less-penalty": {"penalty_eur_per_kwh": 0.05},
}


def combinations():
    """Each pair of baseline and settlement once; clearing and pricing go round, so that each of their pairs occurs."""
    markets = itertools.cycle(itertools.product(RULES["clearing"], RULES["pricing"]))
    for k, baseline in enumerate(BASELINES):
        for settlement, market in zip(SETTLEMENTS, itertools.islice(markets, k % 2, None), strict=False):
            yield *market, baseline, settlement


def usable(kind):
    """The rules of products that pay energy alone; those that pay availability live in ``test_availability_worlds``."""
    return [name for name in RULES[kind] if name != "availability-and-activation"]


COMBINATIONS = list(combinations())


def test_the_combinations_cover_every_rule_and_every_pair_of_neighbours():
    kinds = ("clearing", "pricing", "baseline", "settlement")
    for place, (kind, other) in enumerate(itertools.pairwise(kinds)):
        assert {(one[place], one[place + 1]) for one in COMBINATIONS} == set(
            itertools.product(usable(kind), usable(other))
        )


@pytest.fixture(scope="module")
def lived(small, small_begun):
    """The tables of the small world under some rules."""

    def live(rules):
        site = small.again(small_begun, rules=rules)
        return small.tables(site, small.live(site))

    return live


@pytest.mark.parametrize("combination", COMBINATIONS, ids="/".join)
def test_a_day_is_cleared_priced_measured_and_settled_by_the_named_rules(lived, combination):
    clearing, pricing, baseline, settlement = combination
    said = Rules.model_validate(
        {
            "clearing": clearing,
            "pricing": pricing,
            "baseline": {"rule": baseline, **BASELINES[baseline]},
            "settlement": {"rule": settlement, **SETTLEMENTS[settlement]},
        }
    )
    tables = lived(said)
    _were_declared_and_settled(tables, baseline)
    _amounts_are_the_rules(tables, rule_with("settlement", settlement, said.settlement.arguments()))
    _bids_are_accounted_for(tables)


def test_the_dso_settles_by_a_method_too(lived):
    said = Rules.model_validate({"settled_by": "dso", "baseline": {"rule": "x-of-y", **BASELINES["x-of-y"]}})
    tables = lived(said)
    assert set(
        np.asarray(tables["conversations"]["scenario"])[np.asarray(tables["conversations"]["suc"]) == "SUC06.3"]
    ) == {"2"}
    _were_declared_and_settled(tables, "x-of-y")
    _amounts_are_the_rules(tables, rule_with("settlement", "linear-with-grace", said.settlement.arguments()))


def _were_declared_and_settled(tables, baseline):
    settled = np.asarray(tables["conversations"]["suc"]) == "SUC06.3"
    assert settled.any()
    assert set(np.asarray(tables["conversations"]["outcome"])[settled]) == {"completed"}
    assert "refused_baselines" not in tables or not len(tables["refused_baselines"]["baseline"])
    assert set(tables["baselines"]["method"]) == {baseline}


def _amounts_are_the_rules(tables, settle):
    """Remuneration and penalty, worked out again from deliveries and paid prices."""
    deliveries, engaged = tables["deliveries"], _prices(tables)
    for k, name in enumerate(tables["settlements"]["settlement"]):
        rows = np.flatnonzero(np.asarray(deliveries["settlement"]) == name)
        ordered, own = (
            np.asarray(deliveries["ordered_kw"])[rows],
            (np.asarray(deliveries["delivered_kw"]) - np.asarray(deliveries["earlier_kw"]))[rows],
        )
        prices = [engaged[deliveries["fsp"][row], deliveries["area"][row]] for row in rows]
        low, high = (settle(ordered, own, [edge(pair) for pair in prices], hours=0.25) for edge in (min, max))
        paid = tables["settlements"]["remuneration_eur"][k]
        assert cents(low.remuneration_eur.sum()) <= round(100 * paid) <= cents(high.remuneration_eur.sum())
        assert round(100 * tables["settlements"]["penalty_eur"][k]) == cents(low.penalty_eur.sum())


def _prices(tables):
    """(FSP, area) -> prices paid for its cleared bids."""
    content = tables["content/EngagementRequest"]
    found = {}
    for fsp, area, price in zip(content["fsp"], content["area"], content["price_eur_per_kwh"], strict=True):
        found.setdefault((fsp, area), []).append(price)
    return found


def _bids_are_accounted_for(tables):
    bids = tables["bids"]
    accepted, offered = np.asarray(bids["accepted_kw"]), np.asarray(bids["quantity_kw"])
    assert ((accepted >= 0) & (accepted <= offered)).all()
    assert ((np.asarray(bids["reason"], object) != "") == (accepted < offered)).all()
