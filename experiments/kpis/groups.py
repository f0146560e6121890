"""Who pays and who earns: money of homes by what they own and by contract, and how rewards for flexibility are spread.

A home with a car and panels is in both groups; homes with a contract and those without make all.
"""

from collections.abc import Mapping

import numpy as np

from experiments.kpis.facts import Facts, ratio
from experiments.kpis.grid import Figure

REWARDS = ("flexibility share",)
"""Purposes of payments by which homes earn from flexibility."""
TENTH = 0.1


def balances_eur(facts: Facts) -> dict[str, float] | None:
    """What each home received less what it paid; 0 for one that the ledger does not know. None without ledger or homes."""
    ledger, homes = facts.all("ledger"), facts.all("homes")
    if ledger is None or homes is None:
        return None
    found = dict.fromkeys(homes.names("owner").tolist(), 0.0)
    for side, sign in (("creditor", 1.0), ("debtor", -1.0)):
        codes, labels = ledger.codes(side)
        sums = np.bincount(codes[codes >= 0], ledger.floats("eur")[codes >= 0], minlength=len(labels))
        for label, eur in zip(labels, sums.tolist(), strict=True):
            if label in found:
                found[label] += sign * eur
    return found


def owners(facts: Facts, *kinds: str) -> set[str] | None:
    """Homes that own a device of one of these kinds; None where the run kept no devices."""
    devices = facts.all("devices")
    if devices is None:
        return None
    kind, kind_labels = devices.codes("kind")
    mine = np.isin(kind, [number for number, label in enumerate(kind_labels) if label in kinds])
    owner, labels = devices.codes("owner")
    return {labels[number] for number in np.unique(owner[mine]).tolist()}


def _mean_eur(facts: Facts, group: set[str] | None) -> float | None:
    found = balances_eur(facts)
    if found is None or group is None:
        return None
    mine = [eur for home, eur in found.items() if home in group]
    return ratio(float(np.sum(mine)), float(len(mine)))


def of_owners(*kinds: str) -> Figure:
    """Mean balance of homes with a device of these kinds [EUR]."""
    return lambda facts: _mean_eur(facts, owners(facts, *kinds))


def of_none(facts: Facts) -> float | None:
    """Mean balance of homes without car, heat pump, panels and battery [EUR]."""
    having, homes = owners(facts, "ev", "heat_pump", "pv", "battery"), facts.all("homes")
    return None if having is None or homes is None else _mean_eur(facts, set(homes.names("owner").tolist()) - having)


def of_contract(enrolled: bool) -> Figure:
    """Mean balance of homes with, or without, a flexibility contract [EUR]."""

    def figure(facts: Facts) -> float | None:
        homes = facts.all("homes")
        if homes is None:
            return None
        return _mean_eur(facts, set(homes.names("owner")[(homes.names("fsp") != "") == enrolled].tolist()))

    return figure


def rewards_eur(facts: Facts) -> dict[str, float] | None:
    """What each home earned from flexibility; None where nobody did."""
    ledger, homes = facts.all("ledger"), facts.all("homes")
    if ledger is None or homes is None:
        return None
    rows = ledger.where(np.isin(ledger.names("purpose"), REWARDS))
    found = dict.fromkeys(homes.names("owner").tolist(), 0.0)
    for home, eur in zip(rows.names("creditor").tolist(), rows.floats("eur").tolist(), strict=True):
        if home in found:
            found[home] += eur
    return found if any(found.values()) else None


def total_rewards_eur(facts: Facts) -> float | None:
    """Rewards of all homes."""
    found = rewards_eur(facts)
    return None if found is None else float(np.sum(list(found.values())))


def top_tenth_percent(facts: Facts) -> float | None:
    """Share of rewards that goes to the tenth of all homes that earn most, the home on the edge in part [%]."""
    found = rewards_eur(facts)
    if found is None:
        return None
    eur = np.sort(np.array(list(found.values())))[::-1]
    whole = np.clip(TENTH * len(eur) - np.arange(len(eur)), 0.0, 1.0)
    share = ratio(float((whole * eur).sum()), float(eur.sum()))
    return None if share is None else 100.0 * share


FIGURES: Mapping[str, Figure] = {
    "home_ev_eur": of_owners("ev"),
    "home_heat_pump_eur": of_owners("heat_pump"),
    "home_pv_eur": of_owners("pv"),
    "home_battery_eur": of_owners("battery"),
    "home_plain_eur": of_none,
    "home_contract_eur": of_contract(enrolled=True),
    "home_no_contract_eur": of_contract(enrolled=False),
    "rewards_eur": total_rewards_eur,
    "rewards_top_tenth_percent": top_tenth_percent,
}
