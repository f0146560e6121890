"""Figures of the global market's sessions: what was bid and limited, what clearing cost and left open, what was called (SUC08.2, SUC10.3)."""

import numpy as np

from experiments.kpis.facts import Facts, ratio
from experiments.kpis.grid import Figure
from experiments.results.frame import Frame


def _sum(table: str, column: str) -> Figure:
    def figure(facts: Facts) -> float | None:
        frame = facts.all(table)
        return None if frame is None else float(np.abs(frame.floats(column)).sum())

    return figure


def limited_percent(facts: Facts) -> float | None:
    """What the TSO's lights took of the components in force at the gate [%]."""
    frame = facts.all("bid_components")
    share = None if frame is None else ratio(frame.floats("limited_kw").sum(), frame.floats("offered_kw").sum())
    return None if share is None else 100.0 * (1.0 - float(share))


def adapted_kwh(facts: Facts) -> float | None:
    """By how much bidders lowered components themselves, or moved them, because of constraints [kWh]."""
    frame = facts.all("bid_components")
    if frame is None:
        return None
    return float(np.maximum(frame.floats("first_kw") - frame.floats("offered_kw"), 0.0).sum())


def local_percent(facts: Facts) -> float | None:
    """Share of distribution networks in what sessions activated [%]."""
    bids, limits = facts.all("global_bids"), facts.all("perimeter_limits")
    if bids is None or limits is None:
        return None
    taken = bids.floats("accepted_kw")
    local = np.isin(bids.names("area"), np.unique(limits.names("perimeter")))
    share = ratio(taken[local].sum(), taken.sum())
    return None if share is None else 100.0 * float(share)


def late_notices(facts: Facts) -> float | None:
    """Notices of limits sent less than an hour before the first hour that changes."""
    frame = facts.all("limitation_notices")
    return None if frame is None else float((frame.ints("t_ms") > frame.ints("due_ms")).sum())


def _count(table: str) -> Figure:
    def figure(facts: Facts) -> float | None:
        frame: Frame | None = facts.all(table)
        if frame is None:
            return 0.0 if facts.all("global_clearings") is not None else None
        return float(len(frame))

    return figure


def excluded(facts: Facts) -> float | None:
    """Component messages that the TSO did not take: late or refused."""
    frame = facts.all("component_messages")
    return None if frame is None else float(np.isin(frame.names("outcome"), ("late", "refused")).sum())


def called_percent(facts: Facts) -> float | None:
    """What members confirmed of what providers called, at most what was called [%]."""
    frame = facts.all("bsp_orders")
    if frame is None:
        return None
    ordered = frame.floats("ordered_kw")
    share = ratio(np.minimum(frame.floats("expected_kw"), ordered).sum(), ordered.sum())
    return None if share is None else 100.0 * float(share)


def _needed_by_dsos(facts: Facts) -> float | None:
    frame = facts.all("perimeter_limits")
    return None if frame is None else float(frame.floats("needed_kw").sum())


def _bought_by_dsos(facts: Facts) -> float | None:
    """0 where sessions bought nothing for them."""
    frame = facts.all("operator_purchases")
    if frame is None:
        return None if facts.all("global_clearings") is None else 0.0
    return float(frame.floats("bought_kw").sum())


def _paid_by_dsos(facts: Facts) -> float | None:
    frame = facts.all("service_purchases")
    if frame is None:
        return None
    theirs = ~np.isin(frame.names("buyer"), sorted(_tsos(facts)))
    return float((frame.floats("service_eur") + frame.floats("energy_eur"))[theirs].sum())


def _of_parties(what: str) -> Figure:
    """Sum over hours of what commercial parties wanted or were sold [kWh], or pay for it beside the energy [EUR]; None where there are none."""

    def figure(facts: Facts) -> float | None:
        frame = facts.all("commercial_purchases")
        if frame is None:
            return None
        times = frame.floats("price_eur_per_kwh") if what == "paid_eur" else 1.0
        return float((frame.floats("wanted_kw" if what == "wanted_kwh" else "served_kw") * times).sum())

    return figure


def _tsos(facts: Facts) -> set[str]:
    """Operators that state needs of the whole system: the first of each session."""
    frame = facts.all("system_needs")
    limits = facts.all("perimeter_limits")
    if frame is None or limits is None:
        return set()
    return set(frame.names("operator").tolist()) - set(limits.names("dso").tolist())


FIGURES: dict[str, Figure] = {
    "dso_needed_kwh": _needed_by_dsos,
    "dso_bought_kwh": _bought_by_dsos,
    "dso_paid_eur": _paid_by_dsos,
    "parties_wanted_kwh": _of_parties("wanted_kwh"),
    "parties_bought_kwh": _of_parties("bought_kwh"),
    "parties_paid_eur": _of_parties("paid_eur"),
    "global_unmet_kwh": _sum("global_clearings", "unmet_kw"),
    "global_offered_kwh": _sum("bid_components", "first_kw"),
    "global_adapted_kwh": adapted_kwh,
    "global_limited_percent": limited_percent,
    "global_activated_kwh": _sum("global_bids", "accepted_kw"),
    "global_local_percent": local_percent,
    "global_cost_eur": _sum("global_clearings", "cost_eur"),
    "global_imbalance_kwh": _sum("global_clearings", "imbalance_left_kw"),
    "global_violated_kwh": _sum("global_clearings", "violated_kw"),
    "global_notices": _count("limitation_notices"),
    "global_notices_late": late_notices,
    "global_messages_refused": excluded,
    "global_called_percent": called_percent,
}
