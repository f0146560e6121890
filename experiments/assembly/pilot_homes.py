"""The homes of a pilot (SUC13.1): their people's preferences and wishes, what they have, and what the aggregator does not know of them."""

import numpy as np

from agents.home_terms import Site as HomeSite
from agents.household_devices import Devices
from agents.household_people import Preferences
from agents.household_terms import DEVICES, PLACES, Membership, Wish
from agents.prosumer_book import HomeBook
from environment.chance import name_hashes
from environment.messages.homes import DEVICE_KINDS, MODES
from environment.world import World
from experiments.assembly.people import HOMES
from experiments.assembly.roles import Made, role
from experiments.assembly.site import Site
from experiments.scenario.pilot import Pilot

CLOUD = "cloud-1"
HOUR_MS = 3_600_000


def sites(site: Site) -> list[HomeSite]:
    """Addresses of all homes and their devices."""
    people = site.people
    return [
        HomeSite(
            home, f"{home}/meter",
            {kind: f"{home}/{DEVICES[kind]}" if people.owns[kind][row] else "" for kind in DEVICE_KINDS},
        )
        for row, home in enumerate(people.names)
    ]  # fmt: skip


def households(site: Site, world: World) -> Made:
    """The population, with its control devices not installed yet."""
    living, people, directory = site.living, site.people, world.directory
    pilot = site.scenario.pilot
    assert pilot is not None
    places = sites(site)
    names = list(people.names)
    rated = _rated_kw(living.hems.book)
    device = np.full((len(PLACES), people.n), -1, np.int64)
    device[0] = directory.numbers([home.meter for home in places])
    for place, kind in enumerate(DEVICE_KINDS, start=1):
        device[place] = [directory.number(home.devices[kind]) if home.devices[kind] else -1 for home in places]
    book = living.hems.book
    membership = Membership(
        home=directory.numbers(names), device=device, aggregator=directory.number(pilot.names.aggregator),
        leader=directory.number(pilot.names.leader), database=directory.number(CLOUD),
        retailer=site.scenario.actors.retailer.name, surveys=_surveys(book, people.contracted_kw),
        tariff=[people.tariff_names[k] for k in people.tariff],
        appliances=[tuple(kind for kind in DEVICE_KINDS if people.owns[kind][row]) for row in range(people.n)],
        has_pv=people.owns["pv"], cloud_access=drawn(site, "cloud-access") < 0.5,
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


def drawn(site: Site, what: str, index: int = 0) -> np.ndarray:
    """A draw for each home by its name."""
    return np.asarray(site.chance.stream(f"pilot.{what}").uniform(name_hashes(site.people.names), index))


def _preferences(site: Site) -> Preferences:
    pilot, people = site.scenario.pilot, site.people
    assert pilot is not None
    return Preferences(
        interested=drawn(site, "interest") < pilot.admission.interested,
        cautious=drawn(site, "caution") < pilot.admission.cautious,
        control=people.consent, reservation_eur_per_kwh=people.drawn.reservation_eur_per_kwh,
        control_eur_per_year=_control_eur(site, pilot),
        comfort_c=people.drawn.comfort_c, comfort_width_k=people.drawn.comfort_width_k,
        tank_c=people.ratings["water_heater"]["set_c"], soc_share=people.ratings["ev"]["target_share"],
        setback_k=1.0 + 1.5 * drawn(site, "setback"),
    )  # fmt: skip


def _control_eur(site: Site, pilot: Pilot) -> np.ndarray:
    """What the people of each home want for others switching their devices, log-normal [EUR/a]."""
    said, names = pilot.admission, name_hashes(site.people.names)
    return np.asarray(
        said.control_eur_per_year
        * np.exp(said.control_spread * site.chance.stream("pilot.control-worth").normal(names))
    )


def _initial_modes(site: Site) -> np.ndarray:
    pilot = site.scenario.pilot
    assert pilot is not None
    edges = np.cumsum([pilot.modes.initial.get(mode, 0.0) for mode in MODES])
    table = [np.searchsorted(edges, drawn(site, "mode", kind), side="right") for kind in range(len(DEVICE_KINDS))]
    return np.minimum(np.array(table), len(MODES) - 1).astype(np.int8)


def wishes(site: Site) -> list[Wish]:
    """What people set and ask for during the run, drawn by name and day."""
    pilot = site.scenario.pilot
    assert pilot is not None
    found: list[Wish] = []
    for day, (from_ms, _) in enumerate(site.days_ms):
        found += _mode_changes(site, pilot, day, from_ms)
        shows = np.flatnonzero(drawn(site, "display", day) < pilot.modes.displays_per_day)
        hour = 7.0 + 15.0 * drawn(site, "display-hour", day)
        found += [Wish(from_ms + round(hour[row] * HOUR_MS), int(row), right="display") for row in shows]
    return sorted(found + _rights(site, pilot), key=lambda wish: (wish.at_ms, wish.row, wish.kind, wish.right))


def _mode_changes(site: Site, pilot: Pilot, day: int, from_ms: int) -> list[Wish]:
    """A device of a home is put into another mode for some hours."""
    kinds = np.minimum((drawn(site, "change-kind", day) * len(DEVICE_KINDS)).astype(int), len(DEVICE_KINDS) - 1)
    to = 1 + np.minimum((drawn(site, "change-mode", day) * 3).astype(int), 2)
    hour, lasts = 6.0 + 14.0 * drawn(site, "change-hour", day), 1.0 + 4.0 * drawn(site, "change-length", day)
    back = _initial_modes(site)
    found = []
    for row in np.flatnonzero(drawn(site, "change", day) < pilot.modes.changes_per_day).tolist():
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
    rows = np.flatnonzero(drawn(site, "rights") < pilot.modes.rights)
    when = first + ((0.2 + 0.6 * drawn(site, "rights-hour")) * (last - first)).astype(np.int64)
    return [
        Wish(int(when[row]), int(row), right=RIGHTS[place % len(RIGHTS)][0], purpose=RIGHTS[place % len(RIGHTS)][1])
        for place, row in enumerate(rows)
    ]


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
