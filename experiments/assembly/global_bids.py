"""What the global market adds to the world: market operator, transmission side, and the desks for bids and constraints of all others."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache, partial

import numpy as np

from agents.aggregator_terms import FspTerms, Portfolio
from agents.bsp_bids import BidDesk, BidTerms
from agents.bsp_pool import PoolDesk, PoolTerms
from agents.bsp_tests import TrialDesk
from agents.commercial_buyer import BuyerTerms, Opening
from agents.dso_local_use import local_use
from agents.dso_market_limits import DayLights, LimitDesk, LimitTerms, LocalUse
from agents.dso_outlook import LookAhead
from agents.dso_purchases import PurchaseDesk, PurchaseTerms
from agents.flexibility_picture import Picture
from agents.generation_company import UnitTerms
from agents.tso_commercial import CommercialDesk, CommercialTerms
from agents.tso_component_terms import ComponentTerms, Session, TransmissionView
from agents.tso_components import ComponentDesk
from agents.tso_market import TsoMarketTerms
from data import read_parquet_columns
from data.arrays import F64
from environment.addresses import Address
from environment.grid.transmission import Transmission, read_transmission, schedule_error_kw, unit_offers
from environment.platforms.cbp_market import MarketDesk
from environment.units import MS_PER_H
from environment.world import World
from experiments.assembly.people import contracted, members_of
from experiments.assembly.roles import Made, Maker, role
from experiments.assembly.site import Site
from experiments.scenario.global_bids import Buyer
from experiments.scenario.global_market import Bsp, GlobalMarket, SystemOperator
from experiments.scenario.library import rule, rule_with
from markets.coordination.payers import allotted_kw
from markets.traffic_light import HOURS_OF_DAY

MARKET = "tso-market"
PLATFORM = f"{MARKET}/platform"
CBP = "cbp"
GLOBAL, LOCAL = "global", "local"
LIT = ("central-with-traffic-light",)
"""Schemes that know traffic lights: under the others the TSO gives components none."""
CYCLE_BEFORE_OPENING_MS = 900_000
"""Members are asked for their plans a quarter of an hour before the session opens."""
GRANULARITY_KW = 0.1
"""Needs of DSOs are rounded up to this."""
RESTATES_AFTER_MS = 300_000
"""Lights that are worked out anew in the day are told to the TSO five minutes later."""


def addresses(site: Site) -> list[Address]:
    """Market operator with its platform, and the company of conventional units."""
    company = _said(site).transmission.company
    buyers = [one.name for one in _said(site).buyers]
    return [
        *(Address(name, name, ("production-responsible-party",), name) for name in buyers),
        Address(MARKET, MARKET, ("tso-market-operator",), MARKET), Address(PLATFORM, MARKET, ("tso-market-platform",), MARKET),
        Address(company, company, ("bsp",), company),
    ]  # fmt: skip


def makers(buyers: Sequence[Buyer]) -> list[Maker]:
    """Market operator, units and commercial parties; the others are made with their desks."""
    return [_market, _units, *(partial(_buyer, said=one) for one in buyers)]


def _said(site: Site) -> GlobalMarket:
    assert site.scenario.global_market is not None
    return site.scenario.global_market


def _dates(site: Site) -> list[date]:
    return [site.calendar.local(start_ms).date() for start_ms, _ in site.days_ms]


def sessions(site: Site) -> list[Session]:
    """One session for each day of delivery."""
    market, calendar = _said(site), site.calendar
    return [
        Session(
            f"MSD-{day.isoformat()}", from_ms, market.bids.opens.on(calendar, day), market.lights.deadline.on(calendar, day),
            market.gate.on(calendar, day),
        )
        for day, (from_ms, _) in zip(_dates(site), site.days_ms, strict=True)
    ]  # fmt: skip


def _unix_ms(site: Site) -> int:
    return round(site.calendar.begins.timestamp() * 1000)


# --- transmission side ------------------------------------------------------------------------------------------------------------


@cache
def _shape() -> F64:
    """Load of 366 days and 24 hours as a share of the year's peak: low-voltage networks of all SimBench classes together."""
    names = [f"lv_{kind}_pload" for kind in ("rural1", "rural2", "rural3", "semiurb4", "semiurb5", "urban6")]
    columns = read_parquet_columns("profiles/simbench_2016.parquet", names).values
    load = np.sum([columns[name] for name in names], axis=0).reshape(366, HOURS_OF_DAY, -1).mean(axis=2)
    return np.asarray(load / load.max())


