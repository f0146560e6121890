"""Delivery in a small world of two operators, one of which buys for itself, with gaps in the providers' own data and somebody who listens to everything."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from environment.messages import records
from environment.platforms.register_store import RegisterStore
from environment.sealing import SEALED
from environment.wiretap import Wiretap
from experiments.assembly.site import build_site
from experiments.assembly.world import build_world
from experiments.cli import app
from experiments.cli.output import Answer
from experiments.conformance import check, report_text
from experiments.conformance.provenance import check_provenance
from experiments.covers import covers
from experiments.results import write_run
from experiments.results.schema import conform
from experiments.run import _meta
from experiments.run.tables import party_tables, physical_tables, static_tables
from experiments.scenario import scenario_from
from experiments.scenario.library import RULES
from experiments.scenario.read import ScenarioError
from experiments.schemes_run import NEEDED
from tests.agents.lights_world import World, small
from tests.laws import test_run_knowledge


def content():
    """The small world of two operators; the northern DSO's stations are so small that it needs flexibility of its own, and buys it before the TSO does."""
    said = small()
    said["grid"]["limits"]["transformer_percent"] = 17.0
    said["global_market"]["dsos"][0]["n1"] = []  # with it static lights would be red, and nothing left to buy
    said["global_market"]["dsos"][1]["network"] = "two-stations"
    del said["global_market"]["bsps"][1]["updates"]  # it would withdraw the only home that it can bid with here
    said["global_market"]["bids"] = {"coordination": "multi-level-prequalified", "counts": False}
    said["faults"] = [
        {"forge": "AsmAward", "as": "tso-market", "at": "day 0 20:00"},
        {"forge": "FlexibilityPurchase", "as": "tso-market", "at": "day 0 20:00"},
        {"forge": "ComponentMessage", "as": "bsp-alfa", "at": "day 0 16:30"},
        {"replay": "AsmBid", "as": "bsp-beta", "at": "day 0 13:00"},
    ]
    said["global_market"]["delivery"] = {"monitoring": 0.8}
    return said


@pytest.fixture(scope="module")
def lived():
    """Site, world and tap, lived to the end."""
    site = build_site(scenario_from(content()), 1, lambda *_: None)
    world = build_world(site)
    tap = Wiretap(world.directory.number("cbp"), frozenset(records()))
    world.bus.listen(tap)
    world.run(site.timeline.end_ms)
    return site, world, tap


@pytest.fixture(scope="module")
def tables(lived):
    """The tables of its run."""
    site, world, _ = lived
    return conform(physical_tables(site) | static_tables(site, world) | party_tables(site, world))


@pytest.fixture(scope="module")
def report(tables):
    """What conformance finds of all use cases of the global market."""
    sucs = ["SUC08.1", "SUC08.2", "SUC08.3", "SUC08.4", "SUC10.1", "SUC10.2", "SUC10.3", "SUC10.4"]
    return check(tables, usecases=sucs, provenance=True)


@pytest.mark.parametrize("suc", ["SUC08.2", "SUC08.4", "SUC10.3", "SUC10.4"])
def test_every_step_is_made_or_excused_under_a_scheme_without_lights(report, tables, suc):
    """What no step expects is what the attacker put into a conversation, and was refused."""
    case = report.usecases[suc]
    assert (case.broken, case.not_reached) == ((), ()), report_text(report)
    refused = [
        one
        for one in tables["messages"].to_pylist()
        if one["status"] == "refused" and one["conversation"].startswith(suc)
    ]
    assert case.unmatched <= len(refused), report_text(report)


def test_what_a_dso_needs_is_bought_for_it_ordered_from_members_delivered_and_paid(tables):
    """From the need that its forecast shows to money: the same purchase at market, DSO, provider, homes and TSO."""
    bought = [one for one in tables["operator_purchases"].to_pylist() if one["bought_kw"] > 0]
    assert {one["buyer"] for one in bought} == {"dso-nord"}
    needed = {
        (one["perimeter"], one["t_ms"], one["direction"]): one["needed_kw"]
        for one in tables["perimeter_limits"].to_pylist()
    }
    ordered = {(one["bid"], one["perimeter"], one["t_ms"]): one for one in tables["bsp_orders"].to_pylist()}
    for one in bought:
        assert one["bought_kw"] <= needed[one["perimeter"], one["t_ms"], one["direction"]] + 1e-6
        order = ordered[one["bid"], one["perimeter"], one["t_ms"]]
        assert order["ordered_kw"] >= one["bought_kw"] - 1e-6
        assert order["members"] > 0
    owed = {one["bsp"]: one for one in tables["service_purchases"].to_pylist() if one["buyer"] == "dso-nord"}
    assert sum(one["ordered_kwh"] for one in owed.values()) == pytest.approx(sum(one["bought_kw"] for one in bought))
    sold = [one for one in tables["global_bids"].to_pylist() if one["bsp"] == "units"]
    units = [one for one in tables["service_purchases"].to_pylist() if one["bsp"] == "units"]
    assert sum(one["service_eur"] for one in units) == pytest.approx(
        sum(one["accepted_kw"] * one["price_eur_per_kwh"] for one in sold), abs=0.01
    )
    paid = [one for one in tables["ledger"].to_pylist() if one["purpose"] == "purchased service"]
    for one in paid:
        bill = owed[one["creditor"]]
        assert one["debtor"] == "dso-nord"
        assert one["eur"] == pytest.approx(bill["service_eur"] + bill["energy_eur"])
    assert paid


