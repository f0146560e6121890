"""Real-time balancing by a TSO: which reserves are called, and what was due of each seller (SUC05.2).

The automatic reserve follows the area's filtered imbalance less the blocks that are called; a block is called for the next quarter of an hour, a
full activation time before, for what occupies more than half of the automatic reserve. Both take sellers by merit order of energy prices.
"""

from dataclasses import dataclass, field

import numpy as np

from data.arrays import F64
from environment.messages.balancing import BlockCall
from markets.balancing.auction import Share, call
from markets.balancing.responses import AFRR_FULL_S, MFRR_FULL_S, block_kw, ramped_kw

FILTER_S = 120.0
"""Time constant by which the controller smooths the imbalance (judgement)."""
WATCHED_S = 300.0
"""A block answers the mean of what was asked over so long, of automatic reserves and of the blocks before it."""
FREED_SHARE = 0.5
"""What automatic reserves are asked beyond this share of what is held is handed to a block."""
LEAST_KW = 1.0
"""A smaller power is not called."""


@dataclass(frozen=True)
class Reserve:
    """Capacity that a seller holds in a block."""

    seller: str
    product: str
    from_ms: int
    to_ms: int
    kw: float
    capacity_eur_per_kw_h: float
    energy_eur_per_kwh: float

    def holds(self, at_ms: int) -> bool:
        """Whether it is held at an instant."""
        return self.from_ms <= at_ms < self.to_ms


