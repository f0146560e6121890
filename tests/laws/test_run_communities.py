"""Laws of energy communities over every shipped run that has one, checked on what lies on disk."""

import numpy as np
import pytest

from experiments.covers import covers

MWH = 0.5e-6


@pytest.fixture(scope="module")
def communal(lived):
    """Runs with communities."""
    found = [run for run in lived if run.meta["scenario"]["actors"]["communities"]]
    assert found
    return found


def by_period(energies):
    return energies.groupby(["community", "t_ms"], observed=True)


@covers("SUC02.1/r35")
def test_energy_identities_hold_exactly_for_each_member_and_period(communal):
    for run in communal:
        rows = run.frame("community_energies")
        whole = {name: np.rint(rows[name] * 1e6).astype(np.int64) for name in rows.columns if name.endswith("_kwh")}
        for name in ("consumption_kwh", "allocated_kwh", "self_consumed_kwh", "supplied_kwh", "surplus_kwh"):
            np.testing.assert_allclose(rows[name] * 1e6, whole[name], rtol=0.0, atol=1e-3)
            assert (whole[name] >= 0).all()
        assert (whole["consumption_kwh"] == whole["self_consumed_kwh"] + whole["supplied_kwh"]).all()
        assert (whole["allocated_kwh"] == whole["self_consumed_kwh"] + whole["surplus_kwh"]).all()
        periods = by_period(rows.assign(**whole))
        assert (periods["allocated_kwh"].sum() == periods["generation_kwh"].sum()).all()


@covers("SUC02.1/r34")
def test_coefficients_of_a_period_sum_to_one(communal):
    for run in communal:
        periods = by_period(run.frame("community_energies"))
        total, given = periods["coefficient"].sum(), periods["generation_kwh"].sum()
        np.testing.assert_allclose(total[given > MWH], 1.0, rtol=0.0, atol=1e-9)
        assert (run.frame("community_energies")["coefficient"] >= 0.0).all()


def test_what_members_take_and_give_is_what_their_certified_meters_show(communal):
    for run in communal:
        rows = run.frame("community_energies")
        if run.meta["scenario"]["actors"]["communities"][0]["shared_assets"]:
            continue
        meter = run.frame("homes").set_index("owner")["meter"].astype(str)
        net = run.net_kw() * run.hours
        for member, mine in rows.groupby("member", observed=True):
            metered = net.loc[meter[member], mine["t_ms"]].to_numpy()
            np.testing.assert_allclose(mine["consumption_kwh"] - mine["generation_kwh"], metered, rtol=0.0, atol=2e-6)


@covers("SUC02.1/r37")
def test_internal_transactions_sum_to_zero(communal):
    for run in communal:
        rows = run.frame("community_settlements")
        for _, day in rows.groupby(["community", "from_ms"], observed=True):
            assert abs(day["internal_eur"].sum()) < 1e-9
            assert day["bought_kwh"].sum() == pytest.approx(day["sold_kwh"].sum(), abs=1e-5)
        bills = run.frame("content/CommunityBill").drop_duplicates(["community", "member", "from_ms"])
        for _, all_of_one in bills.groupby("community"):  # who joins or leaves in mid-month is billed for other days
            assert round(all_of_one["internal_eur"].sum() * 100) == 0


@covers("SUC02.1/r10", "SUC02.1/r12")
def test_internal_prices_lie_between_the_opportunity_costs_of_both_sides(communal):
    for run in communal:
        prices = run.frame("community_prices").set_index("t_ms")
        bids = run.frame("content/EnergyBid").to_dict("records")
        for bid in bids:
            t_ms = bid["from_ms"] + round(bid["step_s"] * 1000) * np.arange(len(bid["volume_kwh"]))
            price = prices.loc[t_ms, "price_eur_per_kwh"].to_numpy()
            traded = prices.loc[t_ms, "traded_kwh"].to_numpy() > 0.0
            buys, sells = np.asarray(bid["volume_kwh"]) > MWH, np.asarray(bid["volume_kwh"]) < -MWH
            asked = np.asarray(bid["price_eur_per_kwh"])
            transactions = run.meta["scenario"]["actors"]["communities"][0]["price"]["rule"] != "post-delivery-pool"
            if transactions:  # of a pool only those taken
                assert (price[traded & buys] <= asked[traded & buys] + 1e-9).all()
                assert (price[traded & sells] >= asked[traded & sells] - 1e-9).all()


