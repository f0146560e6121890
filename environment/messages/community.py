"""Messages of SUC02.1 before delivery: an energy community defined, scheduled, offered. One record a member unless it says otherwise."""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]
SUC = "SUC02.1"

# --- definition ------------------------------------------------------------------------------------------------------


class CommunityRules(Record, frozen=True, kw_only=True):
    """The manager asks a possible member to approve the rules and the mode of operation."""

    source: ClassVar[Source] = ()
    community: Annotated[str, Item("its name")]
    kind: Annotated[str, Item("renewable or citizen energy community", one_of=("REC", "CEC"))]
    min_members: Annotated[int, Item("least number of members", ge=1)]
    max_distance_km: Annotated[float, Item("largest distance between two members", ge=0)]
    mode: Annotated[str, Item("who decides on devices", one_of=("centralised", "market"))]
    objective: Annotated[str, Item("what the central schedule is for")]
    price_rule: Annotated[str, Item("pricing mechanism of internal transactions")]
    allocation: Annotated[str, Item("rule of the allocation coefficients")]
    grid_tariff_eur_per_kwh: Annotated[float, Item("grid tariff for shared energy", ge=0)]
    baseline: Annotated[str, Item("how delivered flexibility is measured")]


class MemberRegistration(Record, frozen=True, kw_only=True):
    """A member's HEMS registers: what it approves of the community's definition, its resources, shares and tariffs."""

    source: ClassVar[Source] = tuple((SUC, f"I-{k}") for k in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12))
    community: Annotated[str, Item("its name")]
    member: Annotated[str, Item("unique key of the member", catalogue="unique member key")]
    approved: Annotated[bool, Item("the member approves the rules and joins")]
    reason: Annotated[str, Item("why not")]
    consent: Annotated[
        bool, Item("its data may be used and its devices controlled", catalogue="explicit consent for data use")
    ]
    kind: Annotated[str, Item("as approved", one_of=("REC", "CEC"), catalogue="REC or CEC")]
    min_members: Annotated[int, Item("as approved", ge=1, catalogue="minimum size")]
    objective: Annotated[str, Item("as approved", catalogue="objective function")]
    price_rule: Annotated[str, Item("as approved", catalogue="pricing mechanism")]
    ders: Annotated[tuple[str, ...], Item("unique keys of its resources", catalogue="unique resource key")]
    technologies: Annotated[tuple[str, ...], Item("technology of each", catalogue="generation technology")]
    assets: Annotated[tuple[str, ...], Item("assets that members share")]
    ownership_share: Annotated[Profile, Item("its share of each", ge=0, le=1, catalogue="owner share per EC member")]
    meter: Annotated[str, Item("its metering point")]
    tariff: Annotated[str, Item("its retail tariff", catalogue="retail buying tariff")]
    buy_eur_per_kwh: Annotated[float, Item("mean buying price", catalogue="retail buying tariff")]
    sell_eur_per_kwh: Annotated[float, Item("mean price of surplus", catalogue="retail selling tariff")]
    grid_tariff_eur_per_kwh: Annotated[float, Item("as approved", ge=0, catalogue="grid tariff for self-consumption")]
    contracted_kw: Annotated[float, Item("limit of its net load", ge=0, catalogue="capacity constraint")]
    battery_kwh: Annotated[float, Item("capacity", ge=0, catalogue="capacity constraint")]
    battery_kw: Annotated[float, Item("rated power", ge=0, catalogue="capacity constraint")]
    battery_eta_charge: Annotated[float, Item("stored per charged kWh", ge=0, le=1)]
    battery_eta_discharge: Annotated[float, Item("delivered per stored kWh", ge=0, le=1)]
    battery_min_kwh: Annotated[float, Item("lowest stored energy", ge=0)]
    battery_max_kwh: Annotated[float, Item("highest stored energy", ge=0)]
    battery_wear_eur_per_kwh: Annotated[float, Item("opportunity cost of wear", ge=0)]
    ev_kw: Annotated[float, Item("rated power of the charger", ge=0, catalogue="capacity constraint")]
    ev_kwh_capacity: Annotated[float, Item("capacity of the car", ge=0)]
    ev_eta_charge: Annotated[float, Item("stored per charged kWh", ge=0, le=1)]
    ev_target_share: Annotated[float, Item("share wanted at departure", ge=0, le=1)]
    heater_kw: Annotated[float, Item("rated power of the water heater", ge=0, catalogue="capacity constraint")]
    heater_kwh_per_k: Annotated[float, Item("heat capacity of the tank", ge=0)]
    heater_ua_kw_per_k: Annotated[float, Item("standing loss", ge=0)]
    heater_low_c: Annotated[float, Item("lowest temperature accepted")]
    heater_high_c: Annotated[float, Item("highest temperature allowed")]
    heater_set_c: Annotated[float, Item("temperature of the own thermostat")]
    heater_ambient_c: Annotated[float, Item("temperature around the tank")]
    hp_kw: Annotated[float, Item("rated electrical power of the heat pump", ge=0, catalogue="capacity constraint")]
    house_kwh_per_k: Annotated[float, Item("heat capacity of the building", ge=0)]
    house_loss_kw_per_k: Annotated[float, Item("heat loss coefficient", ge=0)]
    automatic: Annotated[bool, Item("devices follow the HEMS")]
    reservation_eur_per_kwh: Annotated[float, Item("least gain for which flexibility is given", ge=0)]


