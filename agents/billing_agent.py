"""Billing agent of energy communities: makes the members' bills of a billing period from the guides of its days (SUC02.1)."""

from dataclasses import dataclass, field

import numpy as np

from environment.messages.base import Batch
from environment.messages.community_settlement import (
    BillingGuide,
    CommunityBill,
)
from environment.party import Party, Process, Seat, handles
from markets.community.settlement import billed_cents

SYSTEM = "billing-system"
SUMMED = (
    "bought_kwh", "sold_kwh", "self_consumed_kwh", "supplied_kwh", "surplus_kwh", "supply_eur", "surplus_eur", "grid_eur",
    "internal_eur", "flexibility_eur", "shortfall_eur", "alone_eur",
)  # fmt: skip


@dataclass
class Period:
    """Guides of a billing period that is not billed yet, by member."""

    guides: dict[str, list[BillingGuide]] = field(default_factory=dict)
    conversation: str = ""


class BillingAgent(Party):
    """Bills the members of one community.

    Args:
        seat: place in the world.
        community: name of the community, and address of its manager.
        hems: member -> address of its HEMS.
        bills_after_s: how long after the last guide of a period its bills go out.
    """

    def __init__(self, seat: Seat, community: str, hems: dict[str, str], bills_after_s: float = 600.0) -> None:
        super().__init__(seat)
        self._community = community
        self._hems = hems
        self._after_s = bills_after_s
        self._period = Period()

    @handles(BillingGuide)
    def take_guide(self, batch: Batch[BillingGuide]) -> Process | None:
        """Keep a day's guides; with the last day of a period, bill it."""
        begun = bool(self._period.conversation)
        for record in batch.records():
            self._period.guides.setdefault(record.member, []).append(record)
        if not batch["closes"].any() or begun:
            return None
        self._period.conversation = batch.conversation
        return self.bill()

    def bill(self) -> Process:
        """Steps 1.15 and 2.8: one bill a member, and a copy of all of them to the manager, who pays or is paid."""
        yield self.sleep(self._after_s)
        period, self._period = self._period, Period()
        bills = self._bills(period)
        for receivers in ([self._hems[bill.member] for bill in bills], [self._community] * len(bills)):
            self.send(bills, receivers, period.conversation, system=SYSTEM)

    def _bills(self, period: Period) -> list[CommunityBill]:
        """Amounts in whole cents: each part of all bills together is the rounded sum of the guides, so that internal ones sum to zero."""
        members = sorted(period.guides)
        sums = {
            name: np.array([sum(getattr(one, name) for one in period.guides[member]) for member in members])
            for name in SUMMED
        }
        cents, net = billed_cents(sums)
        return [
            CommunityBill(
                community=self._community,
                member=member,
                from_ms=min(one.from_ms for one in period.guides[member]),
                to_ms=max(one.to_ms for one in period.guides[member]),
                days=len(period.guides[member]),
                net_eur=float(net[row] / 100.0),
                **{name: float(cents[name][row] / 100.0 if name in cents else sums[name][row]) for name in SUMMED},
            )
            for row, member in enumerate(members)
        ]
