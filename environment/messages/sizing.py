"""Messages of SUC01.1: sizing the DER of an energy community and comparing its business models.

Series run over a year in steps of equal length, lists of several dimensions are written row by row.
"""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]
CONSENTS = ("explicit", "none")


class StudyOrder(Record, frozen=True, kw_only=True):
    """The EC manager asks for one sizing with the assessment of its business models."""

    source: ClassVar[Source] = ()
    study: Annotated[str, Item("name of the study")]


class StudyStart(Record, frozen=True, kw_only=True):
    """The inputs of a study are together; whose data may be used."""

    source: ClassVar[Source] = ()
    study: Annotated[str, Item("name of the study")]
    members: Annotated[tuple[str, ...], Item("members who consented")]


class StudyRefusal(Record, frozen=True, kw_only=True):
    """A study cannot be made, with the reason."""

    source: ClassVar[Source] = ()
    study: Annotated[str, Item("name of the study")]
    reason: Annotated[str, Item("why, and the way out")]


class MemberDataRequest(Record, frozen=True, kw_only=True):
    """A member is asked for its data and its consent to their use."""

    source: ClassVar[Source] = ()
    purpose: Annotated[str, Item("what the data are wanted for")]


class MemberData(Record, frozen=True, kw_only=True):
    """A member's own data; without consent they are empty."""

    source: ClassVar[Source] = ()
    consent: Annotated[str, Item("consent to the use of the data", one_of=CONSENTS)]
    client: Annotated[str, Item("client type, LV or MV")]
    contracted_kw: Annotated[float, Item("contracted power", ge=0)]
    annual_kwh: Annotated[float, Item("energy of a year as billed", ge=0)]
    tariff: Annotated[str, Item("retail tariff")]
    metered_kw: Annotated[Profile, Item("mean load of each step, 0 where not metered")]
    known: Annotated[Profile, Item("1 where metered, else 0", ge=0, le=1)]


class DefinitionRequest(Record, frozen=True, kw_only=True):
    """The sizing asks for the definition of the community and its business models (request part of a GET)."""

    source: ClassVar[Source] = ()
    study: Annotated[str, Item("name of the study")]


class CommunityDefinition(Record, frozen=True, kw_only=True):
    """What the community is, who belongs to it by consent, and which business models are compared."""

    source: ClassVar[Source] = tuple(
        ("SUC01.1", item) for item in ("I-1", "I-2", "I-3", "I-6", "I-7", "I-9", "I-10", "I-11")
    )
    minimum_members: Annotated[int, Item("smallest size of the community", ge=1, catalogue="minimum size")]
    maximum_distance_m: Annotated[float, Item("largest distance between members", ge=0)]
    community_type: Annotated[str, Item("REC or CEC", one_of=("REC", "CEC"))]
    pricing: Annotated[str, Item("internal pricing mechanism")]
    pricing_weight: Annotated[float, Item("its weight or compensation, where it has one", ge=0, le=1)]
    members: Annotated[tuple[str, ...], Item("members whose data are used", catalogue="consumer ids")]
    consent: Annotated[str, Item("on which their data are used", one_of=("explicit",))]
    assets: Annotated[tuple[str, ...], Item("shared assets")]
    share: Annotated[Profile, Item("share of each member in each asset, assets x members [0..1]", ge=0, le=1)]
    models: Annotated[tuple[str, ...], Item("business models")]
    objectives: Annotated[tuple[str, ...], Item("objective of each")]
    ownerships: Annotated[tuple[str, ...], Item("ownership of each")]
    chosen: Annotated[tuple[str, ...], Item("whose profit is maximised, names joined by commas, of each")]
    cost_limit: Annotated[Profile, Item("what a year may cost at most, as a share of today's, of each", ge=0)]


class DerDataRequest(Record, frozen=True, kw_only=True):
    """The sizing asks for DER, costs and prices (request part of a GET)."""

    source: ClassVar[Source] = ()
    study: Annotated[str, Item("name of the study")]


