"""The route without a market on a small day: what is dispatched, called and settled, and what happens when somebody does not play along."""

import numpy as np
import pytest

from environment.messages import digest_rows
from experiments.conformance import check
from experiments.covers import covers
from experiments.results.schema import conform

WITHOUT_MARKET = {
    "actors__lfmo": "none",
    "actors__dso__procures": "at 14:00 on the day",
    "actors__dso__activates": "direct",
    "rules__settled_by": "dso",
}
EVERY_STEP = {"SUC06.1": [f"1.{n}" for n in range(1, 10)], "SUC06.2": ["1.1", "1.2", *(f"1.{n}" for n in range(4, 9))],
              "SUC06.3": [f"2.{n}" for n in range(1, 7)]}  # fmt: skip


@pytest.fixture(scope="module")
def lived(small):
    """Tables of a small day, as data frames and as they are; each is lived once."""
    kept = {}

    def once(**changes):
        key = repr(sorted(changes.items()))
        if key not in kept:
            site = small.site(small.scenario(**(WITHOUT_MARKET | changes)))
            kept[key] = conform(small.tables(site, small.live(site)))
        return kept[key]

    return once


def frame(tables, name):
    return tables[name].to_pandas()


def clean(tables, usecases=None):
    report = check(tables, digest_rows=digest_rows, provenance=True, usecases=usecases).usecases
    assert not [one for case in report.values() for one in case.broken]
    assert not sum(case.unmatched for case in report.values())
    return report


def ends(tables, suc):
    talks = frame(tables, "conversations")
    mine = talks[talks["suc"].astype(str) == suc]
    return list(zip(mine["outcome"].astype(str), mine["reason"].fillna(""), strict=True))


@covers("SUC06.1/r14", "SUC06.2/r02", "SUC06.3/r08")
def test_every_step_of_the_three_conversations_is_made(lived):
    report = clean(lived())
    for suc, steps in EVERY_STEP.items():
        assert set(steps) <= set(report[suc].made), (suc, set(steps) - set(report[suc].made))
    assert [(one.step, one.kind) for one in report["SUC06.2"].excused] == [("1.3", "alternative")]


@covers("SUC06.1/r07", "SUC06.1/r13")
def test_availability_covers_a_day_comes_every_hour_and_shrinks_after_an_order(lived):
    tables = lived()
    messages = frame(tables, "messages").set_index("row")
    reports = frame(tables, "content/FlexibilityAvailability").join(messages[["sender", "sent_ms"]], on="row")
    assert set(reports["up_kw"].map(len)) == {96}
    orders = frame(tables, "content/ActivationRequest").join(messages[["sent_ms"]], on="row")
    for (sender, area), own in reports.groupby([reports["sender"].astype(str), "area"]):
        times = np.unique(own["sent_ms"])
        assert np.diff(times).max() <= 3_600_000
        mine = orders[(orders["fsp"] == sender) & (orders["area"] == area)]
        for order in mine.to_dict("records"):
            before = own[own["sent_ms"] < order["sent_ms"]].iloc[-1]
            after = own[own["sent_ms"] > order["sent_ms"]].iloc[0]
            assert after["sent_ms"] - order["sent_ms"] < 120_000
            step = (order["from_ms"] - before["from_ms"]) // 900_000 + int(np.argmax(order["ordered_kw"]))
            shift = (after["from_ms"] - before["from_ms"]) // 900_000
            assert after["up_kw"][step - shift] < before["up_kw"][step]


@covers("SUC06.3/r02")
def test_baselines_are_frozen_before_the_dso_looks_ahead(lived):
    tables = lived()
    made_ms = frame(tables, "forecasts")["made_ms"].min()
    baselines = frame(tables, "baselines")
    assert (baselines["frozen_ms"] <= made_ms).all()
    assert set(baselines["fsp"].astype(str)) == {"fsp-sol", "fsp-mar"}


