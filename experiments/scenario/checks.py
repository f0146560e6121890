"""Checks of a scenario beyond single values: names that exist, names that are one's own, times in their order."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from experiments.errors import did_you_mean
from experiments.networks import network_names
from experiments.scenario.checks_balancing import balancing
from experiments.scenario.checks_communities import communities
from experiments.scenario.checks_faults import attacks, fault_parties
from experiments.scenario.checks_global_market import global_market
from experiments.scenario.faults import Attack, Fault
from experiments.scenario.fields import DayTime, Moment
from experiments.scenario.library import RULES, known_places, rule, tariff_names
from experiments.scenario.people import NOBODY, HomesGroup, PlantGroup
from experiments.scenario.world import Outage

if TYPE_CHECKING:
    from experiments.scenario import Scenario
    from experiments.scenario.actors import Settlement

Problems = Iterator[str]


def problems_of_names(scenario: "Scenario", left_out: Sequence[str] = ()) -> list[str]:
    """All problems of a scenario that need no network data; empty when there are none.

    Args:
        scenario: the scenario, or what could be read of a faulty one.
        left_out: key paths that could not be read; checks that go by them are skipped.
    """
    checks: tuple[tuple[Callable[[Scenario], Problems], tuple[str, ...]], ...] = (
        (_fsps, ("actors.fsps",)), (_parties, ("actors.fsps", "people")), (_contracts, ("actors.fsps", "global_market")),
        (_place, ("place",)), (_network, ("global_market",)), (_tariffs, ()), (_rules, ()), (_product, ("products",)),
        (communities, ("actors.communities", "actors.fsps", "people")),
        (fault_parties, ("actors.fsps", "people", "faults")), (attacks, ("actors.fsps", "faults")),
        (_routes, ("actors.lfmo", "actors.dso.activates", "rules.settled_by")),
        (_times, ("clock.start", "clock.lead_h", "actors.dso.procures", "actors.dso.availability_wait_s", "actors.lfmo.gate")),
        (_pilot, ("actors.fsps", "pilot")), (global_market, ("global_market", "people")),
        (balancing, ("actors", "people", "balancing", "clock")),
        (_copies, ("copies", "actors.communities", "faults")), (_windows, ("clock.start", "clock.days", "clock.lead_h", "clock.tail_h")),
    )  # fmt: skip
    sound = [check for check, reads in checks if not any(path.startswith(left) for path in reads for left in left_out)]
    return [problem for check in sound for problem in check(scenario)]


def _fsps(scenario: "Scenario") -> Problems:
    for name, count in Counter(fsp.name for fsp in scenario.actors.fsps).items():
        if count > 1:
            yield f"actors.fsps: {count} flexibility service providers are called '{name}'; give each its own name"


def _parties(scenario: "Scenario") -> Problems:
    actors = scenario.actors
    fsps = dict.fromkeys(fsp.name for fsp in actors.fsps)
    market = [actors.lfmo.name] if actors.lfmo else []
    others = [actors.dso.name, *market, actors.retailer.name, actors.dpp.name, *fsps]
    others += [name for one in actors.communities for name in (one.name, one.billing)]
    others += [group.mv_plant.name for group in scenario.plants] + ["state"]
    for name, count in Counter(others).items():
        if count > 1:
            yield f"actors: {count} parties are called '{name}'; give each its own name"
    for prefix, count in Counter(group.homes.prefix for group in scenario.homes).items():
        if count > 1:
            yield f"people: {count} groups of homes have the prefix '{prefix}'; give each its own homes.prefix"


def _pilot(scenario: "Scenario") -> Problems:
    """A service for households stands alone: its aggregator is the only one, and everybody has a name of the own."""
    pilot = scenario.pilot
    if pilot is None:
        return
    if scenario.actors.fsps:
        yield "pilot: its aggregator serves the homes, beside which no flexibility service provider can; leave out actors.fsps, or pilot"
    if scenario.clock.physics_step_s % pilot.control.tick_s:
        yield f"pilot.control.tick_s: {pilot.control.tick_s} s does not divide the step of {scenario.clock.physics_step_s} s; write for example 300"
    if scenario.grid.scada.period_s != pilot.control.tick_s:
        yield (
            f"pilot.control.tick_s: meters are read when the grid is, every {scenario.grid.scada.period_s} s (grid.scada.period_s), "
            f"not every {pilot.control.tick_s} s; write the same time in both"
        )
    names = pilot.names
    own = [names.aggregator, names.leader, names.service, names.weather, names.tso, names.market, *names.installers]
    taken = [
        *own,
        "cloud-1",
        scenario.actors.dso.name,
        scenario.actors.retailer.name,
        "state",
        *scenario.actors.names(),
    ]
    for name, count in Counter(own).items():
        if count > 1 or name in taken[len(own) :]:
            yield f"pilot.names: more than one party is called '{name}'; give each its own name"


def _copies(scenario: "Scenario") -> Problems:
    """Only what belongs to one copy can be copied."""
    if scenario.copies == 1:
        return
    for key, there in {
        "pilot": scenario.pilot, "heaters": scenario.heaters, "global_market": scenario.global_market, "balancing": scenario.balancing,
        "actors.communities": scenario.actors.communities,
    }.items():  # fmt: skip
        if there:
            yield f"copies: {scenario.copies}, but only homes, plants and local flexibility can be copied, not {key}; write copies: 1, or leave out {key}"
    if scenario.attacks:
        yield f"copies: {scenario.copies}, but an attacker hears all of them, so that they would not live without interaction; write copies: 1, or leave out the attacks"


def _contracts(scenario: "Scenario") -> Problems:
    bsps = scenario.global_market.bsps if scenario.global_market else ()
    pools = scenario.balancing.pools if scenario.balancing else ()
    known = [*(one.name for one in (*scenario.actors.fsps, *bsps, *pools)), NOBODY]
    for place, group in enumerate(scenario.people):
        path = f"people[{place}]" + (".mv_plant" if isinstance(group, PlantGroup) else "")
        for name in _served_by(group):
            if name not in known:
                yield f"{path}.served_by: unknown flexibility service provider '{name}'{did_you_mean(name, known)}"


def _served_by(group: HomesGroup | PlantGroup) -> Iterable[str]:
    return [group.mv_plant.served_by] if isinstance(group, PlantGroup) else group.served_by


def _place(scenario: "Scenario") -> Problems:
    place = scenario.place
    try:
        ZoneInfo(place.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield f"place.timezone: unknown time zone '{place.timezone}'; write for example Europe/Rome"
    if place.weather.endswith((".epw", ".csv")):
        if not Path(place.weather).is_file():
            yield f"place.weather: there is no file {place.weather}"
    elif place.weather not in (named := ["nsrdb-2019", "generated"]):
        meant = did_you_mean(place.weather, named)
        yield f"place.weather: unknown weather '{place.weather}'{meant}, or an .epw or .csv file"
    elif place.weather == "nsrdb-2019" and place.city not in known_places():
        cities = did_you_mean(place.city, known_places())
        yield f"place.city: no measured weather for '{place.city}'{cities}; or write weather: generated"


def _network(scenario: "Scenario") -> Problems:
    several = scenario.global_market.dsos if scenario.global_market else ()
    named = {f"global_market.dsos[{place}].network": one.network for place, one in enumerate(several)}
    for key, name in (named or {"grid.network": scenario.grid.network}).items():
        if name.endswith(".json"):
            if not Path(name).is_file():
                yield f"{key}: there is no file {name}"
        elif name not in (known := network_names()) and not _by_simbench(name):
            yield f"{key}: unknown network '{name}'{did_you_mean(name, known)}, or a pandapower .json file"


def _by_simbench(name: str) -> bool:
    """Whether the SimBench package, if installed, may know the name; the grid's loader has the last word."""
    from importlib.util import find_spec

    return name.startswith("simbench/") and find_spec("simbench") is not None


