"""Messages of SUC06.3 and of billing: what was delivered, what is owed."""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]


class MeterDataRequest(Record, frozen=True, kw_only=True):
    """Whoever settles asks for certified meter readings (the request part of a GET)."""

    source: ClassVar[Source] = ()
    meters: Annotated[tuple[str, ...], Item("metering points")]
    from_ms: Annotated[int, Item("start of the period")]
    to_ms: Annotated[int, Item("end of the period")]


class MeterData(Record, frozen=True, kw_only=True):
    """Readings of a portfolio's certified meters, summed per interval."""

    source: ClassVar[Source] = (("SUC06.3", "I1"),)
    meters: Annotated[
        tuple[str, ...], Item("metering points", catalogue="historical meter readings of flexible consumers")
    ]
    from_ms: Annotated[int, Item("start of the first interval", umei="periodFrom")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    metered_kw: Annotated[
        Profile, Item("mean net load per interval, summed over the meters", umei="quantity", uftp="ActualPower")
    ]
    missing: Annotated[int, Item("readings that are missing", ge=0)]


class BaselineRequest(Record, frozen=True, kw_only=True):
    """Whoever settles asks for a stored baseline (the request part of a GET)."""

    source: ClassVar[Source] = ()
    baseline: Annotated[str, Item("id of the baseline")]


class RemunerationAndPenalty(Record, frozen=True, kw_only=True):
    """What an FSP earned with one activation, or with the intervals of a contract that were never called."""

    source: ClassVar[Source] = (("SUC06.3", "I3"), ("SUC06.3", "I4"))
    settlement: Annotated[str, Item("id")]
    activation: Annotated[str, Item("the activation settled")]
    fsp: Annotated[str, Item("who delivered", catalogue="FSP")]
    ordered_kwh: Annotated[float, Item("requested", ge=0, uftp="OrderedFlexPower")]
    delivered_kwh: Annotated[
        float,
        Item(
            "baseline minus metered, capped at the order", ge=0, catalogue="delivered amount", uftp="DeliveredFlexPower"
        ),
    ]
    remuneration_eur: Annotated[float, Item("earned", ge=0, catalogue="remuneration", uftp="Price")]
    penalty_eur: Annotated[float, Item("deducted", ge=0, catalogue="penalty", uftp="Penalty")]
    net_eur: Annotated[float, Item("remuneration minus penalty", uftp="NetSettlement")]
    availability_eur: Annotated[float, Item("part of the remuneration that is for power held ready", ge=0)] = 0.0


class SettlementDecision(Record, frozen=True, kw_only=True):
    """The DSO approves a settlement or disputes it, with its reason."""

    source: ClassVar[Source] = (("SUC06.3", "I4"),)
    settlement: Annotated[str, Item("id")]
    approved: Annotated[bool, Item("the DSO pays")]
    reason: Annotated[str, Item("why not")]
    net_eur: Annotated[float, Item("amount decided on")]


class SettlementAnswer(Record, frozen=True, kw_only=True):
    """An FSP accepts what the DSO worked out, or disputes it with its reason."""

    source: ClassVar[Source] = ()
    settlement: Annotated[str, Item("id")]
    accepted: Annotated[bool, Item("the FSP agrees")]
    reason: Annotated[str, Item("why not")]


class Invoice(Record, frozen=True, kw_only=True):
    """A bill between two parties; a payment cites it."""

    source: ClassVar[Source] = ()
    invoice: Annotated[str, Item("id")]
    debtor: Annotated[str, Item("who pays")]
    creditor: Annotated[str, Item("who is paid")]
    purpose: Annotated[str, Item("for what")]
    eur: Annotated[float, Item("amount", ge=0)]


class MemberStatement(Record, frozen=True, kw_only=True):
    """An FSP tells a member what its flexibility earned."""

    source: ClassVar[Source] = ()
    delivered_kwh: Annotated[float, Item("share of the deliveries of the pool", ge=0)]
    eur: Annotated[float, Item("amount", ge=0)]


class RetailBill(Record, frozen=True, kw_only=True):
    """A retailer's bill to a home, by who gets the money in the end."""

    source: ClassVar[Source] = ()
    from_ms: Annotated[int, Item("start of the period")]
    to_ms: Annotated[int, Item("end of the period")]
    import_kwh: Annotated[float, Item("taken from the grid", ge=0)]
    export_kwh: Annotated[float, Item("fed into the grid", ge=0)]
    energy_eur: Annotated[float, Item("energy and retail, fixed charges included")]
    network_eur: Annotated[float, Item("network tariff, fixed charges included, passed on to the DSO")]
    taxes_eur: Annotated[float, Item("system charges and taxes, also on fixed charges, passed on to the state")]
    fixed_eur: Annotated[
        float, Item("fixed charges in the three amounts, pro rata over the period, before rounding", ge=0)
    ]
    surplus_eur: Annotated[float, Item("paid for what was fed in")]
