"""Study -> world: the year's data of the community, its parties and their addresses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

import data
from agents.sizing_integration import Archive, Integration
from agents.sizing_people import INTEGRATION, PREPARATION, SIZING, Consumers, EcManager, MemberFile
from agents.sizing_preparation import Preparation, PublicData, Roof
from agents.sizing_results import StudyTerms
from agents.sizing_service import DerSizing
from agents.strategies.sizing_community import Technology
from agents.strategies.sizing_problem import BatteryKind, Kind
from agents.strategies.study_year import StudyYear
from data.arrays import F64
from environment.addresses import Address, Directory
from environment.bus import Bus
from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.channels import Channel, Delay
from environment.messages.sizing import CommunityDefinition, DerDataAndCosts, LocalWeather, MemberData
from environment.people import tariffs
from environment.people.carbon import carbon_g_per_kwh
from environment.weather.records import Site as WeatherSite
from environment.weather.records import Weather
from environment.weather.sources import data_files, weather_for
from environment.world import World
from experiments.assembly.sizing_devices import controls, devices
from experiments.scenario.library import rule
from experiments.sizing.history import consumption, typical
from experiments.sizing.parts import Technology as TechnologyCost
from experiments.sizing.study import Asset, Member, Study
from experiments.usecases import permissions_of_records
from markets.community_rules import Placed

MANAGER = "ec-manager-1"
SERVICES = (INTEGRATION, PREPARATION, SIZING)
MEMBERS = "members"
HOUR_MS = 3_600_000
WORKING_DAY_MS = 24 * HOUR_MS
_WEIGHTED = {"intermediate-rate": "weight", "supply-demand-ratio": "compensation"}
Told = Callable[[str, float, float], None]


@dataclass
class StudySite:
    """A study with its data, before anybody lives in it.

    Attributes:
        study: the study.
        seed: of all chance.
        year: of the data.
        calendar: of the world in which the study is made.
        weather: of the year.
        metered_kw: what meters read, by member, shape (T,), 0 where unknown.
        known: which steps were metered.
        typical_kw: typical profile of each member.
    """

    study: Study
    seed: int
    year: StudyYear
    calendar: Calendar
    weather: Weather
    metered_kw: dict[str, F64]
    known: dict[str, Any]
    typical_kw: dict[str, F64]
    notices: list[str] = field(default_factory=list)


def build_study(study: Study, seed: int, told: Told = lambda stage, done, total: None) -> StudySite:
    """The data of a study: calendar, weather, histories."""
    told("data", 0, 3)
    year = study_year(study)
    place = weather_site(study)
    chance = Chance(seed)
    weather = weather_for(place, year.calendar, year.timeline, chance)
    told("data", 1, 3)
    metered, known = consumption(study, year, weather, chance)
    told("data", 2, 3)
    shapes = typical(study.members, year)
    zone = ZoneInfo(study.place.timezone)
    begins = datetime.combine(study.made_on, time(9), tzinfo=zone)
    told("data", 3, 3)
    return StudySite(study, seed, year, Calendar(begins, zone), weather, metered, known, shapes, _notices(study, place))


def study_year(study: Study) -> StudyYear:
    """The year of a study's data in steps of an hour."""
    zone, number = ZoneInfo(study.place.timezone), study.profiles.year
    begins, ends = (
        datetime.combine(date(one, 1, 1), time(0), tzinfo=zone).astimezone(UTC) for one in (number, number + 1)
    )
    hours = round((ends - begins).total_seconds() / 3600.0)
    calendar = Calendar(begins, zone, tariffs.holidays(study.place.country, {number}))
    return StudyYear(calendar, Timeline(0, HOUR_MS, hours))


def weather_site(study: Study) -> WeatherSite:
    """Where weather is asked for."""
    place = study.place
    return WeatherSite(
        place.city, place.latitude, place.longitude, place.altitude_m, place.weather, place.irradiance_scale
    )


def _notices(study: Study, place: WeatherSite) -> list[str]:
    files = [*data_files(place), "profiles/simbench_2016.parquet", "profiles/co2_month_hour.parquet"]
    found = []
    for name in files:
        text = (data.path(*f"{name}.license".split("/"))).read_text("utf-8")
        notice = text.partition("Notice:")[2] or text.partition("Source:")[2]
        found.append(" ".join(notice.split()))
    return found


# --- world ------------------------------------------------------------------------------------------------------------------


