"""The part of local flexibility: DSO, market operator, platform provider and aggregators."""

from functools import partial
from typing import Any

import numpy as np

from agents.aggregator_terms import FspTerms, Portfolio
from agents.dso_grid import GridModel
from agents.dso_outlook import LookAhead
from agents.dso_terms import DsoTerms, Standing
from agents.lfmo import LfmoTerms
from agents.platform_provider import ProviderTerms
from agents.settlement import Service
from environment.addresses import Address
from environment.grid.areas import areas_of
from environment.grid.limits import Limits
from environment.messages.procurement import PAPERS
from environment.units import MS_PER_DAY, MS_PER_S
from environment.world import World
from experiments.assembly.baseline import method_of
from experiments.assembly.days import market_days
from experiments.assembly.devices import HOME_KVAR_PER_KW
from experiments.assembly.people import contracted, members_of
from experiments.assembly.roles import Made, Maker, role
from experiments.assembly.site import Site, planned_outages
from experiments.scenario import Scenario
from experiments.scenario.library import rule, rule_with

GDBN = "gdbn-1"
SETTLEMENT = f"{GDBN}/settlement"

SETTLES_AFTER_H = 10.0
"""Activations are settled the morning after, when the night's meter readings are in."""
CYCLE_BEFORE_H = 11.75
"""The aggregation cycle opens a quarter of an hour after noon, when the homes have planned the next day."""
PAPERS_VALID_DAYS = 365


def addresses(site: Site) -> list[Address]:
    """The DSO and its systems, the market, the aggregators with theirs, and the platform with its settlement service."""
    if site.scenario.pilot or site.scenario.global_market:  # operators of their own, without this market
        return []
    actors = site.scenario.actors
    dso, dpp, gdbn = actors.dso.name, actors.dpp.name, site.own(GDBN)
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
    found += [Address(dpp, dpp, ("digital-platform-provider",), dpp), Address(gdbn, gdbn, ("gdbn",), dpp)]
    found += [Address(site.own(SETTLEMENT), dpp, ("gdbn",), dpp)]
    return found


def channels(site: Site) -> dict[str, str]:
    """The platforms have channels of their own."""
    if site.scenario.global_market:
        return {}
    lfmo = site.scenario.actors.lfmo
    return {site.own(GDBN): "gdbn"} | ({lfmo.name: "market"} if lfmo else {})


def makers(site: Site) -> list[Maker]:
    """Nobody of these acts without coordination, where communities sell in place of providers, or where something else is looked after."""
    actors = site.scenario.actors
    instead = actors.communities and not actors.fsps
    said = site.scenario
    elsewhere = said.pilot or said.heaters or said.global_market or said.balancing
    if not said.coordination or instead or elsewhere:
        return []
    market = [_lfmo] if actors.lfmo else []
    return [_dso, *market, _platform, _provider, *(partial(_aggregator, name=fsp.name) for fsp in actors.fsps)]


def look_ahead_of(site: Site) -> LookAhead:
    """The operator's forecast module, with its own model of the grid."""
    scenario, living, limits = site.scenario, site.living, site.scenario.grid.limits
    model = GridModel(
        site.network, Limits(limits.transformer_percent, limits.line_percent, limits.voltage_pu), site.meters.bus,
        _kvar_per_kw(site), planned_outages(scenario, site.calendar, site.timeline),
    )  # fmt: skip
    dso = scenario.actors.dso
    return LookAhead(
        model, living.physics.meters, living.weather, site.calendar, dso.forecast, dso.margin_percent / 100.0
    )


def _dso(site: Site, world: World) -> Made:
    scenario, living = site.scenario, site.living
    actors, product = scenario.actors, scenario.product
    look_ahead = look_ahead_of(site)
    terms = DsoTerms(
        days=market_days(site),
        step_s=site.timeline.step_ms / MS_PER_S,
        fsps=[fsp.name for fsp in actors.fsps],
        market=_market(site),
        gdbn=site.own(GDBN),
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
    return Made(role("gdbn")(world.seat(site.own(GDBN)), site.own(SETTLEMENT), _fsp_platforms(site)))


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
        baselines_to=site.own(GDBN)
        if scenario.rules.settled_by == "gdbn"
        else f"{scenario.actors.dso.name}/dso-database",
        papers=PAPERS,
        papers_until_ms=site.timeline.end_ms + PAPERS_VALID_DAYS * MS_PER_DAY,
        margin_share=said.margin_percent / 100.0,
        share_to_homes=said.share_to_homes,
        method=method_of(scenario, site.calendar, site.timeline),
        delivers_share=next((one.delivers for one in faults if one.delivers is not None), 1.0),
        inflates_times=next((one.inflates for one in faults if one.inflates is not None), 1.0),
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
