"""The part of a pilot with a service for households (SUC13.1): households, aggregator, its cloud, leader, installers, outside parties."""

from datetime import timedelta
from functools import partial

import numpy as np

from agents.home_buyers import BuyerTerms, Reserve
from agents.home_planner import Planner
from agents.home_terms import HomeTerms, Round
from agents.home_terms import Site as HomeSite
from agents.household_devices import Devices
from agents.household_people import Preferences
from agents.households import DEVICES, PLACES, Membership, Wish
from agents.installer import InstallerTerms
from agents.pilot_leader import LeaderTerms
from agents.prosumer_book import HomeBook
from agents.service_developer import ServiceTerms, VirtualMarket
from environment.addresses import Address
from environment.chance import name_hashes
from environment.messages.homes import DEVICE_KINDS, MODES
from environment.units import MS_PER_DAY
from environment.weather.view import WeatherView
from environment.world import World
from experiments.build import Site
from experiments.build_people import HOMES
from experiments.build_roles import Made, Maker, role
from experiments.scenario_fields import DayTime, read_clock
from experiments.scenario_pilot import Pilot

CLOUD = "cloud-1"
HOUR_MS = 3_600_000


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
    for home in _sites(site):
        found += [
            Address(address, HOMES, ("device",), home.home, device=True)
            for address in (home.meter, *home.devices.values()) if address
        ]  # fmt: skip
    return found


def _sites(site: Site) -> list[HomeSite]:
    people = site.people
    return [
        HomeSite(
            home, f"{home}/meter",
            {kind: f"{home}/{DEVICES[kind]}" if people.owns[kind][row] else "" for kind in DEVICE_KINDS},
        )
        for row, home in enumerate(people.names)
    ]  # fmt: skip


def channels(site: Site) -> dict[str, str]:
    """Devices are reached over the meters' channel."""
    if pilot_of(site) is None:
        return {}
    return {address: "meters" for home in _sites(site) for address in (home.meter, *home.devices.values()) if address}


def makers(site: Site) -> list[Maker]:
    """Without coordination nobody of these acts, and the homes live as they always did."""
    pilot = pilot_of(site)
    if pilot is None or not site.scenario.coordination:
        return []
    site.living.physics.live = True
    installers = [partial(_installer, name=name) for name in pilot.names.installers]
    return [_households, _aggregator, _cloud, _leader, *installers, _service, _weather, _dso, _tso, _market]


# --- households ------------------------------------------------------------------------------------------------------


def _households(site: Site, world: World) -> Made:
    living, people, directory = site.living, site.people, world.directory
    pilot = site.scenario.pilot
    assert pilot is not None
    sites = _sites(site)
    names = list(people.names)
    rated = _rated_kw(living.hems.book)
    device = np.full((len(PLACES), people.n), -1, np.int64)
    device[0] = directory.numbers([home.meter for home in sites])
    for place, kind in enumerate(DEVICE_KINDS, start=1):
        device[place] = [directory.number(home.devices[kind]) if home.devices[kind] else -1 for home in sites]
    book = living.hems.book
    membership = Membership(
        home=directory.numbers(names), device=device, aggregator=directory.number(pilot.names.aggregator),
        leader=directory.number(pilot.names.leader), database=directory.number(CLOUD),
        retailer=site.scenario.actors.retailer.name, surveys=_surveys(book, people.contracted_kw),
        tariff=[people.tariff_names[k] for k in people.tariff],
        appliances=[tuple(kind for kind in DEVICE_KINDS if people.owns[kind][row]) for row in range(people.n)],
        has_pv=people.owns["pv"], cloud_access=_drawn(site, "cloud-access") < 0.5,
    )  # fmt: skip
    preferences = _preferences(site)
    modes = pilot.modes
    devices = Devices(
        rated_kw=rated, hysteresis_k=(modes.tank_hysteresis_k, modes.room_hysteresis_k),
        installed=np.zeros(people.n, bool), consent=np.zeros(people.n, bool), mode=_initial_modes(site),
        reference_c=np.array([preferences.tank_c, preferences.comfort_c]), schedule_c=preferences.schedule_c(),
    )  # fmt: skip
    party = role("households")(
        world.seat(HOMES), living.hems, living.physics.readings, living.physics.controls, membership, preferences, devices,
        people.overrides, wishes(site), float(pilot.control.tick_s), pilot.control.peak_percent / 100.0,
        pilot.control.surplus_kw,
    )  # fmt: skip
    return Made(party, [lambda: living.physics.carry_out(world.clock.now_ms)])


