"""Small communities in a world: needs through a market operator, members who leave and join, rules that too few approve."""

from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from agents.ec_manager_accounts import fields
from agents.ec_manager_members import Members
from agents.ec_manager_terms import Candidate
from environment.messages import digest_rows
from environment.messages.base import Batch, columns_of
from environment.messages.community import MembershipNotice
from environment.messages.homes_data import DataSubjectRequest
from experiments.assembly.world import build_world
from experiments.conformance import check
from experiments.conformance.provenance import check_provenance
from experiments.covers import covers
from experiments.results.schema import conform
from markets.community_indicators import Standing
from markets.registers.personal_data import MONTH_MS


def scenario_of(small, world=None, **changes):
    one = {"name": "ec-1", "members": "home", "looks": 1.0} | changes
    said = {"grid__transformer_rating_factor": 0.08, "clock__history_days": 3} | (world or {})
    return small.scenario(8, people__0__served_by="nobody", actors__fsps=[], actors__communities=[one], **said)


@pytest.fixture(scope="module")
def lived(small):
    """Tables of a day of eight homes that are a community, with changes to it; each lived once."""
    kept = {}

    def once(world=None, **changes):
        key = repr((sorted(changes.items()), world))
        if key not in kept:
            site = small.site(scenario_of(small, world, **changes))
            kept[key] = conform(small.tables(site, small.live(site)))
        return kept[key]

    return once


def talks(tables, record):
    rows = tables["messages"].to_pylist()
    return {
        (row["sender"], row["receiver"]) for row in rows if row["record"] == record and row["status"] == "acknowledged"
    }


@covers("SUC02.1/r25", "SUC02.1/r44")
@pytest.mark.parametrize("through", ["direct", "lfmo"])
def test_needs_offers_and_orders_go_directly_or_through_the_market_operator(lived, through):
    tables = lived(flexibility={"through": through})
    case = check(tables, digest_rows=digest_rows, provenance=True).usecases["SUC02.1"]
    assert case.broken == ()
    assert case.unmatched == 0
    assert {"1.4", "1.5", "1.6", "1.7"} <= set(case.made)
    planner = "ec-1/energy-management"
    direct, first, second = ("dso-1", planner), ("dso-1", "lfmo-1"), ("lfmo-1", planner)
    way = {direct} if through == "direct" else {first, second}
    assert talks(tables, "CommunityNeed") == way
    assert talks(tables, "CommunityActivation") == way
    assert talks(tables, "CommunityOffer") == {(b, a) for a, b in way}


@covers("SUC02.1/r24")
def test_the_market_operator_changes_nothing_that_is_in_its_product(lived):
    direct, through = (
        lived(flexibility={"through": way})["community_flexibility"].to_pydict() for way in ("direct", "lfmo")
    )
    same = ("activation", "t_ms", "needed_kw", "offered_kw", "ordered_kw", "baseline_kw", "price_eur_per_kwh")
    for name in same:
        assert direct[name] == through[name], name
    assert sum(direct["ordered_kw"]) > 0.0


@covers("SUC02.1/r23")
def test_with_a_buying_price_there_is_one_offer_at_it(lived):
    tables = lived(flexibility={"price_eur_per_kwh": 0.3})
    offers = tables["content/CommunityOffer"].to_pylist()
    assert {one["price_eur_per_kwh"] for one in offers} == {0.3}
    assert len(offers) == len(tables["content/CommunityNeed"].to_pylist())


@covers("SUC02.1/r05")
def test_rules_that_too_few_approve_found_no_community(lived):
    tables = lived(grid_tariff_eur_per_kwh=0.11, min_members=8)
    (talk,) = tables["conversations"].to_pylist()
    assert talk["outcome"] == "refused"
    assert "members approve, 8 are needed" in talk["reason"]
    assert "content/DerForecast" not in tables
    assert check(tables, digest_rows=digest_rows).usecases["SUC02.1"].broken == ()


@covers("SUC02.1/r40", "SUC02.1/r41", "SUC02.1/r42")
def test_indicators_are_those_of_the_settlement(lived):
    tables = lived(flexibility={"through": "direct"})
    settled = {row["member"]: row for row in tables["community_settlements"].to_pylist()}
    energies = tables["community_energies"].to_pandas().groupby("member", observed=True).sum(numeric_only=True)
    told = tables["content/MemberIndicators"].to_pylist()
    assert {one["member"] for one in told} == {row for row, one in settled.items() if _consents(tables, row)}
    for one in told:
        row = settled[one["member"]]
        assert one["energy_savings_kwh"] == pytest.approx(row["self_consumed_kwh"])
        assert one["shared_kwh"] == pytest.approx(row["sold_kwh"])
        paid = sum(row[name] for name in ("supply_eur", "grid_eur", "internal_eur", "shortfall_eur"))
        inside = paid - row["surplus_eur"] - row["flexibility_eur"]
        assert one["money_savings_eur"] == pytest.approx(row["alone_eur"] - inside)
        assert one["emissions_reduction_kg"] == pytest.approx(row["avoided_kg"])
        mine = energies.loc[one["member"]]
        own = 100.0 * (1.0 - mine["supplied_kwh"] / mine["load_kwh"])
        assert one["self_sufficiency_percent"] == pytest.approx(min(max(own, 0.0), 100.0), abs=1e-6)


