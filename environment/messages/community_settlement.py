"""Messages of SUC02.1 after delivery: verified, traded, shared, settled, billed. One record a member unless it says otherwise."""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]
SUC = "SUC02.1"


class DerReadings(Record, frozen=True, kw_only=True):
    """What the meters of a member's resources recorded behind its metering point."""

    source: ClassVar[Source] = ()
    member: Annotated[str, Item("who")]
    from_ms: Annotated[int, Item("start of the first interval")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    generation_kwh: Annotated[Profile, Item("generated", ge=0)]
    storage_in_kwh: Annotated[Profile, Item("charged", ge=0)]
    storage_out_kwh: Annotated[Profile, Item("discharged", ge=0)]


class SmartMeterData(Record, frozen=True, kw_only=True):
    """The DSO validates a member's day and measures its flexibility against the frozen baseline.

    Shared, imputed, surplus and self-consumed energy are by the key that holds until the community's coefficients are validated:
    in proportion to consumption.
    """

    source: ClassVar[Source] = tuple((SUC, f"SM-{k}") for k in range(1, 9))
    member: Annotated[str, Item("who")]
    from_ms: Annotated[int, Item("start of the first interval")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    generation_kwh: Annotated[Profile, Item("generated", ge=0, catalogue="generation time series")]
    consumption_kwh: Annotated[Profile, Item("consumed", ge=0, catalogue="consumption time series")]
    injection_kwh: Annotated[Profile, Item("fed into the grid", ge=0, catalogue="energy injected into the grid")]
    storage_kwh: Annotated[Profile, Item("fed into storage", ge=0, catalogue="energy injected into storage")]
    withdrawal_kwh: Annotated[Profile, Item("taken from the grid", ge=0)]
    owned_kwh: Annotated[Profile, Item("its part of what shared plants fed in", ge=0)]
    shared_kwh: Annotated[Profile, Item("given to other members", ge=0, catalogue="energy shared inside the EC")]
    imputed_kwh: Annotated[Profile, Item("allocated to the member", ge=0, catalogue="imputed energy")]
    surplus_kwh: Annotated[Profile, Item("allocated and not consumed", ge=0, catalogue="surplus energy")]
    self_consumed_kwh: Annotated[Profile, Item("allocated and consumed", ge=0, catalogue="self-consumed energy")]
    baseline_kw: Annotated[Profile, Item("frozen baseline; metered net load where there is none")]
    delivered_kw: Annotated[Profile, Item("baseline less metered net load")]
    valid: Annotated[bool, Item("readings of resources and metering point agree")]


class FlexibilityVerified(Record, frozen=True, kw_only=True):
    """The DSO tells what the community delivered of an activation, and what that earns; one record an activation."""

    source: ClassVar[Source] = ()
    activation: Annotated[str, Item("id")]
    from_ms: Annotated[int, Item("start of the first interval")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    ordered_kw: Annotated[Profile, Item("ordered", ge=0)]
    delivered_kw: Annotated[Profile, Item("baseline less metered, capped at the order", ge=0)]
    remuneration_eur: Annotated[float, Item("earned", ge=0)]
    penalty_eur: Annotated[float, Item("deducted", ge=0)]


class VerificationRequest(Record, frozen=True, kw_only=True):
    """The community asks the operator to validate the meters of a day and to measure its flexibility."""

    source: ClassVar[Source] = ()
    community: Annotated[str, Item("its name")]
    from_ms: Annotated[int, Item("start of the day")]
    to_ms: Annotated[int, Item("end of the day")]
    closes: Annotated[bool, Item("it is the last of a billing period")]


class EnergyBid(Record, frozen=True, kw_only=True):
    """What a HEMS bids into the internal market, after delivery: its final positions."""

    source: ClassVar[Source] = ((SUC, "Bid-1"), (SUC, "Bid-2"))
    member: Annotated[str, Item("who")]
    from_ms: Annotated[int, Item("start of the first interval")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    volume_kwh: Annotated[Profile, Item("wanted; negative: offered", catalogue="volume")]
    price_eur_per_kwh: Annotated[Profile, Item("most it pays, or least it takes", catalogue="price")]
    flexibility_kwh: Annotated[
        Profile, Item("of the session's flexibility, as delivered; up is positive", catalogue="volume")
    ]
    withdrawal_kwh: Annotated[Profile, Item("taken at the metering point, as certified", ge=0)]
    given_kwh: Annotated[
        Profile, Item("given to the community, as certified: fed in, and its part of shared plants", ge=0)
    ]
    consumption_kwh: Annotated[Profile, Item("consumed behind the metering point", ge=0)]


class InternalTransactions(Record, frozen=True, kw_only=True):
    """What a member bought from and sold to other members."""

    source: ClassVar[Source] = ((SUC, "TransactionID"),)
    community: Annotated[str, Item("its name")]
    member: Annotated[str, Item("who")]
    from_ms: Annotated[int, Item("start of the first interval")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    bought_kwh: Annotated[Profile, Item("bought inside", ge=0, catalogue="energy shared inside the EC")]
    sold_kwh: Annotated[Profile, Item("sold inside", ge=0, catalogue="energy shared inside the EC")]
    withdrawal_kwh: Annotated[Profile, Item("taken at the metering point", ge=0)]
    given_kwh: Annotated[Profile, Item("given to the community", ge=0)]
    flexibility_kwh: Annotated[Profile, Item("flexibility as bid; up is positive")]
    price_eur_per_kwh: Annotated[
        Profile, Item("internal price; 0 where nothing was traded", catalogue="resulting transactions")
    ]


class AllocationCoefficients(Record, frozen=True, kw_only=True):
    """A member's share of the community's energy in every settlement period, and its part of the flexibility bid."""

    source: ClassVar[Source] = ((SUC, "ACFlexID"),)
    member: Annotated[str, Item("who")]
    meter: Annotated[str, Item("metering point")]
    rule: Annotated[str, Item("rule of the coefficients")]
    from_ms: Annotated[int, Item("start of the first period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    coefficient: Annotated[Profile, Item("share", ge=0, le=1, catalogue="allocation coefficient per member")]
    flexibility_kwh: Annotated[
        Profile, Item("flexibility bid; up is positive", catalogue="flexibility bids for the DSO need")
    ]


class AllocatedEnergies(Record, frozen=True, kw_only=True):
    """What follows from validated coefficients and certified meters; where they are refused, the meter alone counts."""

    source: ClassVar[Source] = ()
    member: Annotated[str, Item("who")]
    meter: Annotated[str, Item("metering point")]
    valid: Annotated[bool, Item("the coefficients are accepted")]
    reason: Annotated[str, Item("why not")]
    from_ms: Annotated[int, Item("start of the first period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    consumption_kwh: Annotated[Profile, Item("taken at the metering point", ge=0)]
    generation_kwh: Annotated[Profile, Item("given to the community", ge=0)]
    allocated_kwh: Annotated[Profile, Item("share of the community's energy", ge=0)]
    self_consumed_kwh: Annotated[Profile, Item("what of it covers consumption", ge=0)]
    supplied_kwh: Annotated[Profile, Item("supplied by the retailer", ge=0)]
    surplus_kwh: Annotated[Profile, Item("left for the retailer", ge=0)]


class Compensations(Record, frozen=True, kw_only=True):
    """Base of what a day comes to for a member; amounts that the member pays are positive."""

    member: Annotated[str, Item("who")]
    from_ms: Annotated[int, Item("start of the period")]
    to_ms: Annotated[int, Item("end of the period")]
    bought_kwh: Annotated[float, Item("net purchases inside", ge=0)]
    sold_kwh: Annotated[float, Item("net sales inside", ge=0)]
    self_consumed_kwh: Annotated[float, Item("energy of the community that covered consumption", ge=0)]
    supplied_kwh: Annotated[float, Item("from the retailer", ge=0)]
    surplus_kwh: Annotated[float, Item("to the retailer", ge=0)]
    supply_eur: Annotated[
        float, Item("owed to the retailer, fixed charges apart", catalogue="EUR for energy provided by retailers")
    ]
    surplus_eur: Annotated[float, Item("owed by the retailer", ge=0, catalogue="EUR for energy sold to retailers")]
    grid_eur: Annotated[float, Item("grid tariff of shared energy", ge=0, catalogue="EUR self-consumption tariff cost")]
    internal_eur: Annotated[float, Item("internal transactions", catalogue="compensation for EC internal transactions")]
    flexibility_eur: Annotated[float, Item("earned with flexibility, per resource; negative: part of a penalty")]
    shortfall_eur: Annotated[float, Item("compensation for committed flexibility that was missing", ge=0)]
    alone_eur: Annotated[float, Item("what the same energies would have cost outside the community")]


class MemberSettlement(Compensations, frozen=True, kw_only=True):
    """The internal settlement of a day."""

    source: ClassVar[Source] = tuple((SUC, f"Settl-{k}") for k in range(1, 5))


class BillingGuide(Compensations, frozen=True, kw_only=True):
    """What has to be billed to a member, as the platform tells who bills."""

    source: ClassVar[Source] = tuple((SUC, f"Settl-{k}") for k in range(1, 5))
    closes: Annotated[bool, Item("it is the last of a billing period: bills go out")]


class CommunityBill(Compensations, frozen=True, kw_only=True):
    """The bill of a member for a billing period; supply and surplus are for information, the retailer bills them."""

    source: ClassVar[Source] = tuple((SUC, f"Settl-{k}") for k in range(1, 5))
    community: Annotated[str, Item("who is paid, or pays")]
    days: Annotated[int, Item("days billed", ge=1)]
    net_eur: Annotated[float, Item("owed to the community: grid tariff, internal, shortfall, less flexibility")]


class IndicatorRequest(Record, frozen=True, kw_only=True):
    """A member asks for its indicators and those of the community."""

    source: ClassVar[Source] = ()
    member: Annotated[str, Item("who")]
    asked_ms: Annotated[int, Item("when")]


class MemberIndicators(Record, frozen=True, kw_only=True):
    """Indicators of a member and of its community since it joined, against not taking part."""

    source: ClassVar[Source] = tuple((SUC, f"O-{k}") for k in range(1, 8))
    member: Annotated[str, Item("who")]
    energy_savings_kwh: Annotated[
        float, Item("not bought from the retailer", catalogue="member energy savings from being in the EC")
    ]
    money_savings_eur: Annotated[
        float, Item("cost alone less cost inside", catalogue="member money savings from being in the EC")
    ]
    shared_kwh: Annotated[
        float, Item("given to other members", ge=0, catalogue="energy shared by a member with others")
    ]
    emissions_reduction_kg: Annotated[
        float, Item("CO2 of the energy not bought", catalogue="member emission reduction from being in the EC")
    ]
    flexibility_eur: Annotated[
        float, Item("earned with flexibility", catalogue="member money savings from flexibility to the grid")
    ]
    average_rate_eur_per_kwh: Annotated[
        float, Item("of energy bought inside", catalogue="average price of energy bought inside the EC")
    ]
    self_sufficiency_percent: Annotated[
        float,
        Item(
            "consumption covered by own and community energy",
            ge=0,
            le=100,
            catalogue="percent of own consumption that comes from the EC",
        ),
    ]
    community_shared_kwh: Annotated[float, Item("shared by all members", ge=0)]
    community_savings_eur: Annotated[float, Item("of all members")]
