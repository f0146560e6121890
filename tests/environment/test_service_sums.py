"""Sums of a service for households: of enough of them or none, and null where nothing can be said."""

import numpy as np
import pytest

from agents.service_developer import ServiceDeveloper
from environment.calendar import Timeline
from environment.messages.homes_market import KpiInputs
from environment.platforms.service_sums import FEWEST, ServiceSums
from experiments.covers import covers

STEP_MS = 900_000
DAY = slice(0, 96)


def kept(homes):
    """Sums of a day of some households that take 1 kW where 1.5 kW are planned and the contract is 1.1 kW."""
    sums = ServiceSums(Timeline(0, STEP_MS, 96), 10)
    for row in range(homes):
        sums.planned(row, 0, 3600.0, np.full(24, 1.5), 1.1, 0.25)
        sums.forecast(row, 0, 900.0, np.full(96, 0.8))
    for sample in range(300_000, 96 * STEP_MS + 1, 300_000):
        sums.metered(np.arange(homes), np.ones(homes), sample)
    return sums


def of(sums, homes):
    return sums.of(np.arange(homes), DAY, np.ones((homes, 96)))


@covers("SUC13.1/r40")
def test_sums_are_those_of_what_was_told():
    found = of(kept(6), 6)
    assert found["import_kwh"] == pytest.approx(6 * 24.0)
    assert found["near_steps"] == found["judged_steps"] == 6 * 96
    assert found["plan_distance_kw"] / found["planned_hours"] == pytest.approx(0.5)
    assert found["missed_kwh"] / found["forecast_of_kwh"] == pytest.approx(0.2)
    assert found["saved_eur"] == pytest.approx(1.5)


@covers("SUC13.1/r40")
def test_simple_forecasts_are_judged_where_the_forecast_is_and_they_are_known():
    sums, load = kept(6), np.ones((6, 96))
    known = np.full((6, 96), 0.5)
    known[:, :48] = np.nan
    found = sums.of(np.arange(6), DAY, load, {"yesterday": known, "last_week": np.full((6, 96), np.nan)})
    assert found["yesterday_missed_kwh"] == pytest.approx(6 * 12 * 0.5)
    assert found["yesterday_of_kwh"] == pytest.approx(6 * 12)
    assert "last_week_missed_kwh" not in found


def test_a_later_plan_replaces_what_is_to_come_and_leaves_the_day_s_first_saving():
    sums = kept(5)
    sums.planned(0, 12 * 3_600_000, 3600.0, np.full(24, 1.0), 1.1, 9.0)
    found = of(sums, 5)
    assert found["plan_distance_kw"] == pytest.approx(0.5 * (5 * 24 - 12))
    assert found["saved_eur"] == pytest.approx(1.25)


@covers("SUC13.1/GDPR-4")
def test_no_sum_leaves_that_too_few_households_have_a_value_for():
    sums = kept(FEWEST)
    assert "import_kwh" in of(sums, FEWEST)
    sums.forget(0)
    assert set(of(sums, FEWEST)) == {"displays", "called_kwh", "delivered_kwh", "earned_eur"}


@covers("SUC13.1/GDPR-2")
def test_nothing_of_a_household_is_left_of_steps_that_were_kept_long_enough():
    sums = kept(6)
    sums.counted(STEP_MS, dict.fromkeys(("displays", "called_kwh", "delivered_kwh", "earned_eur"), 1.0))
    whole = of(sums, 6)
    sums.forget_before(48)
    late = of(sums, 6)
    assert late["import_kwh"] == pytest.approx(whole["import_kwh"] / 2.0)
    assert late["judged_steps"] == 6 * 48
    assert late["planned_hours"] == 6 * 12
    assert late["displays"] == 1.0


def test_what_came_up_to_an_instant_belongs_to_the_step_before_it():
    sums = kept(5)
    told = {"displays": 2.0, "called_kwh": 4.0, "delivered_kwh": 3.0, "earned_eur": 0.5}
    sums.counted(48 * STEP_MS, told)
    rows, load = np.arange(5), np.ones((5, 48))
    first, second = (sums.of(rows, part, load) for part in (slice(0, 48), slice(48, 96)))
    assert {name: first[name] for name in told} == told
    assert not any(second[name] for name in told)


@covers("SUC13.1/r40")
def test_a_figure_without_what_it_is_made_of_is_named_as_undefined():
    names = ("automatic_share", "called_kwh", "delivered_kwh", "earned_eur", "displays")
    told = KpiInputs(from_ms=0, to_ms=86_400_000, names=names, values=np.array([0.5, 0.0, 0.0, 0.0, 0.0]))
    found = ServiceDeveloper._figures(None, told, 0, 86_400_000)
    assert set(found.undefined) == {
        "savings_eur", "peak_share", "plan_error_kw", "delivered_share", "load_error_percent", "import_kwh",
        "yesterday_error_percent", "last_week_error_percent",
    }  # fmt: skip
    assert (found.displays, found.earned_eur, found.automatic_share) == (0, 0.0, 0.5)
