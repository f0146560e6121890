"""Days that go wrong: parties that fall silent, platforms that are down, days of 23 and 25 hours, grids that cannot carry their load."""

import numpy as np
import pytest

from environment.units import MS_PER_H
from experiments.assembly.days import market_days
from experiments.kpis.complete import complete
from experiments.results.frame import Frame
from experiments.results.schema import conform


@pytest.fixture(scope="module")
def day(small):
    """Live a small scenario with some changes: key paths as in ``small.content`` -> (site, its tables)."""

    def lived(**changes):
        site = small.site(
            small.scenario(**({"clock__history_days": 3, "grid__transformer_rating_factor": 0.25} | changes))
        )
        return site, small.tables(site, small.live(site))

    return lived


def reasons(tables, suc):
    """(outcome, reason) of the conversations of a use case."""
    columns = tables["conversations"]
    return [
        (str(outcome), str(reason or ""))
        for one, outcome, reason in zip(columns["suc"], columns["outcome"], columns["reason"], strict=True)
        if str(one) == suc
    ]


def figure(name, site, tables):
    """A figure of a lived day."""
    meta = {"delivery_start_ms": site.days_ms[0][0], "delivery_end_ms": site.days_ms[-1][1]}
    return complete(tables, meta | {"scenario": site.scenario.as_data()}).figures[name]


def test_members_whose_plans_never_arrive_are_not_offered(day):
    _, tables = day(events=[{"from": "day 0 12:00", "platform_down": "meters"}])
    assert reasons(tables, "SUC06.1") == [("failed", "no flexibility was cleared, the need stays unmet")]
    assert "content/Bid" not in tables
    left, needed = tables["unmet"]["quantity_kw"], np.asarray(tables["needs"]["quantity_kw"])
    assert left.max() == pytest.approx(needed.max())


def test_buses_without_supply_have_no_voltage_and_their_energy_is_not_served(day):
    site, tables = day(
        coordination=False, events=[{"at": "18:40", "to": "19:40", "outage_of": "MV1.101-LV1.101-Trafo 1"}]
    )
    assert figure("min_voltage_pu", site, tables) > 0.9
    assert figure("voltage_violation_hours", site, tables) == 0
    assert figure("energy_not_served_kwh", site, tables) > 1
    buses, volts = np.asarray(tables["grid_buses"]["bus"]), tables["grid_buses"]["v_pu"]
    assert any("without supply" in text for text in tables["events"]["text"])
    dead = {bus for bus, value in zip(buses, volts, strict=True) if value is None}
    assert dead
    assert dead < set(buses)


def test_an_fsp_that_is_silent_over_activation_is_paid_nothing_and_owes_the_penalty(day):
    """What its homes happened to leave out is not paid for either: where that is so the DSO disputes."""
    silent = {"party": "fsp-sol", "silent": {"from": "15:00", "to": "23:00"}}
    site, tables = day(
        people__0__served_by={"fsp-sol": 1.0}, faults=[silent], rules__settlement__penalty_eur_per_kwh=0.1
    )
    calls = reasons(tables, "SUC06.2")
    assert calls
    assert set(calls) == {("failed", "the FSP did not confirm")}
    assert sum(tables["activations"]["ordered_kw"]) > 0
    assert figure("flexibility_activated_kwh", site, tables) == 0
    settled = zip(*(tables["settlements"][name] for name in ("status", "remuneration_eur", "net_eur")), strict=True)
    found = {(str(status), bool(earned > 0), bool(net < 0)) for status, earned, net in settled}
    assert ("approved", False, True) in found
    assert all(status == ("disputed" if earned else "approved") for status, earned, _ in found)
    assert "penalty" in set(tables["ledger"]["purpose"])
    assert "flexibility" not in set(tables["ledger"]["purpose"])
    assert "flexibility share" not in set(tables["ledger"]["purpose"])


def test_without_acknowledgements_by_the_gdbn_every_call_fails_and_is_on_the_register(day):
    """The notices arrive all the same: receivers act once, the DSO does not count on them and disputes what is settled of them."""
    _, tables = day(faults=[{"party": "dpp-1", "drop_acknowledgements": "100%"}])
    calls = reasons(tables, "SUC06.2")
    assert calls
    assert set(calls) == {("failed", "the dispatch notice was not acknowledged")}
    messages = Frame(conform({"messages": tables["messages"]})["messages"])
    notices = (messages.names("record") == "ActivationRequest") & (messages.names("receiver") == "gdbn-1")
    assert set(messages.ints("attempts")[notices]) == {3}
    ends = dict(zip(tables["conversations"]["conversation"], tables["conversations"]["ended_ms"], strict=True))
    for name, sent_ms in zip(messages.names("conversation")[notices], messages.ints("sent_ms")[notices], strict=True):
        assert ends[name] == sent_ms + 3 * 60_000, "60 s after the last of three transmissions"
    ordered = set(tables["activations"]["conversation"])
    assert ordered == set(messages.names("conversation")[notices].tolist())
    assert set(tables["settlements"]["status"]) == {"disputed"}
    decisions = tables["content/SettlementDecision"]["reason"]
    assert all("not acknowledged" in str(reason) for reason in decisions)
    assert tables["unmet"]["quantity_kw"].max() > 0


