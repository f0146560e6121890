"""A settlement under way at the TSO: what it goes by, what it comes to, and the messages that say so (SUC08.4)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from agents.report_check import Check
from data.arrays import F64
from environment.messages.delivery import ImbalanceStatement, PurchaseStatement, SettlementNotification
from markets.balancing.buyers import Bill
from markets.balancing.delivery import Account, Component, Delivery

STEP_S = 3600.0


@dataclass
class Case:
    """A settlement under way."""

    bsp: str
    talk: str
    check: Check
    components: list[Component]
    others: Sequence[Component]
    dsos: list[str]
    agreed: dict[str, F64] = field(default_factory=dict)
    account: Account | None = None
    bills: list[Bill] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Id of the settlement."""
        return f"delivery/{self.bsp}/{self.check.period.from_ms}"

    @property
    def others_cents(self) -> int:
        """What other operators pay for what they bought."""
        return sum(one.to_provider_cents for one in self.bills[1:])

    @property
    def final_cents(self) -> int:
        """What the TSO pays; below 0: the BSP does."""
        assert self.account is not None
        return self.account.final_cents - self.others_cents


class Statements:
    """What is told of a settlement.

    Args:
        case: the settlement, with its account.
        responsible: the balance responsible party behind the BSP's points.
    """

    def __init__(self, case: Case, responsible: str) -> None:
        assert case.account is not None
        self._case, self._account, self._responsible = case, case.account, responsible

    def settlement(self) -> SettlementNotification:
        """For the BSP."""
        case, one, period = self._case, self._account, self._case.check.period
        return SettlementNotification(
            settlement=case.name, bsp=case.bsp, from_ms=period.from_ms, to_ms=period.to_ms, ordered_kwh=one.ordered_kwh,
            delivered_kwh=one.credited_kwh, service_eur=one.service_cents / 100, energy_eur=one.energy_cents / 100,
            exposure_eur=one.exposure_cents / 100, neutralised_eur=one.neutralised_cents / 100,
            undelivered_eur=one.undelivered_cents / 100, others_eur=case.others_cents / 100, final_eur=case.final_cents / 100,
        )  # fmt: skip

    def imbalance(self, position_kwh: F64, parts: Sequence[Delivery], prices: F64) -> ImbalanceStatement:
        """For the balance responsible party.

        Args:
            position_kwh: what it had planned, injection above 0, (hours,).
            parts: what was delivered.
            prices: of imbalances, (hours,).
        """
        case, one = self._case, self._account
        return ImbalanceStatement(
            settlement=case.name, party=self._responsible, bsp=case.bsp, from_ms=case.check.period.from_ms, step_s=STEP_S,
            allocated_kwh=position_kwh + np.sum([part.delivered_kwh for part in parts], axis=0), position_kwh=position_kwh,
            adjustment_kwh=np.sum([part.up_kwh - part.down_kwh for part in parts], axis=0), price_eur_per_kwh=prices,
            eur=one.imbalance_cents / 100, undelivered_eur=one.undelivered_cents / 100, transfer_eur=one.energy_cents / 100,
        )  # fmt: skip

    def purchase(self, bill: Bill) -> PurchaseStatement:
        """For another operator that bought, and for the BSP."""
        period = self._case.check.period
        return PurchaseStatement(
            settlement=self._case.name, buyer=bill.buyer, bsp=self._case.bsp, from_ms=period.from_ms, to_ms=period.to_ms,
            ordered_kwh=bill.ordered_kwh, delivered_kwh=bill.delivered_kwh, service_eur=bill.service_cents / 100,
            energy_eur=bill.energy_cents / 100, final_eur=bill.to_provider_cents / 100, imbalance_eur=bill.imbalance_cents / 100,
        )  # fmt: skip


def merged(parts: Sequence[Component]) -> list[Component]:
    """Components of one BSP, perimeter and direction as one: quantities are added, prices weighted by what was accepted."""
    groups: dict[tuple[str, str, str], list[Component]] = {}
    for one in parts:
        groups.setdefault((one.bsp, one.perimeter, one.direction), []).append(one)
    return [_sum(groups[key]) for key in sorted(groups)]


def _sum(parts: Sequence[Component]) -> Component:
    if len(parts) == 1:
        return parts[0]
    energy = np.array([one.accepted_kw.sum() for one in parts])
    price = float(np.average([one.price_eur_per_kwh for one in parts], weights=energy if energy.any() else None))
    limited = np.any([one.is_limited for one in parts], axis=0)
    offered, left, limit, accepted = (
        np.sum([getattr(one, name) for one in parts], axis=0)
        for name in ("offered_kw", "left_kw", "limit_kw", "accepted_kw")
    )
    first = parts[0]
    names = sorted({name for one in parts for name in one.bought_kw})
    bought = {name: np.sum([one.bought_kw[name] for one in parts if name in one.bought_kw], axis=0) for name in names}
    return Component(
        first.bsp, first.perimeter, first.direction, price, offered, left, limited, limit, accepted, bought
    )


def delivery_in(case: Case, perimeter: str) -> Delivery:
    """A BSP's day in a perimeter, at the prices of its bids."""
    none = np.zeros(case.check.hours)
    kwh, eur = {"up": none, "down": none}, {"up": none, "down": none}
    for one in case.components:
        if one.perimeter == perimeter:
            kwh[one.direction] = kwh[one.direction] + one.accepted_kw
            eur[one.direction] = eur[one.direction] + one.accepted_kw * one.price_eur_per_kwh
    return Delivery(perimeter, kwh["up"], kwh["down"], eur["up"], eur["down"], case.agreed[perimeter])