def build_study_world(site: StudySite, told: Told = lambda stage, done, total: None) -> World:
    """The world in which the study is made."""
    directory = Directory(_addresses(site))
    direct = Channel("direct", Delay("uniform", 1.0, 2.0))
    bus = Bus(
        directory,
        Chance(site.seed),
        permissions_of_records(),
        {},
        {},
        direct,
        Channel("internal", Delay("constant", 0.1, 0.1)),
        authenticate=True,
    )
    world = World(directory, bus)
    integration, preparation, sizing = (f"{MANAGER}/{name}" for name in SERVICES)
    study = site.study
    world.add(EcManager(world.seat(MANAGER), study.name, integration))
    world.add(Consumers(world.seat(MEMBERS), {member.name: _file(site, member) for member in study.members}))
    world.add(Integration(world.seat("ec-integration"), _archive(site), preparation, sizing))
    world.add(Preparation(world.seat("ec-preparation"), _public(site), integration))
    rules = {
        name: partial(_price_rule, name)
        for name in ("mid-market-rate", "intermediate-rate", "supply-demand-ratio", "post-delivery-pool")
    }
    world.add(DerSizing(world.seat("ec-sizing"), _terms(site), rules, integration, preparation, told))
    return world


def _price_rule(name: str, weight: float) -> Any:
    function = rule("internal-price", name)
    key = _WEIGHTED.get(name)
    return partial(function, **{key: weight}) if key else function


def _addresses(site: StudySite) -> list[Address]:
    found = [Address(MANAGER, MANAGER, ("ec-manager",), MANAGER)]
    found.append(Address(f"{MANAGER}/ec-management-platform", MANAGER, ("ec-management-platform",), MANAGER))
    parties = ("ec-integration", "ec-preparation", "ec-sizing")
    found += [
        Address(f"{MANAGER}/{name}", party, (name,), MANAGER) for name, party in zip(SERVICES, parties, strict=True)
    ]
    return found + [Address(member.name, MEMBERS, ("consumer",), member.name) for member in site.study.members]


def _file(site: StudySite, member: Member) -> MemberFile:
    known = site.known[member.name].astype(np.float64)
    told = MemberData(
        consent="explicit", client=member.client, contracted_kw=member.contracted_kw,
        annual_kwh=member.annual_kwh or 0.0, tariff=member.tariff, metered_kw=site.metered_kw[member.name], known=known,
    )  # fmt: skip
    return MemberFile(told, member.consent)


def _archive(site: StudySite) -> Archive:
    study = site.study
    places = {one.name: Placed(one.name, one.position.x_m, one.position.y_m) for one in study.sites}
    weather = LocalWeather(
        temp_c=site.weather.temp_c, ghi_wm2=site.weather.ghi_wm2, dni_wm2=site.weather.dni_wm2, dhi_wm2=site.weather.dhi_wm2,
        wind_ms=site.weather.wind_ms,
    )  # fmt: skip
    names = tuple(sorted(member.name for member in study.members))
    return Archive(study.name, names, places, partial(_define, study), partial(_costs, site), weather)


def _define(study: Study, given: tuple[str, ...]) -> CommunityDefinition:
    models = study.business_models
    return CommunityDefinition(
        minimum_members=study.community.minimum_members,
        maximum_distance_m=study.community.maximum_distance_m,
        community_type=study.community.type,
        pricing=study.community.pricing,
        pricing_weight=study.community.weight,
        members=given,
        consent="explicit",
        assets=tuple(asset.name for asset in study.assets),
        share=np.array([_shares(asset, given) for asset in study.assets], np.float64).ravel(),
        models=tuple(model.name for model in models),
        objectives=tuple(model.objective for model in models),
        ownerships=tuple(model.ownership for model in models),
        chosen=tuple(",".join(model.profit_of) for model in models),
        cost_limit=np.array([model.cost_limit for model in models]),
    )


def _shares(asset: Asset, given: Sequence[str]) -> list[float]:
    """Shares of the members who take part; those of others go to them in proportion, equal ones where none of them owns any."""
    owned = [asset.owners.get(name, 0.0) if asset.owners else 1.0 for name in given]
    total = sum(owned)
    return [share / total for share in owned] if total > 0.0 else [1.0 / len(given)] * len(given)


