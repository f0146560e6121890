"""Laws of market and settlement over every shipped run: bids, awards, orders, deliveries, pay."""

import numpy as np
import pytest


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
