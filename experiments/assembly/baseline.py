"""The baseline rule of a scenario: its parameters, and which earlier days are like each day of delivery."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from inspect import signature
from typing import Any

from environment.calendar import Calendar, Timeline
from environment.people import tariffs
from experiments.scenario import Scenario
from experiments.scenario.library import rule, rule_with
from markets.baselines.method import DECLARED, Method

ONE_DAY = timedelta(days=1)


def method_of(scenario: Scenario, calendar: Calendar, timeline: Timeline) -> Method:
    """The baseline rule of the market, as parties agree on it."""
    said = scenario.rules.baseline
    if said.rule == DECLARED:
        return Method()
    arguments = {key: value for key, value in _arguments(scenario).items() if key in _known(said.rule)}
    adjusts = arguments.get("adjustment", "none") != "none"
    return Method(
        rule=said.rule,
        parameters=tuple(f"{key}={value}" for key, value in arguments.items()),
        compute=rule_with("baseline", said.rule, arguments),
        days=said.y if "y" in arguments else 0,
        before=int(arguments["adjustment_intervals"]) if adjusts else 1,
        like=_like(scenario, calendar, timeline.start_ms),
    )


def _arguments(scenario: Scenario) -> dict[str, Any]:
    """The parameters by the names that the rules of ``markets.baselines`` give them."""
    said = scenario.rules.baseline
    intervals = round(said.adjustment_h * 3600 / scenario.clock.physics_step_s)
    return {
        "x": said.x, "y": said.y, "pick": said.pick, "adjustment": said.adjustment, "adjustment_intervals": intervals,
        "floor": said.floor, "cap": said.cap,
    }  # fmt: skip


def _known(name: str) -> Mapping[str, Any]:
    return signature(rule("baseline", name)).parameters


def _like(scenario: Scenario, calendar: Calendar, start_ms: int) -> dict[int, dict[str, int]]:
    first_day = calendar.local(start_ms).date()
    return {
        calendar.on(day): {f"{one}": calendar.on(one) for one in like_days(scenario, day, first_day)}
        for day in _days(scenario)
    }


def _days(scenario: Scenario) -> list[date]:
    return [scenario.clock.start + number * ONE_DAY for number in range(scenario.clock.days)]


def like_days(scenario: Scenario, day: date, first_day: date) -> list[date]:
    """Earlier days of the type of a day (working or not), holidays left out, that were over before its gate; oldest first.

    Args:
        scenario: the scenario.
        day: a day of delivery.
        first_day: the day on which metering began; it may have begun late.
    """
    gate = scenario.actors.lfmo.gate if scenario.actors.lfmo else scenario.actors.dso.procures
    gate_day = day - timedelta(days=gate.days_before)
    free = tariffs.holidays(scenario.place.country, {first_day.year, day.year})
    working = day.weekday() < 5 and day not in free
    earlier = (first_day + number * ONE_DAY for number in range(1, (gate_day - first_day).days))
    return [one for one in earlier if one not in free and (one.weekday() < 5) == working]


def problems_of_baseline(scenario: Scenario) -> Iterator[str]:
    """A baseline that averages days needs a history that has them."""
    said, clock = scenario.rules.baseline, scenario.clock
    if said.rule == DECLARED or "x" not in _known(said.rule):
        return
    first_day = (datetime.combine(clock.start, time()) - timedelta(hours=clock.lead_h, days=clock.history_days)).date()
    found = len(like_days(scenario, clock.start, first_day))
    if found < said.x:
        yield (
            f"rules.baseline.x: {said.x} days are averaged, but before the gate of {clock.start} only {found} of its type are over; "
            f"write a longer clock.history_days than {clock.history_days}, or a smaller x"
        )
