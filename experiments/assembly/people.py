"""Scenario -> people: homes with their devices, habits, tariffs and contracts; plants; and what else is connected.

Every draw has the home's name as owner, so that one more home, or another share, leaves all others as they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.prosumer_book import HomeBook
from data.arrays import F64, I64, U64, Bool
from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.grid.model import Network, NetworkError
from environment.people import sampling, tariffs
from environment.people.hot_water import hot_water
from environment.people.household import Homes, homes, household_load_kw
from environment.people.mobility import Mobility, mobility
from environment.weather.pv_yield import pv_available_kw_per_kwp
from environment.weather.records import Weather
from experiments.assembly.history import Histories, draw
from experiments.scenario import Scenario
from experiments.scenario.people import NOBODY, HomesGroup, Plant
from experiments.scenario.world import ManualMode, Withdrawal

HOMES = "homes"
"""Party of the homes."""
PLANTS = "plants"
"""Party of the plants under contract."""
COLD_WATER_C = 12.0
"""Mean temperature of mains water: 8 to 20 degC over the year, 10 degC in the EU profiles."""
TANK_ROOM_C = 18.0
BATTERY_WEAR_EUR_PER_KWH = 0.02
"""Wear per delivered kWh: about 500 EUR/kWh over 6000 full cycles, of which a quarter is charged to use (judgement)."""
FLOW_AT_20_C = 25.0
"""Flow temperature of heating at 20 degC outside: the foot of the heating curve."""
LV_KV = 1.0
BLOCK = 4_096
"""Homes whose draws are made at once: bounds the memory."""


@dataclass(frozen=True)
class People:
    """Homes, sorted by name; devices as dense columns over homes.

    Attributes:
        drawn: persons, comfort and so on.
        tariff_names: tariffs in use.
        tariff: number of each home's tariff.
        prices: by tariff.
        contracted_kw: contracted power.
        bus: bus of each home.
        fsp: who serves each home, "nobody" for none.
        consent: lets its FSP act on its devices.
        automatic: HEMS in automatic mode.
        curtailable: its generation can be limited from outside.
        owns: device kind -> which homes own one.
        ratings: device kind -> columns over all homes (drawn for all, used where owned).
        load_kw: appliances and light, (homes, T).
        pv_kw: available generation, (homes, T), 0 without plant.
        cars: trips of the homes with a car.
        draw_kw: hot water, thermal, (homes, T).
        overrides: where people take over by hand, (homes, T).
        modes: step -> which homes are in automatic mode from then on, (homes,), where that changes.
        withdrawals: instant [ms] -> homes that take their consent back then, (homes,).
    """

    drawn: Homes
    tariff_names: tuple[str, ...]
    tariff: I64
    prices: tuple[tariffs.Prices, ...]
    contracted_kw: F64
    bus: I64
    fsp: tuple[str, ...]
    consent: Bool
    automatic: Bool
    curtailable: Bool
    owns: dict[str, Bool]
    ratings: dict[str, dict[str, F64]]
    load_kw: F64
    pv_kw: F64
    cars: Mobility
    draw_kw: F64
    overrides: Bool
    modes: dict[int, Bool]
    withdrawals: dict[int, Bool]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the homes."""
        return self.drawn.names

    @property
    def n(self) -> int:
        """Number of homes."""
        return len(self.drawn.names)


def contracted(scenario: Scenario) -> list[Plant]:
    """Plants under contract with a provider, in the order of their device addresses."""
    plants = [group.mv_plant for group in scenario.plants]
    return sorted((plant for plant in plants if plant.served_by != NOBODY), key=lambda plant: f"{plant.name}/der")


def members_of(scenario: Scenario, people: "People", fsp: str) -> list[str]:
    """Names of the homes and plants that a provider serves, in the order of their device addresses."""
    homes = [home for home, name in zip(people.names, people.fsp, strict=True) if name == fsp]
    plants = [plant.name for plant in contracted(scenario) if plant.served_by == fsp]
    return sorted(homes + plants, key=lambda member: f"{member}/der")