@dataclass
class Dispatch:
    """What is called, and was.

    Attributes:
        cycle_s: time between two set-points.
        reserves: everything that was bought.
        set_kw: (seller, product) -> instants, powers and prices of set-points.
        calls: blocks called: (seller, call, when it was sent, price).
    """

    cycle_s: float
    reserves: list[Reserve] = field(default_factory=list)
    set_kw: dict[tuple[str, str], list[tuple[int, float, float]]] = field(default_factory=dict)
    calls: list[tuple[str, BlockCall, int, float]] = field(default_factory=list)
    _need_kw: float = 0.0
    _recent: list[float] = field(default_factory=list)

    def held(self, product: str, at_ms: int) -> list[Reserve]:
        """What is held of a product at an instant, by name of seller."""
        return sorted(
            (one for one in self.reserves if one.product == product and one.holds(at_ms)), key=lambda one: one.seller
        )

    def held_kw(self, seller: str, product: str, at_ms: int) -> float:
        """Power that a seller holds."""
        return sum(
            one.kw for one in self.reserves if one.seller == seller and one.product == product and one.holds(at_ms)
        )

    def follow(self, now_ms: int, imbalance_kw: float) -> list[tuple[str, str, float]]:
        """Set-points of this cycle: (seller, product, kW) where they have changed."""
        blocks_kw = self.block_kw(now_ms)
        self._need_kw += (-imbalance_kw - blocks_kw - self._need_kw) * min(self.cycle_s / FILTER_S, 1.0)
        self._recent = [*self._recent, self._need_kw + blocks_kw][-max(round(WATCHED_S / self.cycle_s), 1) :]
        found = []
        for product, wanted in (("afrr-up", self._need_kw), ("afrr-down", -self._need_kw)):
            reserves = self.held(product, now_ms)
            shares = call(
                [one.kw for one in reserves],
                [one.energy_eur_per_kwh for one in reserves],
                wanted if wanted >= LEAST_KW else 0.0,
            )
            now = {one.seller: share for one, share in zip(reserves, shares, strict=True)}
            before = {seller for (seller, known), past in self.set_kw.items() if known == product and past[-1][1] > 0.0}
            for seller in sorted(now.keys() | before):  # who held a block before and holds none now is let go
                share = now.get(seller, Share(0.0, 0.0))
                past = self.set_kw.get((seller, product), [])
                last = past[-1][1] if past else 0.0
                if abs(last - share.kw) >= LEAST_KW or (last > 0.0 and share.kw == 0.0):
                    self.set_kw.setdefault((seller, product), []).append((now_ms, share.kw, share.price_eur_per_kwh))
                    found.append((seller, product, share.kw))
        return found

    def block_kw(self, now_ms: int) -> float:
        """Power of all called blocks now, up above 0, as it is due; of blocks that follow each other the larger."""
        now: dict[tuple[str, str], float] = {}
        for seller, one, sent_ms, _ in self.calls:
            if sent_ms <= now_ms <= one.end_ms + MFRR_FULL_S * 1000.0:
                own = seller, one.product
                now[own] = max(now.get(own, 0.0), float(_path_kw(one, sent_ms, np.array(now_ms / 1000.0))))
        return sum(kw if product.endswith("up") else -kw for (_, product), kw in now.items())

    def call_block(self, now_ms: int, start_ms: int, end_ms: int) -> list[tuple[str, BlockCall]]:
        """Blocks to be called now for an interval to come: (seller, call)."""
        mean_kw = float(np.mean(self._recent)) if self._recent else 0.0
        found = []
        for side, wanted in (("up", mean_kw), ("down", -mean_kw)):
            automatic = sum(one.kw for one in self.held(f"afrr-{side}", now_ms))
            reserves = self.held(f"mfrr-{side}", start_ms)
            beyond = wanted - FREED_SHARE * automatic
            if beyond < LEAST_KW or not reserves:
                continue
            shares = call([one.kw for one in reserves], [one.energy_eur_per_kwh for one in reserves], beyond)
            for one, share in zip(reserves, shares, strict=True):
                if share.kw >= LEAST_KW:
                    order = BlockCall(
                        call=f"{one.seller}/{one.product}/{start_ms}",
                        product=one.product,
                        power_kw=share.kw,
                        start_ms=start_ms,
                        end_ms=end_ms,
                    )
                    self.calls.append((one.seller, order, now_ms, share.price_eur_per_kwh))
                    found.append((one.seller, order))
        return found

    # --- what was due --------------------------------------------------------------------------------------------------

    def followed(self, seller: str, product: str, start_ms: int, end_ms: int, step_ms: int) -> tuple[F64, F64]:
        """Mean power due of an automatic reserve in each interval, at least 0 [kW], and the price of its energy, (steps,) each."""
        cycle_ms = round(self.cycle_s * 1000.0)
        times = np.arange(start_ms, end_ms, cycle_ms)
        past = self.set_kw.get((seller, product), [])
        steps = (end_ms - start_ms) // step_ms
        if not past:
            return np.zeros(steps), np.zeros(steps)
        at = np.array([one[0] for one in past])
        place = np.searchsorted(at, times, side="right") - 1
        prices = [past[0][2]]
        for _, kw, asked in past[1:]:  # what is given while a set-point is left is paid as it was
            prices.append(asked if kw > 0.0 else prices[-1])
        power, price = (
            np.where(place >= 0, np.array(column)[place], 0.0) for column in ([one[1] for one in past], prices)
        )
        held = max(one.kw for one in self.reserves if one.seller == seller and one.product == product)
        ends = ramped_kw(power, held, self.cycle_s, AFRR_FULL_S)
        means = (ends + np.concatenate([[0.0], ends[:-1]])) / 2.0
        paid, total = ((means * factor).reshape(steps, -1).mean(axis=1) for factor in (price, 1.0))
        return total, np.divide(paid, total, out=np.zeros(steps), where=total > 0.0)

    def blocks(self, seller: str, product: str, start_ms: int, end_ms: int, step_ms: int) -> tuple[F64, F64]:
        """The same of a manual reserve, its ramps included; blocks that follow each other go over into each other."""
        fine_ms = 10_000
        times = np.asarray((np.arange(start_ms, end_ms, fine_ms) + fine_ms / 2.0) / 1000.0, np.float64)
        steps = (end_ms - start_ms) // step_ms
        power, paid = np.zeros(len(times)), np.zeros(len(times))
        for who, one, sent_ms, price in self.calls:
            if who == seller and one.product == product:
                path = _path_kw(one, sent_ms, times)
                paid = np.where(path > power, price * path, paid)
                power = np.maximum(power, path)
        mean, money = power.reshape(steps, -1).mean(axis=1), paid.reshape(steps, -1).mean(axis=1)
        return mean, np.divide(money, mean, out=np.zeros(steps), where=mean > 0.0)


def _path_kw(one: BlockCall, sent_ms: int, times_s: F64) -> F64:
    """Power of a block at some times, its ramps included."""
    return block_kw(one.power_kw, times_s, sent_ms / 1000.0, one.start_ms / 1000.0, one.end_ms / 1000.0, MFRR_FULL_S)
