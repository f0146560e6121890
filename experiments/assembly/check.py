"""What a scenario may say and a run cannot do: refused before anything is computed, all at once, with the way out."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from experiments.assembly.baseline import problems_of_baseline
from experiments.assembly.check_global_market import problems_of_global_market
from experiments.assembly.check_heaters import problems_of_heaters
from experiments.scenario import Scenario
from experiments.scenario.checks import problems_of_network, problems_of_weather
from experiments.scenario.fields import read_clock
from experiments.scenario.read import ScenarioError
from experiments.scenario.world import METER_PERIOD_S

if TYPE_CHECKING:
    from environment.grid.model import Network

RESERVED = {"homes": "the population of homes", "gdbn-1": "the grid data and business network"}
"""Names of parties that every world has, beside the state, which the scenario itself refuses."""
PAYS_AVAILABILITY = "availability-and-activation"
REPORTED = time(12, 15)
"""Homes plan the next day at noon; their plans are with the FSPs a quarter of an hour later."""


def check_scenario(scenario: Scenario, where: str = "scenario") -> None:
    """Refuse what cannot be run.

    Args:
        scenario: a scenario whose values and names are in order.
        where: what to call it in an error.

    Raises:
        ScenarioError: everything that stands against it.
    """
    if problems := problems_of_build(scenario):
        raise ScenarioError(f"{where}: {problem}" for problem in problems)


def check_against(scenario: Scenario, network: "Network") -> None:
    """Refuse names that the network does not have, and a weather file that cannot be used.

    Args:
        scenario: a scenario that has passed :func:`check_scenario`.
        network: its network.

    Raises:
        ScenarioError: everything that stands against it, by key.
    """
    if problems := [*problems_of_network(scenario, lambda _: network), *problems_of_weather(scenario)]:
        raise ScenarioError(f"{scenario.name}: {problem}" for problem in problems)


def problems_of_build(scenario: Scenario) -> list[str]:
    """What stands against a run of a scenario that is otherwise in order; empty when nothing does."""
    if scenario.heaters:
        return [*_names(scenario), *problems_of_heaters(scenario)]
    if scenario.global_market:
        return [*_names(scenario), *problems_of_global_market(scenario)]
    trades = scenario.coordination and not scenario.balancing  # what pools may not do, the checks of names have said
    return [*_names(scenario), *(_market(scenario) if trades else ())]


def _names(scenario: Scenario) -> Iterable[str]:
    if not scenario.homes:
        yield "people: there are no homes; write at least one group, for example - homes: {count: 10}"
    actors, plants = scenario.actors.names(), [group.mv_plant.name for group in scenario.plants]
    homes = {name for group in scenario.homes for name in group.names}
    for name in sorted({*actors, *plants}):
        if name in RESERVED:
            yield f"the name '{name}' is that of {RESERVED[name]}; give the party another"
        if name in homes:
            yield f"the name '{name}' is that of a home; give the party another, or the homes another prefix"


def _market(scenario: Scenario) -> Iterable[str]:
    product = scenario.product
    if scenario.clock.history_days < 1:
        yield "clock.history_days: 0, so that neither homes nor DSO have seen a whole day to plan from; write at least 1"
    where = f"product '{scenario.product_key[1]}'"
    step_s = scenario.clock.physics_step_s
    if step_s != product.interval_s:
        yield (
            f"clock.physics_step_s: {step_s} is not the interval_s of {where}, {product.interval_s}; "
            f"what is traded is metered: write {METER_PERIOD_S} for both"
        )
    if product.area != "zone":
        yield f"{where}: area '{product.area}' is not built yet; write zone"
    yield from _remuneration(scenario, where)
    yield from _times(scenario, where)
    yield from problems_of_baseline(scenario)


def _remuneration(scenario: Scenario, where: str) -> Iterable[str]:
    """What the product pays, against its kind, its caps, the settlement rule and the way of buying."""
    product, rule = scenario.product, scenario.rules.settlement.rule
    pays = product.remuneration
    if pays not in (product.kind, "both"):
        yield f"{where}: remuneration '{pays}' does not pay what kind '{product.kind}' sells; write remuneration: both, or kind: {pays}"
    if pays == "activation" and rule == PAYS_AVAILABILITY:
        yield (
            f"rules.settlement.rule: no availability is paid in {where} (remuneration: activation); write linear-with-grace, "
            "or remuneration: both in the product"
        )
    if pays != "activation" and rule != PAYS_AVAILABILITY:
        yield (
            f"rules.settlement.rule: {rule} pays no availability, which {where} promises (remuneration: {pays}); "
            f"write {PAYS_AVAILABILITY}, or remuneration: activation in the product"
        )
    if pays != "activation" and scenario.actors.lfmo is None:
        yield f"{where}: remuneration '{pays}' needs a market; standing contracts pay activation: write activation, or an actors.lfmo"
    if pays != "availability" and product.activation_cap_eur_per_kwh <= 0.0:
        yield f"{where}: activation_cap_eur_per_kwh is 0, so that nothing can be bought; write a price above 0"
    if pays != "activation" and product.availability_cap_eur_per_kw_h <= 0.0:
        yield (
            f"{where}: availability_cap_eur_per_kw_h is 0, but availability is paid (remuneration: {pays}); write a price above 0, "
            "or remuneration: activation"
        )


def _times(scenario: Scenario, where: str) -> Iterable[str]:
    product, lfmo, dso = scenario.product, scenario.actors.lfmo, scenario.actors.dso
    opens, closes = (read_clock(clock) for clock in product.service_window)
    for clock in (opens, closes):
        if (clock.hour * 3600 + clock.minute * 60) % product.interval_s:
            yield f"{where}: service_window: {clock:%H:%M} is not on the grid of {product.interval_s} s intervals"
    day = scenario.clock.start
    first = datetime.combine(day, opens) - timedelta(seconds=product.announcement_s)
    announced = f"({first:%H:%M}{'' if first.date() == day else ' the day before'})"
    if lfmo is not None and datetime.combine(day - timedelta(days=lfmo.gate.days_before), lfmo.gate.clock) >= first:
        yield f"actors.lfmo.gate: the gate ({lfmo.gate}) must close before the first call of {where} is announced {announced}"
    if lfmo is None and datetime.combine(day, dso.procures.clock) + timedelta(seconds=dso.availability_wait_s) >= first:
        yield (
            f"actors.dso.procures: the DSO must dispatch before the first call of {where} is announced {announced}, "
            f"not at {dso.procures}"
        )
    if (-dso.procures.days_before, dso.procures.clock) < (-1, REPORTED):
        yield (
            f"actors.dso.procures: {dso.procures} is before the homes' plans are known ({REPORTED:%H:%M} the day before); "
            "write a later time"
        )