def build_people(
    scenario: Scenario, network: Network, calendar: Calendar, timeline: Timeline, weather: Weather, chance: Chance,
    histories: Histories | None = None,
) -> People:  # fmt: skip
    """All homes of a scenario; what takes long to draw is taken from ``histories`` where it was drawn for a run before."""
    drawn_once = draw if histories is None else histories.draw
    groups = scenario.homes
    names = [name for group in groups for name in group.names]
    order = np.argsort(np.array(names, str), kind="stable")
    names = [names[row] for row in order]
    member = np.repeat(np.arange(len(groups)), [group.homes.count for group in groups])[order]
    drawn = homes(chance, names, scenario.place.country)
    choice = _Choices(groups, names, member, chance)
    tariff_names, tariff = choice.named("tariff", [group.homes.tariff for group in groups])
    fsp_names, fsp = choice.named("contract", [group.served_by for group in groups])
    contracted = np.array([group.homes.contracted_kw for group in groups], np.float64)[member]
    owns = {
        kind: choice.below(f"owns.{kind}", [getattr(group.devices, kind) for group in groups])
        for kind in ("pv", "battery", "ev", "heat_pump", "water_heater")
    }
    ratings = _ratings(chance, drawn, contracted, owns, scenario.place.country)
    cars = mobility(chance, names, calendar, timeline, drawn.shift_h, ratings["ev"]["kwh"])
    automatic = choice.below("automatic", [group.automatic for group in groups])
    per_hour = timeline.hours / 24.0
    daily = np.array([group.override_per_day for group in groups])[member]
    able = (owns["ev"] | owns["water_heater"]).astype(np.float64)
    load_kw = drawn_once(
        household_load_kw, chance, names, drawn.persons, drawn.annual_kwh, calendar, timeline, weather, drawn.shift_h, drawn.level,
    )  # fmt: skip
    draw_kw = drawn_once(hot_water, chance, names, drawn.persons, calendar, timeline, drawn.shift_h).kwh
    draw_kw /= timeline.hours
    return People(
        drawn=drawn,
        tariff_names=tariff_names,
        tariff=tariff,
        prices=tuple(tariffs.prices(tariffs.tariff(name), calendar, timeline) for name in tariff_names),
        contracted_kw=contracted,
        bus=_buses(groups, network, choice),
        fsp=tuple(fsp_names[number] for number in fsp),
        consent=choice.below("consent", [group.consent for group in groups]),
        automatic=automatic,
        curtailable=choice.below("curtailable", [group.curtailable for group in groups]),
        owns=owns,
        ratings=ratings,
        load_kw=load_kw,
        pv_kw=_generation(scenario, owns["pv"], ratings["pv"], calendar, timeline, weather),
        cars=cars,
        draw_kw=draw_kw,
        overrides=_overrides(chance, names, able * daily * per_hour, timeline),
        modes=_modes(scenario, automatic, names, calendar, timeline, chance),
        withdrawals=_withdrawals(scenario, names, calendar, chance),
    )


