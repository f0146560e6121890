"""Messages of SUC08.2 and SUC10.3: bids with components per DSO perimeter, constraints of distribution networks, and what the session makes of them.

A message about several perimeters names them in ``perimeters`` (grid element id codes) and carries 24 values of each, one after the other in that order.
Quantities are at least 0; ``direction`` says whether more is injected (up) or less (down). Vectors of a day have 24 elements, whatever clocks do.
"""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]
_WAY = Item("up: more injection or less consumption", one_of=("up", "down"))
_SESSION = Item("session of the ancillary services market")
_PERIMETERS = Item("grid element id codes", catalogue="Grid Element ID Code")
_HOURS = "per hour of the day, 24"


class SessionCall(Record, frozen=True, kw_only=True):
    """The TSO calls a session: the day it is about and the instants until which constraints and bids count."""

    source: ClassVar[Source] = ()
    session: Annotated[str, _SESSION]
    from_ms: Annotated[int, Item("start of the day of delivery")]
    constraints_by_ms: Annotated[int, Item("constraints of DSOs are due, an hour before the gate closes")]
    gate_ms: Annotated[int, Item("gate closure")]


class LocalPlan(Record, frozen=True, kw_only=True):
    """What a DSO plans to use itself in one of its perimeters."""

    source: ClassVar[Source] = (("SUC08.2", "N1"),)
    dso: Annotated[str, Item("whose network")]
    perimeter: Annotated[str, _PERIMETERS]
    direction: Annotated[str, _WAY]
    from_ms: Annotated[int, Item("start of the day of delivery", catalogue="period")]
    aggregates: Annotated[
        tuple[str, ...], Item("aggregates qualified for local services that are planned", catalogue="aggregate")
    ]
    needed_kw: Annotated[Profile, Item(f"what the network needs there, {_HOURS}", ge=0)]


class DsoConstraint(Record, frozen=True, kw_only=True):
    """The dynamic traffic light of a perimeter in one direction, as its DSO states it for the global market."""

    source: ClassVar[Source] = (("SUC08.2", "N2"), ("SUC10.3", "N4"))
    constraint: Annotated[str, Item("id of this statement")]
    dso: Annotated[str, Item("whose network")]
    perimeter: Annotated[str, _PERIMETERS]
    direction: Annotated[str, _WAY]
    from_ms: Annotated[int, Item("start of the day of delivery", catalogue="delivery hour")]
    colour: Annotated[Profile, Item(f"0 green, 1 yellow, 2 red, {_HOURS}", ge=0, le=2, catalogue="colour")]
    capability_kw: Annotated[
        Profile, Item(f"most that may be activated there, {_HOURS}; read where yellow", ge=0, catalogue="capability")
    ]


class AsmBid(Record, frozen=True, kw_only=True):
    """A bid on the ancillary services market: aggregate price and quantity of a balancing service provider.

    The price is what is asked for a kWh of change beyond the value of its energy on the day-ahead market, so that it is at least 0 in both directions.
    """

    source: ClassVar[Source] = (("SUC08.2", "N3"), ("SUC10.3", "N1"))
    bid: Annotated[str, Item("bid id, kept when the bid is changed")]
    version: Annotated[int, Item("counts its changes", ge=1)]
    adapted: Annotated[bool, Item("changed because of constraints")]
    session: Annotated[str, _SESSION]
    bsp: Annotated[str, Item("who bids")]
    uva: Annotated[str, Item("aggregate, or unit", catalogue="UVA ID code")]
    zone: Annotated[str, Item("market zone")]
    node: Annotated[str, Item("transmission node of a unit; empty: its components say where it is")]
    direction: Annotated[str, _WAY]
    quantity_kw: Annotated[Profile, Item(_HOURS, ge=0, catalogue="aggregate quantity")]
    price_eur_per_kwh: Annotated[float, Item("asked", ge=0, catalogue="aggregate price")]
    validity_s: Annotated[int, Item("Unix time from which it holds", catalogue="validity time")]
    timestamp_s: Annotated[int, Item("Unix time of its making", catalogue="timestamp")]


