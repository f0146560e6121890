"""The arithmetic of a community's internal market and settlement, as its microservices use it (SUC02.1).

Bids to trades, trades to coefficients, energies to compensations. Rows are members sorted by name, columns settlement periods.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from environment.messages.community import (
    DerForecast,
    MemberRegistration,
)
from environment.messages.community_settlement import (
    AllocatedEnergies,
    EnergyBid,
    FlexibilityVerified,
    InternalTransactions,
    MemberSettlement,
)
from markets.allocation.energies import PER_KWH, Energies, whole
from markets.community.two_stage import two_stage
from markets.internal_prices.offers import Offers, Trade

F64 = NDArray[np.float64]
Rule = Callable[..., Any]


class Trades(NamedTuple):
    """Internal trades: energies, (members, T) [kWh], and of every period price and equilibrium interval, (T,) [EUR/kWh]; 0 without trade."""

    bought_kwh: F64
    sold_kwh: F64
    price_eur_per_kwh: F64
    lowest_eur_per_kwh: F64
    highest_eur_per_kwh: F64
    demand_kwh: F64
    supply_kwh: F64


def trade(bids: Sequence[EnergyBid], rule: Callable[[Offers], Trade]) -> Trades:
    """Clear the bids of every period by the pricing rule; what is bought is sold, in whole mWh."""
    volume, price = np.array([bid.volume_kwh for bid in bids]), np.array([bid.price_eur_per_kwh for bid in bids])
    n, periods = volume.shape
    bought, sold = np.zeros((n, periods)), np.zeros((n, periods))
    prices, low, high = np.zeros((3, periods))
    for t in range(periods):
        rows = np.flatnonzero(np.abs(volume[:, t]) > 0.5 / PER_KWH)
        offers = Offers(volume[rows, t] > 0.0, np.abs(volume[rows, t]), price[rows, t])
        if not offers.buys.any() or offers.buys.all():
            continue
        made, most = rule(offers), whole(offers.quantity_kwh)
        sides = [
            (table, rows[side], made.traded_kwh[side], most[side])
            for table, side in ((bought, offers.buys), (sold, ~offers.buys))
        ]
        total = min(int(whole(traded.sum())) for _, _, traded, _ in sides)
        total = min(total, *(int(limit.sum()) for _, _, _, limit in sides))
        if not total:
            continue
        for table, who, traded, limit in sides:
            table[who, t] = _cut(total, traded, limit) / PER_KWH
        prices[t], (low[t], high[t]) = made.buy_eur_per_kwh, made.interval
    return Trades(
        bought, sold, prices, low, high, np.maximum(volume, 0.0).sum(axis=0), np.maximum(-volume, 0.0).sum(axis=0)
    )


def _cut(total: int, parts_kwh: F64, most: NDArray[np.int64]) -> NDArray[np.int64]:
    """Energies in whole mWh that sum to a total, nobody above what it offered: by largest remainder among those with room."""
    exact = np.minimum(parts_kwh * PER_KWH, most)
    cut = np.floor(exact).astype(np.int64)
    while (missing := total - int(cut.sum())) != 0:
        step = 1 if missing > 0 else -1
        room = np.flatnonzero(cut < most if step > 0 else cut > 0)
        first = room[np.argsort(-step * (exact - cut)[room], kind="stable")][: abs(missing)]
        cut[first] += step
    return cut


def coefficients(
    rule: Rule, name: str, made: Sequence[InternalTransactions], shares: Mapping[str, float], levels: Mapping[str, int]
) -> F64:
    """Allocation coefficients of every period, (members, T), by the named rule."""
    given, taken, bought, sold = (
        np.array([getattr(one, column) for one in made])
        for column in ("given_kwh", "withdrawal_kwh", "bought_kwh", "sold_kwh")
    )
    members = [one.member for one in made]
    share = (
        np.array([shares.get(member, 0.0) for member in members])
        if shares
        else np.full(len(members), 1.0 / len(members))
    )
    level = np.array([levels.get(member, 1) for member in members])
    table = np.zeros(given.shape)
    for t in range(given.shape[1]):
        total = float(whole(given[:, t]).sum()) / PER_KWH
        if name == "transaction-coefficients":
            found: Energies = rule(given[:, t], taken[:, t], bought_kwh=bought[:, t], sold_kwh=sold[:, t])
        elif name == "static-coefficients":
            found = rule(total, taken[:, t], share=share / share.sum())
        elif name == "hierarchical-coefficients":
            found = rule(total, taken[:, t], level=level)
        else:
            found = rule(total, taken[:, t])
        table[:, t] = found.coefficients()
    return table


@dataclass(frozen=True)
class Accounts:
    """What a day's compensations are worked out from.

    Attributes:
        registered: members by name.
        told: their prices, of those who told them.
        price_eur_per_kwh: internal price of every period, (T,).
        fallback_eur_per_kwh: of what is moved between members in a period without trade, (T,).
        grid_tariff_eur_per_kwh: of shared energy.
        penalty_eur_per_kwh: of committed energy that is missing.
        two_stage: members who would pay more for the day's energy than alone are made whole by those who gain.
    """

    registered: Mapping[str, MemberRegistration]
    told: Mapping[str, DerForecast]
    price_eur_per_kwh: F64
    fallback_eur_per_kwh: F64
    grid_tariff_eur_per_kwh: float
    penalty_eur_per_kwh: float
    two_stage: bool = False

    def settle(
        self, energies: Sequence[AllocatedEnergies], flexibility: Sequence[FlexibilityVerified], bid_kwh: Mapping[str, F64],
        committed_kwh: Mapping[str, F64], to_ms: int,
    ) -> list[MemberSettlement]:  # fmt: skip
        """Compensations of every member: retailer, grid tariff, internal transactions (which sum to zero), flexibility by what each gave."""
        earned = sum(one.remuneration_eur - one.penalty_eur for one in flexibility)
        given, missing = delivered(energies, bid_kwh, committed_kwh)
        parts = dict.fromkeys(given, 0.0)
        if earned and sum(given.values()) > 0.0:
            parts = {name: earned * kwh / sum(given.values()) for name, kwh in given.items()}
        price = np.where(self.price_eur_per_kwh > 0.0, self.price_eur_per_kwh, self.fallback_eur_per_kwh)
        made = [self._member(one, price, parts[one.member], missing[one.member], to_ms) for one in energies]
        return corrected(made) if self.two_stage else made

    def _member(
        self, one: AllocatedEnergies, price: F64, earned_eur: float, missing_kwh: float, to_ms: int
    ) -> MemberSettlement:
        periods = len(one.consumption_kwh)
        told, sheet = self.told.get(one.member), self.registered[one.member]
        buy = told.buy_eur_per_kwh[:periods] if told else np.full(periods, sheet.buy_eur_per_kwh)
        sell = told.sell_eur_per_kwh[:periods] if told else np.full(periods, sheet.sell_eur_per_kwh)
        moved = one.allocated_kwh - one.generation_kwh
        return MemberSettlement(
            member=one.member, from_ms=one.from_ms, to_ms=to_ms,
            bought_kwh=float(np.maximum(moved, 0.0).sum()), sold_kwh=float(np.maximum(-moved, 0.0).sum()),
            self_consumed_kwh=float(one.self_consumed_kwh.sum()), supplied_kwh=float(one.supplied_kwh.sum()),
            surplus_kwh=float(one.surplus_kwh.sum()), supply_eur=float((one.supplied_kwh * buy).sum()),
            surplus_eur=float((one.surplus_kwh * sell).sum()),
            grid_eur=float(one.self_consumed_kwh.sum()) * self.grid_tariff_eur_per_kwh,
            internal_eur=float((moved * price).sum()), flexibility_eur=earned_eur,
            shortfall_eur=missing_kwh * self.penalty_eur_per_kwh,
            alone_eur=float((one.consumption_kwh * buy - one.generation_kwh * sell).sum()),
        )  # fmt: skip


def corrected(made: Sequence[MemberSettlement]) -> list[MemberSettlement]:
    """Nobody pays more for energy than alone: the second stage of sharing (``markets.community.two_stage``), among internal transactions.

    Where all together pay more than alone (members took part in what the grid asked for), there is nothing to give; it stays as it is.
    """
    alone = np.array([one.alone_eur for one in made])
    inside = np.array([one.supply_eur - one.surplus_eur + one.grid_eur + one.internal_eur for one in made])
    if not made or inside.sum() > alone.sum():
        return list(made)
    more = two_stage(alone, inside) - inside
    return [
        structs.replace(one, internal_eur=one.internal_eur + float(eur)) for one, eur in zip(made, more, strict=True)
    ]


def delivered(
    energies: Sequence[AllocatedEnergies], bid_kwh: Mapping[str, F64], committed_kwh: Mapping[str, F64]
) -> tuple[dict[str, float], dict[str, float]]:
    """Of every member what it gave of the flexibility called, up to its commitment, and what is missing of that [kWh]."""
    given, missing = {}, {}
    for one in energies:
        committed = committed_kwh.get(one.member, np.zeros(len(one.consumption_kwh)))[: len(one.consumption_kwh)]
        got = bid_kwh.get(one.member, np.zeros(len(committed)))
        toward = np.clip(got * np.sign(committed), 0.0, np.abs(committed))
        given[one.member] = float(toward.sum())
        missing[one.member] = float((np.abs(committed) - toward).sum())
    return given, missing
