"""Transmission system operator: buys balancing reserves of pools, calls them, meters what they did, and settles it (SUC05.2).

The role decides; its market platform is the address that takes offers, tells needs and sends settlements.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from agents.balancing_dispatch import Dispatch, Reserve
from agents.balancing_settlement import Settlement
from agents.balancing_terms import TsoTerms
from environment.control_area import AreaView
from environment.instruments import MeterStore
from environment.messages.balancing import (
    BalancingNeeds,
    BlockCall,
    DeliveryReport,
    NeedsQuery,
    PoolBaseline,
    ReserveAward,
    ReserveOffer,
    ReserveSetPoint,
)
from environment.messages.base import Batch
from environment.party import Party, Process, Seat, handles
from environment.refusals import refuse
from markets.balancing.auction import Offer, Result, clear
from markets.balancing.responses import MFRR_FULL_S

PLATFORM, SUC = "flexibility-market-platform", "SUC05.2"
SETTLES_AFTER_S = 3600.0
QUARTER_MS = 900_000


class BalancingTso(Party):
    """The operator.

    Args:
        seat: place in the world.
        terms: what it needs and how it works.
        area: what its control room sees.
        meters: dedicated measurement devices at the assets of pools.
        units: meters of conventional units.
    """

    systems: ClassVar[tuple[str, ...]] = ("tso", PLATFORM)

    def __init__(self, seat: Seat, terms: TsoTerms, area: AreaView, meters: MeterStore, units: MeterStore) -> None:
        super().__init__(seat)
        self._terms, self._area, self._meters = terms, area, meters
        self._offers: dict[str, tuple[Offer, str]] = {}
        self._until: dict[str, int] = {}
        self._baselines: dict[str, dict[int, float]] = {}
        self._dispatch = Dispatch(terms.cycle_s)
        self._reports: dict[tuple[str, int], tuple[DeliveryReport, str]] = {}
        self._talk: dict[tuple[str, int], str] = {}
        self._seen: tuple[list[int], list[float]] = ([], [])
        self._settlement = Settlement(self, terms, self._dispatch, area, (meters, units), self._baselines)

    def processes(self) -> Iterable[Process]:
        """Every day: the auction and the settlement; all the time: the controller."""
        for place in range(len(self._terms.days_ms)):
            yield self._auction(place)
            yield self._settle_day(place)
        yield self._control()
        yield self._call_blocks()

    # --- the market ----------------------------------------------------------------------------------------------------

    def _blocks(self, start_ms: int, end_ms: int) -> int:
        return -(-(end_ms - start_ms) // self._terms.block_ms)

    @handles(NeedsQuery)
    def tell_needs(self, batch: Batch[NeedsQuery]) -> None:
        """Step 1.6."""
        ends = dict(self._terms.days_ms)
        rows = [row for row, one in enumerate(batch.records()) if one.from_ms in ends]
        if rows:
            mine = batch.take(np.array(rows))
            self.answer(mine, [
                BalancingNeeds(
                    product=one.product, from_ms=one.from_ms, block_s=self._terms.block_ms / 1000.0,
                    needed_kw=np.full(self._blocks(one.from_ms, ends[one.from_ms]), self._terms.needs_kw[one.product]),
                )
                for one in mine.records()
            ])  # fmt: skip

    @handles(PoolBaseline)
    def keep_baseline(self, batch: Batch[PoolBaseline]) -> None:
        """The last baseline received before an interval counts for it; what comes later is kept for none that has begun."""
        for row, one in enumerate(batch.records()):
            seller = self._seller(batch, row)
            if seller != one.pool:
                refuse(self, batch, row, one.pool, "a baseline is declared by the seller itself")
                continue
            step_ms = round(one.step_s * 1000.0)
            for k, kw in enumerate(one.net_kw.tolist()):
                if one.from_ms + k * step_ms > int(batch.received_ms[row]):
                    self._baselines.setdefault(seller, {})[one.from_ms + k * step_ms] = kw

    def _seller(self, batch: Batch[Any], row: int) -> str:
        return self.directory.addresses[int(batch.sender[row])].party

    @handles(ReserveOffer)
    def keep_offer(self, batch: Batch[ReserveOffer]) -> None:
        """Offers until the gate; the last one of a name counts, none after the gate, and nobody offers for another."""
        gates = dict(zip(self._terms.days_ms, self._terms.gates_ms, strict=True))
        for row, (one, received_ms) in enumerate(zip(batch.records(), batch.received_ms.tolist(), strict=True)):
            gate = next((gate for (start, end), gate in gates.items() if start <= one.from_ms < end), None)
            reason = (
                "it is for no day of delivery" if gate is None else "the gate has closed" if received_ms > gate else ""
            )
            if self._seller(batch, row) != one.seller or one.seller not in self._terms.sellers:
                reason = "nobody offers for another, and only who is qualified"
            if reason:
                refuse(self, batch, row, one.offer, reason)
                continue
            offer = Offer(
                one.offer,
                one.seller,
                one.product,
                one.from_ms,
                one.offered_kw,
                one.capacity_eur_per_kw_h,
                one.energy_eur_per_kwh,
                received_ms,
            )
            self._offers[one.offer], self._until[one.offer] = (offer, batch.conversation), one.to_ms

    def _auction(self, place: int) -> Process:
        """At the gate every block of every product is cleared."""
        yield self.until(self._terms.gates_ms[place] + 1)
        start_ms, end_ms = self._terms.days_ms[place]
        for product, terms in self._terms.products.items():
            for from_ms in range(start_ms, end_ms, self._terms.block_ms):
                offers = [one for one, _ in self._offers.values() if one.product == product and one.from_ms == from_ms]
                for result in clear(offers, self._terms.needs_kw[product], terms):
                    self._award(result, start_ms)

    def _award(self, result: Result, start_ms: int) -> None:
        one, (_, talk) = result.offer, self._offers[result.offer.offer]
        to_ms = self._until[one.offer]
        self._talk[one.seller, start_ms] = talk
        self.register("reserve_auctions").add(
            offer=one.offer, seller=one.seller, product=one.product, t_ms=one.from_ms, to_ms=to_ms, need_kw=self._terms.needs_kw[one.product],
            offered_kw=one.kw, accepted_kw=result.accepted_kw, asked_eur_per_kw_h=one.capacity_eur_per_kw_h,
            price_eur_per_kw_h=result.price_eur_per_kw_h, energy_eur_per_kwh=one.energy_eur_per_kwh, reason=result.reason,
        )  # fmt: skip
        award = ReserveAward(
            offer=one.offer, product=one.product, from_ms=one.from_ms, to_ms=to_ms, accepted_kw=result.accepted_kw,
            price_eur_per_kw_h=result.price_eur_per_kw_h, reason=result.reason,
        )  # fmt: skip
        self.send(award, self._terms.sellers[one.seller], talk, system=PLATFORM)
        if result.accepted_kw > 0.0:
            self._dispatch.reserves.append(Reserve(
                one.seller, one.product, one.from_ms, to_ms, result.accepted_kw, result.price_eur_per_kw_h, one.energy_eur_per_kwh
            ))  # fmt: skip

    # --- real time -----------------------------------------------------------------------------------------------------

    def _control(self) -> Process:
        """Cycle by cycle: what the area lacks is asked of automatic reserves."""
        for start_ms, end_ms in self._terms.days_ms:
            cycle_ms = round(self._terms.cycle_s * 1000.0)
            for at_ms in range(start_ms, end_ms, cycle_ms):
                yield self.until(at_ms)
                for seller, product, kw in self._dispatch.follow(at_ms, self._area.imbalance_kw):
                    self._order(ReserveSetPoint(product=product, power_kw=kw), seller, start_ms)
                self._note(at_ms)

    def _note(self, at_ms: int) -> None:
        """The signal, as the control room saw it and answered."""
        self._seen[0].append(at_ms)
        self._seen[1].append(self._area.imbalance_kw)
        called = {
            one: sum(past[-1][1] for (_, product), past in self._dispatch.set_kw.items() if product == one and past)
            for one in ("afrr-up", "afrr-down")
        }
        self.register("area_signals").add(
            t_ms=at_ms, imbalance_kw=self._area.imbalance_kw, afrr_kw=called["afrr-up"] - called["afrr-down"],
            mfrr_kw=self._dispatch.block_kw(at_ms),
        )  # fmt: skip

    def _call_blocks(self) -> Process:
        """A full activation time before every quarter of an hour: whether a block is called for it."""
        for start_ms, end_ms in self._terms.days_ms:
            for begins_ms in range(start_ms + QUARTER_MS, end_ms, QUARTER_MS):
                yield self.until(begins_ms - round(MFRR_FULL_S * 1000.0))
                for seller, call in self._dispatch.call_block(self.now_ms, begins_ms, begins_ms + QUARTER_MS):
                    self._order(call, seller, start_ms)

    def _order(self, record: ReserveSetPoint | BlockCall, seller: str, start_ms: int) -> None:
        self.register("reserve_orders").add(
            t_ms=self.now_ms, seller=seller, product=record.product, kind="block" if isinstance(record, BlockCall) else "set-point",
            power_kw=record.power_kw,
        )  # fmt: skip
        self.send(record, self._terms.sellers[seller], self._talk[seller, start_ms])

    # --- steps 1.12 and 1.13 -------------------------------------------------------------------------------------------

    @handles(DeliveryReport)
    def keep_report(self, batch: Batch[DeliveryReport]) -> None:
        """What a seller says it delivered; it is compared with the operator's own measurement."""
        for row, one in enumerate(batch.records()):
            self._reports[self._seller(batch, row), one.from_ms] = one, batch.conversation

    def _settle_day(self, place: int) -> Process:
        """An hour after a day, everybody who held something and has reported is settled, product by product; then the imbalances."""
        start_ms, end_ms = self._terms.days_ms[place]
        yield self.until(end_ms + round(SETTLES_AFTER_S * 1000.0))
        self._settlement.begin_day(start_ms, end_ms)
        for seller in self._settlement.sellers(start_ms, end_ms):
            if (seller, start_ms) in self._reports:
                report, talk = self._reports[seller, start_ms]
                self._settlement.settle(seller, report, talk)
            elif self._talk[seller, start_ms].startswith(SUC):
                self.end(self._talk[seller, start_ms], "failed", f"{seller} reported nothing, and is paid nothing")
        self._settlement.settle_others(*self._seen)
