"""The part of local and global markets: system operators with their networks, balancing service providers, platform and register."""

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

import numpy as np

from agents.bsp_registration import OwnPoint, PointUpdate, RegistrationTerms
from agents.bsp_registration import RegistrationDesk as BspRegistration
from agents.dso_grid import GridModel
from agents.dso_lights import LightsDesk, LightsTerms
from agents.dso_outlook import LookAhead
from agents.dso_perimeters import OwnGrid
from agents.dso_registration import RegistrationDesk, Tightening, ValidationTerms
from agents.flexibility_picture import Picture
from agents.pool_tests import Prequalification
from agents.register_entries import EntriesDesk, RegisterTerms
from agents.tso_register import CompletionTerms, RegisterDesk, Regrouping
from data.arrays import F64, I64
from environment.addresses import Address
from environment.grid.areas import areas_of
from environment.grid.islands import SEPARATOR, island, prefixed
from environment.grid.limits import Limits
from environment.grid.model import Network
from environment.grid.network import load_network
from environment.grid.switching import Planned, State, SwitchingPlan, planned
from environment.messages.flexibility_register import GcpRegistration
from environment.office import Desk
from environment.platforms.cbp_relay import RelayDesk, Roll
from environment.units import MS_PER_H
from environment.world import World
from experiments.assembly import delivery
from experiments.assembly.devices import HOME_KVAR_PER_KW
from experiments.assembly.global_bids import addresses as bid_addresses
from experiments.assembly.global_bids import (
    bsp_desks,
    buses_of,
    commercial_desk,
    component_desk,
    limit_desk,
    market_desk,
    purchase_desk,
)
from experiments.assembly.global_bids import makers as bid_makers
from experiments.assembly.network import rated
from experiments.assembly.people import contracted, members_of
from experiments.assembly.roles import Made, Maker, role
from experiments.assembly.site import Site
from experiments.scenario.global_market import Bsp, GlobalMarket, SystemOperator
from experiments.scenario.world import Outage
from markets.registers.grid_element import GridElement

CBP, REGISTER = "cbp", "flexibility-register"
EXAMINES_S = 900.0
"""How long a DSO's examination of registered points takes, which people start and end (SUC08.1 requirement 17): a judgement."""
DSO_SYSTEMS = {
    "technical-platform": "dso-technical-platform", "registry": "dso-registry", "derms": "derms", "dso-scada": "dso-scada",
}  # fmt: skip
TSO_SYSTEMS = {"technical-platform": "tso-technical-platform", "registry": "tso-registry"}


def said(site: Site) -> GlobalMarket:
    """What the scenario says of the global market."""
    assert site.scenario.global_market is not None
    return site.scenario.global_market


def addresses(site: Site) -> list[Address]:
    """Operators and providers with their systems, platform and register."""
    market = site.scenario.global_market
    if market is None:
        return []
    found = [Address(CBP, CBP, ("cbp",), CBP), Address(REGISTER, REGISTER, ("flexibility-register",), REGISTER)]
    for dso in market.dsos:
        found.append(Address(dso.name, dso.name, ("dso",), dso.name))
        found += [Address(f"{dso.name}/{name}", dso.name, (actor,), dso.name) for name, actor in DSO_SYSTEMS.items()]
    found.append(Address(market.tso, market.tso, ("tso",), market.tso))
    found += [Address(f"{market.tso}/{name}", market.tso, (actor,), market.tso) for name, actor in TSO_SYSTEMS.items()]
    for bsp in market.bsps:
        found.append(Address(bsp.name, bsp.name, ("bsp",), bsp.name))
        found.append(Address(f"{bsp.name}/platform", bsp.name, ("bsp-platform",), bsp.name))
    return found + bid_addresses(site) + delivery.addresses(points_of(site))


def channels(site: Site) -> dict[str, str]:
    """Platform and register have a channel of their own: the register is a module of the platform (SUC08.1 rule 1)."""
    return {CBP: "cbp", REGISTER: "cbp"} | delivery.channels(points_of(site)) if site.scenario.global_market else {}


def makers(site: Site) -> list[Maker]:
    """Nobody of these acts without coordination."""
    market = site.scenario.global_market
    if market is None or not site.scenario.coordination:
        return []
    dsos = [partial(_dso, said=one) for one in market.dsos]
    where = point_perimeters(site)
    bsps = [partial(_bsp, said=one, where=where) for one in market.bsps]
    return [_cbp, _register, *dsos, _tso, *bid_makers(market.buyers), *bsps, *delivery.makers(market, points_of(site))]


def points_of(site: Site) -> dict[str, list[str]]:
    """Provider -> the grid connection points that it controls."""
    return {one.name: [point.registration.gcp for point in own_points(site, one)] for one in said(site).bsps}


