"""The DSO's part of a settlement: which readings it can give (SUC06.3 step 1.1), and its check before it pays (step 1.7)."""

from dataclasses import dataclass

from environment.instruments import MeterStore
from environment.messages.settlement import MeterDataRequest, RemunerationAndPenalty
from markets.ledger import cents

TOLERANCE_KWH = 1e-6
TOLERANCE_EUR = 0.01


@dataclass(frozen=True)
class GivenUp:
    """Why the DSO no longer counted on a call, and whether its notice had reached the FSP's side."""

    reason: str
    reached: bool


def judge(record: RemunerationAndPenalty, called: tuple[float, float] | None, given_up: GivenUp | None = None) -> str:
    """Why a settlement is disputed; empty if it is approved.

    Args:
        record: what the settlement service computed.
        called: energy that the DSO called with this activation [kWh] and its price at full delivery, availability included [EUR]; None
            if it never called it. Power held ready and never called is no energy, at its availability price.
        given_up: why the DSO no longer counted on the call; None if it did. Then nothing is paid for it; a penalty is due where the
            notice was passed on, since the contract binds whoever sold.
    """
    if called is None:
        return f"the DSO did not call activation {record.activation!r}"
    if given_up is not None and (record.remuneration_eur > 0.0 or not given_up.reached):
        return f"the DSO gave the call up: {given_up.reason}"
    ordered_kwh, full_eur = called
    if abs(record.ordered_kwh - ordered_kwh) > TOLERANCE_KWH:
        return f"{ordered_kwh:.3f} kWh were ordered, not {record.ordered_kwh:.3f}"
    if record.delivered_kwh > record.ordered_kwh + TOLERANCE_KWH:
        return "more is credited than was ordered"
    if record.remuneration_eur > full_eur + TOLERANCE_EUR:
        return f"full delivery costs {full_eur:.2f} EUR, not {record.remuneration_eur:.2f}"
    if cents(record.remuneration_eur - record.penalty_eur) != cents(record.net_eur):
        return "the net amount is not remuneration minus penalty"
    return ""


def unreadable(request: MeterDataRequest, meters: MeterStore) -> str:
    """Why there can be no readings for a request; empty if there can."""
    timeline = meters.timeline
    unknown = [name for name in request.meters if name not in meters]
    if not request.meters or unknown:
        return f"unknown metering points: {', '.join(unknown[:3])}" if unknown else "no metering point is named"
    if not timeline.start_ms <= request.from_ms < request.to_ms <= timeline.end_ms:
        return f"[{request.from_ms}, {request.to_ms}) ms is no period of {timeline.start_ms} to {timeline.end_ms} ms"
    if (request.from_ms - timeline.start_ms) % timeline.step_ms or (
        request.to_ms - timeline.start_ms
    ) % timeline.step_ms:
        return f"[{request.from_ms}, {request.to_ms}) ms is not made of intervals of {timeline.step_ms} ms"
    return ""
