r"""Figures by which an energy community is judged, from energies of each interval; each with its definition.

With generation :math:`G_t`, consumption :math:`C_t`, what is bought from retailers :math:`B_t` and sold to them :math:`S_t`, and the
members' surpluses :math:`E_t = \sum_i \max(-e_{i,t}, 0)` and deficits :math:`D_t = \sum_i \max(e_{i,t}, 0)` at their meters:

* self-consumption :math:`(\sum G - \sum S) / \sum G`
* self-sufficiency :math:`(\sum C - \sum B) / \sum C`
* energy sharing ratio :math:`\sum \min(E_t, D_t) / \sum E_t`: the part of what members feed in that other members use at the same time
* cost reduction :math:`(K_0 - K) / K_0` with the cost :math:`K_0` it is compared with

A ratio without denominator is NaN. Weights count intervals that stand for several (representative days).

A member's ``Standing`` adds up, day by day since it joined, what O-1 to O-7 of SUC02.1 are made of; savings are against not taking part:
the same energies at the meter, all of them with the own retailer.

Sources: SUC01.1, SUC02.1 (names; no formulas are given there); self-consumption and self-sufficiency: Luthander, Widen, Nilsson, Palm:
"Photovoltaic self-consumption in buildings: a review", Applied Energy 142 (2015) 80-94; the sharing ratio is this project's definition.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64
from markets.community.settlement import Settled


def _total(values: ArrayLike, weight: ArrayLike) -> float:
    return float((np.asarray(values, np.float64) * np.asarray(weight, np.float64)).sum())


def _ratio(part: float, whole: float) -> float:
    return part / whole if abs(whole) > 0.0 else float("nan")


def self_consumption(generation_kwh: ArrayLike, sold_kwh: ArrayLike, weight: ArrayLike = 1.0) -> float:
    """Share of the generation that is not sold to retailers; inputs of shape (T,)."""
    made = _total(generation_kwh, weight)
    return _ratio(made - _total(sold_kwh, weight), made)


def self_sufficiency(consumption_kwh: ArrayLike, bought_kwh: ArrayLike, weight: ArrayLike = 1.0) -> float:
    """Share of the consumption that is not bought from retailers; inputs of shape (T,)."""
    used = _total(consumption_kwh, weight)
    return _ratio(used - _total(bought_kwh, weight), used)


def shared_kwh(net_kwh: ArrayLike) -> F64:
    """What members use of each other's surplus in each interval, from net energies at meters of shape (n, T) (consuming is positive)."""
    net = np.asarray(net_kwh, np.float64)
    return np.asarray(np.minimum(np.maximum(-net, 0.0).sum(axis=0), np.maximum(net, 0.0).sum(axis=0)))


def sharing_ratio(net_kwh: ArrayLike, weight: ArrayLike = 1.0) -> float:
    """Share of what members feed in that other members use in the same interval; net energies at meters, shape (n, T)."""
    net = np.asarray(net_kwh, np.float64)
    return _ratio(_total(shared_kwh(net), weight), _total(np.maximum(-net, 0.0).sum(axis=0), weight))


def cost_reduction(cost_before_eur: float, cost_eur: float) -> float:
    """Share of a cost that is saved."""
    return _ratio(cost_before_eur - cost_eur, cost_before_eur)


def avoided_kg(self_consumed_kwh: ArrayLike, carbon_g_per_kwh: ArrayLike) -> F64:
    """CO2 of what retailers would have supplied in place of the community's energy, (n,) [kg].

    Args:
        self_consumed_kwh: community's energy that covered consumption, (n, T).
        carbon_g_per_kwh: of what retailers supply, (T,).
    """
    kwh, carbon = np.asarray(self_consumed_kwh, np.float64), np.asarray(carbon_g_per_kwh, np.float64)
    return np.asarray((kwh * carbon).sum(axis=1) / 1000.0)


class Standing(NamedTuple):
    """What a member comes to since it joined (numbers), or members in one day (columns)."""

    covered_kwh: Any = 0.0
    saved_eur: Any = 0.0
    shared_kwh: Any = 0.0
    avoided_kg: Any = 0.0
    flexibility_eur: Any = 0.0
    bought_kwh: Any = 0.0
    bought_eur: Any = 0.0
    consumption_kwh: Any = 0.0
    supplied_kwh: Any = 0.0

    @classmethod
    def of_day(cls, settled: Settled, avoided: F64, consumption_kwh: F64) -> "Standing":
        """Columns of a day: as settled, CO2 avoided and what each consumed behind its meter, (n,) each."""
        return cls(
            settled.self_consumed_kwh, settled.alone_eur - settled.inside_eur, settled.sold_kwh, avoided,
            settled.flexibility_eur - settled.shortfall_eur, settled.bought_kwh, settled.bought_eur, consumption_kwh, settled.supplied_kwh,
        )  # fmt: skip

    def row(self, place: int) -> "Standing":
        """One member of a day."""
        return Standing(*(float(column[place]) for column in self))

    def plus(self, other: "Standing") -> "Standing":
        """Both together."""
        return Standing(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def average_eur_per_kwh(self) -> float:
        """O-6: of what it bought inside, without the grid tariff; 0 where it bought nothing."""
        return float(self.bought_eur / self.bought_kwh) if self.bought_kwh > 0.0 else 0.0

    @property
    def self_sufficiency_percent(self) -> float:
        """O-7: of its consumption, what own and community energy covered; 0 where it consumed nothing."""
        if self.consumption_kwh <= 0.0:
            return 0.0
        return float(np.clip(100.0 * self_sufficiency(self.consumption_kwh, self.supplied_kwh), 0.0, 100.0))
