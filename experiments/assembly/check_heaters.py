"""What a scenario of retrofitted water heaters may say and a run cannot do, with the way out."""

from collections.abc import Iterable
from math import ceil

from experiments.scenario import Scenario
from experiments.scenario.world import METER_PERIOD_S


def problems_of_heaters(scenario: Scenario) -> Iterable[str]:
    """What stands against a run; empty when nothing does."""
    said, clock = scenario.heaters, scenario.clock
    assert said is not None
    if clock.physics_step_s != METER_PERIOD_S:
        yield f"clock.physics_step_s: {clock.physics_step_s}, but water heaters are learned in quarters of an hour; write {METER_PERIOD_S}"
    for key in ("history_days", "lead_h"):
        if getattr(clock, key):
            yield f"clock.{key}: {getattr(clock, key)}, but the modules have no past: a run begins at midnight with the visits; write 0"
    homes = sum(group.homes.count for group in scenario.homes)
    needed = ceil(homes / said.installation.visits_per_day) + said.training_days + 1
    if clock.days < needed:
        yield (
            f"clock.days: {clock.days}, but {homes} visits at {said.installation.visits_per_day} a day and {said.training_days} days of "
            f"training leave no day of control; write at least {needed}, or more heaters.installation.visits_per_day"
        )
    if not any(group.devices.water_heater > 0 for group in scenario.homes):
        yield "people[].devices.water_heater: no home has a water heater to be retrofitted; write for example water_heater: 100%"
    for kind in ("battery", "ev", "heat_pump"):
        if any(getattr(group.devices, kind) > 0 for group in scenario.homes):
            yield f"people[].devices.{kind}: nobody looks after it where heaters are retrofitted; leave it out"
    if scenario.actors.fsps:
        traders = ", ".join(fsp.name for fsp in scenario.actors.fsps)
        yield f"actors.fsps: {traders}: nobody trades flexibility where heaters are retrofitted; leave them out"
    names = [said.operator, said.installation.installer]
    taken = {
        *scenario.actors.names(),
        *(home for group in scenario.homes for home in group.names),
        "state",
        "homes",
        "modules",
    }
    for name in sorted({one for one in names if one in taken or names.count(one) > 1}):
        yield f"heaters: the name '{name}' is another party's; give the operator and the installer names of their own"
    if said.reports_every_min % 15 or said.trains_every_min % 15:
        yield "heaters.reports_every_min, heaters.trains_every_min: measurements are quarters of an hour; write multiples of 15"
    if said.comfort_c >= said.hygiene_c:
        yield f"heaters.comfort_c: {said.comfort_c:g} is not below hygiene_c, {said.hygiene_c:g}; write for example 40"
    for number, change in enumerate(said.changes):
        if change.day > clock.days:
            yield f"heaters.changes[{number}].day: {change.day} is after the last day, {clock.days}"
    for number, request in enumerate(said.requests):
        if request.day > clock.days:
            yield f"heaters.requests[{number}].day: {request.day} is after the last day, {clock.days}"
