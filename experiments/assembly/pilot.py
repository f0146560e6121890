"""The part of a pilot with a service for households (SUC13.1): households, aggregator, its cloud, leader, installers, outside parties."""

from datetime import timedelta
from functools import partial

import numpy as np

from agents.home_buyers import BuyerTerms, Reserve
from agents.home_planner import Planner
from agents.home_terms import HomeTerms, Round
from agents.installer import InstallerTerms
from agents.pilot_leader import LeaderTerms
from agents.service_developer import ServiceTerms, VirtualMarket
from environment.addresses import Address
from environment.units import MS_PER_DAY
from environment.weather.view import WeatherView
from environment.world import World
from experiments.assembly.people import HOMES
from experiments.assembly.pilot_homes import CLOUD, HOUR_MS, drawn, empty_book, households, sites
from experiments.assembly.roles import Made, Maker, role
from experiments.assembly.site import Site
from experiments.scenario.fields import DayTime, read_clock
from experiments.scenario.pilot import Pilot


def pilot_of(site: Site) -> Pilot | None:
    """The pilot of a scenario, if it has one."""
    return site.scenario.pilot


def addresses(site: Site) -> list[Address]:
    """The parties of the pilot, and the devices of all homes."""
    pilot = pilot_of(site)
    if pilot is None:
        return []
    names, dso = pilot.names, site.scenario.actors.dso.name
    found = [Address(dso, dso, ("dso",), dso), Address(f"{dso}/dso-scada", dso, ("dso-scada",), dso)]
    found += [
        Address(names.aggregator, names.aggregator, ("aggregator", "fsp", "bsp"), names.aggregator),
        Address(CLOUD, CLOUD, ("data-storage",), names.aggregator),
        Address(names.leader, names.leader, ("community-manager",), names.leader),
        Address(names.service, names.service, ("service-provider",), names.service),
        Address(f"{names.service}/virtual-market", names.service, ("virtual-market",), names.service),
        Address(names.weather, names.weather, ("external-data-source",), names.weather),
        Address(names.tso, names.tso, ("tso",), names.tso),
        Address(names.market, names.market, ("market-operator",), names.market),
    ]
    found += [Address(name, name, ("installer",), name) for name in names.installers]
    for home in sites(site):
        found += [
            Address(address, HOMES, ("device",), home.home, device=True)
            for address in (home.meter, *home.devices.values()) if address
        ]  # fmt: skip
    return found


def channels(site: Site) -> dict[str, str]:
    """Devices are reached over the meters' channel."""
    if pilot_of(site) is None:
        return {}
    return {address: "meters" for home in sites(site) for address in (home.meter, *home.devices.values()) if address}


def makers(site: Site) -> list[Maker]:
    """Without coordination nobody of these acts, and the homes live as they always did."""
    pilot = pilot_of(site)
    if pilot is None or not site.scenario.coordination:
        return []
    site.living.physics.live = True
    installers = [partial(_installer, name=name) for name in pilot.names.installers]
    return [households, _aggregator, _cloud, _leader, *installers, _service, _weather, _dso, _tso, _market]


# --- the aggregator and its cloud ----------------------------------------------------------------------------------


def _aggregator(site: Site, world: World) -> Made:
    pilot, timeline = site.scenario.pilot, site.timeline
    assert pilot is not None
    view = WeatherView.empty(timeline.n)
    planner = Planner(
        empty_book(site), site.calendar, timeline, view, site.chance.stream("pilot.restart"), ("up", "down"),
        audit_every=pilot.control.audit_every,
    )  # fmt: skip
    terms = _terms(site, pilot)
    return Made(role("home-aggregator")(world.seat(pilot.names.aggregator), terms, planner, view))


def _days(site: Site) -> list[int]:
    """Midnights of the world's days: from the one before delivery to the one after."""
    first = site.calendar.day_start(0)
    found = [first]
    while found[-1] < site.timeline.end_ms:
        found.append(site.calendar.day_start(found[-1], 1))
    return [max(at, 0) for at in found]


def rounds(site: Site) -> list[Round]:
    """Most homes are invited when the world begins, some a day later."""
    pilot = site.scenario.pilot
    assert pilot is not None
    late = drawn(site, "late") < pilot.admission.late
    first_ms, midnight_ms = HOUR_MS // 2, site.days_ms[0][0]
    found = [Round("round-1", first_ms, midnight_ms - 2 * HOUR_MS, np.flatnonzero(~late))]
    if late.any():
        opens_ms = midnight_ms + 7 * HOUR_MS
        found.append(Round("round-2", opens_ms, opens_ms + 9 * HOUR_MS, np.flatnonzero(late)))
    return found


def _terms(site: Site, pilot: Pilot) -> HomeTerms:
    people = site.people
    control = pilot.control
    prices = {
        name: (one.buy_eur_per_kwh, one.sell_eur_per_kwh)
        for name, one in zip(people.tariff_names, people.prices, strict=True)
    }
    keep = control.retention_days * MS_PER_DAY
    return HomeTerms(
        sites=sites(site), rounds=rounds(site), leader=pilot.names.leader, installers=pilot.names.installers, database=CLOUD,
        service=pilot.names.service, days_ms=_days(site), minimum_kw=pilot.admission.minimum_kw,
        minimum_devices=pilot.admission.minimum_devices, tariffs=prices,
        saving_eur_per_kw_year=pilot.admission.saving_eur_per_kw_year, tick_s=float(control.tick_s),
        peak_share=control.peak_percent / 100.0, surplus_kw=control.surplus_kw, surplus_every=1,
        limits_k=(control.tank_above_k, control.tank_below_k), share_to_homes=pilot.share_to_homes,
        operator=site.scenario.actors.dso.name, congestion_windows=windows(site, pilot.congestion.window),
        margin_share=pilot.margin_percent / 100.0, retention_ms={"account": 365 * MS_PER_DAY, "measurements": keep},
    )  # fmt: skip


