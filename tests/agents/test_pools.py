"""Pools in balancing services as a small world: from telemetry to money, small pools, consent, who obeys whom, and honest delivery."""

import duckdb
import numpy as np
import pytest

from environment.messages.balancing import PRODUCTS, ActivationConstraint, ReserveOffer, ReserveSetPoint
from environment.messages.base import Batch, columns_of
from experiments.conformance import check
from experiments.conformance.provenance import check_provenance, equalities, fault
from experiments.covers import covers
from experiments.scenario import scenario_from
from tests.agents.pool_world import H_MS, World, lived_world, scenario


@pytest.fixture(scope="module")
def lived():
    """The world, lived; look, and do not touch."""
    return lived_world()


@pytest.fixture(scope="module")
def tables(lived):
    return lived.tables


@covers("SUC05.2/r09", "SUC05.2/r12", "SUC05.2/r08")
def test_every_step_is_made_directly_and_through_the_platform(tables):
    case = check(tables).usecases["SUC05.2"]
    assert set(case.made) == {f"1.{k}" for k in range(1, 14)}
    assert not case.broken
    assert case.unmatched == 0
    names = tables["conversations"].column("conversation").to_pylist()
    assert {name.split(":")[1].split("/")[0] for name in names if name.startswith("SUC05.2")} == {
        "agg-1",
        "agg-platform",
    }
    offers = tables["content/ReserveOffer"].column("seller").to_pylist()
    assert {"agg-1", "fsp-a", "fsp-b", "agg-platform", "hydro-1", "gas-1"} == set(offers)
    assert {"agg-1", "agg-platform", "hydro-1", "gas-1"} == set(tables["reserve_auctions"].column("seller").to_pylist())


@covers("SUC05.2/r01", "SUC05.2/r07", "SUC05.2/r10")
def test_offers_are_whole_lots_of_what_the_optimisation_found(lived):
    auctions, offers, joined = lived.table("reserve_auctions"), lived.table("pool_offers"), lived.table("joined_offers")
    assert {product.split("-")[0] for product in auctions["product"]} == {"fcr", "afrr", "mfrr"}
    assert set(auctions["product"]) <= set(PRODUCTS)
    assert (auctions["offered_kw"] >= 2.0).all()
    assert (auctions["offered_kw"] % 1.0 < 1e-9).all()
    assert (offers["offered_kw"] <= offers["found_kw"] + 1e-9).all()
    found = dict(zip(offers["offer"], offers["offered_kw"], strict=True))
    for offer in set(joined["offer"]):
        mine = joined["offer"] == offer
        assert sum(found[part] for part in joined["part"][mine]) >= joined["joined_kw"][mine][0] > 0.0
    for product in PRODUCTS:
        for block in set(auctions["t_ms"]):
            mine = (auctions["product"] == product) & (auctions["t_ms"] == block)
            assert auctions["accepted_kw"][mine].sum() <= auctions["need_kw"][mine].max(initial=0.0) + 1e-6


@covers("SUC05.2/r02", "SUC05.2/r03")
def test_the_virtual_asset_and_its_baseline_are_sums_over_the_assets(lived, tables):
    baseline = lived.table("pool_baselines")
    content, messages = tables["content/AssetMonitoring"].to_pandas(), tables["messages"].to_pandas()
    reports = content.merge(messages[["row", "receiver", "sent_ms"]], on="row")
    at_ms = lived.start_ms + 40 * 900_000
    mine = reports[(reports.receiver == "agg-1/vpp") & (reports.from_ms == at_ms)]
    assert len(mine) > 5
    made = (baseline["pool"] == "agg-1") & (baseline["made_ms"] > at_ms) & (baseline["made_ms"] < at_ms + 60_000)
    planned = np.sum(mine.planned_kw.tolist(), axis=0)
    assert baseline["net_kw"][made] == pytest.approx(planned[1:])
    assert baseline["t_ms"][made].tolist() == [at_ms + 900_000 * k for k in range(1, len(planned))]
    virtual = lived.table("virtual_assets")
    now = (virtual["pool"] == "agg-1") & (virtual["t_ms"] > at_ms) & (virtual["t_ms"] < at_ms + 60_000)
    assert virtual["power_kw"][now] == pytest.approx([mine.power_kw.sum()])


