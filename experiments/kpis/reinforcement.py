"""Figures of the conventional alternative: a stronger grid in place of flexibility, and on how many days a year which is cheaper.

What is overloaded without coordination would be replaced: transformers one by one, lines over their length, at the unit costs of the
scenario (``grid.means.reinforcement``), as equal yearly payments over their lifetime (capital recovery factor).
"""

from collections.abc import Mapping
from typing import Any

from experiments.kpis.facts import Facts, ratio
from experiments.kpis.grid import Figure, overload_rows, voltage_violation_hours
from experiments.kpis.market import flexibility_cost_eur
from experiments.results.frame import Frame

LV_KV = 1.0
"""Below it a voltage is low."""

DAY_MS = 86_400_000


def capital_recovery_factor(interest: float, years: float) -> float:
    """Equal yearly payment for each EUR spent now: ``i (1 + i)^n / ((1 + i)^n - 1)``; ``1 / n`` without interest."""
    growth = (1.0 + interest) ** years
    return interest * growth / (growth - 1.0) if interest else 1.0 / years


def reinforcement_eur_per_year(facts: Facts) -> float | None:
    """Yearly cost of replacing what is overloaded without coordination [EUR/a]; None without twin, prices, lengths, or with voltages to mend."""
    prices = ((facts.scenario.get("grid") or {}).get("means") or {}).get("reinforcement")
    network, twin = facts.all("network_branches"), facts.twin
    flows = twin.days("grid_branches") if twin else None
    if not prices or not network or not twin or not flows:
        return None
    if not network.has("length_km") or voltage_violation_hours(twin):
        return None
    overloaded = set(flows.names("branch")[overload_rows(facts, flows)].tolist())
    cost = sum(
        _price(row, prices, _voltages(facts)) for row in network.table.to_pylist() if row["branch"] in overloaded
    )
    return cost * capital_recovery_factor(prices["interest"], prices["lifetime_years"])


def _voltages(facts: Facts) -> dict[str, float]:
    buses: Frame | None = facts.all("network_buses")
    return dict(zip(buses.names("bus").tolist(), buses.floats("vn_kv").tolist(), strict=True)) if buses else {}


def _price(branch: Mapping[str, Any], prices: Mapping[str, float], kv: Mapping[str, float]) -> float:
    """What it costs to replace a branch [EUR]; the voltage of its far end decides."""
    level = "lv" if kv.get(branch["to_bus"], 0.0) < LV_KV else "mv"
    if branch["kind"] == "trafo":
        return prices[f"{level}_transformer_eur"]
    return prices[f"{level}_line_eur_per_km"] * float(branch["length_km"] or 0.0)


def breakeven_days_per_year(facts: Facts) -> float | None:
    """Days a year with the flexibility of these below which it is cheaper than a stronger grid [d/a]."""
    days = (facts.end_ms - facts.start_ms) / DAY_MS
    cost = flexibility_cost_eur(facts)
    return ratio(reinforcement_eur_per_year(facts), cost / days) if cost is not None and cost > 0.0 else None


FIGURES: dict[str, Figure] = {
    "reinforcement_eur_per_year": reinforcement_eur_per_year,
    "breakeven_days_per_year": breakeven_days_per_year,
}