def _tariffs(scenario: "Scenario") -> Problems:
    known = tariff_names()
    for place, group in enumerate(scenario.people):
        for name in group.homes.tariff if hasattr(group, "homes") else ():
            if name not in known:
                yield f"people[{place}].homes.tariff: unknown tariff '{name}'{did_you_mean(name, known)}"


def _rules(scenario: "Scenario") -> Problems:
    rules = scenario.rules
    chosen = {
        "clearing": rules.clearing,
        "pricing": rules.pricing,
        "baseline": rules.baseline.rule,
        "settlement": rules.settlement.rule,
    }
    for kind, name in chosen.items():
        if name not in RULES[kind]:
            path = f"{kind}.rule" if kind in ("baseline", "settlement") else kind
            yield f"rules.{path}: unknown {kind} rule '{name}'{did_you_mean(name, RULES[kind])}"
    if rules.settlement.rule in RULES["settlement"]:
        yield from _idle_parameters(rules.settlement)


def _idle_parameters(said: "Settlement") -> Problems:
    """Parameters that somebody set and the rule does not look at."""
    known = signature(rule("settlement", said.rule)).parameters
    for key, argument in said.ARGUMENTS.items():
        if argument not in known and getattr(said, key) != type(said).model_fields[key].default:
            others = [
                name for name in RULES["settlement"] if argument in signature(rule("settlement", name)).parameters
            ]
            yield f"rules.settlement.{key}: the rule '{said.rule}' has no {key}; {' and '.join(others)} have"