class ComponentMessage(Record, frozen=True, kw_only=True):
    """A bid broken down by DSO perimeter, for the TSO."""

    source: ClassVar[Source] = (("SUC08.2", "N4"), ("SUC10.3", "N2"), ("SUC10.3", "N3"))
    bid: Annotated[str, Item("the bid that is broken down")]
    version: Annotated[int, Item("of the bid", ge=1)]
    session: Annotated[str, _SESSION]
    bsp: Annotated[str, Item("who bids", catalogue="BSP EIC code")]
    uva: Annotated[str, Item("aggregate", catalogue="UVA ID code")]
    zone: Annotated[str, Item("market zone", catalogue="market zone")]
    tso_perimeter: Annotated[str, Item("of the topology matrix", catalogue="reference TSO perimeter")]
    direction: Annotated[str, _WAY]
    quantity_kw: Annotated[Profile, Item(_HOURS, catalogue="Q")]
    baseline_kw: Annotated[Profile, Item(f"net load of the aggregate, {_HOURS}", catalogue="UVA baseline profile")]
    perimeters: Annotated[tuple[str, ...], _PERIMETERS]
    components_kw: Annotated[Profile, Item(f"of each perimeter, {_HOURS}", catalogue="Qi")]
    unavailable_kw: Annotated[
        Profile, Item(f"what cannot be used in each perimeter, {_HOURS}", catalogue="unavailability")
    ]
    validity_s: Annotated[int, Item("Unix time from which it holds", catalogue="Validity Time")]
    timestamp_s: Annotated[int, Item("Unix time of its making", catalogue="Timestamp")]


class ComponentReceipt(Record, frozen=True, kw_only=True):
    """The TSO says whether a bid component message stands, or everything that is wrong with it."""

    source: ClassVar[Source] = ()
    bid: Annotated[str, Item("the bid")]
    version: Annotated[int, Item("of the bid", ge=1)]
    stands: Annotated[bool, Item("is in force")]
    reasons: Annotated[tuple[str, ...], Item("why not")]


class ConstraintAssociation(Record, frozen=True, kw_only=True):
    """The TSO tells a BSP which constraint meets which of its points, and what it would leave of its component now."""

    source: ClassVar[Source] = (("SUC10.3", "N5"),)
    constraint: Annotated[str, Item("the DSO's statement", catalogue="constraint")]
    bsp: Annotated[str, Item("whose points", catalogue="BSP")]
    bid: Annotated[str, Item("bid with a component there")]
    perimeter: Annotated[str, _PERIMETERS]
    direction: Annotated[str, _WAY]
    points: Annotated[tuple[str, ...], Item("grid connection points behind the constraint", catalogue="POD")]
    colour: Annotated[Profile, Item(f"0 green, 1 yellow, 2 red, {_HOURS}", ge=0, le=2)]
    limited_kw: Annotated[Profile, Item(f"what would be left of the component, {_HOURS}", ge=0)]


class MarketDataRequest(Record, frozen=True, kw_only=True):
    """The TSO asks the platform for what it holds of a perimeter."""

    source: ClassVar[Source] = ()
    session: Annotated[str, _SESSION]
    perimeter: Annotated[str, _PERIMETERS]
    direction: Annotated[str, _WAY]


class PerimeterData(Record, frozen=True, kw_only=True):
    """What the platform holds of a perimeter: the DSO's constraint and the sum of the components in it."""

    source: ClassVar[Source] = (("SUC08.2", "N2"), ("SUC08.2", "N5"))
    session: Annotated[str, _SESSION]
    perimeter: Annotated[str, _PERIMETERS]
    direction: Annotated[str, _WAY]
    colour: Annotated[Profile, Item(f"0 green, 1 yellow, 2 red, {_HOURS}", ge=0, le=2)]
    capability_kw: Annotated[Profile, Item(f"{_HOURS}; read where yellow", ge=0)]
    cumulative_kw: Annotated[Profile, Item(f"sum of components, {_HOURS}", ge=0, catalogue="cumulative quantity")]


