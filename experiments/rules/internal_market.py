"""The face of the internal markets of members with flexible resources: schedules, prices and trades over several intervals."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from data.arrays import F64
from experiments.rules.clearing import tidy
from experiments.rules.face import Accounts, Face, Name, Outcome, Row
from experiments.scenario.fields import JUDGEMENT, Part, Share, given
from markets.community.exchange import cost_eur, exchanged
from markets.internal_prices.flexible import Optimum, Prices, Resources, welfare_optimum
from markets.internal_prices.iterated import Iterated


class LoadRow(Row):
    """A member's net load without its flexible resources."""

    member: Name
    """Who; once an interval."""
    interval: int = given(ge=0)
    """Which, from 0."""
    net_kwh: float = given(unit="kWh")
    """Load less generation."""
    buy_eur_per_kwh: float = given(unit="EUR/kWh")
    """What its retailer asks."""
    sell_eur_per_kwh: float = given(unit="EUR/kWh")
    """What its retailer pays; not above what it asks."""


class ShiftableRow(Row):
    """Energy that a member takes within a window."""

    member: Name
    """Whose."""
    energy_kwh: float = given(unit="kWh", gt=0)
    """In all."""
    most_kwh: float = given(unit="kWh", gt=0)
    """In an interval."""
    first: int = given(0, source="from the first interval on", ge=0)
    """First interval."""
    last: int | None = given(None, source="up to the last interval")
    """Last interval."""


class StoreRow(Row):
    """A member's store; it ends as full as it began."""

    member: Name
    """Whose."""
    capacity_kwh: float = given(unit="kWh", gt=0)
    """What it holds."""
    most_kwh: float = given(unit="kWh", gt=0)
    """Charged or discharged in an interval."""
    efficiency: Share = given(1.0, unit="share", source="no losses")
    """Round trip."""
    start_kwh: float = given(0.0, unit="kWh", source="empty", ge=0)
    """Before and after."""


class IntervalRow(Row):
    """An interval of the internal market."""

    interval: int
    """Which."""
    price_eur_per_kwh: float | None = given(None, unit="EUR/kWh", source="nothing was traded")
    """That members trade at."""
    traded_kwh: float = given(unit="kWh")
    """Inside."""


class ScheduledRow(Row):
    """A member's net load in an interval, resources included."""

    member: str
    """Who."""
    interval: int
    """Which."""
    net_kwh: float = given(unit="kWh")
    """At its meter."""
    traded_kwh: float = given(unit="kWh")
    """Of it inside."""


class FlexibleMarket(Row):
    """Schedules, prices, trades, and whether they fit."""

    intervals: tuple[IntervalRow, ...]
    """In their order."""
    schedules: tuple[ScheduledRow, ...]
    """Every member and interval."""
    cost_eur: float = given(unit="EUR")
    """What all pay to retailers and grid."""
    bound_eur: float = given(unit="EUR")
    """No schedules cost less."""
    welfare_optimum_eur: float = given(unit="EUR")
    """Of one step, to compare with."""
    rounds: int
    """How many were needed."""
    converged: bool
    """Whether nobody would gain by another schedule, up to the tolerance."""
    reason: str
    """Why not; empty if so."""


