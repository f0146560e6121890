"""Resource aggregator and its platform: small pools offer together what none of them could offer alone (SUC05.2, the optional route).

Whatever comes from the market for the joined offer is split over the pools in proportion to what they put in, block by block; whatever comes
from the pools is added and forwarded.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.exposure import settle_claims
from agents.payments import pay, pay_when_told
from environment.messages.balancing import (
    PRODUCTS,
    BalancingNeeds,
    BlockCall,
    DeliveryReport,
    NeedsQuery,
    PoolBaseline,
    PoolOpening,
    ProvisionSettlement,
    ReserveAward,
    ReserveOffer,
    ReserveSetPoint,
)
from environment.messages.base import Batch
from environment.messages.delivery import ExposureClaim
from environment.party import Party, Process, Seat, handles
from markets.balancing.auction import Offer, Terms
from markets.balancing.joining import Joined, join, shares_kw
from markets.ledger import split

PLATFORM = "aggregator-platform"
FORWARDS_AFTER_S = 40.0
"""Baselines of the pools are there so long after the beginning of an interval."""


@dataclass(frozen=True)
class PlatformTerms:
    """How the platform works.

    Attributes:
        vpps: pool -> address of its VPP.
        responsible: name of the balance responsible party behind their assets.
        market: address of the operator's market platform.
        days_ms: (start, end) of every day of delivery.
        opens_ms: when each is opened.
        joins_ms: when offers are joined.
        step_ms: length of an interval.
        products: terms by product.
    """

    vpps: dict[str, str]
    responsible: str
    market: str
    days_ms: tuple[tuple[int, int], ...]
    opens_ms: tuple[int, ...]
    joins_ms: tuple[int, ...]
    step_ms: int
    products: dict[str, Terms]


class PoolPlatform(Party):
    """The resource aggregator of small pools.

    Args:
        seat: place in the world.
        terms: how it works.
    """

    def __init__(self, seat: Seat, terms: PlatformTerms) -> None:
        super().__init__(seat)
        self._terms = terms
        self._needs: dict[tuple[str, int], BalancingNeeds] = {}
        self._baselines: dict[str, dict[int, float]] = {}
        self._offers: list[Offer] = []
        self._spans: dict[str, int] = {}
        self._base_kw: dict[str, float] = {}
        self._joined: dict[str, Joined] = {}
        self._held: dict[tuple[str, int], dict[str, float]] = {}
        self._until: dict[tuple[str, int], int] = {}
        self._reports: dict[int, dict[str, DeliveryReport]] = {}
        self._settled: dict[str, set[str]] = {}
        self._talks: dict[int, str] = {}
        self._claims: set[str] = set()

    def processes(self) -> Iterable[Process]:
        """A process a day."""
        yield from (self._day(place) for place in range(len(self._terms.days_ms)))

    def _day(self, place: int) -> Process:
        """Open, join, and while the day lasts forward baselines."""
        terms = self._terms
        start_ms, end_ms = terms.days_ms[place]
        yield self.until(terms.opens_ms[place])
        talk = self.open("SUC05.2", "1", f"day {start_ms}", system=PLATFORM)
        self._talks[start_ms] = talk
        queries = [NeedsQuery(product=product, from_ms=start_ms) for product in PRODUCTS]
        answers = yield self.ask(queries, [terms.market] * len(queries), talk, system=PLATFORM)
        self._needs |= {(one.product, start_ms): one for batch in answers.batches for one in batch.records()}
        self.send(PoolOpening(from_ms=start_ms, to_ms=end_ms), sorted(terms.vpps.values()), talk, system=PLATFORM)
        yield self.until(terms.joins_ms[place])
        self._forward_baseline(talk)
        if not self._join(start_ms, end_ms, talk):
            self.end(talk, "refused", "together the pools reach no minimum bid")
            return
        yield self.until(start_ms - terms.step_ms + round(FORWARDS_AFTER_S * 1000.0))
        if not any(start_ms <= from_ms < end_ms for _, from_ms in self._held):
            self.end(talk, "refused", "nothing was bought of these pools")
            return
        for begins_ms in range(start_ms - terms.step_ms, end_ms, terms.step_ms):
            yield self.until(begins_ms + round(FORWARDS_AFTER_S * 1000.0))
            self._forward_baseline(talk)

    @handles(NeedsQuery)
    def tell_needs(self, batch: Batch[NeedsQuery]) -> None:
        """Step 1.6: what the market has told."""
        rows = [row for row, one in enumerate(batch.records()) if (one.product, one.from_ms) in self._needs]
        if rows:
            mine = batch.take(np.array(rows))
            self.answer(mine, [self._needs[one.product, one.from_ms] for one in mine.records()])

    # --- baselines -----------------------------------------------------------------------------------------------------

    @handles(PoolBaseline)
    def keep_baseline(self, batch: Batch[PoolBaseline]) -> None:
        """The last word of each pool counts."""
        for one in batch.records():
            step_ms = round(one.step_s * 1000.0)
            times = (one.from_ms + k * step_ms for k in range(len(one.net_kw)))
            self._baselines.setdefault(one.pool, {}).update(zip(times, one.net_kw.tolist(), strict=True))

    def _forward_baseline(self, talk: str) -> None:
        """The sum of the pools, in the intervals to come that all of them have told of."""
        if len(self._baselines) < len(self._terms.vpps):
            return
        common = sorted(t for t in set.intersection(*(set(one) for one in self._baselines.values())) if t > self.now_ms)
        if common:
            net_kw = np.array([sum(one[t] for one in self._baselines.values()) for t in common])
            record = PoolBaseline(pool=self.name, from_ms=common[0], step_s=self._terms.step_ms / 1000.0, net_kw=net_kw)
            self.send(record, self._terms.market, talk, system=PLATFORM)

    # --- offers --------------------------------------------------------------------------------------------------------

    @handles(ReserveOffer)
    def keep_offer(self, batch: Batch[ReserveOffer]) -> None:
        """Offers of pools wait to be joined."""
        for one, received_ms in zip(batch.records(), batch.received_ms.tolist(), strict=True):
            self._offers.append(Offer(
                one.offer, one.seller, one.product, one.from_ms, one.offered_kw, one.capacity_eur_per_kw_h, one.energy_eur_per_kwh, received_ms
            ))  # fmt: skip
            self._spans[one.offer], self._base_kw[one.offer] = one.to_ms, one.baseline_kw

    def _join(self, start_ms: int, end_ms: int, talk: str) -> bool:
        """Step 1.10: joined offers to the market; says whether there is one."""
        found = []
        for product, terms in self._terms.products.items():
            mine = [one for one in self._offers if one.product == product and start_ms <= one.from_ms < end_ms]
            found += join(mine, self.name, terms)
        for one in found:
            whole, to_ms = one.offer, self._spans[one.parts[0].offer]
            self._joined[whole.offer] = one
            self._until[whole.product, whole.from_ms] = to_ms
            self.register("joined_offers").add(
                offer=whole.offer, part=[part.offer for part in one.parts], pool=[part.seller for part in one.parts],
                part_kw=[part.kw for part in one.parts], joined_kw=whole.kw,
            )  # fmt: skip
            record = ReserveOffer(
                offer=whole.offer, seller=self.name, product=whole.product, from_ms=whole.from_ms, to_ms=to_ms,
                baseline_kw=sum(self._base_kw[part.offer] for part in one.parts), offered_kw=whole.kw,
                capacity_eur_per_kw_h=whole.capacity_eur_per_kw_h, energy_eur_per_kwh=whole.energy_eur_per_kwh,
            )  # fmt: skip
            self.send(record, self._terms.market, talk, system=PLATFORM)
        return bool(found)

    @handles(ReserveAward)
    def split_award(self, batch: Batch[ReserveAward]) -> None:
        """Each pool learns its share of what was bought."""
        for one in batch.records():
            joined = self._joined[one.offer]
            shares = shares_kw(joined, one.accepted_kw)
            if one.accepted_kw > 0.0:
                self._held[one.product, one.from_ms] = {
                    part.seller: kw for part, kw in zip(joined.parts, shares, strict=True)
                }
            for part, kw in zip(joined.parts, shares, strict=True):
                told = ReserveAward(
                    offer=part.offer, product=one.product, from_ms=one.from_ms, to_ms=one.to_ms, accepted_kw=kw,
                    price_eur_per_kw_h=one.price_eur_per_kw_h, reason=one.reason,
                )  # fmt: skip
                self.send(told, self._terms.vpps[part.seller], batch.conversation, system=PLATFORM)

    # --- orders --------------------------------------------------------------------------------------------------------

    @handles(ReserveSetPoint)
    def split_set_point(self, batch: Batch[ReserveSetPoint]) -> None:
        """A set-point is split by what each pool holds now; that nothing is called any more all are told, whoever holds something."""
        for one in batch.records():
            shares = self._shares(one.product, self.now_ms) or dict.fromkeys(sorted(self._terms.vpps), 0.0)
            for pool, share in shares.items():
                told = ReserveSetPoint(product=one.product, power_kw=share * one.power_kw)
                self.send(told, self._terms.vpps[pool], batch.conversation, system=PLATFORM)

    @handles(BlockCall)
    def split_call(self, batch: Batch[BlockCall]) -> None:
        """So is a call, by what each holds when it is due."""
        for one in batch.records():
            for pool, share in self._shares(one.product, one.start_ms).items():
                told = BlockCall(
                    call=f"{one.call}/{pool}",
                    product=one.product,
                    power_kw=share * one.power_kw,
                    start_ms=one.start_ms,
                    end_ms=one.end_ms,
                )
                self.send(told, self._terms.vpps[pool], batch.conversation, system=PLATFORM)

    def _shares(self, product: str, at_ms: int) -> dict[str, float]:
        """Share of each pool of what is held of a product at an instant; empty where nothing is."""
        for (name, from_ms), parts in self._held.items():
            if name == product and from_ms <= at_ms < self._until[name, from_ms]:
                total = sum(parts.values())
                return {pool: kw / total for pool, kw in parts.items()}
        return {}

    # --- reports and money ---------------------------------------------------------------------------------------------

    @handles(DeliveryReport)
    def join_reports(self, batch: Batch[DeliveryReport]) -> None:
        """When all pools that hold something have reported, the sum goes to the market."""
        for one in batch.records():
            start_ms = one.from_ms
            mine = self._reports.setdefault(start_ms, {})
            mine[one.pool] = one
            end_ms = start_ms + round(one.step_s * 1000.0) * len(one.delivered_kw)
            holding = {
                pool for (_, from_ms), parts in self._held.items() if start_ms <= from_ms < end_ms for pool in parts
            }
            if holding <= mine.keys():
                whole = DeliveryReport(
                    pool=self.name, from_ms=start_ms, step_s=one.step_s, delivered_kw=np.sum([each.delivered_kw for each in mine.values()], axis=0),
                    duration_s=max(each.duration_s for each in mine.values()),
                )  # fmt: skip
                self.send(whole, self._terms.market, batch.conversation, system=PLATFORM)

    @handles(ProvisionSettlement)
    def split_money(self, batch: Batch[ProvisionSettlement]) -> None:
        """Step 1.13: each pool gets its part, by capacity and time; what is owed to the market is paid."""
        for row, one in enumerate(batch.records()):
            owed, own = round(one.net_eur * 100.0), round((one.net_eur - one.value_eur) * 100.0)
            pay(
                self,
                self.name,
                self._buyer(batch, row),
                max(-owed, 0) / 100.0,
                f"reserve {one.product}",
                batch.ids[row],
            )
            self._settle_pools(one, own, batch.conversation)
            done = self._settled.setdefault(batch.conversation, set())
            done.add(one.product)
            if len(done) == len(PRODUCTS):
                self.end(batch.conversation)

    def _buyer(self, batch: Batch[Any], row: int) -> str:
        return self.directory.addresses[int(batch.sender[row])].party

    @handles(ExposureClaim)
    def pass_on_claims(self, batch: Batch[ExposureClaim]) -> None:
        """What was not delivered the pools bear together, in proportion to what they held; the value of energy stays between platform and party."""
        for one in settle_claims(self, batch, self._terms.responsible, self._claims):
            if one.purpose == "undelivered":
                day_ms = int(one.settlement.rpartition("/")[2])
                held = self._held_kwh(day_ms, PRODUCTS)
                for pool, part in zip(held, split(round(one.eur * 100.0), list(held.values())).tolist(), strict=True):
                    if part:
                        ends = (pool, self.name) if one.debtor == self.name else (self.name, pool)
                        self.start(self._claim(one, pool, ends, part / 100.0))

    def _claim(self, one: ExposureClaim, pool: str, ends: tuple[str, str], eur: float) -> Process:
        debtor, creditor = ends
        told = ExposureClaim(
            claim=f"{one.claim}/{pool}", settlement=one.settlement, debtor=debtor, creditor=creditor, purpose=one.purpose, eur=eur
        )  # fmt: skip
        sent = self.send(told, self._terms.vpps[pool], f"imbalance:{one.settlement}", system=PLATFORM)
        outcome = yield self.confirm(sent)
        if debtor == self.name and outcome.acknowledged:
            pay(self, debtor, creditor, eur, one.purpose, sent.batch.ids[0])

    def _held_kwh(self, day_ms: int, products: Iterable[str]) -> dict[str, float]:
        """What each pool held of some products on a day, power times time."""
        held: dict[str, float] = dict.fromkeys(sorted(self._terms.vpps), 0.0)
        start_ms, end_ms = next(day for day in self._terms.days_ms if day[0] == day_ms)
        for (product, from_ms), parts in self._held.items():
            if product in products and start_ms <= from_ms < end_ms:
                hours = (self._until[product, from_ms] - from_ms) / 3_600_000.0
                for pool, kw in parts.items():
                    held[pool] += kw * hours
        return held

    def _settle_pools(self, one: ProvisionSettlement, net_cents: int, talk: str) -> None:
        held = self._held_kwh(one.from_ms, (one.product,))
        total = sum(held.values())
        cents = split(net_cents, list(held.values())) if total > 0.0 else np.zeros(len(held), np.int64)
        for (pool, kwh), part in zip(held.items(), cents.tolist(), strict=True):
            share = kwh / total if total > 0.0 else 0.0
            told = ProvisionSettlement(
                seller=pool, product=one.product, from_ms=one.from_ms, capacity_eur=share * one.capacity_eur, energy_eur=share * one.energy_eur,
                penalty_eur=share * one.penalty_eur, value_eur=0.0, net_eur=part / 100.0,
            )  # fmt: skip
            sent = self.send(told, self._terms.vpps[pool], talk, system=PLATFORM)
            if part > 0:
                eur = np.array([part / 100.0])
                self.start(pay_when_told(self, sent, np.array([pool], object), eur, f"reserve {one.product}"))
