"""Figures of energy communities: energies shared, costs inside and alone, flexibility sold (definitions: ``markets.community_indicators``)."""

from collections.abc import Callable, Mapping

import numpy as np

from data.arrays import F64, I64
from experiments.kpis.facts import Facts, difference, ratio, summed, total
from experiments.kpis.grid import Figure
from experiments.results.frame import Frame


def members(facts: Facts) -> float | None:
    """Homes that approved the rules and joined."""
    frame = facts.all("community_members")
    if frame is None:
        return None
    return float(len(set(frame.names("member")[frame.bools("approved")].tolist())))


def _sum(table: str, column: str) -> Figure:
    """Sum of a column over the delivery days."""

    def of(facts: Facts) -> float | None:
        frame = facts.all(table)
        return None if frame is None else total(frame.floats(column))

    return of


def energy_saved_kwh(facts: Facts) -> float | None:
    """What members took and no retailer supplied."""
    frame = facts.all("community_energies")
    return None if frame is None else total(frame.floats("consumption_kwh") - frame.floats("supplied_kwh"))


def _percent(value: float) -> float | None:
    return 100.0 * value if np.isfinite(value) else None


def own_energy_percent(facts: Facts) -> float | None:
    """Self-consumption: of the energy that members had of their own, what was not surplus."""
    from markets.community_indicators import self_consumption

    frame = facts.all("community_energies")
    if frame is None:
        return None
    used, surplus = frame.floats("load_kwh") - frame.floats("supplied_kwh"), frame.floats("surplus_kwh")
    return _percent(self_consumption(used + surplus, surplus))


def sufficiency_percent(facts: Facts) -> float | None:
    """Self-sufficiency: of what members consumed, what no retailer supplied."""
    from markets.community_indicators import self_sufficiency

    frame = facts.all("community_energies")
    return None if frame is None else _percent(self_sufficiency(frame.floats("load_kwh"), frame.floats("supplied_kwh")))


def sharing_percent(facts: Facts) -> float | None:
    """Energy sharing ratio: of the surpluses of members at their meters, what others could use in the same period."""
    frame = facts.all("community_energies")
    if frame is None:
        return None
    group = _groups(frame)
    left = frame.floats("generation_kwh") - frame.floats("consumption_kwh")
    given, wanted = summed(group, np.maximum(left, 0.0)), summed(group, np.maximum(-left, 0.0))
    return ratio(100.0 * float(np.minimum(given, wanted).sum()), float(given.sum()))


def _groups(frame: Frame) -> I64:
    """Number of the community and period of each row."""
    names = np.unique(frame.names("community"), return_inverse=True)[1]
    return np.asarray(
        np.unique(np.column_stack([names, frame.ints("t_ms")]), axis=0, return_inverse=True)[1].ravel(), np.int64
    )


def _costs(facts: Facts) -> tuple[F64, F64] | None:
    """Of every member and day what it pays inside, and what the same energies would have cost alone."""
    frame = facts.all("community_settlements")
    if frame is None:
        return None
    plus = sum(frame.floats(name) for name in ("supply_eur", "grid_eur", "internal_eur", "shortfall_eur"))
    inside = plus - frame.floats("surplus_eur") - frame.floats("flexibility_eur")
    return np.asarray(inside), frame.floats("alone_eur")


def cost_inside(facts: Facts) -> float | None:
    """What members pay for energy inside, fixed charges apart."""
    costs = _costs(facts)
    return None if costs is None else float(costs[0].sum())


def cost_alone(facts: Facts) -> float | None:
    """What the same energies would have cost outside."""
    costs = _costs(facts)
    return None if costs is None else float(costs[1].sum())


def saved_percent(facts: Facts) -> float | None:
    """Cost reduction for the same energies."""
    from markets.community_indicators import cost_reduction

    costs = _costs(facts)
    return None if costs is None else _percent(cost_reduction(float(costs[1].sum()), float(costs[0].sum())))


def least_saving(facts: Facts) -> float | None:
    """What the member who gains least gains over all days."""
    frame, costs = facts.all("community_settlements"), _costs(facts)
    if frame is None or costs is None:
        return None
    member = np.unique(frame.names("member"), return_inverse=True)[1]
    return float(summed(np.asarray(member, np.int64), costs[1] - costs[0]).min())


