"""Laws of conservation and order over every shipped run, checked on what lies on disk."""

import json

import numpy as np
import pytest

from environment.grid.islands import SLACK
from environment.grid.network import load_network
from experiments.conformance.acts import places

# --- energy -----------------------------------------------------------------------------------------------------------


def test_every_meter_is_the_sum_of_the_devices_behind_it(lived):
    for run in lived:
        meter_of = run.frame("homes").set_index("owner")["meter"].astype(str)
        for prefix in run.prefixes:
            devices = run.frame(f"{prefix}devices")
            plants = {owner: f"{owner}/meter" for owner in devices["owner"][devices["kind"] == "mv_plant"].unique()}
            owners = devices["owner"].astype(str).map({**meter_of.to_dict(), **plants})
            assert owners.notna().all()
            sums = devices.assign(meter=owners).groupby(["meter", "t_ms"], observed=True)["power_kw"].sum().unstack()
            metered = run.net_kw(prefix).loc[sums.index]
            assert len(sums) == len(meter_of) + len(plants)
            np.testing.assert_allclose(metered.to_numpy(), sums.to_numpy(), rtol=0.0, atol=1e-9)


def test_a_meter_takes_or_gives_in_an_interval_never_both(lived):
    for run in lived:
        for prefix in run.prefixes:
            meters = run.frame(f"{prefix}meters")
            assert (meters["import_kwh"] >= 0).all()
            assert (meters["export_kwh"] >= 0).all()
            assert (meters[["import_kwh", "export_kwh"]].min(axis=1) == 0).all()


def node_net_kw(run, prefix):
    """Net load of each bus: what its branches bring less what they take away, from flows and losses alone."""
    ends = run.frame("network_branches").set_index("branch")
    power = run.wide(f"{prefix}grid_branches", "branch", "p_kw")
    loss = run.wide(f"{prefix}grid_branches", "branch", "loss_kw")
    buses = run.frame("network_buses")["bus"].astype(str).tolist()
    net = np.zeros((len(buses), power.shape[1]))
    place = {bus: row for row, bus in enumerate(buses)}
    start = [place[bus] for bus in ends.loc[power.index, "from_bus"].astype(str)]
    end = [place[bus] for bus in ends.loc[power.index, "to_bus"].astype(str)]
    np.subtract.at(net, start, power.to_numpy())
    np.add.at(net, end, (power - loss).to_numpy())
    return buses, net, loss.to_numpy()


def slack_of(run, buses):
    """Place of the bus that feeds the grid: of several networks the one they hang on, else that of the network that the scenario names."""
    if SLACK in buses:
        return buses.index(SLACK)
    network = load_network(run.meta["scenario"]["grid"]["network"])
    return buses.index(network.bus_names[network.slack])


def test_power_balances_at_every_node_where_homes_live(lived):
    for run in lived:
        homes = run.frame("homes")
        inside = homes["bus"].astype(str)
        for prefix in run.prefixes:
            buses, net, _ = node_net_kw(run, prefix)
            metered = run.net_kw(prefix)
            for bus in inside.unique():
                expected = metered.loc[homes["meter"][inside == bus].astype(str)].sum()
                np.testing.assert_allclose(net[buses.index(bus)], expected, rtol=0.0, atol=1e-3)


def test_what_the_grid_draws_is_load_and_losses(lived):
    for run in lived:
        for prefix in run.prefixes:
            buses, net, loss = node_net_kw(run, prefix)
            slack = slack_of(run, buses)
            drawn = -net[slack]
            unserved = run.frame(f"{prefix}unserved").sort_values("t_ms")["power_kw"].to_numpy()
            load = run.net_kw(prefix).sum().to_numpy() - unserved
            np.testing.assert_allclose(drawn, load + loss.sum(axis=0), rtol=0.0, atol=1e-2)
            assert (loss.sum(axis=0) > 0).all()
            assert (loss > -1e-6).all()