def perimeters_of(site: Site) -> dict[str, str]:
    """Perimeter -> DSO."""
    found: dict[str, str] = {}
    for one in said(site).dsos:
        codes, _ = _perimeters(_network(one.network, site.scenario.grid.transformer_rating_factor), one)
        found |= dict.fromkeys(codes, one.name)
    return found


# --- platform and register ----------------------------------------------------------------------------------------------


def _cbp(site: Site, world: World) -> Made:
    market = said(site)
    roll = Roll(
        dsos={one.name: (f"{one.name}/technical-platform", f"{one.name}/registry") for one in market.dsos},
        bsps={one.name: f"{one.name}/platform" for one in market.bsps}, tso=market.tso,
        tso_platform=f"{market.tso}/technical-platform", register=REGISTER,
    )  # fmt: skip
    return Made(role("cbp")(world.seat(CBP), {"relay": RelayDesk(roll), "market": market_desk(site)}))


def _register(site: Site, world: World) -> Made:
    market = said(site)
    operators = {one.name: "dso" for one in market.dsos} | {market.tso: "tso"}
    providers = {one.name: "bsp" for one in market.bsps}
    platforms = {name: f"{name}/technical-platform" for name in operators} | {
        name: f"{name}/platform" for name in providers
    }
    down = [one.silent for one in site.scenario.failing if one.party == REGISTER and one.silent is not None]
    ends = [one.ends.at(site.calendar, site.scenario.clock.start) for one in down if one.ends is not None]
    folder = "" if market.register_url else tempfile.mkdtemp(prefix="coflex-register-")
    terms = RegisterTerms(
        url=market.register_url or f"sqlite:///{Path(folder) / 'register.sqlite'}",
        roles=operators | providers, tso=market.tso, platforms=platforms, cbp=CBP, restarts_ms=ends,
    )  # fmt: skip
    entries = EntriesDesk(terms)
    desk = delivery.measurement_desk(site, points_of(site), operators | providers, partial(getattr, entries, "store"))
    party = role("flexibility-register")(world.seat(REGISTER), {"entries": entries, "measurements": desk})
    if folder:  # of a run that is written nowhere, nothing is left
        weakref.finalize(party, shutil.rmtree, folder, ignore_errors=True)
    return Made(party)


# --- system operators ---------------------------------------------------------------------------------------------------


def _tests(market: GlobalMarket) -> Prequalification:
    tests = market.tests
    return Prequalification(
        tests.least_kw,
        tests.announced_s,
        tests.answers_within_s,
        tests.share,
        tests.tolerance,
        tests.point_kw,
        tests.point_share,
    )


def _dso(site: Site, world: World, said: SystemOperator) -> Made:
    market = site.scenario.global_market
    assert market is not None
    grid = own_grid(site, said)
    picture = Picture()
    updates = [
        Tightening(one.at.on(site.calendar, site.scenario.clock.start), one.points, one.power) for one in said.updates
    ]
    validation = ValidationTerms(CBP, REGISTER, said.treatment, EXAMINES_S, _tests(market), updates)
    ahead = LookAhead(
        grid.model, grid.meters, site.living.weather, site.calendar, said.forecast, said.margin_percent / 100.0
    )
    dates = [site.calendar.local(start_ms).date() for start_ms, _ in site.days_ms]
    lights = LightsTerms(
        days_ms=site.days_ms,
        at_ms=[
            [market.lights.first.on(site.calendar, date), *range(start_ms, end_ms, market.lights.updates_every_h * MS_PER_H)]
            for date, (start_ms, end_ms) in zip(dates, site.days_ms, strict=True)
        ],
        due_ms=[market.lights.deadline.on(site.calendar, date) for date in dates],
        reaches_h=market.lights.reaches_h, cbp=CBP, register=REGISTER,
    )  # fmt: skip
    desks = {
        "registration": RegistrationDesk(validation, grid, ahead, picture),
        "lights": LightsDesk(lights, grid, ahead, picture),
        "verification": delivery.verification_desk(site, market, grid.perimeters, picture),
        "limits": limit_desk(
            site, world, said, picture, point_perimeters(site)[said.name], ahead, area_perimeters(grid)
        ),
        "purchases": purchase_desk(market),
    }
    return Made(role("dso-traffic-lights")(world.seat(said.name), desks))


