"""Resource aggregator and flexibility service provider with its VPP: a pool of assets in the balancing services of a TSO (SUC05.2).

A day of delivery: the day before, the members' energy management is asked what it plans and allows; their data are added to one virtual
asset; the baseline is shared; what is needed is split over the assets; what comes of it is offered. On the day what was bought is
split anew every half hour by what assets can do now; set-points and calls are followed by telling assets what to add. Afterwards
what was changed is reported, settled, and shared with the homes. A small pool does all this through an aggregator platform.
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from agents.exposure import settle_claims
from agents.payments import pay
from agents.pool_orders import MOVED_KW, PoolOrders
from agents.pool_shares import MemberShares
from agents.pool_terms import Holding, Picture, PoolTerms, blocks_of
from agents.strategies import pool_optimisation
from agents.strategies.pool_optimisation import Room
from data.arrays import F64
from environment.messages.balancing import (
    PRODUCTS,
    AssetConstraints,
    AssetDataRequest,
    AssetMonitoring,
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
from environment.messages.base import Batch, Record
from environment.messages.delivery import ExposureClaim
from environment.party import Party, Process, Seat, Work, act, handles
from environment.refusals import refuse
from markets.balancing.auction import whole_kw

LISTENS_S = 20.0
"""So long after the beginning of an interval what assets report is there."""
CALLED_SHARE = {"fcr": 0.0, "afrr-up": 0.1, "afrr-down": 0.1, "mfrr-up": 0.02, "mfrr-down": 0.02}
"""Share of the time that a pool expects to be called: what a product is worth beside its capacity (judgement)."""
ENERGY_MARGIN = 0.1
"""Share of the price of energy that is left when the energy has been made up for (judgement)."""
FCR_TIMES = 2.5
"""Containment reserve is asked so many times the price of capacity: it holds both directions and is never at rest (judgement)."""
REPORTS_AFTER_S = 300.0
BEFORE_MS = 60_000
"""Reserves are ready a minute before their first block begins."""


class PoolAggregator(Party):
    """The aggregator of one pool.

    Args:
        seat: place in the world.
        terms: how it works.
    """

    stored: ClassVar[tuple[type[Record], ...]] = (AssetMonitoring, AssetConstraints)

    def __init__(self, seat: Seat, terms: PoolTerms) -> None:
        super().__init__(seat)
        self._terms = terms
        self.picture = Picture(terms.assets, terms.asset_ems)
        self._held: list[Holding] = []
        self._orders = PoolOrders(self, terms, self.picture)
        self._talks: dict[int, str] = {}
        self._delivered: dict[int, float] = {}
        self._declared: dict[int, float] = {}
        self._members = MemberShares(self, terms)
        self._earned: dict[str, int] = {}
        self._claims: set[str] = set()

    def processes(self) -> Iterable[Process]:
        """A large pool opens its days itself."""
        if not self._terms.small:
            yield from (self._day(place) for place in range(len(self._terms.days_ms)))

    def _day(self, place: int) -> Process:
        yield self.until(self._terms.opens_ms[place])
        talk = self.open("SUC05.2", "1", f"day {self._terms.days_ms[place][0]}")
        yield from self._serve(place, talk)

    @handles(PoolOpening)
    def join_day(self, batch: Batch[PoolOpening]) -> None:
        """The day of a small pool begins."""
        starts = [start for start, _ in self._terms.days_ms]
        for start in batch["from_ms"].tolist():
            self.start(self._serve(starts.index(start), batch.conversation))

    def _serve(self, place: int, talk: str) -> Process:
        """A day from the first question to the report."""
        start_ms, end_ms = self._terms.days_ms[place]
        self._talks[start_ms] = talk
        yield from self._prepare(start_ms, end_ms, talk)
        yield from self._offer(start_ms, talk)
        yield self.until(start_ms - 2 * self._terms.step_ms + round(LISTENS_S * 1000.0))
        if not self._held_in(start_ms, end_ms):
            if not self._terms.small:
                self.end(talk, "refused", "nothing was bought of this pool")
            return
        yield from self._operate(start_ms, end_ms, talk)
        yield self.sleep(REPORTS_AFTER_S)
        self._listen()
        self._note_delivery()
        self._report(start_ms, end_ms, talk)

    # --- steps 1.1 to 1.5 ----------------------------------------------------------------------------------------------

    def _prepare(self, start_ms: int, end_ms: int, talk: str) -> Process:
        vpp, n = self.numbers([self.at("vpp")]), len(self._terms.ems)
        columns = {"until_ms": np.full(n, end_ms), "horizon_ms": np.full(n, end_ms)}
        self.send_batch(AssetDataRequest, columns, vpp, self._terms.ems, talk)
        yield self.sleep(LISTENS_S)
        self._listen()
        self.build_the_virtual_asset(talk)
        self._declare(self.compute_aggregated_baseline(talk), talk)

    def _listen(self) -> None:
        """Read what assets have reported."""
        self._orders.changed()
        for batch in self.stored_rows(AssetMonitoring):
            self.picture.hear(batch)
        for limits in self.stored_rows(AssetConstraints):
            self.picture.learn(limits)

    def _note_delivery(self) -> None:
        """What the interval that ended has changed, by what assets report."""
        last = self.picture.from_ms - self._terms.step_ms
        if last in self._declared:
            self._delivered[last] = self._declared[last] - float(self.picture.power_kw.sum())

    @act("build_the_virtual_asset", system="vpp")
    def build_the_virtual_asset(self, talk: str) -> Work:
        """Step 1.2: the data of all assets of the pool are added."""
        picture = self.picture
        self.register("virtual_assets").add(
            t_ms=self.now_ms, pool=self.name, assets=len(picture.names), available=int(picture.available.sum()),
            power_kw=float(picture.power_kw.sum()), planned_kw=float(picture.planned_kw[:, 0].sum()),
        )  # fmt: skip
        return Work(None, talk, writes=[f"virtual_assets/{self.name}"])

    @act("compute_aggregated_baseline", system="vpp")
    def compute_aggregated_baseline(self, talk: str) -> Work:
        """Step 1.3: the sum of the plans of all assets, from the next interval on."""
        picture = self.picture
        net_kw = picture.planned_kw.sum(axis=0)[1:]
        from_ms = picture.from_ms + self._terms.step_ms
        t_ms = from_ms + self._terms.step_ms * np.arange(len(net_kw))
        self.register("pool_baselines").add(pool=self.name, t_ms=t_ms, made_ms=self.now_ms, net_kw=net_kw)
        return Work(
            (from_ms, net_kw), talk, reads=[f"virtual_assets/{self.name}"], writes=[f"pool_baselines/{self.name}"]
        )

    def _declare(self, baseline: tuple[int, F64], talk: str) -> None:
        """Step 1.4."""
        from_ms, net_kw = baseline
        if not len(net_kw):
            return
        record = PoolBaseline(pool=self.name, from_ms=from_ms, step_s=self._terms.step_ms / 1000.0, net_kw=net_kw)
        self.send(record, self._terms.via, talk, system="vpp")
        self._declared |= {from_ms + k * self._terms.step_ms: float(kw) for k, kw in enumerate(net_kw.tolist())}

    # --- steps 1.6 to 1.10 ---------------------------------------------------------------------------------------------

    def _offer(self, start_ms: int, talk: str) -> Process:
        queries = [NeedsQuery(product=product, from_ms=start_ms) for product in PRODUCTS]
        answers = yield self.ask(queries, [self._terms.via] * len(queries), talk, system="vpp")
        self._listen()
        needs = [one for batch in answers.batches for one in batch.records()]
        if not needs or not self.picture.limits:
            return
        shares = self.pool_optimisation(needs, talk)
        for offer in self.create_offers(shares, talk):
            self.send(offer, self._terms.via, talk, system="vpp")

    @act("pool_optimisation", system="vpp")
    def pool_optimisation(self, needs: Sequence[BalancingNeeds], talk: str) -> Work:
        """Step 1.7: what is needed in each block is split over the assets, as far as their limits allow; gives (product, from, to, kW)."""
        found = []
        for from_ms, to_ms, needed in blocks_of(needs):
            shares = pool_optimisation.split(
                self._room(from_ms, to_ms), needed, self._values(), self._terms.endurance_h
            )
            self._keep_split(from_ms, shares)
            found += [
                (product, from_ms, to_ms, float(kw))
                for product, kw in zip(PRODUCTS, shares.sum(axis=0), strict=True)
                if kw > 0.0
            ]
        return Work(
            found,
            talk,
            reads=[f"pool_baselines/{self.name}"],
            writes=[f"pool_allocations/{self.name}"] if found else [],
        )

    def _asks(self, product: str) -> float:
        """Price asked for capacity of a product [EUR/(kW h)]."""
        return self._terms.capacity_eur_per_kw_h * (FCR_TIMES if product == "fcr" else 1.0)

    def _values(self) -> list[float]:
        """What holding a kW for an hour is worth of each product [EUR]."""
        energy = ENERGY_MARGIN * self._terms.energy_eur_per_kwh
        return [self._asks(one) + CALLED_SHARE[one] * energy for one in PRODUCTS]

    def _room(self, from_ms: int, to_ms: int) -> Room:
        """What the assets can do in all intervals of a block that they have told of."""
        picture = self.picture
        first_ms, step_ms = picture.limits_from_ms, self._terms.step_ms
        steps = picture.limits["up_kw"].shape[1]
        begin, end = np.clip([(from_ms - first_ms) // step_ms, -(-(to_ms - first_ms) // step_ms)], 0, steps).tolist()
        if end <= begin:
            begin, end = steps - 1, steps
        up, down = (picture.limit(name)[:, begin:end].min(axis=1) for name in ("up_kw", "down_kw"))
        return Room(up, down, picture.limit("up_kwh"), picture.limit("down_kwh"), picture.limit("fast") > 0.5)

    def _keep_split(self, from_ms: int, shares: F64) -> None:
        rows, products = np.nonzero(shares > MOVED_KW)
        if len(rows):
            self.register("pool_allocations").add(
                pool=self.name, t_ms=from_ms, made_ms=self.now_ms, asset=self.picture.names[rows],
                product=np.array(PRODUCTS, object)[products], kw=shares[rows, products],
            )  # fmt: skip

    @act("create_offers", system="vpp")
    def create_offers(self, shares: Sequence[tuple[str, int, int, float]], talk: str) -> Work:
        """Step 1.8: whole lots of a cautious share of what the optimisation found, block by block; a small pool leaves lots to the platform."""
        offers = []
        for product, from_ms, to_ms, kw in shares:
            cautious = self._terms.offers_share * kw
            offered = round(cautious, 3) if self._terms.small else whole_kw(cautious, self._terms.products[product])
            if offered > 0.0:
                times = [t for t in self._declared if from_ms <= t < to_ms]
                offers.append(ReserveOffer(
                    offer=f"{self.name}/{product}/{from_ms}", seller=self.name, product=product, from_ms=from_ms, to_ms=to_ms,
                    baseline_kw=float(np.mean([self._declared[t] for t in times])) if times else 0.0, offered_kw=offered,
                    capacity_eur_per_kw_h=self._asks(product),
                    energy_eur_per_kwh=0.0 if product == "fcr" else self._terms.energy_eur_per_kwh,
                ))  # fmt: skip
        for one in offers:
            self.register("pool_offers").add(
                offer=one.offer, pool=self.name, product=one.product, t_ms=one.from_ms, found_kw=one.offered_kw / self._terms.offers_share,
                offered_kw=one.offered_kw,
            )  # fmt: skip
        return Work(
            offers, talk, reads=[f"pool_allocations/{self.name}"], writes=[f"pool_offers/{one.offer}" for one in offers]
        )

    @handles(ReserveAward)
    def take_award(self, batch: Batch[ReserveAward]) -> None:
        """What was bought is held."""
        for one in batch.records():
            if one.accepted_kw > 0.0:
                self._held.append(Holding(one.product, one.from_ms, one.to_ms, one.accepted_kw))

    def _held_in(self, start_ms: int, end_ms: int) -> list[Holding]:
        return [one for one in self._held if one.from_ms < end_ms and one.to_ms > start_ms]

    def _holds(self, now_ms: int) -> dict[str, float]:
        """Power held of each product at an instant."""
        found = dict.fromkeys(PRODUCTS, 0.0)
        for one in self._held_in(now_ms, now_ms + 1):
            found[one.product] += one.kw
        return found

    # --- step 1.11 -----------------------------------------------------------------------------------------------------

    @handles(ReserveSetPoint)
    def follow(self, batch: Batch[ReserveSetPoint]) -> None:
        """What automatic reserves have to reach from now on; the next cycle sees to it."""
        for one, sender in zip(batch.records(), batch.sender.tolist(), strict=True):
            if self._from_market(batch, sender, one.product):
                self._orders.called.target_kw[one.product] = one.power_kw

    @handles(BlockCall)
    def take_call(self, batch: Batch[BlockCall]) -> None:
        """A block is called."""
        for one, sender in zip(batch.records(), batch.sender.tolist(), strict=True):
            if self._from_market(batch, sender, one.call) and all(
                one.call != known.call for known, _ in self._orders.called.blocks
            ):
                self._orders.called.blocks.append((one, self.now_ms))

    def _from_market(self, batch: Batch[Any], sender: int, subject: str) -> bool:
        """Whether an order comes from where the pool sells."""
        if (
            self.directory.addresses[sender].party
            == self.directory.addresses[self.directory.number(self._terms.via)].party
        ):
            return True
        refuse(self, batch, batch.sender.tolist().index(sender), subject, "the pool follows whom it sells to")
        return False

    def _operate(self, start_ms: int, end_ms: int, talk: str) -> Process:
        """Interval by interval: listen, declare, split what is held; cycle by cycle: follow what is called."""
        cycle_ms = round(self._terms.cycle_s * 1000.0)
        begins_ms, number = start_ms, 0
        if not self._held_in(self.now_ms, start_ms):  # else the day before is still served
            self._listen()
            self._allocate(start_ms)
            self._dispatch(start_ms, end_ms, talk, ready=False)
        yield self.until(start_ms - self._terms.step_ms + round(LISTENS_S * 1000.0))
        self._listen()
        self._declare(self.compute_aggregated_baseline(talk), talk)
        yield self.until(start_ms - BEFORE_MS)
        self._orders.forget()  # what was told before ends with the day that it was for
        self._allocate(start_ms)
        self._dispatch(start_ms, end_ms, talk)
        while begins_ms < end_ms:
            yield self.until(begins_ms + round(LISTENS_S * 1000.0))
            self._listen()
            self._note_delivery()
            self.build_the_virtual_asset(talk)
            self._declare(self.compute_aggregated_baseline(talk), talk)
            if number % self._terms.allocates_every == 0:
                self._allocate(begins_ms)
            self._members.note(start_ms, self._orders.split.sum(axis=1))
            for at_ms in range(begins_ms + round(LISTENS_S * 1000.0), begins_ms + self._terms.step_ms, cycle_ms):
                yield self.until(at_ms)
                self._dispatch(at_ms, end_ms, talk)
            begins_ms, number = begins_ms + self._terms.step_ms, number + 1
        yield self.until(end_ms)

    def _allocate(self, begins_ms: int) -> None:
        """Split what is held over the assets by what they can do now."""
        held = self._holds(begins_ms)
        self._orders.changed()
        room = self._room(begins_ms, begins_ms + self._terms.allocates_every * self._terms.step_ms)
        self._orders.split = pool_optimisation.split(
            room, [held[one] for one in PRODUCTS], self._values(), self._terms.endurance_h
        )
        self._keep_split(begins_ms, self._orders.split)

    def _dispatch(self, at_ms: int, end_ms: int, talk: str, *, ready: bool = True) -> None:
        """Step 1.11: tell the assets for which it has changed what they have to add; at first only what they have to keep ready."""
        self._orders.give(self._holds(at_ms), at_ms, end_ms, talk, ready=ready)

    # --- steps 1.12 and 1.13 -------------------------------------------------------------------------------------------

    def _report(self, start_ms: int, end_ms: int, talk: str) -> None:
        """Amount and duration of what was delivered; an interval that nobody heard of counts as nothing changed."""
        times = range(start_ms, end_ms, self._terms.step_ms)
        delivered, held = (
            np.array([self._delivered.get(t, 0.0) for t in times]),
            sum(any(self._holds(t).values()) for t in times),
        )
        record = DeliveryReport(
            pool=self.name, from_ms=start_ms, step_s=self._terms.step_ms / 1000.0, delivered_kw=delivered,
            duration_s=held * self._terms.step_ms / 1000.0,
        )  # fmt: skip
        self.send(record, self._terms.via, talk, system="vpp")

    @handles(ProvisionSettlement)
    def share_money(self, batch: Batch[ProvisionSettlement]) -> None:
        """What was earned is shared with the homes whose assets held it; what is owed is paid."""
        for row, one in enumerate(batch.records()):
            owed, own = round(one.net_eur * 100.0), round((one.net_eur - one.value_eur) * 100.0)
            buyer = self.directory.addresses[int(batch.sender[row])].party
            pay(self, self.name, buyer, max(-owed, 0) / 100.0, f"reserve {one.product}", batch.ids[row])
            if own > 0:
                self._members.pay(one, own, batch.conversation)
        if not self._terms.small and {one.product for one in batch.records()}:
            self._settled(batch)

    @handles(ExposureClaim)
    def take_claim(self, batch: Batch[ExposureClaim]) -> None:
        """What the balance responsible party, or the platform, passes on."""
        settle_claims(self, batch, self._terms.responsible, self._claims)

    def _settled(self, batch: Batch[ProvisionSettlement]) -> None:
        """A large pool's day is over when all its products are settled."""
        self._earned[batch.conversation] = self._earned.get(batch.conversation, 0) + len(batch)
        if self._earned[batch.conversation] == len(PRODUCTS):
            self.end(batch.conversation)