class SystemNeed(Record, frozen=True, kw_only=True):
    """What the TSO has to activate, and what DSOs state of their perimeters; how many bids and lines come beside it."""

    source: ClassVar[Source] = ()
    session: Annotated[str, _SESSION]
    control_areas: Annotated[tuple[str, ...], Item("operators, the TSO first")]
    short_kw: Annotated[Profile, Item("what each one's control area is short of, 24: above 0 that much more injection")]
    bids: Annotated[int, Item("number of bids that enter the clearing", ge=0)]
    lines: Annotated[int, Item("number of lines with a limit", ge=0)]
    perimeters: Annotated[tuple[str, ...], _PERIMETERS]
    operators: Annotated[tuple[str, ...], Item("DSO of each perimeter")]
    nodes: Annotated[tuple[str, ...], Item("transmission node behind each perimeter")]
    colour: Annotated[Profile, Item("up of each perimeter, then down, 24: 0 green, 1 yellow, 2 red", ge=0, le=2)]
    capability_kw: Annotated[Profile, Item("in the same order; read where yellow", ge=0)]
    local_need_kw: Annotated[Profile, Item("what the DSO needs there itself, in the same order", ge=0)]


class LineLimit(Record, frozen=True, kw_only=True):
    """The relief that a transmission line needs and bears; above 0 the least is a need."""

    source: ClassVar[Source] = ()
    session: Annotated[str, _SESSION]
    line: Annotated[str, Item("the line")]
    nodes: Annotated[tuple[str, ...], Item("nodes of the network")]
    relief: Annotated[Profile, Item("relief per kW injected at each node")]
    low_kw: Annotated[Profile, Item(f"least relief, {_HOURS}")]
    high_kw: Annotated[Profile, Item(f"largest relief, {_HOURS}")]


class AdjustedBid(Record, frozen=True, kw_only=True):
    """A bid as it enters the clearing: every component within the traffic light that the TSO gave it."""

    source: ClassVar[Source] = (("SUC10.3", "N1"), ("SUC10.3", "N6"))
    bid: Annotated[str, Item("the bid")]
    version: Annotated[int, Item("of the bid", ge=1)]
    session: Annotated[str, _SESSION]
    bsp: Annotated[str, Item("who bids")]
    direction: Annotated[str, _WAY]
    price_eur_per_kwh: Annotated[float, Item("asked", ge=0, catalogue="aggregate price")]
    received_ms: Annotated[int, Item("when the version in force came")]
    quantity_kw: Annotated[Profile, Item(f"what is left of it, {_HOURS}", ge=0, catalogue="aggregate quantity")]
    perimeters: Annotated[tuple[str, ...], _PERIMETERS]
    light: Annotated[Profile, Item("of each component, 24: 0 green, 1 yellow, 2 red", ge=0, le=2, catalogue="TSO DTL")]
    limited_kw: Annotated[Profile, Item("of each component, 24", ge=0, catalogue="limited quantity")]


class GlobalClearing(Record, frozen=True, kw_only=True):
    """What a session made of one bid."""

    source: ClassVar[Source] = (("SUC10.3", "N7"),)
    session: Annotated[str, _SESSION]
    bid: Annotated[str, Item("the bid")]
    bsp: Annotated[str, Item("who bids")]
    direction: Annotated[str, _WAY]
    validated_kw: Annotated[
        Profile, Item(f"what entered the clearing, {_HOURS}", ge=0, catalogue="validated upward quantity")
    ]
    accepted_kw: Annotated[Profile, Item(_HOURS, ge=0, catalogue="accepted or reserved quantity")]
    areas: Annotated[tuple[str, ...], Item("perimeters of its components, or the node of its unit")]
    accepted_components_kw: Annotated[Profile, Item("in each of them, 24", ge=0)]
    buyers: Annotated[tuple[str, ...], Item("operators that pay for a part of it")]
    bought_kw: Annotated[Profile, Item("what each pays for in each of these areas, 24", ge=0)]
    price_eur_per_kwh: Annotated[float, Item("paid, as bid", ge=0)]


class ValidatedQuantities(Record, frozen=True, kw_only=True):
    """What of a bid the DSOs' constraints admit, registered on the platform per market period."""

    source: ClassVar[Source] = (("SUC08.2", "N6"),)
    session: Annotated[str, _SESSION]
    bid: Annotated[str, Item("the bid")]
    up_kw: Annotated[Profile, Item(_HOURS, ge=0, catalogue="upward quantity")]
    down_kw: Annotated[Profile, Item(_HOURS, ge=0, catalogue="downward quantity")]


class AcceptedQuantities(Record, frozen=True, kw_only=True):
    """What of a bid the session took, registered on the platform per market period."""

    source: ClassVar[Source] = (("SUC08.2", "N7"),)
    session: Annotated[str, _SESSION]
    bid: Annotated[str, Item("the bid")]
    up_kw: Annotated[Profile, Item(_HOURS, ge=0, catalogue="quantity")]
    down_kw: Annotated[Profile, Item(_HOURS, ge=0, catalogue="quantity")]


