"""Site -> world: the parties, their addresses, channels and instruments. The registry of roles lives here."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from agents.aggregator_terms import FspTerms, Portfolio
from agents.dso_grid import GridModel
from agents.dso_outlook import LookAhead
from agents.dso_terms import DsoTerms, MarketDay, Standing
from agents.lfmo import LfmoTerms
from agents.platform_provider import ProviderTerms
from agents.producer import Plants
from agents.prosumer import Membership
from agents.retailer import FixedCharges, Prices, RetailTerms
from agents.settlement import Service
from environment.addresses import Address, Directory
from environment.bus import Bus
from environment.channels import Channel, Delay
from environment.grid.areas import areas_of
from environment.grid.limits import Limits
from environment.messages import sources
from environment.messages.procurement import PAPERS
from environment.party import Party
from environment.people import tariffs
from environment.units import MS_PER_DAY, MS_PER_S
from environment.wiretap import Wiretap
from environment.world import World
from experiments.build import Site, planned_outages
from experiments.build_baseline import method_of
from experiments.build_devices import HOME_KVAR_PER_KW
from experiments.build_faults import attackers, disturbances, plans
from experiments.build_people import HOMES, PLANTS, contracted, members_of
from experiments.scenario import Scenario
from experiments.scenario_fields import read_clock
from experiments.scenario_library import rule, rule_with
from experiments.scenario_people import NOBODY
from experiments.scenario_world import Channel as ChannelScenario
from experiments.usecases import permissions

ROLES: dict[str, str] = {
    "prosumers": "agents.prosumer:Prosumers",
    "producers": "agents.producer:Producers",
    "aggregator": "agents.aggregator:Aggregator",
    "dso": "agents.dso:Dso",
    "dso-direct": "agents.dso_direct:DirectDso",
    "lfmo": "agents.lfmo:Lfmo",
    "platform-provider": "agents.platform_provider:PlatformProvider",
    "retailer": "agents.retailer:Retailer",
    "gdbn": "environment.platforms.gdbn:Gdbn",
    "state": "environment.party:Party",
    "attacker": "agents.attacker:Attacker",
}
"""Roles by name, resolved on use."""

GDBN = "gdbn-1"
STATE = "state"
SETTLEMENT = f"{GDBN}/settlement"

SETTLES_AFTER_H = 10.0
"""Activations are settled the morning after, when the night's meter readings are in."""
BILLS_AFTER_H = 1.0
CYCLE_BEFORE_H = 11.75
"""The aggregation cycle opens a quarter of an hour after noon, when the homes have planned the next day."""
PAPERS_VALID_DAYS = 365


class Made(NamedTuple):
    """A party, what empties its writable instruments after it has acted, and what brings up to date what it sees before it acts."""

    party: Party
    drains: Iterable[Callable[[], None]] = ()
    fills: Iterable[Callable[[], None]] = ()


def role(name: str) -> Any:
    """The class of a named role."""
    module, attribute = ROLES[name].split(":")
    return getattr(import_module(module), attribute)


def build_world(site: Site) -> World:
    """The world of a site; without coordination only homes, retailer and state act."""
    directory = Directory(_addresses(site))
    world = World(directory, _bus(site, directory), site.living.physics)
    makers: list[Callable[[Site, World], Made]] = [_homes, _retailer, _state]
    if site.scenario.coordination:
        makers += [_dso, *([_lfmo] if site.scenario.actors.lfmo else []), _platform, _provider]
        makers += [_plants] if contracted(site.scenario) else []
        makers += [partial(_aggregator, name=fsp.name) for fsp in site.scenario.actors.fsps]
    makers += [partial(_attacker, name=name) for name in attackers(site)]
    for make in makers:
        world.add(*make(site, world))
    return world


# --- addresses and channels ------------------------------------------------------------------------------------------