class MembershipNotice(Record, frozen=True, kw_only=True):
    """A member leaves, and is forgotten once its last bill is out, or takes back its consent (O-1), from an instant on."""

    source: ClassVar[Source] = ()
    community: Annotated[str, Item("its name")]
    member: Annotated[str, Item("who")]
    change: Annotated[str, Item("what", one_of=("leaves", "withdraws-consent"))]
    from_ms: Annotated[int, Item("from when on")]


class MemberFiling(Record, frozen=True, kw_only=True):
    """The community files a member with the operator: where it is metered, and its shares of plants that have meters of their own."""

    source: ClassVar[Source] = ()
    community: Annotated[str, Item("its name")]
    member: Annotated[str, Item("who")]
    meter: Annotated[str, Item("metering point")]
    hems: Annotated[str, Item("address of its HEMS")]
    assets: Annotated[tuple[str, ...], Item("plants that members share")]
    ownership_share: Annotated[Profile, Item("its share of each", ge=0, le=1)]
    from_ms: Annotated[int, Item("from when on")]
    to_ms: Annotated[int, Item("until when; 0: open")]


# --- the day before --------------------------------------------------------------------------------------------------


class OperationDataRequest(Record, frozen=True, kw_only=True):
    """The platform asks a member's HEMS for its data of the next day (the request part of a GET)."""

    source: ClassVar[Source] = ()
    from_ms: Annotated[int, Item("start of the day")]
    to_ms: Annotated[int, Item("end of the day")]


class DerForecast(Record, frozen=True, kw_only=True):
    """What a HEMS expects of the next day and the morning after, what its devices hold then, and at which prices."""

    source: ClassVar[Source] = ((SUC, "I-10"), (SUC, "I-11"), (SUC, "I-12"))
    member: Annotated[str, Item("who")]
    consent: Annotated[bool, Item("these data may be used", catalogue="explicit consent for data use")]
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    load_kw: Annotated[Profile, Item("inflexible load", ge=0, catalogue="forecast consumption")]
    pv_kw: Annotated[Profile, Item("available generation", ge=0, catalogue="forecast generation")]
    plan_kw: Annotated[Profile, Item("net load that it plans for itself")]
    buy_eur_per_kwh: Annotated[Profile, Item("what it pays its retailer", catalogue="first version of later DER bids")]
    sell_eur_per_kwh: Annotated[Profile, Item("what its retailer pays", catalogue="first version of later DER bids")]
    ev_plugged: Annotated[Profile, Item("1 where the car is at the charger", ge=0, le=1)]
    ev_drive_kwh: Annotated[Profile, Item("energy taken by driving", ge=0)]
    heater_draw_kwh: Annotated[Profile, Item("heat drawn", ge=0)]
    hp_cop: Annotated[Profile, Item("coefficient of performance", ge=0)]
    house_low_c: Annotated[Profile, Item("lowest indoor temperature accepted")]
    house_high_c: Annotated[Profile, Item("highest indoor temperature accepted")]
    house_set_c: Annotated[Profile, Item("temperature of the own thermostat")]
    temp_out_c: Annotated[Profile, Item("outdoor temperature")]
    gains_kw: Annotated[Profile, Item("solar and internal gains")]
    battery_soc_kwh: Annotated[float, Item("stored at the start", ge=0)]
    battery_end_kwh: Annotated[float, Item("least stored at the end", ge=0)]
    ev_kwh: Annotated[float, Item("in the car at the start", ge=0)]
    ev_end_kwh: Annotated[float, Item("least in the car at the end", ge=0)]
    heater_c: Annotated[float, Item("tank at the start")]
    heater_end_c: Annotated[float, Item("least at the end")]
    house_c: Annotated[float, Item("indoor temperature at the start")]
    house_end_c: Annotated[float, Item("least at the end")]