def saved_against_twin(facts: Facts) -> float | None:
    """What members' payments are less than in the twin, where the same homes live without the community."""
    frame = facts.all("community_settlements")
    if frame is None or facts.twin is None:
        return None
    names = set(frame.names("member").tolist())
    return difference(_paid(facts.twin, names), _paid(facts, names))


def _paid(facts: Facts, names: set[str]) -> float | None:
    frame = facts.all("ledger")
    if frame is None:
        return None
    eur = frame.floats("eur")
    out, back = (np.isin(frame.names(side), sorted(names)) for side in ("debtor", "creditor"))
    return float(eur[out].sum() - eur[back].sum())


def average_price(facts: Facts) -> float | None:
    """Mean internal price, weighted by what was traded."""
    frame = facts.all("community_prices")
    if frame is None:
        return None
    traded = frame.floats("traded_kwh")
    return ratio(float((traded * frame.floats("price_eur_per_kwh")).sum()), float(traded.sum()))


def flexibility(column: str) -> Callable[[Facts], float | None]:
    """Energy of a column of what was needed, offered, ordered and delivered; of the need once for all its offers."""

    def of(facts: Facts) -> float | None:
        frame = facts.all("community_flexibility")
        if frame is None:
            return None
        values = frame.floats(column)
        if column == "needed_kw":
            keys = np.column_stack(
                [np.unique(frame.names(name), return_inverse=True)[1] for name in ("community", "direction")]
            )
            rows = np.column_stack([keys, frame.ints("t_ms")])
            values = values[np.unique(rows, axis=0, return_index=True)[1]]
        return float(values.sum() * facts.market_hours)

    return of


def agreed_percent(facts: Facts) -> float | None:
    """Days on which members agreed before delivery: nobody would gain by another schedule, up to the tolerance."""
    frame = facts.all("community_markets")
    return None if frame is None else _percent(float(frame.bools("converged").mean()))


def above_optimum_percent(facts: Facts) -> float | None:
    """What members agreed on above the welfare optimum, where that was worked out."""
    frame = facts.all("community_markets")
    if frame is None:
        return None
    cost, best = frame.floats("cost_eur"), frame.floats("optimum_eur")
    known = np.isfinite(best)
    return ratio(100.0 * float((cost - best)[known].sum()), float(np.abs(best[known]).sum()))


def delivered_percent(facts: Facts) -> float | None:
    """What was delivered of what was activated."""
    delivered, ordered = flexibility("delivered_kw")(facts), flexibility("ordered_kw")(facts)
    return None if delivered is None or ordered is None else ratio(100.0 * delivered, ordered)


FIGURES: Mapping[str, Figure] = {
    "community_members": members,
    "community_energy_saved_kwh": energy_saved_kwh,
    "community_shared_kwh": _sum("community_prices", "traded_kwh"),
    "community_self_consumption_percent": own_energy_percent,
    "community_self_sufficiency_percent": sufficiency_percent,
    "community_sharing_percent": sharing_percent,
    "community_price_eur_per_kwh": average_price,
    "community_cost_eur": cost_inside,
    "community_cost_alone_eur": cost_alone,
    "community_saved_percent": saved_percent,
    "community_least_saving_eur": least_saving,
    "community_saved_against_twin_eur": saved_against_twin,
    "community_emissions_avoided_kg": _sum("community_settlements", "avoided_kg"),
    "community_market_agreed_percent": agreed_percent,
    "community_market_above_optimum_percent": above_optimum_percent,
    "community_flexibility_needed_kwh": flexibility("needed_kw"),
    "community_flexibility_offered_kwh": flexibility("offered_kw"),
    "community_flexibility_ordered_kwh": flexibility("ordered_kw"),
    "community_flexibility_delivered_kwh": flexibility("delivered_kw"),
    "community_flexibility_delivered_percent": delivered_percent,
    "community_flexibility_eur": _sum("community_settlements", "flexibility_eur"),
}
