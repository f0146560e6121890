"""Scenario -> site: people, devices and grid, with their history lived, up to the moment at which the world begins."""

import copy
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from agents.prosumer_hems import Hems
from agents.prosumer_life import live_step
from data.arrays import Bool
from data.copies import marked
from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.grid.islands import beside
from environment.grid.model import Network
from environment.grid.power_flow import PowerFlow
from environment.grid.scada import Accuracy, Instruments, usual_points
from environment.grid.switching import Planned, SwitchingPlan, planned
from environment.instruments import Controls, MeterStore, ScadaView, Switchgear
from environment.people import tariffs
from environment.physics import GridSide, Physics
from environment.units import MS_PER_S
from environment.weather.records import Weather
from environment.weather.sources import weather_for
from environment.weather.station import WeatherStation
from environment.weather.view import WeatherView
from experiments.assembly.check import check_against, check_scenario
from experiments.assembly.copies import scenario_of_copy
from experiments.assembly.devices import Displays, Meters, build_fleets, build_meters, uncontrolled
from experiments.assembly.history import Histories
from experiments.assembly.network import meters_by_operator, network_of, rated
from experiments.assembly.people import PLANTS, People, build_people, contracted, home_book, members_of
from experiments.assembly.tanks import Probes
from experiments.scenario import Scenario
from experiments.scenario.world import Outage

Progress = Callable[[str, float, float], None]


@dataclass
class Living:
    """All that changes while the world lives; copied as a whole for a twin.

    Attributes:
        physics: devices, meters, grid.
        hems: energy management of the homes.
        weather: what is published of the weather.
        scada: the control room's view.
        shares: meter stores of parties with a mandate, by party.
        switchgear: the DSO's own means.
        plant_controls: set-points of the plants.
    """

    physics: Physics
    hems: Hems
    weather: WeatherView
    scada: ScadaView
    shares: dict[str, MeterStore] = field(default_factory=dict)
    switchgear: Switchgear = field(default_factory=Switchgear)
    plant_controls: Controls = field(default_factory=Controls)

    def operate(self, now_ms: int) -> None:
        """Carry out what the operator asked of its own means, from now on."""
        pending, self.switchgear.pending = self.switchgear.pending, []
        grid = self.physics.grid
        for taps, close, opened, from_ms, to_ms in pending:
            begin = max(from_ms, now_ms)
            edges = {begin} | {at_ms for at_ms, _ in grid.states if at_ms > begin and (to_ms is None or at_ms < to_ms)}
            within = [(at_ms, grid.at(at_ms)) for at_ms in sorted(edges)]
            if to_ms is not None and all(at_ms != to_ms for at_ms, _ in grid.states):
                grid.switch(to_ms, grid.at(to_ms))
            for at_ms, state in within:
                grid.switch(
                    at_ms,
                    PowerFlow(state.network, (*state.opened, *opened), {**state.taps, **taps}, (*state.tied, *close)),
                )


@dataclass(frozen=True)
class Site:
    """A scenario made real, up to the moment at which the world begins.

    Attributes:
        scenario: what it was made from.
        seed: of all chance.
        calendar: local time.
        timeline: steps, history included.
        network: the grid, ratings as the scenario has them.
        weather: true weather.
        people: homes.
        meters: metering points.
        living: what changes.
        copy: which copy of the district it is (``Scenario.copies``); 1 is the original.
    """

    scenario: Scenario
    seed: int
    calendar: Calendar
    timeline: Timeline
    network: Network
    weather: Weather
    people: People
    meters: Meters
    living: Living
    copy: int = 1

    def own(self, name: str) -> str:
        """The name that a party or address called like this everywhere has in this copy of the district."""
        return marked(self.copy, name)

    @property
    def days_ms(self) -> list[tuple[int, int]]:
        """(start, end) of every day of delivery."""
        first = self.scenario.clock.start
        edges = [self.calendar.on(first + timedelta(days=day)) for day in range(self.scenario.clock.days + 1)]
        return list(itertools.pairwise(edges))

    @property
    def chance(self) -> Chance:
        """The source of all draws."""
        return Chance(self.seed)

    @property
    def constant(self) -> list[Any]:
        """Parts of what lives that never change; a copy of a life has them in common with it."""
        physics = self.living.physics
        found = [self.timeline, self.calendar, self.people, self.network, self.weather]
        found += [physics.uncontrolled, physics._displays, self.living.hems.book]
        found += [state for _, state in physics.grid.states]
        return found + [part for one in physics.installed.values() for part in (one.fleet.kind, one.fleet._inputs)]

    def twin(self) -> "Site":
        """The same site with a life of its own from now on."""
        living = copy.deepcopy(self.living, {id(one): one for one in self.constant})
        living.physics.publish = _publisher(self, living.weather)
        return replace(self, scenario=self.scenario.without_coordination(), living=living)