class Side:
    """The transmission side of a world: loads, schedules, flows and offers of every day."""

    def __init__(self, site: Site) -> None:
        market = _said(site)
        self._said, self._tso = market.transmission, market.tso
        self._errors = site.chance.stream("transmission.schedule-error")
        whole = read_transmission(self._said.network)
        self.network: Transmission = read_transmission(
            self._said.network, self._said.peak_kw / float(whole.load_kw.sum())
        )
        self._operator = {one.node: one.name for one in market.dsos}
        self._days = {from_ms: day for day, (from_ms, _) in zip(_dates(site), site.days_ms, strict=True)}

    def _load_kw(self, from_ms: int) -> F64:
        day = self._days[from_ms]
        leap = day.timetuple().tm_yday - 1 + (day.month > 2 and day.year % 4 != 0)
        return np.asarray(self.network.load_kw[:, None] * _shape()[leap])

    def view(self, from_ms: int) -> TransmissionView:
        """What the TSO knows of its network on a day."""
        network, said = self.network, self._said
        load = self._load_kw(from_ms)
        relief, low, high = network.reliefs(network.flow_kw(network.injection_kw(network.scheduled_kw(load), load)))
        short = {name: np.zeros(HOURS_OF_DAY) for name in (self._tso, *sorted(self._operator.values()))}
        for k, node in enumerate(network.nodes):
            if network.load_kw[k] > 0.0:
                deviation = said.error_percent / 100.0 * float(network.load_kw[k])
                error = schedule_error_kw(
                    self._errors, f"{node}/{self._days[from_ms]}", HOURS_OF_DAY, deviation, said.correlation
                )
                short[self._operator.get(node, self._tso)] += error
        return TransmissionView(network.nodes, network.limited_lines, relief, low, high, short)

    def offers(self, from_ms: int) -> Mapping[str, tuple[F64, F64]]:
        """What units can offer beyond their schedules."""
        network, schedule = self.network, self.network.scheduled_kw(self._load_kw(from_ms))
        price = network.price_eur_per_kwh(schedule)
        return unit_offers(
            schedule, network.capacity_kw, network.cost_eur_per_kwh, price, self._said.markup_eur_per_kwh
        )


def _market(site: Site, world: World) -> Made:
    market = _said(site)
    said = {"unmet_eur_per_kwh": market.bids.unmet_eur_per_kwh, "counts": market.bids.counts}
    scheme = rule_with("coordination", market.bids.coordination, said)
    bidders = frozenset({market.transmission.company, *(one.name for one in market.bsps)})
    allot = partial(allotted_kw, unmet_eur_per_kwh=market.bids.unmet_eur_per_kwh)
    terms = TsoMarketTerms(
        market.tso, bidders, scheme, market.bids.coordination, allot, frozenset(one.name for one in market.buyers)
    )
    return Made(role("tso-market")(world.seat(MARKET), terms))


def _buyer(site: Site, world: World, said: Buyer) -> Made:
    """A commercial party: how far it is off its schedule is drawn for each day."""
    market, errors = _said(site), site.chance.stream("market.open-position")
    days = {from_ms: day for day, (from_ms, _) in zip(_dates(site), site.days_ms, strict=True)}

    def short_kw(from_ms: int) -> F64:
        return schedule_error_kw(errors, f"{said.name}/{days[from_ms]}", HOURS_OF_DAY, said.error_kw, said.correlation)

    terms = BuyerTerms(
        [Opening(one.session, one.from_ms, one.opens_ms) for one in sessions(site)], short_kw, said.value_eur_per_kwh, MARKET, market.tso,
        market.delivery.day_ahead_eur_per_kwh, pays_after_s=3600.0 * market.delivery.final_within_h,
    )  # fmt: skip
    return Made(role("commercial-buyer")(world.seat(said.name), terms))


def commercial_desk(market: GlobalMarket) -> CommercialDesk:
    """The TSO's, for what commercial parties buy."""
    said = market.delivery
    return CommercialDesk(CommercialTerms(MARKET, said.day_ahead_eur_per_kwh, 3600.0 * said.final_within_h))