def own_grid(site: Site, said: SystemOperator) -> OwnGrid:
    """What a DSO knows of its network: its own model, the meters in it, its perimeters, and where points are connected."""
    network = rated(load_network(said.network), site.scenario.grid.transformer_rating_factor)
    buses = island(site.network, said.name)
    place = np.full(site.network.n_bus, -1, np.int64)
    place[buses] = np.arange(len(buses))
    mine = [row for row, bus in enumerate(site.meters.bus.tolist()) if place[bus] >= 0]
    names = [site.meters.names[row] for row in mine]
    limits = site.scenario.grid.limits
    model = GridModel(
        network, Limits(limits.transformer_percent, limits.line_percent, limits.voltage_pu), place[site.meters.bus[mine]],
        _kvar_per_kw(network, place[site.people.bus[place[site.people.bus] >= 0]]), _planned(site, said.name),
    )  # fmt: skip
    perimeters, number = _perimeters(network, said)
    bus_of = {name: int(bus) for name, bus in zip(names, place[site.meters.bus[mine]], strict=True)}
    n1 = [State(tuple(sorted({one.outage_of, *one.opens})), one.closes) for one in said.n1]
    return OwnGrid(model, site.living.shares[said.name], perimeters, number, bus_of, n1)


def _kvar_per_kw(network: Network, homes: I64) -> F64:
    """Reactive per active power of the load at each bus, as registered."""
    kw, kvar = np.zeros(network.n_bus), np.zeros(network.n_bus)
    np.add.at(kw, network.loads.bus, network.loads.p_kw)
    np.add.at(kvar, network.loads.bus, network.loads.q_kvar)
    ratio: F64 = np.divide(kvar, kw, out=np.zeros_like(kw), where=kw > 0)
    ratio[np.unique(homes)] = HOME_KVAR_PER_KW / 2.0  # as build_flexibility: cars and batteries take none
    return ratio


def _planned(site: Site, dso: str) -> SwitchingPlan:
    """The outages that a DSO knows of beforehand, in the names of its own network."""
    first, outages = site.scenario.clock.start, []
    for event in site.scenario.events:
        if isinstance(event, Outage) and event.branch.startswith(prefixed(dso, "")):
            end = site.timeline.end_ms if event.ends is None else event.ends.at(site.calendar, first)
            opened = tuple(name.partition(SEPARATOR)[2] for name in (event.branch, *event.opens))
            closed = tuple(name.partition(SEPARATOR)[2] for name in event.closes)
            outages.append(Planned(event.starts.at(site.calendar, first), end, opened, closed))
    return planned(outages, site.timeline.start_ms)


def _perimeters(network: Network, said: SystemOperator) -> tuple[tuple[str, ...], I64]:
    """Id codes of the perimeters, and the number of each bus's: its secondary substation, or on medium voltage its feeder."""
    areas = areas_of(network)
    kinds = {area.name: area.kind for area in areas.areas}

    def perimeter(bus: str) -> str:
        inner = areas.area_of_bus(bus)
        chain = areas.chain(inner) if inner else ()
        return next((name for name in chain if kinds[name] == "transformer"), inner)

    of_bus = [perimeter(bus) for bus in network.bus_names]
    names = sorted({name for name in of_bus if name})
    codes = [
        GridElement(
            said.eic, said.municipality, f"{row + 1:04d}", "_CS" if kinds[name] == "transformer" else "_AG"
        ).code
        for row, name in enumerate(names)
    ]
    return tuple(codes), np.array([names.index(name) if name else -1 for name in of_bus], np.int64)


def _tso(site: Site, world: World) -> Made:
    market = said(site)
    where = {one.name: (one.tso_perimeter, one.market_zone) for one in market.dsos}
    updates = [
        Regrouping(one.at.on(site.calendar, site.scenario.clock.start), one.dso, one.points, one.tso_perimeter)
        for one in market.tso_updates
    ]
    terms = CompletionTerms(where=where, cbp=CBP, register=REGISTER, tests=_tests(market), updates=updates)
    picture = Picture()
    desks: dict[str, Desk] = {
        "topology": RegisterDesk(terms, picture),
        "components": component_desk(site, picture, point_perimeters(site)),
    }
    components = partial(delivery.delivered_parts, desks)
    desks["settlement"] = delivery.settlement_desk(site, market, perimeters_of(site), picture, components)
    desks["units"] = delivery.unit_desk(
        site, market, partial(delivery.sold_by_units, desks, market.transmission.company)
    )
    desks["commercial"] = commercial_desk(market)
    return Made(role("tso")(world.seat(market.tso), desks))


# --- balancing service providers ----------------------------------------------------------------------------------------