def build_site(
    scenario: Scenario, seed: int, progress: Progress, copy: int = 1, histories: Histories | None = None
) -> Site:
    """People, devices and grid of a scenario, with their history lived; of a copy, with the names of its own.

    Args:
        scenario: what to build.
        seed: of all chance.
        progress: called with (stage, done, total).
        copy: which copy of the district.
        histories: those that were lived before in this process; what is lived is put there. None where each site lives its own.

    Raises:
        ScenarioError: it cannot be run, or names what its network or weather does not have.
    """
    from experiments.assembly.days import service_windows  # which knows sites

    check_scenario(scenario)
    scenario = scenario_of_copy(scenario, copy)
    progress("people and grid", 0, 1)
    calendar, timeline = _time(scenario)
    chance = Chance(seed)
    network = beside(rated(network_of(scenario), scenario.grid.transformer_rating_factor), copy)
    check_against(scenario, network)
    weather = weather_for(scenario.place, calendar, timeline, chance)
    people = build_people(scenario, network, calendar, timeline, weather, chance, histories)
    meters = build_meters(scenario, people, network)
    living = _living(scenario, calendar, timeline, network, weather, people, meters, chance)
    site = Site(scenario, seed, calendar, timeline, network, weather, people, meters, living, copy)
    living.physics.publish = _publisher(site, living.weather)
    living.hems.windows = service_windows(site)
    if histories is None:
        _live_history(living, people.overrides, progress)
        return site
    lived = histories.after(
        living, site.constant, people.overrides, lambda: _live_history(living, people.overrides, progress)
    )
    lived.physics.publish = _publisher(site, lived.weather)
    return replace(site, living=lived)