def _addresses(site: Site) -> list[Address]:
    actors = site.scenario.actors
    dso, dpp = actors.dso.name, actors.dpp.name
    found = [Address(dso, dso, ("dso",), dso)]
    systems = ("derms", "dso-scada", "dso-activation-system", "dso-database", "dso-settlement-service")
    found += [Address(f"{dso}/{system}", dso, (system,), dso) for system in systems]
    for lfmo in [actors.lfmo.name] if actors.lfmo else []:
        found += [Address(lfmo, lfmo, ("lfmo",), lfmo)]
        found += [Address(f"{lfmo}/flexibility-market-platform", lfmo, ("flexibility-market-platform",), lfmo)]
    for fsp in actors.fsps:
        found.append(Address(fsp.name, fsp.name, ("fsp", "aggregator"), fsp.name))
        found.append(Address(f"{fsp.name}/fsp-technical-platform", fsp.name, ("fsp-technical-platform",), fsp.name))
        found.append(Address(f"{fsp.name}/vpp", fsp.name, ("vpp", "aggregator-platform"), fsp.name))
    found += [Address(dpp, dpp, ("digital-platform-provider",), dpp), Address(GDBN, GDBN, ("gdbn",), dpp)]
    found += [Address(SETTLEMENT, dpp, ("gdbn",), dpp)]
    found += [Address(actors.retailer.name, actors.retailer.name, ("retailer",), actors.retailer.name)]
    found += [Address(name, name, (), name) for name in (STATE, *attackers(site))]
    for home in site.people.names:
        found.append(Address(home, HOMES, ("prosumer", "consumer"), home))
        found.append(Address(f"{home}/der", HOMES, ("der",), home, device=True))
    for plant in contracted(site.scenario):
        found.append(Address(plant.name, PLANTS, ("producer",), plant.name))
        found.append(Address(f"{plant.name}/der", PLANTS, ("der",), plant.name, device=True))
    return found


def _bus(site: Site, directory: Directory) -> Bus:
    platforms = site.scenario.platforms
    lfmo = site.scenario.actors.lfmo
    channel_of = {name: "meters" for name in directory.names if name.endswith("/der")}
    channel_of |= {name: "gdbn" for name in directory.names if name.split("/")[0] == GDBN}
    channel_of |= {name: "market" for name in directory.names if lfmo and name.split("/")[0] == lfmo.name}
    named = {name: _channel(name, getattr(platforms, name)) for name in ("gdbn", "market", "meters")}
    return Bus(
        directory, site.chance, permissions(sources()), named, channel_of,
        _channel("direct", platforms.direct), _channel("internal", platforms.internal), disturbances(site, directory, channel_of),
        authenticate=platforms.authenticate,
    )  # fmt: skip


def _channel(name: str, said: ChannelScenario) -> Channel:
    parameters = said.delay_s.parameters
    delay = Delay(said.delay_s.kind, parameters[0], parameters[-1])  # type: ignore[arg-type]
    within_ms = round(said.acknowledge_within_s * MS_PER_S)
    return Channel(name, delay, said.loss, said.duplication, within_ms, said.attempts)


# --- parties ---------------------------------------------------------------------------------------------------------


def _homes(site: Site, world: World) -> Made:
    living, people, directory = site.living, site.people, world.directory
    device = directory.numbers([f"{home}/der" for home in people.names])
    coordinated = site.scenario.coordination
    flexible = {kind: own.astype(np.float64) for kind, own in people.owns.items() if kind != "pv"}
    book = living.hems.book
    rated = book.ev["kw"] + book.battery["kw"] + book.heater["kw"] + book.house["hp_kw"]
    membership = Membership(
        home=directory.numbers(people.names),
        device=device,
        aggregator=np.array([directory.number(fsp) if fsp != NOBODY else -1 for fsp in people.fsp], np.int64),
        dso=directory.number(site.scenario.actors.dso.name),
        scada=directory.number(f"{site.scenario.actors.dso.name}/dso-scada"),
        retailer=site.scenario.actors.retailer.name,
        flexible_kw=rated,
        assets=np.array(sum(flexible.values()), np.float64).astype(np.int64),
    )
    party = role("prosumers")(
        world.seat(HOMES), living.hems, living.physics.readings, living.physics.controls, membership, people.overrides,
        people.withdrawals if coordinated else {},
        _offered(site) if coordinated else {},
    )  # fmt: skip
    return Made(party, [lambda: living.physics.carry_out(world.clock.now_ms)])