class FlexibleFace(Face):
    """Members over several intervals, with what they can shift and store."""

    loads: tuple[LoadRow, ...] = given(min_length=1)
    """Net load of every member and interval."""
    shiftable: tuple[ShiftableRow, ...] = given((), source="nothing can be shifted")
    """Energies that can be shifted."""
    stores: tuple[StoreRow, ...] = given((), source="nothing is stored")
    """Stores."""
    share_eur_per_kwh: float = given(0.0, unit="EUR/kWh", source="no grid tariff for shared energy", ge=0)
    """Grid tariff of a kWh bought from another member."""

    result: ClassVar[type[Part]] = FlexibleMarket
    accounted: ClassVar[str] = "kWh"
    table: ClassVar[str] = "loads"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"loads": ("member", "interval")}
    refers: ClassVar[Mapping[tuple[str, str], tuple[str, str]]] = {
        ("shiftable", "member"): ("loads", "member"),
        ("stores", "member"): ("loads", "member"),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "share_eur_per_kwh": 0.02,
        "loads": [
            {"member": who, "interval": t, "net_kwh": kwh, "buy_eur_per_kwh": 0.20, "sell_eur_per_kwh": 0.05}
            for who, row in (("home-1", (1.0, 1.0, 1.0)), ("home-2", (-4.0, 1.0, 1.0)))
            for t, kwh in enumerate(row)
        ],
        "shiftable": [{"member": "home-1", "energy_kwh": 2.0, "most_kwh": 2.0}],
    }

    def problems(self) -> Iterator[str]:
        """Every member has every interval once, windows lie inside, and selling does not beat buying."""
        members, intervals = {row.member for row in self.loads}, {row.interval for row in self.loads}
        if intervals != set(range(len(intervals))):
            yield f"loads: intervals are counted from 0 without gaps; these are {sorted(intervals)[:10]}"
        missing = len(members) * len(intervals) - len(self.loads)
        if missing:
            yield f"loads: {missing} of {len(members)} x {len(intervals)} rows are missing; give each member every interval"
        for place, row in enumerate(self.loads):
            if row.sell_eur_per_kwh > row.buy_eur_per_kwh:
                yield f"loads[{place}]: selling at {row.sell_eur_per_kwh:g} must not beat buying at {row.buy_eur_per_kwh:g}"
        for place, one in enumerate(self.shiftable):
            last = len(intervals) - 1 if one.last is None else one.last
            room = (min(last, len(intervals) - 1) - one.first + 1) * one.most_kwh
            if one.energy_kwh > room + 1e-12:
                yield f"shiftable[{place}]: {one.energy_kwh:g} kWh do not fit into its window, which takes {max(room, 0.0):g}"
        for place, store in enumerate(self.stores):
            if store.start_kwh > store.capacity_kwh:
                yield f"stores[{place}]: begins with {store.start_kwh:g} kWh and holds {store.capacity_kwh:g}"

    def tables(self) -> tuple[list[str], F64, Resources, Prices]:
        """Names, net loads (n, T), resources, prices."""
        names = list(dict.fromkeys(row.member for row in self.loads))
        shape = len(names), 1 + max(row.interval for row in self.loads)
        net, buy, sell = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for row in self.loads:
            at = names.index(row.member), row.interval
            net[at], buy[at], sell[at] = row.net_kwh, row.buy_eur_per_kwh, row.sell_eur_per_kwh
        last = shape[1] - 1

        def rows(items: Any) -> Any:
            return np.array([names.index(one.member) for one in items], np.int64)

        def column(items: Any, name: str) -> F64:
            return np.array([getattr(one, name) for one in items], np.float64)

        resources = Resources(
            rows(self.shiftable), column(self.shiftable, "energy_kwh"), column(self.shiftable, "most_kwh"),
            np.array([one.first for one in self.shiftable], np.int64),
            np.array([last if one.last is None else one.last for one in self.shiftable], np.int64),
            rows(self.stores), column(self.stores, "capacity_kwh"), column(self.stores, "most_kwh"),
            column(self.stores, "efficiency"), column(self.stores, "start_kwh"),
        )  # fmt: skip
        return names, net, resources, Prices(buy, sell, np.full(shape, self.share_eur_per_kwh))

    def _outcome(self, names: list[str], found: Iterated, prices: F64, inside: F64, optimum: float) -> Outcome:
        half = inside.sum(axis=0) / 2.0
        intervals = tuple(
            IntervalRow(
                interval=t, price_eur_per_kwh=tidy(prices[t]) if half[t] > 1e-9 else None, traded_kwh=tidy(half[t])
            )
            for t in range(len(half))
        )
        schedules = tuple(
            ScheduledRow(member=name, interval=t, net_kwh=tidy(found.net_kwh[k, t]), traded_kwh=tidy(inside[k, t]))
            for k, name in enumerate(names)
            for t in range(len(half))
        )
        market = FlexibleMarket(
            intervals=intervals, schedules=schedules, cost_eur=tidy(found.cost_eur), bound_eur=tidy(found.bound_eur),
            welfare_optimum_eur=tidy(optimum), rounds=found.rounds, converged=found.converged, reason=found.reason,
        )  # fmt: skip
        outside = np.maximum(np.abs(found.net_kwh) - inside, 0.0)
        return Outcome(market, Accounts.of(inside.ravel().tolist(), outside.ravel().tolist()))


class IteratedPool(FlexibleFace):
    """Members over several intervals, with what they can shift and store."""

    pick: Literal["lower", "middle", "upper"] = given("middle", source=JUDGEMENT)
    """Which price of the equilibrium interval."""
    rounds: int = given(200, source=JUDGEMENT, ge=1, le=10_000)
    """After which it stops in any case."""
    tolerance: Share = given(0.005, unit="share", source=JUDGEMENT)
    """By how much members may still gain, of what all pay."""

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Iterate."""
        names, net, resources, prices = self.tables()
        found: Iterated = function(
            net, resources, prices, pick=self.pick, most_rounds=self.rounds, tolerance=self.tolerance
        )
        inside = np.array([np.zeros(len(names)) if one is None else one.traded_kwh for one in found.trades]).T
        paid = np.array([np.nan if one is None else one.buy_eur_per_kwh for one in found.trades])
        return self._outcome(names, found, paid, inside, welfare_optimum(net, resources, prices).cost_eur)


class WelfareOptimum(FlexibleFace):
    """Members over several intervals, with what they can shift and store."""

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Schedule all at once."""
        names, net, resources, prices = self.tables()
        best: Optimum = function(net, resources, prices)
        buys = best.net_kwh > 0.0
        worth = np.where(buys, prices.buy - prices.share, prices.sell)
        inside = exchanged(buys, np.abs(best.net_kwh), worth)
        cost = cost_eur(best.net_kwh, prices.buy, prices.sell, prices.share)
        found = Iterated(best.net_kwh, best.price_eur_per_kwh, (), cost, best.cost_eur, 1, converged=True, reason="")
        return self._outcome(names, found, best.price_eur_per_kwh, inside, best.cost_eur)