def _time(scenario: Scenario) -> tuple[Calendar, Timeline]:
    clock = scenario.clock
    zone = ZoneInfo(scenario.place.timezone)
    start = datetime.combine(clock.start, time(0), zone)
    begins = (start.astimezone(ZoneInfo("UTC")) - timedelta(hours=clock.lead_h)).astimezone(zone)
    end = datetime.combine(clock.start + timedelta(days=clock.days), time(0), zone).astimezone(ZoneInfo("UTC"))
    years = {clock.start.year - 1, clock.start.year, clock.last.year + 1}
    calendar = Calendar(begins, zone, tariffs.holidays(scenario.place.country, years))
    step_ms = clock.physics_step_s * MS_PER_S
    history_ms = clock.history_days * 86_400_000
    world_ms = round((end - begins) / timedelta(milliseconds=1)) + clock.tail_h * 3_600_000
    return calendar, Timeline(-history_ms, step_ms, (history_ms + world_ms) // step_ms)


def _living(
    scenario: Scenario, calendar: Calendar, timeline: Timeline, network: Network, weather: Weather, people: People,
    meters: Meters, chance: Chance,
) -> Living:  # fmt: skip
    points = usual_points(network)
    scada = ScadaView(tuple(f"{point.element}.{point.quantity}" for point in points))
    noise = scenario.grid.scada
    accuracy = Accuracy(
        noise.voltage_noise_percent / 100, noise.power_noise_percent / 100, noise.power_noise_percent / 100
    )
    stream, instruments = chance.stream("scada.noise"), Instruments(network, points)
    grid = GridSide(
        meters.bus, _states(scenario, network, calendar, timeline), scada,
        lambda flow, t_ms: instruments.read(flow, stream, t_ms, accuracy),
    )  # fmt: skip
    store = MeterStore(meters.names, timeline)
    physics = Physics(
        timeline, people.n, build_fleets(scenario, people, calendar, timeline, weather, chance),
        uncontrolled(scenario, people, network, meters, calendar, timeline, weather), store, grid,
        scenario.grid.scada.period_s * MS_PER_S, Displays(people, timeline, _probes(scenario, people, timeline, chance)),
    )  # fmt: skip
    view = WeatherView.empty(timeline.n)
    hems = Hems(
        home_book(people, timeline),
        calendar,
        timeline,
        view,
        chance.stream("home.restart"),
        scenario.product.directions,
        people.modes,
    )
    living = Living(physics, hems, view, scada)
    for fsp in scenario.actors.fsps:
        living.shares[fsp.name] = store.share([f"{member}/meter" for member in members_of(scenario, people, fsp.name)])
    for bsp in scenario.global_market.bsps if scenario.global_market else ():
        living.shares[bsp.name] = store.share([f"{member}/meter" for member in members_of(scenario, people, bsp.name)])
    for name in [scenario.actors.dso.name, scenario.pilot.names.tso] if scenario.pilot else []:
        living.shares[name] = store.share([f"{home}/meter" for home in people.names])
    for name, own in meters_by_operator(scenario, network, meters).items():
        living.shares[name] = store.share(own)
    living.shares[PLANTS] = store.share([f"{plant.name}/meter" for plant in contracted(scenario)])
    living.shares[scenario.actors.retailer.name] = store.share([f"{home}/meter" for home in people.names])
    return living


def _probes(scenario: Scenario, people: People, timeline: Timeline, chance: Chance) -> Probes | None:
    return Probes(people, timeline, chance, scenario.heaters.probe_noise_k) if scenario.heaters else None


def _states(
    scenario: Scenario, network: Network, calendar: Calendar, timeline: Timeline
) -> list[tuple[int, PowerFlow]]:
    """Switching states over time: planned outages open a branch from one instant to another."""
    plan = planned_outages(scenario, calendar, timeline)
    return [(at_ms, state.power_flow(network)) for at_ms, state in plan.states]


def planned_outages(scenario: Scenario, calendar: Calendar, timeline: Timeline) -> SwitchingPlan:
    """The switching states that everybody knows of beforehand."""
    outages = [event for event in scenario.events if isinstance(event, Outage)]
    return planned([_planned(event, calendar, timeline, scenario) for event in outages], timeline.start_ms)


def _planned(event: Outage, calendar: Calendar, timeline: Timeline, scenario: Scenario) -> Planned:
    first = scenario.clock.start
    end = timeline.end_ms if event.ends is None else event.ends.at(calendar, first)
    return Planned(event.starts.at(calendar, first), end, (event.branch, *event.opens), event.closes)


def _publisher(site: Site, view: WeatherView) -> Callable[[int], None]:
    station = WeatherStation(site.weather, site.calendar, site.timeline, site.chance)
    return lambda now_ms: station.publish(view, now_ms)


def _live_history(living: Living, overrides: Bool, progress: Progress) -> None:
    """Live the days before the world begins: the same people, weather and devices, without coordination."""
    physics = living.physics
    timeline = physics.timeline
    steps = timeline.index(0)
    physics.publish(timeline.start_ms)
    physics.show(timeline.start_ms)
    for step in range(steps):
        now_ms = int(timeline.starts_ms[step])
        if step % 96 == 0:
            progress("history", step, max(steps, 1))
        live_step(living.hems, physics.readings, physics.controls, overrides, step)
        physics.carry_out(now_ms)
        physics.close_step(now_ms + timeline.step_ms)
        for one in physics.installed.values():
            one.fleet.set_points.forget(step)
    progress("history", 1, 1)
