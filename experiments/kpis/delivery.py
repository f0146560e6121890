"""Figures of delivery: what of accepted services was delivered, whether limits were kept, what was asked about, and what it cost whom (SUC10.4, SUC08.4)."""

import numpy as np

from experiments.kpis.facts import Facts, ratio
from experiments.kpis.grid import Figure


def _sum(table: str, column: str) -> Figure:
    def figure(facts: Facts) -> float | None:
        frame = facts.all(table)
        return None if frame is None else float(np.nansum(frame.floats(column)))

    return figure


def delivered_percent(facts: Facts) -> float | None:
    """Delivered of what was ordered, both directions [%]."""
    frame = facts.all("service_settlements")
    share = None if frame is None else ratio(frame.floats("delivered_kwh").sum(), frame.floats("ordered_kwh").sum())
    return None if share is None else 100.0 * share


def negative_outcomes(facts: Facts) -> float | None:
    """Perimeters and days in which a limit was exceeded."""
    frame = facts.all("verification_outcomes")
    return None if frame is None else float((~frame.bools("is_positive")).sum())


def unread_percent(facts: Facts) -> float | None:
    """Hours of connection points that no DSO could read, of all that were to be measured [%]."""
    told, points = facts.all("verification_outcomes"), facts.all("associations")
    if told is None or points is None:
        return None
    days = len(set(told.ints("from_ms").tolist()))
    hours = len(points) * 24.0 * days / max(days, 1)
    share = ratio(told.floats("missing_hours").sum(), hours)
    return None if share is None else 100.0 * share


def questioned_percent(facts: Facts) -> float | None:
    """Hours of reports that an operator asked about, of all reported [%]."""
    frame = facts.all("report_checks")
    share = None if frame is None or not len(frame) else ratio(float(frame.bools("is_open").sum()), float(len(frame)))
    return None if share is None else 100.0 * share


def transferred_eur(facts: Facts) -> float | None:
    """Value of energy that providers sold for the balance responsible parties behind their points, bought energy deducted [EUR]."""
    frame = facts.all("responsible_imbalances")
    return None if frame is None else float(frame.floats("transfer_eur").sum())


def left_with_responsible_eur(facts: Facts) -> float | None:
    """What activations left with balance responsible parties beside the value of their energy: 0 where they are neutral [EUR].

    What they paid for imbalances of their own, which would have been without activations, is not counted.
    """
    ledger, stated = facts.all("ledger"), facts.all("responsible_imbalances")
    if ledger is None or stated is None:
        return None
    parties = sorted(set(stated.names("party").tolist()))
    mine = np.isin(ledger.names("purpose"), ("imbalance", "undelivered", "energy transfer"))
    eur = np.where(mine, ledger.floats("eur"), 0.0)
    got = float(eur[np.isin(ledger.names("creditor"), parties)].sum())
    paid = float(eur[np.isin(ledger.names("debtor"), parties)].sum())
    own = float((stated.floats("paid_eur") - stated.floats("undelivered_eur")).sum())
    return round(got - paid + own - float(stated.floats("transfer_eur").sum()), 6)


FIGURES: dict[str, Figure] = {
    "services_ordered_kwh": _sum("service_settlements", "ordered_kwh"),
    "services_delivered_percent": delivered_percent,
    "limits_exceeded": negative_outcomes,
    "limits_exceeded_kwh": _sum("verifications", "metered_over_kw"),
    "points_unread_percent": unread_percent,
    "reports_questioned_percent": questioned_percent,
    "services_paid_eur": _sum("service_settlements", "final_eur"),
    "services_undelivered_eur": _sum("service_settlements", "undelivered_eur"),
    "responsible_imbalance_eur": _sum("service_settlements", "imbalance_eur"),
    "services_neutralised_eur": _sum("service_settlements", "neutralised_eur"),
    "responsible_left_eur": left_with_responsible_eur,
    "energy_transferred_eur": transferred_eur,
}