class LimitationNotice(Record, frozen=True, kw_only=True):
    """Components of a bid were modified: the limits that hold when it is activated, and the quantity selected."""

    source: ClassVar[Source] = (("SUC08.2", "N8"), ("SUC10.3", "N8"))
    notice: Annotated[str, Item("id")]
    session: Annotated[str, _SESSION]
    bid: Annotated[str, Item("the bid")]
    bsp: Annotated[str, Item("whose")]
    direction: Annotated[str, _WAY]
    first_hour_ms: Annotated[int, Item("start of the first delivery hour that changes", catalogue="delivery hour")]
    due_ms: Annotated[int, Item("an hour before that")]
    perimeters: Annotated[tuple[str, ...], _PERIMETERS]
    limits_kw: Annotated[Profile, Item("of each component, 24", ge=0, catalogue="Qi**")]
    selected_kw: Annotated[
        Profile, Item(f"aggregate quantity selected, {_HOURS}", ge=0, catalogue="Q aggregate selected quantity")
    ]


class FlexibilityPurchase(Record, frozen=True, kw_only=True):
    """The market operator tells an operator what the session bought of a bid for it."""

    source: ClassVar[Source] = ()
    session: Annotated[str, _SESSION]
    buyer: Annotated[str, Item("who pays for it")]
    bid: Annotated[str, Item("the bid")]
    bsp: Annotated[str, Item("who sells")]
    direction: Annotated[str, _WAY]
    from_ms: Annotated[int, Item("start of the day of delivery")]
    perimeters: Annotated[tuple[str, ...], Item("where something is bought: perimeters, or the node of a unit")]
    bought_kw: Annotated[Profile, Item("in each of them, 24", ge=0)]
    price_eur_per_kwh: Annotated[float, Item("paid, as bid", ge=0)]


class AsmAward(Record, frozen=True, kw_only=True):
    """The market operator tells a BSP what was taken of its bid, and where."""

    source: ClassVar[Source] = ()
    session: Annotated[str, _SESSION]
    bid: Annotated[str, Item("the bid")]
    direction: Annotated[str, _WAY]
    from_ms: Annotated[int, Item("start of the day of delivery")]
    accepted_kw: Annotated[Profile, Item(_HOURS, ge=0)]
    areas: Annotated[tuple[str, ...], Item("perimeters of its components, or the node of its unit")]
    accepted_components_kw: Annotated[Profile, Item("in each of them, 24", ge=0)]
    buyers: Annotated[tuple[str, ...], Item("operators that pay for a part of it")]
    bought_kw: Annotated[Profile, Item("what each pays for in each of these areas, 24", ge=0)]
    price_eur_per_kwh: Annotated[float, Item("paid, as bid", ge=0)]
    reason: Annotated[str, Item("why not, or not all; empty if all was taken")]


class FlexibilityWant(Record, frozen=True, kw_only=True):
    """A commercial party tells the market operator what it would buy to close its position, and what that is worth to it."""

    source: ClassVar[Source] = ()
    want: Annotated[str, Item("its id")]
    session: Annotated[str, _SESSION]
    buyer: Annotated[str, Item("who wants it")]
    direction: Annotated[str, _WAY]
    from_ms: Annotated[int, Item("start of the day of delivery")]
    quantity_kw: Annotated[Profile, Item(_HOURS, ge=0)]
    price_eur_per_kwh: Annotated[float, Item("at most, beside the energy", ge=0)]


class CommercialPurchase(Record, frozen=True, kw_only=True):
    """The market operator tells a commercial party, and the TSO, what of its want was served and at which price of the change."""

    source: ClassVar[Source] = ()
    want: Annotated[str, Item("the want")]
    session: Annotated[str, _SESSION]
    buyer: Annotated[str, Item("who bought")]
    direction: Annotated[str, _WAY]
    from_ms: Annotated[int, Item("start of the day of delivery")]
    served_kw: Annotated[Profile, Item(_HOURS, ge=0)]
    price_eur_per_kwh: Annotated[Profile, Item("of each hour, beside the energy", ge=0)]
    reason: Annotated[str, Item("why less than wanted; empty if all was served")]
