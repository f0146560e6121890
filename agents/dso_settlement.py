"""The DSO's check of a settlement before it pays (SUC06.3 step 1.7)."""

from environment.messages.settlement import RemunerationAndPenalty
from markets.ledger import cents

TOLERANCE_KWH = 1e-6
TOLERANCE_EUR = 0.01


def judge(record: RemunerationAndPenalty, called: tuple[float, float] | None, given_up: str = "") -> str:
    """Why a settlement is disputed; empty if it is approved.

    Args:
        record: what the settlement service computed.
        called: energy that the DSO called with this activation [kWh] and its price at full delivery [EUR]; None if it never called it.
        given_up: why the DSO no longer counted on the call; empty if it did.
    """
    if called is None:
        return f"the DSO did not call activation {record.activation!r}"
    if given_up:
        return f"the DSO gave the call up: {given_up}"
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