def test_what_is_paid_is_the_price_of_the_contract(lived):
    tables = lived(
        actors__fsps=[
            {"name": "fsp-sol", "contract_eur_per_kwh": 0.2},
            {"name": "fsp-mar", "contract_eur_per_kwh": 0.3},
        ]
    )
    settled = frame(tables, "settlements")
    assert len(settled) > 0
    price = settled["fsp"].astype(str).map({"fsp-sol": 0.2, "fsp-mar": 0.3})
    assert (settled["remuneration_eur"] <= settled["delivered_kwh"] * price + 0.006).all()
    assert settled["remuneration_eur"].sum() > 0.0


def test_a_contract_that_pays_less_than_members_ask_has_nothing_to_offer(lived):
    tables = lived(actors__fsps=[{"name": name, "contract_eur_per_kwh": 0.001} for name in ("fsp-sol", "fsp-mar")])
    assert not frame(tables, "availability")["up_kw"].any()
    assert "content/ActivationRequest" not in tables
    ((outcome, reason),) = ends(tables, "SUC06.1")
    assert (outcome, reason) == ("failed", "no FSP could be dispatched, the need was left to real time")
    assert frame(tables, "unmet")["quantity_kw"].max() > 0.0
    clean(tables)


def test_who_is_silent_when_asked_is_not_called(lived):
    silent = {"party": "fsp-sol", "silent": {"from": "day 0 23:00", "to": "day 1 23:30"}}
    tables = lived(faults=[silent])
    assert set(frame(tables, "availability")["fsp"].astype(str)) == {"fsp-mar"}
    assert set(frame(tables, "activations")["fsp"].astype(str)) == {"fsp-mar"}
    clean(tables)


def test_who_does_not_confirm_is_replaced_and_not_paid(lived):
    """It reports, is asked 55 seconds later, and falls silent before it can answer."""
    silent = [{"party": "fsp-sol", "silent": {"from": "14:01", "to": "23:30"}}]
    tables = lived(faults=silent, actors__dso__availability_wait_s=55)
    asked = frame(tables, "activations").drop_duplicates("activation")
    first = asked[asked["conversation"].str.startswith("SUC06.1")]
    assert set(first["fsp"].astype(str)) == {"fsp-sol", "fsp-mar"}
    assert set(frame(tables, "settlements")["fsp"].astype(str)) == {"fsp-mar"}
    later = asked[asked["conversation"].str.startswith("SUC06.2")]
    until_ms = 26 * 3_600_000 + 60_000 + 2 * 3_600_000  # its last report counts for two hours
    calls = frame(tables, "activations").groupby("activation", observed=True)["t_ms"].min().loc[later["activation"]]
    stale = set(later["activation"][later["fsp"].astype(str) == "fsp-sol"].astype(str))
    assert (calls[calls.index.astype(str).isin(stale)] <= until_ms + 1_200_000).all()
    clean(tables, list(EVERY_STEP))  # the route; the shortfall of SUC05.1 that it did not live to hear of is not of it


def test_a_platform_that_is_down_in_the_morning_delays_the_settlement_and_nothing_is_paid_twice(lived):
    tables = lived(events=[{"platform_down": "gdbn", "from": "day 2 09:30", "to": "day 2 10:40"}])
    undisturbed = lived()
    assert {outcome for outcome, _ in ends(tables, "SUC06.3")} == {"completed"}
    pairs = []
    for one in (tables, undisturbed):
        ledger = frame(one, "ledger")
        mine = ledger[ledger["purpose"].astype(str).isin(["flexibility", "penalty"])]
        pairs.append((len(mine), round(mine["eur"].sum(), 2)))
    assert pairs[0] == pairs[1]
    clean(tables)


@pytest.mark.parametrize("activates", ["direct", "gdbn"])
def test_with_a_market_the_dso_can_call_and_settle_by_itself(lived, small, activates):
    own = {"actors__lfmo": {"name": "lfmo-1"}, "actors__dso__procures": "13:00 the day before"}
    tables = lived(**own, actors__dso__activates=activates)
    report = clean(tables)
    assert {f"2.{n}" for n in range(1, 10)} <= set(report["SUC06.1"].made)
    assert ("1.3" in report["SUC06.2"].made) == (activates == "gdbn")
    assert set(EVERY_STEP["SUC06.3"]) <= set(report["SUC06.3"].made)
    assert frame(tables, "settlements")["net_eur"].sum() > 0.0
