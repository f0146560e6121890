"""The faces of the rules of energy communities: internal prices of one interval, allocation of one settlement period."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from experiments.rules.clearing import tidy
from experiments.rules.face import Accounts, Face, Name, Outcome, Row
from experiments.scenario.fields import JUDGEMENT, Part, Share, given
from markets.allocation.energies import PER_KWH, Energies
from markets.internal_prices.offers import Offers, Trade


class OfferRow(Row):
    """What a member buys or sells in the interval."""

    member: Name
    """Who; once an interval."""
    side: Literal["buy", "sell"]
    """buy: it consumes more than it generates; sell: the other way round."""
    quantity_kwh: float = given(unit="kWh", gt=0)
    """Net energy."""
    price_eur_per_kwh: float = given(unit="EUR/kWh")
    """Of a buyer what its retailer asks (the most it pays), of a seller what its retailer pays (the least it takes)."""


class TradedRow(Row):
    """What became of an offer."""

    member: str
    """Who."""
    side: Literal["buy", "sell"]
    """As offered."""
    offered_kwh: float = given(unit="kWh")
    """As offered."""
    traded_kwh: float = given(unit="kWh")
    """Inside the community."""
    residual_kwh: float = given(unit="kWh")
    """Left for the member's own retailer."""
    paid_eur: float = given(unit="EUR")
    """Paid inside; negative: received."""


class InternalMarket(Row):
    """Price and trades of an interval."""

    offers: tuple[TradedRow, ...]
    """Every offer, in the order given."""
    buy_eur_per_kwh: float | None = given(None, unit="EUR/kWh", source="nothing was traded")
    """What buyers pay inside."""
    sell_eur_per_kwh: float | None = given(None, unit="EUR/kWh", source="nothing was traded")
    """What sellers receive inside; another than what buyers pay only where a manager covers the rest."""
    lowest_eur_per_kwh: float | None = given(None, unit="EUR/kWh", source="nothing was traded")
    """Lower end of the prices at which these trades stand."""
    highest_eur_per_kwh: float | None = given(None, unit="EUR/kWh", source="nothing was traded")
    """Upper end."""
    supply_to_demand: float | None = given(None, source="there is no demand")
    """Ratio of what is offered to what is wanted."""
    manager_eur: float = given(unit="EUR")
    """What the manager's account is left with; 0."""


class InternalPriceFace(Face):
    """Offers of one interval."""

    offers: tuple[OfferRow, ...] = given(min_length=1)
    """What members buy and sell."""

    result: ClassVar[type[Part]] = InternalMarket
    accounted: ClassVar[str] = "kWh"
    table: ClassVar[str] = "offers"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"offers": ("member",)}
    example: ClassVar[Mapping[str, Any]] = {
        "offers": [
            {"member": "home-1", "side": "buy", "quantity_kwh": 2.0, "price_eur_per_kwh": 0.28},
            {"member": "home-2", "side": "buy", "quantity_kwh": 1.5, "price_eur_per_kwh": 0.25},
            {"member": "home-3", "side": "sell", "quantity_kwh": 2.5, "price_eur_per_kwh": 0.06},
        ],
    }

    def parameters(self) -> dict[str, Any]:
        """Keyword arguments of the rule."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "offers"}

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Price the interval."""
        offers = Offers(
            np.array([row.side == "buy" for row in self.offers]),
            np.array([row.quantity_kwh for row in self.offers], np.float64),
            np.array([row.price_eur_per_kwh for row in self.offers], np.float64),
        )
        trade: Trade = function(offers, **self.parameters())
        rows = tuple(
            TradedRow(
                member=row.member, side=row.side, offered_kwh=row.quantity_kwh, traded_kwh=tidy(trade.traded_kwh[k]),
                residual_kwh=tidy(row.quantity_kwh - trade.traded_kwh[k]), paid_eur=tidy(trade.paid_eur[k]),
            )
            for k, row in enumerate(self.offers)
        )  # fmt: skip
        market = InternalMarket(
            offers=rows, buy_eur_per_kwh=_known(trade.buy_eur_per_kwh), sell_eur_per_kwh=_known(trade.sell_eur_per_kwh),
            lowest_eur_per_kwh=_known(trade.interval[0]), highest_eur_per_kwh=_known(trade.interval[1]),
            supply_to_demand=_known(offers.ratio), manager_eur=tidy(trade.manager_eur),
        )  # fmt: skip
        return Outcome(market, Accounts.of([row.traded_kwh for row in rows], [row.residual_kwh for row in rows]))