def test_an_engagement_that_its_fsp_does_not_acknowledge_binds_nobody(day):
    _, tables = day(
        people__0__served_by={"fsp-sol": 1.0}, faults=[{"party": "fsp-sol", "drop_acknowledgements": "100%"}]
    )
    assert reasons(tables, "SUC06.1") == [("failed", "no FSP acknowledged its engagement")]
    assert not reasons(tables, "SUC06.2")
    assert tables["unmet"]["quantity_kw"].max() == pytest.approx(tables["needs"]["quantity_kw"].max())


def test_results_that_never_come_leave_the_need_unmet(day):
    _, tables = day(events=[{"from": "day 0 14:30", "to": "day 0 16:00", "platform_down": "market"}])
    assert reasons(tables, "SUC06.1") == [("failed", "no clearing results came")]
    by_step = {}
    for t_ms, kw in zip(tables["needs"]["t_ms"], tables["needs"]["quantity_kw"], strict=True):
        by_step[int(t_ms)] = max(by_step.get(int(t_ms), 0.0), float(kw))
    found = dict(zip(tables["unmet"]["t_ms"].tolist(), tables["unmet"]["quantity_kw"].tolist(), strict=True))
    assert found == {t_ms: kw for t_ms, kw in by_step.items() if kw > 0}


def test_two_days_are_called_and_fed_back_each_in_its_own_cycle(day):
    """On the first evening the plans of the second day are known already."""
    site, tables = day(clock__days=2)
    first, second = site.days_ms
    assert {outcome for outcome, _ in reasons(tables, "SUC06.1")} == {"completed"}
    starts = np.asarray(tables["activations"]["t_ms"])
    assert ((starts >= first[0]) & (starts < first[1])).any()
    assert ((starts >= second[0]) & (starts < second[1])).any()
    messages = tables["messages"]
    conversation = dict(zip(messages["row"], messages["conversation"], strict=True))
    orders = dict(zip(tables["activations"]["activation"], starts, strict=True))
    feedback = tables["content/ActivationFeedback"]
    for row, activation in zip(feedback["row"], feedback["activation"], strict=True):
        date = site.calendar.local(int(orders[activation])).strftime("%Y-%m-%d")
        assert str(conversation[row]).endswith(date)


@pytest.mark.parametrize(("date", "hours"), [("2016-03-27", 15), ("2016-10-30", 17), ("2016-01-19", 16)])
def test_the_service_window_opens_by_the_wall_clock(small, date, hours):
    """16:00 is 15, 17 or 16 hours after midnight."""
    site = small.site(small.scenario(clock__start=date, clock__history_days=1))
    (one,) = market_days(site)
    assert one.from_ms - one.start_ms == hours * MS_PER_H
    assert one.steps == 28
    assert site.calendar.local(one.gate_ms).strftime("%H:%M") == "15:00"
    assert site.calendar.local(one.procures_ms).strftime("%H:%M") == "13:00"


def test_a_grid_that_cannot_carry_its_load_is_not_called_quiet(day):
    _, tables = day(grid__transformer_rating_factor=0.01)
    ((outcome, reason),) = reasons(tables, "SUC06.1")
    assert outcome == "failed"
    assert "voltage collapse" in reason
    conform(tables)


def test_what_was_cleared_but_never_reported_is_not_bought(day):
    """The market clears, its results are lost: the figure of unmet need is all that was needed."""
    from experiments.kpis import figures

    site, tables = day(events=[{"from": "day 0 14:30", "to": "day 0 16:00", "platform_down": "market"}])
    start_ms, end_ms = site.days_ms[0]
    meta = {
        "step_ms": site.timeline.step_ms,
        "delivery_start_ms": start_ms,
        "delivery_end_ms": end_ms,
        "begins": "",
        "zone": "",
    }
    meta["scenario"] = site.scenario.as_data()
    found = figures(conform(tables), meta, None)
    assert found["flexibility_cleared_kwh"] > 0.0
    assert found["unmet_need_kwh"] == pytest.approx(found["flexibility_needed_kwh"])


def test_homes_do_not_sell_below_their_price_where_the_cap_is_lower(day):
    """Providers ask what their homes ask; below that nobody bids, and the need stays."""
    _, tables = day(products={"mine": {"activation_cap_eur_per_kwh": 0.001}}, actors__lfmo__product="mine")
    assert "content/SessionPublication" in tables
    assert "content/Bid" not in tables
    assert tables["unmet"]["quantity_kw"].max() == pytest.approx(tables["needs"]["quantity_kw"].max())
    assert reasons(tables, "SUC06.1") == [("failed", "no flexibility was cleared, the need stays unmet")]