@covers("SUC02.1/r36")
def test_nobody_pays_more_for_the_same_energies_than_alone(communal):
    """With coefficients from transactions: every trade lies between what the two sides could have outside."""
    for run in communal:
        if run.meta["scenario"]["actors"]["communities"][0]["allocation"]["rule"] != "transaction-coefficients":
            continue
        rows = run.frame("community_settlements")
        inside = rows["supply_eur"] - rows["surplus_eur"] + rows["grid_eur"] + rows["internal_eur"]
        assert (inside <= rows["alone_eur"] + 1e-4).all()
        assert inside.sum() < rows["alone_eur"].sum()


def test_bills_of_retailers_are_about_what_was_allocated(communal):
    for run in communal:
        bills = run.frame("content/RetailBill").join(run.frame("messages").set_index("row")[["receiver"]], on="row")
        by_member = run.frame("community_energies").groupby("member", observed=True)
        sums, periods = by_member[["supplied_kwh", "surplus_kwh"]].sum(), by_member.size()
        billed = bills.groupby(bills["receiver"].astype(str))[["import_kwh", "export_kwh"]].sum()
        found = billed.loc[sums.index.astype(str)].to_numpy()
        always = (periods == periods.max()).to_numpy()
        np.testing.assert_allclose(found[always], sums[always], rtol=0.0, atol=1e-6)
        assert (
            found >= sums.to_numpy() - 1e-6
        ).all()  # before joining and after leaving the retailer bills by the meter


@covers("SUC02.1/r18", "SUC02.1/r28")
def test_delivered_flexibility_is_the_frozen_baseline_less_the_meters(communal):
    for run in communal:
        rows = run.frame("community_flexibility")
        if not len(rows):
            continue
        baselines = run.frame("baselines")
        frozen = baselines.groupby(["fsp", "t_ms"], observed=True)["power_kw"].sum()
        net = run.net_kw()
        for row in rows.to_dict("records"):
            assert row["baseline_kw"] == pytest.approx(frozen[row["community"], row["t_ms"]], abs=1e-9)
            meters = baselines[(baselines["fsp"] == row["community"]) & (baselines["t_ms"] == row["t_ms"])]["area"]
            assert row["metered_kw"] == pytest.approx(net.loc[meters.astype(str), row["t_ms"]].sum(), abs=1e-9)
            assert 0.0 <= row["delivered_kw"] <= row["ordered_kw"] + 1e-9
            assert row["ordered_kw"] <= row["offered_kw"] + 1e-9
        assert (rows.groupby(["community", "direction", "t_ms"], observed=True)["ordered_kw"].sum()
                <= rows.groupby(["community", "direction", "t_ms"], observed=True)["needed_kw"].max() + 1e-9).all()  # fmt: skip


@covers("SUC02.1/O-1")
def test_who_does_not_consent_tells_nothing_and_follows_nobody(communal):
    everybody = set()
    for run in communal:
        members = run.frame("community_members")
        silent = set(members[~members["consent"] | ~members["approved"]]["member"].astype(str))
        messages = run.frame("messages")
        told = messages[messages["record"].astype(str).isin(["DerForecast", "DerReadings"])]["sender"].astype(str)
        led = messages[messages["record"].astype(str) == "DerSchedule"]["receiver"].astype(str)
        everybody |= silent
        assert not {name.removesuffix("/hems") for name in {*told, *led}} & silent
    assert everybody


@covers("SUC02.1/r05")
def test_who_does_not_approve_is_no_member_and_there_are_some(communal):
    everybody = set()
    for run in communal:
        members = run.frame("community_members")
        declined = set(members[~members["approved"]]["member"].astype(str))
        everybody |= declined
        assert members["reason"][~members["approved"]].str.len().gt(0).all()
        assert not set(run.frame("community_settlements")["member"].astype(str)) & declined
    assert everybody


def test_homes_outside_live_and_pay_as_without_the_community(communal):
    for run in communal:
        members = set(run.frame("community_settlements")["member"].astype(str))
        others = [home for home in run.frame("homes")["owner"].astype(str) if home not in members]
        meter = run.frame("homes").set_index("owner")["meter"].astype(str)
        assert others
        for home in others:
            np.testing.assert_array_equal(run.net_kw().loc[meter[home]], run.net_kw("twin/").loc[meter[home]])