def _known(value: float) -> float | None:
    return tidy(value) if np.isfinite(value) else None


RESIDUAL = "SUC02.1: every member keeps its own retailer"


class MidMarketRate(InternalPriceFace):
    """Offers of one interval."""

    residual: Literal["own-retailers", "manager"] = given("own-retailers", source=RESIDUAL)
    """Who settles what the community cannot cover: each member with its own retailer, or the manager for all."""


class IntermediateRate(MidMarketRate):
    """Offers of one interval, and the weight."""

    weight: Share = given(unit="share")
    """Of the buying price; 0.5 is the mid-market rate. SUC02.1 names none."""

    example: ClassVar[Mapping[str, Any]] = {"weight": 0.4, **InternalPriceFace.example}


class SupplyDemandRatio(MidMarketRate):
    """Offers of one interval."""

    compensation: Share = given(0.0, unit="share", source="the plain ratio")
    """Share of the price difference that sellers keep at equal supply and demand; needs `residual: own-retailers`."""

    def problems(self) -> Iterator[str]:
        """A manager's account balances without compensation only."""
        if self.residual == "manager" and self.compensation:
            yield f"compensation: {self.compensation:g} with residual 'manager' would not balance; write 0, or residual: own-retailers"


class PostDeliveryPool(InternalPriceFace):
    """Offers of one interval."""

    pick: Literal["lower", "middle", "upper"] = given("middle", source=JUDGEMENT)
    """Which price of the equilibrium interval."""


class AllocatedRow(Row):
    """What a member is allocated."""

    member: str
    """Who."""
    coefficient: float
    """Its share; all sum to 1 (0 where nothing was generated)."""
    consumption_kwh: float = given(unit="kWh")
    """As metered."""
    allocated_kwh: float = given(unit="kWh")
    """Its part of the community's generation."""
    self_consumed_kwh: float = given(unit="kWh")
    """What of it covers own consumption."""
    supplied_kwh: float = given(unit="kWh")
    """What its retailer supplies."""
    surplus_kwh: float = given(unit="kWh")
    """What is left of its part."""


class Allocated(Row):
    """Energies of one settlement period."""

    members: tuple[AllocatedRow, ...]
    """Every member, in the order given."""
    generation_kwh: float = given(unit="kWh")
    """Of the community."""
    self_consumed_kwh: float = given(unit="kWh")
    """Of all members."""
    surplus_kwh: float = given(unit="kWh")
    """Of all members."""


class MemberRow(Row):
    """A member in the settlement period."""

    member: Name
    """Who."""
    consumption_kwh: float = given(unit="kWh", ge=0)
    """As metered."""


class StaticRow(MemberRow):
    """A member with its agreed share."""

    share: Share = given(unit="share")
    """Of the community's generation; all sum to 1."""


class LevelRow(MemberRow):
    """A member with its level."""

    level: int = given(ge=1)
    """1 is served first."""


class TradingRow(MemberRow):
    """A member with what it generated and traded inside."""

    generation_kwh: float = given(0.0, unit="kWh", source="no generation of its own", ge=0)
    """Its own."""
    bought_kwh: float = given(0.0, unit="kWh", source="no trade", ge=0)
    """From other members."""
    sold_kwh: float = given(0.0, unit="kWh", source="no trade", ge=0)
    """To other members."""


class AllocationFace(Face):
    """Members of one settlement period."""

    result: ClassVar[type[Part]] = Allocated
    accounted: ClassVar[str] = "kWh"
    table: ClassVar[str] = "members"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"members": ("member",)}

    def _allocated(self, rows: Sequence[MemberRow], energies: Energies) -> Outcome:
        kwh = {
            name: np.asarray(getattr(energies, name)) / PER_KWH
            for name in ("consumption", "allocated", "self_consumed", "supplied", "surplus")
        }
        coefficient = energies.coefficients()
        members = tuple(
            AllocatedRow(
                member=row.member, coefficient=float(coefficient[k]),
                **{f"{name}_kwh": float(column[k]) for name, column in kwh.items()},
            )
            for k, row in enumerate(rows)
        )  # fmt: skip
        used, left = kwh["self_consumed"].tolist(), kwh["surplus"].tolist()
        accounts = Accounts.of(used, left)
        generation = int(energies.allocated.sum()) / PER_KWH
        whole = Allocated(
            members=members,
            generation_kwh=generation,
            self_consumed_kwh=accounts.accepted,
            surplus_kwh=accounts.rejected,
        )
        return Outcome(whole, accounts)


