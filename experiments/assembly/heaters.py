"""The part of retrofitted water heaters: installer, consumers, controller modules, and the EMS."""

import numpy as np

from agents.consumers import Households
from agents.controller_modules import Hardware
from agents.ems import EmsTerms
from agents.ems_memory import PURPOSES
from agents.retrofit_installer import InstallerTerms, Job
from agents.strategies.retrofit import SERVICES, Eligibility
from agents.strategies.tank_model import Learning
from agents.strategies.tank_services import Comfort
from data.arrays import I64, Bool
from environment.addresses import Address
from environment.chance import name_hashes
from environment.instruments import Controls
from environment.world import World
from experiments.assembly.people import HOMES, TANK_ABOVE_SET_K
from experiments.assembly.roles import Made, Maker, role
from experiments.assembly.site import Site
from experiments.assembly.tanks import around
from experiments.scenario.heaters import Heaters

MODULES = "modules"
"""Party of all controller modules and what is wired to them."""
BEGINS_H, VISIT_H = 8.0, 1.0
FITS_S, WAITS_S = 1800.0, 120.0
"""Half an hour to fit module and probes; two minutes until first values are there."""


def addresses(site: Site) -> list[Address]:
    """Installer and app, operator and EMS, and at every home the module and what is wired to it."""
    said = site.scenario.heaters
    if said is None:
        return []
    installer, operator = said.installation.installer, said.operator
    found = [Address(installer, installer, ("installer",), installer), Address(operator, operator, ("fsp",), operator)]
    found.append(Address(f"{installer}/installation-app", installer, ("installation-app",), installer))
    found.append(Address(f"{operator}/ems", operator, ("ems",), operator))
    for home in site.people.names:
        for device, actor in DEVICES.items():
            found.append(Address(f"{home}/{device}", MODULES, (actor,), home, device=True))
    return found


DEVICES = {
    "module": "controller-module",
    "sensor": "sensor",
    "tank": "thermal-load",
    "household-meter": "household-meter",
}
"""Devices at a home, and the actors of the catalogue that they are."""


def channels(site: Site) -> dict[str, str]:
    """Modules talk over the mobile network, like meters."""
    homes = site.people.names if site.scenario.heaters else ()
    return {f"{home}/{device}": "meters" for home in homes for device in ("module", "sensor", "household-meter")}


def makers(site: Site) -> list[Maker]:
    """In the twin only the people act, who pay their bills: its water heaters are their thermostats'."""
    if site.scenario.heaters is None:
        return []
    return [_consumers, _modules, _ems, _installer] if site.scenario.coordination else [_consumers]


def _said(site: Site) -> Heaters:
    assert site.scenario.heaters is not None
    return site.scenario.heaters


def _below(site: Site, what: str, share: float, index: int = 0) -> Bool:
    """Homes to which something applies, drawn by name, (homes,)."""
    hashes = name_hashes(site.people.names)
    return np.asarray(site.chance.stream(f"heaters.{what}").uniform(hashes, index) < share)


def _metered(site: Site) -> Bool:
    return _below(site, "household-meter", _said(site).installation.household_meter)


def _consumers(site: Site, world: World) -> Made:
    said, people, physics = _said(site), site.people, site.living.physics
    wants = {name: _below(site, f"wants.{name}", getattr(said.services, name.replace("-", "_"))) for name in SERVICES}
    start = site.days_ms[0][0]
    requests = tuple(
        (start + (one.day - 1) * 86_400_000 + ASKS_AT_MS, one.right, _below(site, "requests", one.share, number))
        for number, one in enumerate(said.requests if site.scenario.coordination else ())
    )
    step_ms, first_ms = site.timeline.step_ms, site.timeline.start_ms
    households = Households(
        names=people.names,
        persons=np.asarray(people.drawn.persons, np.int64),
        tariff=tuple(people.tariff_names[k] for k in people.tariff),
        own_generation=people.owns["pv"].copy(),
        contracted_kw=people.contracted_kw.copy(),
        signs=people.consent.copy(),
        wants_copy=_below(site, "hard-copy", said.installation.hard_copy),
        wants=tuple(tuple(name for name in SERVICES if wants[name][row]) for row in range(people.n)),
        manual=~people.automatic,
        withdrawals=people.withdrawals if site.scenario.coordination else {},
        modes={first_ms + step * step_ms: homes for step, homes in people.modes.items()},
        requests=requests,
        ems=f"{said.operator}/ems",
        retailer=site.scenario.actors.retailer.name,
    )
    controls = Controls()
    party = role("consumers")(world.seat(HOMES), households, controls)
    return Made(party, [lambda: physics.carry_out(world.clock.now_ms, controls)])


ASKS_AT_MS = 19 * 3_600_000
"""People see to their data in the evening."""