def _units(site: Site, world: World) -> Made:
    market, side = _said(site), Side(site)
    network = side.network
    terms = UnitTerms(
        units=network.units, nodes=tuple(network.nodes[k] for k in network.node_of_unit.tolist()),
        zones=tuple(network.zone_of_node[k] for k in network.node_of_unit.tolist()), offers=side.offers, market=MARKET, tso=market.tso,
        unix_ms=_unix_ms(site),
    )  # fmt: skip
    return Made(role("generation-company")(world.seat(market.transmission.company), terms))


# --- desks of the others ------------------------------------------------------------------------------------------------------------


def market_desk(site: Site) -> MarketDesk:
    """The platform's."""
    market = _said(site)
    on_platform = frozenset(one.name for one in market.bsps if one.platform)
    return MarketDesk(market.tso, frozenset(one.name for one in market.dsos), on_platform)


def purchase_desk(market: GlobalMarket) -> PurchaseDesk:
    """A DSO's, for what the session buys for it."""
    return PurchaseDesk(PurchaseTerms(MARKET, market.tso))


Perimeters = Mapping[str, Mapping[str, str]]
"""DSO -> connection points that providers control in its network -> DSO perimeter."""


def component_desk(site: Site, picture: Picture, perimeters: Perimeters) -> ComponentDesk:
    """The TSO's.

    Args:
        site: the site.
        picture: what the TSO knows of points.
        perimeters: where points are.
    """
    market, side = _said(site), Side(site)

    def matrix() -> dict[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], list[str]] = {}
        for gcp, row in picture.topology.items():
            found.setdefault((row.bsp, row.dso_perimeter), []).append(gcp)
        return found

    terms = ComponentTerms(
        sessions=sessions(site), bsps={one.name: one.platform for one in market.bsps}, units=(market.transmission.company,),
        dsos={one.name: one.node for one in market.dsos},
        perimeters={name: sorted(set(points.values())) for name, points in perimeters.items()}, market=MARKET, market_platform=PLATFORM, cbp=CBP,
        limit=rule("bid-component", market.bids.limits), with_lights=market.bids.coordination in LIT, view=side.view, matrix=matrix,
    )  # fmt: skip
    return ComponentDesk(terms)


def limit_desk(
    site: Site, world: World, said: SystemOperator, picture: Picture, perimeters: Mapping[str, str], ahead: LookAhead, perimeter_of_area: Mapping[str, str]
) -> LimitDesk:  # fmt: skip
    """A DSO's: lights as it found them last; a perimeter without one is green. What it plans for itself is what it foresees to need.

    Args:
        site: the site.
        world: the world.
        said: what the scenario says of it.
        picture: what it knows of points, pools and lights.
        perimeters: points in its network -> perimeter.
        ahead: its forecast module.
        perimeter_of_area: local area of its network -> perimeter.
    """
    market = _said(site)
    names, shape = sorted(set(perimeters.values())), (2, HOURS_OF_DAY)
    clock, step_ms = world.clock, site.timeline.step_ms

    def lights(from_ms: int) -> dict[str, DayLights]:
        found = {}
        for name in names:
            one = picture.lights.get((name, from_ms))
            found[name] = (
                DayLights(np.zeros(shape, np.int64), np.zeros(shape))
                if one is None
                else DayLights(
                    np.array([one.colour_up, one.colour_down]).astype(np.int64),
                    np.array([one.capability_up_kw, one.capability_down_kw]),
                )
            )
        return found

    def plans(from_ms: int) -> dict[str, LocalUse]:
        end_ms = from_ms + HOURS_OF_DAY * MS_PER_H
        steps = (end_ms - from_ms) // step_ms
        needs = ahead.needs(ahead.look(clock.now_ms, end_ms), from_ms, steps, GRANULARITY_KW)
        able: dict[str, tuple[float, float]] = {}
        qualified: dict[str, list[str]] = {}
        for pool in picture.pools.values():
            for gcp in pool.points if pool.qualified(LOCAL) else ():
                name, light = perimeters.get(gcp, ""), picture.static.get(gcp)
                if name and light is not None:
                    up, down = able.get(name, (0.0, 0.0))
                    able[name] = (up + light.validated_up_kw, down - light.validated_down_kw)
                    if pool.pool not in qualified.setdefault(name, []):
                        qualified[name].append(pool.pool)
        return local_use(needs, perimeter_of_area, able, qualified)

    updates = range(0, HOURS_OF_DAY, market.lights.updates_every_h)
    restates = [
        (start_ms, start_ms + hour * MS_PER_H + RESTATES_AFTER_MS) for start_ms, _ in site.days_ms for hour in updates
    ]
    return LimitDesk(
        LimitTerms(market.tso, CBP, lights, plans, late_s=said.limits_late_h * 3600.0, restates_ms=restates)
    )


