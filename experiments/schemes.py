"""The same bids and needs under every coordination scheme, side by side."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np

from data.arrays import F64, I64
from experiments.rules.clearing import tidy
from experiments.rules.coordination import IntegratedScheme, LevelledScheme, LitScheme
from experiments.scenario.library import RULES, rule_with
from markets.coordination.commercial import prices_eur_per_kwh
from markets.coordination.common import hourly_shares_eur
from markets.coordination.exchange import messages
from markets.coordination.payers import allotted_kw
from markets.coordination.situation import JOINT, Activations, Situation


class Situations(LevelledScheme, LitScheme, IntegratedScheme):
    """Bids, networks and needs of several system operators, with traffic lights and commercial parties for the schemes that know them."""

    example: ClassVar[Mapping[str, Any]] = {**LitScheme.example, "wants": IntegratedScheme.example["wants"]}


def compared(given: Situations) -> dict[str, Any]:
    """What every scheme makes of a situation given as records; see :func:`compared_situation`."""
    return compared_situation(given.situation(), unmet_eur_per_kwh=given.unmet_eur_per_kwh, counts=given.counts)


def compared_situation(
    case: Situation, *, unmet_eur_per_kwh: float, counts: bool = True, offer_of_bid: I64 | None = None
) -> dict[str, Any]:
    """What every scheme makes of a situation, as JSON types.

    Args:
        case: bids, networks, needs.
        unmet_eur_per_kwh: from which price a need is rather left open.
        counts: whether what distribution system operators activate counts for the transmission system operator's balance.
        offer_of_bid: number of the offer that each bid is an hour of, (n,); None: every bid is an offer.

    Returns:
        ``{"schemes": [{"scheme", "cost_eur", "dearer_percent", "by_buyer", "by_operator", "by_seller", "activated_kwh", "flexibility_kwh", "served_kwh", "unmet_kwh",
        "violated_kwh", "violated", "imbalance_left_kwh", "messages", "feasible"}], "shares": {operator: EUR}}``; dearer than the common market, null where
        that costs nothing; by_operator: what each pays, of a joint market its share, and commercial parties that are served; flexibility: what is activated in distribution networks, by operator.
    """
    said = {"unmet_eur_per_kwh": unmet_eur_per_kwh, "counts": counts}
    found: dict[str, Activations] = {
        name: rule_with("coordination", name, said)(case) for name in RULES["coordination"]
    }
    common_eur = found["common"].cost_eur()
    offers = np.arange(len(case.bids)) if offer_of_bid is None else offer_of_bid
    shares = hourly_shares_eur(case, unmet_eur_per_kwh=unmet_eur_per_kwh)
    allot = partial(allotted_kw, unmet_eur_per_kwh=unmet_eur_per_kwh, shares_eur=shares)
    return {
        "schemes": [
            {
                "scheme": name,
                **_row(case, outcome, common_eur, allot(outcome)),
                "messages": messages(name, outcome, offers),
            }
            for name, outcome in found.items()
        ],
        "shares": {name: tidy(eur) for name, eur in zip(case.operators, shares.sum(axis=1), strict=True)},
    }


def _row(case: Situation, outcome: Activations, common_eur: float, allotted: Mapping[str, F64]) -> dict[str, Any]:
    unmet, violated = outcome.unmet_kw, outcome.violated_kw
    cost, taken = outcome.cost_eur(), outcome.accepted_kw * case.hours
    local = np.bincount(case.operator_of_bid, taken, len(case.operators))
    sellers, of_bid = np.unique(case.bids.fsp, return_inverse=True)
    earned = np.bincount(of_bid, taken * case.bids.price_eur_per_kwh, len(sellers))
    return {
        "cost_eur": tidy(cost),
        "dearer_percent": tidy(100 * (cost / common_eur - 1)) if common_eur > 0 else None,
        "by_buyer": {buyer: tidy(outcome.cost_eur(buyer)) for buyer in outcome.taken_kw},
        "by_operator": {name: tidy(eur) for name, eur in _payers(case, outcome, allotted).items()},
        "by_seller": {str(name): tidy(eur) for name, eur in zip(sellers, earned, strict=True) if name},
        "activated_kwh": tidy(taken.sum()),
        "flexibility_kwh": {name: tidy(kwh) for name, kwh in zip(case.operators[1:], local[1:], strict=True)},
        "served_kwh": tidy(outcome.served_kw.sum() * case.hours),
        "unmet_kwh": tidy(unmet.sum() * case.hours),
        "violated_kwh": tidy(violated.sum() * case.hours),
        "violated": [case.constraints[k] for k in np.flatnonzero(violated.any(axis=1))],
        "imbalance_left_kwh": tidy(np.abs(outcome.imbalance_left_kw).sum() * case.hours),
        "feasible": outcome.is_feasible,
    }


def _payers(case: Situation, outcome: Activations, allotted: Mapping[str, F64]) -> dict[str, float]:
    """What each operator pays, and each commercial party that is served, which pays the first of them back [EUR]."""
    paid = {name: float((kw * case.bids.price_eur_per_kwh).sum() * case.hours) for name, kw in allotted.items()}
    eur = outcome.served_kw * prices_eur_per_kwh(outcome) * case.hours
    for name in dict.fromkeys(case.wants.buyer[outcome.served_kw > 0.0].tolist()):
        own = float(eur[case.wants.buyer == name].sum())
        paid[name] = own
        paid[case.operators[0]] -= own
    return paid


def comparison_text(said: Mapping[str, Any]) -> str:
    """The comparison as a table."""
    head = (
        "scheme",
        "cost EUR",
        "vs common",
        "activated kWh",
        "of it local",
        "unmet kWh",
        "violated kWh",
        "imbalance kWh",
        "messages",
        "feasible",
        "who pays",
    )
    rows = [head, *(_line(row) for row in said["schemes"])]
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    aligned = [
        "  ".join(
            cell.ljust(width) if k in (0, 10) else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    shares = ", ".join(f"{name} {eur:.2f} EUR" for name, eur in said["shares"].items())
    notes = [
        "",
        f"Shares of the common market by the Shapley value, open needs at their price included: {shares}.",
        "Cost: activated bids at their own prices. A scheme that is not feasible breaks a limit, leaves a need open or the system unbalanced;",
        "its cost is not to be held against the others'. The integrated market serves commercial parties as well. Local: in distribution networks.",
        "Who pays: each what it buys; together: in proportion to the Shapley shares of each hour, without what open needs are worth.",
        "Messages: what has to be told for a scheme to work (offers, components, lights, constraints, what is forwarded, awards), each counted once.",
    ]
    return "\n".join([aligned[0].rstrip(), "-" * len(aligned[0]), *(line.rstrip() for line in aligned[1:]), *notes])


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    dearer = "-" if row["dearer_percent"] is None or not row["feasible"] else f"{row['dearer_percent']:+.1f} %"
    payers = ", ".join(f"{name} {eur:.2f}" for name, eur in row["by_operator"].items())
    if JOINT in row["by_buyer"]:
        payers += " (together)"
    sizes = (
        row["activated_kwh"],
        sum(row["flexibility_kwh"].values()),
        *(row[key] for key in ("unmet_kwh", "violated_kwh", "imbalance_left_kwh")),
    )
    numbers = (f"{one:.2f}" for one in sizes)
    told = str(sum(row["messages"].values()))
    return (row["scheme"], f"{row['cost_eur']:.2f}", dearer, *numbers, told, "yes" if row["feasible"] else "no", payers)