def _bsp(site: Site, world: World, said: Bsp, where: Mapping[str, Mapping[str, str]]) -> Made:
    date = site.scenario.clock.start
    terms = RegistrationTerms(
        points=own_points(site, said), services=said.services, at_ms=said.registers.on(site.calendar, date),
        late_ms=said.registers_late.on(site.calendar, date), cbp=CBP, register=REGISTER,
        updates=[PointUpdate(one.at.on(site.calendar, date), one.points, one.power, one.withdraws, one.dso or "") for one in said.updates],
    )  # fmt: skip
    market = site.scenario.global_market
    assert market is not None
    picture = Picture()
    perimeter_of = {gcp: code for points in where.values() for gcp, code in points.items()}
    own = {one.registration.gcp: perimeter_of[one.registration.gcp] for one in terms.points}
    desks: dict[str, Desk] = {
        "registration": BspRegistration(terms, picture),
        **bsp_desks(site, world, said, picture, own),
    }
    desks["reports"] = delivery.report_desk(site, market, said.name, perimeters_of(site), desks)
    return Made(role("bsp")(world.seat(said.name), desks))


def area_perimeters(grid: OwnGrid) -> dict[str, str]:
    """Perimeter of every local area of an operator's network."""
    network = grid.model.network
    areas = areas_of(network)
    found = {}
    for bus, number in enumerate(grid.bus_perimeter.tolist()):
        area = areas.area_of_bus(network.bus_names[bus])
        if area and number >= 0:
            found[area] = grid.perimeters[number]
    return found


def point_perimeters(site: Site) -> dict[str, dict[str, str]]:
    """Perimeter of every point that a provider controls, by DSO."""
    found = {}
    for dso in said(site).dsos:
        codes, number = _perimeters(_network(dso.network, site.scenario.grid.transformer_rating_factor), dso)
        first = int(island(site.network, dso.name)[0])
        found[dso.name] = {
            f"{member}/meter": codes[int(number[bus - first])]
            for bsp in said(site).bsps
            for member, bus in buses_of(site, bsp.name).items()
            if site.network.island_of_bus[bus] == dso.name and number[bus - first] >= 0
        }
    return found


@cache
def _network(name: str, factor: float) -> Network:
    return rated(load_network(name), factor)


def own_points(site: Site, bsp: Bsp) -> list[OwnPoint]:
    """The points that a BSP controls: what its contracts say can be moved there, by name; the last of each network come late."""
    rows = {home: row for row, home in enumerate(site.people.names)}
    plants = {plant.name: plant for plant in contracted(site.scenario)}
    found = []
    for member in members_of(site.scenario, site.people, bsp.name):
        one = _home(site, bsp, member, rows[member]) if member in rows else _plant(site, bsp, plants[member].name)
        if one is not None:
            found.append(one)
    late = {
        one.registration.gcp
        for dso in {one.registration.dso for one in found}
        for one in [point for point in found if point.registration.dso == dso][1:][-bsp.late_points or len(found) :]
    }
    return [OwnPoint(one.registration, one.registration.gcp in late) for one in found]


def _home(site: Site, bsp: Bsp, home: str, row: int) -> OwnPoint | None:
    """A home: battery, car, heat pump and water heater can be moved by what they are rated for; none, no point."""
    people = site.people
    book = site.living.hems.book
    kw = float(book.ev["kw"][row] + book.battery["kw"][row] + book.heater["kw"][row] + book.house["hp_kw"][row])
    if kw <= 0.0 or not people.consent[row]:
        return None
    owns = {kind: bool(own[row]) for kind, own in people.owns.items()}
    generates = owns["pv"] or owns["battery"]
    nominal_kw = max(float(people.contracted_kw[row]), 0.1)
    most = nominal_kw * (2.0 if generates else 1.0)
    return OwnPoint(_registration(site, bsp, home, int(people.bus[row]), "mixed" if generates else "consumption",
                                  min(kw, most), -min(kw, most), nominal_kw))  # fmt: skip


def _plant(site: Site, bsp: Bsp, name: str) -> OwnPoint:
    """A producer can do without what it is rated for."""
    (plant,) = [plant for plant in contracted(site.scenario) if plant.name == name]
    bus = site.network.bus_index(plant.bus)
    return OwnPoint(_registration(site, bsp, name, bus, "generation", 0.0, -plant.kw, plant.kw))


def _registration(
    site: Site, bsp: Bsp, member: str, bus: int, kind: str, up_kw: float, down_kw: float, nominal_kw: float
) -> GcpRegistration:  # fmt: skip
    place = site.scenario.place
    return GcpRegistration(
        gcp=f"{member}/meter", bsp=bsp.name, dso=site.network.island_of_bus[bus], kind=kind, latitude=place.latitude,
        longitude=place.longitude, up_kw=up_kw, down_kw=down_kw, nominal_kw=nominal_kw, services=bsp.services,
    )  # fmt: skip