@covers("SUC02.1/r01", "SUC02.1/r16")
@pytest.mark.parametrize(
    "price", ["iterated-pool", {"rule": "iterated-pool", "rounds": 1, "tolerance": 0.0}, "welfare-optimum"], ids=str
)
def test_members_agree_on_the_day_before_it_or_are_told_that_they_do_not(lived, price):
    tables, alone = lived(mode="market", price=price), lived(mode="market", price="post-delivery-pool")
    case = check(tables, digest_rows=digest_rows, provenance=True).usecases["SUC02.1"]
    assert case.broken == ()
    assert case.unmatched == 0
    (day,) = tables["community_markets"].to_pylist()
    assert day["bound_eur"] <= day["cost_eur"] + 1e-9
    assert day["optimum_eur"] <= day["cost_eur"] + 0.01 * abs(day["cost_eur"])
    assert day["converged"] is (day["reason"] in ("", None))
    assert day["converged"] is not isinstance(price, dict)
    answers = 0 if price == "welfare-optimum" else day["rounds"] * len(tables["content/DerForecast"])
    assert len(tables.get("content/PriceAnswer", ())) == answers
    volumes = (one["content/EnergyBid"]["volume_kwh"].to_pylist() for one in (tables, alone))
    assert next(volumes) != next(volumes)
    assert "community_markets" not in alone
    if price != "welfare-optimum":
        more = tables["community_markets"].set_column(2, "rounds", [[day["rounds"] + 1]])
        (wrong,) = check_provenance({**tables, "community_markets": more}, ["SUC02.1"])["SUC02.1"]
        assert "the rounds of the internal market are those that were announced" in wrong.why


@covers("SUC02.1/O-1", "SUC02.1/O-3")
def test_who_withdraws_is_led_no_more_and_who_leaves_is_billed_to_its_last_day_and_forgotten(lived):
    """Of two days: home-0005 leaves with the second; half of the homes take back their consent at noon of the first."""
    start = "2016-04-12"
    tables = lived(
        {"clock__days": 2, "clock__start": start, "events": [{"at": "12:00", "withdraw": "50%"}]},
        leaves={"home-0005": "2016-04-13 00:00"},
    )
    case = check(tables, digest_rows=digest_rows, provenance=True).usecases["SUC02.1"]
    assert case.broken == ()
    assert case.unmatched == 0
    withdrawn = {row["owner"] for row in tables["withdrawals"].to_pylist()}
    assert withdrawn
    assert "home-0005" not in withdrawn
    first, second = sorted({row["from_ms"] for row in tables["community_settlements"].to_pylist()})
    settled = {(row["member"], row["from_ms"]) for row in tables["community_settlements"].to_pylist()}
    assert ("home-0005", first) in settled
    assert ("home-0005", second) not in settled
    assert all((member, second) in settled for member in withdrawn)
    at = tables["withdrawals"].to_pylist()[0]["t_ms"]
    messages = tables["messages"].to_pylist()
    later = [row for row in messages if row["sent_ms"] > at]
    led = {row["receiver"] for row in later if row["record"] == "DerSchedule"}
    told = {row["sender"] for row in later if row["record"] in ("DerForecast", "DerReadings")}
    assert led
    assert not {name.removesuffix("/hems") for name in led | told} & withdrawn
    bills = {row["member"]: row for row in tables["content/CommunityBill"].to_pylist()}
    assert bills["home-0005"]["days"] == 1
    assert bills["home-0001"]["days"] == 2
    (answer,) = tables["data_answers"].to_pylist()
    assert (answer["owner"], answer["right"], answer["items"], answer["done"]) == ("home-0005", "erase", 1, True)