def _modules(site: Site, world: World) -> Made:
    said, people, directory = _said(site), site.people, world.directory
    work, tries = said.installation, range(said.installation.attempts)

    def numbers(device: str) -> I64:
        return directory.numbers([f"{home}/{device}" for home in people.names])

    hardware = Hardware(
        homes=people.names, module=numbers("module"), sensor=numbers("sensor"), tank=numbers("tank"),
        meter=np.where(_metered(site), numbers("household-meter"), -1), ems=directory.number(f"{said.operator}/ems"),
        heater_kw=people.ratings["water_heater"]["kw"].copy(),
        two_probes=_below(site, "two-probes", work.two_probes),
        dead_radio=np.array([_below(site, "dead-radio", work.dead_radio, k) for k in tries]).T,
        mute_probe=np.array([_below(site, "mute-probe", work.mute_probe, k) for k in tries]).T,
        offline=around(site.scenario, people, site.timeline, site.chance).offline,
    )  # fmt: skip
    physics, controls = site.living.physics, Controls()
    party = role("controller-modules")(world.seat(MODULES), hardware, site.timeline, physics.readings, controls)
    return Made(party, [lambda: physics.carry_out(world.clock.now_ms, controls)])


def _ems(site: Site, world: World) -> Made:
    said, people = _said(site), site.people
    prices = {
        name: (one.buy_eur_per_kwh, one.sell_eur_per_kwh)
        for name, one in zip(people.tariff_names, people.prices, strict=True)
    }
    terms = EmsTerms(
        customers=people.names,
        module=world.directory.numbers([f"{home}/module" for home in people.names]),
        days_ms=site.days_ms,
        training_days=said.training_days,
        trains_every_s=said.trains_every_min * 60.0,
        reports_every_s=said.reports_every_min * 60.0,
        plans_every_s=said.plans_every_h * 3600.0,
        horizon_s=said.horizon_h * 3600.0,
        command_intervals=said.command_intervals,
        learning=Learning(room_c=said.room_c, memory_days=said.memory_days, reserve_quantile=said.reserve_quantile),
        comfort=Comfort(said.comfort_c, said.hygiene_c, said.hygiene_days),
        peak_share=said.peak_limit,
        prices=prices,
        personal_days=said.personal_days,
        measurement_days=said.measurement_days,
    )
    return Made(role("ems")(world.seat(said.operator), site.timeline, terms))


def _installer(site: Site, world: World) -> Made:
    said = _said(site)
    work = said.installation
    terms = InstallerTerms(
        ems=f"{said.operator}/ems", attempts=work.attempts, fits_s=FITS_S, waits_s=WAITS_S, trained=work.trained,
        purposes=PURPOSES, personal_days=said.personal_days, measurement_days=said.measurement_days,
    )  # fmt: skip
    return Made(role("retrofit-installer")(world.seat(work.installer), _jobs(site), terms))


def _jobs(site: Site) -> list[Job]:
    """A visit for every home, in the order of names; where one is not eligible the appointment is left free."""
    said, people, start = _said(site), site.people, site.days_ms[0][0]
    work = said.installation
    metered, clock = _metered(site), _below(site, "own-clock", work.own_clock)
    network, recruited = _below(site, "4g", work.coverage_4g), _below(site, "recruited", work.recruited)
    rating = people.ratings["water_heater"]
    jobs = []
    for row, home in enumerate(people.names):
        day, place = divmod(row, work.visits_per_day)
        at_ms = start + day * 86_400_000 + round((BEGINS_H + place * VISIT_H * 10.0 / work.visits_per_day) * 3_600_000)
        devices = {f"{home}/module": "controller module", f"{home}/sensor": "temperature probe"}
        devices |= {f"{home}/household-meter": "household meter"} if metered[row] else {}
        eligibility = Eligibility(
            heater_ready=bool(people.owns["water_heater"][row]), own_clock=bool(clock[row]), network_4g=bool(network[row]),
            controllers_ready=True, recruited=bool(recruited[row]), scheduled=at_ms < site.days_ms[-1][1],
        )  # fmt: skip
        litres, kw, set_c = (float(rating[key][row]) for key in ("litres", "kw", "set_c"))
        left_out = _forgotten(site, devices)
        jobs.append(Job(home, at_ms, devices, litres, kw, set_c + TANK_ABOVE_SET_K, eligibility, left_out))
    return jobs


def _forgotten(site: Site, devices: dict[str, str]) -> list[frozenset[str]]:
    """Devices left out of the app at each attempt, drawn by their names."""
    work = _said(site).installation
    names = list(devices)
    stream = site.chance.stream("heaters.forgotten")
    draws = [stream.uniform(name_hashes(names), attempt) < work.forgotten for attempt in range(work.attempts)]
    return [frozenset(name for name, left in zip(names, drawn, strict=True) if left) for drawn in draws]