def _product(scenario: "Scenario") -> Problems:
    (key, name), known = scenario.product_key, scenario.all_products()
    if name not in known:
        yield f"{key}: unknown product '{name}'{did_you_mean(name, known)}"


def _routes(scenario: "Scenario") -> Problems:
    """Who procures, activates and settles must fit together."""
    actors, settled_by = scenario.actors, scenario.rules.settled_by
    direct, own = actors.dso.activates == "direct", settled_by == "dso"
    if actors.lfmo is None and not direct:
        yield "actors.dso.activates: without a market operator the GDBN knows of no contract to call; write direct"
    if actors.lfmo is None and not own:
        yield "rules.settled_by: without a market operator the GDBN knows of no contract to settle; write dso"
    if actors.lfmo is not None and direct and not own:
        yield "rules.settled_by: the GDBN cannot settle orders that do not go through it; write dso, or actors.dso.activates: by GDBN"


def _times(scenario: "Scenario") -> Problems:
    if scenario.heaters or scenario.global_market or scenario.balancing:  # nobody procures on a local market
        return
    dso, lfmo = scenario.actors.dso, scenario.actors.lfmo
    if lfmo is None:
        yield from _dispatches_on_the_day(dso.procures)
    elif not dso.procures.before(lfmo.gate):
        yield f"actors.lfmo.gate: the gate ({lfmo.gate}) must close after the DSO procures ({dso.procures})"
    elif dso.procures.seconds_to(lfmo.gate) <= dso.availability_wait_s:
        yield (
            f"actors.dso.availability_wait_s: the gate ({lfmo.gate}) closes while the DSO still waits; "
            f"write less than {dso.procures.seconds_to(lfmo.gate):g} s"
        )
    begins = _begins(scenario)
    opens = datetime.combine(scenario.clock.start - timedelta(days=dso.procures.days_before), dso.procures.clock)
    if scenario.coordination and opens < begins:
        yield (
            f"clock.lead_h: the world begins at {begins:%Y-%m-%d %H:%M}, after the DSO procures ({dso.procures}); "
            f"write lead_h: {-(-(_midnight(scenario) - opens) // timedelta(hours=1))}"
        )


def _dispatches_on_the_day(procures: DayTime) -> Problems:
    """Orders are against the plan of the day, which is in force from its midnight on."""
    if procures.days_before:
        yield (
            f"actors.dso.procures: without a market operator the DSO dispatches on the day itself, when the homes' plans are in force, "
            f"not at {procures}; write for example 14:00 on the day"
        )