def test_devices_keep_their_bounds(lived):
    for run in lived:
        for prefix in run.prefixes:
            devices = run.frame(f"{prefix}devices").set_index("kind")
            state = devices["state"].astype(float)
            assert (devices.loc["pv", "power_kw"] <= 0).all()
            assert (devices.loc["load", "power_kw"] >= 0).all()
            there = set(devices.index)
            for kind in there & {"ev", "heat_pump", "water_heater", "stratified_heater"}:
                assert (devices.loc[kind, "power_kw"] >= -1e-9).all()
            assert (state[state.index.isin(["battery", "ev"])] >= -1e-9).all()
            for kind in there & {"water_heater", "stratified_heater"}:
                assert state.loc[kind].between(10.0, 95.0).all()
            if "heat_pump" in there:
                assert state.loc["heat_pump"].between(10.0, 30.0).all()
            assert devices.loc["load", "state"].isna().all()


# --- money ------------------------------------------------------------------------------------------------------------


def test_money_sums_to_zero_over_all_parties(lived):
    for run in lived:
        for prefix in run.prefixes:
            ledger = run.frame(f"{prefix}ledger")
            cents = np.rint(ledger["eur"] * 100).astype(np.int64)
            np.testing.assert_allclose(ledger["eur"] * 100, cents, rtol=0.0, atol=1e-6)
            assert (cents > 0).all()
            assert (ledger["debtor"].astype(str) != ledger["creditor"].astype(str)).all()
            balance = (
                cents.groupby(ledger["creditor"].astype(str))
                .sum()
                .sub(cents.groupby(ledger["debtor"].astype(str)).sum(), fill_value=0)
            )
            assert balance.sum() == 0


def test_every_entry_cites_a_message_that_was_delivered_before_it(lived):
    for run in lived:
        ledger, messages = run.frame("ledger"), run.frame("messages").set_index("message_id")
        assert ledger["message_id"].notna().all()
        cited = messages.loc[ledger["message_id"]]
        documents = {"Invoice", "RetailBill", "MemberStatement", "CommunityBill", "ProvisionSettlement", "MemberShare"}
        documents |= {"SettlementNotification", "PurchaseStatement", "ImbalanceStatement", "ExposureClaim"}
        assert set(cited["record"].astype(str)) <= documents
        assert (cited["sent_ms"].to_numpy() <= ledger["t_ms"].to_numpy()).all()


def figures_of_messages(run):
    """Balance of every party in cents, recomputed from the messages that it received or sent alone."""
    messages = run.frame("messages").set_index("row")
    party = run.frame("addresses").set_index("address")["operator"].astype(str).to_dict()
    balance = {}

    def move(debtor, creditor, eur):
        cents = round(eur * 100)
        balance[debtor] = balance.get(debtor, 0) - cents
        balance[creditor] = balance.get(creditor, 0) + cents

    seen = set()
    for row in run.frame("content/Invoice").to_dict("records"):
        if messages.loc[row["row"], "status"] == "acknowledged" and row["invoice"] not in seen:
            seen.add(row["invoice"])  # debtor and creditor each hold a copy of one invoice
            move(row["debtor"], row["creditor"], row["eur"])
    for row in run.frame("content/RetailBill").to_dict("records"):
        sender, receiver = (party[messages.loc[row["row"], side]] for side in ("sender", "receiver"))
        move(receiver, sender, row["energy_eur"] + row["network_eur"] + row["taxes_eur"])
        move(sender, receiver, row["surplus_eur"])
    for record, eur in (("MemberStatement", "eur"), ("MemberShare", "eur"), ("ProvisionSettlement", "net_eur")):
        for row in run.frame(f"content/{record}").to_dict("records"):
            sender, receiver = (party[messages.loc[row["row"], side]] for side in ("sender", "receiver"))
            move(sender, receiver, row[eur])
    for row in run.frame("content/SettlementNotification").to_dict("records"):
        tso, bsp = (party[messages.loc[row["row"], side]] for side in ("sender", "receiver"))
        move(tso, bsp, row["final_eur"])
    for row in run.frame("content/PurchaseStatement").to_dict("records"):
        if (row["settlement"], row["buyer"]) not in seen:  # buyer and seller each hold a copy
            seen.add((row["settlement"], row["buyer"]))
            tso = party[messages.loc[row["row"], "sender"]]
            move(row["buyer"], row["bsp"], row["final_eur"])
            move(tso, row["buyer"], row["imbalance_eur"])
    for row in run.frame("content/ImbalanceStatement").to_dict("records"):
        tso, responsible = (party[messages.loc[row["row"], side]] for side in ("sender", "receiver"))
        move(responsible, tso, row["eur"])
    for row in run.frame("content/ExposureClaim").to_dict("records"):
        move(row["debtor"], row["creditor"], row["eur"])
    billed = set()
    for row in run.frame("content/CommunityBill").to_dict("records"):
        if (row["community"], row["member"], row["from_ms"]) not in billed:
            billed.add((row["community"], row["member"], row["from_ms"]))  # member and manager each hold a copy
            move(row["member"], row["community"], row["net_eur"])
    return {name: cents for name, cents in balance.items() if cents}