def _plants(site: Site, world: World) -> Made:
    living, directory, dso = site.living, world.directory, site.scenario.actors.dso.name
    under = contracted(site.scenario)
    order = [group.mv_plant.name for group in site.scenario.plants]
    plants = Plants(
        names=tuple(plant.name for plant in under),
        number=np.array([order.index(plant.name) for plant in under], np.int64),
        device=directory.numbers([f"{plant.name}/der" for plant in under]),
        aggregator=directory.numbers([plant.served_by for plant in under]),
        dso=directory.number(dso),
        scada=directory.number(f"{dso}/dso-scada"),
        capacity_kw=np.array([plant.kw for plant in under]),
        solar=np.array([plant.kind == "pv" for plant in under]),
        price_eur_per_kwh=np.array([plant.curtailment_eur_per_kwh for plant in under]),
    )
    controls = living.plant_controls
    party = role("producers")(
        world.seat(PLANTS), plants, living.shares[PLANTS], living.weather, living.physics.readings, controls
    )
    return Made(party, [lambda: living.physics.carry_out(world.clock.now_ms, controls)])


def market_days(site: Site) -> list[MarketDay]:
    """The days of delivery with procurement, gate and service window by the wall clock.

    Without a market the gate is that of baselines: they must stand before the DSO looks ahead.
    """
    scenario, calendar = site.scenario, site.calendar
    dso, lfmo = scenario.actors.dso, scenario.actors.lfmo
    opens, closes = (read_clock(clock) for clock in scenario.product.service_window)
    days = []
    for number, (start_ms, end_ms) in enumerate(site.days_ms):
        date = scenario.clock.start + timedelta(days=number)
        from_ms, to_ms = calendar.on(date, opens), calendar.on(date, closes)
        procures_ms = dso.procures.on(calendar, date)
        gate_ms = lfmo.gate.on(calendar, date) if lfmo else procures_ms + round(dso.availability_wait_s * MS_PER_S)
        steps = (to_ms - from_ms) // site.timeline.step_ms
        days.append(MarketDay(start_ms, end_ms, procures_ms, gate_ms, from_ms, steps))
    return days


def _offered(site: Site) -> dict[int, slice]:
    """First step of each day of delivery -> its steps in the product's service window."""
    index, found = site.timeline.index, {}
    for day in market_days(site):
        first = index(day.from_ms) - index(day.start_ms)
        found[index(day.start_ms)] = slice(first, first + day.steps)
    return found


def _retailer(site: Site, world: World) -> Made:
    actors = site.scenario.actors
    people = site.people
    prices = {
        name: Prices(one.parts["retailer"], one.parts["dso"], one.parts["state"], one.sell_eur_per_kwh)
        for name, one in zip(people.tariff_names, people.prices, strict=True)
    }
    daily = [
        tariffs.tariff(people.tariff_names[tariff]).fixed_eur(float(kw), days=1.0)
        for tariff, kw in zip(people.tariff, people.contracted_kw, strict=True)
    ]
    fixed = {party: np.array([one[party] for one in daily]) for party in tariffs.PARTIES}
    terms = RetailTerms(
        customers=people.names,
        meters=[f"{home}/meter" for home in people.names],
        tariff=[people.tariff_names[k] for k in people.tariff],
        prices=prices,
        fixed=FixedCharges(energy=fixed["retailer"], network=fixed["dso"], taxes=fixed["state"]),
        days_ms=site.days_ms,
        bill_after_ms=round(BILLS_AFTER_H * 3_600_000),
        dso=actors.dso.name,
        state=STATE,
    )
    return Made(role("retailer")(world.seat(actors.retailer.name), site.living.shares[actors.retailer.name], terms))


def _state(site: Site, world: World) -> Made:
    return Made(role("state")(world.seat(STATE)))


