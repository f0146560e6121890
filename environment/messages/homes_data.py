"""Messages of SUC13.1 about data: what households set and measure, what is stored, forecast and shown, and people's rights over it."""

from typing import Annotated, ClassVar

import numpy as np

from data.arrays import F64, Bool
from environment.messages.base import Item, Profile, Record
from environment.messages.homes import DEVICE_KINDS

Source = tuple[tuple[str, str], ...]


def _of(*items: str) -> Source:
    return tuple(("SUC13.1", item) for item in items)


NONE = -1e9
"""Stands for no value in a message, which has finite numbers only."""


def given(values: F64) -> Bool:
    """Which values of a message are there."""
    return np.asarray(values != NONE)


RIGHTS = ("withdraw", "access", "rectify", "restrict", "erase")
"""What a person may ask about the own data (GDPR-3), and the withdrawal of consent (GDPR-1)."""


class UserPreferences(Record, frozen=True, kw_only=True):
    """What a household wants of its devices, as it stands now."""

    source: ClassVar[Source] = _of("1")
    modes: Annotated[
        tuple[str, ...], Item("mode of each device kind, in their order", catalogue="device_operation_mode")
    ]
    schedule_c: Annotated[
        Profile,
        Item("offset of the temperature reference by hour of the day in manual mode", catalogue="manual_mode_schedule"),
    ]
    tank_c: Annotated[float, Item("temperature reference of the tank", catalogue="temperature_references")]
    room_c: Annotated[float, Item("temperature reference of the rooms", catalogue="temperature_references")]
    room_width_k: Annotated[float, Item("how far the rooms may leave it", ge=0)]
    soc_share: Annotated[float, Item("state of charge wanted of the car", ge=0, le=1, catalogue="desired_ev_soc")]
    leaves_ms: Annotated[int, Item("when the car leaves; -1 where not said", catalogue="desired_ev_soc_time")]
    flexible: Annotated[bool, Item("the household takes part in flexible operation now", catalogue="mobility_data")]
    reservation_eur_per_kwh: Annotated[float, Item("least that it wants for a kWh of flexibility", ge=0)]


class PreferencesQuery(Record, frozen=True, kw_only=True):
    """The aggregator asks households for what they want now (the request part)."""

    source: ClassVar[Source] = ()
    about: Annotated[str, Item("what it is for: peak, surplus, flexibility")]


class DeviceMeasurement(Record, frozen=True, kw_only=True):
    """What a device measures: a household's meter, or one of its controllable devices."""

    source: ClassVar[Source] = _of("2")
    kind: Annotated[str, Item("which device", one_of=("meter", *DEVICE_KINDS))]
    state: Annotated[
        float,
        Item(
            "temperature of a tank or room [degC], energy of a battery or car [kWh], 0 of a meter",
            catalogue="temperature",
        ),
    ]
    consumption_kw: Annotated[float, Item("power at the instant; of a meter the net load", catalogue="consumption")]
    mean_kw: Annotated[float, Item("mean power of the period that ended; of a meter the own inflexible load")]
    other: Annotated[
        float,
        Item(
            "generation of the meter [kW], heat drawn of a tank [kW], 1 of a car that is plugged in",
            catalogue="other_parameters",
        ),
    ]
    sample_s: Annotated[float, Item("time between two samples", ge=1, catalogue="sample_period")]


class MeasurementQuery(Record, frozen=True, kw_only=True):
    """The aggregator asks a device for its present values (the request part)."""

    source: ClassVar[Source] = ()
    about: Annotated[str, Item("what it is for: peak, surplus")]


class MeasurementHistory(Record, frozen=True, kw_only=True):
    """What the meters of a household recorded before it joined, handed over once with its consent; newest last."""

    source: ClassVar[Source] = _of("2")
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    load_kw: Annotated[Profile, Item("own inflexible load", catalogue="consumption")]
    pv_kw: Annotated[Profile, Item("own generation", ge=0)]
    plugged_share: Annotated[Profile, Item("1 where the car was at its charger")]
    driven_kwh: Annotated[Profile, Item("energy that driving took", ge=0)]
    draw_kwh: Annotated[Profile, Item("heat drawn as hot water", ge=0)]