class DerDataAndCosts(Record, frozen=True, kw_only=True):
    """Technologies with their costs, where plants stand and may be built, what members pay for energy."""

    source: ClassVar[Source] = tuple(("SUC01.1", item) for item in ("I-4", "I-5", "I-8", "I-11", "I-14", "I-17"))
    consent: Annotated[str, Item("on which members' assets and costs are used", one_of=("explicit",))]
    technologies: Annotated[tuple[str, ...], Item("technologies that may be built")]
    unit: Annotated[Profile, Item("capacity of a unit of each", ge=0)]
    capex_eur: Annotated[Profile, Item("investment for a unit of capacity", ge=0, catalogue="DER CAPEX")]
    grant_share: Annotated[Profile, Item("share of it that is granted", ge=0, le=1)]
    opex_eur: Annotated[Profile, Item("operation for a unit of capacity and year", ge=0, catalogue="DER OPEX")]
    lifetime_years: Annotated[Profile, Item("life of each", ge=0)]
    interest: Annotated[Profile, Item("interest on its capital", ge=0)]
    plants: Annotated[tuple[str, ...], Item("plants that stand or may be built")]
    plant_site: Annotated[tuple[str, ...], Item("member or shared site of each")]
    plant_technology: Annotated[tuple[str, ...], Item("technology of each")]
    existing: Annotated[Profile, Item("capacity that stands", ge=0)]
    most: Annotated[Profile, Item("capacity that may be added", ge=0, catalogue="capacity constraint")]
    sites: Annotated[tuple[str, ...], Item("members and shared sites")]
    site_tariff: Annotated[tuple[str, ...], Item("tariff of each")]
    contracted_kw: Annotated[Profile, Item("power that each may draw or feed in", ge=0)]
    tariffs: Annotated[tuple[str, ...], Item("tariffs published by retailers")]
    buy_eur_per_kwh: Annotated[
        Profile, Item("what each asks in each step, all included, tariffs x steps", catalogue="opportunity cost")
    ]
    sell_eur_per_kwh: Annotated[Profile, Item("what each pays for surplus, tariffs x steps")]
    inside_eur_per_kwh: Annotated[Profile, Item("charges on energy shared over the public grid, tariffs x steps", ge=0)]
    fixed_eur: Annotated[Profile, Item("fixed charges of a year at each site, for what is contracted", ge=0)]
    carbon_kg_per_kwh: Annotated[Profile, Item("average carbon intensity of the grid in each step", ge=0)]


class ConsumptionRequest(Record, frozen=True, kw_only=True):
    """Scenario preparation asks for a member's past consumption (request part of a GET)."""

    source: ClassVar[Source] = ()
    member: Annotated[str, Item("whose")]


class ConsumptionHistory(Record, frozen=True, kw_only=True):
    """A member's past consumption from its meter."""

    source: ClassVar[Source] = (("SUC01.1", "I-11"), ("SUC01.1", "I-12"))
    member: Annotated[str, Item("whose")]
    consent: Annotated[str, Item("on which it is used", one_of=("explicit",))]
    client: Annotated[str, Item("client type, LV or MV")]
    contracted_kw: Annotated[float, Item("contracted power", ge=0)]
    annual_kwh: Annotated[float, Item("energy of a year as billed", ge=0)]
    metered_kw: Annotated[Profile, Item("mean load of each step, 0 where not metered", catalogue="past measurements")]
    known: Annotated[Profile, Item("1 where metered, else 0", ge=0, le=1)]


class WeatherRequest(Record, frozen=True, kw_only=True):
    """Scenario preparation asks for the weather at the community's place (request part of a GET)."""

    source: ClassVar[Source] = ()
    study: Annotated[str, Item("name of the study")]


class LocalWeather(Record, frozen=True, kw_only=True):
    """A year's weather at the community's place."""

    source: ClassVar[Source] = (("SUC01.1", "I-13"),)
    temp_c: Annotated[Profile, Item("air temperature", catalogue="weather conditions")]
    ghi_wm2: Annotated[Profile, Item("global horizontal irradiance", ge=0)]
    dni_wm2: Annotated[Profile, Item("direct normal irradiance", ge=0)]
    dhi_wm2: Annotated[Profile, Item("diffuse horizontal irradiance", ge=0)]
    wind_ms: Annotated[Profile, Item("wind speed", ge=0)]


class ScenarioRequest(Record, frozen=True, kw_only=True):
    """The sizing asks for one completed series (request part of a GET)."""

    source: ClassVar[Source] = ()
    what: Annotated[
        str, Item("consumption, generation, or course of a device", one_of=("consumption", "generation", "device"))
    ]
    name: Annotated[str, Item("member, plant, or device")]


class CompletedProfile(Record, frozen=True, kw_only=True):
    """A member's consumption over a year without gaps."""

    source: ClassVar[Source] = (("SUC01.1", "I-15"),)
    member: Annotated[str, Item("whose")]
    client: Annotated[str, Item("client type, LV or MV", catalogue="client type")]
    contracted_kw: Annotated[float, Item("contracted power", ge=0)]
    annual_kwh: Annotated[float, Item("energy of the profile", ge=0, catalogue="annual total energy")]
    load_kw: Annotated[Profile, Item("mean load of each step", ge=0, catalogue="consumption profile")]


class SimulatedGeneration(Record, frozen=True, kw_only=True):
    """What a plant would generate over a year for each kWp."""

    source: ClassVar[Source] = (("SUC01.1", "I-16"),)
    plant: Annotated[str, Item("plant")]
    kw_per_kwp: Annotated[Profile, Item("mean power of each step", ge=0, catalogue="simulated generation")]


class DeviceCourse(Record, frozen=True, kw_only=True):
    """What a flexible device takes by itself over a year, and how far a control may leave that; the catalogue has no object for it."""

    source: ClassVar[Source] = ()
    device: Annotated[str, Item("device")]
    pieces: Annotated[int, Item("how many of them", ge=1)]
    base_kw: Annotated[Profile, Item("mean power of one by itself in each step", ge=0)]
    most_kw: Annotated[Profile, Item("greatest power of one in each step", ge=0)]
    gain: Annotated[Profile, Item("stored kWh for each kWh taken", ge=0)]
    low_kwh: Annotated[Profile, Item("least deviation of the content at the end of each step")]
    high_kwh: Annotated[Profile, Item("greatest", ge=0)]
    keep: Annotated[float, Item("share of a deviation that is left after a step", ge=0, le=1)]


