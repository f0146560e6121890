"""Laws of a service for households over the shipped run: modes, consent, contract, plans kept, money, people's data."""

import duckdb
import numpy as np
import pytest

from experiments.conformance.provenance import check_provenance, equalities, fault
from experiments.covers import covers

CONTROL = ("DeviceOrder", "PowerReference")
LOOK_MS = 5_000
PLACES = {"ev": "ev", "battery": "battery", "water-heater": "water_heater", "heat-pump": "heat_pump"}


@pytest.fixture(scope="module")
def flex(lived_as):
    """The run of homes-flex."""
    return lived_as("homes-flex")


def orders(run):
    """Orders that asked for power: home, kind, instant at which the device looked at them, whether it was refused."""
    messages = run.frame("messages").set_index("row")
    refused = set(run.frame("refused_requests")["message_id"])
    found = []
    for record in CONTROL:
        content = run.frame(f"content/{record}")
        if record == "DeviceOrder":
            content = content[content["purpose"] != "settings"]
        rows = messages.loc[content["row"]]
        rows = rows[rows["status"].astype(str) == "acknowledged"]
        for receiver, delivered, name in zip(
            rows["receiver"].astype(str), rows["delivered_ms"], rows["message_id"], strict=True
        ):
            home, place = receiver.split("/")
            found.append((home, PLACES[place], -(-int(delivered) // LOOK_MS) * LOOK_MS, name in refused))
    return found


def mode_at(run):
    """(home, kind) -> sorted instants and modes."""
    frame = run.frame("modes").sort_values("t_ms", kind="stable")
    return {
        (str(home), str(kind)): (part["t_ms"].to_numpy(), part["mode"].astype(str).to_numpy())
        for (home, kind), part in frame.groupby(["owner", "kind"], observed=True)
    }


def left_at(run):
    """Home -> instant from which its devices are its own again."""
    rights = run.frame("rights")
    ends = rights[
        rights["right"].astype(str).isin(["erase", "restrict"])
        | ((rights["right"].astype(str) == "withdraw") & (rights["purpose"] == "control"))
    ]
    return {str(owner): int(t_ms) for owner, t_ms in zip(ends["owner"], ends["t_ms"], strict=True)}


@covers("SUC13.1/r26", "SUC13.1/CI-2", "SUC13.1/r15")
def test_an_order_is_followed_by_devices_in_automatic_mode_and_refused_by_all_others(flex):
    modes, left, seen = mode_at(flex), left_at(flex), 0
    for home, kind, at_ms, refused in orders(flex):
        times, names = modes[home, kind]
        mode = names[np.searchsorted(times, at_ms, side="right") - 1]
        gone = left.get(home, at_ms + 1) <= at_ms
        assert refused == (gone or mode != "automatic"), (home, kind, at_ms, mode)
        seen += 1
    assert seen > 1000


@covers("SUC13.1/GDPR-1")
def test_nothing_is_ordered_of_who_took_consent_back_once_it_is_known(flex):
    left = left_at(flex)
    assert left
    messages = flex.frame("messages")
    mine = messages[messages["record"].astype(str).isin(CONTROL)]
    homes = mine["receiver"].astype(str).str.split("/").str[0]
    for home, at_ms in left.items():
        assert not ((homes == home) & (mine["sent_ms"] > at_ms + 60_000)).any()


@covers("SUC13.1/r29")
def test_corrections_say_what_could_not_be_moved(flex):
    found = flex.frame("corrections")
    np.testing.assert_allclose(found["asked_kw"], found["moved_kw"] + found["left_kw"], atol=1e-9)
    assert (found[["asked_kw", "moved_kw", "left_kw"]] >= -1e-9).all(axis=None)
    assert set(found["about"].astype(str)) == {"peak", "surplus"}


def above_h(run, prefix=""):
    homes = run.frame("homes").set_index("meter")["contracted_kw"]
    net = run.net_kw(prefix).loc[homes.index.astype(str)]
    return float((net.to_numpy() > homes.to_numpy()[:, None] + 1e-6).sum()) * run.hours


@covers("SUC13.1/r29", "SUC13.1/r17")
def test_the_service_keeps_homes_below_their_contract_more_than_they_do_alone(flex):
    assert above_h(flex) <= above_h(flex, "twin/")
    assert above_h(flex) < 30 * 72 * 0.02


@covers("SUC13.1/r18", "SUC13.1/r19")
def test_every_quarter_of_an_hour_has_one_cycle_and_few_are_solved_again(flex):
    cycles = flex.frame("resolves").sort_values("t_ms")
    steps = cycles["t_ms"] // flex.meta["step_ms"]
    assert steps.is_unique
    assert np.diff(steps.to_numpy()).max() == 1
    assert (cycles["solved"] <= cycles["members"]).all()
    later = cycles.iloc[1:]
    assert 0 < later["solved"].sum() < 0.6 * later["members"].sum()
    assert cycles["looked_at"].sum() > 0
    assert cycles["loss_eur"].sum() <= 0.1 * cycles["cost_eur"].sum()


@covers("SUC13.1/r18")
def test_plans_reach_to_the_end_of_the_next_day(flex):
    results = flex.frame("content/OptimisationResult")
    whole = results[results["household"] == ""]
    hours = whole["net_kw"].map(len)
    end = (flex.meta["delivery_end_ms"] - whole["quarter_ms"]) / 3_600_000
    assert (hours >= np.minimum(24, np.floor(end)) - 1).all()


@covers("SUC13.1/r01", "SUC13.1/r03", "SUC13.1/r07", "SUC13.1/r09", "SUC13.1/SI-1")
def test_no_household_is_equipped_before_all_gates_are_closed(flex):
    messages = flex.frame("messages").set_index("row")
    first = {}
    for record, side in (("AdmissionDecision", "receiver"), ("ProsumerRegistration", "sender"), ("Login", "sender"),
                         ("PlanApplication", "sender"), ("FinalApproval", "receiver"), ("SiteVisit", "receiver"),
                         ("HandoverNote", "receiver"), ("ControlNotice", "receiver")):  # fmt: skip
        rows = messages.loc[flex.frame(f"content/{record}")["row"]]
        first[record] = rows.groupby(rows[side].astype(str))["sent_ms"].min().to_dict()
    order = list(first)
    for home in first["ControlNotice"]:
        instants = [first[record][home] for record in order]
        assert instants == sorted(instants), home
    budgets = flex.frame("installations")
    assert budgets["approved"].all()
    accounts = flex.frame("content/AccountConfirmation")["prosumer_id"]
    assert accounts.is_unique


@covers("SUC13.1/GDPR-3")
def test_rights_are_respected_and_the_erased_have_no_name_in_what_the_service_keeps(flex):
    asked, done = flex.frame("rights"), flex.frame("data_requests")
    assert len(asked) == len(done) > 0
    assert done["done"].all()
    homes = set(flex.frame("homes")["owner"].astype(str))
    for table in ("consents", "data_requests", "corrections"):
        names = flex.frame(table)[{"corrections": "household"}.get(table, "prosumer")].astype(str)
        assert not set(names) & homes, table


@covers("SUC13.1/GDPR-3")
def test_the_erased_are_named_no_more_and_what_was_published_of_all_stays(flex):
    """After erasure no message carries the household's id; the sums of the day before still hold its energy."""
    rights, homes = flex.frame("rights"), home_of(flex)
    messages = flex.frame("messages").set_index("row")
    sent = messages["sent_ms"]
    published, seen = flex.frame("service_figures"), 0
    samples = flex.frame("content/DeviceMeasurement")
    samples = samples[samples["kind"].astype(str) == "meter"]
    of = messages.loc[samples["row"]].astype({"sender": str, "receiver": str, "status": str})
    stored = ((of["status"] == "acknowledged") & (of["receiver"] == "cloud-1")).to_numpy()
    samples, of = samples[stored], of[stored]
    step = ((of["sent_ms"] - 1) // flex.meta["step_ms"]).to_numpy()
    net = samples["consumption_kw"].groupby([of["sender"].str.split("/").str[0].to_numpy(), step]).mean()
    for home, at_ms in rights.loc[rights["right"].astype(str) == "erase", ["owner", "t_ms"]].itertuples(index=False):
        (name,) = [prosumer for prosumer, site in homes.items() if site == str(home)]
        for record, column in (("OptimisationResult", "household"), ("HomeForecast", "household"), ("StoredReadings", "households"),
                               ("StoredHistory", "households"), ("TemperatureForecast", "devices")):  # fmt: skip
            content = flex.frame(f"content/{record}")
            names = content[column].map(lambda value: " ".join(value) if not isinstance(value, str) else value)
            carries = names.str.contains(name)
            assert (carries & (sent.loc[content["row"]] < at_ms).to_numpy()).any(), record
            assert not (carries & (sent.loc[content["row"]] > at_ms + 60_000).to_numpy()).any(), record
        orders_known = flex.frame("content/ProcessingOrder")
        last = orders_known[orders_known["prosumer_id"] == name].iloc[-1]
        assert last["erase"]
        assert last["site"] == ""
        for day in published[published["t_ms"] < at_ms].itertuples():
            first, end = day.from_ms // flex.meta["step_ms"], day.to_ms // flex.meta["step_ms"]
            within = net[(net.index.get_level_values(1) >= first) & (net.index.get_level_values(1) < end)]
            energy = within.clip(lower=0.0).groupby(level=0).sum() * flex.hours
            counted = energy[energy.index.isin(homes.values())]
            assert counted[str(home)] > 0.0
            told = orders_known[(sent.loc[orders_known["row"]] < day.t_ms).to_numpy()].drop_duplicates(
                "prosumer_id", keep="last"
            )
            summed = {homes[one.prosumer_id] for one in told.itertuples() if "statistics" in one.purposes}
            assert day.import_kwh == pytest.approx(counted[counted.index.isin(summed)].sum())
            seen += 1
    assert seen > 0


@covers("SUC13.1/r04")
def test_households_take_a_plan_or_decline_it_by_what_they_want_of_it(flex):
    decisions = flex.frame("plan_decisions")
    wanted = decisions["moving_eur"] + decisions["control_eur"]
    assert (decisions["accepted"] == (decisions["saving_eur"] > wanted)).all()
    assert set(decisions["accepted"]) == {True, False}
    assert decisions["control_eur"].nunique() == len(decisions)
    messages = flex.frame("messages").set_index("row")
    applied = set(messages.loc[flex.frame("content/PlanApplication")["row"], "sender"].astype(str))
    assert applied == set(decisions.loc[decisions["accepted"], "owner"].astype(str))
    asked = messages.loc[flex.frame("content/PlanOffer")["row"], "receiver"].astype(str)
    assert set(asked) == set(decisions["owner"].astype(str))
    for one in decisions.itertuples():
        assert f"{one.saving_eur:.0f} EUR" in one.reason
        assert ("most of it" in one.reason) == (not one.accepted)


def test_cars_leave_with_no_less_than_without_the_service(flex):
    """A car that charges by itself begins when it comes home; nobody could fill it more than that."""
    missing, twin = (
        flex.frame(f"{prefix}departures").set_index(["owner", "t_ms"])["missing_kwh"] for prefix in flex.prefixes
    )
    more = missing - twin.reindex(missing.index)
    assert len(more) > 50
    assert more.max() < 0.5
    assert missing.sum() <= twin.sum() + 0.5


@covers("SUC13.1/r35", "SUC13.1/r36", "SUC13.1/r40")
def test_what_is_paid_is_what_was_called_and_got(flex):
    calls = flex.frame("home_settlements")
    assert len(calls) > 0
    assert (calls["delivered_kwh"] <= calls["ordered_kwh"] + 1e-9).all()
    ledger = flex.frame("ledger")
    paid = ledger[ledger["purpose"].astype(str) == "flexibility"]["eur"].sum()
    assert paid == pytest.approx(calls["eur"].sum(), abs=1e-6)
    shared = ledger[ledger["purpose"].astype(str) == "flexibility share"]["eur"].sum()
    assert shared <= paid + 1e-9


def home_of(flex):
    """Prosumer id -> home, as the database was told."""
    told = flex.frame("content/ProcessingOrder")
    named = told[told["site"] != ""]
    return dict(zip(named["prosumer_id"], named["site"], strict=True))


@covers("SUC13.1/r35", "SUC13.1/r37")
def test_what_is_called_is_delivered_by_the_homes_that_were_named(flex):
    """By definition: the meters named before the call, in the two quarters of an hour before it less within it, at most what was called."""
    calls = flex.frame("home_settlements").set_index("activation")
    acts = flex.frame("home_activations").set_index("activation")
    sites = flex.frame("content/ActivationSites").set_index("activation")["meters"]
    net, step_ms = flex.net_kw(), flex.meta["step_ms"]
    for name, call in calls.iterrows():
        kw, from_ms = acts.loc[name, "ordered_kw"], int(call["t_ms"])
        steps = round(call["ordered_kwh"] / (kw * flex.hours))
        mine = net.loc[list(sites[name])].sum()
        before = mine[[from_ms - 2 * step_ms, from_ms - step_ms]].mean()
        within = mine[[from_ms + place * step_ms for place in range(steps)]]
        delivered = np.clip(before - within, 0.0, kw).sum() * flex.hours
        assert call["delivered_kwh"] == pytest.approx(delivered, abs=1e-9)
    assert calls["delivered_kwh"].sum() > 0.8 * calls["ordered_kwh"].sum()


@covers("SUC13.1/r36")
def test_no_household_is_planned_anew_while_it_carries_out_a_call(flex):
    plans, homes, seen = flex.frame("content/OptimisationResult"), home_of(flex), 0
    planned = plans["household"].astype(str).map(homes) + "/meter"
    sites = flex.frame("content/ActivationSites").set_index("activation")["meters"]
    calls = flex.frame("home_settlements").set_index("activation")
    acts = flex.frame("home_activations").set_index("activation")["ordered_kw"]
    for name, call in calls.iterrows():
        to_ms = call["t_ms"] + call["ordered_kwh"] / acts[name] * 3_600_000
        during = (plans["quarter_ms"] >= call["t_ms"]) & (plans["quarter_ms"] < to_ms)
        assert not (during & planned.isin(sites[name])).any(), name
        seen += int((during & (plans["household"] != "")).sum())
    assert seen > 0


def test_numbers_that_steps_carry_are_those_of_the_tables_and_each_equality_can_fail(flex):
    tables = dict(flex.run.tables)
    assert check_provenance(tables, ["SUC13.1"]) == {}
    with duckdb.connect() as base:
        for one in equalities()["SUC13.1"]:
            emptied = {**tables, one.right.table: tables[one.right.table].slice(0, 0)}
            assert fault(one, emptied, base), one.says


@covers("SUC13.1/r34", "SUC13.1/r31")
def test_every_offer_is_accounted_for_and_no_more_is_taken_than_offered(flex):
    bids = flex.frame("home_bids")
    assert ((bids["accepted_kw"] >= 0) & (bids["accepted_kw"] <= bids["power_kw"] + 1e-9)).all()
    offered = flex.frame("content/FlexibilityOffer")
    assert set(bids["offer"].astype(str)) == set(offered["offer"])


@covers("SUC13.1/r39")
def test_a_market_that_is_not_open_is_simulated_and_nobody_pays_for_it(flex):
    simulated = flex.frame("simulated_markets")
    assert (simulated["activation_kw"] <= simulated["accepted_kw"] + 1e-9).all()
    assert set(simulated["market"].astype(str)) == {"market-1"}
    assert "market-1" not in set(flex.frame("ledger")["debtor"].astype(str))