class ServiceDay(Record, frozen=True, kw_only=True):
    """The aggregator begins a day of the service: whoever takes part reports in its conversation."""

    source: ClassVar[Source] = ()
    from_ms: Annotated[int, Item("start of the day")]
    to_ms: Annotated[int, Item("end of the day")]


class DataQuery(Record, frozen=True, kw_only=True):
    """A service asks the cloud database (the request part of a GET); its answer covers whoever consents to the purpose."""

    source: ClassVar[Source] = ()
    what: Annotated[str, Item("what is asked for")]
    purpose: Annotated[str, Item("what it is for")]
    since_ms: Annotated[int, Item("from when on")]


class StoredReadings(Record, frozen=True, kw_only=True):
    """The latest settings, measurements and orders of the households, as the cloud database has them; one value a household."""

    source: ClassVar[Source] = _of("1", "2", "3")
    households: Annotated[tuple[str, ...], Item("households, by their prosumer id")]
    modes: Annotated[tuple[str, ...], Item("modes of their devices, as letters", catalogue="device_operation_mode")]
    names: Annotated[tuple[str, ...], Item("names of the quantities")]
    values: Annotated[
        Profile, Item("the values, quantity by quantity; -1e9 where there is none", catalogue="temperature")
    ]


class StoredHistory(Record, frozen=True, kw_only=True):
    """Steps that the cloud database holds and the service has not read yet, household by household."""

    source: ClassVar[Source] = _of("1", "2")
    households: Annotated[tuple[str, ...], Item("households, by their prosumer id")]
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    names: Annotated[tuple[str, ...], Item("names of the quantities")]
    values: Annotated[
        Profile, Item("quantity by quantity, household by household, step by step", catalogue="consumption")
    ]


class StoredNotice(Record, frozen=True, kw_only=True):
    """The cloud database tells the aggregator that something is stored which it waits for."""

    source: ClassVar[Source] = ()
    what: Annotated[str, Item("what is stored")]


class ExternalData(Record, frozen=True, kw_only=True):
    """Weather, grid and market data of outside sources for coming periods; what a source does not speak of has one value, 0."""

    source: ClassVar[Source] = _of("N8")
    kind: Annotated[str, Item("what it is about", one_of=("weather", "grid", "balancing", "market"))]
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    temp_c: Annotated[Profile, Item("outdoor temperature", catalogue="weather")]
    ghi_wm2: Annotated[Profile, Item("global horizontal irradiance", catalogue="weather")]
    constraint_kw: Annotated[Profile, Item("most net load of the area", catalogue="constraints_next_periods")]
    price_eur_per_kwh: Annotated[Profile, Item("price of activation", catalogue="prices")]
    participation: Annotated[tuple[str, ...], Item("markets that are open", catalogue="participation_information")]
    observed_from_ms: Annotated[int, Item("start of what was observed before")]
    observed_temp_c: Annotated[Profile, Item("outdoor temperature as observed, step by step", catalogue="weather")]
    observed_ghi_wm2: Annotated[Profile, Item("irradiance as observed, step by step", catalogue="weather")]


class HomeForecast(Record, frozen=True, kw_only=True):
    """What the aggregator forecasts of one household: its people's behaviour and its generation."""

    source: ClassVar[Source] = _of("N9")
    household: Annotated[str, Item("household, by its prosumer id")]
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    load_kw: Annotated[Profile, Item("inflexible load", catalogue="consumption")]
    pv_kw: Annotated[Profile, Item("generation", ge=0, catalogue="renewable_generation")]
    plugged_share: Annotated[
        float, Item("share of the steps with the car at home", ge=0, le=1, catalogue="user_behaviour")
    ]