def _rated_kw(book: HomeBook) -> np.ndarray:
    return np.array([book.ev["kw"], book.battery["kw"], book.heater["kw"], book.house["hp_kw"]])


def _surveys(book: HomeBook, contracted_kw: np.ndarray) -> dict[str, np.ndarray]:
    """What homes can say of their appliances when they are asked."""
    found = {
        f"{name}_{column}": values
        for name in ("battery", "ev", "heater", "house")
        for column, values in getattr(book, name).items()
    }
    return found | {
        "contracted_kw": contracted_kw, "comfort_c": book.comfort_c, "comfort_width_k": book.comfort_width_k,
        "reservation_eur_per_kwh": book.reservation_eur_per_kwh,
    }  # fmt: skip


def _drawn(site: Site, what: str, index: int = 0) -> np.ndarray:
    """A draw for each home by its name."""
    return np.asarray(site.chance.stream(f"pilot.{what}").uniform(name_hashes(site.people.names), index))


def _preferences(site: Site) -> Preferences:
    pilot, people = site.scenario.pilot, site.people
    assert pilot is not None
    return Preferences(
        interested=_drawn(site, "interest") < pilot.admission.interested,
        cautious=_drawn(site, "caution") < pilot.admission.cautious,
        control=people.consent, reservation_eur_per_kwh=people.drawn.reservation_eur_per_kwh,
        comfort_c=people.drawn.comfort_c, comfort_width_k=people.drawn.comfort_width_k,
        tank_c=people.ratings["water_heater"]["set_c"], soc_share=people.ratings["ev"]["target_share"],
        setback_k=1.0 + 1.5 * _drawn(site, "setback"),
    )  # fmt: skip


def _initial_modes(site: Site) -> np.ndarray:
    pilot = site.scenario.pilot
    assert pilot is not None
    edges = np.cumsum([pilot.modes.initial.get(mode, 0.0) for mode in MODES])
    table = [np.searchsorted(edges, _drawn(site, "mode", kind), side="right") for kind in range(len(DEVICE_KINDS))]
    return np.minimum(np.array(table), len(MODES) - 1).astype(np.int8)


def wishes(site: Site) -> list[Wish]:
    """What people set and ask for during the run, drawn by name and day."""
    pilot = site.scenario.pilot
    assert pilot is not None
    found: list[Wish] = []
    for day, (from_ms, _) in enumerate(site.days_ms):
        found += _mode_changes(site, pilot, day, from_ms)
        shows = np.flatnonzero(_drawn(site, "display", day) < pilot.modes.displays_per_day)
        hour = 7.0 + 15.0 * _drawn(site, "display-hour", day)
        found += [Wish(from_ms + round(hour[row] * HOUR_MS), int(row), right="display") for row in shows]
    return sorted(found + _rights(site, pilot), key=lambda wish: (wish.at_ms, wish.row, wish.kind, wish.right))