@covers("SUC02.1/O-3")
def test_members_see_correct_and_restrict_their_data_and_are_answered_at_once(lived):
    """Eight homes ask in turn; who restricts is led no more from that second on, and billed like all."""
    tables = lived({"clock__days": 2, "clock__start": "2016-04-12"}, rights=1.0)
    case = check(tables, digest_rows=digest_rows, provenance=True).usecases["SUC02.1"]
    assert case.broken == ()
    assert case.unmatched == 0
    asked, answered = tables["rights"].to_pandas(), tables["data_answers"].to_pandas()
    assert set(asked["right"]) == {"access", "rectify", "restrict"}
    both = asked.merge(answered, on=["owner", "right"], suffixes=("", "_answer"), validate="one_to_one")
    assert len(both) == len(asked) == len(answered)
    late_ms = both["t_ms_answer"] - both["t_ms"]
    assert (late_ms >= 0).all()
    assert (late_ms < MONTH_MS).all()
    assert both["done"].all()
    assert (both["items"] == 1).all()
    messages = tables["messages"].to_pylist()
    settled = {row["member"] for row in tables["community_settlements"].to_pylist()}
    for row in asked[asked["right"] == "restrict"].itertuples():
        mine = [one for one in messages if row.owner in (one["sender"].split("/")[0], one["receiver"].split("/")[0])]
        used = {one["record"] for one in mine if one["sent_ms"] > row.t_ms}
        assert not used & {"DerSchedule", "DerForecast", "DerReadings"}
        assert row.owner in settled


@covers("SUC02.1/O-3")
def test_what_a_member_asks_is_done_or_said_why_not():
    members = Members("ec-1", [Candidate("a", "a/hems")])
    members.register(_Sheet("a"), 0)

    def ask(right, value="", member="a"):
        return members.respect(DataSubjectRequest(right=right, purpose="", value=value), member, 5)

    sheets = members.of(_Day(0), 1)
    assert ask("access").items == 1
    assert ask("rectify", "es-flat-2025").done
    assert members.of(_Day(0), 6)["a"].tariff == "es-flat-2025" != sheets["a"].tariff
    assert members.consenting(sheets, 6) == ["a"]
    assert ask("restrict").done
    assert members.consenting(sheets, 7) == []
    assert list(members.of(_Day(0), 8)) == ["a"]
    stranger = ask("access", member="b")
    assert (stranger.done, stranger.items) == (False, 0)
    assert "no file of this person" in stranger.reason
    assert "erased with its last bill" in ask("erase").reason
    assert "by a notice" in ask("withdraw").reason
    assert members.overdue(5 + MONTH_MS + 1) == []


@covers("SUC02.1/O-1", "SUC02.1/O-3")
def test_members_give_notice_for_themselves_alone(small, monkeypatch):
    site = small.site(scenario_of(small))
    world = build_world(site)
    manager, filed = next(one.party for one in world.agents if one.party.name == "ec-1"), []
    monkeypatch.setattr(manager, "send", lambda records, *_, **__: filed.extend(records))
    for home in ("home-0001", "home-0002"):
        manager._members.register(_Sheet(home), manager.now_ms)
    there = {name: _Sheet(name) for name in ("home-0001", "home-0002")}

    def tell(sender, member):
        told = MembershipNotice(community="ec-1", member=member, change="withdraws-consent", from_ms=0)
        numbers = manager.numbers([sender, "ec-1"])
        manager.take_notice(Batch(MembershipNotice, numbers[:1], numbers[1:], columns_of([told]), ""))
        return manager._members.consenting(there, manager.now_ms)

    assert tell("home-0002", "home-0001") == ["home-0001", "home-0002"]
    assert tell("home-0003", "home-0003") == ["home-0001", "home-0002"]
    assert tell("home-0001", "home-0001") == ["home-0002"]
    refused = manager.register("refused_requests").columns()
    assert refused["subject"].tolist() == ["home-0001", "home-0003"]
    assert refused["reason"].tolist() == ["notice is given by the member itself", "no member of the community"]
    assert filed == []


@covers("SUC02.1/O-3")
def test_who_is_erased_is_nobody_and_the_communitys_sums_stay():
    members = Members("ec-1", [Candidate("a", "a/hems"), Candidate("b", "b/hems")])
    for name in ("a", "b"):
        members.register(_Sheet(name), 0)
    ones = Standing(*np.ones((len(Standing()), 2)))
    members.add([_Named("a"), _Named("b")], ones)
    before = fields(members.indicators("b"))
    members.note(MembershipNotice(community="ec-1", member="a", change="leaves", from_ms=10), 5)
    assert members.forget("a", 9) is None
    assert members.forget("b", 99) is None
    assert members.forget("a", 10) == 1
    assert members.indicators("a") is None
    assert fields(members.indicators("b")) == before
    assert before["community_shared_kwh"] == 2.0
    assert sorted(members.of(_Day(20), 20)) == ["b"]


class _Named(NamedTuple):
    member: str


class _Day(NamedTuple):
    start_ms: int


class _Sheet(msgspec.Struct, frozen=True):
    """Of a registration what the register looks at."""

    member: str
    approved: bool = True
    consent: bool = True
    tariff: str = "es-20td-2025"


def _consents(tables, member):
    return any(row["consent"] for row in tables["community_members"].to_pylist() if row["member"] == member)
