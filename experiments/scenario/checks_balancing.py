"""Checks of pools in balancing services: names of their own, times in their order, nothing beside them that they cannot share."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from experiments.scenario.world import METER_PERIOD_S

if TYPE_CHECKING:
    from experiments.scenario import Scenario

PLANNED = time(12, 30)
"""Homes plan the next day at noon; pools open a while later."""


def balancing(scenario: "Scenario") -> Iterator[str]:
    """What cannot be, of a scenario with pools in balancing services."""
    said = scenario.balancing
    if said is None:
        return
    yield from _names(scenario)
    yield from _alone(scenario)
    clock = scenario.clock
    if clock.physics_step_s != METER_PERIOD_S:
        yield f"clock.physics_step_s: {clock.physics_step_s}, but reserves are settled by quarters of an hour; write {METER_PERIOD_S}"
    if clock.history_days < 1:
        yield "clock.history_days: 0, so that homes have not seen a whole day to plan from; write at least 1"
    if said.gate.days_before != 1 or said.gate.clock < PLANNED:
        yield f"balancing.gate: {said.gate}, but homes plan the next day at noon; write a time from {PLANNED:%H:%M} the day before"
    midnight = datetime.combine(clock.start, time(0))
    if midnight - timedelta(hours=clock.lead_h) > midnight - timedelta(hours=12):
        yield f"clock.lead_h: {clock.lead_h}, but the world must begin before noon of the day before; write at least 12"
    if clock.tail_h < 2:
        yield f"clock.tail_h: {clock.tail_h}, but a day is settled an hour after it ends; write at least 2"
    if all(product.need_kw == 0.0 for product in said.products().values()):
        yield "balancing: the operator needs nothing of any product; write for example fcr: {need_kw: 1000}"


def _names(scenario: "Scenario") -> Iterator[str]:
    said = scenario.balancing
    assert said is not None
    own = said.names()
    taken = {*scenario.actors.names(), "state", "homes", "plants"}
    for name, count in Counter(own).items():
        if count > 1 or name in taken:
            yield f"balancing: more than one party is called '{name}'; give each its own name"
    served = {name for group in scenario.homes for name, share in group.served_by.items() if share > 0.0}
    for pool in said.pools:
        if pool.name not in served:
            yield f"balancing.pools: nobody is in the pool '{pool.name}'; write for example people: [{{served_by: {{{pool.name}: 100%}}}}]"


def _alone(scenario: "Scenario") -> Iterator[str]:
    actors = scenario.actors
    beside = {
        "pilot": scenario.pilot,
        "heaters": scenario.heaters,
        "actors.fsps": actors.fsps,
        "actors.communities": actors.communities,
    }
    for key, value in beside.items():
        if value:
            yield f"balancing: homes in pools have no other service beside; leave out {key}, or balancing"