def _dso(site: Site, world: World) -> Made:
    scenario, living = site.scenario, site.living
    actors, product = scenario.actors, scenario.product
    limits = scenario.grid.limits
    model = GridModel(
        site.network, Limits(limits.transformer_percent, limits.line_percent, limits.voltage_pu), site.meters.bus,
        _kvar_per_kw(site), planned_outages(scenario, site.calendar, site.timeline),
    )  # fmt: skip
    look_ahead = LookAhead(
        model,
        living.physics.meters,
        living.weather,
        site.calendar,
        actors.dso.forecast,
        actors.dso.margin_percent / 100.0,
    )
    terms = DsoTerms(
        days=market_days(site),
        step_s=site.timeline.step_ms / MS_PER_S,
        fsps=[fsp.name for fsp in actors.fsps],
        market=_market(site),
        gdbn=GDBN,
        service=_service(site, "dso-settlement-service"),
        product=scenario.product_key[1],
        directions=product.directions,
        price_cap_eur_per_kwh=product.relief_cap_eur_per_kwh,
        granularity_kw=product.granularity_kw,
        min_quantity_kw=product.capacity_min_kw,
        max_quantity_kw=product.capacity_max_kw,
        min_acceptance_kw=product.min_acceptance_kw,
        divisible=product.divisible,
        max_duration_s=product.max_duration_h * 3600.0,
        exclusive=product.exclusive,
        announcement_s=product.announcement_s,
        full_activation_s=product.full_activation_s,
        margin_share=actors.dso.margin_percent / 100.0,
        tap_change_eur=scenario.grid.means.tap_change_eur,
        off_load_tap_eur=scenario.grid.means.off_load_tap_eur,
        interruption_notice_ms=round(scenario.grid.means.interruption_notice_h * 3_600_000),
        switching_eur=scenario.grid.means.switching_eur,
        direct=actors.dso.activates == "direct",
        settles=scenario.rules.settled_by == "dso",
        settle_after_ms=round(SETTLES_AFTER_H * 3_600_000),
        standing=None if actors.lfmo else _standing(scenario),
        availability_wait_s=actors.dso.availability_wait_s,
        method=method_of(scenario, site.calendar, site.timeline),
        asks_again_times=actors.dso.asks_again_times,
        remuneration=product.form_of_remuneration,
        availability_cap_eur_per_kw_h=product.availability_cap_eur_per_kw_h,
    )
    party = role("dso" if actors.lfmo else "dso-direct")(
        world.seat(actors.dso.name),
        look_ahead,
        living.physics.meters,
        living.scada,
        living.switchgear,
        site.calendar,
        terms,
    )
    return Made(party, [lambda: living.operate(world.clock.now_ms)], [living.physics.show_snapshots])


def _market(site: Site) -> str:
    """The address of the market; empty where there is none."""
    lfmo = site.scenario.actors.lfmo
    return f"{lfmo.name}/flexibility-market-platform" if lfmo else ""


def _standing(scenario: Scenario) -> Standing:
    """The contracts of the DSO with every FSP."""
    return Standing(
        eur_per_kwh={fsp.name: fsp.contract_eur_per_kwh for fsp in scenario.actors.fsps},
        reports_valid_s=scenario.actors.dso.contracts.reports_valid_h * 3600.0,
        clear=rule("clearing", scenario.rules.clearing),
    )


def _kvar_per_kw(site: Site) -> Any:
    """Reactive per active power of the load at each bus, as registered: homes by their planning value, others by rating."""
    network = site.network
    kw, kvar = np.zeros(network.n_bus), np.zeros(network.n_bus)
    np.add.at(kw, network.loads.bus, network.loads.p_kw)
    np.add.at(kvar, network.loads.bus, network.loads.q_kvar)
    ratio = np.divide(kvar, kw, out=np.zeros_like(kw), where=kw > 0)
    ratio[np.unique(site.people.bus)] = HOME_KVAR_PER_KW / 2.0  # cars and batteries, about half of the load, take none
    return ratio


def _lfmo(site: Site, world: World) -> Made:
    scenario = site.scenario
    terms = LfmoTerms(
        participants=[fsp.name for fsp in scenario.actors.fsps],
        clear=rule("clearing", scenario.rules.clearing),
        price=rule("pricing", scenario.rules.pricing),
    )
    assert scenario.actors.lfmo is not None
    return Made(role("lfmo")(world.seat(scenario.actors.lfmo.name), terms))


def _fsp_platforms(site: Site) -> dict[str, str]:
    return {fsp.name: f"{fsp.name}/fsp-technical-platform" for fsp in site.scenario.actors.fsps}