class PortfolioForecast(Record, frozen=True, kw_only=True):
    """Forecasts of the portfolio: weather, load and generation summed, prices and activations of the markets."""

    source: ClassVar[Source] = _of("N9")
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    temp_c: Annotated[Profile, Item("outdoor temperature", catalogue="weather")]
    load_kw: Annotated[Profile, Item("inflexible load", catalogue="consumption")]
    pv_kw: Annotated[Profile, Item("generation", ge=0, catalogue="renewable_generation")]
    price_eur_per_kwh: Annotated[Profile, Item("price of an activation", catalogue="market_prices")]
    activation_kw: Annotated[Profile, Item("activation expected: reduction positive", catalogue="market_activations")]


class TemperatureForecast(Record, frozen=True, kw_only=True):
    """Temperatures of the coming hours without and with the plan, and the energy that staying within limits takes, per device."""

    source: ClassVar[Source] = _of("N9")
    devices: Annotated[tuple[str, ...], Item("thermal devices, by prosumer id and kind")]
    in_2h_c: Annotated[Profile, Item("temperature in two hours by the plan", catalogue="temperature")]
    idle_2h_c: Annotated[Profile, Item("temperature in two hours without heating")]
    needed_kwh: Annotated[
        Profile, Item("least energy that keeps the lower limit for two hours", ge=0, catalogue="energy_need")
    ]


class DisplayRequest(Record, frozen=True, kw_only=True):
    """A person opens the interface."""

    source: ClassVar[Source] = ()
    view: Annotated[str, Item("which page")]
    opened: Annotated[bool, Item("it was opened")]


class HomeDisplay(Record, frozen=True, kw_only=True):
    """What the interface shows a person: the latest measurements, the forecast and the plan of the own household."""

    source: ClassVar[Source] = _of("2", "N9", "N10")
    net_kw: Annotated[float, Item("net load as last measured", catalogue="consumption")]
    tank_c: Annotated[float, Item("temperature of the tank; 0 without", catalogue="temperature")]
    room_c: Annotated[float, Item("temperature of the rooms; 0 without", catalogue="temperature")]
    day_load_kwh: Annotated[float, Item("inflexible load expected in 24 hours", catalogue="user_behaviour")]
    day_pv_kwh: Annotated[float, Item("generation expected in 24 hours", ge=0, catalogue="renewable_generation")]
    day_cost_eur: Annotated[float, Item("cost of the plan over 24 hours", catalogue="consumption_plan")]
    saved_eur: Annotated[float, Item("earned with flexibility so far", catalogue="efficiency_insights")]


class DataSubjectRequest(Record, frozen=True, kw_only=True):
    """A person uses a right over the own data, or takes consent back."""

    source: ClassVar[Source] = ()
    right: Annotated[str, Item("which", one_of=RIGHTS)]
    purpose: Annotated[str, Item("the purpose that consent is withdrawn for; empty otherwise")]
    value: Annotated[str, Item("the correction; empty otherwise")]


class DataSubjectAnswer(Record, frozen=True, kw_only=True):
    """What the controller did about a request."""

    source: ClassVar[Source] = ()
    right: Annotated[str, Item("which", one_of=RIGHTS)]
    items: Annotated[int, Item("items shown, corrected or deleted", ge=0)]
    done: Annotated[bool, Item("the request was carried out")]
    reason: Annotated[str, Item("why not; empty where it was")]


class ProcessingOrder(Record, frozen=True, kw_only=True):
    """The controller tells its database what it may do with a household's data from now on."""

    source: ClassVar[Source] = ()
    prosumer_id: Annotated[str, Item("the household")]
    site: Annotated[str, Item("address whose devices it stands for; empty to forget it")]
    purposes: Annotated[tuple[str, ...], Item("purposes consented to from now on")]
    erase: Annotated[bool, Item("delete everything about it")]