def _mode_changes(site: Site, pilot: Pilot, day: int, from_ms: int) -> list[Wish]:
    """A device of a home is put into another mode for some hours."""
    kinds = np.minimum((_drawn(site, "change-kind", day) * len(DEVICE_KINDS)).astype(int), len(DEVICE_KINDS) - 1)
    to = 1 + np.minimum((_drawn(site, "change-mode", day) * 3).astype(int), 2)
    hour, lasts = 6.0 + 14.0 * _drawn(site, "change-hour", day), 1.0 + 4.0 * _drawn(site, "change-length", day)
    back = _initial_modes(site)
    found = []
    for row in np.flatnonzero(_drawn(site, "change", day) < pilot.modes.changes_per_day).tolist():
        at_ms = from_ms + round(hour[row] * HOUR_MS)
        kind = int(kinds[row])
        found.append(Wish(at_ms, row, kind, int(to[row])))
        found.append(Wish(at_ms + round(lasts[row] * HOUR_MS), row, kind, int(back[kind, row])))
    return found


RIGHTS = (
    ("access", ""),
    ("rectify", ""),
    ("withdraw", "control"),
    ("restrict", ""),
    ("erase", ""),
    ("withdraw", "flexibility"),
)


def _rights(site: Site, pilot: Pilot) -> list[Wish]:
    """Some people use a right over their data, in the middle of the run; which one goes by turns."""
    first, last = site.days_ms[0][0], site.days_ms[-1][1]
    rows = np.flatnonzero(_drawn(site, "rights") < pilot.modes.rights)
    when = first + ((0.2 + 0.6 * _drawn(site, "rights-hour")) * (last - first)).astype(np.int64)
    return [
        Wish(int(when[row]), int(row), right=RIGHTS[place % len(RIGHTS)][0], purpose=RIGHTS[place % len(RIGHTS)][1])
        for place, row in enumerate(rows)
    ]


# --- the aggregator and its cloud ----------------------------------------------------------------------------------


def _aggregator(site: Site, world: World) -> Made:
    pilot, people, timeline = site.scenario.pilot, site.people, site.timeline
    assert pilot is not None
    view = WeatherView.empty(timeline.n)
    planner = Planner(
        empty_book(site), site.calendar, timeline, view, site.chance.stream("pilot.restart"), ("up", "down"),
        audit_every=pilot.control.audit_every,
    )  # fmt: skip
    terms = _terms(site, pilot)
    del people
    return Made(role("home-aggregator")(world.seat(pilot.names.aggregator), terms, planner, view))


def empty_book(site: Site) -> HomeBook:
    """A book of homes of which nothing is known: no device, no preference; tariffs are public."""
    known = site.living.hems.book
    n = known.n
    neutral = {"eta_charge", "eta_discharge", "eta", "target_share", "kwh_per_k", "fleet_factor"}

    def blank(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: np.full(n, 1.0 if name in neutral else 0.0) for name in columns}

    ev = blank(known.ev) | {"kwh": np.ones(n)}
    heater = blank(known.heater) | {
        "set_c": np.full(n, 55.0),
        "high_c": np.full(n, 65.0),
        "ambient_c": np.full(n, 18.0),
    }
    return HomeBook(
        names=tuple(f"household-{row:04d}" for row in range(n)), hours=known.hours, tariff=np.zeros(n, np.int64),
        buy_eur_per_kwh=known.buy_eur_per_kwh, sell_eur_per_kwh=known.sell_eur_per_kwh, limit_kw=np.full(n, 1e3),
        automatic=np.ones(n, bool), consent=np.ones(n, bool), curtailable=np.zeros(n, bool),
        reservation_eur_per_kwh=np.zeros(n), comfort_c=np.full(n, 20.0), comfort_width_k=np.ones(n), battery=blank(known.battery),
        ev=ev, heater=heater, house=blank(known.house) | {"loss_kw_per_k": np.full(n, 0.2)},
    )  # fmt: skip


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
    late = _drawn(site, "late") < pilot.admission.late
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
        sites=_sites(site), rounds=rounds(site), leader=pilot.names.leader, installers=pilot.names.installers, database=CLOUD,
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
    sources = {"weather": pilot.names.weather, "grid": site.scenario.actors.dso.name, "market": pilot.names.market}
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
        database=CLOUD, devices={home.home: home.devices for home in _sites(site)}, days_ms=_days(site)[1:], market=market,
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