def _platform(site: Site, world: World) -> Made:
    return Made(role("gdbn")(world.seat(GDBN), SETTLEMENT, _fsp_platforms(site)))


def _service(site: Site, system: str) -> Service:
    """The settlement service that acts from a system."""
    dso, said = site.scenario.actors.dso.name, site.scenario.rules.settlement
    return Service(
        system=system,
        dso=dso,
        meter_database=f"{dso}/dso-database",
        baseline_store=f"{dso}/dso-database",
        accounts=f"{dso}/dso-settlement-service" if system == "gdbn" else dso,
        fsp_platforms=_fsp_platforms(site),
        rule=rule_with("settlement", said.rule, said.arguments()),
    )


def _provider(site: Site, world: World) -> Made:
    actors = site.scenario.actors
    terms = ProviderTerms(
        days_ms=site.days_ms,
        gates_ms=[day.gate_ms for day in market_days(site)],
        cycle_before_ms=round(CYCLE_BEFORE_H * 3_600_000),
        settle_after_ms=round(SETTLES_AFTER_H * 3_600_000),
        settles=site.scenario.rules.settled_by == "gdbn",
        dso=actors.dso.name,
        settlement_desk=f"{actors.dso.name}/dso-settlement-service",
        aggregators=[fsp.name for fsp in actors.fsps],
        service=_service(site, "gdbn"),
        method=method_of(site.scenario, site.calendar, site.timeline),
    )
    return Made(role("platform-provider")(world.seat(actors.dpp.name), site.calendar, terms))


def _aggregator(site: Site, world: World, name: str) -> Made:
    scenario, people, directory = site.scenario, site.people, world.directory
    said = next(fsp for fsp in scenario.actors.fsps if fsp.name == name)
    homes = members_of(scenario, people, name)
    areas = areas_of(site.network)
    bus = {home: int(bus) for home, bus in zip(people.names, people.bus, strict=True)}
    bus |= {plant.name: site.network.bus_index(plant.bus) for plant in contracted(scenario)}
    portfolio = Portfolio(
        home=homes,
        home_address=directory.numbers(homes),
        device_address=directory.numbers([f"{home}/der" for home in homes]),
        meter=[f"{home}/meter" for home in homes],
        area=[areas.area_of_bus(site.network.bus_names[bus[home]]) for home in homes],
    )
    faults = [fault for fault in scenario.failing if fault.party == name]
    terms = FspTerms(
        dso=scenario.actors.dso.name,
        derms=f"{scenario.actors.dso.name}/derms",
        market=_market(site),
        baselines_to=GDBN if scenario.rules.settled_by == "gdbn" else f"{scenario.actors.dso.name}/dso-database",
        papers=PAPERS,
        papers_until_ms=site.timeline.end_ms + PAPERS_VALID_DAYS * MS_PER_DAY,
        margin_share=said.margin_percent / 100.0,
        share_to_homes=said.share_to_homes,
        method=method_of(scenario, site.calendar, site.timeline),
        delivers_share=next((one.delivers for one in faults if one.delivers is not None), 1.0),
        offers_times=next((one.offers for one in faults if one.offers is not None), 1.0),
        standing_eur_per_kwh=None if scenario.actors.lfmo else said.contract_eur_per_kwh,
        provider=scenario.actors.dpp.name,
        reports_every_s=scenario.actors.dso.contracts.reports_every_h * 3600.0,
        settle=_service(site, "dso-settlement-service").rule,
        availability_eur_per_kw_h=said.availability_eur_per_kw_h,
    )
    return Made(role("aggregator")(world.seat(name), portfolio, _meters_of(site, name), terms))


def _meters_of(site: Site, name: str) -> Any:
    return site.living.shares[name] if name in site.living.shares else site.living.physics.meters.share([])


def _attacker(site: Site, world: World, name: str) -> Made:
    tried = plans(site, world.directory, name, GDBN)
    tap = Wiretap(world.directory.number(name), frozenset(record for plan in tried for record in plan.hears()))
    world.bus.listen(tap)
    party = role("attacker")(world.seat(name), tap, tried, site.timeline.step_ms)
    return Made(party, [lambda: world.put_on_wire(name, tap)])