def bsp_desks(
    site: Site, world: World, said: Bsp, picture: Picture, perimeter_of: Mapping[str, str]
) -> dict[str, BidDesk | PoolDesk | TrialDesk]:
    """A provider's: bids, pool and its tests.

    Args:
        site: the site.
        world: the world.
        said: what the scenario says of it.
        picture: what it knows of its points.
        perimeter_of: connection point -> DSO perimeter.
    """
    market = _said(site)
    terms = _pool_terms(site, world, said, picture, perimeter_of)
    pool = PoolDesk(said.name, terms, site.living.physics.meters.share(list(terms.portfolio.meter)))
    zone, tso_perimeter = _zone(site, said, market)
    bids = BidTerms(
        uva=f"UVA-{said.name}", zone=zone, tso_perimeter=tso_perimeter, market=MARKET, tso=market.tso, cbp=CBP if said.platform else "",
        unix_ms=_unix_ms(site), adapts=said.adapts, repeats=said.repeats,
        ignores_limits=any(fault.ignores_limits for fault in site.scenario.failing if fault.party == said.name),
    )  # fmt: skip
    return {
        "bids": BidDesk(bids, pool.supply, pool.take_schedule), "pool": pool, "tests": TrialDesk(picture, pool, CBP),
    }  # fmt: skip


def _zone(site: Site, said: Bsp, market: GlobalMarket) -> tuple[str, str]:
    """Market zone and TSO perimeter in which most of its members are: an aggregate has one."""
    islands = [site.network.island_of_bus[bus] for bus in buses_of(site, said.name).values()]
    most = max(market.dsos, key=lambda one: (islands.count(one.name), one.name))
    return most.market_zone, most.tso_perimeter


def buses_of(site: Site, bsp: str) -> dict[str, int]:
    """Member -> bus."""
    rows = {home: row for row, home in enumerate(site.people.names)}
    plants = {plant.name: site.network.bus_index(plant.bus) for plant in contracted(site.scenario)}
    return {
        one: int(site.people.bus[rows[one]]) if one in rows else plants[one]
        for one in members_of(site.scenario, site.people, bsp)
    }


def _pool_terms(site: Site, world: World, said: Bsp, picture: Picture, perimeter_of: Mapping[str, str]) -> PoolTerms:
    market, directory = _said(site), world.directory
    members = [one for one in members_of(site.scenario, site.people, said.name) if f"{one}/meter" in perimeter_of]
    portfolio = Portfolio(
        home=members, home_address=directory.numbers(members), device_address=directory.numbers([f"{one}/der" for one in members]),
        meter=[f"{one}/meter" for one in members], area=[perimeter_of[f"{one}/meter"] for one in members],
    )  # fmt: skip

    def validated() -> dict[str, tuple[float, float]]:
        points = [gcp for pool in picture.pools.values() if pool.qualified(GLOBAL) for gcp in pool.points]
        known = {gcp: picture.static[gcp] for gcp in points if gcp in picture.topology and gcp in picture.static}
        return {gcp: (one.validated_up_kw, -one.validated_down_kw) for gcp, one in known.items()}

    orders = FspTerms(dso="", derms="", market=MARKET, baselines_to="", papers=(), papers_until_ms=0)
    return PoolTerms(
        days_ms=site.days_ms, cycle_ms=[market.bids.opens.on(site.calendar, day) - CYCLE_BEFORE_OPENING_MS for day in _dates(site)],
        portfolio=portfolio, validated_kw=validated, orders=orders, bids_share=said.bids_percent / 100.0, margin_share=said.margin_percent / 100.0,
        states_times=next((fault.offers for fault in site.scenario.failing if fault.party == said.name and fault.offers is not None), 1.0),
    )  # fmt: skip
