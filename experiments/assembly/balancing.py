"""The part of pools in balancing services: homes with their energy management, pools, the aggregator platform, and the operator."""

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property, partial

import numpy as np

from agents.balance_responsible import ResponsibleTerms
from agents.balancing_terms import TsoTerms
from agents.pool_assets import assets_of
from agents.pool_homes import PoolMembership
from agents.pool_platform import PlatformTerms
from agents.pool_terms import PoolTerms
from agents.reserve_unit import UnitTerms
from data.arrays import F64
from environment.addresses import Address
from environment.control_area import AreaView
from environment.devices.reserve import FULL_HZ, Frequency
from environment.grid import control_area
from environment.grid.generating_units import GeneratingUnits, UnitSetting
from environment.instruments import MeterStore
from environment.units import MS_PER_S
from environment.world import World
from experiments.assembly.people import HOMES, members_of
from experiments.assembly.roles import Made, Maker, role
from experiments.assembly.site import Site
from experiments.scenario.balancing import Balancing, PoolScenario, UnitScenario, responsible
from markets.balancing.auction import Terms
from markets.balancing.reserve_delivery import Tolerance
from markets.balancing.units import Unit

PLATFORM, MARKET = "aggregator-platform", "flexibility-market-platform"
OPENS_BEFORE_S, JOINS_BEFORE_S, UNITS_BEFORE_S = 3600.0, 1200.0, 1800.0
"""A day of delivery is opened an hour before the gate; offers of small pools are joined twenty minutes before it; units offer half an hour before it."""


def addresses(site: Site) -> list[Address]:
    """The operator and its market platform, pools with their VPPs, the aggregator platform, and every home's energy management."""
    said = site.scenario.balancing
    if said is None:
        return []
    found = [
        Address(said.tso, said.tso, ("tso",), said.tso),
        Address(f"{said.tso}/{MARKET}", said.tso, (MARKET,), said.tso),
    ]
    for pool in said.pools:
        found.append(Address(pool.name, pool.name, ("fsp",) if pool.small else ("aggregator", "fsp"), pool.name))
        found.append(Address(f"{pool.name}/vpp", pool.name, ("vpp",), pool.name))
    if _small(said):
        found.append(Address(said.aggregator, said.aggregator, ("aggregator",), said.aggregator))
        found.append(Address(f"{said.aggregator}/{PLATFORM}", said.aggregator, (PLATFORM,), said.aggregator))
    found += [Address(unit.name, unit.name, ("bsp",), unit.name) for unit in said.units]
    for name in (said.others, *map(responsible, said.sellers())):
        found.append(Address(name, name, ("production-responsible-party",), name))
    return [*found, *(Address(f"{home}/ems", HOMES, ("ems",), home) for home in site.people.names)]


def channels(site: Site) -> dict[str, str]:
    """Energy management is reached over the meters' channel, the market over its own."""
    said = site.scenario.balancing
    if said is None:
        return {}
    return {f"{home}/ems": "meters" for home in site.people.names} | {f"{said.tso}/{MARKET}": "market"}


def makers(site: Site) -> list[Maker]:
    """In the twin the homes live by themselves."""
    said = site.scenario.balancing
    if said is None or not site.scenario.coordination:
        return []
    area = _Area(site, said)
    platform = [partial(_platform, said=said)] if _small(said) else []
    return [
        partial(_homes, area=area, said=said),
        *(partial(_pool, said=said, pool=pool) for pool in said.pools),
        *platform,
        *(partial(_unit, area=area, said=said, unit=unit) for unit in said.units),
        *(partial(_responsible, said=said, seller=seller) for seller in (*said.sellers(), said.others)),
        partial(_tso, area=area, said=said),
    ]


def _small(said: Balancing) -> list[PoolScenario]:
    return [pool for pool in said.pools if pool.small]


def _gates_ms(site: Site, said: Balancing) -> tuple[int, ...]:
    first = site.scenario.clock.start
    return tuple(said.gate.on(site.calendar, first + timedelta(days=day)) for day in range(site.scenario.clock.days))


def _terms(said: Balancing) -> dict[str, Terms]:
    return {
        name: Terms(one.min_bid_kw, one.granularity_kw, one.cap_eur_per_kw_h, one.pays_as_cleared)
        for name, one in said.products().items()
    }