def test_every_balance_follows_from_messages_to_the_cent(lived):
    for run in lived:
        ledger = run.frame("ledger")
        booked = {}
        for debtor, creditor, eur in zip(ledger["debtor"], ledger["creditor"], ledger["eur"], strict=True):
            booked[debtor] = booked.get(debtor, 0) - round(eur * 100)
            booked[creditor] = booked.get(creditor, 0) + round(eur * 100)
        assert {name: cents for name, cents in booked.items() if cents} == figures_of_messages(run)


# --- market -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def settled(lived):
    """Runs in which flexibility service providers delivered and were settled."""
    found = [run for run in lived if "deliveries" in run.run.tables]
    assert found
    return found


@pytest.fixture(scope="module")
def traded(lived):
    """Runs with a market."""
    found = [run for run in lived if run.meta["scenario"]["actors"]["lfmo"] != "none" and "bids" in run.run.tables]
    assert found
    return found


@pytest.fixture(scope="module")
def standing(settled):
    """Runs without one, in which the DSO has standing contracts."""
    found = [run for run in settled if run.meta["scenario"]["actors"]["lfmo"] == "none"]
    assert found
    return found


def test_every_bid_is_accounted_for(traded):
    for run in traded:
        bids = run.frame("bids")
        assert ((bids["accepted_kw"] >= 0) & (bids["accepted_kw"] <= bids["quantity_kw"] + 1e-9)).all()
        cut = bids["accepted_kw"] < bids["quantity_kw"] - 1e-6
        assert bids["reason"][cut].fillna("").str.len().gt(0).all()
        assert bids["reason"][~cut].fillna("").str.len().eq(0).all()
        offered = run.frame("content/Bid")
        quantity = sum(float(np.sum(row)) for row in offered["quantity_kw"])
        assert bids["quantity_kw"].sum() == pytest.approx(quantity)
        assert set(bids["bid"].astype(str)) == set(offered["bid"])


def test_awards_say_what_the_book_says(traded):
    for run in traded:
        bids = run.frame("bids")
        accepted = bids.groupby(bids["bid"].astype(str))["accepted_kw"].sum()
        awards = run.frame("content/Award").set_index("bid")["cleared_kw"].map(np.sum)
        np.testing.assert_allclose(awards, accepted.loc[awards.index], rtol=0.0, atol=1e-9)


def test_cleared_is_at_most_the_need_and_at_most_what_accepted_bids_relieve(traded):
    for run in traded:
        bids, clearings = run.frame("bids"), run.frame("clearings")
        assert (clearings["cleared_kw"] <= clearings["needed_kw"] + 1e-9).all()
        for request in run.frame("content/SessionRequest").to_dict("records"):
            sensitivity = dict(zip(request["areas"], request["sensitivity"], strict=True))
            mine = bids[bids["session"].astype(str) == request["session"]]
            relief = (mine["area"].astype(str).map(sensitivity).fillna(0.0) * mine["accepted_kw"]).groupby(mine["t_ms"])
            here = clearings["constraint"].astype(str) == request["constraint"]
            cleared = clearings[here].set_index("t_ms")["cleared_kw"]
            assert (cleared <= relief.sum().reindex(cleared.index, fill_value=0.0) + 1e-6).all()


def test_no_bid_counts_that_came_after_the_gate(traded):
    for run in traded:
        gate = {row["session"]: row["gate_ms"] for row in run.frame("content/SessionRequest").to_dict("records")}
        bids = run.frame("bids")
        late = bids["received_ms"] > bids["session"].astype(str).map(gate)
        assert (bids["accepted_kw"][late] == 0).all()