def _windows(scenario: "Scenario") -> Problems:
    begins = _begins(scenario)
    ends = _midnight(scenario) + timedelta(days=scenario.clock.days, hours=scenario.clock.tail_h)
    for path, starts, stops in _all_windows(scenario):
        first = starts.local(scenario.clock.start)
        last = stops.local(scenario.clock.start) if stops else ends
        run = f"the run ({begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M})"
        if not begins <= first < ends:
            yield f"{path}: it begins at {first:%Y-%m-%d %H:%M}, outside {run}"
        elif not first < last <= ends:
            how = "before it begins" if last <= first else f"after {run}"
            yield f"{path}: it ends at {last:%Y-%m-%d %H:%M}, {how}"


def _all_windows(scenario: "Scenario") -> Iterable[tuple[str, Moment, Moment | None]]:
    """Key path, begin and end (None: with the run) of all that happens at a time of its own."""
    for place, event in enumerate(scenario.events):
        yield f"events[{place}]", event.starts, event.ends
    for place, fault in enumerate(scenario.faults):
        if isinstance(fault, Fault) and fault.silent:
            yield f"faults[{place}].silent", fault.silent.starts, fault.silent.ends
        elif isinstance(fault, Attack):
            yield f"faults[{place}]", fault.first, fault.ends


def _midnight(scenario: "Scenario") -> datetime:
    return datetime.combine(scenario.clock.start, time())


def _begins(scenario: "Scenario") -> datetime:
    return _midnight(scenario) - timedelta(hours=scenario.clock.lead_h)


def problems_of_network(scenario: "Scenario", load: "Callable[[Scenario], Any]") -> list[str]:
    """Problems that only the network's data can show: buses and branches that do not exist, no place for homes.

    Args:
        scenario: a scenario whose names are in order.
        load: makes its network; what that refuses becomes a problem.
    """
    try:
        network = load(scenario)
    except ValueError as error:
        where = "global_market.dsos" if scenario.global_market else "grid.network"
        return [f"{where}: {line}" for line in str(error).splitlines()]
    named = [*_named_buses(scenario, network), *_named_branches(scenario, network)]
    return [problem for path, find, name in named if (problem := _refused(path, find, name))]


def problems_of_weather(scenario: "Scenario") -> list[str]:
    """Problems of a weather file of the user's own: unreadable, incomplete, implausible, of another place or time."""
    place, clock = scenario.place, scenario.clock
    if not place.weather.endswith((".epw", ".csv")):
        return []
    from environment.calendar import Calendar, Timeline
    from environment.weather.files import from_file

    zone = ZoneInfo(place.timezone)
    first = _begins(scenario) - timedelta(days=clock.history_days)
    hours = (clock.history_days + clock.days) * 24 + clock.lead_h + clock.tail_h
    step_s = clock.physics_step_s
    try:
        calendar = Calendar(first.replace(tzinfo=zone).astimezone(UTC), zone)
        from_file(place, calendar, Timeline(0, step_s * 1000, hours * 3600 // step_s))
    except ValueError as error:
        return [f"place.weather: {line}" for line in str(error).splitlines()]
    return []


def _named_buses(scenario: "Scenario", network: Any) -> Iterable[tuple[str, Callable[[str], Any], str]]:
    for place, group in enumerate(scenario.people):
        if isinstance(group, PlantGroup):
            yield f"people[{place}].mv_plant.bus", network.bus_index, group.mv_plant.bus


def _named_branches(scenario: "Scenario", network: Any) -> Iterable[tuple[str, Callable[[str], Any], str]]:
    for place, event in enumerate(scenario.events):
        if isinstance(event, Outage):
            yield f"events[{place}].outage_of", network.branch_index, event.branch
            for what in ("closes", "opens"):
                for number, name in enumerate(getattr(event, what)):
                    yield f"events[{place}].{what}[{number}]", network.branch_index, name


def _refused(path: str, find: Callable[[str], Any], name: str) -> str | None:
    try:
        find(name)
    except ValueError as error:
        return f"{path}: {error}"
    return None
