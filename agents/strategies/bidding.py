"""How a flexibility service provider turns many homes into bids, and a call into orders to homes.

A home offers a potential (kW by interval, at least 0, in one direction) at a reservation price. Homes are rows, areas
are numbers. An area's supply curve is cut into blocks by merit; each block is offered at the highest reservation
price in it, so that a home paid as bid never gets less than it asked for. What is offered is the potential times a
share that the provider has learned from what earlier calls delivered (people withdraw consent, override, and are
forecast wrongly), never more than the potential. All functions work on whole populations; sums run over homes in the
order (area, price, name), so that the order of rows changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64, Names


@dataclass(frozen=True, eq=False)
class Homes:
    """The homes a provider has contracts with.

    Attributes:
        name: unique names, shape (n,).
        area: number of the area, shape (n,).
        price_eur_per_kwh: reservation price, what the home is paid at least, shape (n,).
        revenue_share: share of the margin above the reservation price that goes to the home, shape (n,).
    """

    name: Names
    area: I64
    price_eur_per_kwh: F64
    revenue_share: F64

    def merit(self) -> I64:
        """Rows in order of area, price, name: shape (n,)."""
        return np.asarray(np.lexsort((self.name, self.price_eur_per_kwh, self.area)), np.int64)


@dataclass(frozen=True, eq=False)
class Offers:
    """Bids by block, one row a block and interval with a quantity above 0, in order of area, block, interval.

    Attributes:
        area: number of the area, shape (m,).
        block: number of the block in its area, cheapest first, shape (m,).
        interval: position of the interval, shape (m,).
        quantity_kw: shape (m,).
        price_eur_per_kwh: shape (m,).
    """

    area: I64
    block: I64
    interval: I64
    quantity_kw: F64
    price_eur_per_kwh: F64

    def by_block(self) -> Iterator[slice]:
        """The rows of each block."""
        same = (np.diff(self.area) == 0) & (np.diff(self.block) == 0)
        edges = [0, *(np.flatnonzero(~same) + 1).tolist(), len(self.area)]
        return (slice(first, stop) for first, stop in pairwise(edges) if first < stop)


@dataclass(frozen=True)
class DeliveryRecord:
    """What a provider knows of its own reliability: energy ordered and delivered by past calls, and a stated prior.

    Attributes:
        ordered_kwh: energy ordered by each past call.
        delivered_kwh: energy delivered by each past call.
        prior_share: delivered share expected before any experience.
        prior_kwh: weight of that expectation, as if so much had been ordered.
        prior_spread: standard deviation of a call's delivered share expected before any experience.
    """

    ordered_kwh: tuple[float, ...] = ()
    delivered_kwh: tuple[float, ...] = ()
    prior_share: float = 0.9
    prior_kwh: float = 100.0
    prior_spread: float = 0.1

    def after(self, ordered_kwh: float, delivered_kwh: float) -> "DeliveryRecord":
        """The record with one more call."""
        ordered, delivered = (*self.ordered_kwh, ordered_kwh), (*self.delivered_kwh, delivered_kwh)
        return DeliveryRecord(ordered, delivered, self.prior_share, self.prior_kwh, self.prior_spread)


def offered_share(record: DeliveryRecord, caution: float = 1.0) -> float:
    """Share of the potential to offer: expected delivered share less ``caution`` standard deviations, in [0, 1].

    Expectation and spread are averages over past calls weighted with their energy, with the prior as one more call.

    Raises:
        ValueError: the record's columns differ in length, or the prior has no weight and there is no experience.
    """
    if len(record.ordered_kwh) != len(record.delivered_kwh):
        msg = f"delivery record: {len(record.ordered_kwh)} ordered, {len(record.delivered_kwh)} delivered"
        raise ValueError(msg)
    ordered = np.array(record.ordered_kwh, np.float64)
    delivered = np.array(record.delivered_kwh, np.float64)
    weight = record.prior_kwh + ordered.sum()
    if weight <= 0.0:
        msg = "delivery record: neither experience nor a prior with weight"
        raise ValueError(msg)
    mean = (record.prior_share * record.prior_kwh + np.minimum(delivered, ordered).sum()) / weight
    ratio = np.divide(np.minimum(delivered, ordered), ordered, out=np.zeros_like(ordered), where=ordered > 0.0)
    variance = (record.prior_spread**2 * record.prior_kwh + (ordered * (ratio - mean) ** 2).sum()) / weight
    return float(np.clip(mean - caution * np.sqrt(variance), 0.0, 1.0))


def blocks(homes: Homes, potential_kw: ArrayLike, count: int) -> I64:
    """Block of each home in its area, 0 the cheapest, cut so that blocks hold about equal potential; shape (n,).

    Homes at one price stay in one block, so that names never decide who earns more.
    """
    order = homes.merit()
    energy = np.maximum(np.asarray(potential_kw, np.float64), 0.0)[order].sum(axis=1)
    area, price = homes.area[order], homes.price_eur_per_kwh[order]
    before, total = _before_and_total(energy, area)
    middle = np.divide(before, total, out=np.zeros_like(before), where=total > 0.0)
    first = np.concatenate([[True], (np.diff(area) != 0) | (np.diff(price) != 0)])[: len(order)]
    raw = np.minimum((middle * count).astype(np.int64), count - 1)
    result = np.empty(len(order), np.int64)
    result[order] = raw[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    return result


def offers(
    homes: Homes,
    potential_kw: ArrayLike,
    *,
    share: float,
    count: int = 4,
    granularity_kw: float = 0.1,
    least_kw: float = 0.0,
) -> Offers:
    """Bids of a provider: the supply curve of each area and interval in blocks.

    Args:
        homes: who can deliver.
        potential_kw: what each home could do in the asked direction, shape (n, T); negative and missing values count
        as 0.
        share: share of the potential to offer, in [0, 1]; see ``offered_share``.
        count: number of blocks an area.
        granularity_kw: quantities are cut down to whole multiples of it (0: any quantity).
        least_kw: smaller quantities are not offered.

    Raises:
        ValueError: the share lies outside [0, 1] or the potential has another number of homes.
    """
    potential = _potential(homes, potential_kw)
    if not 0.0 <= share <= 1.0:
        msg = f"offers: share {share} lies outside [0, 1]"
        raise ValueError(msg)
    block = blocks(homes, potential, count)
    order = np.lexsort((homes.name, block, homes.area))
    key = homes.area[order] * count + block[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(key) != 0])[: len(key)])
    if not len(starts):
        none = np.zeros(0, np.int64)
        return Offers(none, none, none, np.zeros(0), np.zeros(0))
    sums = np.add.reduceat(potential[order], starts, axis=0) * share
    quantity = np.floor(sums / granularity_kw + 1e-9) * granularity_kw if granularity_kw > 0.0 else sums
    price = np.maximum.reduceat(homes.price_eur_per_kwh[order], starts)
    row, interval = np.nonzero((quantity > 0.0) & (quantity >= least_kw))
    areas, numbers = np.divmod(key[starts][row], count)
    return Offers(areas, numbers, interval.astype(np.int64), quantity[row, interval], price[row])


def disaggregate(homes: Homes, potential_kw: ArrayLike, ordered_kw: ArrayLike, reserve_share: float = 0.0) -> F64:
    """Orders to homes that add up to what was called in each area: cheapest first, ties by name.

    Args:
        homes: who can deliver.
        potential_kw: shape (n, T); 0 for homes that cannot or may not be called.
        ordered_kw: what was called, shape (areas, T).
        reserve_share: how much more to order than was called, to make up for homes that will not deliver.

    Returns:
        kW of each home, shape (n, T), within [0, potential]; short of the call only where the potential is.
    """
    potential = _potential(homes, potential_kw)
    order = homes.merit()
    wanted = np.asarray(ordered_kw, np.float64)[homes.area[order]] * (1.0 + reserve_share)
    before, _ = _before_and_total(potential[order], homes.area[order])
    result = np.empty_like(potential)
    result[order] = np.clip(wanted - before, 0.0, potential[order])
    return result


def earnings_eur(homes: Homes, delivered_kwh: ArrayLike, revenue_eur: float) -> tuple[F64, float]:
    """What each home and the provider earn from a call; together they are the revenue.

    A home gets its reservation price for each kWh it delivered, and its share of what is left of the revenue, in
    proportion to its delivery. The provider bears a loss alone.

    Returns:
        Euro by home, shape (n,), and the provider's rest (negative: a loss).
    """
    delivered = np.maximum(np.asarray(delivered_kwh, np.float64), 0.0)
    reserved = delivered * homes.price_eur_per_kwh
    order = homes.merit()
    surplus = max(revenue_eur - float(reserved[order].sum()), 0.0)
    total = float(delivered[order].sum())
    extra = surplus * homes.revenue_share * (delivered / total if total > 0.0 else 0.0)
    home_eur = np.asarray(reserved + extra)
    return home_eur, revenue_eur - float(home_eur[order].sum())


def _potential(homes: Homes, potential_kw: ArrayLike) -> F64:
    potential = np.maximum(np.nan_to_num(np.asarray(potential_kw, np.float64), nan=0.0), 0.0)
    if potential.ndim != 2 or len(potential) != len(homes.name):
        msg = f"potential has shape {potential.shape}, but there are {len(homes.name)} homes"
        raise ValueError(msg)
    return potential


def _before_and_total(values: F64, area: I64) -> tuple[F64, F64]:
    """Running sum before each row within its area, and the area's total; rows are sorted by area."""
    if not len(values):
        return values, values
    starts = np.flatnonzero(np.concatenate([[True], np.diff(area) != 0]))
    before, total = np.empty_like(values), np.empty_like(values)
    for first, stop in zip(starts, [*starts[1:], len(values)], strict=True):
        running = np.cumsum(values[first:stop], axis=0)
        before[first:stop] = np.concatenate([np.zeros_like(running[:1]), running[:-1]])
        total[first:stop] = running[-1]
    return before, total
