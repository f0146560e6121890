"""Figures of a service for households (SUC13.1): contracted power, injection, re-solving, corrections, flexibility sold."""

from collections.abc import Mapping

import numpy as np

from data.arrays import F64, Bool
from experiments.kpis.facts import MS_PER_H, Facts, ratio
from experiments.kpis.grid import Figure
from experiments.results.frame import Frame

NEAR = 1e-6


def served(facts: Facts) -> bool:
    """Whether the run's homes have a service."""
    return bool(facts.scenario.get("pilot"))


def net_of_homes(facts: Facts) -> tuple[F64, F64] | None:
    """Net load of each home and step of the delivery days [kW], and the contracted power of each home, (rows,) both."""
    homes, meters = facts.all("homes"), facts.days("meters")
    if homes is None or meters is None or not served(facts) or not homes.has("contracted_kw"):
        return None
    limit = dict(zip(homes.names("meter").tolist(), homes.floats("contracted_kw").tolist(), strict=True))
    codes, labels = meters.codes("meter")
    contracted = np.array([limit.get(label, np.nan) for label in labels])[codes]
    mine = ~np.isnan(contracted)
    net = (meters.floats("import_kwh") - meters.floats("export_kwh")) / facts.hours
    return net[mine], contracted[mine]


def over_contract_h(facts: Facts) -> float | None:
    """Home hours with more than the contracted power."""
    found = net_of_homes(facts)
    return None if found is None else float((found[0] > found[1] + NEAR).sum()) * facts.hours


def highest_percent(facts: Facts) -> float | None:
    """The highest mean power of a home in a step, of its contracted power."""
    found = net_of_homes(facts)
    return None if found is None else 100.0 * float((found[0] / found[1]).max())


def fed_kwh(facts: Facts) -> float | None:
    """Energy that homes feed in."""
    found = net_of_homes(facts)
    return None if found is None else float(np.maximum(-found[0], 0.0).sum()) * facts.hours


def _sum(frame: Frame | None, column: str, where: Bool | None = None) -> float | None:
    if frame is None:
        return None
    values = frame.floats(column)
    return float(np.nansum(values if where is None else values[where]))


def resolved_percent(facts: Facts) -> float | None:
    """Households solved again, of those planned."""
    frame = facts.all("resolves")
    share = ratio(_sum(frame, "solved"), _sum(frame, "members"))
    return None if share is None else 100.0 * share


def loss_percent(facts: Facts) -> float | None:
    """What keeping plans costs against making them anew, of the cost of the latter."""
    frame = facts.all("resolves")
    share = ratio(_sum(frame, "loss_eur"), _sum(frame, "cost_eur"))
    return None if share is None else 100.0 * share


def corrections(about: str, column: str) -> Figure:
    """Energy asked for, or moved, by corrections of a kind.

    What is ordered lasts to the end of the quarter of an hour; what could not be moved is asked for again at the next tick.
    """

    def energy(facts: Facts) -> float | None:
        frame = facts.days("corrections")
        if frame is None:
            return 0.0 if served(facts) and facts.all("resolves") else None
        mine = frame.names("about") == about
        tick_h = float(facts.scenario["pilot"]["control"]["tick_s"]) / 3600.0
        rest_h = facts.hours - frame.ints("t_ms") % facts.step_ms / MS_PER_H
        moved = float((frame.floats("moved_kw") * rest_h)[mine].sum())
        return moved if column == "moved_kw" else moved + float(frame.floats("left_kw")[mine].sum()) * tick_h

    return energy


def daily(column: str) -> Figure:
    """Mean over the days of a figure that the service itself works out (scenario 13)."""

    def mean(facts: Facts) -> float | None:
        frame = facts.all("service_figures")
        values = np.zeros(0) if frame is None else frame.floats(column)
        values = values[~np.isnan(values)]
        return float(values.mean()) if len(values) else None

    return mean


def settled(column: str) -> Figure:
    """Sum of a column of what buyers settled."""

    def total(facts: Facts) -> float | None:
        frame = facts.all("home_settlements")
        if frame is None:
            return 0.0 if served(facts) and facts.all("resolves") else None
        return _sum(frame, column)

    return total


def automatic_percent(facts: Facts) -> float | None:
    """Controlled devices in automatic mode at the end of the run."""
    frame = facts.all("modes")
    if frame is None:
        return None
    last: dict[tuple[str, str], str] = {}
    order = np.argsort(frame.ints("t_ms"), kind="stable")
    rows = list(zip(frame.names("owner"), frame.names("kind"), frame.names("mode"), strict=True))
    for place in order.tolist():
        owner, kind, mode = rows[place]
        last[str(owner), str(kind)] = str(mode)
    return 100.0 * sum(mode == "automatic" for mode in last.values()) / len(last)


def members(facts: Facts) -> float | None:
    """Households planned in the last cycle."""
    frame = facts.all("resolves")
    return None if frame is None else float(frame.floats("members")[int(np.argmax(frame.ints("t_ms")))])


FIGURES: Mapping[str, Figure] = {
    "service_members": members,
    "service_automatic_percent": automatic_percent,
    "homes_over_contract_h": over_contract_h,
    "homes_highest_of_contract_percent": highest_percent,
    "homes_fed_in_kwh": fed_kwh,
    "service_resolved_percent": resolved_percent,
    "service_resolve_loss_percent": loss_percent,
    "service_peak_asked_kwh": corrections("peak", "asked_kw"),
    "service_peak_moved_kwh": corrections("peak", "moved_kw"),
    "service_surplus_asked_kwh": corrections("surplus", "asked_kw"),
    "service_surplus_moved_kwh": corrections("surplus", "moved_kw"),
    "service_load_error_percent": daily("load_error_percent"),
    "service_yesterday_error_percent": daily("yesterday_error_percent"),
    "service_last_week_error_percent": daily("last_week_error_percent"),
    "service_called_kwh": settled("ordered_kwh"),
    "service_delivered_kwh": settled("delivered_kwh"),
    "service_income_eur": settled("eur"),
}
