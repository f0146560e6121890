"""Pools in balancing services as a small world: from telemetry to money, small pools, consent, who obeys whom, and honest delivery."""

import duckdb
import numpy as np
import pytest

from data import read_yaml
from environment.messages.balancing import PRODUCTS, ActivationConstraint, ReserveOffer, ReserveSetPoint
from environment.messages.base import Batch, columns_of
from experiments.assembly.site import build_site
from experiments.assembly.world import build_world
from experiments.conformance import check
from experiments.conformance.provenance import check_provenance, equalities, fault
from experiments.covers import covers
from experiments.kpis import figures
from experiments.results.schema import conform
from experiments.run.tables import party_tables, physical_tables, registered, static_tables
from experiments.scenario import scenario_from

HOMES = 24
H_MS = 3_600_000
SIGNS = (("capacity", 1), ("energy", 1), ("penalty", -1), ("value", 1))


def scenario(**changes):
    """A street of homes in three pools, two of them small; set-points every five minutes."""
    content = read_yaml("scenarios", "tso-balancing.yaml") | {
        "name": "few-pools",
        "events": [{"at": "15:00", "withdraw": "20%"}],
    }
    content["clock"] = {"start": "2016-01-19", "days": 1, "history_days": 2, "lead_h": 12, "tail_h": 2}
    content["grid"] = {"network": "simbench/1-LV-rural1--0-sw", "scada": {"period_s": 3600}}
    content["people"][0]["homes"] |= {"count": HOMES, "spread": "even"}
    content["people"][0]["devices"] |= {"battery": "100%"}
    content["people"][0]["override_per_day"] = 0.3
    small = {"min_bid_kw": 2, "granularity_kw": 1}
    content["balancing"] |= {
        "block_h": 12, "signals": {"imbalance_kw": 10, "cycle_s": 300}, "fcr": {"need_kw": 12} | small,
        "afrr": {"need_kw": 14, "pays_as_cleared": False} | small, "mfrr": {"need_kw": 6, "pays_as_cleared": False} | small,
    }  # fmt: skip
    content["balancing"]["units"] = [
        {"name": "hydro-1", "capacity_kw": 24, "cost_eur_per_kwh": 0.055, "ramp_kw_per_min": 40},
        {"name": "gas-1", "capacity_kw": 24, "least_kw": 6, "cost_eur_per_kwh": 0.07, "ramp_kw_per_min": 4, "sells": ["mfrr"]},
    ]  # fmt: skip
    content["balancing"] |= changes
    return scenario_from(content)


class World:
    """A lived world, with its tables."""

    def __init__(self, said):
        self.site = build_site(said, 1, lambda *_: None)
        self.world = build_world(self.site)
        self.world.run(self.site.timeline.end_ms)
        self.parties = {actor.party.name: actor.party for actor in self.world.agents}
        self.start_ms, self.end_ms = self.site.days_ms[0]

    def table(self, name):
        return registered(self.world, name)

    @property
    def tables(self):
        return conform(
            physical_tables(self.site) | static_tables(self.site, self.world) | party_tables(self.site, self.world)
        )


@pytest.fixture(scope="module")
def lived():
    """The world, lived; look, and do not touch."""
    return World(scenario())


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


