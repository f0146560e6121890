"""The part of every world: homes, producers, their retailer and the state."""

from collections.abc import Sequence

import numpy as np

from agents.producer import Plants
from agents.prosumer import Membership
from agents.retailer import FixedCharges, Prices, RetailTerms
from data.arrays import I64
from environment.addresses import Address, Directory
from environment.people import tariffs
from environment.world import World
from experiments.assembly.belongings import belongings
from experiments.assembly.days import service_windows
from experiments.assembly.network import operators_of
from experiments.assembly.people import HOMES, PLANTS, contracted
from experiments.assembly.roles import Made, Maker, role
from experiments.assembly.site import Site
from experiments.scenario.people import NOBODY

STATE = "state"
BILLS_AFTER_H = 1.0


def addresses(site: Site) -> list[Address]:
    """Homes, plants under contract, each with its device; retailer and state."""
    retailer, state, homes, plants = site.scenario.actors.retailer.name, *map(site.own, (STATE, HOMES, PLANTS))
    found = [Address(retailer, retailer, ("retailer",), retailer), Address(state, state, (), state)]
    for home in site.people.names:
        found.append(Address(home, homes, ("prosumer", "consumer"), home))
        found.append(Address(f"{home}/der", homes, ("der",), home, device=True))
    for plant in contracted(site.scenario):
        found.append(Address(plant.name, plants, ("producer",), plant.name))
        found.append(Address(f"{plant.name}/der", plants, ("der",), plant.name, device=True))
    return found


def channels(site: Site) -> dict[str, str]:
    """Devices are reached over the meters' channel."""
    owners = [*site.people.names, *(plant.name for plant in contracted(site.scenario))]
    return {f"{owner}/der": "meters" for owner in owners}


def makers(site: Site) -> list[Maker]:
    """Homes, retailer and state live in every world; plants take part where somebody may call them.

    People whose water heaters are retrofitted have no energy management of their own; ``build_heaters`` makes them.
    """
    plants = [_plants] if site.scenario.coordination and contracted(site.scenario) else []
    served = site.scenario.pilot or site.scenario.balancing
    elsewhere = site.scenario.heaters or (served and site.scenario.coordination)
    homes = [] if elsewhere else [_homes]  # households of a pilot and homes in pools are parts of their own
    return [*homes, _retailer, _state, *plants]


def _homes(site: Site, world: World) -> Made:
    living, people, directory = site.living, site.people, world.directory
    device = directory.numbers([f"{home}/der" for home in people.names])
    coordinated = site.scenario.coordination
    communities = belongings(site, directory)
    living.hems.windows = service_windows(site) if site.scenario.actors.fsps or not communities else {}
    living.hems.keep_views = bool(communities)
    if site.scenario.global_market:
        living.hems.directions = ("up", "down")
    flexible = {kind: own.astype(np.float64) for kind, own in people.owns.items() if kind != "pv"}
    book = living.hems.book
    rated = book.ev["kw"] + book.battery["kw"] + book.heater["kw"] + book.house["hp_kw"]
    membership = Membership(
        home=directory.numbers(people.names),
        device=device,
        aggregator=np.array([directory.number(fsp) if fsp != NOBODY else -1 for fsp in people.fsp], np.int64),
        dso=directory.numbers(operators_of(site, people.bus)),
        scada=directory.numbers([f"{dso}/dso-scada" for dso in operators_of(site, people.bus)]),
        retailer=site.scenario.actors.retailer.name,
        flexible_kw=rated,
        assets=np.array(sum(flexible.values()), np.float64).astype(np.int64),
        gateway=_gateways(site, directory, people.names),
    )
    own = {"belongings": communities, "days_ms": site.days_ms} if communities else {}
    party = role("prosumers-in-communities" if communities else "prosumers")(
        world.seat(site.own(HOMES)), living.hems, living.physics.readings, living.physics.controls, membership, people.overrides,
        people.withdrawals if coordinated else {}, **own,
    )  # fmt: skip
    return Made(party, [lambda: living.physics.carry_out(world.clock.now_ms)])


def _gateways(site: Site, directory: Directory, members: Sequence[str]) -> I64 | None:
    """Numbers of the gateways at the points of homes or plants, -1 where none stands; None where there are none at all."""
    if site.scenario.global_market is None:
        return None
    return np.array(
        [directory.number(name) if (name := f"{member}/pgui") in directory else -1 for member in members], np.int64
    )


def _plants(site: Site, world: World) -> Made:
    living, directory = site.living, world.directory
    under = contracted(site.scenario)
    dsos = operators_of(site, np.array([site.network.bus_index(plant.bus) for plant in under], np.int64))
    order = [group.mv_plant.name for group in site.scenario.plants]
    plants = Plants(
        names=tuple(plant.name for plant in under),
        number=np.array([order.index(plant.name) for plant in under], np.int64),
        device=directory.numbers([f"{plant.name}/der" for plant in under]),
        aggregator=directory.numbers([plant.served_by for plant in under]),
        dso=directory.numbers(dsos),
        scada=directory.numbers([f"{dso}/dso-scada" for dso in dsos]),
        capacity_kw=np.array([plant.kw for plant in under]),
        solar=np.array([plant.kind == "pv" for plant in under]),
        price_eur_per_kwh=np.array([plant.curtailment_eur_per_kwh for plant in under]),
        gateway=_gateways(site, directory, [plant.name for plant in under]),
    )
    controls = living.plant_controls
    party = role("producers")(
        world.seat(site.own(PLANTS)), plants, living.shares[PLANTS], living.weather, living.physics.readings, controls
    )
    return Made(party, [lambda: living.physics.carry_out(world.clock.now_ms, controls)])


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
        dso=operators_of(site, people.bus),
        state=site.own(STATE),
    )
    return Made(role("retailer")(world.seat(actors.retailer.name), site.living.shares[actors.retailer.name], terms))


def _state(site: Site, world: World) -> Made:
    return Made(role("state")(world.seat(site.own(STATE))))