def test_forged_and_repeated_bids_and_outcomes_are_refused_at_the_door(tables):
    attacks = tables["attacks"].to_pylist()
    assert {one["record"] for one in attacks} == {"AsmAward", "FlexibilityPurchase", "ComponentMessage", "AsmBid"}
    assert {one["outcome"] for one in attacks} == {"refused"}, attacks
    reasons = {one["record"]: one["reason"] for one in attacks}
    assert reasons["AsmBid"].startswith("already submitted")
    assert all(reason.startswith("signature") for record, reason in reasons.items() if record != "AsmBid")


def test_the_day_is_compared_under_every_scheme_by_command(lived, tables, tmp_path, monkeypatch):
    """The command with the file of the scenario, whose run is the one lived here: table, page, and numbers of the scheme that cleared the session."""
    folder, file = tmp_path / "day", tmp_path / "small.yaml"
    meta = _meta(lived[0], {})
    write_run(folder, {name: tables[name] for name in NEEDED}, meta, required=False)
    monkeypatch.setattr("experiments.cli.run.run_scenario", lambda *_, **__: Answer("", {"out": str(folder)}))
    file.write_text(yaml.safe_dump(content()), encoding="utf-8")
    done = CliRunner().invoke(app, ["schemes", str(file), "--format", "json"], catch_exceptions=False)
    (session,) = json.loads(done.stdout)["sessions"]
    rows = {row["scheme"]: row for row in session["schemes"]}
    assert list(rows) == list(RULES["coordination"])
    cleared = tables["global_clearings"].to_pylist()
    row = rows[cleared[0]["scheme"]]
    assert row["cost_eur"] == pytest.approx(sum(one["cost_eur"] for one in cleared), abs=1e-6)
    bought = tables["operator_purchases"].to_pylist()
    owed = sum(one["bought_kw"] * one["price_eur_per_kwh"] for one in bought)
    assert row["by_operator"]["dso-nord"] == pytest.approx(owed, abs=1e-6)
    assert row["imbalance_left_kwh"] > 0  # what the DSO activates does not count here
    page = (folder / "schemes.html").read_text(encoding="utf-8")
    assert all(name in page for name in rows)
    assert "schemes.html" in CliRunner().invoke(app, ["schemes", str(folder)]).stdout


def test_nobody_who_keeps_his_limits_is_accused(tables):
    told = tables["verification_outcomes"].to_pylist()
    assert {one["dso"] for one in told} == {"dso-nord", "dso-sud"}
    assert {one["exceeding"] for one in told} == {None}
    assert sum(one["accepted_kw"] for one in tables["verifications"].to_pylist()) > 0


def test_an_eavesdropper_reads_nothing_personal(lived):
    _, _, tap = lived
    personal = {name for name, record in records().items() if record.personal}
    heard = {name: parts for name, parts in tap.heard.items() if name in personal}
    assert {"MeasurementReport", "PointMeasurements"} <= set(heard)
    for parts in heard.values():
        assert {tuple(one.batch.columns) for one in parts} == {(SEALED,)}
        assert not any(b"/meter" in box for one in parts for box in one.batch[SEALED][:3])


@covers("SUC08.4/r10", "SUC08.4/r12")
def test_money_sums_to_zero_over_all_parties(tables):
    ledger = tables["ledger"].to_pylist()
    own = {}
    for one in ledger:
        cents = round(100 * one["eur"])
        own[one["debtor"]] = own.get(one["debtor"], 0) - cents
        own[one["creditor"]] = own.get(one["creditor"], 0) + cents
    assert sum(own.values()) == 0
    for stated in tables["responsible_imbalances"].to_pylist():
        mine = [one for one in ledger if stated["party"] in (one["debtor"], one["creditor"])]
        left = sum((1 if one["creditor"] == stated["party"] else -1) * one["eur"] for one in mine)
        strayed = stated["paid_eur"] - stated["undelivered_eur"]
        assert left == pytest.approx(stated["transfer_eur"] - strayed, abs=1e-6)