def _consumption(rows: Sequence[MemberRow]) -> list[float]:
    return [row.consumption_kwh for row in rows]


class StaticAllocation(AllocationFace):
    """The community's generation and its members."""

    generation_kwh: float = given(unit="kWh", ge=0)
    """Of the community in the period."""
    members: tuple[StaticRow, ...] = given(min_length=1)
    """Consumption and agreed share of each."""

    example: ClassVar[Mapping[str, Any]] = {
        "generation_kwh": 5.0,
        "members": [
            {"member": "home-1", "consumption_kwh": 4.0, "share": 0.5},
            {"member": "home-2", "consumption_kwh": 1.0, "share": 0.3},
            {"member": "home-3", "consumption_kwh": 0.5, "share": 0.2},
        ],
    }

    def problems(self) -> Iterator[str]:
        """Shares make a whole."""
        total = sum(row.share for row in self.members)
        if abs(total - 1.0) > 1e-9:
            yield f"members: the shares sum to {total:.6g}; they must sum to 1 (100%)"

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Allocate the period."""
        shares = [row.share for row in self.members]
        return self._allocated(self.members, function(self.generation_kwh, _consumption(self.members), share=shares))


class ProportionalAllocation(AllocationFace):
    """The community's generation and its members."""

    generation_kwh: float = given(unit="kWh", ge=0)
    """Of the community in the period."""
    members: tuple[MemberRow, ...] = given(min_length=1)
    """Consumption of each."""

    example: ClassVar[Mapping[str, Any]] = {
        "generation_kwh": 5.0,
        "members": [{"member": f"home-{k}", "consumption_kwh": kwh} for k, kwh in ((1, 4.0), (2, 1.0), (3, 0.5))],
    }

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Allocate the period."""
        return self._allocated(self.members, function(self.generation_kwh, _consumption(self.members)))


class HierarchicalAllocation(AllocationFace):
    """The community's generation and its members."""

    generation_kwh: float = given(unit="kWh", ge=0)
    """Of the community in the period."""
    members: tuple[LevelRow, ...] = given(min_length=1)
    """Consumption and level of each."""

    example: ClassVar[Mapping[str, Any]] = {
        "generation_kwh": 5.0,
        "members": [
            {"member": "school", "consumption_kwh": 3.5, "level": 1},
            {"member": "home-1", "consumption_kwh": 2.0, "level": 2},
            {"member": "home-2", "consumption_kwh": 1.0, "level": 2},
        ],
    }

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Allocate the period."""
        levels = [row.level for row in self.members]
        return self._allocated(self.members, function(self.generation_kwh, _consumption(self.members), level=levels))


class TransactionAllocation(AllocationFace):
    """The members with what they generated and traded."""

    members: tuple[TradingRow, ...] = given(min_length=1)
    """Consumption, generation and internal trades of each."""

    example: ClassVar[Mapping[str, Any]] = {
        "members": [
            {"member": "home-1", "consumption_kwh": 4.0, "bought_kwh": 2.0},
            {"member": "home-2", "consumption_kwh": 1.0, "bought_kwh": 0.5},
            {"member": "home-3", "consumption_kwh": 0.5, "generation_kwh": 5.0, "sold_kwh": 2.5},
        ],
    }

    def problems(self) -> Iterator[str]:
        """What is bought was sold, and nobody sells what it does not have."""
        bought, sold = (sum(getattr(row, name) for row in self.members) for name in ("bought_kwh", "sold_kwh"))
        if abs(bought - sold) > 0.5 / PER_KWH:
            yield f"members: {bought:g} kWh were bought inside and {sold:g} sold; the two must be the same"
        for place, row in enumerate(self.members):
            if row.sold_kwh > row.generation_kwh + row.bought_kwh:
                yield f"members[{place}]: sold {row.sold_kwh:g} kWh, but had {row.generation_kwh + row.bought_kwh:g}"

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Allocate the period."""
        columns = {
            name: [getattr(row, name) for row in self.members] for name in ("generation_kwh", "bought_kwh", "sold_kwh")
        }
        own = columns.pop("generation_kwh")
        return self._allocated(self.members, function(own, _consumption(self.members), **columns))