def test_money_goes_from_the_operator_over_the_platform_to_the_homes(lived):
    ledger, deliveries = lived.table("ledger"), lived.table("reserve_deliveries")

    def paid(debtor, creditor, purposes):
        mine = (ledger["debtor"] == debtor) & (ledger["creditor"] == creditor)
        return ledger["eur"][mine & np.char.startswith(ledger["purpose"].astype(str), purposes)].sum()

    for seller in ("agg-1", "agg-platform", "hydro-1", "gas-1"):
        got = paid("tso-1", seller, "reserve") - paid(seller, "tso-1", "reserve")
        mine = deliveries["seller"] == seller
        net = sum(sign * deliveries[f"{name}_eur"][mine].sum() for name, sign in SIGNS)
        assert got == pytest.approx(net, abs=0.06)
        value = deliveries["value_eur"][mine].sum()
        brp = f"{seller}-brp"
        assert paid(seller, brp, "energy") - paid(brp, seller, "energy") == pytest.approx(value, abs=0.06)
    mine = deliveries["seller"] == "agg-platform"
    own = sum(sign * deliveries[f"{name}_eur"][mine].sum() for name, sign in SIGNS if name != "value")
    through = sum(
        paid("agg-platform", pool, "reserve") - paid(pool, "agg-platform", "reserve") for pool in ("fsp-a", "fsp-b")
    )
    assert through == pytest.approx(own, abs=0.06)
    for pool in ("agg-1", "fsp-a", "fsp-b"):
        earned = sum(
            max(one["net_eur"] - one["value_eur"], 0.0)
            for one in _records(lived, "ProvisionSettlement")
            if one["seller"] == pool
        )
        shared = ledger["eur"][
            (ledger["debtor"] == pool) & np.char.startswith(ledger["creditor"].astype(str), "home")
        ].sum()
        assert shared == pytest.approx(0.7 * earned, abs=0.08)


def test_what_was_called_is_nobodys_imbalance_and_what_was_not_given_is_the_sellers(lived):
    """Regulation (EU) 2017/2195, articles 49, 54: positions adjusted by what was due; the party's result is that of its own straying alone."""
    states, deliveries = lived.table("reserve_imbalances"), lived.table("reserve_deliveries")
    reports, ledger = lived.table("reserve_reports"), lived.table("ledger")
    assert states["imbalance_kwh"] == pytest.approx(
        states["allocated_kwh"] - states["position_kwh"] - states["adjustment_kwh"]
    )
    for seller in ("agg-1", "agg-platform", "hydro-1", "gas-1"):
        mine, own = states["seller"] == seller, deliveries["seller"] == seller
        due = sum(deliveries["due_kw"][own & (deliveries["product"] == one)] for one in PRODUCTS) / 4
        assert states["adjustment_kwh"][mine] == pytest.approx(due)
        measured = reports["measured_kw"][reports["seller"] == seller] / 4
        assert states["imbalance_kwh"][mine] == pytest.approx(measured - due)
        given = (
            sum(
                np.where(
                    deliveries["due_kw"][rows] >= 0,
                    np.clip(deliveries["delivered_kw"][rows], 0, deliveries["due_kw"][rows].clip(min=0)),
                    np.clip(deliveries["delivered_kw"][rows], deliveries["due_kw"][rows].clip(max=0), 0),
                )
                for rows in (own & (deliveries["product"] == one) for one in PRODUCTS)
            )
            / 4
        )
        price = states["price_eur_per_kwh"][mine]
        brp = f"{seller}-brp"
        into = ledger["eur"][ledger["creditor"] == brp].sum() - ledger["eur"][ledger["debtor"] == brp].sum()
        value = deliveries["value_eur"][own].sum()
        straying = (
            (measured - given) * price
        ).sum()  # measured otherwise than what counts: its own surplus or shortage
        assert into == pytest.approx(value + straying, abs=0.08)
    area = states["seller"] == "others-brp"
    signal = lived.table("area_signals")
    assert states["imbalance_kwh"][area].sum() == pytest.approx(
        signal["imbalance_kw"].mean() * (lived.end_ms - lived.start_ms) / H_MS, rel=1e-6
    )