def _overrides(chance: Chance, names: Sequence[str], share: F64, timeline: Timeline) -> Bool:
    """Steps in which people take over, with a probability for each home, (homes, T)."""
    stream, hashes = chance.stream("people.override"), _hashes(names)
    steps = (timeline.starts_ms // timeline.step_ms).astype(np.int64).view(np.uint64)
    found = np.empty((len(names), timeline.n), np.bool_)
    for first in range(0, len(names), BLOCK):
        rows = slice(first, first + BLOCK)
        found[rows] = stream.uniform(hashes[rows, None], steps[None, :]) < share[rows, None]
    return found


def _withdrawals(scenario: Scenario, names: Sequence[str], calendar: Calendar, chance: Chance) -> dict[int, Bool]:
    """When homes take their consent back, drawn by name."""
    stream, found = chance.stream("people.withdrawal"), dict[int, Bool]()
    for number, event in enumerate(scenario.events):
        if isinstance(event, Withdrawal):
            at_ms = event.starts.at(calendar, scenario.clock.start)
            homes = stream.uniform(_hashes(names), number) < event.withdraw
            found[at_ms] = homes | found.get(at_ms, np.zeros(len(names), bool))
    return found


def _modes(
    scenario: Scenario, automatic: Bool, names: Sequence[str], calendar: Calendar, timeline: Timeline, chance: Chance
) -> dict[int, Bool]:  # fmt: skip
    """When people switch their energy management to manual mode and back, from the first interval on that begins then."""
    stream = chance.stream("people.manual-mode")
    by_hand: list[tuple[int, int, Bool]] = []
    for number, event in enumerate(scenario.events):
        if isinstance(event, ManualMode):
            begin_ms, end_ms = event.between(calendar, scenario.clock.start, timeline.end_ms)
            begin, end = (-(-(at_ms - timeline.start_ms) // timeline.step_ms) for at_ms in (begin_ms, end_ms))
            by_hand.append((begin, end, stream.uniform(_hashes(names), number) < event.manual))
    edges = sorted({step for begin, end, _ in by_hand for step in (begin, end)})
    return {
        edge: automatic & ~np.any([homes & (begin <= edge < end) for begin, end, homes in by_hand], axis=0)
        for edge in edges
    }


class _Choices:
    """Draws by name of home, with the parameters of its group."""

    def __init__(self, groups: Sequence[HomesGroup], names: Sequence[str], member: I64, chance: Chance) -> None:
        self.groups = groups
        self.member = member
        self._chance = chance
        self._hash = _hashes(names)

    def below(self, stream: str, shares: Sequence[float]) -> Bool:
        """True with the share of the home's group."""
        return np.asarray(self._chance.stream(f"people.{stream}").uniform(self._hash) < np.array(shares)[self.member])

    def named(self, stream: str, shares: Sequence[dict[str, float]]) -> tuple[tuple[str, ...], I64]:
        """All names that any group uses, and the number of the one drawn for each home."""
        known = tuple(sorted({name for group in shares for name in group}))
        number = np.zeros(len(self.member), np.int64)
        for group, table in enumerate(shares):
            rows = np.flatnonzero(self.member == group)
            drawn = self._chance.stream(f"people.{stream}").choice(self._hash[rows], list(table.values()))
            number[rows] = np.array([known.index(name) for name in table], np.int64)[drawn]
        return known, number

    def placed(self, stream: str, weights: Sequence[F64]) -> I64:
        """A position drawn with the weights of the home's group."""
        place = np.zeros(len(self.member), np.int64)
        for group, weight in enumerate(weights):
            rows = np.flatnonzero(self.member == group)
            place[rows] = self._chance.stream(f"people.{stream}").choice(self._hash[rows], weight)
        return place


def _hashes(names: Sequence[str]) -> U64:
    from environment.chance import name_hashes

    return name_hashes(names)


def home_points(network: Network) -> I64:
    """Load points of the network where homes live: low-voltage household points, else low-voltage points, else all; of several networks each.

    Raises:
        NetworkError: the network has no loads.
    """
    loads = network.loads
    low = network.bus_kv[loads.bus] < LV_KV
    household = np.array([name.startswith("H0") for name in loads.profile], bool)
    found = []
    for own in _own_points(network).values():
        wanted = (own & low & household, own & low, own)
        found.append(next((np.flatnonzero(chosen) for chosen in wanted if chosen.any()), np.zeros(0, np.int64)))
    if not any(map(len, found)):
        text = f"network {network.name!r} has no loads: homes need load points to live at"
        raise NetworkError(text)
    return np.sort(np.concatenate(found))


def _own_points(network: Network) -> dict[str, Bool]:
    """Which load points are in each of the networks that were joined; all in one without name where there is one only."""
    if not network.island_of_bus:
        return {"": np.ones(len(network.loads), bool)}
    at = [network.island_of_bus[bus] for bus in network.loads.bus.tolist()]
    return {name: np.array([one == name for one in at], bool) for name in sorted(set(at))}


def _buses(groups: Sequence[HomesGroup], network: Network, choice: _Choices) -> I64:
    """Bus of each home: drawn among the points where homes live, by rated power or evenly; where a network is named, there."""
    points = home_points(network)
    rated = np.maximum(network.loads.p_kw[points], 1e-6)
    own = {name: inside[points].astype(np.float64) for name, inside in _own_points(network).items()}
    everywhere = np.ones(len(points))
    weights = [
        (rated if group.homes.spread == "by-load" else everywhere) * own.get(group.homes.dso or "", everywhere)
        for group in groups
    ]
    return np.asarray(network.loads.bus[points][choice.placed("bus", weights)], np.int64)


def _ratings(
    chance: Chance, drawn: Homes, contracted_kw: F64, owns: dict[str, Bool], country: str
) -> dict[str, dict[str, F64]]:
    names = drawn.names
    pv = sampling.pv_ratings(chance, names)
    building = sampling.building_ratings(chance, names, drawn.floor_m2)
    return {
        "pv": pv,
        "battery": sampling.battery_ratings(chance, names, np.where(owns["pv"], pv["kwp"], 0.0)),
        "ev": sampling.ev_ratings(chance, names, contracted_kw),
        "building": building,
        "heat_pump": sampling.heat_pump_ratings(chance, names, building["loss_kw_per_k"], drawn.comfort_c, country),
        "water_heater": sampling.water_heater_ratings(chance, names, drawn.persons),
    }


def _generation(
    scenario: Scenario, owns: Bool, ratings: dict[str, F64], calendar: Calendar, timeline: Timeline, weather: Weather
) -> F64:
    kw = np.zeros((len(owns), timeline.n))
    rows = np.flatnonzero(owns)
    if len(rows):
        per_kwp = pv_available_kw_per_kwp(
            scenario.place, calendar, timeline, weather, ratings["tilt_deg"][rows], ratings["azimuth_deg"][rows],
            ratings["losses_percent"][rows], ratings["dc_ac_ratio"][rows],
        )  # fmt: skip
        kw[rows] = per_kwp * ratings["kwp"][rows, None]
    return kw


def home_book(people: People, timeline: Timeline) -> HomeBook:
    """What the homes know of themselves."""
    ratings, owns = people.ratings, people.owns
    battery, ev, heater, pump, building = (
        ratings[kind] for kind in ("battery", "ev", "water_heater", "heat_pump", "building")
    )
    has = {kind: own.astype(np.float64) for kind, own in owns.items()}
    limit = (
        np.array([tariffs.tariff(people.tariff_names[k]).limit_kw(1.0) for k in people.tariff]) * people.contracted_kw
    )
    return HomeBook(
        names=people.names,
        hours=timeline.hours,
        tariff=people.tariff,
        buy_eur_per_kwh=np.array([prices.buy_eur_per_kwh for prices in people.prices]),
        sell_eur_per_kwh=np.array([prices.sell_eur_per_kwh for prices in people.prices]),
        limit_kw=limit,
        automatic=people.automatic,
        consent=people.consent,
        curtailable=people.curtailable,
        reservation_eur_per_kwh=people.drawn.reservation_eur_per_kwh,
        comfort_c=people.drawn.comfort_c,
        comfort_width_k=people.drawn.comfort_width_k,
        battery={
            "kwh": battery["kwh"] * has["battery"],
            "kw": battery["kw"] * has["battery"],
            "eta_charge": battery["eta_charge"],
            "eta_discharge": battery["eta_discharge"],
            "min_kwh": BATTERY_MIN_SHARE * battery["kwh"] * has["battery"],
            "max_kwh": battery["kwh"] * has["battery"],
            "wear_eur_per_kwh": np.full(people.n, BATTERY_WEAR_EUR_PER_KWH),
        },
        ev={
            "kw": ev["charger_kw"] * has["ev"],
            "kwh": np.where(owns["ev"], ev["kwh"], 1.0),
            "eta": ev["efficiency"],
            "target_share": ev["target_share"],
        },
        heater={
            "kw": heater["kw"] * has["water_heater"],
            "kwh_per_k": heater["litres"] * WATER_KWH_PER_L_K,
            "ua_kw_per_k": heater["loss_kw_per_k"],
            "set_c": heater["set_c"],
            "high_c": heater["set_c"] + TANK_ABOVE_SET_K,
            "ambient_c": np.full(people.n, TANK_ROOM_C),
        },
        house={
            "hp_kw": compressor_kw(people) * has["heat_pump"],
            "kwh_per_k": building["capacity_kwh_per_k"],
            "loss_kw_per_k": building["loss_kw_per_k"],
            "internal_kw": building["internal_gains_kw"],
            "aperture_m2": building["solar_aperture_m2"],
            "flow_c": pump["sink_c"],
            "flow_slope": (pump["sink_c"] - FLOW_AT_20_C) / 20.0,
            "fleet_factor": pump["fleet_factor"],
        },
    )


BATTERY_MIN_SHARE = 0.05
WATER_KWH_PER_L_K = 1.1628e-3
"""Heat capacity of a litre of water."""
TANK_ABOVE_SET_K = 10.0
"""How far above its set temperature a HEMS may heat a tank."""
DESIGN_C = 0.0
"""Outdoor temperature at which the heat pump's thermal rating is named (Rome)."""


def compressor_kw(people: People) -> F64:
    """Electric rating of each heat pump: its thermal rating over the COP at the design temperature (Staffell 2012)."""
    pump = people.ratings["heat_pump"]
    lift = np.clip(pump["sink_c"] - DESIGN_C, 15.0, 60.0)
    cop = pump["fleet_factor"] * (6.81 - 0.121 * lift + 0.000630 * lift**2)
    return np.asarray(pump["thermal_kw"] / cop, np.float64)