def _cloud(site: Site, world: World) -> Made:
    pilot = site.scenario.pilot
    assert pilot is not None
    names = pilot.names
    sources = {
        "weather": names.weather,
        "grid": site.scenario.actors.dso.name,
        "balancing": names.tso,
        "market": names.market,
    }
    party = role("cloud-database")(
        world.seat(CLOUD), site.timeline, site.people.n, sources, pilot.names.service, float(pilot.control.outside_every_s),
        pilot.control.retention_days * MS_PER_DAY, pilot.names.aggregator,
    )  # fmt: skip
    return Made(party)


def _leader(site: Site, world: World) -> Made:
    pilot = site.scenario.pilot
    assert pilot is not None
    said = pilot.admission
    terms = LeaderTerms(pilot.names.aggregator, pilot.names.installers, said.places, said.site_eur, said.total_eur)
    return Made(role("pilot-leader")(world.seat(pilot.names.leader), terms))


def _installer(site: Site, world: World, name: str) -> Made:
    pilot = site.scenario.pilot
    assert pilot is not None
    said = pilot.admission
    terms = InstallerTerms(
        aggregator=pilot.names.aggregator, leader=pilot.names.leader, employees=said.crews, from_hour=7.0, to_hour=20.0,
        visit_s=said.visit_h * 3600.0, visit_eur=said.visit_eur, device_eur=said.device_eur, least_link=said.least_link,
        link=site.chance.stream("pilot.link"),
    )  # fmt: skip
    return Made(role("installer")(world.seat(name), site.calendar, terms))


def _service(site: Site, world: World) -> Made:
    pilot = site.scenario.pilot
    assert pilot is not None
    said = pilot.virtual
    market = VirtualMarket(pilot.names.market, said.price_eur_per_kwh, said.buys, said.called_share)
    terms = ServiceTerms(
        database=CLOUD, devices={home.home: home.devices for home in sites(site)}, days_ms=_days(site)[1:], market=market,
        market_hour=said.hour, limits_k=(pilot.control.tank_above_k, pilot.control.tank_below_k),
    )  # fmt: skip
    return Made(role("service-developer")(world.seat(pilot.names.service), site.timeline, terms))


def _weather(site: Site, world: World) -> Made:
    pilot = site.scenario.pilot
    assert pilot is not None
    party = role("weather-agency")(world.seat(pilot.names.weather), site.living.weather, site.calendar, site.timeline)
    return Made(party)


# --- who buys --------------------------------------------------------------------------------------------------------


def windows(site: Site, hours: tuple[str, str]) -> list[tuple[int, int]]:
    """A daily window on the days of delivery."""
    opens, closes = (read_clock(clock) for clock in hours)
    dates = [site.scenario.clock.start + timedelta(days=day) for day in range(site.scenario.clock.days)]
    return [(site.calendar.on(date, opens), site.calendar.on(date, closes)) for date in dates]


def _at(site: Site, moment: DayTime) -> list[int]:
    """A time of day relative to every day of delivery."""
    dates = [site.scenario.clock.start + timedelta(days=day) for day in range(site.scenario.clock.days)]
    return [max(moment.on(site.calendar, date), 0) for date in dates]


def _buyer_terms(site: Site, pilot: Pilot, hours: tuple[str, str]) -> BuyerTerms:
    meters = [f"{home}/meter" for home in site.people.names]
    return BuyerTerms(pilot.names.aggregator, CLOUD, meters, windows(site, hours), site.timeline.step_ms)


def _dso(site: Site, world: World) -> Made:
    pilot, name = site.scenario.pilot, site.scenario.actors.dso.name
    assert pilot is not None
    said = pilot.congestion
    party = role("congestion-buyer")(
        world.seat(name), site.living.shares[name], site.calendar, _buyer_terms(site, pilot, said.window), said.limit_kw,
        said.eur_per_kwh, said.margin_percent / 100.0, _at(site, said.decides),
    )  # fmt: skip
    return Made(party)


def _tso(site: Site, world: World) -> Made:
    pilot = site.scenario.pilot
    assert pilot is not None
    said, name = pilot.balancing, pilot.names.tso
    opens = _at(site, said.opens)
    reserve = Reserve(
        said.reserve_kw, said.cap_eur_per_kwh, said.called_share, opens, [at + round(said.gate_h * HOUR_MS) for at in opens],
        site.chance.stream("pilot.imbalance"),
    )  # fmt: skip
    party = role("reserve-buyer")(
        world.seat(name), site.living.shares[name], site.calendar, _buyer_terms(site, pilot, said.window), reserve
    )
    return Made(party)


def _market(site: Site, world: World) -> Made:
    pilot = site.scenario.pilot
    assert pilot is not None
    return Made(role("closed-market")(world.seat(pilot.names.market)))
