"""Operator of a conventional unit that competes with pools for balancing reserves of a TSO.

It takes part in no use case of the catalogue: it offers what its schedule leaves before the gate, declares the schedule that is left when it knows what was
bought, and on the day adds droop and called power to it. Its unit follows as its ramp allows (``environment.grid.generating_units``).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.exposure import settle_claims
from agents.payments import pay
from agents.pool_terms import Called, Holding
from data.arrays import F64
from environment.grid.generating_units import UnitSetting
from environment.instruments import MeterStore
from environment.messages.balancing import (
    PRODUCTS,
    BlockCall,
    DeliveryReport,
    PoolBaseline,
    ProvisionSettlement,
    ReserveAward,
    ReserveOffer,
    ReserveSetPoint,
)
from environment.messages.base import Batch
from environment.messages.delivery import ExposureClaim
from environment.party import Party, Process, Seat, handles
from environment.refusals import refuse
from markets.balancing.auction import Terms
from markets.balancing.responses import ramped_kw
from markets.balancing.units import Unit, reserve_offers, scheduled_kw

LISTENS_S = 5.0
"""A set-point that was sent at the beginning of a cycle is there."""
DECLARES_BEFORE_S = 1800.0
REPORTS_AFTER_S = 300.0
FINE_S = 30.0
"""Resolution at which the ramps of a schedule are reckoned."""


@dataclass(frozen=True, eq=False)
class UnitTerms:
    """How a unit is operated.

    Attributes:
        unit: what it can do and costs.
        services: that it sells.
        market: address of the TSO's market platform.
        tso: name of the TSO.
        responsible: name of its balance responsible party.
        days_ms: (start, end) of every day of delivery.
        offers_ms: when it offers for each.
        block_ms: length of a block.
        step_ms: length of an interval.
        cycle_s: time between two set-points.
        products: terms of each product.
        price_eur_per_kwh: day-ahead prices of the intervals from an instant to another.
    """

    unit: Unit
    services: tuple[str, ...]
    market: str
    tso: str
    responsible: str
    days_ms: tuple[tuple[int, int], ...]
    offers_ms: tuple[int, ...]
    block_ms: int
    step_ms: int
    cycle_s: float
    products: dict[str, Terms]
    price_eur_per_kwh: Callable[[int, int], F64]


class ReserveUnit(Party):
    """The operator of one unit.

    Args:
        seat: place in the world.
        terms: how it works.
        setting: of its unit.
        meter: of its unit.
    """

    def __init__(self, seat: Seat, terms: UnitTerms, setting: UnitSetting, meter: MeterStore) -> None:
        super().__init__(seat)
        self._terms, self._setting, self._meter = terms, setting, meter
        self._held: list[Holding] = []
        self._called = Called()
        self._claims: set[str] = set()

    def processes(self) -> Iterable[Process]:
        """A process a day."""
        yield from (self._day(place) for place in range(len(self._terms.days_ms)))

    def _day(self, place: int) -> Process:
        """Offer, declare, run, report."""
        terms = self._terms
        start_ms, end_ms = terms.days_ms[place]
        talk = f"reserves:{self.name}:{start_ms}"
        yield self.until(terms.offers_ms[place])
        self._offer(start_ms, end_ms, talk)
        yield self.until(start_ms - round(DECLARES_BEFORE_S * 1000.0))
        schedule = self._schedule(start_ms, end_ms)
        path = self._path(schedule, start_ms, end_ms)
        self._setting.schedule_kw = float(schedule[0])
        baseline = -path.reshape(len(schedule), -1).mean(axis=1)
        step_s = terms.step_ms / 1000.0
        self.send(PoolBaseline(pool=self.name, from_ms=start_ms, step_s=step_s, net_kw=baseline), terms.market, talk)
        yield from self._run(schedule, start_ms, end_ms)
        yield self.sleep(REPORTS_AFTER_S)
        delivered = baseline - self._meter.read([f"{self.name}/assets"], start_ms, end_ms)[0]
        held = sum(any(kw > 0.0 for kw in self._holds(t).values()) for t in range(start_ms, end_ms, terms.step_ms))
        report = DeliveryReport(
            pool=self.name, from_ms=start_ms, step_s=step_s, delivered_kw=delivered, duration_s=held * step_s
        )
        self.send(report, terms.market, talk)

    def _offer(self, start_ms: int, end_ms: int, talk: str) -> None:
        terms = self._terms
        offers = []
        for from_ms in range(start_ms, end_ms, terms.block_ms):
            to_ms = min(from_ms + terms.block_ms, end_ms)
            price = float(terms.price_eur_per_kwh(from_ms, to_ms).mean())
            runs_kw = terms.unit.capacity_kw if terms.unit.runs(price) else 0.0
            offers += [
                ReserveOffer(
                    offer=f"{self.name}/{one.product}/{from_ms}", seller=self.name, product=one.product, from_ms=from_ms, to_ms=to_ms,
                    baseline_kw=-runs_kw, offered_kw=one.kw, capacity_eur_per_kw_h=one.capacity_eur_per_kw_h,
                    energy_eur_per_kwh=one.energy_eur_per_kwh,
                )
                for one in reserve_offers(terms.unit, price, terms.services, terms.products)
            ]  # fmt: skip
        if offers:
            self.send(offers, [terms.market] * len(offers), talk)

    @handles(ReserveAward)
    def take_award(self, batch: Batch[ReserveAward]) -> None:
        """What was bought is held."""
        for row, one in enumerate(batch.records()):
            if self._from_tso(batch, row, one.offer) and one.accepted_kw > 0.0:
                self._held.append(Holding(one.product, one.from_ms, one.to_ms, one.accepted_kw))

    def _from_tso(self, batch: Batch[Any], row: int, subject: str) -> bool:
        if self.directory.addresses[int(batch.sender[row])].party == self._terms.tso:
            return True
        refuse(self, batch, row, subject, "the unit follows the operator that it sells to")
        return False

    def _holds(self, at_ms: int) -> dict[str, float]:
        found = dict.fromkeys(PRODUCTS, 0.0)
        for one in self._held:
            if one.from_ms <= at_ms < one.to_ms:
                found[one.product] += one.kw
        return found

    def _schedule(self, start_ms: int, end_ms: int) -> F64:
        """Output without activation in every interval, by block: the price of the block decides, as it did for the offers."""
        terms, parts = self._terms, []
        for from_ms in range(start_ms, end_ms, terms.block_ms):
            to_ms = min(from_ms + terms.block_ms, end_ms)
            price, held = terms.price_eur_per_kwh(from_ms, to_ms), self._holds(from_ms)
            up, down = (sum(kw for name, kw in held.items() if not name.endswith(other)) for other in ("down", "up"))
            n = len(price)
            parts.append(scheduled_kw(terms.unit, np.full(n, price.mean()), np.full(n, up), np.full(n, down)))
        return np.concatenate(parts)

    def _path(self, schedule: F64, start_ms: int, end_ms: int) -> F64:
        """The output that the ramp makes of a schedule, (ticks,)."""
        ticks = np.arange(start_ms, end_ms, round(FINE_S * 1000.0))
        wanted = schedule[(ticks - start_ms) // self._terms.step_ms]
        per_s = self._terms.unit.ramp_kw_per_min / 60.0
        ends = ramped_kw(wanted, per_s * FINE_S, FINE_S, FINE_S, schedule[0])
        return np.asarray((ends + np.concatenate([schedule[:1], ends[:-1]])) / 2.0)

    def _run(self, schedule: F64, start_ms: int, end_ms: int) -> Process:
        """Interval by interval the schedule, cycle by cycle what is called."""
        terms = self._terms
        cycle_ms, late_ms = round(terms.cycle_s * 1000.0), round(LISTENS_S * 1000.0)
        for at_ms in range(start_ms, end_ms, cycle_ms):
            yield self.until(at_ms)
            held = self._holds(at_ms)
            self._setting.schedule_kw = float(schedule[(at_ms - start_ms) // terms.step_ms])
            self._setting.droop_kw = held["fcr"]
            yield self.until(at_ms + late_ms)
            wanted = self._called.wanted_kw(held, at_ms + late_ms, terms.cycle_s)
            self._setting.offset_kw = sum(kw if name.endswith("up") else -kw for name, kw in wanted.items())
        yield self.until(end_ms)
        self._setting.schedule_kw = self._setting.droop_kw = self._setting.offset_kw = 0.0

    @handles(ReserveSetPoint)
    def follow(self, batch: Batch[ReserveSetPoint]) -> None:
        """What automatic reserves have to reach from now on."""
        for row, one in enumerate(batch.records()):
            if self._from_tso(batch, row, one.product):
                self._called.target_kw[one.product] = one.power_kw

    @handles(BlockCall)
    def take_call(self, batch: Batch[BlockCall]) -> None:
        """A block is called, once."""
        for row, one in enumerate(batch.records()):
            new = all(one.call != known.call for known, _ in self._called.blocks)
            if self._from_tso(batch, row, one.call) and new:
                self._called.blocks.append((one, self.now_ms))

    @handles(ProvisionSettlement)
    def take_settlement(self, batch: Batch[ProvisionSettlement]) -> None:
        """What is owed is paid."""
        for row, one in enumerate(batch.records()):
            if self._from_tso(batch, row, one.product) and one.net_eur < 0.0:
                pay(self, self.name, self._terms.tso, -one.net_eur, f"reserve {one.product}", batch.ids[row])

    @handles(ExposureClaim)
    def take_claim(self, batch: Batch[ExposureClaim]) -> None:
        """What the balance responsible party passes on."""
        settle_claims(self, batch, self._terms.responsible, self._claims)
