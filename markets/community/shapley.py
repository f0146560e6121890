r"""Shapley value: each member gets what it adds to a coalition, the mean over all orders in which they could come together.

With the saving :math:`v(S) = \sum_{i \in S} a_i - c(S)` of a coalition against its members apart:

.. math:: \phi_i = \sum_{S \not\ni i} \frac{|S|!\,(n - |S| - 1)!}{n!} \left(v(S \cup i) - v(S)\right)

Exact, by all :math:`2^n` coalitions, so for small communities only: a reference that simpler rules are compared with.

Source: Shapley, "A value for n-person games", Contributions to the Theory of Games II (1953) 307-317.
"""

from collections.abc import Callable
from math import factorial

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64
from markets.community.exchange import cost_eur

MOST_MEMBERS = 12
"""Of which all coalitions are worked out."""


def shapley(saving: Callable[[tuple[int, ...]], float], n: int) -> F64:
    """Value of each member, (n,); they sum to the saving of all.

    Args:
        saving: of a coalition, given as rising positions; of nobody it is 0.
        n: number of members.

    Raises:
        ValueError: there are more members than can be worked out.
    """
    if n > MOST_MEMBERS:
        msg = f"the Shapley value of {n} members needs {2**n} coalitions; it is worked out for up to {MOST_MEMBERS}"
        raise ValueError(msg)
    values = np.array([saving(_of(mask, n)) if mask else 0.0 for mask in range(2**n)])
    size = np.array([mask.bit_count() for mask in range(2**n)])
    weight = np.array([factorial(k) * factorial(max(n - k - 1, 0)) / factorial(n) for k in range(n + 1)])
    found = np.zeros(n)
    for member in range(n):
        without = np.flatnonzero((np.arange(2**n) >> member & 1) == 0)
        found[member] = (weight[size[without]] * (values[without | 1 << member] - values[without])).sum()
    return found


def _of(mask: int, n: int) -> tuple[int, ...]:
    return tuple(member for member in range(n) if mask >> member & 1)


def of_net_loads(
    net_kwh: ArrayLike, buy_eur_per_kwh: ArrayLike, sell_eur_per_kwh: ArrayLike, share_eur_per_kwh: ArrayLike = 0.0
) -> F64:
    """Value of each member where net loads (n, T) stand and coalitions exchange at least cost, (n,) [EUR].

    Args:
        net_kwh: net load at the meter.
        buy_eur_per_kwh: of each member's retailer, (n, T) or broadcast to it.
        sell_eur_per_kwh: likewise.
        share_eur_per_kwh: grid tariff of shared energy.
    """
    net = np.asarray(net_kwh, np.float64)
    prices = [
        np.broadcast_to(np.asarray(one, np.float64), net.shape)
        for one in (buy_eur_per_kwh, sell_eur_per_kwh, share_eur_per_kwh)
    ]
    alone = np.array([cost_eur(net[[k]], *(one[[k]] for one in prices)) for k in range(len(net))])

    def saving(members: tuple[int, ...]) -> float:
        rows = np.array(members)
        return float(alone[rows].sum()) - cost_eur(net[rows], *(one[rows] for one in prices))

    return shapley(saving, len(net))
