"""The daily figures of a service for households are what the tables and messages of the run say (SUC13.1 scenario 13)."""

import numpy as np
import pytest

from experiments.covers import covers

NEAR_SHARE = 0.9
AGGREGATOR, DATABASE = "agg-1", "cloud-1"


@pytest.fixture(scope="module")
def run(lived_as):
    """The run of homes-flex."""
    return lived_as("homes-flex")


def told(run, record):
    """Messages of a record that arrived, in the order in which they were sent, with their content."""
    content = run.frame(f"content/{record}")
    columns = ["row", "sender", "receiver", "sent_ms", "delivered_ms", "status"]
    joined = content.merge(run.frame("messages")[columns], on="row")
    return joined[joined["status"].astype(str) == "acknowledged"].sort_values(["sent_ms", "row"])


def consenting(run, at_ms):
    """Home -> prosumer id of who consents to statistics at an instant, as the database was told."""
    state = {}
    for one in told(run, "ProcessingOrder").itertuples():
        if one.delivered_ms <= at_ms:
            state[one.prosumer_id] = one.site if "statistics" in one.purposes else ""
    return {home: prosumer for prosumer, home in state.items() if home}


class Day:
    """One row of the figures, and what the run has to say about it."""

    def __init__(self, run, row):
        self.run, self.row = run, row
        self.step_ms = run.meta["step_ms"]
        self.steps = np.arange(row.from_ms, row.to_ms, self.step_ms)
        self.ids = consenting(run, row.to_ms + 600_000)
        self.homes = sorted(self.ids)
        homes = run.frame("homes")
        limits = dict(zip(homes["owner"].astype(str), homes["contracted_kw"], strict=True))
        self.limit_kw = np.array([limits[home] for home in self.homes])
        self.net_kw, self.load_kw = self._metered()

    def _metered(self):
        samples = told(self.run, "DeviceMeasurement")
        samples = samples[(samples["kind"].astype(str) == "meter") & (samples["receiver"].astype(str) == DATABASE)]
        homes = samples["sender"].astype(str).str.split("/").str[0]
        step = (samples["sent_ms"] - 1) // self.step_ms * self.step_ms
        net = samples["consumption_kw"].groupby([homes, step]).mean().unstack()
        ends = samples["sent_ms"] % self.step_ms == 0
        load = samples["mean_kw"][ends].groupby([homes[ends], step[ends]]).last().unstack()
        return (frame.reindex(index=self.homes, columns=self.steps).to_numpy() for frame in (net, load))

    def in_force(self, record, column):
        """What the latest message said of each step, (homes, steps)."""
        place = {self.ids[home]: row for row, home in enumerate(self.homes)}
        values = np.full((len(self.homes), len(self.steps)), np.nan)
        for one in told(self.run, record).itertuples():
            if one.household not in place:
                continue
            from_ms = one.quarter_ms if record == "OptimisationResult" else one.from_ms
            spans = (self.steps - from_ms) // round(one.step_s * 1000.0)
            said = getattr(one, column)
            mine = (self.steps >= from_ms) & (spans < len(said))
            values[place[one.household], mine] = np.asarray(said)[spans[mine]]
        return values

    def mine(self, t_ms):
        """Whether what came at some instants is told within this day's results: the quarter of an hour after counts it."""
        return (t_ms > self.row.from_ms + 10_000) & (t_ms <= self.row.to_ms)


@pytest.fixture(scope="module")
def days(run):
    """Every day that has figures."""
    found = [Day(run, row) for row in run.frame("service_figures").itertuples()]
    assert len(found) >= 2
    assert all(len(day.homes) >= 5 for day in found)
    return found


@covers("SUC13.1/r40")
def test_energy_taken_and_quarter_hours_near_the_contract_are_those_of_the_meters(run, days):
    meters = run.net_kw()
    for day in days:
        known = ~np.isnan(day.net_kw)
        near = (day.net_kw > NEAR_SHARE * day.limit_kw[:, None])[known]
        assert day.row.peak_share == pytest.approx(near.mean(), abs=1e-12)
        assert day.row.import_kwh == pytest.approx(np.maximum(day.net_kw[known], 0.0).sum() * run.hours)
        exact = meters.loc[[f"{home}/meter" for home in day.homes]].reindex(columns=day.steps).to_numpy()[known]
        assert day.row.import_kwh == pytest.approx(np.maximum(exact, 0.0).sum() * run.hours, rel=0.05)
    assert any(day.row.peak_share > 0.0 for day in days)


