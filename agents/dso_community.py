"""Distribution system operator towards energy communities, after delivery (SUC02.1 steps 1.8, 1.12 and 2.5).

It verifies meters and flexibility, validates allocation coefficients, and returns every member's energies. What comes before delivery is
``agents.dso_community_needs``.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from agents.dso_coefficients import MemberDay, energies, faults, provisional
from agents.dso_community_needs import Called, CommunityNeeds, CommunityTerms
from agents.payments import pay
from data.arrays import F64, I64
from environment.messages.base import Batch
from environment.messages.community_settlement import (
    AllocatedEnergies,
    AllocationCoefficients,
    DerReadings,
    FlexibilityVerified,
    SmartMeterData,
    VerificationRequest,
)
from environment.messages.settlement import Invoice
from environment.party import Process, handles
from environment.units import Direction
from markets.settlement.delivery import delivered_kw

AGREES_KWH = 1e-6
"""Readings of resources and of the metering point agree within this in every interval."""


class CommunityDso(CommunityNeeds):
    """Operator of one distribution grid with energy communities in it."""

    # --- after delivery: steps 1.8, 1.12, 2.5 ----------------------------------------------------------------------------

    @handles(DerReadings)
    def keep_readings(self, batch: Batch[DerReadings]) -> None:
        """Keep what the meters of resources recorded."""
        for row, member in enumerate(batch["member"]):
            self._readings[member, int(batch["from_ms"][row])] = batch.take(np.array([row]))

    @handles(VerificationRequest)
    def verify(self, batch: Batch[VerificationRequest]) -> Process:
        """Steps 1.8 and 1.12: validate the members' meters of a day, measure flexibility, then validate what is shared by it."""
        (request,) = batch.records()
        conversation = batch.conversation
        one = self._terms.communities[request.community]
        days = self._member_days(one, request.from_ms, request.to_ms)
        self.send([self._meter_data(day, days) for day in days], [day.filing.hems for day in days], conversation)
        self._tell_delivery(one, request.from_ms, conversation)
        shares = yield from self._collect(conversation, len(days))
        result = self._validated(days, shares)
        self._keep_energies(one.name, days, result, shares)
        self.send(result, [one.settlement] * len(result), conversation)
        self.send(result, [self._terms.retailer] * len(result), conversation)
        self._bill_grid(one, result, conversation, closes=request.closes)

    def _member_days(self, one: CommunityTerms, from_ms: int, to_ms: int) -> list[MemberDay]:
        """Every member's certified readings, and its part of the plants that members share."""
        hours, days = self._meters.timeline.hours, []
        schedules = self._schedules.get((one.name, from_ms), {})
        for filing in self._members(one.name, from_ms):
            net_kw = self._meters.read([filing.meter], from_ms, to_ms)[0]
            plants = [f"{asset}/meter" for asset in filing.assets]
            fed = np.maximum(-self._meters.read(plants, from_ms, to_ms), 0.0) if plants else np.zeros((0, len(net_kw)))
            owned = (filing.ownership_share[:, None] * fed).sum(axis=0) * hours
            baseline = schedules.get(filing.meter)
            declared = None if baseline is None else baseline[1][: len(net_kw)]
            readings = self._readings.get((filing.member, from_ms))
            days.append(MemberDay(filing, from_ms, self._step_s, net_kw * hours, owned, declared, readings))
        return days

    def _meter_data(self, day: MemberDay, days: Sequence[MemberDay]) -> SmartMeterData:
        """Step 1.8: what the smart meters of a member recorded."""
        key = provisional(days)
        place = days.index(day)
        return day.record({name: column[place] for name, column in key.items()}, AGREES_KWH)

    def _tell_delivery(self, one: CommunityTerms, from_ms: int, conversation: str) -> None:
        """Delivered = frozen baseline less metered, summed over the scheduled members; earlier orders are credited first."""
        schedules = self._schedules.get((one.name, from_ms), {})
        earlier: dict[Direction, F64] = {}
        for order in self._called.get((one.name, from_ms), []):
            steps = len(order.ordered_kw)
            times = self._starts(from_ms, steps)
            baseline = np.sum([self._store.read(one.name, meter, times) for meter in sorted(schedules)], axis=0)
            metered = self._meters.read(sorted(schedules), from_ms, int(times[-1]) + round(self._step_s * 1000)).sum(
                axis=0
            )
            before = earlier.get(order.direction, np.zeros(steps))
            whole = delivered_kw(baseline, metered, order.direction)
            delivered = np.clip(whole - before, 0.0, order.ordered_kw)
            earlier[order.direction] = before + order.ordered_kw
            self._keep_flexibility(one.name, order, times, baseline, metered, delivered)
            if not order.ordered_kw.any():
                continue
            paid = self._terms.settle(
                order.ordered_kw, delivered, np.full(steps, order.price_eur_per_kwh), hours=self._meters.timeline.hours
            )
            told = FlexibilityVerified(
                activation=order.activation, from_ms=from_ms, step_s=self._step_s, ordered_kw=order.ordered_kw, delivered_kw=delivered,
                remuneration_eur=round(float(paid.remuneration_eur.sum()), 2), penalty_eur=round(float(paid.penalty_eur.sum()), 2),
            )  # fmt: skip
            self.send(told, one.settlement, conversation)

    def _collect(self, conversation: str, members: int) -> Process:
        """The coefficients of all members, by name; what has not come in time is missing."""
        shares: dict[str, AllocationCoefficients] = {}
        until_ms = self.now_ms + round(self._terms.wait_s * 1000)
        while len(shares) < members:
            batch = yield self.receive(AllocationCoefficients, conversation, until_ms)
            if batch is None:
                break
            shares |= {record.member: record for record in batch.records()}
        return shares

    def _validated(
        self, days: Sequence[MemberDay], shares: Mapping[str, AllocationCoefficients]
    ) -> list[AllocatedEnergies]:
        """Step 1.12: each member's energies by the coefficients; where these do not hold, nothing is shared and the meter counts."""
        reason = faults(days, shares)
        return energies(days, {} if reason else shares, reason)

    def _bill_grid(
        self, one: CommunityTerms, result: Sequence[AllocatedEnergies], conversation: str, *, closes: bool
    ) -> None:
        """The grid tariff of what was shared over the public grid, once a billing period."""
        shared = float(sum(record.self_consumed_kwh.sum() for record in result))
        total = self._shared_kwh[one.name] = self._shared_kwh.get(one.name, 0.0) + shared
        eur = round(total * one.grid_tariff_eur_per_kwh, 2)
        if closes and eur > 0.0:
            invoice = Invoice(
                invoice=f"{self.name}/shared/{conversation}",
                debtor=one.name,
                creditor=self.name,
                purpose="shared energy",
                eur=eur,
            )
            self.send(invoice, [one.account, self.name], conversation)

    @handles(Invoice)
    def pay_invoice(self, batch: Batch[Invoice]) -> None:
        """Pay what flexibility has earned."""
        for record, message in zip(batch.records(), batch.ids, strict=True):
            if record.debtor == self.name:
                pay(self, record.debtor, record.creditor, record.eur, record.purpose, message)

    # --- registers -------------------------------------------------------------------------------------------------------

    def _keep_flexibility(
        self, community: str, order: Called, t_ms: I64, baseline: F64, metered: F64, delivered: F64
    ) -> None:
        self.register("community_flexibility").add(
            activation=order.activation, community=community, direction=order.direction, t_ms=t_ms, needed_kw=order.needed_kw,
            offered_kw=order.offered_kw, ordered_kw=order.ordered_kw, baseline_kw=baseline, metered_kw=metered, delivered_kw=delivered,
            price_eur_per_kwh=order.price_eur_per_kwh,
        )  # fmt: skip

    def _keep_energies(
        self,
        community: str,
        days: Sequence[MemberDay],
        result: Sequence[AllocatedEnergies],
        shares: Mapping[str, AllocationCoefficients],
    ) -> None:
        add = partial(self.register("community_energies").add, community=community)
        for day, record in zip(days, result, strict=True):
            filed = shares.get(record.member) if record.valid else None
            add(
                member=record.member, t_ms=self._starts(record.from_ms, len(record.consumption_kwh)),
                coefficient=filed.coefficient if filed else np.zeros(len(record.consumption_kwh)),
                consumption_kwh=record.consumption_kwh, generation_kwh=record.generation_kwh, allocated_kwh=record.allocated_kwh,
                self_consumed_kwh=record.self_consumed_kwh, supplied_kwh=record.supplied_kwh, surplus_kwh=record.surplus_kwh,
                load_kwh=day.consumption_kwh,
            )  # fmt: skip