@covers("SUC05.2/r04")
def test_the_baseline_that_counts_was_received_before_its_interval(lived, tables):
    told = (
        tables["content/PoolBaseline"]
        .to_pandas()
        .merge(tables["messages"].to_pandas()[["row", "receiver", "delivered_ms"]], on="row")
    )
    told = told[(told.pool == "agg-1") & told.receiver.str.startswith("tso-1")]
    reports = lived.table("reserve_reports")
    for t_ms, kw in zip(
        reports["t_ms"][reports["seller"] == "agg-1"], reports["baseline_kw"][reports["seller"] == "agg-1"], strict=True
    ):
        known = [
            (one.delivered_ms, one.net_kw[(t_ms - one.from_ms) // 900_000])
            for one in told.itertuples()
            if one.delivered_ms < t_ms and 0 <= (t_ms - one.from_ms) // 900_000 < len(one.net_kw)
        ]
        assert kw == pytest.approx(max(known)[1])


@covers("SUC05.2/r06")
def test_no_asset_is_split_more_than_its_power_and_only_batteries_follow_the_frequency(lived):
    split, book = lived.table("pool_allocations"), lived.site.living.hems.book
    rated = {
        f"{name}/battery": kw for name, kw in zip(book.names, lived.parties["homes"]._own.battery["kw"], strict=True)
    }
    assert all(asset.endswith("/battery") for asset in split["asset"][split["product"] == "fcr"])
    day = split["made_ms"] >= lived.start_ms - H_MS
    for asset in set(split["asset"][day & (split["product"] == "fcr")]):
        for made_ms in set(split["made_ms"][day]):
            mine = (
                (split["asset"] == asset)
                & (split["made_ms"] == made_ms)
                & np.isin(split["product"], ["fcr", "afrr-up", "mfrr-up"])
            )
            assert split["kw"][mine].sum() <= 0.7 * rated[asset] + 1e-6


@covers("SUC05.2/r11")
def test_what_is_settled_is_what_was_metered_and_reported(lived):
    reports, deliveries = lived.table("reserve_reports"), lived.table("reserve_deliveries")
    metered = lived.site.living.physics.submeters
    steps = lived.site.timeline.steps(lived.start_ms, lived.end_ms)
    homes = [name for name, pool in zip(lived.site.people.names, lived.site.people.fsp, strict=True) if pool == "agg-1"]
    own = reports["seller"] == "agg-1"
    assert reports["metered_kw"][own] == pytest.approx(
        metered.kw[metered.rows([f"{home}/assets" for home in homes]), steps].sum(axis=0)
    )
    assert reports["reported_kw"] == pytest.approx(reports["measured_kw"])
    for seller in set(reports["seller"]):
        mine = deliveries["seller"] == seller
        total, held = (
            sum(deliveries[name][mine & (deliveries["product"] == one)] for one in PRODUCTS)
            for name in ("delivered_kw", "held_kw")
        )
        measured = reports["measured_kw"][reports["seller"] == seller]
        assert total[held > 0.0] == pytest.approx(measured[held > 0.0])
    assert (deliveries["missing_kw"] <= deliveries["held_kw"] + 1e-9).all()
    for seller, product in set(zip(deliveries["seller"], deliveries["product"], strict=True)):
        mine = (deliveries["seller"] == seller) & (deliveries["product"] == product)
        most = deliveries["held_kw"][mine].max()  # a block's ramp, or a set-point, may end in the next block
        assert (np.abs(deliveries["due_kw"][mine]) <= most + 1e-6).all()


def test_every_number_is_found_in_the_table_that_it_came_from(tables):
    assert check_provenance(tables, ["SUC05.2"]) == {}
    with duckdb.connect() as base:
        for one in equalities()["SUC05.2"]:
            emptied = tables | {one.right.table: tables[one.right.table].slice(0, 0)}
            assert fault(one, emptied, base), one.says


def test_people_who_take_over_by_hand_are_left_alone(lived):
    """A home that runs its car and tank itself promises nothing of them meanwhile, and nothing is added."""
    homes, site = lived.parties["homes"], lived.site
    taken = np.argwhere(site.people.overrides[:, site.timeline.steps(lived.start_ms, lived.end_ms)])
    first = site.timeline.index(lived.start_ms) - site.living.physics.first
    seen = 0
    for kind in ("ev", "water_heater"):
        fleet = site.living.physics.installed[kind].fleet.owners
        moved = {step: account.moved_kwh for step, account in site.living.physics.record.reserve.get(kind, [])}
        for home, k in taken.tolist():
            if site.people.names[home] in fleet and homes._own.consent[home]:
                row = list(fleet).index(site.people.names[home])
                by_hand = range(first + k, first + k + 8)
                seen += 1
                assert all(moved[step][row] == 0.0 for step in by_hand if step in moved)
    assert seen


def test_what_is_said_of_a_car_that_is_run_by_hand_is_what_it_takes(lived, tables):
    """Where it is plugged it charges, and one that is away charges nothing, whatever its people have switched on."""
    book, site = lived.site.living.hems.book, lived.site
    known = site.timeline.steps(lived.start_ms, lived.end_ms)
    reports = (
        tables["content/AssetMonitoring"]
        .to_pandas()
        .merge(tables["messages"].to_pandas()[["row", "sent_ms"]], on="row")
    )
    reports = reports[reports.sent_ms - reports.from_ms < 60_000].set_index(["asset", "from_ms"])
    said, taken = [], []
    for home, k in np.argwhere(site.people.overrides[:, known]).tolist():
        for at_ms in (lived.start_ms + step * 900_000 for step in range(k, min(k + 8, 95))):
            car = f"{site.people.names[home]}/ev"
            if book.ev["kw"][home] > 0.0 and (car, at_ms) in reports.index:
                said.append(reports.loc[(car, at_ms)].planned_kw[0])
                taken.append(reports.loc[(car, at_ms + 900_000)].power_kw)
    said, taken = np.array(said), np.array(taken)
    assert (taken > 1.0).any()
    assert (taken == 0.0).any()
    assert np.abs(said - taken).max() < 0.1


def test_pools_really_follow(lived):
    """The measured change goes with what was due, interval by interval; at midnight plans change that were made at noon."""
    deliveries = lived.table("reserve_deliveries")
    reports = lived.table("reserve_reports")
    mine = reports["seller"] == "agg-1"
    due = sum(
        deliveries["due_kw"][(deliveries["seller"] == "agg-1") & (deliveries["product"] == one)] for one in PRODUCTS
    )
    due, measured = due[1:], reports["measured_kw"][mine][1:]
    assert np.abs(due).max() > 5.0
    assert np.corrcoef(due, measured)[0, 1] > 0.8
    asked = sum(
        account.moved_kwh.sum() for kind in lived.site.living.physics.record.reserve.values() for _, account in kind
    )
    missed = sum(
        account.missed_kwh.sum() for kind in lived.site.living.physics.record.reserve.values() for _, account in kind
    )
    assert missed < 0.2 * asked


@covers("SUC05.2/GDPR-1")
def test_who_takes_consent_back_gives_nothing_from_then_on(lived):
    at_ms = lived.start_ms + 15 * H_MS
    (gone,) = lived.site.people.withdrawals.values()
    homes = lived.parties["homes"]
    assets = np.flatnonzero(gone[homes._assets.home])
    assert gone.any()
    assert (homes._droop_kw[assets] == 0.0).all()
    assert (homes._offset_kw[assets] == 0.0).all()
    owners = {lived.site.people.names[row] for row in np.flatnonzero(gone)}
    before, after = 0.0, 0.0
    for kind, accounts in lived.site.living.physics.record.reserve.items():
        rows = np.isin(np.array(lived.site.living.physics.installed[kind].fleet.owners), sorted(owners))
        for step, account in accounts:
            moved = account.moved_kwh[rows].sum()
            before, after = (before + moved, after) if step * 900_000 < at_ms else (before, after + moved)
    assert before > 0.0
    assert after == 0.0


def _arrives(party, record, sender, receiver, conversation="SUC05.2/1:agg-1:day"):
    """A message as the bus would hand it over."""
    number = party.directory.number
    batch = Batch(
        type(record), np.array([number(sender)]), np.array([number(receiver)]), columns_of([record]), conversation
    )
    batch.received_ms = np.array([party.now_ms])
    return batch


@covers("SUC05.2/GDPR-4")
def test_assets_obey_and_tell_nobody_but_their_own_pool(lived):
    homes = lived.parties["homes"]
    home = next(
        name for name, pool in zip(lived.site.people.names, lived.site.people.fsp, strict=True) if pool == "fsp-a"
    )
    order = ActivationConstraint(
        asset=f"{home}/battery",
        droop_kw=1.0,
        offset_kw=1.0,
        reserve_up_kwh=0.0,
        reserve_down_kwh=0.0,
        until_ms=homes.now_ms + H_MS,
    )
    assert len(homes._add(_arrives(homes, order, "agg-1/vpp", f"{home}/ems"))) == 0
    other = ActivationConstraint(
        asset="home-9999/battery",
        droop_kw=1.0,
        offset_kw=1.0,
        reserve_up_kwh=0.0,
        reserve_down_kwh=0.0,
        until_ms=homes.now_ms + H_MS,
    )
    assert len(homes._add(_arrives(homes, other, "fsp-a/vpp", f"{home}/ems"))) == 0
    assert len(homes.registers["refused_requests"]) == 2
    pool = lived.parties["fsp-a"]
    pool.follow(_arrives(pool, ReserveSetPoint(product="afrr-up", power_kw=5.0), "tso-1", "fsp-a/vpp"))
    assert len(pool.registers["refused_requests"]) == 1  # it sells through the platform, not to the operator


def test_the_market_takes_no_offer_after_the_gate_or_for_another(lived):
    tso, refused = lived.parties["tso-1"], lambda: len(lived.parties["tso-1"].registers["refused_requests"])
    offer = ReserveOffer(
        offer="late", seller="agg-1", product="fcr", from_ms=lived.start_ms, to_ms=lived.start_ms + 12 * H_MS, baseline_kw=0.0,
        offered_kw=10.0, capacity_eur_per_kw_h=0.01, energy_eur_per_kwh=0.0,
    )  # fmt: skip
    before = refused() if "refused_requests" in tso.registers else 0
    tso.keep_offer(_arrives(tso, offer, "agg-1/vpp", "tso-1/flexibility-market-platform"))
    tso.keep_offer(_arrives(tso, offer, "fsp-a/vpp", "tso-1/flexibility-market-platform"))
    assert refused() == before + 2
    assert "late" not in tso._offers


def test_a_second_day_is_served_like_the_first():
    """The day after is prepared while the day before is still served: nobody is told to rest meanwhile, and nothing ends at midnight."""
    content = scenario().as_data()
    content["clock"] |= {"days": 2, "history_days": 1}
    content["people"][0]["homes"]["count"] = 12
    content["people"][0]["served_by"] = {"agg-1": 1.0}
    content["balancing"] |= {"units": [], "pools": content["balancing"]["pools"][:1]}
    content["balancing"]["fcr"] |= {"need_kw": 4.0, "min_bid_kw": 1.0}
    for product in ("afrr", "mfrr"):
        content["balancing"][product] |= {"need_kw": 0.0}
    content["events"] = []
    lived = World(scenario_from(content))
    deliveries = lived.table("reserve_deliveries")
    (first, midnight), _ = lived.site.days_ms
    assert set(deliveries["day_ms"]) == {first, midnight}
    held = {
        int(t): kw
        for t, kw, product in zip(deliveries["t_ms"], deliveries["held_kw"], deliveries["product"], strict=True)
        if product == "fcr"
    }
    physics, timeline = lived.site.living.physics, lived.site.timeline
    heard = physics.installed["battery"].fleet.reserve.frequency.deviation_hz.reshape(
        timeline.n - timeline.index(0), -1
    )
    share = np.where(np.abs(heard) <= 0.01, 0.0, np.clip(np.abs(heard) / 0.2, 0.0, 1.0)).mean(axis=1)
    moved = {step + physics.first: account.moved_kwh.sum() for step, account in physics.record.reserve["battery"]}
    for at_ms in (midnight + k * 900_000 for k in range(-4, 4)):
        step = timeline.index(at_ms)
        due = held[at_ms] * share[step - timeline.index(0)] * timeline.hours
        assert due > 0.0
        assert moved.get(step, 0.0) >= 0.9 * due
    assert {
        one.outcome for one in lived.world.bus.journal.conversations.values() if one.name.startswith("SUC05.2")
    } == {"completed"}