class _Area:
    """The truth about the control area, from which devices and control room are told what they can see."""

    def __init__(self, site: Site, said: Balancing) -> None:
        self._site, self._said = site, said
        self.view = AreaView(
            deviation_hz=np.full(site.timeline.n, np.nan), droop_share=np.full(site.timeline.n, np.nan)
        )
        self._shown = site.timeline.index(0)
        names = [unit.name for unit in said.units]
        self.settings = {name: UnitSetting() for name in names}
        self.meters = MeterStore([f"{name}/assets" for name in names], site.timeline)

    @cached_property
    def frequency(self) -> Frequency:
        """What every device can measure from the begin of the world on."""
        tick_s = self._said.signals.tick_s
        ticks = self._site.timeline.end_ms // (tick_s * MS_PER_S)
        return Frequency(0, tick_s * MS_PER_S, control_area.frequency_hz(self._site.chance, 0, ticks, float(tick_s)))

    @cached_property
    def units(self) -> GeneratingUnits:
        """The conventional units."""
        said = self._said.units
        return GeneratingUnits(
            list(self.settings), [one.capacity_kw for one in said], [one.ramp_kw_per_min for one in said], list(self.settings.values()),
            self.frequency, self._said.signals.dead_band_mhz / 1000.0, self.meters,
        )  # fmt: skip

    def value_eur_per_kwh(self) -> F64:
        """Day-ahead price of every interval of the timeline."""
        local, price = self._site.calendar.local, self._said.day_ahead_eur_per_kwh
        return np.array([price[local(int(t)).hour] for t in self._site.timeline.starts_ms])

    @cached_property
    def _imbalance_kw(self) -> F64:
        signals = self._said.signals
        ticks = self._site.timeline.end_ms // (signals.cycle_s * MS_PER_S) + 1
        return control_area.imbalance_kw(self._site.chance, 0, ticks, float(signals.cycle_s), signals.imbalance_kw)

    def show(self, world: World) -> Callable[[], None]:
        """Brings the control room's view up to date."""

        def fill() -> None:
            now, timeline, signals = world.clock.now_ms, self._site.timeline, self._said.signals
            self.units.advance(now)
            self.view.at_ms = now
            self.view.imbalance_kw = float(self._imbalance_kw[now // (signals.cycle_s * MS_PER_S)])
            done = min(timeline.index(now), timeline.n)
            per_step = timeline.step_ms // self.frequency.tick_ms
            while self._shown < done:
                first = (self._shown - timeline.index(0)) * per_step
                deviation = self.frequency.deviation_hz[first : first + per_step]
                share = np.where(
                    np.abs(deviation) <= signals.dead_band_mhz / 1000.0, 0.0, np.clip(deviation / FULL_HZ, -1.0, 1.0)
                )
                self.view.deviation_hz[self._shown], self.view.droop_share[self._shown] = (
                    deviation.mean(),
                    -share.mean(),
                )
                self._shown += 1

        return fill


def _homes(site: Site, world: World, area: _Area, said: Balancing) -> Made:
    living, people, directory = site.living, site.people, world.directory
    physics, number = living.physics, {pool.name: directory.number(f"{pool.name}/vpp") for pool in said.pools}
    for kind in ("battery", "ev"):
        physics.installed[kind].fleet.listen(area.frequency, said.signals.dead_band_mhz / 1000.0)
    membership = PoolMembership(
        home=directory.numbers(people.names),
        ems=directory.numbers([f"{home}/ems" for home in people.names]),
        vpp=np.array([number.get(pool, -1) for pool in people.fsp], np.int64),
        retailer=site.scenario.actors.retailer.name,
    )
    assets = assets_of(living.hems.book, membership.vpp >= 0, said.battery_share)
    party = role("pool-homes")(
        world.seat(HOMES),
        living.hems,
        physics.readings,
        physics.controls,
        assets,
        membership,
        people.overrides,
        people.withdrawals,
    )
    return Made(party, [lambda: physics.carry_out(world.clock.now_ms)])


def _pool(site: Site, world: World, said: Balancing, pool: PoolScenario) -> Made:
    members = sorted(
        members_of(site.scenario, site.people, pool.name), key=lambda home: world.directory.number(f"{home}/ems")
    )
    book = site.living.hems.book
    assets = assets_of(book, np.isin(np.array(book.names), members), said.battery_share)
    terms = PoolTerms(
        ems=world.directory.numbers([f"{home}/ems" for home in members]),
        homes=tuple(members),
        assets=tuple(assets.names.tolist()),
        asset_ems=world.directory.numbers([f"{book.names[home]}/ems" for home in assets.home]),
        via=f"{said.aggregator}/{PLATFORM}" if pool.small else f"{said.tso}/{MARKET}",
        small=pool.small,
        responsible=said.aggregator if pool.small else responsible(pool.name),
        days_ms=tuple(site.days_ms),
        opens_ms=_before(site, said, OPENS_BEFORE_S),
        step_ms=site.timeline.step_ms,
        cycle_s=float(said.signals.cycle_s),
        products=_terms(said),
        capacity_eur_per_kw_h=pool.capacity_eur_per_kw_h,
        energy_eur_per_kwh=pool.energy_eur_per_kwh,
        offers_share=pool.offers,
        homes_share=pool.shares,
        endurance_h=said.endurance_h,
    )
    return Made(role("pool-aggregator")(world.seat(pool.name), terms))


def _before(site: Site, said: Balancing, seconds: float) -> tuple[int, ...]:
    return tuple(gate - round(seconds * MS_PER_S) for gate in _gates_ms(site, said))


def _platform(site: Site, world: World, said: Balancing) -> Made:
    terms = PlatformTerms(
        vpps={pool.name: f"{pool.name}/vpp" for pool in _small(said)},
        responsible=responsible(said.aggregator),
        market=f"{said.tso}/{MARKET}",
        days_ms=tuple(site.days_ms),
        opens_ms=_before(site, said, OPENS_BEFORE_S),
        joins_ms=_before(site, said, JOINS_BEFORE_S),
        step_ms=site.timeline.step_ms,
        products=_terms(said),
    )
    return Made(role("pool-platform")(world.seat(said.aggregator), terms))


def _unit(site: Site, world: World, area: _Area, said: Balancing, unit: UnitScenario) -> Made:
    prices, timeline = area.value_eur_per_kwh(), site.timeline
    terms = UnitTerms(
        unit=Unit(
            unit.capacity_kw, unit.least_kw, unit.cost_eur_per_kwh, unit.ramp_kw_per_min, unit.readiness_eur_per_kw_h, unit.markup_eur_per_kwh
        ),
        services=unit.sells,
        market=f"{said.tso}/{MARKET}",
        tso=said.tso,
        responsible=responsible(unit.name),
        days_ms=tuple(site.days_ms),
        offers_ms=_before(site, said, UNITS_BEFORE_S),
        block_ms=said.block_h * 3_600_000,
        step_ms=timeline.step_ms,
        cycle_s=float(said.signals.cycle_s),
        products=_terms(said),
        price_eur_per_kwh=lambda from_ms, to_ms: prices[timeline.steps(from_ms, to_ms)],
    )  # fmt: skip
    meter = area.meters.share([f"{unit.name}/assets"])
    party = role("reserve-unit")(world.seat(unit.name), terms, area.settings[unit.name], meter)
    return Made(
        party, [lambda: area.units.carry_out(world.clock.now_ms)], [lambda: area.units.advance(world.clock.now_ms)]
    )


def _responsible(site: Site, world: World, said: Balancing, seller: str) -> Made:
    """The party behind a seller; that of everybody else answers for nobody."""
    if seller == said.others:
        return Made(role("balance-responsible")(world.seat(seller), ResponsibleTerms(said.tso, {seller: seller})))
    to = f"{seller}/{PLATFORM}" if seller == said.aggregator else seller
    return Made(role("balance-responsible")(world.seat(responsible(seller)), ResponsibleTerms(said.tso, {seller: to})))


def _tso(site: Site, world: World, area: _Area, said: Balancing) -> Made:
    products = said.products()
    members = {pool.name: tuple(members_of(site.scenario, site.people, pool.name)) for pool in said.pools}
    sellers = {pool.name: f"{pool.name}/vpp" for pool in said.pools if not pool.small}
    if _small(said):
        sellers[said.aggregator] = f"{said.aggregator}/{PLATFORM}"
        members[said.aggregator] = tuple(home for pool in _small(said) for home in members[pool.name])
    pooled = sorted({f"{home}/assets" for name in sellers for home in members[name]})
    sellers |= {unit.name: unit.name for unit in said.units}
    members |= {unit.name: (unit.name,) for unit in said.units}
    terms = TsoTerms(
        days_ms=tuple(site.days_ms),
        gates_ms=_gates_ms(site, said),
        step_ms=site.timeline.step_ms,
        block_ms=said.block_h * 3_600_000,
        cycle_s=float(said.signals.cycle_s),
        needs_kw={name: one.need_kw for name, one in products.items()},
        products=_terms(said),
        tolerances={name: Tolerance(one.tolerance, one.penalty) for name, one in products.items()},
        sellers=sellers,
        members={name: members[name] for name in sellers},
        responsible={name: responsible(name) for name in sellers},
        others=said.others,
        value_eur_per_kwh=area.value_eur_per_kwh(),
    )
    physics = site.living.physics
    physics.submeters = MeterStore([f"{home}/assets" for home in site.people.names], site.timeline)
    own = area.meters.share(area.meters.names)
    party = role("balancing-tso")(world.seat(said.tso), terms, area.view, physics.submeters.share(pooled), own)
    return Made(party, [], [area.show(world)])