class StudyDone(Record, frozen=True, kw_only=True):
    """The sizing tells that results can be fetched, and which."""

    source: ClassVar[Source] = ()
    models: Annotated[tuple[str, ...], Item("business models")]
    plants: Annotated[tuple[str, ...], Item("plants")]
    members: Annotated[tuple[str, ...], Item("members")]
    invested: Annotated[tuple[str, ...], Item("business models with an investor")]


class ResultRequest(Record, frozen=True, kw_only=True):
    """The results of a business model are asked for (request part of a GET)."""

    source: ClassVar[Source] = ()
    what: Annotated[
        str, Item("kind of result", one_of=("size", "schedule", "trade", "investment", "flexibility", "kpi"))
    ]
    model: Annotated[str, Item("business model")]
    name: Annotated[str, Item("plant or member; empty for the community")]


class DerSize(Record, frozen=True, kw_only=True):
    """How much of a plant is to be installed."""

    source: ClassVar[Source] = (("SUC01.1", "O-1"),)
    model: Annotated[str, Item("business model")]
    plant: Annotated[str, Item("plant")]
    units: Annotated[float, Item("number of units", ge=0)]
    capacity: Annotated[float, Item("capacity to install", ge=0, catalogue="size of each DER asset")]


class FlexibleSchedule(Record, frozen=True, kw_only=True):
    """The optimal operation of a plant on the representative days."""

    source: ClassVar[Source] = (("SUC01.1", "O-2"),)
    model: Annotated[str, Item("business model")]
    plant: Annotated[str, Item("plant")]
    power_kw: Annotated[
        Profile, Item("given (positive) or taken in each step", catalogue="schedule per flexible asset")
    ]


class InternalTrade(Record, frozen=True, kw_only=True):
    """What a member trades inside on the representative days, and at which price."""

    source: ClassVar[Source] = (("SUC01.1", "O-3"),)
    model: Annotated[str, Item("business model")]
    member: Annotated[str, Item("member or shared site")]
    traded_kwh: Annotated[Profile, Item("bought (positive) or sold in each step", catalogue="energy transacted")]
    price_eur_per_kwh: Annotated[
        Profile, Item("internal price, 0 where nothing is traded", catalogue="transaction price")
    ]


class InvestmentPlan(Record, frozen=True, kw_only=True):
    """What a member, or the community as a whole, invests, pays in a year, and paid before."""

    source: ClassVar[Source] = (("SUC01.1", "O-4"),)
    model: Annotated[str, Item("business model")]
    account: Annotated[str, Item("member or investor; community for all together")]
    investment_eur: Annotated[float, Item("investment, grants deducted", ge=0)]
    capital_eur: Annotated[float, Item("its annuity")]
    operation_eur: Annotated[float, Item("operation cost of a year: energy, fixed charges, upkeep")]
    total_eur: Annotated[float, Item("both")]
    today_eur: Annotated[float, Item("what energy costs in a year today")]


class LongTermFlexibility(Record, frozen=True, kw_only=True):
    """By how much the community could lower (up) or raise (down) its net load in each year of the horizon."""

    source: ClassVar[Source] = (("SUC01.1", "O-5"),)
    model: Annotated[str, Item("business model")]
    years: Annotated[int, Item("horizon", ge=1, catalogue="long-term horizon")]
    up_kw: Annotated[Profile, Item("years x steps", ge=0, catalogue="upward potential")]
    down_kw: Annotated[Profile, Item("years x steps", ge=0, catalogue="downward potential")]


class BusinessModelKpi(Record, frozen=True, kw_only=True):
    """The indicators of a business model; the catalogue has no information object for them."""

    source: ClassVar[Source] = ()
    model: Annotated[str, Item("business model")]
    indicators: Annotated[tuple[str, ...], Item("names")]
    values: Annotated[Profile, Item("values, 0 where undefined")]
    defined: Annotated[Profile, Item("1 where a value is defined, else 0", ge=0, le=1)]


class StudyReport(Record, frozen=True, kw_only=True):
    """The EC manager is told which business models were assessed, and the cost of each."""

    source: ClassVar[Source] = ()
    study: Annotated[str, Item("name of the study")]
    models: Annotated[tuple[str, ...], Item("business models")]
    total_eur: Annotated[Profile, Item("cost of a year of each")]


class MemberReport(Record, frozen=True, kw_only=True):
    """A member is told what a business model would mean for it."""

    source: ClassVar[Source] = ()
    model: Annotated[str, Item("business model")]
    investment_eur: Annotated[float, Item("investment", ge=0)]
    total_eur: Annotated[float, Item("cost of a year, capital and operation")]
    today_eur: Annotated[float, Item("cost of a year today")]