@covers("SUC13.1/r40")
def test_distance_to_the_plan_is_that_of_the_plans_in_force(days):
    for day in days:
        planned = day.in_force("OptimisationResult", "net_kw")
        hourly = [values.reshape(len(day.homes), -1, 4).mean(axis=2) for values in (day.net_kw, planned)]
        expected = np.nanmean(np.abs(hourly[0] - hourly[1]))
        assert day.row.plan_error_kw == pytest.approx(expected)
        assert expected > 0.0


@covers("SUC13.1/r40")
def test_forecast_error_is_that_of_the_forecasts_in_force(days):
    for day in days:
        missed = np.abs(day.load_kw - day.in_force("HomeForecast", "load_kw"))
        load = np.where(np.isnan(missed), np.nan, day.load_kw)
        assert day.row.load_error_percent == pytest.approx(100.0 * np.nansum(missed) / np.nansum(load))


def lived_kw(run):
    """Own load of each home as its device shows it, and before that as its meter handed it over: home -> step -> kW."""
    lived = run.frame("devices")
    lived = lived[lived["kind"].astype(str) == "load"]
    found = {
        str(home): dict(zip(part["t_ms"], part["power_kw"], strict=True))
        for home, part in lived.groupby("owner", observed=True)
    }
    for one in told(run, "MeasurementHistory").itertuples():
        times = one.from_ms + round(one.step_s * 1000.0) * np.arange(len(one.load_kw))
        found[str(one.sender).split("/")[0]] |= dict(zip(times.tolist(), one.load_kw, strict=True))
    return found


@covers("SUC13.1/r16")
def test_forecasts_of_load_beat_the_day_before_and_the_week_before(run, days):
    load = lived_kw(run)
    for day in days:
        judged = ~np.isnan(day.load_kw - day.in_force("HomeForecast", "load_kw"))
        for days_ago, error in ((1, day.row.yesterday_error_percent), (7, day.row.last_week_error_percent)):
            then = (day.steps - days_ago * 86_400_000).tolist()
            before = np.array([[load[home].get(t_ms, np.nan) for t_ms in then] for home in day.homes])
            both = judged & ~np.isnan(before)
            assert both.sum() > 0.8 * judged.sum()
            missed = np.abs(before - day.load_kw)[both].sum() / day.load_kw[both].sum()
            assert error == pytest.approx(100.0 * missed, rel=0.02)
            assert day.row.load_error_percent < error


@covers("SUC13.1/r40")
def test_savings_are_those_of_each_household_s_first_plan_of_the_day(run, days):
    results = told(run, "OptimisationResult")
    for day in days:
        mine = results[results["household"].isin(day.ids.values())]
        mine = mine[(mine["quarter_ms"] >= day.row.from_ms) & (mine["quarter_ms"] < day.row.to_ms)]
        first = mine.groupby("household", observed=True)["saved_eur"].first()
        assert day.row.savings_eur == pytest.approx(first.sum())
        assert len(first) >= 5


@covers("SUC13.1/r40", "SUC13.1/r36")
def test_what_was_delivered_of_calls_is_what_the_activations_say(run, days):
    told_of = [told(run, record) for record in ("ActivationCall", "Contingency")]
    calls = {one.activation: one for part in told_of for one in part.itertuples() if one.receiver == AGGREGATOR}
    activations = run.frame("home_activations").set_index("activation")
    seen = 0
    for day in days:
        called = delivered = 0.0
        for one in calls.values():
            if day.mine(one.to_ms):
                hours = (one.to_ms - one.from_ms) / 3_600_000
                called += one.power_kw * hours
                if one.activation in activations.index:
                    delivered += np.clip(activations["delivered_kw"][one.activation], 0.0, one.power_kw) * hours
                seen += 1
        if called:
            assert day.row.delivered_share == pytest.approx(delivered / called)
        else:
            assert np.isnan(day.row.delivered_share)
    assert seen > 0


@covers("SUC13.1/r40")
def test_income_is_what_was_invoiced_and_displays_are_what_people_opened(run, days):
    invoices = told(run, "Invoice")
    invoices = invoices[(invoices["purpose"] == "flexibility") & (invoices["receiver"].astype(str) == AGGREGATOR)]
    settled = run.frame("home_settlements").set_index("activation")["eur"]
    opened = told(run, "DisplayRequest")
    for day in days:
        mine = invoices[day.mine(invoices["delivered_ms"])]
        eur = sum(settled[name.removeprefix("invoice/")] for name in mine["invoice"])
        assert day.row.earned_eur == pytest.approx(eur)
        asked = opened[day.mine(opened["delivered_ms"])]
        homes = [str(one.sender) for one in asked.itertuples() if str(one.sender) in consenting(run, one.delivered_ms)]
        assert day.row.displays == len(homes)
    assert sum(day.row.displays for day in days) > 0
    assert sum(day.row.earned_eur for day in days) > 0.0
