"""Schemes on a large made-up day: cost order, who is told what."""

import pytest

from experiments.benchmarks.schemes import day_of, schemes_of_a_day
from experiments.schemes import compared_situation

TOLERANCE_EUR = 1e-4


@pytest.fixture(scope="module")
def rows():
    found = compared_situation(day_of(16, 10, 1_000), unmet_eur_per_kwh=3.0)
    return {row["scheme"]: row for row in found["schemes"]}


def test_no_feasible_scheme_is_cheaper_than_the_common_market_and_none_than_that_without_networks(rows):
    common = rows["common"]
    assert common["feasible"]
    assert rows["central"]["cost_eur"] <= common["cost_eur"] + TOLERANCE_EUR
    for row in rows.values():
        if row["feasible"]:
            assert row["cost_eur"] >= common["cost_eur"] - TOLERANCE_EUR


def test_lights_and_prequalification_keep_limits_of_distribution_networks(rows):
    for name in ("central-with-traffic-light", "multi-level-prequalified", "common", "integrated"):
        assert rows[name]["violated_kwh"] == pytest.approx(0.0, abs=1e-6)
    assert rows["central"]["violated_kwh"] > 0


def test_who_is_paid_is_paid_what_is_bought(rows):
    for row in rows.values():
        assert sum(row["by_seller"].values()) == pytest.approx(sum(row["by_buyer"].values()))
        assert row["messages"]["awards"] <= row["messages"]["offers"] * max(len(row["by_buyer"]), 1)


def test_the_benchmark_measures_all_parts():
    taken = schemes_of_a_day(2, 2, 20)
    assert taken.bids > 0