def test_the_imbalance_price_is_that_of_what_was_activated(lived):
    states, deliveries = lived.table("reserve_imbalances"), lived.table("reserve_deliveries")
    area = states["seller"] == "others-brp"
    value = np.array(lived.site.scenario.balancing.day_ahead_eur_per_kwh)[np.arange(96) // 4]
    frr = deliveries["product"] != "fcr"
    up, down = (
        np.array([np.clip(sign * deliveries["due_kw"][frr & (deliveries["t_ms"] == t)], 0, None).sum() for t in states["t_ms"][area]])
        for sign in (1, -1)
    )  # fmt: skip
    price = states["price_eur_per_kwh"][area]
    assert (price[up > down] > value[up > down]).all()
    assert (price[down > up] < value[down > up]).all()
    assert price[up == down] == pytest.approx(value[up == down])
    assert (up > down).any()
    assert (down > up).any()


def test_units_win_and_lose_by_price_and_follow(lived):
    auctions, deliveries = lived.table("reserve_auctions"), lived.table("reserve_deliveries")
    for product in PRODUCTS:
        for block in set(auctions["t_ms"]):
            mine = (auctions["product"] == product) & (auctions["t_ms"] == block)
            asked, accepted = auctions["asked_eur_per_kw_h"][mine], auctions["accepted_kw"][mine]
            whole = accepted >= auctions["offered_kw"][mine] - 1e-9
            if (accepted > 0).any():
                assert (
                    asked[~whole] >= asked[accepted > 0].max() - 1e-12
                ).all()  # nobody who lost is cheaper than who won
    units = np.isin(auctions["seller"], ["hydro-1", "gas-1"])
    assert auctions["accepted_kw"][units].sum() > 0.0
    assert (auctions["accepted_kw"][units] == 0.0).any()
    assert (auctions["accepted_kw"][~units] == 0.0).any()
    for seller in ("hydro-1", "gas-1"):
        own = (deliveries["seller"] == seller) & (deliveries["held_kw"] > 0.0)
        off = np.abs(deliveries["delivered_kw"] - deliveries["due_kw"])[own].sum()
        assert off < 0.06 * deliveries["held_kw"][own].sum()


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


def _records(lived, record):
    """What was said in the world, as plain records."""
    found = []
    for traffic in lived.world.bus.journal.traffic:
        if traffic.batch.record.__name__ == record:
            found += [{name: getattr(one, name) for name in one.__struct_fields__} for one in traffic.batch.records()]
    return found


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


def test_figures_agree_with_the_tables(lived, tables):
    meta = {
        "delivery_start_ms": lived.start_ms,
        "delivery_end_ms": lived.end_ms,
        "scenario": lived.site.scenario.as_data(),
        "step_ms": 900_000,
    }
    found = figures(tables, meta)
    auctions, deliveries = lived.table("reserve_auctions"), lived.table("reserve_deliveries")
    units = ["hydro-1", "gas-1"]
    bought = auctions["accepted_kw"] * (auctions["to_ms"] - auctions["t_ms"]) / H_MS
    pools, own = ~np.isin(auctions["seller"], units), ~np.isin(deliveries["seller"], units)
    assert found["reserve_held_kw_h"] == pytest.approx(bought[pools].sum())
    assert found["reserve_pool_share_percent"] == pytest.approx(100 * bought[pools].sum() / bought.sum())
    assert 0.0 < found["reserve_pool_share_percent"] < 100.0
    assert found["reserve_due_kwh"] == pytest.approx(np.abs(deliveries["due_kw"])[own].sum() / 4)
    assert 0.0 < found["reserve_delivered_kwh"] <= found["reserve_due_kwh"]
    assert 0.0 < found["reserve_accuracy_percent"] < 100.0
    assert 80.0 < found["reserve_given_percent"] <= 100.0
    assert found["reserve_capacity_eur"] == pytest.approx(deliveries["capacity_eur"][own].sum())
    stated = lived.table("reserve_imbalances")["paid_eur"].sum()
    spent = deliveries["energy_eur"].sum() + deliveries["value_eur"].sum()
    assert found["reserve_result_eur"] == pytest.approx(stated - spent)
    assert 10.0 < found["frequency_std_mhz"] < 30.0
    assert found["reserve_left_kwh"] is None  # without a twin


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
