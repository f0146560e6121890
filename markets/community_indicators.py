r"""Figures by which an energy community is judged, from energies of each interval; each with its definition.

With generation :math:`G_t`, consumption :math:`C_t`, what is bought from retailers :math:`B_t` and sold to them :math:`S_t`, and the
members' surpluses :math:`E_t = \sum_i \max(-e_{i,t}, 0)` and deficits :math:`D_t = \sum_i \max(e_{i,t}, 0)` at their meters:

* self-consumption :math:`(\sum G - \sum S) / \sum G`
* self-sufficiency :math:`(\sum C - \sum B) / \sum C`
* energy sharing ratio :math:`\sum \min(E_t, D_t) / \sum E_t`: the part of what members feed in that other members use at the same time
* cost reduction :math:`(K_0 - K) / K_0` with the cost :math:`K_0` it is compared with

A ratio without denominator is NaN. Weights count intervals that stand for several (representative days).

Sources: SUC01.1, SUC02.1 (names; no formulas are given there); self-consumption and self-sufficiency: Luthander, Widen, Nilsson, Palm:
"Photovoltaic self-consumption in buildings: a review", Applied Energy 142 (2015) 80-94; the sharing ratio is this project's definition.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]


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