def test_false_numbers_are_found(tables):
    """Take the meters away and the measurements have nothing to stand on."""
    less = {name: table for name, table in tables.items() if name != "meters"}
    assert {one.step for one in check_provenance(less, ["SUC10.4"])["SUC10.4"]} == {"1.4"}


def test_no_party_reaches_more_than_its_own(lived, monkeypatch):
    """The database of the register is left out: its library makes attributes as one looks at them."""
    _, world, _ = lived
    parts = test_run_knowledge.parts_of
    monkeypatch.setattr(
        test_run_knowledge, "parts_of", lambda one: [] if isinstance(one, RegisterStore) else parts(one)
    )
    for party in test_run_knowledge.parties_of(world):
        for thing, path in test_run_knowledge.reachable([party]).values():
            assert not isinstance(thing, test_run_knowledge.HIDDEN), (party.name, path)


@pytest.fixture(scope="module", params=["fragmented", "shared-balancing"])
def other(request):
    """The same world under another scheme: its name, tables, and what conformance finds."""
    said = content() | {"faults": []}
    said["global_market"]["bids"] |= {"coordination": request.param}
    there = World(said)
    found = there.tables()
    return request.param, found, check(found, usecases=["SUC08.2", "SUC08.4", "SUC10.3", "SUC10.4"])


def test_who_buys_in_distribution_networks_and_pays_is_as_the_scheme_says(other):
    """Fragmented: the DSO for its need, and nobody else; shared balancing: each DSO keeps its own area in balance, and the TSO what is left of its own."""
    scheme, tables, report = other
    assert all((case.broken, case.not_reached, case.unmatched) == ((), (), 0) for case in report.usecases.values()), (
        report_text(report)
    )
    hours = tables["global_clearings"].to_pandas()
    assert set(hours["scheme"]) == {scheme}
    assert hours["violated_kw"].sum() == pytest.approx(0.0, abs=1e-6)
    bought = tables["operator_purchases"].to_pandas()
    buyers = {str(one) for one in bought["buyer"][bought["bought_kw"] > 0]}
    owed = tables["service_purchases"].to_pandas()
    assert owed["ordered_kwh"][(owed["buyer"] == "tso") & (owed["bsp"] != "units")].sum() == pytest.approx(
        0.0, abs=1e-9
    )
    for buyer in buyers:
        assert owed["ordered_kwh"][owed["buyer"] == buyer].sum() == pytest.approx(
            bought["bought_kw"][bought["buyer"] == buyer].sum()
        )
    if scheme == "fragmented":  # the northern station is too small
        assert buyers == {"dso-nord"}
        assert hours["unmet_kw"].sum() == pytest.approx(0.0, abs=1e-6)
    else:
        assert buyers <= {"dso-nord", "dso-sud"}
        assert buyers
    ledger = tables["ledger"].to_pandas()
    paid = ledger[ledger["purpose"] == "purchased service"]
    assert {str(one) for one in paid["debtor"]} <= buyers
    for buyer, eur in paid.groupby("debtor", observed=True)["eur"].sum().items():
        mine = owed[owed["buyer"] == buyer]
        assert eur == pytest.approx((mine["service_eur"] + mine["energy_eur"]).sum(), abs=0.011)


@pytest.mark.parametrize("fault", [{"ignores_limits": True}, {"reports": "150%"}])
def test_only_a_provider_can_have_these_faults(fault):
    said = small()
    said["faults"] = [{"party": "dso-nord"} | fault]
    with pytest.raises(ScenarioError, match="is no provider of balancing services"):
        scenario_from(said)


def test_a_run_that_ends_before_it_is_settled_is_refused():
    said = small()
    said["global_market"]["delivery"] = {"final_within_h": 14.0}
    with pytest.raises(ScenarioError, match="tail_h: 12, but delivery is settled the morning after; write at least 15"):
        build_site(scenario_from(said), 1, lambda *_: None)


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"reports_within_h": 2.0}, "reports_within_h is 2, not after settles_after_h"),
        ({"verifies_after_h": 6.0}, "verifies_after_h is not before reports_within_h"),
    ],
)
def test_times_of_delivery_are_in_their_order(keys, wrong):
    said = small()
    said["global_market"]["delivery"] = keys
    with pytest.raises(ScenarioError, match=wrong):
        scenario_from(said)
