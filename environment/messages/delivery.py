"""Messages of SUC10.4 and SUC08.4: limits and baselines for verification, hourly measurements, delivery reports, settlement.

Hours lie one after the other from ``from_ms``. Baselines and measurements are net load, positive when consuming; delivered flexibility is above 0 where
the grid saw less net load than the baseline (up), below 0 where it saw more (down).
"""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]
_PERIMETER = "grid element id code of a DSO perimeter"
_HOURLY = "length of an interval; an hour"


class VerificationRequest(Record, frozen=True, kw_only=True):
    """A DSO asks the TSO how the constraints of its perimeters were treated, and for the baselines of who was activated there."""

    source: ClassVar[Source] = (("SUC10.4", "N1"),)
    dso: Annotated[str, Item("who verifies")]
    perimeters: Annotated[tuple[str, ...], Item(_PERIMETER, catalogue="DSO perimeter")]
    bsps: Annotated[tuple[str, ...], Item("whose activations; none named: of everybody", catalogue="BSP")]
    from_ms: Annotated[int, Item("start of the period", catalogue="period")]
    to_ms: Annotated[int, Item("end of the period", catalogue="period")]


class ActivationLimits(Record, frozen=True, kw_only=True):
    """What a DSO's constraint left of a BSP's component in a perimeter."""

    source: ClassVar[Source] = (("SUC10.4", "N2"),)
    perimeter: Annotated[str, Item(_PERIMETER, catalogue="DSO perimeter")]
    bsp: Annotated[str, Item("whose component")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the first hour")]
    step_s: Annotated[float, Item(_HOURLY, ge=1)]
    is_limited: Annotated[Profile, Item("1: a light was yellow or red, 0: nothing is limited", ge=0, le=1)]
    limit_kw: Annotated[
        Profile,
        Item("most flexibility that was admitted; read where it is limited", ge=0, catalogue="upper limit"),
    ]
    offered_kw: Annotated[Profile, Item("component as bid", ge=0, catalogue="effect on BSP offers")]
    left_kw: Annotated[Profile, Item("what was left of it", ge=0, catalogue="effect on BSP offers")]


class AcceptedFlexibility(Record, frozen=True, kw_only=True):
    """What of a BSP's component in a perimeter was accepted; the text of the use case needs it and does not say who sends it."""

    source: ClassVar[Source] = (("SUC10.4", "N6"),)
    perimeter: Annotated[str, Item(_PERIMETER, catalogue="DSO perimeter")]
    bsp: Annotated[str, Item("whose component", catalogue="BSP")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the first hour")]
    step_s: Annotated[float, Item(_HOURLY, ge=1)]
    accepted_kw: Annotated[Profile, Item("accepted", ge=0, catalogue="accepted quantity")]


class PerimeterBaseline(Record, frozen=True, kw_only=True):
    """Baseline of a BSP's points in a DSO perimeter, as the BSP sent it to the TSO before the gate, and as the TSO hands it to the DSO."""

    source: ClassVar[Source] = (("SUC10.4", "N3"),)
    perimeter: Annotated[str, Item(_PERIMETER, catalogue="DSO perimeter")]
    bsp: Annotated[str, Item("whose points")]
    from_ms: Annotated[int, Item("start of the first hour")]
    step_s: Annotated[float, Item(_HOURLY, ge=1)]
    net_kw: Annotated[Profile, Item("net load without activation", catalogue="baseline")]


class VerificationRefusal(Record, frozen=True, kw_only=True):
    """The TSO does not answer a request for verification, and says why."""

    source: ClassVar[Source] = ()
    reason: Annotated[str, Item("what is wrong with it")]


class MeteringOrder(Record, frozen=True, kw_only=True):
    """The gateways of some connection points are to be read for a period; the DSO tells the register, the register the gateways."""

    source: ClassVar[Source] = ()
    gcps: Annotated[tuple[str, ...], Item("grid connection points")]
    from_ms: Annotated[int, Item("start of the period")]
    to_ms: Annotated[int, Item("end of the period")]


class MeterReading(Record, frozen=True, kw_only=True):
    """A certified meter shows the energy of an hour to its gateway."""

    source: ClassVar[Source] = (("SUC10.4", "N4"),)
    personal: ClassVar[bool] = True
    gcp: Annotated[str, Item("grid connection point", catalogue="GCP")]
    hour_ms: Annotated[int, Item("start of the hour", catalogue="hour")]
    consumption_kwh: Annotated[float, Item("taken from the grid", ge=0, catalogue="consumption")]
    production_kwh: Annotated[float, Item("given to the grid", ge=0, catalogue="production")]


class SetPointReading(Record, frozen=True, kw_only=True):
    """A resource shows the gateway at its connection point what it was ordered and will do of it."""

    source: ClassVar[Source] = ()
    personal: ClassVar[bool] = True
    activation: Annotated[str, Item("id of the activation")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the change")]
    to_ms: Annotated[int, Item("its end")]
    change_kw: Annotated[float, Item("mean change against the plan", ge=0)]


class MeasurementReport(Record, frozen=True, kw_only=True):
    """A gateway's measurements that the register does not have yet: signed, and chained to all before them."""

    source: ClassVar[Source] = (("SUC10.4", "N4"),)
    personal: ClassVar[bool] = True
    gcp: Annotated[str, Item("grid connection point", catalogue="GCP")]
    number: Annotated[int, Item("place of the first of them in the gateway's chain", ge=0)]
    hours_ms: Annotated[Profile, Item("starts of the hours", catalogue="hour")]
    consumption_kwh: Annotated[Profile, Item("taken from the grid", ge=0, catalogue="consumption")]
    production_kwh: Annotated[Profile, Item("given to the grid", ge=0, catalogue="production")]
    set_up_kwh: Annotated[Profile, Item("set-points: net load that was to be left out", ge=0)]
    set_down_kwh: Annotated[Profile, Item("set-points: net load that was to be added", ge=0)]
    chain: Annotated[tuple[str, ...], Item("link of each hour in the chain of hashes, SHA-256")]
    signature: Annotated[str, Item("Ed25519 signature of the gateway over place and link of the last hour")]


class MeasurementRefusal(Record, frozen=True, kw_only=True):
    """The register does not take a report, and says which measurement it waits for."""

    source: ClassVar[Source] = ()
    gcp: Annotated[str, Item("grid connection point")]
    next_number: Annotated[int, Item("place of the measurement that would be taken next", ge=0)]
    reason: Annotated[str, Item("what is wrong")]


class MeasurementQuery(Record, frozen=True, kw_only=True):
    """Somebody asks the register for the measurements of a connection point that it may see."""

    source: ClassVar[Source] = ()
    gcp: Annotated[str, Item("grid connection point")]
    from_ms: Annotated[int, Item("start of the period")]
    to_ms: Annotated[int, Item("end of the period")]


class PointMeasurements(Record, frozen=True, kw_only=True):
    """Measurements of a connection point, with the perimeter and the BSP that it belongs to."""

    source: ClassVar[Source] = (("SUC10.4", "N4"), ("SUC10.4", "N5"))
    personal: ClassVar[bool] = True
    gcp: Annotated[str, Item("grid connection point", catalogue="GCP")]
    perimeter: Annotated[str, Item(_PERIMETER, catalogue="DSO perimeter")]
    bsp: Annotated[str, Item("whose point it is", catalogue="BSP")]
    from_ms: Annotated[int, Item("start of the first hour", catalogue="hour")]
    step_s: Annotated[float, Item(_HOURLY, ge=1)]
    consumption_kwh: Annotated[Profile, Item("taken from the grid; 0 where missing", ge=0, catalogue="consumption")]
    production_kwh: Annotated[Profile, Item("given to the grid; 0 where missing", ge=0, catalogue="production")]
    set_up_kwh: Annotated[Profile, Item("set-points: net load that was to be left out; 0 where missing", ge=0)]
    set_down_kwh: Annotated[Profile, Item("set-points: net load that was to be added; 0 where missing", ge=0)]
    is_missing: Annotated[Profile, Item("1: nothing that can be trusted was stored for the hour", ge=0, le=1)]
    tampered_at: Annotated[
        int, Item("index of the first stored measurement that the gateway did not sign so; -1: none", ge=-1)
    ]


class QueryRefusal(Record, frozen=True, kw_only=True):
    """The register does not show measurements to who may not see them."""

    source: ClassVar[Source] = ()
    gcp: Annotated[str, Item("grid connection point")]
    reason: Annotated[str, Item("why not")]


class VerificationOutcome(Record, frozen=True, kw_only=True):
    """A DSO's verdict on the activations in one of its perimeters; who exceeded a limit is named."""

    source: ClassVar[Source] = (("SUC10.4", "N7"),)
    perimeter: Annotated[str, Item(_PERIMETER, catalogue="DSO perimeter")]
    from_ms: Annotated[int, Item("start of the period")]
    to_ms: Annotated[int, Item("end of the period")]
    is_positive: Annotated[bool, Item("limits were respected in all hours", catalogue="positive or negative")]
    exceeding: Annotated[tuple[str, ...], Item("BSPs that exceeded a limit")]
    planned_over_kwh: Annotated[float, Item("by how much baseline and accepted quantity exceed it", ge=0)]
    metered_over_kwh: Annotated[float, Item("by how much what was metered exceeds it", ge=0)]
    set_over_kwh: Annotated[float, Item("by how much what resources were set to exceeds it", ge=0)]
    missing_hours: Annotated[int, Item("hours of points that were not read and prove nothing", ge=0)]


class DeliveryEnded(Record, frozen=True, kw_only=True):
    """The TSO opens verification and settlement of a BSP's delivery period, with the instants until which answers count."""

    source: ClassVar[Source] = ()
    bsp: Annotated[str, Item("who delivered")]
    from_ms: Annotated[int, Item("start of the delivery period")]
    to_ms: Annotated[int, Item("its end")]
    perimeters: Annotated[tuple[str, ...], Item(_PERIMETER)]
    report_due_ms: Annotated[int, Item("until when the preliminary report counts")]
    clarification_due_ms: Annotated[int, Item("until when a clarification counts")]
    final_due_ms: Annotated[int, Item("until when the final report counts")]


class PreliminaryReport(Record, frozen=True, kw_only=True):
    """A BSP reports what it delivered in a perimeter, from its own monitoring."""

    source: ClassVar[Source] = (("SUC08.4", "[1]"),)
    bsp: Annotated[str, Item("who delivered")]
    perimeter: Annotated[str, Item(_PERIMETER)]
    service: Annotated[str, Item("what was delivered", one_of=("balancing",), catalogue="flexibility service")]
    from_ms: Annotated[int, Item("start of the first hour", catalogue="delivery period")]
    step_s: Annotated[float, Item(_HOURLY, ge=1)]
    delivered_kwh: Annotated[Profile, Item("delivered, up above 0", catalogue="amount delivered")]


class ClarificationRequest(Record, frozen=True, kw_only=True):
    """An operator measured something else than a BSP reported, and asks why."""

    source: ClassVar[Source] = ()
    bsp: Annotated[str, Item("who reported")]
    perimeter: Annotated[str, Item(_PERIMETER)]
    from_ms: Annotated[int, Item("start of the first hour")]
    step_s: Annotated[float, Item(_HOURLY, ge=1)]
    is_open: Annotated[Profile, Item("1: the hour is in question", ge=0, le=1, catalogue="discrepancy")]
    reported_kwh: Annotated[Profile, Item("as reported", catalogue="discrepancy")]
    measured_kwh: Annotated[Profile, Item("as measured; 0 where nothing was", catalogue="discrepancy")]
    is_missing: Annotated[Profile, Item("1: nothing was measured", ge=0, le=1)]
    due_ms: Annotated[int, Item("until when an answer counts")]


class Clarification(Record, frozen=True, kw_only=True):
    """A BSP answers a question about its report: it accepts what was measured, or stands by what it reported."""

    source: ClassVar[Source] = (("SUC08.4", "[2]"),)
    bsp: Annotated[str, Item("who reported")]
    perimeter: Annotated[str, Item(_PERIMETER)]
    from_ms: Annotated[int, Item("start of the first hour")]
    step_s: Annotated[float, Item(_HOURLY, ge=1)]
    accepts: Annotated[Profile, Item("1: takes the operator's value of the hour", ge=0, le=1, catalogue="discrepancy")]
    delivered_kwh: Annotated[
        Profile, Item("delivered, as it is seen now", catalogue="additional data or clarification")
    ]
    reason: Annotated[str, Item("why it was reported so", catalogue="additional data or clarification")]


class FinalReport(Record, frozen=True, kw_only=True):
    """A BSP's comprehensive report of what it delivered in a perimeter, after all clarifications."""

    source: ClassVar[Source] = (("SUC08.4", "[3]"),)
    bsp: Annotated[str, Item("who delivered")]
    perimeter: Annotated[str, Item(_PERIMETER)]
    service: Annotated[str, Item("what was delivered", one_of=("balancing",), catalogue="flexibility service")]
    from_ms: Annotated[int, Item("start of the first hour", catalogue="delivery period")]
    step_s: Annotated[float, Item(_HOURLY, ge=1)]
    delivered_kwh: Annotated[Profile, Item("delivered, up above 0", catalogue="amount delivered after clarification")]
    clarified: Annotated[int, Item("hours that were changed in the dialogue", ge=0)]


class SettlementNotification(Record, frozen=True, kw_only=True):
    """The TSO tells a BSP what it gets or owes for a delivery period, and what imbalance it caused."""

    source: ClassVar[Source] = (("SUC08.4", "[4]"),)
    settlement: Annotated[str, Item("id")]
    bsp: Annotated[str, Item("who delivered")]
    from_ms: Annotated[int, Item("start of the delivery period")]
    to_ms: Annotated[int, Item("its end")]
    ordered_kwh: Annotated[float, Item("accepted, both directions", ge=0)]
    delivered_kwh: Annotated[float, Item("delivered of it and paid", ge=0)]
    service_eur: Annotated[float, Item("for the change, at the prices of the bids", ge=0)]
    energy_eur: Annotated[
        float, Item("for the energy itself: upward bought from the BSP above 0, downward sold to it below")
    ]
    exposure_eur: Annotated[
        float,
        Item(
            "what the imbalances of the period would cost the balance responsible party", catalogue="economic exposure"
        ),
    ]
    neutralised_eur: Annotated[float, Item("part of it that is adjusted away, since it was ordered")]
    undelivered_eur: Annotated[float, Item("part of it that the BSP bears: what was ordered and not delivered")]
    others_eur: Annotated[float, Item("part of service and energy that other operators pay, each for what it bought")]
    final_eur: Annotated[
        float, Item("the rest: the TSO pays it; below 0: the BSP does", catalogue="final settlement amount")
    ]


class PurchaseStatement(Record, frozen=True, kw_only=True):
    """The TSO tells an operator that bought of a BSP, and the BSP, what the operator owes for what was delivered of it."""

    source: ClassVar[Source] = ()
    settlement: Annotated[str, Item("id of the settlement that it belongs to")]
    buyer: Annotated[str, Item("operator that bought")]
    bsp: Annotated[str, Item("who delivered")]
    from_ms: Annotated[int, Item("start of the delivery period")]
    to_ms: Annotated[int, Item("its end")]
    ordered_kwh: Annotated[float, Item("bought, both directions", ge=0)]
    delivered_kwh: Annotated[float, Item("delivered of it and paid", ge=0)]
    service_eur: Annotated[float, Item("for the change, at the prices of the bids", ge=0)]
    energy_eur: Annotated[float, Item("for the energy, where the buyer takes it; below 0: sold to the BSP")]
    final_eur: Annotated[float, Item("the buyer pays it to the BSP; below 0: the BSP does")]
    imbalance_eur: Annotated[
        float,
        Item("the TSO pays it to the buyer for energy that does not count for the balance; below 0: the buyer does"),
    ]


class ImbalanceStatement(Record, frozen=True, kw_only=True):
    """The TSO tells a balance responsible party its imbalance behind a BSP's points, activations adjusted (Reg. (EU) 2017/2195, art. 49, 54)."""

    source: ClassVar[Source] = ()
    settlement: Annotated[str, Item("id of the settlement that it belongs to")]
    party: Annotated[str, Item("whose imbalance")]
    bsp: Annotated[str, Item("behind whose points")]
    from_ms: Annotated[int, Item("start of the first hour")]
    step_s: Annotated[float, Item(_HOURLY, ge=1)]
    allocated_kwh: Annotated[Profile, Item("metered, injection above 0")]
    position_kwh: Annotated[Profile, Item("final position, injection above 0")]
    adjustment_kwh: Annotated[Profile, Item("activated, upward above 0")]
    price_eur_per_kwh: Annotated[Profile, Item("imbalance price")]
    eur: Annotated[float, Item("the party pays it; below 0: it receives")]
    undelivered_eur: Annotated[float, Item("part of it that was ordered and not delivered: the BSP bears it")]
    transfer_eur: Annotated[float, Item("value of the energy that the BSP sold for it; below 0: bought")]


class ExposureClaim(Record, frozen=True, kw_only=True):
    """A balance responsible party passes on to a BSP what its activations cost or brought it, so that the party is left as without them."""

    source: ClassVar[Source] = ()
    claim: Annotated[str, Item("id")]
    settlement: Annotated[str, Item("settlement that it belongs to")]
    debtor: Annotated[str, Item("who pays")]
    creditor: Annotated[str, Item("who is paid")]
    purpose: Annotated[str, Item("for what", one_of=("undelivered", "energy transfer"))]
    eur: Annotated[float, Item("amount", ge=0)]