def test_orders_stay_within_what_is_contracted(traded):
    for run in traded:
        step_ms = run.meta["step_ms"]
        contracted = {}
        for row in run.frame("content/EngagementRequest").drop_duplicates("bid").to_dict("records"):
            for k, kw in enumerate(row["engaged_kw"]):
                key = (row["contract"], row["from_ms"] + k * step_ms)
                contracted[key] = contracted.get(key, 0.0) + kw
        ordered = run.frame("activations").groupby(["bid", "t_ms"], observed=True)["ordered_kw"].sum()
        assert len(ordered) > 0
        for key, kw in ordered.items():
            assert kw <= contracted.get(key, 0.0) + 1e-6, key


def test_orders_on_standing_contracts_stay_within_what_was_reported_last(standing):
    for run in standing:
        messages = run.frame("messages").set_index("row")
        reports = run.frame("content/FlexibilityAvailability").join(messages[["sender", "delivered_ms"]], on="row")
        orders = run.frame("content/ActivationRequest").join(messages[["sent_ms"]], on="row")
        assert len(orders) > 0
        for order in orders.to_dict("records"):
            known = reports[(reports["sender"].astype(str) == order["fsp"]) & (reports["area"] == order["area"])]
            last = known[known["delivered_ms"] <= order["sent_ms"]].sort_values("delivered_ms").iloc[-1]
            first = (order["from_ms"] - last["from_ms"]) // run.meta["step_ms"]
            available = last[f"{order['direction']}_kw"][first : first + len(order["ordered_kw"])]
            assert (order["ordered_kw"] <= available + 1e-5).all(), order["activation"]


def test_without_a_market_nobody_speaks_of_one(standing):
    for run in standing:
        assert not {"bids", "content/Bid", "content/SessionRequest", "content/EngagementRequest"} & set(run.run.tables)
        relayed = run.frame("messages")
        through = relayed[relayed["receiver"].astype(str).str.startswith("gdbn-1")]["record"].astype(str)
        assert set(through) == {"ActivationReport", "RemunerationAndPenalty", "SettlementAnswer"}


def test_deliveries_are_baselines_less_meters(settled):
    for run in settled:
        deliveries = run.frame("deliveries")
        direction = run.frame("activations").drop_duplicates("activation").set_index("activation")["direction"]
        sign = np.where(direction.loc[deliveries["activation"]].astype(str) == "up", 1.0, -1.0)
        expected = sign * (deliveries["baseline_kw"] - deliveries["metered_kw"])
        np.testing.assert_allclose(deliveries["delivered_kw"], expected, rtol=0.0, atol=1e-9)
        meters = {row["baseline"]: row for row in run.frame("content/BaselineDeclaration").to_dict("records")}
        by_place = {(row["fsp"], row["area"]): list(row["meters"]) for row in meters.values()}
        net = run.net_kw()
        for row in deliveries.to_dict("records"):
            metered = net.loc[by_place[row["fsp"], row["area"]], row["t_ms"]].sum()
            assert row["metered_kw"] == pytest.approx(metered, abs=1e-9)


def test_true_delivery_is_the_difference_to_the_twin(settled):
    for run in settled:
        if "twin/" not in run.prefixes:
            continue
        deliveries = run.frame("deliveries")
        declared = run.frame("content/BaselineDeclaration").to_dict("records")
        members = {(row["fsp"], row["area"]): list(row["meters"]) for row in declared}
        saved = run.net_kw("twin/") - run.net_kw()
        calls = run.frame("activations").drop_duplicates("activation").set_index("activation")["direction"].astype(str)
        sign = deliveries["activation"].astype(str).map(calls).map({"up": 1.0, "down": -1.0})
        deliveries["less_kw"] = sign * deliveries["true_kw"]
        for (fsp, area, t_ms), rows in deliveries.groupby(["fsp", "area", "t_ms"], observed=True):
            assert rows["less_kw"].sum() == pytest.approx(saved.loc[members[fsp, area], t_ms].sum(), abs=1e-6)


