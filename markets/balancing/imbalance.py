r"""Imbalance of balance responsible parties, and why an activated provider's party is neutral.

.. math:: \text{imbalance} = \text{allocated} - \text{position} - \text{adjustment}

Injection counts above 0; a negative imbalance is a shortage. The adjustment is the balancing energy that a transmission system operator (or a
distribution system operator, where its activations count alike) had activated in the party's perimeter: what a provider delivered to order is nobody's
imbalance, what it did not deliver is its party's.

Single pricing: an imbalance is settled at one price an imbalance settlement period, whichever its sign. In a period in which the system was short the
price is at least the weighted average price of activated upward energy, in one in which it was long at most that of downward energy.

Source: Commission Regulation (EU) 2017/2195 (EB GL), articles 45, 49, 54, 55.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64


class Settled(NamedTuple):
    """Imbalances and what they cost, both of the shape of the input.

    Attributes:
        imbalance_kwh: above 0: surplus.
        paid_eur: what the party pays to the transmission system operator; below 0: receives.
    """

    imbalance_kwh: F64
    paid_eur: F64


def imbalance_kwh(allocated_kwh: ArrayLike, position_kwh: ArrayLike, adjustment_kwh: ArrayLike) -> F64:
    """Imbalance of each party and period, any one shape."""
    allocated, position, adjustment = (
        np.asarray(one, np.float64) for one in (allocated_kwh, position_kwh, adjustment_kwh)
    )
    return np.asarray(allocated - position - adjustment)


def imbalance_price(
    up_kwh: ArrayLike,
    up_eur_per_kwh: ArrayLike,
    down_kwh: ArrayLike,
    down_eur_per_kwh: ArrayLike,
    otherwise_eur_per_kwh: float,
) -> float:
    """Price of one period: the weighted average price of the direction that prevailed, the stated price where nothing was activated.

    Args:
        up_kwh: activated upward energy of each provider, at least 0, (n,).
        up_eur_per_kwh: what the operator pays for it, (n,).
        down_kwh: activated downward energy, at least 0, (m,).
        down_eur_per_kwh: what the provider pays for the energy that it keeps; below 0: the operator pays it, (m,).
        otherwise_eur_per_kwh: value of avoided activation.
    """
    up, down = np.asarray(up_kwh, np.float64), np.asarray(down_kwh, np.float64)
    if up.sum() == down.sum():
        return otherwise_eur_per_kwh
    energy, price = (up, up_eur_per_kwh) if up.sum() > down.sum() else (down, down_eur_per_kwh)
    return float((energy * np.asarray(price, np.float64)).sum() / energy.sum())


def activation_prices(change_kwh: ArrayLike, premium_eur_per_kwh: ArrayLike, value_eur_per_kwh: ArrayLike) -> F64:
    """Imbalance price of each period from all activations, (T,): ``imbalance_price`` for energies that are paid beyond their day-ahead value.

    Args:
        change_kwh: activated energy, upward above 0, (n, T).
        premium_eur_per_kwh: what is paid for the change beyond the value of the energy, (n, T).
        value_eur_per_kwh: day-ahead value of the energy, and price where nothing or as much in both directions was activated, (T,).
    """
    change, premium = np.atleast_2d(change_kwh), np.atleast_2d(premium_eur_per_kwh)
    value = np.asarray(value_eur_per_kwh, np.float64)
    up, down = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    total_up, total_down = up.sum(axis=0), down.sum(axis=0)
    short, long = total_up > total_down, total_down > total_up
    paid_up = np.divide((up * premium).sum(axis=0), total_up, out=np.zeros_like(total_up), where=short)
    paid_down = np.divide((down * premium).sum(axis=0), total_down, out=np.zeros_like(total_down), where=long)
    return np.asarray(value + paid_up - paid_down)


def settle(
    allocated_kwh: ArrayLike, position_kwh: ArrayLike, adjustment_kwh: ArrayLike, price_eur_per_kwh: ArrayLike
) -> Settled:
    """Imbalance and payment of each party and period: a shortage pays at a price above 0, a surplus receives (article 55).

    Args:
        allocated_kwh: metered, injection above 0.
        position_kwh: final position.
        adjustment_kwh: activated balancing energy, upward above 0.
        price_eur_per_kwh: of the period, broadcast to the others' shape.
    """
    imbalance = imbalance_kwh(allocated_kwh, position_kwh, adjustment_kwh)
    return Settled(imbalance, -imbalance * np.asarray(price_eur_per_kwh, np.float64) + 0.0)
