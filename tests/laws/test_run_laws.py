"""Laws of conservation and order over every shipped run, checked on what lies on disk."""

import json

import numpy as np

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
    "test:", "wants:", "change:",
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
