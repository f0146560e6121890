"""Messages of SUC13.1, scenarios 2 to 4 and 6 to 13: data, forecasts, plans, orders to devices, markets, figures and people's rights."""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record
from environment.messages.homes import DEVICE_KINDS, MODES

Source = tuple[tuple[str, str], ...]


def _of(*items: str) -> Source:
    return tuple(("SUC13.1", item) for item in items)


PURPOSES = ("efficiency", "temperature", "peak", "surplus", "flexibility", "settings")
"""Why a device gets an order; all but ``settings`` are for devices in automatic mode alone."""

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


class ExternalData(Record, frozen=True, kw_only=True):
    """Weather, grid and market data of outside sources for coming periods; what a source does not speak of has one value, 0."""

    source: ClassVar[Source] = _of("N8")
    kind: Annotated[str, Item("what it is about", one_of=("weather", "grid", "market"))]
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


class OptimisationResult(Record, frozen=True, kw_only=True):
    """The plan of a household, or of the portfolio (household empty): the reference of this quarter and what is to come."""

    source: ClassVar[Source] = _of("N10")
    household: Annotated[str, Item("household by its prosumer id; empty for the portfolio")]
    quarter_ms: Annotated[int, Item("start of the quarter of an hour it is made in", catalogue="quarter_hour")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    reference_kw: Annotated[float, Item("power of the controlled devices in this quarter", catalogue="power_reference")]
    net_kw: Annotated[Profile, Item("planned net load", catalogue="consumption_plan")]
    cost_eur: Annotated[float, Item("cost of the plan", catalogue="efficiency_insights")]
    solved: Annotated[int, Item("households that were solved again", ge=0)]
    devices: Annotated[tuple[str, ...], Item("devices that get a reference, by prosumer id and kind")]
    references_kw: Annotated[
        Profile, Item("the reference of each of them; one 0 where there is none", catalogue="power_reference")
    ]
    contracted_kw: Annotated[
        float, Item("contracted power that a household's plan keeps to; summed of the portfolio", ge=0)
    ]
    saved_eur: Annotated[
        float, Item("cost of the devices by their own controls less cost of the plan, until the end of the local day")
    ]
    displays: Annotated[
        int,
        Item("interfaces opened by households that consent to statistics since told before; 0 of a household", ge=0),
    ] = 0
    called_kwh: Annotated[float, Item("energy of calls that ended since told before; 0 of a household", ge=0)] = 0.0
    delivered_kwh: Annotated[
        float, Item("what meters showed of it, a call at most what was called; 0 of a household", ge=0)
    ] = 0.0
    earned_eur: Annotated[float, Item("invoiced for flexibility since told before; 0 of a household", ge=0)] = 0.0


class PowerReference(Record, frozen=True, kw_only=True):
    """The result of the current quarter of an hour for one device; its own control algorithm decides whether it consumes."""

    source: ClassVar[Source] = _of("3")
    kind: Annotated[str, Item("which device", one_of=DEVICE_KINDS)]
    quarter_ms: Annotated[int, Item("start of the quarter of an hour")]
    power_kw: Annotated[float, Item("power to follow", catalogue="power_reference")]
    low: Annotated[float, Item("lower limit: degC, or kWh of a store", catalogue="temperature_limits")]
    high: Annotated[float, Item("upper limit", catalogue="ev_charge_limits")]


class DeviceOrder(Record, frozen=True, kw_only=True):
    """An order to one device within the quarter of an hour: mode, action and power, and what it is for."""

    source: ClassVar[Source] = _of("3")
    kind: Annotated[str, Item("which device", one_of=DEVICE_KINDS)]
    purpose: Annotated[str, Item("why", one_of=PURPOSES, catalogue="order")]
    mode: Annotated[str, Item("mode of the device as the cloud has it", one_of=MODES, catalogue="operation_mode")]
    action: Annotated[str, Item("what to do", one_of=("on", "off", "follow"), catalogue="on_off_action")]
    power_kw: Annotated[float, Item("power to follow", catalogue="power_reference")]
    until_ms: Annotated[int, Item("end of the order")]
    low: Annotated[float, Item("lower limit: degC, or kWh of a store", catalogue="temperature_limits")]
    high: Annotated[float, Item("upper limit", catalogue="ev_charge_limits")]


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


class OfferPeriodNotice(Record, frozen=True, kw_only=True):
    """The clearer of a market opens its offer period."""

    source: ClassVar[Source] = _of("N11")
    market: Annotated[str, Item("which market", catalogue="market")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the first period traded", catalogue="offer_period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    periods: Annotated[int, Item("number of periods", ge=1)]
    gate_ms: Annotated[int, Item("until when offers are taken", catalogue="offer_period")]
    cap_eur_per_kwh: Annotated[float, Item("highest price", ge=0)]
    obligation_only: Annotated[
        bool, Item("a commitment is an obligation to be available; otherwise an activation by itself")
    ]


class AvailablePower(Record, frozen=True, kw_only=True):
    """What the portfolio could change in the coming periods, without a price: shared periodically."""

    source: ClassVar[Source] = _of("6")
    from_ms: Annotated[int, Item("start of the first period", catalogue="period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    up_kw: Annotated[Profile, Item("possible reduction of net load", ge=0, catalogue="available_power")]
    down_kw: Annotated[Profile, Item("possible increase of net load", ge=0, catalogue="available_power")]
    price_eur_per_kwh: Annotated[float, Item("least price of a kWh", ge=0)]


class FlexibilityOffer(Record, frozen=True, kw_only=True):
    """An offer to a market: power per period at a price."""

    source: ClassVar[Source] = _of("6")
    offer: Annotated[str, Item("id of the offer")]
    market: Annotated[str, Item("which market")]
    from_ms: Annotated[int, Item("start of the first period", catalogue="period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    power_kw: Annotated[Profile, Item("power offered", ge=0, catalogue="available_power")]
    price_eur_per_kwh: Annotated[float, Item("price of a kWh", ge=0)]


class Commitment(Record, frozen=True, kw_only=True):
    """What an operator takes of the power shared with it: bound to be available, or to deliver."""

    source: ClassVar[Source] = _of("7")
    commitment: Annotated[str, Item("id", catalogue="accepted_bids")]
    market: Annotated[str, Item("which market", catalogue="market")]
    from_ms: Annotated[int, Item("start of the first period", catalogue="period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    power_kw: Annotated[Profile, Item("power required: reduction", ge=0, catalogue="power_requirement")]
    price_eur_per_kwh: Annotated[float, Item("price of a delivered kWh", ge=0, catalogue="price")]


class ClearingNotice(Record, frozen=True, kw_only=True):
    """After clearing a market tells participants prices and requirements per period."""

    source: ClassVar[Source] = _of("7")
    commitment: Annotated[str, Item("id of the offer it is about", catalogue="accepted_bids")]
    market: Annotated[str, Item("which market", catalogue="market")]
    from_ms: Annotated[int, Item("start of the first period", catalogue="period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    power_kw: Annotated[Profile, Item("power accepted", ge=0, catalogue="power_requirement")]
    price_eur_per_kwh: Annotated[Profile, Item("price of each period", ge=0, catalogue="price")]
    obligation_only: Annotated[bool, Item("to be available; an activation follows where it is needed")]


class ActivationCall(Record, frozen=True, kw_only=True):
    """An operator asks for power of a commitment now."""

    source: ClassVar[Source] = _of("8")
    activation: Annotated[str, Item("id of the activation")]
    commitment: Annotated[str, Item("the commitment called upon")]
    direction: Annotated[
        str, Item("up: less net load", one_of=("up", "down"), catalogue="direction_increase_or_reduce")
    ]
    from_ms: Annotated[int, Item("start", catalogue="period")]
    to_ms: Annotated[int, Item("end", catalogue="period")]
    power_kw: Annotated[float, Item("change of net load", ge=0, catalogue="power_change")]


class Contingency(Record, frozen=True, kw_only=True):
    """A contingency of TSO or DSO, alone or jointly, as it is stored for whoever is committed."""

    source: ClassVar[Source] = _of("8")
    activation: Annotated[str, Item("id of the activation; empty where none is in force")]
    commitment: Annotated[str, Item("the commitment called upon")]
    joint: Annotated[bool, Item("TSO and DSO need it together")]
    direction: Annotated[
        str, Item("up: less net load", one_of=("up", "down"), catalogue="direction_increase_or_reduce")
    ]
    from_ms: Annotated[int, Item("start", catalogue="period")]
    to_ms: Annotated[int, Item("end", catalogue="period")]
    power_kw: Annotated[float, Item("change of net load", ge=0, catalogue="power_change")]


class SimulatedMarket(Record, frozen=True, kw_only=True):
    """What a market that is not open would have come to, by a routine run on forecasts."""

    source: ClassVar[Source] = _of("N12")
    market: Annotated[str, Item("which market")]
    from_ms: Annotated[int, Item("start of the first period", catalogue="period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    price_eur_per_kwh: Annotated[Profile, Item("price of each period", ge=0, catalogue="price")]
    accepted_kw: Annotated[Profile, Item("power that would be accepted", ge=0, catalogue="accepted_quantity")]
    activation_kw: Annotated[Profile, Item("power that would be called", ge=0, catalogue="activation")]


class KpiInputs(Record, frozen=True, kw_only=True):
    """What the cloud database gives a service developer for its figures: sums over enough households to hide each of them."""

    source: ClassVar[Source] = _of("1", "2", "7", "8", "N9", "N10")
    from_ms: Annotated[int, Item("start of the period")]
    to_ms: Annotated[int, Item("end of the period")]
    names: Annotated[tuple[str, ...], Item("names of the values")]
    values: Annotated[Profile, Item("the values")]


class KpiValues(Record, frozen=True, kw_only=True):
    """Figures of a period, by kind. A figure that is not defined (nothing was called, too few households) is 0 and named."""

    source: ClassVar[Source] = _of("N13")
    from_ms: Annotated[int, Item("start of the period")]
    to_ms: Annotated[int, Item("end of the period")]
    savings_eur: Annotated[
        float, Item("cost without plan less cost with it, by the first plan of the day", catalogue="savings")
    ]
    peak_share: Annotated[
        float, Item("quarter hours near the contracted power, share", ge=0, le=1, catalogue="system_behaviour")
    ]
    plan_error_kw: Annotated[
        float, Item("mean distance of net load to its plan", ge=0, catalogue="result_against_expectation")
    ]
    delivered_share: Annotated[float, Item("delivered of what was called", ge=0, catalogue="commitment_compliance")]
    load_error_percent: Annotated[float, Item("error of the load forecast", ge=0, catalogue="forecast_performance")]
    displays: Annotated[int, Item("how often the interface was opened", ge=0, catalogue="interface_use")]
    automatic_share: Annotated[float, Item("devices in automatic mode, share", ge=0, le=1, catalogue="device_use")]
    import_kwh: Annotated[float, Item("energy taken from the grid", ge=0, catalogue="energy_behaviour")]
    earned_eur: Annotated[float, Item("earned with flexibility", catalogue="monetary_indicators")]
    undefined: Annotated[tuple[str, ...], Item("figures that are not defined for the period")]


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


class SettingsNotice(Record, frozen=True, kw_only=True):
    """The cloud database tells the service developer that a household's settings are others now."""

    source: ClassVar[Source] = ()
    household: Annotated[str, Item("address of the household")]
    modes: Annotated[tuple[str, ...], Item("mode of each device kind, in their order")]
    tank_c: Annotated[float, Item("temperature reference of the tank")]
    room_c: Annotated[float, Item("temperature reference of the rooms")]
    room_width_k: Annotated[float, Item("how far the rooms may leave it", ge=0)]
    soc_share: Annotated[float, Item("state of charge wanted of the car", ge=0, le=1)]


class StoredNotice(Record, frozen=True, kw_only=True):
    """The cloud database tells the aggregator that something is stored which it waits for."""

    source: ClassVar[Source] = ()
    what: Annotated[str, Item("what is stored")]


class NothingNeeded(Record, frozen=True, kw_only=True):
    """An operator tells that it takes nothing of the power shared with it."""

    source: ClassVar[Source] = ()
    market: Annotated[str, Item("which market")]
    reason: Annotated[str, Item("why")]


class LimitWarning(Record, frozen=True, kw_only=True):
    """A meter tells at once that power is near the contract, or is fed into the grid."""

    source: ClassVar[Source] = ()
    net_kw: Annotated[float, Item("net load at the instant")]


class ActivationState(Record, frozen=True, kw_only=True):
    """Which activation is in force now, as the cloud database has it."""

    source: ClassVar[Source] = _of("8")
    activation: Annotated[str, Item("id of the activation; empty where none is in force")]
    direction: Annotated[
        str, Item("up: less net load", one_of=("up", "down"), catalogue="direction_increase_or_reduce")
    ]
    to_ms: Annotated[int, Item("its end", catalogue="period")]
    power_kw: Annotated[float, Item("change of net load", ge=0, catalogue="power_change")]