def test_settlements_pay_at_most_what_was_ordered_and_net_is_the_difference(settled):
    for run in settled:
        settled = run.frame("settlements")
        np.testing.assert_allclose(
            settled["net_eur"], settled["remuneration_eur"] - settled["penalty_eur"], rtol=0.0, atol=1e-9
        )
        assert (settled["delivered_kwh"] <= settled["ordered_kwh"] + 1e-6).all()
        assert (settled[["remuneration_eur", "penalty_eur"]] >= 0).all(axis=None)
        standing = [fsp["contract_eur_per_kwh"] for fsp in run.meta["scenario"]["actors"]["fsps"]]
        dearest = run.frame("bids")["price_eur_per_kwh"].max() if "bids" in run.run.tables else max(standing)
        assert (settled["remuneration_eur"] <= settled["ordered_kwh"] * dearest + 0.01).all()


# --- journal ----------------------------------------------------------------------------------------------------------


def test_no_message_arrives_at_the_instant_it_was_sent(lived):
    for run in lived:
        messages = run.frame("messages")
        here = messages["delivered_ms"].notna()
        assert (messages["delivered_ms"][here] > messages["sent_ms"][here]).all()
        known = messages["acknowledged_ms"].notna()
        assert (messages["acknowledged_ms"][known] > messages["delivered_ms"][known]).all()
        assert (messages["attempts"][here] >= 1).all()


OF_NO_USE_CASE = (
    "billing:", "plans:", "orders:", "changes:", "baselines:", "reserves:", "imbalance:", "units:", "withdrawal:",
)  # fmt: skip
"""What conversations begin with that belong to no scenario of the catalogue, and that nobody opens."""


def test_ids_of_the_journal_are_unique_and_answers_name_questions(lived):
    """Of all messages but those that were refused: an attacker repeats true ids, and speaks of what nobody opened."""
    for run in lived:
        messages = run.frame("messages")
        messages = messages[messages["status"].astype(str) != "refused"]
        assert messages["message_id"].is_unique
        asked = run.run.tables["messages"]["answer_to"].drop_null().to_pylist()
        assert asked
        assert set(asked) <= set(messages["message_id"])
        named = set(run.frame("conversations")["conversation"])
        said = messages["conversation"].astype(str)
        assert set(said[~said.str.startswith(OF_NO_USE_CASE)]) <= named


def test_every_message_goes_between_addresses_that_exist(lived):
    for run in lived:
        known = set(run.frame("addresses")["address"].astype(str))
        messages = run.frame("messages")
        sent = messages[messages["status"].astype(str) != "refused"]
        assert set(sent["sender"].astype(str)) | set(sent["receiver"].astype(str)) <= known


def test_no_act_is_hollow_and_what_it_cites_is_there(lived):
    keys = {
        "needs": "need", "bids": "bid", "clearings": "session", "baselines": "baseline", "activations": "activation",
        "deliveries": "settlement", "settlements": "settlement", "devices": "owner", "forecasts": "party",
        "availability": "fsp", "comparisons": "comparison", "admissions": "household", "installation_plans": "household",
        "heater_models": "customer", "heater_plans": "customer", "virtual_assets": "pool", "pool_baselines": "pool",
        "pool_allocations": "pool", "pool_offers": "offer",
    }  # fmt: skip
    for run in lived:
        acts = run.frame("acts")
        cited = {str(ref) for column in ("reads", "writes") for refs in acts[column] for ref in refs}
        assert (acts["reads"].map(len) + acts["writes"].map(len) > 0).all()
        for reference in cited:
            table, _, key = reference.partition("/")
            held = {(table, keys[table])} if table in keys else set()
            held |= {(one.table, one.column) for one in places()[table]}
            known = [run.frame(name)[column].astype(str) for name, column in held if name in run.run.tables]
            assert any(key in set(column) for column in known), reference


def test_a_conversation_that_failed_or_was_refused_says_why(lived):
    for run in lived:
        conversations = run.frame("conversations")
        bad = conversations["outcome"].astype(str).isin(["failed", "refused"])
        assert conversations["reason"][bad].fillna("").str.len().gt(0).all()
        assert (conversations["ended_ms"][bad] >= conversations["opened_ms"][bad]).all()
        parents = conversations["parent"].dropna()
        assert set(parents) <= set(conversations["conversation"])


# --- what a run says of itself ------------------------------------------------------------------------------------------


def test_the_digest_is_that_of_the_tables(lived):
    for run in lived:
        from experiments.results.digest import digest_tables

        assert run.meta["digest"] == digest_tables(dict(run.run.tables)).digest
        assert json.dumps(run.meta["scenario"])
