"""What a scenario of local and global markets may say and a run cannot do, with the way out."""

from collections.abc import Iterable
from datetime import timedelta
from math import ceil

from experiments.scenario import Scenario
from experiments.scenario.fields import DayTime
from experiments.scenario.world import METER_PERIOD_S

LEAST_TAIL_H = 12
"""Readings of the day are validated and settled the morning after."""
PAYS_WITHIN_H = 0.5
"""Time after the last report in which all is told and paid."""


def problems_of_global_market(scenario: Scenario) -> Iterable[str]:
    """What stands against a run; empty when nothing does."""
    said, clock = scenario.global_market, scenario.clock
    assert said is not None
    if not scenario.coordination:
        return
    if clock.physics_step_s != METER_PERIOD_S:
        yield f"clock.physics_step_s: {clock.physics_step_s}, but lights are hourly from quarters of an hour; write {METER_PERIOD_S}"
    if clock.history_days < 1:
        yield "clock.history_days: 0, so that the operators have seen no day to forecast from; write at least 1"
    least_h = max(LEAST_TAIL_H, ceil(said.delivery.final_within_h + PAYS_WITHIN_H))
    if clock.tail_h < least_h:
        yield f"clock.tail_h: {clock.tail_h}, but delivery is settled the morning after; write at least {least_h}"
    first = min((one.registers for one in said.bsps), key=lambda when: (-when.days_before, when.clock))
    lead = _before_midnight(first)
    if timedelta(hours=clock.lead_h) < lead:
        yield f"clock.lead_h: the world begins after the first registration ({first}); write at least {-(-lead // timedelta(hours=1))}"


def _before_midnight(when: DayTime) -> timedelta:
    """How long before the day of delivery begins something happens."""
    return timedelta(days=when.days_before) - timedelta(hours=when.clock.hour, minutes=when.clock.minute)
