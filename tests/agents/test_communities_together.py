"""Several communities in one world, and a community beside providers of flexibility."""

import copy

import pytest

from environment.messages import digest_rows
from experiments.conformance import check
from experiments.covers import covers
from experiments.results.schema import conform
from experiments.scenario import scenario_from
from experiments.scenario.read import ScenarioError


def content(small, communities, *, fsps):
    """Eight homes ``home`` (with providers where there are any), four each of ``east`` and ``west``, who are in communities."""
    whole = small.content(8, clock__history_days=3, grid__transformer_rating_factor=0.12)
    homes = whole["people"][0]
    if not fsps:
        homes["served_by"], whole["actors"]["fsps"] = "nobody", []
    for prefix in ("east", "west"):
        more = copy.deepcopy(homes) | {"served_by": "nobody"}
        more["homes"] |= {"prefix": prefix, "count": 4}
        whole["people"].append(more)
    whole["actors"]["communities"] = communities
    return whole


def lived(small, whole):
    site = small.site(scenario_from(whole))
    return conform(small.tables(site, small.live(site)))


@pytest.fixture(scope="module")
def two(small):
    """One is operated centrally, one leaves it to its members; a third would like homes that are taken."""
    east = {"name": "ec-east", "members": "east", "looks": 1.0, "billing": "billing-east"}
    west = {"name": "ec-west", "members": "west", "looks": 1.0, "mode": "market", "billing": "billing-west"}
    return lived(small, content(small, [east, west], fsps=False))


def sides(tables, record):
    rows = tables["messages"].to_pylist()
    return {(row["sender"], row["receiver"]) for row in rows if row["record"] == record}


@covers("SUC02.1/r01")
def test_two_communities_live_beside_each_other_and_share_nothing(two):
    case = check(two, digest_rows=digest_rows, provenance=True).usecases["SUC02.1"]
    assert case.broken == ()
    assert case.unmatched == 0
    settled = two["community_settlements"].to_pylist()
    for name, prefix in (("ec-east", "east"), ("ec-west", "west")):
        mine = [row for row in settled if row["community"] == name]
        assert mine
        assert {row["member"].rsplit("-", 1)[0] for row in mine} == {prefix}
        assert abs(sum(row["internal_eur"] for row in mine)) < 1e-9
        assert sum(row["bought_kwh"] for row in mine) == pytest.approx(sum(row["sold_kwh"] for row in mine), abs=1e-6)
    for sender, receiver in sides(two, "EnergyBid") | sides(two, "MemberRegistration"):
        assert sender.split("-")[0] == receiver.split("/")[0].removeprefix("ec-")


def test_bills_come_from_the_own_billing_agent(two):
    assert {(sender.split("/")[0].removeprefix("billing-"), receiver.split("-")[0]) for sender, receiver in sides(two, "CommunityBill") if "/hems" in receiver} == {
        ("east", "east"), ("west", "west"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def beside(small):
    west = {"name": "ec-west", "members": "west", "mode": "market", "price": "post-delivery-pool"}
    return lived(small, content(small, [west], fsps=True))


def test_a_community_lives_beside_providers_of_flexibility(beside):
    found = check(beside, digest_rows=digest_rows, provenance=True).usecases
    assert {"SUC02.1", "SUC05.1", "SUC06.1"} <= set(found)
    for case in found.values():
        assert case.broken == (), case.suc
    assert {row["member"].rsplit("-", 1)[0] for row in beside["community_settlements"].to_pylist()} == {"west"}
    sold = beside["bids"].num_rows if "bids" in beside else 0
    assert sold
    assert not {to for _, to in sides(beside, "ActivationSignal")} & {f"west-{k:04d}/der" for k in range(1, 5)}


@pytest.mark.parametrize(
    ("change", "way"),
    [
        ({"mode": "centralised"}, "a need of the grid would be bought twice"),
        ({"members": "home"}, "two would act on their devices; write served_by: nobody"),
    ],
)
def test_what_would_be_sold_or_led_twice_is_refused(small, change, way):
    west = {"name": "ec-west", "members": "west", "mode": "market", "price": "post-delivery-pool"} | change
    with pytest.raises(ScenarioError, match=way):
        scenario_from(content(small, [west], fsps=True))
