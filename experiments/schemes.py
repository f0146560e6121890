"""The same bids and needs under every coordination scheme, side by side."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from experiments.rules_clearing import tidy
from experiments.rules_coordination import IntegratedScheme, LevelledScheme, LitScheme
from experiments.scenario_library import RULES, rule_with
from markets.coordination.common import shares_eur
from markets.coordination.situation import JOINT, Activations, Situation


class Situations(LevelledScheme, LitScheme, IntegratedScheme):
    """Bids, networks and needs of several system operators, with traffic lights and commercial parties for the schemes that know them."""

    example: ClassVar[Mapping[str, Any]] = {**LitScheme.example, "wants": IntegratedScheme.example["wants"]}


def compared(given: Situations) -> dict[str, Any]:
    """What every scheme makes of a situation, as JSON types.

    Returns:
        ``{"schemes": [{"scheme", "cost_eur", "dearer_percent", "by_buyer", "activated_kwh", "served_kwh", "unmet_kwh", "violated_kwh", "violated",
        "imbalance_left_kwh", "feasible"}], "shares": {operator: EUR}}``; dearer than the common market, null where that costs nothing.
    """
    case = given.situation()
    said = {"unmet_eur_per_kwh": given.unmet_eur_per_kwh, "counts": given.counts}
    found: dict[str, Activations] = {
        name: rule_with("coordination", name, said)(case) for name in RULES["coordination"]
    }
    common_eur = found["common"].cost_eur()
    paid = shares_eur(case, unmet_eur_per_kwh=given.unmet_eur_per_kwh)
    return {
        "schemes": [{"scheme": name, **_row(case, outcome, common_eur)} for name, outcome in found.items()],
        "shares": {name: tidy(eur) for name, eur in zip(case.operators, paid, strict=True)},
    }


def _row(case: Situation, outcome: Activations, common_eur: float) -> dict[str, Any]:
    unmet, violated = outcome.unmet_kw, outcome.violated_kw
    cost = outcome.cost_eur()
    return {
        "cost_eur": tidy(cost),
        "dearer_percent": tidy(100 * (cost / common_eur - 1)) if common_eur > 0 else None,
        "by_buyer": {buyer: tidy(outcome.cost_eur(buyer)) for buyer in outcome.taken_kw},
        "activated_kwh": tidy(outcome.accepted_kw.sum() * case.hours),
        "served_kwh": tidy(outcome.served_kw.sum() * case.hours),
        "unmet_kwh": tidy(unmet.sum() * case.hours),
        "violated_kwh": tidy(violated.sum() * case.hours),
        "violated": [case.constraints[k] for k in np.flatnonzero(violated.any(axis=1))],
        "imbalance_left_kwh": tidy(np.abs(outcome.imbalance_left_kw).sum() * case.hours),
        "feasible": outcome.is_feasible,
    }


def comparison_text(said: Mapping[str, Any]) -> str:
    """The comparison as a table."""
    head = (
        "scheme",
        "cost EUR",
        "vs common",
        "activated kWh",
        "unmet kWh",
        "violated kWh",
        "imbalance kWh",
        "feasible",
        "who buys",
    )
    rows = [head, *(_line(row) for row in said["schemes"])]
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    aligned = [
        "  ".join(
            cell.ljust(width) if k in (0, 8) else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    shares = ", ".join(f"{name} {eur:.2f} EUR" for name, eur in said["shares"].items())
    notes = [
        "",
        f"Who would pay what of the common market (Shapley value, open needs included): {shares}.",
        "Cost: activated bids at their own prices. A scheme that is not feasible breaks a limit, leaves a need open or the system unbalanced;",
        "its cost is not to be held against the others'. The integrated market serves commercial parties as well.",
    ]
    return "\n".join([aligned[0].rstrip(), "-" * len(aligned[0]), *(line.rstrip() for line in aligned[1:]), *notes])


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    dearer = "-" if row["dearer_percent"] is None else f"{row['dearer_percent']:+.1f} %"
    buyers = ", ".join(
        f"{'all together' if buyer == JOINT else buyer} {eur:.2f}" for buyer, eur in row["by_buyer"].items()
    )
    numbers = (f"{row[key]:.2f}" for key in ("activated_kwh", "unmet_kwh", "violated_kwh", "imbalance_left_kwh"))
    return (row["scheme"], f"{row['cost_eur']:.2f}", dearer, *numbers, "yes" if row["feasible"] else "no", buyers)