def _costs(site: StudySite, given: tuple[str, ...]) -> DerDataAndCosts:
    study = site.study
    sites: list[Member | Asset] = [one for one in study.sites if isinstance(one, Asset) or one.name in given]
    kinds = _kinds(study)
    plants: list[tuple[str, str, str, float, float]] = [
        (f"{one.name}/{kind}", one.name, kind, existing, most)
        for one in sites
        for kind, existing, most in (
            ("pv", one.pv.existing_kwp, one.pv.most_kwp),
            ("battery", one.battery.existing_kwh, one.battery.most_kwh),
        )
        if existing > 0.0 or most > 0.0
    ]
    plants += [control for one in sites for control in controls(one)]
    priced = {_tariff_key(one): one for one in sites}
    prices = {key: _prices(site, one) for key, one in sorted(priced.items())}
    return DerDataAndCosts(
        consent="explicit",
        technologies=tuple(kinds),
        unit=np.array([kind.unit for kind in kinds.values()]),
        capex_eur=np.array([kind.capex_eur for kind in kinds.values()]),
        grant_share=np.array([kind.grant_share for kind in kinds.values()]),
        opex_eur=np.array([kind.opex_eur for kind in kinds.values()]),
        lifetime_years=np.array([kind.lifetime_years for kind in kinds.values()]),
        interest=np.array([study.interest if kind.interest is None else kind.interest for kind in kinds.values()]),
        plants=tuple(plant[0] for plant in plants),
        plant_site=tuple(plant[1] for plant in plants),
        plant_technology=tuple(plant[2] for plant in plants),
        existing=np.array([plant[3] for plant in plants]),
        most=np.array([plant[4] for plant in plants]),
        sites=tuple(one.name for one in sites),
        site_tariff=tuple(_tariff_key(one) for one in sites),
        contracted_kw=np.array([one.contracted_kw if isinstance(one, Member) else one.connection_kw for one in sites]),
        tariffs=tuple(prices),
        buy_eur_per_kwh=np.concatenate([buy for buy, _, _ in prices.values()]),
        sell_eur_per_kwh=np.concatenate([sell for _, sell, _ in prices.values()]),
        inside_eur_per_kwh=np.concatenate([inside for _, _, inside in prices.values()]),
        fixed_eur=np.array([_fixed_eur(one) for one in sites]),
        carbon_kg_per_kwh=carbon_g_per_kwh(study.place.country, site.year.calendar, site.year.timeline) / 1000.0,
    )


def _kinds(study: Study) -> dict[str, TechnologyCost]:
    """The technologies of a study by name; those of flexible devices where there are any."""
    one = study.technologies
    found: dict[str, TechnologyCost] = {"pv": one.pv, "battery": one.battery}
    pieces: dict[str, TechnologyCost] = {
        "heat-pump-control": one.heat_pump_control, "water-heater-control": one.water_heater_control, "charger": one.charger,
    }  # fmt: skip
    used = {control.technology for site in study.sites for control in controls(site)}
    return found | {name: kind for name, kind in pieces.items() if name in used}


def _tariff_key(one: Member | Asset) -> str:
    """Members of one tariff whose surplus is paid differently have different prices."""
    surplus = one.surplus_eur_per_kwh if isinstance(one, Member) else None
    return one.tariff if surplus is None else f"{one.tariff}, surplus {surplus:g}"


def _prices(site: StudySite, one: Member | Asset) -> tuple[F64, F64, F64]:
    """Buying price, selling price and charges on shared energy of each step."""
    tariff = tariffs.tariff(one.tariff)
    found = tariffs.prices(tariff, site.year.calendar, site.year.timeline)
    sell = found.sell_eur_per_kwh
    if isinstance(one, Member) and one.surplus_eur_per_kwh is not None:
        sell = np.full_like(sell, one.surplus_eur_per_kwh)
    network = found.parts["dso"]
    inside = (network + tariff.tax_eur(network)) * site.study.community.inside_network_share
    return found.buy_eur_per_kwh, sell, inside


def _fixed_eur(one: Member | Asset) -> float:
    """Fixed charges of a year; a shared site has no contract for consumption and pays what a point pays."""
    kw = one.contracted_kw if isinstance(one, Member) else 0.0
    return sum(tariffs.tariff(one.tariff).fixed_eur(kw, 365.0).values())


def _public(site: StudySite) -> PublicData:
    study = site.study
    roofs = tuple(
        Roof(f"{one.name}/pv", one.name if isinstance(one, Member) else "", one.pv.tilt_deg, one.pv.azimuth_deg)
        for one in study.sites
        if one.pv.existing_kwp > 0.0 or one.pv.most_kwp > 0.0
    )
    return PublicData(
        site.year,
        weather_site(study),
        roofs,
        site.typical_kw,
        study.profiles.most_missing,
        devices(study, site.year, Chance(site.seed)),
    )


def _terms(site: StudySite) -> StudyTerms:
    study = site.study
    battery = study.technologies.battery
    how = BatteryKind(
        battery.kw_per_kwh,
        battery.efficiency_one_way,
        battery.efficiency_one_way,
        battery.usable,
        battery.wear_eur_per_kwh,
    )
    technologies = {name: _technology(name, one, study.interest, how) for name, one in _kinds(study).items()}
    limits = {"pv": study.community.expansion_kwp, "battery": study.community.expansion_kwh}
    pools = {name: most for name, most in limits.items() if most is not None}
    return StudyTerms(
        site.year, study.profiles.representative_days, study.profiles.extreme_days, technologies, pools, study.horizon_years,
        study.interest, study.front_points, study.whole_units, study.flexibility_h,
    )  # fmt: skip


def _technology(name: str, one: TechnologyCost, interest: float, how: BatteryKind) -> Technology:
    kind: Kind = "pv" if name == "pv" else "battery" if name == "battery" else "control"
    return Technology(
        kind, one.unit, one.capex_eur, one.grant_share, one.opex_eur, one.lifetime_years, interest, one.embodied_kg, one.fade,
        how if kind == "battery" else None,
    )  # fmt: skip
