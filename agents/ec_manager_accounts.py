"""What the microservices of a community hand to the rules of ``markets`` and what they make messages of: rows of records to tables and back (SUC02.1).

Rows are members sorted by name, columns settlement periods.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from agents.ec_manager_terms import ManagerTerms
from data.arrays import F64
from environment.messages.base import Record
from environment.messages.community import DerForecast, MemberRegistration
from environment.messages.community_settlement import (
    AllocatedEnergies,
    AllocationCoefficients,
    EnergyBid,
    FlexibilityVerified,
    InternalTransactions,
    MemberIndicators,
    MemberSettlement,
)
from markets.allocation.coefficients import Periods, coefficients
from markets.allocation.energies import whole
from markets.community.settlement import Flexibility, Settled, Terms, corrected, settle
from markets.community_indicators import Standing, avoided_kg
from markets.internal_prices.offers import InternalPrice
from markets.internal_prices.series import Trades, cleared


def table(rows: Sequence[Record], name: str) -> F64:
    """A profile of several records, (rows, T)."""
    return np.array([getattr(row, name) for row in rows])


def trade(bids: Sequence[EnergyBid], rule: InternalPrice) -> Trades:
    """Clear the bids of every period by the pricing rule."""
    return cleared(table(bids, "volume_kwh"), table(bids, "price_eur_per_kwh"), rule)


def transactions(community: str, bids: Sequence[EnergyBid], trades: Trades) -> list[InternalTransactions]:
    """What each bidder bought and sold."""
    return [
        InternalTransactions(
            community=community,
            member=bid.member,
            from_ms=bid.from_ms,
            step_s=bid.step_s,
            bought_kwh=trades.bought_kwh[row],
            sold_kwh=trades.sold_kwh[row],
            withdrawal_kwh=bid.withdrawal_kwh,
            given_kwh=bid.given_kwh,
            flexibility_kwh=bid.flexibility_kwh,
            price_eur_per_kwh=trades.price_eur_per_kwh,
        )
        for row, bid in enumerate(bids)
    ]


def filed_coefficients(
    terms: ManagerTerms, members: Mapping[str, MemberRegistration], made: Sequence[InternalTransactions]
) -> list[AllocationCoefficients]:
    """Coefficients of every member and period by the agreed rule, as they are filed."""
    names = [one.member for one in made]
    share = [terms.shares.get(name, 0.0) if terms.shares else 1.0 / len(names) for name in names]
    level = [terms.levels.get(name, 1) for name in names]
    periods = Periods(
        table(made, "given_kwh"), table(made, "withdrawal_kwh"), table(made, "bought_kwh"), table(made, "sold_kwh"),
        np.array(share), np.array(level),
    )  # fmt: skip
    found = coefficients(terms.allocation_rule, terms.allocate, periods)
    return [
        AllocationCoefficients(
            member=one.member,
            meter=members[one.member].meter,
            rule=terms.allocation_rule,
            from_ms=one.from_ms,
            step_s=one.step_s,
            coefficient=found[row],
            flexibility_kwh=one.flexibility_kwh,
        )
        for row, one in enumerate(made)
    ]


class Day(NamedTuple):
    """A settled day: members by name in rows, what it came to, CO2 avoided by each [kg], and what each adds to its standing."""

    members: tuple[str, ...]
    settled: Settled
    avoided_kg: F64
    standing: Standing

    def records(self, from_ms: int, to_ms: int) -> list[MemberSettlement]:
        """The settlement of each member."""
        columns = {name: getattr(self.settled, name) for name in MONEY}
        return [
            MemberSettlement(
                member=member, from_ms=from_ms, to_ms=to_ms, **{name: float(column[row]) for name, column in columns.items()}
            )
            for row, member in enumerate(self.members)
        ]  # fmt: skip


MONEY = tuple(name for name in MemberSettlement.__struct_fields__ if name not in ("member", "from_ms", "to_ms"))
"""Energies and amounts of a settlement, by the names of its record."""


def settled_day(
    terms: ManagerTerms, registered: Mapping[str, MemberRegistration], told: Mapping[str, DerForecast], bids: Sequence[EnergyBid],
    trades: Trades, energies: Sequence[AllocatedEnergies], verified: Sequence[FlexibilityVerified],
    committed_kwh: Mapping[str, F64], carbon_g_per_kwh: F64,
) -> Day:  # fmt: skip
    """Settle a day.

    Args:
        terms: what was agreed.
        registered: members by name.
        told: forecasts with the prices of those who consent; of others the mean prices registered count.
        bids: of all members, by name.
        trades: what became of them.
        energies: as the operator validated them, in the order of the bids.
        verified: flexibility as the operator measured it.
        committed_kwh: what each member was to give of it.
        carbon_g_per_kwh: of what retailers supply, (T,).
    """
    names = tuple(one.member for one in energies)
    periods = len(energies[0].consumption_kwh)
    buy, sell = (
        np.array([_price(name, side, registered, told, periods) for name in names])
        for side in ("buy_eur_per_kwh", "sell_eur_per_kwh")
    )
    least = table(bids, "price_eur_per_kwh").min(axis=0)  # of what is moved between members in a period without trade
    price = np.where(trades.price_eur_per_kwh > 0.0, trades.price_eur_per_kwh, least)
    zero = np.zeros(periods)
    committed = np.array([committed_kwh.get(name, zero)[:periods] for name in names])
    earned = sum(one.remuneration_eur - one.penalty_eur for one in verified)
    given, taken, allocated = (
        whole(table(energies, name)) for name in ("generation_kwh", "consumption_kwh", "allocated_kwh")
    )
    settled = settle(
        given, taken, allocated,
        Terms(buy, sell, terms.grid_tariff_eur_per_kwh, price, terms.penalty_eur_per_kwh),
        Flexibility.of(earned, table(bids, "flexibility_kwh"), committed),
    )  # fmt: skip
    settled = corrected(settled) if terms.two_stage else settled
    avoided = avoided_kg(table(energies, "self_consumed_kwh"), carbon_g_per_kwh[:periods])
    return Day(names, settled, avoided, Standing.of_day(settled, avoided, table(bids, "consumption_kwh").sum(axis=1)))


def _price(
    name: str, side: str, registered: Mapping[str, MemberRegistration], told: Mapping[str, DerForecast], periods: int
) -> F64:
    if name in told:
        profile: F64 = getattr(told[name], side)[:periods]
        return profile
    return np.full(periods, getattr(registered[name], side))


def indicators(member: str, pseudonym: str, standing: Mapping[str, Standing]) -> MemberIndicators:
    """O-1 to O-7 of a member, and what all members come to, who left included; by pseudonym."""
    mine = standing[pseudonym]
    return MemberIndicators(
        member=member, energy_savings_kwh=mine.covered_kwh, money_savings_eur=mine.saved_eur, shared_kwh=mine.shared_kwh,
        emissions_reduction_kg=mine.avoided_kg, flexibility_eur=mine.flexibility_eur,
        average_rate_eur_per_kwh=mine.average_eur_per_kwh, self_sufficiency_percent=mine.self_sufficiency_percent,
        community_shared_kwh=sum(one.shared_kwh for one in standing.values()),
        community_savings_eur=sum(one.saved_eur for one in standing.values()),
    )  # fmt: skip


def fields(one: Record) -> dict[str, Any]:
    """All fields of a record, by name."""
    return {name: getattr(one, name) for name in one.__struct_fields__}
