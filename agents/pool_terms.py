"""What a pool's aggregator knows and asks, what is needed and held block by block, and what is called (SUC05.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from data.arrays import F64, I64, Bool, Names
from environment.messages.balancing import PRODUCTS, AssetConstraints, AssetMonitoring, BalancingNeeds, BlockCall
from environment.messages.base import Batch
from markets.balancing.auction import Terms
from markets.balancing.responses import AFRR_FULL_S, block_kw


@dataclass(frozen=True)
class PoolTerms:
    """How a pool works.

    Attributes:
        ems: numbers of its members' energy management, ascending, (members,).
        homes: names of the members, in the same order.
        assets: names of the assets under contract, ascending.
        asset_ems: numbers of the energy management of each.
        via: address that baselines, offers and reports go to.
        small: whether that is an aggregator platform.
        responsible: party that passes on what its deliveries cost or bring the balance responsible party.
        days_ms: (start, end) of every day of delivery.
        opens_ms: when the day of each is opened; a small pool waits to be told.
        step_ms: length of an interval.
        cycle_s: time between two looks at what is called.
        products: terms of each product, by name.
        capacity_eur_per_kw_h: what it asks for capacity.
        energy_eur_per_kwh: what it asks for energy.
        offers_share: of what it finds available.
        homes_share: of what it earns that goes to the homes.
        endurance_h: for so long its assets must be able to give all they hold.
        allocates_every: intervals between two splits of what it holds.
    """

    ems: I64
    homes: tuple[str, ...]
    assets: tuple[str, ...]
    asset_ems: I64
    via: str
    small: bool
    responsible: str
    days_ms: tuple[tuple[int, int], ...]
    opens_ms: tuple[int, ...]
    step_ms: int
    cycle_s: float
    products: Mapping[str, Terms]
    capacity_eur_per_kw_h: float
    energy_eur_per_kwh: float
    offers_share: float
    homes_share: float
    endurance_h: float
    allocates_every: int = 2


class Picture:
    """The virtual asset: what the members' assets were last heard to do, plan and allow, as columns over assets.

    Reports come in parts, some late or never: an asset that is not heard of in an interval is expected to go on as it did, and allows nothing.

    Args:
        names: the assets under contract, ascending.
        ems: numbers of the energy management that each belongs to.

    Attributes:
        available: whether each may be used.
        power_kw: mean net load of the last interval.
        from_ms: start of the first interval planned.
        planned_kw: (assets, steps).
        limits_from_ms: start of the first interval of the limits.
        limits: columns of the last word on how far they can be moved, (assets,) or (assets, steps); empty before the first.
    """

    def __init__(self, names: tuple[str, ...], ems: I64) -> None:
        self.names: Names = np.array(names, object)
        self.ems = ems
        self._place = {name: row for row, name in enumerate(names)}
        n = len(names)
        self.available: Bool = np.zeros(n, bool)
        self.power_kw: F64 = np.zeros(n)
        self.from_ms = 0
        self.planned_kw: F64 = np.zeros((n, 0))
        self.limits_from_ms = 0
        self.limits: dict[str, F64] = {}

    def hear(self, batch: Batch[AssetMonitoring]) -> None:
        """Take in monitoring data of some assets, of one interval."""
        rows, from_ms, steps = self._rows(batch), int(batch["from_ms"][0]), batch["planned_kw"].shape[1]
        if (from_ms, steps) != (self.from_ms, self.planned_kw.shape[1]):
            self.from_ms, self.planned_kw = from_ms, np.repeat(self.power_kw[:, None], steps, axis=1)
        self.available[rows], self.power_kw[rows] = batch["available"], batch["power_kw"]
        self.planned_kw[rows] = batch["planned_kw"]

    def learn(self, batch: Batch[AssetConstraints]) -> None:
        """Take in limits of some assets, of one interval."""
        rows, from_ms, n = self._rows(batch), int(batch["from_ms"][0]), len(self.names)
        steps = batch["up_kw"].shape[1]
        if not self.limits or (from_ms, steps) != (self.limits_from_ms, self.limits["up_kw"].shape[1]):
            self.limits_from_ms = from_ms
            self.limits = {name: np.zeros((n, *batch[name].shape[1:])) for name in LIMITS}
        for name in LIMITS:
            self.limits[name][rows] = batch[name]

    def _rows(self, batch: Batch[Any]) -> I64:
        return np.array([self._place[name] for name in batch["asset"].tolist()], np.int64)

    def limit(self, column: str) -> F64:
        """A column of the limits, 0 where an asset may not be used."""
        values = self.limits[column]
        return np.asarray(values * (self.available if values.ndim == 1 else self.available[:, None]))


LIMITS = ("up_kw", "down_kw", "up_kwh", "down_kwh", "fast")


class Holding(NamedTuple):
    """A block that was bought of the pool."""

    product: str
    from_ms: int
    to_ms: int
    kw: float


@dataclass
class Called:
    """What is called of a pool now: the set-points of automatic reserves and how far they are followed, and blocks."""

    target_kw: dict[str, float] = field(default_factory=dict)
    now_kw: dict[str, float] = field(default_factory=dict)
    blocks: list[tuple[BlockCall, int]] = field(default_factory=list)
    _rate_kw: dict[str, float] = field(default_factory=dict)

    def wanted_kw(self, held_kw: Mapping[str, float], now_ms: int, cycle_s: float) -> dict[str, float]:
        """Power of each product for the cycle that begins: ramped as fast as its full activation time asks, the mean of the cycle."""
        found = dict.fromkeys(PRODUCTS, 0.0)
        for product in ("afrr-up", "afrr-down"):
            held, now = held_kw[product], self.now_kw.get(product, 0.0)
            if held > 0.0:
                self._rate_kw[product] = held
            else:  # a set-point does not outlive the reserve that it was for; it is left by the same ramp
                self.target_kw[product] = 0.0
            most = self._rate_kw.get(product, 0.0) * cycle_s / AFRR_FULL_S
            after = now + min(max(min(self.target_kw.get(product, 0.0), held) - now, -most), most)
            found[product] = (now + after) / 2.0
            self.now_kw[product] = after
        middle_s = now_ms / 1000.0 + cycle_s / 2.0
        for call, heard_ms in self.blocks:
            kw = block_kw(call.power_kw, middle_s, heard_ms / 1000.0, call.start_ms / 1000.0, call.end_ms / 1000.0)
            found[call.product] = max(
                found[call.product], float(kw)
            )  # blocks that follow each other go over into each other
        return found


def blocks_of(needs: Sequence[BalancingNeeds]) -> list[tuple[int, int, list[float]]]:
    """The stretches of a day in which no need changes: (from, to, need of each product)."""
    edges: set[int] = set()
    for one in needs:
        edges |= {one.from_ms + round(k * one.block_s * 1000.0) for k in range(len(one.needed_kw) + 1)}
    marks: I64 = np.array(sorted(edges))
    by_product = {one.product: one for one in needs}
    found = []
    for from_ms, to_ms in zip(marks[:-1].tolist(), marks[1:].tolist(), strict=True):
        needed = []
        for product in PRODUCTS:
            need = by_product.get(product)
            place = -1 if need is None else int((from_ms - need.from_ms) // round(need.block_s * 1000.0))
            inside = need is not None and 0 <= place < len(need.needed_kw)
            needed.append(float(need.needed_kw[place]) if need is not None and inside else 0.0)
        found.append((from_ms, to_ms, needed))
    return found