class CommunityBaseline(Record, frozen=True, kw_only=True):
    """The schedule of a member's resources made without needs of the DSO: the baseline that is frozen before delivery."""

    source: ClassVar[Source] = ((SUC, "ScheduleID"),)
    schedule: Annotated[str, Item("id of the schedule")]
    community: Annotated[str, Item("its name")]
    member: Annotated[str, Item("who")]
    meter: Annotated[str, Item("metering point")]
    from_ms: Annotated[int, Item("start of the first step", catalogue="time window")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    net_kw: Annotated[
        Profile,
        Item("net load without activation", catalogue="consumption or generation level per DER", uftp="BaselinePower"),
    ]
    sha256: Annotated[str, Item("hash of what is declared")]


class CommunityNeed(Record, frozen=True, kw_only=True):
    """The DSO (or the market operator for it) tells the platform what it needs; one record an element of the grid."""

    source: ClassVar[Source] = ((SUC, "DSOFlexID"),)
    need: Annotated[str, Item("id")]
    community: Annotated[str, Item("who is asked")]
    constraint: Annotated[str, Item("the network element")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    needed_kw: Annotated[
        Profile, Item("change of the community's net load", ge=0, catalogue="amount needed in the session")
    ]
    priced: Annotated[bool, Item("the DSO names its buying price")]
    price_eur_per_kwh: Annotated[float, Item("that price; 0 where none is named", ge=0)]


class CommunityOffer(Record, frozen=True, kw_only=True):
    """The community's schedule with the DSO's need in it, and what it offers; one record a step of the supply curve."""

    source: ClassVar[Source] = ((SUC, "ScheduleID"), (SUC, "DSOFlexID"))
    offer: Annotated[str, Item("id")]
    need: Annotated[str, Item("the need it answers")]
    offers: Annotated[int, Item("number of offers to this need", ge=1)]
    schedule: Annotated[str, Item("id of the schedule")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the first step", catalogue="time window")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    net_kw: Annotated[
        Profile, Item("net load of the community with it", catalogue="consumption or generation level per DER")
    ]
    offered_kw: Annotated[Profile, Item("change that is offered at the price", ge=0)]
    price_eur_per_kwh: Annotated[float, Item("price", ge=0)]


class CommunityActivation(Record, frozen=True, kw_only=True):
    """The DSO activates what it was offered; one record an offer."""

    source: ClassVar[Source] = ((SUC, "ScheduleID"),)
    activation: Annotated[str, Item("id")]
    offer: Annotated[str, Item("what is activated")]
    schedule: Annotated[str, Item("schedule within which it lies")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the first step", catalogue="time window")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    ordered_kw: Annotated[Profile, Item("change ordered", ge=0)]
    price_eur_per_kwh: Annotated[float, Item("price", ge=0)]


class DerSchedule(Record, frozen=True, kw_only=True):
    """Set-points of a member's devices for every ISP of the day, and what of them is committed to the DSO."""

    source: ClassVar[Source] = ((SUC, "ScheduleID"),)
    schedule: Annotated[str, Item("id of the schedule")]
    from_ms: Annotated[int, Item("start of the first ISP", catalogue="time window")]
    step_s: Annotated[float, Item("length of an ISP", ge=1)]
    ev_kw: Annotated[Profile, Item("charging power", catalogue="consumption or generation level per DER")]
    battery_kw: Annotated[
        Profile, Item("battery, positive when charging", catalogue="consumption or generation level per DER")
    ]
    heater_kw: Annotated[Profile, Item("water heater", catalogue="consumption or generation level per DER")]
    heat_pump_kw: Annotated[Profile, Item("heat pump", catalogue="consumption or generation level per DER")]
    net_kw: Annotated[Profile, Item("net load expected")]
    committed_kw: Annotated[Profile, Item("change against the baseline that is committed; up is positive")]
    called: Annotated[
        Profile, Item("the community is called: 1 to take less from the grid, -1 more, 0 not", ge=-1, le=1)
    ]


# --- the internal market before delivery -----------------------------------------------------------------------------


class PriceRound(Record, frozen=True, kw_only=True):
    """The internal market announces prices of the next day; members answer with what they would then take, until it is the last."""

    source: ClassVar[Source] = ()
    community: Annotated[str, Item("its name")]
    number: Annotated[int, Item("of the round, from 1", ge=1)]
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    price_eur_per_kwh: Annotated[Profile, Item("of a kWh between members, grid tariff apart")]
    last: Annotated[bool, Item("nothing is answered any more: members live by what they came to")]
    reason: Annotated[str, Item("of the last: why prices and schedules do not fit; empty where they do")]


class PriceAnswer(Record, frozen=True, kw_only=True):
    """What a member would do at the prices of a round."""

    source: ClassVar[Source] = ()
    member: Annotated[str, Item("who")]
    number: Annotated[int, Item("of the round", ge=1)]
    net_kwh: Annotated[Profile, Item("net energy of every step")]
    wear_eur: Annotated[float, Item("what it costs beside energy", ge=0)]


class MarketSchedule(DerSchedule, frozen=True, kw_only=True):
    """A member's part of the welfare optimum that the internal market worked out in one step; its HEMS follows it of its own accord."""

    source: ClassVar[Source] = ()
